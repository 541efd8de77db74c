"""One print of a document: the document, whose it is, and what became known only after it was issued."""

from dataclasses import dataclass

from portal.fiscal.documents import Document
from portal.fiscal.tape.header import TapeHeader


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """A document about to be printed.

    `sign` is what the document is known by: the operator's answer, an autonomous sign, or the document's own. `qr` is what its
    square code says.
    """

    document: Document
    header: TapeHeader
    sign: str | None
    qr: str | None
    is_autonomous: bool
    is_duplicate: bool
