"""A database of its own on the portal's server, for the time of one benchmark."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from sqlalchemy import create_engine, pool, text
from sqlalchemy.engine import make_url

from portal import db, queue
from portal.cli.migrate import migrate_to_head
from portal.config import Settings

# Redis databases are numbered; the portal itself uses 0.
REDIS_DATABASE = 9


@contextmanager
def scratch(settings: Settings) -> Iterator[Settings]:
    """Settings for an empty, migrated database and an empty Redis database, both gone afterwards."""
    name = f"kassa_bench_{os.getpid()}"
    admin = create_engine(settings.database_owner_url, poolclass=pool.NullPool, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"create database {name}"))
    inside = replace(
        settings,
        database_url=_with_database(settings.database_url, name),
        database_owner_url=_with_database(settings.database_owner_url, name),
        redis_url=settings.redis_url.rsplit("/", 1)[0] + f"/{REDIS_DATABASE}",
    )
    try:
        migrate_to_head(inside.database_owner_url)
        db.connect(inside)
        queue.connect(inside).flushdb()
        yield inside
    finally:
        queue.redis_client().flushdb()
        db.engine().dispose()
        db.connect(settings)
        queue.connect(settings)
        with admin.connect() as connection:
            connection.execute(text(f"drop database {name} with (force)"))


def _with_database(url: str, name: str) -> str:
    return make_url(url).set(database=name).render_as_string(hide_password=False)


def environment(settings: Settings) -> dict[str, str]:
    """What a process started by a benchmark finds in its environment."""
    return {
        **os.environ,
        "KASSA_DATABASE_URL": settings.database_url,
        "KASSA_DATABASE_OWNER_URL": settings.database_owner_url,
        "KASSA_REDIS_URL": settings.redis_url,
        "KASSA_SECRET_KEY": settings.secret_key,
        "KASSA_REQUESTS_PER_MINUTE": "1000000",
    }
