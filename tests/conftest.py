"""What tests stand on: a PostgreSQL and a Valkey of their own, databases, sessions, a client.

The servers are started by the first test that needs one, in a temporary directory, once for the whole run
(xdist included), and stopped by the process that was started first. Every xdist worker has a database of its
own, copied from one migrated template, and a Redis database of its own.

Choose by what a test does:

`session`        One transaction as the role kassa_portal, so that row-level security and missing grants bind it;
                 rolled back afterwards. `factories.organisation(session)` makes a tenant and lets the session
                 speak for it. `portal.db.transaction()` and views called through `client` see the same
                 transaction, so that a test may look at what they did and everything is gone afterwards.
`owner_session`  The same as the owner of the tables, on a connection of its own: it sees what is committed.
`database`       Real commits on the real engine, for tests with several connections or processes. Tables and
                 Redis are emptied afterwards. Write with `with transaction(organisation_id) as session:`.
`environment`    KASSA_* variables for a process that the test starts, e.g. `subprocess.Popen(..., env=environment)`.
`redis`          A client of this worker's Redis database, emptied afterwards.
`servers`        A PostgreSQL and a Valkey for one test alone, migrated, that it may kill and start again.
`app`, `client`  The Flask application and a test client. `client` works inside `session`, unless the test asks
                 for `database` as well.

Rows are made by `tests.factories`.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy.orm import Session

from portal import assets, db, local, queue
from portal.cli.migrate import migrate_to_head
from portal.config import ROOT, Settings, read_settings
from portal.models import Base

STATE = "KASSA_TEST_STATE"
PREFIX = "kassa-test-"
TEMPLATE = "kassa_template"


def pytest_configure(config: pytest.Config) -> None:
    assets.compile_protocol()
    if hasattr(config, "workerinput") or STATE in os.environ:
        return
    _clear_after_the_killed()
    os.environ[STATE] = tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-")
    config.stash[_first] = True


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that start processes or a browser follow one another, and begin before the many quick ones."""
    for item in items:
        for name in ("processes", "browser"):
            if item.get_closest_marker(name) or item.path.parent.name == name:
                item.add_marker(pytest.mark.xdist_group(name))
    items.sort(key=lambda item: item.get_closest_marker("xdist_group") is None)


def pytest_unconfigure(config: pytest.Config) -> None:
    if config.stash.get(_first, False):
        _clear(Path(os.environ.pop(STATE)))


_first = pytest.StashKey[bool]()


def _clear(directory: Path) -> None:
    local.stop(directory)
    shutil.rmtree(directory, ignore_errors=True)


def _clear_after_the_killed() -> None:
    """Stop the servers of test runs that were killed before they could."""
    for directory in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*"):
        number = directory.name.removeprefix(PREFIX).split("-")[0]
        if (
            directory.stat().st_uid == os.geteuid()
            and number.isdigit()
            and not psutil.pid_exists(int(number))
        ):
            _clear(directory)


@contextmanager
def _one_at_a_time(directory: Path) -> Iterator[None]:
    with (directory / "tests.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def services() -> local.Access:
    """This run's servers, with the migrated template database."""
    directory = Path(os.environ[STATE])
    with _one_at_a_time(directory):
        access = local.start(directory, memory_mb=128)
        if not (directory / "template").exists():
            _execute(access.owner_url("postgres"), f"drop database if exists {TEMPLATE}")
            _execute(access.owner_url("postgres"), f"create database {TEMPLATE}")
            migrate_to_head(access.owner_url(TEMPLATE))
            (directory / "template").touch()
    return access


def _execute(url: str, statement: str) -> None:
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text(statement))


@pytest.fixture(scope="session")
def environment(services: local.Access, worker_id: str) -> dict[str, str]:
    """The environment of a portal's process that works on this worker's database."""
    name = f"kassa_{worker_id}"
    with _one_at_a_time(Path(os.environ[STATE])):
        _execute(services.owner_url("postgres"), f"drop database if exists {name} with (force)")
        _execute(services.owner_url("postgres"), f"create database {name} template {TEMPLATE}")
    number = int(worker_id.removeprefix("gw")) + 1 if worker_id.startswith("gw") else 0
    return _environment(services.database_url(name), services.owner_url(name), services.redis_url(number))


@pytest.fixture(scope="session")
def worker_id(request: pytest.FixtureRequest) -> str:
    """The name of this xdist worker; `main` without xdist."""
    workerinput = getattr(request.config, "workerinput", None)
    return str(workerinput["workerid"]) if workerinput else "main"


@pytest.fixture(scope="session")
def settings(environment: dict[str, str]) -> Settings:
    """The portal's settings on this worker's database, with database and Redis connected."""
    settings = read_settings(environment)
    db.connect(settings)
    queue.connect(settings)
    return settings


@pytest.fixture
def session(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """One transaction as kassa_portal, rolled back; make a tenant with `factories.organisation(session)`."""
    with db.connect(settings).connect() as connection:
        outer = connection.begin()
        # Sessions opened on a connection that has a savepoint join in with savepoints of their own.
        connection.begin_nested()
        monkeypatch.setitem(db._state, "current", connection)
        with Session(connection, expire_on_commit=False, join_transaction_mode="create_savepoint") as session:
            yield session
        outer.rollback()


@dataclass(frozen=True)
class Servers:
    """A PostgreSQL and a Valkey of one test: `local.start(servers.directory)` brings back what it killed."""

    directory: Path
    access: local.Access
    environment: dict[str, str]

    def kill(self, name: str) -> None:
        """Kill `postgres` or `valkey` with all its children, as the loss of power would."""
        for process in local.processes_in(self.directory / name):
            process.kill()

    def start(self) -> None:
        """Start what does not run."""
        local.start(self.directory, memory_mb=64)


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    """Servers of this test's own, with a migrated database; nothing is connected to them."""
    access = local.start(tmp_path, memory_mb=64)
    try:
        migrate_to_head(access.owner_url())
        yield Servers(
            tmp_path, access, _environment(access.database_url(), access.owner_url(), access.redis_url())
        )
    finally:
        local.stop(tmp_path)


def _environment(database_url: str, owner_url: str, redis_url: str) -> dict[str, str]:
    return {
        **{key: value for key, value in os.environ.items() if not key.startswith("KASSA_")},
        "KASSA_DATABASE_URL": database_url,
        "KASSA_DATABASE_OWNER_URL": owner_url,
        "KASSA_REDIS_URL": redis_url,
        "KASSA_SECRET_KEY": "a secret that only the tests know, and everybody else",
        "KASSA_REQUESTS_PER_MINUTE": "1000000",
        "PYTHONPATH": str(ROOT),
    }


@pytest.fixture
def owner_session(settings: Settings) -> Iterator[Session]:
    """A transaction as the owner of the tables, past row-level security; rolled back."""
    engine = sa.create_engine(settings.database_owner_url, poolclass=sa.NullPool)
    with engine.connect() as connection, Session(connection) as session:
        yield session
        session.rollback()


@pytest.fixture
def database(settings: Settings, redis: Redis) -> Iterator[Settings]:
    """Real commits; tables and Redis are emptied afterwards. Gives the settings."""
    db.connect(settings)
    yield settings
    _empty(settings)


def _empty(settings: Settings) -> None:
    engine = sa.create_engine(
        settings.database_owner_url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool
    )
    with engine.connect() as connection:
        # What a killed process left open would be waited for.
        connection.execute(
            sa.text(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where datname = current_database() and pid <> pg_backend_pid() and state <> 'idle'"
            )
        )
        tables = [table.name for table in Base.metadata.sorted_tables]
        filled = sa.text(
            " union all ".join(f"select '{name}' where exists (select from {name})" for name in tables)
        )
        if names := list(connection.scalars(filled)):
            # Numbers go on: processes remember names by the organisation's number, which is never given twice.
            connection.execute(sa.text(f"truncate {', '.join(names)} cascade"))


@pytest.fixture
def redis(settings: Settings) -> Iterator[Redis]:
    """A client of this worker's Redis database, emptied afterwards."""
    client: Redis = Redis.from_url(settings.redis_url)
    client.flushdb()
    yield client
    client.flushdb()
    client.close()


@pytest.fixture(scope="session")
def app(settings: Settings) -> Flask:
    """The application, as the web server loads it."""
    from portal.app import create_app  # noqa: PLC0415 - tests below the application do without it

    return create_app(replace(settings, public_url="http://localhost"))


@pytest.fixture
def client(app: Flask, request: pytest.FixtureRequest) -> FlaskClient:
    """A browser without script; it works inside `session` unless the test asked for `database`."""
    if "database" in request.fixturenames:
        return app.test_client()
    session: Session = request.getfixturevalue("session")
    app.test_client_class = _inside(session)
    try:
        return app.test_client()
    finally:
        app.test_client_class = None


def _inside(session: Session) -> type[FlaskClient]:
    """A client class whose requests share the transaction of `session` and leave it speaking for its tenant."""
    spoken = sa.text(
        "select coalesce(current_setting('kassa.organisation', true), ''), "
        "coalesce(current_setting('kassa.person', true), '')"
    )

    class Inside(FlaskClient):
        def open(self, *args: Any, **kwargs: Any) -> Any:
            session.flush()
            organisation, person = session.execute(spoken).one()
            try:
                return super().open(*args, **kwargs)
            finally:
                session.expire_all()
                db.speak_for(session, int(organisation or 0) or None, int(person or 0) or None)

    return Inside
