"""`./kassa bench pages`."""

import click

from portal.cli import open_portal
from portal.cli.bench import bench


@bench.command()
@click.option(
    "--rounds", default=100, show_default=True, type=click.IntRange(20, 10_000), help="Questions a page."
)
@click.option(
    "--documents",
    "sizes",
    default=(1_000_000, 10_000_000),
    show_default=True,
    multiple=True,
    type=click.IntRange(500_000, 100_000_000),
    help="How many documents; give it once for each company.",
)
@click.option("--web/--no-web", default=True, show_default=True, help="Ask a real web server as well.")
def pages(rounds: int, sizes: tuple[int, ...], *, web: bool) -> None:
    """Server time of the home page and of the documents with one and ten million documents."""
    from benchmarks.pages import run  # noqa: PLC0415 - benchmarks are not part of the portal

    with open_portal() as settings:
        run(settings, rounds=rounds, sizes=sizes, web=web)
