"""What the operator takes and what it refuses: presence, arithmetic, order, cash."""

import socket
from collections.abc import Callable
from contextlib import suppress

import pytest

from portal.ofd.wire import v203_pb2 as pb
from tests.ofd.caller import (
    BIN,
    DEVICE,
    Caller,
    Item,
    commodity,
    exchange,
    frame,
    hear,
    modifier,
    money,
    vat,
)

Change = Callable[[pb.Request], object]


def _discounted(request: pb.Request) -> None:
    """A discount of 100.00 on the whole receipt, all of it right."""
    amounts = request.ticket.amounts
    amounts.discount.CopyFrom(modifier(10_000))
    amounts.total.CopyFrom(money(40_000))
    amounts.taken.CopyFrom(money(40_000))
    request.ticket.payments[0].sum.CopyFrom(money(40_000))


def _taxed_by_ticket(request: pb.Request) -> None:
    del request.ticket.items[0].commodity.taxes[:]
    request.ticket.taxes.append(vat(50_000))


GOOD: dict[str, Change] = {
    "as it is": lambda _: None,
    "a discount on the receipt": _discounted,
    "tax of the receipt": _taxed_by_ticket,
    "no tax at all": lambda request: request.ticket.items[0].commodity.ClearField("taxes"),
    "a buyer": lambda request: setattr(
        request.ticket.extension_options, "customer_iin_or_bin", "000000000000"
    ),
    "no shift number": lambda request: request.ticket.ClearField("fr_shift_number"),
    "no service block": lambda request: request.ClearField("service"),
    "no facts of the organisation": lambda request: request.service.reg_info.ClearField("org"),
}


@pytest.mark.parametrize("change", GOOD.values(), ids=GOOD)
def test_takes_a_receipt_that_is_right(caller: Caller, change: Change) -> None:
    request = caller.ticket()
    change(request)
    assert caller.issue(request).response.ticket.ticket_number


def _both(request: pb.Request) -> None:
    _discounted(request)
    request.ticket.amounts.markup.CopyFrom(modifier(100, "Наценка"))


def _set_total(request: pb.Request, minor: int) -> None:
    request.ticket.amounts.total.CopyFrom(money(minor))


def _without_period(request: pb.Request) -> None:
    request.ticket.offline_ticket_number = 9
    request.service.ClearField("offline_period")


BAD: dict[str, tuple[int, Change, str]] = {
    "no positions": (13, lambda r: r.ticket.ClearField("items"), "нет позиций"),
    "no payments": (13, lambda r: r.ticket.ClearField("payments"), "нет оплат"),
    "no domain": (13, lambda r: r.ticket.ClearField("domain"), "domain"),
    "no document number": (13, lambda r: r.ticket.ClearField("printed_document_number"), "номера документа"),
    "no name": (13, lambda r: r.ticket.items[0].commodity.ClearField("name"), "нет названия"),
    "no unit": (13, lambda r: r.ticket.items[0].commodity.ClearField("measure_unit_code"), "единицы"),
    "no quantity": (13, lambda r: setattr(r.ticket.items[0].commodity, "quantity", 0), "количества"),
    "empty section": (13, lambda r: setattr(r.ticket.items[0].commodity, "section_code", ""), "секции"),
    "a line that is not price × quantity": (
        13,
        lambda r: r.ticket.items[0].commodity.sum.CopyFrom(money(50_001)),
        "500.01, а должна быть 500.00",
    ),
    "a total that is not the lines": (13, lambda r: _set_total(r, 50_100), "итог 501.00"),
    "payments that are not the total": (
        13,
        lambda r: r.ticket.payments[0].sum.CopyFrom(money(49_999)),
        "оплачено 499.99",
    ),
    "one type of payment twice": (
        13,
        lambda r: r.ticket.payments.add(type=pb.PAYMENT_CASH, sum=money(0)),
        "повторяется",
    ),
    "cash with nothing taken": (13, lambda r: r.ticket.amounts.ClearField("taken"), "принято"),
    "taken that is not paid and change": (
        13,
        lambda r: r.ticket.amounts.taken.CopyFrom(money(60_000)),
        "600.00",
    ),
    "discount and markup on the receipt": (13, _both, "и скидка, и наценка"),
    "a modifier without a name": (
        13,
        lambda r: r.ticket.items.append(
            Item(type=Item.ITEM_TYPE_DISCOUNT, discount=pb.TicketRequest.Modifier(sum=money(1)))
        ),
        "нет названия",
    ),
    "tax that is not inside the price": (
        13,
        lambda r: r.ticket.items[0].commodity.taxes[0].sum.CopyFrom(money(8_000)),
        "НДС 80.00, а должен быть 68.97",
    ),
    "a rate that there never was": (
        13,
        lambda r: setattr(r.ticket.items[0].commodity.taxes[0], "percent", 17_000),
        "ставки НДС 17000 нет",
    ),
    "tax on top of the price": (
        13,
        lambda r: setattr(r.ticket.items[0].commodity.taxes[0], "is_in_total_sum", False),
        "не включён",
    ),
    "tax by position and by receipt": (13, lambda r: r.ticket.taxes.append(vat(50_000)), "и по позициям"),
    "a stamp and a list of them": (
        13,
        lambda r: r.ticket.items[0].commodity.MergeFrom(
            Item.Commodity(excise_stamp="1", list_excise_stamp=["2"])
        ),
        "маркировки",
    ),
    "a buyer who is the seller": (
        17,
        lambda r: setattr(r.ticket.extension_options, "customer_iin_or_bin", BIN),
        "Совпадает",
    ),
    "a buyer of eleven digits": (
        13,
        lambda r: setattr(r.ticket.extension_options, "customer_iin_or_bin", "12345678901"),
        "12 цифр",
    ),
    "a service block that asks nothing": (13, lambda r: r.service.ClearField("get_reg_info"), "get_reg_info"),
    "no registration facts": (13, lambda r: r.service.ClearField("reg_info"), "reg_info"),
    "another registration number": (
        6,
        lambda r: setattr(r.service.reg_info.kkm, "fns_kkm_id", "1"),
        "РНМ 1",
    ),
    "another factory number": (6, lambda r: setattr(r.service.reg_info.kkm, "serial_number", "2"), "ЗНМ 2"),
    "another taxpayer": (6, lambda r: setattr(r.service.reg_info.org, "inn", "3"), "ИИН/БИН 3"),
    "an autonomous receipt without its period": (
        13,
        _without_period,
        "offline_period",
    ),
    "a period that ends before it begins": (
        13,
        lambda r: setattr(r.service.offline_period.end_time.date, "year", 2025),
        "раньше начала",
    ),
    "a hundred tiyn": (3, lambda r: setattr(r.ticket.amounts.total, "coins", 100), "100 тиын"),
    "the thirtieth of February": (
        3,
        lambda r: r.ticket.date_time.date.MergeFrom(pb.Date(year=2026, month=2, day=30)),
        "времени",
    ),
    "no receipt in it": (3, lambda r: r.ClearField("ticket"), "нет чека"),
    "a command that was taken back": (5, lambda r: setattr(r, "command", pb.COMMAND_CANCEL_TICKET), ""),
    "a command that is kept free": (4, lambda r: setattr(r, "command", pb.COMMAND_RESERVED), ""),
}


@pytest.mark.parametrize(("code", "change", "why"), BAD.values(), ids=BAD)
def test_refuses_a_receipt_and_says_why(caller: Caller, code: int, change: Change, why: str) -> None:
    request = caller.ticket()
    change(request)
    heard = caller.send(request)
    assert heard.code == code, heard.text
    assert why in heard.text
    assert not heard.response.HasField("ticket")
    account = caller.operator.account(DEVICE)
    assert (account.number, account.cash_minor, account.is_open) == (0, 0, False)


def test_answers_the_published_exchange(caller: Caller) -> None:
    """A ping and a sale of 500.00, byte for byte as they are published; the answer is the published one but for sign and token."""
    ping = "a281cb0018000000551b0300d63a5f050100080032023801"
    sale = (
        "a281cb00a3000000551b0300d63a5f0502000801128c01080212110a0708ea0f1001180f1206080e101e18051a100801120cd098d0b2d0b0"
        "d0bdd0bed0b2220208002a36080112321208d0a1d0bed0bbd18c1a013120d00f2a0508fa011000320508f40310003a0d086418807d220408"
        "44106128016a0337393632090800120508f403100042150a0508f4031000120508e80710001a0508f40310007007780380012a"
    )
    assert hear(exchange(caller.operator.port, bytes.fromhex(ping))).code == 0
    heard = hear(exchange(caller.operator.port, bytes.fromhex(sale)))
    sign = heard.response.ticket.ticket_number
    assert (heard.device, heard.request_number, heard.response.result.result_text) == (DEVICE, 2, "OK")
    assert heard.response.ticket.qr_code.decode() == (
        f"https://consumer.oofd.kz/?i={sign}&f=032600010282&s=500.00&t=20260115T143005"
    )
    account = caller.operator.account(DEVICE)
    assert (account.token, account.number, account.shift) == (heard.token, 42, 7)


def test_refuses_what_lacks_a_required_field(caller: Caller) -> None:
    request = caller.ticket()
    request.ticket.items[0].commodity.ClearField("price")
    assert caller.send(request).code == 3


def test_refuses_bytes_that_are_no_message(caller: Caller) -> None:
    heard = hear(exchange(caller.operator.port, frame(DEVICE, caller.token, 1, b"\xff\xff\xff")))
    assert heard.code == 3


@pytest.mark.parametrize(
    "raw",
    [b"", b"\xa2\x81", b"HTTP/1.1 400 Bad Request\r\n", frame(DEVICE, 1, 1, b"")[:-1] + b"\x00" * 30],
    ids=["nothing", "half a header", "something else", "more than a frame"],
)
def test_survives_what_is_no_frame(caller: Caller, raw: bytes) -> None:
    with socket.create_connection(("127.0.0.1", caller.operator.port), timeout=20) as line:
        line.sendall(raw)
        line.shutdown(socket.SHUT_WR)
        with suppress(ConnectionResetError):
            line.recv(65536)
    assert caller.issue(caller.ticket()).code == 0


def test_a_return_names_its_receipt(caller: Caller) -> None:
    caller.issue(caller.ticket())
    request = caller.ticket(pb.OPERATION_SELL_RETURN)
    request.ticket.ClearField("parent_ticket")
    heard = caller.send(request)
    assert (heard.code, "parent_ticket" in heard.text) == (13, True)
    assert caller.issue(caller.ticket(pb.OPERATION_SELL_RETURN)).code == 0


# Positions and what changes them


def test_modifiers_and_storno_add_up(caller: Caller) -> None:
    """500.00 − 50.00 + 10.00, and a position that was entered and struck out again."""
    bread = commodity("Хлеб", 15_000, 1000)
    struck = Item(
        type=Item.ITEM_TYPE_STORNO_COMMODITY,
        storno_commodity=Item.StornoCommodity(
            name="Хлеб",
            section_code="1",
            quantity=1000,
            price=money(15_000),
            sum=money(15_000),
            taxes=[vat(15_000)],
            measure_unit_code="796",
        ),
    )
    items = [
        commodity(),
        Item(type=Item.ITEM_TYPE_DISCOUNT, discount=modifier(5_000)),
        Item(type=Item.ITEM_TYPE_MARKUP, markup=modifier(1_000, "Наценка")),
        bread,
        struck,
    ]
    request = caller.ticket(items=items)
    _set_total(request, 46_000)
    request.ticket.payments[0].sum.CopyFrom(money(46_000))
    request.ticket.amounts.taken.CopyFrom(money(46_000))
    caller.issue(request)
    figures = caller.operator.figures(DEVICE)
    assert (figures["sale.sum"], figures["sale.item_count"]) == (46_000, 1)
    totals = caller.operator.counters(DEVICE).operations[0]
    assert (totals.item_count, totals.item_minor) == (1, 50_000)
    assert (totals.discount_minor, totals.markup_minor) == (5_000, 1_000)
    assert figures["tax.1600.sale"] == 6897 - 690 + 138
    assert figures["section.1.sale.sum"] == 46_000


def test_refuses_a_storno_of_what_is_not_there(caller: Caller) -> None:
    storno = Item.StornoCommodity(
        name="Хлеб", section_code="1", quantity=1, price=money(0), sum=money(0), measure_unit_code="796"
    )
    request = caller.ticket(items=[commodity()])
    request.ticket.items.append(Item(type=Item.ITEM_TYPE_STORNO_COMMODITY, storno_commodity=storno))
    heard = caller.send(request)
    assert (heard.code, "чего в чеке нет" in heard.text) == (13, True)


def test_refuses_a_modifier_that_belongs_to_nothing(caller: Caller) -> None:
    request = caller.ticket()
    request.ticket.items.insert(0, Item(type=Item.ITEM_TYPE_DISCOUNT, discount=modifier(1)))
    assert "ни к чему" in caller.send(request).text


def test_refuses_a_receipt_whose_every_position_was_struck_out(caller: Caller) -> None:
    one = commodity("Хлеб", 15_000, 1000, percent=None)
    storno = Item.StornoCommodity(
        name="Хлеб",
        section_code="1",
        quantity=1000,
        price=money(15_000),
        sum=money(15_000),
        measure_unit_code="796",
    )
    request = caller.ticket(items=[one])
    request.ticket.items.append(Item(type=Item.ITEM_TYPE_STORNO_COMMODITY, storno_commodity=storno))
    assert "сторнировано" in caller.send(request).text


def test_taken_may_be_all_that_was_handed_over_or_the_cash_alone(caller: Caller) -> None:
    """Registers differ in it; the counters tell the same either way."""
    caller.issue(caller.ticket(card=30_000, taken=25_000))
    request = caller.ticket(card=30_000, taken=25_000)
    request.ticket.amounts.taken.CopyFrom(money(55_000))
    caller.issue(request)
    totals = caller.operator.counters(DEVICE).operations[0]
    assert (totals.taken_minor, totals.change_minor, totals.cash_minor) == (110_000, 10_000, 40_000)
