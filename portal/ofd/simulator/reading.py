"""Receipts of protocol 2.0.3 read and checked as an operator checks them: the arithmetic, and what must be there.

Sums come as {bills, coins} and become whole minor units; quantities are thousandths, percentages thousandths of a per cent,
times the wall clock of Almaty. Nothing here changes anything: it gives a `Received`, or raises `Refused`.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from portal.fiscal.commands import WHOLE
from portal.fiscal.dialects import KAZAKHSTAN
from portal.fiscal.documents import SUM_MAX, OperationName
from portal.fiscal.taxes import tax_inside
from portal.ofd.simulator.account import Facts, Pair, Received
from portal.ofd.simulator.codes import PROTOCOL_ERROR, SAME_TAXPAYER, Refused, incorrect
from portal.ofd.wire import v203_pb2 as pb
from portal.primitives.money import plain, round_half_up
from portal.primitives.period import zone_of
from portal.primitives.quantity import cost_minor

ZONE: Final = zone_of(KAZAKHSTAN.zone)
OPERATION_NAMES: Final[dict[int, OperationName]] = {
    pb.OPERATION_BUY: "purchase",
    pb.OPERATION_BUY_RETURN: "purchase_refund",
    pb.OPERATION_SELL: "sale",
    pb.OPERATION_SELL_RETURN: "sale_refund",
}
RETURNS: Final = frozenset({pb.OPERATION_BUY_RETURN, pb.OPERATION_SELL_RETURN})
VAT: Final = 100
# Hundredths of a per cent that have ever been a rate of the country.
RATES: Final = frozenset(rate.rate for rate in KAZAKHSTAN.tax_rates)
# Tax is rounded once for every part it is worked out of, so that it may be so far off per part.
TAX_SLACK_MINOR: Final = 2
# The key beside a position whose tax holds what the receipt's own modifier cannot state.
MODIFIER_TAX: Final = "modifier_tax"

_Item = pb.TicketRequest.Item


def minor(money: pb.Money) -> int:
    """A sum on the wire in minor units."""
    if money.coins > 99:
        raise Refused(PROTOCOL_ERROR, f"{money.coins} тиын в сумме")
    value = money.bills * 100 + money.coins
    if value > SUM_MAX:
        raise incorrect("слишком большая сумма")
    return value


def moment(wire: pb.DateTime) -> datetime:
    """A time on the wire."""
    day, time = wire.date, wire.time
    try:
        return datetime(day.year, day.month, day.day, time.hour, time.minute, time.second, tzinfo=ZONE)
    except ValueError:
        raise Refused(PROTOCOL_ERROR, "такого времени нет") from None


class _Sums:
    """What the lines of a receipt add up to. `taxes` are by rate: turnover and tax."""

    def __init__(self) -> None:
        self.items = 0
        self.item_minor = 0
        self.discounts = 0
        self.discount_minor = 0
        self.markups = 0
        self.markup_minor = 0
        self.sections: dict[str, Pair] = {}
        self.taxes: dict[int, Pair] = {}
        self.tax_parts: dict[int, int] = {}
        self.modifier_taxes: dict[int, int] = {}
        self.own_modifier_minor = 0

    @property
    def total_minor(self) -> int:
        return self.item_minor - self.discount_minor + self.markup_minor


def read_ticket(ticket: pb.TicketRequest, facts: Facts) -> Received:
    """A receipt as the counters need it; raise `Refused` with what an operator finds wrong with it."""
    _check_presence(ticket, facts)
    sums = _Sums()
    _read_items(ticket.items, sums)
    amounts = ticket.amounts
    _read_own_modifier(amounts, sums)
    total_minor = minor(amounts.total)
    if sums.total_minor != total_minor:
        raise incorrect(
            f"итог {plain(total_minor)}, а по позициям, скидкам и наценкам {plain(sums.total_minor)}"
        )
    _read_ticket_taxes(ticket, sums)
    _check_taxes(sums)
    received = Received(
        operation=OPERATION_NAMES[ticket.operation],
        total_minor=total_minor,
        discount_count=sums.discounts,
        discount_minor=sums.discount_minor,
        markup_count=sums.markups,
        markup_minor=sums.markup_minor,
        item_count=sums.items,
        item_minor=sums.item_minor,
        sections=sums.sections,
        taxes={rate: pair for rate, pair in sums.taxes.items() if pair.first or pair.second},
        is_offline=ticket.HasField("offline_ticket_number"),
    )
    _read_payments(ticket, received)
    return received


def _check_presence(ticket: pb.TicketRequest, facts: Facts) -> None:
    if not ticket.items:
        raise incorrect("нет позиций")
    if not ticket.payments:
        raise incorrect("нет оплат")
    if not ticket.HasField("domain") or not ticket.domain.HasField("type"):
        raise incorrect("не указана отрасль (domain)")
    if not ticket.HasField("printed_document_number"):
        raise incorrect("нет номера документа (printed_document_number)")
    if ticket.operation in RETURNS:
        parent = ticket.parent_ticket
        if not ticket.HasField("parent_ticket") or not (parent.parent_ticket_number and parent.kgd_kkm_id):
            raise incorrect("у возврата нет чека-основания (parent_ticket)")
        moment(parent.parent_ticket_data_time)
        minor(parent.parent_ticket_total)
    buyer = ticket.extension_options.customer_iin_or_bin
    if buyer and not (len(buyer) == 12 and buyer.isascii() and buyer.isdigit()):
        raise incorrect("ИИН/БИН покупателя не из 12 цифр")
    if buyer and buyer == facts.tax_id:
        raise Refused(SAME_TAXPAYER)


def _read_items(items: Iterable[pb.TicketRequest.Item], sums: _Sums) -> None:
    section: str | None = None
    left: list[tuple[str, int, int, int]] = []
    for place, item in enumerate(items, 1):
        if item.type == _Item.ITEM_TYPE_COMMODITY:
            if not item.HasField("commodity"):
                raise incorrect(f"позиция {place} пуста")
            section = item.commodity.section_code
            left.append(_read_commodity(item.commodity, place, sums, 1))
            continue
        if item.type == _Item.ITEM_TYPE_STORNO_COMMODITY:
            if not item.HasField("storno_commodity"):
                raise incorrect(f"сторно {place} пусто")
            section = item.storno_commodity.section_code
            struck = _read_commodity(item.storno_commodity, place, sums, -1)
            if struck not in left:
                raise incorrect(f"сторно {place} того, чего в чеке нет")
            left.remove(struck)
            continue
        if section is None:
            raise incorrect(f"скидка или наценка {place} ни к чему не относится")
        _read_item_modifier(item, place, section, sums)
    if not left:
        raise incorrect("в чеке всё сторнировано")


def _read_item_modifier(item: pb.TicketRequest.Item, place: int, section: str, sums: _Sums) -> None:
    field, by_discount, by_markup = _MODIFIERS[item.type]
    if not item.HasField(field):
        raise incorrect(f"скидка или наценка {place} пуста")
    by = by_markup - by_discount
    sum_minor = _read_modifier(getattr(item, field), sums, by)
    sums.discounts += by_discount
    sums.discount_minor += by_discount * sum_minor
    sums.markups += by_markup
    sums.markup_minor += by_markup * sum_minor
    sums.sections[section].second += by * sum_minor
    if sums.sections[section].second < 0:
        raise incorrect(f"скидка {place} больше своей позиции")


# The field that holds a modifier, and what it adds to discounts and to markups.
_MODIFIERS: Final = {
    _Item.ITEM_TYPE_DISCOUNT: ("discount", 1, 0),
    _Item.ITEM_TYPE_STORNO_DISCOUNT: ("storno_discount", -1, 0),
    _Item.ITEM_TYPE_MARKUP: ("markup", 0, 1),
    _Item.ITEM_TYPE_STORNO_MARKUP: ("storno_markup", 0, -1),
}

_Commodity = pb.TicketRequest.Item.Commodity | pb.TicketRequest.Item.StornoCommodity


def _read_commodity(commodity: _Commodity, place: int, sums: _Sums, by: int) -> tuple[str, int, int, int]:
    if not commodity.name:
        raise incorrect(f"у позиции {place} нет названия")
    if not commodity.section_code:
        raise incorrect(f"у позиции {place} нет секции")
    if not commodity.measure_unit_code:
        raise incorrect(f"у позиции {place} нет единицы измерения")
    if not commodity.quantity:
        raise incorrect(f"у позиции {place} нет количества")
    if commodity.excise_stamp and commodity.list_excise_stamp:
        raise incorrect(f"у позиции {place} и один код маркировки, и список")
    price_minor, sum_minor = minor(commodity.price), minor(commodity.sum)
    expected_minor = cost_minor(price_minor, commodity.quantity)
    if sum_minor != expected_minor:
        raise incorrect(
            f"стоимость позиции {place} {plain(sum_minor)}, а должна быть {plain(expected_minor)}"
        )
    sums.items += by
    sums.item_minor += by * sum_minor
    pair = sums.sections.setdefault(commodity.section_code, Pair())
    pair.first += by
    pair.second += by * sum_minor
    _read_position_tax(commodity, sum_minor, sums, by)
    return commodity.section_code, commodity.quantity, price_minor, sum_minor


def _read_modifier(modifier: pb.TicketRequest.Modifier, sums: _Sums, by: int) -> int:
    if not modifier.name:
        raise incorrect("у скидки или наценки нет названия")
    sum_minor = minor(modifier.sum)
    _read_taxes(modifier.taxes, sum_minor, sums, by)
    return sum_minor


def _read_own_modifier(amounts: pb.TicketRequest.Amounts, sums: _Sums) -> None:
    """The receipt's own discount or markup. Its tax may be stated for several rates, its share of each rate is not."""
    if amounts.HasField("markup") and amounts.HasField("discount"):
        raise incorrect("и скидка, и наценка на чек")
    if amounts.HasField("discount"):
        sums.discounts += 1
        sums.own_modifier_minor = _read_modifier(amounts.discount, sums, -1)
        sums.discount_minor += sums.own_modifier_minor
    if amounts.HasField("markup"):
        sums.markups += 1
        sums.own_modifier_minor = _read_modifier(amounts.markup, sums, 1)
        sums.markup_minor += sums.own_modifier_minor


def _read_taxes(taxes: Sequence[pb.TicketRequest.Tax], sum_minor: int, sums: _Sums, by: int) -> None:
    """Several rates share a sum, or one rate has only a part of it: then its turnover is turned back from its tax."""
    is_shared = len(taxes) > 1 or any(
        abs(minor(tax.sum) - tax_inside(sum_minor, _rate_of(tax))) > TAX_SLACK_MINOR for tax in taxes
    )
    for tax in taxes:
        rate = _rate_of(tax)
        pair = sums.taxes.setdefault(rate, Pair())
        tax_minor = minor(tax.sum)
        pair.first += by * (_turnover(tax_minor, rate) if is_shared else sum_minor)
        pair.second += by * tax_minor
        sums.tax_parts[rate] = sums.tax_parts.get(rate, 0) + 1


def _read_position_tax(commodity: _Commodity, sum_minor: int, sums: _Sums, by: int) -> None:
    """Tax of a position, once and of the whole of it. `modifier_tax` says how much of it belongs to the receipt's own modifiers."""
    if len(commodity.taxes) > 1:
        raise incorrect("у позиции несколько налогов")
    for tax in commodity.taxes:
        rate = _rate_of(tax)
        pair = sums.taxes.setdefault(rate, Pair())
        pair.first += by * sum_minor
        pair.second += by * minor(tax.sum)
        sums.tax_parts[rate] = sums.tax_parts.get(rate, 0) + 1
        stated = next((one.value for one in commodity.auxiliary if one.key == MODIFIER_TAX), "0")
        try:
            sums.modifier_taxes[rate] = sums.modifier_taxes.get(rate, 0) + by * int(stated)
        except ValueError:
            raise incorrect(f"{MODIFIER_TAX} — не число") from None


def _turnover(tax_minor: int, rate: int) -> int:
    return round_half_up(tax_minor * (WHOLE + rate), rate) if rate else 0


def _check_taxes(sums: _Sums) -> None:
    """The tax of every rate against its turnover, over the whole receipt.

    A register may state part of the receipt's own modifier's tax at a position, so that positions are not checked one by one.
    """
    for rate, pair in sums.taxes.items():
        expected_minor = tax_inside(pair.first, rate) + sums.modifier_taxes.get(rate, 0)
        slack_minor = TAX_SLACK_MINOR * sums.tax_parts[rate] + tax_inside(sums.own_modifier_minor, rate)
        if abs(pair.second - expected_minor) > slack_minor:
            raise incorrect(f"НДС {plain(pair.second)}, а должен быть {plain(expected_minor)}")


def _rate_of(tax: pb.TicketRequest.Tax) -> int:
    if tax.tax_type != VAT:
        raise incorrect(f"налога вида {tax.tax_type} нет")
    if not tax.is_in_total_sum:
        raise incorrect("НДС не включён в цену")
    rate, rest = divmod(tax.percent, 10)
    if rest or rate not in RATES:
        raise incorrect(f"ставки НДС {tax.percent} нет")
    return rate


def _read_ticket_taxes(ticket: pb.TicketRequest, sums: _Sums) -> None:
    """Taxes of the whole receipt are an alternative to those of its lines."""
    if not ticket.taxes:
        return
    if sums.taxes:
        raise incorrect("НДС и по позициям, и по чеку")
    _read_taxes(ticket.taxes, sums.total_minor, sums, 1)


_PAYMENT_NAMES: Final = {
    pb.PAYMENT_CASH: "cash_minor",
    pb.PAYMENT_CARD: "card_minor",
    pb.PAYMENT_CREDIT: "other_minor",
    pb.PAYMENT_TARE: "other_minor",
    pb.PAYMENT_MOBILE: "mobile_minor",
}


def _read_payments(ticket: pb.TicketRequest, received: Received) -> None:
    types = [payment.type for payment in ticket.payments]
    if len(set(types)) < len(types):
        raise incorrect("вид оплаты повторяется")
    paid_minor = 0
    for payment in ticket.payments:
        name = _PAYMENT_NAMES[payment.type]
        sum_minor = minor(payment.sum)
        setattr(received, name, getattr(received, name) + sum_minor)
        paid_minor += sum_minor
    if paid_minor != received.total_minor:
        raise incorrect(f"оплачено {plain(paid_minor)} при итоге {plain(received.total_minor)}")
    amounts = ticket.amounts
    if received.cash_minor and not (amounts.HasField("taken") and amounts.HasField("change")):
        raise incorrect("при оплате наличными нужны «принято» и «сдача»")
    received.change_minor = minor(amounts.change)
    received.taken_minor = minor(amounts.taken) if amounts.HasField("taken") else paid_minor
    received.has_cash = received.cash_minor > 0
    # Taken is either all that was handed over, or the cash alone.
    if received.taken_minor - received.change_minor == received.cash_minor != paid_minor:
        received.has_cash = received.taken_minor > 0
        received.taken_minor += paid_minor - received.cash_minor
    if received.taken_minor - received.change_minor != paid_minor:
        raise incorrect(
            f"принято {plain(received.taken_minor)} без сдачи {plain(received.change_minor)} — не итог {plain(paid_minor)}"
        )
