"""Batches as they arrived, cut into one portion per register, and what could not be taken in."""

from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Identity, Integer, LargeBinary, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, Moment

# The lane of documents that name no register we know.
UNATTRIBUTED = 0


class Batch(Base):
    """What one request brought; unique by the sender's key."""

    __tablename__ = "ingest_batch"
    organisation_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    sender_id: Mapped[int] = mapped_column(Integer)
    key: Mapped[str] = mapped_column(Text)
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    document_count: Mapped[int] = mapped_column(Integer)
    byte_count: Mapped[int] = mapped_column(Integer)
    received_at: Mapped[datetime] = mapped_column(Moment)


class Portion(Base):
    """One register's part of a batch: the unit of work of a lane.

    `positions` are the documents' places in the batch when the batch speaks for several registers, None when
    it is the whole batch. `body` is emptied some days after the portion is drained.
    """

    __tablename__ = "ingest_portion"
    organisation_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    batch_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    register_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    positions: Mapped[list[int] | None] = mapped_column(ARRAY(Integer))
    document_count: Mapped[int] = mapped_column(Integer)
    body: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    drained_at: Mapped[datetime | None] = mapped_column(Moment)
    accepted_count: Mapped[int] = mapped_column(Integer, default=0)
    repeated_count: Mapped[int] = mapped_column(Integer, default=0)
    quarantined_count: Mapped[int] = mapped_column(Integer, default=0)
    remarked_count: Mapped[int] = mapped_column(Integer, default=0)


class Quarantined(Base):
    """A document that could not be read, attributed or fitted in, whole, with the reason."""

    __tablename__ = "quarantine"
    organisation_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    batch_id: Mapped[int] = mapped_column(BigInteger)
    position: Mapped[int] = mapped_column(Integer)
    register_id: Mapped[int | None] = mapped_column(Integer)
    reason: Mapped[str] = mapped_column(Text)
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    quarantined_at: Mapped[datetime] = mapped_column(Moment)
    retried_at: Mapped[datetime | None] = mapped_column(Moment)
    retry_batch_id: Mapped[int | None] = mapped_column(BigInteger)
