"""Keep a set of programs running: start them, start again what dies, end all of them, and nothing but them.

Every program is told in its environment whose it is (`KASSA_RUN=<data directory>`), and its own children
inherit that. Whoever starts or stops the portal of that directory can therefore find what a killed supervisor
left behind, grandchildren included, without trusting process numbers that may have been given to others.
On Linux the programs also end by themselves when their supervisor dies.
"""

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import psutil

from portal.config import ROOT, NotStarting
from portal.local import die_with, turn_over

MARK = "KASSA_RUN"
BACKOFF_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
# A program that lived this long before it died has earned a fresh start at once.
SETTLED_S = 30.0
STOP_TIMEOUT_S = 20.0
TICK_S = 0.2

Say = Callable[[str], None]


@dataclass(frozen=True)
class Program:
    """Something to keep running. The log is named after it."""

    name: str
    command: Sequence[str]


@dataclass
class _Child:
    program: Program
    process: "subprocess.Popen[bytes] | None" = None
    started_s: float = 0.0
    deaths: int = 0
    start_at_s: float = 0.0


@dataclass
class Supervisor:
    """Keeps programs running until it is told to stop.

    `watch`, if given, is called every second; when it returns another environment (because a server had to
    move) all programs are started afresh with it.
    """

    data: Path
    programs: Sequence[Program]
    environment: Mapping[str, str]
    say: Say
    watch: Callable[[], Mapping[str, str]] | None = None
    _children: list[_Child] = field(default_factory=list)

    def start(self) -> None:
        """Start every program."""
        self._children = [_Child(program) for program in self.programs]
        for child in self._children:
            self._start(child)

    def keep(self, stopping: "Stopping") -> None:
        """Start again what dies, until `stopping`."""
        watched_s = time.monotonic()
        while not stopping:
            now_s = time.monotonic()
            for child in self._children:
                self._look_after(child, now_s)
            if self.watch is not None and now_s - watched_s >= 1.0:
                self._heed(self.watch())
                watched_s = now_s
            stopping.wait(TICK_S)

    def stop(self) -> None:
        """End every program and all that they have started, the last one first."""
        for child in reversed(self._children):
            if child.process is not None and child.process.poll() is None:
                child.process.terminate()
        _end(_wait_for(self.data, STOP_TIMEOUT_S))
        for child in self._children:
            if child.process is not None:
                child.process.wait()

    def running(self, name: str) -> bool:
        """Whether a program is up at this moment."""
        return any(
            child.process is not None and child.process.poll() is None
            for child in self._children
            if child.program.name == name
        )

    def _start(self, child: _Child) -> None:
        log = self.data / "log" / f"{child.program.name}.log"
        log.parent.mkdir(exist_ok=True)
        turn_over(log)
        parent = os.getpid()
        with log.open("ab") as output:
            child.process = subprocess.Popen(
                list(child.program.command),
                cwd=ROOT,
                env={**self.environment, MARK: str(self.data)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Ctrl-C in the terminal is for the supervisor alone; it ends its programs in order.
                start_new_session=True,
                preexec_fn=lambda: die_with(parent, signal.SIGTERM),  # noqa: PLW1509
            )
        child.started_s = time.monotonic()

    def _look_after(self, child: _Child, now_s: float) -> None:
        if child.process is None:
            if now_s >= child.start_at_s:
                self._start(child)
            return
        status = child.process.poll()
        if status is None:
            return
        child.deaths = 0 if now_s - child.started_s > SETTLED_S else child.deaths + 1
        delay_s = BACKOFF_S[min(child.deaths, len(BACKOFF_S) - 1)]
        child.process, child.start_at_s = None, now_s + delay_s
        self.say(
            f"{child.program.name} ended ({_how(status)}); starting it again in {delay_s:g} s, "
            f"see {self.data / 'log' / child.program.name}.log"
        )

    def _heed(self, environment: Mapping[str, str]) -> None:
        if environment == self.environment:
            return
        self.say("a server has moved; starting everything again with its new address")
        self.stop()
        self.environment = environment
        self.start()


class Stopping:
    """Whether Ctrl-C, SIGTERM or SIGHUP has asked for the end.

    While `abrupt`, being asked leaves whatever is being done at once, by SystemExit.
    """

    def __init__(self) -> None:
        self.abrupt = True
        self._asked = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._ask)

    def __bool__(self) -> bool:
        return self._asked

    def wait(self, seconds: float) -> None:
        """Sleep, but wake when asked to stop."""
        deadline_s = time.monotonic() + seconds
        while not self._asked and (left_s := deadline_s - time.monotonic()) > 0:
            time.sleep(min(left_s, 0.1))

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        if self._asked:
            return
        self._asked = True
        if self.abrupt:
            raise SystemExit(0)


def _how(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    return signal.Signals(-status).name


# One supervisor for one data directory


@contextmanager
def alone(data: Path) -> Iterator[None]:
    """Be the only supervisor of a data directory; clear away what a killed one left."""
    data.mkdir(parents=True, exist_ok=True)
    with (data / "run.pid").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NotStarting(
                f"the portal of {data} runs already (process {_written(file.name)}); `./kassa stop` ends it"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        clear(data)
        yield
        file.truncate(0)


def stop(data: Path) -> bool:
    """Ask the supervisor of a data directory to stop, wait, and end whatever is left; tell if anything was."""
    number = _supervisor(data)
    if number is not None:
        os.kill(number, signal.SIGTERM)
        deadline = time.monotonic() + 3 * STOP_TIMEOUT_S
        while _supervisor(data) is not None:
            if time.monotonic() > deadline:
                os.kill(number, signal.SIGKILL)
                break
            time.sleep(0.1)
    left = _own(data)
    _end(left)
    return number is not None or bool(left)


def clear(data: Path) -> None:
    """End every process that carries the mark of a data directory."""
    _end(_own(data))


def _supervisor(data: Path) -> int | None:
    """The process that supervises a data directory: it holds the lock on the file with its number."""
    path = data / "run.pid"
    if not path.exists():
        return None
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return _written(file.name)
    return None


def _written(path: str) -> int | None:
    text = Path(path).read_text(encoding="utf-8").strip()
    return int(text) if text.isdigit() else None


def _own(data: Path) -> list[psutil.Process]:
    """Every living process that carries the mark of a data directory."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == str(data) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return [process for process in found if process.pid != os.getpid()]


def _wait_for(data: Path, seconds: float) -> list[psutil.Process]:
    """Wait for the marked processes to end; return those that did not."""
    _, left = psutil.wait_procs(_own(data), timeout=seconds)
    return [process for process in left if process.is_running()]


def _end(processes: list[psutil.Process]) -> None:
    """End processes, kindly at first."""
    for process in processes:
        _signal(process, signal.SIGTERM)
    _, left = psutil.wait_procs(processes, timeout=5)
    for process in left:
        _signal(process, signal.SIGKILL)
    psutil.wait_procs(left, timeout=5)


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return


def python(*arguments: str) -> list[str]:
    """A command that runs this portal's Python."""
    return [sys.executable, "-P", *arguments]
