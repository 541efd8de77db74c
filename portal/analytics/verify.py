"""Prove an organisation's journal: chains, columns, numbers, rollups and Z sums, from the stored bytes alone.

What is wrong is a difference, named with where it is, what should stand there and what does. What is merely
not complete yet (missing numbers, and shifts whose Z-report counts them) is a notice.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from itertools import pairwise
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from portal.analytics import rollups
from portal.analytics.cloud import IssuedProof
from portal.analytics.findings import Finding, Report
from portal.analytics.names import Names
from portal.analytics.refold import Stored, list_register_ids, read_journal
from portal.db import transaction
from portal.fiscal import chain, codec
from portal.fiscal.documents import KIND_BY_NAME, Document, Totals, payment_mask
from portal.journal.models import RegisterHead
from portal.registers.models import Register

# Past this many differences of one kind in one register the rest are only counted.
NAMED_MAX = 20


def verify(organisation_id: int) -> Report:
    """Prove everything an organisation has, as it stood at one moment."""
    report = Report(organisation_id)
    with transaction(organisation_id, is_snapshot=True) as session:
        points: dict[rollups.Key, list[int]] = {}
        names = Names()
        held: dict[int, tuple[str, int]] = {}
        for register_id in list_register_ids(session, organisation_id):
            proof = _Proof(session, report, organisation_id, register_id)
            proof.run(points, names)
            held[register_id] = (proof.register, len(proof.numbers) - proof.issued.count)
            report.registers += 1
        stored = _stored_rows(session, rollups.POINT, organisation_id, None)
        _compare(report.differences, "rollup", "*", rollups.POINT.name, points, stored)
        _check_portions(session, report)
        _check_accepted(session, report, held)
    return report


class _Proof:
    """The proof of one register."""

    def __init__(self, session: Session, report: Report, organisation_id: int, register_id: int) -> None:
        self.session = session
        self.report = report
        self.organisation_id = organisation_id
        self.register_id = register_id
        self.register = session.execute(
            select(Register.factory_number).where(
                Register.organisation_id == organisation_id, Register.id == register_id
            )
        ).scalar_one()
        self.issued = IssuedProof(session, report, organisation_id, register_id, self.register)
        self.unfolded: list[rollups.Entry] = []
        self.totals: dict[int, tuple[int, Totals | None]] = {}
        self.numbers: list[int] = []
        self.sequence = 0
        self.digest = b""

    def run(self, points: dict[rollups.Key, list[int]], names: Names) -> None:
        """Read the register's journal once, and hold everything else against it."""
        result = rollups.fold(self._entries(names), names)
        rest = rollups.fold(self.unfolded, names)
        self.report.documents += len(self.numbers)
        for key, sums in result.days.items():
            _add(points, key, sums)
        rows = rollups.rows_of(result, self.register_id)
        for table in rollups.TABLES:
            if table is not rollups.POINT:
                stored = _stored_rows(self.session, table, self.organisation_id, self.register_id)
                _compare(self.report.differences, "rollup", self.register, table.name, rows[table], stored)
        missing = self._missing()
        self._check_shifts(result)
        self._check_z(_together(result, rest), missing)
        self._check_head()
        self._check_gaps(missing)
        self.issued.finish(len(self.unfolded))

    def _entries(self, names: Names) -> Iterable[rollups.Entry]:
        for stored in read_journal(self.session, self.organisation_id, self.register_id):
            self.numbers.append(stored.number)
            try:
                document = codec.decode(stored.body.encode())
            except codec.Unreadable as error:
                self._differ("body", f"number={stored.number}", "a document", error.why)
                self.sequence, self.digest = stored.sequence, bytes(stored.digest)
                continue
            self._check_link(stored, document)
            self._check_columns(stored, document, names)
            if document.kind == "z_report":
                earlier = self.totals.get(document.shift)
                if earlier is None or stored.number < earlier[0]:
                    self.totals[document.shift] = (stored.number, document.totals)
            self.issued.add(stored, document)
            entry = rollups.Entry(
                document, stored.kind, stored.day, stored.hour, stored.point_id, stored.payment
            )
            if self.issued.is_unfolded(stored):
                self.unfolded.append(entry)
            else:
                yield entry

    def _differ(self, kind: str, where: str, expected: object, found: object) -> None:
        self.report.differences.append(Finding(kind, self.register, where, str(expected), str(found)))

    def _check_link(self, stored: Stored, document: Document) -> None:
        self.sequence += 1
        where = f"number={stored.number}"
        if stored.sequence != self.sequence:
            self._differ("sequence", where, self.sequence, stored.sequence)
            self.sequence = stored.sequence
        link = chain.link(self.digest, chain.canonical(document))
        # The stored link is believed for the next one, so that one forged document is one difference.
        self.digest = bytes(stored.digest)
        if link != self.digest:
            self._differ("chain", where, link.hex(), self.digest.hex())

    def _check_columns(self, stored: Stored, document: Document, names: Names) -> None:
        payments = document.payments
        expected = (
            document.number, KIND_BY_NAME[document.kind], document.shift, document.ordinal, document.issued_at,
            document.total_minor, payments.cash_minor, payments.card_minor, payments.mobile_minor,
            payments.other_minor, document.change_minor, document.autonomous, document.fiscal_sign,
            payment_mask(document), names.cashier(document.cashier) or None,
        )  # fmt: skip
        found = (
            stored.number, stored.kind, stored.shift, stored.ordinal, stored.issued_at,
            stored.total_minor, stored.cash_minor, stored.card_minor, stored.mobile_minor,
            stored.other_minor, stored.change_minor, stored.autonomous, stored.fiscal_sign,
            stored.payment, stored.cashier_id,
        )  # fmt: skip
        if expected != found:
            self._differ("columns", f"number={stored.number}", expected, found)

    def _missing(self) -> list[tuple[int, int]]:
        numbers = sorted(self.numbers)
        return [(before + 1, after - 1) for before, after in pairwise(numbers) if after - before > 1]

    def _check_shifts(self, result: rollups.Fold) -> None:
        columns = "opened_at, closed_at, first_number, last_number, z_number, " + ", ".join(rollups.MEASURES)
        rows = self.session.execute(
            text(f"select shift, {columns} from shift where organisation_id = :o and register_id = :r"),
            {"o": self.organisation_id, "r": self.register_id},
        )
        stored: dict[rollups.Key, list[Any]] = {(row[0],): list(row[1:]) for row in rows}
        expected: dict[rollups.Key, list[Any]] = {
            (shift,): list(row) for shift, row in rollups.shift_rows(result).items()
        }
        _compare(self.report.differences, "shift", self.register, "shift", expected, stored)

    def _check_z(
        self, shifts: Mapping[int, tuple[list[int], int, int]], missing: list[tuple[int, int]]
    ) -> None:
        for shift, (number, totals) in sorted(self.totals.items()):
            self.report.shifts_closed += 1
            if totals is None:
                continue
            measures, first, last = shifts[shift]
            stated, counted = _z_sums(totals), _shift_sums(measures)
            if stated == counted:
                continue
            is_complete = not any(first <= upper and lower <= last for lower, upper in missing)
            names = ", ".join(name for name in stated if stated[name] != counted[name])
            finding = Finding(
                "z_report",
                self.register,
                f"shift={shift} number={number} of={names}",
                str({name: counted[name] for name in stated if stated[name] != counted[name]}),
                str({name: stated[name] for name in stated if stated[name] != counted[name]}),
            )
            (self.report.differences if is_complete else self.report.notices).append(finding)

    def _check_head(self) -> None:
        head = self.session.get(RegisterHead, (self.organisation_id, self.register_id))
        found = (
            (head.sequence, bytes(head.digest).hex(), head.first_number, head.last_number)
            if head
            else (0, "", None, None)
        )
        numbers = self.numbers
        expected = (self.sequence, self.digest.hex(), min(numbers, default=None), max(numbers, default=None))
        if found != expected:
            self._differ("head", "sequence, digest, first, last", expected, found)

    def _check_gaps(self, missing: list[tuple[int, int]]) -> None:
        rows = self.session.execute(
            text(
                "select lower(missing_range), upper(missing_range) - 1 from gap, unnest(missing) as missing_range "
                "where organisation_id = :o and register_id = :r order by 1"
            ),
            {"o": self.organisation_id, "r": self.register_id},
        )
        recorded = [(lower, upper) for lower, upper in rows]
        if _joined(recorded) != missing:
            self._differ("gaps", "missing numbers", missing, recorded)
        for lower, upper in missing:
            self.report.notices.append(
                Finding(
                    "gap",
                    self.register,
                    f"number={lower}…{upper}",
                    "documents",
                    f"{upper - lower + 1} missing",
                )
            )


def _together(*folds: rollups.Fold) -> dict[int, tuple[list[int], int, int]]:
    """Each shift's measures and its first and last number, over several folds of one register."""
    shifts: dict[int, tuple[list[int], int, int]] = {}
    for one in folds:
        for shift, span in one.spans.items():
            measures, first, last = shifts.get(shift, ([0] * len(rollups.MEASURES), span.first_number, 0))
            shifts[shift] = (
                [a + b for a, b in zip(measures, one.shifts[shift], strict=True)],
                min(first, span.first_number),
                max(last, span.last_number),
            )
    return shifts


def _joined(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges that touch, told as one: two gaps found at different times may lie side by side."""
    joined: list[tuple[int, int]] = []
    for lower, upper in ranges:
        if joined and joined[-1][1] + 1 == lower:
            joined[-1] = (joined[-1][0], upper)
        else:
            joined.append((lower, upper))
    return joined


_Z_FIELDS = {
    "sale_count": "sale_count",
    "sale_minor": "sale_minor",
    "refund_count": "refund_count",
    "refund_minor": "refund_minor",
    "annulment_count": "annulment_count",
    "annulment_minor": "annulment_minor",
    "purchase_count": "purchase_count",
    "purchase_minor": "purchase_minor",
    "purchase_refund_count": "purchase_refund_count",
    "purchase_refund_minor": "purchase_refund_minor",
    "cash_in_minor": "cash_in_minor",
    "cash_out_minor": "cash_out_minor",
}


def _z_sums(totals: Totals) -> dict[str, int]:
    return {name: getattr(totals, name) for name in _Z_FIELDS}


def _shift_sums(measures: list[int]) -> dict[str, int]:
    by_name = dict(zip(rollups.MEASURES, measures, strict=True))
    return {name: by_name[measure] for name, measure in _Z_FIELDS.items()}


def _stored_rows(
    session: Session, table: rollups.Table, organisation_id: int, register_id: int | None
) -> dict[rollups.Key, list[int]]:
    where = "" if register_id is None else "and register_id = :register_id"
    rows = session.execute(
        text(
            f"select {', '.join((*table.key, *table.sums))} from {table.name} where organisation_id = :o {where}"
        ),
        {"o": organisation_id, "register_id": register_id},
    )
    width = len(table.key)
    return {tuple(row[:width]): list(row[width:]) for row in rows}


def _compare(
    differences: list[Finding],
    kind: str,
    register: str,
    table: str,
    expected: Mapping[rollups.Key, list[Any]],
    found: Mapping[rollups.Key, list[Any]],
) -> None:
    if expected == found:
        return
    named = 0
    for key in sorted({*expected, *found}, key=str):
        if expected.get(key) != found.get(key):
            named += 1
            if named <= NAMED_MAX:
                where = f"{table}({', '.join(map(_plain, key))})"
                differences.append(
                    Finding(kind, register, where, _sums(expected.get(key)), _sums(found.get(key)))
                )
    if named > NAMED_MAX:
        differences.append(Finding(kind, register, table, f"{NAMED_MAX} named above", f"{named} rows differ"))


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, date | datetime) else str(value)


def _sums(row: list[Any] | None) -> str:
    return "no row" if row is None else "/".join(_plain(value) for value in row)


def _add(target: dict[rollups.Key, list[int]], key: rollups.Key, values: list[int]) -> None:
    sums = target.setdefault(key, [0] * len(values))
    for index, value in enumerate(values):
        sums[index] += value


def _check_portions(session: Session, report: Report) -> None:
    """Every document of a drained portion became one of three things."""
    rows = session.execute(
        text(
            "select batch_id, register_id, document_count, accepted_count + repeated_count + quarantined_count "
            "from ingest_portion where organisation_id = :o and drained_at is not null "
            "and document_count <> accepted_count + repeated_count + quarantined_count"
        ),
        {"o": report.organisation_id},
    )
    for batch_id, register_id, expected, found in rows:
        report.differences.append(
            Finding(
                "portion",
                str(register_id),
                f"batch={batch_id}",
                f"{expected} documents",
                f"{found} accounted for",
            )
        )


def _check_accepted(session: Session, report: Report, held: Mapping[int, tuple[str, int]]) -> None:
    """What portions say was accepted is what the journal holds."""
    rows = session.execute(
        text(
            "select register_id, sum(accepted_count) from ingest_portion where organisation_id = :o group by register_id"
        ),
        {"o": report.organisation_id},
    )
    accepted = {register_id: int(count) for register_id, count in rows}
    for register_id, (register, documents) in held.items():
        if accepted.get(register_id, 0) != documents:
            report.differences.append(
                Finding("accepted", register, "documents", str(accepted.get(register_id, 0)), str(documents))
            )
