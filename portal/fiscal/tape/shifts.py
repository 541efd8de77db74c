"""Documents without positions: a shift's opening, cash in and out, X- and Z-reports.

A report says every field of `ShiftReport`; first what an accountant looks for (manual of Webkassa 2.0, 8.1.1 and 8.1.2), then
operation by operation. Operations that the register has never done are left out, and so are types of payment that nobody used.
"""

from collections.abc import Iterable, Iterator

from portal.fiscal.documents import (
    Document,
    Kind,
    MovementTotals,
    OperationName,
    OperationTotals,
    ShiftReport,
    TaxTotals,
    Totals,
)
from portal.fiscal.tape.copies import Copy
from portal.fiscal.tape.heads import (
    print_operator,
    print_organisation,
    print_place,
    print_register,
    print_sign,
)
from portal.fiscal.tape.lines import TapeLine
from portal.fiscal.tape.receipts import print_cashier
from portal.fiscal.tape.roll import Roll

_MOVEMENTS = frozenset({Kind.CASH_IN.name.lower(), Kind.CASH_OUT.name.lower()})
_HEADING: dict[OperationName, str] = {
    "sale": "sales",
    "sale_refund": "refunds",
    "purchase": "purchases",
    "purchase_refund": "purchase_refunds",
}
# What the register is the richer for is added, the rest is taken away.
_SIGN: dict[OperationName, int] = {"sale": 1, "sale_refund": -1, "purchase": -1, "purchase_refund": 1}
_REFUNDS = frozenset({"sale_refund", "purchase_refund"})
_PAYMENTS = ("cash", "card", "mobile", "other")


def print_service_document(roll: Roll, copy: Copy) -> Iterator[TapeLine]:
    """A shift's opening, cash in and out, an X- or Z-report."""
    document, header = copy.document, copy.header
    yield from print_organisation(roll, header)
    yield roll.rule()
    yield from roll.centred(roll.say(document.kind), "bold")
    if header.country == "kz":
        yield from roll.text(header.register)
    yield from roll.pair(
        f"{roll.say('shift')} {document.shift}", f"{roll.say('document')} №{document.number}"
    )
    yield from print_cashier(roll, document)
    if document.cashier_code or document.report is not None:
        yield from roll.fact(roll.say("cashier_code"), str(document.cashier_code))
    yield from roll.fact(roll.say("time"), roll.moment(document.issued_at))
    if document.basis is not None:
        yield from roll.text(f"{roll.say('basis')} №{document.basis}")
    if document.kind in _MOVEMENTS:
        yield roll.rule()
        yield from roll.pair(f"{roll.say('sum')}:", roll.sum(document.total_minor), "bold")
    if document.report is not None:
        yield from print_report(roll, document, document.report)
    elif document.totals is not None:
        yield roll.rule()
        yield from _totals(roll, document.totals)
    yield roll.rule()
    if header.country == "kz":
        if copy.sign is not None:
            yield from roll.fact(roll.say("fiscal_sign"), copy.sign)
        yield from print_place(roll, header)
        yield from print_operator(roll, header)
        yield from print_register(roll, header)
    else:
        yield from print_sign(roll, copy)


def print_report(roll: Roll, document: Document, report: ShiftReport) -> Iterator[TapeLine]:
    """A shift in full."""
    yield from roll.fact(roll.say("opened"), roll.moment(report.opened_at))
    if report.closed_at is not None:
        yield from roll.fact(roll.say("closed"), roll.moment(report.closed_at))
    yield roll.rule()
    yield from _summary(roll, document, report)
    for operation in report.operations:
        if operation.operation == "sale" or operation.life_count or operation.non_nullable_minor:
            yield roll.rule()
            yield from _operation(roll, operation)
    yield roll.rule()
    yield from _drawer(roll, report)
    if report.sections:
        yield roll.rule()
        yield from _sections(roll, report)
    if report.taxes:
        yield roll.rule()
        yield from _taxes(roll, report.taxes)
    if report.cashiers:
        yield roll.rule()
        yield from _cashiers(roll, report)
    yield roll.rule()
    yield from _non_nullable(roll, report.operations)
    if report.checksum is not None:
        yield roll.rule()
        yield from roll.fact(roll.say("checksum"), report.checksum)


def _summary(roll: Roll, document: Document, report: ShiftReport) -> Iterator[TapeLine]:
    """What is asked of a report first. What is received comes with sales and with refunds of purchases."""
    operations = report.operations
    refunds = [one for one in operations if one.operation in _REFUNDS]
    received = [one for one in operations if _SIGN[one.operation] > 0]
    yield from _count(roll, "documents_in_shift", document.ordinal)
    yield from _count(roll, "receipts_in_shift", report.receipt_count)
    yield from _count(roll, "refunds_in_shift", sum(one.count for one in refunds))
    yield from _sum(roll, "receipts_sum", sum(one.sum_minor for one in operations))
    yield from _sum(roll, "refunds_sum", sum(one.sum_minor for one in refunds))
    yield from _sum(roll, "received", sum(one.taken_minor for one in received))
    for name in _PAYMENTS:
        minor = sum(getattr(one, f"{name}_minor") for one in received)
        if minor or name in ("cash", "card"):
            yield from _sum(roll, f"received_{name}", minor, indent=2)
    yield from _sum(roll, "change", sum(one.change_minor for one in operations))
    yield from _sum(roll, "discounts", sum(one.discount_minor for one in operations))
    yield from _sum(roll, "markups", sum(one.markup_minor for one in operations))
    yield from _sum(roll, "vat_net", sum(_SIGN[one.operation] * one.tax_minor for one in operations))


def _operation(roll: Roll, operation: OperationTotals) -> Iterator[TapeLine]:
    heading = f"{roll.say(_HEADING[operation.operation])} ({operation.count}):"
    yield from roll.pair(heading, roll.sum(operation.sum_minor), "bold")
    yield from _count(roll, "life_count", operation.life_count, indent=2)
    if not operation.count:
        return
    if operation.offline_count:
        yield from _count(roll, "offline_count", operation.offline_count, indent=2)
    yield from _counted(roll, "items", operation.item_count, operation.item_minor, indent=2)
    yield from _counted(roll, "discounts", operation.discount_count, operation.discount_minor, indent=2)
    yield from _counted(roll, "markups", operation.markup_count, operation.markup_minor, indent=2)
    yield from _sum(roll, "vat", operation.tax_minor, indent=2)
    for name in _PAYMENTS:
        count, minor = getattr(operation, f"{name}_count"), getattr(operation, f"{name}_minor")
        if count or minor:
            yield from _counted(roll, name, count, minor, indent=2)
    yield from _sum(roll, "taken", operation.taken_minor, indent=2)
    yield from _sum(roll, "change", operation.change_minor, indent=2)


def _drawer(roll: Roll, report: ShiftReport) -> Iterator[TapeLine]:
    """What moved in the drawer beside receipts, what is in it, and what was earned."""
    if report.annulled_life_count:
        yield from _counted(roll, "annulments", report.annulled_count, report.annulled_minor)
        yield from _count(roll, "life_count_all", report.annulled_life_count, indent=2)
    yield from _movement(roll, "cash_ins", report.cash_in)
    yield from _movement(roll, "cash_outs", report.cash_out)
    yield from _sum(roll, "in_drawer", report.cash_minor)
    yield from roll.pair(f"{roll.say('revenue')}:", roll.sum(report.revenue_minor), "bold")


def _movement(roll: Roll, name: str, movement: MovementTotals) -> Iterator[TapeLine]:
    yield from _counted(roll, name, movement.count, movement.sum_minor)
    if movement.life_count:
        yield from _count(roll, "life_count_all", movement.life_count, indent=2)
    if movement.offline_count:
        yield from _count(roll, "offline_count_all", movement.offline_count, indent=2)


def _sections(roll: Roll, report: ShiftReport) -> Iterator[TapeLine]:
    yield from roll.centred(roll.say("by_sections"), "bold")
    seen: int | None = None
    for one in report.sections:
        if one.section != seen:
            seen = one.section
            yield from roll.text(f"{roll.say('section')} {one.section}")
        yield from _counted(roll, _HEADING[one.operation], one.count, one.sum_minor, indent=2)


def _taxes(roll: Roll, taxes: Iterable[TaxTotals]) -> Iterator[TapeLine]:
    """The turnover of each rate, with its tax and without."""
    yield from roll.centred(roll.say("by_rates"), "bold")
    for one in taxes:
        label = f"{roll.say('vat')} {roll.percent(one.tax_rate)}"
        yield from roll.text(f"{label}, {roll.say(_HEADING[one.operation])}")
        yield from _sum(roll, "turnover", one.turnover_minor, indent=2)
        yield from _sum(roll, "turnover_without_tax", one.turnover_minor - one.tax_minor, indent=2)
        yield from _sum(roll, "vat", one.tax_minor, indent=2)


def _cashiers(roll: Roll, report: ShiftReport) -> Iterator[TapeLine]:
    yield from roll.centred(roll.say("by_cashiers"), "bold")
    for one in report.cashiers:
        yield from roll.text(f"{one.name} ({one.code})")
        yield from _count(roll, "receipts", one.receipt_count, indent=2)
        yield from _counted(roll, "sales", one.sale_count, one.sale_minor, indent=2)
        yield from _counted(roll, "refunds", one.refund_count, one.refund_minor, indent=2)
        for name in _PAYMENTS:
            minor = getattr(one, f"{name}_minor")
            if minor:
                yield from _sum(roll, name, minor, indent=2)
        yield from _sum(roll, "cash_ins", one.cash_in_minor, indent=2)
        yield from _sum(roll, "cash_outs", one.cash_out_minor, indent=2)


def _non_nullable(roll: Roll, operations: Iterable[OperationTotals]) -> Iterator[TapeLine]:
    """The totals that are never reset, as the shift began and as they stand."""
    yield from roll.centred(roll.say("non_nullable"), "bold")
    for caption, field in (("at_start", "start_non_nullable_minor"), ("at_end", "non_nullable_minor")):
        yield from roll.text(f"{roll.say(caption)}:")
        for one in operations:
            yield from _sum(roll, _HEADING[one.operation], getattr(one, field), indent=2)


def _totals(roll: Roll, totals: Totals) -> Iterator[TapeLine]:
    """What other tills state of a shift."""
    counted = (
        ("sales", totals.sale_count, totals.sale_minor),
        ("refunds", totals.refund_count, totals.refund_minor),
        ("annulments", totals.annulment_count, totals.annulment_minor),
        ("purchases", totals.purchase_count, totals.purchase_minor),
        ("purchase_refunds", totals.purchase_refund_count, totals.purchase_refund_minor),
    )
    for name, count, minor in counted:
        # Sales and refunds are said even when there were none: that, too, is what a report is read for.
        if count or minor or name in ("sales", "refunds"):
            yield from _counted(roll, name, count, minor)
    yield from _sum(roll, "cash_ins", totals.cash_in_minor)
    yield from _sum(roll, "cash_outs", totals.cash_out_minor)
    yield from _sum(roll, "in_drawer", totals.cash_minor)
    taken = totals.sale_minor + totals.purchase_refund_minor
    given = totals.refund_minor + totals.annulment_minor + totals.purchase_minor
    yield from roll.pair(f"{roll.say('revenue')}:", roll.sum(taken - given), "bold")


def _count(roll: Roll, name: str, count: int, indent: int = 0) -> Iterator[TapeLine]:
    yield from roll.pair(f"{roll.say(name)}:", str(count), indent=indent)


def _sum(roll: Roll, name: str, minor: int, indent: int = 0) -> Iterator[TapeLine]:
    yield from roll.pair(f"{roll.say(name)}:", roll.sum(minor), indent=indent)


def _counted(roll: Roll, name: str, count: int, minor: int, indent: int = 0) -> Iterator[TapeLine]:
    yield from roll.pair(f"{roll.say(name)} ({count}):", roll.sum(minor), indent=indent)
