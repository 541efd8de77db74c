"""The operator's own journal: one SQLite file, written by one thread, a group of exchanges at a time.

What stands in a group is on the disk before anyone is told (`synchronous=FULL` over a write-ahead log), so that a killed
operator comes back with the tokens, the counters and the answers it has given out. While one group is being written the
next gathers; the more registers speak at once, the more of them share one write.

Reading goes over a connection of its own and sees what is written.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Final

import msgspec
from msgspec import Struct

from portal.ofd.simulator import account as accounts
from portal.ofd.simulator.account import Account

GROUP_MAX: Final = 512
PAGE_MAX: Final = 500

SCHEMA: Final = """
create table if not exists account (key text primary key, state blob not null) without rowid;
create table if not exists answer (
    key text not null, slot integer not null, stored blob not null, primary key (key, slot)
) without rowid;
create table if not exists document (
    place integer primary key,
    key text not null,
    received_at text not null,
    command text not null,
    operation text,
    number integer,
    shift integer,
    issued_at text,
    total_minor integer,
    is_offline integer not null,
    sign text,
    offline_sign text,
    code integer not null,
    why text not null,
    report blob,
    request blob not null,
    answer blob not null
);
create index if not exists document_key on document (key, place);
create index if not exists document_number on document (key, number);
"""
COLUMNS: Final = (
    "place",
    "key",
    "received_at",
    "command",
    "operation",
    "number",
    "shift",
    "issued_at",
    "total_minor",
    "is_offline",
    "sign",
    "offline_sign",
    "code",
    "why",
    "report",
    "request",
    "answer",
)


class Row(Struct, frozen=True, kw_only=True):
    """One exchange that brought a document, accepted (`code` 0) or refused.

    `place` is the order of arrival over all registers; `command` is the protocol's word in small letters, or in Belarus the kind of
    document; `operation` the kind of receipt or movement. `report` holds, for X and Z, the operator's own ShiftReport in JSON. `request` and
    `answer` are the messages as they went over the wire.
    """

    answer: bytes = b""
    code: int = 0
    command: str
    is_offline: bool = False
    issued_at: datetime | None = None
    key: str
    number: int | None = None
    offline_sign: str | None = None
    operation: str | None = None
    place: int
    received_at: datetime
    report: bytes | None = None
    request: bytes = b""
    shift: int | None = None
    sign: str | None = None
    total_minor: int | None = None
    why: str = ""


class Stored(Struct, kw_only=True):
    """An answer that was given, for the same question asked again.

    `tokens` are those that the question may come with: the one it came with, and those that replaced it by hand since. `place` is the document's,
    None for what brought none.
    """

    answer: bytes
    command: int
    place: int | None = None
    request_number: int
    served: int
    slot: int
    tokens: list[int]


class Entry(Struct, kw_only=True):
    """What one exchange changes, all of it or nothing."""

    account: bytes | None = None
    amended: Row | None = None
    document: Row | None = None
    key: str
    stored: Stored | None = None
    waiter: object = None


class BookClosed(Exception):
    """The book takes nothing any more: it is closed, or its disk refused a write."""


class Book:
    """The file. `notify` is called by the writing thread with the waiters of every group that has been written."""

    def __init__(self, path: Path, notify: Callable[[Sequence[object]], None]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._notify = notify
        self._queue: SimpleQueue[Entry | None] = SimpleQueue()
        self._failure: Exception | None = None
        self._reading = threading.Lock()
        self._writer = _connect(path)
        self._writer.executescript(SCHEMA)
        self._reader = _connect(path)
        self.groups = 0
        self._thread = threading.Thread(target=self._write_all, name="operator-book", daemon=True)
        self._thread.start()

    def keep(self, entry: Entry) -> None:
        """Take one exchange in; its waiter hears when it is on the disk."""
        if self._failure is not None:
            raise BookClosed(str(self._failure))
        self._queue.put(entry)

    def close(self) -> None:
        """Write what has been taken in, and close the file."""
        self._queue.put(None)
        self._thread.join()
        with self._reading:
            self._reader.close()

    def load_accounts(self) -> list[Account]:
        """Every register on record."""
        return [accounts.decode(raw) for (raw,) in self._read("select state from account order by key")]

    def load_answers(self, key: str) -> list[Stored]:
        """The answers kept for a register."""
        return [
            _STORED.decode(raw)
            for (raw,) in self._read("select stored from answer where key = ? order by slot", key)
        ]

    def last_place(self) -> int:
        """The place of the last document."""
        return int(self._read("select coalesce(max(place), 0) from document")[0][0])

    def documents(
        self, key: str | None = None, *, limit: int | None = None, only_accepted: bool = False
    ) -> list[Row]:
        """What was received, oldest first; the last `limit` of it."""
        conditions = ["1 = 1"]
        values: list[object] = []
        if key is not None:
            conditions.append("key = ?")
            values.append(key)
        if only_accepted:
            conditions.append("code = 0")
        statement = (
            f"select {', '.join(COLUMNS)} from document where {' and '.join(conditions)} order by place desc"
        )
        if limit is not None:
            statement += f" limit {int(limit)}"
        return [_row(found) for found in reversed(self._read(statement, *values))]

    def document(self, place: int) -> Row | None:
        """One document by its place."""
        found = self._read(f"select {', '.join(COLUMNS)} from document where place = ?", place)
        return _row(found[0]) if found else None

    def document_numbered(self, key: str, number: int) -> Row | None:
        """The accepted document of a register by its number."""
        found = self._read(
            f"select {', '.join(COLUMNS)} from document where key = ? and number = ? and code = 0",
            key,
            number,
        )
        return _row(found[0]) if found else None

    def _read(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with self._reading:
            return self._reader.execute(statement, values).fetchall()

    def _write_all(self) -> None:
        going = True
        while going:
            group, going = self._gather()
            if not group:
                continue
            try:
                self._write(group)
            except sqlite3.Error as error:
                # Nobody is told: an answer that is not on the disk must not leave, and what is in memory is ahead of the file.
                self._failure = error
                self._notify([error])
                break
            self.groups += 1
            self._notify([entry.waiter for entry in group if entry.waiter is not None])
        self._failure = self._failure or BookClosed("closed")
        self._writer.close()

    def _gather(self) -> tuple[list[Entry], bool]:
        group: list[Entry] = []
        entry = self._queue.get()
        while entry is not None:
            group.append(entry)
            if len(group) >= GROUP_MAX:
                return group, True
            try:
                entry = self._queue.get_nowait()
            except Empty:
                return group, True
        return group, False

    def _write(self, group: Iterable[Entry]) -> None:
        states = {entry.key: entry.account for entry in group if entry.account is not None}
        stored = {
            (entry.key, entry.stored.slot): _ENCODER.encode(entry.stored) for entry in group if entry.stored
        }
        rows = {
            row.place: _values(row)
            for entry in group
            for row in (entry.document, entry.amended)
            if row is not None
        }
        writer = self._writer
        writer.execute("begin immediate")
        writer.executemany(f"insert or replace into document values ({_MARKS})", rows.values())
        writer.executemany("insert or replace into account values (?, ?)", states.items())
        writer.executemany(
            "insert or replace into answer values (?, ?, ?)",
            ((key, slot, raw) for (key, slot), raw in stored.items()),
        )
        writer.execute("commit")


_ENCODER: Final = msgspec.msgpack.Encoder()
_STORED: Final = msgspec.msgpack.Decoder(Stored)
_MARKS: Final = ", ".join("?" * len(COLUMNS))


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = full")
    return connection


def _values(row: Row) -> tuple[object, ...]:
    return (
        row.place,
        row.key,
        row.received_at.isoformat(),
        row.command,
        row.operation,
        row.number,
        row.shift,
        row.issued_at and row.issued_at.isoformat(),
        row.total_minor,
        int(row.is_offline),
        row.sign,
        row.offline_sign,
        row.code,
        row.why,
        row.report,
        row.request,
        row.answer,
    )


def _row(values: tuple[object, ...]) -> Row:
    named = dict(zip(COLUMNS, values, strict=True))
    return msgspec.convert({**named, "is_offline": bool(named["is_offline"])}, Row, strict=False)
