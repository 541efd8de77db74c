"""Start a server's program as somebody without privileges, inside the directory it owns."""

import ctypes
import os
import pwd
import signal
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from portal.config import NotStarting

LOG_BYTES_MAX = 20 * 1024 * 1024


def server_user() -> pwd.struct_passwd | None:
    """Whom the servers run as when we are root; None when we are somebody ordinary."""
    if os.geteuid() != 0:
        return None
    for name in ("nobody", "daemon"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise NotStarting(
        "PostgreSQL does not run as root and there is no user `nobody`; start as an ordinary user"
    )


def give(path: Path) -> None:
    """Let the servers' user own what we made for it."""
    user = server_user()
    if user is not None:
        os.chown(path, user.pw_uid, user.pw_gid)


def own_directory(path: Path) -> None:
    path.mkdir(mode=0o700, exist_ok=True)
    give(path)


def here(directory: Path) -> str:
    """What a server started inside its directory calls it (see the head of this file)."""
    return str(directory) if server_user() is None else "/proc/self/cwd"


def spawn(
    command: list[str],
    directory: Path,
    *,
    log: Path | None = None,
    said: str = "",
    tied_by: signal.Signals | None = None,
) -> subprocess.Popen[str]:
    """Start a server's program inside its directory, as the servers' user, away from our terminal."""
    user = server_user()
    identity: dict[str, Any] = (
        {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    )
    parent = os.getpid()
    with ExitStack() as opened:
        stdin = opened.enter_context(tempfile.TemporaryFile("w+"))
        stdin.write(said)
        stdin.seek(0)
        try:
            return subprocess.Popen(
                command,
                cwd=directory,
                stdin=stdin,
                stdout=subprocess.PIPE if log is None else opened.enter_context(log.open("a")),
                stderr=subprocess.STDOUT,
                text=True,
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC", "HOME": "/"},
                start_new_session=True,
                preexec_fn=None if tied_by is None else lambda: die_with(parent, tied_by),  # noqa: PLW1509
                **identity,
            )
        except OSError as error:
            raise NotStarting(f"{command[0]} cannot be started: {error.strerror}") from error


def die_with(parent: int, by: signal.Signals) -> None:
    """Between fork and exec: ask the system to send us `by` when our parent dies."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(1, int(by))
    if os.getppid() != parent:
        os.kill(os.getpid(), by)


def turn_over(log: Path) -> None:
    """Put a log that has grown long aside; one old one is kept."""
    if log.exists() and log.stat().st_size > LOG_BYTES_MAX:
        log.replace(log.with_suffix(".log.1"))
