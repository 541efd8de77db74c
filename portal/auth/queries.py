"""Looking at logins and signed-in sessions.

A session ends two hours after the last request that a person made, and twelve hours after signing in whatever
happened since (ASVS 5.0, 7.3.1 and 7.3.2). A page that refreshes itself is not a person: its requests do not
keep a session alive. The reference advice is half an hour of idleness; a shop owner looks in between customers,
so it is two, and everything that will sign documents or move money asks for a code again.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.auth.models import Login, SignIn
from portal.db import speak_for
from portal.orgs.access import Scope
from portal.orgs.models import Person
from portal.orgs.queries import Company, Seat, list_seats

IDLE_MAX = timedelta(hours=2)
ABSOLUTE_MAX = timedelta(hours=12)
SEEN_EVERY = timedelta(minutes=1)


@dataclass(frozen=True)
class Reader:
    """A person as pages name them."""

    id: int
    name: str
    email: str
    language: str
    theme: str


@dataclass(frozen=True)
class SignedIn:
    """Who is asking: the person, and the organisation whose cabinet they are in.

    `seat` is None until a company is chosen; views behind `may` are only reached with one.
    """

    person: Reader
    seat: Seat | None
    seats: tuple[Seat, ...]
    seen_at: datetime
    token: str = field(repr=False)

    is_authenticated = True
    is_active = True
    is_anonymous = False

    def get_id(self) -> str:
        """What the cookie keeps: the token, never the person's id."""
        return self.token

    @property
    def organisations(self) -> tuple[Company, ...]:
        """The organisations whose cabinets the person may enter."""
        return tuple(seat.company for seat in self.seats)

    @property
    def organisation(self) -> Company:
        """The organisation whose cabinet this is."""
        return self._placed().company

    @property
    def role(self) -> str:
        """The person's role in the organisation."""
        return self._placed().role

    @property
    def scope(self) -> Scope:
        """For whom this request speaks, and which points it reaches."""
        seat = self._placed()
        return Scope(seat.company.id, self.person.id, seat.role, seat.point_ids)

    def may(self, permission: str) -> bool:
        """Whether the person may do this in the organisation."""
        return self.seat is not None and self.scope.may(permission)

    def _placed(self) -> Seat:
        if self.seat is None:
            raise LookupError("no company is chosen yet")
        return self.seat


@dataclass(frozen=True)
class Credentials:
    """What a person's name, password and code are held against."""

    person_id: int
    password_hash: str = field(repr=False)
    totp_secret: bytes = field(repr=False)
    totp_last_step: int


def digest_of(token: str) -> bytes:
    """What the table keeps of a token."""
    return sha256(token.encode()).digest()


def find_signed_in(session: Session, token: str, *, at: datetime) -> SignedIn | None:
    """The live session behind a token; afterwards the transaction speaks for its person and organisation."""
    row = session.execute(
        select(SignIn, Person)
        .join(Person, Person.id == SignIn.person_id)
        .where(
            SignIn.token_sha256 == digest_of(token),
            SignIn.ended_at.is_(None),
            SignIn.expires_at > at,
            SignIn.seen_at > at - IDLE_MAX,
        )
    ).one_or_none()
    if row is None:
        return None
    sign_in, person = row
    speak_for(session, sign_in.organisation_id, person.id)
    seats = list_seats(session, person.id)
    # Read anew with every request: a right taken away is gone at once.
    seat = next((seat for seat in seats if seat.company.id == sign_in.organisation_id), None)
    return SignedIn(
        person=Reader(person.id, person.name, person.email, person.language, person.theme),
        seat=seat,
        seats=tuple(seats),
        seen_at=sign_in.seen_at,
        token=token,
    )


def find_credentials(session: Session, login: str) -> Credentials | None:
    """What to hold a sign-in against, by a normalised login."""
    person = session.execute(
        select(Person).join(Login, Login.person_id == Person.id).where(Login.login == login)
    ).scalar_one_or_none()
    if person is None:
        return None
    return Credentials(person.id, person.password_hash, person.totp_secret, person.totp_last_step)
