"""A quantity is a whole number of thousandths: 1 piece is 1000, 0.350 kg is 350."""

import re
from typing import Final

from portal.primitives.money import round_half_up, whole

MILLI_IN_ONE: Final = 1000
# A million of anything; a document's own bound is the same number.
MILLI_MAX: Final = 1_000_000_000

_TYPED = re.compile(r"([0-9]{1,7})(?:[.,]([0-9]{1,3}))?")


def parse_quantity(text: str) -> int | None:
    """A quantity as people type it: `2`, `0,35`, `1.250`. None for nothing, nought or what is no quantity."""
    typed = _TYPED.fullmatch(text.strip())
    if typed is None:
        return None
    ones, rest = typed.groups(default="")
    milli = int(ones) * MILLI_IN_ONE + int(rest.ljust(3, "0"))
    return milli if 0 < milli <= MILLI_MAX else None


def plain(milli: int) -> str:
    """A quantity for machines: `2`, `0.35`, `1.25`; no noughts at the end."""
    sign = "-" if milli < 0 else ""
    ones, rest = divmod(abs(whole(milli, "thousandths")), MILLI_IN_ONE)
    decimals = f"{rest:03d}".rstrip("0")
    return f"{sign}{ones}.{decimals}" if decimals else f"{sign}{ones}"


def cost_minor(price_minor: int, quantity_milli: int) -> int:
    """Price × quantity in minor units, rounded once, half up."""
    return round_half_up(whole(price_minor, "a price") * whole(quantity_milli, "a quantity"), MILLI_IN_ONE)
