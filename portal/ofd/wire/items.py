"""The entries of a receipt in protocol 2.0.3: every position, and after it what changes its sum.

A position's own sum is price × quantity; its discount and markup follow as entries of their own, and so does the storno of
whatever was struck out before the receipt was issued. Rounding of a position is part of its discount or markup. Adding everything
up (a storno with the opposite sign) gives the sum of the receipt's lines, and likewise their taxes.
"""

from collections.abc import Iterator
from dataclasses import dataclass

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

    `more_tax` is tax by rate that the receipt's own modifier cannot state; it goes with the first position of that rate.
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
            more = 0 if line.tax_rate is None else more_tax.pop(line.tax_rate, 0)
            items += _standing(_Parts(line, more), changes.get(place, []))
    return items


@dataclass
class _Parts:
    """A line taken apart into what the protocol states apart."""

    line: Line
    more_tax: int = 0

    def __post_init__(self) -> None:
        line = self.line
        self.cost_minor = cost_minor(line.price_minor, line.quantity_milli)
        self.discount_minor = line.discount_minor + max(0, -line.rounding_minor)
        self.markup_minor = line.markup_minor + max(0, line.rounding_minor)
        # Whatever rounding does to the parts, together they make the tax of the line.
        self.tax_minor = (
            line.tax_minor
            + self._tax_of(self.discount_minor)
            - self._tax_of(self.markup_minor)
            + self.more_tax
        )

    def _tax_of(self, sum_minor: int) -> int:
        return tax_inside(sum_minor, self.line.tax_rate)

    def taxes(self, tax_minor: int) -> list[v203.TicketRequest.Tax]:
        rate = self.line.tax_rate
        return [] if rate is None else [tax(rate, max(0, tax_minor))]

    def change(self, name: str, sum_minor: int) -> v203.TicketRequest.Modifier:
        return modifier(name, sum_minor, self.taxes(self._tax_of(sum_minor)))


def _standing(parts: _Parts, changes: list[Storno]) -> Iterator[v203.TicketRequest.Item]:
    yield _commodity(parts)
    for storno in changes:
        if storno.discount_minor:
            yield _discount(parts, storno.discount_minor)
            yield _storno_discount(parts, storno.discount_minor)
        if storno.markup_minor:
            yield _markup(parts, storno.markup_minor)
            yield _storno_markup(parts, storno.markup_minor)
    if parts.discount_minor:
        yield _discount(parts, parts.discount_minor)
    if parts.markup_minor:
        yield _markup(parts, parts.markup_minor)


def _struck(parts: _Parts) -> Iterator[v203.TicketRequest.Item]:
    yield from _standing(parts, [])
    if parts.markup_minor:
        yield _storno_markup(parts, parts.markup_minor)
    if parts.discount_minor:
        yield _storno_discount(parts, parts.discount_minor)
    yield _storno_commodity(parts)


def _discount(parts: _Parts, sum_minor: int) -> v203.TicketRequest.Item:
    return _Item(type=_Item.ITEM_TYPE_DISCOUNT, discount=parts.change(DISCOUNT, sum_minor))


def _storno_discount(parts: _Parts, sum_minor: int) -> v203.TicketRequest.Item:
    return _Item(type=_Item.ITEM_TYPE_STORNO_DISCOUNT, storno_discount=parts.change(DISCOUNT, sum_minor))


def _markup(parts: _Parts, sum_minor: int) -> v203.TicketRequest.Item:
    return _Item(type=_Item.ITEM_TYPE_MARKUP, markup=parts.change(MARKUP, sum_minor))


def _storno_markup(parts: _Parts, sum_minor: int) -> v203.TicketRequest.Item:
    return _Item(type=_Item.ITEM_TYPE_STORNO_MARKUP, storno_markup=parts.change(MARKUP, sum_minor))


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
    commodity.taxes.extend(parts.taxes(parts.tax_minor))
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
