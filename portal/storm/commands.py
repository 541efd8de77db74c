"""What a storm's clients ask for: random commands, the same for the same seed."""

from random import Random

from portal.fiscal.commands import (
    Annul,
    BasketLine,
    Change,
    CloseShift,
    Command,
    MoveCash,
    Receipt,
    ReceiptModifier,
    Refund,
    RegisterSettings,
    RoundingMode,
    Taken,
    TakeReport,
)
from portal.fiscal.documents import Payments

GOODS = ("Соль", "Нан", "Шоколад молочный", "Вада мінеральная 1,5 л", "Кофе в зёрнах", "Дрель")
CASHIERS = ("Айгуль С.", "Иванов", "Ганна К.")

# How often each kind of command is asked for, among a hundred and some.
WEIGHTS = {
    "sale": 58,
    "refund": 12,
    "purchase": 4,
    "cash_in": 8,
    "cash_out": 7,
    "x_report": 4,
    "z_report": 3,
    "annul": 4,
}


def settings_for(chance: Random, tax_id: str) -> RegisterSettings:
    """How one register is set."""
    return RegisterSettings(
        are_both_modifiers_allowed=False,
        may_purchase=True,
        rounding=chance.choice(list(RoundingMode)),
        tax_id=tax_id,
        withdraws_at_close=chance.random() < 0.3,
    )


def command_for(chance: Random, country: str, sold: list[int]) -> Command:
    """One command. `sold` are numbers of receipts that may be taken back; with none of them it sells instead."""
    kind = chance.choices(list(WEIGHTS), weights=list(WEIGHTS.values()))[0]
    if not sold and kind in {"refund", "annul"}:
        kind = "sale"
    cashier = chance.choice(CASHIERS)
    match kind:
        case "refund":
            taken = (Taken(place=1, quantity_milli=chance.choice([500, 1000, 1000])),)
            return Refund(
                cashier=cashier, number=_recent(chance, sold), taken=None if chance.random() < 0.5 else taken
            )
        case "annul" if country == "by":
            return Annul(cashier=cashier, number=_recent(chance, sold))
        case "cash_in" | "cash_out":
            # A third of the withdrawals ask for more than there is.
            sum_minor = chance.choice([5_000, 100_000, 40_000_000]) * (3 if kind == "cash_in" else 1)
            return MoveCash(cashier=cashier, is_out=kind == "cash_out", sum_minor=sum_minor)
        case "x_report":
            return TakeReport(cashier=cashier)
        case "z_report":
            return CloseShift(cashier=cashier)
        case _:
            return _receipt(chance, cashier, is_purchase=kind == "purchase")


def _recent(chance: Random, sold: list[int]) -> int:
    """Mostly one of the last receipts: what is old has been taken back already, or belongs to a closed shift."""
    return chance.choice(sold[-8:])


def _receipt(chance: Random, cashier: str, *, is_purchase: bool) -> Receipt:
    lines = tuple(_line(chance) for _ in range(chance.randint(1, 4)))
    if all(line.is_struck for line in lines):
        lines += (BasketLine(name=GOODS[0], price_minor=12_345, quantity_milli=1000),)
    modifiers: tuple[ReceiptModifier, ...] = ()
    if chance.random() < 0.25:
        change = Change(sum_minor=chance.randint(1, 400))
        modifiers = (ReceiptModifier(change=change, is_markup=chance.random() < 0.3),)
    payments = None
    if chance.random() < 0.4 and not is_purchase:
        # Cash enough for anything, so that change is given; sometimes the card is asked for more than the receipt comes to.
        payments = Payments(card_minor=chance.choice([0, 100, 10_000]), cash_minor=30_000_000)
    return Receipt(
        cashier=cashier,
        kind="purchase" if is_purchase else "sale",
        lines=lines,
        modifiers=modifiers,
        payments=payments,
    )


def _line(chance: Random) -> BasketLine:
    return BasketLine(
        discount=Change(sum_minor=chance.randint(1, 300)) if chance.random() < 0.2 else None,
        is_struck=chance.random() < 0.1,
        name=chance.choice(GOODS),
        price_minor=chance.randint(400, 900_000),
        quantity_milli=chance.choice([1000, 1000, 2000, 350, 1234]),
        section=chance.randint(0, 2),
    )
