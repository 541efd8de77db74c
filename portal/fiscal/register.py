"""A register as a state machine: what it may do now, and the documents it issues.

A register is a value. `issue` takes one, a command and a moment, and gives the register as it stands afterwards with the
document that was issued; or it refuses by name (`portal.fiscal.rules`) and nothing has changed. It asks no clock, no
database and no chance: the same commands give the same bytes.
"""

from datetime import datetime
from typing import Final

from msgspec.structs import replace

from portal.fiscal import counters as counting
from portal.fiscal import refunds, rules
from portal.fiscal.baskets import fill_basket
from portal.fiscal.commands import (
    Annul,
    CloseShift,
    ComeBack,
    Command,
    GoAutonomous,
    MoveCash,
    OpenShift,
    Original,
    Receipt,
    Refund,
    RegisterSettings,
    RoundingMode,
    TakeReport,
)
from portal.fiscal.counters import DIRECTIONS, PLACES
from portal.fiscal.dialects import Dialect, dialect_of
from portal.fiscal.documents import SUM_MAX, Basis, Document, KindName
from portal.fiscal.payments import pay
from portal.fiscal.state import (
    Register,
    after,
    check_hours,
    check_moment,
    decode,
    encode,
    enter_shift,
    new_register,
    opened,
)
from portal.fiscal.statements import report_of, totals_of
from portal.fiscal.writing import ENGINE_VERSION, write, write_receipt
from portal.primitives.identifiers import parse_tax_id
from portal.primitives.refusals import BadInput

__all__ = [
    "ENGINE_VERSION",
    "Register",
    "close_commands",
    "decode",
    "encode",
    "issue",
    "new_register",
    "report_of",
]

_NAME_MAX: Final = 64
_CODE_MAX: Final = 2_000_000_000


def issue(
    register: Register,
    settings: RegisterSettings,
    command: Command,
    at: datetime,
    dialect: Dialect,
    *,
    original: Original | None = None,
) -> tuple[Register, Document | None]:
    """Do what is asked, or refuse.

    `at` is never before the last document (equal is allowed). `original` is what a `Refund` or an `Annul` names. Only
    `GoAutonomous` and `ComeBack` give no document.
    """
    if isinstance(command, GoAutonomous):
        return _go_autonomous(register, command, at, dialect), None
    if isinstance(command, ComeBack):
        return _come_back(register), None
    check_moment(register, at, dialect)
    if not command.cashier.strip() or len(command.cashier) > _NAME_MAX:
        raise rules.CashierMissing
    if not 0 <= command.cashier_code <= _CODE_MAX:
        raise rules.CashierMissing
    match command:
        case Receipt():
            return _issue_receipt(register, settings, command, at, dialect)
        case Refund():
            return _issue_refund(register, command, at, dialect, original)
        case MoveCash():
            return _move_cash(register, settings, command, at, dialect)
        case TakeReport():
            return _report(register, command, at, dialect, "x_report")
        case CloseShift():
            return _report(register, command, at, dialect, "z_report")
        case OpenShift():
            return _open_shift(register, command, at, dialect)
        case Annul():
            return _annul(register, command, at, dialect, original)


def close_commands(
    register: Register, settings: RegisterSettings, *, cashier: str, cashier_code: int = 0
) -> tuple[MoveCash | CloseShift, ...]:
    """What closes the shift, in order: where the register is set so, all cash is taken out first
    (in Kazakhstan all whole tenge).

    Refuses `ShiftNotOpen`.
    """
    if not register.is_open:
        raise rules.ShiftNotOpen
    close = CloseShift(cashier=cashier, cashier_code=cashier_code)
    cash = _all_cash(register, dialect_of(register.country))
    if not settings.withdraws_at_close or not cash:
        return (close,)
    return MoveCash(cashier=cashier, cashier_code=cashier_code, is_out=True, sum_minor=cash), close


def _all_cash(register: Register, dialect: Dialect) -> int:
    """What coins and notes can make of the drawer."""
    return register.cash_minor - register.cash_minor % dialect.cash_step_minor


def _issue_receipt(
    register: Register, settings: RegisterSettings, command: Receipt, at: datetime, dialect: Dialect
) -> tuple[Register, Document]:
    """A sale, a purchase, or a simple refund."""
    register = enter_shift(register, at, dialect)
    is_refund = command.kind in ("sale_refund", "purchase_refund")
    if command.kind in ("purchase", "purchase_refund") and not (
        settings.may_purchase or settings.is_exchange_office
    ):
        raise rules.PurchaseNotAllowed
    basis = command.basis_receipt if is_refund else None
    if basis is not None:
        refunds.check_basis(basis)
    elif is_refund and dialect.refund_names_basis:
        raise rules.BasisMissing
    taxed_at = at if basis is None else basis.issued_at
    rate = settings.vat_rate if settings.is_vat_payer else None
    if rate is None and settings.is_vat_payer:
        rate = dialect.base_rate_at(taxed_at)
    basket = fill_basket(command, settings, dialect, dialect.rates_at(taxed_at), rate)
    rounding = settings.rounding if command.rounding is None else command.rounding
    paid = pay(basket.sum_minor, command.payments, dialect, rounding=rounding, gives_change=not is_refund)
    if settings.sum_max_minor is not None and paid.total_minor > settings.sum_max_minor:
        raise rules.SumMax(total_minor=paid.total_minor, sum_max_minor=settings.sum_max_minor)
    document = write_receipt(
        register,
        dialect,
        command,
        at,
        command.kind,
        basket,
        paid,
        basis_receipt=basis,
        buyer=None if command.buyer is None else _buyer(command.buyer, settings, dialect),
        rounding=None if rounding is RoundingMode.NONE else rounding.value,
    )
    return _with_receipt(register, document), document


def _issue_refund(
    register: Register, command: Refund, at: datetime, dialect: Dialect, original: Original | None
) -> tuple[Register, Document]:
    """A refund of a receipt of this register, whole or in part."""
    register = enter_shift(register, at, dialect)
    original = _found(original, command.number, register)
    returned = refunds.take_back(command, original, dialect)
    document = write_receipt(
        register,
        dialect,
        command,
        at,
        returned.kind,
        returned.basket,
        returned.paid,
        basis=command.number,
        basis_receipt=_basis(original, register) if dialect.refund_names_basis else None,
        buyer=original.document.buyer,
        rounding=original.document.rounding,
    )
    return _with_receipt(register, document), document


def _annul(
    register: Register, command: Annul, at: datetime, dialect: Dialect, original: Original | None
) -> tuple[Register, Document]:
    """Annul a receipt of the open shift, or take back what the operator refused, whatever the hour."""
    if not register.is_open:
        raise rules.ShiftNotOpen
    if not command.is_refused:
        check_hours(register, at, dialect)
    original = _found(original, command.number, register)
    refunds.check_annulment(command, original, dialect, shift=register.shift)
    taken = original.document
    if taken.kind not in PLACES:
        return _take_movement_back(register, command, at, dialect, original)
    document = write(
        register,
        dialect,
        command,
        at,
        "annulment",
        register.counters.receipts + 1,
        basis=taken.number,
        buyer=taken.buyer,
        change_minor=taken.change_minor,
        discount_minor=taken.discount_minor,
        lines=taken.lines,
        markup_minor=taken.markup_minor,
        modifiers=taken.modifiers,
        payments=taken.payments,
        rounding=taken.rounding,
        rounding_minor=taken.rounding_minor,
        total_minor=taken.total_minor,
    )
    cash = -DIRECTIONS[PLACES[taken.kind]] * (taken.payments.cash_minor - taken.change_minor)
    counters = (
        counting.restore(register.counters, document, taken, is_offline=_was_offline(original))
        if command.is_refused
        else counting.count_annulment(register.counters, document)
    )
    return after(register, document, counters, cash), document


def _take_movement_back(
    register: Register, command: Annul, at: datetime, dialect: Dialect, original: Original
) -> tuple[Register, Document]:
    """The opposite of a movement of cash that the operator refused."""
    taken = original.document
    is_out = taken.kind == "cash_in"
    document = write(
        register,
        dialect,
        command,
        at,
        "cash_out" if is_out else "cash_in",
        register.counters.movements + 1,
        basis=taken.number,
        total_minor=taken.total_minor,
    )
    counters = counting.restore(register.counters, document, taken, is_offline=_was_offline(original))
    cash = -taken.total_minor if is_out else taken.total_minor
    return after(register, document, counters, cash), document


def _was_offline(original: Original) -> bool:
    return original.document.autonomous or original.is_autonomous


def _move_cash(
    register: Register, settings: RegisterSettings, command: MoveCash, at: datetime, dialect: Dialect
) -> tuple[Register, Document]:
    """Cash put in or taken out.

    All of it may be taken out of a shift that ran too long, where that is a part of closing.
    """
    total, step = command.sum_minor, dialect.cash_step_minor
    if total <= 0:
        raise BadInput(field="sum_minor", value=total)
    is_closing = command.is_out and settings.withdraws_at_close and total == _all_cash(register, dialect)
    if not (register.is_open and is_closing):
        register = enter_shift(register, at, dialect)
    if total > SUM_MAX:
        raise rules.SumTooLarge(sum_minor=total, sum_max_minor=SUM_MAX)
    if total % step:
        raise rules.CashNotWhole(cash_minor=total, step_minor=step)
    kind: KindName = "cash_out" if command.is_out else "cash_in"
    document = write(register, dialect, command, at, kind, register.counters.movements + 1, total_minor=total)
    counters = counting.count_movement(register.counters, document)
    return after(register, document, counters, -total if command.is_out else total), document


def _open_shift(
    register: Register, command: OpenShift, at: datetime, dialect: Dialect
) -> tuple[Register, Document]:
    if dialect.shift_opens_with == "first_document":
        raise rules.ShiftOpensByItself
    if register.is_open:
        raise rules.ShiftAlreadyOpen(shift=register.shift, opened_at=register.opened_at)
    register = opened(register, at, dialect)
    document = write(register, dialect, command, at, "shift_opened", 0)
    return after(register, document, register.counters, 0), document


def _report(
    register: Register,
    command: TakeReport | CloseShift,
    at: datetime,
    dialect: Dialect,
    kind: KindName,
) -> tuple[Register, Document]:
    """An X- or a Z-report. Only the latter is issued after the hours have run out, and it closes the shift."""
    is_closing = kind == "z_report"
    if not register.is_open:
        raise rules.ShiftNotOpen
    if not is_closing:
        check_hours(register, at, dialect)
    counters = register.counters
    document = write(
        register,
        dialect,
        command,
        at,
        kind,
        counters.receipts + counters.reports + 1,
        report=report_of(register, at, is_closing=is_closing),
        totals=totals_of(counters, register.cash_minor),
    )
    register = after(register, document, counting.count_report(counters), 0)
    return (replace(register, is_open=False) if is_closing else register), document


def _go_autonomous(register: Register, command: GoAutonomous, at: datetime, dialect: Dialect) -> Register:
    """Work without the operator from now on, or from the late documents on, and count those of this shift as offline."""
    if dialect.autonomous_length_max is None:
        raise rules.NotAutonomous
    if register.autonomous_since is not None:
        raise rules.AlreadyAutonomous(autonomous_since_at=register.autonomous_since)
    counters = register.counters
    for document in command.late:
        if document.shift == register.shift and register.is_open:
            counters = counting.count_late(counters, document)
    since = min((at, *(document.issued_at for document in command.late)))
    return replace(register, autonomous_since=since, counters=counters)


def _come_back(register: Register) -> Register:
    if register.autonomous_since is None:
        raise rules.NotAutonomous
    return replace(register, autonomous_since=None)


def _buyer(typed: str, settings: RegisterSettings, dialect: Dialect) -> str:
    buyer = parse_tax_id(typed, dialect.country)
    if buyer is None:
        raise rules.BuyerInvalid(buyer=typed)
    if buyer == settings.tax_id:
        raise rules.BuyerIsSeller(buyer=buyer)
    return buyer


def _found(original: Original | None, number: int, register: Register) -> Original:
    """The receipt that a command names, when it is this register's."""
    if (
        original is None
        or original.document.number != number
        or original.document.register != register.factory_number
    ):
        raise rules.OriginalNotFound(number=number)
    return original


def _basis(original: Original, register: Register) -> Basis:
    """The original as the operator asks for it."""
    document = original.document
    sign = original.fiscal_sign or document.fiscal_sign
    if sign is None or register.registration_number is None:
        raise rules.BasisMissing
    return Basis(
        autonomous=_was_offline(original),
        fiscal_sign=sign,
        issued_at=document.issued_at,
        registration_number=register.registration_number,
        total_minor=document.total_minor,
    )


def _with_receipt(register: Register, document: Document) -> Register:
    """The register after a receipt, which also starts the hours where they count from the first one."""
    cash = DIRECTIONS[PLACES[document.kind]] * (document.payments.cash_minor - document.change_minor)
    counters = counting.count_receipt(register.counters, document)
    register = after(register, document, counters, cash)
    return register if register.hours_from is not None else replace(register, hours_from=document.issued_at)
