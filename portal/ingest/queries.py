"""How to look at the stream: batches and what came of them, quarantine, gaps, remarks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session

from portal.ingest.forms import Speaker
from portal.ingest.models import Batch, Portion, Quarantined
from portal.journal.models import Gap, Remark
from portal.primitives.refusals import NotFound
from portal.registers.models import Register, Sender

# How many quarantined documents an outcome names; the counts tell of the rest.
OUTCOME_QUARANTINED_MAX = 100


def get_outcome(session: Session, speaker: Speaker, batch_id: int) -> dict[str, Any]:
    """What came of a batch, for the sender that sent it; NotFound for anybody else's."""
    batch = session.get(Batch, (speaker.organisation_id, batch_id))
    if batch is None or batch.sender_id != speaker.sender_id:
        raise NotFound(thing="batch", id=batch_id)
    portions = session.execute(
        select(
            func.sum(Portion.accepted_count),
            func.sum(Portion.repeated_count),
            func.sum(Portion.quarantined_count),
            func.sum(Portion.remarked_count),
            func.count() - func.count(Portion.drained_at),
        ).where(Portion.organisation_id == speaker.organisation_id, Portion.batch_id == batch_id)
    ).one()
    accepted, repeated, quarantined, remarked, waiting = (int(value or 0) for value in portions)
    rows = session.execute(
        select(Quarantined.position, Quarantined.reason, Quarantined.facts)
        .where(Quarantined.organisation_id == speaker.organisation_id, Quarantined.batch_id == batch_id)
        .order_by(Quarantined.position)
        .limit(OUTCOME_QUARANTINED_MAX)
    )
    return {
        "batch": batch_id,
        "documents": batch.document_count,
        "received_at": batch.received_at,
        "state": "waiting" if waiting else "drained",
        "accepted": accepted,
        "repeated": repeated,
        "remarked": remarked,
        "quarantined": quarantined,
        "quarantine": [
            {"position": position, "reason": reason, "facts": facts} for position, reason, facts in rows
        ],
    }


@dataclass(frozen=True)
class StreamCounts:
    """How the stream stands: what waits, what is in quarantine, which numbers are missing, what broke a rule."""

    waiting_documents: int
    oldest_waiting_at: datetime | None
    quarantined: int
    open_gaps: int
    missing_numbers: int
    remarked: int


def count_stream(session: Session, organisation_id: int, *, remarked_since: datetime) -> StreamCounts:
    """The counts of the stream page."""
    waiting, oldest = session.execute(
        select(func.coalesce(func.sum(Portion.document_count), 0), func.min(Batch.received_at))
        .join(Batch, (Batch.organisation_id == Portion.organisation_id) & (Batch.id == Portion.batch_id))
        .where(Portion.organisation_id == organisation_id, Portion.drained_at.is_(None))
    ).one()
    quarantined = session.execute(
        select(func.count()).where(
            Quarantined.organisation_id == organisation_id, Quarantined.retried_at.is_(None)
        )
    ).scalar_one()
    missing = select(func.sum(func.upper(_ranges.c.range) - func.lower(_ranges.c.range))).select_from(_ranges)
    gaps = session.execute(
        select(func.count()).where(Gap.organisation_id == organisation_id, Gap.closed_at.is_(None))
    ).scalar_one()
    remarked = session.execute(
        select(func.count()).where(
            Remark.organisation_id == organisation_id, Remark.remarked_at >= remarked_since
        )
    ).scalar_one()
    return StreamCounts(
        int(waiting),
        oldest,
        quarantined,
        gaps,
        int(session.execute(missing).scalar() or 0) if gaps else 0,
        remarked,
    )


_ranges = (
    select(func.unnest(Gap.missing).label("range")).where(Gap.closed_at.is_(None)).subquery("ranges")
)  # row-level security keeps it to the organisation


@dataclass(frozen=True)
class BatchRow:
    """A batch as the stream page lists it."""

    id: int
    received_at: datetime
    sender: str | None
    key: str
    document_count: int
    byte_count: int
    accepted: int
    repeated: int
    quarantined: int
    remarked: int
    is_waiting: bool


def page_batches(
    session: Session, organisation_id: int, *, before: int | None = None, limit: int = 50
) -> list[BatchRow]:
    """Batches, newest first, below the batch `before`."""
    newest = (
        select(Batch).where(Batch.organisation_id == organisation_id).order_by(Batch.id.desc()).limit(limit)
    )
    if before is not None:
        newest = newest.where(Batch.id < before)
    batches = session.execute(newest).scalars().all()
    ids = [batch.id for batch in batches]
    portions = {
        batch_id: counts
        for batch_id, *counts in session.execute(
            select(
                Portion.batch_id,
                func.sum(Portion.accepted_count),
                func.sum(Portion.repeated_count),
                func.sum(Portion.quarantined_count),
                func.sum(Portion.remarked_count),
                func.count() - func.count(Portion.drained_at),
            )
            .where(Portion.organisation_id == organisation_id, Portion.batch_id.in_(ids))
            .group_by(Portion.batch_id)
        )
    }
    senders = _sender_names(session, organisation_id, {batch.sender_id for batch in batches})
    rows = []
    for batch in batches:
        accepted, repeated, quarantined, remarked, waiting = portions[batch.id]
        rows.append(
            BatchRow(
                batch.id,
                batch.received_at,
                senders.get(batch.sender_id),
                batch.key,
                batch.document_count,
                batch.byte_count,
                accepted,
                repeated,
                quarantined,
                remarked,
                is_waiting=bool(waiting),
            )
        )
    return rows


def _sender_names(session: Session, organisation_id: int, sender_ids: set[int]) -> dict[int, str]:
    rows = session.execute(
        select(Sender.id, Sender.name).where(
            Sender.organisation_id == organisation_id, Sender.id.in_(sender_ids)
        )
    )
    return dict(rows.all())


def page_quarantine(
    session: Session, organisation_id: int, *, before: int | None = None, limit: int = 50
) -> Sequence[tuple[Quarantined, str | None]]:
    """Documents in quarantine that were not tried again, newest first, each with its register's factory number."""
    query = (
        select(Quarantined, Register.factory_number)
        .outerjoin(
            Register,
            (Register.organisation_id == Quarantined.organisation_id)
            & (Register.id == Quarantined.register_id),
        )
        .where(Quarantined.organisation_id == organisation_id, Quarantined.retried_at.is_(None))
        .order_by(Quarantined.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(Quarantined.id < before)
    return [(row, number) for row, number in session.execute(query)]


def get_quarantined(
    session: Session, organisation_id: int, quarantine_id: int
) -> tuple[Quarantined, str | None]:
    """One document in quarantine, whole; NotFound for one that is not there."""
    found = session.execute(
        select(Quarantined, Register.factory_number)
        .outerjoin(
            Register,
            (Register.organisation_id == Quarantined.organisation_id)
            & (Register.id == Quarantined.register_id),
        )
        .where(Quarantined.organisation_id == organisation_id, Quarantined.id == quarantine_id)
    ).one_or_none()
    if found is None:
        raise NotFound(thing="quarantine", id=quarantine_id)
    return found[0], found[1]


def list_gaps(session: Session, organisation_id: int, *, limit: int = 100) -> list[tuple[Gap, str, int]]:
    """Open gaps, newest first, each with its register's factory number and how many numbers are still missing."""
    still = func.unnest(Gap.missing).table_valued("value", name="still").render_derived()
    missing = select(func.sum(func.upper(still.c.value) - func.lower(still.c.value))).select_from(still)
    rows = session.execute(
        select(Gap, Register.factory_number, missing.correlate(Gap).scalar_subquery())
        .join(Register, (Register.organisation_id == Gap.organisation_id) & (Register.id == Gap.register_id))
        .where(Gap.organisation_id == organisation_id, Gap.closed_at.is_(None))
        .order_by(Gap.found_at.desc(), Gap.register_id, Gap.first_number)
        .limit(limit)
    )
    return [(gap, number, int(count)) for gap, number, count in rows]


def page_remarks(
    session: Session,
    organisation_id: int,
    *,
    before: tuple[datetime, int, int, str] | None = None,
    limit: int = 50,
) -> list[tuple[Remark, str]]:
    """Remarks, newest first, each with its register's factory number."""
    order = (Remark.remarked_at, Remark.register_id, Remark.number, Remark.code)
    query = (
        select(Remark, Register.factory_number)
        .join(
            Register,
            (Register.organisation_id == Remark.organisation_id) & (Register.id == Remark.register_id),
        )
        .where(Remark.organisation_id == organisation_id)
        .order_by(*(column.desc() for column in order))
        .limit(limit)
    )
    if before is not None:
        query = query.where(tuple_(*order) < before)
    return [(remark, number) for remark, number in session.execute(query)]
