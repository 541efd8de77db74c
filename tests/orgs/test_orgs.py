"""Founding organisations, opening points, giving people places, and looking at them."""

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.audit import AuditEntry
from portal.db import speak_for
from portal.orgs import actions, queries
from portal.orgs.models import Membership, Organisation
from portal.primitives import clock
from portal.primitives.identifiers import bin_check_digit, unp_check_digit
from portal.primitives.refusals import BadInput, NotFound
from tests import factories

UNP = f"19123456{unp_check_digit('19123456')}"
BIN = f"19044001234{bin_check_digit('19044001234')}"


def found(session: Session, tax_id: str = UNP, country: str = "by") -> Organisation:
    return actions.create_organisation(
        session, name="ООО «Ромашка»", country=country, tax_id=tax_id, at=clock.now()
    )


def deeds(session: Session) -> list[tuple[str, str]]:
    session.flush()
    return [
        (entry.action, entry.subject)
        for entry in session.scalars(sa.select(AuditEntry).order_by(AuditEntry.id))
    ]


@pytest.mark.parametrize(("country", "tax_id", "currency"), [("by", UNP, "BYN"), ("kz", BIN, "KZT")])
def test_founds_an_organisation_and_speaks_for_it(
    session: Session, country: str, tax_id: str, currency: str
) -> None:
    spaced = f" {tax_id[:3]} {tax_id[3:]} "
    organisation = found(session, spaced, country)
    assert (organisation.tax_id, organisation.currency) == (tax_id, currency)
    assert session.scalars(sa.select(Organisation.country)).all() == [country]
    assert deeds(session) == [("orgs.create", f"organisation:{organisation.id}")]


@pytest.mark.parametrize(
    ("country", "tax_id"), [("by", BIN), ("kz", UNP), ("by", ""), ("by", "191234560"), ("kz", "000000000000")]
)
def test_refuses_a_number_that_cannot_be_right(session: Session, country: str, tax_id: str) -> None:
    with pytest.raises(actions.TaxIdUnfit):
        found(session, tax_id, country)


def test_refuses_a_country_it_does_not_know(session: Session) -> None:
    with pytest.raises(BadInput):
        found(session, UNP, "ru")


def test_a_taxpayer_is_founded_once(session: Session) -> None:
    found(session)
    with pytest.raises(actions.TaxIdTaken):
        found(session)


def test_opens_a_point(session: Session) -> None:
    organisation = found(session)
    point = actions.add_point(
        session, organisation.id, name="Немига, 5", zone="Europe/Minsk", day_starts_hour=6, at=clock.now()
    )
    assert deeds(session)[-1] == ("orgs.add_point", f"point:{point.id}")
    entry = session.scalars(sa.select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert entry is not None
    assert entry.after == {"name": "Немига, 5", "address": "", "zone": "Europe/Minsk", "day_starts_hour": 6}


@pytest.mark.parametrize("zone", ["Europe/Minks", "", "../etc/passwd", "UTC+3"])
def test_refuses_a_zone_that_does_not_exist(session: Session, zone: str) -> None:
    organisation = found(session)
    with pytest.raises(actions.ZoneUnknown):
        actions.add_point(session, organisation.id, name="Немига", zone=zone, at=clock.now())


@pytest.mark.parametrize("hour", [-1, 13])
def test_refuses_a_day_that_starts_after_noon(session: Session, hour: int) -> None:
    organisation = found(session)
    with pytest.raises(BadInput):
        actions.add_point(
            session, organisation.id, name="Немига", zone="Europe/Minsk", day_starts_hour=hour, at=clock.now()
        )


def test_a_changed_place_is_written_down_with_before_and_after(session: Session) -> None:
    organisation = factories.organisation(session)
    point = factories.point(session, organisation)
    person = factories.person(session)
    for role, points in (("owner", None), ("owner", None), ("cashier", (point.id,))):
        actions.set_membership(
            session, organisation.id, person.id, role=role, point_ids=points, at=clock.now()
        )
    entries = session.scalars(sa.select(AuditEntry).order_by(AuditEntry.id)).all()
    assert [(entry.before, entry.after) for entry in entries] == [
        (None, {"role": "owner", "point_ids": None}),
        ({"role": "owner", "point_ids": None}, {"role": "cashier", "point_ids": [point.id]}),
    ]
    assert session.get_one(Membership, (organisation.id, person.id)).role == "cashier"


def test_a_place_reaches_points_of_its_own_organisation_only(session: Session) -> None:
    foreign = factories.point(session, factories.organisation(session)).id
    organisation = factories.organisation(session)
    person = factories.person(session)
    for points in ((foreign,), (999_999,)):
        with pytest.raises(NotFound):
            actions.set_membership(
                session, organisation.id, person.id, role="cashier", point_ids=points, at=clock.now()
            )


def test_a_role_that_there_is_not_is_refused(session: Session) -> None:
    organisation = factories.organisation(session)
    person = factories.person(session)
    with pytest.raises(BadInput):
        actions.set_membership(session, organisation.id, person.id, role="god", at=clock.now())


def test_a_person_sees_the_places_they_have_and_nobody_elses(session: Session) -> None:
    first = factories.organisation(session, "Бор")
    anna = factories.person(session, first, role="accountant")
    boris = factories.person(session, first)
    second = factories.organisation(session, "Арка")
    factories.member(session, second, anna, role="cashier", point_ids=[])
    factories.organisation(session, "Чужая")
    ids = anna.id, boris.id
    speak_for(session, None, ids[0])
    seats = queries.list_seats(session, ids[0])
    assert [(seat.company.name, seat.role, seat.point_ids) for seat in seats] == [
        ("Арка", "cashier", ()),
        ("Бор", "accountant", None),
    ]
    assert queries.list_seats(session, ids[1]) == []


def test_the_operator_finds_an_organisation_by_number_or_id(session: Session) -> None:
    made = factories.organisation(session, tax_id="100000001")
    number = made.id
    factories.organisation(session)
    session.expunge_all()
    for name in ("100000001", str(number)):
        found_one = queries.find_organisation(session, name)
        assert found_one is not None
        assert found_one.id == number
        assert session.scalars(sa.select(Organisation.id)).all() == [number]
    assert queries.find_organisation(session, "999999999") is None
    session.expunge_all()
    assert session.scalars(sa.select(Organisation.id)).all() == []
