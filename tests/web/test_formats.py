"""Figures, money and moments in four languages."""

from datetime import UTC, date, datetime, timedelta

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from portal.web import formats, i18n

THIN, NBSP = "\u202f", "\u00a0"


@pytest.mark.parametrize(
    ("minor", "shown"),
    [
        (1_248_050, f"12{THIN}480,50"),
        (0, "0,00"),
        (5, "0,05"),
        (-5, "−0,05"),
        (-123_456_789, f"−1{THIN}234{THIN}567,89"),
        (None, "—"),
    ],
)
def test_amounts(minor: int | None, shown: str) -> None:
    assert formats.amount(minor, language="ru") == shown


@pytest.mark.parametrize(
    ("language", "shown"), [("ru", "1,50"), ("kk", "1,50"), ("be", "1,50"), ("en", "1.50")]
)
def test_english_has_a_point_where_the_others_have_a_comma(language: str, shown: str) -> None:
    assert formats.money(150, "BYN", language=language) == f"{shown}{NBSP}BYN"


def test_absent_money_has_no_currency() -> None:
    assert formats.money(None, "BYN") == "—"


@given(st.integers(-(10**15), 10**15))
def test_an_amount_can_be_read_back(minor: int) -> None:
    shown = formats.amount(minor, language="en")
    assert int(shown.replace(THIN, "").replace("−", "-").replace(".", "")) == minor


@pytest.mark.parametrize(
    ("milli", "shown"),
    [(1000, "1"), (1500, "1,5"), (1, "0,001"), (0, "0"), (-250, "−0,25"), (1_234_000, f"1{THIN}234")],
)
def test_quantities_have_no_idle_zeros(milli: int, shown: str) -> None:
    assert formats.quantity(milli, language="ru") == shown


@pytest.mark.parametrize(
    ("ratio", "shown"),
    [
        (0.125, f"+12,5{NBSP}%"),
        (-0.125, f"−12,5{NBSP}%"),
        (0, f"0,0{NBSP}%"),
        (-0.0001, f"0,0{NBSP}%"),
        (12.5, f"+1{THIN}250,0{NBSP}%"),
        (None, "—"),
    ],
)
def test_a_change_says_which_way_it_went(ratio: float | None, shown: str) -> None:
    assert formats.percent(ratio, signed=True, language="ru") == shown


@pytest.mark.parametrize(("points", "shown"), [(2000, "20"), (0, "0"), (1250, "12,5"), (1205, "12,05")])
def test_tax_rates(points: int, shown: str) -> None:
    assert formats.rate(points, language="ru") == f"{shown}{NBSP}%"


def test_a_day() -> None:
    assert formats.day(date(2020, 6, 26)) == "26.06.2020"
    assert formats.day(None) == "—"


def test_a_moment_is_of_the_points_wall_clock_and_says_today(app: Flask) -> None:
    at = datetime(2026, 11, 20, 22, 30, tzinfo=UTC)
    with app.test_request_context("/"):
        assert formats.moment(at, "Europe/Minsk", now=at) == "сегодня, 01:30"
        assert formats.moment(at, "Europe/Minsk", now=at + timedelta(days=1)) == "21.11.2026, 01:30"
        assert formats.moment(at, "UTC", now=at + timedelta(days=1), seconds=True) == "20.11.2026, 22:30:00"
        assert formats.moment(None) == "—"


@pytest.mark.parametrize(
    ("length", "shown"),
    [
        (0, "0 с"),
        (59, "59 с"),
        (60, "1 мин"),
        (9 * 3600 + 12 * 60 + 59, "9 ч 12 мин"),
        (timedelta(days=2, hours=5, minutes=30), "2 д 5 ч"),
        (-5, "0 с"),
        (None, "—"),
    ],
)
def test_durations_by_their_two_largest_units(app: Flask, length: timedelta | int | None, shown: str) -> None:
    with app.test_request_context("/"):
        assert formats.duration(length) == shown


def test_filters_follow_the_readers_language(app: Flask) -> None:
    with app.test_request_context("/"):
        i18n.prefer("en", "auto")
        template = app.jinja_env.from_string("{{ 150 | money('BYN') }} {{ 1500 | quantity }}")
        assert template.render() == f"1.50{NBSP}BYN 1.5"
