"""A whole portal of its own for tests that break it: servers, web, workers, clock, and tills that never give up."""

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any

import psutil
import psycopg2
import redis

from portal import local
from portal.config import ROOT
from tests.ingest import stream
from tests.ingest.stream import Fields, Till

PATIENCE_S = 60.0


def wait_until(happened: Callable[[], object], what: str, *, seconds: float = PATIENCE_S) -> None:
    """Look again and again; fail when it has not happened in time."""
    deadline_s = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline_s, f"still waiting after {seconds:.0f} s: {what}"
        time.sleep(0.01)


@dataclass
class Servers:
    """PostgreSQL and Valkey in a directory, which can be killed and started again."""

    directory: Path
    access: local.Access

    @property
    def environment(self) -> dict[str, str]:
        """What the portal's processes are told."""
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("KASSA_")},
            "KASSA_DATABASE_URL": self.access.database_url(),
            "KASSA_DATABASE_OWNER_URL": self.access.owner_url(),
            "KASSA_REDIS_URL": self.access.redis_url(),
            "KASSA_SECRET_KEY": "a secret that only these tests know, and everybody else",
            "KASSA_REQUESTS_PER_MINUTE": "1000000",
        }

    def ask(self, question: str) -> Any:
        """One value, as the owner sees it; None while PostgreSQL is away."""
        try:
            connection = psycopg2.connect(self.access.owner_url().replace("+psycopg2", ""), connect_timeout=2)
        except psycopg2.OperationalError:
            return None
        try:
            with connection.cursor() as cursor:
                cursor.execute(question)
                row = cursor.fetchone()
                return row[0] if row else None
        except psycopg2.OperationalError:
            return None
        finally:
            connection.close()

    def kill_postgres(self) -> None:
        """Kill the postmaster and every one of its children."""
        processes = local.processes_in(self.directory / "postgres")
        assert processes
        # The head first, so that it cannot tidy up after its children.
        for process in sorted(processes, key=lambda one: not local.is_head(one)):
            _kill(process)
        psutil.wait_procs(processes, timeout=10)

    def kill_valkey(self) -> None:
        """Kill Valkey and throw away all that it kept."""
        process = self.valkey()
        process.kill()
        process.wait(10)
        for kept in (self.directory / "valkey").iterdir():
            shutil.rmtree(kept) if kept.is_dir() else kept.unlink()

    def valkey(self) -> psutil.Process:
        process = local.head_of(self.directory / "valkey")
        assert process is not None
        return process

    def start_again(self) -> None:
        """Start whatever is down; the ports stay the same."""
        before = self.access
        self.access = local.start(self.directory, memory_mb=64)
        assert self.access == before


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return


@dataclass
class Keeper:
    """Keeps programs running as a supervisor does, but at once and without patience."""

    environment: dict[str, str]
    log_directory: Path
    commands: dict[str, list[str]]
    starts: Counter[str] = field(default_factory=Counter)
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _stop: Event = field(default_factory=Event)
    _lock: Lock = field(default_factory=Lock)

    @contextmanager
    def keeping(self) -> Iterator["Keeper"]:
        """Run every program until the end of the block."""
        thread = Thread(target=self._keep, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            thread.join()
            for name in self._running:
                self.kill(name)

    def kill(self, name: str) -> None:
        """SIGKILL a program together with its own children."""
        with self._lock:
            process = self._running.get(name)
            if process is not None and process.poll() is None:
                # Each program leads a session of its own, which holds its children too.
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(10)

    def stop(self, name: str) -> int:
        """Ask a program to stop, and wait; its exit status. It is started again afterwards."""
        with self._lock:
            process = self._running[name]
            process.terminate()
            return process.wait(PATIENCE_S)

    def log(self, name: str) -> str:
        """What a program has said in all its lives."""
        return (self.log_directory / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def _keep(self) -> None:
        while not self._stop.is_set():
            for name, command in list(self.commands.items()):
                with self._lock:
                    process = self._running.get(name)
                    is_over = process is None or process.poll() is not None
                    if is_over and name in self.commands:
                        self._running[name] = self._start(name, command)
            self._stop.wait(0.05)

    def _start(self, name: str, command: list[str]) -> subprocess.Popen[bytes]:
        parent = os.getpid()
        self.starts[name] += 1
        with (self.log_directory / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-P", *command],
                cwd=ROOT,
                env={**self.environment, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=lambda: local.die_with(parent, signal.SIGKILL),  # noqa: PLW1509 - a killed test run leaves nothing
            )


def programs(port: int, *, workers: int) -> dict[str, list[str]]:
    """A web server, so many workers, and the clock."""
    web = ["-m", "gunicorn", "wsgi:app", f"--bind=127.0.0.1:{port}", "--worker-class=gthread", "--threads=6"]
    return {
        "web": [*web, "--no-control-socket", "--graceful-timeout=1", f"--chdir={ROOT}"],
        **{f"worker-{number}": ["-m", "workers", "work"] for number in range(workers)},
        "clock": ["-m", "workers", "schedule"],
    }


@dataclass(frozen=True)
class Batch:
    """What is sent under one key."""

    token: str
    key: str
    body: bytes


@dataclass
class Outbox:
    """A till's outbox: every batch is sent, in order, until it is acknowledged, however long that takes."""

    port: int
    batches: list[Batch]
    acknowledged: dict[str, Any] = field(default_factory=dict)
    refused: list[tuple[int, bytes]] = field(default_factory=list)
    tries: int = 0
    stop: Event = field(default_factory=Event)

    def run(self) -> None:
        """Send everything; each is sent once more after its acknowledgement, and must be answered alike."""
        for batch in self.batches:
            self.acknowledged[batch.key] = self.send(batch)
            if len(self.acknowledged) % 3 == 0:
                assert self.send(batch) == self.acknowledged[batch.key]

    def send(self, batch: Batch) -> Any:
        """Send one batch until it is answered with 202; what was answered."""
        while not self.stop.is_set():
            self.tries += 1
            try:
                status, answer = knock(self.port, batch)
            except (OSError, http.client.HTTPException):
                # Nobody listens, or the connection broke: what became of the batch is unknown.
                self.stop.wait(0.05)
                continue
            if status == 202:
                return json.loads(answer)
            # 503 says that the database is away. Anything else is no answer to a good batch.
            if status != 503:
                self.refused.append((status, answer))
            self.stop.wait(0.05)
        return None


def knock(port: int, batch: Batch, *, timeout_s: float = 20) -> tuple[int, bytes]:
    """One request at the door."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    try:
        headers = {
            "Authorization": f"Bearer {batch.token}",
            "Idempotency-Key": batch.key,
            "Content-Type": "application/x-ndjson",
        }
        connection.request("POST", "/ingest/v1/documents", batch.body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def is_up(port: int) -> bool:
    """Whether the web server answers anything at all."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/ingest/v1/schema.json")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


@contextmanager
def sending(port: int, batches: list[list[Batch]]) -> Iterator[list[Outbox]]:
    """Send from so many tills at once; they have finished at the end of the block."""
    outboxes = [Outbox(port, own) for own in batches]
    threads = [Thread(target=outbox.run, daemon=True) for outbox in outboxes]
    for thread in threads:
        thread.start()
    try:
        yield outboxes
        wait_until(lambda: not any(thread.is_alive() for thread in threads), "the tills to have sent all")
    finally:
        for outbox in outboxes:
            outbox.stop.set()
        for thread in threads:
            thread.join(30)


def shift_of(till: Till, first: int, count: int) -> list[Fields]:
    """Sales and a refund now and then, numbered from `first`."""
    return [
        till.sale(
            number,
            number % 97 + 1,
            kind="sale" if number % 10 else "sale_refund",
            cashier=f"Кассир {number % 5}",
            lines=[stream.line(f"Товар {number % 40}", number % 97 + 1)],
        )
        for number in range(first, first + count)
    ]


def wait_and_see(servers: Servers) -> Any:
    """A client of the servers' Redis, once it answers."""
    client: redis.Redis = redis.Redis.from_url(servers.access.redis_url(), socket_timeout=5)

    def answers() -> bool:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False

    wait_until(answers, "Valkey to answer")
    return client
