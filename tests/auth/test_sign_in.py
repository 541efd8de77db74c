"""Signing in: what opens the door, and that every way of failing looks the same."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from portal.audit import AuditEntry
from portal.auth import actions, attempts, passwords, totp
from portal.auth.forms import SignInForm
from portal.auth.models import SignIn
from portal.auth.queries import digest_of
from portal.orgs.models import Organisation, Person
from portal.primitives import clock
from tests import doorway, factories
from tests.doorway import PASSWORD, Enrolled

Enter = Callable[..., TestResponse]


@pytest.fixture
def vault(app: Flask) -> totp.Vault:
    made: totp.Vault = app.extensions["vault"]
    return made


@pytest.fixture
def company(session: Session) -> Organisation:
    return factories.organisation(session)


@pytest.fixture
def anna(session: Session, company: Organisation, vault: totp.Vault) -> Enrolled:
    enrolled = doorway.enrol(session, vault)
    actions.add_login(session, enrolled.id, company.tax_id)
    person = session.get_one(Person, enrolled.id)
    factories.member(session, company, person)
    return enrolled


@pytest.fixture
def enter(client: FlaskClient, anna: Enrolled, redis: Redis) -> Enter:
    """Fill the form in as Anna would, but for what the test says."""

    def fill(**fields: str) -> TestResponse:
        right: dict[str, object] = {"login": anna.email, "password": PASSWORD, "code": anna.code()}
        return doorway.post(client, "/sign-in", **{**right, **fields})

    return fill


def test_opens_with_email_password_and_code(enter: Enter, client: FlaskClient) -> None:
    answer = enter()
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/"
    assert client.get("/company").status_code == 200


def test_opens_with_the_taxpayer_number_however_it_is_spaced(enter: Enter, company: Organisation) -> None:
    spaced = f" {company.tax_id[:3]} {company.tax_id[3:6]}-{company.tax_id[6:]} "
    assert enter(login=spaced).status_code == 303


def test_reads_an_email_in_any_case(enter: Enter) -> None:
    assert enter(login=" ANNA@Romashka.by ").status_code == 303


def test_writes_down_who_entered_which_cabinet(
    enter: Enter, session: Session, anna: Enrolled, company: Organisation
) -> None:
    enter()
    entry = session.scalars(sa.select(AuditEntry).where(AuditEntry.action == "auth.enter")).one()
    assert (entry.organisation_id, entry.person_id, entry.address) == (company.id, anna.id, "127.0.0.1")


@pytest.mark.parametrize(
    "wrong",
    [
        {"password": "не тот пароль совсем"},
        {"password": ""},
        {"password": PASSWORD + "x" * 500},
        {"code": "000000x"},
        {"code": ""},
        {"code": "код"},
        {"login": "nobody@romashka.by"},
        {"login": ""},
        {"login": "x" * 5000},
    ],
    ids=lambda wrong: ",".join(f"{name}={value[:12]}" for name, value in wrong.items()),
)
def test_refuses_whatever_is_wrong_with_the_same_words(
    enter: Enter, client: FlaskClient, wrong: dict[str, str]
) -> None:
    answer = enter(**wrong)
    assert answer.status_code == 422
    assert "логин, пароль и код вместе не подошли" in answer.text
    assert client.get("/company").status_code == 303


def test_keeps_the_login_in_the_form_and_nothing_else(enter: Enter, anna: Enrolled) -> None:
    code = anna.code()
    text = enter(password="не тот пароль совсем", code=code).text
    assert f'value="{anna.email}"' in text
    assert "не тот пароль совсем" not in text
    assert code not in text


def test_an_unknown_name_costs_as_much_as_a_wrong_password(
    enter: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified: list[str | None] = []

    def verify(password_hash: str | None, password: str) -> bool:
        verified.append(password_hash)
        return False

    monkeypatch.setattr(passwords, "verify", verify)
    enter(login="nobody@romashka.by")
    enter()
    assert verified[0] is None
    assert verified[1] is not None


def test_a_code_opens_the_door_once(enter: Enter, client: FlaskClient, anna: Enrolled) -> None:
    code = anna.code()
    assert enter(code=code).status_code == 303
    doorway.post(client, "/sign-out")
    assert enter(code=code).status_code == 422


@pytest.mark.parametrize(("steps", "status"), [(-2, 422), (-1, 303), (0, 303), (1, 303), (2, 422)])
def test_takes_the_code_of_a_neighbouring_step_for_clocks_a_little_off(
    enter: Enter, anna: Enrolled, monkeypatch: pytest.MonkeyPatch, steps: int, status: int
) -> None:
    stopped = clock.now()
    monkeypatch.setattr(clock, "now", lambda: stopped)
    assert enter(code=anna.code(steps=steps, at=stopped)).status_code == status


def test_after_a_later_code_an_earlier_one_is_worthless(
    enter: Enter, client: FlaskClient, anna: Enrolled, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = clock.now()
    monkeypatch.setattr(clock, "now", lambda: stopped)
    assert enter(code=anna.code(steps=1, at=stopped)).status_code == 303
    doorway.post(client, "/sign-out")
    assert enter(code=anna.code(steps=0, at=stopped)).status_code == 422


def test_two_requests_with_one_code_open_one_session(
    session: Session, anna: Enrolled, vault: totp.Vault
) -> None:
    now = clock.now()
    form = SignInForm(anna.email, PASSWORD, anna.code())
    proofs = [
        actions.judge(actions.begin_attempt(session, anna.email, at=now), form, vault, at=now)
        for _ in range(2)
    ]
    actions.let_in(session, proofs[0], at=now, address="", agent="")
    with pytest.raises(actions.WrongCredentials):
        actions.let_in(session, proofs[1], at=now, address="", agent="")


def test_four_failures_leave_the_door_open(enter: Enter) -> None:
    for _ in range(4):
        assert enter(code="").status_code == 422
    assert enter().status_code == 303


def test_five_failures_lock_it_for_the_right_answer_too_and_say_nothing_else(enter: Enter) -> None:
    for _ in range(5):
        text = enter(code="").text
    answer = enter()
    assert answer.status_code == 422
    assert _alert(answer.text) == _alert(text)


def _alert(text: str) -> str:
    return text[text.index('role="alert"') :].split("</div>", maxsplit=1)[0]


def test_the_lock_opens_after_fifteen_minutes(
    enter: Enter, anna: Enrolled, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = clock.now()
    _stop_clock(monkeypatch, start)
    for _ in range(5):
        enter(code="")
    _stop_clock(monkeypatch, start + timedelta(minutes=14, seconds=59))
    assert enter().status_code == 422
    _stop_clock(monkeypatch, start + timedelta(minutes=15))
    assert enter().status_code == 303


def _stop_clock(monkeypatch: pytest.MonkeyPatch, at: datetime) -> None:
    monkeypatch.setattr(clock, "now", lambda: at)


def test_success_forgets_the_failures_before_it(enter: Enter, client: FlaskClient, anna: Enrolled) -> None:
    for _ in range(4):
        enter(code="")
    enter()
    doorway.post(client, "/sign-out")
    for _ in range(4):
        enter(code="")
    assert enter(code=anna.code(steps=1)).status_code == 303


def test_attempts_are_counted_before_they_are_judged(session: Session, anna: Enrolled) -> None:
    now = clock.now()
    begun = [actions.begin_attempt(session, anna.email, at=now) for _ in range(6)]
    assert [attempt.credentials is not None for attempt in begun] == [True] * 5 + [False]


def test_an_address_that_fails_too_often_is_held_back(enter: Enter, redis: Redis) -> None:
    for _ in range(attempts.FAILURES_MAX):
        attempts.note_failure(redis, "127.0.0.1", at=clock.now())
    answer = enter()
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= attempts.WINDOW_S


def test_people_enter_while_redis_is_away(
    enter: Enter, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    away: Redis = Redis(host="127.0.0.1", port=1)
    monkeypatch.setattr("portal.auth.views.redis_client", lambda: away)
    assert enter(code="").status_code == 422
    assert enter().status_code == 303


def test_an_old_hash_is_made_anew_at_sign_in(enter: Enter, session: Session, anna: Enrolled) -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(PASSWORD)
    session.execute(sa.update(Person).where(Person.id == anna.id).values(password_hash=weak))
    assert enter().status_code == 303
    session.expire_all()
    renewed = session.get_one(Person, anna.id).password_hash
    assert not passwords.needs_rehash(renewed)
    assert passwords.verify(renewed, PASSWORD)


def test_the_session_is_new_after_signing_in(enter: Enter, client: FlaskClient, session: Session) -> None:
    client.get("/sign-in")
    before = client.get_cookie("kassa")
    enter()
    first = doorway.token_of(client)
    assert client.get_cookie("kassa") != before
    assert first is not None
    with client.session_transaction() as cookie:
        assert "csrf_token" not in cookie


def test_signing_in_again_ends_the_session_before(
    enter: Enter, client: FlaskClient, session: Session, anna: Enrolled
) -> None:
    enter()
    first = doorway.token_of(client)
    assert first is not None
    assert enter(code=anna.code(steps=1)).status_code == 303
    assert doorway.token_of(client) != first
    assert session.get_one(SignIn, digest_of(first)).ended_at is not None


def test_the_table_keeps_a_digest_and_not_the_token(
    enter: Enter, client: FlaskClient, session: Session
) -> None:
    enter()
    token = doorway.token_of(client)
    assert token is not None
    rows = session.execute(sa.text("select * from sign_in")).all()
    assert token not in str(rows)


def test_goes_on_to_the_page_that_was_asked_for(enter: Enter) -> None:
    assert enter(next="/documents/?kind=sale").headers["Location"] == "/documents/?kind=sale"


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "\\/evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "javascript:alert(1)",
        "documents",
        "http:/evil.example",
        "/" + "a" * 5000,
    ],
)
def test_never_goes_on_to_another_site(enter: Enter, address: str) -> None:
    assert enter(next=address).headers["Location"] == "/"


def test_a_cashier_begins_with_the_documents(
    enter: Enter, session: Session, anna: Enrolled, company: Organisation
) -> None:
    session.execute(sa.text("update membership set role = 'cashier' where person_id = :id"), {"id": anna.id})
    assert enter().headers["Location"] == "/documents/"


def test_the_form_is_not_shown_to_somebody_signed_in(enter: Enter, client: FlaskClient) -> None:
    enter()
    assert client.get("/sign-in").status_code == 303
