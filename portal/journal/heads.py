"""Heads: the last link of each register's chain, and how far its numbers reach."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.journal.models import RegisterHead


@dataclass
class Head:
    """A register's head while documents are appended.

    `sequence` and `digest` follow the order of acceptance; the rest is of the lowest and the highest number.
    """

    sequence: int = 0
    digest: bytes = b""
    first_number: int | None = None
    last_number: int | None = None
    last_issued_at: datetime | None = None
    till_digest: bytes | None = None

    @property
    def known(self) -> tuple[int, int] | None:
        """The lowest and the highest number, None for a register without documents."""
        if self.first_number is None or self.last_number is None:
            return None
        return self.first_number, self.last_number


_FIELDS = ("sequence", "digest", "first_number", "last_number", "last_issued_at", "till_digest")


def take_lane(session: Session, organisation_id: int, register_id: int) -> bool:
    """One worker in a lane at a time; the lock ends with the transaction."""
    return bool(
        session.execute(
            text("select pg_try_advisory_xact_lock(:organisation_id, :register_id)"),
            {"organisation_id": organisation_id, "register_id": register_id},
        ).scalar_one()
    )


def get_head(session: Session, organisation_id: int, register_id: int) -> Head:
    """A register's head; that of a register without documents is empty."""
    row = session.execute(
        select(*(getattr(RegisterHead, name) for name in _FIELDS)).where(
            RegisterHead.organisation_id == organisation_id, RegisterHead.register_id == register_id
        )
    ).one_or_none()
    if row is None:
        return Head()
    sequence, digest, first_number, last_number, last_issued_at, till_digest = row
    return Head(
        sequence,
        bytes(digest),
        first_number,
        last_number,
        last_issued_at,
        None if till_digest is None else bytes(till_digest),
    )


def put_head(session: Session, organisation_id: int, register_id: int, head: Head) -> None:
    """Store a register's head; the caller holds its lane."""
    values = {name: getattr(head, name) for name in _FIELDS}
    session.execute(
        insert(RegisterHead)
        .values(organisation_id=organisation_id, register_id=register_id, **values)
        .on_conflict_do_update(index_elements=["organisation_id", "register_id"], set_=values)
    )
