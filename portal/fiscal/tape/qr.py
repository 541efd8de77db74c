"""What the square code of a receipt says.

In Belarus it is the УИ. In Kazakhstan it is the address where the buyer checks the receipt: every operator has one of its
own, with the same four facts behind it (i: sign, f: number of registration, s: total, t: wall clock).
"""

from portal.fiscal.documents import RECEIPTS, Document
from portal.fiscal.tape.header import TapeHeader
from portal.fiscal.tape.roll import wall_clock
from portal.primitives import money

RECEIPT_KINDS = frozenset(kind.name.lower() for kind in RECEIPTS)


def qr_of(document: Document, header: TapeHeader, *, sign: str | None = None) -> str | None:
    """What the square code of a receipt says; None for what has no sign yet, and for all but receipts.

    `sign` is the operator's, or the autonomous one, where the document was issued before it was known.
    """
    sign = sign or document.fiscal_sign
    if document.kind not in RECEIPT_KINDS or sign is None:
        return None
    if header.country != "kz":
        return sign
    if header.registration_number is None:
        return None
    wall = wall_clock(document.issued_at, header.zone)
    return (
        f"{header.operator.check_address}?i={sign}&f={header.registration_number}"
        f"&s={money.plain(document.total_minor)}&t={wall:%Y%m%dT%H%M%S}"
    )
