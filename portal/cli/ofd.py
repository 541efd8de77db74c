"""The operator of fiscal data: a server that registers deliver to, for a machine of one's own."""

import socket
import sys
from pathlib import Path

import click

from portal.cli import cli, data_directory
from portal.config import NotStarting
from portal.ofd.simulator import mischief as mischiefs
from portal.ofd.simulator.address import (
    Address,
    address_file,
    book_file,
    new_key,
    read_address,
    write_address,
)
from portal.ofd.simulator.mischief import Kind, Mischief
from portal.ofd.simulator.page import Page
from portal.ofd.simulator.server import BookBusy, OperatorServer
from portal.processes import Stopping

PORT = click.IntRange(0, 65535)


def _read_mischief(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> list[tuple[Kind, float, float | None]]:
    try:
        told = [mischiefs.parse(value) for value in values]
        for kind, share, seconds in told:
            Mischief().switch_on(kind, share, seconds=seconds)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    return told


@cli.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Where registers call.")
@click.option(
    "--port",
    type=PORT,
    default=0,
    help="The port for Kazakhstan; the one of the last time, or any free one, without it.",
)
@click.option("--belarus-port", type=PORT, default=0, help="The port for Belarus, likewise.")
@click.option("--http-port", type=PORT, default=0, help="The port of the operator's page, likewise.")
@click.option(
    "--http-host", default="127.0.0.1", show_default=True, help="Where the page listens; it has no sign-in."
)
@click.option(
    "--file",
    "book",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The operator's book; operator/book.sqlite of the data directory without it.",
)
@click.option(
    "--mischief",
    multiple=True,
    metavar="KIND[=SHARE[:SECONDS]]",
    callback=_read_mischief,
    help="Misbehave for a share of the requests: " + ", ".join(Kind) + ". May be given again.",
)
@click.option(
    "--seed", type=int, default=1, show_default=True, help="Another seed, other requests meet mischief."
)
def ofd(
    *,
    host: str,
    port: int,
    belarus_port: int,
    http_port: int,
    http_host: str,
    book: Path | None,
    mischief: list[tuple[Kind, float, float | None]],
    seed: int,
) -> None:
    """Run an operator of fiscal data until Ctrl-C.

    It speaks protocol 2.0.3 with registers of Kazakhstan and the gateway's protocol with those of Belarus, keeps a book of
    its own, and shows what it received on a small page.
    """
    data = data_directory()
    stopping = Stopping()
    tricks = Mischief(seed)
    for kind, share, seconds in mischief:
        tricks.switch_on(kind, share, seconds=seconds)
    known = read_address(data)
    last = (known.port, known.belarus_port, int(known.http_url.rpartition(":")[2])) if known else (0, 0, 0)
    operator = OperatorServer(
        book or book_file(data),
        host=host,
        port=port or _if_free(host, last[0]),
        belarus_port=belarus_port or _if_free(host, last[1]),
        mischief=tricks,
    )
    wanted = http_port or _if_free(http_host, last[2])
    try:
        operator.start()
    except BookBusy:
        raise NotStarting(f"another operator works with {operator.path}") from None
    except OSError as error:
        raise NotStarting(
            f"a port of the operator is taken ({error.strerror}); choose others with --port and --belarus-port"
        ) from None
    try:
        page = _open_page(operator, known.key if known else new_key(), http_host, wanted)
        write_address(
            data,
            Address(
                belarus_port=operator.belarus_port,
                host=host,
                http_url=page.url,
                key=page.key,
                port=operator.port,
            ),
        )
        click.echo(
            f"Kazakhstan {host}:{operator.port}, Belarus {host}:{operator.belarus_port}, page {page.url}"
        )
        click.echo(f"{len(operator.accounts())} registers on record; where to call: {address_file(data)}")
        sys.stdout.flush()
        stopping.abrupt = False
        while not stopping and operator.failure is None:
            stopping.wait(1.0)
        page.stop()
    finally:
        stopping.abrupt = False
        operator.stop()
    if operator.failure is not None:
        raise NotStarting(f"the book {operator.path} takes nothing any more: {operator.failure}")
    click.echo("The operator has stopped; what it answered is in its book.")


def _if_free(host: str, port: int) -> int:
    """A port of the last time, unless another program has taken it since."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return 0
    return port


def _open_page(operator: OperatorServer, key: str, host: str, port: int) -> Page:
    try:
        page = Page(operator, key=key, host=host, port=port)
    except OSError as error:
        raise NotStarting(
            f"port {port} of the operator's page is taken ({error.strerror}); choose another with --http-port"
        ) from None
    page.start()
    return page
