"""The home page, ready to show: the business day so far, the week, the quarter by point.

«Today» is each point's own business day in its own zone, so that the company's day may be two dates at once. The day so
far is compared with other days at the same hour: whole hours that are over, which the rollups know exactly.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import accumulate

from flask_babel import gettext
from sqlalchemy.orm import Session

from portal.analytics import metrics, queries
from portal.analytics.attention import Item, find_troubles, list_attention
from portal.analytics.forms import HomeFilter
from portal.analytics.metrics import Metric
from portal.analytics.queries import PointDay, QuarterSums, Sums
from portal.fiscal.documents import Kind
from portal.journal.forms import PAYMENTS, DocumentFilter
from portal.journal.listing import Row, list_rows, name_day, weekday
from portal.journal.places import Places
from portal.journal.queries import page_documents
from portal.journal.wanted import Wanted
from portal.orgs.access import Scope
from portal.primitives.period import Period
from portal.web import charts, formats
from portal.web.words import payment_name

LAST_DOCUMENTS = 5
HUES = 8


@dataclass(frozen=True)
class Change:
    """A figure against another: in percent, with the sums in the hint."""

    text: str
    direction: str
    title: str
    word: str


@dataclass(frozen=True)
class Figure:
    """One figure of the page: what it is called, what it means, what it opens into."""

    name: str
    label: str
    definition: str
    value: str
    unit: str
    address: str
    changes: list[Change]


@dataclass(frozen=True)
class PaymentRow:
    """Sale receipts by one type of payment."""

    label: str
    count: str
    sold: str
    refunded: str
    annulled: str
    net: str
    share: float
    address: str


@dataclass(frozen=True)
class Now:
    """The business day so far."""

    day: str
    is_today: bool
    turnover: Figure
    net: Figure
    receipts: Figure
    average: Figure
    spark: charts.Spark
    payments: list[PaymentRow]
    payments_total: PaymentRow
    last: list[Row]
    attention: list[Item]


@dataclass(frozen=True)
class WeekDay:
    """A day of the week chart as its table says it."""

    day: str
    gross: str
    net: str
    receipts: str
    before: str
    address: str


@dataclass(frozen=True)
class PointRow:
    """A point's quarter."""

    name: str
    hue: int
    gross: str
    net: str
    receipts: str
    share_words: str
    bar: str
    change: Change | None
    spark: charts.Spark
    address: str


@dataclass(frozen=True)
class PeriodView:
    """The week and the quarter."""

    figure: str
    week: list[WeekDay]
    week_total: str
    quarter: str
    points: list[PointRow]
    total: PointRow


@dataclass(frozen=True)
class View:
    """What the page is about: points, their days, and how to speak of them."""

    scope: Scope
    places: Places
    asked: HomeFilter
    currency: str
    now: datetime
    points: tuple[int, ...] | None
    days: tuple[PointDay, ...]

    @property
    def first(self) -> date:
        """The earliest of the points' days."""
        return min(one.day for one in self.days)

    @property
    def last(self) -> date:
        """The latest of the points' days."""
        return max(one.day for one in self.days)

    @property
    def is_today(self) -> bool:
        """Whether every point's own today is shown."""
        return self.asked.day is None

    def documents(
        self, kinds: Sequence[Kind], payments: Sequence[str] = (), *, days: tuple[date, date]
    ) -> str:
        """The address of the documents behind a figure."""
        behind = DocumentFilter(
            kinds=tuple(kinds),
            points=self.asked.points,
            payments=tuple(payments),
            first=days[0],
            last=days[1],
        )
        return f"/documents/{behind.query()}"


def look_at(scope: Scope, places: Places, asked: HomeFilter, currency: str, now: datetime) -> View:
    """Hold the filter against the reader's reach, and find each point's day."""
    points = places.point_ids(asked.points)
    days = []
    for point_id in places.points if points is None else points:
        place = places.points[point_id]
        today, hour = place.locate(now)
        day = asked.day or today
        passed = place.hours_passed(hour) if day == today else 24 if day < today else 0
        days.append(PointDay(point_id, day, place.day_starts_hour, passed))
    return View(scope, places, asked, currency, now, points, tuple(days))


def show_now(session: Session, view: View) -> Now:
    """The business day so far, with what happened last and what needs attention."""
    organisation_id = view.scope.organisation_id
    sums = queries.sum_point_days(session, organisation_id, view.days)
    today, yesterday, week_ago = queries.sum_hours(
        session,
        organisation_id,
        view.days,
        back=(0, 1, 7),
        registers=list(view.places.names) if view.points is None else None,
    )
    masks = queries.count_receipts_by_payment(
        session, organisation_id, view.days, is_everywhere=view.points is None and view.first == view.last
    )
    # Only as far as it has come: the rest of today is a hole, not a zero.
    length = max((one.hours_passed for one in view.days), default=24) + 1
    compared = [(_yesterday_word(view), yesterday.over), (_week_ago_word(view), week_ago.over)]
    can_compare = any(one.hours_passed for one in view.days)
    last = page_documents(
        session,
        Wanted(organisation_id, points=view.points, last=view.last),
        LAST_DOCUMENTS,
    )
    troubles = find_troubles(session, view.scope, view.places, view.now)

    def figure(metric: Metric) -> Figure:
        changes = [
            change
            for word, before in (compared if can_compare else ())
            if (change := compare(metric, today.over, before, word, view.currency)) is not None
        ]
        return _figure(view, metric, sums, changes)

    payments = _by_payment(view, sums, masks)
    return Now(
        day=name_day(view.last, view.places.days(view.now)[1]),
        is_today=view.is_today,
        turnover=figure(metrics.TURNOVER),
        net=figure(metrics.NET),
        receipts=figure(metrics.RECEIPTS),
        average=figure(metrics.AVERAGE_RECEIPT),
        spark=charts.spark(_accumulated(today.gross, length), _accumulated(week_ago.gross, 24)),
        payments=payments[:-1],
        payments_total=payments[-1],
        last=list_rows(last, view.places, view.currency),
        attention=list_attention(troubles, view.scope, view.places, view.now),
    )


def show_period(session: Session, view: View) -> PeriodView:
    """The week of all points, and the quarter point by point."""
    organisation_id, last = view.scope.organisation_id, view.last
    first = last - timedelta(days=6)
    by_day = queries.sum_by_day(session, organisation_id, view.points, first - timedelta(days=7), last)
    quarter = Period.quarter(last)
    so_far, before = quarter.until(last), quarter.previous_until(last)
    by_point = queries.sum_quarter(
        session,
        organisation_id,
        view.points,
        now=(so_far.first, so_far.last),
        before=(before.first, before.last),
    )
    week = [_week_day(view, first + timedelta(days=place), by_day) for place in range(7)]
    points = _quarter_rows(view, by_point, (so_far.first, so_far.last))
    total = sum(
        metrics.TURNOVER.of(by_day.get(first + timedelta(days=place), queries.NOTHING)) or 0
        for place in range(7)
    )
    return PeriodView(
        figure=charts.dump(_draw_week(view, first, by_day, week)),
        week=week,
        week_total=formats.money(total, view.currency),
        quarter=gettext(
            "%(number)s квартал %(year)s",
            number=("I", "II", "III", "IV")[(quarter.first.month - 1) // 3],
            year=quarter.first.year,
        ),
        points=points[:-1],
        total=points[-1],
    )


def compare(metric: Metric, now: Sums, before: Sums, word: str, currency: str) -> Change | None:
    """A figure against the same figure of another day; None where there was nothing to compare with."""
    new, old = metric.of(now), metric.of(before)
    if old is None or new is None or old == 0:
        return None
    ratio = (new - old) / abs(old)
    shown = formats.money if metric.unit == "money" else _count
    direction = "same" if new == old else "up" if new > old else "down"
    return Change(
        text=formats.percent(ratio, signed=True),
        direction=direction,
        title=f"{shown(old, currency)} → {shown(new, currency)}",
        word=word,
    )


def _count(number: int, _currency: str) -> str:
    return formats.count(number)


def _figure(view: View, metric: Metric, sums: Sums, changes: list[Change]) -> Figure:
    value = metric.of(sums)
    is_money = metric.unit == "money"
    return Figure(
        name=metric.name,
        label=str(metric.label),
        definition=str(metric.definition),
        value=formats.amount(value) if is_money else formats.count(value),
        unit=view.currency if is_money and value is not None else "",
        address=view.documents(metric.kinds, days=(view.first, view.last)),
        changes=changes,
    )


def _hour_word(view: View) -> str | None:
    """«14:00» where all clocks agree and the day goes on, «этот час» where they differ; None when it is over."""
    going_on = {(one.hours_passed + one.day_starts_hour) % 24 for one in view.days if one.hours_passed < 24}
    if not going_on:
        return None
    return f"{going_on.pop()}:00" if len(going_on) == 1 else str(gettext("этот час"))


def _yesterday_word(view: View) -> str:
    """What «yesterday» is for the day that is shown. Whole phrases, because languages differ in how parts join."""
    time = _hour_word(view)
    if not view.is_today:
        if time is None:
            return str(gettext("к предыдущему дню"))
        return str(gettext("к предыдущему дню на %(time)s", time=time))
    if time is None:
        return str(gettext("ко вчерашнему дню"))
    return str(gettext("ко вчерашнему дню на %(time)s", time=time))


def _week_ago_word(view: View) -> str:
    day = view.last - timedelta(days=7)
    name, time = f"{short_weekday(day)} {day:%d.%m}", _hour_word(view)
    if time is None:
        return str(gettext("к %(day)s", day=name))
    return str(gettext("к %(day)s на %(time)s", day=name, time=time))


def short_weekday(day: date) -> str:
    """The day of the week in two letters or so."""
    names = (
        gettext("пн"),
        gettext("вт"),
        gettext("ср"),
        gettext("чт"),
        gettext("пт"),
        gettext("сб"),
        gettext("вс"),
    )
    return str(names[day.weekday()])


def _accumulated(hours: Sequence[int], length: int) -> list[int]:
    return [0, *accumulate(hours[:length])]


def _by_payment(view: View, sums: Sums, masks: dict[int, int]) -> list[PaymentRow]:
    """Sale receipts by type of payment; the last row is all of them. A receipt paid in two ways is in both rows."""
    whole = sums["sale_minor"]
    rows = [
        _payment_row(
            view,
            payment_name(name),
            sum(count for mask, count in masks.items() if mask & bit),
            [sums[f"{measure}_{name}_minor"] for measure in ("sale", "refund", "annulment")],
            whole,
            (name,),
        )
        for name, bit in PAYMENTS.items()
    ]
    total = _payment_row(
        view,
        gettext("Всего"),
        sums["sale_count"],
        [sums["sale_minor"], sums["refund_minor"], sums["annulment_minor"]],
        whole,
        (),
    )
    return [*rows, total]


def _payment_row(
    view: View, label: str, count: int, parts: Sequence[int], whole: int, payments: tuple[str, ...]
) -> PaymentRow:
    sold, refunded, annulled = parts
    return PaymentRow(
        label=label,
        count=formats.count(count),
        sold=formats.amount(sold),
        refunded=formats.amount(refunded),
        annulled=formats.amount(annulled),
        net=formats.amount(sold - refunded - annulled),
        share=sold / whole if whole else 0.0,
        address=view.documents((Kind.SALE,), payments, days=(view.first, view.last)),
    )


def _week_day(view: View, day: date, by_day: dict[date, Sums]) -> WeekDay:
    sums = by_day.get(day, queries.NOTHING)
    before = by_day.get(day - timedelta(days=7), queries.NOTHING)
    return WeekDay(
        day=f"{weekday(day)}, {formats.day(day)}",
        gross=formats.amount(metrics.TURNOVER.of(sums)),
        net=formats.amount(metrics.NET.of(sums)),
        receipts=formats.count(metrics.RECEIPTS.of(sums)),
        before=formats.amount(metrics.TURNOVER.of(before)),
        address=view.documents((Kind.SALE,), days=(day, day)),
    )


def _draw_week(view: View, first: date, by_day: dict[date, Sums], week: Sequence[WeekDay]) -> charts.Figure:
    days = [first + timedelta(days=place) for place in range(7)]

    def gross(day: date) -> int:
        return metrics.TURNOVER.of(by_day.get(day, queries.NOTHING)) or 0

    now = [gross(day) for day in days]
    before = [gross(day - timedelta(days=7)) for day in days]
    return charts.lines(
        [f"{short_weekday(day)} {day:%d.%m}" for day in days],
        [
            charts.Series(
                gettext("Эта неделя"),
                now,
                [_say_day(view, day, minor) for day, minor in zip(days, now, strict=True)],
                addresses=[one.address for one in week],
            ),
            charts.Series(
                gettext("Неделей раньше"),
                before,
                [formats.money(minor, view.currency) for minor in before],
                is_before=True,
            ),
        ],
    )


def _say_day(view: View, day: date, minor: int) -> str:
    """What a point of the chart says: the sum, and that the day is not over while it is not."""
    words = formats.money(minor, view.currency)
    if any(one.day == day and one.hours_passed < 24 for one in view.days):
        return str(gettext("%(total)s, день ещё идёт", total=words))
    return words


def _quarter_rows(view: View, by_point: dict[int, QuarterSums], days: tuple[date, date]) -> list[PointRow]:
    """Points by takings, the greatest first; the last row is their sum."""
    nothing = QuarterSums(dict(queries.NOTHING), dict(queries.NOTHING), ())
    shown = [
        (view.places.points[point_id], by_point.get(point_id, nothing))
        for point_id in (view.places.points if view.points is None else view.points)
    ]
    total = QuarterSums(
        {name: sum(sums.now[name] for _place, sums in shown) for name in queries.MEASURES},
        {name: sum(sums.before[name] for _place, sums in shown) for name in queries.MEASURES},
        tuple(sum(week) for week in zip(*(sums.weeks for _place, sums in shown if sums.weeks), strict=True)),
    )
    whole = total.now["sale_minor"]
    shown.sort(key=lambda row: (-row[1].now["sale_minor"], row[0].order))
    rows = [
        _point_row(view, place.name, place.order % HUES + 1, sums, whole, (place.id,), days)
        for place, sums in shown
    ]
    return [*rows, _point_row(view, gettext("Всего"), 0, total, whole, view.asked.points, days)]


def _point_row(
    view: View,
    name: str,
    hue: int,
    sums: QuarterSums,
    whole: int,
    points: tuple[int, ...],
    days: tuple[date, date],
) -> PointRow:
    gross = sums.now["sale_minor"]
    share = gross / whole if whole else 0.0
    behind = DocumentFilter(kinds=(Kind.SALE,), points=points, first=days[0], last=days[1])
    # A week that has only begun would look like a fall.
    weeks_whole = ((days[1] - days[0]).days + 1) // 7
    return PointRow(
        name=name,
        hue=hue,
        gross=formats.amount(gross),
        net=formats.amount(metrics.NET.of(sums.now)),
        receipts=formats.count(metrics.RECEIPTS.of(sums.now)),
        share_words=formats.percent(share),
        bar=f"{share * 100:.2f}",
        change=compare(
            metrics.TURNOVER,
            sums.now,
            sums.before,
            "",
            view.currency,
        ),
        spark=charts.spark(sums.weeks[: max(weeks_whole, 1)]),
        address=f"/documents/{behind.query()}",
    )
