"""Lanes: one for each register, in which its portions wait in the order they were accepted."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from io import BytesIO
from struct import Struct as Layout
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.fiscal import codec
from portal.fiscal.dialects import Dialect, dialect_of
from portal.ingest.models import UNATTRIBUTED, Batch, Portion
from portal.orgs.models import Organisation, Point
from portal.primitives.period import BusinessDays
from portal.registers.models import Register

# One transaction takes no more bytes than this, however few documents they are: all of them are in memory.
BYTES_MAX = 64 * 1024 * 1024


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
    is_cloud: bool = False


@dataclass(frozen=True)
class Waiting:
    """A portion waiting in a lane, with when and where it came from."""

    batch_id: int
    received_at: datetime
    positions: list[int] | None
    body: bytes


def list_waiting(
    session: Session, organisation_id: int, register_id: int, documents_max: int
) -> list[Waiting]:
    """The first waiting portions, whole, up to `documents_max` documents and BYTES_MAX, but at least one portion."""
    heads = session.execute(
        select(Portion.batch_id, Portion.document_count, func.coalesce(func.octet_length(Portion.body), 0))
        .where(
            Portion.organisation_id == organisation_id,
            Portion.register_id == register_id,
            Portion.drained_at.is_(None),
        )
        .order_by(Portion.batch_id)
        .limit(1000)
    ).all()
    batch_ids: list[int] = []
    documents = size = 0
    for batch_id, count, bytes_ in heads:
        documents += count
        size += bytes_
        if batch_ids and (documents > documents_max or size > BYTES_MAX):
            break
        batch_ids.append(batch_id)
    if not batch_ids:
        return []
    rows = session.execute(
        select(Portion.batch_id, Batch.received_at, Portion.positions)
        .join(Batch, (Batch.organisation_id == Portion.organisation_id) & (Batch.id == Portion.batch_id))
        .where(
            Portion.organisation_id == organisation_id,
            Portion.register_id == register_id,
            Portion.batch_id.in_(batch_ids),
        )
        .order_by(Portion.batch_id)
    ).all()
    bodies = _read_bodies(session, organisation_id, register_id, batch_ids)
    return [
        Waiting(batch_id, received_at, positions, bodies[batch_id])
        for batch_id, received_at, positions in rows
    ]


# What stands before the rows of a binary COPY, and what makes a row of two fields (manual of PostgreSQL, COPY).
_COPY_HEADER = 19
_COPY_ROW = Layout(">h i q i")


def _read_bodies(
    session: Session, organisation_id: int, register_id: int, batch_ids: list[int]
) -> dict[int, bytes]:
    """The bytes of portions; the driver would have them spelled in hexadecimal, twice as long, and read that."""
    driver: Any = session.connection().connection.driver_connection
    with driver.cursor() as cursor:
        query = cursor.mogrify(
            "copy (select batch_id, body from ingest_portion where organisation_id = %s and register_id = %s "
            "and batch_id = any(%s)) to stdout (format binary)",
            (organisation_id, register_id, batch_ids),
        )
        answer = BytesIO()
        cursor.copy_expert(query, answer)
    rows = answer.getbuffer()
    bodies: dict[int, bytes] = {}
    at = _COPY_HEADER
    for _ in batch_ids:
        _fields, _width, batch_id, length = _COPY_ROW.unpack_from(rows, at)
        at += _COPY_ROW.size
        bodies[batch_id] = bytes(rows[at : at + max(length, 0)])
        at += max(length, 0)
    return bodies


def get_lane(session: Session, organisation_id: int, register_id: int) -> Lane:
    """A register's lane; the lane of documents that name no register we know has no facts."""
    row = session.execute(
        select(
            Register.factory_number,
            Register.state,
            Register.kind,
            Point.id,
            Point.zone,
            Point.day_starts_hour,
            Organisation,
        )
        .join(Point, (Point.organisation_id == Register.organisation_id) & (Point.id == Register.point_id))
        .join(Organisation, Organisation.id == Register.organisation_id)
        .where(Register.organisation_id == organisation_id, Register.id == register_id)
    ).one_or_none()
    if row is None:
        return Lane(organisation_id, UNATTRIBUTED)
    factory_number, state, kind, point_id, zone, day_starts_hour, organisation = row
    return Lane(
        organisation_id,
        register_id,
        factory_number,
        point_id,
        organisation.currency,
        dialect_of(organisation.country),
        _business_days(zone, day_starts_hour),
        is_removed=state == "removed",
        is_cloud=kind == "cloud",
    )


@cache
def _business_days(zone: str, day_starts_hour: int) -> BusinessDays:
    return BusinessDays(zone, day_starts_hour)


Cut = tuple[Waiting, int, bytes]


def cut(portion: Waiting) -> list[Cut]:
    """A portion's documents, each with its place in the batch; a body that cannot be cut is one document."""
    try:
        raws = codec.split(portion.body)
    except codec.Unreadable:
        raws = [portion.body]
    positions: Iterable[int] = portion.positions or range(1, len(raws) + 1)
    return [(portion, position, raw) for position, raw in zip(positions, raws, strict=False)]
