"""Money is a whole number of minor units: kopecks, tiyn.

Nothing here is ever a float and nothing formats for a reader; `portal.web.formats` does that. Two currencies are
never added.
"""

import re
from dataclasses import dataclass
from typing import Final, Self

MINOR_IN_MAJOR: Final = 100

# What a form may ask for; a document's own bound is `portal.fiscal.documents.SUM_MAX`, the same number.
MINOR_MAX: Final = 10_000_000_000_000

_TYPED = re.compile(r"([0-9]{1,15})(?:[.,]([0-9]{1,2}))?")
_SPACES: Final = {ord(space): None for space in (" ", "\u00a0", "\u202f", "\u2009", "'")}


def whole(value: object, what: str) -> int:
    """The value itself when it is a whole number; a float, a bool or a string is a mistake in the program."""
    if type(value) is not int:
        raise TypeError(f"{what} must be int, not {type(value).__name__}")
    return value


def round_half_up(numerator: int, denominator: int) -> int:
    """A quotient of whole numbers, rounded to the nearest; a half goes away from zero."""
    if numerator < 0:
        return -round_half_up(-numerator, denominator)
    return (2 * numerator + denominator) // (2 * denominator)


def plain(minor: int) -> str:
    """A sum for machines: `1234.50`, a point and always two decimals."""
    sign = "-" if minor < 0 else ""
    major, rest = divmod(abs(whole(minor, "minor units")), MINOR_IN_MAJOR)
    return f"{sign}{major}.{rest:02d}"


def parse_minor(text: str) -> int | None:
    """A sum as people type it: `12 480,5`, `12480.50`, `7`. None when it is no sum or too large to be one."""
    typed = _TYPED.fullmatch(text.strip().translate(_SPACES))
    if typed is None:
        return None
    major, rest = typed.groups(default="")
    minor = int(major) * MINOR_IN_MAJOR + int(rest.ljust(2, "0"))
    return minor if minor <= MINOR_MAX else None


def share_out(total_minor: int, weights: list[int]) -> list[int]:
    """A sum divided by weights to the last minor unit: the parts always add up to the whole.

    Every part is within one unit of its exact share. With no weight at all the first part takes everything.
    """
    if not weights:
        raise ValueError("a sum cannot be shared out among nobody")
    if any(weight < 0 for weight in weights):
        raise ValueError("a weight cannot be negative")
    heavy = sum(weights)
    if not heavy:
        return [total_minor] + [0] * (len(weights) - 1)
    parts, taken, weighed = [], 0, 0
    for weight in weights:
        weighed += weight
        until = round_half_up(total_minor * weighed, heavy)
        parts.append(until - taken)
        taken = until
    return parts


@dataclass(frozen=True, slots=True)
class Money:
    """A sum in a currency. It cannot be built of anything but a whole number of minor units."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        whole(self.minor, "minor units")
        if not re.fullmatch("[A-Z]{3}", self.currency):
            raise ValueError(f"no currency {self.currency!r}")

    def __add__(self, other: Self) -> Self:
        return type(self)(self.minor + self._same(other), self.currency)

    def __sub__(self, other: Self) -> Self:
        return type(self)(self.minor - self._same(other), self.currency)

    def __neg__(self) -> Self:
        return type(self)(-self.minor, self.currency)

    def __bool__(self) -> bool:
        return self.minor != 0

    def __lt__(self, other: Self) -> bool:
        return self.minor < self._same(other)

    def __le__(self, other: Self) -> bool:
        return self.minor <= self._same(other)

    def _same(self, other: Self) -> int:
        if not isinstance(other, Money):
            raise TypeError(f"money goes with money, not with {type(other).__name__}")
        if other.currency != self.currency:
            raise ValueError(f"{self.currency} and {other.currency} are never added or compared")
        return other.minor
