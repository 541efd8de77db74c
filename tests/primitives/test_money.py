"""Money is a whole number of minor units, and nothing else can become money."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.primitives.money import MINOR_MAX, Money, parse_minor, plain, round_half_up, share_out

minors = st.integers(-MINOR_MAX, MINOR_MAX)


@pytest.mark.parametrize("value", [1.5, 1.0, "1", True, None, Decimal(1)])
def test_refuses_to_be_made_of_anything_but_a_whole_number(value: Any) -> None:
    with pytest.raises(TypeError):
        Money(value, "BYN")


@pytest.mark.parametrize("currency", ["", "byn", "BY", "BYNN", "BYN\n"])
def test_refuses_a_currency_that_is_no_code(currency: str) -> None:
    with pytest.raises(ValueError, match="no currency"):
        Money(1, currency)


def test_adds_subtracts_and_compares_in_one_currency() -> None:
    five, three = Money(500, "BYN"), Money(300, "BYN")
    assert five + three == Money(800, "BYN")
    assert three - five == Money(-200, "BYN") == -(five - three)
    assert three < five
    assert three <= three
    assert not five < three
    assert Money(1, "BYN")
    assert not Money(0, "BYN")


def test_never_adds_or_compares_two_currencies() -> None:
    rouble, tenge = Money(100, "BYN"), Money(100, "KZT")
    for unheard_of in (lambda: rouble + tenge, lambda: rouble - tenge, lambda: rouble < tenge):
        with pytest.raises(ValueError, match="never added"):
            unheard_of()
    assert rouble != tenge


def test_does_not_go_with_bare_numbers() -> None:
    bare: Any = 5
    with pytest.raises(TypeError, match="money goes with money"):
        Money(100, "BYN") + bare


@pytest.mark.parametrize(
    ("numerator", "denominator", "quotient"),
    [
        (0, 3, 0),
        (1, 2, 1),
        (-1, 2, -1),
        (49, 100, 0),
        (50, 100, 1),
        (149, 100, 1),
        (150, 100, 2),
        (-149, 100, -1),
    ],
)
def test_rounds_half_up(numerator: int, denominator: int, quotient: int) -> None:
    assert round_half_up(numerator, denominator) == quotient


@given(st.integers(-(10**24), 10**24), st.integers(1, 10**9))
def test_rounds_as_decimal_arithmetic_does(numerator: int, denominator: int) -> None:
    # An independent way: the sign apart, the remainder against half of the divisor.
    whole, rest = divmod(abs(numerator), denominator)
    expected = whole + (1 if rest * 2 >= denominator else 0)
    assert round_half_up(numerator, denominator) == (expected if numerator >= 0 else -expected)


@given(st.integers(-(10**12), 10**12))
def test_rounds_thousandths_as_decimal_does(numerator: int) -> None:
    exact = (Decimal(numerator) / 1000).quantize(Decimal(1), ROUND_HALF_UP)
    assert round_half_up(numerator, 1000) == int(exact)


@given(minors)
def test_what_is_written_plainly_is_read_back(minor: int) -> None:
    written = plain(minor)
    assert Decimal(written) * 100 == minor
    assert parse_minor(written) == (minor if minor >= 0 else None)


@pytest.mark.parametrize(("minor", "text"), [(0, "0.00"), (5, "0.05"), (-5, "-0.05"), (123450, "1234.50")])
def test_writes_a_sum_for_machines(minor: int, text: str) -> None:
    assert plain(minor) == text


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("7", 700),
        ("7,5", 750),
        ("7.05", 705),
        (" 12 480,50 ", 1_248_050),
        ("12\u00a0480,50", 1_248_050),
        ("12\u202f480,50", 1_248_050),
        ("1'000", 100_000),
        ("100000000000", MINOR_MAX),
    ],
)
def test_reads_sums_as_people_type_them(text: str, minor: int) -> None:
    assert parse_minor(text) == minor


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        ",5",
        "5,",
        "1.2.3",
        "1,234",
        "-5",
        "+5",
        "1e3",
        "٣",
        "١٢٫٥",
        "NaN",
        "12 BYN",
        "100000000000.01",
    ],
)
def test_refuses_what_is_no_sum(text: str) -> None:
    assert parse_minor(text) is None


@given(minors, st.lists(st.integers(0, 10**12), min_size=1, max_size=30))
def test_parts_of_a_sum_add_up_to_it_and_are_fair(total: int, weights: list[int]) -> None:
    parts = share_out(total, weights)
    assert sum(parts) == total
    assert len(parts) == len(weights)
    if any(weights):
        for part, weight in zip(parts, weights, strict=True):
            assert abs(part * sum(weights) - total * weight) <= sum(weights)


def test_shares_a_sum_to_the_last_unit() -> None:
    assert share_out(100, [1, 1, 1]) == [33, 34, 33]
    assert share_out(7, [0, 0]) == [7, 0]


def test_refuses_to_share_among_nobody_or_by_less_than_nothing() -> None:
    with pytest.raises(ValueError, match="among nobody"):
        share_out(1, [])
    with pytest.raises(ValueError, match="negative"):
        share_out(1, [2, -1])
