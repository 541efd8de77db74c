"""The documents a register can issue, as a till states them.

The fields of every struct stand in alphabetical order and absent values are left out, so that encoding a
document gives canonical bytes: JSON with sorted names and no spaces (RFC 8785 for the values used here,
which are strings, booleans and integers only). Sums are whole minor units (kopecks, tiyn), quantities whole
thousandths, tax rates hundredths of a per cent.
"""

from datetime import datetime
from enum import IntEnum
from typing import Annotated, Literal

from msgspec import Meta, Struct

# Far above any receipt, and low enough that a day of such sums still fits a 64-bit rollup.
SUM_MAX = 10_000_000_000_000
NUMBER_MAX = 1_000_000_000_000

Sum = Annotated[int, Meta(ge=0, le=SUM_MAX)]
Number = Annotated[int, Meta(ge=1, le=NUMBER_MAX)]
Ordinal = Annotated[int, Meta(ge=0, le=2_000_000_000)]
# In Python a dollar also matches before a last line feed, elsewhere it does not: the end of each pattern says the
# same to both.
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]
Text = Annotated[str, Meta(min_length=1, max_length=250)]
ShortText = Annotated[str, Meta(min_length=1, max_length=64)]


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


class Payments(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True, gc=False):
    """What was handed over, by type, before change is given back."""

    card_minor: Sum = 0
    cash_minor: Sum = 0
    mobile_minor: Sum = 0
    other_minor: Sum = 0


class Line(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True, gc=False):
    """One position: `sum_minor` is round(quantity × price) − discount + markup, tax included."""

    barcode: ShortText | None = None
    code: ShortText | None = None
    discount_minor: Sum = 0
    marking: Annotated[str, Meta(min_length=1, max_length=256)] | None = None
    markup_minor: Sum = 0
    name: Text
    price_minor: Sum
    quantity_milli: Annotated[int, Meta(ge=1, le=1_000_000_000)]
    section: Annotated[int, Meta(ge=0, le=65535)] = 0
    sum_minor: Sum
    tax_minor: Sum = 0
    tax_rate: Annotated[int, Meta(ge=0, le=10000)] | None = None
    unit: Annotated[int, Meta(ge=1, le=99999)] = 796


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
    receipt that a refund or an annulment takes back. `digest` and `previous` are the till's own chain.
    An annulment repeats the lines and payments of what it takes back.
    """

    autonomous: bool = False
    basis: Number | None = None
    cashier: ShortText | None = None
    change_minor: Sum = 0
    currency: Literal["BYN", "KZT"] | None = None
    digest: Digest | None = None
    discount_minor: Sum = 0
    fiscal_sign: Annotated[str, Meta(pattern=r"^[0-9A-Za-z]{1,32}$(?!\n)")] | None = None
    issued_at: Annotated[datetime, Meta(tz=True)]
    kind: KindName
    lines: Annotated[tuple[Line, ...], Meta(max_length=2000)] = ()
    markup_minor: Sum = 0
    number: Number
    ordinal: Ordinal
    payments: Payments = Payments()
    previous: Digest | None = None
    register: ShortText
    shift: Annotated[int, Meta(ge=1, le=2_000_000_000)]
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
