"""Looking at registers, and finding out who a bearer token speaks for.

A token is `kt_<organisation>_<sender>_<secret>`: it says where to look, and its secret is compared by digest.
Nothing is cached, so that a token taken back is refused from that moment on.
"""

import hmac
import re
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from portal.db import transaction
from portal.registers.models import Register, Sender

ID_MAX = 2**31 - 1
TOKEN_LENGTH_MAX = 200

_TOKEN = re.compile(r"kt_([1-9][0-9]{0,9})_([1-9][0-9]{0,9})_([A-Za-z0-9_-]{20,})")


@dataclass(frozen=True)
class FoundSender:
    """Whom a token speaks for; `register_id` is None for a gateway."""

    organisation_id: int
    sender_id: int
    register_id: int | None
    is_revoked: bool


def secret_digest(secret: str) -> bytes:
    """What the table keeps of a token's secret: 256 random bits need no slow hash."""
    return sha256(secret.encode()).digest()


def find_sender(token: str) -> FoundSender | None:
    """Whom a token speaks for, or None when it is nobody's. Taken back, or its register removed: `is_revoked`."""
    match = _TOKEN.fullmatch(token) if len(token) <= TOKEN_LENGTH_MAX else None
    if match is None:
        return None
    organisation_id, sender_id, secret = int(match[1]), int(match[2]), match[3]
    if max(organisation_id, sender_id) > ID_MAX:
        return None
    with transaction(organisation_id) as session:
        row = session.execute(
            select(Sender.register_id, Sender.secret_sha256, Sender.revoked_at, Register.state)
            .outerjoin(
                Register,
                and_(Register.organisation_id == Sender.organisation_id, Register.id == Sender.register_id),
            )
            .where(Sender.organisation_id == organisation_id, Sender.id == sender_id)
        ).one_or_none()
    if row is None or not hmac.compare_digest(row.secret_sha256, secret_digest(secret)):
        return None
    return FoundSender(
        organisation_id,
        sender_id,
        row.register_id,
        is_revoked=row.revoked_at is not None or row.state == "removed",
    )


def find_register_by_factory_number(
    session: Session, organisation_id: int, factory_number: str
) -> Register | None:
    """A register as tills name it."""
    return session.execute(
        select(Register).where(
            Register.organisation_id == organisation_id, Register.factory_number == factory_number
        )
    ).scalar_one_or_none()
