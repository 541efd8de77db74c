"""Receipts: sales, refunds, purchases, their refunds, annulments.

The order and the words of Kazakhstan are those that the operators' print format has (rules of order № 626, in force from
2026: codes of the national catalogue, tax by lines); the order of Belarus is that of its programme registers. What was
struck out before the receipt was issued is in the document and not on the tape.
"""

from collections.abc import Iterator

from portal.fiscal.documents import Basis, Document, Line
from portal.fiscal.tape.copies import Copy
from portal.fiscal.tape.heads import (
    print_operator,
    print_organisation,
    print_place,
    print_qr,
    print_register,
    print_sign,
)
from portal.fiscal.tape.lines import TapeLine
from portal.fiscal.tape.parts import TAKING
from portal.fiscal.tape.roll import Roll

# Parts a marking code; no printer shows it and no buyer reads it.
GROUP_SEPARATOR = "\x1d"


def print_receipt_kz(roll: Roll, copy: Copy) -> Iterator[TapeLine]:
    """A receipt of Kazakhstan."""
    document, header = copy.document, copy.header
    yield from print_organisation(roll, header)
    yield roll.rule()
    yield from roll.text(header.register)
    yield from roll.text(f"{roll.say('shift')} {document.shift}")
    yield from roll.text(f"{roll.say('receipt')} №{copy.sign or '-'}")
    yield from print_cashier(roll, document)
    yield from roll.pair(roll.say(document.kind), f"№{document.ordinal}")
    yield from _basis(roll, document)
    yield roll.rule()
    for place, line in enumerate(document.lines, 1):
        yield from _line_kz(roll, place, line, document.currency or "KZT")
    yield from _modifiers(roll, document)
    yield roll.rule()
    yield from _payments(roll, document)
    if document.kind in TAKING and document.payments.cash_minor:
        yield from roll.pair(f"{roll.say('taken')}:", roll.sum(_taken(document)))
    if document.change_minor:
        yield from roll.pair(f"{roll.say('change_kz')}:", roll.sum(document.change_minor))
    yield from _all_discounts(roll, document)
    yield from roll.pair(f"{roll.say('total_kz')}:", roll.sum(document.total_minor), "bold")
    yield from _taxes(roll, document)
    yield roll.rule()
    if document.buyer is not None:
        yield from roll.fact(roll.say("buyer_kz"), document.buyer)
        yield roll.rule()
    yield from roll.fact(roll.say("fiscal_sign"), copy.sign or "-")
    yield from roll.fact(roll.say("time"), roll.moment(document.issued_at))
    yield from print_place(roll, header)
    yield from print_operator(roll, header)
    yield from roll.fact(roll.say("check_site"), header.operator.site)
    yield roll.rule()
    yield from roll.centred(roll.say("fiscal_receipt"), "bold")
    yield from print_qr(copy)
    yield from print_register(roll, header)


def print_receipt_by(roll: Roll, copy: Copy) -> Iterator[TapeLine]:
    """A receipt of Belarus."""
    document = copy.document
    currency = document.currency or "BYN"
    yield from print_organisation(roll, copy.header)
    yield roll.rule()
    yield from roll.pair(
        f"{roll.say('shift')} {document.shift}", f"{roll.say('receipt')} №{document.ordinal}"
    )
    yield from roll.text(f"{roll.say('document')} №{document.number}")
    yield from print_cashier(roll, document)
    yield from roll.text(roll.moment(document.issued_at))
    yield roll.rule()
    yield from roll.centred(roll.say(document.kind), "bold")
    yield from _basis(roll, document)
    if document.buyer is not None:
        yield from roll.fact(roll.say("buyer_by"), document.buyer)
    for line in document.lines:
        yield from _line_by(roll, line, currency)
    yield roll.rule()
    yield from _modifiers(roll, document)
    yield from roll.pair(roll.say("total_by"), f"{roll.sum(document.total_minor)} {currency}", "bold")
    yield from _taxes(roll, document)
    yield from _payments(roll, document)
    if document.change_minor:
        yield from roll.pair(f"{roll.say('change')}:", roll.sum(document.change_minor))
    yield roll.rule()
    yield from print_sign(roll, copy)


def print_cashier(roll: Roll, document: Document) -> Iterator[TapeLine]:
    """Who issued the document."""
    if document.cashier is not None:
        yield from roll.text(f"{roll.say('cashier')} {document.cashier}")


def _basis(roll: Roll, document: Document) -> Iterator[TapeLine]:
    """What a refund or an annulment takes back: by our number, and as the operator knows it."""
    if document.basis is not None:
        yield from roll.text(f"{roll.say('basis')} №{document.basis}")
    if document.basis_receipt is not None:
        yield from _basis_receipt(roll, document.basis_receipt)


def _basis_receipt(roll: Roll, basis: Basis) -> Iterator[TapeLine]:
    yield from roll.text(f"{roll.say('basis_receipt')} №{basis.fiscal_sign}")
    if basis.autonomous:
        yield from roll.text(roll.say("autonomous"), indent=3)
    yield from roll.text(f"{roll.say('rnm_short')} {basis.registration_number}", indent=3)
    yield from roll.pair(roll.moment(basis.issued_at), roll.sum(basis.total_minor), indent=3)


def _line_kz(roll: Roll, place: int, line: Line, currency: str) -> Iterator[TapeLine]:
    yield from roll.entry(f"{place}. ", line.name, indent=2)
    yield from _codes(roll, line, indent=3)
    yield from roll.product(f"{_asked(roll, line)} x", _price(roll, line, currency), indent=3)
    yield from _line_changes(roll, line, indent=3)
    yield from roll.pair(roll.say("cost"), roll.sum(line.sum_minor), indent=3)
    yield from _line_tax(roll, line, indent=3)


def _line_by(roll: Roll, line: Line, currency: str) -> Iterator[TapeLine]:
    yield from roll.text(line.name)
    yield from _codes(roll, line, indent=2)
    before = line.sum_minor + line.discount_minor - line.markup_minor - line.rounding_minor
    price, asked, value = _price(roll, line, currency), _asked(roll, line), f"= {roll.sum(before)}"
    if roll.has_room(f"{price} x {asked}", value, indent=2):
        yield from roll.pair(f"{price} x {asked}", value, indent=2)
    else:
        yield from roll.text(f"{price} x", indent=2)
        yield from roll.pair(asked, value, indent=2)
    yield from _line_changes(roll, line, indent=2)
    if line.sum_minor != before or line.discount_minor:
        yield from roll.pair(roll.say("cost"), roll.sum(line.sum_minor), indent=2)
    yield from _line_tax(roll, line, indent=2)


def _codes(roll: Roll, line: Line, indent: int) -> Iterator[TapeLine]:
    """What identifies the goods: codes of the catalogues, of each piece, of the excise stamp."""
    if line.barcode is not None:
        yield from roll.text(f"GTIN: {line.barcode}", indent=indent)
    if line.ntin is not None:
        yield from roll.text(f"NTIN: {line.ntin}", indent=indent)
    for code in (line.marking, *line.markings):
        if code is not None:
            yield from roll.text(code.replace(GROUP_SEPARATOR, ""), indent=indent)
    if line.excise is not None:
        yield from roll.text(f"{roll.say('excise')}: {line.excise}", indent=indent)


def _asked(roll: Roll, line: Line) -> str:
    """How much of it: in its unit, or in the currency that is sold or bought."""
    return f"{roll.amount(line.quantity_milli)} {line.currency or roll.unit(line.unit)}"


def _price(roll: Roll, line: Line, currency: str) -> str:
    """What one costs. A rate of exchange says in what."""
    return roll.sum(line.price_minor) + (f" {currency}" if line.currency else "")


def _line_changes(roll: Roll, line: Line, indent: int) -> Iterator[TapeLine]:
    for name, minor in (
        ("discount", -line.discount_minor),
        ("markup", line.markup_minor),
        ("rounding", line.rounding_minor),
    ):
        if minor:
            yield from roll.pair(roll.say(name), roll.sum(minor), indent=indent)


def _line_tax(roll: Roll, line: Line, indent: int) -> Iterator[TapeLine]:
    if line.tax_rate is not None:
        label = f"{roll.say('vat')} {roll.percent(line.tax_rate)}"
        yield from roll.pair(label, roll.sum(line.tax_minor), indent=indent)


def _modifiers(roll: Roll, document: Document) -> Iterator[TapeLine]:
    """What changed the receipt as a whole: each discount and markup by its name, and rounding."""
    named = {True: 0, False: 0}
    for modifier in document.modifiers:
        named[modifier.markup] += modifier.sum_minor
        label = modifier.name or roll.say("markup" if modifier.markup else "discount")
        yield from roll.pair(label, roll.sum(modifier.sum_minor if modifier.markup else -modifier.sum_minor))
    # Other tills state the sum of them alone.
    for name, minor in (
        ("discount", named[False] - document.discount_minor),
        ("markup", document.markup_minor - named[True]),
        ("rounding", document.rounding_minor),
    ):
        if minor:
            yield from roll.pair(roll.say(name), roll.sum(minor))


def _payments(roll: Roll, document: Document) -> Iterator[TapeLine]:
    payments = document.payments
    for name, minor in (
        ("card", payments.card_minor),
        ("mobile", payments.mobile_minor),
        ("other", payments.other_minor),
        ("cash", payments.cash_minor),
    ):
        if minor:
            yield from roll.pair(f"{roll.say(name)}:", roll.sum(minor))


def _taken(document: Document) -> int:
    """All that was handed over, before change."""
    payments = document.payments
    return payments.card_minor + payments.mobile_minor + payments.other_minor + payments.cash_minor


def _all_discounts(roll: Roll, document: Document) -> Iterator[TapeLine]:
    """All that was taken off and put on, by lines and by the receipt."""
    discount = document.discount_minor + sum(line.discount_minor for line in document.lines)
    markup = document.markup_minor + sum(line.markup_minor for line in document.lines)
    for name, minor in (("discount", discount), ("markup", markup)):
        if minor:
            yield from roll.pair(f"{roll.say(name)}:", roll.sum(minor))


def _taxes(roll: Roll, document: Document) -> Iterator[TapeLine]:
    """The tax of each rate: that of the lines, less that of the receipt's discounts, plus that of its markups."""
    by_rate: dict[int, int] = {}
    for line in document.lines:
        if line.tax_rate is not None:
            by_rate[line.tax_rate] = by_rate.get(line.tax_rate, 0) + line.tax_minor
    for modifier in document.modifiers:
        sign = 1 if modifier.markup else -1
        for share in modifier.shares:
            if share.tax_rate is not None:
                by_rate[share.tax_rate] = by_rate.get(share.tax_rate, 0) + sign * share.tax_minor
    for rate, minor in sorted(by_rate.items(), reverse=True):
        yield from roll.pair(f"{roll.say('vat_inside')} {roll.percent(rate)}:", roll.sum(minor))
