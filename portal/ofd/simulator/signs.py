"""Where an operator shows a receipt: the address in the QR code, by operator of Kazakhstan."""

from datetime import datetime
from types import MappingProxyType
from typing import Final

from portal.ofd.simulator.reading import ZONE
from portal.primitives.money import plain

ADDRESSES: Final = MappingProxyType(
    {
        "kazakhtelecom": "https://consumer.oofd.kz/",
        "transtelecom": "https://ofd1.kz/t/",
        "jusan": "https://consumer.kofd.kz",
        "smartcontract": "https://consumer.wofd.kz",
    }
)


def link(operator: str, *, sign: str, rnm: str, total_minor: int, at: datetime) -> str:
    """The address that shows a receipt: its sign, the register's number, the total and the time on the register's clock."""
    base = ADDRESSES.get(operator, ADDRESSES["kazakhtelecom"])
    local = at.astimezone(ZONE)
    return f"{base}?i={sign}&f={rnm}&s={plain(total_minor)}&t={local:%Y%m%dT%H%M%S}"
