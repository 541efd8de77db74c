"""A clerk at a simulated till: opens, serves whoever comes, takes goods back, closes, and now and then empties the drawer.

Everything by chance comes from the `chance` a clerk is given, so the same chance and the same till give the
same documents.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from itertools import accumulate
from random import Random

from msgspec.structs import replace

from portal.demo.goods import KILOGRAM, Good, tax_rate
from portal.demo.shops import Shop, Stall, Trade, hours_of, receipts_expected
from portal.demo.till import Bill, Till
from portal.fiscal.dialects import Dialect, round_cash
from portal.fiscal.documents import Document, Line, Payments
from portal.fiscal.taxes import line_sum, tax_inside

REFUNDS_PER_RECEIPT = 0.010
ANNULMENTS_PER_RECEIPT = 0.004
DISCOUNTS_PER_LINE = 0.05
AUTONOMOUS_SPELLS_PER_DAY = 0.012
X_REPORTS_PER_DAY = 0.2

# Prices of late 2026 are full; a quarter earlier they were this much lower.
INFLATION_PER_QUARTER = 0.013
PRICE_QUARTER = 2026 * 4 + 3

_QUANTITIES = (1000, 1000, 1000, 1000, 1000, 1000, 2000, 2000, 3000, 4000)
_NOTES = {"by": (500, 1000, 2000, 5000, 10000), "kz": (50_000, 100_000, 200_000, 500_000, 1_000_000)}
_FLOAT_MINOR = {"by": 10_000, "kz": 2_000_000}
_DRAWER_MAX_MINOR = {"by": 60_000, "kz": 20_000_000}
_PRICE_STEP = {"by": 5, "kz": 500}


class Shelf:
    """A shop's goods with the prices and taxes of one quarter, their lines made once."""

    def __init__(self, goods: tuple[Good, ...], country: str, quarter: int) -> None:
        first_day = date(quarter // 4, quarter % 4 * 3 + 1, 1)
        factor = 1 - INFLATION_PER_QUARTER * (PRICE_QUARTER - quarter)
        step = _PRICE_STEP[country]
        self.places = range(len(goods))
        self.pulls = list(accumulate(good.pull for good in goods))
        self.goods = goods
        self.discount_step = 100 if country == "kz" else 1
        self._lines: dict[int, Line] = {}
        for place, good in enumerate(goods):
            price = max(step, round(good.price_minor * factor / step) * step)
            rate = tax_rate(country, good.tax, first_day)
            self._lines[place * 10_000_000 + 1000] = Line(
                barcode=good.barcode,
                code=good.code,
                name=good.name,
                price_minor=price,
                quantity_milli=1000,
                section=good.section,
                sum_minor=price,
                tax_minor=tax_inside(price, rate),
                tax_rate=rate,
                unit=good.unit,
            )

    def line(self, place: int, quantity_milli: int) -> Line:
        """So much of a good, undiscounted."""
        key = place * 10_000_000 + quantity_milli
        known = self._lines.get(key)
        if known is None:
            known = self._lines[key] = self._sum_up(self._lines[place * 10_000_000 + 1000], quantity_milli, 0)
        return known

    def discounted(self, line: Line, percent: int) -> Line:
        """The same line so many per cent cheaper."""
        step = self.discount_step
        return self._sum_up(line, line.quantity_milli, line.sum_minor * percent // 100 // step * step)

    @staticmethod
    def _sum_up(line: Line, quantity_milli: int, discount_minor: int) -> Line:
        total = line_sum(line.price_minor, quantity_milli, discount_minor)
        return replace(
            line,
            quantity_milli=quantity_milli,
            discount_minor=discount_minor,
            sum_minor=total,
            tax_minor=tax_inside(total, line.tax_rate),
        )


@cache
def _shelf(goods: tuple[Good, ...], country: str, quarter: int) -> Shelf:
    return Shelf(goods, country, quarter)


def shelf_of(trade: Trade, dialect: Dialect, day: date) -> Shelf:
    """What a trade sells on a day."""
    return _shelf(trade.shelf, dialect.country, day.year * 4 + (day.month - 1) // 3)


def chance_of(seed: int, stall: Stall, day: date, *, after: int = 0) -> Random:
    """The luck of one register's day, whatever happened before it; a day taken up after a document has other luck."""
    return Random(f"{seed}/{stall.register}/{day.isoformat()}/{after}")


@dataclass(slots=True)
class Clerk:
    """Somebody at a till on one business day. `slips` is how many lines their till will still sum up wrongly."""

    shop: Shop
    stall: Stall
    till: Till
    day: date
    chance: Random
    slips: int = 0

    @property
    def cashier(self) -> str:
        """Who sits at the till today."""
        people = self.stall.cashiers
        return people[self.day.toordinal() % len(people)]

    @property
    def country(self) -> str:
        """The two letters of the dialect."""
        return self.shop.dialect.country

    def open(self, at: datetime) -> Iterator[Document]:
        """Open the shift and put change into the drawer."""
        opened = self.till.open_shift(at, cashier=self.cashier)
        if opened is not None:
            yield opened
        missing = _FLOAT_MINOR[self.country] - self.till.cash_minor
        # Where the first document opens the shift there has to be one.
        if missing > 0 or opened is None:
            step = 1000
            amount = max(-(-missing // step) * step, _FLOAT_MINOR[self.country] // 4)
            moment = at + timedelta(seconds=40)
            yield self.till.cash_in(moment, amount, cashier=self.cashier, sign=self._sign())

    def serve(self, at: datetime) -> Document:
        """Serve one customer: mostly a sale, sometimes goods come back or a mistake is annulled."""
        luck = self.chance.random()
        if luck < REFUNDS_PER_RECEIPT + ANNULMENTS_PER_RECEIPT:
            taken_back = self._take_back(at, annul=luck < ANNULMENTS_PER_RECEIPT and self.country == "by")
            if taken_back is not None:
                return taken_back
        return self.sell(at)

    def sell(self, at: datetime) -> Document:
        """Sell what chance picks from the shelf."""
        lines = self._lines()
        if self.slips:
            self.slips -= 1
            lines = (replace(lines[0], sum_minor=lines[0].sum_minor + 1), *lines[1:])
        bill, payments, change = self._settle(Bill(lines))
        return self.till.sell(
            at, bill, payments, change_minor=change, cashier=self.cashier, sign=self._sign()
        )

    def tidy(self, at: datetime) -> Document | None:
        """Take the takings out of a drawer that has grown too full."""
        if self.till.cash_minor <= _DRAWER_MAX_MINOR[self.country]:
            return None
        amount = self.till.cash_minor - _FLOAT_MINOR[self.country]
        return self.till.cash_out(at, amount // 1000 * 1000, cashier=self.cashier, sign=self._sign())

    def close(self, at: datetime) -> Iterator[Document]:
        """Take the cash out and close the shift with a Z-report."""
        # A Belarusian drawer is emptied before the shift closes, a Kazakh one keeps its change.
        keep = 0 if self.country == "by" else _FLOAT_MINOR["kz"]
        amount = self.till.cash_minor - keep
        if amount > 0:
            yield self.till.cash_out(at, amount, cashier=self.cashier, sign=self._sign())
        yield self.till.z_report(at + timedelta(seconds=30), cashier=self.cashier, sign=self._sign())

    def _sign(self) -> str | None:
        """The operator's sign of a document; without the operator Belarus has none, Kazakhstan a number of its own."""
        if self.country == "by":
            return None if self.till.autonomous else f"{self.chance.getrandbits(96):024X}"
        if self.till.autonomous:
            return str(self.chance.getrandbits(32))
        return str(3_000_000_000 + self.chance.getrandbits(32))

    def _lines(self) -> tuple[Line, ...]:
        chance, shelf = self.chance, shelf_of(self.shop.trade, self.shop.dialect, self.day)
        weights = self.shop.trade.lines
        count = chance.choices(range(1, len(weights) + 1), weights)[0]
        lines = []
        for place in chance.choices(shelf.places, cum_weights=shelf.pulls, k=count):
            if shelf.goods[place].unit == KILOGRAM:
                quantity = 2 * chance.randrange(90, 700)
            else:
                quantity = chance.choice(_QUANTITIES)
            line = shelf.line(place, quantity)
            if chance.random() < DISCOUNTS_PER_LINE:
                line = shelf.discounted(line, chance.choice((5, 10, 15, 20, 30)))
            lines.append(line)
        return tuple(lines)

    def _settle(self, bill: Bill) -> tuple[Bill, Payments, int]:
        """Decide how a bill is paid; cash rounds it to what coins can pay."""
        way = self.chance.choices(("cash", "card", "mobile", "mixed"), self.shop.trade.paying)[0]
        total = bill.total_minor
        if way == "mixed" and total >= 1000:
            cash = max(100, total * self.chance.randrange(20, 80) // 100 // 100 * 100)
            return bill, Payments(cash_minor=cash, card_minor=total - cash), 0
        if way == "mobile":
            return bill, Payments(mobile_minor=total), 0
        if way != "cash":
            return bill, Payments(card_minor=total), 0
        bill = self._round(bill)
        total = bill.total_minor
        given = total
        if self.chance.random() < 0.6:
            note = self.chance.choice(_NOTES[self.country])
            given = -(-total // note) * note
        return bill, Payments(cash_minor=given), given - total

    def _round(self, bill: Bill) -> Bill:
        """A bill that coins can pay."""
        total = bill.total_minor
        rounded = round_cash(total, self.shop.dialect)
        if rounded == total:
            return bill
        return Bill(bill.lines, max(0, total - rounded), max(0, rounded - total))

    def _take_back(self, at: datetime, *, annul: bool) -> Document | None:
        """Annul or refund an earlier receipt; None when there is nothing fit, or too little cash for it."""
        rates_at = self.shop.dialect.rates_at
        receipts = list(self.till.receipts.values())
        # When a rate of tax has changed since, goods come back over the office's desk, not over the counter.
        if receipts and rates_at(receipts[0].issued_at) != rates_at(at):
            return None
        if not receipts:
            return None
        basis = self.chance.choice(receipts)
        paid = basis.payments
        cash = paid.cash_minor - basis.change_minor
        if annul:
            if cash > self.till.cash_minor:
                return None
            return self.till.annul(at, basis, cashier=self.cashier, sign=self._sign())
        whole = Bill(basis.lines, basis.discount_minor, basis.markup_minor)
        payments = replace(paid, cash_minor=cash)
        bill = whole
        if len(basis.lines) > 1 and cash in (0, basis.total_minor) and self.chance.random() < 0.7:
            bill = Bill((self.chance.choice(basis.lines),))
            bill = self._round(bill) if cash else bill
            payments = _one_payment(paid, bill.total_minor)
        # A trifle that rounds to nothing is not refunded in coins.
        if payments.cash_minor > self.till.cash_minor or not bill.total_minor:
            return None
        return self.till.refund(at, basis.number, bill, payments, cashier=self.cashier, sign=self._sign())


def _one_payment(paid: Payments, total_minor: int) -> Payments:
    """A sum in the way that the receipt was paid, which was one way only."""
    if paid.cash_minor:
        return Payments(cash_minor=total_minor)
    if paid.mobile_minor:
        return Payments(mobile_minor=total_minor)
    return Payments(card_minor=total_minor)


def play_day(
    clerk: Clerk, until: datetime, *, autonomous_since: datetime | None = None
) -> Iterator[Document]:
    """A clerk's whole day up to a moment, from wherever the till stands in it.

    A day that stopped in the middle goes on after the till's last document. From `autonomous_since` on the till
    is without its operator.
    """
    hours = hours_of(clerk.shop, clerk.day)
    if hours is None:
        return
    opens, closes = hours
    chance, till = clerk.chance, clerk.till
    opening = opens - timedelta(seconds=chance.randrange(120, 900))
    if opening > until:
        return
    moments = _moments(clerk, opens, closes)
    spell = (
        autonomous_since or _spell(chance, opens),
        None if autonomous_since else timedelta(minutes=chance.randrange(20, 150)),
    )
    x_report = closes - timedelta(hours=5) if chance.random() < X_REPORTS_PER_DAY else None
    if not till.is_open:
        till.autonomous = False
        yield from clerk.open(opening)
    done = till.last_issued_at or opening
    for moment in moments:
        if moment > until:
            return
        if moment <= done:
            continue
        if spell[0] is not None:
            till.autonomous = moment >= spell[0] and (spell[1] is None or moment < spell[0] + spell[1])
        if x_report is not None and moment > x_report:
            yield till.x_report(moment - timedelta(seconds=5), cashier=clerk.cashier)
            x_report = None
        yield clerk.serve(moment)
        tidied = clerk.tidy(moment + timedelta(seconds=4))
        if tidied is not None:
            yield tidied
    closing = max(closes + timedelta(seconds=chance.randrange(60, 600)), done + timedelta(seconds=5))
    if closing + timedelta(minutes=1) <= until:
        if spell[1] is not None:
            till.autonomous = False
        yield from clerk.close(closing)


def _moments(clerk: Clerk, opens: datetime, closes: datetime) -> list[datetime]:
    """When customers come, in order and at least six seconds apart."""
    chance = clerk.chance
    expected = receipts_expected(clerk.shop, clerk.stall, clerk.day)
    count = max(3, round(chance.gauss(expected, expected**0.5 * 1.3)))
    hours = int((closes - opens).total_seconds()) // 3600
    curve = (clerk.shop.trade.curve + (clerk.shop.trade.curve[-1],) * hours)[:hours]
    seconds = sorted(
        {
            (hour * 3600 + chance.randrange(60, 3540)) // 8 * 8 + 10
            for hour in chance.choices(range(hours), curve, k=count)
        }
    )
    return [opens + timedelta(seconds=second) for second in seconds]


def _spell(chance: Random, opens: datetime) -> datetime | None:
    """When the operator is lost today, if it is."""
    if chance.random() >= AUTONOMOUS_SPELLS_PER_DAY:
        return None
    return opens + timedelta(minutes=chance.randrange(60, 480))
