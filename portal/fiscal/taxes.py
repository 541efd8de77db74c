"""Tax inside a price, and the one rounding rule: half a minor unit goes up.

Rates are hundredths of a per cent. Everything is a whole number; nothing is ever divided into a fraction.
"""


def round_half_up(numerator: int, denominator: int) -> int:
    """A quotient of whole numbers, rounded to the nearest; a half goes away from zero. Returns and takes int only."""
    if numerator < 0:
        return -round_half_up(-numerator, denominator)
    return (2 * numerator + denominator) // (2 * denominator)


def tax_inside(sum_minor: int, rate: int | None) -> int:
    """The tax that a sum with tax contains: sum × rate ÷ (100 % + rate). No rate, no tax."""
    if not rate:
        return 0
    return round_half_up(sum_minor * rate, 10_000 + rate)


def line_sum(price_minor: int, quantity_milli: int, discount_minor: int = 0, markup_minor: int = 0) -> int:
    """What a line costs: price × quantity rounded once, then less discount, plus markup."""
    return round_half_up(price_minor * quantity_milli, 1000) - discount_minor + markup_minor
