"""Registers, and the senders that may speak for them."""

from datetime import datetime

from sqlalchemy import Identity, Integer, LargeBinary, Text
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, Moment


class Register(Base):
    """A fiscal cash register; tills name it by `factory_number`.

    `kind` is `streamed` (a till of its own sends what it issued) or `cloud` (the portal issues for it).
    """

    __tablename__ = "register"
    organisation_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    point_id: Mapped[int] = mapped_column(Integer)
    name: Mapped[str] = mapped_column(Text)
    model: Mapped[str] = mapped_column(Text, default="")
    factory_number: Mapped[str] = mapped_column(Text)
    registration_number: Mapped[str | None] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text, default="ready")
    kind: Mapped[str] = mapped_column(Text, default="streamed", server_default="streamed")
    created_at: Mapped[datetime] = mapped_column(Moment, server_default="now()")


class Sender(Base):
    """Who may stream documents: one register, or a gateway (`register_id` is None) for all of an organisation."""

    __tablename__ = "sender"
    organisation_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    register_id: Mapped[int | None] = mapped_column(Integer)
    name: Mapped[str] = mapped_column(Text)
    secret_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(Moment, server_default="now()")
    revoked_at: Mapped[datetime | None] = mapped_column(Moment)
