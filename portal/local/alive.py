"""Which servers live: found by the directory they work in, never by numbers that may be somebody else's by now."""

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from portal.config import NotStarting
from portal.local.binaries import plainly

SERVERS = ("postgres", "valkey-server")
START_TIMEOUT_S = 180.0  # Recovery after a crash reads the log since the last checkpoint.
STOP_TIMEOUT_S = 60.0


def wait(
    process: subprocess.Popen[str], answers: Callable[[], bool], name: str, log: Path, written: int
) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not answers():
        if process.poll() is not None:
            said = log.read_text(encoding="utf-8", errors="replace")[written:].strip() if log.exists() else ""
            raise NotStarting(f"{name} ended at once; {log} says: {plainly(said[-600:])}")
        if time.monotonic() > deadline:
            raise NotStarting(f"{name} does not answer after {START_TIMEOUT_S:.0f} s; see {log}")
        time.sleep(0.02)


def processes_in(directory: Path) -> list[psutil.Process]:
    """The server processes that work in `directory`."""
    found = []
    for process in psutil.process_iter(["name"]):
        try:
            if process.info["name"] in SERVERS and process.cwd() == str(directory):
                found.append(process)
        except psutil.Error:
            continue
    return found


def head_of(directory: Path) -> psutil.Process | None:
    """The server whose directory this is: the one whose parent is not a server of it too."""
    processes = processes_in(directory)
    numbers = {process.pid for process in processes}
    for process in processes:
        try:
            # A backend whose postmaster was killed has another parent as well, but is about to end.
            if (
                process.ppid() not in numbers
                and process.status() != psutil.STATUS_ZOMBIE
                and is_head(process)
            ):
                return process
        except psutil.Error:
            continue
    return None


def is_head(process: psutil.Process) -> bool:
    """Whether this is a server rather than one of its children, which rewrite their command line."""
    command = process.cmdline()
    return bool(command) and Path(command[0].split(" ")[0].rstrip(":")).is_absolute()


def alive(directory: Path) -> bool:
    return head_of(directory) is not None


def end(directory: Path, by: tuple[signal.Signals, ...]) -> bool:
    """End the server of `directory`, each signal harsher than the one before."""
    found = False
    for number in by:
        process = head_of(directory)
        if process is None:
            break
        found = True
        process.send_signal(number)
        psutil.wait_procs([process], timeout=STOP_TIMEOUT_S if number is by[0] else 15)
    return found
