"""The demo's companies: points, registers, opening hours, how trade moves by hour, weekday, season and holiday."""

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from functools import cache

from portal.demo import goods
from portal.demo.goods import Good
from portal.fiscal.dialects import BELARUS, KAZAKHSTAN, Dialect
from portal.primitives.period import zone_of

# Trade grows from here on, a little every day.
GROWTH_SINCE = date(2025, 1, 1)
GROWTH_PER_DAY = 0.00042


@dataclass(frozen=True, slots=True)
class Trade:
    """How a kind of shop trades.

    `hours` are opening and closing by weekday (a closing after 24 is next morning), `curve` weighs the hours
    from opening on, `weekdays` and `months` are factors, `lines` weighs receipts of 1, 2, … lines, `paying`
    weighs cash, card, mobile and mixed.
    """

    shelf: tuple[Good, ...]
    hours: tuple[tuple[int, int], ...]
    curve: tuple[int, ...]
    weekdays: tuple[float, ...]
    months: tuple[float, ...]
    lines: tuple[int, ...]
    paying: tuple[int, int, int, int]
    busy_in_holidays: float


CAFE = Trade(
    shelf=goods.BAKERY,
    hours=((8, 21), (8, 21), (8, 21), (8, 21), (8, 22), (9, 22), (9, 21)),
    curve=(9, 12, 9, 7, 10, 12, 9, 7, 7, 9, 10, 8, 5, 3),
    weekdays=(0.92, 0.94, 0.97, 1.0, 1.16, 1.22, 1.04),
    months=(0.93, 0.97, 1.02, 1.0, 1.03, 1.02, 0.98, 0.97, 1.04, 1.02, 1.0, 1.17),
    lines=(30, 34, 19, 9, 5, 2, 1, 0),
    paying=(24, 62, 10, 4),
    busy_in_holidays=1.15,
)

SHOP = Trade(
    shelf=goods.GROCERY,
    hours=((8, 22),) * 5 + ((9, 22), (9, 21)),
    curve=(5, 6, 7, 7, 8, 8, 7, 7, 9, 12, 14, 12, 8, 4),
    weekdays=(0.94, 0.93, 0.95, 0.98, 1.14, 1.18, 1.0),
    months=(0.95, 0.96, 1.0, 1.01, 1.03, 1.0, 0.97, 0.98, 1.01, 1.0, 1.0, 1.21),
    lines=(12, 18, 19, 17, 13, 9, 7, 5),
    paying=(31, 56, 8, 5),
    busy_in_holidays=0.72,
)

NIGHT_BAR = Trade(
    shelf=goods.BAR,
    hours=((17, 26), (17, 26), (17, 26), (17, 28), (17, 29), (16, 29), (16, 26)),
    curve=(4, 6, 8, 10, 13, 14, 13, 11, 9, 7, 5, 3, 2),
    weekdays=(0.55, 0.6, 0.7, 0.95, 1.6, 1.75, 0.85),
    months=(0.9, 0.98, 1.02, 1.0, 1.04, 1.03, 1.02, 1.02, 1.0, 1.0, 0.98, 1.25),
    lines=(22, 33, 22, 12, 6, 3, 1, 1),
    paying=(22, 66, 9, 3),
    busy_in_holidays=1.3,
)

DRUGSTORE = Trade(
    shelf=goods.PHARMACY,
    hours=((8, 21),) * 5 + ((9, 20), (10, 19)),
    curve=(6, 8, 9, 9, 8, 8, 7, 8, 10, 12, 10, 6, 3),
    weekdays=(1.14, 1.05, 1.02, 1.02, 1.08, 0.86, 0.62),
    months=(1.16, 1.18, 1.1, 0.98, 0.92, 0.84, 0.8, 0.83, 0.97, 1.08, 1.12, 1.14),
    lines=(38, 30, 17, 8, 4, 2, 1, 0),
    paying=(30, 60, 7, 3),
    busy_in_holidays=0.6,
)

MARKET = Trade(
    shelf=goods.KZ_MARKET,
    hours=((7, 23),) * 7,
    curve=(3, 5, 6, 6, 7, 7, 8, 7, 7, 8, 10, 13, 13, 10, 6, 3),
    weekdays=(0.92, 0.93, 0.96, 0.98, 1.12, 1.2, 1.06),
    months=(0.95, 0.96, 1.06, 1.0, 1.02, 1.0, 0.98, 1.0, 1.03, 1.0, 1.0, 1.16),
    lines=(13, 19, 19, 16, 13, 9, 6, 5),
    paying=(22, 33, 41, 4),
    busy_in_holidays=0.85,
)


@dataclass(frozen=True, slots=True)
class Stall:
    """One register's place: what it is called, who works there, how much of the point's trade it sees."""

    register: str
    registration_number: str
    name: str
    model: str
    share: float
    cashiers: tuple[str, ...]


@dataclass(frozen=True)
class Shop:
    """One trading point. Where `streams`, its tills issue by themselves and stream; elsewhere they work in the cloud."""

    name: str
    address: str
    zone: str
    trade: Trade = field(repr=False)
    dialect: Dialect = field(repr=False)
    receipts_per_day: int
    stalls: tuple[Stall, ...] = field(repr=False)
    day_starts_hour: int = 0
    streams: bool = False


@dataclass(frozen=True)
class Company:
    """One organisation with its points."""

    name: str
    tax_id: str
    dialect: Dialect
    shops: tuple[Shop, ...] = field(repr=False)


# Fixed days of the year: when most stay at home, and when shops stay shut.
_HOLIDAYS = {
    "by": {(1, 2), (1, 7), (3, 8), (5, 1), (5, 9), (7, 3), (11, 7), (12, 25)},
    "kz": {(1, 2), (1, 7), (3, 8), (3, 21), (3, 22), (3, 23), (5, 1), (5, 7), (5, 9), (7, 6), (8, 30), (10, 25), (12, 16)},
}  # fmt: skip
_PAYDAYS = {"by": frozenset({10, 11, 12, 25, 26, 27}), "kz": frozenset({1, 2, 5, 6, 25, 26})}


def hours_of(shop: Shop, day: date) -> tuple[datetime, datetime] | None:
    """When a point opens and closes on a business day; None on the day it stays shut."""
    if (day.month, day.day) == (1, 1):
        return None
    opens, closes = shop.trade.hours[day.weekday()]
    if (day.month, day.day) == (12, 31) and closes <= 24:
        closes = min(closes, 19)
    midnight = datetime.combine(day, time(), tzinfo=_offset(shop.zone, day))
    return midnight + timedelta(hours=opens), midnight + timedelta(hours=closes)


def day_at(shop: Shop, moment: datetime) -> date:
    """The business day that a moment falls into at a point."""
    local = moment.astimezone(zone_of(shop.zone)) - timedelta(hours=shop.day_starts_hour)
    return local.date()


def local_moment(shop: Shop, moment: datetime) -> datetime:
    """A moment as a point's tills state it: whole seconds, with the local offset."""
    offset = moment.astimezone(zone_of(shop.zone)).utcoffset()
    return moment.astimezone(timezone(offset or timedelta())).replace(microsecond=0)


def receipts_expected(shop: Shop, stall: Stall, day: date) -> float:
    """How many receipts a register may expect on a day, before chance has its say."""
    trade, country = shop.trade, shop.dialect.country
    factor = trade.weekdays[day.weekday()] * trade.months[day.month - 1]
    if (day.month, day.day) in _HOLIDAYS[country]:
        factor *= trade.busy_in_holidays
    if day.month == 12 and day.day >= 20:
        factor *= 1.18
    if day.day in _PAYDAYS[country]:
        factor *= 1.09
    growth = 1 + GROWTH_PER_DAY * (day - GROWTH_SINCE).days
    return shop.receipts_per_day * stall.share * factor * growth


def customers_weight(shop: Shop, stall: Stall, day: date, now: datetime) -> float:
    """How many customers come to a register at this hour of a business day, compared with other registers."""
    hours = hours_of(shop, day)
    if hours is None:
        return 0.0
    curve = shop.trade.curve
    hour = int((now - hours[0]).total_seconds()) // 3600
    return stall.share * curve[max(0, min(hour, len(curve) - 1))]


@cache
def _offset(zone: str, day: date) -> timezone:
    """A point's offset on a day, as tills state it."""
    offset = datetime.combine(day, time(12), tzinfo=zone_of(zone)).utcoffset()
    return timezone(offset or timedelta())


def _stalls(
    first: int, prefix: str, model: str, shares: tuple[float, ...], *people: str
) -> tuple[Stall, ...]:
    """The registers of one point; everybody may sit at any of them."""
    width, base = (6, 110_200_000) if prefix == "1106" else (8, 600_700_000_000)
    return tuple(
        Stall(
            register=f"{prefix}{first + place:0{width}d}",
            registration_number=str(base + (first + place) * 37),
            name=f"Касса {place + 1}",
            model=model,
            share=share,
            cashiers=people[place % len(people) :] + people[: place % len(people)],
        )
        for place, share in enumerate(shares)
    )


def _by(
    name: str,
    address: str,
    trade: Trade,
    per_day: int,
    stalls: tuple[Stall, ...],
    day_starts_hour: int = 0,
    *,
    streams: bool = False,
) -> Shop:
    return Shop(name, address, "Europe/Minsk", trade, BELARUS, per_day, stalls, day_starts_hour, streams)


def _kz(name: str, address: str, per_day: int, stalls: tuple[Stall, ...]) -> Shop:
    return Shop(name, address, "Asia/Almaty", MARKET, KAZAKHSTAN, per_day, stalls)


GRAIN_AND_HONEY = Company(
    name="ООО «Зерно и мёд»",
    tax_id="192837468",
    dialect=BELARUS,
    shops=(
        _by(
            "Пекарня на Немиге",
            "220030, г. Минск, ул. Немига, 5",
            CAFE,
            30,
            _stalls(1201, "1106", "Программная касса", (1.25, 1.0, 0.75), "Ковальчук А. В.", "Савицкая Д. И.", "Мороз П. С."),
        ),
        _by(
            "Кофейня на проспекте",
            "220005, г. Минск, пр-т Независимости, 58",
            CAFE,
            29,
            _stalls(1211, "1106", "Программная касса", (1.2, 1.0, 0.8), "Жук Е. А.", "Новик М. О.", "Лис Т. Н."),
        ),
        _by(
            "Магазин на Советской",
            "230023, г. Гродно, ул. Советская, 18",
            SHOP,
            28,
            _stalls(1221, "1106", "Программная касса", (1.3, 1.1, 0.9, 0.7), "Климович О. П.", "Романчук В. Г.", "Бондарь И. Л.", "Царик Н. М."),
            streams=True,
        ),
        _by(
            "Магазин у вокзала",
            "224005, г. Брест, ул. Орджоникидзе, 11",
            SHOP,
            29,
            _stalls(1231, "1106", "Программная касса", (1.25, 1.1, 0.95, 0.7), "Игнатюк С. Ю.", "Панасюк Л. В.", "Дорошко К. А.", "Шиш Р. И."),
        ),
        _by(
            "Бар «Улей»",
            "210026, г. Витебск, ул. Суворова, 10",
            NIGHT_BAR,
            29,
            _stalls(1241, "1106", "Программная касса", (1.15, 0.85), "Лапко Ю. С.", "Орлов Г. Д.", "Тихонова А. А."),
            day_starts_hour=6,
        ),
        _by(
            "Медовая аптека",
            "246050, г. Гомель, ул. Советская, 21",
            DRUGSTORE,
            27,
            _stalls(1251, "1106", "Программная касса", (1.2, 1.1, 0.95, 0.75), "Гончарова Н. Е.", "Пинчук А. М.", "Старовойтова И. К."),
        ),
    ),
)  # fmt: skip

DALA_MARKET = Company(
    name="ТОО «Дала Маркет»",
    tax_id="190440012341",
    dialect=KAZAKHSTAN,
    shops=(
        _kz(
            "Дала на Абая",
            "050008, г. Алматы, пр. Абая, 68",
            31,
            _stalls(33701, "SWK", "Онлайн-касса", (1.25, 1.1, 0.95, 0.7), "Әлия Нұрланқызы", "Серік Болатұлы", "Гүлнар Сейітқызы", "Ким В. Р."),
        ),
        _kz(
            "Дала на Мәңгілік Ел",
            "010000, г. Астана, пр. Мәңгілік Ел, 19",
            30,
            _stalls(33711, "SWK", "Онлайн-касса", (1.1, 0.9), "Динара Қанатқызы", "Ержан Маратұлы", "Петрова С. В."),
        ),
        _kz(
            "Дала на Тауке хана",
            "160012, г. Шымкент, пр. Тауке хана, 43",
            28,
            _stalls(33721, "SWK", "Онлайн-касса", (1.1, 0.9), "Айгерім Оразқызы", "Бақыт Әмірұлы"),
        ),
    ),
)  # fmt: skip

COMPANIES = (GRAIN_AND_HONEY, DALA_MARKET)
