"""The pages of the link to the operator: what they say, who may see and press what, in every state and language."""

import re
from datetime import timedelta
from html import unescape

import pytest
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy import text
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from portal.config import Settings
from portal.db import transaction
from portal.fiscal.commands import TakeReport
from portal.journal import issuing
from portal.ofd import connecting
from portal.ofd.delivering import REFUSALS_MAX
from portal.ofd.reconciliation import reconcile
from portal.ofd.simulator.testing import TestOperator
from portal.orgs.models import Organisation
from portal.primitives import clock
from tests import doorway, factories
from tests.journal.tills import CASHIER, opening
from tests.ofd.counter import DEVICE, Counter, open_counter


@pytest.fixture
def counter(database: Settings, simulator: TestOperator) -> Counter:
    return open_counter(simulator)


@pytest.fixture
def minsk(database: Settings, simulator: TestOperator) -> Counter:
    return open_counter(simulator, "by")


def enter(
    client: FlaskClient, counter: Counter, role: str = "administrator", *, language: str = "ru",
    point_ids: list[int] | None = None,
) -> FlaskClient:  # fmt: skip
    """Somebody with this role, signed in at the counter's shop."""
    with transaction(counter.shop.id) as session:
        company = session.get_one(Organisation, counter.shop.id)
        person = factories.person(session, company, role=role, point_ids=point_ids)
        browser = doorway.signed_in(client, session, person, company)
    if language != "ru":
        doorway.post(browser, "/language", language=language)
    return browser


@pytest.fixture
def browser(client: FlaskClient, counter: Counter) -> FlaskClient:
    return enter(client, counter)


def address(counter: Counter, *rest: object) -> str:
    return "/".join(["/operator", str(counter.shop.register_id), *map(str, rest)])


def lose(counter: Counter) -> None:
    with counter.operator_away():
        counter.sell()


def refuse(counter: Counter) -> None:
    """Let the operator refuse the first document for good."""
    lose(counter)
    counter.operator.mischief.switch_on("code_11", times=REFUSALS_MAX)
    for _ in range(REFUSALS_MAX):
        counter.deliver()


def said(answer: TestResponse) -> str:
    return unescape(answer.text)


# What it says


def test_a_shop_without_cloud_registers_is_told_what_will_be_here(
    client: FlaskClient, session: Session
) -> None:
    company = factories.organisation(session)
    person = factories.person(session, company, role="owner")
    page = doorway.signed_in(client, session, person, company).get("/operator/").text
    assert "Облачных касс нет" in page
    assert "<table" not in page


def test_a_register_that_works_with_its_operator_says_so(browser: FlaskClient, counter: Counter) -> None:
    counter.sell()
    assert "На связи" in browser.get("/operator/").text
    page = browser.get(address(counter)).text
    assert "Всё у оператора" in page
    assert str(DEVICE) in page
    assert "Подключена к оператору" in page


def test_an_autonomous_register_shows_its_clock_and_what_waits(
    browser: FlaskClient, counter: Counter
) -> None:
    lose(counter)
    with transaction(counter.shop.id) as session:
        session.execute(
            text("update cloud_till set autonomous_since = now() - interval '10 hours 30 minutes'")
        )
    listed = browser.get("/operator/").text
    assert "Автономно 10 ч 30 мин" in listed
    assert "до блокировки 61 ч из 72" in listed
    page = said(browser.get(address(counter)))
    assert "Автономный, ждёт" in page
    assert "Перешла в автономный режим: по адресу оператора никто не слушает" in page
    assert f"/documents/{counter.shop.register_id}/1" in page


def test_after_72_hours_the_page_says_that_nothing_is_issued(browser: FlaskClient, counter: Counter) -> None:
    lose(counter)
    with transaction(counter.shop.id) as session:
        session.execute(text("update cloud_till set autonomous_since = now() - interval '73 hours'"))
    assert "72 ч истекли" in browser.get("/operator/").text


def test_a_block_is_named_with_the_operators_words(browser: FlaskClient, counter: Counter) -> None:
    issuing.record_refusal(*counter.ids, 0, at=clock.now(), code=15, text="<b>долг</b>", blocks=True)
    for path in ("/operator/", address(counter)):
        page = browser.get(path).text
        assert "Касса заблокирована («&lt;b&gt;долг&lt;/b&gt;»)" in page
        assert "<b>долг" not in page


def test_a_token_that_does_not_fit_is_asked_for(browser: FlaskClient, counter: Counter) -> None:
    counter.operator.reset_token(DEVICE, 5)
    counter.sell()
    counter.deliver()
    assert "Нужен новый токен" in browser.get("/operator/").text
    assert "Оператор не принимает токен кассы" in browser.get(address(counter)).text


def test_registers_in_trouble_come_first(
    client: FlaskClient, database: Settings, simulator: TestOperator
) -> None:
    from tests.journal.tills import found_shop  # noqa: PLC0415 - only here

    counter = Counter(found_shop("kz", count=3), simulator)
    with transaction(counter.shop.id) as session:
        session.execute(
            text("update cloud_till set blocked_code = 15, blocked_at = now() where register_id = :r"),
            {"r": counter.shop.register_ids[2]},
        )
    page = enter(client, counter).get("/operator/").text
    found = [int(one) for one in re.findall(r'data-open href="/operator/(\d+)"', page)]
    assert found == [counter.shop.register_ids[2], *counter.shop.register_ids[:2]]


def test_in_belarus_documents_are_not_sent_and_then_sent(client: FlaskClient, minsk: Counter) -> None:
    browser = enter(client, minsk)
    minsk.do(opening())
    assert "Есть не отправленные" in browser.get("/operator/").text
    page = browser.get(address(minsk)).text
    assert "Не отправлен" in page
    assert "токен" not in page
    minsk.deliver()
    assert "Всё отправлено" in browser.get("/operator/").text


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("kk", "Оператормен байланыс"),
        ("be", "Сувязь з аператарам"),
        ("en", "Link to the operator"),
    ],
)
def test_the_pages_speak_every_language(
    client: FlaskClient, counter: Counter, language: str, words: str
) -> None:
    refuse(counter)
    browser = enter(client, counter, language=language)
    for path in ("/operator/", "/operator/?tab=differences", address(counter)):
        page = browser.get(path).text
        assert words in page
        assert "Связь с оператором" not in page


# Comparison


def test_reports_are_listed_and_shown_figure_by_figure(browser: FlaskClient, counter: Counter) -> None:
    counter.sell()
    report = counter.do(TakeReport(cashier=CASHIER)).document
    assert "Сходится" in browser.get("/operator/?tab=differences").text
    assert "Отчёты сходятся" in browser.get(address(counter, report.number)).text
    reconcile(*counter.ids, report, {"cash": 123_456, "section.1.sale.count": 9}, at=clock.now())
    page = browser.get(address(counter, report.number)).text
    assert "Наличных в кассе" in page
    assert "1\u202f234,56" in page or "1\u2009234,56" in page
    assert "Секция 1 · Продажа: количество" in page
    assert "расхождени" in browser.get("/operator/?tab=differences&show=open").text


def test_a_difference_is_marked_as_explained_once_somebody_knows_why(
    browser: FlaskClient, counter: Counter
) -> None:
    counter.sell()
    report = counter.do(TakeReport(cashier=CASHIER)).document
    reconcile(*counter.ids, report, {}, at=clock.now())
    assert doorway.post(browser, address(counter, report.number, "looked")).status_code == 303
    assert "Неразобранных расхождений нет" in browser.get("/operator/?tab=differences&show=open").text
    assert "Разобран" in browser.get(address(counter, report.number)).text
    assert counter.rows("select action, person_id is null from audit where action = 'ofd.look'") == [
        ("ofd.look", False)
    ]


def test_many_reports_are_shown_page_by_page_without_a_hole(browser: FlaskClient, counter: Counter) -> None:
    counter.sell()
    report = counter.do(TakeReport(cashier=CASHIER)).document
    with transaction(counter.shop.id) as session:
        session.execute(
            text(
                "insert into reconciliation (organisation_id, register_id, number, shift, at, differences) "
                "select organisation_id, register_id, number - 1, shift, at - interval '1 hour', '[]' from reconciliation"
            )
        )
        session.execute(text("update reconciliation set at = at"))
    from portal.ofd import views  # noqa: PLC0415 - its length of a page is changed here

    whole, views.PAGE_SIZE = views.PAGE_SIZE, 1
    try:
        first = browser.get("/operator/?tab=differences").text
        following = re.search(r'hx-get="(/operator/\?[^"]*after=[^"]+)"', first)
        assert following is not None
        second = browser.get(unescape(following[1])).text
    finally:
        views.PAGE_SIZE = whole
    assert address(counter, report.number) in first
    assert address(counter, report.number - 1) not in first
    assert address(counter, report.number - 1) in second


@pytest.mark.parametrize("query", ["tab=x", "tab=differences&after=x", "tab=differences&after=!!"])
def test_an_address_that_cannot_be_is_refused(browser: FlaskClient, query: str) -> None:
    assert browser.get(f"/operator/?{query}").status_code == 422


# Doing


def test_a_new_token_is_typed_in(browser: FlaskClient, counter: Counter) -> None:
    counter.operator.reset_token(DEVICE, 4_000_000_000)
    answer = doorway.post(browser, address(counter, "token"), token=" 4 000 000 000 ")
    assert answer.status_code == 303
    assert "Успешно. Соединение успешно" in browser.get(address(counter)).text
    assert counter.sell().delivery == "sent"
    assert counter.rows("select action, person_id is null from audit") == [("ofd.change_token", False)]


def test_a_wrong_token_is_refused_in_the_words_of_the_trade(browser: FlaskClient, counter: Counter) -> None:
    answer = doorway.post(browser, address(counter, "token"), token="5")
    assert answer.status_code == 409
    assert "Ошибка. Недействительный токен" in answer.text
    assert counter.sell().delivery == "sent"


@pytest.mark.parametrize("token", ["", "0", "-1", "4294967296", "12a", "９", "1" * 5000])
def test_what_is_no_token_is_refused_beside_the_form(
    browser: FlaskClient, counter: Counter, token: str
) -> None:
    answer = doorway.post(browser, address(counter, "token"), token=token)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert "token_changed" not in counter.events()


def test_the_link_is_tried_at_a_press(browser: FlaskClient, counter: Counter) -> None:
    assert doorway.post(browser, address(counter, "check")).status_code == 303
    assert "Успешно. Соединение успешно" in browser.get(address(counter)).text
    counter.operator.reset_token(DEVICE, 5)
    doorway.post(browser, address(counter, "check"))
    assert "Ошибка. Недействительный токен" in browser.get(address(counter)).text
    with counter.operator_away():
        doorway.post(browser, address(counter, "check"))
    assert "Оператор не ответил: по адресу оператора никто не слушает." in browser.get(address(counter)).text


def test_what_waits_is_sent_at_a_press(browser: FlaskClient, counter: Counter, redis: Redis) -> None:
    lose(counter)
    with transaction(counter.shop.id) as session:
        session.execute(text("update cloud_till set next_try_at = now() + interval '1 hour'"))
    redis.flushdb()
    doorway.post(browser, address(counter, "deliver"))
    assert counter.standing.next_try_at is None
    assert redis.llen("rq:queue:ofd") == 1


def test_what_was_refused_is_sent_again_at_a_press(browser: FlaskClient, counter: Counter) -> None:
    refuse(counter)
    page = browser.get(address(counter)).text
    assert "Не принят" in page
    assert "Истёк период" in page
    assert doorway.post(browser, address(counter, 1, "send")).status_code == 303
    counter.deliver()
    assert counter.deliveries() == {1: "sent"}
    again = doorway.post(browser, address(counter, 1, "send"))
    assert again.status_code == 409
    assert "не ждёт повторной отправки" in again.text


@pytest.mark.parametrize("what", ["check", "token", "deliver", "1/send", "1/looked"])
@pytest.mark.parametrize("role", ["accountant", "cashier"])
def test_others_may_press_nothing(client: FlaskClient, counter: Counter, role: str, what: str) -> None:
    refuse(counter)
    browser = enter(client, counter, role)
    assert doorway.post(browser, address(counter, what), token="5").status_code == 403
    assert counter.deliveries() == {1: "refused"}


def test_an_accountant_reads_without_buttons(client: FlaskClient, counter: Counter) -> None:
    refuse(counter)
    page = enter(client, counter, "accountant").get(address(counter)).text
    assert "Не принят" in page
    for word in ("Отправить ещё раз", "Проверить связь", "Изменить токен"):
        assert word not in page


def test_registers_out_of_reach_are_nowhere(client: FlaskClient, counter: Counter) -> None:
    lose(counter)
    browser = enter(client, counter, point_ids=[2_000_000_000])
    assert counter.name not in browser.get("/operator/").text
    assert browser.get(address(counter)).status_code == 404
    for what in ("check", "token", "deliver"):
        assert doorway.post(browser, address(counter, what), token="5").status_code == 404


# Live


def test_a_page_is_told_when_something_changed(browser: FlaskClient, counter: Counter) -> None:
    for path in ("/operator/", address(counter)):
        found = re.search(r"[?&;]v=([0-9.a-f]+)", browser.get(path).text)
        assert found
        assert browser.get(f"{path}?v={found[1]}").status_code == 204
        connecting.try_now(*counter.ids)
        assert browser.get(f"{path}?v={found[1]}").status_code == 200


def test_a_refreshed_block_is_that_block_alone(browser: FlaskClient, counter: Counter) -> None:
    headers = {"HX-Request": "true"}
    page = browser.get(address(counter), headers={**headers, "HX-Target": "state"}).text
    assert 'id="state"' in page
    assert "<html" not in page
    listed = browser.get("/operator/", headers={**headers, "HX-Target": "link"}).text
    assert 'id="link"' in listed
    assert "<html" not in listed


# What needs attention


def test_the_home_page_names_what_is_wrong_with_the_link(browser: FlaskClient, counter: Counter) -> None:
    refuse(counter)
    lose(counter)
    report = counter.do(TakeReport(cashier=CASHIER)).document
    reconcile(*counter.ids, report, {}, at=clock.now())
    with transaction(counter.shop.id) as session:
        session.execute(text("update cloud_till set autonomous_since = now() - interval '30 hours'"))
    page = said(browser.get("/attention"))
    assert "1 касса работает автономно" in page
    assert "1 д 6 ч, до блокировки 1 д 17 ч" in page
    assert "Оператор не принял 1 документ" in page
    assert "1 отчёт расходится с оператором" in page
    assert "/operator/?tab=differences&show=open" in page
    issuing.record_refusal(*counter.ids, 0, at=clock.now(), code=15, text="", blocks=True)
    assert "Оператор заблокировал 1 кассу" in said(browser.get("/attention"))


def test_nothing_wrong_is_nothing_said(browser: FlaskClient, counter: Counter) -> None:
    counter.sell()
    page = browser.get("/attention").text
    for word in ("/operator/", "автономно", "Оператор"):
        assert word not in page


def test_in_belarus_what_waits_too_long_needs_attention(client: FlaskClient, minsk: Counter) -> None:
    minsk.do(opening(), at=clock.now() - timedelta(hours=25))
    browser = enter(client, minsk)
    assert "1 документ не отправлен больше суток" in said(browser.get("/attention"))
    minsk.deliver()
    assert "не отправлен" not in said(browser.get("/attention"))
