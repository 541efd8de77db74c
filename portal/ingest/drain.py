"""Drain a lane: take a register's waiting documents into the journal, in order, exactly once.

The transaction that appends documents also moves the rollups, records gaps and marks the portions drained, so
a worker killed at any point leaves either everything or nothing, and the next one begins at the same place.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from time import perf_counter
from typing import Any

import psycopg2
from msgspec import Struct
from psycopg2.extras import Json, execute_values
from rq.timeouts import BaseTimeoutException
from sqlalchemy import select, text
from sqlalchemy.exc import DataError, InterfaceError, OperationalError
from sqlalchemy.orm import Session

from portal import queue
from portal.analytics import rollups
from portal.db import transaction
from portal.fiscal import chain, codec
from portal.fiscal.checks import check
from portal.fiscal.dialects import Dialect, dialect_of
from portal.fiscal.documents import KIND_BY_NAME, Document, payment_mask
from portal.ingest.models import UNATTRIBUTED, Batch, Portion
from portal.journal.append import (
    NewDocument,
    NewRemark,
    append_documents,
    append_remarks,
    note_numbers,
    remember_names,
)
from portal.journal.models import RegisterHead
from portal.orgs.models import Organisation, Point
from portal.primitives import clock
from portal.primitives.period import BusinessDays
from portal.registers.models import Register

log = logging.getLogger("kassa.ingest")

# One transaction takes portions up to this many documents, so that a long lane lets others in between.
DOCUMENTS_PER_TRANSACTION = 10_000

# One job gives the worker back after this many transactions and rings again.
TRANSACTIONS_PER_JOB = 20

# A worker forgets names past this many, so that a sender of ever new names cannot fill its memory.
NAMES_MAX = 200_000

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

# The names this process has written already, per organisation.
_names: dict[int, rollups.Names] = {}
_written: dict[int, tuple[set[int], set[int]]] = {}


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


@dataclass(frozen=True)
class Lane:
    """A register with the facts that its documents are read by; `register` is None for unattributed documents."""

    organisation_id: int
    register_id: int
    factory_number: str = ""
    point_id: int = 0
    currency: str = ""
    dialect: Dialect | None = None
    days: BusinessDays | None = None
    is_removed: bool = False


@dataclass(frozen=True)
class Waiting:
    """A portion waiting in a lane, with when and where it came from."""

    batch_id: int
    received_at: datetime
    positions: list[int] | None
    body: bytes


class Read(Struct, gc=False):
    """A document that was read, and where it stood."""

    portion: Waiting
    position: int
    raw: bytes
    document: Document
    canonical: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """A document for quarantine."""

    portion: Waiting
    position: int
    raw: bytes
    reason: str
    facts: dict[str, object]


@dataclass
class Sorting:
    """What became of each document of the portions in hand."""

    fresh: list[Read] = field(default_factory=list)
    repeated: list[Read] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)


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
    if not _take_lane(session, organisation_id, register_id):
        return None
    portions = _waiting(session, organisation_id, register_id, documents_max)
    if not portions:
        return None
    now = clock.now()
    lane = _lane(session, organisation_id, register_id)
    raws = [cut for portion in portions for cut in _cut(portion)]
    counts: dict[int, Drained] = {portion.batch_id: Drained() for portion in portions}
    if one_by_one:
        failed = sum(_take_alone(session, lane, cut, counts, now) for cut in raws)
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


def _take_lane(session: Session, organisation_id: int, register_id: int) -> bool:
    """One worker in a lane at a time; the lock ends with the transaction."""
    return bool(
        session.execute(
            text("select pg_try_advisory_xact_lock(:organisation_id, :register_id)"),
            {"organisation_id": organisation_id, "register_id": register_id},
        ).scalar_one()
    )


def _waiting(session: Session, organisation_id: int, register_id: int, documents_max: int) -> list[Waiting]:
    """The first waiting portions, whole, up to `documents_max` documents but at least one portion."""
    heads = session.execute(
        select(Portion.batch_id, Portion.document_count)
        .where(
            Portion.organisation_id == organisation_id,
            Portion.register_id == register_id,
            Portion.drained_at.is_(None),
        )
        .order_by(Portion.batch_id)
        .limit(1000)
    ).all()
    batch_ids: list[int] = []
    documents = 0
    for batch_id, count in heads:
        documents += count
        if batch_ids and documents > documents_max:
            break
        batch_ids.append(batch_id)
    if not batch_ids:
        return []
    rows = session.execute(
        select(Portion.batch_id, Batch.received_at, Portion.positions, Portion.body)
        .join(Batch, (Batch.organisation_id == Portion.organisation_id) & (Batch.id == Portion.batch_id))
        .where(
            Portion.organisation_id == organisation_id,
            Portion.register_id == register_id,
            Portion.batch_id.in_(batch_ids),
        )
        .order_by(Portion.batch_id)
    )
    return [
        Waiting(batch_id, received_at, positions, bytes(body or b""))
        for batch_id, received_at, positions, body in rows
    ]


def _lane(session: Session, organisation_id: int, register_id: int) -> Lane:
    row = session.execute(
        select(
            Register.factory_number, Register.state, Point.id, Point.zone, Point.day_starts_hour, Organisation
        )
        .join(Point, (Point.organisation_id == Register.organisation_id) & (Point.id == Register.point_id))
        .join(Organisation, Organisation.id == Register.organisation_id)
        .where(Register.organisation_id == organisation_id, Register.id == register_id)
    ).one_or_none()
    if row is None:
        return Lane(organisation_id, UNATTRIBUTED)
    factory_number, state, point_id, zone, day_starts_hour, organisation = row
    return Lane(
        organisation_id,
        register_id,
        factory_number,
        point_id,
        organisation.currency,
        dialect_of(organisation.country),
        _business_days(zone, day_starts_hour),
        is_removed=state == "removed",
    )


@cache
def _business_days(zone: str, day_starts_hour: int) -> BusinessDays:
    return BusinessDays(zone, day_starts_hour)


Cut = tuple[Waiting, int, bytes]


def _cut(portion: Waiting) -> list[Cut]:
    try:
        raws = codec.split(portion.body)
    except codec.Unreadable:
        raws = [portion.body]
    positions: Iterable[int] = portion.positions or range(1, len(raws) + 1)
    return [(portion, position, raw) for position, raw in zip(positions, raws, strict=False)]


def _take_alone(session: Session, lane: Lane, cut: Cut, counts: dict[int, Drained], now: datetime) -> bool:
    """Take one document in by itself; True when our own code failed on it and it went to quarantine."""
    portion, position, raw = cut
    alone = {portion.batch_id: Drained()}
    try:
        with session.begin_nested():
            _take_in(session, lane, [cut], alone, now)
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
    sorting = Sorting()
    reads = _read(session, lane, cuts, sorting)
    head = _head(session, lane) if reads else None
    if head is not None:
        _recognise(session, lane, head, reads, sorting)
        if sorting.fresh:
            remarked = _append(session, lane, head, sorting.fresh, now)
            for read in sorting.fresh:
                counts[read.portion.batch_id].accepted += 1
                counts[read.portion.batch_id].remarked += read.document.number in remarked
    for read in sorting.repeated:
        counts[read.portion.batch_id].repeated += 1
    for refused in sorting.refused:
        counts[refused.portion.batch_id].quarantined += 1
    _quarantine(session, lane, sorting.refused, now)


def _read(session: Session, lane: Lane, cuts: Sequence[Cut], sorting: Sorting) -> list[Read]:
    """Decode and attribute; `sorting.refused` takes what cannot be."""
    reads: list[Read] = []
    for portion, position, raw in cuts:
        try:
            document = codec.decode(raw)
        except codec.Unreadable as error:
            facts: dict[str, object] = {"why": error.why, "field": error.path}
            sorting.refused.append(Refused(portion, position, raw, "unreadable", facts))
            continue
        if document.register != lane.factory_number or lane.is_removed:
            reason, facts = _stranger(session, lane, document)
            sorting.refused.append(Refused(portion, position, raw, reason, facts))
            continue
        if document.currency is not None and document.currency != lane.currency:
            facts = {"currency": document.currency, "expected": lane.currency}
            sorting.refused.append(Refused(portion, position, raw, "foreign_currency", facts))
            continue
        reads.append(Read(portion, position, raw, document, chain.canonical(document)))
    return reads


def _stranger(session: Session, lane: Lane, document: Document) -> tuple[str, dict[str, object]]:
    """Why a document does not belong into this lane."""
    facts: dict[str, object] = {"register": document.register}
    if document.register == lane.factory_number:
        return "register_removed", facts
    # A register put on record since the batch came was unknown then; PostgreSQL knows no name with a NUL.
    if lane.register_id == UNATTRIBUTED or "\x00" in document.register:
        return "unknown_register", facts
    known = session.execute(
        select(Register.id).where(
            Register.organisation_id == lane.organisation_id, Register.factory_number == document.register
        )
    ).scalar()
    return ("foreign_register" if known else "unknown_register"), facts


def _head(session: Session, lane: Lane) -> RegisterHead:
    head = session.get(RegisterHead, (lane.organisation_id, lane.register_id))
    if head is None:
        head = RegisterHead(
            organisation_id=lane.organisation_id, register_id=lane.register_id, sequence=0, digest=b""
        )
        session.add(head)
        session.flush()
    return head


def _recognise(session: Session, lane: Lane, head: RegisterHead, reads: list[Read], sorting: Sorting) -> None:
    """Tell new documents from repeated ones and forks: the same number with other content."""
    stored = _stored(session, lane, head, [read.document.number for read in reads])
    in_hand: dict[int, bytes] = {}
    for read in reads:
        number = read.document.number
        twin = in_hand.get(number)
        if twin is None and (body := stored.get(number)) is not None:
            twin = read.canonical if body == read.raw else chain.canonical(codec.decode(body))
        if twin is None:
            in_hand[number] = read.canonical
            sorting.fresh.append(read)
        elif twin == read.canonical:
            sorting.repeated.append(read)
        else:
            facts: dict[str, object] = {"number": number}
            sorting.refused.append(Refused(read.portion, read.position, read.raw, "fork", facts))


def _stored(session: Session, lane: Lane, head: RegisterHead, numbers: list[int]) -> dict[int, bytes]:
    """Bodies of the documents that stand in the journal under these numbers."""
    known = [number for number in numbers if head.last_number is not None and number <= head.last_number]
    if not known:
        return {}
    rows = session.execute(
        text(
            "select number, body from document_body where organisation_id = :organisation_id "
            "and register_id = :register_id and number = any(cast(:numbers as bigint[]))"
        ),
        {
            "organisation_id": lane.organisation_id,
            "register_id": lane.register_id,
            "numbers": rollups.array_text(known),
        },
    )
    return {number: body.encode() for number, body in rows}


def _append(session: Session, lane: Lane, head: RegisterHead, reads: list[Read], now: datetime) -> set[int]:
    """Append new documents with everything that follows from them; returns the numbers that got remarks."""
    remarks = _check(session, lane, head, reads)
    documents = _link(lane, head, reads)
    append_documents(session, lane.organisation_id, lane.register_id, documents, at=now)
    append_remarks(session, lane.organisation_id, lane.register_id, remarks, at=now)
    _move_head(session, lane, head, documents, now)
    names = _names.setdefault(lane.organisation_id, rollups.Names())
    result = rollups.fold(documents, names)
    _remember_names(session, lane, names)
    rollups.move(session, lane.organisation_id, lane.register_id, result)
    return {remark.number for remark in remarks}


def _link(lane: Lane, head: RegisterHead, reads: list[Read]) -> list[NewDocument]:
    """Give each document its place in our own chain, its business day and its payment mask."""
    assert lane.days is not None, "a lane with a register has a calendar"
    locate, point_id = lane.days.locate, lane.point_id
    cashier = _names.setdefault(lane.organisation_id, rollups.Names()).cashier
    sequence, digest = head.sequence, head.digest
    documents = []
    for read in reads:
        document = read.document
        sequence += 1
        digest = chain.link(digest, read.canonical)
        day, hour = locate(document.issued_at)
        documents.append(
            NewDocument(
                document,
                read.raw,
                sequence,
                KIND_BY_NAME[document.kind],
                day,
                hour,
                point_id,
                cashier(document.cashier) or None,
                payment_mask(document),
                digest,
                read.portion.batch_id,
            )
        )
    return documents


def _move_head(
    session: Session, lane: Lane, head: RegisterHead, documents: list[NewDocument], now: datetime
) -> None:
    known = None
    if head.first_number is not None and head.last_number is not None:
        known = (head.first_number, head.last_number)
    first, last = note_numbers(
        session,
        lane.organisation_id,
        lane.register_id,
        [new.document.number for new in documents],
        known=known,
        at=now,
    )
    if head.last_number is None or last > head.last_number:
        newest = next(new.document for new in documents if new.document.number == last)
        head.last_issued_at = newest.issued_at
        head.till_digest = bytes.fromhex(newest.digest) if newest.digest else None
    head.first_number, head.last_number = first, last
    head.sequence, head.digest = documents[-1].sequence, documents[-1].digest
    session.flush()


def _remember_names(session: Session, lane: Lane, names: rollups.Names) -> None:
    """Write the names that this process has not written yet."""
    products, cashiers = _written.setdefault(lane.organisation_id, (set(), set()))
    if len(names.products) > len(products):
        new = [
            (found, _clean(key[0]), _clean(key[1]))
            for key, found in names.products.items()
            if found not in products
        ]
        remember_names(session, lane.organisation_id, "product", new)
        products.update(found for found, _, _ in new)
    if len(names.cashiers) > len(cashiers):
        people = [(found, _clean(name)) for name, found in names.cashiers.items() if found not in cashiers]
        remember_names(session, lane.organisation_id, "cashier", people)
        cashiers.update(found for found, _ in people)
    if len(products) + len(cashiers) > NAMES_MAX:
        forget_names(lane.organisation_id)


def _clean(name: str) -> str:
    # PostgreSQL keeps no NUL in a text; the document itself keeps it, escaped, word for word.
    return name.replace("\x00", "")


def forget_names(organisation_id: int) -> None:
    """Names may not have been written after all: the transaction that wrote them was rolled back."""
    _names.pop(organisation_id, None)
    _written.pop(organisation_id, None)


class Beside(Struct, gc=False):
    """What the head knows of the document with the highest number."""

    issued_at: datetime
    digest: str | None


def _check(session: Session, lane: Lane, head: RegisterHead, reads: list[Read]) -> list[NewRemark]:
    """The rules that new documents break, and those that documents stored before turn out to break."""
    assert lane.dialect is not None, "a lane with a register has a dialect"
    opened = _shifts_opened(session, lane, {read.document.shift for read in reads})
    around: dict[int, Document | Beside] = {read.document.number: read.document for read in reads}
    stored = _neighbours(session, lane, head, reads, around)
    remarks: list[NewRemark] = []
    for read in reads:
        document = read.document
        shift_opened_at = opened.get(document.shift)
        if shift_opened_at is None or document.issued_at < shift_opened_at:
            opened[document.shift] = shift_opened_at = document.issued_at
        before = around.get(document.number - 1)
        broken = check(
            document,
            dialect=lane.dialect,
            shift_opened_at=shift_opened_at,
            received_at=read.portion.received_at,
            previous_issued_at=None if before is None else before.issued_at,
        )
        for code, facts in broken:
            remarks.append(NewRemark(document.number, code, facts))
        if document.digest is not None:
            _check_digests(read, document, before, remarks)
        after = stored.get(document.number + 1)
        if after is not None:
            _check_successor(document, after, remarks)
    return remarks


def _check_successor(document: Document, after: Document, remarks: list[NewRemark]) -> None:
    """What a late document proves of the one after it, as if they had come in order."""
    if after.digest is not None and after.previous != document.digest:
        remarks.append(NewRemark(after.number, "previous_mismatch", {"number": document.number}))
    if after.issued_at < document.issued_at:
        facts: dict[str, object] = {
            "issued_at": after.issued_at.astimezone(UTC).isoformat(timespec="seconds"),
            "previous_at": document.issued_at.astimezone(UTC).isoformat(timespec="seconds"),
        }
        remarks.append(NewRemark(after.number, "clock_back", facts))


def _check_digests(
    read: Read, document: Document, before: Document | Beside | None, remarks: list[NewRemark]
) -> None:
    """Hold a till's own digests against its own numbering."""
    if before is not None and document.previous != before.digest:
        remarks.append(NewRemark(document.number, "previous_mismatch", {"number": document.number - 1}))
    stated = bytes.fromhex(document.previous) if document.previous else b""
    own = chain.till_digest(stated, chain.without_digest(read.canonical, document.digest))
    if own.hex() != document.digest:
        remarks.append(NewRemark(document.number, "digest_mismatch", {}))


def _shifts_opened(session: Session, lane: Lane, shifts: set[int]) -> dict[int, datetime]:
    rows = session.execute(
        text(
            "select shift, opened_at from shift where organisation_id = :organisation_id "
            "and register_id = :register_id and shift = any(cast(:shifts as integer[]))"
        ),
        {
            "organisation_id": lane.organisation_id,
            "register_id": lane.register_id,
            "shifts": rollups.array_text(shifts),
        },
    )
    return dict(rows.tuples().all())


def _neighbours(
    session: Session,
    lane: Lane,
    head: RegisterHead,
    reads: list[Read],
    around: dict[int, Document | Beside],
) -> dict[int, Document]:
    """Add to `around` what stands beside the new documents, and return what of it had to be looked for.

    In the usual stream the neighbours are in hand or at the head; only late documents have others.
    """
    last = head.last_number
    if last is None:
        return {}
    if last not in around and head.last_issued_at is not None:
        digest = head.till_digest.hex() if head.till_digest else None
        around[last] = Beside(head.last_issued_at.astimezone(UTC), digest)
    late = [read.document.number for read in reads if read.document.number < last]
    wanted = {number + step for number in late for step in (-1, 1)} - (around.keys() - {last})
    stored = {
        number: codec.decode(body) for number, body in _stored(session, lane, head, sorted(wanted)).items()
    }
    around.update(stored)
    return stored


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
