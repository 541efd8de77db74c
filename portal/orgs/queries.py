"""Looking at organisations, and at who has a place in them."""

from dataclasses import dataclass

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from portal.db import speak_for
from portal.orgs.models import Membership, Organisation
from portal.primitives.alphabet import sort_key


@dataclass(frozen=True)
class Company:
    """An organisation as pages name it."""

    id: int
    name: str
    country: str
    currency: str
    tax_id: str


@dataclass(frozen=True)
class Seat:
    """A person's place in one organisation: the role there, and the points it reaches (None: all)."""

    company: Company
    role: str
    point_ids: tuple[int, ...] | None


def list_seats(session: Session, person_id: int) -> list[Seat]:
    """Where a person belongs, over all organisations; the session must speak for that person."""
    rows = session.execute(
        select(Organisation, Membership.role, Membership.point_ids)
        .join(Membership, Membership.organisation_id == Organisation.id)
        .where(Membership.person_id == person_id)
        .order_by(Organisation.id)
    )
    seats = [
        Seat(_company(organisation), role, None if point_ids is None else tuple(point_ids))
        for organisation, role, point_ids in rows
    ]
    return sorted(seats, key=lambda seat: (sort_key(seat.company.name), seat.company.id))


def find_organisation(session: Session, number: str) -> Organisation | None:
    """An organisation by its taxpayer number or its id, for whoever runs the portal.

    Every organisation is looked into, one at a time, because no session sees more than one; afterwards the
    session speaks for the one found.
    """
    for organisation_id in session.scalars(text("select every_organisation()")).all():
        speak_for(session, organisation_id)
        organisation = session.get(Organisation, organisation_id)
        if organisation is not None and number in (organisation.tax_id, str(organisation.id)):
            return organisation
    speak_for(session, None)
    return None


def _company(organisation: Organisation) -> Company:
    return Company(
        organisation.id, organisation.name, organisation.country, organisation.currency, organisation.tax_id
    )
