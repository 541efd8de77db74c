"""Documents as requests of protocol 2.0.3."""

import tomllib
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from portal.config import ROOT
from portal.fiscal.documents import (
    OPERATIONS,
    Basis,
    Document,
    KindName,
    Line,
    Modifier,
    OperationTotals,
    Payments,
    ShiftReport,
    Storno,
    TaxShare,
)
from portal.fiscal.taxes import tax_inside
from portal.ofd.exchange import Line as Link
from portal.ofd.exchange import Outgoing, Registration
from portal.ofd.wire import v203_pb2 as v203
from portal.ofd.wire.requests import SOFTWARE_VERSION, info_request, request_of, system_request, ticket_of
from portal.ofd.wire.values import minor_of, wall_time

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
LATER = AT + timedelta(hours=2)
LINK = Link(
    "operator.example",
    7777,
    Registration(
        factory_number="SWK00032685",
        registration_number="032600010282",
        organisation="ТОО Алма",
        tax_id="230840012345",
        address="Алматы, Абая 1",
        latitude=43_238_949,
        longitude=76_889_709,
    ),
    device=203605,
    token=7,
)
ITEM = v203.TicketRequest.Item


def _line(cost_minor: int = 50_000, rate: int | None = 1600, **more: Any) -> Line:
    modified = cost_minor - more.get("discount_minor", 0) + more.get("markup_minor", 0)
    sum_minor = modified + more.get("rounding_minor", 0)
    return Line(
        name="Соль",
        price_minor=cost_minor,
        quantity_milli=1000,
        sum_minor=sum_minor,
        tax_minor=tax_inside(sum_minor, rate),
        tax_rate=rate,
        **more,
    )


def _document(*lines: Line, kind: KindName = "sale", **more: Any) -> Document:
    total = (
        sum(line.sum_minor for line in lines) + more.get("markup_minor", 0) - more.get("discount_minor", 0)
    )
    total += more.get("rounding_minor", 0)
    facts: dict[str, Any] = {
        "cashier": "Иванов",
        "currency": "KZT",
        "issued_at": AT,
        "number": 42,
        "ordinal": 3,
        "payments": Payments(cash_minor=total),
        "register": "SWK00032685",
        "shift": 7,
        "total_minor": total,
    }
    return Document(kind=kind, lines=lines, **{**facts, **more})


def _ticket(document: Document, **more: Any) -> v203.TicketRequest:
    return ticket_of(Outgoing(document, b"", 2, **more))


def _entries(ticket: v203.TicketRequest) -> Iterator[tuple[int, Any]]:
    """What the ticket states with a sum and taxes, each with its sign."""
    for item in ticket.items:
        name = ITEM.ItemTypeEnum.Name(item.type).removeprefix("ITEM_TYPE_").lower()
        yield -1 if name in {"storno_commodity", "discount", "storno_markup"} else 1, getattr(item, name)
    yield 1, ticket.amounts.markup
    yield -1, ticket.amounts.discount


def _sum(ticket: v203.TicketRequest) -> int:
    return sum(sign * minor_of(entry.sum) for sign, entry in _entries(ticket))


def _tax(ticket: v203.TicketRequest) -> dict[int, int]:
    """The tax of each rate, in hundredths of a per cent."""
    taxes: Counter[int] = Counter()
    for sign, entry in _entries(ticket):
        for tax in entry.taxes:
            taxes[tax.percent // 10] += sign * minor_of(tax.sum)
    return dict(taxes)


def _kinds(ticket: v203.TicketRequest) -> list[str]:
    return [ITEM.ItemTypeEnum.Name(item.type).removeprefix("ITEM_TYPE_").lower() for item in ticket.items]


@pytest.mark.parametrize(
    ("kind", "operation"),
    [
        ("sale", v203.OPERATION_SELL),
        ("sale_refund", v203.OPERATION_SELL_RETURN),
        ("purchase", v203.OPERATION_BUY),
        ("purchase_refund", v203.OPERATION_BUY_RETURN),
    ],
)
def test_every_kind_of_receipt_is_a_ticket_of_its_operation(
    kind: KindName, operation: v203.OperationTypeEnum
) -> None:
    request = request_of(LINK, Outgoing(_document(_line(), kind=kind), b"", 2), now=LATER)
    assert request.command == v203.COMMAND_TICKET
    assert request.ticket.operation == operation
    assert request.IsInitialized()


def test_numbers_of_the_document_travel() -> None:
    ticket = _ticket(_document(_line()))
    assert (ticket.fr_shift_number, ticket.shift_document_number, ticket.printed_document_number) == (
        7,
        3,
        42,
    )
    assert ticket.date_time == wall_time(AT)
    assert (ticket.operator.code, ticket.operator.name) == (1, "Иванов")
    assert ticket.domain.type == v203.DOMAIN_TRADING
    assert ticket.domain.HasField("type")


def test_a_discount_and_a_markup_of_a_position_follow_it() -> None:
    ticket = _ticket(_document(_line(discount_minor=5000, markup_minor=700), _line(1000)))
    assert _kinds(ticket) == ["commodity", "markup", "discount", "commodity"]
    assert minor_of(ticket.items[0].commodity.sum) == 50_000
    assert _sum(ticket) == minor_of(ticket.amounts.total) == 46_700
    assert _tax(ticket) == {1600: tax_inside(45_700, 1600) + tax_inside(1000, 1600)}


@pytest.mark.parametrize(("rounding", "kind"), [(-37, "discount"), (63, "markup")])
def test_rounding_of_a_position_is_part_of_its_discount_or_markup(rounding: int, kind: str) -> None:
    ticket = _ticket(_document(_line(50_037, rounding_minor=rounding)))
    assert _kinds(ticket) == ["commodity", kind]
    assert _sum(ticket) == 50_037 + rounding
    assert _tax(ticket) == {1600: tax_inside(50_037 + rounding, 1600)}


def test_a_struck_line_is_entered_and_taken_back_in_its_place() -> None:
    struck = Storno(line=_line(9000, discount_minor=400), place=2)
    document = _document(_line(), _line(1000), stornos=(struck,))
    ticket = _ticket(document)
    assert _kinds(ticket) == [
        "commodity",
        "commodity",
        "discount",
        "storno_discount",
        "storno_commodity",
        "commodity",
    ]
    assert minor_of(ticket.items[1].commodity.sum) == minor_of(ticket.items[4].storno_commodity.sum) == 9000
    assert _sum(ticket) == 51_000
    assert _tax(ticket) == {1600: tax_inside(50_000, 1600) + tax_inside(1000, 1600)}


def test_a_struck_discount_follows_its_position_and_is_taken_back() -> None:
    stornos = (Storno(discount_minor=500, place=1), Storno(markup_minor=300, place=1))
    ticket = _ticket(_document(_line(), stornos=stornos))
    assert _kinds(ticket) == ["commodity", "discount", "storno_discount", "markup", "storno_markup"]
    assert _sum(ticket) == 50_000
    assert _tax(ticket) == {1600: tax_inside(50_000, 1600)}


def test_a_struck_discount_takes_no_more_than_there_was() -> None:
    ticket = _ticket(
        _document(_line(300), _line(0), stornos=tuple(Storno(discount_minor=500, place=n) for n in (1, 2)))
    )
    assert _kinds(ticket) == ["commodity", "discount", "storno_discount", "commodity"]
    assert minor_of(ticket.items[1].discount.sum) == 300


def test_a_position_says_what_it_is() -> None:
    line = msgspec.structs.replace(
        _line(), barcode="4870001", code="17", excise="E1", ntin="0000000000017", section=4, unit=166
    )
    commodity = _ticket(_document(line)).items[0].commodity
    assert (commodity.barcode, commodity.code, commodity.ntin) == ("4870001", 17, "0000000000017")
    assert (commodity.section_code, commodity.measure_unit_code) == ("4", "166")
    assert (commodity.quantity, minor_of(commodity.price)) == (1000, 50_000)
    assert (commodity.excise_stamp, list(commodity.list_excise_stamp)) == ("E1", [])


def test_one_code_is_a_stamp_and_several_are_a_list() -> None:
    one = _ticket(_document(_line(marking="M1"))).items[0].commodity
    assert (one.excise_stamp, list(one.list_excise_stamp)) == ("M1", [])
    many = _ticket(_document(_line(excise="E1", markings=("M1", "M2")))).items[0].commodity
    assert (many.HasField("excise_stamp"), list(many.list_excise_stamp)) == (False, ["E1", "M1", "M2"])


@pytest.mark.parametrize("code", ["A-17", "99999999999999999999", "²"])
def test_a_code_that_is_no_number_is_a_product(code: str) -> None:
    commodity = _ticket(_document(_line(code=code))).items[0].commodity
    assert (commodity.product_id, commodity.HasField("code")) == (code, False)


def test_the_currency_of_an_exchange_office_stands_beside_the_position() -> None:
    commodity = _ticket(_document(_line(currency="USD"))).items[0].commodity
    assert [(one.key, one.value) for one in commodity.auxiliary] == [("currency", "USD")]


def test_what_is_free_of_tax_states_none() -> None:
    ticket = _ticket(_document(_line(rate=None), _line(rate=0)))
    assert len(ticket.items[0].commodity.taxes) == 0
    assert ticket.items[1].commodity.taxes[0].percent == 0


def test_a_discount_on_the_receipt_carries_its_tax() -> None:
    discount = Modifier(
        name="Карта", shares=(TaxShare(sum_minor=5000, tax_minor=690, tax_rate=1600),), sum_minor=5000
    )
    ticket = _ticket(_document(_line(), discount_minor=5000, modifiers=(discount,)))
    own = ticket.amounts.discount
    assert (own.name, minor_of(own.sum)) == ("Карта", 5000)
    assert not ticket.amounts.HasField("markup")
    assert _sum(ticket) == 45_000
    assert _tax(ticket) == {1600: tax_inside(50_000, 1600) - 690}


def test_rounding_of_the_total_is_inside_the_modifier_of_the_receipt() -> None:
    down = _ticket(_document(_line(50_037), rounding_minor=-37))
    assert minor_of(down.amounts.discount.sum) == 37
    up = _ticket(_document(_line(50_063), rounding_minor=37))
    assert minor_of(up.amounts.markup.sum) == 37
    mixed = _ticket(
        _document(
            _line(50_063),
            discount_minor=1000,
            modifiers=(Modifier(shares=(TaxShare(sum_minor=1000),), sum_minor=1000),),
            rounding_minor=37,
        )
    )
    assert minor_of(mixed.amounts.discount.sum) == 963
    assert (_sum(down), _sum(up), _sum(mixed)) == (50_000, 50_100, 49_100)


def test_a_receipt_states_what_is_left_of_discount_and_markup() -> None:
    """The tax of the smaller one, that goes the other way, stands at a position of its rate."""
    modifiers = (
        Modifier(shares=(TaxShare(sum_minor=5000, tax_minor=690, tax_rate=1600),), sum_minor=5000),
        Modifier(markup=True, shares=(TaxShare(sum_minor=2000, tax_minor=95, tax_rate=500),), sum_minor=2000),
    )
    document = _document(
        _line(), _line(rate=500), discount_minor=5000, markup_minor=2000, modifiers=modifiers
    )
    ticket = _ticket(document)
    assert minor_of(ticket.amounts.discount.sum) == 3000
    assert not ticket.amounts.HasField("markup")
    assert _sum(ticket) == 97_000
    assert _tax(ticket) == {1600: tax_inside(50_000, 1600) - 690, 500: tax_inside(50_000, 500) + 95}
    assert [(one.key, one.value) for one in ticket.items[1].commodity.auxiliary] == [("modifier_tax", "95")]


def test_a_discount_and_a_markup_that_cancel_leave_no_modifier_but_their_tax() -> None:
    modifiers = (
        Modifier(shares=(TaxShare(sum_minor=2000, tax_minor=276, tax_rate=1600),), sum_minor=2000),
        Modifier(markup=True, shares=(TaxShare(sum_minor=2000, tax_minor=95, tax_rate=500),), sum_minor=2000),
    )
    ticket = _ticket(
        _document(_line(), _line(rate=500), discount_minor=2000, markup_minor=2000, modifiers=modifiers)
    )
    assert not ticket.amounts.HasField("discount")
    assert not ticket.amounts.HasField("markup")
    assert _tax(ticket) == {1600: tax_inside(50_000, 1600) - 276, 500: tax_inside(50_000, 500) + 95}


def test_cash_is_stated_net_of_change() -> None:
    document = _document(
        _line(),
        change_minor=3000,
        payments=Payments(card_minor=20_000, cash_minor=13_000, mobile_minor=15_000, other_minor=5000),
    )
    ticket = _ticket(document)
    assert [(paid.type, minor_of(paid.sum)) for paid in ticket.payments] == [
        (v203.PAYMENT_CASH, 10_000),
        (v203.PAYMENT_CARD, 20_000),
        (v203.PAYMENT_MOBILE, 15_000),
        (v203.PAYMENT_CREDIT, 5000),
    ]
    assert (minor_of(ticket.amounts.taken), minor_of(ticket.amounts.change)) == (13_000, 3000)


def test_without_cash_nothing_is_taken_and_nothing_given_back() -> None:
    ticket = _ticket(_document(_line(), payments=Payments(card_minor=50_000)))
    assert not ticket.amounts.HasField("taken")
    assert not ticket.amounts.HasField("change")


def test_a_receipt_for_nothing_is_paid_with_nothing_in_cash() -> None:
    ticket = _ticket(_document(_line(discount_minor=50_000)))
    assert [(paid.type, minor_of(paid.sum)) for paid in ticket.payments] == [(v203.PAYMENT_CASH, 0)]


def test_the_buyer_is_named_by_number() -> None:
    assert (
        _ticket(_document(_line(), buyer="990140001234")).extension_options.customer_iin_or_bin
        == "990140001234"
    )
    assert not _ticket(_document(_line())).HasField("extension_options")


def test_a_refund_names_the_receipt_it_takes_back() -> None:
    basis = Basis(
        autonomous=True,
        fiscal_sign="367645207",
        issued_at=AT - timedelta(days=1),
        registration_number="032600010282",
        total_minor=70_000,
    )
    parent = _ticket(_document(_line(), basis_receipt=basis, kind="sale_refund")).parent_ticket
    assert (parent.parent_ticket_number, parent.kgd_kkm_id) == ("367645207", "032600010282")
    assert parent.parent_ticket_data_time == wall_time(AT - timedelta(days=1))
    assert (minor_of(parent.parent_ticket_total), parent.parent_ticket_is_offline) == (70_000, True)


def test_only_an_autonomous_receipt_carries_its_autonomous_sign() -> None:
    assert not _ticket(_document(_line())).HasField("offline_ticket_number")
    late = _ticket(_document(_line()), is_autonomous=True, autonomous_sign="4294967295")
    assert late.offline_ticket_number == 4_294_967_295


@pytest.mark.parametrize(
    ("kind", "operation"),
    [("cash_in", v203.MONEY_PLACEMENT_DEPOSIT), ("cash_out", v203.MONEY_PLACEMENT_WITHDRAWAL)],
)
def test_cash_is_placed(kind: KindName, operation: v203.MoneyPlacementEnum) -> None:
    document = _document(kind=kind, payments=Payments(), total_minor=12_345)
    request = request_of(LINK, Outgoing(document, b"", 2, is_autonomous=True), now=LATER)
    placed = request.money_placement
    assert request.command == v203.COMMAND_MONEY_PLACEMENT
    assert (placed.operation, minor_of(placed.sum), placed.is_offline) == (operation, 12_345, True)
    assert (placed.fr_shift_number, placed.printed_document_number) == (7, 42)
    assert placed.operator.name == "Иванов"


def _report(kind: KindName) -> Document:
    report = ShiftReport(
        opened_at=AT, operations=tuple(OperationTotals(operation=name) for name in OPERATIONS)
    )
    return _document(kind=kind, payments=Payments(), report=report)


def test_a_closing_carries_its_report() -> None:
    request = request_of(LINK, Outgoing(_report("z_report"), b"", 2), now=LATER)
    assert request.command == v203.COMMAND_CLOSE_SHIFT
    closing = request.close_shift
    assert (closing.fr_shift_number, closing.printed_document_number) == (7, 42)
    assert (closing.is_offline, closing.withdraw_money) == (False, False)
    assert closing.z_report.shift_number == 7
    assert closing.close_time == wall_time(AT)
    assert request.IsInitialized()


def test_an_x_report_is_a_report() -> None:
    request = request_of(LINK, Outgoing(_report("x_report"), b"", 2), now=LATER)
    assert request.command == v203.COMMAND_REPORT
    assert request.report.report == v203.REPORT_X
    assert request.report.zx_report.shift_number == 7
    assert request.IsInitialized()


@pytest.mark.parametrize("kind", ["annulment", "shift_opened"])
def test_some_documents_are_never_sent(kind: KindName) -> None:
    with pytest.raises(ValueError, match="never sent"):
        request_of(LINK, Outgoing(_document(kind=kind), b"", 2), now=LATER)


def test_every_request_says_who_speaks() -> None:
    for request in (
        request_of(LINK, Outgoing(_document(_line()), b"", 2), now=LATER),
        system_request(LINK, now=LATER),
        info_request(LINK, now=LATER),
    ):
        service = request.service
        assert service.get_reg_info
        kkm, org = service.reg_info.kkm, service.reg_info.org
        assert (kkm.fns_kkm_id, kkm.serial_number, kkm.kkm_id) == ("032600010282", "SWK00032685", "203605")
        assert (org.title, org.address, org.inn) == ("ТОО Алма", "Алматы, Абая 1", "230840012345")
        assert (kkm.HasField("terminal_number"), org.HasField("okved")) == (False, False)
        place = service.security_stats.geo_position
        assert (place.latitude, place.longitude, place.source) == (43_238_949, 76_889_709, "manual")
        assert service.software_information.module_infos[0].name == "Kassa Portal"


def test_the_software_says_its_own_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == SOFTWARE_VERSION


def test_while_the_operator_answers_the_request_is_the_same_whenever_it_is_made() -> None:
    item = Outgoing(_document(_line()), b"", 2)
    first = request_of(LINK, item, now=AT + timedelta(seconds=1))
    assert first.SerializeToString() == request_of(LINK, item, now=LATER).SerializeToString()
    assert first.service.offline_period.begin_time == first.service.offline_period.end_time


def test_a_late_document_says_how_long_the_operator_was_away() -> None:
    item = Outgoing(_document(_line()), b"", 2, is_autonomous=True, offline_since=AT - timedelta(hours=1))
    period = request_of(LINK, item, now=LATER).service.offline_period
    assert (period.begin_time, period.end_time) == (wall_time(AT - timedelta(hours=1)), wall_time(LATER))
