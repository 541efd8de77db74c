"""Organisations, trading points, people and where they belong."""

from datetime import datetime

from sqlalchemy import ARRAY, BigInteger, ForeignKey, Identity, Integer, LargeBinary, SmallInteger, Text
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, Moment


class Organisation(Base):
    """A taxpayer: the tenant that everything else belongs to."""

    __tablename__ = "organisation"
    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    country: Mapped[str] = mapped_column(Text)
    tax_id: Mapped[str] = mapped_column(Text, unique=True)
    name: Mapped[str] = mapped_column(Text)
    currency: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Moment, server_default="now()")


class Person(Base):
    """Somebody who signs in. `totp_secret` is encrypted; `totp_last_step` keeps a code from being used twice."""

    __tablename__ = "person"
    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    email: Mapped[str] = mapped_column(Text, unique=True)
    password_hash: Mapped[str] = mapped_column(Text)
    totp_secret: Mapped[bytes] = mapped_column(LargeBinary)
    totp_last_step: Mapped[int] = mapped_column(BigInteger, default=0)
    failed_count: Mapped[int] = mapped_column(Integer, default=0)
    failed_at: Mapped[datetime | None] = mapped_column(Moment)
    language: Mapped[str] = mapped_column(Text, default="ru")
    theme: Mapped[str] = mapped_column(Text, default="auto")
    created_at: Mapped[datetime] = mapped_column(Moment, server_default="now()")


class Membership(Base):
    """A person's role in an organisation; `point_ids` limits it to those points, None means all."""

    __tablename__ = "membership"
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True)
    role: Mapped[str] = mapped_column(Text)
    point_ids: Mapped[list[int] | None] = mapped_column(ARRAY(Integer))
    created_at: Mapped[datetime] = mapped_column(Moment, server_default="now()")


class Point(Base):
    """A trading point. Its business day begins at `day_starts_hour` o'clock in its own time zone."""

    __tablename__ = "point"
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), primary_key=True)
    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    address: Mapped[str] = mapped_column(Text, default="")
    zone: Mapped[str] = mapped_column(Text)
    day_starts_hour: Mapped[int] = mapped_column(SmallInteger, default=0)
    created_at: Mapped[datetime] = mapped_column(Moment, server_default="now()")
