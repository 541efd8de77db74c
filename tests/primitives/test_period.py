"""Business days across every change of the clock, and periods as people name them."""

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfoNotFoundError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.primitives import period
from portal.primitives.period import PRESETS, BusinessDays, Period, parse_day, preset, zone_of

ZONES = [
    "Europe/Minsk",
    "Asia/Almaty",
    "Asia/Qyzylorda",
    "Europe/London",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "America/New_York",
]
CALENDARS = {(zone, hour): BusinessDays(zone, hour) for zone in ZONES for hour in (0, 3, 6)}

moments = st.datetimes(
    datetime.fromisoformat("1990-01-01"), datetime.fromisoformat("2037-01-01"), timezones=st.just(UTC)
)


@given(st.sampled_from(sorted(CALENDARS)), moments)
def test_finds_the_day_and_hour_that_the_wall_clock_shows(place: tuple[str, int], moment: datetime) -> None:
    zone, hour = place
    wall = moment.astimezone(zone_of(zone)).replace(tzinfo=None)
    expected = ((wall - timedelta(hours=hour)).date(), wall.hour)
    calendar = CALENDARS[place]
    # Once as found, once as remembered.
    assert calendar.locate(moment) == expected
    assert calendar.locate(moment) == expected


@given(st.sampled_from(sorted(CALENDARS)), moments)
def test_a_moment_lies_in_the_interval_of_its_day_and_of_no_other(
    place: tuple[str, int], moment: datetime
) -> None:
    calendar = CALENDARS[place]
    day, _ = calendar.locate(moment)
    start, end = calendar.interval(day)
    assert start <= moment < end
    assert calendar.interval(day + timedelta(days=1))[0] == end
    assert calendar.locate(start)[0] == day
    assert calendar.locate(end - timedelta(microseconds=1))[0] == day


@pytest.mark.parametrize("seconds", [-1, 0, 1])
@pytest.mark.parametrize(
    ("zone", "change"),
    [
        ("Asia/Almaty", datetime(2024, 2, 29, 18, tzinfo=UTC)),
        ("Asia/Qyzylorda", datetime(2018, 12, 20, 18, tzinfo=UTC)),
        ("Europe/Minsk", datetime(2011, 3, 27, 0, tzinfo=UTC)),
        ("Europe/London", datetime(2026, 10, 25, 1, tzinfo=UTC)),
        ("Australia/Lord_Howe", datetime(2026, 4, 4, 15, tzinfo=UTC)),
    ],
)
def test_is_right_to_the_second_where_the_clock_changes(zone: str, change: datetime, seconds: int) -> None:
    moment = change + timedelta(seconds=seconds)
    calendar = BusinessDays(zone)
    # The neighbours are asked first, so that a remembered quarter-hour would give a wrong answer away.
    calendar.locate(change - timedelta(minutes=1))
    calendar.locate(change + timedelta(minutes=1))
    wall = moment.astimezone(zone_of(zone))
    assert calendar.locate(moment) == (wall.date(), wall.hour)


@pytest.mark.parametrize("zone", ZONES)
def test_one_calendar_asked_for_every_seventh_minute_never_mixes_them_up(zone: str) -> None:
    calendar = BusinessDays(zone)
    start = datetime(2024, 2, 28, tzinfo=UTC)
    for passed in range(0, 3 * 24 * 60, 7):
        moment = start + timedelta(minutes=passed)
        wall = moment.astimezone(zone_of(zone))
        assert calendar.locate(moment) == (wall.date(), wall.hour)


def test_almaty_moved_an_hour_back_on_the_first_of_march_2024() -> None:
    calendar = BusinessDays("Asia/Almaty")
    before = datetime(2024, 2, 29, 17, 30, tzinfo=UTC)
    assert calendar.locate(before) == (date(2024, 2, 29), 23)
    assert calendar.locate(before + timedelta(hours=1)) == (date(2024, 2, 29), 23)
    assert calendar.locate(before + timedelta(hours=2)) == (date(2024, 3, 1), 0)
    start, end = calendar.interval(date(2024, 2, 29))
    assert end - start == timedelta(hours=25)


def test_a_sale_in_the_night_counts_as_yesterdays_where_the_day_starts_later() -> None:
    calendar = BusinessDays("Europe/Minsk", 6)
    assert calendar.locate(datetime(2026, 11, 21, 2, 59, 59, 999999, tzinfo=UTC)) == (date(2026, 11, 20), 5)
    assert calendar.locate(datetime(2026, 11, 21, 3, tzinfo=UTC)) == (date(2026, 11, 21), 6)


def test_the_offset_a_till_states_does_not_matter() -> None:
    calendar = BusinessDays("Asia/Almaty")
    moment = datetime(2026, 1, 1, 20, tzinfo=UTC)
    for hours in (-12, 0, 5, 14):
        assert calendar.locate(moment.astimezone(timezone(timedelta(hours=hours)))) == (date(2026, 1, 2), 1)


def test_a_day_that_a_zone_skipped_is_empty() -> None:
    start, end = BusinessDays("Pacific/Apia").interval(date(2011, 12, 30))
    assert start == end


def test_an_odd_offset_of_long_ago_is_exact() -> None:
    calendar = BusinessDays("Asia/Almaty")
    # Local mean time was 5:07:48 ahead: the hour turns in the middle of a quarter.
    assert calendar.locate(datetime(1900, 1, 1, 6, 52, 11, tzinfo=UTC)) == (date(1900, 1, 1), 11)
    assert calendar.locate(datetime(1900, 1, 1, 6, 52, 12, tzinfo=UTC)) == (date(1900, 1, 1), 12)


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime.max.replace(tzinfo=UTC), date.max),
        (datetime.min.replace(tzinfo=timezone(timedelta(hours=14))), date.min),
        (datetime.min.replace(tzinfo=UTC), date.min),
    ],
)
def test_a_clock_at_the_edge_of_the_calendar_gets_the_last_day_there_is(moment: datetime, day: date) -> None:
    assert BusinessDays("Asia/Almaty", 6).locate(moment)[0] == day


def test_refuses_a_moment_without_a_zone() -> None:
    with pytest.raises(TypeError):
        BusinessDays("Europe/Minsk").locate(datetime.fromisoformat("2026-01-01"))


@pytest.mark.parametrize("hour", [-1, 24])
def test_refuses_a_day_that_starts_at_no_hour(hour: int) -> None:
    with pytest.raises(ValueError, match="starts at an hour"):
        BusinessDays("Europe/Minsk", hour)


@pytest.mark.parametrize(
    "name", ["", "Mars/Olympus", "../zone.tab", "/etc/passwd", "Europe", "Europe/../UTC", "a\x00"]
)
def test_refuses_a_zone_that_is_none(name: str) -> None:
    with pytest.raises(ZoneInfoNotFoundError):
        zone_of(name)


def test_the_cache_has_a_bound_and_forgets_without_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(period, "CACHE_SIZE_MAX", 10)
    calendar = BusinessDays("Europe/Minsk")
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for hour in range(100):
        moment = start + timedelta(hours=hour)
        assert calendar.locate(moment) == ((moment + timedelta(hours=3)).date(), (hour + 3) % 24)
        assert len(calendar._cache) <= 10


def test_one_day_is_one_object_however_often_it_is_found() -> None:
    calendar = BusinessDays("Europe/Minsk")
    morning, _ = calendar.locate(datetime(2026, 1, 1, 6, tzinfo=UTC))
    evening, _ = calendar.locate(datetime(2026, 1, 1, 18, tzinfo=UTC))
    assert morning is evening


TODAY = date(2026, 11, 20)  # a Friday


@pytest.mark.parametrize(
    ("name", "first", "last", "before_first", "before_last"),
    [
        ("today", (2026, 11, 20), (2026, 11, 20), (2026, 11, 19), (2026, 11, 19)),
        ("yesterday", (2026, 11, 19), (2026, 11, 19), (2026, 11, 18), (2026, 11, 18)),
        ("week", (2026, 11, 16), (2026, 11, 22), (2026, 11, 9), (2026, 11, 15)),
        ("month", (2026, 11, 1), (2026, 11, 30), (2026, 10, 1), (2026, 10, 31)),
        ("quarter", (2026, 10, 1), (2026, 12, 31), (2026, 7, 1), (2026, 9, 30)),
        ("year", (2026, 1, 1), (2026, 12, 31), (2025, 1, 1), (2025, 12, 31)),
    ],
)
def test_knows_the_periods_people_name_and_those_before_them(
    name: str,
    first: tuple[int, int, int],
    last: tuple[int, int, int],
    before_first: tuple[int, int, int],
    before_last: tuple[int, int, int],
) -> None:
    named = preset(name, TODAY)
    assert named == Period.of_days(date(*first), date(*last))
    assert named.previous() == Period.of_days(date(*before_first), date(*before_last))


def test_an_unknown_name_is_no_period() -> None:
    assert preset("decade", TODAY) is None


@given(st.dates(date(1990, 1, 1), date(2100, 1, 1)), st.sampled_from(sorted(PRESETS)))
def test_every_named_period_touches_the_one_before(day: date, name: str) -> None:
    named = preset(name, day)
    assert named is not None
    assert named.previous().end == named.start
    assert (day in named) == (name != "yesterday")
    first, *_, last = [*named, named.last]
    assert (first, last) == (named.first, named.last)
    assert len(list(named)) == named.days
    assert named.end not in named


def test_february_is_compared_with_the_whole_of_january() -> None:
    assert Period.month(date(2026, 2, 5)).previous() == Period.of_days(date(2026, 1, 1), date(2026, 1, 31))


def test_days_of_any_count_are_compared_with_as_many_before() -> None:
    chosen = Period.of_days(date(2026, 11, 3), date(2026, 11, 12))
    assert chosen.previous() == Period.of_days(date(2026, 10, 24), date(2026, 11, 2))


def test_a_month_under_way_is_compared_with_the_same_part_of_the_month_before() -> None:
    month = Period.month(TODAY)
    assert month.until(TODAY) == Period.of_days(date(2026, 11, 1), TODAY)
    assert month.previous_until(TODAY) == Period.of_days(date(2026, 10, 1), date(2026, 10, 20))
    assert month.previous_until(date(2026, 12, 9)) == month.previous()
    march = Period.month(date(2026, 3, 30))
    assert march.previous_until(date(2026, 3, 30)) == Period.month(date(2026, 2, 1))


def test_the_part_of_a_period_yet_to_come_is_its_first_day() -> None:
    month = Period.month(date(2026, 12, 1))
    assert month.until(TODAY) == Period.day(date(2026, 12, 1))


def test_refuses_a_period_that_ends_before_it_starts() -> None:
    with pytest.raises(ValueError, match="ends after it starts"):
        Period(TODAY, TODAY)
    with pytest.raises(ValueError, match="ends after it starts"):
        Period.of_days(TODAY, TODAY - timedelta(days=1))


@pytest.mark.parametrize(("text", "day"), [("2026-11-20", TODAY), ("1900-01-01", date(1900, 1, 1))])
def test_reads_a_day(text: str, day: date) -> None:
    assert parse_day(text) == day


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-02-30",
        "20261120",
        "2026-W47-5",
        "1899-12-31",
        "3000-01-01",
        "9999-12-31",
        "20.11.2026",
        "٢٠٢٦-١١-٢٠",
    ],
)
def test_refuses_what_is_no_day(text: str) -> None:
    assert parse_day(text) is None
