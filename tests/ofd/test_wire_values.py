"""Sums, moments and names as the protocol writes them."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.fiscal.documents import SUM_MAX
from portal.ofd.wire import v203_pb2 as v203
from portal.ofd.wire.values import minor_of, moment_of, money, percent, rate_of, section, wall_time


@given(st.integers(0, 9_000_000_000_000_000_000))
def test_a_sum_travels_to_the_last_tiyn(minor: int) -> None:
    assert minor_of(money(minor)) == minor


def test_a_sum_is_whole_tenge_and_a_rest() -> None:
    assert (money(6897).bills, money(6897).coins) == (68, 97)
    assert money(SUM_MAX).bills == SUM_MAX // 100


def test_no_sum_is_negative() -> None:
    with pytest.raises(ValueError, match="negative"):
        money(-1)


def test_coins_are_less_than_a_tenge() -> None:
    with pytest.raises(ValueError, match="100"):
        minor_of(v203.Money(bills=1, coins=100))


# From March 2024 on: a wall time that was shown twice before says nothing of which.
@given(st.integers(1_709_400_000, 4_000_000_000))
def test_a_moment_travels_to_the_second(seconds: int) -> None:
    moment = datetime.fromtimestamp(seconds, UTC)
    assert moment_of(wall_time(moment)) == moment


def test_clocks_are_those_of_kazakhstan() -> None:
    wall = wall_time(datetime(2026, 1, 15, 20, 30, 5, tzinfo=UTC))
    assert (wall.date.day, wall.time.hour, wall.time.second) == (16, 1, 5)
    # Until the first of March 2024 its larger half was an hour further.
    assert wall_time(datetime(2024, 2, 1, 0, 0, tzinfo=UTC)).time.hour == 6


def test_what_no_clock_shows_is_no_moment() -> None:
    wall = wall_time(datetime(2026, 1, 15, tzinfo=UTC))
    wall.date.month = 13
    with pytest.raises(ValueError, match="month"):
        moment_of(wall)


def test_a_share_is_thousandths_of_a_per_cent() -> None:
    assert (percent(1600), percent(1200), percent(0)) == (16_000, 12_000, 0)
    assert rate_of(16_000) == 1600
    with pytest.raises(ValueError, match="finer"):
        rate_of(16_005)


def test_a_register_without_departments_uses_the_first() -> None:
    assert (section(0), section(1), section(27)) == ("1", "1", "27")
