"""Quantities are whole thousandths."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.primitives.quantity import MILLI_MAX, cost_minor, parse_quantity, plain


@pytest.mark.parametrize(
    ("text", "milli"),
    [
        ("1", 1000),
        ("0,35", 350),
        ("1.250", 1250),
        ("0.001", 1),
        (" 2 ", 2000),
        ("999999.999", 999_999_999),
        ("1000000", MILLI_MAX),
    ],
)
def test_reads_quantities_as_people_type_them(text: str, milli: int) -> None:
    assert parse_quantity(text) == milli


@pytest.mark.parametrize(
    "text", ["", "0", "0,000", "-1", "1,2345", ".5", "5.", "1e3", "1000000.001", "10000000", "٣", "1 000"]
)
def test_refuses_what_is_no_quantity(text: str) -> None:
    assert parse_quantity(text) is None


@given(st.integers(1, MILLI_MAX))
def test_what_is_written_plainly_is_read_back(milli: int) -> None:
    assert parse_quantity(plain(milli)) == milli
    assert Decimal(plain(milli)) * 1000 == milli


@pytest.mark.parametrize(
    ("milli", "text"), [(1000, "1"), (1250, "1.25"), (1, "0.001"), (-500, "-0.5"), (0, "0")]
)
def test_writes_no_noughts_at_the_end(milli: int, text: str) -> None:
    assert plain(milli) == text


@given(st.integers(0, 10**15), st.integers(1, 10**12))
def test_costs_price_times_quantity_rounded_once_half_up(price: int, milli: int) -> None:
    with_decimals = Decimal(price * milli).scaleb(-3)
    # The largest product has 28 digits, as many as decimal arithmetic keeps.
    expected = with_decimals.to_integral_value(ROUND_HALF_UP)
    assert cost_minor(price, milli) == int(expected)


def test_half_a_kopeck_goes_up() -> None:
    assert cost_minor(1, 500) == 1
    assert cost_minor(1, 499) == 0


@pytest.mark.parametrize(("price", "milli"), [(1.0, 1000), (1, 1.5), (True, 1), ("1", 1)])
def test_refuses_floats(price: Any, milli: Any) -> None:
    with pytest.raises(TypeError):
        cost_minor(price, milli)
