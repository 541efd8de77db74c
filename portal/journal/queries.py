"""Look into the journal: a page of documents, the sums of a whole result, one document.

A page walks the index of time backwards from a cursor. Where filters are on, the rollups say first which days
and registers hold enough matching documents, so that the journal is opened there and nowhere else. Every query
names the points that the reader's rights reach.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.fiscal.documents import Kind
from portal.journal.delivery import Status, status_of
from portal.journal.forms import Cursor
from portal.journal.models import ISSUED_HERE, Cashier, Document, DocumentBody, IssuedDocument, Remark
from portal.journal.wanted import Wanted, conditions_of, masks_of, sources_of, statement
from portal.orgs.access import Scope
from portal.primitives.refusals import NotFound

# How many days the rollups are asked for at first; each further look reaches eight times as far back.
WINDOW_DAYS = 2
WINDOW_GROWTH = 8

_COLUMNS = "register_id, number, kind, shift, issued_at, day, point_id, total_minor, payment, autonomous, accepted_at, batch_id"
_NEWEST_FIRST = "day desc, issued_at desc, register_id desc, number desc"


@dataclass(frozen=True)
class Found:
    """A document in a list."""

    register_id: int
    number: int
    kind: Kind
    shift: int
    issued_at: datetime
    day: date
    point_id: int
    total_minor: int
    payment: int
    status: Status
    accepted_at: datetime
    remarked: bool

    @property
    def cursor(self) -> Cursor:
        """Its place in time order."""
        return Cursor(self.day, self.issued_at, self.register_id, self.number)


@dataclass(frozen=True)
class Whole:
    """One document with all that is kept about it; `issued` is what stands beside one that was issued here."""

    document: Document
    body: str
    cashier: str | None
    remarks: tuple[Remark, ...]
    issued: IssuedDocument | None = None

    @property
    def status(self) -> Status:
        """Where the document stands with its operator."""
        return status_of(
            autonomous=self.document.autonomous,
            delivery=self.issued.delivery if self.issued else None,
            is_autonomous=self.issued is not None and self.issued.is_autonomous,
        )


def find_span(session: Session, organisation_id: int) -> tuple[date, date] | None:
    """The oldest and the newest business day that have documents, None in an empty journal."""
    oldest, newest = session.execute(
        statement(
            "select (select day from rollup_point where organisation_id = :organisation_id order by day limit 1), "
            "(select day from rollup_point where organisation_id = :organisation_id order by day desc limit 1)"
        ),
        {"organisation_id": organisation_id},
    ).one()
    return None if oldest is None else (oldest, newest)


def page_documents(
    session: Session, wanted: Wanted, limit: int, *, before: Cursor | None = None, after: Cursor | None = None
) -> list[Found]:
    """At most `limit` documents, newest first: all, or those before (older than) or after (newer than) a cursor."""
    if before is not None and (wanted.last is None or before.day < wanted.last):
        wanted = replace(wanted, last=before.day)
    if after is not None and (wanted.first is None or after.day > wanted.first):
        wanted = replace(wanted, first=after.day)
    if wanted.is_searched or wanted.statuses or not wanted.is_narrowed:
        return _walk(session, wanted, limit, before, after)
    return _page_narrowed(session, wanted, limit, before, after)


def get_document(session: Session, scope: Scope, register_id: int, number: int) -> Whole:
    """One document; refused alike when it does not exist and when its point is out of the reader's reach."""
    row = session.execute(
        select(Document, DocumentBody.body, Cashier.name, IssuedDocument)
        .join(
            DocumentBody,
            (DocumentBody.organisation_id == Document.organisation_id)
            & (DocumentBody.register_id == Document.register_id)
            & (DocumentBody.number == Document.number),
        )
        .outerjoin(
            Cashier,
            (Cashier.organisation_id == Document.organisation_id) & (Cashier.id == Document.cashier_id),
        )
        .outerjoin(
            IssuedDocument,
            (IssuedDocument.organisation_id == Document.organisation_id)
            & (IssuedDocument.register_id == Document.register_id)
            & (IssuedDocument.number == Document.number)
            & (Document.batch_id == ISSUED_HERE),
        )
        .where(
            Document.organisation_id == scope.organisation_id,
            Document.register_id == register_id,
            Document.number == number,
            DocumentBody.organisation_id == scope.organisation_id,
        )
    ).one_or_none()
    if row is None or not scope.reaches(row[0].point_id):
        raise NotFound(document=f"{register_id}-{number}")
    remarks = session.scalars(
        select(Remark)
        .where(
            Remark.organisation_id == scope.organisation_id,
            Remark.register_id == register_id,
            Remark.number == number,
        )
        .order_by(Remark.code)
    ).all()
    return Whole(row[0], row[1], row[2], tuple(remarks), row[3])


def _fetch(session: Session, documents: str, values: dict[str, Any]) -> list[Found]:
    """Run a query for documents, adding to its few rows what stands beside them: remarks, and the operator's answer."""
    columns = ", ".join(f"d.{name}" for name in _COLUMNS.split(", "))
    rows = session.execute(
        statement(
            f"select {columns}, exists (select from remark r where r.organisation_id = :organisation_id "
            "and r.register_id = d.register_id and r.number = d.number) as remarked, i.delivery, i.is_autonomous "
            f"from ({documents}) d left join issued_document i on d.batch_id = 0 "
            "and i.organisation_id = :organisation_id and i.register_id = d.register_id and i.number = d.number "
            "order by d.day desc, d.issued_at desc, d.register_id desc, d.number desc"
        ),
        values,
    )
    return [
        Found(
            row.register_id,
            row.number,
            Kind(row.kind),
            row.shift,
            row.issued_at,
            row.day,
            row.point_id,
            row.total_minor,
            row.payment,
            status_of(
                autonomous=row.autonomous, delivery=row.delivery, is_autonomous=bool(row.is_autonomous)
            ),
            row.accepted_at,
            row.remarked,
        )
        for row in rows
    ]


def _walk(
    session: Session, wanted: Wanted, limit: int, before: Cursor | None, after: Cursor | None
) -> list[Found]:
    conditions, values = conditions_of(wanted, before=before, after=after)
    sources, of_sources = sources_of(wanted)
    # Each part is cut by itself, so that none is read further than the page reaches.
    parts = [
        f"(select {_COLUMNS} from {source} where {conditions} order by {_NEWEST_FIRST} limit :limit)"
        for source in sources
    ]
    together = f"select * from ({' union all '.join(parts)}) d order by {_NEWEST_FIRST} limit :limit"
    return _fetch(
        session,
        parts[0] if len(parts) == 1 else together,
        values | of_sources | {"limit": limit},
    )


def _page_narrowed(
    session: Session, wanted: Wanted, limit: int, before: Cursor | None, after: Cursor | None
) -> list[Found]:
    """Ask the rollups for the newest days that hold enough, fetch there, and go further back if it was not enough."""
    ends = _ends(session, wanted)
    if ends is None:
        return []
    floor, upper = ends
    found: list[Found] = []
    span = WINDOW_DAYS
    while len(found) < limit:
        lower = max(floor, _back(upper, span - 1))
        pairs = _matching(session, wanted, lower, upper)
        missing = limit - len(found)
        # What stands beyond a cursor's day is whole; of the cursor's own day nobody knows how much is left.
        chosen = _enough(pairs, missing, open_days={cursor.day for cursor in (before, after) if cursor})
        if chosen:
            lower = chosen[-1].day
            part = replace(wanted, first=lower, last=upper)
            found += _fetch_chosen(session, part, chosen, missing, before, after)
        if lower <= floor:
            break
        # A register that moved between points may have promised more than it holds: look on from there.
        upper = _back(lower, 1)
        span *= WINDOW_GROWTH
    return found[:limit]


def _back(day: date, days: int) -> date:
    """So many days earlier, or the first day there is."""
    return date.fromordinal(max(day.toordinal() - days, date.min.toordinal()))


@dataclass(frozen=True)
class _Match:
    """How many matching documents a register's day promises."""

    day: date
    register_id: int
    count: int


def _ends(session: Session, wanted: Wanted) -> tuple[date, date] | None:
    """The first and the last day to look at: those of the period that the journal reaches."""
    span = wanted.span or find_span(session, wanted.organisation_id)
    if span is None:
        return None
    first, last = max(span[0], wanted.first or span[0]), min(span[1], wanted.last or span[1])
    return (first, last) if first <= last else None


def _matching(session: Session, wanted: Wanted, lower: date, upper: date) -> list[_Match]:
    """Days and registers with matching documents, newest day first."""
    values: dict[str, Any] = {"organisation_id": wanted.organisation_id, "lower": lower, "upper": upper}
    conditions = "organisation_id = :organisation_id and day between :lower and :upper"
    if wanted.registers:
        conditions += " and register_id = any(cast(:registers as integer[]))"
        values["registers"] = list(wanted.registers)
    if wanted.points is not None:
        values["points"] = list(wanted.points)
    at_points = " and point_id = any(cast(:points as integer[]))" if wanted.points is not None else ""
    if not wanted.kinds and not wanted.payment_bits:
        words = f"select day, register_id, sum(document_count) from rollup_day where {conditions}{at_points}"
    else:
        kinds = [int(kind) for kind in wanted.kinds or Kind]
        values |= {"kinds": kinds, "payments": masks_of(wanted)}
        # Where a register stood that day; a day at two points is fetched for either, and filtered there.
        standing = (
            f" and (day, register_id) in (select day, register_id from rollup_day where {conditions}{at_points})"
            if at_points
            else ""
        )
        words = (
            f"select day, register_id, sum(document_count) from rollup_kind where {conditions} "
            "and kind = any(cast(:kinds as smallint[])) and payment = any(cast(:payments as smallint[]))"
            f"{standing}"
        )
    rows = session.execute(statement(f"{words} group by day, register_id order by day desc"), values)
    return [_Match(day, register_id, int(count)) for day, register_id, count in rows]


def _enough(pairs: Sequence[_Match], missing: int, *, open_days: set[date]) -> list[_Match]:
    """The newest whole days that together promise as many documents as are missing."""
    chosen: list[_Match] = []
    promised = 0
    for pair in pairs:
        if promised >= missing and pair.day != chosen[-1].day:
            break
        chosen.append(pair)
        if pair.day not in open_days:
            promised += pair.count
    return chosen


def _fetch_chosen(
    session: Session,
    part: Wanted,
    chosen: Sequence[_Match],
    limit: int,
    before: Cursor | None,
    after: Cursor | None,
) -> list[Found]:
    """Fetch from the chosen days: through time where most documents match, else register by register."""
    if _is_walk_cheaper(session, part, chosen, limit):
        return _walk(session, part, limit, before, after)
    conditions, values = conditions_of(
        replace(part, registers=None, first=None, last=None), before=before, after=after
    )
    return _fetch(
        session,
        f"select d.* from unnest(cast(:pair_days as date[]), cast(:pair_registers as integer[])) as pair (on_day, at_register) "
        f"cross join lateral (select {_COLUMNS} from document where {conditions} "
        "and register_id = pair.at_register and day = pair.on_day order by issued_at desc, number desc limit :limit) d "
        f"order by {_NEWEST_FIRST} limit :limit",
        values
        | {
            "pair_days": [pair.day for pair in chosen],
            "pair_registers": [pair.register_id for pair in chosen],
            "limit": limit,
        },
    )


def _is_walk_cheaper(session: Session, part: Wanted, chosen: Sequence[_Match], limit: int) -> bool:
    """Compare how many documents either way would have to look at, taking them as evenly spread."""
    total, pairs = session.execute(
        statement(
            "select coalesce(sum(document_count), 0), count(*) from rollup_day "
            "where organisation_id = :organisation_id and day between :first and :last"
        ),
        {"organisation_id": part.organisation_id, "first": part.first, "last": part.last},
    ).one()
    matching = sum(pair.count for pair in chosen) or 1
    a_pair = int(total) / max(pairs, 1)
    of_a_pair = a_pair * len(chosen) / matching
    walk = min(int(total), limit * int(total) / matching)
    one_by_one = len(chosen) * min(a_pair, limit * of_a_pair)
    return bool(walk <= one_by_one)
