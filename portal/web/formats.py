"""Figures, money and moments as the reader's language writes them.

Thousands are set apart by a narrow no-break space (U+202F), the unit follows after a no-break space (U+00A0),
minus is «−». A value that is absent is «—»; zero is zero. Everything here takes stored values: minor units,
thousandths, aware moments.
"""

from datetime import date, datetime, timedelta

from flask import Flask
from flask_babel import gettext

from portal.primitives import clock
from portal.primitives.period import zone_of
from portal.web.i18n import language as readers_language

THIN = "\u202f"
SPACE = "\u00a0"
MINUS = "−"
ABSENT = "—"


def init_app(app: Flask) -> None:
    """Offer the formats to templates as filters."""
    app.jinja_env.filters.update(
        amount=amount,
        clock_time=clock_time,
        count=count,
        day=day,
        duration=duration,
        moment=moment,
        money=money,
        percent=percent,
        quantity=quantity,
        rate=rate,
    )


def money(minor: int | None, currency: str, *, language: str | None = None) -> str:
    """Format a sum with its currency: 1248050 → «12 480,50 BYN»."""
    if minor is None:
        return ABSENT
    return f"{amount(minor, language=language)}{SPACE}{currency}"


def amount(minor: int | None, *, language: str | None = None) -> str:
    """Format a sum without its currency: 1248050 → «12 480,50»."""
    if minor is None:
        return ABSENT
    units, cents = divmod(abs(minor), 100)
    return f"{_sign(minor)}{_thousands(units)}{_point(language)}{cents:02d}"


def quantity(milli: int | None, *, language: str | None = None) -> str:
    """Format a quantity of thousandths without idle zeros: 1500 → «1,5»."""
    if milli is None:
        return ABSENT
    units, thousandths = divmod(abs(milli), 1000)
    fraction = f"{thousandths:03d}".rstrip("0")
    return f"{_sign(milli)}{_thousands(units)}{_point(language) + fraction if fraction else ''}"


def count(number: int | None) -> str:
    """Format a whole number: 12480 → «12 480»."""
    if number is None:
        return ABSENT
    return f"{_sign(number)}{_thousands(abs(number))}"


def percent(
    ratio: float | None, *, digits: int = 1, signed: bool = False, language: str | None = None
) -> str:
    """Format a ratio as percent: 0.125 → «12,5 %»; `signed` puts a plus before a rise."""
    if ratio is None:
        return ABSENT
    # Rounded before its sign is looked at, so that nothing is ever «−0,0 %».
    rounded = round(ratio * 100, digits)
    text = f"{abs(rounded):.{digits}f}"
    whole, _, fraction = text.partition(".")
    plus = "+" if signed and rounded > 0 else ""
    sign = MINUS if rounded < 0 else plus
    return f"{sign}{_thousands(int(whole))}{_point(language) + fraction if fraction else ''}{SPACE}%"


def rate(basis_points: int | None, *, language: str | None = None) -> str:
    """Format a tax rate stored in hundredths of a percent: 2000 → «20 %»."""
    if basis_points is None:
        return ABSENT
    whole, hundredths = divmod(basis_points, 100)
    fraction = f"{hundredths:02d}".rstrip("0")
    return f"{whole}{_point(language) + fraction if fraction else ''}{SPACE}%"


def day(value: date | None) -> str:
    """Format a calendar day: «26.06.2020»."""
    return ABSENT if value is None else f"{value:%d.%m.%Y}"


def wall_clock(value: datetime, zone: str) -> datetime:
    """A moment as the wall clock of a zone shows it.

    At the very edge of the calendar there is no other zone's clock: a till that says so is shown as it said it.
    """
    try:
        return value.astimezone(zone_of(zone))
    except OverflowError:
        return value


def clock_time(value: datetime | None, zone: str = "UTC", *, seconds: bool = False) -> str:
    """Format the wall clock of a moment in a zone: «14:32»."""
    if value is None:
        return ABSENT
    local = wall_clock(value, zone)
    return f"{local:%H:%M:%S}" if seconds else f"{local:%H:%M}"


def moment(
    value: datetime | None, zone: str = "UTC", *, seconds: bool = False, now: datetime | None = None
) -> str:
    """Format a moment in a zone: «26.06.2020, 14:32», or «сегодня, 14:32» when it is today there."""
    if value is None:
        return ABSENT
    local_day = wall_clock(value, zone).date()
    today = (now or clock.now()).astimezone(zone_of(zone)).date()
    time = clock_time(value, zone, seconds=seconds)
    if local_day == today:
        return str(gettext("сегодня, %(time)s", time=time))
    return f"{day(local_day)}, {time}"


def duration(length: timedelta | int | None) -> str:
    """Format a length of time (or its whole seconds) by its two largest units: «9 ч 12 мин»."""
    if length is None:
        return ABSENT
    seconds = int(length.total_seconds()) if isinstance(length, timedelta) else length
    seconds = max(seconds, 0)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return str(gettext("%(days)s д %(hours)s ч", days=days, hours=hours))
    if hours:
        return str(gettext("%(hours)s ч %(minutes)s мин", hours=hours, minutes=minutes))
    if minutes:
        return str(gettext("%(minutes)s мин", minutes=minutes))
    return str(gettext("%(seconds)s с", seconds=seconds))


def _sign(number: int) -> str:
    return MINUS if number < 0 else ""


def _thousands(number: int) -> str:
    return f"{number:,}".replace(",", THIN)


def _point(language: str | None) -> str:
    return "." if (language or readers_language()) == "en" else ","
