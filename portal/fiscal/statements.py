"""What a register states in its reports."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final
from zlib import crc32

import msgspec
from msgspec.structs import asdict, replace

from portal.fiscal import rules
from portal.fiscal.counters import STATED, Counters, Movement, Operation, Rows, revenue
from portal.fiscal.documents import (
    OPERATIONS,
    CashierTotals,
    MovementTotals,
    OperationName,
    OperationTotals,
    SectionTotals,
    ShiftReport,
    TaxTotals,
    Totals,
)
from portal.fiscal.state import Register

# What a cashier's row of `Counters` holds behind name and code, in order.
CASHIER: Final = (
    "receipt_count",
    "sale_count",
    "sale_minor",
    "cash_minor",
    "card_minor",
    "mobile_minor",
    "other_minor",
    "refund_count",
    "refund_minor",
    "cash_in_minor",
    "cash_out_minor",
)


def report_of(register: Register, at: datetime, *, is_closing: bool) -> ShiftReport:
    """What an X-report (or, closing, a Z-report) states at a moment. Refuses `ShiftNotOpen` before the first shift.

    - `operations`: receipts of each kind. `sum_minor` is their totals, after modifiers and rounding; payments are net
      of change, so that `taken_minor` − `change_minor` is what they add up to; discounts and markups are those of lines and
      of receipts together; an item is a line at price × quantity, before rounding and modifiers; `tax_minor` is
      less the tax of discounts and with that of markups. `non_nullable_minor` is `start_non_nullable_minor` + `sum_minor`.
    - `sections` and `taxes` are sorted by section or rate and then in the order of OPERATIONS, `cashiers` by name and
      code. A row of noughts is left out.
    - `taxes` turn over the lines of a rate less and with what the receipts' modifiers put on it; rounding of a total
      belongs to no rate.
    - An annulment that stands is counted beside what it annuls, which stays in `operations`. A receipt or a movement
      that the operator refused, and the document that takes it back, are in none of these sums; both keep their
      ordinals, and `receipt_count` and a cashier's `receipt_count` count the documents.
    - A cashier's payments are those of sales, refunds are sale refunds.
    - `offline_count` counts autonomous documents, and late ones: issued with the operator, delivered without it.
    """
    if register.opened_at is None:
        raise rules.ShiftNotOpen
    report = ShiftReport(
        cash_minor=register.cash_minor,
        closed_at=at if is_closing else None,
        opened_at=register.opened_at,
        **_parts(register.counters),
    )
    return replace(report, checksum=checksum(report))


def totals_of(counters: Counters, cash_minor: int) -> Totals:
    """What the shift's documents add up to, those refused by the operator and their annulments included."""
    voids = counters.voids or Totals()
    stated = {
        name: value + getattr(voids, name)
        for names, operation in zip(STATED, counters.operations, strict=True)
        for name, value in zip(names, (operation.count, operation.sum_minor), strict=True)
    }
    return Totals(
        annulment_count=counters.annulled_count + voids.annulment_count,
        annulment_minor=counters.annulled_minor + voids.annulment_minor,
        cash_in_minor=counters.cash_in.sum_minor + voids.cash_in_minor,
        cash_minor=cash_minor,
        cash_out_minor=counters.cash_out.sum_minor + voids.cash_out_minor,
        **stated,
    )


def _parts(counters: Counters) -> dict[str, Any]:
    """The fields of a `ShiftReport` that counters know."""
    return {
        "annulled_count": counters.annulled_count,
        "annulled_life_count": counters.annulled_life_count,
        "annulled_minor": counters.annulled_minor,
        "cash_in": _movement(counters.cash_in),
        "cash_out": _movement(counters.cash_out),
        "cashiers": tuple(_cashiers(counters.cashiers)),
        "operations": tuple(map(_operation, OPERATIONS, counters.operations)),
        "receipt_count": counters.receipts,
        "revenue_minor": revenue(counters),
        "sections": tuple(
            SectionTotals(count=count, operation=OPERATIONS[place], section=section, sum_minor=minor)
            for section, place, count, minor in counters.sections
        ),
        "taxes": tuple(
            TaxTotals(operation=OPERATIONS[place], tax_minor=tax, tax_rate=rate, turnover_minor=turnover)
            for rate, place, turnover, tax in counters.taxes
        ),
    }


def checksum(report: ShiftReport) -> str:
    """CRC-32 of the report's canonical bytes without a checksum, as eight hexadecimal digits."""
    return f"{crc32(msgspec.json.encode(replace(report, checksum=None))):08X}"


def _operation(name: OperationName, operation: Operation) -> OperationTotals:
    return OperationTotals(operation=name, **asdict(operation))


def _movement(movement: Movement) -> MovementTotals:
    return MovementTotals(**asdict(movement))


def _cashiers(rows: Rows) -> Iterable[CashierTotals]:
    for name, code, *amounts in rows:
        yield CashierTotals(name=name, code=code, **dict(zip(CASHIER, amounts, strict=True)))
