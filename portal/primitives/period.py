"""Days and periods: what a business day is, and which days a period holds.

Periods are half-open: `start` belongs to them, `end` does not. A business day is the date that the wall clock of
a point shows after `day_starts_hour` hours are taken off it, so that a sale at two in the night still counts as
yesterday's where the day begins at six.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Final, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
QUARTER_HOUR: Final = timedelta(minutes=15)
DAY: Final = timedelta(days=1)

# Two and a half years of quarter-hours; a longer history starts the cache anew.
CACHE_SIZE_MAX: Final = 90_000


@cache
def zone_of(name: str) -> ZoneInfo:
    """A time zone by its name, from the locked tzdata package and not from the machine.

    A machine's own table may be years old, and two machines must never put one sale into two days.
    """
    # A part never begins with a dot or a slash, so that a name cannot leave the folder of zones.
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_+-]*(/[A-Za-z0-9][A-Za-z0-9_+-]*)*", name):
        raise ZoneInfoNotFoundError(f"no time zone {name!r}")
    source = files("tzdata").joinpath("zoneinfo", *name.split("/"))
    if not source.is_file():
        raise ZoneInfoNotFoundError(f"no time zone {name!r}")
    with source.open("rb") as zone:
        return ZoneInfo.from_file(zone, key=name)


class BusinessDays:
    """Where moments fall in a point's calendar. One object per zone and starting hour, kept and asked often."""

    __slots__ = ("_cache", "_days", "_starts", "zone")

    def __init__(self, zone: str, day_starts_hour: int = 0) -> None:
        if not 0 <= day_starts_hour <= 23:
            raise ValueError(f"a day starts at an hour from 0 to 23, not {day_starts_hour}")
        self.zone = zone_of(zone)
        self._starts = timedelta(hours=day_starts_hour)
        self._cache: dict[int, tuple[date, int]] = {}
        self._days: dict[date, date] = {}

    def locate(self, moment: datetime) -> tuple[date, int]:
        """The business day of an aware moment, and the hour on the wall clock."""
        since = moment - EPOCH
        quarter = since.days * 96 + since.seconds // 900
        found = self._cache.get(quarter)
        return found if found is not None else self._locate_quarter(quarter, moment)

    def interval(self, day: date) -> tuple[datetime, datetime]:
        """The moments, in UTC, between which a business day lies. A day that a zone skipped is empty."""
        return self._start(day), self._start(day + DAY)

    def _locate_quarter(self, quarter: int, moment: datetime) -> tuple[date, int]:
        found = self._locate(moment)
        if not self._is_uniform(quarter):
            return found
        if len(self._cache) >= CACHE_SIZE_MAX:
            self._cache.clear()
            self._days.clear()
        day, hour = found
        found = self._cache[quarter] = (self._days.setdefault(day, day), hour)
        return found

    def _locate(self, moment: datetime) -> tuple[date, int]:
        try:
            wall = moment.astimezone(self.zone)
            return (wall.replace(tzinfo=None) - self._starts).date(), wall.hour
        except OverflowError:
            # A till's clock may stand at the very edge of the calendar; the last day there is will do.
            edge = date.max if moment.year > 5000 else date.min
            return edge, moment.hour

    def _is_uniform(self, quarter: int) -> bool:
        """Whether one answer fits a whole quarter-hour: no change of the clock within it, no odd offset."""
        try:
            first = (EPOCH + quarter * QUARTER_HOUR).astimezone(self.zone).utcoffset()
            last = (EPOCH + (quarter + 1) * QUARTER_HOUR - timedelta(microseconds=1)).astimezone(self.zone)
        except OverflowError:
            return False
        return first is not None and first == last.utcoffset() and not first % QUARTER_HOUR

    def _start(self, day: date) -> datetime:
        wall = datetime.combine(day, datetime.min.time(), UTC) + self._starts
        # No zone is further than a day from UTC: the day starts somewhere between.
        seconds = range(-86_400, 86_400)
        found = bisect_left(
            seconds, day, key=lambda second: self._locate(wall + timedelta(seconds=second))[0]
        )
        return wall + timedelta(seconds=seconds[found])


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """Whole days from `start` up to, and without, `end`."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise ValueError(f"a period ends after it starts, not {self.start} to {self.end}")

    @classmethod
    def of_days(cls, first: date, last: date) -> Self:
        """From the first day to the last, both inside."""
        return cls(first, last + DAY)

    @classmethod
    def day(cls, day: date) -> Self:
        return cls(day, day + DAY)

    @classmethod
    def yesterday(cls, today: date) -> Self:
        return cls(today - DAY, today)

    @classmethod
    def week(cls, day: date) -> Self:
        """The week that holds the day; weeks begin on Monday."""
        monday = day - timedelta(days=day.weekday())
        return cls(monday, monday + timedelta(days=7))

    @classmethod
    def month(cls, day: date) -> Self:
        return cls.months(day.replace(day=1), 1)

    @classmethod
    def quarter(cls, day: date) -> Self:
        return cls.months(date(day.year, (day.month - 1) // 3 * 3 + 1, 1), 3)

    @classmethod
    def year(cls, day: date) -> Self:
        return cls.months(date(day.year, 1, 1), 12)

    @classmethod
    def months(cls, first: date, count: int) -> Self:
        """So many calendar months from the first day of one."""
        return cls(first, add_months(first, count))

    @property
    def first(self) -> date:
        return self.start

    @property
    def last(self) -> date:
        return self.end - DAY

    @property
    def days(self) -> int:
        return (self.end - self.start).days

    def __contains__(self, day: date) -> bool:
        return self.start <= day < self.end

    def __iter__(self) -> Iterator[date]:
        for passed in range(self.days):
            yield self.start + timedelta(days=passed)

    def previous(self) -> Self:
        """The period just before: as many whole months if this one is whole months, else as many days."""
        months = self._whole_months()
        if months:
            return type(self)(add_months(self.start, -months), self.start)
        return type(self)(self.start - (self.end - self.start), self.start)

    def until(self, today: date) -> Self:
        """The part that has come: up to and with today, never less than the first day."""
        return type(self)(self.start, min(self.end, max(today, self.start) + DAY))

    def previous_until(self, today: date) -> Self:
        """The part of the previous period that is as long as the part of this one that has come."""
        before, passed = self.previous(), self.until(today)
        if passed == self:
            return before
        return type(self)(before.start, min(before.start + (passed.end - passed.start), before.end))

    def _whole_months(self) -> int:
        if self.start.day != 1 or self.end.day != 1:
            return 0
        return (self.end.year - self.start.year) * 12 + self.end.month - self.start.month


def add_months(first: date, count: int) -> date:
    """The first day of a month, so many months away."""
    months = first.year * 12 + first.month - 1 + count
    return first.replace(year=months // 12, month=months % 12 + 1)


PRESETS: Final = {
    "today": Period.day,
    "yesterday": Period.yesterday,
    "week": Period.week,
    "month": Period.month,
    "quarter": Period.quarter,
    "year": Period.year,
}


def parse_day(text: str) -> date | None:
    """A calendar day as 2026-11-20, None when it is no such thing or too far off to reckon with."""
    try:
        day = date.fromisoformat(text) if re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text) else None
    except ValueError:
        return None
    return day if day is not None and 1900 <= day.year <= 2999 else None


def preset(name: str, today: date) -> Period | None:
    """A named period around today, None for a name that is not one of `PRESETS`."""
    make = PRESETS.get(name)
    return make(today) if make else None
