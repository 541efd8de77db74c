"""The link to an operator: one document goes out, one answer comes back, within a deadline.

Both countries stand behind one interface, `Gateway`. Whatever does not bring an answer that can be trusted to belong to
the request is `NoAnswer`: the operator may have taken the document or not, and only sending it again with the same request
number tells.

Kazakhstan speaks protocol 2.0.3 (`portal.ofd.wire`), one connection per exchange. The СККО's own wire is not public, so for
Belarus this is the protocol of our own gateway simulator, one connection per exchange as well: four bytes big-endian with the
length, then JSON with sorted names and no spaces.

    {"body": the document's own JSON as a string, byte for byte as issued, "number": its number,
     "register": the factory number, "ui": its УИ}
    → {"result": "accepted" | "repeated" | "refused", "why": in words, only of a refusal}

    {"ping": true, "register": the factory number}
    → {"result": "accepted"} or a refusal
"""

import socket
import struct
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, Literal, Protocol, Self

import msgspec

from portal.ofd.exchange import (
    AS_SILENCE,
    BLOCKED,
    BLOCKING,
    INCORRECT_DATA,
    INVALID_TOKEN,
    NOT_ENOUGH_CASH,
    OK,
    SHIFT_TOO_LONG,
    UNAVAILABLE,
    UNKNOWN_DEVICE,
    UNKNOWN_ERROR,
    Answer,
    Line,
    NoAnswer,
    Outgoing,
    Registration,
)
from portal.ofd.wire import v203_pb2 as v203
from portal.ofd.wire.answers import answer_of
from portal.ofd.wire.frames import FRAME_BYTES_MAX, HEADER_BYTES, BadFrame, Frame, pack, read_header
from portal.ofd.wire.requests import info_request, request_of, system_request

__all__ = [
    "AS_SILENCE",
    "BLOCKED",
    "BLOCKING",
    "INCORRECT_DATA",
    "INVALID_TOKEN",
    "NOT_ENOUGH_CASH",
    "OK",
    "SHIFT_TOO_LONG",
    "UNAVAILABLE",
    "UNKNOWN_DEVICE",
    "UNKNOWN_ERROR",
    "Answer",
    "BelarusGateway",
    "Gateway",
    "KazakhGateway",
    "Line",
    "NoAnswer",
    "Outgoing",
    "Registration",
    "gateway_of",
]

_LENGTH: Final = struct.Struct(">I")
_CHUNK_BYTES: Final = 65536
Clock = Callable[[], datetime]


class Gateway(Protocol):
    """How documents of one country reach its operator."""

    def send(self, line: Line, item: Outgoing, *, timeout_s: float) -> Answer:
        """Send one document and wait for its answer, both within `timeout_s`. Raises `NoAnswer`.

        Looking a host name up is the system's affair and not bounded by it; a numeric address needs none.
        """

    def ping(
        self, line: Line, *, request_number: int, timeout_s: float, offline_since: datetime | None = None
    ) -> Answer:
        """Ask the operator whether it knows this register (COMMAND_SYSTEM). Raises `NoAnswer`."""


class KazakhGateway:
    """Protocol 2.0.3."""

    def __init__(self, clock: Clock = lambda: datetime.now(UTC)) -> None:
        self._clock = clock

    def send(self, line: Line, item: Outgoing, *, timeout_s: float) -> Answer:
        request = request_of(line, item, now=self._clock())
        return self._exchange(line, item.request_number, request, timeout_s)

    def ping(
        self, line: Line, *, request_number: int, timeout_s: float, offline_since: datetime | None = None
    ) -> Answer:
        request = system_request(line, now=self._clock(), offline_since=offline_since)
        return self._exchange(line, request_number, request, timeout_s)

    def read_counters(self, line: Line, *, request_number: int, timeout_s: float) -> Answer:
        """The operator's own figures of the register as it stands (COMMAND_INFO). Raises `NoAnswer`."""
        return self._exchange(line, request_number, info_request(line, now=self._clock()), timeout_s)

    def _exchange(self, line: Line, request_number: int, request: v203.Request, timeout_s: float) -> Answer:
        sent = Frame(line.device, line.token, request_number, request.SerializeToString())
        with _Call(line, timeout_s) as call:
            call.send(pack(sent))
            try:
                header = read_header(call.receive(HEADER_BYTES))
            except BadFrame as bad:
                raise NoAnswer(bad.reason) from bad
            if header.device != line.device:
                raise NoAnswer("other_device")
            if header.request_number != request_number:
                raise NoAnswer("other_request")
            message = call.receive(header.size - HEADER_BYTES)
        return answer_of(message, header.token, request.command)


class _BelarusAnswer(msgspec.Struct):
    result: Literal["accepted", "repeated", "refused"]
    why: str = ""


class BelarusGateway:
    """The protocol of our own gateway simulator, as this module's description says."""

    def send(self, line: Line, item: Outgoing, *, timeout_s: float) -> Answer:
        return self._exchange(
            line,
            {
                "body": item.body.decode(),
                "number": item.document.number,
                "register": line.registration.factory_number,
                "ui": item.document.fiscal_sign or "",
            },
            timeout_s,
        )

    def ping(
        self, line: Line, *, request_number: int, timeout_s: float, offline_since: datetime | None = None
    ) -> Answer:
        del request_number, offline_since  # only Kazakhstan's protocol knows them
        return self._exchange(line, {"ping": True, "register": line.registration.factory_number}, timeout_s)

    def _exchange(self, line: Line, request: dict[str, object], timeout_s: float) -> Answer:
        with _Call(line, timeout_s) as call:
            call.send(pack_json(request))
            size = _LENGTH.unpack(call.receive(_LENGTH.size))[0]
            if size > FRAME_BYTES_MAX:
                raise NoAnswer("too_long")
            raw = call.receive(size)
        try:
            answer = msgspec.json.decode(raw, type=_BelarusAnswer)
        except (msgspec.DecodeError, UnicodeDecodeError) as bad:
            raise NoAnswer("undecodable") from bad
        if answer.result == "refused":
            return Answer(INCORRECT_DATA, answer.why)
        return Answer(OK, is_repeated=answer.result == "repeated")


def pack_json(message: dict[str, object]) -> bytes:
    """A message of the Belarusian simulator's protocol with its length before it."""
    raw = msgspec.json.encode(message, order="sorted")
    return _LENGTH.pack(len(raw)) + raw


def gateway_of(country: str) -> Gateway:
    """The gateway of a country, by the two small letters that organisations are stored with."""
    return KazakhGateway() if country == "kz" else BelarusGateway()


class _Call:
    """One connection for one exchange, given up when the time for all of it is over."""

    def __init__(self, line: Line, timeout_s: float) -> None:
        self._ends_at_s = time.monotonic() + timeout_s
        self._socket = self._connect(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, raw: bytes) -> None:
        try:
            self._socket.settimeout(self._left_s())
            self._socket.sendall(raw)
        except OSError as trouble:
            raise _no_answer(trouble) from trouble

    def receive(self, size: int) -> bytes:
        """Exactly so many bytes."""
        parts: list[bytes] = []
        while size:
            try:
                self._socket.settimeout(self._left_s())
                part = self._socket.recv(min(size, _CHUNK_BYTES))
            except OSError as trouble:
                raise _no_answer(trouble) from trouble
            if not part:
                raise NoAnswer("closed")
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _connect(self, line: Line) -> socket.socket:
        try:
            connection = socket.create_connection((line.host, line.port), timeout=self._left_s())
        except OSError as trouble:
            raise _no_answer(trouble) from trouble
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def _left_s(self) -> float:
        left_s = self._ends_at_s - time.monotonic()
        if left_s <= 0:
            raise NoAnswer("timeout")
        return left_s


def _no_answer(trouble: OSError) -> NoAnswer:
    if isinstance(trouble, TimeoutError):
        return NoAnswer("timeout")
    if isinstance(trouble, ConnectionRefusedError):
        return NoAnswer("refused")
    # Reset, aborted, or a pipe that the other end had left.
    return NoAnswer("reset" if isinstance(trouble, ConnectionError) else "unreachable")
