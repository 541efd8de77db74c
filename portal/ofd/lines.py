"""A register's line to its operator: where it listens, which token comes next, and who speaks."""

from dataclasses import dataclass
from typing import Final

from portal.db import statements
from portal.journal.standing import NotACloudTill
from portal.ofd.gateway import Line, Registration
from portal.primitives.refusals import NotFound, Refusal

_READ: Final = """
select set_config('kassa.organisation', %(o)s::text, true);
select o.country, t.register_id is not null, t.operator_host, t.operator_port, coalesce(t.operator_device, 0), coalesce(t.token, 0),
    r.factory_number, coalesce(r.registration_number, ''), o.name, o.tax_id, p.address, p.name
from register r
join point p on p.organisation_id = r.organisation_id and p.id = r.point_id
join organisation o on o.id = r.organisation_id
left join cloud_till t on t.organisation_id = r.organisation_id and t.register_id = r.id
where r.organisation_id = %(o)s and r.id = %(r)s
"""


class NotConnected(Refusal):
    """The register has no operator yet. Facts: `register_id`."""

    code = "ofd.not_connected"
    status = 409


@dataclass(frozen=True, slots=True)
class CountryLine:
    """A line with the country whose gateway it needs."""

    country: str
    line: Line


def read_line(organisation_id: int, register_id: int) -> CountryLine:
    """The line as it is now. Its token changes with every answer, so whoever uses it holds the till.

    Refuses `NotConnected` and `NotACloudTill`.
    """
    found, is_cloud = _read(organisation_id, register_id)
    if not is_cloud:
        raise NotACloudTill(register_id=register_id)
    if not found.line.host:
        raise NotConnected(register_id=register_id)
    return found


def read_future_line(organisation_id: int, register_id: int) -> CountryLine:
    """The line of any register, connected or not: whoever connects it knows the rest. Refuses NotFound."""
    found, _ = _read(organisation_id, register_id)
    return found


def _read(organisation_id: int, register_id: int) -> tuple[CountryLine, bool]:
    with statements() as cursor:
        cursor.execute(_READ, {"o": organisation_id, "r": register_id})
        row = cursor.fetchone()
    if row is None:
        raise NotFound(thing="register", id=register_id)
    (
        country,
        is_cloud,
        host,
        port,
        device,
        token,
        factory,
        registration,
        organisation,
        tax_id,
        address,
        point,
    ) = row
    who = Registration(
        factory_number=factory,
        registration_number=registration,
        organisation=organisation,
        tax_id=tax_id,
        address=address,
        point=point,
    )
    return CountryLine(country, Line(host or "", port or 0, who, device=device, token=token)), is_cloud
