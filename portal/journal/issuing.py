"""Issue a document at a cloud till: one read, the engine, one statement.

The statement writes the document, the till's new state and what is to become of the document, and only if the till is
still as it was read; otherwise it is read again. So no two callers issue the same number, and whoever is killed at any
point leaves either everything or nothing.
"""

import time
from datetime import datetime
from typing import Final

from psycopg2.errors import UniqueViolation
from sqlalchemy.exc import OperationalError

from portal.db import statements
from portal.fiscal.commands import Command
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
from portal.journal.writing import WRITE, Draft, draft, fields

__all__ = [
    "Issued", "KeyTooLong", "Moved", "NotACloudTill", "ShiftIsOpen", "Standing", "TillBlocked", "TillBusy", "Waiting", "change_state",
    "create_till", "find_original", "give_up", "hold", "issue", "list_waiting", "read_issued", "read_standing",
    "record_answer", "record_event", "record_no_answer", "record_refusal", "release", "set_operator", "set_settings",
    "set_token", "take_back", "void",
]  # fmt: skip

KEY_LENGTH_MAX: Final = 50

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
    if key is not None and not 1 <= len(key) <= KEY_LENGTH_MAX:
        raise KeyTooLong(length=len(key), length_max=KEY_LENGTH_MAX)
    until = time.monotonic() + WAIT_S
    lost: Draft | None = None
    while True:
        try:
            standing = read_standing(organisation_id, register_id, key=key)
        except OperationalError:
            # An idle connection may have died long ago; a new one says whether the database is there.
            standing = read_standing(organisation_id, register_id, key=key)
        if lost is not None and standing.register == lost.register:
            return lost.issued()
        is_first = _is_operator_first(standing, hold_s)
        if standing.in_flight is not None and (is_first or standing.known == standing.in_flight):
            _wait(standing, at, until)
            continue
        if standing.known is not None:
            return read_issued(organisation_id, register_id, standing.known, is_repeated=True)
        if standing.blocked_code is not None:
            raise TillBlocked(result_code=standing.blocked_code, text=standing.blocked_text or "")
        new = draft(standing, command, at=at, key=key, hold_s=hold_s if is_first else None)
        try:
            if write(new):
                return new.issued()
        except OperationalError:
            # Nobody knows whether it was written: the till will tell.
            lost = new
        if time.monotonic() > until:
            raise TillBusy


def write(new: Draft) -> bool:
    """Store a draft; False when its till has moved since it was read, and nothing was stored then."""
    with statements() as cursor:
        try:
            cursor.execute(WRITE, fields(new))
        except UniqueViolation as error:
            if error.diag.constraint_name != "issued_document_key":
                raise
            return False
        return bool(cursor.fetchone()[0])


def _is_operator_first(standing: Standing, hold_s: float | None) -> bool:
    """Whether the operator sees the next document before the buyer does."""
    return (
        hold_s is not None
        and standing.is_connected
        and not standing.is_autonomous
        and not standing.dialect.signs_itself
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
