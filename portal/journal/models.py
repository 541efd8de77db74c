"""The journal: documents with their bodies, remarks beside them, heads, gaps, the names they mention, and cloud tills."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, Date, Identity, Integer, LargeBinary, SmallInteger, String, Text
from sqlalchemy.dialects.postgresql import INT8MULTIRANGE, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, Moment

# Documents that came in a batch have its id; this one stands for those that were issued here.
ISSUED_HERE = 0


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


class CloudTill(Base):
    """A register that issues its documents here.

    `state` is the engine's register, `settings` how it is set, both JSON; `version` grows with each write of the state.
    `autonomous_since` says what the state says. Documents up to `folded_sequence` are in the rollups. `in_flight` is the
    document that somebody is handing to the operator, until `held_until`. `token` and `request_number` are those of the
    operator's protocol; `blocked_*` the operator's word that the register may issue nothing.
    """

    __tablename__ = "cloud_till"
    organisation_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    register_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger, default=0)
    state: Mapped[str] = mapped_column(Text)
    settings: Mapped[str] = mapped_column(Text)
    folded_sequence: Mapped[int] = mapped_column(BigInteger, default=0)
    autonomous_since: Mapped[datetime | None] = mapped_column(Moment)
    operator_host: Mapped[str | None] = mapped_column(Text)
    operator_port: Mapped[int | None] = mapped_column(Integer)
    operator_device: Mapped[int | None] = mapped_column(BigInteger)
    token: Mapped[int | None] = mapped_column(BigInteger)
    request_number: Mapped[int] = mapped_column(Integer, default=0)
    in_flight: Mapped[int | None] = mapped_column(BigInteger)
    held_until: Mapped[datetime | None] = mapped_column(Moment)
    blocked_code: Mapped[int | None] = mapped_column(Integer)
    blocked_text: Mapped[str | None] = mapped_column(Text)
    blocked_at: Mapped[datetime | None] = mapped_column(Moment)
    next_try_at: Mapped[datetime | None] = mapped_column(Moment)


class IssuedDocument(Base):
    """What became of a document that was issued here.

    `key` is the caller's, so that asking twice issues once; `basis` the receipt it takes back. `delivery` is one of
    none, waiting, sent, refused, void. `fiscal_sign` and `qr` are the operator's, `autonomous_sign` what was printed
    instead. `request_number` goes with every attempt to deliver it.
    """

    __tablename__ = "issued_document"
    organisation_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    register_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    key: Mapped[str | None] = mapped_column(String(50))
    basis: Mapped[int | None] = mapped_column(BigInteger)
    request_number: Mapped[int | None] = mapped_column(Integer)
    delivery: Mapped[str] = mapped_column(Text)
    is_autonomous: Mapped[bool] = mapped_column(Boolean, default=False)
    autonomous_sign: Mapped[str | None] = mapped_column(Text)
    fiscal_sign: Mapped[str | None] = mapped_column(Text)
    qr: Mapped[str | None] = mapped_column(Text)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    refusals: Mapped[int] = mapped_column(Integer, default=0)
    first_tried_at: Mapped[datetime | None] = mapped_column(Moment)
    sent_at: Mapped[datetime | None] = mapped_column(Moment)
    result_code: Mapped[int | None] = mapped_column(Integer)
    result_text: Mapped[str | None] = mapped_column(Text)


class RegisterEvent(Base):
    """Something that happened to a cloud till beside its documents, after its document `after_number`.

    Kinds: went_autonomous, came_back, settings_changed, token_changed, blocked, unblocked, operator_refused, connected.
    """

    __tablename__ = "register_event"
    organisation_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    register_id: Mapped[int] = mapped_column(Integer)
    at: Mapped[datetime] = mapped_column(Moment)
    after_number: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(Text)
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB)


class Reconciliation(Base):
    """Our X- or Z-report held against the operator's answer; no differences means that they agree."""

    __tablename__ = "reconciliation"
    organisation_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    register_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    shift: Mapped[int] = mapped_column(Integer)
    at: Mapped[datetime] = mapped_column(Moment)
    differences: Mapped[list[Any]] = mapped_column(JSONB)
    looked_at: Mapped[datetime | None] = mapped_column(Moment)
