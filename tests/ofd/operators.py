"""Operators of a few lines for tests: whatever they are told to do with a connection, on a real port."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from portal.ofd.wire.frames import HEADER_BYTES, Frame, pack, read_header, unpack

Behaviour = Callable[[socket.socket], None]


@dataclass
class Listening:
    """Where an operator listens, and what it heard."""

    port: int
    heard: list[bytes] = field(default_factory=list)


@contextmanager
def operator(behaviour: Behaviour) -> Iterator[Listening]:
    """Let `behaviour` have every connection, one after another, until the test is done with it."""
    listener = socket.create_server(("127.0.0.1", 0))
    listening = Listening(listener.getsockname()[1])

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                behaviour(connection)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listening
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def receive(connection: socket.socket, size: int) -> bytes:
    raw = b""
    while len(raw) < size:
        part = connection.recv(size - len(raw))
        if not part:
            return raw
        raw += part
    return raw


def read_frame(connection: socket.socket) -> Frame:
    head = receive(connection, HEADER_BYTES)
    return unpack(head + receive(connection, read_header(head).size - HEADER_BYTES))


def answering(answer: Callable[[Frame], Frame | bytes]) -> Behaviour:
    """Read one frame, send what `answer` makes of it, close."""

    def behave(connection: socket.socket) -> None:
        said = answer(read_frame(connection))
        connection.sendall(pack(said) if isinstance(said, Frame) else said)

    return behave
