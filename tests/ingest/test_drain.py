"""What a drain takes in, what it recognises, what it sets aside, and that it does each exactly once."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal import db, queue
from portal.analytics import names
from portal.analytics.refold import ROLLUPS
from portal.ingest import drain
from portal.ingest.drain import drain_register
from portal.ingest.models import UNATTRIBUTED
from portal.registers.models import Register
from tests.ingest import stream
from tests.ingest.stream import Till

EVERYTHING = (
    *(model.__tablename__ for model in ROLLUPS),
    "document",
    "document_body",
    "remark",
    "gap",
    "register_head",
    "product",
    "cashier",
)


def everything(till: Till) -> dict[str, list[tuple[Any, ...]]]:
    """Every row that documents leave behind."""
    return {name: sorted(till.rows(f"select * from {name}"), key=repr) for name in EVERYTHING}


# Exactly once


def test_documents_are_taken_in_the_order_they_came(till: Till) -> None:
    till.send(till.sale(1), till.sale(2))
    till.send(till.sale(3))

    drained = till.drain()

    assert (drained.accepted, drained.repeated, drained.quarantined, drained.remarked) == (3, 0, 0, 0)
    assert till.numbers() == [1, 2, 3]


def test_a_lane_with_nothing_waiting_is_left_as_it_is(till: Till) -> None:
    till.take(till.sale(1))
    before = everything(till)

    assert till.drain().documents == 0
    assert everything(till) == before


def test_a_body_is_kept_word_for_word(till: Till) -> None:
    odd = (
        b'  { "kind" : "sale","number":1,"ordinal":1,"shift":1,"total_minor":0,\t"register":"'
        + till.factory_number.encode()
        + b'","issued_at":"2026-11-18T12:00:00+03:00","cashier":"\\u0410 \\\\ \\t \\" \\/ \xd0\xb6 \\ud83d\\ude00" }'
    )
    till.take(odd)

    assert till.rows("select body from document_body") == [(odd.decode(),)]


def test_an_array_with_line_breaks_inside_is_taken_like_lines(till: Till) -> None:
    body = json.dumps([till.sale(1), till.sale(2)], indent=3, ensure_ascii=False).encode()
    till.send_body(body)
    till.drain()
    assert till.numbers() == [1, 2]


def test_a_document_sent_twice_changes_nothing(till: Till) -> None:
    till.take(till.sale(1), till.sale(2, 500), till.sale(4))
    before = everything(till)

    drained = till.take(till.sale(2, 500), till.sale(4), till.sale(1), till.sale(1))

    assert (drained.accepted, drained.repeated, drained.quarantined) == (0, 4, 0)
    assert everything(till) == before


@pytest.mark.parametrize("part", [1, 2, 2500])
def test_a_document_twice_in_one_batch_is_taken_once(
    till: Till, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, part: int
) -> None:
    monkeypatch.setattr(drain, "DOCUMENTS_PER_WRITE", part)
    drained = till.take(till.sale(1), till.sale(1), till.sale(2), till.sale(1))
    assert (drained.accepted, drained.repeated) == (2, 2)
    assert till.numbers() == [1, 2]
    # And not by falling over it first.
    assert "event=drain_failed" not in caplog.text


def test_other_spelling_of_the_same_document_is_the_same_document(till: Till) -> None:
    document = till.sale(1, cashier="Анна")
    till.take(document)
    before = everything(till)
    escaped = json.dumps(document, ensure_ascii=True, indent=1).replace("\n", " ").encode()
    turned = json.dumps(dict(reversed(document.items())), ensure_ascii=False).encode()
    explicit = json.dumps({**document, "discount_minor": 0, "autonomous": False}).encode()

    assert till.take(escaped, turned, explicit).repeated == 3
    assert everything(till) == before


@pytest.mark.parametrize(
    "change",
    [
        {"total_minor": 1201},
        {"cashier": "Инна"},
        {"issued_at": "2026-11-18T12:01:00.000001+03:00"},
        {"issued_at": "2026-11-18T09:01:00Z"},
        {"fiscal_sign": "B1"},
        {"digest": "0" * 64},
        {"autonomous": True},
        {"kind": "purchase"},
        {"lines": []},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_same_number_with_other_content_is_a_fork(till: Till, change: dict[str, Any]) -> None:
    till.take(till.sale(1))
    before = everything(till)

    fork = stream.raw_of({**till.sale(1), **change})
    drained = till.take(fork, till.sale(2))

    assert (drained.accepted, drained.quarantined) == (1, 1)
    assert till.quarantine() == [(1, "fork")]
    [(register_id, facts, body)] = till.rows("select register_id, facts, body from quarantine")
    assert (register_id, facts, bytes(body)) == (till.register_id, {"number": 1}, fork)
    assert till.numbers() == [1, 2]
    after = everything(till)
    assert [row for row in before["document"] if row not in after["document"]] == []


@pytest.mark.parametrize("part", [1, 2, 2500])
def test_of_two_forks_in_one_batch_the_first_stays(
    till: Till, monkeypatch: pytest.MonkeyPatch, part: int
) -> None:
    monkeypatch.setattr(drain, "DOCUMENTS_PER_WRITE", part)
    till.take(till.sale(1, 100), till.sale(1, 200), till.sale(1, 100))
    assert till.rows("select total_minor from document") == [(100,)]
    assert till.quarantine() == [(2, "fork")]


def test_a_fork_sent_again_is_set_aside_again(till: Till) -> None:
    till.take(till.sale(1))
    till.take(till.sale(1, 7))
    till.take(till.sale(1, 7))
    assert [reason for _, reason in till.quarantine()] == ["fork", "fork"]
    assert till.numbers() == [1]


# What cannot be read or attributed

UNREADABLE: dict[str, tuple[bytes, str]] = {
    "not JSON": (b"hello", ""),
    "half a document": (b'{"number": 1', ""),
    "a number": (b"17", ""),
    "an array": (b'["a"]', ""),
    "null": (b"null", ""),
    "a byte order mark": (b"\xef\xbb\xbf{}", ""),
    "not UTF-8": (b'{"register": "\xff\xfe"}', ""),
    "a control character": (b'{"register": "a\x01b"}', ""),
    "nothing in it": (b"{}", ""),
    "nested too deeply": (b'{"lines":' + b"[" * 30_000, ""),
}


@pytest.mark.parametrize("raw", [raw for raw, _ in UNREADABLE.values()], ids=UNREADABLE)
def test_what_cannot_be_read_is_set_aside_whole_while_the_rest_goes_on(till: Till, raw: bytes) -> None:
    till.send_body(stream.lines_of([till.sale(1), raw, till.sale(2)]))

    drained = till.drain()

    assert (drained.accepted, drained.quarantined) == (2, 1)
    assert till.numbers() == [1, 2]
    [(position, reason, body)] = till.rows("select position, reason, body from quarantine")
    assert (position, reason, bytes(body)) == (2, "unreadable", raw)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"number": 0}, "number"),
        ({"number": 10**12 + 1}, "number"),
        ({"number": "1"}, "number"),
        ({"number": 1.5}, "number"),
        ({"number": True}, "number"),
        ({"shift": 0}, "shift"),
        ({"ordinal": -1}, "ordinal"),
        ({"kind": "gift"}, "kind"),
        ({"currency": "USD"}, "currency"),
        ({"total_minor": -1}, "total_minor"),
        ({"total_minor": 10**13 + 1}, "total_minor"),
        ({"total_minor": 10**30}, "total_minor"),
        ({"payments": {"cash_minor": None}}, "payments.cash_minor"),
        ({"issued_at": "2026-11-18T12:00:00"}, "issued_at"),
        ({"issued_at": "2026-02-30T12:00:00Z"}, "issued_at"),
        ({"issued_at": "yesterday"}, "issued_at"),
        ({"issued_at": 1763456400}, "issued_at"),
        ({"issued_at": "0001-01-01T00:00:00+03:00"}, "issued_at"),
        ({"issued_at": "9999-12-31T23:59:59-12:00"}, "issued_at"),
        ({"issued_at": "2026-11-18T12:00:00+23:59"}, "issued_at"),
        ({"fiscal_sign": "A\tB"}, "fiscal_sign"),
        ({"fiscal_sign": "AB\n"}, "fiscal_sign"),
        ({"fiscal_sign": "Ж"}, "fiscal_sign"),
        ({"digest": "F" * 64}, "digest"),
        ({"previous": "f" * 63}, "previous"),
        ({"digest": "f" * 64 + "\n"}, "digest"),
        ({"cashier": ""}, "cashier"),
        ({"cashier": "я" * 65}, "cashier"),
        ({"lines": [stream.line(name="я" * 251)]}, "lines[0].name"),
        ({"lines": [stream.line(), stream.line(quantity_milli=0)]}, "lines[1].quantity_milli"),
        ({"lines": [stream.line(section=65536)]}, "lines[0].section"),
        ({"lines": [stream.line()] * 2001}, "lines"),
    ],
)
def test_a_value_past_its_bounds_is_unreadable_and_its_field_is_named(
    till: Till, change: dict[str, Any], field: str
) -> None:
    drained = till.take({**till.sale(1), **change}, till.sale(2))

    assert (drained.accepted, drained.quarantined) == (1, 1)
    [(reason, facts)] = till.rows("select reason, facts from quarantine")
    assert reason == "unreadable"
    assert facts["field"].replace("[...]", "[0]") in {field, field.replace("[1]", "[0]")}
    assert facts["why"]


@pytest.mark.parametrize(
    "change",
    [
        {"number": 10**12},
        {"total_minor": 10**13, "payments": {"cash_minor": 10**13}, "lines": [stream.line(sum_minor=10**13)]},
        {"ordinal": 2_000_000_000, "shift": 2_000_000_000},
        {"issued_at": "1900-01-02T00:00:00Z"},
        {"issued_at": "2999-12-29T23:59:59.999999Z"},
        {"issued_at": "2026-11-18T12:00:00+14:00"},
        {"issued_at": "2026-11-18T12:00:00-15:59"},
        {"cashier": "я" * 64},
        {
            "lines": [
                stream.line(name="я" * 250, section=65535, quantity_milli=10**9, price_minor=0, sum_minor=0)
            ]
        },
        {"fiscal_sign": "0" * 32},
    ],
)
def test_a_value_at_its_bound_is_stored(till: Till, change: dict[str, Any]) -> None:
    assert till.take({**till.sale(1), **change}, till.sale(2)).accepted == 2


def test_sums_past_what_the_database_holds_are_set_aside_and_hold_nobody_up(till: Till) -> None:
    """Two thousand lines of ten trillion overflow a day's sum after some four hundred documents."""
    most = [stream.line(sum_minor=10**13, tax_minor=0)] * 2000
    till.take(till.sale(1))
    with db.transaction(till.organisation_id) as session:
        session.execute(sa.text("update rollup_section set sum_minor = 9223372036854775807 - 1000"))

    drained = till.take(till.sale(2, lines=most), till.sale(3, lines=most))
    drained.add(till.take(till.sale(4, lines=[])))

    assert (drained.accepted, drained.quarantined) == (1, 2)
    assert till.numbers() == [1, 4]
    assert till.quarantine() == [(1, "unprocessable"), (2, "unprocessable")]


def test_a_gateways_documents_find_their_registers_and_the_rest_is_set_aside(
    session: Session, till: Till
) -> None:
    second = stream.another_till(session, till)
    gateway = stream.gateway(till)
    accepted = gateway.send(
        till.sale(1),
        second.sale(1),
        b"{broken",
        till.sale(1, register="nobody's"),
        till.sale(2),
        second.sale(2),
    )

    assert accepted.register_ids == (UNATTRIBUTED, till.register_id, second.register_id)
    drained = [drain_register(till.organisation_id, lane) for lane in accepted.register_ids]

    assert [(lane.accepted, lane.quarantined) for lane in drained] == [(0, 2), (2, 0), (2, 0)]
    assert (till.numbers(), second.numbers()) == ([1, 2], [1, 2])
    assert till.rows(
        "select position, reason, register_id, facts->>'register' from quarantine order by id"
    ) == [
        (3, "unreadable", None, None),
        (4, "unknown_register", None, "nobody's"),
    ]


def test_positions_in_quarantine_are_those_of_the_batch_and_not_of_the_portion(
    session: Session, till: Till
) -> None:
    second = stream.another_till(session, till)
    stream.gateway(till).send(second.sale(1), till.sale(1), second.sale(2), {**till.sale(2), "kind": "gift"})
    till.drain()
    assert till.quarantine() == [(4, "unreadable")]


def test_a_registers_own_sender_speaks_for_no_other_register(session: Session, till: Till) -> None:
    second = stream.another_till(session, till)

    drained = till.take(till.sale(1), second.sale(1), till.sale(2, register="unheard of"))

    assert (drained.accepted, drained.quarantined) == (1, 2)
    assert till.quarantine() == [(2, "foreign_register"), (3, "unknown_register")]
    assert second.numbers() == []


def test_a_register_of_another_organisation_is_unknown_here(session: Session, till: Till) -> None:
    foreign = stream.open_till(session)
    stream.gateway(till).send(foreign.sale(1))
    drain_register(till.organisation_id, UNATTRIBUTED)
    assert till.quarantine() == [(1, "unknown_register")]
    assert foreign.numbers() == []


def test_documents_of_a_removed_register_are_set_aside(session: Session, till: Till) -> None:
    till.take(till.sale(1))
    with db.transaction(till.organisation_id) as inside:
        inside.execute(sa.update(Register).where(Register.id == till.register_id).values(state="removed"))

    till.take(till.sale(2))

    assert till.quarantine() == [(1, "register_removed")]
    assert till.numbers() == [1]


def test_a_register_that_came_to_work_in_the_cloud_streams_nothing_new_but_may_repeat_itself(
    session: Session, till: Till
) -> None:
    till.take(till.sale(1))
    with db.transaction(till.organisation_id) as inside:
        inside.execute(sa.update(Register).where(Register.id == till.register_id).values(kind="cloud"))

    drained = till.take(till.sale(1), till.sale(1, total=2400), till.sale(2))

    assert (drained.accepted, drained.repeated, drained.quarantined) == (0, 1, 2)
    assert till.quarantine() == [(2, "fork"), (3, "cloud_register")]
    assert till.numbers() == [1]


def test_a_register_put_on_record_after_the_batch_came_was_unknown_then(session: Session, till: Till) -> None:
    stream.gateway(till).send(till.sale(1, register="NEW"))
    stream.another_till(session, till, factory_number="NEW")
    drain_register(till.organisation_id, UNATTRIBUTED)
    assert till.quarantine() == [(1, "unknown_register")]


def test_money_of_another_country_is_set_aside(till: Till) -> None:
    drained = till.take(till.sale(1, currency="KZT"), till.sale(2, currency="BYN"), till.sale(3))
    assert (drained.accepted, drained.quarantined) == (2, 1)
    assert till.rows("select reason, facts from quarantine") == [
        ("foreign_currency", {"currency": "KZT", "expected": "BYN"})
    ]


# Odd texts


@pytest.mark.parametrize(
    "name", ["a\x00b", "\x00", "\ufeff", "\u202eтекст", "𝄞😀", "\ufdd0\uffff", "a\tb\\n\"'%{}", "'; --"]
)
def test_odd_names_are_kept_and_hold_nobody_up(till: Till, name: str) -> None:
    documents = [
        till.sale(number, cashier=name, lines=[stream.line(name, code=name, barcode=name, marking=name)])
        for number in (1, 2)
    ]
    assert till.take(*documents).accepted == 2
    stored = [json.loads(body) for (body,) in till.rows("select body from document_body order by number")]
    assert [document["cashier"] for document in stored] == [name, name]
    assert till.rows("select name from cashier") == [(name.replace("\x00", ""),)]
    assert till.rows("select code, name from product") == [(name.replace("\x00", ""),) * 2]


def test_a_nul_in_what_cannot_be_attributed_holds_nobody_up(till: Till) -> None:
    gateway = stream.gateway(till)
    gateway.send(till.sale(1, register="a\x00b"), till.sale(2, register="\x00"))
    drain_register(till.organisation_id, UNATTRIBUTED)
    assert till.rows("select reason, facts from quarantine order by id") == [
        ("unknown_register", {"register": "a\ufffdb"}),
        ("unknown_register", {"register": "\ufffd"}),
    ]


def test_an_unknown_field_with_a_nul_or_half_a_book_for_a_name_is_unreadable(till: Till) -> None:
    till.take({**till.sale(1), "a\x00b": 1}, {**till.sale(2), "b\x00": 1}, {**till.sale(3), "long" * 9999: 1})
    assert till.quarantine() == [(1, "unreadable"), (2, "unreadable"), (3, "unreadable")]
    assert till.rows("select max(length(facts::text)) < 1000 from quarantine") == [(True,)]


def test_half_of_a_surrogate_pair_holds_nobody_up(till: Till) -> None:
    halves = [
        stream.raw_of(till.sale(number, cashier="HALF")).replace(b"HALF", half)
        for number, half in enumerate(
            (b"\\ud800", b"\\udc00", b"\\ud800x", b"\\ud800\\u0041", b"\\udc00\\ud800"), 1
        )
    ]
    drained = till.take(*halves, till.sale(9))
    assert drained.documents == 6
    assert drained.accepted >= 1
    assert 9 in till.numbers()


# Remarks


def test_a_document_that_breaks_rules_is_stored_with_remarks(till: Till) -> None:
    drained = till.take(
        till.sale(1, total_minor=1300),
        till.sale(2, cashier=None),
        till.sale(3, payments={"card_minor": 1200}, change_minor=5),
        till.sale(4, lines=[stream.line(tax_rate=1700, tax_minor=174)]),
        till.sale(5),
    )
    assert (drained.accepted, drained.remarked, drained.quarantined) == (5, 4, 0)
    assert till.remarks() == [
        (1, "lines_total"),
        (1, "payments_total"),
        (2, "no_cashier"),
        (3, "change_without_cash"),
        (3, "payments_total"),
        (4, "tax_rate_unknown"),
    ]
    assert till.rows("select facts->>'total_minor' from remark where code = 'lines_total'") == [("1300",)]


def test_a_document_of_a_shift_of_more_than_a_day_is_remarked_upon_but_its_z_report_is_not(
    till: Till,
) -> None:
    later = (till.noon + timedelta(hours=24, minutes=2)).isoformat()
    totals = {"sale_count": 2, "sale_minor": 2400}
    till.take(
        till.document(1, "shift_opened"),
        till.sale(2),
        till.sale(3, issued_at=later),
        till.document(4, "z_report", issued_at=later, totals=totals),
        at=till.noon + timedelta(days=2),
    )
    assert till.remarks() == [(3, "shift_too_long")]


def test_a_clock_that_goes_back_or_ahead_is_remarked_upon(till: Till) -> None:
    arrived = till.noon
    till.take(
        till.sale(1, issued_at=till.noon.isoformat()),
        till.sale(2, issued_at=(till.noon - timedelta(seconds=1)).isoformat()),
        till.sale(3, issued_at=(till.noon + timedelta(minutes=10)).isoformat()),
        till.sale(4, issued_at=(till.noon + timedelta(minutes=10, seconds=1)).isoformat()),
        at=arrived,
    )
    assert till.remarks() == [(2, "clock_back"), (4, "clock_ahead")]


def test_a_batch_waiting_for_days_is_judged_by_the_moment_it_arrived(till: Till) -> None:
    till.take(till.sale(1), at=till.noon - timedelta(hours=1))
    assert till.remarks() == [(1, "clock_ahead")]


# Order


def test_batches_of_a_lane_are_drained_in_the_order_they_came(till: Till) -> None:
    for number in range(1, 30):
        till.send(till.sale(number))
    till.drain()
    assert till.numbers() == list(range(1, 30))
    assert till.gaps() == []


def test_a_long_lane_is_drained_in_several_transactions(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.ingest.drain.DOCUMENTS_PER_TRANSACTION", 3)
    for first in (1, 3, 5, 7):
        till.send(till.sale(first), till.sale(first + 1))
    assert till.drain().accepted == 8
    assert till.numbers() == list(range(1, 9))


def test_a_lane_of_large_bodies_is_drained_in_several_transactions(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[int] = []
    list_waiting = drain.__dict__["list_waiting"]

    def listing(*arguments: Any) -> Any:
        portions = list_waiting(*arguments)
        taken.append(len(portions))
        return portions

    monkeypatch.setattr(drain, "list_waiting", listing)
    monkeypatch.setattr("portal.ingest.lanes.BYTES_MAX", 2500)
    for number in range(1, 6):
        document = stream.raw_of(till.sale(number))
        till.send(document + b" " * (1000 - len(document)))
    till.send(stream.raw_of(till.sale(6)) + b" " * 9000)
    till.drain()
    assert taken == [2, 2, 1, 1, 0]
    assert till.numbers() == list(range(1, 7))


def test_a_job_gives_its_worker_back_and_rings_again(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    rung: list[tuple[int, list[int]]] = []
    monkeypatch.setattr("portal.ingest.drain.DOCUMENTS_PER_TRANSACTION", 1)
    monkeypatch.setattr("portal.ingest.drain.TRANSACTIONS_PER_JOB", 2)
    monkeypatch.setattr("portal.queue.ring", lambda organisation, lanes: rung.append((organisation, lanes)))
    for number in (1, 2, 3):
        till.send(till.sale(number))

    till.drain()

    assert till.numbers() == [1, 2]
    assert rung == [(till.organisation_id, [till.register_id])]


def test_counts_of_a_portion_say_what_came_of_its_documents(till: Till) -> None:
    till.take(till.sale(1))
    till.take(till.sale(1), till.sale(2, cashier=None), till.sale(3), b"?", till.sale(1, 5))
    assert till.rows(
        "select document_count, accepted_count, repeated_count, quarantined_count, remarked_count, "
        "drained_at is not null from ingest_portion order by batch_id"
    ) == [(1, 1, 0, 0, 0, True), (5, 2, 1, 2, 1, True)]


# Late documents land in the right day


@pytest.mark.parametrize(
    ("zone", "starts", "issued_at", "day", "hour"),
    [
        ("Europe/Minsk", 0, "2026-11-18T23:59:59+03:00", "2026-11-18", 23),
        ("Europe/Minsk", 0, "2026-11-19T00:00:00+03:00", "2026-11-19", 0),
        ("Europe/Minsk", 6, "2026-11-19T05:59:59.999999+03:00", "2026-11-18", 5),
        ("Europe/Minsk", 6, "2026-11-19T06:00:00+03:00", "2026-11-19", 6),
        ("Europe/Minsk", 6, "2026-11-19T02:59:59Z", "2026-11-18", 5),
        ("Europe/Minsk", 0, "2026-11-18T21:00:00Z", "2026-11-19", 0),
        ("Europe/Minsk", 0, "2025-12-31T23:59:59+03:00", "2025-12-31", 23),
        ("Europe/Minsk", 6, "2026-01-01T03:00:00+03:00", "2025-12-31", 3),
        ("Asia/Almaty", 0, "2026-11-18T19:00:00Z", "2026-11-19", 0),
        # Almaty was six hours ahead until the last night of February 2024.
        ("Asia/Almaty", 0, "2024-02-28T18:00:00Z", "2024-02-29", 0),
        ("Asia/Almaty", 0, "2026-02-28T18:00:00Z", "2026-02-28", 23),
        ("America/New_York", 0, "2026-11-01T05:30:00Z", "2026-11-01", 1),
        ("America/New_York", 0, "2026-11-01T06:30:00Z", "2026-11-01", 1),
        ("Pacific/Apia", 0, "2026-11-18T11:00:00Z", "2026-11-19", 0),
    ],
)
def test_a_document_lands_in_the_business_day_of_its_point(
    session: Session, zone: str, starts: int, issued_at: str, day: str, hour: int
) -> None:
    till = stream.open_till(session, zone=zone, day_starts_hour=starts)
    till.take(till.sale(1, issued_at=issued_at))
    assert till.rows("select day::text, hour from document") == [(day, hour)]
    assert till.rows("select day::text, hour, sale_minor from rollup_hour") == [(day, hour, 1200)]
    for table in (
        "rollup_day",
        "rollup_point",
        "rollup_kind",
        "rollup_tax",
        "rollup_product",
        "rollup_cashier",
    ):
        assert till.rows(f"select day::text from {table}") == [(day,)]


def test_documents_days_late_and_of_a_shift_before_land_in_their_own_day(till: Till) -> None:
    till.take(till.sale(10), at=till.noon + timedelta(hours=1))
    last_year = datetime(2025, 11, 18, 9, tzinfo=UTC).isoformat()
    last_week = datetime(2026, 11, 11, 9, tzinfo=UTC).isoformat()
    till.take(
        till.sale(3, 700, issued_at=last_week, shift=7), till.sale(2, 500, issued_at=last_year, shift=3)
    )

    assert till.rows("select day::text, sale_minor from rollup_day order by day") == [
        ("2025-11-18", 500),
        ("2026-11-11", 700),
        ("2026-11-18", 1200),
    ]
    assert till.rows("select shift, sale_minor from shift order by shift") == [(1, 1200), (3, 500), (7, 700)]
    assert till.numbers() == [10, 3, 2]


def test_a_registers_new_point_gets_only_new_documents(session: Session, till: Till) -> None:
    till.take(till.sale(1))
    with db.transaction(till.organisation_id) as inside:
        moved = inside.execute(
            sa.text(
                "insert into point (organisation_id, name, zone) values (:o, 'Якуба Коласа', 'Europe/Minsk') returning id"
            ),
            {"o": till.organisation_id},
        ).scalar_one()
        inside.execute(sa.update(Register).where(Register.id == till.register_id).values(point_id=moved))

    till.take(till.sale(2, 300))

    assert till.rows("select point_id, sale_minor from rollup_point order by point_id") == [
        (till.point_id, 1200),
        (moved, 300),
    ]


# Shifts


def test_a_shift_opens_with_its_first_moment_and_closes_with_its_z_report(till: Till) -> None:
    moments = [(till.noon + timedelta(minutes=minute)).isoformat() for minute in range(4)]
    z_report = till.document(
        4, "z_report", issued_at=moments[3], totals={"sale_count": 2, "sale_minor": 2400}
    )
    till.take(till.sale(3, issued_at=moments[2]), z_report)
    till.take(till.document(1, "shift_opened", issued_at=moments[0]), till.sale(2, issued_at=moments[1]))

    [row] = till.rows(
        "select opened_at, closed_at, first_number, last_number, z_number, document_count, sale_minor from shift"
    )
    assert row == (till.noon, till.noon + timedelta(minutes=3), 1, 4, 4, 4, 2400)


def test_of_two_z_reports_the_one_with_the_lower_number_closes_whichever_comes_first(till: Till) -> None:
    first = till.document(5, "z_report", totals={})
    second = till.document(6, "z_report", totals={})
    till.take(second)
    till.take(first)
    assert till.rows("select z_number, closed_at from shift") == [(5, till.noon + timedelta(minutes=5))]
    till.take(till.document(7, "z_report", totals={}))
    assert till.rows("select z_number, closed_at from shift") == [(5, till.noon + timedelta(minutes=5))]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize("part", [1, 2])
def test_of_two_z_reports_in_one_batch_the_one_with_the_lower_number_closes(
    till: Till, monkeypatch: pytest.MonkeyPatch, order: tuple[int, int], part: int
) -> None:
    monkeypatch.setattr(drain, "DOCUMENTS_PER_WRITE", part)
    reports = [till.document(number, "z_report", totals={}) for number in (5, 6)]
    till.take(*(reports[place] for place in order))
    assert till.rows("select z_number, closed_at from shift") == [(5, till.noon + timedelta(minutes=5))]


# Heads and bookkeeping


def test_the_head_is_of_the_highest_number_and_of_the_last_accepted(till: Till) -> None:
    till.take(till.sale(5), till.sale(7))
    till.take(till.sale(6))
    digests = dict(till.rows("select sequence, digest from document"))
    [row] = till.rows("select sequence, digest, first_number, last_number, last_issued_at from register_head")
    assert row == (3, digests[3], 5, 7, till.noon + timedelta(minutes=7))


def test_names_are_written_once_for_all_registers(session: Session, till: Till) -> None:
    second = stream.another_till(session, till)
    till.take(till.sale(1))
    second.take(second.sale(1))
    assert till.rows("select name from product") == [("Хлеб",)]
    assert till.rows("select name from cashier") == [("Анна",)]


def test_names_that_were_rolled_back_are_written_by_the_next_drain(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    till.send(till.sale(1))

    def fail(*_: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as broken:
        broken.setattr("portal.ingest.drain._mark_drained", fail)
        with pytest.raises(RuntimeError):
            till.drain()
    assert till.numbers() == []

    till.drain()

    assert till.numbers() == [1]
    assert till.rows("select name from product") == [("Хлеб",)]
    assert till.rows("select name from cashier") == [("Анна",)]


def test_names_of_a_drain_that_failed_are_written_by_its_second_try(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark, calls = drain._mark_drained, []

    def fails_at_first(*arguments: Any) -> None:
        calls.append(arguments)
        if len(calls) == 1:
            raise RuntimeError
        mark(*arguments)

    monkeypatch.setattr(drain, "_mark_drained", fails_at_first)
    assert till.take(till.sale(1)).accepted == 1
    assert till.rows("select name from product") == [("Хлеб",)]
    assert till.rows("select name from cashier") == [("Анна",)]


def test_a_worker_forgets_names_before_it_runs_out_of_memory(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.analytics.names.NAMES_MAX", 3)
    for number in range(1, 9):
        till.take(till.sale(number, lines=[stream.line(f"товар {number}")]))
        met = names._names.get(till.organisation_id)
        assert met is None or len(met.products) <= 4
    assert len(till.rows("select * from product")) == 8


def test_readers_are_told_after_documents_were_taken_in(till: Till) -> None:
    before = queue.live_version(till.organisation_id) or 0
    till.take(till.sale(1))
    assert queue.live_version(till.organisation_id) == before + 1
