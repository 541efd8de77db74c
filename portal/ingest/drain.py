"""Drain a lane: take a register's waiting documents into the journal, in order, exactly once.

The transaction that appends documents also moves the rollups, records gaps and marks the portions drained, so
a worker killed at any point leaves either everything or nothing, and the next one begins at the same place.
"""

import gc
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from typing import Any

import psycopg2
from psycopg2.extras import Json, execute_values
from rq.timeouts import BaseTimeoutException
from sqlalchemy.exc import DataError, InterfaceError, OperationalError
from sqlalchemy.orm import Session

from portal import queue
from portal.analytics.names import forget_names
from portal.db import transaction
from portal.ingest.intake import Intake
from portal.ingest.lanes import Cut, Lane, cut, get_lane, list_waiting
from portal.ingest.recognition import Refused, Sorting, read_documents, recognise
from portal.ingest.scribe import Scribe
from portal.journal.heads import take_lane
from portal.primitives import clock

log = logging.getLogger("kassa.ingest")

# One transaction takes portions up to this many documents, so that a long lane lets others in between.
DOCUMENTS_PER_TRANSACTION = 10_000

# Within it this many are prepared while those before them are written.
DOCUMENTS_PER_WRITE = 1_000

# One job gives the worker back after this many transactions and rings again.
TRANSACTIONS_PER_JOB = 20

# A longer text in the facts of a quarantined document is cut; the document itself is kept whole.
FACT_LENGTH_MAX = 500

# The database went away, another transaction won or the job's time is up; SQLAlchemy does not wrap what the
# driver's own cursor raises.
NOBODYS_FAULT = (
    OperationalError,
    InterfaceError,
    psycopg2.OperationalError,
    psycopg2.InterfaceError,
    BaseTimeoutException,
)

# The document holds what the database cannot.
ITS_OWN_FAULT = (DataError, psycopg2.DataError)


class AllFailed(RuntimeError):
    """Every document of a portion failed: the fault is ours and not theirs, so they go on waiting."""


@dataclass
class Drained:
    """What came of the documents a drain looked at."""

    accepted: int = 0
    repeated: int = 0
    quarantined: int = 0
    remarked: int = 0

    def add(self, other: "Drained") -> None:
        """Add another drain's counts to these."""
        self.accepted += other.accepted
        self.repeated += other.repeated
        self.quarantined += other.quarantined
        self.remarked += other.remarked

    @property
    def documents(self) -> int:
        """How many documents were looked at."""
        return self.accepted + self.repeated + self.quarantined


def drain_register(organisation_id: int, register_id: int) -> Drained:
    """Drain a lane until nothing waits in it; 0 stands for documents that name no register we know.

    Another worker in the same lane is left to it: it looks again after each commit, and so sees what came
    meanwhile.
    """
    total = Drained()
    queue.answer(organisation_id, register_id)
    for _ in range(TRANSACTIONS_PER_JOB):
        drained = _drain_some(organisation_id, register_id, DOCUMENTS_PER_TRANSACTION)
        if drained is None:
            return total
        total.add(drained)
        queue.tell_readers(organisation_id)
    queue.ring(organisation_id, [register_id])
    return total


def _drain_some(organisation_id: int, register_id: int, documents_max: int) -> Drained | None:
    """Drain the first portions of a lane in one transaction; None when there is nothing to do, or another does it.

    Should our own code fail on a document, the portions are taken in one by one, and of the portion that
    fails each document is, so that one document can never hold up a lane.
    """
    try:
        with transaction(organisation_id) as session:
            return _drain_in(session, organisation_id, register_id, documents_max)
    except NOBODYS_FAULT:
        # The lane is found again when the database is back.
        forget_names(organisation_id)
        raise
    except Exception:
        log.exception("event=drain_failed organisation=%d register=%d", organisation_id, register_id)
        forget_names(organisation_id)
        if documents_max > 1:
            return _drain_some(organisation_id, register_id, 1)
    try:
        with transaction(organisation_id) as session:
            return _drain_in(session, organisation_id, register_id, 1, one_by_one=True)
    except Exception:
        forget_names(organisation_id)
        raise


def _drain_in(
    session: Session, organisation_id: int, register_id: int, documents_max: int, *, one_by_one: bool = False
) -> Drained | None:
    began = perf_counter()
    if not take_lane(session, organisation_id, register_id):
        return None
    portions = list_waiting(session, organisation_id, register_id, documents_max)
    if not portions:
        return None
    now = clock.now()
    lane = get_lane(session, organisation_id, register_id)
    raws = [one for portion in portions for one in cut(portion)]
    counts: dict[int, Drained] = {portion.batch_id: Drained() for portion in portions}
    if one_by_one:
        failed = sum(_take_alone(session, lane, one, counts, now) for one in raws)
        if failed == len(raws) > 1:
            raise AllFailed(organisation_id, register_id, failed)
    else:
        _take_in(session, lane, raws, counts, now)
    _mark_drained(session, lane, counts, now)
    total = Drained()
    for drained in counts.values():
        total.add(drained)
    log.info(
        "event=drained organisation=%d register=%d portions=%d accepted=%d repeated=%d quarantined=%d remarked=%d ms=%d",
        organisation_id, register_id, len(portions), total.accepted, total.repeated, total.quarantined,
        total.remarked, (perf_counter() - began) * 1000,
    )  # fmt: skip
    return total


def _take_alone(session: Session, lane: Lane, one: Cut, counts: dict[int, Drained], now: datetime) -> bool:
    """Take one document in by itself; True when our own code failed on it and it went to quarantine."""
    portion, position, raw = one
    alone = {portion.batch_id: Drained()}
    try:
        with session.begin_nested():
            _take_in(session, lane, [one], alone, now)
    except NOBODYS_FAULT:
        raise
    except Exception as error:
        log.exception(
            "event=document_failed organisation=%d register=%d", lane.organisation_id, lane.register_id
        )
        forget_names(lane.organisation_id)
        facts: dict[str, object] = {"error": type(error).__name__}
        _quarantine(session, lane, [Refused(portion, position, raw, "unprocessable", facts)], now)
        counts[portion.batch_id].quarantined += 1
        return not isinstance(error, ITS_OWN_FAULT)
    counts[portion.batch_id].add(alone[portion.batch_id])
    return False


def _take_in(
    session: Session, lane: Lane, cuts: Sequence[Cut], counts: dict[int, Drained], now: datetime
) -> None:
    """Read, recognise, check and append documents; what cannot be taken goes to quarantine."""
    refused: list[Refused] = []
    with Scribe(session) as scribe, _without_collector():
        intake: Intake | None = None
        for start in range(0, len(cuts), DOCUMENTS_PER_WRITE):
            sorting = Sorting()
            reads = read_documents(scribe, lane, cuts[start : start + DOCUMENTS_PER_WRITE], sorting)
            if reads:
                intake = intake or Intake(scribe, lane, now)
                recognise(scribe, lane, intake.head, reads, sorting)
            if intake and sorting.fresh:
                is_last = start + DOCUMENTS_PER_WRITE >= len(cuts)
                remarked = intake.append(sorting.fresh, is_last=is_last)
                for read in sorting.fresh:
                    counts[read.portion.batch_id].accepted += 1
                    counts[read.portion.batch_id].remarked += read.document.number in remarked
            for read in sorting.repeated:
                counts[read.portion.batch_id].repeated += 1
            refused += sorting.refused
        if intake:
            intake.finish()
    for one in refused:
        counts[one.portion.batch_id].quarantined += 1
    _quarantine(session, lane, refused, now)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Documents hold no cycles: the collector would only walk through all of them, again and again."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _quarantine(session: Session, lane: Lane, refused: Sequence[Refused], now: datetime) -> None:
    if not refused:
        return
    cursor: Any = session.connection().connection.cursor()
    execute_values(
        cursor,
        "insert into quarantine (organisation_id, batch_id, position, register_id, reason, facts, body, quarantined_at) "
        "values %s",
        [
            (
                lane.organisation_id,
                one.portion.batch_id,
                one.position,
                lane.register_id or None,
                one.reason,
                Json({name: _storable(value) for name, value in one.facts.items()}),
                one.raw,
                now,
            )
            for one in refused
        ],
    )


def _storable(fact: object) -> object:
    """A fact as jsonb can keep it: without NUL and halves of surrogate pairs, and no longer than a sentence."""
    if not isinstance(fact, str):
        return fact
    return fact[:FACT_LENGTH_MAX].replace("\x00", "\ufffd").encode(errors="replace").decode()


def _mark_drained(session: Session, lane: Lane, counts: dict[int, Drained], now: datetime) -> None:
    cursor: Any = session.connection().connection.cursor()
    execute_values(
        cursor,
        "update ingest_portion p set drained_at = v.at, accepted_count = v.accepted, repeated_count = v.repeated, "
        "quarantined_count = v.quarantined, remarked_count = v.remarked from (values %s) "
        "as v (organisation_id, register_id, batch_id, at, accepted, repeated, quarantined, remarked) "
        "where p.organisation_id = v.organisation_id and p.register_id = v.register_id and p.batch_id = v.batch_id",
        [
            (
                lane.organisation_id,
                lane.register_id,
                batch_id,
                now,
                c.accepted,
                c.repeated,
                c.quarantined,
                c.remarked,
            )
            for batch_id, c in counts.items()
        ],
    )
