"""The database: engine, declarative base, the transaction around one request or one job, the tenant it speaks for.

A transaction speaks for one organisation (`organisation_id`) and, where a person is known, for that person;
row-level security shows and takes nothing else. `organisation_id=None` sees no tenant's rows at all.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import DeclarativeBase, Session

from portal.config import Settings

# The role the portal works as: it owns nothing, so row-level security and missing grants bind it.
PORTAL_ROLE = "kassa_portal"

# A connection whose other end is gone is given up after a minute.
KEEPALIVE_IDLE_S = 30
KEEPALIVE_INTERVAL_S = 10
KEEPALIVE_COUNT = 3

# A moment in time, always aware.
Moment = TIMESTAMP(timezone=True)


class Base(DeclarativeBase):
    """Everything that is stored."""


_state: dict[str, Engine] = {}


def connect(settings: Settings) -> Engine:
    """Make the engine this process uses; calling it again with the same address changes nothing."""
    engine = _state.get(settings.database_url)
    if engine is None:
        engine = create_engine(
            settings.database_url,
            pool_size=settings.database_pool,
            max_overflow=2,
            pool_pre_ping=True,
            connect_args={
                "application_name": "kassa-portal",
                "connect_timeout": 5,
                "keepalives_idle": KEEPALIVE_IDLE_S,
                "keepalives_interval": KEEPALIVE_INTERVAL_S,
                "keepalives_count": KEEPALIVE_COUNT,
            },
        )
        event.listen(engine, "connect", _become_portal)
        _state[settings.database_url] = engine
    _state["current"] = engine
    return engine


def engine() -> Engine:
    """The engine made by `connect`."""
    return _state["current"]


def _become_portal(connection: Any, _record: object) -> None:
    """Give up the owner's rights when the address given is the owner's."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select current_user <> %s and pg_has_role(current_user, oid, 'member') from pg_roles where rolname = %s",
            (PORTAL_ROLE, PORTAL_ROLE),
        )
        row = cursor.fetchone()
        if row and row[0]:
            cursor.execute(f"set role {PORTAL_ROLE}")
        # The server looks after its end as we do after ours: a vanished worker must not keep a lane.
        cursor.execute(
            f"set tcp_keepalives_idle to {KEEPALIVE_IDLE_S}; set tcp_keepalives_interval to {KEEPALIVE_INTERVAL_S}; "
            f"set tcp_keepalives_count to {KEEPALIVE_COUNT}"
        )
        # Moments leave the database as UTC whatever the server's own zone is.
        cursor.execute("set timezone to 'GMT'")
    connection.commit()


def speak_for(
    connection: Connection | Session, organisation_id: int | None, person_id: int | None = None
) -> None:
    """Say for whom the rest of this transaction speaks."""
    connection.execute(
        text(
            "select set_config('kassa.organisation', :organisation, true), set_config('kassa.person', :person, true)"
        ),
        {
            "organisation": "" if organisation_id is None else str(organisation_id),
            "person": "" if person_id is None else str(person_id),
        },
    )


@contextmanager
def transaction(
    organisation_id: int | None = None, person_id: int | None = None, *, is_snapshot: bool = False
) -> Iterator[Session]:
    """One transaction for one organisation: committed at the end, rolled back on any exception.

    A snapshot only reads, and everything in it is of one moment however long it takes.
    """
    with Session(engine(), expire_on_commit=False) as session, session.begin():
        if is_snapshot:
            session.execute(text("set transaction isolation level repeatable read, read only"))
        speak_for(session, organisation_id, person_id)
        yield session


# Connections that nobody uses now, of this process, by the engine they were made for.
_idle: dict[tuple[int, int], list[Any]] = {}


@contextmanager
def statements() -> Iterator[Any]:
    """The driver's cursor, outside of any transaction: every statement is one of its own, and durable when it returns.

    A statement says itself for whom it speaks (`kassa.organisation`, for its own duration). Raises what the driver raises,
    but for SQLAlchemy's OperationalError where the database went away: nobody knows then whether the statement was done.
    """
    current: Engine | Connection = _state["current"]
    if isinstance(current, Connection):
        # Somebody looks on from inside one transaction, and takes part.
        with current.connection.cursor() as cursor:  # type: ignore[attr-defined] # the driver's, behind a protocol
            yield cursor
        return
    idle = _idle.setdefault((os.getpid(), id(current)), [])
    connection = idle.pop() if idle else _connect_apart(current)
    try:
        with connection.cursor() as cursor:
            yield cursor
    except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
        # The other connections are as old as this one.
        while idle:
            idle.pop().close()
        connection.close()
        raise OperationalError(None, None, error) from error
    finally:
        if not connection.closed:
            idle.append(connection)


def _connect_apart(engine: Engine) -> Any:
    """A connection of its own, made like the engine's. Raises SQLAlchemy's OperationalError while there is no database."""
    try:
        fairy = engine.raw_connection()
    except psycopg2.OperationalError as error:
        raise OperationalError(None, None, error) from error
    connection: Any = fairy.driver_connection
    fairy.detach()
    connection.autocommit = True
    return connection
