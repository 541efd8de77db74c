"""Real receipts, streamed through the door."""

from pathlib import Path

import click

from portal.cli import cli, data_directory, open_portal
from portal.cli._address import running_url
from portal.cli._progress import Progress
from portal.demo import replay as replaying
from portal.demo.door import Door, Refused, Unreachable
from portal.demo.retail import Tally, read_retail
from portal.demo.tokens import provide_tokens
from portal.primitives import clock
from portal.primitives.refusals import Refusal


@cli.command()
@click.argument("source", metavar="DIR", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--organisation",
    default=replaying.NAME,
    show_default=True,
    help="Whose receipts they become: a name or a taxpayer number. Founded when there is none.",
)
@click.option("--wait", is_flag=True, help="Wait until everything is in the journal, then compare the sums.")
@click.option("--url", help="Where the portal is; the one that runs on this machine without it.")
@click.option("--shuffle", type=int, metavar="SEED", help="Send the days of all registers in a drawn order.")
@click.option(
    "--parallel",
    "--processes",
    type=click.IntRange(1, 16),
    default=2,
    show_default=True,
    help="How many registers are sent side by side.",
)
def replay(
    *, source: Path, organisation: str, wait: bool, url: str | None, shuffle: int | None, parallel: int
) -> None:
    """Stream the Online Retail receipts in DIR (a folder of CSV files, or their archive) through the HTTP door.

    Countries become trading points of three registers each. Replaying again, shuffled, or after being killed
    changes nothing. With --wait the exit status is 1 unless the portal shows exactly the sums of the files.
    """
    progress = Progress()
    data = data_directory()
    with open_portal() as settings:
        address = url or running_url(data) or settings.public_url
        if not Door(address).answers():
            raise click.ClickException(
                f"no portal answers at {address}; start one with `./kassa run`, or say where it is with --url"
            )
        click.echo(f"… reading {source}")
        try:
            retail = read_retail(source)
            stage = replaying.ensure_stage(retail, organisation, at=clock.now())
        except (ValueError, Refusal) as error:
            raise click.ClickException(str(error)) from error
        tokens = provide_tokens(data / "demo" / "tokens.json", stage.holders, at=clock.now())
        click.echo(f"… {len(retail.countries)} points, {len(stage.registers)} registers of {stage.name}")
        try:
            replaying.stream(
                retail,
                tokens,
                lambda: Door(address, say=click.echo, patience_s=replaying.PATIENCE_S),
                say=progress,
                shuffle=shuffle,
                parallel=parallel,
            )
        except (Refused, Unreachable) as error:
            raise click.ClickException(
                f"the portal did not take the documents ({error}); what it acknowledged is kept, replay again to go on"
            ) from error
        finally:
            progress.end()
        if not wait:
            click.echo("Everything is acknowledged; workers take it in. `--wait` compares the sums.")
            _print("in the files", retail.tally)
            return
        _compare(stage, retail.tally, progress)


def _compare(stage: replaying.Stage, expected: Tally, progress: Progress) -> None:
    try:
        replaying.wait_until_drained(stage, say=progress)
    except replaying.Stalled as error:
        raise click.ClickException(str(error)) from error
    finally:
        progress.end()
    found = replaying.sums_of(stage)
    _print("in the files", expected)
    _print("in the portal", found)
    click.echo(f"lines: {expected.lines_kept} kept, {expected.lines_left} left out")
    if not replaying.is_same(expected, found):
        click.echo("NOT EQUAL: the portal shows other sums than the files")
        raise SystemExit(1)
    click.echo("EQUAL: the portal shows exactly the sums of the files")


def _print(where: str, tally: Tally) -> None:
    click.echo(
        f"{where:14} {tally.sale_count} sales, gross {_money(tally.gross_minor)}; "
        f"{tally.refund_count} refunds, {_money(tally.refund_minor)}; net {_money(tally.net_minor)} BYN"
    )


def _money(minor: int) -> str:
    sign, minor = ("-", -minor) if minor < 0 else ("", minor)
    return f"{sign}{minor // 100:,}.{minor % 100:02d}".replace(",", " ")
