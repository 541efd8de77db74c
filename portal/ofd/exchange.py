"""What goes to an operator and what comes back, in words of our own: no bytes and no sockets."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from portal.fiscal.documents import Document

# Result codes of protocol 2.0.3 that a register acts on; every other one is an error of this very operation.
OK: Final = 0
UNKNOWN_DEVICE: Final = 1
INVALID_TOKEN: Final = 2
SHIFT_TOO_LONG: Final = 11
INCORRECT_DATA: Final = 13
NOT_ENOUGH_CASH: Final = 14
BLOCKED: Final = 15
UNAVAILABLE: Final = 254
UNKNOWN_ERROR: Final = 255

# Codes that say no more than silence does: the register goes on without its operator.
AS_SILENCE: Final = frozenset({UNAVAILABLE, UNKNOWN_ERROR})
BLOCKING: Final = frozenset({UNKNOWN_DEVICE, BLOCKED})


class NoAnswer(Exception):
    """No answer that can be trusted. `reason` is one word.

    `deadline` (no time was left to ask), `unreachable` (no address, no route), `refused` (nobody listens), `timeout`, `reset`, `closed` (the other end closed
    before the answer was whole), the words of `portal.ofd.wire.frames.BadFrame`, `other_device`, `other_request`, `other_command`,
    `undecodable`.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Registration:
    """Who speaks, as every request repeats it. Empty where unknown.

    `tax_id` is the seller's ИИН or БИН (УНП in Belarus), `latitude` and `longitude` are millionths of a degree.
    """

    factory_number: str
    registration_number: str = ""
    organisation: str = ""
    tax_id: str = ""
    address: str = ""
    activity: str = ""
    point: str = ""
    terminal: str = ""
    latitude: int = 0
    longitude: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """One register's line to its operator. `device` and `token` mean nothing in Belarus."""

    host: str
    port: int
    registration: Registration
    device: int = 0
    token: int = 0


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A document on its way.

    `body` are its canonical bytes as the journal keeps them. `request_number` stays the same however often the document is
    sent. A document that is delivered late has `is_autonomous` and, where it is a receipt, `autonomous_sign`; it may have been issued
    before anybody knew, so the document itself need not say so. `offline_since` is when the register went autonomous, None while
    it works with its operator.
    """

    document: Document
    body: bytes
    request_number: int
    is_autonomous: bool = False
    autonomous_sign: str | None = None
    offline_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the operator said.

    `token` is the next one to use (None in Belarus); `sign` and `qr` are a receipt's fiscal sign and the address that shows it;
    `figures` are the operator's own figures of an X- or Z-report as `portal.ofd.wire.figures.figures_of` names them;
    `is_repeated`: the gateway says that it had the document already.
    """

    result_code: int
    result_text: str = ""
    token: int | None = None
    sign: str | None = None
    qr: str | None = None
    figures: Mapping[str, int] | None = None
    is_repeated: bool = False

    @property
    def is_accepted(self) -> bool:
        return self.result_code == OK

    @property
    def is_silence(self) -> bool:
        """Whether it says no more than no answer would."""
        return self.result_code in AS_SILENCE
