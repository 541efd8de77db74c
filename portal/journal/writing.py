"""A document of a cloud till and the statement that writes it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from msgspec import Struct

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

REQUEST_NUMBER_MAX: Final = 65_535

FIELDS: Final = 33
WRITE: Final = f"select issue_document({', '.join(['%s'] * FIELDS)})"

_cashier_id = lru_cache(maxsize=10_000)(derive_id)


class Draft(Struct, frozen=True):
    """A document that the engine has issued and nobody has stored yet, with the register as it stands afterwards."""

    standing: Standing
    register: Register
    document: Document
    body: bytes
    digest: bytes
    key: str | None
    request_number: int | None
    delivery: str
    hold_s: float | None
    at: datetime

    def issued(self) -> Issued:
        """What the caller gets once the draft is stored."""
        document, standing = self.document, self.standing
        return Issued(
            standing.organisation_id, standing.register_id, document, self.body, self.delivery, document.autonomous,
            document.fiscal_sign, None, self.request_number,
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
    request_number = standing.request_number % REQUEST_NUMBER_MAX + 1 if delivery == "waiting" else None
    return Draft(
        standing, register, document, body, link(standing.digest, body), key, request_number, delivery, hold_s, at
    )  # fmt: skip


def fields(new: Draft) -> tuple[Any, ...]:
    """The draft as the statement wants it."""
    document, standing, register = new.document, new.standing, new.register
    payments = document.payments
    day, hour = standing.days.locate(document.issued_at)
    cashier = document.cashier
    return (
        standing.organisation_id, standing.register_id, standing.version, engine.encode(register).decode(),
        register.autonomous_since, new.hold_s, document.number, standing.sequence + 1,
        int(KIND_BY_NAME[document.kind]), document.shift, document.ordinal, document.issued_at, day, hour,
        standing.point_id, None if cashier is None else _cashier_id(cashier), document.total_minor,
        payments.cash_minor, payments.card_minor, payments.mobile_minor, payments.other_minor,
        document.change_minor, payment_mask(document), document.autonomous, document.fiscal_sign, new.digest,
        None if document.digest is None else bytes.fromhex(document.digest), new.body.decode(), new.key,
        document.basis, new.request_number, new.delivery, new.at,
    )  # fmt: skip
