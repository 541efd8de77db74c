"""`./kassa bench …`: how fast, as ratios to a limit measured in the same run."""

from portal.cli import cli


@cli.group()
def bench() -> None:
    """Measure speed; JSON lines, the last one sums up."""
