"""Issue a register's journal again: the same commands must give the same bytes.

A document says everything that its command said, only worked out; so the command is built of the document, issued by the
register as it stood, and what comes out is held against what is stored, byte for byte. What the journal does not hold is
given beside it: when the register went without its operator, and when it came back.
"""

from collections import deque
from collections.abc import Container, Iterable, Iterator
from datetime import datetime
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import asdict, replace

from portal.fiscal.adopting import adopt, follow
from portal.fiscal.chain import canonical
from portal.fiscal.commands import (
    Annul,
    BasketLine,
    Change,
    CloseShift,
    ComeBack,
    Command,
    GoAutonomous,
    MoveCash,
    OpenShift,
    Original,
    Receipt,
    ReceiptModifier,
    Refund,
    RegisterSettings,
    RoundingMode,
    Taken,
    TakeReport,
)
from portal.fiscal.counters import PLACES
from portal.fiscal.dialects import Dialect
from portal.fiscal.documents import Document, Line, Modifier, OperationName, Payments, Storno
from portal.fiscal.register import ENGINE_VERSION, issue
from portal.fiscal.state import Register, new_register
from portal.primitives.refusals import Refusal

__all__ = ["Difference", "Event", "Replay", "adopt", "commands_of", "replay"]

# How a register was set is no part of the journal; whatever its documents show was allowed.
_PERMISSIVE: Final = RegisterSettings(
    are_both_modifiers_allowed=True,
    is_exchange_office=True,
    may_purchase=True,
    withdraws_at_close=True,
)


class Event(Struct, frozen=True, kw_only=True):
    """The register went without its operator, or came back, after document `after_number`.

    `late` are the numbers of the documents that reached the operator as autonomous ones though they do not say so.
    """

    after_number: int
    at: datetime
    kind: Literal["went_autonomous", "came_back"]
    late: tuple[int, ...] = ()


class Difference(Struct, frozen=True, kw_only=True):
    """Where the journal and the rules disagree.

    `what` is `gap` (numbers are missing before this one), `other_rules` (issued by another version of the engine or the
    dialect, so that nothing can be said), `refused` (the rules refuse it; facts: `code`), `fields` (other bytes; facts:
    `fields`), `event_refused` (facts: `code`, `kind`) or `state` (after the last document; facts: `fields`).
    """

    facts: dict[str, object]
    number: int
    what: Literal["gap", "other_rules", "refused", "fields", "event_refused", "state"]


def replay(
    documents: Iterable[Document],
    events: Iterable[Event],
    dialect: Dialect,
    *,
    start: Register | None = None,
    expected: Register | None = None,
    bases: Container[int] | None = None,
) -> Iterator[Difference]:
    """Issue the documents again, in the order of their numbers, and tell every difference.

    `start` is the register before the first of them. What was streamed (no `engine`) is a fact and is followed only.
    After a difference the document that is stored counts. `expected` is the register as it is stored. `bases` are
    the numbers of receipts that later documents name; without them every receipt is kept in memory.
    """
    again = Replay(dialect, start=start, bases=bases)
    waiting = deque(sorted(events, key=lambda event: event.after_number))
    for document in documents:
        while waiting and waiting[0].after_number < document.number:
            yield from again.happen(waiting.popleft())
        yield from again.step(document)
    for event in waiting:
        yield from again.happen(event)
    if expected is not None and again.register is not None:
        fields = _differing(again.register, expected)
        if fields:
            yield Difference(number=again.register.number, what="state", facts={"fields": fields})


class Replay:
    """A journal that is being issued again: `register` is how the register stands by now."""

    def __init__(
        self, dialect: Dialect, *, start: Register | None = None, bases: Container[int] | None = None
    ) -> None:
        self.register = start
        self._dialect = dialect
        self._bases = bases
        self._receipts: dict[int, Document] = {}
        self._taken_back: dict[int, list[Document]] = {}
        self._shift: dict[int, Document] = {}
        self._shift_before: dict[int, Document] = {}
        self._late: set[int] = set()

    def happen(self, event: Event) -> Iterator[Difference]:
        """The register goes without its operator, or comes back."""
        register = self.register
        if register is None:
            return
        command: Command = ComeBack()
        if event.kind == "went_autonomous":
            late = tuple(found for found in map(self._find, event.late) if found is not None)
            command = GoAutonomous(late=late, reason="replay")
            self._late.update(event.late)
        try:
            self.register, _ = issue(register, _PERMISSIVE, command, event.at, self._dialect)
        except Refusal as refusal:
            facts: dict[str, object] = {"code": refusal.code, "kind": event.kind}
            yield Difference(number=event.after_number, what="event_refused", facts=facts)

    def step(self, document: Document) -> Iterator[Difference]:
        """Issue a document again."""
        register = self.register
        if register is None:
            register = new_register(document.register, self._dialect)
        if document.number != register.number + 1 and (register.number or document.engine is not None):
            yield Difference(number=document.number, what="gap", facts={"after": register.number})
        if document.shift != register.shift:
            self._shift_before, self._shift = self._shift, {}
        if document.engine is None:
            self.register = follow(register, document, self._dialect, self._shift)
        elif (document.engine, document.dialect) != (ENGINE_VERSION, self._dialect.version):
            versions: dict[str, object] = {"engine": document.engine, "dialect": document.dialect}
            yield Difference(number=document.number, what="other_rules", facts=versions)
            self.register = follow(register, document, self._dialect, self._shift)
        else:
            yield from self._issue(register, document)
        self._keep(document)

    def _issue(self, register: Register, document: Document) -> Iterator[Difference]:
        basis = document.basis_receipt
        if basis is not None:
            register = replace(register, registration_number=basis.registration_number)
        settled = register if register.number == document.number - 1 else _renumbered(register, document)
        stored = canonical(document)
        first: Difference | None = None
        original = self._original(document)
        for command in commands_of(document):
            try:
                after, issued = issue(
                    settled, _PERMISSIVE, command, document.issued_at, self._dialect, original=original
                )
            except Refusal as refusal:
                found = Difference(number=document.number, what="refused", facts={"code": refusal.code})
            else:
                assert issued is not None
                if canonical(issued) == stored:
                    self.register = after
                    return
                fields = _differing(document, issued)
                found = Difference(number=document.number, what="fields", facts={"fields": fields})
            first = first or found
        assert first is not None
        yield first
        self.register = follow(settled, document, self._dialect, self._shift)

    def _original(self, document: Document) -> Original | None:
        """What a document takes back, as its command was given it."""
        if document.basis is None:
            return None
        found = self._find(document.basis)
        if found is None:
            return None
        later = self._taken_back.get(found.number, [])
        annulments = [again for each in later for again in self._taken_back.get(each.number, ())]
        stated = document.basis_receipt
        return Original(
            document=found,
            fiscal_sign=None if stated is None else stated.fiscal_sign,
            is_autonomous=found.number in self._late if stated is None else stated.autonomous,
            taken_back=(*later, *annulments),
        )

    def _find(self, number: int) -> Document | None:
        return self._receipts.get(number) or self._shift.get(number) or self._shift_before.get(number)

    def _keep(self, document: Document) -> None:
        self._shift[document.number] = document
        if document.kind in PLACES and (self._bases is None or document.number in self._bases):
            self._receipts[document.number] = document
        if document.basis is not None:
            self._taken_back.setdefault(document.basis, []).append(document)


def commands_of(document: Document) -> Iterator[Command]:
    """The commands that can have given a document, the likeliest first.

    There is more than one where a command leaves to the engine what the document says worked out.
    """
    cashier, code, basis = document.cashier or "", document.cashier_code, document.basis
    match document.kind:
        case "shift_opened":
            yield OpenShift(cashier=cashier, cashier_code=code)
        case "x_report":
            yield TakeReport(cashier=cashier, cashier_code=code)
        case "z_report":
            yield CloseShift(cashier=cashier, cashier_code=code)
        case "annulment":
            assert basis is not None, "an annulment of our own names what it takes back"
            yield Annul(cashier=cashier, cashier_code=code, number=basis, is_refused=False)
            yield Annul(cashier=cashier, cashier_code=code, number=basis, is_refused=True)
        case "cash_in" | "cash_out" if basis is not None:
            yield Annul(cashier=cashier, cashier_code=code, number=basis, is_refused=True)
        case "cash_in" | "cash_out":
            is_out = document.kind == "cash_out"
            yield MoveCash(cashier=cashier, cashier_code=code, is_out=is_out, sum_minor=document.total_minor)
        case "sale_refund" | "purchase_refund" if basis is not None:
            yield from _refunds(document, basis)
        case "sale" | "sale_refund" | "purchase" | "purchase_refund":
            yield from _receipts(document, document.kind)


def _receipts(document: Document, kind: OperationName) -> Iterator[Command]:
    for has_rates in (True, False):
        yield Receipt(
            basis_receipt=document.basis_receipt,
            buyer=document.buyer,
            cashier=document.cashier or "",
            cashier_code=document.cashier_code,
            kind=kind,
            lines=tuple(_entries(document)),
            modifiers=tuple(_modifier(each, has_rate=has_rates) for each in document.modifiers),
            payments=_paid(document),
            rounding=RoundingMode(document.rounding or "none"),
        )
        if not document.modifiers:
            return


def _refunds(document: Document, basis: int) -> Iterator[Command]:
    taken = tuple(
        Taken(markings=line.markings, place=line.place or place, quantity_milli=line.quantity_milli)
        for place, line in enumerate(document.lines, 1)
    )
    # Where the cash was rounded away to nothing, only the engine finds that nothing is to be given back.
    for payments in (_paid(document), None):
        yield Refund(
            cashier=document.cashier or "",
            cashier_code=document.cashier_code,
            number=basis,
            payments=payments,
            taken=taken,
        )


def _paid(document: Document) -> Payments | None:
    """What was handed over; None where it was nothing at all."""
    return None if document.payments == Payments() else document.payments


def _entries(document: Document) -> Iterator[BasketLine]:
    """The basket in the order it was entered, with what was struck out of it."""
    struck: dict[int, Line] = {}
    sums: dict[int, Storno] = {}
    for storno in document.stornos:
        if storno.line is None:
            sums[storno.place] = storno
        else:
            struck[storno.place] = storno.line
    kept = iter(document.lines)
    for place in range(1, len(document.lines) + len(struck) + 1):
        line = struck.get(place)
        if line is not None:
            yield replace(_entry(line), is_struck=True)
            continue
        entry = _entry(next(kept))
        undone = sums.get(place)
        if undone is not None and undone.discount_minor:
            entry = replace(entry, discount=Change(sum_minor=undone.discount_minor), is_discount_struck=True)
        if undone is not None and undone.markup_minor:
            entry = replace(entry, markup=Change(sum_minor=undone.markup_minor), is_markup_struck=True)
        yield entry


def _entry(line: Line) -> BasketLine:
    return BasketLine(
        barcode=line.barcode,
        code=line.code,
        currency=line.currency,
        discount=Change(sum_minor=line.discount_minor) if line.discount_minor else None,
        excise=line.excise,
        is_untaxed=line.tax_rate is None,
        marking=line.marking,
        markings=line.markings,
        markup=Change(sum_minor=line.markup_minor) if line.markup_minor else None,
        name=line.name,
        ntin=line.ntin,
        price_minor=line.price_minor,
        quantity_milli=line.quantity_milli,
        section=line.section,
        tax_rate=line.tax_rate,
        unit=line.unit,
    )


def _modifier(modifier: Modifier, *, has_rate: bool) -> ReceiptModifier:
    """A modifier with one share may have had a rate of its own; with several it was shared out."""
    rate = modifier.shares[0].tax_rate if modifier.shares else None
    is_single = has_rate and len(modifier.shares) == 1
    return ReceiptModifier(
        change=Change(sum_minor=modifier.sum_minor),
        is_markup=modifier.markup,
        is_untaxed=is_single and rate is None,
        name=modifier.name,
        tax_rate=rate if is_single else None,
    )


def _renumbered(register: Register, document: Document) -> Register:
    """The register as if the documents that are missing had left nothing but their numbers."""
    return replace(register, digest=document.previous, number=document.number - 1)


def _differing(left: Struct, right: Struct) -> list[str]:
    """The names of the fields that differ."""
    others = asdict(right)
    return [name for name, value in asdict(left).items() if others[name] != value]
