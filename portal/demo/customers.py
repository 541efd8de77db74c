"""What people at a cloud till ask for: varied baskets, ways to pay, goods brought back, cash moved, reports.

A customer knows the shelf and the till's settings; sums are the engine's. Everything by chance comes from the
`chance` that is given, so the same chance asks for the same.
"""

from dataclasses import dataclass, field
from datetime import date
from random import Random

from msgspec.structs import replace

from portal.demo.clerk import Shelf, shelf_of
from portal.demo.goods import KILOGRAM
from portal.demo.shops import NIGHT_BAR, Shop, Stall
from portal.fiscal.commands import (
    Annul,
    BasketLine,
    Change,
    Command,
    ModifierUnit,
    MoveCash,
    Receipt,
    ReceiptModifier,
    Refund,
    RegisterSettings,
    Taken,
)
from portal.fiscal.dialects import round_cash
from portal.fiscal.documents import Document, Payments

REFUNDS_PER_RECEIPT = 0.02
ANNULMENTS_PER_RECEIPT = 0.008
DISCOUNTS_PER_LINE = 0.06
MARKUPS_PER_LINE = 0.03
STRUCK_PER_LINE = 0.02
STRUCK_DISCOUNTS_PER_LINE = 0.005
CARDS_OF_CUSTOMERS = 0.05
NOTES_PER_CASH = 0.6

# Receipts that may still be brought back; older ones go over the office's desk.
RECEIPTS_MAX = 30

_QUANTITIES = (1000, 1000, 1000, 1000, 1000, 1000, 2000, 2000, 3000, 4000)
_NOTES = {"by": (500, 1000, 2000, 5000, 10000), "kz": (50_000, 100_000, 200_000, 500_000, 1_000_000)}
FLOAT_MINOR = {"by": 10_000, "kz": 2_000_000}
DRAWER_MAX_MINOR = {"by": 60_000, "kz": 20_000_000}

# Shares in hundredths of a per cent, and sums in minor units of each country.
_SHARES = (500, 1000, 1500, 2000, 3000)
_SUMS = {"by": (10, 20, 50), "kz": (2_000, 5_000, 10_000)}


def settings_of(shop: Shop, stall: Stall, tax_id: str) -> RegisterSettings:
    """How a register of the demo is set: Belarusian drawers are emptied at night, every second till thinks in per cent."""
    is_belarusian = shop.dialect.country == "by"
    return RegisterSettings(
        modifier_unit=ModifierUnit.PERCENT if int(stall.register[-1]) % 2 else ModifierUnit.SUM,
        tax_id=tax_id,
        withdraws_at_close=is_belarusian,
    )


@dataclass
class Customers:
    """Whoever comes to one register. `sold` are receipts that may be brought back."""

    shop: Shop
    stall: Stall
    settings: RegisterSettings
    chance: Random
    sold: list[Document] = field(default_factory=list)

    @property
    def country(self) -> str:
        """The two letters of the dialect."""
        return self.shop.dialect.country

    def cashier_on(self, day: date) -> tuple[str, int]:
        """Who sits at the till on a day, and their code."""
        people = self.stall.cashiers
        name = people[day.toordinal() % len(people)]
        return name, sorted(people).index(name) + 1

    def change_for(self, cash_minor: int, day: date, *, opens_shift: bool) -> MoveCash | None:
        """Change for the morning; where the first document opens the shift there has to be one."""
        missing = FLOAT_MINOR[self.country] - cash_minor
        if missing <= 0 and not opens_shift:
            return None
        step = 1000
        amount = max(-(-missing // step) * step, FLOAT_MINOR[self.country] // 4)
        name, code = self.cashier_on(day)
        return MoveCash(cashier=name, cashier_code=code, sum_minor=amount)

    def takings(self, cash_minor: int, day: date) -> MoveCash | None:
        """Take the takings out of a drawer that has grown too full."""
        if cash_minor <= DRAWER_MAX_MINOR[self.country]:
            return None
        amount = (cash_minor - FLOAT_MINOR[self.country]) // 1000 * 1000
        name, code = self.cashier_on(day)
        return MoveCash(cashier=name, cashier_code=code, is_out=True, sum_minor=amount)

    def ask(self, day: date) -> Command:
        """What the next customer wants: mostly to buy, sometimes to bring goods back; or a mistake is annulled."""
        luck = self.chance.random()
        if self.sold and luck < ANNULMENTS_PER_RECEIPT and self.country == "by":
            name, code = self.cashier_on(day)
            return Annul(cashier=name, cashier_code=code, number=self._take_back().number)
        if self.sold and luck < ANNULMENTS_PER_RECEIPT + REFUNDS_PER_RECEIPT:
            return self._bring_back(day)
        return self.basket(day)

    def remember(self, document: Document) -> None:
        """A sale may be brought back later."""
        if document.kind == "sale":
            self.sold = [*self.sold[1 - RECEIPTS_MAX :], document]

    def basket(self, day: date) -> Receipt:
        """A sale that is not paid yet."""
        chance, shelf = self.chance, shelf_of(self.shop.trade, self.shop.dialect, day)
        weights = self.shop.trade.lines
        count = chance.choices(range(1, len(weights) + 1), weights)[0]
        lines = tuple(
            self._line(shelf, place)
            for place in chance.choices(shelf.places, cum_weights=shelf.pulls, k=count)
        )
        # Not everything can be struck: somebody bought something.
        if all(line.is_struck for line in lines):
            lines = (replace(lines[0], is_struck=False), *lines[1:])
        name, code = self.cashier_on(day)
        return Receipt(cashier=name, cashier_code=code, kind="sale", lines=lines, modifiers=self._modifiers())

    def pay(self, receipt: Receipt, document: Document) -> Receipt:
        """Decide how a receipt is paid; `document` is what it would be if all of it were paid in cash."""
        exact = document.total_minor - document.rounding_minor
        way = self.chance.choices(("cash", "card", "mobile", "mixed"), self.shop.trade.paying)[0]
        if way == "mixed" and exact >= 1000:
            step = 100
            cash = max(step, exact * self.chance.randrange(20, 80) // 100 // step * step)
            return replace(receipt, payments=Payments(cash_minor=cash, card_minor=exact - cash))
        if way == "mobile":
            return replace(receipt, payments=Payments(mobile_minor=exact))
        if way == "card":
            return replace(receipt, payments=Payments(card_minor=exact))
        total = round_cash(exact, self.shop.dialect)
        if self.chance.random() < NOTES_PER_CASH:
            note = self.chance.choice(_NOTES[self.country])
            total = -(-total // note) * note
        return replace(receipt, payments=Payments(cash_minor=total))

    def _line(self, shelf: Shelf, place: int) -> BasketLine:
        chance, good = self.chance, shelf.goods[place]
        quantity = 2 * chance.randrange(90, 700) if good.unit == KILOGRAM else chance.choice(_QUANTITIES)
        known = shelf.line(place, 1000)
        luck = chance.random()
        discount = self._change(known.price_minor) if luck < DISCOUNTS_PER_LINE else None
        is_served = self.shop.trade is NIGHT_BAR and discount is None
        markup = self._change(known.price_minor) if is_served and luck > 1 - MARKUPS_PER_LINE else None
        return BasketLine(
            barcode=known.barcode,
            code=known.code,
            discount=discount,
            is_discount_struck=discount is not None and chance.random() < STRUCK_DISCOUNTS_PER_LINE / DISCOUNTS_PER_LINE,
            is_struck=chance.random() < STRUCK_PER_LINE,
            is_untaxed=known.tax_rate is None,
            markup=markup,
            name=known.name,
            price_minor=known.price_minor,
            quantity_milli=quantity,
            section=known.section,
            tax_rate=known.tax_rate,
            unit=known.unit,
        )  # fmt: skip

    def _change(self, price_minor: int) -> Change:
        if self.settings.modifier_unit is ModifierUnit.PERCENT:
            return Change(share=self.chance.choice(_SHARES))
        # Never more than the smallest portion of a good costs.
        fits = [one for one in _SUMS[self.country] if one * 10 <= price_minor]
        return Change(sum_minor=self.chance.choice(fits)) if fits else Change(sum_minor=1)

    def _modifiers(self) -> tuple[ReceiptModifier, ...]:
        if self.chance.random() >= CARDS_OF_CUSTOMERS:
            return ()
        return (
            (ReceiptModifier(change=Change(share=500), name="Карта покупателя"),)
            if (self.settings.modifier_unit is ModifierUnit.PERCENT)
            else (ReceiptModifier(change=Change(sum_minor=_SUMS[self.country][0]), name="Карта покупателя"),)
        )

    def _take_back(self) -> Document:
        return self.sold.pop(self.chance.randrange(len(self.sold)))

    def _bring_back(self, day: date) -> Refund:
        """Goods come back with their receipt: all that is left of it, or one of its lines."""
        original = self._take_back()
        name, code = self.cashier_on(day)
        taken = None
        if len(original.lines) > 1 and self.chance.random() < 0.7:
            place = self.chance.randrange(len(original.lines))
            taken = (Taken(place=place + 1, quantity_milli=original.lines[place].quantity_milli),)
        return Refund(cashier=name, cashier_code=code, number=original.number, taken=taken)
