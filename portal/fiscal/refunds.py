"""What is taken back of a receipt, and what is left of it.

A part that comes back is worked out by how much has come back by then, never by itself: of a line with a sum S and a
quantity Q, of which T is back, round(S × T ÷ Q) has been paid back in all. Thus the parts never exceed the whole, and the
last one gives back exactly what remains to the minor unit: of lines, of the receipt's discounts and markups by
rate, of the tax in them, and of rounding.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from portal.fiscal import rules
from portal.fiscal.baskets import Basket, Pool
from portal.fiscal.commands import Annul, Original, Refund
from portal.fiscal.counters import PLACES
from portal.fiscal.dialects import Dialect
from portal.fiscal.documents import SUM_MAX, Basis, Document, KindName, Line, Modifier, Payments, TaxShare
from portal.fiscal.payments import Paid, give_back, pay
from portal.fiscal.taxes import tax_inside
from portal.primitives.money import round_half_up
from portal.primitives.quantity import MILLI_IN_ONE, cost_minor

REFUND_OF: Final[dict[str, KindName]] = {"sale": "sale_refund", "purchase": "purchase_refund"}

# `documents.Basis`.
_SIGN: Final = re.compile("[0-9A-Za-z]{1,32}")
_REGISTRATION_MAX: Final = 64

# How far a document can say that rounding moved its total (`documents.Rounding`).
_ROUNDING_MAX: Final = 100


class Returned(Struct, frozen=True):
    """A refund, worked out."""

    kind: KindName
    basket: Basket
    paid: Paid


def take_back(command: Refund, original: Original, dialect: Dialect) -> Returned:
    """Work out a refund of an earlier receipt.

    Refuses `NotRefundable`, `AlreadyAnnulled`, `NothingLeft`, `MoreThanLeft`, `LineInvalid`, `MarkingsCount`, `EmptyBasket` and what
    `payments.pay` refuses.
    """
    document = original.document
    kind = REFUND_OF.get(document.kind)
    if kind is None:
        raise rules.NotRefundable(number=document.number, kind=document.kind)
    if _is_taken_back(original):
        raise rules.AlreadyAnnulled(number=document.number)
    earlier = _standing(original)
    backs = _tally(document, earlier)
    lines = tuple(_taken_lines(command, document, backs))
    is_last = not any(back.left for back in backs)
    if is_last and not earlier:
        modifiers, discount, markup = document.modifiers, document.discount_minor, document.markup_minor
    else:
        modifiers = _taken_modifiers(document, earlier, lines, is_last=is_last)
        discount = sum(modifier.sum_minor for modifier in modifiers if not modifier.markup)
        markup = sum(modifier.sum_minor for modifier in modifiers if modifier.markup)
    total = sum(line.sum_minor for line in lines) - discount + markup
    basket = Basket(lines, total, discount, markup, modifiers)
    # What rounding moved before is made good now, as far as there is money left; the last one gives all of it back.
    due = left = document.total_minor - sum(refund.total_minor for refund in earlier)
    if not is_last:
        due = min(total - sum(refund.rounding_minor for refund in earlier), left)
    paid = _pay_back(command, document, earlier, max(due, 0), dialect)
    if abs(paid.total_minor - total) > _ROUNDING_MAX:
        raise rules.NotRefundable(number=document.number, kind=document.kind)
    return Returned(kind, basket, paid)


def check_annulment(command: Annul, original: Original, dialect: Dialect, *, shift: int) -> None:
    """Refuse an annulment that no law or no fact allows: `AlreadyAnnulled`, `AnnulmentNotAllowed`.

    What the operator refused may be a movement of cash as well.
    """
    document = original.document
    if _is_taken_back(original):
        raise rules.AlreadyAnnulled(number=document.number)
    # A movement with a basis is itself what took a refused one back, and no operator has seen it.
    is_kind_right = document.kind in PLACES or (
        command.is_refused and document.kind in ("cash_in", "cash_out") and document.basis is None
    )
    # Where receipts are annulled no operator is asked before they count, so that none is refused either.
    is_lawful = command.is_refused is not dialect.may_annul
    if not (is_lawful and is_kind_right) or document.shift != shift or _standing(original):
        raise rules.AnnulmentNotAllowed(number=document.number, kind=document.kind)


def check_basis(basis: Basis) -> Basis:
    """The receipt that a simple refund names, when a document can hold it as it is stated. Refuses `BasisMissing`."""
    is_named = _SIGN.fullmatch(basis.fiscal_sign) and 0 < len(basis.registration_number) <= _REGISTRATION_MAX
    if not is_named or basis.issued_at.tzinfo is None or not 0 <= basis.total_minor <= SUM_MAX:
        raise rules.BasisMissing
    return basis


def _is_taken_back(original: Original) -> bool:
    """Whether the document was annulled, or its movement of cash reversed."""
    number = original.document.number
    kinds = ("annulment", "cash_in", "cash_out")
    return any(later.basis == number and later.kind in kinds for later in original.taken_back)


def _standing(original: Original) -> list[Document]:
    """The refunds of a receipt that were not annulled themselves."""
    number = original.document.number
    annulled = {later.basis for later in original.taken_back if later.kind == "annulment"}
    return [
        later
        for later in original.taken_back
        if later.basis == number
        and later.kind in ("sale_refund", "purchase_refund")
        and later.number not in annulled
    ]


class _Back:
    """What of one line has come back by now."""

    __slots__ = ("discount", "line", "markings", "markup", "place", "quantity", "sum", "tax")

    def __init__(self, place: int, line: Line) -> None:
        self.place = place
        self.line = line
        self.quantity = self.sum = self.discount = self.markup = self.tax = 0
        self.markings = line.markings

    @property
    def left(self) -> int:
        return self.line.quantity_milli - self.quantity

    def add(self, taken: Line) -> None:
        self.quantity += taken.quantity_milli
        self.sum += taken.sum_minor
        self.discount += taken.discount_minor
        self.markup += taken.markup_minor
        self.tax += taken.tax_minor
        self.markings = tuple(code for code in self.markings if code not in taken.markings)

    def take(self, quantity: int, markings: tuple[str, ...]) -> Line:
        """Take a part of what is left."""
        line = self.line
        whole, until = line.quantity_milli, self.quantity + quantity
        sum_minor = self._part(line.sum_minor, self.sum, until)
        discount = self._part(line.discount_minor, self.discount, until)
        markup = self._part(line.markup_minor, self.markup, until)
        tax_until = tax_inside(self.sum + sum_minor, line.tax_rate)
        tax_left = line.tax_minor - self.tax
        tax = tax_left if until == whole else min(max(tax_until - self.tax, 0), tax_left)
        cost = cost_minor(line.price_minor, quantity)
        taken = replace(
            line,
            discount_minor=discount,
            markings=markings,
            markup_minor=markup,
            place=self.place,
            quantity_milli=quantity,
            rounding_minor=sum_minor - (cost - discount + markup),
            sum_minor=sum_minor,
            tax_minor=tax,
        )
        self.add(taken)
        return taken

    def _part(self, whole_minor: int, back_minor: int, until_milli: int) -> int:
        return max(_part(whole_minor, until_milli, self.line.quantity_milli) - back_minor, 0)


def _tally(document: Document, earlier: Iterable[Document]) -> list[_Back]:
    """What of every line came back earlier. Refuses `NotRefundable` when a refund does not tell which line it took."""
    backs = [_Back(place, line) for place, line in enumerate(document.lines, 1)]
    for refund in earlier:
        for taken in refund.lines:
            back = next((back for back in backs if _is_of(taken, back)), None)
            if back is None:
                raise rules.NotRefundable(number=document.number, kind=document.kind)
            back.add(taken)
    return backs


def _is_of(taken: Line, back: _Back) -> bool:
    """Whether a refund's line takes back this one: it says so, or (on other tills) it is of the same goods."""
    if taken.place is not None:
        return taken.place == back.place
    line = back.line
    goods = (line.name, line.code, line.price_minor, line.unit)
    return (
        taken.name,
        taken.code,
        taken.price_minor,
        taken.unit,
    ) == goods and taken.quantity_milli <= back.left


def _taken_lines(command: Refund, document: Document, backs: Sequence[_Back]) -> Iterable[Line]:
    """The lines that come back now, in the order of the original's."""
    if not any(back.left for back in backs):
        raise rules.NothingLeft(number=document.number)
    if command.taken is None:
        for back in backs:
            if back.left:
                yield back.take(back.left, back.markings)
        return
    if not command.taken:
        raise rules.EmptyBasket
    for taken in sorted(command.taken, key=lambda taken: taken.place):
        if not 1 <= taken.place <= len(backs):
            raise rules.LineInvalid(line=taken.place, field="place")
        if taken.quantity_milli <= 0:
            raise rules.LineInvalid(line=taken.place, field="quantity_milli")
        back = backs[taken.place - 1]
        if taken.quantity_milli > back.left:
            raise rules.MoreThanLeft(
                number=document.number,
                line=taken.place,
                left_milli=back.left,
                wanted_milli=taken.quantity_milli,
            )
        yield back.take(
            taken.quantity_milli, _taken_markings(taken.place, taken.quantity_milli, taken.markings, back)
        )


def _taken_markings(place: int, quantity: int, codes: tuple[str, ...], back: _Back) -> tuple[str, ...]:
    """The codes of the pieces that come back: those named, or the first that are left."""
    if not back.line.markings and not codes:
        return ()
    pieces, rest = divmod(quantity, MILLI_IN_ONE)
    chosen = codes or back.markings[:pieces]
    if rest or len(chosen) != pieces or len(set(chosen)) != pieces or not set(chosen) <= set(back.markings):
        raise rules.MarkingsCount(line=place, quantity_milli=quantity, markings=len(chosen))
    return chosen


def _pay_back(
    command: Refund, document: Document, earlier: Iterable[Document], due: int, dialect: Dialect
) -> Paid:
    if command.payments is not None:
        return pay(due, command.payments, dialect, gives_change=False)
    card, cash, mobile, other = _paid(document)
    for refund in earlier:
        less = _paid(refund)
        card, cash, mobile, other = card - less[0], cash - less[1], mobile - less[2], other - less[3]
    left = Payments(card_minor=card, cash_minor=cash, mobile_minor=mobile, other_minor=other)
    return give_back(due, left, dialect)


def _paid(document: Document) -> tuple[int, int, int, int]:
    """Card, cash, mobile and other, net of change."""
    payments = document.payments
    cash = payments.cash_minor - document.change_minor
    return payments.card_minor, cash, payments.mobile_minor, payments.other_minor


_Key = tuple[bool, int | None]


def _taken_modifiers(
    document: Document, earlier: Sequence[Document], lines: tuple[Line, ...], *, is_last: bool
) -> tuple[Modifier, ...]:
    """The parts of the receipt's markup and discount that belong to these lines, rate by rate.

    Markups go with the goods of their rate (with all goods where there are none), discounts with what the goods and the
    markups of their rate come to, and their tax with the tax of that. No rate falls below nought in any refund.
    """
    whole, back = _shares(document), _sum_shares(earlier)
    of, now = Pool(document.lines), Pool(lines)
    until = Pool(tuple(line for refund in earlier for line in refund.lines) + lines)
    taken: dict[bool, list[TaxShare]] = {True: [], False: []}
    # Untaxed discounts come last: they may be taken off anything that is left.
    for is_markup, rate in sorted(whole, key=lambda key: (not key[0], key[1] is None, key[1] or 0)):
        sum_minor, tax = whole[is_markup, rate]
        back_sum, back_tax = back.get((is_markup, rate), (0, 0))
        until_sum = _until(sum_minor, rate, until, of, is_last=is_last)
        if is_markup:
            until_tax = tax if is_last else _part(tax, until_sum, sum_minor)
        else:
            until_tax = tax if is_last else _part(tax, until.taxes.get(rate, 0), of.taxes.get(rate, 0))
        now_sum, now_tax = max(until_sum - back_sum, 0), max(until_tax - back_tax, 0)
        if not is_markup:
            now_sum = min(now_sum, now.sums.get(rate, 0) if rate is not None else sum(now.sums.values()))
            now_tax = min(now_tax, now.taxes.get(rate, 0))
        sign = 1 if is_markup else -1
        of.add(rate, sign * sum_minor, sign * tax)
        until.add(rate, sign * until_sum, sign * until_tax)
        now.add(rate, sign * now_sum, sign * now_tax)
        if now_sum:
            taken[is_markup].append(TaxShare(sum_minor=now_sum, tax_minor=now_tax, tax_rate=rate))
    return tuple(
        Modifier(markup=is_markup, shares=tuple(shares), sum_minor=sum(share.sum_minor for share in shares))
        for is_markup, shares in sorted(taken.items())
        if shares
    )


def _until(sum_minor: int, rate: int | None, until: Pool, of: Pool, *, is_last: bool) -> int:
    """How much of a modifier's share has come back by now."""
    if is_last:
        return sum_minor
    goods = of.sums.get(rate, 0)
    if goods and (rate is not None or sum_minor <= goods):
        return _part(sum_minor, until.sums.get(rate, 0), goods)
    return _part(sum_minor, sum(until.sums.values()), sum(of.sums.values()))


def _part(whole: int, taken: int, of: int) -> int:
    """Of a whole, the part that a part of something else stands for, rounded half up; nothing of nothing."""
    return round_half_up(whole * taken, of) if of > 0 else 0


def _sum_shares(documents: Iterable[Document]) -> dict[_Key, tuple[int, int]]:
    sums: dict[_Key, tuple[int, int]] = {}
    for document in documents:
        for key, (sum_minor, tax) in _shares(document).items():
            before = sums.get(key, (0, 0))
            sums[key] = before[0] + sum_minor, before[1] + tax
    return sums


def _shares(document: Document) -> dict[_Key, tuple[int, int]]:
    """What a receipt's modifiers put on each rate; where another till did not tell, shared out as here."""
    told = [(modifier.markup, share) for modifier in document.modifiers for share in modifier.shares]
    if not document.modifiers:
        pool = Pool(document.lines)
        told += [(True, pool.put(*part)) for part in pool.parts(document.markup_minor)]
        told += [(False, pool.take(*part)) for part in pool.parts(document.discount_minor)]
    sums: dict[_Key, tuple[int, int]] = {}
    for is_markup, share in told:
        before = sums.get((is_markup, share.tax_rate), (0, 0))
        sums[is_markup, share.tax_rate] = before[0] + share.sum_minor, before[1] + share.tax_minor
    return sums
