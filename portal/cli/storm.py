"""A storm on this machine: many tills at work while everything breaks."""

import shutil
import tempfile
from pathlib import Path

import click

from portal.cli import cli, data_directory
from portal.cli.migrate import migrate_to_head
from portal.cli.run import say
from portal.processes import Stopping
from portal.storm import storm as storms


@cli.command()
@click.option(
    "--minutes",
    type=click.FloatRange(0.1, 10_000),
    default=5.0,
    show_default=True,
    help="How long it storms.",
)
@click.option(
    "--seed", type=int, default=1, show_default=True, help="Another seed, other commands and other trouble."
)
@click.option(
    "--registers",
    type=click.IntRange(1, 500),
    default=20,
    show_default=True,
    help="How many registers, half of either country.",
)
def storm(*, minutes: float, seed: int, registers: int) -> None:
    """Drive registers through thousands of commands while everything breaks, and reckon up afterwards.

    Servers, operator, workers and clients are the storm's own; a portal that runs beside is not touched. When something is wrong
    everything stays where it is, to be looked at; otherwise nothing stays.
    """
    data_directory().mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix="storm-", dir=data_directory()))
    stopping = Stopping()
    stopping.abrupt = False
    outcome = storms.run(
        directory,
        seed=seed,
        seconds=minutes * 60,
        registers=registers,
        migrate=migrate_to_head,
        say=say,
        is_over=lambda: bool(stopping),
    )
    for name, value in outcome.figures.items():
        click.echo(f"{value:>9}  {name}")
    for sentence in outcome.wrong:
        click.echo(f"WRONG: {sentence}")
    click.echo(
        f"seed {outcome.seed}: {f'{len(outcome.wrong)} things are wrong, see {directory}' if outcome.wrong else 'nothing lost, nothing doubled, everything agrees'}"
    )
    if outcome.wrong:
        raise SystemExit(1)
    shutil.rmtree(directory)
