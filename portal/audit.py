"""Who did what to whom: one append-only table and one function to write it."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Identity, Integer, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal.db import Base, Moment


class AuditEntry(Base):
    """One deed: what it was done to, and how that stood before and after."""

    __tablename__ = "audit"
    organisation_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    at: Mapped[datetime] = mapped_column(Moment)
    person_id: Mapped[int | None] = mapped_column(Integer)
    action: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    before: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    after: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    address: Mapped[str | None] = mapped_column(Text)
    request_id: Mapped[str | None] = mapped_column(Text)


def record(
    session: Session,
    organisation_id: int,
    action: str,
    subject: str,
    *,
    at: datetime,
    person_id: int | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    address: str | None = None,
    request_id: str | None = None,
) -> None:
    """Write one deed into the audit, in the transaction of the deed itself.

    `action` is `package.verb` (`ingest.retry`), `subject` names the thing (`quarantine:17`).
    """
    session.add(
        AuditEntry(
            organisation_id=organisation_id,
            at=at,
            person_id=person_id,
            action=action,
            subject=subject,
            before=before,
            after=after,
            address=address,
            request_id=request_id,
        )
    )
