"""Reports are folds: what a register states can be worked out again from its documents, and every sheet says what it must."""

from collections.abc import Callable
from dataclasses import replace as with_fields
from zlib import crc32

import msgspec
import pytest
from msgspec.structs import replace

from portal.fiscal.chain import canonical
from portal.fiscal.commands import ReceiptModifier
from portal.fiscal.dialects import BELARUS, KAZAKHSTAN
from portal.fiscal.documents import Document, Payments, ShiftReport
from portal.fiscal.reports import (
    Requisites,
    Start,
    by_cashiers,
    by_sections,
    checksum,
    control_sum,
    control_tape,
    document_count,
    fiscal_report,
    fold_shift,
    start_after,
    x_report,
    z_report,
)
from tests.fiscal.samples import receipt, service_document
from tests.fiscal.tills import CASHIER, Till, belarusian_till, goods, kazakh_till, off

WHOSE = Requisites(
    address="Алматы, Абая, 1",
    factory_number="SWK00033717",
    identification_number="906",
    operator="АО «Казахтелеком»",
    organisation="ТОО On",
    registration_number="281119950001",
    tax_id="971240001315",
)


def report_in(document: Document) -> ShiftReport:
    assert document.report is not None
    return document.report


def busy_day() -> Till:
    """A shift with something of everything, in Kazakhstan."""
    till = kazakh_till(are_both_modifiers_allowed=True, may_purchase=True)
    till.cash(500_000)
    till.receipt(
        goods(50_000, discount=off(1_000), section=1),
        goods(20_000, 2_000, markup=off(500), section=2, tax_rate=500),
        modifiers=(ReceiptModifier(change=off(3_000)),),
        payments=Payments(cash_minor=60_000, card_minor=40_000),
    )
    sold = till.receipt(goods(30_000, section=1), cashier="Иванова И. И.")
    till.refund(sold, cashier="Иванова И. И.")
    till.receipt(goods(70_000, section=2), kind="purchase")
    till.cash(-100_000)
    return till


def test_a_fold_says_field_for_field_what_the_register_says() -> None:
    till = busy_day()
    said = till.x_report()
    closed = till.close()
    assert fold_shift(till.documents, KAZAKHSTAN, before=said.number) == report_in(said)
    assert fold_shift(till.documents, KAZAKHSTAN) == report_in(closed)
    assert report_in(closed).closed_at == closed.issued_at
    assert report_in(said).closed_at is None


@pytest.mark.parametrize(
    "spoil",
    [
        lambda sale: replace(sale, total_minor=sale.total_minor + 1),
        lambda sale: replace(sale, payments=Payments(card_minor=100_000)),
        lambda sale: replace(sale, lines=sale.lines[1:]),
        lambda sale: replace(sale, modifiers=()),
        lambda sale: replace(sale, cashier="Кто-то ещё"),
        lambda sale: replace(sale, kind="purchase"),
        lambda sale: replace(sale, autonomous=True),
    ],
)
def test_a_fold_of_other_documents_says_something_else(spoil: Callable[[Document], Document]) -> None:
    till = busy_day()
    closed = till.close()
    documents = [spoil(each) if each.number == 2 else each for each in till.documents]
    assert fold_shift(documents, KAZAKHSTAN) != report_in(closed)


def test_a_fold_begins_where_the_shift_before_ended() -> None:
    till = busy_day()
    first = till.close()
    till.later(hours=10)
    till.sell(10_000)
    second = till.close()
    shift = [document for document in till.documents if document.shift == 2]
    assert fold_shift(shift, KAZAKHSTAN, start=start_after(report_in(first))) == report_in(second)
    assert fold_shift(shift, KAZAKHSTAN) != report_in(second)


def test_what_the_operator_refused_is_in_no_sum_of_the_fold() -> None:
    till = kazakh_till()
    till.sell(10_000)
    till.annul(till.sell(20_000), is_refused=True)
    till.annul(till.cash(5_000), is_refused=True)
    closed = till.close()
    folded = fold_shift(till.documents, KAZAKHSTAN)
    assert folded == report_in(closed)
    assert (folded.operations[0].count, folded.cash_minor, folded.receipt_count) == (1, 10_000, 3)
    assert (folded.annulled_count, folded.cash_in.count, folded.cash_out.count) == (0, 0, 0)


def test_an_annulment_that_stands_is_counted_beside_what_it_annuls() -> None:
    till = belarusian_till()
    till.sell(1_000)
    till.annul(till.sell(2_000))
    closed = till.close()
    folded = fold_shift(till.documents, BELARUS)
    assert folded == report_in(closed)
    assert (folded.operations[0].sum_minor, folded.annulled_minor, folded.cash_minor) == (3_000, 2_000, 1_000)


def test_a_late_document_is_counted_as_offline() -> None:
    till = kazakh_till()
    late = till.sell(1_000)
    till.go_autonomous(late)
    till.sell(1_000)
    closed = till.close()
    assert fold_shift(till.documents, KAZAKHSTAN, late={late.number}) == report_in(closed)
    assert report_in(closed).operations[0].offline_count == 2
    assert fold_shift(till.documents, KAZAKHSTAN).operations[0].offline_count == 1


def test_streamed_documents_fold_as_well() -> None:
    """Another till names no modifiers, and may annul what it does not show."""
    documents = [
        service_document("shift_opened", number=10),
        receipt(),
        receipt(number=14, kind="annulment", basis=3),
        receipt(number=15, cashier=None),
    ]
    folded = fold_shift(documents, BELARUS, start=Start(cash_minor=100))
    sale = folded.operations[0]
    assert (sale.count, sale.sum_minor, sale.markup_count, sale.markup_minor) == (2, 3_980, 2, 14)
    assert (folded.annulled_count, folded.annulled_minor, folded.cash_minor) == (1, 1_990, 4_080)
    assert [row.name for row in folded.cashiers] == ["Иванова И. И."]


def test_a_shift_without_documents_cannot_be_folded() -> None:
    with pytest.raises(ValueError, match="opened"):
        fold_shift([], BELARUS)


def test_a_checksum_is_the_crc_of_the_canonical_report_without_it() -> None:
    report = report_in(busy_day().close())
    bare = msgspec.json.encode(replace(report, checksum=None))
    assert report.checksum == f"{crc32(bare):08X}"
    assert checksum(replace(report, cash_minor=report.cash_minor + 1)) != report.checksum
    assert checksum(replace(report, checksum="FFFFFFFF")) == report.checksum


def test_a_control_sum_is_positive_and_tells_checksums_apart() -> None:
    assert control_sum("00000000") == 1
    assert control_sum("0000002A") == 43
    assert control_sum("7FFFFFFE") == 2**31 - 1
    assert 0 < control_sum("FFFFFFFF") < 2**31


# Sheets.


def test_a_z_report_says_everything_the_manual_lists() -> None:
    till = busy_day()
    closed = till.close()
    sheet = z_report(closed, WHOSE)
    assert sheet.requisites == WHOSE
    assert (sheet.issued_at, sheet.opened_at, sheet.closed_at) == (
        closed.issued_at,
        till.documents[0].issued_at,
        closed.issued_at,
    )
    assert (sheet.cashier, sheet.cashier_code, sheet.shift, sheet.number) == (CASHIER, 0, 1, closed.number)
    # Four receipts and this report; the two movements of cash have ordinals of their own.
    assert sheet.document_count == document_count(till.documents) == 5
    assert (sheet.receipt_count, sheet.receipts_minor) == (2, 49_000 + 40_500 - 3_000 + 30_000)
    assert (sheet.refund_count, sheet.refunds_minor) == (1, 30_000)
    assert sheet.taken_minor == 60_000 + 40_000 + 30_000
    assert (sheet.cash_minor, sheet.card_minor) == (46_500 + 30_000, 40_000)
    assert sheet.tax_minor == report_in(closed).operations[0].tax_minor > 0
    assert sheet.checksum == report_in(closed).checksum


def test_an_x_report_says_everything_the_manual_lists() -> None:
    till = busy_day()
    refused = till.sell(99_000)
    till.annul(refused, is_refused=True)
    said = till.x_report()
    till.sell(1_000)
    sheet = x_report(said, till.documents, WHOSE)
    assert sheet.requisites.operator == "АО «Казахтелеком»"
    assert (sheet.issued_at, sheet.number, sheet.shift) == (said.issued_at, said.number, 1)
    assert (sheet.cashier, sheet.cashier_code, sheet.receipt_ordinal) == (CASHIER, 0, 6)
    assert [(each.cost_minor, each.discount_minor) for each in sheet.positions] == [
        (50_000, 1_000),
        (40_000, 0),
        (30_000, 0),
    ]
    assert (sheet.discount_minor, sheet.change_minor) == (4_000, 13_500)
    assert sheet.taken_minor == 130_000
    assert sheet.tax_minor > 0
    assert sheet.checksum == report_in(said).checksum


def test_only_a_report_in_full_makes_a_sheet() -> None:
    with pytest.raises(ValueError, match="in full"):
        z_report(service_document("z_report"), WHOSE)
    with pytest.raises(ValueError, match="in full"):
        z_report(busy_day().x_report(), WHOSE)


def test_sections_show_what_was_sold_and_given_back_in_each() -> None:
    till = busy_day()
    closed = till.close()
    sheet = by_sections(report_in(closed), till.documents, WHOSE, at=till.now)
    assert [row.section for row in sheet.rows] == [1, 2]
    first, second = sheet.rows
    assert (first.sale_count, first.sale_minor, first.refund_count, first.refund_minor) == (
        2,
        79_000,
        1,
        30_000,
    )
    assert (second.sale_minor, second.purchase_count, second.purchase_minor) == (40_500, 1, 70_000)
    assert (first.revenue_minor, second.revenue_minor) == (49_000, -29_500)
    assert (sheet.issued_at, sheet.cashier_code, sheet.document_ordinal, sheet.shift) == (till.now, 0, 5, 1)


def test_cashiers_show_what_each_took_and_gave() -> None:
    till = busy_day()
    closed = till.close()
    sheet = by_cashiers(report_in(closed), till.documents, WHOSE, at=till.now)
    other, own = sheet.rows
    assert (other.name, own.name) == ("Иванова И. И.", CASHIER)
    assert (other.sale_minor, other.refund_minor, other.cash_minor, other.card_minor) == (
        30_000,
        30_000,
        30_000,
        0,
    )
    assert (own.cash_in_minor, own.cash_out_minor, own.card_minor) == (500_000, 100_000, 40_000)
    assert (sheet.document_ordinal, sheet.shift) == (5, 1)


def test_a_control_tape_holds_every_operation_in_order() -> None:
    till = busy_day()
    late = till.documents[1]
    closed = till.close()
    sheet = control_tape(till.documents, WHOSE, at=till.now, signs={2: "367645207"}, late={late.number})
    assert [row.kind for row in sheet.rows] == [document.kind for document in till.documents]
    assert [row.number for row in sheet.rows] == list(range(1, closed.number + 1))
    sale, last = sheet.rows[1], sheet.rows[-1]
    assert (sale.fiscal_sign, sale.is_autonomous, sale.total_minor) == ("367645207", True, 86_500)
    assert (last.fiscal_sign, last.kind) == (None, "z_report")
    assert sheet.rows[3].basis == 3
    assert (sheet.document_ordinal, sheet.shift, sheet.issued_at) == (5, 1, till.now)


def test_a_period_is_the_sum_of_its_shifts() -> None:
    till = busy_day()
    reports = [(1, report_in(till.close()))]
    for shift in (2, 3):
        till.later(hours=10)
        till.sell(10_000 * shift)
        till.cash(1_000)
        reports.append((shift, report_in(till.close())))
    sheet = fiscal_report(reports, WHOSE, at=till.now)
    every = [report for _shift, report in reports]
    assert (sheet.first_shift, sheet.last_shift, len(sheet.rows)) == (1, 3, 3)
    sale = sheet.operations[0]
    assert sale.sum_minor == sum(report.operations[0].sum_minor for report in every)
    assert sale.non_nullable_minor == sale.start_non_nullable_minor + sale.sum_minor
    assert sale.life_count == sale.count == 4
    assert sheet.cash_in.sum_minor == 502_000
    assert (sheet.cash_in.count, sheet.cash_in.life_count) == (3, 3)
    assert sheet.cash_minor == every[-1].cash_minor == till.register.cash_minor
    assert sheet.revenue_minor == sum(report.revenue_minor for report in every)
    rates = {(row.tax_rate, row.operation): row.tax_minor for row in sheet.taxes}
    assert sum(tax for (_rate, name), tax in rates.items() if name == "sale") == sale.tax_minor
    later = fiscal_report(reports[1:], WHOSE, at=till.now)
    assert later.operations[0].start_non_nullable_minor == every[0].operations[0].non_nullable_minor


def test_a_period_has_no_holes() -> None:
    report = report_in(busy_day().close())
    with pytest.raises(ValueError, match="follow"):
        fiscal_report([(1, report), (3, report)], WHOSE, at=report.opened_at)
    with pytest.raises(ValueError, match="nothing"):
        fiscal_report([], WHOSE, at=report.opened_at)


def test_every_sheet_travels_as_json_and_back() -> None:
    till = busy_day()
    said, closed = till.x_report(), till.close()
    report = report_in(closed)
    for sheet in (
        z_report(closed, WHOSE),
        x_report(said, till.documents, WHOSE),
        by_sections(report, till.documents, WHOSE, at=till.now),
        by_cashiers(report, till.documents, WHOSE, at=till.now),
        control_tape(till.documents, WHOSE, at=till.now),
        fiscal_report([(1, report)], WHOSE, at=till.now),
    ):
        assert msgspec.json.decode(msgspec.json.encode(sheet), type=type(sheet)) == sheet


def test_a_report_holds_for_a_register_of_other_hours() -> None:
    """The fold asks a dialect for nothing but whether annulments stand."""
    till = busy_day()
    closed = till.close()
    other = with_fields(KAZAKHSTAN, cash_step_minor=1, shift_counts_from="opening")
    assert fold_shift(till.documents, other) == report_in(closed)
    assert canonical(closed)
