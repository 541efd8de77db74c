"""What was issued here, with what became of it: one document, what waits for the operator, what a refund takes back."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from msgspec import Struct

from portal.db import statements
from portal.fiscal.codec import decode
from portal.fiscal.commands import Original
from portal.fiscal.documents import Document
from portal.primitives.refusals import NotFound


class Issued(Struct, frozen=True):
    """A document as its caller gets it.

    `fiscal_sign` is what is printed: the operator's, else the autonomous sign or the identifier that the document states;
    None while the operator has not answered. `is_autonomous`: it says so itself, or its operator stayed silent.
    `is_repeated`: the key had been used, and this is what it was used for.
    """

    organisation_id: int
    register_id: int
    document: Document
    body: bytes
    delivery: str
    is_autonomous: bool
    fiscal_sign: str | None
    qr: str | None
    request_number: int | None
    is_repeated: bool = False


class Waiting(Struct, frozen=True):
    """A document that its operator has not taken yet.

    `is_autonomous` and `autonomous_sign` are what it was printed with; `attempts` tries were made, the first at
    `first_tried_at`, so many of them were refused, and the last ended with `result_code`, None when nothing was answered.
    """

    number: int
    document: Document
    body: bytes
    request_number: int
    is_autonomous: bool
    autonomous_sign: str | None
    attempts: int
    refusals: int
    first_tried_at: datetime | None
    result_code: int | None


_SPEAK = "select set_config('kassa.organisation', %(o)s::text, true); "

_ONE = (
    _SPEAK
    + """
select b.body, i.delivery, i.is_autonomous, coalesce(i.fiscal_sign, i.autonomous_sign), i.qr, i.request_number
from issued_document i
join document_body b on b.organisation_id = %(o)s and b.register_id = %(r)s and b.number = i.number
where i.organisation_id = %(o)s and i.register_id = %(r)s and i.number = %(n)s
"""
)

_WAITING = (
    _SPEAK
    + """
select i.number, b.body, i.request_number, i.is_autonomous, i.autonomous_sign, i.attempts, i.refusals,
    i.first_tried_at, i.result_code
from issued_document i
join document_body b on b.organisation_id = %(o)s and b.register_id = %(r)s and b.number = i.number
where i.organisation_id = %(o)s and i.register_id = %(r)s and i.delivery = 'waiting'
order by i.number limit %(limit)s
"""
)

_ORIGINAL = (
    _SPEAK
    + """
with recursive later as (
    select number from issued_document
    where organisation_id = %(o)s and register_id = %(r)s and basis = %(n)s
    union
    select i.number from later join issued_document i
        on i.organisation_id = %(o)s and i.register_id = %(r)s and i.basis = later.number
)
select b.number, b.body, i.is_autonomous, coalesce(i.fiscal_sign, i.autonomous_sign)
from document_body b
left join issued_document i on i.organisation_id = %(o)s and i.register_id = %(r)s and i.number = b.number
where b.organisation_id = %(o)s and b.register_id = %(r)s
    and b.number in (select %(n)s union select number from later)
order by b.number
"""
)


def read_issued(organisation_id: int, register_id: int, number: int, *, is_repeated: bool = False) -> Issued:
    """A document that was issued here. Refuses `NotFound`."""
    with statements() as cursor:
        cursor.execute(_ONE, {"o": organisation_id, "r": register_id, "n": number})
        row = cursor.fetchone()
    if row is None:
        raise NotFound(number=number)
    text, delivery, is_autonomous, sign, qr, request_number = row
    body: bytes = text.encode()
    document = decode(body)
    return Issued(
        organisation_id, register_id, document, body, delivery, is_autonomous, sign or document.fiscal_sign, qr,
        request_number, is_repeated,
    )  # fmt: skip


def list_waiting(organisation_id: int, register_id: int, limit: int) -> list[Waiting]:
    """What waits for the operator, in the order of its numbers, at most so many."""
    with statements() as cursor:
        cursor.execute(_WAITING, {"o": organisation_id, "r": register_id, "limit": limit})
        return [_waiting(row) for row in cursor.fetchall()]


def _waiting(row: Iterable[Any]) -> Waiting:
    number, text, request_number, is_autonomous, sign, attempts, refusals, first_tried_at, result_code = row
    body: bytes = text.encode()
    return Waiting(
        number,
        decode(body),
        body,
        request_number,
        is_autonomous,
        sign,
        attempts,
        refusals,
        first_tried_at,
        result_code,
    )


def find_original(organisation_id: int, register_id: int, number: int) -> Original | None:
    """A document of this register with everything that takes it back, and what takes that back again; None without it."""
    with statements() as cursor:
        cursor.execute(_ORIGINAL, {"o": organisation_id, "r": register_id, "n": number})
        rows = {row[0]: row for row in cursor.fetchall()}
    found = rows.pop(number, None)
    if found is None:
        return None
    _, text, is_autonomous, sign = found
    document = decode(text.encode())
    return Original(
        document=document,
        fiscal_sign=sign or document.fiscal_sign,
        is_autonomous=document.autonomous if is_autonomous is None else is_autonomous,
        taken_back=tuple(decode(row[1].encode()) for row in rows.values()),
    )
