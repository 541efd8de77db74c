"""Working without the operator: how long, and by what signs its documents are known.

No country publishes how such a sign is made, only its size: an autonomous sign of Kazakhstan is an unsigned number of
32 bits, an identifier of Belarus 24 hexadecimal digits. Both are made here of what names a document and of the digest
before it, so that the same journal gives the same signs.
"""

from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from portal.fiscal.dialects import Dialect
from portal.fiscal.documents import Document

if TYPE_CHECKING:
    from portal.fiscal.state import Register

_NUMBER_BITS: Final = 20
_SEAL_MAX: Final = 2**12 - 1


def autonomous_sign(document: Document) -> str:
    """The sign of a document that its operator has not seen yet: a decimal number from 1 to 2³² − 1.

    Its lower bits are the document's number, so that a register repeats none among a million documents; the others
    seal what the document says. It does not depend on the signs that a document states already.
    """
    seal = int.from_bytes(_seal(document)[:4], "big") % _SEAL_MAX + 1
    return str(seal << _NUMBER_BITS | document.number % 2**_NUMBER_BITS)


def unique_identifier(document: Document) -> str:
    """The УИ of a document: 24 hexadecimal digits in capitals."""
    return _seal(document)[:12].hex().upper()


def blocked_at(register: "Register", dialect: Dialect) -> datetime | None:
    """The last moment at which a register may work without its operator; None while it works with it."""
    if register.autonomous_since is None or dialect.autonomous_length_max is None:
        return None
    return register.autonomous_since + dialect.autonomous_length_max


def _seal(document: Document) -> bytes:
    said = (
        document.register,
        document.number,
        document.kind,
        document.issued_at.isoformat(),
        document.total_minor,
        document.previous,
    )
    return sha256("\x1f".join(map(str, said)).encode()).digest()
