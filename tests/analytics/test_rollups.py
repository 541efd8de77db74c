"""Rollups are the sums of their documents, whatever the order and the cut in which these arrive."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from hashlib import blake2b
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from portal import db
from portal.analytics import names
from portal.analytics.refold import ROLLUPS, refold
from portal.analytics.verify import verify
from portal.ingest import drain
from tests.ingest import stream
from tests.ingest.stream import Fields, Till

Sums = dict[str, Any]
Tables = dict[str, dict[tuple[Any, ...], Sums]]

KEYS = {
    "rollup_hour": ("register_id", "day", "hour"),
    "rollup_day": ("register_id", "day", "point_id"),
    "rollup_point": ("day", "point_id"),
    "rollup_kind": ("register_id", "kind", "payment", "day"),
    "rollup_tax": ("register_id", "day", "kind", "tax_rate"),
    "rollup_product": ("register_id", "day", "kind", "product_id", "section"),
    "rollup_section": ("register_id", "day", "kind", "section"),
    "rollup_cashier": ("register_id", "day", "cashier_id"),
    "shift": ("register_id", "shift"),
}
KIND_NUMBERS = {
    "shift_opened": 1,
    "sale": 2,
    "sale_refund": 3,
    "purchase": 4,
    "purchase_refund": 5,
    "annulment": 6,
    "cash_in": 7,
    "cash_out": 8,
    "x_report": 9,
    "z_report": 10,
}
PREFIXES = {
    "sale": "sale",
    "sale_refund": "refund",
    "annulment": "annulment",
    "purchase": "purchase",
    "purchase_refund": "purchase_refund",
    "cash_in": "cash_in",
    "cash_out": "cash_out",
}


@pytest.fixture(autouse=True)
def _new_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that remembers nothing, and writes a few documents at a time."""
    names._names.clear()
    names._written.clear()
    monkeypatch.setattr(drain, "DOCUMENTS_PER_WRITE", 3)


@pytest.fixture
def till(session: Session) -> Till:
    """A till of a night bar: its day begins at six."""
    return stream.open_till(session, day_starts_hour=6)


def stored(till: Till) -> Tables:
    """Every rollup row of the organisation, without what is zero."""
    tables: Tables = {}
    with db.transaction(till.organisation_id) as session:
        for name, key in KEYS.items():
            rows = session.execute(sa.text(f"select * from {name}")).mappings()
            tables[name] = {
                tuple(row[column] for column in key): {
                    column: value
                    for column, value in row.items()
                    if value and column not in (*key, "organisation_id")
                }
                for row in rows
            }
    return tables


# A second opinion: plain loops over the documents themselves


def id_of(name: str) -> int:
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big", signed=True)


def measures_of(document: Fields) -> Sums:
    sums: Sums = {"document_count": 1}
    prefix = PREFIXES.get(document["kind"])
    if prefix is None:
        return sums
    payments = document.get("payments", {})
    sums[f"{prefix}_count"] = 1
    sums[f"{prefix}_minor"] = document.get("total_minor", 0)
    if prefix in ("cash_in", "cash_out"):
        return sums
    sums[f"{prefix}_cash_minor"] = payments.get("cash_minor", 0) - document.get("change_minor", 0)
    if not prefix.startswith("purchase"):
        for means in ("card", "mobile", "other"):
            sums[f"{prefix}_{means}_minor"] = payments.get(f"{means}_minor", 0)
    return sums


def mask_of(document: Fields) -> int:
    payments = document.get("payments", {})
    return sum(
        bit
        for bit, means in ((1, "cash"), (2, "card"), (4, "mobile"), (8, "other"))
        if payments.get(f"{means}_minor")
    )


def naive(documents: list[tuple[Till, Fields]], zone: str, day_starts_hour: int) -> Tables:
    """What the rollups of these documents are, added up one by one."""
    tables: dict[str, dict[tuple[Any, ...], Counter[str]]] = {name: {} for name in KEYS}
    shifts: dict[tuple[int, int], list[Fields]] = {}

    def add(table: str, key: tuple[Any, ...], sums: Sums) -> None:
        tables[table].setdefault(key, Counter()).update(sums)

    for till, document in documents:
        r, kind = till.register_id, KIND_NUMBERS[document["kind"]]
        wall = datetime.fromisoformat(document["issued_at"]).astimezone(ZoneInfo(zone))
        day = (wall.replace(tzinfo=None) - timedelta(hours=day_starts_hour)).date()
        measures = measures_of(document)
        add("rollup_hour", (r, day, wall.hour), measures)
        add("rollup_day", (r, day, till.point_id), measures)
        add("rollup_point", (day, till.point_id), measures)
        cashier = document.get("cashier")
        add("rollup_cashier", (r, day, id_of(cashier) if cashier else 0), measures)
        total = {"document_count": 1, "total_minor": document.get("total_minor", 0)}
        add("rollup_kind", (r, kind, mask_of(document), day), total)
        add("shift", (r, document["shift"]), measures)
        shifts.setdefault((r, document["shift"]), []).append(document)
        for line in document.get("lines", ()):
            rate = line.get("tax_rate")
            tax = {"turnover_minor": line["sum_minor"], "tax_minor": line.get("tax_minor", 0)}
            add("rollup_tax", (r, day, kind, -1 if rate is None else rate), tax)
            sums = {"line_count": 1, "quantity_milli": line["quantity_milli"], "sum_minor": line["sum_minor"]}
            product = id_of(f"{line.get('code') or ''}\x1f{line['name']}")
            section = line.get("section", 0)
            add("rollup_product", (r, day, kind, product, section), sums)
            add("rollup_section", (r, day, kind, section), sums)
    result: Tables = {
        name: {key: {name: value for name, value in sums.items() if value} for key, sums in rows.items()}
        for name, rows in tables.items()
    }
    for shift, members in shifts.items():
        result["shift"][shift].update(span_of(members))
    return result


def span_of(documents: list[Fields]) -> Sums:
    reports = sorted(
        (document["number"], datetime.fromisoformat(document["issued_at"]))
        for document in documents
        if document["kind"] == "z_report"
    )
    numbers = [document["number"] for document in documents]
    span: Sums = {
        "opened_at": min(datetime.fromisoformat(document["issued_at"]) for document in documents),
        "first_number": min(numbers),
        "last_number": max(numbers),
    }
    if reports:
        span["z_number"], span["closed_at"] = reports[0]
    return span


# By hand

RECEIPT: Sums = {
    "total_minor": 1500,
    "payments": {"cash_minor": 1000, "card_minor": 300, "mobile_minor": 200, "other_minor": 100},
    "change_minor": 100,
}


@pytest.mark.parametrize(
    ("kind", "changes", "expected"),
    [
        ("shift_opened", {}, {}),
        ("x_report", {"totals": {"sale_minor": 99}}, {}),
        ("z_report", {"totals": {"sale_minor": 99}}, {}),
        (
            "sale",
            RECEIPT,
            {
                "sale_count": 1,
                "sale_minor": 1500,
                "sale_cash_minor": 900,
                "sale_card_minor": 300,
                "sale_mobile_minor": 200,
                "sale_other_minor": 100,
            },
        ),
        (
            "sale_refund",
            RECEIPT,
            {
                "refund_count": 1,
                "refund_minor": 1500,
                "refund_cash_minor": 900,
                "refund_card_minor": 300,
                "refund_mobile_minor": 200,
                "refund_other_minor": 100,
            },
        ),
        (
            "annulment",
            RECEIPT,
            {
                "annulment_count": 1,
                "annulment_minor": 1500,
                "annulment_cash_minor": 900,
                "annulment_card_minor": 300,
                "annulment_mobile_minor": 200,
                "annulment_other_minor": 100,
            },
        ),
        ("purchase", RECEIPT, {"purchase_count": 1, "purchase_minor": 1500, "purchase_cash_minor": 900}),
        (
            "purchase_refund",
            RECEIPT,
            {"purchase_refund_count": 1, "purchase_refund_minor": 1500, "purchase_refund_cash_minor": 900},
        ),
        ("cash_in", {"total_minor": 5000}, {"cash_in_count": 1, "cash_in_minor": 5000}),
        ("cash_out", {"total_minor": 4000}, {"cash_out_count": 1, "cash_out_minor": 4000}),
    ],
)
def test_each_kind_moves_its_own_measures(till: Till, kind: str, changes: Sums, expected: Sums) -> None:
    till.take(till.document(1, kind, **changes))
    day = date(2026, 11, 18)
    expected = {"document_count": 1, **expected}
    tables = stored(till)
    assert tables["rollup_hour"] == {(till.register_id, day, 12): expected}
    assert tables["rollup_day"] == {(till.register_id, day, till.point_id): expected}
    assert tables["rollup_point"] == {(day, till.point_id): expected}
    assert tables["rollup_cashier"] == {(till.register_id, day, id_of("Анна")): expected}


def test_lines_go_to_their_tax_product_and_department(till: Till) -> None:
    lines = [
        stream.line("Хлеб", 240, quantity_milli=2000, price_minor=120, section=3),
        stream.line("Хлеб", 120, section=3),
        stream.line("Хлеб", 120, section=4, code="77"),
        stream.line("Свеча", 100, tax_rate=None, tax_minor=0),
        stream.line("Газета", 50, tax_rate=0, tax_minor=0),
    ]
    till.take(till.sale(1, 630, lines=lines), till.sale(2, 630, kind="sale_refund", lines=lines[:1]))
    tables, r, day = stored(till), till.register_id, date(2026, 11, 18)
    assert tables["rollup_tax"] == {
        (r, day, 2, 2000): {"turnover_minor": 480, "tax_minor": 80},
        (r, day, 2, -1): {"turnover_minor": 100},
        (r, day, 2, 0): {"turnover_minor": 50},
        (r, day, 3, 2000): {"turnover_minor": 240, "tax_minor": 40},
    }
    assert tables["rollup_section"] == {
        (r, day, 2, 3): {"line_count": 2, "quantity_milli": 3000, "sum_minor": 360},
        (r, day, 2, 4): {"line_count": 1, "quantity_milli": 1000, "sum_minor": 120},
        (r, day, 2, 0): {"line_count": 2, "quantity_milli": 2000, "sum_minor": 150},
        (r, day, 3, 3): {"line_count": 1, "quantity_milli": 2000, "sum_minor": 240},
    }
    assert tables["rollup_product"][(r, day, 2, id_of("\x1fХлеб"), 3)] == {
        "line_count": 2,
        "quantity_milli": 3000,
        "sum_minor": 360,
    }
    assert tables["rollup_product"][(r, day, 2, id_of("77\x1fХлеб"), 4)]["sum_minor"] == 120


def test_kinds_are_counted_by_the_means_that_took_part(till: Till) -> None:
    till.take(
        till.sale(1, 100, payments={"cash_minor": 100}),
        till.sale(2, 100, payments={"cash_minor": 60, "card_minor": 40}),
        till.sale(3, 100, payments={"cash_minor": 10, "card_minor": 90}),
        till.sale(4, 100, payments={"mobile_minor": 50, "other_minor": 50}),
        till.sale(5, 0, payments={}),
    )
    day, r = date(2026, 11, 18), till.register_id
    assert stored(till)["rollup_kind"] == {
        (r, 2, 1, day): {"document_count": 1, "total_minor": 100},
        (r, 2, 3, day): {"document_count": 2, "total_minor": 200},
        (r, 2, 12, day): {"document_count": 1, "total_minor": 100},
        (r, 2, 0, day): {"document_count": 1},
    }


def test_change_greater_than_the_cash_makes_the_cash_negative_and_is_not_lost(till: Till) -> None:
    till.take(till.sale(1, 100, payments={"card_minor": 150}, change_minor=50))
    [day] = stored(till)["rollup_day"].values()
    assert (day["sale_cash_minor"], day["sale_card_minor"], day["sale_minor"]) == (-50, 150, 100)


def test_a_document_in_quarantine_moves_no_sum(till: Till) -> None:
    till.take(till.sale(1))
    before = stored(till)
    till.take(till.sale(1, 9), b"?", till.sale(2, currency="KZT"))
    assert stored(till) == before


def test_points_are_summed_over_their_registers(session: Session, till: Till) -> None:
    second = stream.another_till(session, till)
    till.take(till.sale(1, 100))
    second.take(second.sale(1, 250))
    assert [row["sale_minor"] for row in stored(till)["rollup_point"].values()] == [350]
    assert sorted(row["sale_minor"] for row in stored(till)["rollup_day"].values()) == [100, 250]


# Folding again


def test_a_refold_makes_identical_rows_after_rollups_were_spoiled(till: Till) -> None:
    till.take(*(till.sale(number, number * 10, shift=1 + number // 4) for number in range(1, 9)))
    till.take(till.document(9, "z_report", shift=3, totals={}))
    right = stored(till)
    with db.transaction(till.organisation_id) as session:
        for model in ROLLUPS:
            name = model.__tablename__
            column = (
                "tax_minor"
                if name == "rollup_tax"
                else "line_count"
                if "line_count" in model.__table__.c
                else "document_count"
            )
            session.execute(sa.text(f"update {name} set {column} = {column} + 1"))
        session.execute(sa.text("delete from rollup_hour"))
        session.execute(
            sa.text("insert into rollup_point (organisation_id, day, point_id) values (:o, '1999-01-01', 1)"),
            {"o": till.organisation_id},
        )
    assert stored(till) != right

    assert refold(till.organisation_id) == 9
    assert stored(till) == right


def test_a_refold_touches_no_other_organisation(session: Session, till: Till) -> None:
    other = stream.open_till(session)
    other.take(other.sale(1))
    with db.transaction(other.organisation_id) as inside:
        inside.execute(sa.text("update rollup_day set sale_minor = 7"))
    before = stored(other)
    till.take(till.sale(1))
    refold(till.organisation_id)
    assert stored(other) == before


def test_a_refold_keeps_the_point_where_a_document_was_issued(session: Session, till: Till) -> None:
    till.take(till.sale(1))
    with db.transaction(till.organisation_id) as inside:
        inside.execute(
            sa.text(
                "with made as (insert into point (organisation_id, name, zone, day_starts_hour) "
                "values (:o, 'Ушачская', 'Asia/Almaty', 3) returning id) "
                "update register set point_id = made.id from made"
            ),
            {"o": till.organisation_id},
        )
    before = stored(till)
    refold(till.organisation_id)
    assert stored(till) == before


def test_a_long_journal_is_folded_in_chunks(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.analytics.refold.CHUNK", 4)
    till.take(*map(till.sale, range(1, 15)))
    right = stored(till)
    assert refold(till.organisation_id) == 14
    assert stored(till) == right


def test_an_organisation_without_documents_folds_to_nothing(till: Till) -> None:
    assert refold(till.organisation_id) == 0
    assert all(rows == {} for rows in stored(till).values())


# Random documents

MIDNIGHT = datetime.fromisoformat("2026-11-17T00:00:00+03:00")
MINOR = st.integers(0, 5_000)
LINES = st.builds(
    lambda name, code, total, quantity, rate, tax, section: {
        "name": name,
        **({"code": code} if code else {}),
        "price_minor": total,
        "quantity_milli": quantity,
        "sum_minor": total,
        **({"tax_rate": rate} if rate is not None else {}),
        "tax_minor": tax,
        "section": section,
    },
    st.sampled_from(["Хлеб", "Молоко", "Кофе"]),
    st.sampled_from([None, "1", "Хлеб"]),
    MINOR,
    st.integers(1, 3000),
    st.sampled_from([None, 0, 1000, 2000]),
    st.integers(0, 300),
    st.sampled_from([0, 1, 65535]),
)
DOCUMENTS = st.fixed_dictionaries(
    {
        "number": st.integers(1, 40),
        "kind": st.sampled_from([*KIND_NUMBERS, "sale", "z_report"]),
        "shift": st.integers(1, 3),
        "ordinal": st.just(0),
        "issued_at": st.integers(0, 2 * 86_400).map(
            lambda passed_s: (MIDNIGHT + timedelta(seconds=passed_s)).isoformat()
        ),
        "cashier": st.sampled_from([None, "Анна", "Пётр"]),
        "total_minor": MINOR,
        "change_minor": st.sampled_from([0, 0, 7]),
        "payments": st.fixed_dictionaries(
            {}, optional={f"{means}_minor": MINOR for means in ("cash", "card", "mobile", "other")}
        ),
        "lines": st.lists(LINES, max_size=4),
    }
)
# Which of the documents, of which of the two tills, a batch brings.
BATCHES = st.lists(st.lists(st.tuples(st.booleans(), st.integers(0, 99)), min_size=1, max_size=9), max_size=7)


@contextmanager
def verified_inside(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the proof look from inside a test's own transaction, where it cannot choose its isolation."""

    @contextmanager
    def inside(organisation_id: int, *, is_snapshot: bool) -> Iterator[Session]:
        assert is_snapshot
        with db.transaction(organisation_id) as session:
            yield session

    with monkeypatch.context() as patched:
        patched.setattr("portal.analytics.verify.transaction", inside)
        yield


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(documents=st.lists(DOCUMENTS, min_size=1, max_size=12), batches=BATCHES)
def test_any_documents_in_any_cut_and_order_with_repeats_give_the_naive_sums(
    session: Session,
    monkeypatch: pytest.MonkeyPatch,
    documents: list[Fields],
    batches: list[list[tuple[bool, int]]],
) -> None:
    first = stream.open_till(session, day_starts_hour=6)
    second = stream.another_till(session, first)
    names.forget_names(first.organisation_id)
    taken: dict[tuple[int, int], tuple[Till, Fields]] = {}
    for batch in batches:
        sent = [
            (
                till := second if is_second else first,
                {**documents[place % len(documents)], "register": till.factory_number},
            )
            for is_second, place in batch
        ]
        stream.gateway(first).send(*(document for _, document in sent))
        first.drain()
        second.drain()
        for till, document in sent:
            # The first under a number stays; another of the same number is a fork.
            taken.setdefault((till.register_id, document["number"]), (till, document))

    expected = naive(list(taken.values()), "Europe/Minsk", 6)
    assert stored(first) == expected
    assert refold(first.organisation_id) == len(taken)
    assert stored(first) == expected
    with verified_inside(monkeypatch):
        report = verify(first.organisation_id)
    # Random Z-reports state no totals, so that nothing is left to differ.
    assert report.differences == []
    assert (report.documents, report.registers) == (len(taken), 2)
