"""Documents as facts: how a register stands after what it did not issue by our rules.

A till of another make has issued them, so nothing is refused: they are counted, as they are.
"""

from collections.abc import Iterable

from msgspec.structs import replace

from portal.fiscal import counters as counting
from portal.fiscal.counters import DIRECTIONS, PLACES
from portal.fiscal.dialects import Dialect
from portal.fiscal.documents import SUM_MAX, Document
from portal.fiscal.state import Register, new_register, opened


def adopt(
    factory_number: str,
    dialect: Dialect,
    documents: Iterable[Document],
    *,
    registration_number: str | None = None,
    past: Register | None = None,
    cash_minor: int | None = None,
) -> Register:
    """A register whose past another till has streamed, ready to issue its next document.

    `documents` stand in the order of their numbers: all there are, or those after `past`, the register as it was adopted
    before. `cash_minor` is what was counted in the drawer; without it, what the documents leave there, and never
    less than nothing. Refuses `SumTooLarge` when no report could state the open shift.
    """
    register = past or new_register(factory_number, dialect)
    register = replace(register, registration_number=registration_number or register.registration_number)
    shift: dict[int, Document] = {}
    for document in documents:
        if document.shift != register.shift:
            shift.clear()
        register = follow(register, document, dialect, shift)
        shift[document.number] = document
    return register if cash_minor is None else replace(register, cash_minor=cash_minor)


def follow(register: Register, document: Document, dialect: Dialect, shift: dict[int, Document]) -> Register:
    """The register after a document that is a fact. `shift` are the documents of its shift before it, by number."""
    if document.shift != register.shift or not register.is_open:
        register = replace(opened(register, document.issued_at, dialect), shift=document.shift)
    counters = register.counters
    cash = 0
    taken = shift.get(document.basis) if document.basis is not None else None
    match document.kind:
        case "sale" | "sale_refund" | "purchase" | "purchase_refund":
            counters = counting.count_receipt(counters, document)
            cash = DIRECTIONS[PLACES[document.kind]] * _cash(document)
        case "annulment":
            if taken is not None and taken.kind in PLACES:
                cash = -DIRECTIONS[PLACES[taken.kind]] * _cash(taken)
            if taken is None or dialect.may_annul:
                counters = counting.count_annulment(counters, document)
            else:
                counters = counting.restore(counters, document, taken, is_offline=taken.autonomous)
        case "cash_in" | "cash_out":
            cash = document.total_minor if document.kind == "cash_in" else -document.total_minor
            if taken is None:
                counters = counting.count_movement(counters, document)
            else:
                counters = counting.restore(counters, document, taken, is_offline=taken.autonomous)
        case "x_report" | "z_report":
            counters = counting.count_report(counters)
    is_receipt = document.kind in PLACES
    last = register.last_issued_at
    return replace(
        register,
        cash_minor=min(max(register.cash_minor + cash, 0), SUM_MAX),
        counters=counters,
        digest=document.digest,
        hours_from=document.issued_at if is_receipt and register.hours_from is None else register.hours_from,
        is_open=document.kind != "z_report",
        last_issued_at=document.issued_at if last is None else max(last, document.issued_at),
        number=document.number,
    )


def _cash(document: Document) -> int:
    """What stayed in the drawer, or left it."""
    return document.payments.cash_minor - document.change_minor
