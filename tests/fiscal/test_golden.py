"""Published receipts and reports, issued by the engine to the last tiyn.

The figures are those of the published samples of Webkassa's check request and report, of its manual's sample receipt and of
receipts of 2026; none of them was worked out here.
"""

from datetime import UTC, datetime, timedelta

import pytest

from portal.fiscal.commands import BasketLine, Change, ModifierUnit, ReceiptModifier, RoundingMode
from portal.fiscal.documents import Document, Payments
from portal.fiscal.reports import control_sum, fold_shift, start_after
from portal.fiscal.taxes import tax_inside
from tests.fiscal.tills import Till, goods, kazakh_till, off

IN_2025 = datetime(2025, 6, 2, 5, tzinfo=UTC)
IN_2026 = datetime(2026, 6, 2, 5, tzinfo=UTC)


def till_of(moment: datetime, **settings: object) -> Till:
    till = kazakh_till(are_both_modifiers_allowed=True, **settings)
    till.now = moment
    return till


def tax_of(document: Document) -> int:
    """The tax of a receipt: of its lines, less that of its discounts, with that of its markups."""
    tax = sum(line.tax_minor for line in document.lines)
    for modifier in document.modifiers:
        inside = sum(share.tax_minor for share in modifier.shares)
        tax += inside if modifier.markup else -inside
    return tax


def test_sample_a_with_a_discount_and_a_markup_of_the_whole_receipt() -> None:
    till = till_of(IN_2025)
    sold = till.receipt(
        goods(50_000),
        goods(200_000, 10_000, discount=off(100_000)),
        modifiers=(
            ReceiptModifier(change=off(15_000), name="Скидка", tax_rate=1_200),
            ReceiptModifier(change=off(15_000), name="Наценка", is_markup=True, tax_rate=1_200),
        ),
        payments=Payments(card_minor=1_850_000, cash_minor=100_000),
    )
    assert [line.tax_minor for line in sold.lines] == [5_357, 203_571]
    assert [line.sum_minor for line in sold.lines] == [50_000, 1_900_000]
    assert (sold.total_minor, sold.change_minor, tax_of(sold)) == (1_950_000, 0, 208_928)


def test_sample_b_with_untaxed_goods_and_change() -> None:
    till = till_of(IN_2025)
    sold = till.receipt(
        goods(50_000, discount=off(7_100), markup=off(12_900)),
        goods(200_000, 10_000, discount=off(100_000), is_untaxed=True),
        modifiers=(
            ReceiptModifier(change=off(48_500), is_markup=True, tax_rate=1_200),
            ReceiptModifier(change=off(95_800), tax_rate=1_200),
        ),
        payments=Payments(card_minor=1_823_500, cash_minor=100_000),
    )
    assert [line.tax_minor for line in sold.lines] == [5_979, 0]
    markup, discount = sold.modifiers
    assert (markup.shares[0].tax_minor, discount.shares[0].tax_minor) == (5_196, 10_264)
    assert (sold.total_minor, sold.change_minor) == (1_908_500, 15_000)
    assert tax_of(sold) == 5_979 + 5_196 - 10_264


def test_the_receipt_of_the_manual() -> None:
    till = till_of(datetime(2020, 1, 17, 6, 17, 35, tzinfo=UTC))
    sold = till.receipt(
        goods(26_500, 2_000, name="Молоко", is_untaxed=True),
        goods(55_000, name="Мука", is_untaxed=True),
        goods(500_000, 3_000, name="Торт Наполеон", discount=off(150_000)),
        payments=Payments(cash_minor=200_000, card_minor=1_300_000),
    )
    assert [line.sum_minor for line in sold.lines] == [53_000, 55_000, 1_350_000]
    assert [line.tax_minor for line in sold.lines] == [0, 0, 144_643]
    # The manual prints a total of 14 500 under lines that come to 14 580, and the change of 14 580.
    assert (sold.total_minor, sold.change_minor) == (1_458_000, 42_000)


@pytest.mark.parametrize(
    ("moment", "sum_minor", "tax_minor"),
    [
        (IN_2025, 50_000, 5_357),
        (IN_2026, 50_000, 6_897),
        (IN_2026, 75_000, 10_345),
        (datetime(2025, 12, 31, 18, 59, 59, tzinfo=UTC), 50_000, 5_357),
        (datetime(2025, 12, 31, 19, 0, 0, tzinfo=UTC), 50_000, 6_897),
    ],
)
def test_the_rate_is_that_of_the_day_in_kazakhstan(moment: datetime, sum_minor: int, tax_minor: int) -> None:
    sold = till_of(moment).sell(sum_minor)
    assert sold.lines[0].tax_minor == tax_minor
    assert tax_inside(sum_minor, sold.lines[0].tax_rate) == tax_minor


@pytest.mark.parametrize(
    ("price_minor", "total_minor"), [(12_349, 12_300), (12_350, 12_400), (49, 0), (50, 100)]
)
def test_cash_is_paid_in_whole_tenge_and_cards_to_the_tiyn(price_minor: int, total_minor: int) -> None:
    till = till_of(IN_2026)
    in_cash = till.sell(price_minor)
    assert (in_cash.total_minor, in_cash.rounding_minor) == (total_minor, total_minor - price_minor)
    assert till.sell(price_minor, card_minor=price_minor).total_minor == price_minor


def test_rounding_of_positions_and_of_the_total_differ_as_published() -> None:
    lines = (goods(10_040), goods(10_040), goods(10_040))
    totals = {
        mode: till_of(IN_2026, rounding=mode).receipt(*lines, payments=Payments(card_minor=paid)).total_minor
        for mode, paid in (
            (RoundingMode.NONE, 30_120),
            (RoundingMode.POSITIONS, 30_000),
            (RoundingMode.TOTAL, 30_100),
        )
    }
    assert totals == {RoundingMode.NONE: 30_120, RoundingMode.POSITIONS: 30_000, RoundingMode.TOTAL: 30_100}


# What published reports show of counters.


def test_payments_are_net_of_change_and_what_was_taken_less_the_change_is_their_sum() -> None:
    till = till_of(IN_2026)
    till.sell(937_300, cash_minor=990_800)
    till.sell(297_654, card_minor=297_654)
    report = till.x_report().report
    assert report is not None
    sale = report.operations[0]
    # 12 885.03 − 535.34 = 9 373.15 + 2 976.54 in the published report; here in whole tenge of cash.
    assert (sale.cash_minor, sale.card_minor) == (937_300, 297_654)
    assert sale.change_minor == 53_500
    assert sale.taken_minor == 990_800 + 297_654
    assert sale.taken_minor - sale.change_minor == sale.cash_minor + sale.card_minor


def test_cash_is_carried_over_and_sums_of_life_only_grow() -> None:
    till = till_of(IN_2026)
    start, cash = None, []
    for earned in (200_000, 50_000, 50_000):
        till.sell(earned)
        closed = till.close()
        report = closed.report
        assert report is not None
        cash.append(report.cash_minor)
        sale = report.operations[0]
        assert sale.non_nullable_minor == sale.start_non_nullable_minor + sale.sum_minor
        shift = [document for document in till.documents if document.shift == closed.shift]
        assert fold_shift(shift, till.dialect, start=start) == report
        start = start_after(report)
        till.later(hours=8)
    assert cash == [200_000, 250_000, 300_000]
    assert sale.life_count == 3
    assert sale.count == 1


def test_document_numbers_run_on_and_ordinals_begin_anew() -> None:
    """Three shifts of 6 receipts, 2 movements and a Z; of 1 and a Z; of 1, an X and a Z: the fourth begins with 15."""
    till = till_of(IN_2026)
    for count, movements, reports in ((6, 2, 0), (1, 0, 0), (1, 0, 1)):
        for _ in range(count):
            till.sell(10_000)
        for _ in range(movements):
            till.cash(1_000)
        for _ in range(reports):
            till.x_report()
        closed = till.close()
        assert closed.ordinal == count + reports + 1, "movements of cash have ordinals of their own"
        till.later(hours=1)
    fourth = till.sell(10_000)
    assert (fourth.number, fourth.shift, fourth.ordinal) == (15, 4, 1)


def test_revenue_of_a_report_is_that_of_the_published_report_by_sections() -> None:
    till = till_of(IN_2026, may_purchase=True)
    till.sell(16_284_800)
    till.refund(till.sell(2_000_000))
    till.receipt(goods(50_000), kind="purchase")
    till.refund(till.receipt(goods(1_950_000), kind="purchase"))
    report = till.x_report().report
    assert report is not None
    sums = tuple(each.sum_minor for each in report.operations)
    assert sums == (18_284_800, 2_000_000, 2_000_000, 1_950_000)
    assert report.revenue_minor == 16_234_800


def test_a_checksum_is_eight_digits_and_a_positive_number_of_32_bits() -> None:
    till = till_of(IN_2026)
    till.sell(10_000)
    report = till.close().report
    assert report is not None
    assert report.checksum is not None
    assert len(report.checksum) == 8
    assert 0 < control_sum(report.checksum) < 2**31
    assert all(0 < control_sum(stated) < 2**31 for stated in ("00000000", "7FFFFFFF", "FFFFFFFF"))


def test_a_basket_of_the_manual_with_strikes_comes_to_what_is_left() -> None:
    """Positions, a struck one, a struck markup, discounts and markups in sums, as the manual's basket shows them."""
    till = till_of(IN_2025)
    sold = till.receipt(
        BasketLine(name="Позиция 1", price_minor=10_000, quantity_milli=1_000, discount=off(500)),
        BasketLine(
            name="Позиция 2",
            price_minor=30_000,
            quantity_milli=2_000,
            markup=off(5_000),
            is_markup_struck=True,
        ),
        BasketLine(name="Позиция 3", price_minor=48_000, quantity_milli=3_200, is_struck=True),
        BasketLine(name="Позиция 4", price_minor=25_000, quantity_milli=1_000, markup=off(7_000)),
        BasketLine(name="Позиция 5", price_minor=26_000, quantity_milli=2_470, discount=off(6_420)),
        BasketLine(name="Позиция 6", price_minor=50_000, quantity_milli=3_852),
    )
    assert [line.sum_minor for line in sold.lines] == [9_500, 60_000, 32_000, 57_800, 192_600]
    assert [(storno.place, storno.markup_minor, storno.line is not None) for storno in sold.stornos] == [
        (2, 5_000, False),
        (3, 0, True),
    ]
    assert sold.stornos[1].line is not None
    assert sold.stornos[1].line.sum_minor == 153_600
    assert sold.total_minor == 351_900


def test_shares_of_the_manual_are_of_the_line_before_its_modifiers() -> None:
    till = kazakh_till(modifier_unit=ModifierUnit.PERCENT)
    till.now = IN_2025 + timedelta(days=1)
    sold = till.receipt(
        goods(10_000, discount=Change(share=500)), goods(26_000, 2_470, discount=Change(share=1_000))
    )
    assert [line.discount_minor for line in sold.lines] == [500, 6_422]
