"""`./kassa bench register`."""

import click

from portal.cli import open_portal
from portal.cli.bench import bench


@bench.command()
@click.option(
    "--rounds", default=7, show_default=True, type=click.IntRange(1, 100), help="Interleaved repetitions."
)
@click.option(
    "--seconds", default=3, show_default=True, type=click.IntRange(1, 600), help="Of each variant in a round."
)
def register(rounds: int, seconds: int) -> None:
    """Receipts/s, each one committed, against pgbench on the same server in the same run."""
    from benchmarks.register import run  # noqa: PLC0415 - benchmarks are not part of the portal

    with open_portal() as settings:
        run(settings, rounds=rounds, seconds=seconds)
