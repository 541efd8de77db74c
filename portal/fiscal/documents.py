"""The documents a register can issue, as a till states them.

The fields of every struct stand in alphabetical order and absent values are left out, so that encoding a
document gives canonical bytes: JSON with sorted names and no spaces (RFC 8785 for the values used here,
which are strings, booleans and integers only). Sums are whole minor units (kopecks, tiyn), quantities whole
thousandths, tax rates hundredths of a per cent.
"""

from datetime import datetime
from enum import IntEnum
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

# Far above any receipt, and low enough that a day of such sums still fits a 64-bit rollup.
SUM_MAX = 10_000_000_000_000
NUMBER_MAX = 1_000_000_000_000

Sum = Annotated[int, Meta(ge=0, le=SUM_MAX)]
SignedSum = Annotated[int, Meta(ge=-SUM_MAX, le=SUM_MAX)]
# What rounding to whole tenge can move a sum by.
Rounding = Annotated[int, Meta(ge=-100, le=100)]
Number = Annotated[int, Meta(ge=1, le=NUMBER_MAX)]
# Of a register's whole life.
LifeSum = Annotated[int, Meta(ge=0, le=9_000_000_000_000_000_000)]
Ordinal = Annotated[int, Meta(ge=0, le=2_000_000_000)]
# In Python a dollar also matches before a last line feed, elsewhere it does not: the end of each pattern says the
# same to both.
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]
Text = Annotated[str, Meta(min_length=1, max_length=250)]
ShortText = Annotated[str, Meta(min_length=1, max_length=64)]
Sign = Annotated[str, Meta(pattern=r"^[0-9A-Za-z]{1,32}$(?!\n)")]
Marking = Annotated[str, Meta(min_length=1, max_length=256)]
TaxRateField = Annotated[int, Meta(ge=0, le=10000)]
Section = Annotated[int, Meta(ge=0, le=65535)]


class Kind(IntEnum):
    """What a document is. The numbers are stored; the names travel."""

    SHIFT_OPENED = 1
    SALE = 2
    SALE_REFUND = 3
    PURCHASE = 4
    PURCHASE_REFUND = 5
    ANNULMENT = 6
    CASH_IN = 7
    CASH_OUT = 8
    X_REPORT = 9
    Z_REPORT = 10


KIND_BY_NAME = {kind.name.lower(): kind for kind in Kind}

# Documents with lines and payments.
RECEIPTS = frozenset({Kind.SALE, Kind.SALE_REFUND, Kind.PURCHASE, Kind.PURCHASE_REFUND, Kind.ANNULMENT})
REPORTS = frozenset({Kind.X_REPORT, Kind.Z_REPORT})

KindName = Literal[
    "shift_opened",
    "sale",
    "sale_refund",
    "purchase",
    "purchase_refund",
    "annulment",
    "cash_in",
    "cash_out",
    "x_report",
    "z_report",
]


OperationName = Literal["sale", "sale_refund", "purchase", "purchase_refund"]
OPERATIONS: Final[tuple[OperationName, ...]] = ("sale", "sale_refund", "purchase", "purchase_refund")


class Payments(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True, gc=False):
    """What was handed over, by type, before change is given back."""

    card_minor: Sum = 0
    cash_minor: Sum = 0
    mobile_minor: Sum = 0
    other_minor: Sum = 0


class Line(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True, gc=False):
    """One position: `sum_minor` is round(quantity × price) + rounding − discount + markup, tax included.

    `barcode` is the GTIN, `ntin` the code of Kazakhstan's national catalogue, `marking` one marking code and `markings`
    several of one kind of goods, `excise` an excise stamp. `currency` is the foreign currency that an exchange office
    sells or buys: the quantity counts it, the price is its rate. In a refund `place` says which line of the original is
    taken back, counted from one.
    """

    barcode: ShortText | None = None
    code: ShortText | None = None
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$(?!\n)")] | None = None
    discount_minor: Sum = 0
    excise: Marking | None = None
    marking: Marking | None = None
    markings: Annotated[tuple[Marking, ...], Meta(max_length=1000)] = ()
    markup_minor: Sum = 0
    name: Text
    ntin: Annotated[str, Meta(pattern=r"^[0-9]{13}$(?!\n)")] | None = None
    place: Annotated[int, Meta(ge=1, le=2000)] | None = None
    price_minor: Sum
    quantity_milli: Annotated[int, Meta(ge=1, le=1_000_000_000)]
    rounding_minor: Rounding = 0
    section: Section = 0
    sum_minor: Sum
    tax_minor: Sum = 0
    tax_rate: TaxRateField | None = None
    unit: Annotated[int, Meta(ge=1, le=99999)] = 796


class TaxShare(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True, gc=False):
    """The part of a receipt's modifier that falls on goods of one rate, and the tax inside it. No rate: no tax."""

    sum_minor: Sum
    tax_minor: Sum = 0
    tax_rate: TaxRateField | None = None


class Modifier(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True, gc=False):
    """A discount or a markup on the whole receipt; `shares` add up to `sum_minor`."""

    markup: bool = False
    name: Text | None = None
    shares: tuple[TaxShare, ...] = ()
    sum_minor: Sum


class Storno(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True, gc=False):
    """What was struck out before the receipt was issued: kept in the record, absent from the tape and from every sum.

    `place` counts the entries of the basket from one, those struck out included. With `line` the whole line was struck,
    otherwise only the line's discount or markup of these sums.
    """

    discount_minor: Sum = 0
    line: Line | None = None
    markup_minor: Sum = 0
    place: Annotated[int, Meta(ge=1, le=2000)]


class Basis(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True, gc=False):
    """The receipt that a refund takes back, as the operator asks for it (protocol 2.0.3, ParentTicket)."""

    autonomous: bool = False
    fiscal_sign: Sign
    issued_at: Annotated[datetime, Meta(tz=True)]
    registration_number: ShortText
    total_minor: Sum


class OperationTotals(
    Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True, gc=False
):
    """What a report states about receipts of one kind.

    Counts and sums are the shift's, except `life_count` and the two `non_nullable` sums, which are never reset:
    `start_non_nullable_minor` stood when the shift opened. Payments are net of change; `taken_minor` is what was handed over,
    `item_*` count positions at price × quantity before their modifiers.
    """

    card_count: Ordinal = 0
    card_minor: Sum = 0
    cash_count: Ordinal = 0
    cash_minor: Sum = 0
    change_minor: Sum = 0
    count: Ordinal = 0
    discount_count: Ordinal = 0
    discount_minor: Sum = 0
    item_count: Ordinal = 0
    item_minor: Sum = 0
    life_count: Ordinal = 0
    markup_count: Ordinal = 0
    markup_minor: Sum = 0
    mobile_count: Ordinal = 0
    mobile_minor: Sum = 0
    non_nullable_minor: LifeSum = 0
    offline_count: Ordinal = 0
    operation: OperationName
    other_count: Ordinal = 0
    other_minor: Sum = 0
    start_non_nullable_minor: LifeSum = 0
    sum_minor: Sum = 0
    taken_minor: Sum = 0
    tax_minor: Sum = 0


class SectionTotals(
    Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True, gc=False
):
    """Positions of one section in receipts of one kind: how many, and their sum after the modifiers of the lines."""

    count: Ordinal = 0
    operation: OperationName
    section: Section
    sum_minor: Sum = 0


class TaxTotals(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True, gc=False):
    """Turnover with tax, and the tax inside it, of one rate in receipts of one kind."""

    operation: OperationName
    tax_minor: Sum = 0
    tax_rate: TaxRateField
    turnover_minor: Sum = 0


class MovementTotals(
    Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True, gc=False
):
    """Cash put into the drawer, or taken out of it."""

    count: Ordinal = 0
    life_count: Ordinal = 0
    offline_count: Ordinal = 0
    sum_minor: Sum = 0


class CashierTotals(
    Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True, gc=False
):
    """One cashier's part of a shift (manual of Webkassa 2.0, 8.1.4): payments are those of sales, net of change."""

    card_minor: Sum = 0
    cash_in_minor: Sum = 0
    cash_minor: Sum = 0
    cash_out_minor: Sum = 0
    code: Ordinal = 0
    mobile_minor: Sum = 0
    name: ShortText
    other_minor: Sum = 0
    receipt_count: Ordinal = 0
    refund_count: Ordinal = 0
    refund_minor: Sum = 0
    sale_count: Ordinal = 0
    sale_minor: Sum = 0


class ShiftReport(
    Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True, gc=False
):
    """An X- or Z-report in full, field for field what the operator's ZXReport asks for (protocol 2.0.3).

    `operations` hold the kinds in the order of OPERATIONS, all four always; the other lists hold only what occurred, sorted.
    `revenue_minor` is sales + purchase refunds − purchases − sale refunds. `checksum` is of the other fields
    (`portal.fiscal.reports.checksum`).
    """

    annulled_count: Ordinal = 0
    annulled_life_count: Ordinal = 0
    annulled_minor: Sum = 0
    cash_in: MovementTotals = MovementTotals()
    cash_minor: Sum = 0
    cash_out: MovementTotals = MovementTotals()
    cashiers: tuple[CashierTotals, ...] = ()
    checksum: Annotated[str, Meta(pattern=r"^[0-9A-F]{8}$(?!\n)")] | None = None
    closed_at: Annotated[datetime, Meta(tz=True)] | None = None
    opened_at: Annotated[datetime, Meta(tz=True)]
    operations: tuple[OperationTotals, ...]
    receipt_count: Ordinal = 0
    revenue_minor: SignedSum = 0
    sections: tuple[SectionTotals, ...] = ()
    taxes: tuple[TaxTotals, ...] = ()


class Totals(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True, gc=False):
    """What an X- or Z-report states about its shift."""

    annulment_count: Ordinal = 0
    annulment_minor: Sum = 0
    cash_in_minor: Sum = 0
    cash_minor: Sum = 0
    cash_out_minor: Sum = 0
    purchase_count: Ordinal = 0
    purchase_minor: Sum = 0
    purchase_refund_count: Ordinal = 0
    purchase_refund_minor: Sum = 0
    refund_count: Ordinal = 0
    refund_minor: Sum = 0
    sale_count: Ordinal = 0
    sale_minor: Sum = 0


class Document(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True, gc=False):
    """One fiscal document as the till issued it.

    `number` runs on for ever in a register, `ordinal` counts inside the shift; `basis` is the number of the
    receipt that a refund or an annulment takes back, `basis_receipt` says the same in the operator's terms. `digest` and
    `previous` are the till's own chain. An annulment repeats the lines and payments of what it takes back.

    `total_minor` is the lines − discount + markup + rounding; `modifiers` say what the receipt's discount and markup are
    made of. `buyer` is the buyer's taxpayer number. `engine` and `dialect` are the versions of our own rules that issued
    the document; what was streamed to us has none.
    """

    autonomous: bool = False
    basis: Number | None = None
    basis_receipt: Basis | None = None
    buyer: Annotated[str, Meta(pattern=r"^[0-9A-Z]{9,12}$(?!\n)")] | None = None
    cashier: ShortText | None = None
    cashier_code: Ordinal = 0
    change_minor: Sum = 0
    currency: Literal["BYN", "KZT"] | None = None
    dialect: Ordinal | None = None
    digest: Digest | None = None
    discount_minor: Sum = 0
    engine: Ordinal | None = None
    fiscal_sign: Sign | None = None
    issued_at: Annotated[datetime, Meta(tz=True)]
    kind: KindName
    lines: Annotated[tuple[Line, ...], Meta(max_length=2000)] = ()
    markup_minor: Sum = 0
    modifiers: Annotated[tuple[Modifier, ...], Meta(max_length=100)] = ()
    number: Number
    ordinal: Ordinal
    payments: Payments = Payments()
    previous: Digest | None = None
    register: ShortText
    report: ShiftReport | None = None
    rounding: Literal["positions", "total"] | None = None
    rounding_minor: Rounding = 0
    shift: Annotated[int, Meta(ge=1, le=2_000_000_000)]
    stornos: Annotated[tuple[Storno, ...], Meta(max_length=2000)] = ()
    total_minor: Sum = 0
    totals: Totals | None = None


def payment_mask(document: Document) -> int:
    """Which types of payment took part: 1 cash, 2 card, 4 mobile, 8 other."""
    payments = document.payments
    return (
        (payments.cash_minor > 0)
        | (payments.card_minor > 0) << 1
        | (payments.mobile_minor > 0) << 2
        | (payments.other_minor > 0) << 3
    )
