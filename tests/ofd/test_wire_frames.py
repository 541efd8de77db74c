"""A frame is read whole or not at all, whatever bytes come."""

import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from portal.ofd.wire.frames import (
    FRAME_BYTES_MAX,
    HEADER,
    HEADER_BYTES,
    MAGIC,
    VERSION,
    BadFrame,
    Frame,
    pack,
    read_header,
    unpack,
)

FRAMES = st.builds(
    Frame,
    device=st.integers(0, 2**32 - 1),
    token=st.integers(0, 2**32 - 1),
    request_number=st.integers(0, 2**16 - 1),
    message=st.binary(max_size=300),
)


def _header(
    magic: int = MAGIC, version: int = VERSION, size: int = HEADER_BYTES, device: int = 1, token: int = 2
) -> bytes:
    return HEADER.pack(magic, version, size, device, token, 3)


@given(FRAMES)
def test_what_was_packed_is_unpacked(frame: Frame) -> None:
    assert unpack(pack(frame)) == frame


@given(FRAMES)
def test_a_header_says_how_much_follows(frame: Frame) -> None:
    raw = pack(frame)
    assert read_header(raw[:HEADER_BYTES]).size == len(raw)


@given(st.binary(max_size=400))
@example(_header() + b"x")
@example(_header(size=HEADER_BYTES + 1))
def test_any_bytes_are_a_frame_or_a_bad_one_and_nothing_else(raw: bytes) -> None:
    reason = _why_not(raw)
    assert reason in BadFrame.REASONS or pack(unpack(raw)) == raw


def _why_not(raw: bytes) -> str | None:
    try:
        unpack(raw)
    except BadFrame as bad:
        return bad.reason
    return None


@given(FRAMES, st.data())
def test_a_frame_cut_short_is_not_taken(frame: Frame, data: st.DataObject) -> None:
    raw = pack(frame)
    cut = raw[: data.draw(st.integers(0, len(raw) - 1))]
    with pytest.raises(BadFrame, match=r"^short$"):
        unpack(cut)


@given(FRAMES, st.binary(min_size=1, max_size=40))
def test_bytes_after_a_frame_are_not_taken(frame: Frame, more: bytes) -> None:
    with pytest.raises(BadFrame, match=r"^size$"):
        unpack(pack(frame) + more)


@given(FRAMES, st.integers(0, HEADER_BYTES * 8 - 1))
def test_a_turned_bit_of_a_header_is_refused_or_read_as_it_stands(frame: Frame, bit: int) -> None:
    raw = bytearray(pack(frame))
    raw[bit // 8] ^= 1 << bit % 8
    if bit // 8 < 8:  # magic number, version and size are checked against what came
        with pytest.raises(BadFrame):
            unpack(bytes(raw))
    else:
        assert unpack(bytes(raw)) != frame


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "short"),
        (_header()[:-1], "short"),
        (_header(magic=0xA281), "magic"),
        (_header(version=204), "version"),
        (_header(size=0), "size"),
        (_header(size=HEADER_BYTES - 1), "size"),
        (_header(size=FRAME_BYTES_MAX + 1), "too_long"),
        (_header(size=2**32 - 1), "too_long"),
    ],
)
def test_a_bad_header_is_named(raw: bytes, reason: str) -> None:
    with pytest.raises(BadFrame, match=rf"^{reason}$"):
        read_header(raw)


def test_the_largest_frame_is_five_mebibytes() -> None:
    largest = Frame(1, 2, 3, bytes(FRAME_BYTES_MAX - HEADER_BYTES))
    assert len(pack(largest)) == 5 * 1024 * 1024
    assert unpack(pack(largest)) == largest
    with pytest.raises(BadFrame, match=r"^too_long$"):
        pack(Frame(1, 2, 3, bytes(FRAME_BYTES_MAX - HEADER_BYTES + 1)))


def test_numbers_that_no_header_can_hold_are_an_error_of_the_caller() -> None:
    with pytest.raises(struct.error):
        pack(Frame(2**32, 0, 0, b""))
