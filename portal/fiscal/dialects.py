"""Belarus and Kazakhstan as data with effective dates: taxes, rounding, limits, how a shift opens.

Another country is another `Dialect`, not another branch.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from types import MappingProxyType
from typing import Final, Literal

from portal.primitives.period import BusinessDays

SHIFT_LENGTH_MAX: Final = timedelta(hours=24)
AUTONOMOUS_LENGTH_MAX: Final = timedelta(hours=72)

ALWAYS: Final = date(1900, 1, 1)
_BEGINNING: Final = datetime.min.replace(tzinfo=UTC)

# No offset from UTC moves a moment's date further than this from the date at another offset.
_DAYS_NEAR: Final = 2
_DAYS_KEPT_MAX: Final = 4096


@dataclass(frozen=True, slots=True)
class TaxRate:
    """A rate of value added tax, in hundredths of a per cent, and the days it holds, both inside."""

    rate: int
    first_day: date = ALWAYS
    last_day: date | None = None

    def holds_on(self, day: date) -> bool:
        return self.first_day <= day and (self.last_day is None or day <= self.last_day)


@dataclass(frozen=True)
class Dialect:
    """What a country asks of its registers.

    `rate_steps` are the sets of rates with the moment each began, newest first, so that the usual question
    is answered by the first comparison. `cash_step_minor` is the smallest sum that can be paid in cash. `version` goes
    into every document that was issued by these rules.

    `shift_counts_from` says when the hours of a shift begin; `signs_itself` that a register marks its documents by an
    identifier of its own, so that no operator is asked for a sign. `may_annul` is whether a receipt that stands can
    be annulled, `refund_names_basis` whether no refund goes without the receipt it takes back, `modifiers_max` how many
    discounts, and as many markups, one receipt may have.
    """

    country: str
    currency: Literal["BYN", "KZT"]
    zone: str
    tax_rates: tuple[TaxRate, ...]
    rate_steps: tuple[tuple[datetime, frozenset[int]], ...]
    cash_step_minor: int
    cashless_may_exceed: bool
    shift_opens_with: Literal["command", "first_document"]
    shift_length_max: timedelta = SHIFT_LENGTH_MAX
    autonomous_length_max: timedelta | None = None
    shift_counts_from: Literal["opening", "first_receipt"] = "opening"
    signs_itself: bool = False
    may_annul: bool = False
    refund_names_basis: bool = False
    modifiers_max: int = 100
    version: int = 1

    def rates_at(self, moment: datetime) -> frozenset[int]:
        """The rates that hold at a moment, by the country's own calendar."""
        rates = self._rates_of_days.get(moment.date())
        return self._rates_at(moment) if rates is None else rates

    def _rates_at(self, moment: datetime) -> frozenset[int]:
        """As `rates_at`. The answer is kept for the whole date, unless a change is so near that its hour matters."""
        day = moment.date()
        found = next((rates for began, rates in self.rate_steps if moment >= began), frozenset[int]())
        if all(abs((began.date() - day).days) > _DAYS_NEAR for began, _rates in self.rate_steps):
            if len(self._rates_of_days) >= _DAYS_KEPT_MAX:
                self._rates_of_days.clear()
            self._rates_of_days[day] = found
        return found

    @cached_property
    def _rates_of_days(self) -> dict[date, frozenset[int]]:
        return {}

    def base_rate_at(self, moment: datetime) -> int:
        """The base rate at a moment, by the country's own calendar."""
        rates = self.rates_at(moment)
        return next(rate.rate for rate in self.tax_rates if rate.rate in rates)

    def base_rate_on(self, day: date) -> int:
        """The rate of what has no rate of its own: the first of the table that holds on the day."""
        return next(rate.rate for rate in self.tax_rates if rate.holds_on(day))


def round_cash(total_minor: int, dialect: Dialect) -> int:
    """A total as it can be paid in cash: to the nearest step, half a step up."""
    step = dialect.cash_step_minor
    return (total_minor + step // 2) // step * step


def _steps(zone: str, rates: Iterable[TaxRate]) -> tuple[tuple[datetime, frozenset[int]], ...]:
    rates = tuple(rates)
    days = {rate.first_day for rate in rates}
    days |= {rate.last_day + timedelta(days=1) for rate in rates if rate.last_day}
    calendar = BusinessDays(zone)
    return tuple(
        (
            _BEGINNING if day == ALWAYS else calendar.interval(day)[0],
            frozenset(rate.rate for rate in rates if rate.holds_on(day)),
        )
        for day in sorted(days, reverse=True)
    )


_BY_RATES: Final = (TaxRate(2000), TaxRate(1000), TaxRate(2500), TaxRate(0))
_KZ_RATES: Final = (
    TaxRate(1200, last_day=date(2025, 12, 31)),
    TaxRate(1600, first_day=date(2026, 1, 1)),
    TaxRate(500, first_day=date(2026, 1, 1)),
    TaxRate(1000, first_day=date(2026, 1, 1)),
    TaxRate(0),
)

BELARUS: Final = Dialect(
    country="by",
    currency="BYN",
    zone="Europe/Minsk",
    tax_rates=_BY_RATES,
    rate_steps=_steps("Europe/Minsk", _BY_RATES),
    cash_step_minor=1,
    cashless_may_exceed=False,
    shift_opens_with="command",
    signs_itself=True,
    may_annul=True,
    modifiers_max=1,
)

KAZAKHSTAN: Final = Dialect(
    country="kz",
    currency="KZT",
    zone="Asia/Almaty",
    tax_rates=_KZ_RATES,
    rate_steps=_steps("Asia/Almaty", _KZ_RATES),
    cash_step_minor=100,
    # Only cash can be more than the total there as well, but the change says so already.
    cashless_may_exceed=True,
    shift_opens_with="first_document",
    autonomous_length_max=AUTONOMOUS_LENGTH_MAX,
    shift_counts_from="first_receipt",
    refund_names_basis=True,
)

DIALECTS: Final = MappingProxyType({dialect.country: dialect for dialect in (BELARUS, KAZAKHSTAN)})


def dialect_of(country: str) -> Dialect:
    """The dialect of a country by its two small letters, as organisations are stored. Only countries of `DIALECTS` can be stored."""
    return DIALECTS[country]
