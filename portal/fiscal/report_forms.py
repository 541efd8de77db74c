"""The reports that are no documents, and the views of those that are: plain values for a tape, a page, an API or paper.

What each of them tells is named by the manual of Webkassa 2.0, 8.1.1-8.1.5. Sums are minor units.
"""

from datetime import datetime

from msgspec import Struct

from portal.fiscal.documents import (
    CashierTotals,
    KindName,
    MovementTotals,
    OperationTotals,
    ShiftReport,
    TaxTotals,
)


class Requisites(Struct, frozen=True, kw_only=True):
    """Whose register it is and by what numbers it is known.

    `identification_number` is the operator's own, `operator` the operator's name; a register without one has neither.
    """

    address: str | None = None
    factory_number: str
    identification_number: str | None = None
    operator: str | None = None
    organisation: str
    registration_number: str | None = None
    tax_id: str


class ZReport(Struct, frozen=True, kw_only=True):
    """A closed shift. Receipts are sales, refunds those of sales; purchases stand in `report` beside everything else.

    `taken_minor` is what buyers handed over, change included; `cash_minor` and `card_minor` are net of change.
    """

    card_minor: int
    cash_minor: int
    cashier: str | None
    cashier_code: int
    checksum: str
    closed_at: datetime
    document_count: int
    issued_at: datetime
    number: int
    opened_at: datetime
    receipt_count: int
    receipts_minor: int
    refund_count: int
    refunds_minor: int
    report: ShiftReport
    requisites: Requisites
    shift: int
    taken_minor: int
    tax_minor: int


class Position(Struct, frozen=True, kw_only=True):
    """One line that was sold: its cost before modifiers, and its discount. `number` is the receipt's."""

    cost_minor: int
    discount_minor: int
    name: str
    number: int


class XReport(Struct, frozen=True, kw_only=True):
    """An open shift. `discount_minor` is that of lines and of whole receipts; `receipt_ordinal` the last receipt's."""

    cashier: str | None
    cashier_code: int
    change_minor: int
    checksum: str
    discount_minor: int
    issued_at: datetime
    number: int
    positions: tuple[Position, ...]
    receipt_ordinal: int
    report: ShiftReport
    requisites: Requisites
    shift: int
    taken_minor: int
    tax_minor: int


class SectionRow(Struct, frozen=True, kw_only=True):
    """A section: what was sold and bought there and what was taken back. Counts are of positions."""

    purchase_count: int = 0
    purchase_minor: int = 0
    purchase_refund_count: int = 0
    purchase_refund_minor: int = 0
    refund_count: int = 0
    refund_minor: int = 0
    sale_count: int = 0
    sale_minor: int = 0
    section: int

    @property
    def revenue_minor(self) -> int:
        """Sales − sale refunds − purchases + purchase refunds."""
        return self.sale_minor - self.refund_minor - self.purchase_minor + self.purchase_refund_minor


class SectionReport(Struct, frozen=True, kw_only=True):
    """A shift, open or closed, by sections."""

    cashier: str | None
    cashier_code: int
    document_ordinal: int
    issued_at: datetime
    requisites: Requisites
    rows: tuple[SectionRow, ...]
    shift: int


class CashierReport(Struct, frozen=True, kw_only=True):
    """A shift, open or closed, by cashiers."""

    cashier: str | None
    cashier_code: int
    document_ordinal: int
    issued_at: datetime
    requisites: Requisites
    rows: tuple[CashierTotals, ...]
    shift: int


class TapeRow(Struct, frozen=True, kw_only=True):
    """One operation of a shift. `fiscal_sign` is what identifies a receipt; other documents have none to show."""

    basis: int | None
    cashier: str | None
    cashier_code: int
    fiscal_sign: str | None
    is_autonomous: bool
    issued_at: datetime
    kind: KindName
    number: int
    ordinal: int
    total_minor: int


class ControlTape(Struct, frozen=True, kw_only=True):
    """Every operation of a shift, in order."""

    document_ordinal: int
    issued_at: datetime
    requisites: Requisites
    rows: tuple[TapeRow, ...]
    shift: int


class ShiftRow(Struct, frozen=True, kw_only=True):
    """One shift of a period; an open one has not been closed yet."""

    cash_minor: int
    closed_at: datetime | None
    opened_at: datetime
    operations: tuple[OperationTotals, ...]
    revenue_minor: int
    shift: int


class FiscalReport(Struct, frozen=True, kw_only=True):
    """Shifts of a period, one after another, and what they come to.

    In `operations` counts and sums are the period's; `start_non_nullable_minor` stood before the first shift, `life_count` and
    `non_nullable_minor` after the last.
    """

    annulled_count: int
    annulled_minor: int
    cash_in: MovementTotals
    cash_minor: int
    cash_out: MovementTotals
    first_shift: int
    issued_at: datetime
    last_shift: int
    operations: tuple[OperationTotals, ...]
    requisites: Requisites
    revenue_minor: int
    rows: tuple[ShiftRow, ...]
    taxes: tuple[TaxTotals, ...]
