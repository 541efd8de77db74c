"""Put many registers on record with the operator of a data directory, whether it runs at this moment or not.

    with keep_records(data) as (address, put):
        put(device=203605, token=90127062, rnm=…, znm=…, title=…, tax_id=…, opening=…)

A running operator is asked over its page; when none runs its book is opened here. Ports are chosen once and written down, so that
`address` is where the operator will be when it starts. `put` takes what `portal.ofd.simulator.address.put_on_record` takes.
"""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from portal.ofd.simulator.address import (
    Address,
    book_file,
    new_key,
    put_on_record,
    read_address,
    write_address,
)
from portal.ofd.simulator.server import BookBusy, OperatorServer

HOST = "127.0.0.1"


def ensure_address(data: Path) -> Address:
    """Where the operator of a data directory is or will be: three free ports of the loopback, chosen once."""
    known = read_address(data)
    if known is not None:
        return known
    probes = [socket.socket() for _ in range(3)]
    try:
        for probe in probes:
            probe.bind((HOST, 0))
        port, belarus_port, http_port = (int(probe.getsockname()[1]) for probe in probes)
    finally:
        for probe in probes:
            probe.close()
    address = Address(
        belarus_port=belarus_port,
        host=HOST,
        http_url=f"http://{HOST}:{http_port}",
        key=new_key(),
        port=port,
    )
    write_address(data, address)
    return address


@contextmanager
def keep_records(data: Path) -> Iterator[tuple[Address, Callable[..., None]]]:
    """The operator's address, and a way to put registers on its record. Raises `portal.ofd.simulator.address.Unreachable`."""
    address = ensure_address(data)
    operator = OperatorServer(book_file(data))
    try:
        operator.start()
    except BookBusy:
        # It may have chosen other ports when it started.
        address = ensure_address(data)
        yield address, partial(put_on_record, address)
        return

    def put(*, place: str = "", **facts: Any) -> None:
        operator.register(**facts, address=place)

    try:
        yield address, put
    finally:
        operator.stop()
