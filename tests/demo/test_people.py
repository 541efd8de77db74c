"""The demo's companies and people."""

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from portal.auth.actions import current_code
from portal.auth.passwords import verify
from portal.auth.queries import find_credentials
from portal.auth.totp import Vault, matching_step
from portal.config import Settings
from portal.db import speak_for, transaction
from portal.demo.people import (
    PASSWORD,
    PEOPLE,
    Place,
    describe_people,
    ensure_demo,
    find_organisation_id,
    totp_secret,
)
from portal.demo.shops import COMPANIES, DALA_MARKET, GRAIN_AND_HONEY, Company
from portal.models import Base
from portal.orgs.models import Point
from portal.orgs.queries import list_seats
from portal.primitives.identifiers import parse_tax_id

AT = datetime(2026, 5, 15, 12, tzinfo=UTC)


def test_two_companies_with_their_points_and_registers(places: list[Place]) -> None:
    by_company = {
        company.name: [place for place in places if place.shop in company.shops] for company in COMPANIES
    }
    assert {name: len(found) for name, found in by_company.items()} == {
        "ООО «Зерно и мёд»": 20,
        "ТОО «Дала Маркет»": 8,
    }
    assert [len(company.shops) for company in COMPANIES] == [6, 3]
    assert len({place.stall.register for place in places}) == 28


@pytest.mark.parametrize("company", COMPANIES, ids=("by", "kz"))
def test_taxpayer_numbers_can_be_right(company: Company) -> None:
    assert parse_tax_id(company.tax_id, company.dialect.country) == company.tax_id


def test_founding_the_demo_again_changes_nothing(
    places: list[Place], database: Settings, owner_session: sa.orm.Session
) -> None:
    def counts() -> dict[str, int]:
        owner_session.rollback()
        found = {}
        for table in Base.metadata.sorted_tables:
            found[table.name] = owner_session.execute(
                sa.select(sa.func.count()).select_from(table)
            ).scalar_one()
        return found

    before = counts()
    again = ensure_demo(database, at=AT)
    assert [place.register_id for place in again] == [place.register_id for place in places]
    assert counts() == before


def test_the_owner_sits_in_both_companies_and_the_cashier_at_one_point(
    places: list[Place], database: Settings
) -> None:
    seats = {}
    for person in PEOPLE:
        with transaction() as session:
            found = find_credentials(session, person.email)
            assert found is not None
            speak_for(session, None, found.person_id)
            seats[person.email] = [
                (seat.company.tax_id, seat.role, seat.point_ids)
                for seat in list_seats(session, found.person_id)
            ]
    assert seats["owner@demo.by"] == [
        (GRAIN_AND_HONEY.tax_id, "owner", None),
        (DALA_MARKET.tax_id, "owner", None),
    ]
    ((tax_id, role, point_ids),) = seats["cashier@demo.by"]
    assert (tax_id, role) == (GRAIN_AND_HONEY.tax_id, "cashier")
    assert point_ids is not None
    with transaction(places[0].organisation_id) as session:
        names = session.scalars(sa.select(Point.name).where(Point.id.in_(point_ids))).all()
    assert names == ["Пекарня на Немиге"]


def test_people_sign_in_with_the_printed_password_a_code_and_a_taxpayer_number(
    places: list[Place], database: Settings
) -> None:
    vault = Vault(database.secret_key)
    with transaction() as session:
        by_email = find_credentials(session, "owner@demo.by")
        by_number = find_credentials(session, GRAIN_AND_HONEY.tax_id)
        assert by_email is not None
        assert by_number is not None
        assert by_email.person_id == by_number.person_id
        assert verify(by_email.password_hash, PASSWORD)
        code = current_code(session, vault, "owner@demo.by", at=AT)
    secret = totp_secret(database, "owner@demo.by")
    assert matching_step(secret, code.code, at=AT, last_step=0) is not None
    assert secret != totp_secret(database, "owner@demo.kz")


def test_a_company_is_found_by_its_number_and_by_its_name(places: list[Place]) -> None:
    found = find_organisation_id(DALA_MARKET.tax_id)
    assert found == places[-1].organisation_id
    assert find_organisation_id("ТОО «Дала Маркет»") == found
    assert find_organisation_id("ТОО «Нигде»") is None


def test_everybody_is_introduced() -> None:
    lines = "\n".join(describe_people())
    assert all(person.email in lines for person in PEOPLE)
    assert "cashier, ООО «Зерно и мёд», Пекарня на Немиге" in lines
