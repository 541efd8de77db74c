"""A document as lines of 34, 36 or 48 characters, or of an A4 page: one renderer for screen, printer, API and PDF.

A line's text is ready to print in a monospaced face: centred lines carry their own spaces before them. The text of a
line of style `qr` is what the code says, not what is printed, and the only one that may be longer than the width.
"""

from portal.fiscal.captions import TapeLanguage
from portal.fiscal.documents import Document
from portal.fiscal.tape.copies import Copy
from portal.fiscal.tape.header import (
    JUSAN_MOBILE,
    KAZAKHTELECOM,
    OPERATORS,
    SMARTCONTRACT,
    TRANSTELECOM,
    Operator,
    TapeHeader,
)
from portal.fiscal.tape.heads import print_marks
from portal.fiscal.tape.lines import A4, WIDTHS, Style, TapeLine
from portal.fiscal.tape.listings import Report, print_listing
from portal.fiscal.tape.qr import RECEIPT_KINDS, qr_of
from portal.fiscal.tape.receipts import GROUP_SEPARATOR, print_receipt_by, print_receipt_kz
from portal.fiscal.tape.roll import Roll
from portal.fiscal.tape.shifts import print_service_document

__all__ = [
    "A4",
    "GROUP_SEPARATOR",
    "JUSAN_MOBILE",
    "KAZAKHTELECOM",
    "OPERATORS",
    "SMARTCONTRACT",
    "TRANSTELECOM",
    "WIDTHS",
    "Operator",
    "Report",
    "Style",
    "TapeHeader",
    "TapeLine",
    "qr_of",
    "report_tape",
    "tape",
]


def tape(
    document: Document,
    header: TapeHeader,
    *,
    width: int = 48,
    language: TapeLanguage = "ru",
    duplicate: bool = False,
    sign: str | None = None,
    is_autonomous: bool | None = None,
    qr: str | None = None,
) -> list[TapeLine]:
    """The lines of a document.

    `duplicate` marks every print of it but the first. A Kazakh document is issued before its operator has signed it, and may turn
    out to be autonomous afterwards: `sign` (the operator's, or the autonomous one), `is_autonomous` and `qr` (the operator's
    own answer) are what became known, and win over what the document says; `None` leaves the document's word.
    """
    copy = Copy(
        document=document,
        header=header,
        sign=sign or document.fiscal_sign,
        qr=qr if qr and document.kind in RECEIPT_KINDS else qr_of(document, header, sign=sign),
        is_autonomous=document.autonomous if is_autonomous is None else is_autonomous,
        is_duplicate=duplicate,
    )
    roll = Roll(width, language, header.zone)
    if document.kind not in RECEIPT_KINDS:
        lines = print_service_document(roll, copy)
    elif header.country == "kz":
        lines = print_receipt_kz(roll, copy)
    else:
        lines = print_receipt_by(roll, copy)
    marks = print_marks(roll, is_duplicate=copy.is_duplicate, is_autonomous=copy.is_autonomous)
    return [*marks, *lines]


def report_tape(
    report: Report,
    header: TapeHeader,
    *,
    width: int = 48,
    language: TapeLanguage = "ru",
    duplicate: bool = False,
) -> list[TapeLine]:
    """The lines of a report of `portal.fiscal.reports`. `duplicate` marks a Z-report that was seen before."""
    roll = Roll(width, language, header.zone)
    return [*print_marks(roll, is_duplicate=duplicate), *print_listing(roll, report, header)]
