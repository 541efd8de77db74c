"""The house in which it storms: servers that can be killed, programs that are started again at once, an operator."""

import os
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock, Thread

import psutil

from portal import local
from portal.config import ROOT
from portal.ofd.simulator.mischief import Mischief
from portal.ofd.simulator.server import OperatorServer
from portal.processes import python

KEEP_S = 0.05
SECRET = "a secret that only a storm knows, for as long as it lasts"  # noqa: S105 - nobody signs in here


def wait_until(happened: Callable[[], object], what: str, *, seconds: float) -> None:
    """Look again and again. Raises TimeoutError when it has not happened in time."""
    deadline_s = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"still waiting after {seconds:.0f} s: {what}")
        time.sleep(0.02)


@dataclass
class Servers:
    """PostgreSQL and Valkey in a directory of their own."""

    directory: Path
    access: local.Access

    @property
    def environment(self) -> dict[str, str]:
        """What programs are told; nothing of the portal that may run beside."""
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("KASSA_")},
            "KASSA_DATABASE_URL": self.access.database_url(),
            "KASSA_DATABASE_OWNER_URL": self.access.owner_url(),
            "KASSA_REDIS_URL": self.access.redis_url(),
            "KASSA_SECRET_KEY": SECRET,
            # No minute is waited for between tries to reach the operator.
            "KASSA_OPERATOR_PROBE_S": "1",
        }

    def kill_postgres(self) -> None:
        """Kill the postmaster and all its children; what was committed must be there when it comes back."""
        # The head first, so that it cannot tidy up after its children.
        processes = sorted(
            local.processes_in(self.directory / "postgres"), key=lambda one: not local.is_head(one)
        )
        for process in processes:
            _kill(process)
        psutil.wait_procs(processes, timeout=10)

    def kill_valkey(self) -> None:
        """Kill Valkey and throw away all that it kept."""
        process = local.head_of(self.directory / "valkey")
        if process is not None:
            _kill(process)
            process.wait(10)
        for kept in (self.directory / "valkey").iterdir():
            shutil.rmtree(kept) if kept.is_dir() else kept.unlink()

    def start_again(self) -> None:
        """Start whatever is down; the ports stay the same."""
        self.access = local.start(self.directory, tied=True, memory_mb=64)


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return


@contextmanager
def servers(directory: Path) -> Iterator[Servers]:
    """Servers for the time of the block."""
    access = local.start(directory, tied=True, memory_mb=64)
    try:
        yield Servers(directory, access)
    finally:
        local.stop(directory)


@dataclass
class Operator:
    """The fiscal operator: one book on the same ports, however often it is stopped and started again."""

    path: Path
    mischief: Mischief
    server: OperatorServer = field(init=False)

    def start(self) -> None:
        """Open the book and listen."""
        self.server = OperatorServer(self.path, mischief=self.mischief)
        self.server.start()

    def restart(self, away_s: float) -> None:
        """Be away for a while and come back from the book alone."""
        port, belarus_port = self.server.port, self.server.belarus_port
        self.server.stop()
        time.sleep(away_s)
        self.server = OperatorServer(self.path, port=port, belarus_port=belarus_port, mischief=self.mischief)
        self.server.start()


@dataclass
class Keeper:
    """Keeps programs running: whoever dies is started again at once, whoever ends with status 0 has done its work."""

    environment: Mapping[str, str]
    log_directory: Path
    commands: dict[str, list[str]]
    starts: Counter[str] = field(default_factory=Counter)
    _running: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    _stop: Event = field(default_factory=Event)
    _lock: Lock = field(default_factory=Lock)

    @contextmanager
    def keeping(self) -> Iterator["Keeper"]:
        """Run every program until the end of the block."""
        self.log_directory.mkdir(parents=True, exist_ok=True)
        thread = Thread(target=self._keep, name="keeper", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            thread.join()
            for name in self._running:
                self.kill(name)

    def kill(self, name: str) -> None:
        """SIGKILL a program together with its own children; it is started again."""
        with self._lock:
            process = self._running.get(name)
            if process is not None and process.poll() is None:
                # Each program leads a session of its own, which holds its children too.
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(10)

    def wait_for(self, names: list[str], seconds: float) -> None:
        """Wait until programs have done their work. Raises TimeoutError."""
        wait_until(
            lambda: all(self._running[name].poll() == 0 for name in names), f"{names} to end", seconds=seconds
        )

    def _keep(self) -> None:
        while not self._stop.is_set():
            for name, command in self.commands.items():
                with self._lock:
                    process = self._running.get(name)
                    if process is None or process.poll() not in {None, 0}:
                        self._running[name] = self._start(name, command)
            self._stop.wait(KEEP_S)

    def _start(self, name: str, command: list[str]) -> "subprocess.Popen[bytes]":
        parent = os.getpid()
        self.starts[name] += 1
        with (self.log_directory / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                python(*command),
                cwd=ROOT,
                env={**self.environment, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=lambda: local.die_with(parent, signal.SIGKILL),  # noqa: PLW1509 - a killed storm leaves nothing
            )
