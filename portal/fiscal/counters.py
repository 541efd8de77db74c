"""What a register counts: its open shift, and the totals that are never reset.

Everything is a value: counting a document gives new counters. They are stored with every receipt, so they travel as
arrays without names; the names return in reports (`documents.ShiftReport`).

A receipt that the operator refused is taken back by an annulment that names it: both stay in the journal, and the
counters stand as if neither had been. What the journal holds all the same is kept apart (`voids`), because
`Totals` state what the shift's documents add up to.
"""

from bisect import bisect_left
from operator import add
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import astuple, replace

from portal.fiscal import rules
from portal.fiscal.documents import (
    OPERATIONS,
    SUM_MAX,
    Document,
    Totals,
)

PLACES: Final[dict[str, int]] = {name: place for place, name in enumerate(OPERATIONS)}
SALE, SALE_REFUND, PURCHASE, PURCHASE_REFUND = range(4)

# `documents.LifeSum`.
_LIFE_SUM_MAX: Final = 9_000_000_000_000_000_000

# Whether money of the operation comes in or goes out.
DIRECTIONS: Final = (1, -1, -1, 1)

# A key, and amounts behind it; rows stand sorted by their keys.
Row = tuple[Any, ...]
Rows = tuple[Row, ...]


# Where `Totals` state the receipts of each operation.
STATED: Final = (
    ("sale_count", "sale_minor"),
    ("refund_count", "refund_minor"),
    ("purchase_count", "purchase_minor"),
    ("purchase_refund_count", "purchase_refund_minor"),
)


class Operation(Struct, frozen=True, array_like=True, gc=False):
    """Receipts of one kind, as `documents.OperationTotals` tells them."""

    count: int = 0
    sum_minor: int = 0
    cash_count: int = 0
    cash_minor: int = 0
    card_count: int = 0
    card_minor: int = 0
    mobile_count: int = 0
    mobile_minor: int = 0
    other_count: int = 0
    other_minor: int = 0
    taken_minor: int = 0
    change_minor: int = 0
    discount_count: int = 0
    discount_minor: int = 0
    markup_count: int = 0
    markup_minor: int = 0
    item_count: int = 0
    item_minor: int = 0
    tax_minor: int = 0
    offline_count: int = 0
    life_count: int = 0
    non_nullable_minor: int = 0
    start_non_nullable_minor: int = 0


class Movement(Struct, frozen=True, array_like=True, gc=False):
    """Cash put in, or taken out."""

    count: int = 0
    sum_minor: int = 0
    offline_count: int = 0
    life_count: int = 0

    def moved(self, total_minor: int, sign: int, *, is_offline: bool) -> "Movement":
        """With one movement more, or (sign −1) one less."""
        return Movement(
            self.count + sign,
            self.sum_minor + sign * total_minor,
            self.offline_count + sign * is_offline,
            self.life_count + sign,
        )


class Counters(Struct, frozen=True, array_like=True, gc=False):
    """Everything a report states but the drawer and the hours.

    `operations` stand in the order of OPERATIONS. Rows: `sections` by section and operation, a count and a sum; `taxes` by
    rate and operation, turnover and tax; `cashiers` by name and code, then the numbers in the order of
    `statements.CASHIER`. A row of noughts is not kept.
    """

    operations: tuple[Operation, Operation, Operation, Operation] = (Operation(),) * 4
    cash_in: Movement = Movement()
    cash_out: Movement = Movement()
    sections: Rows = ()
    taxes: Rows = ()
    cashiers: Rows = ()
    annulled_count: int = 0
    annulled_minor: int = 0
    annulled_life_count: int = 0
    receipts: int = 0
    reports: int = 0
    movements: int = 0
    voids: Totals | None = None


def open_shift(counters: Counters) -> Counters:
    """Counters of a new shift: only what lasts for life stays."""
    sale, sale_refund, purchase, purchase_refund = counters.operations
    return Counters(
        operations=(_fresh(sale), _fresh(sale_refund), _fresh(purchase), _fresh(purchase_refund)),
        cash_in=Movement(life_count=counters.cash_in.life_count),
        cash_out=Movement(life_count=counters.cash_out.life_count),
        annulled_life_count=counters.annulled_life_count,
    )


def _fresh(operation: Operation) -> Operation:
    return Operation(
        life_count=operation.life_count,
        non_nullable_minor=operation.non_nullable_minor,
        start_non_nullable_minor=operation.non_nullable_minor,
    )


def count_receipt(counters: Counters, document: Document) -> Counters:
    """Count a sale, a purchase or a refund. Refuses `SumTooLarge` when no report could state the shift any more."""
    counters = _move_receipt(counters, document, 1, is_offline=document.autonomous)
    place = PLACES[document.kind]
    operation = counters.operations[place]
    void = 0 if counters.voids is None else getattr(counters.voids, STATED[place][1])
    stated = max(
        operation.taken_minor,
        operation.sum_minor + void,
        operation.item_minor + operation.markup_minor,
        abs(revenue(counters)),
    )
    if stated > SUM_MAX // 2:
        # Rounding of positions is in no sum above, and too little to matter far below the limit.
        stated = max(stated, *(row[3] for row in counters.sections), *(row[2] for row in counters.taxes))
    _check(stated)
    if operation.non_nullable_minor > _LIFE_SUM_MAX:
        raise rules.SumTooLarge(sum_minor=operation.non_nullable_minor, sum_max_minor=_LIFE_SUM_MAX)
    return counters


def count_annulment(counters: Counters, document: Document) -> Counters:
    """Count an annulment that stands: what it annuls stays counted beside it."""
    void = 0 if counters.voids is None else counters.voids.annulment_minor
    _check(counters.annulled_minor + document.total_minor + void)
    return replace(
        counters,
        annulled_count=counters.annulled_count + 1,
        annulled_life_count=counters.annulled_life_count + 1,
        annulled_minor=counters.annulled_minor + document.total_minor,
        cashiers=_move(counters.cashiers, _cashier(document), (1, *(0,) * 10)),
        receipts=counters.receipts + 1,
    )


def count_movement(counters: Counters, document: Document) -> Counters:
    """Count cash put in or taken out."""
    is_out = document.kind == "cash_out"
    movement = counters.cash_out if is_out else counters.cash_in
    movement = movement.moved(document.total_minor, 1, is_offline=document.autonomous)
    _check(movement.sum_minor + (getattr(counters.voids, f"{document.kind}_minor") if counters.voids else 0))
    amounts = (*(0,) * 9, 0, document.total_minor) if is_out else (*(0,) * 9, document.total_minor, 0)
    return replace(
        counters,
        cash_in=counters.cash_in if is_out else movement,
        cash_out=movement if is_out else counters.cash_out,
        cashiers=_move(counters.cashiers, _cashier(document), amounts),
        movements=counters.movements + 1,
    )


def count_report(counters: Counters) -> Counters:
    """Count an X- or a Z-report, which matters to the ordinal of the next one only."""
    return replace(counters, reports=counters.reports + 1)


def count_late(counters: Counters, document: Document) -> Counters:
    """Count a document of this shift that was issued with the operator and reaches it as an autonomous one."""
    if document.kind in PLACES:
        operations = list(counters.operations)
        place = PLACES[document.kind]
        operations[place] = replace(operations[place], offline_count=operations[place].offline_count + 1)
        return replace(counters, operations=tuple(operations))
    if document.kind not in ("cash_in", "cash_out"):
        return counters
    movement: Movement = getattr(counters, document.kind)
    movement = replace(movement, offline_count=movement.offline_count + 1)
    return replace(counters, **{document.kind: movement})


def restore(counters: Counters, document: Document, original: Document, *, is_offline: bool) -> Counters:
    """Undo a refused original by the document that takes it back: an annulment, or the opposite movement of cash.

    Both keep their ordinals, and both stand in `voids`.
    """
    voids = counters.voids or Totals()
    total_minor = original.total_minor
    if original.kind in PLACES:
        counters = _move_receipt(counters, original, -1, is_offline=is_offline)
        count, minor = STATED[PLACES[original.kind]]
        changes = {
            "annulment_count": voids.annulment_count + 1,
            "annulment_minor": voids.annulment_minor + total_minor,
            count: getattr(voids, count) + 1,
            minor: getattr(voids, minor) + total_minor,
        }
        moved: dict[str, Any] = {
            "cashiers": _move(counters.cashiers, _cashier(document), (1, *(0,) * 10)),
        }
    else:
        is_out = original.kind == "cash_out"
        changes = {
            "cash_in_minor": voids.cash_in_minor + total_minor,
            "cash_out_minor": voids.cash_out_minor + total_minor,
        }
        movement: Movement = getattr(counters, original.kind)
        amounts = (*(0,) * 9, 0, -total_minor) if is_out else (*(0,) * 9, -total_minor, 0)
        moved = {
            "movements": counters.movements + 1,
            "cashiers": _move(counters.cashiers, _cashier(original), amounts),
            original.kind: movement.moved(total_minor, -1, is_offline=is_offline),
        }
    _check(max(counters.annulled_minor + changes.get("annulment_minor", 0), *changes.values()))
    return replace(counters, voids=replace(voids, **changes), **moved)


def _move_receipt(counters: Counters, document: Document, sign: int, *, is_offline: bool) -> Counters:
    """Add (or, with sign −1, take away) everything a receipt is counted by; what takes it away is a receipt, too."""
    place = PLACES[document.kind]
    operation, sections, taxes = _weigh(document, is_offline=is_offline)
    operations = list(counters.operations)
    moved = map(add, astuple(operations[place]), _signed(astuple(operation), sign))
    operations[place] = Operation(*moved)
    section_rows, tax_rows = counters.sections, counters.taxes
    for section, amounts in sections.items():
        section_rows = _move(section_rows, (section, place), _signed(amounts, sign))
    for rate, amounts in taxes.items():
        tax_rows = _move(tax_rows, (rate, place), _signed(amounts, sign))
    total = document.total_minor
    paid = (operation.cash_minor, operation.card_minor, operation.mobile_minor, operation.other_minor)
    said: Row = (0,) * 10
    if place == SALE:
        said = (1, total, *paid, 0, 0, 0, 0)
    elif place == SALE_REFUND:
        said = (0, 0, 0, 0, 0, 0, 1, total, 0, 0)
    # A receipt that is taken back was issued all the same.
    cashier = (max(sign, 0), *_signed(said, sign))
    return replace(
        counters,
        operations=tuple(operations),
        receipts=counters.receipts + 1,
        sections=section_rows,
        taxes=tax_rows,
        cashiers=_move(counters.cashiers, _cashier(document), cashier),
    )


_Amounts = dict[int, tuple[int, int]]


def _weigh(document: Document, *, is_offline: bool) -> tuple[Operation, _Amounts, _Amounts]:
    """What one receipt adds to its operation; counts and sums by section; turnover and tax by rate."""
    sections: _Amounts = {}
    taxes: _Amounts = {}
    discounts, markups = document.discount_minor, document.markup_minor
    items = discount_count = markup_count = 0
    for line in document.lines:
        sum_minor, discount, markup = line.sum_minor, line.discount_minor, line.markup_minor
        # At price × quantity, before rounding and modifiers.
        items += sum_minor - line.rounding_minor + discount - markup
        discounts += discount
        markups += markup
        discount_count += discount > 0
        markup_count += markup > 0
        _collect(sections, line.section, 1, sum_minor)
        if line.tax_rate is not None:
            _collect(taxes, line.tax_rate, sum_minor, line.tax_minor)
    for modifier in document.modifiers:
        sign = 1 if modifier.markup else -1
        discount_count += not modifier.markup
        markup_count += modifier.markup
        for share in modifier.shares:
            if share.tax_rate is not None:
                _collect(taxes, share.tax_rate, sign * share.sum_minor, sign * share.tax_minor)
    payments, change, total = document.payments, document.change_minor, document.total_minor
    operation = Operation(
        count=1,
        sum_minor=total,
        cash_count=int(payments.cash_minor > 0),
        cash_minor=payments.cash_minor - change,
        card_count=int(payments.card_minor > 0),
        card_minor=payments.card_minor,
        mobile_count=int(payments.mobile_minor > 0),
        mobile_minor=payments.mobile_minor,
        other_count=int(payments.other_minor > 0),
        other_minor=payments.other_minor,
        taken_minor=total + change,
        change_minor=change,
        discount_count=discount_count,
        discount_minor=discounts,
        markup_count=markup_count,
        markup_minor=markups,
        item_count=len(document.lines),
        item_minor=items,
        tax_minor=sum(tax for _, tax in taxes.values()),
        offline_count=int(is_offline),
        life_count=1,
        non_nullable_minor=total,
    )
    return operation, sections, taxes


def _signed(amounts: Row, sign: int) -> Row:
    return amounts if sign > 0 else tuple(-amount for amount in amounts)


def _collect(sums: _Amounts, key: int, first: int, second: int) -> None:
    before = sums.get(key)
    sums[key] = (first, second) if before is None else (before[0] + first, before[1] + second)


def _cashier(document: Document) -> Row:
    return (document.cashier or "", document.cashier_code)


def _move(rows: Rows, key: Row, amounts: Row) -> Rows:
    """Rows with amounts added to the one of this key. A key sorts before the rows that begin with it."""
    width = len(key)
    place = following = bisect_left(rows, key)
    if place < len(rows) and rows[place][:width] == key:
        amounts = tuple(map(add, rows[place][width:], amounts))
        following += 1
    kept = (key + amounts,) if any(amounts) else ()
    return rows[:place] + kept + rows[following:]


def _check(sum_minor: int) -> None:
    if sum_minor > SUM_MAX:
        raise rules.SumTooLarge(sum_minor=sum_minor, sum_max_minor=SUM_MAX)


def revenue(counters: Counters) -> int:
    """Sales and purchase refunds less sale refunds and purchases."""
    sale, sale_refund, purchase, purchase_refund = counters.operations
    return sale.sum_minor - sale_refund.sum_minor - purchase.sum_minor + purchase_refund.sum_minor
