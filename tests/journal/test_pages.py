"""The page of cash documents: what it shows, to whom, and in what parts."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy.orm import Session

from portal import queue
from portal.fiscal import codec
from portal.journal import sums
from portal.primitives import clock
from tests import doorway
from tests.journal.asking import part, statements
from tests.journal.shop import Shop, ago, open_shop


@pytest.fixture
def shop(session: Session) -> Shop:
    return open_shop(session)


@pytest.fixture
def browser(client: FlaskClient, session: Session, shop: Shop) -> FlaskClient:
    return doorway.signed_in(client, session, shop.reader(), shop.company)


def figures_of(text: str) -> str:
    """The words of a page, spaces of every kind made plain."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


def test_words_documents_as_the_ledger_does(browser: FlaskClient, shop: Shop) -> None:
    till = shop.till("Касса 1")
    for kind, total, payments in (
        ("shift_opened", 0, None),
        ("sale", 5978, {"cash_minor": 5978}),
        ("sale", 3097, {"card_minor": 3097}),
        ("sale", 3312, {"other_minor": 3312}),
        ("sale", 1000, {"cash_minor": 400, "card_minor": 600}),
        ("sale_refund", 329, {"card_minor": 329}),
        ("cash_in", 70000, None),
        ("cash_out", 67847, None),
        ("z_report", 0, None),
    ):
        shop.issue(till, kind, total=total, payments=payments)
    words = figures_of(browser.get("/documents/").text)
    for sentence in (
        "Смена открыта",
        "Фискализирован чек «Продажа наличными» на сумму 59,78 BYN",
        "Фискализирован чек «Продажа безналом» на сумму 30,97 BYN",
        "Фискализирован чек «Продажа другими способами» на сумму 33,12 BYN",
        "Фискализирован чек «Продажа смешанной оплатой» на сумму 10,00 BYN",
        "Фискализирован чек «Возврат безналом» на сумму 3,29 BYN",
        "Выполнена операция «Внесение» на сумму 700,00 BYN",
        "Выполнена операция «Изъятие» на сумму 678,47 BYN",
        "Смена закрыта. Распечатан «Z-отчёт»",
    ):
        assert sentence in words


def test_says_the_sums_of_the_whole_result_and_not_of_the_page(browser: FlaskClient, shop: Shop) -> None:
    till = shop.till()
    for number in range(60):
        shop.issue(till, total=100, at=ago(minutes=number))
    shop.issue(till, "sale_refund", total=1000)
    words = figures_of(browser.get("/documents/").text)
    assert "Документов 61 " in words
    assert "60,00 BYN" in words
    assert "50,00 BYN" in words
    assert words.count("Фискализирован чек") == 50


def test_tells_autonomous_and_remarked_documents_from_the_rest(browser: FlaskClient, shop: Shop) -> None:
    till = shop.till()
    shop.issue(till, autonomous=True)
    shop.issue(till, remarks=("tax_sum",))
    page = browser.get("/documents/").text
    assert "Автономный — не отправлен" in page
    assert "Отправлен" in page
    assert "Есть замечания" in page


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"delivery": "sent"}, "Отправлен"),
        ({"delivery": "sent", "autonomous": True}, "Отправлен"),
        ({"delivery": "sent", "is_late": True}, "Отправлен"),
        ({"delivery": "waiting"}, "Не отправлен"),
        ({"delivery": "waiting", "is_late": True}, "Автономный"),
        ({"delivery": "waiting", "autonomous": True}, "Автономный"),
        ({"delivery": "refused"}, "Отклонён оператором"),
        ({"delivery": "void"}, "Аннулирован порталом"),
        ({"delivery": "none"}, "Не передаётся"),
    ],
)
def test_says_where_a_document_issued_here_stands_with_its_operator(
    browser: FlaskClient, shop: Shop, facts: dict[str, Any], words: str
) -> None:
    till = shop.till()
    shop.issue(till, **facts)
    row = re.search(r'<td class="nowrap state-cell.*?</td>', browser.get("/documents/").text, re.DOTALL)
    assert row is not None
    assert figures_of(row[0]).strip() == words
    status = {"Отправлен": None, "Не передаётся": None, "Автономный": "autonomous"}.get(
        words, facts["delivery"]
    )
    for asked in ("autonomous", "waiting", "refused", "void"):
        found = part(browser, f"/documents/?status={asked}", "documents").text.count("data-row")
        assert found == (1 if asked == status else 0), asked


def test_shows_the_operators_sign_and_code_of_a_document_issued_here(
    browser: FlaskClient, shop: Shop
) -> None:
    till = shop.till("Касса 7")
    shop.issue(till, delivery="waiting", is_late=True, autonomous_sign="3141592653")
    shop.issue(till, delivery="sent", operator_sign="2718281828", qr="https://operator.example/?i=2718281828")
    first = browser.get(f"/documents/{till.id}/1").text
    assert "3141592653" in first
    assert "АВТОНОМНЫЙ" in first.upper()
    second = browser.get(f"/documents/{till.id}/2").text
    assert "2718281828" in second
    assert "АВТОНОМНЫЙ" not in second.upper()
    for page in (first, second):
        assert "<dt>Оператор</dt>" in page
        assert "Партия" not in page
    # What is printed says so as well, and not the portal's own knowledge alone.
    assert "2718281828" in re.search(r"<pre>.*?</pre>", second, re.DOTALL)[0]  # type: ignore[index]
    codes = [re.findall(r'<path[^>]* d="([^"]+)"', page)[-1] for page in (first, second)]
    assert codes[0] != codes[1]


def test_a_streamed_document_names_its_batch(browser: FlaskClient, shop: Shop) -> None:
    till = shop.till()
    shop.issue(till)
    page = browser.get(f"/documents/{till.id}/1").text
    assert "Партия" in page
    assert "<dt>Оператор</dt>" not in page


def test_says_what_the_operator_answered_to_what_it_refused(browser: FlaskClient, shop: Shop) -> None:
    till = shop.till()
    shop.issue(till, "z_report", delivery="refused", result=(7, "Unknown shift"))
    shop.issue(till, delivery="void", result=(5, "Service is not allowed"))
    shop.issue(till, "annulment", delivery="void", basis=2)
    refused, void, taken_back = (browser.get(f"/documents/{till.id}/{number}").text for number in (1, 2, 3))
    assert "Ответ оператора: 7 (Unknown shift)." in refused
    assert "взял его назад. Ответ оператора: 5 (Service is not allowed)." in void
    assert "взял назад документ №\xa02, который не принял оператор." in taken_back


@pytest.mark.parametrize("sign", ["2718281828", "3141592653", "A1B2"])
def test_a_search_finds_a_document_issued_here_by_any_sign_that_was_ever_printed(
    browser: FlaskClient, shop: Shop, sign: str
) -> None:
    till = shop.till()
    shop.issue(till, delivery="sent")
    shop.issue(
        till,
        delivery="sent",
        autonomous=True,
        fiscal_sign="A1B2",
        operator_sign="2718281828",
        autonomous_sign="3141592653",
    )
    page = part(browser, f"/documents/?search={sign}", "documents").text
    assert page.count("data-row") == 1
    assert f'id="d-{till.id}-2"' in page
    assert part(browser, f"/documents/?search={sign}&status=waiting", "documents").text.count("data-row") == 0


def test_shows_the_time_of_the_point_and_not_of_the_server(browser: FlaskClient, shop: Shop) -> None:
    almaty = shop.point("Абая, 10", zone="Asia/Almaty")
    moment = clock.now().replace(hour=6, minute=30, second=15) - timedelta(days=1)
    shop.issue(shop.till(point=almaty), at=moment)
    page = browser.get("/documents/").text
    assert "11:30:15, Asia/Almaty" in page
    assert "11:30 " in figures_of(page)


def test_the_rest_of_the_list_comes_on_asking_and_names_no_day_twice(
    browser: FlaskClient, shop: Shop
) -> None:
    till = shop.till()
    noon = clock.now().replace(hour=9, minute=0) - timedelta(days=1)
    for number in range(55):
        shop.issue(till, at=noon + timedelta(seconds=number))
    page = browser.get("/documents/").text
    more = re.search(r'hx-get="(/documents/\?before=[^"]+)"', page)
    assert more
    rest = part(browser, more[1], "more")
    assert rest.text.count("data-row") == 5
    assert "<html" not in rest.text
    assert "rowgroup" not in rest.text
    assert 'id="more"' not in rest.text
    whole = browser.get(more[1])
    assert "<html" in whole.text
    assert whole.text.count("data-row") == 5


def test_filters_by_everything_the_address_says(browser: FlaskClient, shop: Shop) -> None:
    first, second = (
        shop.till("Первая", point=shop.point("Немига, 5")),
        shop.till("Вторая", point=shop.point("Победителей, 9")),
    )
    shop.issue(first, total=101)
    shop.issue(first, "sale_refund", total=202, payments={"card_minor": 202})
    shop.issue(second, total=303, at=ago(days=3))
    amounts = {"1,01", "2,02", "3,03"}

    def shown(query: str) -> set[str]:
        words = figures_of(part(browser, f"/documents/?{query}", "documents").text)
        return {amount for amount in amounts if f"на сумму {amount} BYN" in words}

    assert shown("") == amounts
    assert shown(f"register={first.id}") == {"1,01", "2,02"}
    assert shown(f"register={first.id}&register={second.id}") == amounts
    assert shown("kind=sale") == {"1,01", "3,03"}
    assert shown("kind=sale&payment=cash&period=yesterday") == set()
    assert shown("payment=card") == {"2,02"}
    assert shown(f"point={second.point_id}") == {"3,03"}
    assert shown("search=2") == {"2,02"}
    assert shown(f"to={(clock.now() - timedelta(days=2)).date()}") == {"3,03"}


def test_says_which_filter_hides_everything_and_how_to_clear_it(browser: FlaskClient, shop: Shop) -> None:
    till = shop.till("Касса у входа")
    shop.issue(till)
    page = browser.get(f"/documents/?register={till.id}&kind=annulment").text
    assert "Таких документов нет" in page
    assert "Касса: Касса у входа" in page
    assert "Вид: Аннулирование" in page
    assert "Очистить фильтры" in page


def test_an_organisation_without_documents_is_told_what_will_appear(browser: FlaskClient) -> None:
    page = browser.get("/documents/")
    assert page.status_code == 200
    assert "Документов ещё нет" in page.text


def test_documents_of_years_ago_are_shown_where_there_are_no_newer_ones(
    browser: FlaskClient, shop: Shop
) -> None:
    shop.issue(shop.till(), total=777, at=ago(days=4000))
    assert "7,77" in browser.get("/documents/").text


@pytest.mark.parametrize(
    "query",
    [
        "register=x",
        "point=0x1",
        "kind=bribe",
        "payment=soul",
        "from=2026-99-01",
        "period=never",
        "document=1",
        "before=1",
        "search=%00",
        "register=123456",
        "point=123456",
    ],
)
def test_refuses_bad_input_in_words(browser: FlaskClient, query: str) -> None:
    answer = browser.get(f"/documents/?{query}")
    assert answer.status_code == 422
    assert "не подходит" in answer.text


def test_news_are_told_only_to_who_says_after_what(browser: FlaskClient) -> None:
    assert part(browser, "/documents/", "news").status_code == 422
    assert part(browser, "/documents/?after=2026-11-20.1", "news").status_code == 422


def test_the_chosen_document_is_a_tape_beside_the_list(browser: FlaskClient, shop: Shop) -> None:
    till = shop.till("Касса 7")
    shop.issue(till, total=5978, fiscal_sign="0D16F84C2EE53F0B679481EB", remarks=("no_cashier",))
    key = f"{till.id}-1"
    page = browser.get(f"/documents/?document={key}").text
    assert "paper" in page
    assert "<path" in page
    assert "Не указан кассир." in page
    assert shop.issued[0].digest.hex() in page
    assert f'id="d-{key}" data-row aria-current="true"' in page
    with statements() as asked:
        side = part(browser, f"/documents/?document={key}", "document")
    assert "<html" not in side.text
    assert "data-row" not in side.text
    assert "59,78" in side.text
    assert not any("rollup" in statement for statement in asked)


def test_the_address_of_a_row_keeps_the_filters(browser: FlaskClient, shop: Shop) -> None:
    till = shop.till()
    shop.issue(till)
    page = browser.get("/documents/?kind=sale&payment=cash").text
    assert f'href="/documents/?kind=sale&amp;payment=cash&amp;document={till.id}-1"' in page


def test_one_document_has_a_page_of_its_own(browser: FlaskClient, shop: Shop) -> None:
    till = shop.till()
    shop.issue(till, "z_report")
    answer = browser.get(f"/documents/{till.id}/1")
    assert answer.status_code == 200
    assert "Z-отчёт" in answer.text
    assert "ДУБЛИКАТ" in answer.text.upper()
    assert browser.get(f"/documents/{till.id}/2").status_code == 404
    assert browser.get(f"/documents/{till.id}/99999999999999").status_code == 422


@pytest.mark.parametrize(("language", "total"), [("be", "УСЯГО ДА АПЛАТЫ"), ("kk", "ИТОГО К ОПЛАТЕ")])
def test_a_tape_speaks_its_readers_language_where_its_country_prints_it(
    browser: FlaskClient, shop: Shop, language: str, total: str
) -> None:
    till = shop.till()
    shop.issue(till)
    doorway.post(browser, "/language", language=language)
    assert total in browser.get(f"/documents/{till.id}/1").text


def test_a_cashier_sees_the_documents_of_their_point_alone(
    client: FlaskClient, session: Session, shop: Shop
) -> None:
    mine, other = (
        shop.till("Моя", point=shop.point("Моя точка")),
        shop.till("Чужая", point=shop.point("Чужая точка")),
    )
    shop.issue(mine, total=101)
    shop.issue(other, total=202)
    cashier = shop.reader("cashier", points=[mine.point_id])
    browser = doorway.signed_in(client, session, cashier, shop.company)
    page = browser.get("/documents/").text
    assert "1,01" in page
    assert "2,02" not in page
    assert "Чужая" not in page
    assert browser.get(f"/documents/?point={other.point_id}").status_code == 422
    assert browser.get(f"/documents/?register={other.id}").status_code == 422
    assert browser.get(f"/documents/?document={other.id}-1").status_code == 404
    assert browser.get(f"/documents/{other.id}/1").status_code == 404


def test_a_stranger_is_sent_to_the_door(client: FlaskClient, shop: Shop) -> None:
    assert client.get("/documents/").status_code == 303
    assert client.get("/documents/1/1").status_code == 303
    assert part(client, "/documents/", "news").status_code == 401


def test_new_documents_come_on_top_without_reloading(browser: FlaskClient, shop: Shop, redis: Redis) -> None:
    till = shop.till()
    shop.issue(till, total=101, at=ago(minutes=2))
    page = browser.get("/documents/").text
    ask = re.search(r'id="news"[^>]* hx-get="([^"]+)"', page)
    assert ask
    address = ask[1].replace("&amp;", "&")
    with statements() as asked:
        assert part(browser, address, "news").status_code == 204
    assert asked == []
    shop.issue(till, total=202, at=ago(minutes=1))
    queue.tell_readers(shop.company.id)
    news = part(browser, address, "news")
    assert news.status_code == 200
    assert "на сумму 2,02" in figures_of(news.text)
    assert "на сумму 1,01" not in figures_of(news.text)
    assert "afterbegin:#day-" in news.text
    assert 'id="sums" hx-swap-oob="true"' in news.text
    again = re.search(r'id="news"[^>]* hx-get="([^"]+)"', news.text)
    assert again
    assert part(browser, again[1].replace("&amp;", "&"), "news").status_code == 204


def test_a_list_left_alone_for_long_is_shown_anew(browser: FlaskClient, shop: Shop, redis: Redis) -> None:
    till = shop.till()
    shop.issue(till, at=ago(hours=2))
    page = browser.get("/documents/").text
    ask = re.search(r'id="news"[^>]* hx-get="([^"]+)"', page)
    assert ask
    for number in range(52):
        shop.issue(till, at=ago(minutes=60 - number))
    queue.tell_readers(shop.company.id)
    news = part(browser, ask[1].replace("&amp;", "&"), "news")
    assert '"target":"#documents"' in news.headers["HX-Location"]


def test_a_stamp_that_nobody_sealed_is_not_believed(browser: FlaskClient, shop: Shop, redis: Redis) -> None:
    shop.issue(shop.till())
    for stamp in (
        "0",
        f"{shop.company.id}.0",
        f"{shop.company.id}.0.{'0' * 20}",
        "x.y.z",
        "9" * 100,
        "٣.٣.a",
    ):
        assert browser.get(f"/documents/?v={stamp}").status_code == 200


def test_asks_the_database_no_more_when_there_is_more(browser: FlaskClient, shop: Shop) -> None:
    def cost(address: str) -> int:
        with statements() as asked:
            assert browser.get(address).status_code == 200
        return len(asked)

    tills = [shop.till(f"Касса {number}") for number in range(3)]
    shop.issue(tills[0])
    few = cost("/documents/")
    for number in range(60):
        shop.issue(tills[number % 3], at=ago(minutes=number), remarks=("tax_sum",))
    assert cost("/documents/") == few
    assert few <= 8
    assert cost("/documents/?kind=sale&payment=cash") <= 12
    assert cost(f"/documents/?document={tills[0].id}-1") <= few + 2


def test_works_while_redis_is_away(browser: FlaskClient, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.issue(shop.till())
    monkeypatch.setattr(queue, "live_version", lambda _organisation_id: None)
    page = browser.get("/documents/")
    assert page.status_code == 200
    ask = re.search(r'id="news"[^>]* hx-get="([^"]+)"', page.text)
    assert ask
    assert part(browser, ask[1].replace("&amp;", "&"), "news").status_code == 200
    # Even then the question says that nobody asked it, so that it keeps no session alive.
    assert ask[1].endswith("&amp;v=")


@pytest.mark.parametrize("moment", [codec.MOMENT_MIN, codec.MOMENT_MAX])
@pytest.mark.parametrize("zone", ["Pacific/Honolulu", "Asia/Almaty"])
def test_a_till_at_the_edge_of_the_calendar_breaks_no_page(
    browser: FlaskClient, shop: Shop, moment: datetime, zone: str
) -> None:
    till = shop.till(point=shop.point(zone=zone))
    shop.issue(till, total=101, at=ago(minutes=5))
    shop.issue(till, total=777, at=moment)
    for address in (
        "/",
        "/attention",
        "/documents/",
        "/documents/?period=all",
        "/documents/?period=all&kind=sale",
        "/documents/?period=all&payment=card",
        "/documents/?search=2",
        f"/documents/?period=all&register={till.id}&kind=annulment",
        f"/documents/?document={till.id}-2",
        f"/documents/{till.id}/2",
    ):
        assert browser.get(address).status_code == 200, address
    assert "7,77" in browser.get("/documents/?period=all").text


@pytest.mark.parametrize(
    "query",
    [
        "before=9999-12-31.99999999999999999.999999999.9999999999999",
        "before=0001-01-01.0.0.0",
        "after=0001-01-01.0.1.1",
        "after=9999-12-31.0.1.1",
        "before=2026-11-20.1.1.1&after=2026-11-20.1.1.1",
        "from=1900-01-01&to=2200-12-31&kind=sale&payment=cash",
        "document=999999999-999999999999",
        "search=999999999999",
        "search=999999999999999999999",
        "register=999999999",
        "v=" + "1" * 1000,
        "period=all&kind=z_report&payment=other&status=autonomous&search=1",
    ],
)
def test_no_address_whatever_breaks_the_page(browser: FlaskClient, shop: Shop, query: str) -> None:
    shop.issue(shop.till())
    assert browser.get(f"/documents/?{query}").status_code < 500
    for target in ("documents", "document", "more", "news", "sums", "anything"):
        assert part(browser, f"/documents/?{query}", target).status_code < 500


def test_sums_that_take_long_are_asked_for_behind_the_list(
    browser: FlaskClient, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.issue(shop.till(), total=777, payments={"card_minor": 777})
    monkeypatch.setattr(sums, "REGISTER_DAYS_MAX", 0)
    with statements() as asked:
        page = browser.get("/documents/?payment=card").text
    assert 'id="sums" hx-get="/documents/?payment=card" hx-trigger="load"' in page
    assert not any("sum(total_minor)" in statement for statement in asked)
    behind = part(browser, "/documents/?payment=card", "sums").text
    assert "7,77" in behind
    assert "data-row" not in behind
    assert "Документов 1 " in figures_of(browser.get("/documents/?payment=card&sums=1").text)
