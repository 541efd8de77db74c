"""The proof finds nothing in a sound journal, and names exactly what somebody has forged."""

import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from portal.analytics import names
from portal.analytics.findings import Report
from portal.analytics.refold import refold
from portal.analytics.verify import verify
from portal.cli import load
from portal.config import Settings
from portal.db import transaction
from portal.fiscal import chain, codec
from portal.ingest import drain
from portal.ingest.models import UNATTRIBUTED
from tests.ingest import stream
from tests.ingest.stream import Till

Forge = Callable[[str], None]


@pytest.fixture
def till(database: Settings) -> Till:
    """A till with two shifts, one closed by a Z-report that states its sums rightly."""
    names._names.clear()
    names._written.clear()
    with transaction() as session:
        till = stream.open_till(session)
    z_report = till.document(
        7,
        "z_report",
        totals={
            "sale_count": 2,
            "sale_minor": 1700,
            "refund_count": 1,
            "refund_minor": 500,
            "cash_in_minor": 10_000,
            "cash_out_minor": 300,
        },
    )
    till.take(
        till.document(1, "shift_opened"),
        till.document(2, "cash_in", total_minor=10_000),
        till.sale(3, 1200),
        till.sale(4, 500),
        till.sale(5, 500, kind="sale_refund"),
        till.document(6, "cash_out", total_minor=300),
        z_report,
    )
    till.take(till.sale(8, shift=2), till.sale(9, 300, shift=2))
    return till


@pytest.fixture
def forge(database: Settings) -> Forge:
    """Change what the portal's role cannot: as the owner, past every wall."""

    def run(statement: str) -> None:
        engine = sa.create_engine(database.database_owner_url, poolclass=sa.NullPool)
        with engine.begin() as connection:
            changed = connection.execute(sa.text(statement)).rowcount
        assert changed, "the forgery changed something"

    return run


def found(report: Report) -> list[tuple[str, str]]:
    return [(finding.kind, finding.where) for finding in report.differences]


def test_a_sound_journal_has_no_difference(till: Till) -> None:
    report = verify(till.organisation_id)
    assert report.differences == []
    assert report.notices == []
    assert (report.registers, report.documents, report.shifts_closed) == (1, 9, 1)


def test_an_organisation_without_documents_is_sound(database: Settings) -> None:
    with transaction() as session:
        till = stream.open_till(session)
    report = verify(till.organisation_id)
    assert (report.differences, report.notices, report.documents) == ([], [], 0)


def test_late_documents_forks_and_quarantine_leave_a_journal_sound(till: Till) -> None:
    till.take(till.sale(12, shift=2), till.sale(3, 1), b"?", till.sale(11, shift=2))
    till.take(till.sale(10, shift=2), till.sale(10, shift=2))
    gateway = stream.gateway(till)
    gateway.send(till.sale(13, shift=2), till.sale(1, register="nobody's"))
    till.drain()
    drain.drain_register(till.organisation_id, UNATTRIBUTED)
    report = verify(till.organisation_id)
    assert (report.differences, report.notices, report.documents) == ([], [], 13)


def test_missing_numbers_are_a_notice_and_no_difference(till: Till) -> None:
    till.take(till.sale(12, shift=2), till.sale(14, shift=2))
    report = verify(till.organisation_id)
    assert report.differences == []
    assert [(notice.kind, notice.where, notice.found) for notice in report.notices] == [
        ("gap", "number=10…11", "2 missing"),
        ("gap", "number=13…13", "1 missing"),
    ]


# What a till states wrongly


def test_a_z_report_that_states_another_sum_is_named(till: Till) -> None:
    till.take(
        till.document(
            10, "z_report", shift=2, totals={"sale_count": 2, "sale_minor": 1501, "cash_in_minor": 7}
        )
    )
    [finding] = verify(till.organisation_id).differences
    assert (finding.kind, finding.register) == ("z_report", till.factory_number)
    assert finding.where == "shift=2 number=10 of=sale_minor, cash_in_minor"
    assert finding.expected == "{'sale_minor': 1500, 'cash_in_minor': 0}"
    assert finding.found == "{'sale_minor': 1501, 'cash_in_minor': 7}"


def test_a_z_report_that_counts_documents_still_missing_is_only_a_notice(till: Till) -> None:
    till.take(till.document(11, "z_report", shift=2, totals={"sale_count": 3, "sale_minor": 1600}))
    report = verify(till.organisation_id)
    assert report.differences == []
    assert [notice.kind for notice in report.notices] == ["z_report", "gap"]
    till.take(till.sale(10, 100, shift=2))
    report = verify(till.organisation_id)
    assert (report.differences, report.notices) == ([], [])


# What somebody forges

FORGERIES = {
    "a body": (
        "update document_body set body = replace(body, 'Анна', 'Инна') where number = 3",
        {("chain", "number=3"), ("columns", "number=3"), ("rollup", "rollup_cashier")},
    ),
    "a body, by spelling alone": (
        # Other bytes, the same document: there is nothing to find in what it says.
        "update document_body set body = body || ' ' where number = 3",
        set(),
    ),
    "a body that is no document": (
        "update document_body set body = 'gone' where number = 8",
        {("body", "number=8"), ("rollup", "*"), ("shift", "*")},
    ),
    "a body with another sum": (
        "update document_body set body = replace(body, '\"total_minor\": 300', '\"total_minor\": 200') where number = 9",
        {("chain", "number=9"), ("columns", "number=9"), ("rollup", "*"), ("shift", "*")},
    ),
    "a column": ("update document set total_minor = 1 where number = 9", {("columns", "number=9")}),
    "the kind": (
        "update document set kind = 4 where number = 9",
        {("columns", "number=9"), ("rollup", "*"), ("shift", "*")},
    ),
    "the moment": ("update document set issued_at = issued_at + interval '1 second' where number = 9", {("columns", "number=9")}),
    "the day": ("update document set day = day + 1 where number = 9", {("rollup", "*")}),
    "the hour": ("update document set hour = 3 where number = 9", {("rollup", "rollup_hour")}),
    "the fiscal sign": ("update document set fiscal_sign = null where number = 9", {("columns", "number=9")}),
    "a link": ("update document set digest = sha256('x') where number = 4", {("chain", "number=4"), ("chain", "number=5")}),
    "the order": (
        "update document set sequence = 100 where number = 9",
        {("sequence", "number=9"), ("head", "sequence, digest, first, last")},
    ),
    "a document taken out": (
        "with gone as (delete from document where number = 9) delete from document_body where number = 9",
        {("rollup", "*"), ("shift", "*"), ("head", "sequence, digest, first, last"), ("accepted", "documents")},
    ),
    "a body taken out": (
        "delete from document_body where number = 5",
        {("sequence", "number=6"), ("chain", "number=6"), ("rollup", "*"), ("shift", "*"), ("gaps", "missing numbers"), ("accepted", "documents")},
    ),
    "an hour": ("update rollup_hour set sale_minor = sale_minor + 1 where sale_count > 0", {("rollup", "rollup_hour")}),
    "a day": ("update rollup_day set document_count = 0", {("rollup", "rollup_day")}),
    "a point": ("update rollup_point set refund_minor = 0", {("rollup", "rollup_point")}),
    "a kind's row": ("update rollup_kind set total_minor = 0 where kind = 2", {("rollup", "rollup_kind")}),
    "a tax": ("update rollup_tax set tax_minor = tax_minor - 1", {("rollup", "rollup_tax")}),
    "a product": ("update rollup_product set quantity_milli = 1", {("rollup", "rollup_product")}),
    "a department": ("delete from rollup_section", {("rollup", "rollup_section")}),
    "a cashier's row": ("update rollup_cashier set cashier_id = 5", {("rollup", "rollup_cashier")}),
    "a row too many": (
        "insert into rollup_day (organisation_id, day, register_id, point_id) select organisation_id, '2020-01-01', register_id, point_id from rollup_day",
        {("rollup", "rollup_day")},
    ),
    "a shift's sum": ("update shift set sale_minor = 0 where shift = 2", {("shift", "shift(2)")}),
    "a shift's end": ("update shift set closed_at = null where shift = 1", {("shift", "shift(1)")}),
    "the head's digest": ("update register_head set digest = sha256('x')", {("head", "sequence, digest, first, last")}),
    "the head's numbers": ("update register_head set last_number = 99", {("head", "sequence, digest, first, last")}),
    "a head taken out": ("delete from register_head", {("head", "sequence, digest, first, last")}),
    "a gap that is none": (
        "insert into gap select organisation_id, register_id, 4, 5, '{[4,6)}', now() from register_head",
        {("gaps", "missing numbers")},
    ),
    "a portion's counts": (
        "update ingest_portion set accepted_count = 1, repeated_count = 1 where accepted_count = 2",
        {("accepted", "documents")},
    ),
    "a portion that lost a document": (
        "update ingest_portion set accepted_count = 1 where accepted_count = 2",
        {("portion", "batch"), ("accepted", "documents")},
    ),
}  # fmt: skip


@pytest.mark.parametrize("forgery", FORGERIES)
def test_what_is_forged_is_named_and_nothing_else(till: Till, forge: Forge, forgery: str) -> None:
    statement, expected = FORGERIES[forgery]

    forge(statement)

    report = verify(till.organisation_id)
    # Of rows of rollups the table is enough, of a portion that it is one; «*» stands for any row.
    ends = {"rollup": "(", "portion": "="}
    named = {
        (kind, where.partition(ends[kind])[0] if kind in ends else where) for kind, where in found(report)
    }
    for kind in ("rollup", "shift"):
        if (kind, "*") in expected:
            assert any(one == kind for one, _ in named)
            named = {pair for pair in named if pair[0] != kind} | {(kind, "*")}
    assert named == expected
    assert all(str(finding) for finding in report.differences)


def test_a_gap_filled_by_hand_is_named(till: Till, forge: Forge) -> None:
    till.take(till.sale(12, shift=2))
    forge("update gap set missing = '{}', closed_at = now()")
    [finding] = verify(till.organisation_id).differences
    assert (finding.kind, finding.expected, finding.found) == ("gaps", "[(10, 11)]", "[]")


def test_a_journal_rewritten_with_new_digests_is_betrayed_by_its_head(till: Till, forge: Forge) -> None:
    """Whoever forges the last document and its link has to forge the head as well."""
    body = stream.raw_of(till.sale(9, 300, shift=2, cashier="Кто-то"))
    forge(f"update document_body set body = '{body.decode()}' where number = 9")
    [(before,)] = till.rows("select digest from document where number = 8")
    link = sha256(bytes(before) + chain.canonical(codec.decode(body))).hexdigest()
    forge(f"update document set digest = '\\x{link}' where number = 9")
    kinds = {kind for kind, _ in found(verify(till.organisation_id))}
    assert "head" in kinds
    assert "chain" not in kinds


def test_many_differences_of_one_kind_are_named_in_part_and_counted_in_full(till: Till, forge: Forge) -> None:
    till.take(*(till.sale(number, shift=number) for number in range(10, 40)))
    forge("update shift set sale_minor = sale_minor + 1")
    differences = [finding for finding in verify(till.organisation_id).differences if finding.kind == "shift"]
    assert len(differences) == 21
    assert differences[-1].found == "32 rows differ"


def test_a_refold_mends_rollups_but_never_the_journal(till: Till, forge: Forge) -> None:
    forge("update rollup_day set sale_minor = 1")
    forge("delete from shift")
    refold(till.organisation_id)
    assert verify(till.organisation_id).differences == []
    forge("update document_body set body = replace(body, 'Анна', 'Инна') where number = 3")
    refold(till.organisation_id)
    assert ("chain", "number=3") in found(verify(till.organisation_id))


def test_a_forgery_in_another_organisation_is_not_told_here(till: Till, forge: Forge) -> None:
    with transaction() as session:
        other = stream.open_till(session)
    other.take(other.sale(1))
    forge(f"update document set total_minor = 1 where organisation_id = {other.organisation_id}")
    assert verify(till.organisation_id).differences == []
    assert found(verify(other.organisation_id)) == [("columns", "number=1")]


def test_the_proof_is_of_one_moment_while_the_stream_goes_on(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Documents taken in while the proof reads are of the next proof."""
    read = verify.__globals__["read_journal"]

    def reading(session: Any, organisation_id: int, register_id: int) -> Any:
        for stored in read(session, organisation_id, register_id):
            if stored.number == 2:
                till.take(till.sale(20, shift=2))
            yield stored

    monkeypatch.setattr("portal.analytics.verify.read_journal", reading)
    report = verify(till.organisation_id)
    assert (report.differences, report.documents) == ([], 9)
    monkeypatch.undo()
    assert verify(till.organisation_id).documents == 10


# The command


def kassa(environment: dict[str, str], *arguments: str) -> Any:
    return CliRunner().invoke(load(), list(arguments), env=environment)


def test_the_command_ends_well_over_a_sound_journal(till: Till, environment: dict[str, str]) -> None:
    result = kassa(environment, "verify")
    assert result.exit_code == 0, result.output


def test_the_command_names_differences_and_ends_with_one(
    till: Till, forge: Forge, environment: dict[str, str]
) -> None:
    forge("update document set total_minor = 1 where number = 9")
    result = kassa(environment, "verify")
    assert result.exit_code == 1
    assert "number=9" in result.output
    assert till.factory_number in result.output


def test_the_command_speaks_to_machines(till: Till, forge: Forge, environment: dict[str, str]) -> None:
    till.take(till.sale(20, shift=2))
    forge("update rollup_day set sale_minor = 1")
    result = kassa(environment, "verify", "--json")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert "rollup_day" in json.dumps(told)


def test_the_refold_command_mends_rollups(till: Till, forge: Forge, environment: dict[str, str]) -> None:
    forge("update rollup_day set sale_minor = 1")
    assert kassa(environment, "refold").exit_code == 0
    assert verify(till.organisation_id).differences == []
