"""Reports that are no documents: by sections, by cashiers, the control tape, the fiscal report of a period.

On a roll every row is a few lines; on a page, where all sums fit, it is a row of a table. An X- or Z-report is printed like the
document it stands for, the X-report with the positions that were sold.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from portal.fiscal.documents import REPORTS
from portal.fiscal.report_forms import (
    CashierReport,
    ControlTape,
    FiscalReport,
    SectionReport,
    SectionRow,
    ShiftRow,
    TapeRow,
    XReport,
    ZReport,
)
from portal.fiscal.tape.header import TapeHeader
from portal.fiscal.tape.heads import print_operator, print_organisation, print_place, print_register
from portal.fiscal.tape.lines import TapeLine
from portal.fiscal.tape.parts import (
    HEADINGS,
    has_ever_been,
    print_cashiers,
    print_count,
    print_counted,
    print_movement,
    print_non_nullable,
    print_operation,
    print_sum,
    print_taxes,
)
from portal.fiscal.tape.roll import Column, Roll
from portal.fiscal.tape.shifts import print_report

Report = CashierReport | ControlTape | FiscalReport | SectionReport | XReport | ZReport

# Eighty characters with the spaces between; every figure of a till that is not a bank fits.
_SECTION_COLUMNS: Final = (Column(10, is_figure=False), *[Column(13)] * 5)
_TAPE_COLUMNS: Final = (
    Column(7, is_figure=False),
    Column(19, is_figure=False),
    Column(17, is_figure=False),
    Column(4),
    Column(13, is_figure=False),
    Column(15),
)
_SHIFT_COLUMNS: Final = (
    Column(6, is_figure=False),
    Column(16, is_figure=False),
    Column(16, is_figure=False),
    *[Column(12)] * 3,
)

_WITHOUT_SUM: Final = frozenset({"shift_opened", *(kind.name.lower() for kind in REPORTS)})


def print_listing(roll: Roll, report: Report, header: TapeHeader) -> Iterator[TapeLine]:
    """A report that is no document, or one that stands for an X- or Z-report."""
    yield from print_organisation(roll, header)
    yield roll.rule()
    match report:
        case SectionReport():
            yield from _head(roll, header, "section_report", report.shift, report.document_ordinal)
            yield from _asked(roll, report.cashier, report.cashier_code, report.issued_at)
            yield from _sections(roll, report.rows)
        case CashierReport():
            yield from _head(roll, header, "cashier_report", report.shift, report.document_ordinal)
            yield from _asked(roll, report.cashier, report.cashier_code, report.issued_at)
            yield roll.rule()
            yield from print_cashiers(roll, report.rows)
        case ControlTape():
            yield from _head(roll, header, "control_tape", report.shift, report.document_ordinal)
            yield from roll.fact(roll.say("time"), roll.moment(report.issued_at))
            yield from _operations(roll, report.rows, "fiscal_sign" if header.country == "kz" else "ui")
        case FiscalReport():
            yield from _period(roll, header, report)
        case ZReport():
            yield from _head(roll, header, "z_report", report.shift, report.number)
            yield from _asked(roll, report.cashier, report.cashier_code, report.issued_at)
            yield from print_report(roll, report.report, report.document_count)
        case XReport():
            yield from _head(roll, header, "x_report", report.shift, report.number)
            yield from _asked(roll, report.cashier, report.cashier_code, report.issued_at)
            yield from print_count(roll, "last_receipt", report.receipt_ordinal)
            yield from print_report(roll, report.report, report.receipt_ordinal)
            yield from _positions(roll, report)
    yield roll.rule()
    if header.country == "kz":
        yield from print_place(roll, header)
        yield from print_operator(roll, header)
        yield from print_register(roll, header)


def _head(roll: Roll, header: TapeHeader, title: str, shift: int, number: int) -> Iterator[TapeLine]:
    yield from roll.centred(roll.say(title), "bold")
    if header.country == "kz":
        yield from roll.text(header.register)
    yield from roll.pair(f"{roll.say('shift')} {shift}", f"{roll.say('document')} №{number}")


def _asked(roll: Roll, cashier: str | None, code: int, at: datetime) -> Iterator[TapeLine]:
    """Who took the report, and when."""
    if cashier is not None:
        yield from roll.text(f"{roll.say('cashier')} {cashier}")
    yield from roll.fact(roll.say("cashier_code"), str(code))
    yield from roll.fact(roll.say("time"), roll.moment(at))


def _sections(roll: Roll, rows: tuple[SectionRow, ...]) -> Iterator[TapeLine]:
    total = SectionRow(
        section=0,
        **{
            name: sum(getattr(row, name) for row in rows)
            for name in SectionRow.__struct_fields__
            if name != "section"
        },
    )
    names = ("sale", "refund", "purchase", "purchase_refund", "revenue")
    captions = ("section", "sales", "refunds", "purchases", "purchase_refunds", "revenue")
    table = [
        (label, *(roll.sum(getattr(row, f"{name}_minor")) for name in names))
        for label, row in (*((str(row.section), row) for row in rows), (roll.say("total"), total))
    ]
    yield roll.rule()
    if roll.fits(_SECTION_COLUMNS, table):
        yield from roll.heading(_SECTION_COLUMNS, map(roll.say, captions))
        *above, last = table
        for said in above:
            yield from roll.row(_SECTION_COLUMNS, said)
        yield roll.rule()
        yield from roll.row(_SECTION_COLUMNS, last, "bold")
        return
    for row in rows:
        yield from roll.text(f"{roll.say('section')} {row.section}", "bold")
        yield from _section(roll, row)
    yield roll.rule()
    yield from roll.text(roll.say("total"), "bold")
    yield from _section(roll, total)


def _section(roll: Roll, row: SectionRow) -> Iterator[TapeLine]:
    yield from print_counted(roll, "sales", row.sale_count, row.sale_minor, indent=2)
    yield from print_counted(roll, "refunds", row.refund_count, row.refund_minor, indent=2)
    if row.purchase_count or row.purchase_minor:
        yield from print_counted(roll, "purchases", row.purchase_count, row.purchase_minor, indent=2)
    if row.purchase_refund_count or row.purchase_refund_minor:
        yield from print_counted(
            roll, "purchase_refunds", row.purchase_refund_count, row.purchase_refund_minor, indent=2
        )
    yield from print_sum(roll, "revenue", row.revenue_minor, indent=2)


def _operations(roll: Roll, rows: Iterable[TapeRow], name: str) -> Iterator[TapeLine]:
    """Every operation of a shift: its number, its time, what it was, who did it, its sign (by its name) and its sum."""
    table = [
        (
            f"№{row.number}",
            roll.moment(row.issued_at),
            roll.say(row.kind),
            str(row.cashier_code),
            row.fiscal_sign or "",
            "" if row.kind in _WITHOUT_SUM else roll.sum(row.total_minor),
        )
        for row in rows
    ]
    yield roll.rule()
    if roll.fits(_TAPE_COLUMNS, table):
        captions = ("number", "time", "operation", "code", name, "sum")
        yield from roll.heading(_TAPE_COLUMNS, map(roll.say, captions))
        for said, row in zip(table, rows, strict=True):
            yield from roll.row(_TAPE_COLUMNS, said)
            yield from _operation_facts(roll, row, indent=8)
        return
    for (number, moment, kind, code, sign, total), row in zip(table, rows, strict=True):
        yield from roll.pair(number, moment)
        if total:
            yield from roll.pair(kind, total, indent=2)
        else:
            yield from roll.text(kind, indent=2)
        yield from roll.text(f"{roll.say('cashier_code')}: {code}", indent=2)
        if sign:
            yield from roll.text(f"{roll.say(name)}: {sign}", indent=2)
        yield from _operation_facts(roll, row, indent=2)


def _operation_facts(roll: Roll, row: TapeRow, indent: int) -> Iterator[TapeLine]:
    if row.basis is not None:
        yield from roll.text(f"{roll.say('basis')} №{row.basis}", indent=indent)
    if row.is_autonomous:
        yield from roll.text(roll.say("autonomous"), indent=indent)


def _positions(roll: Roll, report: XReport) -> Iterator[TapeLine]:
    """Of every position that was sold, what it cost and what was taken off."""
    if not report.positions:
        return
    yield roll.rule()
    yield from roll.centred(roll.say("positions"), "bold")
    for position in report.positions:
        yield from roll.text(f"№{position.number} {position.name}")
        yield from print_sum(roll, "cost", position.cost_minor, indent=2)
        yield from print_sum(roll, "discount", position.discount_minor, indent=2)


def _period(roll: Roll, header: TapeHeader, report: FiscalReport) -> Iterator[TapeLine]:
    yield from roll.centred(roll.say("fiscal_report"), "bold")
    if header.country == "kz":
        yield from roll.text(header.register)
    yield from print_count(roll, "from_shift", report.first_shift)
    yield from print_count(roll, "to_shift", report.last_shift)
    yield from roll.fact(roll.say("time"), roll.moment(report.issued_at))
    yield roll.rule()
    yield from roll.centred(roll.say("of_period"), "bold")
    for operation in filter(has_ever_been, report.operations):
        yield from print_operation(roll, operation)
    if report.annulled_count:
        yield from print_counted(roll, "annulments", report.annulled_count, report.annulled_minor)
    yield from print_movement(roll, "cash_ins", report.cash_in)
    yield from print_movement(roll, "cash_outs", report.cash_out)
    yield from print_sum(roll, "in_drawer", report.cash_minor)
    yield from roll.pair(f"{roll.say('revenue')}:", roll.sum(report.revenue_minor), "bold")
    if report.taxes:
        yield roll.rule()
        yield from print_taxes(roll, report.taxes)
    yield roll.rule()
    yield from print_non_nullable(roll, report.operations)
    yield roll.rule()
    yield from roll.centred(roll.say("by_shifts"), "bold")
    yield from _shifts(roll, report.rows)


def _shifts(roll: Roll, rows: Iterable[ShiftRow]) -> Iterator[TapeLine]:
    table = [
        (
            str(row.shift),
            roll.moment(row.opened_at)[:16],
            roll.moment(row.closed_at)[:16] if row.closed_at else "-",
            roll.sum(row.operations[0].sum_minor),
            roll.sum(row.operations[1].sum_minor),
            roll.sum(row.revenue_minor),
        )
        for row in rows
    ]
    has_purchases = any(one.count for row in rows for one in row.operations[2:])
    if not has_purchases and roll.fits(_SHIFT_COLUMNS, table):
        captions = ("shift", "opened", "closed", "sales", "refunds", "revenue")
        yield from roll.heading(_SHIFT_COLUMNS, map(roll.say, captions))
        for said in table:
            yield from roll.row(_SHIFT_COLUMNS, said)
        return
    for row in rows:
        yield from roll.text(f"{roll.say('shift')} {row.shift}", "bold")
        yield from roll.text(f"{roll.say('opened')}: {roll.moment(row.opened_at)}", indent=2)
        if row.closed_at is not None:
            yield from roll.text(f"{roll.say('closed')}: {roll.moment(row.closed_at)}", indent=2)
        for one in row.operations:
            if one.count or one.operation in ("sale", "sale_refund"):
                yield from print_counted(roll, HEADINGS[one.operation], one.count, one.sum_minor, indent=2)
        yield from print_sum(roll, "in_drawer", row.cash_minor, indent=2)
        yield from print_sum(roll, "revenue", row.revenue_minor, indent=2)
