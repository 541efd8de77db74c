"""What clients write down survives their being killed in the middle of a line."""

from pathlib import Path

import msgspec

from portal.fiscal.commands import CloseShift
from portal.storm.log import Answered, Intent, Refused, mend, read_log

ENTRIES = [
    Intent("0-1", 1, 7, "kz", CloseShift(cashier="Иванов"), 1),
    Answered("0-1", 1, 7, 5, "z_report", "ab", "waiting", is_repeated=False),
    Refused("0-2", 1, 7, "fiscal.shift_not_open"),
]
LINES = b"".join(msgspec.json.encode(entry) + b"\n" for entry in ENTRIES)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "client.jsonl"
    assert read_log(path) == []
    path.write_bytes(LINES)
    assert read_log(path) == ENTRIES


def test_a_line_cut_short_is_none_and_the_next_one_stands_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "client.jsonl"
    path.write_bytes(LINES + b'{"type":"refu')
    assert read_log(path) == ENTRIES
    mend(path)
    assert path.read_bytes() == LINES
    mend(path)
    assert path.read_bytes() == LINES


def test_a_log_that_is_not_there_needs_no_mending(tmp_path: Path) -> None:
    mend(tmp_path / "client.jsonl")
    assert list(tmp_path.iterdir()) == []
