"""What needs attention: said only when it does, only to whom it concerns, with an address to look at."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from portal.analytics.attention import Item, find_troubles, list_attention
from portal.journal.places import list_places
from portal.orgs.access import Scope
from portal.registers.models import Register
from tests import doorway
from tests.journal.asking import part
from tests.journal.shop import Shop, at, open_shop

NOW = at("2026-11-20 14:32")


@pytest.fixture
def shop(session: Session) -> Shop:
    return open_shop(session)


@pytest.fixture
def till(shop: Shop) -> Register:
    """A register that is heard of and in order."""
    till = shop.till("Касса у входа")
    shop.issue(till, at=NOW - timedelta(minutes=5))
    return till


@pytest.fixture
def russian(app: Flask) -> Iterator[None]:
    """Words ask for the reader's language."""
    with app.test_request_context():
        yield


def look(shop: Shop, scope: Scope | None = None) -> dict[str, Item]:
    scope = scope or shop.scope()
    places = list_places(shop.session, scope)
    return {
        item.code: item
        for item in list_attention(find_troubles(shop.session, scope, places, NOW), scope, places, NOW)
    }


def quarantine(shop: Shop, register: Register | None) -> None:
    """One refused document, written past the door."""
    facts = {"id": shop.company.id, "register": register and register.id}
    batch = shop.session.execute(
        sa.text(
            "insert into ingest_batch (organisation_id, sender_id, key, digest, document_count, byte_count, received_at) "
            "values (:id, 1, gen_random_uuid()::text, '', 1, 1, now()) returning id"
        ),
        facts,
    ).scalar_one()
    shop.session.execute(
        sa.text(
            "insert into quarantine (organisation_id, batch_id, position, register_id, reason, facts, body, quarantined_at) "
            "values (:id, :batch, 0, :register, 'unreadable', '{}', '', now())"
        ),
        facts | {"batch": batch},
    )


def gap(shop: Shop, register: Register, first: int, last: int) -> None:
    """Numbers that are missing."""
    shop.session.execute(
        sa.text(
            "insert into gap (organisation_id, register_id, first_number, last_number, missing, found_at) "
            "values (:id, :register, :first, :last, int8multirange(int8range(:first, :last, '[]')), now())"
        ),
        {"id": shop.company.id, "register": register.id, "first": first, "last": last},
    )


@pytest.mark.usefixtures("russian")
def test_says_nothing_while_everything_is_in_order(shop: Shop, till: Register) -> None:
    assert look(shop) == {}


@pytest.mark.usefixtures("russian")
def test_tells_of_missing_numbers(shop: Shop, till: Register) -> None:
    gap(shop, till, 10, 12)
    gap(shop, till, 20, 20)
    item = look(shop)["gaps"]
    assert (item.tone, item.address) == ("bad", "/stream/")
    assert "4" in item.words
    assert "2" in item.note


@pytest.mark.usefixtures("russian")
def test_tells_of_quarantine_to_those_who_may_look_there(shop: Shop, till: Register) -> None:
    quarantine(shop, None)
    assert look(shop)["quarantine"].address == "/stream/"
    assert "quarantine" not in look(shop, shop.scope("accountant"))


@pytest.mark.usefixtures("russian")
@pytest.mark.parametrize(
    ("hours", "code", "tone"), [(21, None, None), (23, "shift_long", "warn"), (25, "shift_too_long", "bad")]
)
def test_tells_of_a_shift_near_its_limit_and_past_it(
    shop: Shop, till: Register, hours: int, code: str | None, tone: str | None
) -> None:
    shop.issue(till, "shift_opened", shift=2, at=NOW - timedelta(hours=hours))
    shop.issue(till, shift=2, at=NOW - timedelta(minutes=1))
    found = {key: item.tone for key, item in look(shop).items()}
    assert found == ({code: tone} if code else {})


@pytest.mark.usefixtures("russian")
def test_a_shift_that_another_followed_is_not_open_any_more(shop: Shop, till: Register) -> None:
    shop.issue(till, shift=1, at=NOW - timedelta(days=5))
    shop.issue(till, shift=2, at=NOW - timedelta(hours=1))
    assert look(shop) == {}


@pytest.mark.usefixtures("russian")
def test_tells_of_registers_that_fell_silent_and_of_those_never_heard(shop: Shop, till: Register) -> None:
    silent = shop.till("Молчит")
    shop.issue(silent, "z_report", at=NOW - timedelta(hours=73))
    shop.till("Новая")
    found = look(shop)
    assert "Молчит" in found["silent"].note
    assert f"register={silent.id}" in found["silent"].address
    assert "Новая" in found["unheard"].note
    assert found["unheard"].tone == "info"


@pytest.mark.usefixtures("russian")
def test_a_removed_register_may_be_silent(shop: Shop, till: Register) -> None:
    removed = shop.till("Снята")
    shop.issue(removed, "z_report", at=NOW - timedelta(days=90))
    removed.state = "removed"
    shop.session.flush()
    assert look(shop) == {}


@pytest.mark.usefixtures("russian")
def test_tells_of_autonomous_and_of_remarked_documents(shop: Shop, till: Register) -> None:
    shop.issue(till, at=NOW - timedelta(hours=3), autonomous=True, remarks=("tax_sum", "line_sum"))
    shop.issue(till, at=NOW - timedelta(days=9), autonomous=True)
    shop.session.execute(
        sa.text(
            "insert into remark select organisation_id, register_id, number + 1000, code, facts, cast(:then as timestamptz) from remark"
        ),
        {"then": NOW - timedelta(days=2)},
    )
    # What was issued here and sent late waits no longer; what became autonomous later on does.
    shop.issue(till, at=NOW - timedelta(hours=2), autonomous=True, delivery="sent")
    found = look(shop)
    assert found["autonomous"].words.startswith("1 ")
    shop.issue(till, at=NOW - timedelta(hours=2), is_late=True, delivery="waiting")
    assert look(shop)["autonomous"].words.startswith("2 ")
    assert "status=autonomous" in found["autonomous"].address
    assert found["remarks"].words.startswith("1 ")


@pytest.mark.usefixtures("russian")
def test_a_limited_reader_is_told_of_their_own_points_alone(shop: Shop, till: Register) -> None:
    other = shop.till("Чужая", point=shop.point("Чужая точка"))
    shop.issue(other, at=NOW - timedelta(hours=100), autonomous=True)
    gap(shop, other, 5, 6)
    quarantine(shop, other)
    quarantine(shop, None)
    assert set(look(shop)) == {"gaps", "quarantine", "silent", "shift_too_long"}
    assert look(shop, shop.scope("administrator", points=(till.point_id,))) == {}


def test_the_bell_shows_a_count_and_a_list(
    client: FlaskClient, session: Session, shop: Shop, till: Register
) -> None:
    gap(shop, till, 10, 12)
    browser = doorway.signed_in(client, session, shop.reader(), shop.company)
    assert "count-dot" in part(browser, "/attention?part=count", "bell-count").text
    listed = part(browser, "/attention", "bell-list").text
    assert 'href="/stream/"' in listed
    assert "<html" not in listed


def test_a_cashiers_bell_is_silent(client: FlaskClient, session: Session, shop: Shop, till: Register) -> None:
    gap(shop, till, 10, 12)
    browser = doorway.signed_in(client, session, shop.reader("cashier"), shop.company)
    assert "count-dot" not in part(browser, "/attention?part=count", "bell-count").text
    assert "Ничего срочного" in part(browser, "/attention", "bell-list").text


def test_a_stranger_hears_nothing(client: FlaskClient) -> None:
    assert part(client, "/attention", "bell-list").status_code == 401
