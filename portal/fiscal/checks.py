"""Rules that an already issued document may break.

A till has issued the document, so it is a fact: nothing here refuses it. What comes back are remarks, at most one
of each code, with facts that fill a sentence and fit JSON. When several lines break one rule the facts tell of
the first, counted from one.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from portal.fiscal import particulars
from portal.fiscal.dialects import Dialect
from portal.fiscal.documents import RECEIPTS, Document, Line
from portal.fiscal.particulars import Remark, check_particulars, check_report
from portal.fiscal.taxes import line_sum, tax_inside

CODES: Final = (
    "line_sum",
    "lines_total",
    "payments_total",
    "change_without_cash",
    "cashless_overflow",
    "cash_not_rounded",
    "tax_rate_unknown",
    "tax_sum",
    "receipt_without_lines",
    "no_cashier",
    "basis_missing",
    "fiscal_sign_missing",
    "lines_on_report",
    "cash_movement_empty",
    "report_without_totals",
    "shift_too_long",
    "clock_ahead",
    "clock_back",
    *particulars.CODES,
)

CLOCK_AHEAD_MAX: Final = timedelta(minutes=10)

# Tills round a line's tax in ways of their own; one minor unit more or less is nobody's mistake.
TAX_DIFFERENCE_MAX_MINOR: Final = 1
_TAX_DIFFERENCES: Final = frozenset(range(-TAX_DIFFERENCE_MAX_MINOR, TAX_DIFFERENCE_MAX_MINOR + 1))

_RECEIPTS: Final = frozenset(kind.name.lower() for kind in RECEIPTS)
_NAMES_A_BASIS: Final = frozenset({"sale_refund", "purchase_refund", "annulment"})
_CASH_MOVEMENTS: Final = frozenset({"cash_in", "cash_out"})


def check(
    document: Document,
    *,
    dialect: Dialect,
    shift_opened_at: datetime | None,
    received_at: datetime,
    previous_issued_at: datetime | None,
    is_ours: bool = False,
) -> list[Remark]:
    """Every rule that a document breaks; an empty list for a good one.

    `shift_opened_at` is when the hours of the shift began to count. `is_ours` tells a document that our own engine issued
    from one that says so: ours gets its sign from the operator after it was issued, names no basis where the country
    asks for none, and closes a shift that ran too long with what belongs to closing.

    This runs for every streamed document: the usual road through it is comparisons only, and a remark's facts
    are put together after a rule is known to be broken.
    """
    remarks: list[Remark] = []
    if document.kind in _RECEIPTS:
        _check_receipt(document, dialect, remarks, is_ours=is_ours)
        _check_lines(document, dialect, remarks)
    else:
        _check_other(document, dialect, remarks)
    issued_at = document.issued_at
    if (
        shift_opened_at is not None
        and issued_at - shift_opened_at > dialect.shift_length_max
        and document.kind != "z_report"
        and not (is_ours and _belongs_to_closing(document))
    ):
        remarks.append(("shift_too_long", {"opened_at": _utc(shift_opened_at), "issued_at": _utc(issued_at)}))
    if issued_at - received_at > CLOCK_AHEAD_MAX:
        remarks.append(("clock_ahead", {"issued_at": _utc(issued_at), "received_at": _utc(received_at)}))
    if previous_issued_at is not None and issued_at < previous_issued_at:
        facts: dict[str, object] = {"issued_at": _utc(issued_at), "previous_at": _utc(previous_issued_at)}
        remarks.append(("clock_back", facts))
    if document.report is not None:
        check_report(document, remarks)
    if document.engine is not None and not is_ours:
        remarks.append(("engine_claimed", {}))
    return remarks


def _check_receipt(document: Document, dialect: Dialect, remarks: list[Remark], *, is_ours: bool) -> None:
    """The head of a receipt: who, what for, and how it was paid."""
    payments = document.payments
    total, cash, change = document.total_minor, payments.cash_minor, document.change_minor
    cashless = payments.card_minor + payments.mobile_minor + payments.other_minor
    if cash + cashless - change != total:
        remarks.append(
            ("payments_total", {"total_minor": total, "paid_minor": cash + cashless, "change_minor": change})
        )
    if change > cash:
        remarks.append(("change_without_cash", {"change_minor": change, "cash_minor": cash}))
    if cashless > total and not dialect.cashless_may_exceed:
        remarks.append(("cashless_overflow", {"total_minor": total, "cashless_minor": cashless}))
    step = dialect.cash_step_minor
    if step > 1 and (cash % step or change % step):
        remarks.append(("cash_not_rounded", {"cash_minor": cash, "change_minor": change, "step_minor": step}))
    if document.cashier is None:
        remarks.append(("no_cashier", {}))
    if (
        document.basis is None
        and document.kind in _NAMES_A_BASIS
        and document.basis_receipt is None
        and not (is_ours and not dialect.refund_names_basis)
    ):
        remarks.append(("basis_missing", {"kind": document.kind}))
    if document.fiscal_sign is None and not document.autonomous and (dialect.signs_itself or not is_ours):
        remarks.append(("fiscal_sign_missing", {}))


def _check_lines(document: Document, dialect: Dialect, remarks: list[Remark]) -> None:
    """The lines of a receipt: each by itself, and all against the total."""
    lines = document.lines
    if not lines:
        remarks.append(("receipt_without_lines", {}))
        return
    rates = dialect.rates_at(document.issued_at)
    sums = 0
    line_sums_right = rates_known = taxes_right = True
    is_particular = False
    for line in lines:
        stated, rate = line.sum_minor, line.tax_rate
        sums += stated
        # The rounding of taxes.line_sum and taxes.tax_inside, written out: a call costs more than the sum.
        rounded = (2 * line.price_minor * line.quantity_milli + 1000) // 2000
        if rounded - line.discount_minor + line.markup_minor != stated:
            line_sums_right = False
        if line.rounding_minor or line.markings:
            is_particular = True
        if rate is None:
            if line.tax_minor > TAX_DIFFERENCE_MAX_MINOR:
                taxes_right = False
            continue
        if rate not in rates:
            rates_known = False
        whole = 10_000 + rate
        share = (2 * stated * rate + whole) // (2 * whole)
        if line.tax_minor - share not in _TAX_DIFFERENCES:
            taxes_right = False
    if not line_sums_right or is_particular:
        _check_line_sums(lines, remarks)
    expected = sums - document.discount_minor + document.markup_minor + document.rounding_minor
    if expected != document.total_minor:
        remarks.append(
            (
                "lines_total",
                {"total_minor": document.total_minor, "lines_minor": sums, "expected_minor": expected},
            )
        )
    if not rates_known:
        rates |= _earlier_rates(document, dialect)
        rates_known = all(line.tax_rate is None or line.tax_rate in rates for line in lines)
    if not rates_known:
        remarks.append(("tax_rate_unknown", _first_unknown_rate(lines, rates)))
    if not taxes_right:
        remarks.append(("tax_sum", _first_wrong_tax(lines)))
    if (
        is_particular
        or document.modifiers
        or document.stornos
        or document.rounding_minor
        or document.buyer is not None
        or document.basis_receipt is not None
    ):
        check_particulars(document, dialect, rates | _earlier_rates(document, dialect), remarks)


def _check_other(document: Document, dialect: Dialect, remarks: list[Remark]) -> None:
    """Shift openings, cash movements and reports have neither lines nor payments."""
    payments = document.payments
    paid = payments.cash_minor + payments.card_minor + payments.mobile_minor + payments.other_minor
    if document.lines or paid or document.change_minor:
        remarks.append(
            ("lines_on_report", {"kind": document.kind, "lines": len(document.lines), "paid_minor": paid})
        )
    if document.kind in _CASH_MOVEMENTS:
        total, step = document.total_minor, dialect.cash_step_minor
        if not total:
            remarks.append(("cash_movement_empty", {"kind": document.kind}))
        if total % step:
            remarks.append(("cash_not_rounded", {"cash_minor": total, "change_minor": 0, "step_minor": step}))
    if document.kind == "z_report" and document.totals is None:
        remarks.append(("report_without_totals", {}))


def _check_line_sums(lines: tuple[Line, ...], remarks: list[Remark]) -> None:
    for place, line in enumerate(lines, 1):
        expected = line_sum(line.price_minor, line.quantity_milli, line.discount_minor, line.markup_minor)
        expected += line.rounding_minor
        if expected != line.sum_minor:
            remarks.append(
                ("line_sum", {"line": place, "sum_minor": line.sum_minor, "expected_minor": expected})
            )
            return


def _first_unknown_rate(lines: tuple[Line, ...], rates: frozenset[int]) -> dict[str, object]:
    for place, line in enumerate(lines, 1):
        if line.tax_rate is not None and line.tax_rate not in rates:
            return {"line": place, "rate": line.tax_rate}
    raise AssertionError("asked for an unknown rate where there is none")


def _first_wrong_tax(lines: tuple[Line, ...]) -> dict[str, object]:
    for place, line in enumerate(lines, 1):
        expected = tax_inside(line.sum_minor, line.tax_rate)
        if abs(line.tax_minor - expected) > TAX_DIFFERENCE_MAX_MINOR:
            return {"line": place, "tax_minor": line.tax_minor, "expected_minor": expected}
    raise AssertionError("asked for a wrong tax where there is none")


def _earlier_rates(document: Document, dialect: Dialect) -> frozenset[int]:
    """The rates of what a document takes back: those of its day, or any rate there ever was when the day is not told."""
    if document.basis_receipt is not None:
        return dialect.rates_at(document.basis_receipt.issued_at)
    if document.kind in _NAMES_A_BASIS and document.basis is not None:
        return frozenset().union(
            *(rates for began, rates in dialect.rate_steps if began <= document.issued_at)
        )
    return frozenset()


def _belongs_to_closing(document: Document) -> bool:
    """The cash withdrawn before a Z-report, and what undoes a refusal of the operator."""
    return document.kind in ("cash_out", "annulment") or document.basis is not None


def _utc(moment: datetime) -> str:
    """A moment as facts keep it. The edge of the calendar has no neighbour in UTC and stays as it was said."""
    try:
        return moment.astimezone(UTC).isoformat(timespec="seconds")
    except OverflowError:
        return moment.isoformat(timespec="seconds")
