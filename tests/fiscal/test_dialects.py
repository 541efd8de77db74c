"""The two countries as data: what holds when."""

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from portal.fiscal.dialects import BELARUS, DIALECTS, KAZAKHSTAN, Dialect, dialect_of, round_cash

NEW_YEAR_IN_ALMATY = datetime(2025, 12, 31, 19, tzinfo=UTC)


def test_each_country_has_its_dialect() -> None:
    assert dialect_of("by") is BELARUS
    assert dialect_of("kz") is KAZAKHSTAN
    assert (BELARUS.currency, KAZAKHSTAN.currency) == ("BYN", "KZT")
    assert set(DIALECTS) == {"by", "kz"}


@pytest.mark.parametrize("country", ["", "BY", "ru"])
def test_no_other_country_has_one(country: str) -> None:
    with pytest.raises(KeyError):
        dialect_of(country)


def test_belarus_has_had_the_same_rates_all_along() -> None:
    for moment in (
        datetime(2000, 1, 1, tzinfo=UTC),
        datetime(2026, 1, 1, tzinfo=UTC),
        datetime.max.replace(tzinfo=UTC),
    ):
        assert BELARUS.rates_at(moment) == {0, 1000, 2000, 2500}


def test_kazakhstan_changed_its_rates_at_its_own_midnight() -> None:
    assert KAZAKHSTAN.rates_at(NEW_YEAR_IN_ALMATY - timedelta(microseconds=1)) == {0, 1200}
    assert KAZAKHSTAN.rates_at(NEW_YEAR_IN_ALMATY) == {0, 500, 1000, 1600}


@pytest.mark.parametrize(
    ("dialect", "day", "rate"),
    [
        (KAZAKHSTAN, date(2025, 12, 31), 1200),
        (KAZAKHSTAN, date(2026, 1, 1), 1600),
        (BELARUS, date(2025, 12, 31), 2000),
        (BELARUS, date(2026, 1, 1), 2000),
    ],
)
def test_knows_the_base_rate_of_a_day(dialect: Dialect, day: date, rate: int) -> None:
    assert dialect.base_rate_on(day) == rate


@pytest.mark.parametrize("dialect", [BELARUS, KAZAKHSTAN])
def test_knows_the_base_rate_of_a_moment(dialect: Dialect) -> None:
    for moment in (NEW_YEAR_IN_ALMATY - timedelta(microseconds=1), NEW_YEAR_IN_ALMATY):
        day = moment.astimezone(ZoneInfo(dialect.zone)).date()
        assert dialect.base_rate_at(moment) == dialect.base_rate_on(day)


def test_each_country_says_how_its_registers_work() -> None:
    assert (BELARUS.shift_counts_from, KAZAKHSTAN.shift_counts_from) == ("opening", "first_receipt")
    assert (BELARUS.signs_itself, KAZAKHSTAN.signs_itself) == (True, False)
    assert (BELARUS.may_annul, KAZAKHSTAN.may_annul) == (True, False)
    assert (BELARUS.refund_names_basis, KAZAKHSTAN.refund_names_basis) == (False, True)
    assert (BELARUS.modifiers_max, KAZAKHSTAN.modifiers_max) == (1, 100)


def test_a_shift_lasts_a_day_at_most_and_autonomy_three_in_kazakhstan() -> None:
    assert BELARUS.shift_length_max == KAZAKHSTAN.shift_length_max == timedelta(hours=24)
    assert KAZAKHSTAN.autonomous_length_max == timedelta(hours=72)
    assert BELARUS.autonomous_length_max is None
    assert (BELARUS.shift_opens_with, KAZAKHSTAN.shift_opens_with) == ("command", "first_document")


@pytest.mark.parametrize(
    ("total", "paid"), [(0, 0), (49, 0), (50, 100), (149, 100), (150, 200), (1_458_000, 1_458_000)]
)
def test_cash_in_kazakhstan_is_whole_tenge(total: int, paid: int) -> None:
    assert round_cash(total, KAZAKHSTAN) == paid
    assert round_cash(total, BELARUS) == total


def test_the_rates_of_a_moment_do_not_depend_on_what_was_asked_before() -> None:
    """What is remembered of a date must not hide that rates change in the middle of it elsewhere on Earth."""
    began = datetime(2025, 12, 31, 19, tzinfo=UTC)
    hours = [timedelta(hours=hour) for hour in range(-120, 121)]
    zones = [timezone(timedelta(hours=offset)) for offset in (-12, 0, 5, 14)]
    for order in (hours, hours[::-1], hours):
        for step in order:
            for zone in zones:
                moment = (began + step).astimezone(zone)
                assert (1600 in KAZAKHSTAN.rates_at(moment)) is (step >= timedelta(0))
                assert (1200 in KAZAKHSTAN.rates_at(moment)) is (step < timedelta(0))
    assert KAZAKHSTAN.rates_at(datetime(1, 1, 2, tzinfo=UTC)) == KAZAKHSTAN.rates_at(
        datetime(1950, 1, 1, tzinfo=UTC)
    )
