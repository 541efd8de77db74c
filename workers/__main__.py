"""`python -m workers work` takes jobs; `python -m workers schedule` keeps the clock of periodic ones."""

import click

from workers import analytics, ingest, ofd, runtime, schedule

# Loaded here so that no job pays for loading them.
JOBS = (ingest, ofd, analytics)


@click.group()
def workers() -> None:
    """The portal's background processes."""


@workers.command()
@click.option("--burst", is_flag=True, help="Stop when no job is left.")
def work(*, burst: bool) -> None:
    """Take jobs from every queue."""
    runtime.work(burst=burst)


@workers.command("schedule")
def keep_schedule() -> None:
    """Keep the clock of periodic jobs."""
    schedule.run()


if __name__ == "__main__":
    workers()
