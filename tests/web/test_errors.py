"""Every no becomes an answer, for people and for programs, and no mistake of ours tells more than its number."""

import logging
import re

import pytest
from flask import Blueprint
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from portal.app import create_app
from portal.auth.guards import anyone
from portal.config import Settings
from portal.db import transaction
from portal.primitives.refusals import BadInput, NotAllowed, NotFound
from tests import doorway, factories

SECRET = "тайна, которую видит только журнал"


@pytest.fixture
def broken(settings: Settings) -> FlaskClient:
    """A portal with addresses that fail in every way there is."""
    trouble = Blueprint("trouble", __name__, url_prefix="/trouble")

    @trouble.get("/<kind>")
    @anyone
    def fail(kind: str) -> str:
        match kind:
            case "not_found":
                raise NotFound
            case "not_allowed":
                raise NotAllowed(permission="home.read")
            case "bad_input":
                raise BadInput(field="day", value="<b>вчера</b>")
            case "database":
                raise OperationalError("select 1", {}, Exception(SECRET))
            case "unusable":
                with transaction() as session:
                    session.execute(text("select cast('9999999999999' as integer)"))
        raise RuntimeError(SECRET)

    app = create_app(settings)
    app.register_blueprint(trouble)
    return app.test_client()


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("not_found", 404),
        ("not_allowed", 403),
        ("bad_input", 422),
        ("unusable", 404),
        ("database", 503),
        ("bug", 500),
    ],
)
def test_people_get_a_page_and_programs_get_a_problem(broken: FlaskClient, kind: str, status: int) -> None:
    page = broken.get(f"/trouble/{kind}")
    assert page.status_code == status
    assert page.mimetype == "text/html"
    assert page.headers["X-Request-ID"] in page.text
    problem = broken.get(f"/trouble/{kind}", headers={"Accept": "application/json"})
    assert problem.status_code == status
    assert problem.mimetype == "application/problem+json"
    assert set(problem.get_json()) == {"code", "message", "facts", "request_id"}


def test_a_block_gets_a_refusal_that_fits_into_it(broken: FlaskClient) -> None:
    block = broken.get("/trouble/bad_input", headers={"HX-Request": "true"})
    assert block.status_code == 422
    assert "<html" not in block.text
    assert "&lt;b&gt;вчера&lt;/b&gt;" in block.text


def test_a_bug_is_logged_with_its_request_and_tells_nobody_what_it_was(
    broken: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, "kassa.web"):
        page = broken.get("/trouble/bug", headers={"X-Request-ID": "abcdef-123456"})
    assert SECRET not in page.text
    assert "abcdef-123456" in caplog.text
    assert SECRET in caplog.text


def test_a_reader_who_cannot_be_looked_up_still_gets_the_page(
    broken: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with broken.session_transaction() as cookie:
        cookie["_user_id"] = "x" * 43

    def away(*_args: object, **_kwargs: object) -> None:
        raise OperationalError("select 1", {}, Exception("no route"))

    monkeypatch.setattr("portal.auth.guards.transaction", away)
    answer = broken.get("/company")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert "<html" in answer.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/sign-in/", 404),
        ("POST", "/health", 405),
        ("DELETE", "/sign-in", 405),
        ("GET", "/%00", 422),
        ("GET", "/sign-in?next=%00", 422),
        ("GET", "/sign-in?%00=1", 422),
        ("GET", "/%ff%fe", 404),
    ],
)
def test_odd_requests_are_refused(client: FlaskClient, method: str, path: str, status: int) -> None:
    answer = client.open(path, method=method)
    assert answer.status_code == status
    assert "<html" in answer.text or answer.mimetype == "application/problem+json"


def test_a_method_that_does_not_fit_says_which_do(client: FlaskClient) -> None:
    assert "GET" in client.post("/health").headers["Allow"]


def test_a_form_larger_than_any_of_ours_is_refused(client: FlaskClient) -> None:
    answer = client.post("/sign-in", data={"login": "x" * (2 << 20)})
    assert answer.status_code == 413


@pytest.mark.parametrize("path", ["/ingest/v1/nowhere", "/api/nowhere"])
def test_programs_are_known_by_their_address(client: FlaskClient, path: str) -> None:
    answer = client.get(path, headers={"Accept": "text/html", "Accept-Language": "en"})
    assert answer.status_code == 404
    assert answer.get_json()["code"] == "not_found"


def test_a_signed_in_reader_keeps_the_navigation_on_an_error(client: FlaskClient, session: Session) -> None:
    company = factories.organisation(session, "ООО «Ромашка»")
    browser = doorway.signed_in(client, session, factories.person(session, company), company)
    browser.get("/company")
    assert browser.get("/nowhere").status_code == 404


def test_every_request_is_one_line_of_the_log(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "kassa.web"):
        client.get("/a%0A2026-11-20 INFO event=forged%20x=1?secret=1")
    (line,) = [record.getMessage() for record in caplog.records if "event=request" in record.getMessage()]
    assert "\n" not in line
    assert "secret" not in line
    assert "path=/a%0A2026-11-20%20INFO%20event%3Dforged" in line
    assert re.search(r" status=404 ms=\d+ person=- organisation=- request=[0-9a-f]{16}$", line)


def test_the_log_says_who_asked_and_for_whom(
    client: FlaskClient, session: Session, caplog: pytest.LogCaptureFixture
) -> None:
    company = factories.organisation(session)
    owner = factories.person(session, company)
    browser = doorway.signed_in(client, session, owner, company)
    ids = owner.id, company.id
    with caplog.at_level(logging.INFO, "kassa.web"):
        browser.get("/company")
    assert f"person={ids[0]} organisation={ids[1]}" in caplog.text
