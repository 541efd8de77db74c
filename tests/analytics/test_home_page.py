"""The home page: for whom it is, what it asks for, where it leads, how it refreshes itself."""

import re
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy.orm import Session

from portal import queue
from tests import doorway
from tests.journal.asking import part, statements
from tests.journal.shop import Shop, ago, open_shop


@pytest.fixture
def shop(session: Session) -> Shop:
    return open_shop(session)


@pytest.fixture
def browser(client: FlaskClient, session: Session, shop: Shop) -> FlaskClient:
    return doorway.signed_in(client, session, shop.reader(), shop.company)


def words(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


def test_every_figure_opens_into_the_documents_that_make_it(browser: FlaskClient, shop: Shop) -> None:
    till = shop.till()
    shop.issue(till, total=10_000, at=ago(seconds=3))
    shop.issue(till, "sale_refund", total=2_500, at=ago(seconds=2))
    shop.issue(till, "cash_in", total=7_000, at=ago(seconds=1))
    page = browser.get("/").text
    link = re.search(r'href="([^"]+)"[^>]*>\s*<span class="kpi-label">С учётом', page)
    assert link
    behind = browser.get(link[1].replace("&amp;", "&")).text
    assert "Документов 2 " in words(behind)
    assert "75,00 BYN" in words(behind)
    assert len(re.findall("data-row", behind)) == 2
    assert "Выполнена операция" not in behind


def test_shows_the_page_with_its_figures(browser: FlaskClient, shop: Shop) -> None:
    shop.issue(shop.till(), total=123_456, at=ago(seconds=3))
    page = browser.get("/")
    assert page.status_code == 200
    text = words(page.text)
    for phrase in (
        "Накопленный оборот за сутки",
        "1 234,56",
        "Чеки продажи",
        "Продажи за неделю",
        "Квартал по торговым точкам",
        "Последние кассовые документы",
        "Требует внимания",
    ):
        assert phrase in text


def test_the_parts_that_refresh_ask_only_for_what_they_show(browser: FlaskClient, shop: Shop) -> None:
    shop.issue(shop.till(), total=100, at=ago(seconds=3))
    with statements() as asked:
        now = part(browser, "/", "now")
    assert 'id="now"' in now.text
    assert "<html" not in now.text
    assert "Квартал" not in now.text
    few = len(asked)
    with statements() as asked:
        whole = browser.get("/")
    assert whole.status_code == 200
    assert few < len(asked) <= 14
    assert "Накопленный" not in part(browser, "/", "period").text


def test_asks_the_database_no_more_when_there_is_more(browser: FlaskClient, shop: Shop) -> None:
    def cost() -> int:
        with statements() as asked:
            assert browser.get("/").status_code == 200
        return len(asked)

    shop.issue(shop.till(), at=ago(seconds=3))
    few = cost()
    for number in range(5):
        till = shop.till(f"Касса {number}", point=shop.point(f"Точка {number}"))
        for day in range(4):
            shop.issue(till, at=ago(days=day))
    assert cost() == few


def test_nothing_is_asked_while_nothing_is_new(browser: FlaskClient, shop: Shop, redis: Redis) -> None:
    till = shop.till()
    shop.issue(till, total=100, at=ago(seconds=3))
    page = browser.get("/").text
    ask = re.search(r'id="now"[^>]* hx-get="([^"]+)"', page)
    assert ask
    address = ask[1].replace("&amp;", "&")
    assert set(urlsplit(address).query.split("=")) >= {"v"}
    with statements() as asked:
        assert part(browser, address, "now").status_code == 204
    assert asked == []
    shop.issue(till, total=200, at=ago(seconds=1))
    queue.tell_readers(shop.company.id)
    fresh = part(browser, address, "now")
    assert fresh.status_code == 200
    assert "3,00" in fresh.text


@pytest.mark.parametrize(
    "query", ["day=today", "day=2026-02-30", "day=9999-01-01", "point=a", "point=123456", "point=1&point=-1"]
)
def test_refuses_bad_input_in_words(browser: FlaskClient, query: str) -> None:
    answer = browser.get(f"/?{query}")
    assert answer.status_code == 422
    assert "не подходит" in answer.text


def test_a_cashier_is_led_to_the_documents(client: FlaskClient, session: Session, shop: Shop) -> None:
    browser = doorway.signed_in(client, session, shop.reader("cashier"), shop.company)
    answer = browser.get("/")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/documents/")


def test_a_stranger_is_sent_to_the_door(client: FlaskClient) -> None:
    answer = client.get("/")
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/sign-in")


def test_says_how_to_connect_a_till_before_there_is_any(browser: FlaskClient, shop: Shop) -> None:
    assert "Подключите первую кассу" in browser.get("/").text
    shop.till()
    assert "Ждём первый чек" in browser.get("/").text


def test_a_quiet_day_shows_zeros_and_the_last_document(browser: FlaskClient, shop: Shop) -> None:
    shop.issue(shop.till(), total=777, at=ago(days=30))
    page = browser.get("/").text
    assert "0,00" in page
    assert "7,77 BYN" in words(page)
    way = re.search(r'href="(/\?day=[^"]+)"', page)
    assert way
    assert words(browser.get(way[1]).text).count("7,77") >= 2


def test_does_not_add_another_organisation(session: Session, browser: FlaskClient, shop: Shop) -> None:
    shop.issue(shop.till(), total=100, at=ago(seconds=3))
    theirs = open_shop(session, name="Чужие")
    theirs.issue(theirs.till(), total=99_900, at=ago(seconds=3))
    page = browser.get("/").text
    assert "999,00" not in page
