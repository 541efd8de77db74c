"""Signing in and out, choosing a company, and giving people their ways in.

Signing in takes three steps, so that no database connection waits while a password is hashed: `begin_attempt`
counts the attempt before it is judged, `judge` holds name, password and code against what is stored, `let_in`
uses the code up and opens the session. Whatever was wrong, the refusal is the same.
"""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import case, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal import audit
from portal.auth import passwords, totp
from portal.auth.forms import SignInForm, normalise_login
from portal.auth.models import Login, SignIn
from portal.auth.queries import ABSOLUTE_MAX, SEEN_EVERY, Credentials, SignedIn, digest_of, find_credentials
from portal.db import speak_for
from portal.orgs.models import Person
from portal.orgs.queries import list_seats
from portal.primitives.refusals import NotFound, Refusal

FAILURES_MAX = 5
FAILURES_WITHIN = timedelta(minutes=15)
AGENT_LENGTH_MAX = 300

# The id of nobody: an unknown name asks the database the same questions as a known one.
NOBODY = 0


class WrongCredentials(Refusal):
    """Name, password and code do not fit together, or the person is locked out for a while."""

    code = "auth.wrong_credentials"


class LoginTaken(Refusal):
    """Somebody signs in by this name already. Facts: `login`."""

    code = "auth.login_taken"
    status = 409


class PersonUnknown(Refusal):
    """Nobody signs in by this name. Facts: `login`."""

    code = "auth.person_unknown"
    status = 404


@dataclass(frozen=True)
class Attempt:
    """An attempt that has been counted. `credentials` is None for an unknown name and for a person locked out."""

    credentials: Credentials | None


@dataclass(frozen=True)
class Proof:
    """Name, password and code were right; the code is not used up yet."""

    person_id: int
    step: int
    new_password_hash: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Entered:
    """A session just opened. `organisation_id` is None while the person has a company to choose."""

    token: str = field(repr=False)
    person_id: int
    organisation_id: int | None
    language: str
    theme: str


@dataclass(frozen=True)
class Enrolled:
    """A person just given a way in; `provisioning_uri` goes into their authenticator and is not shown again."""

    person_id: int
    provisioning_uri: str = field(repr=False)


@dataclass(frozen=True)
class CurrentCode:
    """A one-time code, and the moment from which the door takes it."""

    code: str = field(repr=False)
    good_from: datetime


def begin_attempt(session: Session, login: str, *, at: datetime) -> Attempt:
    """Count an attempt to sign in by this name, before it is judged, so that a crowd of guesses gains nothing.

    Five attempts without success lock the person for 15 minutes; what is tried meanwhile is not counted.
    """
    credentials = find_credentials(session, login)
    quiet = or_(Person.failed_at.is_(None), Person.failed_at <= at - FAILURES_WITHIN)
    counted = session.execute(
        update(Person)
        .where(
            Person.id == (credentials.person_id if credentials else NOBODY),
            or_(quiet, Person.failed_count < FAILURES_MAX),
        )
        .values(failed_count=case((quiet, 1), else_=Person.failed_count + 1), failed_at=at)
        .returning(Person.id)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    return Attempt(credentials if counted is not None else None)


def judge(attempt: Attempt, form: SignInForm, vault: totp.Vault, *, at: datetime) -> Proof:
    """Hold password and code against what is stored; an unknown name takes as long as a wrong password."""
    known = attempt.credentials
    right = passwords.verify(known.password_hash if known else None, form.password)
    if known is None or not right:
        raise WrongCredentials
    secret = vault.open(known.person_id, known.totp_secret)
    if secret is None:
        raise WrongCredentials
    step = totp.matching_step(secret, form.code, at=at, last_step=known.totp_last_step)
    if step is None:
        raise WrongCredentials
    renew = passwords.needs_rehash(known.password_hash)
    return Proof(known.person_id, step, passwords.rehash(form.password) if renew else None)


def let_in(
    session: Session, proof: Proof, *, at: datetime, address: str, agent: str, request_id: str | None = None
) -> Entered:
    """Use the code up and open a session; of two requests with one code the second is refused."""
    values: dict[str, object] = {"totp_last_step": proof.step, "failed_count": 0, "failed_at": None}
    if proof.new_password_hash is not None:
        values["password_hash"] = proof.new_password_hash
    person = session.execute(
        update(Person)
        .where(Person.id == proof.person_id, Person.totp_last_step < proof.step)
        .values(**values)
        .returning(Person.language, Person.theme)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if person is None:
        raise WrongCredentials
    speak_for(session, None, proof.person_id)
    seats = list_seats(session, proof.person_id)
    organisation_id = seats[0].company.id if len(seats) == 1 else None
    token = secrets.token_urlsafe(32)
    session.add(
        SignIn(
            token_sha256=digest_of(token),
            person_id=proof.person_id,
            organisation_id=organisation_id,
            created_at=at,
            seen_at=at,
            expires_at=at + ABSOLUTE_MAX,
            address=address,
            agent=agent[:AGENT_LENGTH_MAX],
        )
    )
    if organisation_id is not None:
        speak_for(session, organisation_id, proof.person_id)
        _record_entry(session, organisation_id, proof.person_id, at, address, request_id)
    return Entered(token, proof.person_id, organisation_id, person.language, person.theme)


def choose_company(
    session: Session,
    signed_in: SignedIn,
    organisation_id: int,
    *,
    at: datetime,
    address: str | None = None,
    request_id: str | None = None,
) -> None:
    """Enter the cabinet of one of the person's organisations; any other does not exist for them."""
    speak_for(session, None, signed_in.person.id)
    if organisation_id not in {seat.company.id for seat in list_seats(session, signed_in.person.id)}:
        raise NotFound
    session.execute(
        update(SignIn)
        .where(SignIn.token_sha256 == digest_of(signed_in.token))
        .values(organisation_id=organisation_id)
        .execution_options(synchronize_session=False)
    )
    speak_for(session, organisation_id, signed_in.person.id)
    _record_entry(session, organisation_id, signed_in.person.id, at, address, request_id)


def _record_entry(
    session: Session,
    organisation_id: int,
    person_id: int,
    at: datetime,
    address: str | None,
    request_id: str | None,
) -> None:
    audit.record(
        session,
        organisation_id,
        "auth.enter",
        f"person:{person_id}",
        at=at,
        person_id=person_id,
        address=address,
        request_id=request_id,
    )
    session.flush()


def note_seen(session: Session, signed_in: SignedIn, *, at: datetime) -> None:
    """Remember that the person was here; written at most once a minute."""
    if at - signed_in.seen_at < SEEN_EVERY:
        return
    session.execute(
        update(SignIn)
        .where(SignIn.token_sha256 == digest_of(signed_in.token), SignIn.seen_at < at)
        .values(seen_at=at)
        .execution_options(synchronize_session=False)
    )


def sign_out(session: Session, token: str, *, at: datetime) -> None:
    """End a session; ending it twice changes nothing."""
    session.execute(
        update(SignIn)
        .where(SignIn.token_sha256 == digest_of(token), SignIn.ended_at.is_(None))
        .values(ended_at=at)
        .execution_options(synchronize_session=False)
    )


def set_language(session: Session, person_id: int, language: str) -> None:
    """Remember in which language a person reads."""
    session.execute(update(Person).where(Person.id == person_id).values(language=language))


def set_theme(session: Session, person_id: int, theme: str) -> None:
    """Remember in which theme a person reads."""
    session.execute(update(Person).where(Person.id == person_id).values(theme=theme))


def enrol_person(
    session: Session,
    vault: totp.Vault,
    *,
    name: str,
    email: str,
    password: str,
    language: str = "ru",
    secret: str | None = None,
) -> Enrolled:
    """Give somebody a way in by e-mail, password and one-time codes; refuses a name that is taken."""
    login = normalise_login(email)
    secret = secret or totp.new_secret()
    password_hash = passwords.hash_password(password, login=login)
    person_id = session.execute(
        insert(Person)
        .values(name=name, email=login, password_hash=password_hash, totp_secret=b"", language=language)
        .on_conflict_do_nothing()
        .returning(Person.id)
    ).scalar_one_or_none()
    if person_id is None:
        raise LoginTaken(login=login)
    session.execute(
        update(Person).where(Person.id == person_id).values(totp_secret=vault.seal(person_id, secret))
    )
    add_login(session, person_id, login)
    return Enrolled(person_id, totp.provisioning_uri(secret, login))


def add_login(session: Session, person_id: int, login: str) -> None:
    """Let a person sign in by one more name, such as the taxpayer number of their organisation."""
    name = normalise_login(login)
    inserted = session.execute(
        insert(Login).values(login=name, person_id=person_id).on_conflict_do_nothing().returning(Login.login)
    ).scalar_one_or_none()
    if (
        inserted is None
        and session.execute(select(Login.person_id).where(Login.login == name)).scalar() != person_id
    ):
        raise LoginTaken(login=name)


def current_code(session: Session, vault: totp.Vault, login: str, *, at: datetime) -> CurrentCode:
    """The next one-time code that opens the door, for whoever runs the portal and holds its secret key.

    A code that was used already is passed over, so that after two sign-ins in a minute there is one to wait for.
    """
    known = find_credentials(session, normalise_login(login))
    secret = known and vault.open(known.person_id, known.totp_secret)
    if known is None or not secret:
        raise PersonUnknown(login=login)
    step = max(totp.step_at(at), known.totp_last_step + 1)
    return CurrentCode(totp.code_at(secret, step), good_from=totp.good_from(step))
