"""Documents without positions: a shift's opening, cash in and out, X- and Z-reports.

A report says every field of `ShiftReport`; first what an accountant looks for (manual of Webkassa 2.0, 8.1.1 and 8.1.2), then
operation by operation. Operations that the register has never done are left out, and so are types of payment that nobody used.
"""

from collections.abc import Iterator

from portal.fiscal.documents import (
    Kind,
    ShiftReport,
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
from portal.fiscal.tape.parts import (
    HEADINGS,
    PAYMENTS,
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
from portal.fiscal.tape.receipts import print_cashier
from portal.fiscal.tape.roll import Roll

_MOVEMENTS = frozenset({Kind.CASH_IN.name.lower(), Kind.CASH_OUT.name.lower()})


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
        yield from print_report(roll, document.report, document.ordinal)
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


def print_report(roll: Roll, report: ShiftReport, document_count: int) -> Iterator[TapeLine]:
    """A shift in full."""
    yield from roll.fact(roll.say("opened"), roll.moment(report.opened_at))
    if report.closed_at is not None:
        yield from roll.fact(roll.say("closed"), roll.moment(report.closed_at))
    yield roll.rule()
    yield from _summary(roll, report, document_count)
    for operation in filter(has_ever_been, report.operations):
        yield roll.rule()
        yield from print_operation(roll, operation)
    yield roll.rule()
    yield from _drawer(roll, report)
    if report.sections:
        yield roll.rule()
        yield from _sections(roll, report)
    if report.taxes:
        yield roll.rule()
        yield from print_taxes(roll, report.taxes)
    if report.cashiers:
        yield roll.rule()
        yield from roll.centred(roll.say("by_cashiers"), "bold")
        yield from print_cashiers(roll, report.cashiers)
    yield roll.rule()
    yield from print_non_nullable(roll, report.operations)
    if report.checksum is not None:
        yield roll.rule()
        yield from roll.fact(roll.say("checksum"), report.checksum)


def _summary(roll: Roll, report: ShiftReport, document_count: int) -> Iterator[TapeLine]:
    """What is asked of a report first: of sales, and of their refunds. Purchases stand with the operations."""
    sale, refund = report.operations[:2]
    yield from print_count(roll, "documents_in_shift", document_count)
    yield from print_count(roll, "receipts_in_shift", report.receipt_count)
    yield from print_counted(roll, "sale_receipts", sale.count, sale.sum_minor)
    yield from print_counted(roll, "refund_receipts", refund.count, refund.sum_minor)
    yield from print_sum(roll, "received", sale.taken_minor)
    for name in PAYMENTS:
        minor = getattr(sale, f"{name}_minor")
        if minor or name in ("cash", "card"):
            yield from print_sum(roll, f"received_{name}", minor, indent=2)
    yield from print_sum(roll, "change", sale.change_minor)
    yield from print_sum(roll, "discounts", sale.discount_minor)
    yield from print_sum(roll, "vat_sales", sale.tax_minor)


def _drawer(roll: Roll, report: ShiftReport) -> Iterator[TapeLine]:
    """What moved in the drawer beside receipts, what is in it, and what was earned."""
    if report.annulled_life_count:
        yield from print_counted(roll, "annulments", report.annulled_count, report.annulled_minor)
        yield from print_count(roll, "life_count_all", report.annulled_life_count, indent=2)
    yield from print_movement(roll, "cash_ins", report.cash_in)
    yield from print_movement(roll, "cash_outs", report.cash_out)
    yield from print_sum(roll, "in_drawer", report.cash_minor)
    yield from roll.pair(f"{roll.say('revenue')}:", roll.sum(report.revenue_minor), "bold")


def _sections(roll: Roll, report: ShiftReport) -> Iterator[TapeLine]:
    yield from roll.centred(roll.say("by_sections"), "bold")
    seen: int | None = None
    for one in report.sections:
        if one.section != seen:
            seen = one.section
            yield from roll.text(f"{roll.say('section')} {one.section}")
        yield from print_counted(roll, HEADINGS[one.operation], one.count, one.sum_minor, indent=2)


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
            yield from print_counted(roll, name, count, minor)
    yield from print_sum(roll, "cash_ins", totals.cash_in_minor)
    yield from print_sum(roll, "cash_outs", totals.cash_out_minor)
    yield from print_sum(roll, "in_drawer", totals.cash_minor)
    taken = totals.sale_minor + totals.purchase_refund_minor
    given = totals.refund_minor + totals.annulment_minor + totals.purchase_minor
    yield from roll.pair(f"{roll.say('revenue')}:", roll.sum(taken - given), "bold")
