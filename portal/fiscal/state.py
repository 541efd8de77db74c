"""How a register stands after its last document, and what it may do at a moment."""

from datetime import datetime
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from portal.fiscal import counters as counting
from portal.fiscal import rules
from portal.fiscal.autonomy import blocked_at
from portal.fiscal.counters import Counters
from portal.fiscal.dialects import Dialect
from portal.fiscal.documents import SUM_MAX, Document

# No document can be kept outside of these years (`codec.decode`).
_YEAR_MIN: Final = 1901
_YEAR_MAX: Final = 2998


class Register(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """How a register stands after its last document.

    Of the numbers `number` runs on for ever; `counters` know those inside the shift. `hours_from` is when the hours of the
    shift began to count, `cash_minor` the drawer, which the close of a shift does not empty. After a shift is closed its
    counters stay as they were until the next one opens.
    """

    autonomous_since: datetime | None = None
    cash_minor: int = 0
    counters: Counters = Counters()
    country: str
    digest: str | None = None
    factory_number: str
    hours_from: datetime | None = None
    is_open: bool = False
    last_issued_at: datetime | None = None
    number: int = 0
    opened_at: datetime | None = None
    registration_number: str | None = None
    shift: int = 0


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Register)


def encode(register: Register) -> bytes:
    """A register as it is stored."""
    return _encoder.encode(register)


def decode(raw: bytes) -> Register:
    """A stored register."""
    return _decoder.decode(raw)


def new_register(
    factory_number: str, dialect: Dialect, *, registration_number: str | None = None
) -> Register:
    """A register that has issued nothing yet."""
    return Register(
        country=dialect.country, factory_number=factory_number, registration_number=registration_number
    )


def check_moment(register: Register, at: datetime, dialect: Dialect) -> None:
    """Refuse what no clock can have said, and everything once the operator was away for too long."""
    if at.tzinfo is None:
        raise ValueError("a moment without its time zone")
    if not _YEAR_MIN <= at.year <= _YEAR_MAX:
        raise rules.ClockAhead(issued_at=at)
    if register.last_issued_at is not None and at < register.last_issued_at:
        raise rules.ClockBack(issued_at=at, previous_at=register.last_issued_at)
    until = blocked_at(register, dialect)
    if until is not None and at > until:
        raise rules.AutonomousTooLong(autonomous_since_at=register.autonomous_since, blocked_at=until)


def enter_shift(register: Register, at: datetime, dialect: Dialect) -> Register:
    """The register with its shift open. Where the first document opens the shift, it opens here."""
    if register.is_open:
        check_hours(register, at, dialect)
        return register
    if dialect.shift_opens_with == "command":
        raise rules.ShiftNotOpen
    return opened(register, at, dialect)


def opened(register: Register, at: datetime, dialect: Dialect) -> Register:
    return replace(
        register,
        counters=counting.open_shift(register.counters),
        hours_from=at if dialect.shift_counts_from == "opening" else None,
        is_open=True,
        opened_at=at,
        shift=register.shift + 1,
    )


def check_hours(register: Register, at: datetime, dialect: Dialect) -> None:
    began = register.hours_from
    if began is not None and at - began > dialect.shift_length_max:
        raise rules.ShiftTooLong(
            shift=register.shift, opened_at=began, closes_at=began + dialect.shift_length_max
        )


def after(register: Register, document: Document, counters: Counters, cash_minor: int) -> Register:
    """The register after a document that moved the drawer by so much. Refuses `NotEnoughCash` and `SumTooLarge`."""
    cash = register.cash_minor + cash_minor
    if cash < 0:
        raise rules.NotEnoughCash(cash_minor=register.cash_minor, wanted_minor=-cash_minor)
    if cash > SUM_MAX:
        raise rules.SumTooLarge(sum_minor=cash, sum_max_minor=SUM_MAX)
    return replace(
        register,
        cash_minor=cash,
        counters=counters,
        digest=document.digest,
        last_issued_at=document.issued_at,
        number=document.number,
    )
