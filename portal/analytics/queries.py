"""Sums for pages and commands, read from rollups alone: the journal may grow, these do not slow down."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Any, Literal

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from portal.analytics.metrics import TaxFigure, fold_taxes
from portal.analytics.models import Measures
from portal.fiscal.documents import Kind

MEASURES = tuple(Measures.__annotations__)
NOTHING = dict.fromkeys(MEASURES, 0)

# What the figures of the home page are reckoned from; the rest of a row is not read for them.
TAKINGS = (
    "sale_count",
    "sale_minor",
    "refund_count",
    "refund_minor",
    "annulment_minor",
    "purchase_count",
    "purchase_refund_count",
)

Sums = dict[str, int]
Grain = Literal["day", "point", "register"]


@dataclass(frozen=True)
class PointDay:
    """One point's business day, and how many of its hours are over: 24 once the day is."""

    point_id: int
    day: date
    day_starts_hour: int = 0
    hours_passed: int = 24


@dataclass(frozen=True)
class QuarterSums:
    """A point's part of a quarter: sums so far, sums of as many days of the quarter before, gross by week."""

    now: Sums
    before: Sums
    weeks: tuple[int, ...]


@dataclass(frozen=True)
class Hours:
    """A set of business days by the hour: all measures of the hours that are over, and the gross of each hour."""

    over: Sums
    gross: list[int]


def sum_point_days(session: Session, organisation_id: int, days: Sequence[PointDay]) -> Sums:
    """All measures over these business days of these points."""
    row = session.execute(
        _sql(
            f"select {_summed('r')} from unnest(cast(:points as integer[]), cast(:days as date[])) as t (point_id, day) "
            "join rollup_point r on r.organisation_id = :organisation_id and r.day = t.day and r.point_id = t.point_id"
        ),
        {
            "organisation_id": organisation_id,
            "points": [one.point_id for one in days],
            "days": [one.day for one in days],
        },
    ).one()
    return _as_sums(row)


def sum_hours(
    session: Session,
    organisation_id: int,
    days: Sequence[PointDay],
    back: Sequence[int],
    registers: Sequence[int] | None,
) -> list[Hours]:
    """Takings hour by hour of these business days, moved back by so many days, one answer for each.

    Hours are kept by register. A register that moved on that very day counts where most of its documents are:
    good enough to compare with, and never counted twice. `registers` are all there are, when every point is
    asked for: where they stood does not matter then.
    """
    found = [Hours(dict(NOTHING), [0] * 24) for _days in back]
    clocks: dict[tuple[date, int, int], list[int]] = {}
    for one in days:
        clocks.setdefault((one.day, one.day_starts_hour, one.hours_passed), []).append(one.point_id)
    is_everywhere = registers is not None and len(clocks) == 1
    for (day, starts, passed), points in clocks.items():
        places = {day - timedelta(days=count): place for place, count in enumerate(back)}
        rows = session.execute(
            _sql(_HOURS_EVERYWHERE if is_everywhere else _HOURS_AT_POINTS),
            {
                "organisation_id": organisation_id,
                "days": list(places),
                "points": points,
                "registers": list(registers or ()),
            },
        )
        for row in rows:
            hours, since = found[places[row.day]], (row.hour - starts) % 24
            hours.gross[since] += row.sale_minor
            if since < passed:
                for name in TAKINGS:
                    hours.over[name] += getattr(row, name)
    return found


def sum_by_day(
    session: Session, organisation_id: int, points: Sequence[int] | None, first: date, last: date
) -> dict[date, Sums]:
    """All measures of each business day that has documents."""
    conditions, values = _period(organisation_id, points, first, last)
    rows = session.execute(
        _sql(f"select day, {_summed()} from rollup_point where {conditions} group by day order by day"),
        values,
    )
    return {row[0]: _as_sums(row[1:]) for row in rows}


def sum_quarter(
    session: Session,
    organisation_id: int,
    points: Sequence[int] | None,
    *,
    now: tuple[date, date],
    before: tuple[date, date],
) -> dict[int, QuarterSums]:
    """Each point's measures over two periods (first and last days), and its takings week by week of the first."""
    conditions, values = _period(organisation_id, points, before[0], now[1])
    rows = session.execute(
        _sql(
            f"select point_id, case when day < :now_first then -1 else (day - :now_first) / 7 end as week, {_summed(names=TAKINGS)} "
            f"from rollup_point where {conditions} and (day <= :before_last or day >= :now_first) group by 1, 2"
        ),
        values | {"now_first": now[0], "before_last": before[1]},
    )
    weeks_count = (now[1] - now[0]).days // 7 + 1
    parts: dict[int, tuple[Sums, Sums, list[int]]] = {}
    for point_id, week, *sums in rows:
        of_point = parts.setdefault(point_id, (dict(NOTHING), dict(NOTHING), [0] * weeks_count))
        target = of_point[1] if week < 0 else of_point[0]
        for name, value in zip(TAKINGS, sums, strict=True):
            target[name] += value
        if week >= 0:
            of_point[2][week] = sums[_GROSS]
    return {
        point_id: QuarterSums(now, before, tuple(weeks)) for point_id, (now, before, weeks) in parts.items()
    }


def count_receipts_by_payment(
    session: Session, organisation_id: int, days: Sequence[PointDay], *, is_everywhere: bool
) -> dict[int, int]:
    """How many sale receipts took each combination of payment types; the key is the mask."""
    standing = (
        ""
        if is_everywhere
        else "and (day, register_id) in (select r.day, r.register_id from rollup_day r "
        "join unnest(cast(:points as integer[]), cast(:days as date[])) as t (point_id, day) "
        "on r.day = t.day and r.point_id = t.point_id "
        "where r.organisation_id = :organisation_id and r.day = any(cast(:days as date[]))) "
    )
    rows = session.execute(
        _sql(
            "select payment, sum(document_count) from rollup_kind where organisation_id = :organisation_id "
            "and kind = :kind and payment = any(cast(:payments as smallint[])) and day = any(cast(:days as date[])) "
            f"{standing}group by payment"
        ),
        {
            "organisation_id": organisation_id,
            "kind": int(Kind.SALE),
            "payments": list(range(16)),
            "points": [one.point_id for one in days],
            "days": [one.day for one in days],
        },
    )
    return {payment: int(count) for payment, count in rows}


def sum_by(
    session: Session,
    organisation_id: int,
    by: Grain | None,
    first: date | None,
    last: date | None,
) -> dict[Any, Sums]:
    """All measures of a period by day, point or register; by nothing at all gives one row under None."""
    conditions, values = _period(organisation_id, None, first, last)
    table = "rollup_day" if by == "register" else "rollup_point"
    key = {"day": "day", "point": "point_id", "register": "register_id", None: "null"}[by]
    # Nothing to group by gives one row even of an empty journal.
    grouped = " group by 1 order by 1" if by else ""
    rows = session.execute(
        _sql(f"select {key} as key, {_summed()} from {table} where {conditions}{grouped}"),
        values,
    )
    return {row[0]: _as_sums(row[1:]) for row in rows}


def sum_taxes(
    session: Session,
    organisation_id: int,
    by: Grain | None,
    first: date | None,
    last: date | None,
) -> dict[Any, tuple[TaxFigure, ...]]:
    """Turnover and tax by rate of a period; a point's are those of the registers that stood there that day."""
    values = {"organisation_id": organisation_id, "first": first, "last": last}
    bounds = ("and t.day >= :first " if first else "") + ("and t.day <= :last " if last else "")
    key = {"day": "t.day", "point": "s.point_id", "register": "t.register_id", None: "null"}[by]
    standing = (
        "join (select distinct on (day, register_id) day, register_id, point_id from rollup_day "
        "where organisation_id = :organisation_id order by day, register_id, document_count desc, point_id) s "
        "on s.day = t.day and s.register_id = t.register_id "
        if by == "point"
        else ""
    )
    rows = session.execute(
        _sql(
            f"select {key} as key, t.kind, t.tax_rate, sum(t.turnover_minor), sum(t.tax_minor) from rollup_tax t {standing}"
            f"where t.organisation_id = :organisation_id {bounds}group by 1, 2, 3 order by 1"
        ),
        values,
    )
    grouped: dict[Any, list[tuple[int, int, int, int]]] = {}
    for found, kind, rate, turnover, tax in rows:
        grouped.setdefault(found, []).append((kind, rate, int(turnover), int(tax)))
    return {found: fold_taxes(parts) for found, parts in grouped.items()}


def _period(
    organisation_id: int, points: Sequence[int] | None, first: date | None, last: date | None
) -> tuple[str, dict[str, Any]]:
    conditions = "organisation_id = :organisation_id"
    values: dict[str, Any] = {"organisation_id": organisation_id}
    if first:
        conditions += " and day >= :first"
        values["first"] = first
    if last:
        conditions += " and day <= :last"
        values["last"] = last
    if points is not None:
        conditions += " and point_id = any(cast(:points as integer[]))"
        values["points"] = list(points)
    return conditions, values


@lru_cache(maxsize=8)
def _summed(table: str = "", names: tuple[str, ...] = MEASURES) -> str:
    prefix = f"{table}." if table else ""
    # The sum of bigints is numeric, which is slow to read; no shop's takings leave a bigint.
    return ", ".join(f"cast(coalesce(sum({prefix}{name}), 0) as bigint) as {name}" for name in names)


_GROSS = TAKINGS.index("sale_minor")

_HOURS_EVERYWHERE = (
    f"select day, hour, {_summed(names=TAKINGS)} from rollup_hour where organisation_id = :organisation_id "
    "and register_id = any(cast(:registers as integer[])) and day = any(cast(:days as date[])) group by 1, 2"
)

_HOURS_AT_POINTS = (
    "with standing as (select distinct on (day, register_id) day, register_id, point_id from rollup_day "
    "where organisation_id = :organisation_id and day = any(cast(:days as date[])) "
    "order by day, register_id, document_count desc, point_id) "
    f"select h.day, h.hour, {_summed('h', TAKINGS)} from standing s "
    "join rollup_hour h on h.organisation_id = :organisation_id and h.register_id = s.register_id and h.day = s.day "
    "where s.point_id = any(cast(:points as integer[])) group by 1, 2"
)


def _as_sums(values: Iterable[Any]) -> Sums:
    return dict(zip(MEASURES, values, strict=True))


@lru_cache(maxsize=128)
def _sql(words: str) -> TextClause:
    return text(words)
