"""One message of a register of Belarus, and the answer: the counterpart of `portal.ofd.gateway.BelarusGateway`.

`{"body": …, "number": …, "register": …, "ui": …}` is a document with its УИ, `{"ping": true, "register": …}` a question whether the
register is known. The answer is `accepted`, `repeated` (the very bytes are in the book already) or `refused` with the reason.
Checked are the УИ, the order of documents and shifts, the arithmetic of a receipt and the cash in the drawer.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

import msgspec
from msgspec import Struct

from portal.fiscal.documents import OPERATIONS, RECEIPTS, Document, Kind, OperationName
from portal.ofd.simulator import account as accounts
from portal.ofd.simulator.account import Account, Pair, Received
from portal.ofd.simulator.book import Entry, Row
from portal.ofd.simulator.codes import UNKNOWN_DEVICE, Refused, incorrect
from portal.ofd.simulator.mischief import CODES, Trick
from portal.ofd.simulator.mischief import Kind as Mischievous
from portal.ofd.simulator.office import (
    BELARUS,
    Office,
    advance,
    check_cash,
    check_length,
    check_order,
    note_refused,
)
from portal.primitives.money import plain
from portal.primitives.quantity import cost_minor

UI: Final = re.compile(r"[0-9A-F]{24}")
# There are no such codes on this wire: the line is closed instead.
SILENT_CODES: Final = frozenset({Mischievous.CODE_254, Mischievous.CODE_255})
REFUSING_CODES: Final = frozenset({Mischievous.CODE_11, Mischievous.CODE_14, Mischievous.CODE_15})


class Message(Struct, kw_only=True):
    """What a register says."""

    body: str = ""
    number: int = 0
    ping: bool = False
    register: str
    ui: str = ""


class Verdict(Struct, omit_defaults=True, kw_only=True):
    """What the gateway answers."""

    result: Literal["accepted", "repeated", "refused"]
    why: str = ""


@dataclass
class Reply:
    """What goes back over the wire once `entry` is in the book; no verdict closes the line without a word."""

    verdict: Verdict | None
    entry: Entry


def handle(office: Office, raw: bytes, trick: Trick | None) -> Reply:
    """Judge one message."""
    key = f"{BELARUS}/"
    try:
        message = _read(raw)
        key = f"{BELARUS}/{message.register}"
        account = office.accounts.get(key)
        if account is None:
            raise Refused(UNKNOWN_DEVICE)
        if trick is not None and trick.kind in SILENT_CODES:
            return Reply(None, Entry(key=key))
        if message.ping:
            return Reply(Verdict(result="accepted"), Entry(key=key))
        return _document(office, account, message, trick)
    except Refused as refused:
        return Reply(Verdict(result="refused", why=refused.text), Entry(key=key))


def register_of(raw: bytes) -> str:
    """The register that a message names, for mischief; nothing when it cannot be read."""
    try:
        return f"{BELARUS}/{_read(raw).register}"
    except Refused:
        return ""


def _read(raw: bytes) -> Message:
    try:
        return msgspec.json.decode(raw, type=Message)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise incorrect("сообщение не читается") from None


def _document(office: Office, account: Account, message: Message, trick: Trick | None) -> Reply:
    body = message.body.encode()
    there = office.recall_numbered(account.key, message.number)
    if there is not None:
        if there.request == body:
            return Reply(Verdict(result="repeated"), Entry(key=account.key))
        raise incorrect(f"документ {message.number} уже принят другим")
    try:
        if trick is not None and trick.kind in REFUSING_CODES:
            raise Refused(CODES[trick.kind])
        return _take(office, account, message, body)
    except Refused as refused:
        entry = Entry(key=account.key)
        if note_refused(account, message.number):
            entry.account = accounts.encode(account)
        if trick is None or trick.kind not in REFUSING_CODES:
            entry.document = Row(
                key=account.key,
                place=office.next_place(),
                received_at=office.now(),
                command="document",
                number=message.number or None,
                code=refused.code,
                why=refused.text,
                request=body,
            )
        return Reply(Verdict(result="refused", why=refused.text), entry)


def _take(office: Office, account: Account, message: Message, body: bytes) -> Reply:
    try:
        document = msgspec.json.decode(body, type=Document)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise incorrect("документ не читается") from None
    _check_identity(document, message, account)
    check_order(account, document.number, document.shift, document.issued_at)
    original = _apply(office, account, document)
    advance(account, document.number, document.issued_at)
    report = accounts.report_of(account, closed_at=_closed_at(document))
    row = Row(
        key=account.key,
        place=office.next_place(),
        received_at=office.now(),
        command=document.kind,
        operation=original or document.kind,
        number=document.number,
        shift=document.shift,
        issued_at=document.issued_at,
        total_minor=document.total_minor or None,
        sign=message.ui,
        report=msgspec.json.encode(report) if document.kind in {"x_report", "z_report"} else None,
        request=body,
        answer=b'{"result":"accepted"}',
    )
    office.remember(row)
    entry = Entry(key=account.key, account=accounts.encode(account), document=row)
    return Reply(Verdict(result="accepted"), entry)


def _closed_at(document: Document) -> datetime | None:
    return document.issued_at if document.kind == "z_report" else None


def _check_identity(document: Document, message: Message, account: Account) -> None:
    if not UI.fullmatch(message.ui):
        raise incorrect("УИ — не 24 шестнадцатеричных знака")
    if document.fiscal_sign != message.ui:
        raise incorrect("УИ сообщения и документа расходятся")
    if document.number != message.number:
        raise incorrect("номера сообщения и документа расходятся")
    if f"{BELARUS}/{document.register}" != account.key:
        raise incorrect("документ другой кассы")


def _apply(office: Office, account: Account, document: Document) -> OperationName | None:
    """Move the account by a document, or raise `Refused` before anything has moved. Of an annulment: the kind it annuls."""
    if document.kind == "shift_opened":
        if account.is_open:
            raise incorrect(f"смена {account.shift} ещё открыта")
        accounts.open_shift(account, document.shift, document.issued_at, hours_from=None)
        return None
    if not account.is_open:
        raise incorrect("смена не открыта")
    if document.kind == "z_report":
        account.is_open = False
        return None
    if document.kind == "x_report":
        return None
    is_out = document.kind == "cash_out"
    if not (is_out and document.total_minor == account.cash_minor):
        # Taking all cash out is a part of closing, and closing is never too late.
        check_length(account, document.issued_at)
    if document.kind in {"cash_in", "cash_out"}:
        check_cash(account, -document.total_minor if is_out else document.total_minor)
        accounts.count_cash(account, document.total_minor, is_out=is_out, is_offline=False)
        return None
    _check_receipt(document)
    if document.kind == "annulment":
        operation = _annulled(office, account, document)
        received = _received(document, operation)
        check_cash(account, -received.cash_moved_minor())
        accounts.count_annulment(account, received)
        return operation
    operation = next(name for name in OPERATIONS if name == document.kind)
    received = _received(document, operation)
    check_cash(account, received.cash_moved_minor())
    account.hours_from = account.hours_from or document.issued_at
    accounts.count_receipt(account, received)
    return None


def _annulled(office: Office, account: Account, document: Document) -> OperationName:
    original = office.recall_numbered(account.key, document.basis or 0)
    if original is None or original.shift != account.shift:
        raise incorrect("аннулируется чек, которого в этой смене нет")
    for name in OPERATIONS:
        if name == original.command:
            return name
    raise incorrect("аннулируется не чек")


def _check_receipt(document: Document) -> None:
    if Kind[document.kind.upper()] in RECEIPTS and not document.lines:
        raise incorrect("нет позиций")
    for place, line in enumerate(document.lines, 1):
        expected_minor = (
            cost_minor(line.price_minor, line.quantity_milli)
            + line.rounding_minor
            - line.discount_minor
            + line.markup_minor
        )
        if line.sum_minor != expected_minor:
            raise incorrect(
                f"позиция {place} стоит {plain(line.sum_minor)}, а должна {plain(expected_minor)}"
            )
    total_minor = (
        sum(line.sum_minor for line in document.lines)
        - document.discount_minor
        + document.markup_minor
        + document.rounding_minor
    )
    if total_minor != document.total_minor:
        raise incorrect(f"итог {plain(document.total_minor)}, а по позициям {plain(total_minor)}")
    paid = document.payments
    cashless_minor = paid.card_minor + paid.mobile_minor + paid.other_minor
    if cashless_minor + paid.cash_minor - document.change_minor != total_minor:
        raise incorrect("оплаты без сдачи — не итог")
    if document.change_minor > paid.cash_minor:
        raise incorrect("сдача больше наличных")


def _received(document: Document, operation: OperationName) -> Received:
    paid = document.payments
    received = Received(
        operation=operation,
        total_minor=document.total_minor,
        cash_minor=paid.cash_minor - document.change_minor,
        has_cash=paid.cash_minor > 0,
        card_minor=paid.card_minor,
        mobile_minor=paid.mobile_minor,
        other_minor=paid.other_minor,
        change_minor=document.change_minor,
        taken_minor=document.total_minor + document.change_minor,
        discount_minor=document.discount_minor,
        markup_minor=document.markup_minor,
    )
    for line in document.lines:
        received.item_count += 1
        received.item_minor += cost_minor(line.price_minor, line.quantity_milli)
        received.discount_count += line.discount_minor > 0
        received.discount_minor += line.discount_minor
        received.markup_count += line.markup_minor > 0
        received.markup_minor += line.markup_minor
        section = received.sections.setdefault(str(line.section), Pair())
        section.first += 1
        section.second += line.sum_minor
        if line.tax_rate is not None:
            _add(received, line.tax_rate, line.sum_minor, line.tax_minor)
    for modifier in document.modifiers:
        by = 1 if modifier.markup else -1
        received.markup_count += modifier.markup
        received.discount_count += not modifier.markup
        for share in modifier.shares:
            if share.tax_rate is not None:
                _add(received, share.tax_rate, by * share.sum_minor, by * share.tax_minor)
    return received


def _add(received: Received, rate: int, turnover_minor: int, tax_minor: int) -> None:
    pair = received.taxes.setdefault(rate, Pair())
    pair.first += turnover_minor
    pair.second += tax_minor


_ENCODER: Final = msgspec.json.Encoder()


def pack(verdict: Verdict) -> bytes:
    """An answer with its length before it."""
    raw = _ENCODER.encode(verdict)
    return len(raw).to_bytes(4, "big") + raw
