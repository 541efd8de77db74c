"""The ground that the other tests stand on holds."""

import pytest
import sqlalchemy as sa
from redis import Redis
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from portal.config import Settings
from portal.db import speak_for, transaction
from portal.orgs.models import Organisation, Point
from tests import factories


def test_a_session_works_as_the_portal_and_sees_only_its_own_tenant(session: Session) -> None:
    assert session.scalar(sa.text("select current_user")) == "kassa_portal"
    first = factories.organisation(session)
    factories.point(session, first)
    second = factories.organisation(session)
    factories.person(session, second)
    assert session.scalars(sa.select(Point)).all() == []
    speak_for(session, first.id)
    assert len(session.scalars(sa.select(Point)).all()) == 1


def test_a_session_shares_its_transaction_with_the_portals_own(session: Session) -> None:
    company = factories.organisation(session)
    with transaction(company.id) as inner:
        inner.add(Point(organisation_id=company.id, name="Вторая", zone="Europe/Minsk"))
    assert session.scalars(sa.select(Point.name)).all() == ["Вторая"]


def test_a_session_may_not_change_the_journal(session: Session) -> None:
    factories.organisation(session)
    with pytest.raises(ProgrammingError, match="permission denied"):
        session.execute(sa.text("delete from document"))


def test_nothing_of_a_session_stays(session: Session, owner_session: Session) -> None:
    factories.organisation(session)
    assert owner_session.scalar(sa.select(sa.func.count()).select_from(Organisation)) == 0


def test_a_database_is_committed_to(database: Settings, owner_session: Session, redis: Redis) -> None:
    with transaction() as session:
        company = factories.organisation(session, "Осталась")
    redis.set("left", 1)
    assert owner_session.scalars(sa.select(Organisation.id)).all() == [company.id]


def test_a_database_is_empty_again_afterwards(owner_session: Session, redis: Redis) -> None:
    assert owner_session.scalars(sa.select(Organisation.id)).all() == []
    assert redis.get("left") is None
