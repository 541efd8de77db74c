"""The entries of a receipt in protocol 2.0.3: every position, and after it what changes its sum.

A position's own sum is price × quantity; its discount and markup follow as entries of their own, and so does the storno of
whatever was struck out before the receipt was issued. Rounding of a position is part of its discount or markup. Adding everything
up (a storno with the opposite sign) gives the sum of the receipt's lines, and likewise their taxes.
"""

from collections.abc import Iterator

from portal.fiscal.documents import Document, Line, Storno
from portal.fiscal.taxes import tax_inside
from portal.ofd.wire import v203_pb2 as v203
from portal.ofd.wire.values import TAX_TYPE_VAT, money, percent, section
from portal.primitives.quantity import cost_minor

DISCOUNT = "Скидка"
MARKUP = "Наценка"
# Beside a position: how much of its tax belongs to the receipt's own modifiers, in minor units.
MODIFIER_TAX = "modifier_tax"

_Request = v203.TicketRequest
_Item = v203.TicketRequest.Item
_CODE_MAX = 2**64 - 1


def tax(rate: int, sum_minor: int) -> v203.TicketRequest.Tax:
    """Value added tax inside a sum."""
    return _Request.Tax(
        tax_type=TAX_TYPE_VAT, percent=percent(rate), sum=money(sum_minor), is_in_total_sum=True
    )


def modifier(name: str, sum_minor: int, taxes: list[v203.TicketRequest.Tax]) -> v203.TicketRequest.Modifier:
    """A discount or a markup; which of them, the place says where it stands."""
    return _Request.Modifier(name=name, sum=money(sum_minor), taxes=taxes)


def items_of(document: Document, more_tax: dict[int, int]) -> list[v203.TicketRequest.Item]:
    """The entries of a receipt in the order they were entered.

    `more_tax` is tax by rate that the receipt's own modifier cannot state; it goes with the first positions of that rate
    that have room for it.
    """
    more_tax = dict(more_tax)
    struck = {storno.place: storno.line for storno in document.stornos if storno.line is not None}
    changes: dict[int, list[Storno]] = {}
    for storno in document.stornos:
        if storno.line is None:
            changes.setdefault(storno.place, []).append(storno)
    lines = iter(document.lines)
    items: list[v203.TicketRequest.Item] = []
    for place in range(1, len(document.lines) + len(struck) + 1):
        if place in struck:
            items += _struck(_Parts(struck[place]))
        elif line := next(lines, None):
            parts = _Parts(line)
            if line.tax_rate in more_tax:
                more_tax[line.tax_rate] -= parts.take_more_tax(more_tax[line.tax_rate])
            items += _standing(parts, changes.get(place, []))
    return items


class _Parts:
    """A line taken apart into what the protocol states apart.

    Rounding is made part of the modifier that goes the other way, if there is one and it is large enough. The taxes of the
    parts come to the tax of the line, whatever rounding does to each.
    """

    def __init__(self, line: Line) -> None:
        self.line = line
        self.cost_minor = cost_minor(line.price_minor, line.quantity_milli)
        self.discount_minor, self.markup_minor = line.discount_minor, line.markup_minor
        rounding = line.rounding_minor
        if self.markup_minor + rounding >= 0 and not 0 < rounding <= self.discount_minor:
            self.markup_minor += rounding
        else:
            self.discount_minor -= rounding
        discount_tax = tax_inside(self.discount_minor, line.tax_rate)
        markup_tax = min(tax_inside(self.markup_minor, line.tax_rate), line.tax_minor + discount_tax)
        self.more_tax = 0
        self._tax_minor = line.tax_minor + discount_tax - markup_tax
        self.taxes = self._tax(self._tax_minor)
        self.discount = modifier(DISCOUNT, self.discount_minor, self._tax(discount_tax))
        self.markup = modifier(MARKUP, self.markup_minor, self._tax(markup_tax))

    def take_more_tax(self, tax_minor: int) -> int:
        """Take up tax that is somebody else's, as far as there is room below; how much was taken."""
        self.more_tax = max(tax_minor, -self._tax_minor)
        self.taxes = self._tax(self._tax_minor + self.more_tax)
        return self.more_tax

    def change(self, name: str, sum_minor: int) -> v203.TicketRequest.Modifier:
        """A discount or a markup that was struck out again."""
        return modifier(name, sum_minor, self._tax(tax_inside(sum_minor, self.line.tax_rate)))

    def _tax(self, tax_minor: int) -> list[v203.TicketRequest.Tax]:
        rate = self.line.tax_rate
        return [] if rate is None else [tax(rate, tax_minor)]


def _standing(parts: _Parts, changes: list[Storno]) -> Iterator[v203.TicketRequest.Item]:
    """A position and what changed it, markups first: a discount then never takes more than there is."""
    yield _commodity(parts)
    if parts.markup_minor:
        yield _Item(type=_Item.ITEM_TYPE_MARKUP, markup=parts.markup)
    for storno in changes:
        yield from _struck_changes(parts, storno)
    if parts.discount_minor:
        yield _Item(type=_Item.ITEM_TYPE_DISCOUNT, discount=parts.discount)


def _struck_changes(parts: _Parts, storno: Storno) -> Iterator[v203.TicketRequest.Item]:
    """A position's discount or markup that was entered and struck out."""
    if storno.markup_minor:
        markup = parts.change(MARKUP, storno.markup_minor)
        yield _Item(type=_Item.ITEM_TYPE_MARKUP, markup=markup)
        yield _Item(type=_Item.ITEM_TYPE_STORNO_MARKUP, storno_markup=markup)
    # It may have been any sum; the operator believes only what the position had to give.
    if sum_minor := min(storno.discount_minor, parts.cost_minor + parts.markup_minor):
        discount = parts.change(DISCOUNT, sum_minor)
        yield _Item(type=_Item.ITEM_TYPE_DISCOUNT, discount=discount)
        yield _Item(type=_Item.ITEM_TYPE_STORNO_DISCOUNT, storno_discount=discount)


def _struck(parts: _Parts) -> Iterator[v203.TicketRequest.Item]:
    """A position that was entered with all its changes, and struck out."""
    yield from _standing(parts, [])
    if parts.discount_minor:
        yield _Item(type=_Item.ITEM_TYPE_STORNO_DISCOUNT, storno_discount=parts.discount)
    if parts.markup_minor:
        yield _Item(type=_Item.ITEM_TYPE_STORNO_MARKUP, storno_markup=parts.markup)
    yield _storno_commodity(parts)


def _commodity(parts: _Parts) -> v203.TicketRequest.Item:
    commodity = _Item.Commodity()
    _fill(commodity, parts)
    code = parts.line.code
    if code is not None and code.isdecimal() and int(code) <= _CODE_MAX:
        commodity.code = int(code)
    return _Item(type=_Item.ITEM_TYPE_COMMODITY, commodity=commodity)


def _storno_commodity(parts: _Parts) -> v203.TicketRequest.Item:
    commodity = _Item.StornoCommodity()
    _fill(commodity, parts)
    return _Item(type=_Item.ITEM_TYPE_STORNO_COMMODITY, storno_commodity=commodity)


def _fill(
    commodity: v203.TicketRequest.Item.Commodity | v203.TicketRequest.Item.StornoCommodity, parts: _Parts
) -> None:
    """What a position and its storno have in common: everything but the number of the goods."""
    line = parts.line
    commodity.name = line.name
    commodity.section_code = section(line.section)
    commodity.quantity = line.quantity_milli
    commodity.price.CopyFrom(money(line.price_minor))
    commodity.sum.CopyFrom(money(parts.cost_minor))
    commodity.taxes.extend(parts.taxes)
    commodity.measure_unit_code = str(line.unit)
    if line.code is not None and not (line.code.isdecimal() and int(line.code) <= _CODE_MAX):
        commodity.product_id = line.code
    if line.barcode is not None:
        commodity.barcode = line.barcode
    if line.ntin is not None:
        commodity.ntin = line.ntin
    stamps = [stamp for stamp in (line.excise, line.marking, *line.markings) if stamp is not None]
    if len(stamps) == 1:
        commodity.excise_stamp = stamps[0]
    else:
        commodity.list_excise_stamp.extend(stamps)
    if parts.more_tax:
        commodity.auxiliary.add(key=MODIFIER_TAX, value=str(parts.more_tax))
    if line.currency is not None:
        # The protocol has no field for the foreign currency of an exchange office.
        commodity.auxiliary.add(key="currency", value=line.currency)
