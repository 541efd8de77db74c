"""Language and theme: guessed for strangers, remembered for everybody."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from portal.orgs.models import Organisation, Person
from tests import doorway, factories


@pytest.fixture
def company(session: Session) -> Organisation:
    return factories.organisation(session)


@pytest.fixture
def owner(session: Session, company: Organisation) -> Person:
    return factories.person(session, company)


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "ru"),
        ("kk-KZ,kk;q=0.9,ru;q=0.8", "kk"),
        ("be", "be"),
        ("en-US,en;q=0.9", "en"),
        ("de,fr;q=0.5", "ru"),
        ("*", "ru"),
        ("\x00;;q=x", "ru"),
    ],
)
def test_a_stranger_is_met_in_the_browsers_language(
    client: FlaskClient, accepted: str, language: str
) -> None:
    answer = client.get("/sign-in", headers={"Accept-Language": accepted})
    assert f'<html lang="{language}"' in answer.text


@pytest.mark.parametrize("language", ["ru", "kk", "be", "en"])
def test_a_strangers_choice_is_kept_in_a_cookie(client: FlaskClient, language: str) -> None:
    answer = doorway.post(client, "/language", language=language, next="/sign-in?next=/documents/")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in?next=/documents/")
    cookie = client.get_cookie("language")
    assert cookie is not None
    assert cookie.http_only
    page = client.get("/sign-in", headers={"Accept-Language": "en"})
    assert f'<html lang="{language}"' in page.text


def test_a_persons_choice_is_kept_with_the_person(
    client: FlaskClient, session: Session, owner: Person, company: Organisation
) -> None:
    browser = doorway.signed_in(client, session, owner, company)
    doorway.post(browser, "/language", language="kk")
    doorway.post(browser, "/theme", theme="dark")
    session.expire_all()
    assert (owner.language, owner.theme) == ("kk", "dark")
    browser.delete_cookie("language")
    browser.delete_cookie("theme")
    text = browser.get("/company").text
    assert '<html lang="kk" data-bs-theme="dark"' in text


def test_a_strangers_theme_is_kept_in_a_cookie(client: FlaskClient) -> None:
    assert "data-bs-theme" not in client.get("/sign-in").text.split(">")[1]
    doorway.post(client, "/theme", theme="dark")
    assert 'data-bs-theme="dark"' in client.get("/sign-in").text


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/language", {"language": "de"}),
        ("/language", {}),
        ("/language", {"language": "ru\0"}),
        ("/theme", {"theme": "pink"}),
        ("/theme", {"theme": "x" * 4000}),
    ],
)
def test_what_there_is_not_cannot_be_chosen(client: FlaskClient, path: str, fields: dict[str, str]) -> None:
    assert doorway.post(client, path, **fields).status_code == 422


def test_a_cookie_that_says_nonsense_is_passed_over(client: FlaskClient) -> None:
    client.set_cookie("language", "../../etc")
    client.set_cookie("theme", "x" * 100)
    assert '<html lang="ru">' in client.get("/sign-in").text


@pytest.mark.parametrize("path", ["/language", "/theme"])
@pytest.mark.parametrize("address", ["https://evil.example", "//evil.example", "/\\evil.example", ""])
def test_never_goes_back_to_another_site(client: FlaskClient, path: str, address: str) -> None:
    answer = doorway.post(client, path, language="ru", theme="dark", next=address)
    assert answer.headers["Location"] == "/"
