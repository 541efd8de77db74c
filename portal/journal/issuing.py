"""Issue a document at a cloud till: one read, the engine, one statement.

The statement writes the document, the till's new state and what is to become of the document, and only if the till is
still as it was read; otherwise it is read again. So no two callers issue the same number, and whoever is killed at any
point leaves either everything or nothing.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from psycopg2 import IntegrityError
from sqlalchemy.exc import OperationalError

from portal.db import statements
from portal.fiscal.commands import Annul, Command, Refund
from portal.journal.answers import (
    change_state,
    give_up,
    hold,
    record_answer,
    record_no_answer,
    record_refusal,
    release,
    take_back,
    void,
)
from portal.journal.issued import Issued, Waiting, find_original, list_waiting, read_issued
from portal.journal.standing import (
    MEMORY,
    KeyTooLong,
    Moved,
    NotACloudTill,
    ShiftIsOpen,
    Standing,
    TillBlocked,
    TillBusy,
    read_standing,
)
from portal.journal.tills import create_till, record_event, set_operator, set_settings, set_token
from portal.journal.writing import Draft, draft, stand_after, statement
from portal.primitives.refusals import Refusal

__all__ = [
    "Issued", "KeyTooLong", "Moved", "NotACloudTill", "ShiftIsOpen", "Standing", "TillBlocked", "TillBusy", "Waiting", "change_state",
    "create_till", "find_original", "give_up", "hold", "issue", "list_waiting", "read_issued", "read_standing",
    "record_answer", "record_event", "record_no_answer", "record_refusal", "release", "set_operator", "set_settings",
    "set_token", "take_back", "void",
]  # fmt: skip

KEY_LENGTH_MAX: Final = 50

# What the statement raises where the journal's chain is not the caller's: integrity_constraint_violation.
CHAIN_ENDS_ELSEWHERE: Final = "23000"

# How often a caller looks whether the document in flight has landed, and how long it waits for others at most.
POLL_S: Final = 0.015
WAIT_S: Final = 15.0


def issue(
    organisation_id: int,
    register_id: int,
    command: Command,
    *,
    at: datetime,
    key: str | None = None,
    hold_s: float | None = None,
) -> Issued:
    """Issue a document; the same key again gives what it gave before, whatever the command.

    With `hold_s` a document that its operator has to see first is in flight for so long: nobody else issues at this till until
    its answer is recorded, and after that time it counts as unanswered. Documents that need no operator first (Belarus, a
    till that works autonomously or has no operator) ignore it.

    Refuses `KeyTooLong`, `NotACloudTill`, `TillBlocked`, `TillBusy` and what the engine refuses.
    """
    check_key(key)
    asked = Asked(organisation_id, register_id, command, at, key, hold_s, write)
    return asked.from_memory() or asked.from_reading()


def check_key(key: str | None) -> None:
    """Refuse `KeyTooLong`."""
    if key is not None and not 1 <= len(key) <= KEY_LENGTH_MAX:
        raise KeyTooLong(length=len(key), length_max=KEY_LENGTH_MAX)


@dataclass
class Asked:
    """What one caller wants issued, and how it is written; `lost` is a draft of which nobody knows whether it was."""

    organisation_id: int
    register_id: int
    command: Command
    at: datetime
    key: str | None
    hold_s: float | None
    write: Callable[[Draft], Issued | None]
    lost: Draft | None = None

    def from_memory(self) -> Issued | None:
        """Issue at the till as this process left it, without reading it; None when that cannot be.

        The statement finds out whether the till has moved and whether the key is used. A refusal is not believed: perhaps the
        till is another by now.
        """
        standing = MEMORY.recall(self.organisation_id, self.register_id)
        if standing is None or isinstance(self.command, Refund | Annul):
            return None
        try:
            return self._try(standing)
        except Refusal:
            return None

    def from_reading(self) -> Issued:
        """Read the till and issue, again and again until nobody was faster."""
        until = time.monotonic() + WAIT_S
        while True:
            standing = self._read()
            if (found := self._find_lost(standing)) is not None:
                return found
            is_first = _is_operator_first(standing, self.hold_s)
            if standing.in_flight is not None and (is_first or standing.known == standing.in_flight):
                _wait(standing, self.at, until)
                continue
            if standing.known is not None:
                return read_issued(self.organisation_id, self.register_id, standing.known, is_repeated=True)
            if standing.blocked_code is not None:
                raise TillBlocked(result_code=standing.blocked_code, text=standing.blocked_text or "")
            if (issued := self._try(standing)) is not None:
                return issued
            if time.monotonic() > until:
                raise TillBusy

    def _read(self) -> Standing:
        try:
            return read_standing(self.organisation_id, self.register_id, key=self.key)
        except OperationalError:
            # An idle connection may have died long ago; a new one says whether the database is there.
            return read_standing(self.organisation_id, self.register_id, key=self.key)

    def _try(self, standing: Standing) -> Issued | None:
        hold_s = self.hold_s if _is_operator_first(standing, self.hold_s) else None
        new = draft(standing, self.command, at=self.at, key=self.key, hold_s=hold_s)
        try:
            return self.write(new)
        except OperationalError:
            self.lost = new
            return None

    def _find_lost(self, standing: Standing) -> Issued | None:
        """The lost draft, if it was written after all."""
        if self.lost is None or standing.register.number < self.lost.document.number:
            return None
        found = read_issued(self.organisation_id, self.register_id, self.lost.document.number)
        return found if found.body == self.lost.body else None


def write(new: Draft) -> Issued | None:
    """Store a draft and remember its till; None when the till has moved or the key is used, and nothing was stored then."""
    given: int | None = None
    with statements() as cursor:
        try:
            cursor.execute(*statement(new))
            given = cursor.fetchone()[0]
        except IntegrityError as error:
            if not _is_moved(error):
                raise
    return settle(new, given)


def settle(new: Draft, given: int | None) -> Issued | None:
    """What the caller of a draft gets for the word of the statement; this process remembers or forgets the till by it."""
    after = None if given is None else stand_after(new)
    if after is None:
        MEMORY.forget(new.standing.organisation_id, new.standing.register_id)
    else:
        MEMORY.remember(after)
    return None if given is None else new.issued(given or None)


def _is_moved(error: IntegrityError) -> bool:
    """Whether a statement failed because its till is not what its caller believed."""
    return error.diag.constraint_name == "issued_document_key" or error.pgcode == CHAIN_ENDS_ELSEWHERE


def _is_operator_first(standing: Standing, hold_s: float | None) -> bool:
    """Whether the operator sees the next document before the buyer does."""
    return (
        hold_s is not None
        and standing.is_connected
        and not standing.is_autonomous
        and not standing.dialect.signs_itself
    )


def _is_untold(standing: Standing) -> bool:
    """Whether the document asked for is the one in flight, and has no sign of its own to show meanwhile."""
    return standing.known == standing.in_flight and not (
        standing.is_autonomous or standing.dialect.signs_itself
    )


def _wait(standing: Standing, at: datetime, until: float) -> None:
    """Wait a little for the document in flight; whoever left it behind is not waited for."""
    if not standing.is_held:
        try:
            give_up(standing, at=at)
        except Moved:
            return
    elif time.monotonic() > until:
        raise TillBusy
    else:
        time.sleep(POLL_S)
