"""Tax inside a price, and the sums of a line, by the one rounding rule: half a minor unit goes up.

Rates are hundredths of a per cent. Everything is a whole number; nothing is ever divided into a fraction.
"""

from portal.primitives.money import round_half_up
from portal.primitives.quantity import cost_minor


def tax_inside(sum_minor: int, rate: int | None) -> int:
    """The tax that a sum with tax contains: sum × rate ÷ (100 % + rate). No rate, no tax."""
    if not rate:
        return 0
    return round_half_up(sum_minor * rate, 10_000 + rate)


def line_sum(price_minor: int, quantity_milli: int, discount_minor: int = 0, markup_minor: int = 0) -> int:
    """What a line costs: price × quantity rounded once, then less discount, plus markup."""
    return cost_minor(price_minor, quantity_milli) - discount_minor + markup_minor
