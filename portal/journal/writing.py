"""A document of a cloud till and the statement that writes it."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from portal.fiscal import register as engine
from portal.fiscal.chain import canonical, link
from portal.fiscal.commands import Annul, Command, Original, Refund
from portal.fiscal.documents import KIND_BY_NAME, Document, payment_mask
from portal.fiscal.register import Register
from portal.journal.issued import Issued, find_original
from portal.journal.naming import derive_id
from portal.journal.standing import Standing

# Moments of callers that waited for one another, or whose clocks differ a little, may come in the wrong order.
OVERTAKEN_MAX: Final = timedelta(seconds=30)

_cashier_id = lru_cache(maxsize=10_000)(derive_id)


class Draft(Struct, frozen=True):
    """A document that the engine has issued and nobody has stored yet, with the register as it stands afterwards."""

    standing: Standing
    register: Register
    document: Document
    body: bytes
    digest: bytes
    key: str | None
    delivery: str
    hold_s: float | None
    at: datetime

    def issued(self, request_number: int | None) -> Issued:
        """What the caller gets once the draft is stored; it has this number at its operator's, None at none."""
        document, standing = self.document, self.standing
        return Issued(
            standing.organisation_id, standing.register_id, document, self.body, self.delivery, document.autonomous,
            document.fiscal_sign, None, request_number,
        )  # fmt: skip


def draft(
    standing: Standing,
    command: Command,
    *,
    at: datetime,
    key: str | None = None,
    hold_s: float | None = None,
    delivery: str | None = None,
    find: Callable[[int, int, int], Original | None] = find_original,
) -> Draft:
    """Let the engine issue the next document. Refuses what the engine refuses; TypeError for a command that issues none.

    A moment that another document has just overtaken becomes that document's.
    """
    last = standing.register.last_issued_at
    if last is not None and at < last <= at + OVERTAKEN_MAX:
        at = last
    original = None
    if isinstance(command, Refund | Annul):
        original = find(standing.organisation_id, standing.register_id, command.number)
    register, document = engine.issue(
        standing.register, standing.settings, command, at, standing.dialect, original=original
    )
    if document is None:
        raise TypeError(f"{type(command).__name__} issues no document")
    body = canonical(document)
    if delivery is None:
        delivery = "waiting" if standing.is_connected else "none"
    return Draft(
        standing, register, document, body, link(standing.digest, body), key, delivery, hold_s, at
    )  # fmt: skip


def statement(new: Draft) -> tuple[str, tuple[str | None, ...]]:
    """The statement that writes a draft, with the texts that the driver has to quote.

    Numbers, moments, digests and signs are written into it: they hold nothing to quote, and thirty of them handed to the driver
    one by one would cost more than the engine does. Its answer is that of the function `issue_document`.
    """
    document, standing, register = new.document, new.standing, new.register
    payments = document.payments
    day, hour = standing.days.locate(document.issued_at)
    cashier = "null" if document.cashier is None else _cashier_id(document.cashier)
    text = (
        f"select issue_document({standing.organisation_id}, {standing.register_id}, {standing.version}, %s, "
        f"{_moment(register.autonomous_since)}, {_number(new.hold_s)}, {document.number}, {standing.sequence + 1}, "
        f"{KIND_BY_NAME[document.kind]:d}, {document.shift}, {document.ordinal}, {_moment(document.issued_at)}, "
        f"'{day}', {hour}, {standing.point_id}, {cashier}, "
        f"{document.total_minor}, {payments.cash_minor}, {payments.card_minor}, {payments.mobile_minor}, "
        f"{payments.other_minor}, {document.change_minor}, {payment_mask(document)}, {document.autonomous}, %s, "
        f"'\\x{standing.digest.hex()}', '\\x{new.digest.hex()}', '\\x{document.digest or ''}', %s, %s, "
        f"{_number(document.basis)}, "
        f"'{new.delivery}', {_moment(new.at)})"
    )
    return text, (engine.encode(register).decode(), document.fiscal_sign, new.body.decode(), new.key)


class _Row(Struct, frozen=True, omit_defaults=True):
    """A draft as the function `issue_documents` reads it."""

    place: int
    register_id: int
    version: int
    state: str
    number: int
    sequence: int
    kind: int
    shift: int
    ordinal: int
    issued_at: datetime
    day: date
    hour: int
    point_id: int
    cashier_id: int | None
    total_minor: int
    cash_minor: int
    card_minor: int
    mobile_minor: int
    other_minor: int
    change_minor: int
    payment: int
    autonomous: bool
    previous: str
    digest: str
    till_digest: str
    body: str
    delivery: str
    at: datetime
    fiscal_sign: str | None = None
    autonomous_since: datetime | None = None
    hold_s: float | None = None
    key: str | None = None
    basis: int | None = None


_row_encoder = msgspec.json.Encoder()


def statement_of_many(drafts: Sequence[Draft]) -> tuple[str, tuple[str | None, ...]]:
    """The statement that writes drafts of one organisation. It answers by their places: what `issue_document` says of each."""
    rows = _row_encoder.encode([_row(place, new) for place, new in enumerate(drafts)])
    return f"select issue_documents({drafts[0].standing.organisation_id}, %s)", (rows.decode(),)


def _row(place: int, new: Draft) -> _Row:
    document, standing, register = new.document, new.standing, new.register
    payments = document.payments
    day, hour = standing.days.locate(document.issued_at)
    # fmt: off
    return _Row(
        place, standing.register_id, standing.version, engine.encode(register).decode(), document.number,
        standing.sequence + 1, int(KIND_BY_NAME[document.kind]), document.shift, document.ordinal, document.issued_at,
        day, hour, standing.point_id, None if document.cashier is None else _cashier_id(document.cashier),
        document.total_minor, payments.cash_minor, payments.card_minor, payments.mobile_minor, payments.other_minor,
        document.change_minor, payment_mask(document), document.autonomous, f"\\x{standing.digest.hex()}",
        f"\\x{new.digest.hex()}", f"\\x{document.digest or ''}", new.body.decode(), new.delivery, new.at,
        document.fiscal_sign, register.autonomous_since, new.hold_s, new.key, document.basis,
    )
    # fmt: on


def _moment(moment: datetime | None) -> str:
    return "null" if moment is None else f"'{moment.isoformat()}'"


def _number(number: float | None) -> str:
    return "null" if number is None else str(number)


def stand_after(new: Draft) -> Standing | None:
    """How the till stands once the draft is stored; None where others may have a say in it meanwhile."""
    standing = new.standing
    if new.hold_s is not None or standing.in_flight is not None or standing.blocked_code is not None:
        return None
    return replace(
        standing,
        version=standing.version + 1,
        register=new.register,
        sequence=standing.sequence + 1,
        digest=new.digest,
        known=None,
    )
