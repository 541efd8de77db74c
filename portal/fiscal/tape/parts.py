"""Parts that several reports share: what was counted, operation by operation, by rates, by cashiers."""

from collections.abc import Iterable, Iterator
from types import MappingProxyType
from typing import Final

from portal.fiscal.documents import (
    CashierTotals,
    MovementTotals,
    OperationName,
    OperationTotals,
    TaxTotals,
)
from portal.fiscal.tape.lines import TapeLine
from portal.fiscal.tape.roll import Roll

HEADINGS: Final[MappingProxyType[OperationName, str]] = MappingProxyType(
    {
        "sale": "sales",
        "sale_refund": "refunds",
        "purchase": "purchases",
        "purchase_refund": "purchase_refunds",
    }
)
# In these a buyer hands money over, and is given change.
TAKING: Final = frozenset({"sale", "purchase_refund"})
PAYMENTS: Final = ("cash", "card", "mobile", "other")


def has_ever_been(operation: OperationTotals) -> bool:
    """Whether the register ever did this. Sales are said even when there were none: that, too, is what a report is read for."""
    return operation.operation == "sale" or bool(operation.life_count or operation.non_nullable_minor)


def print_operation(roll: Roll, operation: OperationTotals) -> Iterator[TapeLine]:
    """Receipts of one kind: of the shift, but for how many there ever were."""
    heading = f"{roll.say(HEADINGS[operation.operation])} ({operation.count}):"
    yield from roll.pair(heading, roll.sum(operation.sum_minor), "bold")
    yield from print_count(roll, "life_count", operation.life_count, indent=2)
    if operation.offline_count:
        yield from print_count(roll, "offline_count", operation.offline_count, indent=2)
    if not (operation.count or operation.item_count):
        return
    yield from print_counted(roll, "items", operation.item_count, operation.item_minor, indent=2)
    for name, count, minor in (
        ("discounts", operation.discount_count, operation.discount_minor),
        ("markups", operation.markup_count, operation.markup_minor),
    ):
        if count or minor:
            yield from print_counted(roll, name, count, minor, indent=2)
    if operation.tax_minor:
        yield from print_sum(roll, "vat", operation.tax_minor, indent=2)
    for name in PAYMENTS:
        count, minor = getattr(operation, f"{name}_count"), getattr(operation, f"{name}_minor")
        if count or minor:
            yield from print_counted(roll, name, count, minor, indent=2)
    handed = "taken" if operation.operation in TAKING else "given"
    yield from print_sum(roll, handed, operation.taken_minor, indent=2)
    if operation.change_minor:
        yield from print_sum(roll, "change", operation.change_minor, indent=2)


def print_movement(roll: Roll, name: str, movement: MovementTotals) -> Iterator[TapeLine]:
    """Cash put in or taken out: in the shift, ever, and without the operator."""
    yield from print_counted(roll, name, movement.count, movement.sum_minor)
    if movement.life_count:
        yield from print_count(roll, "life_count_all", movement.life_count, indent=2)
    if movement.offline_count:
        yield from print_count(roll, "offline_count_all", movement.offline_count, indent=2)


def print_taxes(roll: Roll, taxes: Iterable[TaxTotals]) -> Iterator[TapeLine]:
    """The turnover of each rate, with its tax and without."""
    yield from roll.centred(roll.say("by_rates"), "bold")
    for one in taxes:
        label = f"{roll.say('vat')} {roll.percent(one.tax_rate)}"
        yield from roll.text(f"{label}, {roll.say(HEADINGS[one.operation])}")
        yield from print_sum(roll, "turnover", one.turnover_minor, indent=2)
        yield from print_sum(roll, "turnover_without_tax", one.turnover_minor - one.tax_minor, indent=2)
        yield from print_sum(roll, "vat", one.tax_minor, indent=2)


def print_cashiers(roll: Roll, cashiers: Iterable[CashierTotals]) -> Iterator[TapeLine]:
    """Each cashier's part: payments are those of sales."""
    for one in cashiers:
        yield from roll.text(f"{one.name} ({one.code})")
        yield from print_count(roll, "receipts", one.receipt_count, indent=2)
        yield from print_counted(roll, "sales", one.sale_count, one.sale_minor, indent=2)
        yield from print_counted(roll, "refunds", one.refund_count, one.refund_minor, indent=2)
        for name in PAYMENTS:
            minor = getattr(one, f"{name}_minor")
            if minor:
                yield from print_sum(roll, name, minor, indent=2)
        yield from print_sum(roll, "cash_ins", one.cash_in_minor, indent=2)
        yield from print_sum(roll, "cash_outs", one.cash_out_minor, indent=2)


def print_non_nullable(roll: Roll, operations: Iterable[OperationTotals]) -> Iterator[TapeLine]:
    """The totals that are never reset, as the shift began and as they stand."""
    yield from roll.centred(roll.say("non_nullable"), "bold")
    for caption, field in (("at_start", "start_non_nullable_minor"), ("at_end", "non_nullable_minor")):
        yield from roll.text(f"{roll.say(caption)}:")
        for one in filter(has_ever_been, operations):
            yield from print_sum(roll, HEADINGS[one.operation], getattr(one, field), indent=2)


def print_count(roll: Roll, name: str, count: int, indent: int = 0) -> Iterator[TapeLine]:
    """A number of something at the right edge."""
    yield from roll.pair(f"{roll.say(name)}:", str(count), indent=indent)


def print_sum(roll: Roll, name: str, minor: int, indent: int = 0) -> Iterator[TapeLine]:
    """A sum at the right edge."""
    yield from roll.pair(f"{roll.say(name)}:", roll.sum(minor), indent=indent)


def print_counted(roll: Roll, name: str, count: int, minor: int, indent: int = 0) -> Iterator[TapeLine]:
    """A sum at the right edge, and of how many it is."""
    yield from roll.pair(f"{roll.say(name)} ({count}):", roll.sum(minor), indent=indent)
