"""Documents are written here: numbered, signed where the register signs, and linked to the one before."""

from datetime import datetime
from typing import Any, Final

from msgspec.structs import force_setattr

from portal.fiscal.autonomy import autonomous_sign, unique_identifier
from portal.fiscal.baskets import Basket
from portal.fiscal.chain import canonical, till_digest
from portal.fiscal.commands import Annul, CloseShift, MoveCash, OpenShift, Receipt, Refund, TakeReport
from portal.fiscal.dialects import Dialect
from portal.fiscal.documents import Document, KindName
from portal.fiscal.payments import Paid
from portal.fiscal.state import Register
from portal.primitives.refusals import BadInput

# Rises with every change after which the same commands would give other bytes.
ENGINE_VERSION: Final = 1

Issuing = Receipt | Refund | Annul | MoveCash | OpenShift | TakeReport | CloseShift


def write_receipt(
    register: Register,
    dialect: Dialect,
    command: Receipt | Refund,
    at: datetime,
    kind: KindName,
    basket: Basket,
    paid: Paid,
    **said: Any,
) -> Document:
    """Write a receipt of a basket that is paid."""
    return write(
        register,
        dialect,
        command,
        at,
        kind,
        register.counters.receipts + 1,
        change_minor=paid.change_minor,
        discount_minor=basket.discount_minor,
        lines=basket.lines,
        markup_minor=basket.markup_minor,
        modifiers=basket.modifiers,
        payments=paid.payments,
        rounding_minor=paid.total_minor - basket.sum_minor,
        stornos=basket.stornos,
        total_minor=paid.total_minor,
        **said,
    )


def write(
    register: Register,
    dialect: Dialect,
    command: Issuing,
    at: datetime,
    kind: KindName,
    ordinal: int,
    **said: Any,
) -> Document:
    """Write a document down: its numbers, its sign where the register gives one, and the link to the one before."""
    is_autonomous = register.autonomous_since is not None
    previous = register.digest
    document = Document(
        autonomous=is_autonomous,
        cashier=command.cashier,
        cashier_code=command.cashier_code,
        currency=dialect.currency,
        dialect=dialect.version,
        engine=ENGINE_VERSION,
        issued_at=at,
        kind=kind,
        number=register.number + 1,
        ordinal=ordinal,
        previous=previous,
        register=register.factory_number,
        shift=register.shift,
        **said,
    )
    # Nobody has seen the document yet; a copy for each of these two would cost more than all of the arithmetic.
    if dialect.signs_itself:
        force_setattr(document, "fiscal_sign", unique_identifier(document))
    elif is_autonomous:
        force_setattr(document, "fiscal_sign", autonomous_sign(document))
    try:
        raw = canonical(document)
    except UnicodeEncodeError as error:
        raise BadInput(field="text", value="\N{REPLACEMENT CHARACTER}") from error
    before = b"" if previous is None else bytes.fromhex(previous)
    force_setattr(document, "digest", till_digest(before, raw).hex())
    return document
