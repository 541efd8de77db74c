"""What the operator knows of one register: who it is, where it stands, and the operator's own counters.

The counters are moved by what was received and by nothing else. No number that a register states about itself (its X- and
Z-reports) is ever taken over, so that two ledgers stand side by side and can be compared. They are given out in the words of
`portal.fiscal.documents.ShiftReport`, because those are the fields the protocol asks for.
"""

from datetime import datetime
from typing import Final

import msgspec
from msgspec import Struct, field

from portal.fiscal.documents import (
    OPERATIONS,
    MovementTotals,
    OperationName,
    OperationTotals,
    SectionTotals,
    ShiftReport,
    TaxTotals,
)

# Numbers that the operator itself refused may come again out of turn; so many are remembered.
REFUSED_MAX: Final = 1000

SIGNS: Final[dict[OperationName, int]] = {
    "sale": 1,
    "sale_refund": -1,
    "purchase": -1,
    "purchase_refund": 1,
}


class Facts(Struct, frozen=True, kw_only=True):
    """What stands in the operator's register of registers.

    `rnm` is the registration number, `znm` the factory number, `tax_id` the organisation's own; `operator` chooses the
    address in the QR code (`portal.ofd.simulator.signs`).
    """

    address: str = ""
    operator: str = "kazakhtelecom"
    rnm: str = ""
    tax_id: str = ""
    title: str = ""
    vat_payer: bool = True
    znm: str = ""


class Cashier(Struct, frozen=True, kw_only=True):
    """Who may sign in at a register (COMMAND_AUTH); `roles` by the protocol's numbers."""

    code: int
    name: str
    roles: tuple[int, ...] = ()
    salt: bytes
    secret: bytes


class Opening(Struct, frozen=True, kw_only=True):
    """Where a register with a past stands when it is put on record, its shift closed.

    By kind of receipt: the sums that are never reset, and how many there were; then the same of cash put in and taken
    out; the cash in the drawer, the last document's number and the last shift's.
    """

    non_nullable_minor: dict[OperationName, int] = field(default_factory=dict)
    life_count: dict[OperationName, int] = field(default_factory=dict)
    annulled_life_count: int = 0
    cash_in_life_count: int = 0
    cash_minor: int = 0
    cash_out_life_count: int = 0
    last_issued_at: datetime | None = None
    number: int = 0
    shift: int = 0


class Tally(Struct):
    """Receipts of one kind in the open shift; the fields of OperationTotals. Life counts and sums go on for ever."""

    card_count: int = 0
    card_minor: int = 0
    cash_count: int = 0
    cash_minor: int = 0
    change_minor: int = 0
    count: int = 0
    discount_count: int = 0
    discount_minor: int = 0
    item_count: int = 0
    item_minor: int = 0
    life_count: int = 0
    markup_count: int = 0
    markup_minor: int = 0
    mobile_count: int = 0
    mobile_minor: int = 0
    non_nullable_minor: int = 0
    offline_count: int = 0
    other_count: int = 0
    other_minor: int = 0
    start_non_nullable_minor: int = 0
    sum_minor: int = 0
    taken_minor: int = 0
    tax_minor: int = 0


class Flow(Struct):
    """Cash put in, or taken out, in the open shift; `life_count` for ever."""

    count: int = 0
    life_count: int = 0
    offline_count: int = 0
    sum_minor: int = 0


class Pair(Struct):
    """A count or a turnover, and the sum beside it."""

    first: int = 0
    second: int = 0


class Received(Struct, kw_only=True):
    """One receipt as the counters need it, whatever wire it came by. Payments are net of change."""

    card_minor: int = 0
    cash_minor: int = 0
    change_minor: int = 0
    discount_count: int = 0
    discount_minor: int = 0
    # Cash was handed over, even if all of it was given back.
    has_cash: bool = False
    is_offline: bool = False
    item_count: int = 0
    item_minor: int = 0
    markup_count: int = 0
    markup_minor: int = 0
    mobile_minor: int = 0
    operation: OperationName
    other_minor: int = 0
    sections: dict[str, Pair] = field(default_factory=dict)
    taken_minor: int = 0
    # By rate in hundredths of a per cent: turnover with tax, and the tax inside.
    taxes: dict[int, Pair] = field(default_factory=dict)
    total_minor: int

    def cash_moved_minor(self) -> int:
        """What the receipt adds to the drawer; negative for what it takes out."""
        return SIGNS[self.operation] * self.cash_minor


class Account(Struct, kw_only=True):
    """One register at the operator. `key` is the device id in Kazakhstan, the factory number in Belarus.

    `strays` are tokens that the operator gave out wrongly on purpose, each with how often it was refused since; `refused` are numbers that
    it has refused itself and that may come again out of turn.
    """

    annulled_count: int = 0
    annulled_life_count: int = 0
    annulled_minor: int = 0
    cash_in: Flow = field(default_factory=Flow)
    cash_minor: int = 0
    cash_out: Flow = field(default_factory=Flow)
    # By login.
    cashiers: dict[str, Cashier] = field(default_factory=dict)
    country: str
    facts: Facts
    # Since when the hours of the shift count: its opening in Kazakhstan, its first receipt in Belarus.
    hours_from: datetime | None = None
    is_blocked: bool = False
    is_open: bool = False
    key: str
    last_at: datetime | None = None
    number: int = 0
    opened_at: datetime | None = None
    refused: list[int] = field(default_factory=list)
    sections: dict[str, Pair] = field(default_factory=dict)
    served: int = 0
    shift: int = 0
    strays: dict[int, int] = field(default_factory=dict)
    tallies: dict[OperationName, Tally] = field(
        default_factory=lambda: {name: Tally() for name in OPERATIONS}
    )
    taxes: dict[str, Pair] = field(default_factory=dict)
    token: int = 0


def open_account(key: str, country: str, facts: Facts, token: int, opening: Opening) -> Account:
    """Put a register on record, its shift closed."""
    last_at = opening.last_issued_at
    tallies = {
        name: Tally(
            life_count=opening.life_count.get(name, 0),
            non_nullable_minor=opening.non_nullable_minor.get(name, 0),
            start_non_nullable_minor=opening.non_nullable_minor.get(name, 0),
        )
        for name in OPERATIONS
    }
    return Account(
        key=key,
        country=country,
        facts=facts,
        token=token,
        tallies=tallies,
        cash_minor=opening.cash_minor,
        cash_in=Flow(life_count=opening.cash_in_life_count),
        cash_out=Flow(life_count=opening.cash_out_life_count),
        annulled_life_count=opening.annulled_life_count,
        number=opening.number,
        shift=opening.shift,
        # The wire knows no fractions of a second: a document of the same second must not seem earlier.
        last_at=last_at and last_at.replace(microsecond=0),
    )


def open_shift(account: Account, shift: int, at: datetime, *, hours_from: datetime | None) -> None:
    """Begin a shift: everything of the shift at nothing, what is never reset where it stands."""
    account.shift, account.is_open, account.opened_at, account.hours_from = shift, True, at, hours_from
    account.tallies = {
        name: Tally(
            life_count=tally.life_count,
            non_nullable_minor=tally.non_nullable_minor,
            start_non_nullable_minor=tally.non_nullable_minor,
        )
        for name, tally in account.tallies.items()
    }
    account.cash_in = Flow(life_count=account.cash_in.life_count)
    account.cash_out = Flow(life_count=account.cash_out.life_count)
    account.annulled_count = account.annulled_minor = 0
    account.sections, account.taxes = {}, {}


def count_receipt(account: Account, receipt: Received) -> None:
    """Add one receipt to the counters."""
    tally = account.tallies[receipt.operation]
    tally.count += 1
    tally.life_count += 1
    tally.sum_minor += receipt.total_minor
    tally.non_nullable_minor += receipt.total_minor
    tally.offline_count += receipt.is_offline
    tally.cash_count += receipt.has_cash
    tally.card_count += receipt.card_minor > 0
    tally.mobile_count += receipt.mobile_minor > 0
    tally.other_count += receipt.other_minor > 0
    for name in _SUMMED:
        setattr(tally, name, getattr(tally, name) + getattr(receipt, name))
    for section, pair in receipt.sections.items():
        _add(account.sections, f"{receipt.operation}/{section}", pair)
    for rate, pair in receipt.taxes.items():
        tally.tax_minor += pair.second
        _add(account.taxes, f"{receipt.operation}/{rate}", pair)
    account.cash_minor += receipt.cash_moved_minor()


def count_annulment(account: Account, receipt: Received) -> None:
    """Count an annulment (Belarus): what it annuls stays counted beside it, and the cash goes back."""
    account.annulled_count += 1
    account.annulled_life_count += 1
    account.annulled_minor += receipt.total_minor
    account.cash_minor -= receipt.cash_moved_minor()


def count_cash(account: Account, sum_minor: int, *, is_out: bool, is_offline: bool) -> None:
    """Add a movement of cash to the counters."""
    flow = account.cash_out if is_out else account.cash_in
    flow.count += 1
    flow.life_count += 1
    flow.sum_minor += sum_minor
    flow.offline_count += is_offline
    account.cash_minor += -sum_minor if is_out else sum_minor


_SUMMED: Final = (
    "card_minor",
    "cash_minor",
    "change_minor",
    "discount_count",
    "discount_minor",
    "item_count",
    "item_minor",
    "markup_count",
    "markup_minor",
    "mobile_minor",
    "other_minor",
    "taken_minor",
)


def _add(pairs: dict[str, Pair], name: str, pair: Pair) -> None:
    there = pairs.setdefault(name, Pair())
    there.first += pair.first
    there.second += pair.second


def report_of(account: Account, closed_at: datetime | None = None) -> ShiftReport:
    """The operator's own report of the shift that is open, or was open last. It knows no cashiers and no checksum."""
    operations = tuple(
        OperationTotals(operation=name, **msgspec.structs.asdict(account.tallies[name]))
        for name in OPERATIONS
    )
    signed = sum(SIGNS[totals.operation] * totals.sum_minor for totals in operations)
    return ShiftReport(
        annulled_count=account.annulled_count,
        annulled_life_count=account.annulled_life_count,
        annulled_minor=account.annulled_minor,
        cash_in=MovementTotals(**msgspec.structs.asdict(account.cash_in)),
        cash_minor=account.cash_minor,
        cash_out=MovementTotals(**msgspec.structs.asdict(account.cash_out)),
        closed_at=closed_at,
        opened_at=account.opened_at or account.last_at or closed_at or EPOCH,
        operations=operations,
        receipt_count=sum(totals.count for totals in operations),
        revenue_minor=signed,
        sections=tuple(
            sorted(
                (
                    SectionTotals(
                        operation=name, section=int(section), count=pair.first, sum_minor=pair.second
                    )
                    for (name, section), pair in _split(account.sections)
                    if pair.first
                ),
                key=lambda totals: (totals.section, OPERATIONS.index(totals.operation)),
            )
        ),
        taxes=tuple(
            sorted(
                (
                    TaxTotals(
                        operation=name, tax_rate=int(rate), turnover_minor=pair.first, tax_minor=pair.second
                    )
                    for (name, rate), pair in _split(account.taxes)
                    if pair.first or pair.second
                ),
                key=lambda totals: (totals.tax_rate, OPERATIONS.index(totals.operation)),
            )
        ),
    )


EPOCH: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def _split(pairs: dict[str, Pair]) -> list[tuple[tuple[OperationName, str], Pair]]:
    found: list[tuple[tuple[OperationName, str], Pair]] = []
    for key, pair in pairs.items():
        operation, _, rest = key.partition("/")
        name = next(name for name in OPERATIONS if name == operation)
        found.append(((name, rest if rest.isdecimal() else "0"), pair))
    return found


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(Account)


def encode(account: Account) -> bytes:
    """An account as it is kept in the book."""
    return _ENCODER.encode(account)


def decode(raw: bytes) -> Account:
    """An account out of the book."""
    return _DECODER.decode(raw)
