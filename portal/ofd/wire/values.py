"""Sums, moments and names as protocol 2.0.3 writes them.

Money is whole tenge and tiyn, a quantity whole thousandths, a share thousandths of a per cent, and a moment the wall time of
Kazakhstan with no zone beside it.
"""

from datetime import datetime
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from portal.fiscal.dialects import KAZAKHSTAN
from portal.ofd.wire import v203_pb2 as v203
from portal.primitives.money import MINOR_IN_MAJOR

ZONE: Final = ZoneInfo(KAZAKHSTAN.zone)
TAX_TYPE_VAT: Final = 100
# Our rates are hundredths of a per cent, the protocol's are thousandths.
_PERCENT: Final = 10
# What a register without departments says.
SECTION: Final = "1"

OPERATION_TYPES: Final = MappingProxyType[str, v203.OperationTypeEnum](
    {
        "sale": v203.OPERATION_SELL,
        "sale_refund": v203.OPERATION_SELL_RETURN,
        "purchase": v203.OPERATION_BUY,
        "purchase_refund": v203.OPERATION_BUY_RETURN,
    }
)
OPERATION_NAMES: Final = MappingProxyType[int, str](
    {number: name for name, number in OPERATION_TYPES.items()}
)
# By the field of `portal.fiscal.documents.Payments`. Whatever else was paid with is stated as credit.
PAYMENT_TYPES: Final = MappingProxyType[str, v203.PaymentTypeEnum](
    {
        "cash": v203.PAYMENT_CASH,
        "card": v203.PAYMENT_CARD,
        "mobile": v203.PAYMENT_MOBILE,
        "other": v203.PAYMENT_CREDIT,
    }
)
PAYMENT_NAMES: Final = MappingProxyType[int, str]({number: name for name, number in PAYMENT_TYPES.items()})


def money(minor: int) -> v203.Money:
    """A sum that is not negative."""
    if minor < 0:
        raise ValueError(f"the protocol knows no negative sums, not even {minor}")
    bills, coins = divmod(minor, MINOR_IN_MAJOR)
    return v203.Money(bills=bills, coins=coins)


def minor_of(sum_: v203.Money) -> int:
    """A sum in minor units. Raises ValueError when its coins are a whole tenge or more."""
    if sum_.coins >= MINOR_IN_MAJOR:
        raise ValueError(f"{sum_.coins} coins are no rest of a tenge")
    return sum_.bills * MINOR_IN_MAJOR + sum_.coins


def wall_time(moment: datetime) -> v203.DateTime:
    """A moment on the clocks of Kazakhstan, to the second."""
    local = moment.astimezone(ZONE)
    return v203.DateTime(
        date=v203.Date(year=local.year, month=local.month, day=local.day),
        time=v203.Time(hour=local.hour, minute=local.minute, second=local.second),
    )


def moment_of(wall: v203.DateTime) -> datetime:
    """The moment that clocks of Kazakhstan show. Raises ValueError when none shows it."""
    day, time = wall.date, wall.time
    return datetime(day.year, day.month, day.day, time.hour, time.minute, time.second, tzinfo=ZONE)


def percent(rate: int) -> int:
    """A rate in hundredths of a per cent as the protocol counts it: 16 % is 16000."""
    return rate * _PERCENT


def rate_of(share: int) -> int:
    """The rate in hundredths of a per cent. Raises ValueError for a finer one."""
    rate, rest = divmod(share, _PERCENT)
    if rest:
        raise ValueError(f"{share} is finer than a hundredth of a per cent")
    return rate


def section(number: int) -> str:
    """A department's code; a register without departments uses the first."""
    return str(number) if number else SECTION
