"""Reports in the operator's terms, and the figures two of them are compared by."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from portal.fiscal.documents import (
    Document,
    MovementTotals,
    OperationTotals,
    SectionTotals,
    ShiftReport,
    TaxTotals,
)
from portal.ofd.wire import v203_pb2 as v203
from portal.ofd.wire.figures import differences, figures, figures_of, zx_report
from portal.ofd.wire.values import minor_of, wall_time

OPENED = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
CLOSED = OPENED + timedelta(hours=9)

SALES = OperationTotals(
    card_count=1,
    card_minor=30_000,
    cash_count=2,
    cash_minor=61_000,
    change_minor=4000,
    count=3,
    discount_count=2,
    discount_minor=9000,
    item_count=5,
    item_minor=99_950,
    life_count=103,
    markup_count=1,
    markup_minor=50,
    non_nullable_minor=5_091_000,
    offline_count=1,
    operation="sale",
    start_non_nullable_minor=5_000_000,
    sum_minor=91_000,
    taken_minor=95_000,
    tax_minor=12_000,
)
REFUNDS = OperationTotals(
    cash_count=1,
    cash_minor=1000,
    count=1,
    item_count=1,
    item_minor=1000,
    life_count=9,
    non_nullable_minor=20_000,
    operation="sale_refund",
    start_non_nullable_minor=19_000,
    sum_minor=1000,
)
REPORT = ShiftReport(
    annulled_count=1,
    annulled_life_count=4,
    annulled_minor=500,
    cash_in=MovementTotals(count=1, life_count=40, sum_minor=20_000),
    cash_minor=70_000,
    cash_out=MovementTotals(count=2, life_count=50, offline_count=1, sum_minor=10_000),
    checksum="0A1B2C3D",
    closed_at=CLOSED,
    opened_at=OPENED,
    operations=(
        SALES,
        REFUNDS,
        OperationTotals(operation="purchase"),
        OperationTotals(operation="purchase_refund"),
    ),
    receipt_count=4,
    revenue_minor=90_000,
    sections=(
        SectionTotals(count=2, operation="sale", section=0, sum_minor=40_000),
        SectionTotals(count=2, operation="sale", section=1, sum_minor=50_000),
        SectionTotals(count=1, operation="sale", section=10, sum_minor=1000),
        SectionTotals(count=1, operation="sale_refund", section=2, sum_minor=1000),
    ),
    taxes=(
        TaxTotals(operation="sale", tax_minor=500, tax_rate=500, turnover_minor=10_500),
        TaxTotals(operation="sale", tax_minor=11_500, tax_rate=1600, turnover_minor=80_500),
        TaxTotals(operation="sale_refund", tax_minor=138, tax_rate=1600, turnover_minor=1000),
    ),
)


def _document(report: ShiftReport | None = REPORT) -> Document:
    return Document(
        issued_at=CLOSED, kind="z_report", number=9, ordinal=6, register="SWK1", report=report, shift=7
    )


def test_every_field_of_a_report_travels() -> None:
    zx = zx_report(_document())
    assert zx.IsInitialized()
    assert {field.name for field, _ in zx.ListFields()} == set(v203.ZXReport.DESCRIPTOR.fields_by_name)
    assert (zx.shift_number, minor_of(zx.cash_sum), zx.checksum) == (7, 70_000, "0A1B2C3D")
    assert (zx.open_shift_time, zx.close_shift_time) == (wall_time(OPENED), wall_time(CLOSED))
    assert (minor_of(zx.revenue.sum), zx.revenue.is_negative) == (90_000, False)
    annulled = zx.annulled_tickets
    assert (annulled.annulled_tickets_total_count, annulled.annulled_tickets_count) == (4, 1)


def test_all_four_kinds_of_receipt_are_told_in_the_order_of_the_protocol() -> None:
    zx = zx_report(_document())
    for told in (zx.operations, zx.discounts, zx.markups, zx.total_result, zx.non_nullable_sums):
        assert [one.operation for one in told] == [0, 1, 2, 3]
    sales = zx.ticket_operations[2]
    assert (sales.tickets_total_count, sales.tickets_count, minor_of(sales.tickets_sum)) == (103, 3, 91_000)
    assert (sales.offline_count, minor_of(sales.change_sum)) == (1, 4000)
    assert [(paid.payment, minor_of(paid.sum), paid.count) for paid in sales.payments] == [
        (v203.PAYMENT_CASH, 61_000, 2),
        (v203.PAYMENT_CARD, 30_000, 1),
    ]


@pytest.mark.parametrize(
    ("rounding", "discount", "markup"), [(0, 9000, 50), (-70, 9070, 50), (70, 9000, 120)]
)
def test_items_less_discounts_plus_markups_is_what_was_sold_for(
    rounding: int, discount: int, markup: int
) -> None:
    sales = msgspec.structs.replace(SALES, sum_minor=SALES.sum_minor + rounding)
    zx = zx_report(_document(msgspec.structs.replace(REPORT, operations=(sales, *REPORT.operations[1:]))))
    assert (minor_of(zx.discounts[2].sum), minor_of(zx.markups[2].sum)) == (discount, markup)
    assert minor_of(zx.total_result[2].sum) == minor_of(zx.operations[2].sum) - discount + markup
    assert (minor_of(zx.ticket_operations[2].discount_sum), minor_of(zx.ticket_operations[2].markup_sum)) == (
        discount,
        markup,
    )


def test_no_department_and_the_first_are_one() -> None:
    zx = zx_report(_document())
    assert [part.section_code for part in zx.sections] == ["1", "2", "10"]
    assert (zx.sections[0].operations[0].count, minor_of(zx.sections[0].operations[0].sum)) == (4, 90_000)


def test_taxes_stand_by_rate_with_turnover_with_and_without_them() -> None:
    taxes = zx_report(_document()).taxes
    assert [tax.percent for tax in taxes] == [5000, 16_000]
    sale = taxes[1].operations[0]
    assert (minor_of(sale.turnover), minor_of(sale.sum), minor_of(sale.turnover_without_tax)) == (
        80_500,
        11_500,
        69_000,
    )


def test_revenue_below_nought_is_a_sum_and_a_sign() -> None:
    zx = zx_report(_document(msgspec.structs.replace(REPORT, revenue_minor=-300)))
    assert (minor_of(zx.revenue.sum), zx.revenue.is_negative) == (300, True)
    assert figures(zx)["revenue"] == -300


def test_an_open_shift_says_when_it_was_told() -> None:
    zx = zx_report(_document(msgspec.structs.replace(REPORT, closed_at=None)))
    assert zx.close_shift_time == wall_time(CLOSED)


def test_a_document_without_a_report_has_no_figures() -> None:
    with pytest.raises(ValueError, match="no report"):
        figures_of(_document(None))


def test_figures_are_named_and_noughts_left_out() -> None:
    told = figures_of(_document())
    assert told["sale.sum"] == 91_000
    assert (told["sale.item_count"], told["sale.item_sum"]) == (5, 99_950)
    assert (told["sale.modifiers"], told["sale.result"]) == (-8950, 91_000)
    assert told["sale_refund.non_nullable"] == 20_000
    assert told["tax.1600.sale"] == 11_500
    assert told["section.1.sale.count"] == 4
    assert told["cash_out.offline_count"] == 1
    assert not any(name.startswith("purchase") for name in told)
    assert all(told.values())


def test_figures_survive_the_wire() -> None:
    raw = zx_report(_document()).SerializeToString()
    assert figures(v203.ZXReport.FromString(raw)) == figures_of(_document())


def test_differences_name_what_differs_and_both_values() -> None:
    ours = figures_of(_document())
    assert differences(ours, dict(ours)) == []
    theirs = {**ours, "sale.count": 2, "purchase.sum": 10}
    del theirs["cash"]
    assert differences(ours, theirs) == [("cash", 70_000, 0), ("purchase.sum", 0, 10), ("sale.count", 3, 2)]
