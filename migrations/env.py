"""Runs migrations: one at a time over all hosts, each in its own transaction, never waiting long for a lock."""

from alembic import context
from sqlalchemy import create_engine, pool, text

from portal.models import Base

# Any number will do, so long as it is always the same one.
MIGRATION_LOCK = 0x6B61737361


def run() -> None:
    url = context.config.get_main_option("sqlalchemy.url")
    assert url, "portal.cli gives the address"
    engine = create_engine(url, poolclass=pool.NullPool)
    with engine.connect() as connection:
        connection.execute(text("select pg_advisory_lock(:lock)"), {"lock": MIGRATION_LOCK})
        connection.execute(text("set lock_timeout = '4s'"))
        connection.execute(text("set statement_timeout = '60s'"))
        connection.commit()
        context.configure(
            connection=connection, target_metadata=Base.metadata, transaction_per_migration=True
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.execute(text("select pg_advisory_unlock(:lock)"), {"lock": MIGRATION_LOCK})
        connection.commit()


run()
