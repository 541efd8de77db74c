"""What only a real socket can do: bodies in chunks, bodies cut off, and senders that dawdle."""

import http.client
import json
import socket
from collections.abc import Iterator

import pytest

from portal.ingest.forms import BATCH_BYTES_MAX
from tests.faults.conftest import House
from tests.faults.house import Batch, knock, wait_until
from tests.ingest import stream

pytestmark = pytest.mark.processes


def in_chunks(house: House, chunks: Iterator[bytes], key: str) -> tuple[int, dict[str, object]]:
    connection = http.client.HTTPConnection("127.0.0.1", house.port, timeout=30)
    headers = {
        "Authorization": f"Bearer {house.tokens[0]}",
        "Idempotency-Key": key,
        "Content-Type": "application/x-ndjson",
        "Transfer-Encoding": "chunked",
    }
    try:
        connection.request("POST", "/ingest/v1/documents", chunks, headers, encode_chunked=True)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def raw(house: House, request: bytes) -> bytes:
    """Send bytes as they are, hang up for writing, and hear what is said."""
    with socket.create_connection(("127.0.0.1", house.port), timeout=30) as wire:
        wire.sendall(request)
        wire.shutdown(socket.SHUT_WR)
        heard = b""
        try:
            while piece := wire.recv(65_536):
                heard += piece
        except ConnectionResetError:
            pass
        return heard


def test_bodies_in_chunks_cut_off_and_out_of_bounds(house: House) -> None:
    """One house for all of it: starting one takes longer than the questions."""
    till = house.tills[0]
    document = stream.raw_of(till.sale(1))
    status, told = in_chunks(
        house, (document[place : place + 7] for place in range(0, len(document), 7)), "chunks"
    )
    assert (status, told["documents"]) == (202, 1)
    # The same bytes at once are the same batch.
    assert knock(house.port, Batch(house.tokens[0], "chunks", document)) == (
        202,
        json.dumps(told, separators=(",", ":")).encode(),
    )

    status, told = in_chunks(house, (b" " * 65_536 for _ in range(BATCH_BYTES_MAX // 65_536 + 1)), "too much")
    assert (status, told["code"]) == (413, "ingest.too_large")

    head = (
        f"POST /ingest/v1/documents HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {house.tokens[0]}\r\n"
        "Content-Type: application/x-ndjson\r\nConnection: close\r\nIdempotency-Key: "
    ).encode()
    for number, rest in enumerate(
        (
            b"Content-Length: 1000\r\n\r\n" + document[:50],
            b"Content-Length: -5\r\n\r\n" + document,
            b"Content-Length: abc\r\n\r\n" + document,
            b"Content-Length: 99999999999999999999\r\n\r\n" + document,
            b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
            b"Transfer-Encoding: chunked\r\n\r\n5\r\nabc",
            b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc",
            b"Content-Encoding: gzip\r\nContent-Length: 10\r\n\r\n\x1f\x8b",
            b"\r\n",
        )
    ):
        heard = raw(house, head + b"cut-%d\r\n" % number + rest)
        assert not heard or heard.split(b" ", 2)[1] in {b"400", b"408", b"411", b"413", b"422"}, (
            number,
            heard[:300],
        )
    wait_until(lambda: house.waiting() == 0, "the lane to be empty")
    assert till.rows("select key from ingest_batch") == [("chunks",)]
    assert till.numbers() == [1]
