"""Registers on record, and tokens that stream for them."""

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.audit import AuditEntry
from portal.db import speak_for
from portal.orgs.models import Organisation, Point
from portal.primitives import clock
from portal.primitives.refusals import NotFound
from portal.registers import actions, queries
from portal.registers.models import Register, Sender
from tests import factories


@pytest.fixture
def company(session: Session) -> Organisation:
    return factories.organisation(session)


@pytest.fixture
def point(session: Session, company: Organisation) -> Point:
    return factories.point(session, company)


@pytest.fixture
def register(session: Session, point: Point) -> Register:
    return factories.register(session, point)


def issue(session: Session, company: Organisation, register: Register | None = None) -> str:
    return actions.issue_token(
        session,
        company.id,
        name="Шлюз",
        register_id=None if register is None else register.id,
        at=clock.now(),
    )


def deeds(session: Session) -> list[str]:
    return [entry.action for entry in session.scalars(sa.select(AuditEntry).order_by(AuditEntry.id))]


def test_puts_a_register_on_record_once(session: Session, company: Organisation, point: Point) -> None:
    def add() -> Register:
        return actions.add_register(
            session,
            company.id,
            point_id=point.id,
            name="Касса 1",
            factory_number="SWK00033717",
            at=clock.now(),
        )

    register = add()
    assert queries.find_register_by_factory_number(session, company.id, "SWK00033717") is register
    with pytest.raises(actions.FactoryNumberTaken):
        add()
    assert deeds(session) == ["registers.add"]


def test_two_organisations_may_use_one_factory_number(session: Session, register: Register) -> None:
    other = factories.point(session, factories.organisation(session))
    made = actions.add_register(
        session,
        other.organisation_id,
        point_id=other.id,
        name="Касса",
        factory_number=register.factory_number,
        at=clock.now(),
    )
    assert made.organisation_id == other.organisation_id


def test_a_register_stands_at_a_point_of_its_own_organisation(
    session: Session, company: Organisation, point: Point
) -> None:
    foreign = factories.point(session, factories.organisation(session)).id
    speak_for(session, company.id)
    with pytest.raises(NotFound):
        actions.add_register(
            session, company.id, point_id=foreign, name="Касса", factory_number="A1", at=clock.now()
        )


def test_a_token_speaks_for_its_register(session: Session, company: Organisation, register: Register) -> None:
    token = issue(session, company, register)
    found = queries.find_sender(token)
    assert found is not None
    assert token.startswith(f"kt_{company.id}_{found.sender_id}_")
    assert (found.organisation_id, found.register_id, found.is_revoked) == (company.id, register.id, False)


def test_a_gateway_speaks_for_all_of_them(session: Session, company: Organisation) -> None:
    found = queries.find_sender(issue(session, company))
    assert found is not None
    assert found.register_id is None


def test_the_table_keeps_a_digest_and_not_the_secret(session: Session, company: Organisation) -> None:
    secret = issue(session, company).split("_", 3)[3]
    assert secret not in str(session.execute(sa.text("select * from sender")).all())


def test_issuing_and_revoking_are_written_down_without_the_secret(
    session: Session, company: Organisation
) -> None:
    token = issue(session, company)
    sender_id = session.scalars(sa.select(Sender.id)).one()
    for _ in range(2):
        actions.revoke_token(session, company.id, sender_id, at=clock.now())
    assert deeds(session) == ["registers.issue_token", "registers.revoke_token"]
    assert token.split("_", 3)[3] not in str(session.execute(sa.text("select * from audit")).all())


def test_a_token_taken_back_is_refused_from_that_moment_on(session: Session, company: Organisation) -> None:
    token = issue(session, company)
    found = queries.find_sender(token)
    assert found is not None
    speak_for(session, company.id)
    actions.revoke_token(session, company.id, found.sender_id, at=clock.now())
    again = queries.find_sender(token)
    assert again is not None
    assert again.is_revoked


def test_a_token_of_a_removed_register_is_revoked_with_it(
    session: Session, company: Organisation, register: Register
) -> None:
    token = issue(session, company, register)
    register.state = "removed"
    session.flush()
    found = queries.find_sender(token)
    assert found is not None
    assert found.is_revoked


def test_a_token_cannot_be_issued_or_revoked_across_organisations(
    session: Session, company: Organisation, register: Register
) -> None:
    issue(session, company)
    sender_id, register_id = session.scalars(sa.select(Sender.id)).one(), register.id
    other = factories.organisation(session)
    with pytest.raises(NotFound):
        actions.revoke_token(session, other.id, sender_id, at=clock.now())
    with pytest.raises(NotFound):
        actions.issue_token(session, other.id, name="Чужой", register_id=register_id, at=clock.now())


@pytest.mark.parametrize(
    "change",
    [
        lambda _: "",
        lambda token: token[:-1],
        lambda token: token + "A",
        lambda token: token.upper(),
        lambda token: token.replace("kt_", "xx_"),
        lambda token: f"kt_999999_{token.split('_', 2)[2]}",
        lambda _: f"kt_{'9' * 30}_1_{'x' * 43}",
        lambda _: f"kt_9999999999_9999999999_{'x' * 43}",
        lambda _: f"kt_1_1_{'x' * 5000}",
        lambda _: f"kt_0_1_{'x' * 43}",
        lambda _: f"kt_-1_1_{'x' * 43}",
        lambda _: f"kt_١_1_{'x' * 43}",
        lambda token: token + "\n",
        lambda token: token.replace("_", "\0"),
    ],
)
def test_nothing_but_the_token_itself_is_anybody(
    session: Session, company: Organisation, change: object
) -> None:
    assert callable(change)
    assert queries.find_sender(change(issue(session, company))) is None


def test_one_tokens_secret_does_not_open_anothers_door(session: Session, company: Organisation) -> None:
    first, second = issue(session, company), issue(session, company)
    crossed = "_".join([*first.split("_", 3)[:3], second.split("_", 3)[3]])
    assert queries.find_sender(crossed) is None
