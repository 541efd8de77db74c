"""The supervisor: what dies is started again, what is stopped is gone, nothing else is touched."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from portal import local, processes
from portal.config import NotStarting
from portal.local import launch
from portal.processes import Program, Stopping, Supervisor

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]
# A program with a child of its own, both deaf to a kind word.
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
DEAF_FAMILY = [
    sys.executable,
    "-c",
    f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {DEAF!r}]); {DEAF}",
]


class Asked(Stopping):
    """Asked to stop by the test rather than by a signal."""

    def __init__(self) -> None:
        self.abrupt = False
        self._asked = False

    def ask(self) -> None:
        self._asked = True


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervise(tmp_path: Path, said: list[str]) -> Iterator[Callable[..., Supervisor]]:
    """Start a supervisor over some programs, keep it in a thread, and stop it afterwards."""
    (tmp_path / "log").mkdir()
    stopping = Asked()
    threads: list[threading.Thread] = []
    started: list[Supervisor] = []

    def start(*programs: Program, watch: Callable[[], dict[str, str]] | None = None) -> Supervisor:
        supervisor = Supervisor(tmp_path, programs, dict(os.environ), said.append, watch)
        supervisor.start()
        thread = threading.Thread(target=supervisor.keep, args=(stopping,))
        thread.start()
        threads.append(thread)
        started.append(supervisor)
        return supervisor

    yield start
    stopping.ask()
    for thread in threads:
        thread.join()
    for supervisor in started:
        supervisor.stop()


def _until(condition: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def _only(data: Path) -> psutil.Process:
    (process,) = processes._own(data)
    return process


def test_starts_again_what_was_killed(
    tmp_path: Path, supervise: Callable[..., Supervisor], said: list[str]
) -> None:
    supervise(Program("sleeper", SLEEPER))
    first = _only(tmp_path)
    first.kill()
    _until(lambda: any(process.pid != first.pid for process in processes._own(tmp_path)))
    assert "sleeper ended (SIGKILL)" in said[0]


def test_waits_longer_each_time_a_program_dies_at_once(
    tmp_path: Path, supervise: Callable[..., Supervisor], said: list[str]
) -> None:
    supervise(Program("broken", [sys.executable, "-c", "import sys; sys.exit('no luck')"]))
    _until(lambda: len(said) >= 2)
    assert "exit status 1" in said[0]
    assert ["in 1 s" in said[0], "in 2 s" in said[1]] == [True, True]
    assert "no luck" in (tmp_path / "log" / "broken.log").read_text()


def test_stop_ends_grandchildren_and_the_deaf_but_no_strangers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "STOP_TIMEOUT_S", 0.5)
    (tmp_path / "log").mkdir()
    with subprocess.Popen(SLEEPER) as stranger:
        supervisor = Supervisor(tmp_path, [Program("family", DEAF_FAMILY)], dict(os.environ), print)
        supervisor.start()
        _until(lambda: len(processes._own(tmp_path)) == 2)
        time.sleep(0.3)
        supervisor.stop()
        assert processes._own(tmp_path) == []
        assert stranger.poll() is None
        stranger.kill()


def test_everything_starts_afresh_when_a_server_has_moved(
    tmp_path: Path, supervise: Callable[..., Supervisor]
) -> None:
    supervise(Program("sleeper", SLEEPER), watch=lambda: {**os.environ, "WHERE": "elsewhere"})
    _until(lambda: any(process.environ().get("WHERE") == "elsewhere" for process in processes._own(tmp_path)))


def test_only_one_supervisor_keeps_a_directory(tmp_path: Path) -> None:
    with (
        processes.alone(tmp_path),
        pytest.raises(NotStarting, match=r"runs already \(process \d+\); `./kassa stop`"),
        processes.alone(tmp_path),
    ):
        pass
    with processes.alone(tmp_path):
        pass


def test_a_supervisor_clears_away_what_a_killed_one_left(tmp_path: Path) -> None:
    left = subprocess.Popen(SLEEPER, env={**os.environ, processes.MARK: str(tmp_path)})
    other = subprocess.Popen(SLEEPER, env={**os.environ, processes.MARK: str(tmp_path / "other")})
    try:
        with processes.alone(tmp_path):
            assert left.wait(timeout=5) is not None
            assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_a_log_that_has_grown_long_is_put_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "LOG_BYTES_MAX", 10)
    log = tmp_path / "web.log"
    log.write_text("short")
    local.turn_over(log)
    assert log.exists()
    log.write_text("long, much too long")
    local.turn_over(log)
    assert not log.exists()
    assert (tmp_path / "web.log.1").read_text() == "long, much too long"
