"""Fold documents into rollups, and move the stored rollups by a fold.

A fold is a set of sums; folding the same documents in any order or in any cut gives the same sums, so adding
a batch's fold and folding the whole journal again end in identical rows.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

from msgspec import Struct
from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.analytics.models import Measures
from portal.analytics.names import Names
from portal.fiscal.documents import Document, Kind

MEASURES = tuple(name for name in Measures.__annotations__)
_AT = {name: index for index, name in enumerate(MEASURES)}

NO_TAX = -1

# Where the sums of a kind go: count, total, then cash, card, mobile and other (None where not kept).
_PLACES: dict[int, tuple[int | None, ...]] = {
    kind: tuple(
        _AT.get(f"{prefix}_{part}")
        for part in ("count", "minor", "cash_minor", "card_minor", "mobile_minor", "other_minor")
    )
    for kind, prefix in (
        (Kind.SALE, "sale"),
        (Kind.SALE_REFUND, "refund"),
        (Kind.ANNULMENT, "annulment"),
        (Kind.PURCHASE, "purchase"),
        (Kind.PURCHASE_REFUND, "purchase_refund"),
        (Kind.CASH_IN, "cash_in"),
        (Kind.CASH_OUT, "cash_out"),
    )
}


class Folded(Protocol):
    """What a fold needs to know of a document."""

    @property
    def document(self) -> Document: ...
    @property
    def kind(self) -> int: ...
    @property
    def day(self) -> date: ...
    @property
    def hour(self) -> int: ...
    @property
    def point_id(self) -> int: ...
    @property
    def payment(self) -> int: ...


class Entry(Struct, gc=False):
    """A stored document with the facts the portal found out about it."""

    document: Document
    kind: int
    day: date
    hour: int
    point_id: int
    payment: int


Key = tuple[object, ...]

# Day, hour, kind, payment, cashier, shift, point; day, kind, code, name, section, rate of tax.
FineKey = tuple[date, int, int, int, str | None, int, int]
LineKey = tuple[date, int, str | None, str, int, int | None]
# Day, kind, rate of tax.
ShareKey = tuple[date, int, int | None]


@dataclass
class Fold:
    """Sums by grain; keys are those of the tables without organisation and register."""

    hours: dict[Key, list[int]] = field(default_factory=dict)
    days: dict[Key, list[int]] = field(default_factory=dict)
    cashiers: dict[Key, list[int]] = field(default_factory=dict)
    shifts: dict[int, list[int]] = field(default_factory=dict)
    spans: dict[int, "Span"] = field(default_factory=dict)
    kinds: dict[Key, list[int]] = field(default_factory=dict)
    taxes: dict[Key, list[int]] = field(default_factory=dict)
    products: dict[Key, list[int]] = field(default_factory=dict)
    sections: dict[Key, list[int]] = field(default_factory=dict)


@dataclass
class Span:
    """Where a shift begins and ends, as far as its documents tell."""

    opened_at: datetime
    first_number: int
    last_number: int
    closed_at: datetime | None = None
    z_number: int | None = None


class Folding:
    """A fold in the making: documents are added part by part.

    The finest grain is summed first, one dictionary step per document and per line; the coarser grains, which
    have far fewer rows, are summed from it at the end.
    """

    def __init__(self) -> None:
        self._fine: dict[FineKey, list[int]] = {}
        self._lines: dict[LineKey, list[int]] = {}
        self._shares: dict[ShareKey, list[int]] = {}
        self._spans: dict[int, Span] = {}

    def add(self, entries: Iterable[Folded]) -> None:
        """Fold one register's documents in."""
        fine, lines, spans = self._fine, self._lines, self._spans
        for entry in entries:
            document, kind, day = entry.document, entry.kind, entry.day
            key = (day, entry.hour, kind, entry.payment, document.cashier, document.shift, entry.point_id)
            sums = fine.get(key)
            if sums is None:
                sums = fine[key] = [0, 0, 0, 0, 0, 0]
            payments = document.payments
            sums[0] += 1
            sums[1] += document.total_minor
            sums[2] += payments.cash_minor - document.change_minor
            sums[3] += payments.card_minor
            sums[4] += payments.mobile_minor
            sums[5] += payments.other_minor
            for line in document.lines:
                line_key = (day, kind, line.code, line.name, line.section, line.tax_rate)
                line_sums = lines.get(line_key)
                if line_sums is None:
                    lines[line_key] = [1, line.quantity_milli, line.sum_minor, line.tax_minor]
                    continue
                line_sums[0] += 1
                line_sums[1] += line.quantity_milli
                line_sums[2] += line.sum_minor
                line_sums[3] += line.tax_minor
            if document.modifiers:
                _share_out(self._shares, document, day, kind)
            _stretch(spans, document, kind)

    def finish(self, names: Names) -> Fold:
        """The sums of every grain."""
        result = Fold(spans=self._spans)
        _sum_documents(result, self._fine, names)
        _sum_lines(result, self._lines, names)
        for (day, kind, rate), (total, tax) in self._shares.items():
            _add(result.taxes, (day, kind, NO_TAX if rate is None else rate), [total, tax])
        return result


def fold(entries: Iterable[Folded], names: Names) -> Fold:
    """Fold one register's documents."""
    folding = Folding()
    folding.add(entries)
    return folding.finish(names)


def _share_out(shares: dict[ShareKey, list[int]], document: Document, day: date, kind: int) -> None:
    """A receipt's own discounts and markups move turnover and tax of the rates that they fall on."""
    for modifier in document.modifiers:
        sign = 1 if modifier.markup else -1
        for share in modifier.shares:
            sums = shares.setdefault((day, kind, share.tax_rate), [0, 0])
            sums[0] += sign * share.sum_minor
            sums[1] += sign * share.tax_minor


def _stretch(spans: dict[int, Span], document: Document, kind: int) -> None:
    span = spans.get(document.shift)
    issued_at, number = document.issued_at, document.number
    if span is None:
        span = spans[document.shift] = Span(issued_at, number, number)
    elif issued_at < span.opened_at:
        span.opened_at = issued_at
    if number < span.first_number:
        span.first_number = number
    elif number > span.last_number:
        span.last_number = number
    if kind == Kind.Z_REPORT and (span.z_number is None or number < span.z_number):
        span.closed_at, span.z_number = issued_at, number


def _sum_documents(result: Fold, fine: dict[FineKey, list[int]], names: Names) -> None:
    width = len(MEASURES)
    for (day, hour, kind, payment, cashier, shift, point_id), sums in fine.items():
        vectors = (
            result.hours.setdefault((day, hour), [0] * width),
            result.days.setdefault((day, point_id), [0] * width),
            result.cashiers.setdefault((day, names.cashier(cashier)), [0] * width),
            result.shifts.setdefault(shift, [0] * width),
        )
        places = _PLACES.get(kind, ())
        for vector in vectors:
            vector[0] += sums[0]
            for place, value in zip(places, sums, strict=False):
                if place is not None:
                    vector[place] += value
        _add(result.kinds, (kind, payment, day), sums[:2])


def _sum_lines(result: Fold, lines: dict[LineKey, list[int]], names: Names) -> None:
    for (day, kind, code, name, section, rate), (count, quantity, total, tax) in lines.items():
        _add(result.taxes, (day, kind, NO_TAX if rate is None else rate), [total, tax])
        _add(result.products, (day, kind, names.product(code, name), section), [count, quantity, total])
        _add(result.sections, (day, kind, section), [count, quantity, total])


def _add(target: dict[Key, list[int]], key: Key, values: list[int]) -> None:
    sums = target.get(key)
    if sums is None:
        target[key] = values[:]
        return
    for index, value in enumerate(values):
        sums[index] += value


@dataclass(frozen=True)
class Table:
    """How a rollup is stored: its key (register first where it has one), their types, and its sums."""

    name: str
    key: tuple[str, ...]
    types: tuple[str, ...]
    sums: tuple[str, ...]


_LINE_SUMS = ("line_count", "quantity_milli", "sum_minor")
HOUR = Table("rollup_hour", ("register_id", "day", "hour"), ("integer", "date", "smallint"), MEASURES)
DAY = Table("rollup_day", ("register_id", "day", "point_id"), ("integer", "date", "integer"), MEASURES)
POINT = Table("rollup_point", ("day", "point_id"), ("date", "integer"), MEASURES)
CASHIER = Table(
    "rollup_cashier", ("register_id", "day", "cashier_id"), ("integer", "date", "bigint"), MEASURES
)
KIND = Table(
    "rollup_kind",
    ("register_id", "kind", "payment", "day"),
    ("integer", "smallint", "smallint", "date"),
    ("document_count", "total_minor"),
)
TAX = Table(
    "rollup_tax",
    ("register_id", "day", "kind", "tax_rate"),
    ("integer", "date", "smallint", "integer"),
    ("turnover_minor", "tax_minor"),
)
PRODUCT = Table(
    "rollup_product",
    ("register_id", "day", "kind", "product_id", "section"),
    ("integer", "date", "smallint", "bigint", "integer"),
    _LINE_SUMS,
)
SECTION = Table(
    "rollup_section",
    ("register_id", "day", "kind", "section"),
    ("integer", "date", "smallint", "integer"),
    _LINE_SUMS,
)
# A register's own rows first; rows that other registers move too come last, so that they are held shortest.
TABLES = (HOUR, DAY, CASHIER, KIND, TAX, PRODUCT, SECTION, POINT)
SHIFT = "shift"


def rows_of(result: Fold, register_id: int) -> dict[Table, dict[Key, list[int]]]:
    """The rows of each table that a register's fold makes, keyed as the table is."""
    grains = (
        (HOUR, result.hours),
        (DAY, result.days),
        (CASHIER, result.cashiers),
        (KIND, result.kinds),
        (TAX, result.taxes),
        (PRODUCT, result.products),
        (SECTION, result.sections),
    )
    rows = {table: {(register_id, *key): sums for key, sums in grain.items()} for table, grain in grains}
    rows[POINT] = dict(result.days)
    return rows


def move(session: Session, organisation_id: int, register_id: int, result: Fold) -> None:
    """Add a fold to the stored rollups."""
    rows = rows_of(result, register_id)
    _move_shifts(session, organisation_id, register_id, result)
    for table in TABLES:
        if rows[table]:
            # Sorted, so that two lanes that move the same rows take them in the same order.
            _upsert(session, organisation_id, table, sorted(rows[table].items(), key=lambda row: row[0]))


def mark_folded(session: Session, organisation_id: int, register_id: int, sequence: int) -> None:
    """Documents of a cloud till up to this place in its chain are folded; a streamed register has no such mark."""
    session.execute(
        text(
            "update cloud_till set folded_sequence = :sequence "
            "where organisation_id = :organisation_id and register_id = :register_id"
        ),
        {"sequence": sequence, "organisation_id": organisation_id, "register_id": register_id},
    )


def _upsert(
    session: Session, organisation_id: int, table: Table, rows: Sequence[tuple[Key, list[int]]]
) -> None:
    columns = (*table.key, *table.sums)
    types = (*table.types, *("bigint",) * len(table.sums))
    arrays = zip(*((*key, *sums) for key, sums in rows), strict=True)
    unnested = ", ".join(f"cast(:c{index} as {kind}[])" for index, kind in enumerate(types))
    moved = ", ".join(f"{name} = {table.name}.{name} + excluded.{name}" for name in table.sums)
    session.execute(
        text(
            f"insert into {table.name} (organisation_id, {', '.join(columns)}) "
            f"select :organisation_id, * from unnest({unnested}) "
            f"on conflict (organisation_id, {', '.join(table.key)}) do update set {moved}"
        ),
        {
            "organisation_id": organisation_id,
            **{f"c{index}": array_text(values) for index, values in enumerate(arrays)},
        },
    )


def array_text(values: Iterable[object]) -> str:
    """A PostgreSQL array literal of numbers, dates or moments; None becomes NULL."""
    return "{" + ",".join(map(str, values)).replace("None", "NULL") + "}"


_SHIFT_COLUMNS = ("shift", "opened_at", "closed_at", "first_number", "last_number", "z_number", *MEASURES)
_SHIFT_TYPES = (
    "integer",
    "timestamptz",
    "timestamptz",
    "bigint",
    "bigint",
    "bigint",
    *("bigint",) * len(MEASURES),
)


def shift_rows(result: Fold) -> dict[int, tuple[object, ...]]:
    """A fold's shifts as rows: moments, numbers, then the measures."""
    return {
        shift: (
            span.opened_at,
            span.closed_at,
            span.first_number,
            span.last_number,
            span.z_number,
            *result.shifts[shift],
        )
        for shift, span in result.spans.items()
    }


def _move_shifts(session: Session, organisation_id: int, register_id: int, result: Fold) -> None:
    rows = [(shift, *row) for shift, row in sorted(shift_rows(result).items())]
    if not rows:
        return
    unnested = ", ".join(f"cast(:c{index} as {kind}[])" for index, kind in enumerate(_SHIFT_TYPES))
    moved = ", ".join(f"{name} = shift.{name} + excluded.{name}" for name in MEASURES)
    session.execute(
        text(
            f"insert into shift (organisation_id, register_id, {', '.join(_SHIFT_COLUMNS)}) "
            f"select :organisation_id, :register_id, * from unnest({unnested}) "
            "on conflict (organisation_id, register_id, shift) do update set "
            "opened_at = least(shift.opened_at, excluded.opened_at), "
            "first_number = least(shift.first_number, excluded.first_number), "
            "last_number = greatest(shift.last_number, excluded.last_number), "
            # The Z-report with the lowest number closes a shift, whichever arrives first.
            "closed_at = case when excluded.z_number < coalesce(shift.z_number, excluded.z_number + 1) "
            "then excluded.closed_at else shift.closed_at end, "
            f"z_number = least(shift.z_number, excluded.z_number), {moved}"
        ),
        {
            "organisation_id": organisation_id,
            "register_id": register_id,
            **{f"c{index}": array_text(values) for index, values in enumerate(zip(*rows, strict=True))},
        },
    )
