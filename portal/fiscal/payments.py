"""How a receipt is paid: what is rounded for cash, what is given back, and what no law allows.

In Belarus four checks are published by name (TIN_NOT_ENOUGH_MONEY, TIN_CASHLESS_OVERFLOW, TIN_CASH_OVERFLOW,
TIN_NEGATIVE_CHANGE). In Kazakhstan a payment in cash is rounded to whole tenge (decree № 549, p. 5-1) and
only cash can be more than the total, because only cash gives change.
"""

from msgspec import Struct
from msgspec.structs import asdict

from portal.fiscal import rules
from portal.fiscal.baskets import check_sum
from portal.fiscal.commands import RoundingMode
from portal.fiscal.dialects import Dialect, round_cash
from portal.fiscal.documents import Payments
from portal.primitives.refusals import BadInput


class Paid(Struct, frozen=True, gc=False):
    """A paid receipt: its total after rounding, and what was handed over and back."""

    payments: Payments
    total_minor: int
    change_minor: int = 0

    @property
    def cash_minor(self) -> int:
        """What stays in the drawer, or leaves it."""
        return self.payments.cash_minor - self.change_minor


def pay(
    due_minor: int,
    payments: Payments | None,
    dialect: Dialect,
    *,
    rounding: RoundingMode = RoundingMode.NONE,
    gives_change: bool = True,
) -> Paid:
    """Pay a sum; without payments all of it in cash. What cash takes part in is rounded to what coins can pay.

    Refuses `CashNotWhole`, `NotEnoughMoney`, `CashlessOverflow`, `CashOverflow`, `ChangeWithoutCash`, `SumTooLarge`; `BadInput`
    for a negative payment; `NegativeChange` where no change is given (refunds).
    """
    total = round_cash(due_minor, dialect) if rounding is RoundingMode.TOTAL else due_minor
    if payments is None:
        total = round_cash(total, dialect)
        return Paid(Payments(cash_minor=total), check_sum(total))
    cash = payments.cash_minor
    cashless = payments.card_minor + payments.mobile_minor + payments.other_minor
    _check_payments(payments)
    if cash and due_minor > cashless:
        # Rounded once: whatever is paid otherwise, what is left for cash must be what coins can pay.
        total = cashless + round_cash(due_minor - cashless, dialect)
    _check_coins(cash, dialect)
    change = cash + cashless - total
    if change < 0:
        raise rules.NotEnoughMoney(total_minor=total, paid_minor=cash + cashless)
    if not dialect.cashless_may_exceed:
        if cashless > total:
            raise rules.CashlessOverflow(total_minor=total, cashless_minor=cashless)
        if cash and cashless == total:
            raise rules.CashOverflow(total_minor=total, cash_minor=cash)
    if change > cash:
        raise rules.ChangeWithoutCash(change_minor=change, cash_minor=cash)
    # A total that was rounded up from what is paid otherwise leaves a part that no coins make.
    _check_coins(cash - change, dialect)
    if change and not gives_change:
        raise rules.NegativeChange(total_minor=total, paid_minor=cash + cashless)
    return Paid(payments, check_sum(total), change)


def give_back(due_minor: int, left: Payments, dialect: Dialect) -> Paid:
    """Give a sum back in the types it was paid in, as far as they go; what they do not cover in cash.

    Cash comes last, because the others can give any part of a sum.
    """
    rest = due_minor
    given: dict[str, int] = {}
    for name in ("card_minor", "mobile_minor", "other_minor"):
        given[name] = min(rest, max(getattr(left, name), 0))
        rest -= given[name]
    cash = round_cash(rest, dialect)
    return Paid(Payments(cash_minor=cash, **given), due_minor - rest + cash)


def _check_coins(cash_minor: int, dialect: Dialect) -> None:
    if cash_minor % dialect.cash_step_minor:
        raise rules.CashNotWhole(cash_minor=cash_minor, step_minor=dialect.cash_step_minor)


def _check_payments(payments: Payments) -> None:
    if (
        payments.cash_minor < 0
        or payments.card_minor < 0
        or payments.mobile_minor < 0
        or payments.other_minor < 0
    ):
        field, value = min(asdict(payments).items(), key=lambda item: item[1])
        raise BadInput(field=field, value=value)
    check_sum(payments.cash_minor + payments.card_minor + payments.mobile_minor + payments.other_minor)
