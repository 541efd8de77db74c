"""Append documents to the journal: one COPY and two inserts for a whole batch, numbers and gaps beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from io import BytesIO
from itertools import pairwise
from struct import Struct as Layout
from typing import Any

from msgspec import Struct
from psycopg2.extras import Json, execute_values
from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.fiscal.documents import Document


class NewDocument(Struct, gc=False):
    """A document about to be appended: its bytes as sent, and what the portal found out about it."""

    document: Document
    raw: bytes
    sequence: int
    kind: int
    day: date
    hour: int
    point_id: int
    cashier_id: int | None
    payment: int
    digest: bytes
    batch_id: int


@dataclass(frozen=True, slots=True)
class NewRemark:
    """A rule that a document breaks, about to be written beside it."""

    number: int
    code: str
    facts: dict[str, object]


# COPY cannot write where row-level security watches, so documents land in a table of the connection's own first.
# Columns of one width come first, in the order of _ROW.
_INCOMING = """
create temporary table if not exists incoming (
    number bigint, sequence bigint, kind smallint, shift integer, ordinal integer, issued_at timestamptz,
    day date, hour smallint, point_id integer, cashier_id bigint, total_minor bigint, cash_minor bigint,
    card_minor bigint, mobile_minor bigint, other_minor bigint, change_minor bigint, payment smallint,
    autonomous boolean, batch_id bigint, digest bytea, fiscal_sign text, body text
) on commit delete rows
"""
_APPEND = """
insert into document (organisation_id, register_id, number, sequence, kind, shift, ordinal, issued_at, day, hour,
    point_id, cashier_id, total_minor, cash_minor, card_minor, mobile_minor, other_minor, change_minor, payment,
    autonomous, fiscal_sign, batch_id, accepted_at, digest)
select :organisation_id, :register_id, number, sequence, kind, shift, ordinal, issued_at, day, hour,
    point_id, nullif(cashier_id, 0), total_minor, cash_minor, card_minor, mobile_minor, other_minor, change_minor,
    payment, autonomous, fiscal_sign, batch_id, :at, digest
from incoming
"""
_APPEND_BODIES = """
insert into document_body (organisation_id, register_id, number, body)
select :organisation_id, :register_id, number, body from incoming
"""

# PostgreSQL's binary COPY (its manual, COPY, "Binary Format"): the number of fields, then each field's length and
# bytes, in network order. It needs no escaping and half of the time of text, on both sides.
_HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_TRAILER = b"\xff\xff"
_ROW = Layout(">h iq iq ih ii ii iq ii ih ii iq iq iq iq iq iq iq ih i? iq i32s i")
_LENGTH = Layout(">i")
_NO_VALUE = -1
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_EPOCH_DAY = _EPOCH.toordinal()


def append_documents(
    session: Session,
    organisation_id: int,
    register_id: int,
    documents: Sequence[NewDocument],
    *,
    at: datetime,
) -> None:
    """Append one register's documents. The caller holds the register's lane and knows the numbers to be new."""
    cursor = _cursor(session)
    cursor.execute(_INCOMING)
    # An earlier append of the same transaction left its rows there: thousands are cut off at once, a few (or, as
    # usual, none) are cheaper to delete.
    cursor.execute("truncate incoming" if session.info.get("incoming_used") else "delete from incoming")
    session.info["incoming_used"] = True
    rows = BytesIO(copy_rows(documents))
    cursor.copy_expert("copy incoming from stdin (format binary)", rows, size=1 << 20)
    facts = {"organisation_id": organisation_id, "register_id": register_id, "at": at}
    session.execute(text(_APPEND), facts)
    session.execute(text(_APPEND_BODIES), facts)


def copy_rows(documents: Sequence[NewDocument]) -> bytes:
    """Documents as binary COPY reads them; nobody is the cashier 0."""
    parts = [_HEADER]
    pack, length, epoch = _ROW.pack, _LENGTH.pack, _EPOCH
    for new in documents:
        document, raw = new.document, new.raw
        payments = document.payments
        since = document.issued_at - epoch
        sign = document.fiscal_sign
        # fmt: off
        parts.append(pack(
            22, 8, document.number, 8, new.sequence, 2, new.kind, 4, document.shift, 4, document.ordinal,
            8, (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds,
            4, new.day.toordinal() - _EPOCH_DAY, 2, new.hour, 4, new.point_id, 8, new.cashier_id or 0,
            8, document.total_minor, 8, payments.cash_minor, 8, payments.card_minor, 8, payments.mobile_minor,
            8, payments.other_minor, 8, document.change_minor, 2, new.payment, 1, document.autonomous,
            8, new.batch_id, 32, new.digest, _NO_VALUE if sign is None else len(sign),
        ))
        # fmt: on
        if sign is not None:
            parts.append(sign.encode())
        parts.append(length(len(raw)))
        parts.append(raw)
    parts.append(_TRAILER)
    return b"".join(parts)


def _cursor(session: Session) -> Any:
    """The driver's cursor inside the session's transaction, for what SQLAlchemy has no word for."""
    driver = session.connection().connection.driver_connection
    assert driver is not None, "a session in a transaction has a connection"
    return driver.cursor()


def append_remarks(
    session: Session, organisation_id: int, register_id: int, remarks: Sequence[NewRemark], *, at: datetime
) -> None:
    """Write remarks beside documents; one that stands already stays as it is."""
    if not remarks:
        return
    execute_values(
        _cursor(session),
        "insert into remark (organisation_id, register_id, number, code, facts, remarked_at) values %s "
        "on conflict do nothing",
        [(organisation_id, register_id, new.number, new.code, Json(new.facts), at) for new in remarks],
    )


def remember_names(
    session: Session, organisation_id: int, table: str, rows: Sequence[tuple[object, ...]]
) -> None:
    """Write names of products (id, code, name) or cashiers (id, name) not written before."""
    if not rows:
        return
    # Sorted, so that two lanes that meet the same new names write them in the same order.
    values = [(organisation_id, *row) for row in sorted(rows, key=lambda row: row[0])]  # type: ignore[arg-type,return-value]
    columns = "id, code, name" if table == "product" else "id, name"
    execute_values(
        _cursor(session),
        f"insert into {table} (organisation_id, {columns}) values %s on conflict do nothing",
        values,
    )


def note_numbers(
    session: Session,
    organisation_id: int,
    register_id: int,
    numbers: Sequence[int],
    *,
    known: tuple[int, int] | None,
    at: datetime,
) -> tuple[int, int]:
    """Record the holes that new numbers leave and close those they fill; returns the range known now.

    `known` is the lowest and highest number stored before, None for a register without documents. Numbers below
    or above the range widen it, and what lies between is missing; numbers inside it can only fill.
    """
    arrived = sorted(numbers)
    first, last = known or (arrived[0], arrived[0])
    inside = [number for number in arrived if first <= number <= last] if known else []
    below = [number for number in arrived if number < first]
    above = [number for number in arrived if number > last]
    gaps: list[tuple[int, int]] = []
    for before, after in _steps([*below, first]):
        gaps.append((before + 1, after - 1))
    for before, after in _steps([last, *above]):
        gaps.append((before + 1, after - 1))
    if inside:
        _fill(session, organisation_id, register_id, inside, at)
    if gaps:
        execute_values(
            _cursor(session),
            "insert into gap (organisation_id, register_id, first_number, last_number, missing, found_at) values %s",
            [
                (organisation_id, register_id, lower, upper, f"{{[{lower},{upper}]}}", at)
                for lower, upper in gaps
            ],
        )
    return min(first, arrived[0]), max(last, arrived[-1])


def _steps(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Neighbours with a hole between them."""
    return [(before, after) for before, after in pairwise(numbers) if after - before > 1]


def _fill(
    session: Session, organisation_id: int, register_id: int, numbers: Sequence[int], at: datetime
) -> None:
    filled = "{" + ",".join(f"[{number},{number}]" for number in numbers) + "}"
    session.execute(
        text(
            "update gap set missing = missing - cast(:filled as int8multirange), "
            "closed_at = case when isempty(missing - cast(:filled as int8multirange)) then cast(:at as timestamptz) end "
            "where organisation_id = :organisation_id and register_id = :register_id and closed_at is null "
            "and missing && cast(:filled as int8multirange)"
        ),
        {"filled": filled, "at": at, "organisation_id": organisation_id, "register_id": register_id},
    )
