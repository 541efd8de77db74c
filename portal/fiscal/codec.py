"""Bytes to documents and back."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from portal.fiscal.documents import Document

_decoder = msgspec.json.Decoder(Document)
_raws = msgspec.json.Decoder(list[msgspec.Raw])

# Outside of these no page could show the document, and no database keeps an offset of sixteen hours.
MOMENT_MIN: Final = datetime(1900, 1, 2, tzinfo=UTC)
MOMENT_MAX: Final = datetime(2999, 12, 30, tzinfo=UTC)
OFFSET_MAX: Final = timedelta(hours=15, minutes=59)

_PATH = re.compile(r"^(?P<why>.*) - at `\$(?P<path>.*)`$", re.DOTALL)


class Unreadable(ValueError):
    """Bytes that are not a document. `why` is the decoder's word, `path` the field (empty when unknown)."""

    def __init__(self, why: str, path: str = "") -> None:
        super().__init__(why)
        self.why = why
        self.path = path


def decode(raw: bytes) -> Document:
    """Read one document; raise Unreadable with what is wrong and where."""
    try:
        document = _decoder.decode(raw)
    except msgspec.DecodeError as error:
        match = _PATH.match(str(error))
        if match:
            raise Unreadable(match["why"], match["path"].lstrip(".")) from error
        raise Unreadable(str(error)) from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(
            "the text is not UTF-8" if isinstance(error, UnicodeDecodeError) else "nested too deeply"
        ) from error
    issued_at = document.issued_at
    offset = issued_at.utcoffset()
    # Years well inside of the bounds are told by one comparison of numbers.
    is_usual = 1901 <= issued_at.year <= 2998 or MOMENT_MIN <= issued_at <= MOMENT_MAX
    if not is_usual or offset is None or not -OFFSET_MAX <= offset <= OFFSET_MAX:
        raise Unreadable("the moment is beyond the calendar", "issued_at")
    return document


# Before a body of lines whose first line begins like an array (only our own cuts have it; RFC 7464's separator).
_LINES = b"\x1e"


def split(body: bytes) -> list[bytes]:
    """Cut a body into its documents without reading them: a JSON array, or one document a line.

    Raises Unreadable when a body that begins like an array is not one.
    """
    if body.lstrip()[:1] != b"[":
        return [line for line in body.removeprefix(_LINES).splitlines() if line.strip()]
    try:
        return [bytes(raw) for raw in _raws.decode(body)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(str(error)) from error


def join(raws: list[bytes]) -> bytes:
    """The body that `split` cuts into these documents.

    A document with a line break inside came from a well-formed array, and so did its neighbours.
    """
    if any(b"\n" in raw or b"\r" in raw for raw in raws):
        return b"[" + b",".join(raws) + b"]"
    return (_LINES if raws and raws[0].lstrip()[:1] in (b"[", _LINES) else b"") + b"\n".join(raws)
