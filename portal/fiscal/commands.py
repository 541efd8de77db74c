"""What a till may ask of its register, and how a register is set.

A command is what the caller knows; numbers, sums of lines, taxes, change and signs are the engine's
(`portal.fiscal.register.issue`). Sums are whole minor units, quantities whole thousandths, rates and shares
hundredths of a per cent.
"""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from portal.fiscal.documents import Basis, Document, OperationName, Payments

# Hundredths of a per cent in a whole.
WHOLE = 10_000


class RoundingMode(StrEnum):
    """What is rounded to the country's smallest cash sum before it is paid (Webkassa, RoundType 0, 2, 3)."""

    NONE = "none"
    POSITIONS = "positions"
    TOTAL = "total"


class ModifierUnit(StrEnum):
    """How a register's cashiers state discounts and markups (manual of Webkassa 2.0, 5.3)."""

    PERCENT = "percent"
    SUM = "sum"


class RegisterSettings(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """How a register is set. Changed only while its shift is closed (manual of Webkassa 2.0, 6.2.1).

    `sum_max_minor` is the largest total of a receipt (manual of Ismet E-kassa, «Максимальная сумма»). `tax_id` is the
    seller's own. `vat_rate` is the rate of what names none; without it the country's base rate of the day, and for
    those who pay no VAT no rate at all.
    """

    are_both_modifiers_allowed: bool = False
    is_exchange_office: bool = False
    is_vat_payer: bool = True
    modifier_unit: ModifierUnit = ModifierUnit.SUM
    may_discount_lines: bool = True
    may_discount_receipt: bool = True
    may_purchase: bool = False
    rounding: RoundingMode = RoundingMode.NONE
    section: int = 0
    sum_max_minor: int | None = None
    tax_id: str | None = None
    vat_rate: int | None = None
    withdraws_at_close: bool = False


class Change(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A discount or a markup: a sum, or a share in hundredths of a per cent; never both."""

    share: Annotated[int, Meta(ge=0)] | None = None
    sum_minor: Annotated[int, Meta(ge=0)] | None = None


class BasketLine(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One position as it was entered.

    `tax_rate` None takes the register's own rate; `is_untaxed` says there is none. `is_struck`, `is_discount_struck`
    and `is_markup_struck` are storno: kept in the record, absent from the tape and from every sum.
    """

    barcode: str | None = None
    code: str | None = None
    currency: str | None = None
    discount: Change | None = None
    excise: str | None = None
    is_discount_struck: bool = False
    is_markup_struck: bool = False
    is_struck: bool = False
    is_untaxed: bool = False
    marking: str | None = None
    markings: tuple[str, ...] = ()
    markup: Change | None = None
    name: str
    ntin: str | None = None
    price_minor: int
    quantity_milli: int
    section: int | None = None
    tax_rate: int | None = None
    unit: int = 796


class ReceiptModifier(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A discount or a markup on the whole receipt.

    With `tax_rate` or `is_untaxed` its tax is worked out at that rate; otherwise it is shared out over the lines by their sums.
    """

    change: Change
    is_markup: bool = False
    is_untaxed: bool = False
    name: str | None = None
    tax_rate: int | None = None


class Original(Struct, frozen=True, kw_only=True):
    """A receipt that is to be taken back, and what was done to it already, in any order.

    Facts from the journal: whoever calls the engine looks them up (`portal.journal.issuing`). `taken_back` are all documents
    whose basis is this receipt, and the annulments of those: a refund that was annulled took nothing back.
    `fiscal_sign` is the operator's where it answered, otherwise what was printed.
    """

    document: Document
    fiscal_sign: str | None = None
    is_autonomous: bool = False
    taken_back: tuple[Document, ...] = ()


class Taken(Struct, frozen=True, kw_only=True):
    """Of the original's line `place` (counted from one) this much is taken back.

    `markings` are the codes of the pieces; without them the first that are left.
    """

    markings: tuple[str, ...] = ()
    place: int
    quantity_milli: int


class OpenShift(Struct, frozen=True, omit_defaults=True, kw_only=True, tag="open_shift"):
    """Open a shift; where the first document opens it, refused."""

    cashier: str
    cashier_code: int = 0


class Receipt(Struct, frozen=True, omit_defaults=True, kw_only=True, tag="receipt"):
    """A sale, a purchase, or a simple refund of either: a basket and how it is paid.

    `payments` are what was handed over, before change; None pays all of it in cash. For a refund they are what is
    given back.
    """

    basis_receipt: Basis | None = None
    buyer: str | None = None
    cashier: str
    cashier_code: int = 0
    kind: OperationName
    lines: tuple[BasketLine, ...]
    modifiers: tuple[ReceiptModifier, ...] = ()
    payments: Payments | None = None
    rounding: RoundingMode | None = None


class Refund(Struct, frozen=True, omit_defaults=True, kw_only=True, tag="refund"):
    """Take a receipt of this register back, whole (`taken` is None: all that is left) or in part.

    `number` is the original's continuous number; `payments` None gives back in the types it was paid in, as far as they go.
    """

    cashier: str
    cashier_code: int = 0
    number: int
    payments: Payments | None = None
    taken: tuple[Taken, ...] | None = None


class Annul(Struct, frozen=True, omit_defaults=True, kw_only=True, tag="annul"):
    """Annul a receipt of the open shift (Belarus; manual of iKassa, «Аннулирование»).

    In Kazakhstan a receipt that stands is refunded instead; only what the operator refused is annulled (`is_refused`),
    by the portal itself. In Belarus no operator refuses anything, so that a journal tells by its country what an
    annulment was.
    """

    cashier: str
    cashier_code: int = 0
    is_refused: bool = False
    number: int


class MoveCash(Struct, frozen=True, omit_defaults=True, kw_only=True, tag="move_cash"):
    """Put cash into the drawer, or take it out."""

    cashier: str
    cashier_code: int = 0
    is_out: bool = False
    sum_minor: int


class TakeReport(Struct, frozen=True, omit_defaults=True, kw_only=True, tag="x_report"):
    """An X-report: the shift so far."""

    cashier: str
    cashier_code: int = 0


class CloseShift(Struct, frozen=True, omit_defaults=True, kw_only=True, tag="z_report"):
    """A Z-report: the shift is over."""

    cashier: str
    cashier_code: int = 0


class GoAutonomous(Struct, frozen=True, omit_defaults=True, kw_only=True, tag="go_autonomous"):
    """The operator does not answer.

    `late` are the documents already issued that will reach it as autonomous ones (at most the last of them).
    """

    late: tuple[Document, ...] = ()
    reason: str


class ComeBack(Struct, frozen=True, kw_only=True, tag="come_back"):
    """The operator has everything: work goes on with it."""


Command = OpenShift | Receipt | Refund | Annul | MoveCash | TakeReport | CloseShift | GoAutonomous | ComeBack
