"""Putting registers on record, and giving out and taking back the tokens that stream for them."""

import secrets
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal import audit
from portal.orgs.models import Point
from portal.primitives.refusals import NotFound, Refusal
from portal.registers.models import Register, Sender
from portal.registers.queries import secret_digest


class FactoryNumberTaken(Refusal):
    """The organisation has a register with this number already. Facts: `factory_number`."""

    code = "registers.factory_number_taken"
    status = 409


def add_register(
    session: Session,
    organisation_id: int,
    *,
    point_id: int,
    name: str,
    factory_number: str,
    at: datetime,
    model: str = "",
    registration_number: str | None = None,
    by: int | None = None,
) -> Register:
    """Put a register on record at a point."""
    if session.get(Point, (organisation_id, point_id)) is None:
        raise NotFound
    register = session.execute(
        insert(Register)
        .values(
            organisation_id=organisation_id,
            point_id=point_id,
            name=name,
            model=model,
            factory_number=factory_number,
            registration_number=registration_number,
            state="ready",
        )
        .on_conflict_do_nothing(index_elements=["organisation_id", "factory_number"])
        .returning(Register)
    ).scalar_one_or_none()
    if register is None:
        raise FactoryNumberTaken(factory_number=factory_number)
    after = {"point_id": point_id, "name": name, "model": model, "factory_number": factory_number}
    _record(session, organisation_id, "registers.add", f"register:{register.id}", at=at, by=by, after=after)
    return register


def issue_token(
    session: Session,
    organisation_id: int,
    *,
    name: str,
    at: datetime,
    register_id: int | None = None,
    by: int | None = None,
) -> str:
    """Give out a token for one register, or for a gateway that speaks for all of the organisation.

    Only its digest is kept: the token is seen here and never again.
    """
    if register_id is not None and session.get(Register, (organisation_id, register_id)) is None:
        raise NotFound
    secret = secrets.token_urlsafe(32)
    sender = Sender(
        organisation_id=organisation_id,
        register_id=register_id,
        name=name,
        secret_sha256=secret_digest(secret),
    )
    session.add(sender)
    session.flush()
    after: dict[str, object] = {"name": name, "register_id": register_id}
    _record(
        session, organisation_id, "registers.issue_token", f"sender:{sender.id}", at=at, by=by, after=after
    )
    return f"kt_{organisation_id}_{sender.id}_{secret}"


def revoke_token(
    session: Session, organisation_id: int, sender_id: int, *, at: datetime, by: int | None = None
) -> None:
    """Take a token back; what it brought stays. Taking it back twice changes nothing."""
    sender = session.execute(
        select(Sender)
        .where(Sender.organisation_id == organisation_id, Sender.id == sender_id)
        .with_for_update()
    ).scalar_one_or_none()
    if sender is None:
        raise NotFound
    if sender.revoked_at is not None:
        return
    sender.revoked_at = at
    _record(
        session,
        organisation_id,
        "registers.revoke_token",
        f"sender:{sender_id}",
        at=at,
        by=by,
        before={"name": sender.name},
    )


def _record(
    session: Session,
    organisation_id: int,
    action: str,
    subject: str,
    *,
    at: datetime,
    by: int | None,
    before: dict[str, object] | None = None,
    after: dict[str, object] | None = None,
) -> None:
    audit.record(session, organisation_id, action, subject, at=at, person_id=by, before=before, after=after)
    session.flush()
