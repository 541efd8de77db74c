"""A list of documents ready to show: every value formatted once, so that the template only loops."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from flask_babel import gettext

from portal.fiscal.documents import Kind
from portal.journal.places import Places
from portal.journal.queries import Found
from portal.journal.sums import Sums
from portal.journal.wording import describe, has_total
from portal.web import formats
from portal.web.i18n import language
from portal.web.words import kind_name


@dataclass(frozen=True, slots=True)
class Row:
    """A document as a line of the list."""

    key: str
    kind: str
    number: str
    sentence: str
    place: str
    amount: str
    time: str
    moment: str
    is_taken_back: bool
    status: str
    is_remarked: bool


@dataclass(frozen=True)
class Day:
    """One business day of the list. `is_continued` when the page before already named it."""

    day: date
    words: str
    rows: list[Row]
    is_continued: bool = False


@dataclass(frozen=True)
class Foot:
    """The whole result in words: how many, and sums that are never mixed. `others` are all kinds but sales."""

    number: int
    count: str
    gross: str | None
    net: str | None
    others: list[tuple[str, str, str]]


_PLACE = "\0"
_TAKES_BACK = {Kind.SALE_REFUND, Kind.PURCHASE_REFUND, Kind.ANNULMENT, Kind.CASH_OUT}


def list_rows(documents: Iterable[Found], places: Places, currency: str) -> list[Row]:
    """Documents as rows."""
    rows = []
    # A translation is looked up once for each kind of sentence; the sum is put into its place afterwards.
    sentences: dict[tuple[Kind, int], str] = {}
    reading = language()
    for found in documents:
        till = places.names[found.register_id]
        place = places.points[found.point_id]
        issued_at = formats.wall_clock(found.issued_at, place.zone)
        total = formats.money(found.total_minor, currency, language=reading)
        known = (found.kind, found.payment)
        sentence = sentences.get(known)
        if sentence is None:
            sentence = sentences[known] = describe(found.kind, found.payment, _PLACE)
        rows.append(
            Row(
                key=f"{found.register_id}-{found.number}",
                kind=found.kind.name.lower(),
                number=str(found.number),
                sentence=sentence.replace(_PLACE, total),
                place=f"{place.name} · {till.name}",
                amount=total if has_total(found.kind) else "",
                time=f"{issued_at:%H:%M}",
                moment=f"{issued_at:%d.%m.%Y %H:%M:%S}, {place.zone}",
                is_taken_back=found.kind in _TAKES_BACK,
                status=found.status.value,
                is_remarked=found.remarked,
            )
        )
    return rows


def group_by_day(
    documents: Sequence[Found], places: Places, currency: str, *, now: datetime, shown: date | None = None
) -> list[Day]:
    """Rows under the business day they belong to; `shown` is the day that the list above already ended with."""
    days: list[Day] = []
    rows = list_rows(documents, places, currency)
    for found, row in zip(documents, rows, strict=True):
        if not days or days[-1].day != found.day:
            days.append(
                Day(found.day, name_day(found.day, places.days(now)[1]), [], is_continued=found.day == shown)
            )
        days[-1].rows.append(row)
    return days


def name_day(day: date, today: date) -> str:
    """«Сегодня, 20.11.2026», «Вчера, …», else the weekday and the date."""
    words = formats.day(day)
    if day == today:
        return str(gettext("Сегодня, %(day)s", day=words))
    if day == today - timedelta(days=1):
        return str(gettext("Вчера, %(day)s", day=words))
    return f"{weekday(day)}, {words}"


def weekday(day: date) -> str:
    """The day of the week in words."""
    names = (
        gettext("Понедельник"),
        gettext("Вторник"),
        gettext("Среда"),
        gettext("Четверг"),
        gettext("Пятница"),
        gettext("Суббота"),
        gettext("Воскресенье"),
    )
    return str(names[day.weekday()])


def sum_up(sums: Sums, currency: str) -> Foot:
    """The foot of the list. Takings before and after refunds are said only where both have a meaning."""
    has_sales = any(one.kind == Kind.SALE for one in sums.kinds)
    return Foot(
        number=sums.count,
        count=formats.count(sums.count),
        gross=formats.money(sums.gross_minor, currency) if has_sales else None,
        net=formats.money(sums.net_minor, currency) if has_sales else None,
        others=[
            (kind_name(one.kind), formats.count(one.count), formats.money(one.total_minor, currency))
            for one in sums.kinds
            if has_total(one.kind) and one.kind != Kind.SALE
        ],
    )
