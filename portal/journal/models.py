"""The journal: documents with their bodies, remarks beside them, heads, gaps, and the names they mention."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, Date, Integer, LargeBinary, SmallInteger, Text
from sqlalchemy.dialects.postgresql import INT8MULTIRANGE, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, Moment


class RegisterHead(Base):
    """The last link of a register's chain, and the lock of its lane.

    `sequence` and `digest` follow the order of acceptance; `last_number`, `last_issued_at` and `till_digest`
    are of the highest number seen, `first_number` is the lowest.
    """

    __tablename__ = "register_head"
    organisation_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    register_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    sequence: Mapped[int] = mapped_column(BigInteger, default=0)
    digest: Mapped[bytes] = mapped_column(LargeBinary, default=b"")
    first_number: Mapped[int | None] = mapped_column(BigInteger)
    last_number: Mapped[int | None] = mapped_column(BigInteger)
    last_issued_at: Mapped[datetime | None] = mapped_column(Moment)
    till_digest: Mapped[bytes | None] = mapped_column(LargeBinary)


class Document(Base):
    """The narrow facts of a stored document. `day` and `hour` are the point's business day and wall-clock hour.

    Payments are as handed over; `payment` says which types took part: 1 cash, 2 card, 4 mobile, 8 other.
    `digest` is the link of our own chain in the order of `sequence`.
    """

    __tablename__ = "document"
    organisation_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    register_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    sequence: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[int] = mapped_column(SmallInteger)
    shift: Mapped[int] = mapped_column(Integer)
    ordinal: Mapped[int] = mapped_column(Integer)
    issued_at: Mapped[datetime] = mapped_column(Moment)
    day: Mapped[date] = mapped_column(Date)
    hour: Mapped[int] = mapped_column(SmallInteger)
    point_id: Mapped[int] = mapped_column(Integer)
    cashier_id: Mapped[int | None] = mapped_column(BigInteger)
    total_minor: Mapped[int] = mapped_column(BigInteger)
    cash_minor: Mapped[int] = mapped_column(BigInteger)
    card_minor: Mapped[int] = mapped_column(BigInteger)
    mobile_minor: Mapped[int] = mapped_column(BigInteger)
    other_minor: Mapped[int] = mapped_column(BigInteger)
    change_minor: Mapped[int] = mapped_column(BigInteger)
    payment: Mapped[int] = mapped_column(SmallInteger)
    autonomous: Mapped[bool] = mapped_column(Boolean)
    fiscal_sign: Mapped[str | None] = mapped_column(Text)
    batch_id: Mapped[int] = mapped_column(BigInteger)
    accepted_at: Mapped[datetime] = mapped_column(Moment)
    digest: Mapped[bytes] = mapped_column(LargeBinary)


class DocumentBody(Base):
    """A document word for word, as the till sent it."""

    __tablename__ = "document_body"
    organisation_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    register_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    body: Mapped[str] = mapped_column(Text)


class Remark(Base):
    """A rule that a stored document breaks."""

    __tablename__ = "remark"
    organisation_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    register_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    code: Mapped[str] = mapped_column(Text, primary_key=True)
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    remarked_at: Mapped[datetime] = mapped_column(Moment)


class Gap(Base):
    """Missing numbers, first to last as found; `missing` shrinks as they arrive, `closed_at` when none is left."""

    __tablename__ = "gap"
    organisation_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    register_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    first_number: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    last_number: Mapped[int] = mapped_column(BigInteger)
    missing: Mapped[Any] = mapped_column(INT8MULTIRANGE)
    found_at: Mapped[datetime] = mapped_column(Moment)
    closed_at: Mapped[datetime | None] = mapped_column(Moment)


class Product(Base):
    """A name (and code) that lines mention; the id is derived from both, so that a refold finds the same one."""

    __tablename__ = "product"
    organisation_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    code: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)


class Cashier(Base):
    """A cashier as documents name them; the id is derived from the name."""

    __tablename__ = "cashier"
    organisation_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
