"""Pages of a long list by keyset: a cursor says after which row the next page begins.

A cursor is opaque to the reader and checked when it comes back; a page costs the same however deep it lies.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import orjson

from portal.primitives.refusals import BadInput

CURSOR_LENGTH_MAX = 400

Row = TypeVar("Row")


@dataclass(frozen=True)
class Slice(Generic[Row]):
    """One page of rows, and the cursor of the next page when there is one."""

    rows: Sequence[Row]
    next_cursor: str | None


def pack(*values: int | str) -> str:
    """Write the sort key of a row as a cursor."""
    return base64.urlsafe_b64encode(orjson.dumps(values)).decode("ascii").rstrip("=")


def unpack(cursor: str, *kinds: type[int] | type[str], field: str = "after") -> tuple[int | str, ...]:
    """Read a cursor back as values of exactly these kinds; anything else is BadInput."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        if len(cursor) > CURSOR_LENGTH_MAX:
            raise ValueError
        values = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, binascii.Error) as error:
        raise BadInput(field=field, value=cursor[:40]) from error
    if not isinstance(values, list) or [type(value) for value in values] != list(kinds):
        raise BadInput(field=field, value=cursor[:40])
    return tuple(values)


def cut(rows: Sequence[Row], size: int, cursor_of: Callable[[Row], str]) -> Slice[Row]:
    """Make a page of `size` rows out of a query for `size + 1`."""
    if len(rows) <= size:
        return Slice(rows, None)
    return Slice(rows[:size], cursor_of(rows[size - 1]))
