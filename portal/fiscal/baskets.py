"""A basket becomes what a document says of it: lines, modifiers, stornos, and what they come to.

The order of arithmetic is that of published receipts: a line is round(quantity × price) − discount + markup; a share is
of the line before its modifiers; a receipt's discounts and markups are of the sum of the lines, and their tax is worked
out at a rate of their own or shared out over the rates of the goods. The tax of a receipt is that of its lines, less that of its
discounts, plus that of its markups. Of no rate is more taken than there is of it, so that neither turnover nor
tax can fall below nought.
"""

import re
from typing import Final

from msgspec import Struct

from portal.fiscal import rules
from portal.fiscal.commands import (
    WHOLE,
    BasketLine,
    Change,
    ModifierUnit,
    Receipt,
    ReceiptModifier,
    RegisterSettings,
    RoundingMode,
)
from portal.fiscal.dialects import Dialect
from portal.fiscal.documents import SUM_MAX, Line, Modifier, Storno, TaxShare
from portal.fiscal.taxes import tax_inside
from portal.primitives.money import round_half_up, share_out
from portal.primitives.quantity import MILLI_IN_ONE, MILLI_MAX, cost_minor

# As many as a document holds (`documents.Document`).
LINES_MAX: Final = 2000
MARKINGS_MAX: Final = 1000
_NAME_MAX: Final = 250
_CODE_MAX: Final = 64
_MARKING_MAX: Final = 256
_SECTION_MAX: Final = 65_535
_UNIT_MAX: Final = 99_999

_CURRENCY = re.compile("[A-Z]{3}")
_NTIN = re.compile("[0-9]{13}")


class Basket(Struct, frozen=True, gc=False):
    """What a document says of a basket. `sum_minor` is the lines − discount + markup, before the total is rounded."""

    lines: tuple[Line, ...]
    sum_minor: int
    discount_minor: int = 0
    markup_minor: int = 0
    modifiers: tuple[Modifier, ...] = ()
    stornos: tuple[Storno, ...] = ()


class Terms(Struct, frozen=True, gc=False):
    """What holds for every line of one basket: `rate` is that of goods that name none, `step_minor` what positions are rounded to."""

    settings: RegisterSettings
    currency: str
    rates: frozenset[int]
    rate: int | None
    step_minor: int
    modifiers_max: int

    def rounded(self, sum_minor: int) -> int:
        """A sum to the nearest step, half a step up."""
        step = self.step_minor
        return sum_minor if step == 1 else (sum_minor + step // 2) // step * step


class Pool:
    """How much there is to take a discount from: sums and the tax inside them, by rate. None: untaxed."""

    def __init__(self, lines: tuple[Line, ...]) -> None:
        self.sums: dict[int | None, int] = {}
        self.taxes: dict[int | None, int] = {}
        for line in lines:
            self.add(line.tax_rate, line.sum_minor, line.tax_minor)

    def add(self, rate: int | None, sum_minor: int, tax_minor: int) -> None:
        self.sums[rate] = self.sums.get(rate, 0) + sum_minor
        self.taxes[rate] = self.taxes.get(rate, 0) + tax_minor

    def take(self, rate: int | None, sum_minor: int) -> TaxShare:
        """Take a part out: with all of a rate's sum goes all of its tax, and never more than that."""
        tax = self.taxes.get(rate, 0)
        if sum_minor != self.sums.get(rate, 0):
            tax = min(tax, tax_inside(sum_minor, rate))
        self.add(rate, -sum_minor, -tax)
        return TaxShare(sum_minor=sum_minor, tax_minor=tax, tax_rate=rate)

    def put(self, rate: int | None, sum_minor: int) -> TaxShare:
        """Put a markup's part in."""
        share = TaxShare(sum_minor=sum_minor, tax_minor=tax_inside(sum_minor, rate), tax_rate=rate)
        self.add(rate, sum_minor, share.tax_minor)
        return share

    def parts(self, sum_minor: int) -> list[tuple[int | None, int]]:
        """A sum shared out over the rates by what there is of each."""
        rates = list(self.sums)
        weights = [max(self.sums[rate], 0) for rate in rates]
        return [(rate, part) for rate, part in zip(rates, share_out(sum_minor, weights), strict=True) if part]


def fill_basket(
    command: Receipt, settings: RegisterSettings, dialect: Dialect, rates: frozenset[int], rate: int | None
) -> Basket:
    """Work a basket out at the rates that hold.

    Refuses `EmptyBasket`, `TooManyLines`, `LineInvalid`, `MarkingsCount`, `ExchangeNotAllowed`, `TaxRateUnknown`,
    `ModifierNotAllowed`, `ModifierUnit`, `BothModifiers`, `DiscountTooLarge`, `SumTooLarge`.
    """
    if len(command.lines) > LINES_MAX:
        raise rules.TooManyLines(lines=len(command.lines), lines_max=LINES_MAX)
    rounding = settings.rounding if command.rounding is None else command.rounding
    terms = Terms(
        settings,
        dialect.currency,
        rates,
        rate,
        dialect.cash_step_minor if rounding is RoundingMode.POSITIONS else 1,
        dialect.modifiers_max,
    )
    lines: list[Line] = []
    stornos: list[Storno] = []
    total = 0
    for place, entry in enumerate(command.lines, 1):
        discount = markup = 0
        if entry.discount is not None or entry.markup is not None:
            discount, markup = _line_modifiers(entry, place, terms, stornos)
        line = _line(entry, place, terms, discount, markup)
        if entry.is_struck:
            stornos.append(Storno(line=line, place=place))
            continue
        lines.append(line)
        total += line.sum_minor
    if not lines:
        raise rules.EmptyBasket
    check_sum(total)
    kept = tuple(lines)
    if not command.modifiers:
        return Basket(kept, total, stornos=tuple(stornos))
    modifiers, discount, markup = _modify(command.modifiers, kept, total, terms)
    return Basket(kept, total + markup - discount, discount, markup, modifiers, tuple(stornos))


def check_sum(sum_minor: int) -> int:
    """The sum itself, when a document can state it. Refuses `SumTooLarge`."""
    if sum_minor > SUM_MAX:
        raise rules.SumTooLarge(sum_minor=sum_minor, sum_max_minor=SUM_MAX)
    return sum_minor


def _line(entry: BasketLine, place: int, terms: Terms, discount: int, markup: int) -> Line:
    """A line of known modifiers: checked, worked out, rounded, taxed."""
    quantity, price, section = entry.quantity_milli, entry.price_minor, entry.section
    if section is None:
        section = terms.settings.section
    if not 0 < len(entry.name) <= _NAME_MAX:
        raise rules.LineInvalid(line=place, field="name")
    if not 0 < quantity <= MILLI_MAX:
        raise rules.LineInvalid(line=place, field="quantity_milli")
    if price < 0:
        raise rules.LineInvalid(line=place, field="price_minor")
    if not 0 <= section <= _SECTION_MAX:
        raise rules.LineInvalid(line=place, field="section")
    if not 0 < entry.unit <= _UNIT_MAX:
        raise rules.LineInvalid(line=place, field="unit")
    _check_codes(entry, place, terms)
    rate = _rate(entry, place, terms)
    check_sum(price)
    cost = check_sum(cost_minor(price, quantity))
    check_sum(cost + markup)
    exact = cost - discount + markup
    if exact < 0:
        raise rules.DiscountTooLarge(line=place, discount_minor=discount, from_minor=cost + markup)
    sum_minor = check_sum(terms.rounded(exact))
    return Line(
        barcode=entry.barcode,
        code=entry.code,
        currency=entry.currency,
        discount_minor=discount,
        excise=entry.excise,
        marking=entry.marking,
        markings=entry.markings,
        markup_minor=markup,
        name=entry.name,
        ntin=entry.ntin,
        price_minor=price,
        quantity_milli=quantity,
        rounding_minor=sum_minor - exact,
        section=section,
        sum_minor=sum_minor,
        tax_minor=tax_inside(sum_minor, rate),
        tax_rate=rate,
        unit=entry.unit,
    )


def _check_codes(entry: BasketLine, place: int, terms: Terms) -> None:
    """What identifies the goods."""
    if entry.barcode is not None and not 0 < len(entry.barcode) <= _CODE_MAX:
        raise rules.LineInvalid(line=place, field="barcode")
    if entry.code is not None and not 0 < len(entry.code) <= _CODE_MAX:
        raise rules.LineInvalid(line=place, field="code")
    if entry.excise is not None and not 0 < len(entry.excise) <= _MARKING_MAX:
        raise rules.LineInvalid(line=place, field="excise")
    if entry.ntin is not None and not _NTIN.fullmatch(entry.ntin):
        raise rules.LineInvalid(line=place, field="ntin")
    if entry.currency is not None:
        if not terms.settings.is_exchange_office:
            raise rules.ExchangeNotAllowed(line=place)
        if not _CURRENCY.fullmatch(entry.currency) or entry.currency == terms.currency:
            raise rules.LineInvalid(line=place, field="currency")
    if entry.marking is not None or entry.markings:
        _check_markings(entry, place)


def _check_markings(entry: BasketLine, place: int) -> None:
    """One code for each whole piece, each its own: a single one, or a list, never both."""
    codes = entry.markings if entry.marking is None else (entry.marking, *entry.markings)
    if entry.marking is not None and entry.markings:
        raise rules.LineInvalid(line=place, field="markings")
    if not all(0 < len(code) <= _MARKING_MAX for code in codes):
        raise rules.LineInvalid(line=place, field="markings" if entry.markings else "marking")
    if (
        len(codes) * MILLI_IN_ONE != entry.quantity_milli
        or len(set(codes)) != len(codes)
        or len(codes) > MARKINGS_MAX
    ):
        raise rules.MarkingsCount(line=place, quantity_milli=entry.quantity_milli, markings=len(codes))


def _rate(entry: BasketLine, place: int, terms: Terms) -> int | None:
    """The rate of a line: its own, or the register's. Currency is no goods and has none unless it is said."""
    rate = entry.tax_rate
    if entry.is_untaxed:
        if rate is not None:
            raise rules.LineInvalid(line=place, field="tax_rate")
        return None
    if rate is None:
        if entry.currency is not None:
            return None
        rate = terms.rate
    elif not terms.settings.is_vat_payer:
        raise rules.TaxRateUnknown(line=place, rate=rate)
    if rate is not None and rate not in terms.rates:
        raise rules.TaxRateUnknown(line=place, rate=rate)
    return rate


def _line_modifiers(entry: BasketLine, place: int, terms: Terms, stornos: list[Storno]) -> tuple[int, int]:
    """The discount and the markup of a line; what was struck of them goes to the stornos and counts for nothing."""
    cost = max(cost_minor(entry.price_minor, entry.quantity_milli), 0)
    discount = markup = struck_discount = struck_markup = 0
    if entry.discount is not None:
        discount = _amount(entry.discount, cost, place, terms, is_markup=False)
    if entry.markup is not None:
        markup = _amount(entry.markup, cost, place, terms, is_markup=True)
    if (discount or markup) and not terms.settings.may_discount_lines:
        raise rules.ModifierNotAllowed(line=place)
    if entry.is_discount_struck:
        discount, struck_discount = 0, discount
    if entry.is_markup_struck:
        markup, struck_markup = 0, markup
    if discount and markup and not terms.settings.are_both_modifiers_allowed:
        raise rules.BothModifiers(line=place)
    if (struck_discount or struck_markup) and not entry.is_struck:
        stornos.append(Storno(discount_minor=struck_discount, markup_minor=struck_markup, place=place))
    return discount, markup


def _amount(change: Change, base_minor: int, place: int, terms: Terms, *, is_markup: bool) -> int:
    """What a change comes to.

    A register is set to shares or to sums; a markup may be a sum in either (manual of Webkassa 2.0, 5.3: only the way a
    discount is entered is switched). A share of rounded positions is rounded as they are, and takes at most all there is.
    """
    unit = terms.settings.modifier_unit
    if (change.share is None) == (change.sum_minor is None):
        raise rules.ModifierUnit(line=place, unit=unit.value)
    if change.sum_minor is not None:
        if (unit is ModifierUnit.PERCENT and not is_markup) or change.sum_minor < 0:
            raise rules.ModifierUnit(line=place, unit=unit.value)
        return check_sum(change.sum_minor)
    assert change.share is not None
    if unit is ModifierUnit.SUM or change.share < 0:
        raise rules.ModifierUnit(line=place, unit=unit.value)
    amount = check_sum(terms.rounded(round_half_up(base_minor * change.share, WHOLE)))
    if not is_markup and change.share <= WHOLE:
        return min(amount, base_minor)
    return amount


def _modify(
    modifiers: tuple[ReceiptModifier, ...], lines: tuple[Line, ...], total: int, terms: Terms
) -> tuple[tuple[Modifier, ...], int, int]:
    """The discounts and markups of a receipt, in the order they were entered, and what each kind comes to.

    Markups are put in before discounts are taken out, whatever the order, so that a discount finds all it can be
    taken from.
    """
    settings = terms.settings
    amounts = [
        _amount(modifier.change, total, 0, terms, is_markup=modifier.is_markup) for modifier in modifiers
    ]
    markup = sum(amount for entry, amount in zip(modifiers, amounts, strict=True) if entry.is_markup)
    discount = sum(amounts) - markup
    if (discount or markup) and not settings.may_discount_receipt:
        raise rules.ModifierNotAllowed(line=0)
    if discount and markup and not settings.are_both_modifiers_allowed:
        raise rules.BothModifiers(line=0)
    pool = Pool(lines)
    said: dict[int, Modifier] = {}
    for is_markup in (True, False):
        places = [
            place for place, entry in enumerate(modifiers) if entry.is_markup is is_markup and amounts[place]
        ]
        if len(places) > terms.modifiers_max:
            raise rules.ModifierNotAllowed(line=0)
        for place in places:
            said[place] = _modifier(modifiers[place], amounts[place], pool, terms)
    return tuple(said[place] for place in sorted(said)), discount, markup


def _modifier(entry: ReceiptModifier, amount: int, pool: Pool, terms: Terms) -> Modifier:
    """One modifier of a receipt, moved into or out of what there is."""
    if entry.name is not None and not 0 < len(entry.name) <= _NAME_MAX:
        raise rules.LineInvalid(line=0, field="name")
    rate = entry.tax_rate
    if rate is not None and (entry.is_untaxed or not terms.settings.is_vat_payer or rate not in terms.rates):
        raise rules.TaxRateUnknown(line=0, rate=rate)
    has_rate = rate is not None or entry.is_untaxed
    if not entry.is_markup:
        # What is untaxed may be taken off anything; a rate only off its own goods.
        left = sum(pool.sums.values())
        if rate is not None:
            left = min(left, pool.sums.get(rate, 0))
        if amount > left:
            raise rules.DiscountTooLarge(line=0, discount_minor=amount, from_minor=max(left, 0))
    parts = [(rate, amount)] if has_rate else pool.parts(amount)
    move = pool.put if entry.is_markup else pool.take
    shares = tuple(move(share_rate, part) for share_rate, part in parts)
    return Modifier(markup=entry.is_markup, name=entry.name, shares=shares, sum_minor=amount)
