"""Signed-in sessions: how long they live, how they end, and whose cabinet they are in."""

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from portal.audit import AuditEntry
from portal.auth.models import SignIn
from portal.auth.queries import ABSOLUTE_MAX, IDLE_MAX, digest_of
from portal.config import ROOT
from portal.db import speak_for
from portal.orgs.models import Membership, Organisation, Person
from portal.primitives import clock
from tests import doorway, factories


@pytest.fixture
def company(session: Session) -> Organisation:
    return factories.organisation(session, "ООО «Ромашка»")


@pytest.fixture
def owner(session: Session, company: Organisation) -> Person:
    return factories.person(session, company)


def is_in(client: FlaskClient) -> bool:
    """Whether a page for signed-in people opens, looked at as a page that refreshes itself looks."""
    return client.get("/company?v=1").status_code == 200


def stop_clock(monkeypatch: pytest.MonkeyPatch, *, after: timedelta) -> None:
    at = clock.now() + after
    monkeypatch.setattr(clock, "now", lambda: at)


def row_of(session: Session, client: FlaskClient) -> SignIn:
    token = doorway.token_of(client)
    assert token is not None
    session.expire_all()
    return session.get_one(SignIn, digest_of(token))


def test_ends_after_two_idle_hours(
    client: FlaskClient,
    session: Session,
    owner: Person,
    company: Organisation,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    browser = doorway.signed_in(client, session, owner, company)
    with monkeypatch.context() as patch:
        stop_clock(patch, after=IDLE_MAX - timedelta(minutes=1))
        assert is_in(browser)
    with monkeypatch.context() as patch:
        stop_clock(patch, after=IDLE_MAX + timedelta(seconds=1))
        assert not is_in(browser)


def test_every_page_that_a_person_opens_begins_the_two_hours_anew(
    client: FlaskClient,
    session: Session,
    owner: Person,
    company: Organisation,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    browser = doorway.signed_in(client, session, owner, company)
    with monkeypatch.context() as patch:
        stop_clock(patch, after=IDLE_MAX - timedelta(minutes=1))
        assert browser.get("/company").status_code == 200
    with monkeypatch.context() as patch:
        stop_clock(patch, after=IDLE_MAX + timedelta(minutes=30))
        assert is_in(browser)


def test_a_page_that_refreshes_itself_does_not_keep_the_session_alive(
    client: FlaskClient,
    session: Session,
    owner: Person,
    company: Organisation,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    browser = doorway.signed_in(client, session, owner, company)
    seen_at = row_of(session, browser).seen_at
    stop_clock(monkeypatch, after=timedelta(minutes=30))
    assert is_in(browser)
    assert row_of(session, browser).seen_at == seen_at


def test_every_block_that_refreshes_itself_says_so() -> None:
    """It carries the version it shows as `v`; without that an unattended page would never be signed out."""
    tags = [
        tag
        for template in (ROOT / "templates").rglob("*.html")
        for tag in re.findall(r"<[^>]*hx-trigger=[^>]*every [^>]*>", template.read_text(encoding="utf-8"))
    ]
    assert tags
    assert [tag for tag in tags if "v=" not in tag] == []


def test_being_seen_is_written_at_most_once_a_minute(
    client: FlaskClient,
    session: Session,
    owner: Person,
    company: Organisation,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    browser = doorway.signed_in(client, session, owner, company)
    seen_at = row_of(session, browser).seen_at
    browser.get("/company")
    assert row_of(session, browser).seen_at == seen_at
    stop_clock(monkeypatch, after=timedelta(minutes=1))
    browser.get("/company")
    assert row_of(session, browser).seen_at > seen_at


def test_ends_after_twelve_hours_however_busy(
    client: FlaskClient,
    session: Session,
    owner: Person,
    company: Organisation,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    browser = doorway.signed_in(client, session, owner, company)
    for hours in range(1, 12):
        with monkeypatch.context() as patch:
            stop_clock(patch, after=timedelta(hours=hours))
            assert browser.get("/company").status_code == 200
    stop_clock(monkeypatch, after=ABSOLUTE_MAX)
    assert not is_in(browser)


def test_signing_out_ends_the_row_and_empties_the_cookie(
    client: FlaskClient, session: Session, owner: Person, company: Organisation
) -> None:
    browser = doorway.signed_in(client, session, owner, company)
    token = doorway.token_of(browser)
    assert token is not None
    answer = doorway.post(browser, "/sign-out")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in")
    assert session.get_one(SignIn, digest_of(token)).ended_at is not None
    assert doorway.token_of(browser) is None


def test_a_stolen_cookie_is_worthless_after_signing_out(
    client: FlaskClient, session: Session, owner: Person, company: Organisation
) -> None:
    browser = doorway.signed_in(client, session, owner, company)
    token = doorway.token_of(browser)
    doorway.post(browser, "/sign-out")
    with client.session_transaction() as cookie:
        cookie["_user_id"] = token
    assert not is_in(client)


@pytest.mark.parametrize("token", ["", "x", "1", "é", "a" * 5000])
def test_a_made_up_token_is_a_stranger(client: FlaskClient, token: str) -> None:
    with client.session_transaction() as cookie:
        cookie["_user_id"] = token
    assert not is_in(client)


def test_a_stranger_is_sent_to_sign_in_and_comes_back(client: FlaskClient) -> None:
    answer = client.get("/company?next=/documents/")
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/sign-in?next=/company?next%3D/documents/"


def test_a_block_that_finds_the_session_ended_reloads_the_page(client: FlaskClient) -> None:
    answer = client.get(
        "/company?v=1",
        headers={"HX-Request": "true", "HX-Current-URL": "http://localhost/documents/?kind=sale"},
    )
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/sign-in?next=/documents/?kind%3Dsale"


# Companies.


@pytest.fixture
def second(session: Session, company: Organisation, owner: Person) -> Organisation:
    made = factories.organisation(session, "ТОО «Дала»", country="kz", tax_id="190440012341")
    factories.member(session, made, owner, role="accountant")
    return made


def test_with_several_companies_one_is_chosen_first(
    client: FlaskClient, session: Session, owner: Person, company: Organisation, second: Organisation
) -> None:
    browser = doorway.signed_in(client, session, owner, None)
    text = browser.get("/company").text
    assert "ООО «Ромашка»" in text
    assert "ТОО «Дала»" in text
    assert row_of(session, browser).organisation_id is None


def test_choosing_a_company_enters_its_cabinet_and_is_written_down(
    client: FlaskClient, session: Session, owner: Person, company: Organisation, second: Organisation
) -> None:
    browser = doorway.signed_in(client, session, owner, None)
    answer = doorway.post(browser, "/company", organisation_id=second.id, next="/documents/")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/documents/")
    assert row_of(session, browser).organisation_id == second.id
    speak_for(session, second.id)
    entry = session.scalars(sa.select(AuditEntry)).one()
    assert (entry.action, entry.person_id, entry.organisation_id) == ("auth.enter", owner.id, second.id)


def test_switching_leaves_a_trace_in_both_cabinets_own_audit_only(
    client: FlaskClient, session: Session, owner: Person, company: Organisation, second: Organisation
) -> None:
    ids = [second.id, company.id]
    browser = doorway.signed_in(client, session, owner, company)
    for organisation_id in ids:
        doorway.post(browser, "/company", organisation_id=organisation_id)
    for organisation_id in ids:
        speak_for(session, organisation_id)
        entries = session.scalars(sa.select(AuditEntry)).all()
        assert [entry.organisation_id for entry in entries] == [organisation_id]


@pytest.mark.parametrize("organisation_id", ["foreign", "0", "-1", "999999999", "x", "", "9" * 30])
def test_a_company_one_does_not_belong_to_does_not_exist(
    client: FlaskClient, session: Session, owner: Person, company: Organisation, organisation_id: str
) -> None:
    own_id, browser = company.id, doorway.signed_in(client, session, owner, company)
    foreign_id = factories.organisation(session, "Чужая").id
    wanted = str(foreign_id) if organisation_id == "foreign" else organisation_id
    assert doorway.post(browser, "/company", organisation_id=wanted).status_code == 404
    assert row_of(session, browser).organisation_id == own_id


def test_a_right_taken_away_is_gone_with_the_next_request(
    client: FlaskClient, session: Session, owner: Person, company: Organisation
) -> None:
    browser = doorway.signed_in(client, session, owner, company)
    speak_for(session, company.id)
    session.execute(sa.delete(Membership).where(Membership.person_id == owner.id))
    answer = browser.get("/company")
    assert answer.status_code == 200
    assert "ООО «Ромашка»" not in answer.text
