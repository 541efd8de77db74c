"""Frames: the 18 bytes that stand before every message between a register and its operator (protocol 2.0.3).

Little-endian, in this order: the magic number, the version of the protocol, the size of everything with these 18 bytes,
the operator's number of the register, the token (of a request the current one, of an answer the next one), and the
request number. The message that follows is the caller's: here it is only bytes.
"""

import struct
from dataclasses import dataclass
from typing import ClassVar, Final

HEADER: Final = struct.Struct("<HHIIIH")
HEADER_BYTES: Final = HEADER.size
MAGIC: Final = 0x81A2
VERSION: Final = 203
FRAME_BYTES_MAX: Final = 5 * 1024 * 1024

DEVICE_MAX: Final = 0xFFFF_FFFF
TOKEN_MAX: Final = 0xFFFF_FFFF
# Request numbers run from one to this and begin again.
REQUEST_NUMBER_MAX: Final = 0xFFFF


class BadFrame(Exception):
    """Bytes that are no frame. `reason` is one word: `short`, `magic`, `version`, `size`, `too_long`."""

    REASONS: ClassVar = frozenset({"short", "magic", "version", "size", "too_long"})

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Frame:
    """One message with its header. `token` of a request is the current one, of an answer the next."""

    device: int
    token: int
    request_number: int
    message: bytes
    version: int = VERSION


@dataclass(frozen=True, slots=True)
class Header:
    """What the first 18 bytes say. `size` counts them as well."""

    version: int
    size: int
    device: int
    token: int
    request_number: int


def pack(frame: Frame) -> bytes:
    """The bytes of a frame. Raises `BadFrame` (`too_long`) above 5 MiB; numbers out of range are a `struct.error`."""
    size = HEADER_BYTES + len(frame.message)
    if size > FRAME_BYTES_MAX:
        raise BadFrame("too_long")
    return (
        HEADER.pack(MAGIC, frame.version, size, frame.device, frame.token, frame.request_number)
        + frame.message
    )


def read_header(raw: bytes) -> Header:
    """The header at the beginning of `raw`. Raises `BadFrame` when it is none of ours.

    So that a reader knows how much to wait for before anything else has come: a size below the header's own and one above
    5 MiB are refused here.
    """
    if len(raw) < HEADER_BYTES:
        raise BadFrame("short")
    magic, version, size, device, token, request_number = HEADER.unpack_from(raw)
    if magic != MAGIC:
        raise BadFrame("magic")
    if version != VERSION:
        raise BadFrame("version")
    if size < HEADER_BYTES:
        raise BadFrame("size")
    if size > FRAME_BYTES_MAX:
        raise BadFrame("too_long")
    return Header(version, size, device, token, request_number)


def unpack(raw: bytes) -> Frame:
    """The frame that `raw` is, whole and nothing after it. Raises `BadFrame`."""
    header = read_header(raw)
    if len(raw) < header.size:
        raise BadFrame("short")
    if len(raw) > header.size:
        raise BadFrame("size")
    return Frame(header.device, header.token, header.request_number, raw[HEADER_BYTES:], header.version)
