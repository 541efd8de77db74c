"""The figures of the home page: the business day so far, compared at the same hour, point by point."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from portal.analytics import metrics, queries
from portal.analytics.forms import HomeFilter
from portal.analytics.home import View, compare, look_at, show_now, show_period
from portal.journal.places import list_places
from portal.orgs.access import Scope
from tests.journal.shop import Shop, at, open_shop

# A Friday afternoon in Minsk: 14:32.
NOW = at("2026-11-20 14:32")


@pytest.fixture
def shop(session: Session) -> Shop:
    return open_shop(session)


def look(
    shop: Shop, asked: HomeFilter | None = None, now: datetime = NOW, scope: Scope | None = None
) -> View:
    scope = scope or shop.scope()
    return look_at(scope, list_places(shop.session, scope), asked or HomeFilter(), "BYN", now)


@pytest.fixture(autouse=True)
def _in_a_request(app: Flask) -> Iterator[None]:
    """Words and formats ask for the reader's language."""
    with app.test_request_context():
        yield


def test_turnover_stands_before_and_after_refunds(shop: Shop) -> None:
    till = shop.till()
    shop.issue(till, total=10_000, at=NOW - timedelta(hours=1))
    shop.issue(till, "sale_refund", total=2_500, at=NOW - timedelta(hours=1))
    shop.issue(till, "annulment", total=500, at=NOW - timedelta(hours=1))
    today = show_now(shop.session, look(shop))
    assert today.turnover.value == "100,00"
    assert today.net.value == "70,00"
    assert today.receipts.value == "2"
    assert today.average.value == "100,00"


def test_compares_with_yesterday_and_last_week_at_the_same_hour(shop: Shop) -> None:
    till = shop.till()
    shop.issue(till, total=12_000, at=at("2026-11-20 10:15"))
    # The hour that goes on is compared with nothing: yesterday's is whole and today's is not.
    shop.issue(till, total=55_555, at=at("2026-11-20 14:10"))
    shop.issue(till, total=10_000, at=at("2026-11-19 13:59"))
    shop.issue(till, total=99_999, at=at("2026-11-19 14:00"))
    shop.issue(till, total=16_000, at=at("2026-11-13 09:00"))
    shop.issue(till, total=77_777, at=at("2026-11-13 20:00"))
    changes = show_now(shop.session, look(shop)).turnover.changes
    assert [(change.text, change.direction) for change in changes] == [
        ("+20,0\u00a0%", "up"),
        ("−25,0\u00a0%", "down"),
    ]
    assert changes[0].word == "ко вчерашнему дню на 14:00"
    assert changes[1].word == "к пт 13.11 на 14:00"


def test_a_day_that_begins_at_six_is_compared_by_its_own_hours(shop: Shop) -> None:
    till = shop.till(point=shop.point(day_starts_hour=6))
    now = at("2026-11-20 02:30")
    # At half past two at night it is still the nineteenth, and its twenty whole hours are over.
    shop.issue(till, total=3_000, at=at("2026-11-20 01:10"))
    shop.issue(till, total=1_000, at=at("2026-11-19 01:50"))
    shop.issue(till, total=9_000, at=at("2026-11-19 02:10"))
    view = look(shop, now=now)
    assert (view.first, view.last) == (date(2026, 11, 19), date(2026, 11, 19))
    today = show_now(shop.session, view)
    assert today.turnover.value == "30,00"
    assert today.turnover.changes[0].text == "+200,0\u00a0%"


def test_half_past_midnight_is_a_new_day_that_has_nothing_to_compare_with(shop: Shop) -> None:
    till = shop.till()
    shop.issue(till, total=3_000, at=at("2026-11-19 00:15"))
    shop.issue(till, total=1_000, at=at("2026-11-20 00:10"))
    today = show_now(shop.session, look(shop, now=at("2026-11-20 00:30")))
    assert today.turnover.value == "10,00"
    assert today.turnover.changes == []


def test_today_is_each_points_own_day_in_its_zone(shop: Shop) -> None:
    minsk = shop.till("Минск", point=shop.point("Немига, 5"))
    far = shop.till("Анадырь", point=shop.point("Отке, 1", zone="Asia/Anadyr"))
    now = at("2026-11-20 16:30")
    # In Anadyr it is half past one on the twenty-first already.
    shop.issue(far, total=500, at=now - timedelta(minutes=10))
    shop.issue(far, total=70_000, at=now - timedelta(hours=3))
    shop.issue(minsk, total=1_000, at=now - timedelta(hours=3))
    shop.issue(minsk, total=90_000, at=now - timedelta(hours=20))
    view = look(shop, now=now)
    assert (view.first, view.last) == (date(2026, 11, 20), date(2026, 11, 21))
    today = show_now(shop.session, view)
    assert today.turnover.value == "15,00"
    assert "from=2026-11-20&to=2026-11-21" in today.turnover.address
    assert today.payments_total.sold == "15,00"
    assert today.payments[0].count == today.payments_total.count == "2"


def test_a_chosen_day_is_whole_and_compared_with_whole_days(shop: Shop) -> None:
    till = shop.till()
    shop.issue(till, total=4_000, at=at("2026-11-10 23:30"))
    shop.issue(till, total=2_000, at=at("2026-11-09 23:45"))
    today = show_now(shop.session, look(shop, HomeFilter(day=date(2026, 11, 10))))
    assert not today.is_today
    assert today.turnover.value == "40,00"
    assert [(change.text, change.word) for change in today.turnover.changes] == [
        ("+100,0\u00a0%", "к предыдущему дню")
    ]


def test_points_limit_every_figure(shop: Shop) -> None:
    first, second = (
        shop.till("1", point=shop.point("Немига, 5")),
        shop.till("2", point=shop.point("Победителей, 9")),
    )
    shop.issue(first, total=1_000, at=NOW - timedelta(hours=2))
    shop.issue(second, total=9_000, at=NOW - timedelta(hours=2))
    shop.issue(second, total=5_000, at=NOW - timedelta(days=1, hours=2))
    chosen = HomeFilter(points=(first.point_id,))
    limited = look(shop, scope=shop.scope("accountant", points=(first.point_id,)))
    for view in (look(shop, chosen), limited):
        today, period = show_now(shop.session, view), show_period(shop.session, view)
        assert today.turnover.value == "10,00"
        assert today.turnover.changes == []
        assert today.payments_total.count == "1"
        assert [row.amount for row in today.last] == ["10,00\u00a0BYN"]
        assert period.week_total == "10,00\u00a0BYN"
        assert [row.name for row in period.points] == ["Немига, 5"]


def test_sale_receipts_are_told_by_payment(shop: Shop) -> None:
    till = shop.till()
    moment = NOW - timedelta(hours=2)
    shop.issue(till, total=1_000, at=moment)
    shop.issue(till, total=3_000, payments={"cash_minor": 1_000, "card_minor": 2_000}, at=moment)
    shop.issue(till, "sale_refund", total=700, payments={"card_minor": 700}, at=moment)
    shop.issue(till, "annulment", total=300, at=moment)
    today = show_now(shop.session, look(shop))
    cash, card, mobile, _other = today.payments
    assert (cash.count, cash.sold, cash.annulled, cash.net) == ("2", "20,00", "3,00", "17,00")
    assert (card.count, card.sold, card.refunded, card.net) == ("1", "20,00", "7,00", "13,00")
    assert (mobile.count, mobile.net) == ("0", "0,00")
    total = today.payments_total
    assert (total.count, total.sold, total.refunded, total.annulled, total.net) == (
        "2",
        "40,00",
        "7,00",
        "3,00",
        "30,00",
    )


def test_the_week_and_the_quarter_are_what_the_days_come_to(shop: Shop) -> None:
    first, second = (
        shop.till("1", point=shop.point("Немига, 5")),
        shop.till("2", point=shop.point("Победителей, 9")),
    )
    shop.issue(first, total=1_000, at=at("2026-11-20 10:00"))
    shop.issue(first, total=2_000, at=at("2026-11-14 10:00"))
    shop.issue(first, total=4_000, at=at("2026-11-13 10:00"))
    shop.issue(second, total=30_000, at=at("2026-10-01 10:00"))
    shop.issue(second, total=20_000, at=at("2026-07-01 10:00"))
    # As many days of the quarter before as have passed of this one: the fifty-second is outside.
    shop.issue(second, total=99_000, at=at("2026-08-21 10:00"))
    period = show_period(shop.session, look(shop))
    assert period.week_total == "30,00\u00a0BYN"
    assert [day.gross for day in period.week] == ["20,00", "0,00", "0,00", "0,00", "0,00", "0,00", "10,00"]
    assert period.week[6].before == "40,00"
    assert period.quarter == "IV квартал 2026"
    assert [(row.name, row.gross) for row in period.points] == [
        ("Победителей, 9", "300,00"),
        ("Немига, 5", "70,00"),
    ]
    change = period.points[0].change
    assert change is not None
    assert change.text == "+50,0\u00a0%"
    assert period.total.gross == "370,00"


def test_a_figure_without_a_past_is_compared_with_nothing() -> None:
    nothing, something = dict(queries.NOTHING), {**queries.NOTHING, "sale_minor": 5, "sale_count": 1}
    assert compare(metrics.TURNOVER, something, nothing, "", "BYN") is None
    assert compare(metrics.AVERAGE_RECEIPT, nothing, something, "", "BYN") is None
    same = compare(metrics.TURNOVER, something, something, "", "BYN")
    assert same is not None
    assert (same.direction, same.text) == ("same", "0,0\u00a0%")
