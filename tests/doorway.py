"""Ways through the door for tests: forms with their CSRF tokens, and people who are signed in already.

browser = doorway.signed_in(client, session, owner, company)    # without password and code, at once
answer = doorway.post(browser, "/company", organisation_id=company.id)
"""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from portal.auth import actions, totp
from portal.auth.models import SignIn
from portal.auth.queries import ABSOLUTE_MAX, digest_of
from portal.orgs.models import Organisation, Person
from portal.primitives import clock

PASSWORD = "Каждый чек на месте"


@dataclass
class Enrolled:
    """A person with a real password and a real authenticator."""

    id: int
    email: str
    secret: str

    def code(self, *, steps: int = 0, at: datetime | None = None) -> str:
        """What the authenticator shows, some steps from now."""
        return totp.code_at(self.secret, totp.step_at(at or clock.now()) + steps)


def enrol(session: Session, vault: totp.Vault, *, email: str = "anna@romashka.by") -> Enrolled:
    """Enrol somebody with the tests' password."""
    secret = totp.new_secret()
    made = actions.enrol_person(
        session, vault, name="Анна Ковалёва", email=email, password=PASSWORD, secret=secret
    )
    return Enrolled(made.person_id, email, secret)


def token_of(client: FlaskClient) -> str | None:
    """The session token that this browser's cookie carries."""
    with client.session_transaction() as cookie:
        return cookie.get("_user_id")


def signed_in(
    client: FlaskClient, session: Session, person: Person | int, organisation: Organisation | int | None
) -> FlaskClient:
    """Let this browser be signed in as the person, in the organisation's cabinet (None: not chosen yet)."""
    now, token = clock.now(), secrets.token_urlsafe(32)
    session.execute(
        sa.insert(SignIn).values(
            token_sha256=digest_of(token),
            person_id=person if isinstance(person, int) else person.id,
            organisation_id=organisation.id if isinstance(organisation, Organisation) else organisation,
            created_at=now,
            seen_at=now - timedelta(seconds=1),
            expires_at=now + ABSOLUTE_MAX,
            address="127.0.0.1",
            agent="tests",
        )
    )
    with client.session_transaction() as cookie:
        cookie["_user_id"] = token
    return client


def csrf_token(client: FlaskClient) -> str:
    """A CSRF token that this browser's session accepts."""
    with client.session_transaction() as cookie:
        signed = "_user_id" in cookie
    answer = client.get("/company" if signed else "/sign-in")
    found = re.search(r'name="csrf_token" value="([^"]+)"', answer.text)
    assert found, answer.text
    return found[1]


def post(client: FlaskClient, path: str, **fields: object) -> TestResponse:
    """Send a form as our own page would."""
    return client.post(path, data={"csrf_token": csrf_token(client), **fields})
