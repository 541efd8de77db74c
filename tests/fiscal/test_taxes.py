"""Tax inside a price, against published receipts and against exact fractions."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.fiscal.documents import SUM_MAX
from portal.fiscal.taxes import line_sum, tax_inside
from tests.fiscal.samples import manual_receipt


@pytest.mark.parametrize(
    ("sum_minor", "rate", "tax_minor"),
    [
        # Published samples of Kazakhstan at 12 and at 16 per cent.
        (50_000, 1200, 5_357),
        (1_900_000, 1200, 203_571),
        (15_000, 1200, 1_607),
        (95_800, 1200, 10_264),
        (48_500, 1200, 5_196),
        (1_350_000, 1200, 144_643),
        (50_000, 1600, 6_897),
        (75_000, 1600, 10_345),
        # Belarus.
        (12_000, 2000, 2_000),
        (11_000, 1000, 1_000),
        (12_500, 2500, 2_500),
        # The halves go up: 3 × 0.2 / 1.2 is exactly 0.5.
        (3, 2000, 1),
        (2, 2000, 0),
        (0, 2000, 0),
        (12_000, 0, 0),
        (12_000, None, 0),
    ],
)
def test_finds_the_tax_inside_a_sum(sum_minor: int, rate: int | None, tax_minor: int) -> None:
    assert tax_inside(sum_minor, rate) == tax_minor


def test_sample_a_of_the_published_ones() -> None:
    """1 × 500 and 10 × 2000 − 1000, less 150 and plus 150 on the receipt."""
    lines = [line_sum(50_000, 1000), line_sum(200_000, 10_000, discount_minor=100_000)]
    taxes = [tax_inside(sum_minor, 1200) for sum_minor in lines]
    assert sum(lines) - 15_000 + 15_000 == 1_950_000
    assert sum(taxes) - tax_inside(15_000, 1200) + tax_inside(15_000, 1200) == 208_928


def test_sample_b_of_the_published_ones() -> None:
    """1 × 500 − 71 + 129 and 19 000 without tax, less 958 and plus 485 on the receipt; 150 is given back."""
    first, second = line_sum(50_000, 1000, 7_100, 12_900), line_sum(1_900_000, 1000)
    assert tax_inside(first, 1200) == 5_979
    total = first + second - 95_800 + 48_500
    assert total == 1_908_500
    assert 1_823_500 + 100_000 - total == 15_000


def test_the_sample_receipt_of_the_manual_is_14_580() -> None:
    document = manual_receipt()
    assert [line.sum_minor for line in document.lines] == [53_000, 55_000, 1_350_000]
    assert sum(line.sum_minor for line in document.lines) == document.total_minor == 1_458_000
    assert [line.tax_minor for line in document.lines] == [0, 0, 144_643]


@given(st.integers(0, SUM_MAX), st.integers(1, 10_000))
def test_is_the_exact_share_rounded_half_up(sum_minor: int, rate: int) -> None:
    exact = Fraction(sum_minor * rate, 10_000 + rate)
    tax = tax_inside(sum_minor, rate)
    assert Fraction(-1, 2) <= exact - tax < Fraction(1, 2)
    assert 0 <= tax <= sum_minor


@given(st.integers(0, SUM_MAX), st.integers(0, 10_000))
def test_tax_never_falls_when_the_sum_grows(sum_minor: int, rate: int) -> None:
    assert tax_inside(sum_minor, rate) <= tax_inside(sum_minor + 1, rate) <= tax_inside(sum_minor, rate) + 1


def test_a_line_is_rounded_once_and_only_then_discounted() -> None:
    assert line_sum(4590, 350) == 1607
    assert line_sum(1, 500, discount_minor=1) == 0
    assert line_sum(100, 1000, markup_minor=3) == 103
