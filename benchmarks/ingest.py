"""The stream's speed: from committed batches through RQ to journal and rollups, against plain COPY.

The limit is one stream of COPY, as the tables' owner, of the very same rows into the very same indexed tables.
Every repetition runs all variants one after the other on fresh organisations, so that a change of the machine's
mood falls on all of them; ratios are taken within a repetition and their median is the result.
"""

import gzip
import http.client
import json
import random
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from io import BytesIO
from typing import Any

import psycopg2
from rq import Worker
from sqlalchemy import text
from sqlalchemy.engine import make_url

from benchmarks.scratch import environment, scratch
from portal import queue
from portal.analytics import rollups
from portal.config import ROOT, Settings
from portal.db import speak_for, transaction
from portal.demo.till import Bill, Till
from portal.fiscal import chain, codec
from portal.fiscal.chain import canonical
from portal.fiscal.dialects import BELARUS
from portal.fiscal.documents import KIND_BY_NAME, Document, Line, Payments, payment_mask
from portal.fiscal.taxes import tax_inside
from portal.ingest import drain
from portal.ingest.actions import accept_batch
from portal.ingest.forms import Speaker
from portal.primitives import clock
from portal.registers.actions import issue_token

REGISTERS = 8
BATCH = 5000
RECEIPTS_PER_DAY = 500
WEB_PORT = 29_871
LIMIT_S = 300

_chance = random.Random(20261120)


@dataclass(frozen=True)
class Company:
    """An organisation made for one variant of one repetition."""

    id: int
    register_ids: list[int]
    tokens: list[str]


def run(settings: Settings, *, pairs: int, documents: int) -> None:
    """Measure and print: a line for every repetition, and the medians last."""
    streams = [_stream(f"BENCH-{index}", documents // REGISTERS) for index in range(REGISTERS)]
    with scratch(settings) as inside:
        rows = [_measure(inside, streams, repetition) for repetition in range(pairs)]
    names = [name for name in rows[0] if name.startswith("ratio_") or name.endswith("_share")]
    total = len(streams[0]) * REGISTERS
    summary: dict[str, object] = {"benchmark": "ingest", "documents": total, "pairs": pairs}
    for name in names:
        values = sorted(row[name] for row in rows)
        summary[name] = round(statistics.median(values), 3)
        summary[f"{name}_spread"] = [round(values[0], 3), round(values[-1], 3)]
    for name in (name for name in rows[0] if name.endswith("_per_s")):
        summary[name] = round(statistics.median(row[name] for row in rows))
    print(json.dumps(summary), flush=True)


def _measure(settings: Settings, streams: list[list[bytes]], repetition: int) -> dict[str, float]:
    count = sum(len(stream) for stream in streams)
    per_s = {
        "copy_per_s": count / _copy(settings, streams),
        "direct_per_s": count / _direct(streams),
        "without_rollups_per_s": count / _without_rollups(streams),
        "one_worker_per_s": count / _through_workers(settings, streams, workers=1),
        "two_workers_per_s": count / _through_workers(settings, streams, workers=2),
        "http_per_s": count / _through_http(settings, streams),
    }
    limit = per_s["copy_per_s"]
    row = {
        **per_s,
        "ratio_one_worker": per_s["one_worker_per_s"] / limit,
        "ratio_two_workers": per_s["two_workers_per_s"] / limit,
        "ratio_http_two_workers": per_s["http_per_s"] / limit,
        "rq_share": 1 - per_s["one_worker_per_s"] / per_s["direct_per_s"],
        "rollups_share": 1 - per_s["direct_per_s"] / per_s["without_rollups_per_s"],
    }
    line = {"repetition": repetition + 1, **{name: round(value, 3) for name, value in row.items()}}
    print(json.dumps(line), flush=True)
    return row


# What is streamed


def _stream(register: str, documents: int) -> list[bytes]:
    """A busy shop's register: shifts of 500 receipts with three lines out of a hundred goods, and Z-reports."""
    till = Till(register, BELARUS)
    at = datetime(2026, 1, 5, 8, 0, tzinfo=timezone(timedelta(hours=3)))
    goods = [
        (f"Товар № {place}", str(4_810_000_000_000 + place), _chance.randrange(50, 2000))
        for place in range(100)
    ]
    issued: list[Document] = []
    while len(issued) < documents:
        opened = till.open_shift(at, cashier="Анна Ковалёва")
        issued += [opened] if opened else []
        for receipt in range(RECEIPTS_PER_DAY):
            issued.append(_sell(till, at + timedelta(seconds=90 * receipt), goods))
        issued.append(till.z_report(at + timedelta(hours=13), cashier="Анна Ковалёва", sign=_sign()))
        at += timedelta(days=1)
    return [canonical(document) for document in issued[:documents]]


def _sell(till: Till, at: datetime, goods: list[tuple[str, str, int]]) -> Document:
    lines = []
    for name, code, price in _chance.sample(goods, 3):
        quantity = _chance.choice((1, 1, 1, 2, 3))
        total = price * quantity
        lines.append(
            Line(
                name=name, code=code, price_minor=price, quantity_milli=quantity * 1000, sum_minor=total,
                tax_rate=2000, tax_minor=tax_inside(total, 2000), section=1 + price % 3,
            )
        )  # fmt: skip
    bill = Bill(tuple(lines))
    paid = (
        Payments(cash_minor=bill.total_minor)
        if _chance.random() < 0.4
        else Payments(card_minor=bill.total_minor)
    )
    return till.sell(at, bill, paid, change_minor=0, cashier="Анна Ковалёва", sign=_sign())


def _sign() -> str:
    return f"{_chance.getrandbits(96):024X}"


def _batches(stream: list[bytes]) -> Iterator[bytes]:
    for start in range(0, len(stream), BATCH):
        yield b"\n".join(stream[start : start + BATCH])


def _found(count: int) -> Company:
    """A new organisation with a register for every stream."""
    with transaction() as session:
        organisation_id = session.execute(text("select nextval('organisation_id_seq')")).scalar_one()
        speak_for(session, organisation_id)
        facts = {"o": organisation_id}
        session.execute(
            text(
                "insert into organisation (id, country, tax_id, name, currency) values (:o, 'by', 'B' || :o, 'Bench', 'BYN')"
            ),
            facts,
        )
        point_id = session.execute(
            text(
                "insert into point (organisation_id, name, zone) values (:o, 'Bench', 'Europe/Minsk') returning id"
            ),
            facts,
        ).scalar_one()
        register_ids, tokens = [], []
        for index in range(count):
            register_id = session.execute(
                text(
                    "insert into register (organisation_id, point_id, name, factory_number) "
                    "values (:o, :p, 'Bench', :f) returning id"
                ),
                {"o": organisation_id, "p": point_id, "f": f"BENCH-{index}"},
            ).scalar_one()
            register_ids.append(register_id)
            tokens.append(
                issue_token(session, organisation_id, name="Bench", register_id=register_id, at=clock.now())
            )
    return Company(organisation_id, register_ids, tokens)


def _commit(company: Company, streams: list[list[bytes]]) -> None:
    """Put every batch where the door would put it."""
    for register_id, stream in zip(company.register_ids, streams, strict=True):
        for number, body in enumerate(_batches(stream)):
            with transaction(company.id) as session:
                accept_batch(
                    session,
                    Speaker(company.id, register_id, register_id),
                    f"batch-{number}",
                    body,
                    at=clock.now(),
                )


# The limit


def _copy(settings: Settings, streams: list[list[bytes]]) -> float:
    """Seconds that one stream of COPY takes for the rows that the drain would write."""
    company = _found(len(streams))
    files = [
        _copy_files(company.id, register_id, stream)
        for register_id, stream in zip(company.register_ids, streams, strict=True)
    ]
    url = make_url(settings.database_owner_url)
    connection = psycopg2.connect(
        host=url.host, port=url.port, user=url.username, password=url.password, dbname=url.database
    )
    began = time.perf_counter()
    for narrow, bodies in files:
        # One transaction for as many documents as the drain takes in one.
        with connection, connection.cursor() as cursor:
            cursor.copy_expert("copy document from stdin", BytesIO(narrow))
            cursor.copy_expert("copy document_body from stdin", BytesIO(bodies))
    seconds = time.perf_counter() - began
    connection.close()
    return seconds


def _copy_files(organisation_id: int, register_id: int, stream: list[bytes]) -> tuple[bytes, bytes]:
    narrow, bodies, digest = [], [], b""
    for sequence, raw in enumerate(stream, 1):
        document = codec.decode(raw)
        digest = chain.link(digest, raw)
        paid = document.payments
        values: tuple[Any, ...] = (
            organisation_id, register_id, document.number, sequence, int(KIND_BY_NAME[document.kind]), document.shift,
            document.ordinal, document.issued_at, document.issued_at.date(), document.issued_at.hour, 1, 1,
            document.total_minor, paid.cash_minor, paid.card_minor, paid.mobile_minor, paid.other_minor,
            document.change_minor, payment_mask(document), "f", document.fiscal_sign or "\\N", 1, datetime.now(UTC),
            "\\\\x" + digest.hex(),
        )  # fmt: skip
        narrow.append("\t".join(map(str, values)) + "\n")
        body = raw.decode().replace("\\", "\\\\")
        bodies.append(f"{organisation_id}\t{register_id}\t{document.number}\t{body}\n")
    return "".join(narrow).encode(), "".join(bodies).encode()


# The portal


def _direct(streams: list[list[bytes]]) -> float:
    """Seconds that the drain takes in this process, without a queue."""
    company = _found(len(streams))
    _commit(company, streams)
    began = time.perf_counter()
    for register_id in company.register_ids:
        drain.drain_register(company.id, register_id)
    return time.perf_counter() - began


def _without_rollups(streams: list[list[bytes]]) -> float:
    """The same with folding and moving rollups left out."""
    folding, move = rollups.Folding, rollups.move
    rollups.Folding = _Nothing  # type: ignore[misc]
    rollups.move = lambda *_: None
    try:
        return _direct(streams)
    finally:
        rollups.Folding, rollups.move = folding, move  # type: ignore[misc]


class _Nothing(rollups.Folding):
    def add(self, entries: Iterable[rollups.Folded]) -> None:
        """Fold nothing in."""


def _through_workers(settings: Settings, streams: list[list[bytes]], *, workers: int) -> float:
    """Seconds from the first ring to the last drained portion, with workers that are up and warm."""
    company = _found(len(streams))
    with _workers(settings, workers):
        _commit(company, streams)
        began = time.perf_counter()
        queue.ring(company.id, company.register_ids)
        _wait(lambda: _is_drained(company.id))
        return time.perf_counter() - began


def _through_http(settings: Settings, streams: list[list[bytes]]) -> float:
    """Seconds from the first request to the last drained portion: gunicorn, two workers, eight tills."""
    company = _found(len(streams))
    with _workers(settings, 2), _web(settings):
        began = time.perf_counter()
        with ThreadPoolExecutor(len(streams)) as tills:
            list(tills.map(_send, company.tokens, streams))
        _wait(lambda: _is_drained(company.id))
        return time.perf_counter() - began


def _send(token: str, stream: list[bytes]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", WEB_PORT, timeout=60)
    for start in range(0, len(stream), 1000):
        body = gzip.compress(b"\n".join(stream[start : start + 1000]), 1)
        headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/x-ndjson",
            "Content-Encoding": "gzip",
            "Idempotency-Key": f"bench-{start}",
        }
        connection.request("POST", "/ingest/v1/documents", body, headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 202, answer.status
    connection.close()


@contextmanager
def _workers(settings: Settings, count: int) -> Iterator[None]:
    with ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(_process(settings, [sys.executable, "-m", "workers", "work"]))
        _warm(count)
        yield


def _warm(count: int) -> None:
    """Wait until every worker has taken its first job, so that starting up is not measured."""
    _wait(lambda: len(Worker.all(connection=queue.redis_client())) >= count)
    company = _found(count * 2)
    one = _stream("BENCH-0", 3)
    for index, register_id in enumerate(company.register_ids):
        with transaction(company.id) as session:
            body = b"\n".join(raw.replace(b"BENCH-0", f"BENCH-{index}".encode()) for raw in one)
            accept_batch(session, Speaker(company.id, register_id, register_id), "warm", body, at=clock.now())
    queue.ring(company.id, company.register_ids)
    _wait(lambda: _is_drained(company.id))


@contextmanager
def _web(settings: Settings) -> Iterator[None]:
    command = [
        sys.executable, "-m", "gunicorn", "wsgi:app", "--bind", f"127.0.0.1:{WEB_PORT}", "--workers", "2",
        "--worker-class", "gthread", "--threads", "4", "--log-level", "error",
    ]  # fmt: skip
    with _process(settings, command):
        _wait(_answers)
        yield


def _answers() -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", WEB_PORT, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


@contextmanager
def _process(settings: Settings, command: list[str]) -> Iterator[None]:
    process = subprocess.Popen(
        command, env=environment(settings), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _is_drained(organisation_id: int) -> bool:
    with transaction(organisation_id) as session:
        return not session.execute(
            text(
                "select exists (select from ingest_portion where organisation_id = :o and drained_at is null)"
            ),
            {"o": organisation_id},
        ).scalar_one()


def _wait(is_true: Callable[[], bool]) -> None:
    until = time.monotonic() + LIMIT_S
    while not is_true():
        if time.monotonic() > until:
            raise TimeoutError(f"nothing came of it in {LIMIT_S} s")
        time.sleep(0.05)
