"""The demo's organisations with their points and registers, and the people who may look at them.

Founding them twice changes nothing: what is there already is found by taxpayer number, factory number and login.
"""

import base64
import hmac
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from portal.auth.actions import add_login, enrol_person
from portal.auth.forms import normalise_login
from portal.auth.queries import find_credentials
from portal.auth.totp import Vault
from portal.config import Settings
from portal.db import speak_for, transaction
from portal.demo.shops import COMPANIES, DALA_MARKET, GRAIN_AND_HONEY, Company, Shop, Stall
from portal.demo.tokens import Holder
from portal.orgs.actions import add_point, create_organisation, set_membership
from portal.orgs.models import Organisation, Point
from portal.registers.actions import add_register
from portal.registers.models import Register

# Known to everybody on purpose; the one-time codes are not, they come from the installation's own secret.
PASSWORD = "zerno-i-myod-2026"  # noqa: S105


@dataclass(frozen=True)
class Seat:
    """A role in one company; with `point`, at that point only."""

    company: Company
    role: str
    point: str | None = None


@dataclass(frozen=True)
class DemoPerson:
    """Somebody who can sign in."""

    name: str
    email: str
    language: str
    seats: tuple[Seat, ...]
    tax_id: str | None = None


@dataclass(frozen=True)
class Place:
    """A register of the demo as the database knows it. `founded_at` anchors its history; `is_cloud` once it works here."""

    organisation_id: int
    register_id: int
    founded_at: datetime
    shop: Shop
    stall: Stall
    is_cloud: bool = False

    @property
    def holder(self) -> Holder:
        """Who needs a token here."""
        return Holder(self.organisation_id, self.register_id, self.stall.register)


PEOPLE = (
    DemoPerson(
        "Мария Зернова",
        "owner@demo.by",
        "ru",
        (Seat(GRAIN_AND_HONEY, "owner"), Seat(DALA_MARKET, "owner")),
        GRAIN_AND_HONEY.tax_id,
    ),
    DemoPerson("Ольга Счетова", "accountant@demo.by", "ru", (Seat(GRAIN_AND_HONEY, "accountant"),)),
    DemoPerson("Павел Настройкин", "admin@demo.by", "ru", (Seat(GRAIN_AND_HONEY, "administrator"),)),
    DemoPerson(
        "Алесь Ковальчук",
        "cashier@demo.by",
        "be",
        (Seat(GRAIN_AND_HONEY, "cashier", GRAIN_AND_HONEY.shops[0].name),),
    ),
    DemoPerson("Данияр Серікұлы", "owner@demo.kz", "kk", (Seat(DALA_MARKET, "owner"),), DALA_MARKET.tax_id),
    DemoPerson("Айнұр Ахметова", "accountant@demo.kz", "kk", (Seat(DALA_MARKET, "accountant"),)),
)


def ensure_demo(settings: Settings, *, at: datetime) -> list[Place]:
    """Found what is missing of the demo; return every register's place."""
    places: list[Place] = []
    for company in COMPANIES:
        organisation_id = find_organisation_id(company.tax_id)
        with transaction(organisation_id) as session:
            places += _found(session, company, organisation_id, at)
    for person in PEOPLE:
        _enrol(settings, person, at)
    return places


def find_organisation_id(name_or_tax_id: str) -> int | None:
    """The organisation with this taxpayer number, or with this very name."""
    with transaction() as session:
        by_name = None
        for organisation_id in session.scalars(text("select every_organisation()")).all():
            speak_for(session, organisation_id)
            row = session.execute(
                select(Organisation.tax_id, Organisation.name).where(Organisation.id == organisation_id)
            ).one_or_none()
            if row is not None and row.tax_id == name_or_tax_id:
                return int(organisation_id)
            if row is not None and row.name == name_or_tax_id and by_name is None:
                by_name = int(organisation_id)
        return by_name


def totp_secret(settings: Settings, email: str) -> str:
    """A person's secret for one-time codes: of this installation, and the same at every start."""
    digest = hmac.digest(settings.secret_key.encode(), f"demo person: {email}".encode(), "sha256")
    return base64.b32encode(digest[:20]).decode()


def describe_people() -> list[str]:
    """The people as lines to print: login, what they are and where."""
    lines = []
    for person in PEOPLE:
        where = "; ".join(
            f"{seat.role}, {seat.company.name}" + (f", {seat.point}" if seat.point else "")
            for seat in person.seats
        )
        number = f" (or {person.tax_id})" if person.tax_id else ""
        lines.append(f"{person.email}{number}: {where}")
    return lines


def _found(session: Session, company: Company, organisation_id: int | None, at: datetime) -> list[Place]:
    """A company with its points and registers, made where missing; the session speaks for it."""
    if organisation_id is None:
        country = company.dialect.country
        organisation_id = create_organisation(
            session, name=company.name, country=country, tax_id=company.tax_id, at=at
        ).id
    founded_at = session.execute(
        select(Organisation.created_at).where(Organisation.id == organisation_id)
    ).scalar_one()
    points = {
        point.name: point.id
        for point in session.scalars(select(Point).where(Point.organisation_id == organisation_id))
    }
    registers = {
        register.factory_number: (register.id, register.kind == "cloud")
        for register in session.scalars(select(Register).where(Register.organisation_id == organisation_id))
    }
    places = []
    for shop in company.shops:
        point_id = points.get(shop.name)
        if point_id is None:
            point_id = add_point(
                session,
                organisation_id,
                name=shop.name,
                address=shop.address,
                zone=shop.zone,
                day_starts_hour=shop.day_starts_hour,
                at=at,
            ).id
        for stall in shop.stalls:
            register_id, is_cloud = registers.get(stall.register, (None, False))
            if register_id is None:
                register_id = add_register(
                    session,
                    organisation_id,
                    point_id=point_id,
                    name=stall.name,
                    factory_number=stall.register,
                    model=stall.model,
                    registration_number=stall.registration_number,
                    at=at,
                ).id
            places.append(Place(organisation_id, register_id, founded_at, shop, stall, is_cloud))
    return places


def _enrol(settings: Settings, person: DemoPerson, at: datetime) -> None:
    """Give a person a way in, and their seats; somebody who is there already keeps what they have made of it."""
    organisation_ids = {
        seat.company.tax_id: find_organisation_id(seat.company.tax_id) for seat in person.seats
    }
    with transaction() as session:
        if find_credentials(session, normalise_login(person.email)) is not None:
            return
        enrolled = enrol_person(
            session,
            Vault(settings.secret_key),
            name=person.name,
            email=person.email,
            password=PASSWORD,
            language=person.language,
            secret=totp_secret(settings, person.email),
        )
        if person.tax_id is not None:
            add_login(session, enrolled.person_id, person.tax_id)
        for seat in person.seats:
            organisation_id = organisation_ids[seat.company.tax_id]
            assert organisation_id is not None, "the company was founded a moment ago"
            speak_for(session, organisation_id)
            _seat(session, organisation_id, enrolled.person_id, seat, at)


def _seat(session: Session, organisation_id: int, person_id: int, seat: Seat, at: datetime) -> None:
    point_ids = None
    if seat.point is not None:
        point_ids = tuple(
            session.scalars(
                select(Point.id).where(Point.organisation_id == organisation_id, Point.name == seat.point)
            )
        )
    set_membership(session, organisation_id, person_id, role=seat.role, at=at, point_ids=point_ids)
