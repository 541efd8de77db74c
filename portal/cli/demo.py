"""The demo: two companies with a past, and people at tills who go on with it."""

import fcntl
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from sqlalchemy.exc import OperationalError

from portal.cli import cli, data_directory, open_portal
from portal.cli._address import running_url
from portal.cli._progress import Progress
from portal.demo.door import Door
from portal.demo.history import DAYS, SEED, ensure_history
from portal.demo.live import Simulation, choose
from portal.demo.outbox import Outbox
from portal.demo.people import PASSWORD, describe_people, ensure_demo
from portal.demo.tokens import provide_tokens
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
def demo(*, days: int, seed: int) -> None:
    """Make the demo's companies, people and history; what is there already stays as it is."""
    with open_portal() as settings:
        now = clock.now()
        places = ensure_demo(settings, at=now)
        progress = Progress(every=4)
        ensure_history(
            settings,
            places,
            at=now,
            say=progress,
            days=days,
            seed=seed,
            takes_over=True,
            outbox=Outbox(data_directory() / "demo" / "outbox"),
        )
        progress.end()
    click.echo(f"Demo people, password {PASSWORD}; a one-time code: ./kassa code LOGIN")
    for line in describe_people():
        click.echo(f"  {line}")


@cli.command()
@click.option(
    "--rate",
    type=click.FloatRange(0.01, 100),
    default=0.1,
    show_default=True,
    help="Documents a second by day, all tills together; 0.03 is what these shops really sell.",
)
@click.option("--registers", type=click.IntRange(1), help="How many tills; all of the demo without it.")
@click.option("--url", help="Where the portal is; the one that runs on this machine without it.")
def simulate(rate: float, registers: int | None, url: str | None) -> None:
    """Sell until Ctrl-C: cloud tills issue here and deliver to the operator, the others stream through the HTTP door."""
    data = data_directory()
    with open_portal() as settings, _only_one(data):
        now = clock.now()
        places = choose(ensure_demo(settings, at=now), registers)
        streaming = [place.holder for place in places if not place.is_cloud]
        tokens = provide_tokens(data / "demo" / "tokens.json", streaming, at=now)
        simulation = Simulation(
            places,
            {holder.register: token for holder, token in tokens.items()},
            Door(url or running_url(data) or settings.public_url, say=_say),
            Outbox(data / "demo" / "outbox"),
            rate,
            say=_say,
            data=data,
        )
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: simulation.stopping.set())
        try:
            simulation.run()
        except OperationalError as error:
            raise click.ClickException(
                "the database does not answer; the tills begin again when it does"
            ) from error


@contextmanager
def _only_one(data: Path) -> Iterator[None]:
    """Two simulations of the same tills would give out the same numbers twice."""
    (data / "demo").mkdir(parents=True, exist_ok=True)
    with (data / "demo" / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise click.ClickException("the demo's tills are being simulated already") from None
        yield


def _say(line: str) -> None:
    click.echo(line)
    sys.stdout.flush()
