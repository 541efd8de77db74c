"""Rows for tests: each function adds one thing to a session, flushes, and returns it.

    company = factories.organisation(session)              # and the session speaks for it from here on
    point = factories.point(session, company)
    register = factories.register(session, point)
    owner = factories.person(session, company)              # with the role of owner
    cashier = factories.person(session, company, role="cashier", point_ids=[point.id])

Within `session` nothing is committed; with `database`, write inside `with transaction() as session:`.
"""

from datetime import UTC, datetime
from itertools import count

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.auth.models import Login
from portal.db import speak_for
from portal.fiscal.commands import RegisterSettings
from portal.fiscal.dialects import dialect_of
from portal.fiscal.register import new_register
from portal.journal.issuing import create_till
from portal.orgs.models import Membership, Organisation, Person, Point
from portal.registers.models import Register

_next = count(1)

CURRENCIES = {"by": "BYN", "kz": "KZT"}
ZONES = {"by": "Europe/Minsk", "kz": "Asia/Almaty"}


def organisation(
    session: Session, name: str = "ООО «Ромашка»", *, country: str = "by", tax_id: str | None = None
) -> Organisation:
    """A taxpayer; the session speaks for it afterwards."""
    # The wall lets a session write only the organisation it speaks for, so its number has to be known before.
    number = session.scalar(sa.text("select nextval(pg_get_serial_sequence('organisation', 'id'))"))
    assert number is not None
    speak_for(session, number)
    made = Organisation(
        id=number,
        country=country,
        tax_id=tax_id or f"{100_000_000 + next(_next)}",
        name=name,
        currency=CURRENCIES[country],
    )
    session.add(made)
    session.flush()
    return made


def point(
    session: Session,
    organisation: Organisation,
    name: str = "Немига, 5",
    *,
    zone: str | None = None,
    day_starts_hour: int = 0,
) -> Point:
    """A trading point of an organisation."""
    made = Point(
        organisation_id=organisation.id,
        name=name,
        address="",
        zone=zone or ZONES[organisation.country],
        day_starts_hour=day_starts_hour,
    )
    session.add(made)
    session.flush()
    return made


def register(
    session: Session, point: Point, name: str = "Касса 1", *, factory_number: str | None = None
) -> Register:
    """A register at a point."""
    made = Register(
        organisation_id=point.organisation_id,
        point_id=point.id,
        name=name,
        model="",
        factory_number=factory_number or f"T{next(_next):08d}",
        state="ready",
    )
    session.add(made)
    session.flush()
    return made


def cloud_till(
    session: Session,
    register: Register,
    settings: RegisterSettings | None = None,
    *,
    country: str = "by",
    host: str | None = "127.0.0.1",
    port: int | None = 9,
    device: int | None = 1,
    token: int | None = 1,
) -> Register:
    """A register that issues its documents here; `host=None` for one without an operator. Gives the register back."""
    create_till(
        session,
        register.organisation_id,
        register.id,
        new_register(register.factory_number, dialect_of(country)),
        settings or RegisterSettings(),
        at=datetime(2026, 1, 1, tzinfo=UTC),
        operator_host=host,
        operator_port=port,
        operator_device=device,
        token=token,
    )
    session.refresh(register)
    return register


def person(
    session: Session,
    organisation: Organisation | None = None,
    *,
    role: str = "owner",
    name: str = "Анна Ковалёва",
    email: str | None = None,
    point_ids: list[int] | None = None,
    password_hash: str = "!",  # noqa: S107 - no password has this hash
    totp_secret: bytes = b"",
) -> Person:
    """Somebody who can sign in, with a role in an organisation if one is given."""
    email = email or f"person{next(_next)}@example.by"
    made = Person(
        name=name,
        email=email,
        password_hash=password_hash,
        totp_secret=totp_secret,
        language="ru",
        theme="auto",
    )
    session.add(made)
    session.flush()
    session.add(Login(login=email, person_id=made.id))
    if organisation is not None:
        member(session, organisation, made, role=role, point_ids=point_ids)
    session.flush()
    return made


def member(
    session: Session,
    organisation: Organisation,
    person: Person,
    *,
    role: str = "owner",
    point_ids: list[int] | None = None,
) -> Membership:
    """A role of a person in one more organisation; the session must speak for that organisation."""
    made = Membership(organisation_id=organisation.id, person_id=person.id, role=role, point_ids=point_ids)
    session.add(made)
    session.flush()
    return made
