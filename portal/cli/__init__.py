"""What `./kassa` can do: every module of this package adds its commands to one group."""

import os
import pkgutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import click

from portal import assets, db, local, queue
from portal.config import ROOT, Settings, read_settings

DATA = ROOT / "var"


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def cli() -> None:
    """Kassa Portal: the owner's cabinet and back office for fiscal cash registers.

    `./kassa run` starts everything on this machine; `./kassa test` proves it.
    """


def load() -> click.Group:
    """The group with the commands of every module of this package."""
    # Some of them speak with operators, in a protocol that is compiled first.
    assets.compile_protocol(lambda line: click.echo(f"… {line}", err=True))
    for module in pkgutil.iter_modules(__path__):
        if not module.name.startswith("_"):
            import_module(f"{__name__}.{module.name}")
    _add_data_option(cli)
    return cli


def _add_data_option(command: click.Command) -> None:
    """Let every command be told which data directory it works on."""
    if isinstance(command, click.Group):
        for member in command.commands.values():
            _add_data_option(member)
    elif not any(parameter.name == "data" for parameter in command.params):
        command.params.append(
            click.Option(
                ["--data"],
                type=click.Path(file_okay=False, path_type=Path),
                default=DATA,
                callback=_choose_data,
                expose_value=False,
                is_eager=True,
                help="Where our own servers keep their data; ./var unless said otherwise.",
            )
        )


def _choose_data(context: click.Context, _parameter: click.Parameter, value: Path) -> None:
    context.obj = value.resolve()


def data_directory() -> Path:
    """The data directory that the command line names."""
    context = click.get_current_context(silent=True)
    return context.obj if context is not None and isinstance(context.obj, Path) else DATA


@contextmanager
def open_portal() -> Iterator[Settings]:
    """Settings with the database connected, for a command that looks or works beside a running portal.

    Servers named by the environment are used. Else our own ones are, and when they are not running they
    are started for the time of the command.
    """
    data = data_directory()
    if servers_are_named():
        settings = read_settings(environment(data))
        _connect(settings)
        yield settings
        return
    started = local.running(data) is None
    access = local.start(data, tied=started)
    try:
        settings = read_settings(environment(data, access))
        _connect(settings)
        yield settings
    finally:
        if started:
            db.engine().dispose()
            local.stop(data)


def _connect(settings: Settings) -> None:
    db.connect(settings)
    queue.connect(settings)


def servers_are_named() -> bool:
    """Whether the environment says which database to use; we start none then."""
    return bool(os.environ.get("KASSA_DATABASE_URL") or os.environ.get("KASSA_DATABASE_URL_FILE"))


def environment(data: Path, access: local.Access | None = None) -> dict[str, str]:
    """What the portal's processes find in their environment; `access` is given when the servers are our own."""
    variables = dict(os.environ)
    if access is not None:
        variables["KASSA_DATABASE_URL"] = access.database_url()
        variables["KASSA_DATABASE_OWNER_URL"] = access.owner_url()
        variables["KASSA_REDIS_URL"] = access.redis_url()
    if not (variables.get("KASSA_SECRET_KEY") or variables.get("KASSA_SECRET_KEY_FILE")):
        variables["KASSA_SECRET_KEY"] = local.keep_secret(data)
    return variables
