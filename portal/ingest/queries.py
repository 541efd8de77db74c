"""How to look at the stream: batches and what came of them, quarantine, gaps, remarks.

A reader whose rights are tied to points sees the stream of the registers there; documents that name no register
belong to no point and are for readers of all points.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select, true, tuple_
from sqlalchemy.orm import Session

from portal.ingest.forms import Speaker
from portal.ingest.models import Batch, Portion, Quarantined
from portal.journal.models import Gap, Remark
from portal.orgs.access import Scope
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


def _reaches(scope: Scope, register_id: Any) -> ColumnElement[bool]:
    """That a row's register stands at a point the reader reaches."""
    if scope.point_ids is None:
        return true()
    at_points = select(Register.id).where(
        Register.organisation_id == scope.organisation_id, Register.point_id.in_(scope.point_ids)
    )
    reached: ColumnElement[bool] = register_id.in_(at_points)
    return reached


@dataclass(frozen=True)
class StreamCounts:
    """How the stream stands: what waits, what is in quarantine, which numbers are missing, what broke a rule."""

    waiting_documents: int
    oldest_waiting_at: datetime | None
    quarantined: int
    open_gaps: int
    missing_numbers: int
    remarked: int


def count_stream(session: Session, scope: Scope, *, remarked_since: datetime) -> StreamCounts:
    """The counts of the stream page."""
    organisation_id = scope.organisation_id
    waiting, oldest = session.execute(
        select(func.coalesce(func.sum(Portion.document_count), 0), func.min(Batch.received_at))
        .join(Batch, (Batch.organisation_id == Portion.organisation_id) & (Batch.id == Portion.batch_id))
        .where(
            Portion.organisation_id == organisation_id,
            Portion.drained_at.is_(None),
            _reaches(scope, Portion.register_id),
        )
    ).one()
    quarantined = session.execute(
        select(func.count()).where(
            Quarantined.organisation_id == organisation_id,
            Quarantined.retried_at.is_(None),
            _reaches(scope, Quarantined.register_id),
        )
    ).scalar_one()
    is_open = (
        Gap.organisation_id == organisation_id,
        Gap.closed_at.is_(None),
        _reaches(scope, Gap.register_id),
    )
    gaps = session.execute(select(func.count()).where(*is_open)).scalar_one()
    ranges = select(func.unnest(Gap.missing).label("range")).where(*is_open).subquery()
    missing = select(func.sum(func.upper(ranges.c.range) - func.lower(ranges.c.range)))
    remarked = session.execute(
        select(func.count()).where(
            Remark.organisation_id == organisation_id,
            Remark.remarked_at >= remarked_since,
            _reaches(scope, Remark.register_id),
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
    session: Session, scope: Scope, *, before: int | None = None, limit: int = 50
) -> list[BatchRow]:
    """Batches, newest first, below the batch `before`; of each, what is within reach."""
    organisation_id = scope.organisation_id
    newest = (
        select(Batch).where(Batch.organisation_id == organisation_id).order_by(Batch.id.desc()).limit(limit)
    )
    if before is not None:
        newest = newest.where(Batch.id < before)
    if scope.point_ids is not None:
        reached = select(Portion.batch_id).where(
            Portion.organisation_id == organisation_id, _reaches(scope, Portion.register_id)
        )
        newest = newest.where(Batch.id.in_(reached))
    batches = session.execute(newest).scalars().all()
    portions = {
        batch_id: counts
        for batch_id, *counts in session.execute(
            select(
                Portion.batch_id,
                func.sum(Portion.document_count),
                func.sum(Portion.accepted_count),
                func.sum(Portion.repeated_count),
                func.sum(Portion.quarantined_count),
                func.sum(Portion.remarked_count),
                func.count() - func.count(Portion.drained_at),
            )
            .where(
                Portion.organisation_id == organisation_id,
                Portion.batch_id.in_([batch.id for batch in batches]),
                _reaches(scope, Portion.register_id),
            )
            .group_by(Portion.batch_id)
        )
    }
    senders = _sender_names(session, organisation_id, {batch.sender_id for batch in batches})
    rows = []
    for batch in batches:
        documents, accepted, repeated, quarantined, remarked, waiting = portions[batch.id]
        rows.append(
            BatchRow(
                batch.id,
                batch.received_at,
                senders.get(batch.sender_id),
                batch.key,
                documents,
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
    session: Session, scope: Scope, *, before: int | None = None, limit: int = 50
) -> Sequence[tuple[Quarantined, str | None]]:
    """Documents in quarantine that were not tried again, newest first, each with its register's factory number."""
    query = (
        select(Quarantined, Register.factory_number)
        .outerjoin(
            Register,
            (Register.organisation_id == Quarantined.organisation_id)
            & (Register.id == Quarantined.register_id),
        )
        .where(
            Quarantined.organisation_id == scope.organisation_id,
            Quarantined.retried_at.is_(None),
            _reaches(scope, Quarantined.register_id),
        )
        .order_by(Quarantined.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(Quarantined.id < before)
    return [(row, number) for row, number in session.execute(query)]


def get_quarantined(session: Session, scope: Scope, quarantine_id: int) -> tuple[Quarantined, str | None]:
    """One document in quarantine, whole; NotFound for one that is not there or out of reach."""
    found = session.execute(
        select(Quarantined, Register.factory_number)
        .outerjoin(
            Register,
            (Register.organisation_id == Quarantined.organisation_id)
            & (Register.id == Quarantined.register_id),
        )
        .where(
            Quarantined.organisation_id == scope.organisation_id,
            Quarantined.id == quarantine_id,
            _reaches(scope, Quarantined.register_id),
        )
    ).one_or_none()
    if found is None:
        raise NotFound(thing="quarantine", id=quarantine_id)
    return found[0], found[1]


def list_gaps(session: Session, scope: Scope, *, limit: int = 100) -> list[tuple[Gap, str, int]]:
    """Open gaps, newest first, each with its register's factory number and how many numbers are still missing."""
    still = func.unnest(Gap.missing).table_valued("value", name="still").render_derived()
    missing = select(func.sum(func.upper(still.c.value) - func.lower(still.c.value))).select_from(still)
    rows = session.execute(
        select(Gap, Register.factory_number, missing.correlate(Gap).scalar_subquery())
        .join(Register, (Register.organisation_id == Gap.organisation_id) & (Register.id == Gap.register_id))
        .where(
            Gap.organisation_id == scope.organisation_id,
            Gap.closed_at.is_(None),
            _reaches(scope, Gap.register_id),
        )
        .order_by(Gap.found_at.desc(), Gap.register_id, Gap.first_number)
        .limit(limit)
    )
    return [(gap, number, int(count)) for gap, number, count in rows]


def page_remarks(
    session: Session,
    scope: Scope,
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
        .where(Remark.organisation_id == scope.organisation_id, _reaches(scope, Remark.register_id))
        .order_by(*(column.desc() for column in order))
        .limit(limit)
    )
    if before is not None:
        query = query.where(tuple_(*order) < before)
    return [(remark, number) for remark, number in session.execute(query)]
