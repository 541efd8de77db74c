"""Founding organisations, opening points, and giving people a place in them."""

from datetime import datetime
from zoneinfo import ZoneInfoNotFoundError

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal import audit
from portal.db import speak_for
from portal.orgs.access import ROLES
from portal.orgs.models import Membership, Organisation, Point
from portal.primitives.identifiers import parse_tax_id
from portal.primitives.period import zone_of
from portal.primitives.refusals import BadInput, NotFound, Refusal

CURRENCIES = {"by": "BYN", "kz": "KZT"}


class TaxIdUnfit(Refusal):
    """The taxpayer number cannot be right. Facts: `tax_id`, `country`."""

    code = "orgs.tax_id_unfit"


class TaxIdTaken(Refusal):
    """The taxpayer is known already. Facts: `tax_id`."""

    code = "orgs.tax_id_taken"
    status = 409


class ZoneUnknown(Refusal):
    """There is no such time zone. Facts: `zone`."""

    code = "orgs.zone_unknown"


def create_organisation(
    session: Session, *, name: str, country: str, tax_id: str, at: datetime, by: int | None = None
) -> Organisation:
    """Found an organisation; from here on the session speaks for it."""
    if country not in CURRENCIES:
        raise BadInput(field="country", value=country)
    number = parse_tax_id(tax_id, country)
    if number is None:
        raise TaxIdUnfit(tax_id=tax_id, country=country)
    # The wall lets a session write only the organisation it speaks for, so its id has to be known before.
    organisation_id = session.scalar(select(func.nextval(func.pg_get_serial_sequence("organisation", "id"))))
    speak_for(session, organisation_id, by)
    founded = session.execute(
        insert(Organisation)
        .values(id=organisation_id, country=country, tax_id=number, name=name, currency=CURRENCIES[country])
        .on_conflict_do_nothing()
        .returning(Organisation)
    ).scalar_one_or_none()
    if founded is None:
        raise TaxIdTaken(tax_id=number)
    after = {"name": name, "country": country, "tax_id": number}
    audit.record(
        session,
        founded.id,
        "orgs.create",
        f"organisation:{founded.id}",
        at=at,
        person_id=by,
        after=after,
    )
    session.flush()
    return founded


def add_point(
    session: Session,
    organisation_id: int,
    *,
    name: str,
    zone: str,
    at: datetime,
    address: str = "",
    day_starts_hour: int = 0,
    by: int | None = None,
) -> Point:
    """Open a trading point, in its own time zone and with its own start of the day."""
    try:
        zone_of(zone)
    except ZoneInfoNotFoundError as error:
        raise ZoneUnknown(zone=zone) from error
    if not 0 <= day_starts_hour <= 12:
        raise BadInput(field="day_starts_hour", value=day_starts_hour)
    point = Point(
        organisation_id=organisation_id,
        name=name,
        address=address,
        zone=zone,
        day_starts_hour=day_starts_hour,
    )
    session.add(point)
    session.flush()
    after = {"name": name, "address": address, "zone": zone, "day_starts_hour": day_starts_hour}
    audit.record(
        session, organisation_id, "orgs.add_point", f"point:{point.id}", at=at, person_id=by, after=after
    )
    session.flush()
    return point


def set_membership(
    session: Session,
    organisation_id: int,
    person_id: int,
    *,
    role: str,
    at: datetime,
    point_ids: tuple[int, ...] | None = None,
    by: int | None = None,
) -> None:
    """Give a person a role in an organisation, over some points or all; or give another one."""
    if role not in ROLES:
        raise BadInput(field="role", value=role)
    if point_ids is not None:
        known = set(
            session.scalars(
                select(Point.id).where(Point.organisation_id == organisation_id, Point.id.in_(point_ids))
            )
        )
        if known != set(point_ids):
            raise NotFound
    membership = session.get(Membership, (organisation_id, person_id))
    before = None if membership is None else _as_facts(membership)
    points = None if point_ids is None else sorted(point_ids)
    if membership is None:
        membership = Membership(
            organisation_id=organisation_id, person_id=person_id, role=role, point_ids=points
        )
        session.add(membership)
    else:
        membership.role, membership.point_ids = role, points
    session.flush()
    after = _as_facts(membership)
    if before == after:
        return
    audit.record(
        session,
        organisation_id,
        "orgs.set_membership",
        f"person:{person_id}",
        at=at,
        person_id=by,
        before=before,
        after=after,
    )
    session.flush()


def _as_facts(membership: Membership) -> dict[str, object]:
    return {"role": membership.role, "point_ids": membership.point_ids}
