"""The demo: two companies with a past, and simulated tills that go on with it."""

import sys

import click

from portal.cli import cli, open_portal
from portal.demo.history import DAYS, SEED, ensure_history
from portal.demo.people import PASSWORD, describe_people, ensure_demo
from portal.primitives import clock


@cli.command()
@click.option(
    "--days",
    type=click.IntRange(1, 3660),
    default=DAYS,
    show_default=True,
    help="How far the past reaches back.",
)
@click.option("--seed", type=int, default=SEED, show_default=True, help="Another seed, another history.")
def demo(days: int, seed: int) -> None:
    """Make the demo's companies, people and history; what is there already stays as it is."""
    with open_portal() as settings:
        now = clock.now()
        places = ensure_demo(settings, at=now)
        ensure_history(settings, places, at=now, say=_progress, days=days, seed=seed)
    click.echo(f"Demo people, password {PASSWORD}; a one-time code: ./kassa code LOGIN")
    for line in describe_people():
        click.echo(f"  {line}")


def _progress(line: str) -> None:
    """Show a step: over the one before on a terminal, on a line of its own elsewhere."""
    if sys.stdout.isatty():
        click.echo(f"\r\033[K{line}", nl=False)
        if line.startswith("history: ") and _is_last(line):
            click.echo()
        return
    click.echo(line)


def _is_last(line: str) -> bool:
    words = line.split()
    return words[1] == words[3]
