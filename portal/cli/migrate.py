"""Bring a database to the newest schema."""

from pathlib import Path

import click
from alembic import command
from alembic.config import Config
from sqlalchemy.exc import OperationalError

from portal.cli import cli, open_portal
from portal.config import ROOT, NotStarting


def migrate_to_head(owner_url: str, ini: Path = ROOT / "alembic.ini") -> None:
    """Run the migrations that are missing, as the role that owns the tables."""
    config = Config(ini)
    # A percent sign in a password would be read as a reference to another option.
    config.set_main_option("sqlalchemy.url", owner_url.replace("%", "%%"))
    try:
        command.upgrade(config, "head")
    except OperationalError as error:
        raise NotStarting(f"the database does not answer or refuses us: {str(error.orig).strip()}") from error


@cli.command()
def migrate() -> None:
    """Bring the database to the newest schema; nothing happens when it is."""
    with open_portal() as settings:
        migrate_to_head(settings.database_owner_url)
    click.echo("The database has the newest schema.")
