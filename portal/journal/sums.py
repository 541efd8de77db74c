"""Sums of a whole list of documents, read from rollups wherever they know the answer."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from portal.fiscal.documents import Kind
from portal.journal.wanted import Wanted, conditions_of, masks_of, sources_of, statement


@dataclass(frozen=True)
class KindSums:
    """How many documents of a kind a result holds, and what they come to."""

    kind: Kind
    count: int
    total_minor: int


@dataclass(frozen=True)
class Sums:
    """The foot of a list: the whole result, not the page. Takings before and after refunds stand apart."""

    count: int
    kinds: tuple[KindSums, ...]

    def of(self, kind: Kind) -> KindSums:
        """The sums of one kind, zeros when the result has none."""
        return next((sums for sums in self.kinds if sums.kind == kind), KindSums(kind, 0, 0))

    @property
    def gross_minor(self) -> int:
        """Sales."""
        return self.of(Kind.SALE).total_minor

    @property
    def net_minor(self) -> int:
        """Sales less refunds and annulments."""
        taken_back = self.of(Kind.SALE_REFUND).total_minor + self.of(Kind.ANNULMENT).total_minor
        return self.gross_minor - taken_back


def sum_documents(session: Session, wanted: Wanted) -> Sums:
    """Count and total of the whole result by kind, from rollups; a search is summed over what it finds."""
    if wanted.is_searched or wanted.statuses:
        return _sum_journal(session, wanted)
    if _is_by_kind(wanted):
        return _sum_kinds(session, wanted)
    return _sum_measures(session, wanted)


def is_slow(wanted: Wanted, register_count: int) -> bool:
    """Whether the sums would take longer than a page may: a long period, by payments, of many registers."""
    if wanted.is_searched or wanted.statuses or not _is_by_kind(wanted) or wanted.span is None:
        return False
    first, last = wanted.first or wanted.span[0], wanted.last or wanted.span[1]
    return ((last - first).days + 1) * register_count > REGISTER_DAYS_MAX


def summed_kinds(wanted: Wanted) -> tuple[Kind, ...]:
    """The kinds whose own sums the answer has; of the others it has only the count of all together."""
    kinds = wanted.kinds or tuple(Kind)
    if wanted.is_searched or wanted.statuses or _is_by_kind(wanted):
        return kinds
    return tuple(kind for kind in kinds if kind in _MEASURED)


def _is_by_kind(wanted: Wanted) -> bool:
    return bool(wanted.payment_bits or set(wanted.kinds) & _UNMEASURED)


# A page sums at most so many days of registers by kind and payment; more is asked for behind the list.
REGISTER_DAYS_MAX = 2000

# Kinds that have no measure of their own at a point's grain.
_UNMEASURED = {Kind.SHIFT_OPENED, Kind.X_REPORT, Kind.Z_REPORT}

_MEASURED = {
    Kind.SALE: "sale",
    Kind.SALE_REFUND: "refund",
    Kind.PURCHASE: "purchase",
    Kind.PURCHASE_REFUND: "purchase_refund",
    Kind.ANNULMENT: "annulment",
    Kind.CASH_IN: "cash_in",
    Kind.CASH_OUT: "cash_out",
}


def _sum_measures(session: Session, wanted: Wanted) -> Sums:
    """Sums of the kinds that have measures, from the days of points, or of registers where those are chosen."""
    conditions, values = _rollup_conditions(wanted)
    table = "rollup_point"
    if wanted.registers:
        table = "rollup_day"
        conditions += " and register_id = any(cast(:registers as integer[]))"
        values["registers"] = list(wanted.registers)
    if wanted.points is not None:
        conditions += " and point_id = any(cast(:points as integer[]))"
    measured = ", ".join(
        f"coalesce(sum({prefix}_count), 0), coalesce(sum({prefix}_minor), 0)" for prefix in _MEASURED.values()
    )
    row = session.execute(
        statement(f"select coalesce(sum(document_count), 0), {measured} from {table} where {conditions}"),
        values,
    ).one()
    sums = tuple(
        KindSums(kind, int(row[1 + 2 * place]), int(row[2 + 2 * place]))
        for place, kind in enumerate(_MEASURED)
        if not wanted.kinds or kind in wanted.kinds
    )
    count = sum(one.count for one in sums) if wanted.kinds else int(row[0])
    return Sums(count, tuple(one for one in sums if one.count))


def _sum_kinds(session: Session, wanted: Wanted) -> Sums:
    """Sums by kind and payment mask; registers that stood at two points on one day are counted in the journal."""
    conditions, values = _rollup_conditions(wanted)
    if wanted.registers:
        conditions += " and register_id = any(cast(:registers as integer[]))"
        values["registers"] = list(wanted.registers)
    values |= {"kinds": [int(kind) for kind in wanted.kinds or Kind], "payments": masks_of(wanted)}
    if wanted.points is None:
        return _sums(
            session,
            "select kind, sum(document_count), sum(total_minor) from rollup_kind k "
            f"where {conditions} and {_KINDS_OF.format('k')} group by kind",
            values,
        )
    return _sums(
        session,
        "with standing as materialized (select day, register_id, not exists (select from rollup_day other "
        "where other.organisation_id = :organisation_id and other.day = d.day and other.register_id = d.register_id "
        "and not other.point_id = any(cast(:points as integer[]))) as inside "
        f"from rollup_day d where {conditions} and point_id = any(cast(:points as integer[])) "
        "group by day, register_id) "
        "select kind, sum(count), sum(total) from ("
        "select k.kind, k.document_count as count, k.total_minor as total from rollup_kind k "
        "join standing s on s.day = k.day and s.register_id = k.register_id and s.inside "
        f"where k.organisation_id = :organisation_id {_between(wanted, 'k.')} and {_KINDS_OF.format('k')} "
        "and k.register_id = any(array(select distinct register_id from standing)) "
        "union all select d.kind, 1, d.total_minor from standing s "
        "join document d on d.organisation_id = :organisation_id and d.register_id = s.register_id and d.day = s.day "
        f"where not s.inside and d.point_id = any(cast(:points as integer[])) and {_KINDS_OF.format('d')}"
        ") parts group by kind",
        values,
    )


_KINDS_OF = "{0}.kind = any(cast(:kinds as smallint[])) and {0}.payment = any(cast(:payments as smallint[]))"


def _sum_journal(session: Session, wanted: Wanted) -> Sums:
    conditions, values = conditions_of(wanted)
    sources, of_sources = sources_of(wanted)
    parts = " union all ".join(
        f"select kind, total_minor from {source} where {conditions}" for source in sources
    )
    return _sums(
        session,
        f"select kind, count(*), sum(total_minor) from ({parts}) d group by kind",
        values | of_sources,
    )


def _sums(session: Session, words: str, values: dict[str, Any]) -> Sums:
    rows = session.execute(statement(words), values)
    kinds = tuple(
        sorted(
            (KindSums(Kind(kind), int(count), int(total)) for kind, count, total in rows if count),
            key=lambda sums: sums.kind,
        )
    )
    return Sums(sum(sums.count for sums in kinds), kinds)


def _rollup_conditions(wanted: Wanted) -> tuple[str, dict[str, Any]]:
    values: dict[str, Any] = {
        "organisation_id": wanted.organisation_id,
        "first": wanted.first,
        "last": wanted.last,
    }
    if wanted.points is not None:
        values["points"] = list(wanted.points)
    return f"organisation_id = :organisation_id{_between(wanted)}", values


def _between(wanted: Wanted, table: str = "") -> str:
    first = f" and {table}day >= :first" if wanted.first else ""
    last = f" and {table}day <= :last" if wanted.last else ""
    return first + last
