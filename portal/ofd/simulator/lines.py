"""The lines that registers call on: one connection, one question, one answer.

A line reads bytes until its question is whole, has it judged, and speaks when the book has what the answer rests on. How it
speaks is mischief's last word: late, half, twice or not at all.
"""

import asyncio
import logging
import socket
import struct
from collections.abc import Callable
from typing import Final, Protocol

from portal.ofd.simulator import belarus, kazakhstan
from portal.ofd.simulator.book import BookClosed, Entry
from portal.ofd.simulator.mischief import SILENCE_S, Kind, Trick
from portal.ofd.simulator.office import KAZAKHSTAN, Office
from portal.ofd.wire.frames import FRAME_BYTES_MAX, HEADER_BYTES, BadFrame, pack, read_header

# A register that says nothing for so long is cut off.
IDLE_S: Final = 60.0
_LENGTH_BYTES: Final = 4
_RESET: Final = struct.pack("ii", 1, 0)

_log = logging.getLogger(__name__)


class Desk(Protocol):
    """How the questions of one country are cut out of bytes and judged."""

    def size(self, heard: bytes) -> int | None:
        """How long the question is with everything before it; None when that cannot be told yet. Raises ValueError."""

    def device(self, question: bytes) -> str:
        """The key of the register that asks."""

    def judge(self, question: bytes, trick: Trick | None) -> tuple[bytes | None, Entry]:
        """The answer, or None to close the line without a word, and what the book has to have first."""


class KazakhDesk:
    """Frames of protocol 2.0.3."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def size(self, heard: bytes) -> int | None:
        if len(heard) < HEADER_BYTES:
            return None
        try:
            return read_header(heard).size
        except BadFrame as bad:
            raise ValueError(bad.reason) from bad

    def device(self, question: bytes) -> str:
        return f"{KAZAKHSTAN}/{read_header(question).device}"

    def judge(self, question: bytes, trick: Trick | None) -> tuple[bytes | None, Entry]:
        reply = kazakhstan.handle(self._office, read_header(question), question[HEADER_BYTES:], trick)
        return pack(reply.frame), reply.entry


class BelarusDesk:
    """JSON with its length before it."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def size(self, heard: bytes) -> int | None:
        if len(heard) < _LENGTH_BYTES:
            return None
        size = _LENGTH_BYTES + int.from_bytes(heard[:_LENGTH_BYTES], "big")
        if size > FRAME_BYTES_MAX:
            raise ValueError("too_long")
        return size

    def device(self, question: bytes) -> str:
        return belarus.register_of(question[_LENGTH_BYTES:])

    def judge(self, question: bytes, trick: Trick | None) -> tuple[bytes | None, Entry]:
        reply = belarus.handle(self._office, question[_LENGTH_BYTES:], trick)
        return None if reply.verdict is None else belarus.pack(reply.verdict), reply.entry


class Exchange(asyncio.Protocol):
    """One connection."""

    def __init__(self, office: Office, desk: Desk, lines: set["Exchange"]) -> None:
        self._office = office
        self._desk = desk
        self._lines = lines
        self._heard = b""
        self._size: int | None = None
        self._is_asked = False
        self._transport: asyncio.Transport | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._trick: Trick | None = None
        self._answer: bytes | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._lines.add(self)
        self._later(IDLE_S, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._lines.discard(self)
        self._transport = None
        if self._alarm is not None:
            self._alarm.cancel()

    def data_received(self, data: bytes) -> None:
        # One question a connection: whatever follows it is not heard.
        if self._is_asked:
            return
        self._heard += data
        try:
            self._size = self._size or self._desk.size(self._heard)
        except ValueError:
            self.cut()
            return
        if self._size is not None and len(self._heard) >= self._size:
            self._is_asked = True
            self._ask(self._heard[: self._size])

    def eof_received(self) -> bool:
        # The register may close its half and still wait for the answer.
        return self._is_asked

    def cut(self) -> None:
        """End the connection now."""
        if self._transport is not None:
            self._transport.abort()

    def speak(self) -> None:
        """The book has everything: answer."""
        match self._trick:
            case Trick(kind=Kind.SLOW, seconds=seconds):
                self._later(seconds, self._say)
            case Trick(kind=Kind.LOST):
                self._close()
            case Trick(kind=Kind.HALF) if self._answer is not None:
                self._answer = self._answer[: len(self._answer) // 2]
                self._say()
            case Trick(kind=Kind.TWICE) if self._answer is not None:
                self._answer *= 2
                self._say()
            case _:
                self._say()

    def _ask(self, question: bytes) -> None:
        self._trick = self._office.mischief.draw(self._desk.device(question))
        match self._trick:
            case Trick(kind=Kind.SILENT):
                self._later(SILENCE_S, self.cut)
                return
            case Trick(kind=Kind.RESET):
                self._reset()
                return
        try:
            self._answer, entry = self._desk.judge(question, self._trick)
            entry.waiter = self
            self._office.keep(entry)
        except BookClosed:
            self.cut()
        except Exception:  # noqa: BLE001 — one question that breaks the operator must not end it for the others
            _log.exception("a question could not be judged")
            self._office.take_back(self._desk.device(question))
            self.cut()

    def _say(self) -> None:
        if self._transport is None:
            return
        if self._answer is not None:
            self._transport.write(self._answer)
        self._close()

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _reset(self) -> None:
        if self._transport is None:
            return
        line: socket.socket = self._transport.get_extra_info("socket")
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._transport.abort()

    def _later(self, seconds: float, what: Callable[[], None]) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = asyncio.get_running_loop().call_later(seconds, what)
