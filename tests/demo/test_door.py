"""A sender keeps trying with the same key and the same bytes until it is told that they were taken."""

import gzip
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from portal.demo.door import Door, Refused, Unreachable


@dataclass
class Portal:
    """A portal that answers as the test says: a status, or None to hang up without a word."""

    answers: list[int | None]
    seen: list[tuple[str, str, bytes]] = field(default_factory=list)
    packed: list[bool] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def portal() -> Iterator[Callable[..., Portal]]:
    """Start a portal with these answers."""
    servers: list[HTTPServer] = []

    def start(*answers: int | None) -> Portal:
        portal = Portal(list(answers))

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                is_packed = self.headers.get("Content-Encoding") == "gzip"
                portal.packed.append(is_packed)
                body = gzip.decompress(body) if is_packed else body
                portal.seen.append((self.headers["Authorization"], self.headers["Idempotency-Key"], body))
                status = portal.answers.pop(0)
                if status is None:
                    self.close_connection = True
                    return
                self.send_response(status)
                if status == 429:
                    self.send_header("Retry-After", "7")
                content = b'{"code": "ingest.key_reused"}'
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        server = HTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        Thread(target=server.serve_forever, daemon=True).start()
        portal.url = f"http://127.0.0.1:{server.server_port}"
        return portal

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_sends_the_same_bytes_under_the_same_key_when_the_answer_is_lost(
    portal: Callable[..., Portal],
) -> None:
    there = portal(None, 202)
    pauses: list[float] = []
    Door(there.url, say=lambda _: None, pause=pauses.append).send("kt_1_2_x", "key-1", b'{"number":1}')
    assert there.seen == [("Bearer kt_1_2_x", "key-1", b'{"number":1}')] * 2
    assert len(pauses) == 1


def test_tries_a_connection_that_was_closed_in_the_meantime_again_at_once(
    portal: Callable[..., Portal],
) -> None:
    there = portal(202, None, 202)
    pauses: list[float] = []
    door = Door(there.url, say=lambda _: None, pause=pauses.append)
    door.send("t", "key-1", b"1")
    door.send("t", "key-2", b"2")
    assert [key for _, key, _ in there.seen] == ["key-1", "key-2", "key-2"]
    assert pauses == []


def test_waits_as_long_as_a_busy_portal_asks_and_longer_each_time_when_it_does_not_say(
    portal: Callable[..., Portal],
) -> None:
    there = portal(429, 500, 503, 202)
    pauses: list[float] = []
    said: list[str] = []
    Door(there.url, say=said.append, pause=pauses.append).send("t", "key-1", b"1")
    assert pauses == [7.0, 0.5, 1.0]
    assert said == [
        "the portal is busy (429 ingest.key_reused); sending the same again until it is taken",
        "the portal answers again",
    ]


@pytest.mark.parametrize("status", [401, 403, 409, 413, 415, 422])
def test_a_refusal_is_final(portal: Callable[..., Portal], status: int) -> None:
    there = portal(status)
    with pytest.raises(Refused, match=f"{status} ingest.key_reused"):
        Door(there.url, pause=lambda _: None).send("t", "key-1", b"1")
    assert len(there.seen) == 1


def test_gives_up_when_its_patience_ends_and_says_why() -> None:
    pauses: list[float] = []
    door = Door("http://127.0.0.1:9", say=lambda _: None, pause=pauses.append, patience_s=2)
    with pytest.raises(Unreachable, match="does not answer"):
        door.send("t", "key-1", b"1")
    assert 2 <= sum(pauses) < 6


def test_packs_what_is_big_and_leaves_alone_what_is_small(portal: Callable[..., Portal]) -> None:
    there = portal(202, 202)
    door = Door(there.url)
    door.send("t", "key-1", b"x" * 100)
    door.send("t", "key-2", b"y" * 10_000)
    assert there.packed == [False, True]
    assert there.seen[1][2] == b"y" * 10_000


def test_knows_whether_anybody_listens() -> None:
    assert not Door("http://127.0.0.1:9").answers()
