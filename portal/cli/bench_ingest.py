"""`./kassa bench ingest`."""

import click

from portal.cli import open_portal
from portal.cli.bench import bench


@bench.command()
@click.option(
    "--pairs", default=5, show_default=True, type=click.IntRange(1, 50), help="Interleaved repetitions."
)
@click.option(
    "--documents",
    default=40_000,
    show_default=True,
    type=click.IntRange(8, 1_000_000),
    help="Documents a repetition.",
)
def ingest(pairs: int, documents: int) -> None:
    """Documents/s from committed batches to journal and rollups, against plain COPY into the same tables."""
    from benchmarks.ingest import run  # noqa: PLC0415 - benchmarks are not part of the portal

    with open_portal() as settings:
        run(settings, pairs=pairs, documents=documents)
