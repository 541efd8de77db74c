"""`./kassa run` and `./kassa stop`, as somebody at a terminal uses them."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from portal import local, processes
from portal.config import ROOT

pytestmark = pytest.mark.processes

CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("KASSA_")}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Portal:
    """A portal in a directory of its own, started by the one command."""

    data: Path
    port: int
    lines: list[str] = field(default_factory=list)
    command: "subprocess.Popen[str] | None" = None

    def start(self, *options: str, environment: dict[str, str] | None = None) -> "Portal":
        self.command = subprocess.Popen(
            [
                ROOT / "kassa",
                "run",
                "--no-demo",
                "--workers",
                "1",
                f"--port={self.port}",
                f"--data={self.data}",
                *options,
            ],
            cwd="/",
            env={**CLEAN, **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self.command.stdout is not None
        for line in self.command.stdout:
            self.lines.append(line)
            if line.startswith("Kassa Portal: http"):
                return self
        raise AssertionError("".join(self.lines))

    def end(self, by: signal.Signals) -> int:
        assert self.command is not None
        self.command.send_signal(by)
        self.lines += self.command.communicate(timeout=60)[0].splitlines(keepends=True)
        return self.command.returncode

    def health(self) -> dict[str, str]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=10) as answer:
            health: dict[str, str] = json.loads(answer.read())
            return health

    def left(self) -> list[psutil.Process]:
        servers = [
            process for name in ("postgres", "valkey") for process in local.processes_in(self.data / name)
        ]
        return [*processes._own(self.data), *servers]

    def find(self, *words: str) -> list[psutil.Process]:
        return [process for process in processes._own(self.data) if set(words) <= set(process.cmdline())]


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Portal]:
    portal = Portal(tmp_path / "var", _free_port())
    yield portal
    if portal.command is not None and portal.command.poll() is None:
        portal.command.kill()
        portal.command.communicate()
    processes.stop(portal.data)
    local.stop(portal.data)


def _until(condition: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)


def _kassa(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [ROOT / "kassa", *arguments], cwd="/", env=CLEAN, capture_output=True, text=True, timeout=120
    )


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_runs_until_it_is_told_to_stop_and_leaves_nothing(portal: Portal, by: signal.Signals) -> None:
    portal.start()
    assert portal.health() == {"status": "ok", "database": "ok", "redis": "ok"}
    assert len(portal.left()) > 5
    assert portal.end(by) == 0
    assert portal.left() == []
    assert "nothing that was acknowledged is lost" in portal.lines[-1]


def test_stop_ends_it_from_another_terminal_and_says_when_nothing_runs(portal: Portal) -> None:
    portal.start()
    assert "Everything has stopped" in _kassa("stop", f"--data={portal.data}").stdout
    assert portal.left() == []
    assert "was running" in _kassa("stop", f"--data={portal.data}").stdout


def test_what_is_killed_comes_back(portal: Portal) -> None:
    portal.start()
    (worker,) = portal.find("workers", "work")
    postgres = local.head_of(portal.data / "postgres")
    valkey = local.head_of(portal.data / "valkey")
    assert postgres is not None
    assert valkey is not None
    for process in (worker, postgres, valkey):
        process.kill()
    _until(lambda: [process.pid for process in portal.find("workers", "work")] not in ([], [worker.pid]))
    _until(lambda: local.running(portal.data))

    def well() -> bool:
        with contextlib.suppress(OSError):
            return portal.health()["status"] == "ok"
        return False

    _until(well)
    web = portal.find("gunicorn")
    for process in web:
        process.kill()
    _until(well)


def test_nothing_outlives_a_killed_supervisor_and_the_next_start_goes_on(portal: Portal) -> None:
    portal.start()
    secret = (portal.data / "secret.key").read_text()
    assert portal.end(signal.SIGKILL) == -signal.SIGKILL
    _until(lambda: not portal.left())
    portal.start()
    assert portal.health()["status"] == "ok"
    assert (portal.data / "secret.key").read_text() == secret


def test_the_next_start_clears_away_what_was_stopped_dead_with_its_supervisor(portal: Portal) -> None:
    portal.start()
    assert portal.command is not None
    for process in portal.find("gunicorn"):
        process.suspend()
    portal.command.kill()
    portal.command.communicate()
    assert portal.find("gunicorn")
    portal.start()
    assert portal.health()["status"] == "ok"


def test_a_second_start_of_the_same_directory_is_refused_in_a_sentence(portal: Portal) -> None:
    portal.start()
    second = _kassa("run", "--no-demo", f"--port={_free_port()}", f"--data={portal.data}")
    assert second.returncode == 1
    assert "runs already" in second.stderr
    assert "./kassa stop" in second.stderr
    assert portal.health()["status"] == "ok"


def test_a_taken_port_is_said_in_a_sentence_before_anything_starts(portal: Portal) -> None:
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", portal.port))
        squatter.listen()
        done = _kassa("run", "--no-demo", f"--port={portal.port}", f"--data={portal.data}")
    assert done.returncode == 1
    assert f"port {portal.port} is taken by another program" in done.stderr
    assert "--port" in done.stderr
    assert portal.left() == []


def test_uses_the_servers_that_the_environment_names_and_starts_none(
    portal: Portal, environment: dict[str, str]
) -> None:
    named = {name: value for name, value in environment.items() if name.startswith("KASSA_")}
    portal.start(environment=named)
    assert portal.health()["status"] == "ok"
    assert local.processes_in(portal.data / "postgres") == []
    assert portal.end(signal.SIGTERM) == 0
    assert portal.left() == []


def test_a_named_server_that_does_not_answer_is_said_in_a_sentence(portal: Portal) -> None:
    nowhere = f"127.0.0.1:{_free_port()}"
    named = {
        "KASSA_DATABASE_URL": f"postgresql+psycopg2://kassa:x@{nowhere}/kassa",
        "KASSA_REDIS_URL": f"redis://{nowhere}",
    }
    with pytest.raises(AssertionError, match="not starting: the database does not answer"):
        portal.start(environment=named)
    assert portal.left() == []


def test_being_stopped_while_starting_leaves_nothing(portal: Portal) -> None:
    portal.command = subprocess.Popen(
        [ROOT / "kassa", "run", "--no-demo", f"--port={portal.port}", f"--data={portal.data}"],
        cwd="/",
        env=CLEAN,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert portal.command.stdout is not None
    for line in portal.command.stdout:
        if "starting PostgreSQL" in line:
            break
    time.sleep(0.2)
    portal.end(signal.SIGINT)
    assert portal.left() == []
