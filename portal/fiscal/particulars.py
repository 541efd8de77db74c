"""Rules about what only some documents state: rounding, modifiers of the whole receipt, what was struck, codes of goods, the
buyer, the receipt that is taken back, a report in full.

As in `portal.fiscal.checks` nothing is refused; each rule gives one remark at most.
"""

from typing import Final, TypeAlias

from portal.fiscal.dialects import Dialect
from portal.fiscal.documents import REPORTS, Document, Line, Modifier, OperationTotals, ShiftReport
from portal.fiscal.statements import checksum
from portal.fiscal.taxes import tax_inside
from portal.primitives.identifiers import parse_tax_id
from portal.primitives.quantity import MILLI_IN_ONE

Remark: TypeAlias = tuple[str, dict[str, object]]

CODES: Final = (
    "rounding_wrong",
    "modifiers_total",
    "modifier_tax",
    "storno_wrong",
    "markings_count",
    "buyer_invalid",
    "basis_unexpected",
    "report_unexpected",
    "report_wrong",
    "engine_claimed",
)

REFUNDS: Final = frozenset({"sale_refund", "purchase_refund"})
_REPORTS: Final = frozenset(kind.name.lower() for kind in REPORTS)


def check_particulars(
    document: Document, dialect: Dialect, rates: frozenset[int], remarks: list[Remark]
) -> None:
    """What a receipt states beyond lines, payments and sums."""
    _check_rounding(document, dialect, remarks)
    _check_markings(document.lines, remarks)
    if document.modifiers:
        _check_modifiers(document, rates, remarks)
    if document.stornos:
        _check_stornos(document, remarks)
    buyer = document.buyer
    if buyer is not None and parse_tax_id(buyer, dialect.country) != buyer:
        remarks.append(("buyer_invalid", {"buyer": buyer}))
    if document.basis_receipt is not None and document.kind not in REFUNDS:
        remarks.append(("basis_unexpected", {"kind": document.kind}))


def _check_markings(lines: tuple[Line, ...], remarks: list[Remark]) -> None:
    """A list of marking codes has one for each whole piece, each its own, and no single code beside it."""
    for place, line in enumerate(lines, 1):
        codes = line.markings
        if codes and (
            line.marking is not None
            or len(codes) * MILLI_IN_ONE != line.quantity_milli
            or len(set(codes)) != len(codes)
        ):
            facts: dict[str, object] = {
                "line": place,
                "markings": len(codes) + (line.marking is not None),
                "quantity_milli": line.quantity_milli,
            }
            remarks.append(("markings_count", facts))
            return


def check_report(document: Document, remarks: list[Remark]) -> None:
    """A report in full: on a report only, with its own checksum, and no sum in it against another."""
    report = document.report
    assert report is not None
    if document.kind not in _REPORTS:
        remarks.append(("report_unexpected", {"kind": document.kind}))
        return
    field = _wrong_field(document, report)
    if field is not None:
        remarks.append(("report_wrong", {"field": field}))


def _check_rounding(document: Document, dialect: Dialect, remarks: list[Remark]) -> None:
    """Rounding moves a sum by half of the smallest cash sum at most, and only where there was a reason to round.

    A refund of a part rounds what came back by then, so that its own sums may be further away; so does the annulment
    of one.
    """
    if document.kind in REFUNDS or document.kind == "annulment":
        return
    most = dialect.cash_step_minor // 2
    moved = document.rounding_minor
    is_reasoned = document.rounding == "total" or document.payments.cash_minor or not document.total_minor
    if moved and (not -most <= moved <= most or not is_reasoned):
        remarks.append(("rounding_wrong", {"line": 0, "rounding_minor": moved}))
        return
    for place, line in enumerate(document.lines, 1):
        moved = line.rounding_minor
        if moved and (not -most <= moved <= most or document.rounding != "positions"):
            remarks.append(("rounding_wrong", {"line": place, "rounding_minor": moved}))
            return


def _check_modifiers(document: Document, rates: frozenset[int], remarks: list[Remark]) -> None:
    """Modifiers make up the receipt's discount and markup, and their shares make them up, tax included."""
    sums = {False: 0, True: 0}
    is_whole = True
    for modifier in document.modifiers:
        sums[modifier.markup] += modifier.sum_minor
        if modifier.shares and sum(share.sum_minor for share in modifier.shares) != modifier.sum_minor:
            is_whole = False
    stated = {False: document.discount_minor, True: document.markup_minor}
    if sums != stated or not is_whole:
        facts: dict[str, object] = {
            "discount_minor": document.discount_minor,
            "markup_minor": document.markup_minor,
            "discounts_minor": sums[False],
            "markups_minor": sums[True],
        }
        remarks.append(("modifiers_total", facts))
    # A discount that takes all goods of a rate takes the tax of every line, each rounded by itself.
    difference_max = 1 + len(document.lines)
    for modifier in document.modifiers:
        if _is_tax_wrong(modifier, rates, difference_max, remarks):
            return


def _is_tax_wrong(
    modifier: Modifier, rates: frozenset[int], difference_max: int, remarks: list[Remark]
) -> bool:
    for share in modifier.shares:
        rate = share.tax_rate
        expected = tax_inside(share.sum_minor, rate)
        is_known = rate is None or rate in rates
        if not is_known or abs(share.tax_minor - expected) > (0 if rate is None else difference_max):
            facts: dict[str, object] = {
                "expected_minor": expected,
                "rate": rate,
                "sum_minor": share.sum_minor,
                "tax_minor": share.tax_minor,
            }
            remarks.append(("modifier_tax", facts))
            return True
    return False


def _check_stornos(document: Document, remarks: list[Remark]) -> None:
    """A storno strikes a line or a line's modifiers, at a place that the basket had, and no line twice."""
    struck = {storno.place for storno in document.stornos if storno.line is not None}
    entries = len(document.lines) + len(struck)
    seen: set[int] = set()
    for storno in document.stornos:
        has_sums = bool(storno.discount_minor or storno.markup_minor)
        if storno.place in seen or storno.place > entries or has_sums == (storno.line is not None):
            remarks.append(("storno_wrong", {"place": storno.place}))
            return
        seen.add(storno.place)


def _wrong_field(document: Document, report: ShiftReport) -> str | None:
    """The first field of a report that the others contradict."""
    if report.checksum is not None and report.checksum != checksum(report):
        return "checksum"
    if (report.closed_at is not None) != (document.kind == "z_report"):
        return "closed_at"
    names = tuple(operation.operation for operation in report.operations)
    if names != ("sale", "sale_refund", "purchase", "purchase_refund"):
        return "operations"
    for operation in report.operations:
        field = _wrong_sum(operation)
        if field is not None:
            return field
    sale, sale_refund, purchase, purchase_refund = (each.sum_minor for each in report.operations)
    if report.revenue_minor != sale - sale_refund - purchase + purchase_refund:
        return "revenue_minor"
    if document.totals is not None and document.totals.cash_minor != report.cash_minor:
        return "cash_minor"
    return None


def _wrong_sum(operation: OperationTotals) -> str | None:
    paid = operation.cash_minor + operation.card_minor + operation.mobile_minor + operation.other_minor
    if paid != operation.sum_minor:
        return "sum_minor"
    if operation.taken_minor - operation.change_minor != paid:
        return "taken_minor"
    if operation.non_nullable_minor != operation.start_non_nullable_minor + operation.sum_minor:
        return "non_nullable_minor"
    if operation.life_count < operation.count:
        return "life_count"
    return None
