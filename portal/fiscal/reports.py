"""Reports as folds over documents.

A register counts as it issues and states what it counted; here the same is worked out again from the documents alone,
so that what a register says can be held against what it did. The other reports (by sections, by cashiers, the control
tape, the fiscal report of a period) are no documents and exist here only (`portal.fiscal.report_forms`).
"""

from collections.abc import Container, Iterable, Sequence
from datetime import datetime
from typing import Final

from msgspec.structs import replace

from portal.fiscal.dialects import Dialect
from portal.fiscal.documents import (
    OPERATIONS,
    REPORTS,
    Document,
    KindName,
    MovementTotals,
    OperationName,
    OperationTotals,
    ShiftReport,
    TaxTotals,
)
from portal.fiscal.folding import Fold, Start
from portal.fiscal.report_forms import (
    CashierReport,
    ControlTape,
    FiscalReport,
    Position,
    Requisites,
    SectionReport,
    SectionRow,
    ShiftRow,
    TapeRow,
    XReport,
    ZReport,
)
from portal.fiscal.statements import checksum

__all__ = [
    "CashierReport",
    "ControlTape",
    "FiscalReport",
    "Requisites",
    "SectionReport",
    "Start",
    "XReport",
    "ZReport",
    "by_cashiers",
    "by_sections",
    "checksum",
    "control_sum",
    "control_tape",
    "document_count",
    "fiscal_report",
    "fold_shift",
    "start_after",
    "x_report",
    "z_report",
]

_REPORTS: Final = frozenset(kind.name.lower() for kind in REPORTS)
# The largest positive number of 32 bits with a sign.
_INT32_MAX: Final = 2**31 - 1


def fold_shift(
    documents: Iterable[Document],
    dialect: Dialect,
    *,
    start: Start | None = None,
    late: Container[int] = (),
    before: int | None = None,
) -> ShiftReport:
    """What a report says of one shift, from its documents in order; field for field what the register's own says.

    `start` is what the shift began with (`start_after` the report that closed the one before). `late` are the numbers of
    documents that reached the operator as autonomous ones though they do not say so. `before` leaves out that document
    and all after it: the fold of a report is that of the documents before it, closed when it is a Z-report.
    """
    own = tuple(documents)
    if not own:
        raise ValueError("a shift without documents has not been opened")
    last = next((document for document in own if document.number == before), None)
    counted = [document for document in own if before is None or document.number < before]
    if last is None and own[-1].kind == "z_report":
        last = own[-1]
    fold = Fold(start or Start(), dialect, late)
    fold.add(counted)
    report = fold.report(
        opened_at=own[0].issued_at,
        closed_at=last.issued_at if last is not None and last.kind == "z_report" else None,
    )
    return replace(report, checksum=checksum(report))


def start_after(report: ShiftReport) -> Start:
    """What the next shift begins with."""
    return Start(
        annulled_life_count=report.annulled_life_count,
        cash_in_life_count=report.cash_in.life_count,
        cash_minor=report.cash_minor,
        cash_out_life_count=report.cash_out.life_count,
        operations=tuple((each.life_count, each.non_nullable_minor) for each in report.operations),
    )


def control_sum(stated: str) -> int:
    """A checksum as a positive number of 32 bits with a sign, as doors of other makes show it. It is never nought."""
    return int(stated, 16) % _INT32_MAX + 1


def document_count(documents: Iterable[Document]) -> int:
    """Receipts and reports of a shift; movements of cash and the opening are not counted (they have ordinals of their own)."""
    others = ("cash_in", "cash_out", "shift_opened")
    return sum(document.kind not in others for document in documents)


def z_report(document: Document, requisites: Requisites) -> ZReport:
    """A Z-report as it was issued. Only a document with a report in full has all of it."""
    report = _report(document, "z_report")
    sale, refund = report.operations[:2]
    return ZReport(
        card_minor=sale.card_minor,
        cash_minor=sale.cash_minor,
        cashier=document.cashier,
        cashier_code=document.cashier_code,
        checksum=report.checksum or checksum(report),
        closed_at=report.closed_at or document.issued_at,
        document_count=document.ordinal,
        issued_at=document.issued_at,
        number=document.number,
        opened_at=report.opened_at,
        receipt_count=sale.count,
        receipts_minor=sale.sum_minor,
        refund_count=refund.count,
        refunds_minor=refund.sum_minor,
        report=report,
        requisites=requisites,
        shift=document.shift,
        taken_minor=sale.taken_minor,
        tax_minor=sale.tax_minor,
    )


def x_report(document: Document, shift: Iterable[Document], requisites: Requisites) -> XReport:
    """An X-report as it was issued, with the positions that were sold before it in its shift."""
    report = _report(document, "x_report")
    sale = report.operations[0]
    before = [each for each in shift if each.number < document.number]
    void = {each.basis for each in before if each.kind == "annulment"}
    return XReport(
        cashier=document.cashier,
        cashier_code=document.cashier_code,
        change_minor=sale.change_minor,
        checksum=report.checksum or checksum(report),
        discount_minor=sale.discount_minor,
        issued_at=document.issued_at,
        number=document.number,
        positions=tuple(
            Position(
                cost_minor=line.sum_minor - line.rounding_minor + line.discount_minor - line.markup_minor,
                discount_minor=line.discount_minor,
                name=line.name,
                number=each.number,
            )
            for each in before
            if each.kind == "sale" and each.number not in void
            for line in each.lines
        ),
        receipt_ordinal=report.receipt_count,
        report=report,
        requisites=requisites,
        shift=document.shift,
        taken_minor=sale.taken_minor,
        tax_minor=sale.tax_minor,
    )


def by_sections(
    report: ShiftReport, shift: Sequence[Document], requisites: Requisites, *, at: datetime
) -> SectionReport:
    """A shift by sections; `shift` are its documents, of which the last says who asks and where it stands."""
    columns: dict[OperationName, str] = dict(
        zip(OPERATIONS, ("sale", "refund", "purchase", "purchase_refund"), strict=True)
    )
    found: dict[int, dict[str, int]] = {}
    for row in report.sections:
        name = columns[row.operation]
        found.setdefault(row.section, {}).update({f"{name}_count": row.count, f"{name}_minor": row.sum_minor})
    last = shift[-1]
    return SectionReport(
        cashier=last.cashier,
        cashier_code=last.cashier_code,
        document_ordinal=document_count(shift),
        issued_at=at,
        requisites=requisites,
        rows=tuple(SectionRow(section=section, **amounts) for section, amounts in sorted(found.items())),
        shift=last.shift,
    )


def by_cashiers(
    report: ShiftReport, shift: Sequence[Document], requisites: Requisites, *, at: datetime
) -> CashierReport:
    """A shift by cashiers; `shift` are its documents, of which the last says who asks and where it stands."""
    last = shift[-1]
    return CashierReport(
        cashier=last.cashier,
        cashier_code=last.cashier_code,
        document_ordinal=document_count(shift),
        issued_at=at,
        requisites=requisites,
        rows=report.cashiers,
        shift=last.shift,
    )


def control_tape(
    shift: Sequence[Document],
    requisites: Requisites,
    *,
    at: datetime,
    signs: dict[int, str] | None = None,
    late: Container[int] = (),
) -> ControlTape:
    """Every operation of a shift. `signs` are the fiscal signs that became known after a document was issued, by number."""
    told = signs or {}
    return ControlTape(
        document_ordinal=document_count(shift),
        issued_at=at,
        requisites=requisites,
        rows=tuple(
            TapeRow(
                basis=document.basis,
                cashier=document.cashier,
                cashier_code=document.cashier_code,
                fiscal_sign=None
                if document.kind in _REPORTS
                else told.get(document.number, document.fiscal_sign),
                is_autonomous=document.autonomous or document.number in late,
                issued_at=document.issued_at,
                kind=document.kind,
                number=document.number,
                ordinal=document.ordinal,
                total_minor=document.total_minor,
            )
            for document in shift
        ),
        shift=shift[-1].shift,
    )


def fiscal_report(
    reports: Sequence[tuple[int, ShiftReport]], requisites: Requisites, *, at: datetime
) -> FiscalReport:
    """Shifts of a period by their numbers, in order and without a hole, each with what closed it (or the fold of an open one)."""
    if not reports:
        raise ValueError("a period without shifts has nothing to report")
    numbers = [shift for shift, _report in reports]
    if numbers != list(range(numbers[0], numbers[0] + len(numbers))):
        raise ValueError("shifts of a period follow one another")
    each = [report for _shift, report in reports]
    taxes: dict[tuple[int, int], list[int]] = {}
    for report in each:
        for row in report.taxes:
            sums = taxes.setdefault((row.tax_rate, OPERATIONS.index(row.operation)), [0, 0])
            sums[0] += row.turnover_minor
            sums[1] += row.tax_minor
    return FiscalReport(
        annulled_count=sum(report.annulled_count for report in each),
        annulled_minor=sum(report.annulled_minor for report in each),
        cash_in=_joined_movements([report.cash_in for report in each]),
        cash_minor=each[-1].cash_minor,
        cash_out=_joined_movements([report.cash_out for report in each]),
        first_shift=numbers[0],
        issued_at=at,
        last_shift=numbers[-1],
        operations=tuple(
            _joined([report.operations[place] for report in each]) for place in range(len(OPERATIONS))
        ),
        requisites=requisites,
        revenue_minor=sum(report.revenue_minor for report in each),
        rows=tuple(
            ShiftRow(
                cash_minor=report.cash_minor,
                closed_at=report.closed_at,
                opened_at=report.opened_at,
                operations=report.operations,
                revenue_minor=report.revenue_minor,
                shift=shift,
            )
            for shift, report in reports
        ),
        taxes=tuple(
            TaxTotals(operation=OPERATIONS[place], tax_minor=tax, tax_rate=rate, turnover_minor=turnover)
            for (rate, place), (turnover, tax) in sorted(taxes.items())
        ),
    )


# What a report says of a register's whole life, and not of the shift.
_OF_LIFE: Final = frozenset({"life_count", "non_nullable_minor", "operation", "start_non_nullable_minor"})


def _joined(operations: Sequence[OperationTotals]) -> OperationTotals:
    first, last = operations[0], operations[-1]
    sums = {
        name: sum(getattr(operation, name) for operation in operations)
        for name in OperationTotals.__struct_fields__
        if name not in _OF_LIFE
    }
    return OperationTotals(
        life_count=last.life_count,
        non_nullable_minor=last.non_nullable_minor,
        operation=first.operation,
        start_non_nullable_minor=first.start_non_nullable_minor,
        **sums,
    )


def _joined_movements(movements: Sequence[MovementTotals]) -> MovementTotals:
    return MovementTotals(
        count=sum(movement.count for movement in movements),
        life_count=movements[-1].life_count,
        offline_count=sum(movement.offline_count for movement in movements),
        sum_minor=sum(movement.sum_minor for movement in movements),
    )


def _report(document: Document, kind: KindName) -> ShiftReport:
    if document.kind != kind or document.report is None:
        raise ValueError(f"document {document.number} is no {kind} in full")
    return document.report
