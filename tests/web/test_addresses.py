"""Every address, as every role and as a stranger.

The table below names what each address answers. An address that is not in it fails a test, so that nobody adds
a page without saying who may open it.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient
from msgspec.structs import replace
from redis import Redis
from sqlalchemy import text
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from portal.db import speak_for
from portal.fiscal.commands import RegisterSettings
from portal.fiscal.dialects import dialect_of
from portal.fiscal.register import new_register
from portal.journal.issuing import create_till
from portal.orgs.models import Membership, Organisation
from tests import doorway, factories
from tests.ingest import stream

# In this order in the table below. `unplaced` is signed in and has not chosen a company.
VISITORS = ("stranger", "unplaced", "cashier", "accountant", "administrator", "owner")

TO_SIGN_IN, TO_COMPANY = "303 /sign-in", "303 /company"

Answers = tuple[str, str, str, str, str, str]


def everybody(answer: str) -> Answers:
    """The same for all."""
    return (answer,) * 6


def inside(cashier: str, accountant: str, administrator: str, owner: str) -> Answers:
    """A page of a cabinet."""
    return (TO_SIGN_IN, TO_COMPANY, cashier, accountant, administrator, owner)


ADDRESSES: dict[tuple[str, str], Answers] = {
    ("GET", "/health"): everybody("200"),
    ("GET", "/sign-in"): ("200", TO_COMPANY, "303 /documents/", "303 /", "303 /", "303 /"),
    ("POST", "/sign-in"): everybody("422"),
    ("POST", "/sign-out"): (TO_SIGN_IN, *(TO_SIGN_IN,) * 5),
    ("GET", "/company"): (TO_SIGN_IN, *("200",) * 5),
    ("POST", "/company"): (TO_SIGN_IN, "303 /", "303 /documents/", "303 /", "303 /", "303 /"),
    ("POST", "/language"): everybody("303 /"),
    ("POST", "/theme"): everybody("303 /"),
    ("GET", "/"): inside("303 /documents/", "200", "200", "200"),
    ("GET", "/attention"): inside("200", "200", "200", "200"),
    ("GET", "/documents/"): inside("200", "200", "200", "200"),
    ("GET", "/documents/<int:register_id>/<int:number>"): inside("200", "200", "200", "200"),
    ("GET", "/stream/"): inside("403", "403", "200", "200"),
    ("GET", "/stream/quarantine/<int:quarantine_id>"): inside("403", "403", "200", "200"),
    ("POST", "/stream/quarantine/<int:quarantine_id>/retry"): inside("403", "403", *("303 /stream/",) * 2),
    ("POST", "/stream/quarantine/retry"): inside("403", "403", *("303 /stream/",) * 2),
    ("GET", "/operator/"): inside("403", "200", "200", "200"),
    ("GET", "/operator/<int:register_id>"): inside("403", "200", "200", "200"),
    ("GET", "/operator/<int:register_id>/<int:number>"): inside("403", "200", "200", "200"),
    ("POST", "/operator/<int:register_id>/check"): inside("403", "403", "409", "409"),
    ("POST", "/operator/<int:register_id>/token"): inside("403", "403", "422", "422"),
    ("POST", "/operator/<int:register_id>/deliver"): inside(
        "403", "403", *("303 /operator/<int:register_id>",) * 2
    ),
    ("POST", "/operator/<int:register_id>/<int:number>/send"): inside("403", "403", "409", "409"),
    ("POST", "/operator/<int:register_id>/<int:number>/looked"): inside(
        "403", "403", *("303 /operator/",) * 2
    ),
    # Doors for programs know nobody's cookie.
    ("POST", "/ingest/v1/documents"): everybody("401"),
    ("GET", "/ingest/v1/batches/<int:batch_id>"): everybody("401"),
    ("GET", "/ingest/v1/schema.json"): everybody("200"),
}


@dataclass
class House:
    """A company with a document, and another one with a document of its own."""

    client: FlaskClient
    session: Session
    own: stream.Till
    foreign: stream.Till
    people: dict[str, int]

    def visit(self, visitor: str) -> FlaskClient:
        """A browser of the visitor's."""
        if visitor == "stranger":
            return self.client
        person_id = self.people["owner" if visitor == "unplaced" else visitor]
        organisation_id = None if visitor == "unplaced" else self.own.organisation_id
        return doorway.signed_in(self.client, self.session, person_id, organisation_id)


@pytest.fixture
def house(client: FlaskClient, session: Session, redis: Redis) -> House:
    foreign = stream.open_till(session)
    # Far apart, so that the ids of one company are not by chance the ids of the other.
    foreign.take(foreign.sale(7777), {"register": foreign.factory_number})
    own = stream.open_till(session, country="kz")
    own.take(own.sale(1), {"register": own.factory_number})
    for till, country in ((foreign, "by"), (own, "kz")):
        speak_for(session, till.organisation_id)
        state = replace(new_register(till.factory_number, dialect_of(country)), number=till.numbers()[0])
        create_till(
            session, till.organisation_id, till.register_id, state, RegisterSettings(), at=datetime.now(UTC)
        )
        session.execute(
            text(
                "insert into reconciliation (organisation_id, register_id, number, shift, at, differences) values (:o, :r, :n, 1, "
                """now(), '[{"figure": "cash", "ours": 1, "theirs": 2}]')"""
            ),
            {"o": till.organisation_id, "r": till.register_id, "n": till.numbers()[0]},
        )
    company = session.get_one(Organisation, own.organisation_id)
    people = {
        role: factories.person(session, company, role=role).id
        for role in ("cashier", "accountant", "administrator", "owner")
    }
    return House(client, session, own, foreign, people)


def fill(rule: str, till: stream.Till) -> str:
    """A rule with ids that exist."""
    ((quarantine_id,),) = till.rows("select id from quarantine")
    ids = {
        "register_id": till.register_id,
        "number": till.numbers()[0],
        "batch_id": 1,
        "quarantine_id": quarantine_id,
    }
    for name, value in ids.items():
        rule = rule.replace(f"<int:{name}>", str(value))
    return rule


def knock(house: House, visitor: str, method: str, path: str) -> TestResponse:
    browser = house.visit(visitor)
    if method == "GET":
        return browser.get(path)
    forms: dict[str, dict[str, object]] = {
        "/company": {"organisation_id": house.own.organisation_id},
        "/language": {"language": "ru"},
        "/theme": {"theme": "dark"},
    }
    fields = forms.get(path, {})
    return doorway.post(browser, path, **fields)


def told(answer: TestResponse) -> str:
    """Status, and where a redirect leads without its query."""
    where = answer.headers.get("Location", "").partition("?")[0]
    return f"{answer.status_code} {where}".strip()


@pytest.mark.parametrize("visitor", VISITORS)
@pytest.mark.parametrize(("method", "rule"), ADDRESSES, ids=str)
def test_every_address_answers_every_visitor_as_the_table_says(
    house: House, visitor: str, method: str, rule: str
) -> None:
    answer = knock(house, visitor, method, fill(rule, house.own))
    assert told(answer) == fill(ADDRESSES[method, rule][VISITORS.index(visitor)], house.own)


def test_the_table_names_every_address(app: Flask) -> None:
    addresses = {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert addresses == set(ADDRESSES)


@pytest.mark.parametrize("visitor", ["cashier", "accountant", "administrator", "owner"])
@pytest.mark.parametrize(
    ("method", "rule"),
    [address for address in ADDRESSES if "<" in address[1] and "/ingest/v1" not in address[1]],
)
def test_ids_of_another_organisation_lead_nowhere(house: House, visitor: str, method: str, rule: str) -> None:
    refused = 403 if ADDRESSES[method, rule][VISITORS.index(visitor)] == "403" else 404
    assert knock(house, visitor, method, fill(rule, house.foreign)).status_code == refused


@pytest.mark.parametrize("visitor", ["cashier", "accountant", "administrator", "owner"])
@pytest.mark.parametrize("points", [[], [2_000_000_000]])
def test_documents_of_points_out_of_reach_lead_nowhere(house: House, visitor: str, points: list[int]) -> None:
    speak_for(house.session, house.own.organisation_id)
    place = house.session.get_one(Membership, (house.own.organisation_id, house.people[visitor]))
    place.point_ids = points
    rule = "/documents/<int:register_id>/<int:number>"
    assert knock(house, visitor, "GET", fill(rule, house.own)).status_code == 404
    name = f"{house.own.register_id}-1"
    assert name not in house.visit(visitor).get("/documents/").text
    place.point_ids = [house.own.point_id]
    assert name in house.visit(visitor).get("/documents/").text
    place.point_ids = points
    for path in ("/", "/attention", "/documents/"):
        assert house.own.factory_number not in house.visit(visitor).get(path, follow_redirects=True).text


@pytest.mark.parametrize("visitor", ["cashier", "accountant", "administrator", "owner"])
@pytest.mark.parametrize("rule", [rule for method, rule in ADDRESSES if method == "GET" and "<" not in rule])
def test_no_page_shows_another_organisations_names(house: House, visitor: str, rule: str) -> None:
    text = house.visit(visitor).get(rule, follow_redirects=True).text
    assert house.foreign.factory_number not in text
    assert "7777" not in text


@pytest.mark.parametrize("rule", [rule for method, rule in ADDRESSES if method == "GET" and "<" in rule])
@pytest.mark.parametrize("number", ["0", "9" * 18, "9" * 30, "9" * 5000])
def test_ids_that_nothing_has_lead_nowhere(house: House, rule: str, number: str) -> None:
    path = rule
    for name in ("register_id", "number", "batch_id", "quarantine_id"):
        path = path.replace(f"<int:{name}>", number)
    assert house.visit("owner").get(path).status_code in (401, 404, 422)
