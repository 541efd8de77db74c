"""The stream as its administrator sees it: what is shown, what is refused, whose it is, and trying again."""

from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy.orm import Session

from portal import db
from portal.ingest.drain import drain_register
from portal.ingest.models import UNATTRIBUTED
from portal.orgs.models import Organisation, Point
from tests import doorway, factories
from tests.ingest import stream
from tests.ingest.stream import Till

TABS = ("batches", "quarantine", "gaps", "remarks")


def sign_in(
    client: FlaskClient,
    session: Session,
    till: Till,
    role: str = "administrator",
    point_ids: list[int] | None = None,
) -> FlaskClient:
    """Let somebody with this role be signed in at the till's organisation."""
    db.speak_for(session, till.organisation_id)
    company = session.get_one(Organisation, till.organisation_id)
    person = factories.person(session, company, role=role, point_ids=point_ids)
    return doorway.signed_in(client, session, person, company)


@pytest.fixture
def browser(client: FlaskClient, session: Session, till: Till) -> FlaskClient:
    return sign_in(client, session, till)


def only_quarantined(till: Till) -> int:
    [(found,)] = till.rows("select id from quarantine where retried_at is null")
    return int(found)


# Showing


@pytest.mark.parametrize("tab", TABS)
def test_an_empty_stream_says_so(browser: FlaskClient, tab: str) -> None:
    answer = browser.get(f"/stream/?tab={tab}")
    assert answer.status_code == 200
    assert "<table" not in answer.text


def test_batches_are_listed_with_what_came_of_them(browser: FlaskClient, till: Till) -> None:
    till.send(till.sale(1), till.sale(2, cashier=None), b"?", till.sale(1), key="key-of-the-till")
    waiting = browser.get("/stream/").text
    assert "key-of-the-till" in waiting
    assert "Ждёт разбора" in waiting
    till.drain()
    assert "Разобрана не вся" in browser.get("/stream/").text


def test_missing_numbers_and_remarks_are_listed_and_lead_to_their_documents(
    browser: FlaskClient, till: Till
) -> None:
    till.take(till.sale(1), till.sale(2, total_minor=1), till.sale(5))
    assert "3…4" in browser.get("/stream/?tab=gaps").text
    remarks = browser.get("/stream/?tab=remarks").text
    assert f"/documents/{till.register_id}/2" in remarks
    till.take(till.sale(3), till.sale(4))
    assert "3…4" not in browser.get("/stream/?tab=gaps").text


def test_a_document_in_quarantine_is_shown_whole_and_never_as_markup(
    browser: FlaskClient, till: Till
) -> None:
    till.take(b'{"name":"<script>alert(1)</script>"}')
    page = browser.get(f"/stream/quarantine/{only_quarantined(till)}").text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert(1)" not in page


@pytest.mark.parametrize(
    "raw",
    [
        b"\xff\xfe\x00",
        b"{",
        b"[" * 20_000,
        b'"' + b"a" * 200_000 + b'"',
        b'{"lines":' * 900 + b"1" + b"}" * 900,
        b"\x1b[31m",
    ],
)
def test_any_bytes_in_quarantine_can_be_looked_at(browser: FlaskClient, till: Till, raw: bytes) -> None:
    till.take(b"1", raw)
    [_, (quarantine_id,)] = till.rows("select id from quarantine order by position")
    assert browser.get(f"/stream/quarantine/{quarantine_id}").status_code == 200
    assert browser.get("/stream/?tab=quarantine").status_code == 200


def test_long_lists_are_shown_page_by_page_without_a_hole(browser: FlaskClient, till: Till) -> None:
    import re  # noqa: PLC0415

    till.take(*[b"?"] * 120)
    address, seen = "/stream/?tab=quarantine", []
    for _ in range(5):
        text = browser.get(address).text
        seen += re.findall(r"/stream/quarantine/(\d+)\"", text)
        following = re.search(r'(?:href|hx-get)="(/stream/\?[^"]*after=[^"]+)"', text)
        if not following:
            break
        address = following[1].replace("&amp;", "&")
    expected = [str(found) for (found,) in till.rows("select id from quarantine order by id desc")]
    assert list(dict.fromkeys(seen)) == expected


def test_a_page_that_shows_the_newest_is_told_so_without_a_look(
    browser: FlaskClient, till: Till, redis: Redis
) -> None:
    import re  # noqa: PLC0415

    till.take(till.sale(1))
    found = re.search(r"[?&;]v=([0-9.a-f]+)", browser.get("/stream/").text)
    assert found
    assert browser.get(f"/stream/?v={found[1]}").status_code == 204
    till.take(till.sale(2))
    assert browser.get(f"/stream/?v={found[1]}").status_code == 200


# Refusing


@pytest.mark.parametrize("role", ["accountant", "cashier"])
@pytest.mark.parametrize("path", ["/stream/", "/stream/?tab=quarantine", "/stream/quarantine/1"])
def test_others_are_refused(client: FlaskClient, session: Session, till: Till, role: str, path: str) -> None:
    assert sign_in(client, session, till, role).get(path).status_code == 403


@pytest.mark.parametrize("role", ["accountant", "cashier"])
def test_others_cannot_try_again(client: FlaskClient, session: Session, till: Till, role: str) -> None:
    till.take(b"?")
    browser = sign_in(client, session, till, role)
    for path in (f"/stream/quarantine/{only_quarantined(till)}/retry", "/stream/quarantine/retry"):
        assert doorway.post(browser, path).status_code == 403
    assert till.rows("select retried_at from quarantine") == [(None,)]


def test_strangers_are_sent_to_sign_in(client: FlaskClient, till: Till) -> None:
    for path in ("/stream/", "/stream/quarantine/1"):
        answer = client.get(path)
        assert answer.status_code in (302, 303)
        assert "/sign-in" in answer.headers["Location"]


@pytest.mark.parametrize(
    "query",
    [
        "tab=all",
        "tab=",
        "after=x",
        "tab=remarks&after=WyIyMDI2IiwxLDIsIngiXQ",
        "tab=quarantine&after=" + "A" * 500,
        "after=%00",
    ],
)
def test_bad_input_is_refused(browser: FlaskClient, query: str) -> None:
    assert browser.get(f"/stream/?{query}").status_code == 422


@pytest.mark.parametrize("number", ["0", "999999999", str(2**63), "9" * 100])
def test_what_is_not_in_quarantine_is_not_found(browser: FlaskClient, number: str) -> None:
    assert browser.get(f"/stream/quarantine/{number}").status_code == 404
    assert doorway.post(browser, f"/stream/quarantine/{number}/retry").status_code == 404


def test_another_organisations_stream_is_not_seen(browser: FlaskClient, session: Session, till: Till) -> None:
    other = stream.open_till(session)
    other.take(other.sale(1, cashier=None), other.sale(5), b"the others' secret")
    other.send(other.sale(9), key="the-others-key")
    foreign = only_quarantined(other)
    for tab in TABS:
        text = browser.get(f"/stream/?tab={tab}").text
        assert other.factory_number not in text
        assert "the-others-key" not in text
    assert browser.get(f"/stream/quarantine/{foreign}").status_code == 404
    assert doorway.post(browser, f"/stream/quarantine/{foreign}/retry").status_code == 404
    assert other.rows("select retried_at from quarantine") == [(None,)]


def test_points_out_of_reach_are_not_seen(client: FlaskClient, session: Session, till: Till) -> None:
    """An administrator of one point sees the stream of its registers alone."""
    db.speak_for(session, till.organisation_id)
    company = session.get_one(Organisation, till.organisation_id)
    point: Point = factories.point(session, company, "Другая точка")
    far = stream.another_till(session, till, point_id=point.id)
    till.take(till.sale(1, cashier=None), till.sale(3), b"near")
    far.send(far.sale(1, cashier=None), far.sale(7), b"far", key="far-key")
    far.drain()
    stream.gateway(till).send(b"nobody's")
    drain_register(till.organisation_id, UNATTRIBUTED)
    hidden = [row[0] for row in till.rows("select id from quarantine where register_id is distinct from :r")]
    [(near,)] = till.rows("select id from quarantine where register_id = :r")
    browser = sign_in(client, session, till, point_ids=[till.point_id])

    for tab in TABS:
        text = browser.get(f"/stream/?tab={tab}").text
        assert far.factory_number not in text, tab
        assert "far-key" not in text
    assert till.factory_number in browser.get("/stream/?tab=gaps").text
    assert till.factory_number in browser.get("/stream/?tab=remarks").text
    assert browser.get(f"/stream/quarantine/{near}").status_code == 200
    for one in hidden:
        assert browser.get(f"/stream/quarantine/{one}").status_code == 404
        assert doorway.post(browser, f"/stream/quarantine/{one}/retry").status_code == 404
    doorway.post(browser, "/stream/quarantine/retry")
    assert till.rows("select id from quarantine where retried_at is not null") == [(near,)]


# Trying again


def test_a_document_is_tried_again_and_rung_for(
    browser: FlaskClient, session: Session, till: Till, redis: Redis
) -> None:
    stream.gateway(till).send(till.sale(1, register="NEW"))
    drain_register(till.organisation_id, UNATTRIBUTED)
    fresh = stream.another_till(session, till, factory_number="NEW")
    quarantine_id = only_quarantined(till)

    answer = doorway.post(browser, f"/stream/quarantine/{quarantine_id}/retry")

    assert answer.status_code in (302, 303)
    assert redis.exists(f"ring:{till.organisation_id}:{fresh.register_id}")
    assert fresh.drain().accepted == 1
    [(person_id, request_id)] = till.rows(
        "select person_id, request_id from audit where action = 'ingest.retry'"
    )
    assert person_id
    assert request_id == answer.headers["X-Request-ID"]
    assert doorway.post(browser, f"/stream/quarantine/{quarantine_id}/retry").status_code == 404
    assert "retry" not in browser.get(f"/stream/quarantine/{quarantine_id}").text


def test_the_first_page_of_quarantine_is_tried_again_at_once(browser: FlaskClient, till: Till) -> None:
    till.take(*[b"?"] * 60)
    assert doorway.post(browser, "/stream/quarantine/retry").status_code in (302, 303)
    assert till.rows("select count(*) from quarantine where retried_at is not null") == [(50,)]
    assert till.rows("select count(*) from audit where action = 'ingest.retry'") == [(50,)]
    drain_register(till.organisation_id, UNATTRIBUTED)
    assert till.rows("select count(*) from quarantine where retried_at is null") == [(60,)]


def test_trying_again_needs_our_own_form(browser: FlaskClient, till: Till) -> None:
    till.take(b"?")
    address = f"/stream/quarantine/{only_quarantined(till)}/retry"
    assert browser.get(address).status_code == 405
    assert browser.post(address).status_code == 400
    assert till.rows("select retried_at from quarantine") == [(None,)]


def test_remarks_of_the_last_days_are_counted(browser: FlaskClient, till: Till) -> None:
    till.take(till.sale(1, cashier=None), at=till.noon + timedelta(hours=1))
    assert browser.get("/stream/?tab=remarks").text.count("data-row") == 1
