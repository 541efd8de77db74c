"""The documents of a shift added up: what a report says, worked out from nothing but them."""

from collections import defaultdict
from collections.abc import Container, Sequence
from datetime import datetime
from typing import Final, Literal, cast

from msgspec import Struct

from portal.fiscal.dialects import Dialect
from portal.fiscal.documents import (
    OPERATIONS,
    CashierTotals,
    Document,
    MovementTotals,
    OperationName,
    OperationTotals,
    SectionTotals,
    ShiftReport,
    TaxTotals,
)

Movement = Literal["cash_in", "cash_out"]

_MOVEMENTS: Final = ("cash_in", "cash_out")
# Whether money of an operation comes in or goes out.
_SIGNS: Final = {"sale": 1, "sale_refund": -1, "purchase": -1, "purchase_refund": 1}

Amounts = defaultdict[str, int]


class Start(Struct, frozen=True, kw_only=True):
    """What a shift begins with: the drawer, and of a register's life how many there were and (operations) what they came to."""

    annulled_life_count: int = 0
    cash_in_life_count: int = 0
    cash_minor: int = 0
    cash_out_life_count: int = 0
    operations: tuple[tuple[int, int], ...] = ((0, 0),) * len(OPERATIONS)


class Fold:
    """Sums of a shift while its documents are added."""

    def __init__(self, start: Start, dialect: Dialect, late: Container[int]) -> None:
        self._start = start
        self._dialect = dialect
        self._late = late
        self._cash_minor = start.cash_minor
        self._operations: dict[str, Amounts] = {name: _amounts() for name in OPERATIONS}
        self._movements: dict[str, Amounts] = {name: _amounts() for name in _MOVEMENTS}
        self._sections: dict[tuple[int, int], Amounts] = defaultdict(_amounts)
        self._taxes: dict[tuple[int, int], Amounts] = defaultdict(_amounts)
        self._cashiers: dict[tuple[str, int], Amounts] = defaultdict(_amounts)
        self._annulled = _amounts()
        self._receipts = 0

    def add(self, documents: Sequence[Document]) -> None:
        """Add the documents of the shift; what the operator refused is found by the document that takes it back."""
        by_number = {document.number: document for document in documents}
        void = self._void(documents, by_number)
        for document in documents:
            self._count(document, by_number, is_void=document.number in void)

    def report(self, *, opened_at: datetime, closed_at: datetime | None) -> ShiftReport:
        """What the documents so far come to, without a checksum."""
        start = self._start
        return ShiftReport(
            annulled_count=self._annulled["count"],
            annulled_life_count=start.annulled_life_count + self._annulled["count"],
            annulled_minor=self._annulled["sum_minor"],
            cash_in=self._movement("cash_in", start.cash_in_life_count),
            cash_minor=self._cash_minor,
            cash_out=self._movement("cash_out", start.cash_out_life_count),
            cashiers=tuple(
                CashierTotals(name=name, code=code, **amounts)
                for (name, code), amounts in sorted(self._cashiers.items())
                if name and any(amounts.values())
            ),
            closed_at=closed_at,
            opened_at=opened_at,
            operations=tuple(
                self._operation(name, *past) for name, past in zip(OPERATIONS, start.operations, strict=True)
            ),
            receipt_count=self._receipts,
            revenue_minor=sum(
                _SIGNS[name] * amounts["sum_minor"] for name, amounts in self._operations.items()
            ),
            sections=tuple(
                SectionTotals(operation=OPERATIONS[place], section=section, **amounts)
                for (section, place), amounts in sorted(self._sections.items())
                if any(amounts.values())
            ),
            taxes=tuple(
                TaxTotals(operation=OPERATIONS[place], tax_rate=rate, **amounts)
                for (rate, place), amounts in sorted(self._taxes.items())
                if any(amounts.values())
            ),
        )

    def _void(self, documents: Sequence[Document], by_number: dict[int, Document]) -> set[int]:
        """What the operator refused, and what takes it back: neither is in any sum."""
        void: set[int] = set()
        for document in documents:
            if document.basis not in by_number:
                continue
            is_annulment = document.kind == "annulment" and not self._dialect.may_annul
            if is_annulment or document.kind in _MOVEMENTS:
                void |= {document.number, document.basis}
        return void

    def _count(self, document: Document, by_number: dict[int, Document], *, is_void: bool) -> None:
        if document.kind in OPERATIONS:
            self._receipts += 1
            if not is_void:
                self._cash_minor += _SIGNS[document.kind] * _cash(document)
                self._count_operation(document, document.kind)
                self._count_lines(document, OPERATIONS.index(document.kind))
            self._count_cashier(document, is_void=is_void)
        elif document.kind == "annulment":
            self._receipts += 1
            self._cashiers[_cashier(document)]["receipt_count"] += 1
            taken = by_number.get(document.basis or 0)
            if is_void:
                return
            if taken is not None:
                self._cash_minor -= _SIGNS[taken.kind] * _cash(taken)
            self._annulled["count"] += 1
            self._annulled["sum_minor"] += document.total_minor
        elif document.kind in _MOVEMENTS and not is_void:
            self._cash_minor += document.total_minor if document.kind == "cash_in" else -document.total_minor
            amounts = self._movements[document.kind]
            amounts["count"] += 1
            amounts["offline_count"] += self._is_offline(document)
            amounts["sum_minor"] += document.total_minor
            self._cashiers[_cashier(document)][f"{document.kind}_minor"] += document.total_minor

    def _count_operation(self, document: Document, kind: str) -> None:
        amounts, payments = self._operations[kind], document.payments
        for name, handed, kept in (
            ("cash", payments.cash_minor, _cash(document)),
            ("card", payments.card_minor, payments.card_minor),
            ("mobile", payments.mobile_minor, payments.mobile_minor),
            ("other", payments.other_minor, payments.other_minor),
        ):
            amounts[f"{name}_count"] += handed > 0
            amounts[f"{name}_minor"] += kept
        amounts["change_minor"] += document.change_minor
        amounts["count"] += 1
        amounts["offline_count"] += self._is_offline(document)
        amounts["sum_minor"] += document.total_minor
        amounts["taken_minor"] += document.total_minor + document.change_minor
        for is_markup, stated in ((False, document.discount_minor), (True, document.markup_minor)):
            name = "markup" if is_markup else "discount"
            told = sum(modifier.markup is is_markup for modifier in document.modifiers)
            # A till that does not say what a receipt's discount is made of gave one.
            amounts[f"{name}_count"] += told or (stated > 0)
            amounts[f"{name}_minor"] += stated

    def _count_lines(self, document: Document, place: int) -> None:
        amounts = self._operations[document.kind]
        for line in document.lines:
            amounts["item_count"] += 1
            amounts["item_minor"] += (
                line.sum_minor - line.rounding_minor + line.discount_minor - line.markup_minor
            )
            amounts["discount_count"] += line.discount_minor > 0
            amounts["discount_minor"] += line.discount_minor
            amounts["markup_count"] += line.markup_minor > 0
            amounts["markup_minor"] += line.markup_minor
            section = self._sections[line.section, place]
            section["count"] += 1
            section["sum_minor"] += line.sum_minor
            self._count_tax(line.tax_rate, place, line.sum_minor, line.tax_minor)
        for modifier in document.modifiers:
            sign = 1 if modifier.markup else -1
            for share in modifier.shares:
                self._count_tax(share.tax_rate, place, sign * share.sum_minor, sign * share.tax_minor)

    def _count_tax(self, rate: int | None, place: int, turnover_minor: int, tax_minor: int) -> None:
        if rate is None:
            return
        self._operations[OPERATIONS[place]]["tax_minor"] += tax_minor
        row = self._taxes[rate, place]
        row["turnover_minor"] += turnover_minor
        row["tax_minor"] += tax_minor

    def _count_cashier(self, document: Document, *, is_void: bool) -> None:
        amounts = self._cashiers[_cashier(document)]
        amounts["receipt_count"] += 1
        if is_void or document.kind not in ("sale", "sale_refund"):
            return
        name = "sale" if document.kind == "sale" else "refund"
        amounts[f"{name}_count"] += 1
        amounts[f"{name}_minor"] += document.total_minor
        if document.kind == "sale":
            amounts["card_minor"] += document.payments.card_minor
            amounts["cash_minor"] += _cash(document)
            amounts["mobile_minor"] += document.payments.mobile_minor
            amounts["other_minor"] += document.payments.other_minor

    def _operation(self, name: OperationName, life_count: int, non_nullable_minor: int) -> OperationTotals:
        amounts = self._operations[name]
        return OperationTotals(
            life_count=life_count + amounts["count"],
            non_nullable_minor=non_nullable_minor + amounts["sum_minor"],
            operation=name,
            start_non_nullable_minor=non_nullable_minor,
            **amounts,
        )

    def _movement(self, name: Movement, life_count: int) -> MovementTotals:
        amounts = self._movements[name]
        return MovementTotals(life_count=life_count + amounts["count"], **amounts)

    def _is_offline(self, document: Document) -> bool:
        return document.autonomous or document.number in self._late


def _amounts() -> Amounts:
    return cast("Amounts", defaultdict(int))


def _cash(document: Document) -> int:
    """What stayed in the drawer, or left it."""
    return document.payments.cash_minor - document.change_minor


def _cashier(document: Document) -> tuple[str, int]:
    return document.cashier or "", document.cashier_code
