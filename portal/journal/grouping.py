"""Group commit: receipts of many tills, asked for at the same time by threads of one process, in one durable commit.

Whoever comes while nothing is being written writes at once, alone. Whoever comes meanwhile queues, and one of those
writes all of them together: the more callers there are, the more receipts share the price of a commit.
"""

from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from threading import Lock
from typing import Final

from psycopg2 import IntegrityError
from sqlalchemy.exc import OperationalError

from portal.db import statements
from portal.fiscal.commands import Command
from portal.journal.issued import Issued
from portal.journal.issuing import Asked, check_key, settle, write
from portal.journal.writing import Draft, statement, statement_of_many

# So many receipts share a commit at most; those that come later share the next one.
TOGETHER_MAX: Final = 64


@dataclass(eq=False)
class _Place:
    """A caller's place in the queue: it sleeps until it is told what came of its draft, or to write for others."""

    draft: Draft
    bell: Lock = field(default_factory=Lock)
    is_leader: bool = False
    issued: Issued | None = None
    error: Exception | None = None

    def __post_init__(self) -> None:
        self.bell.acquire()


class GroupWriter:
    """Writes the receipts of many callers together. One for a process; any number of threads may call it."""

    def __init__(self) -> None:
        self._mutex = Lock()
        self._queue: list[_Place] = []
        self._is_writing = False

    def issue(
        self,
        organisation_id: int,
        register_id: int,
        command: Command,
        *,
        at: datetime,
        key: str | None = None,
        hold_s: float | None = None,
    ) -> Issued:
        """As `portal.journal.issuing.issue`, with others in one commit."""
        check_key(key)
        asked = Asked(organisation_id, register_id, command, at, key, hold_s, self.write)
        return asked.from_memory() or asked.from_reading()

    def write(self, new: Draft) -> Issued | None:
        """As `portal.journal.issuing.write`, with others in one commit."""
        place = _Place(new)
        with self._mutex:
            self._queue.append(place)
            place.is_leader = not self._is_writing
            self._is_writing = True
        if not place.is_leader:
            place.bell.acquire()
        if place.is_leader:
            self._lead(place)
        if place.error is not None:
            raise place.error
        return place.issued

    def _lead(self, leader: _Place) -> None:
        """Write what is queued, and leave the rest to the first of those who came meanwhile."""
        with self._mutex:
            group, self._queue = self._queue[:TOGETHER_MAX], self._queue[TOGETHER_MAX:]
        try:
            _write_together(group)
        except BaseException as error:
            # Whatever befell the leader, the others know no more than that their answer was lost.
            for place in group:
                if place is not leader and place.issued is None and place.error is None:
                    place.error = OperationalError(None, None, error)
            raise
        finally:
            with self._mutex:
                following = self._queue[0] if self._queue else None
                self._is_writing = following is not None
            if following is not None:
                following.is_leader = True
                following.bell.release()
            for place in group:
                if place is not leader:
                    place.bell.release()


def _write_together(group: list[_Place]) -> None:
    """Write a group in one statement; where one of it breaks the statement, each by itself."""
    if len(group) == 1:
        _write_alone(group[0])
        return
    # In one order everywhere, so that two processes never wait for one another.
    group = sorted(group, key=_till)
    try:
        given = _write_all([place.draft for place in group])
    except IntegrityError:
        # One of them cannot be written; which one that is, only its own statement tells.
        for place in group:
            _write_alone(place)
        return
    for place, number in zip(group, given, strict=True):
        place.issued = settle(place.draft, number)


def _till(place: _Place) -> tuple[int, int]:
    return place.draft.standing.organisation_id, place.draft.standing.register_id


def _write_all(drafts: list[Draft]) -> list[int | None]:
    """One statement for all of them, organisation by organisation: what it says of each."""
    companies = [list(some) for _, some in groupby(drafts, key=lambda new: new.standing.organisation_id)]
    texts, values = zip(
        *(statement(some[0]) if len(some) == 1 else statement_of_many(some) for some in companies),
        strict=True,
    )
    calls = ", ".join(text.removeprefix("select ") for text in texts)
    with statements() as cursor:
        cursor.execute(f"select {calls}", [value for some in values for value in some])
        answers: tuple[int | dict[str, int] | None, ...] = cursor.fetchone()
    given: list[int | None] = []
    for some, answer in zip(companies, answers, strict=True):
        if isinstance(answer, dict):
            given += [answer.get(str(place)) for place in range(len(some))]
        else:
            given.append(answer)
    return given


def _write_alone(place: _Place) -> None:
    try:
        place.issued = write(place.draft)
    except Exception as error:  # noqa: BLE001 - its caller gets it
        place.error = error


# The writer of this process.
_writer: Final = GroupWriter()
issue: Final = _writer.issue
