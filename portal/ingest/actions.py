"""Take a batch in: keep its bytes, cut per register, and nothing more."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

import msgspec
from sqlalchemy import func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or
from sqlalchemy.orm import Session

from portal import audit
from portal.fiscal import codec
from portal.ingest.forms import (
    BATCH_DOCUMENTS_MAX,
    Backlog,
    EmptyBatch,
    KeyReused,
    Speaker,
    TooManyDocuments,
    UnreadableBody,
)
from portal.ingest.models import UNATTRIBUTED, Batch, Portion, Quarantined
from portal.primitives.refusals import NotFound
from portal.registers.models import Register

# How long a sender is asked to wait when too much waits already.
BACKLOG_RETRY_S = 30

# The sender of batches that the portal makes itself, when somebody presses "try again".
PORTAL_SENDER = 0


@dataclass(frozen=True)
class Accepted:
    """A batch that is committed with the transaction: what the sender is told, and which lanes to ring."""

    batch_id: int
    document_count: int
    received_at: datetime
    register_ids: tuple[int, ...]
    repeated: bool


class _Named(msgspec.Struct):
    register: str


_named = msgspec.json.Decoder(_Named)


def accept_batch(
    session: Session, speaker: Speaker, key: str, body: bytes, *, at: datetime, waiting_max: int | None = None
) -> Accepted:
    """Store the bytes of a batch once per sender and key.

    The same bytes again give the same answer. Raises KeyReused for other bytes under the key, UnreadableBody,
    EmptyBatch, TooManyDocuments, and Backlog when over `waiting_max` documents wait already.
    """
    digest = sha256(body).digest()
    earlier = _find_batch(session, speaker, key)
    if earlier is not None:
        return _same_again(earlier, digest, key)
    try:
        raws = codec.split(body)
    except codec.Unreadable as error:
        raise UnreadableBody(why=error.why) from error
    if not raws:
        raise EmptyBatch
    if len(raws) > BATCH_DOCUMENTS_MAX:
        raise TooManyDocuments(count=len(raws), count_max=BATCH_DOCUMENTS_MAX)
    if (
        waiting_max is not None
        and (waiting := count_waiting(session, speaker.organisation_id)) >= waiting_max
    ):
        raise Backlog(waiting=waiting, waiting_max=waiting_max, retry_after_s=BACKLOG_RETRY_S)
    batch_id = session.execute(
        insert_or(Batch)
        .values(
            organisation_id=speaker.organisation_id,
            sender_id=speaker.sender_id,
            key=key,
            digest=digest,
            document_count=len(raws),
            byte_count=len(body),
            received_at=at,
        )
        .on_conflict_do_nothing(index_elements=["organisation_id", "sender_id", "key"])
        .returning(Batch.id)
    ).scalar()
    if batch_id is None:
        # The same key arrived twice at the same instant and the other request won.
        winner = _find_batch(session, speaker, key)
        assert winner is not None, "a conflicting row is visible once its transaction ended"
        return _same_again(winner, digest, key)
    portions = _portions(session, speaker, raws, body)
    session.execute(
        insert(Portion),
        [
            {"organisation_id": speaker.organisation_id, "batch_id": batch_id, **portion}
            for portion in portions
        ],
    )
    return Accepted(
        batch_id, len(raws), at, tuple(int(str(p["register_id"])) for p in portions), repeated=False
    )


def _find_batch(session: Session, speaker: Speaker, key: str) -> Batch | None:
    return session.execute(
        select(Batch).where(
            Batch.organisation_id == speaker.organisation_id,
            Batch.sender_id == speaker.sender_id,
            Batch.key == key,
        )
    ).scalar_one_or_none()


def _same_again(batch: Batch, digest: bytes, key: str) -> Accepted:
    if batch.digest != digest:
        raise KeyReused(key=key)
    return Accepted(batch.id, batch.document_count, batch.received_at, (), repeated=True)


def _portions(session: Session, speaker: Speaker, raws: list[bytes], body: bytes) -> list[dict[str, object]]:
    """One portion per register; a register's own batch is one portion, byte for byte."""
    if speaker.register_id is not None:
        return [
            {"register_id": speaker.register_id, "positions": None, "document_count": len(raws), "body": body}
        ]
    known = _registers(session, speaker.organisation_id)
    lanes: dict[int, list[int]] = {}
    for position, raw in enumerate(raws):
        lanes.setdefault(known.get(_register_named(raw), UNATTRIBUTED), []).append(position)
    return [
        {
            "register_id": register_id,
            "positions": [position + 1 for position in positions],
            "document_count": len(positions),
            "body": codec.join([raws[position] for position in positions]),
        }
        for register_id, positions in sorted(lanes.items())
    ]


def _registers(session: Session, organisation_id: int) -> dict[str, int]:
    rows = session.execute(
        select(Register.factory_number, Register.id).where(Register.organisation_id == organisation_id)
    )
    return dict(rows.all())


def _register_named(raw: bytes) -> str:
    """The register a document names, or nothing; whether the rest can be read is asked when it is drained."""
    try:
        return _named.decode(raw).register
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""


def count_waiting(session: Session, organisation_id: int) -> int:
    """How many documents of the organisation wait to be drained."""
    return session.execute(
        select(func.coalesce(func.sum(Portion.document_count), 0)).where(
            Portion.organisation_id == organisation_id, Portion.drained_at.is_(None)
        )
    ).scalar_one()


def retry_quarantined(
    session: Session,
    organisation_id: int,
    quarantine_id: int,
    *,
    at: datetime,
    person_id: int,
    request_id: str | None = None,
) -> Accepted:
    """Send a quarantined document through the door once more, as a batch of its own.

    Raises NotFound for one that does not exist or was tried again already.
    """
    row = session.execute(
        select(Quarantined)
        .where(Quarantined.organisation_id == organisation_id, Quarantined.id == quarantine_id)
        .with_for_update()
    ).scalar_one_or_none()
    if row is None or row.retried_at is not None:
        raise NotFound(thing="quarantine", id=quarantine_id)
    speaker = Speaker(organisation_id, PORTAL_SENDER, None)
    accepted = accept_batch(session, speaker, f"retry-{quarantine_id}", codec.join([row.body]), at=at)
    session.execute(
        update(Quarantined)
        .where(Quarantined.organisation_id == organisation_id, Quarantined.id == quarantine_id)
        .values(retried_at=at, retry_batch_id=accepted.batch_id)
    )
    audit.record(
        session,
        organisation_id,
        "ingest.retry",
        f"quarantine:{quarantine_id}",
        at=at,
        person_id=person_id,
        before={"reason": row.reason, "retried_at": None},
        after={"retried_at": at.isoformat(), "batch": accepted.batch_id},
        request_id=request_id,
    )
    return accepted


def forget_bodies(session: Session, organisation_id: int, *, drained_before: datetime) -> int:
    """Let go of the bytes of portions drained long ago; every document of theirs is in the journal or in quarantine."""
    result = session.execute(
        update(Portion)
        .where(
            Portion.organisation_id == organisation_id,
            Portion.body.is_not(None),
            Portion.drained_at < drained_before,
        )
        .values(body=None)
    )
    return int(result.rowcount)  # type: ignore[attr-defined]
