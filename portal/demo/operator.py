"""The demo's registers and their operator: it learns where their streamed past has left them, and is lost now and then.

A register is put on record once, with its shift closed, before it issues its first document in the cloud; from then on
the operator counts for itself. Asking again changes nothing, so it is done at every start.
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from time import monotonic
from zlib import crc32

from portal.demo.people import Place
from portal.demo.takeover import company_of
from portal.fiscal.documents import OPERATIONS
from portal.fiscal.register import Register
from portal.journal.issuing import Standing, read_standing, set_operator
from portal.ofd.simulator.account import Opening
from portal.ofd.simulator.address import Address, Unreachable, put_on_record, read_address, switch_mischief

WAITS_S = 30.0
LOOKS_EVERY_S = 0.5


def opening_of(register: Register) -> Opening:
    """Where a register with a past stands, its shift closed, in the operator's words."""
    counters = register.counters
    operations = dict(zip(OPERATIONS, counters.operations, strict=True))
    return Opening(
        non_nullable_minor={name: operation.non_nullable_minor for name, operation in operations.items()},
        life_count={name: operation.life_count for name, operation in operations.items()},
        annulled_life_count=counters.annulled_life_count,
        cash_in_life_count=counters.cash_in.life_count,
        cash_minor=register.cash_minor,
        cash_out_life_count=counters.cash_out.life_count,
        last_issued_at=register.last_issued_at,
        number=register.number,
        shift=register.shift,
    )


def connect(place: Place, address: Address, *, at: datetime) -> Standing:
    """Put a register on the operator's record, unless it is; say where the operator listens. Raises `Unreachable`."""
    standing = read_standing(place.organisation_id, place.register_id)
    is_kazakh = place.shop.dialect.country == "kz"
    port = address.port if is_kazakh else address.belarus_port
    if (standing.operator_host, standing.operator_port) == (address.host, port):
        return standing
    device = _device_of(place) if is_kazakh else None
    token = crc32(place.stall.register.encode()) if standing.token is None else standing.token
    if not standing.is_connected:
        company = company_of(place.shop)
        put_on_record(
            address,
            device=place.stall.register if device is None else device,
            token=token if is_kazakh else 0,
            rnm=place.stall.registration_number,
            znm=place.stall.register,
            country=place.shop.dialect.country,
            title=company.name,
            tax_id=company.tax_id,
            place=place.shop.address,
            opening=opening_of(standing.register),
        )
    set_operator(
        place.organisation_id,
        place.register_id,
        host=address.host,
        port=port,
        device=device,
        token=token if is_kazakh else None,
        at=at,
    )
    return read_standing(place.organisation_id, place.register_id)


def find_operator(data: Path, pause: Callable[[float], None]) -> Address | None:
    """The operator of a data directory, which may be starting just now; None when it does not come up."""
    until = monotonic() + WAITS_S
    while monotonic() < until:
        address = read_address(data)
        if address is not None:
            return address
        pause(LOOKS_EVERY_S)
    return None


def connect_all(
    places: list[Place],
    data: Path,
    *,
    now: Callable[[], datetime],
    pause: Callable[[float], None],
    say: Callable[[str], None],
) -> None:
    """Connect every cloud till to the operator of this data directory. A till without it issues and waits for nobody."""
    cloud = [place for place in places if place.is_cloud]
    address = find_operator(data, pause) if cloud else None
    if address is None:
        if cloud:
            say("no operator runs here; the tills issue without one")
        return
    until = monotonic() + WAITS_S
    for place in cloud:
        while True:
            try:
                connect(place, address, at=now())
            except Unreachable as error:
                if monotonic() < until:
                    pause(LOOKS_EVERY_S)
                    # What stands there may be of the last time, while the operator is just starting at another port.
                    address = read_address(data) or address
                    continue
                say(f"{place.stall.register}: the operator does not take it on record ({error})")
            break


def lose_operator(place: Place, data: Path, *, for_s: float) -> bool:
    """Let the operator be deaf to one register for a while; False where no operator can be told."""
    address = read_address(data)
    if address is None:
        return False
    is_kazakh = place.shop.dialect.country == "kz"
    device = _device_of(place) if is_kazakh else place.stall.register
    try:
        switch_mischief(address, "silent", on=True, share=1.0, for_s=for_s, device=device)
    except Unreachable:
        return False
    return True


def _device_of(place: Place) -> int:
    """The operator's number of a register: the digits of its factory number."""
    return int("".join(filter(str.isdigit, place.stall.register)))
