"""A filter held against the reader's rights and calendar, and as words of SQL."""

from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import TextClause, text

from portal.fiscal.documents import Kind
from portal.journal.delivery import Status, standings, stands
from portal.journal.forms import Cursor, DocumentFilter
from portal.journal.places import Places
from portal.orgs.access import Scope


@dataclass(frozen=True)
class Wanted:
    """A filter that has been held against the reader's rights and calendar.

    `span` is the oldest and newest day of the journal, when somebody has looked already.
    """

    organisation_id: int
    number: int | None = None
    sign: str | None = None
    registers: tuple[int, ...] | None = None
    kinds: tuple[Kind, ...] = ()
    payment_bits: int = 0
    points: tuple[int, ...] | None = None
    statuses: tuple[Status, ...] = ()
    first: date | None = None
    last: date | None = None
    span: tuple[date, date] | None = None

    @property
    def is_searched(self) -> bool:
        """Whether one document is looked for by its number or sign."""
        return self.sign is not None

    @property
    def is_narrowed(self) -> bool:
        """Whether the walk through time would meet documents that do not match."""
        return bool(self.registers or self.kinds or self.payment_bits or self.points)


def want(
    asked: DocumentFilter, scope: Scope, places: Places, now: datetime, span: tuple[date, date] | None
) -> Wanted:
    """Hold what was asked against what the reader may see; refuse points and registers out of reach."""
    points = places.point_ids(asked.points)
    earliest_today, latest_today = places.days(now, points)
    first, last = asked.days(earliest_today, latest_today, span[1] if span else None)
    return Wanted(
        organisation_id=scope.organisation_id,
        number=asked.number,
        sign=asked.search or None,
        registers=places.register_ids(asked.registers),
        kinds=asked.kinds,
        payment_bits=asked.payment_bits,
        points=points,
        statuses=asked.statuses,
        first=first,
        last=last,
        span=span,
    )


@lru_cache(maxsize=512)
def statement(words: str) -> TextClause:
    """A statement parsed once, however often it is asked."""
    return text(words)


def conditions_of(
    wanted: Wanted, *, before: Cursor | None = None, after: Cursor | None = None
) -> tuple[str, dict[str, Any]]:
    """The filter as SQL over `document`."""
    parts = ["organisation_id = :organisation_id"]
    values: dict[str, Any] = {"organisation_id": wanted.organisation_id}
    if wanted.first:
        parts.append("day >= :first")
        values["first"] = wanted.first
    if wanted.last:
        parts.append("day <= :last")
        values["last"] = wanted.last
    if wanted.registers:
        parts.append("register_id = any(cast(:registers as integer[]))")
        values["registers"] = list(wanted.registers)
    if wanted.points is not None:
        parts.append("point_id = any(cast(:points as integer[]))")
        values["points"] = list(wanted.points)
    if wanted.kinds:
        parts.append("kind = any(cast(:kinds as smallint[]))")
        values["kinds"] = [int(kind) for kind in wanted.kinds]
    if wanted.payment_bits:
        parts.append("payment & :payment <> 0")
        values["payment"] = wanted.payment_bits
    if wanted.statuses and wanted.is_searched:
        parts.append(stands(wanted.statuses, "s"))
    for cursor, sign, prefix in ((before, "<", "b"), (after, ">", "a")):
        if cursor is not None:
            parts.append(
                "(day, issued_at, register_id, number) "
                f"{sign} (:{prefix}_day, :{prefix}_issued_at, :{prefix}_register_id, :{prefix}_number)"
            )
            values |= {
                f"{prefix}_day": cursor.day,
                f"{prefix}_issued_at": cursor.issued_at,
                f"{prefix}_register_id": cursor.register_id,
                f"{prefix}_number": cursor.number,
            }
    return " and ".join(parts), values


def searched(wanted: Wanted) -> str:
    """The documents with the number, or with the sign: one probe of an index for each register or day.

    A document issued here has its operator's sign, and the one printed while the operator was away, beside it.
    """
    beside = " union ".join(
        "select document.* from issued_document i join document on document.organisation_id = :organisation_id "
        "and document.register_id = i.register_id and document.number = i.number "
        f"where i.organisation_id = :organisation_id and i.{sign} = :sign"
        for sign in ("fiscal_sign", "autonomous_sign")
    )
    by_sign = (
        "select document.* from (select distinct day from rollup_point where organisation_id = :organisation_id) days "
        "join document on document.organisation_id = :organisation_id "
        "and document.day = days.day and document.fiscal_sign = :sign union "
        f"{beside}"
    )
    if wanted.number is None:
        return by_sign
    by_number = (
        "select * from document where organisation_id = :organisation_id and register_id = any(array("
        "select id from register where organisation_id = :organisation_id)) and number = :number"
    )
    return f"{by_number} union {by_sign}"


def sources_of(wanted: Wanted) -> tuple[list[str], dict[str, Any]]:
    """What `conditions_of` is asked of, part by part, with the values that this needs of its own."""
    if wanted.is_searched:
        return [f"({searched(wanted)}) s"], {"sign": wanted.sign, "number": wanted.number}
    if wanted.statuses:
        return [f"({part}) s" for part in standings(wanted.statuses)], {}
    return ["document"], {}


def masks_of(wanted: Wanted) -> list[int]:
    """Every combination of payment types in which a wanted one takes part."""
    if not wanted.payment_bits:
        return list(range(16))
    return [mask for mask in range(16) if mask & wanted.payment_bits]
