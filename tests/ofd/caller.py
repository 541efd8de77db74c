"""A register that speaks protocol 2.0.3 by hand, so that the operator is tested against something that is not our own client."""

import socket
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from portal.ofd.simulator.server import OperatorServer
from portal.ofd.wire import v203_pb2 as pb
from portal.ofd.wire.frames import HEADER, HEADER_BYTES, MAGIC, VERSION

RNM, ZNM, BIN = "032600010282", "SWK00033717", "123456789021"
DEVICE, TOKEN = 203605, 90127062
# Half past two in the afternoon in Almaty.
BEGINNING = datetime(2026, 1, 15, 9, 30, tzinfo=UTC)
ALMATY = timedelta(hours=5)

Item = pb.TicketRequest.Item


def wall(at: datetime) -> pb.DateTime:
    """A moment on the clocks of Almaty, which have been five hours ahead since 2024."""
    local = at.astimezone(UTC) + ALMATY
    return pb.DateTime(
        date=pb.Date(year=local.year, month=local.month, day=local.day),
        time=pb.Time(hour=local.hour, minute=local.minute, second=local.second),
    )


def money(minor: int) -> pb.Money:
    return pb.Money(bills=minor // 100, coins=minor % 100)


def vat(sum_minor: int, percent: int = 16000) -> pb.TicketRequest.Tax:
    tax_minor = (2 * sum_minor * percent + 100_000 + percent) // (2 * (100_000 + percent))
    return pb.TicketRequest.Tax(tax_type=100, percent=percent, sum=money(tax_minor), is_in_total_sum=True)


def commodity(
    name: str = "Соль",
    price: int = 25_000,
    quantity: int = 2_000,
    *,
    section: str = "1",
    percent: int | None = 16000,
) -> pb.TicketRequest.Item:
    sum_minor = (2 * price * quantity + 1000) // 2000
    return Item(
        type=Item.ITEM_TYPE_COMMODITY,
        commodity=Item.Commodity(
            name=name,
            section_code=section,
            quantity=quantity,
            price=money(price),
            sum=money(sum_minor),
            taxes=[] if percent is None else [vat(sum_minor, percent)],
            measure_unit_code="796",
        ),
    )


def modifier(sum_minor: int, name: str = "Скидка", percent: int | None = 16000) -> pb.TicketRequest.Modifier:
    taxes = [] if percent is None else [vat(sum_minor, percent)]
    return pb.TicketRequest.Modifier(name=name, sum=money(sum_minor), taxes=taxes)


def minor(sum_: pb.Money) -> int:
    return sum_.bills * 100 + sum_.coins


@dataclass(frozen=True)
class Heard:
    """One answer."""

    device: int
    token: int
    request_number: int
    response: pb.Response

    @property
    def code(self) -> int:
        return self.response.result.result_code

    @property
    def text(self) -> str:
        return self.response.result.result_text


@dataclass
class Caller:
    """One register: it keeps its token, its numbers and its clock. `send` takes the next of each unless told otherwise."""

    operator: OperatorServer
    device: int = DEVICE
    token: int = TOKEN
    request_number: int = 0
    number: int = 0
    shift: int = 1
    at: datetime = BEGINNING
    # A request that nobody has answered yet.
    pending: bytes = b""

    def put_on_record(self, **facts: object) -> Self:
        self.operator.register(
            self.device,
            self.token,
            **{"rnm": RNM, "znm": ZNM, "tax_id": BIN, **facts},  # type: ignore[arg-type]  # whatever a test wants to try
        )
        return self

    # Requests

    def service(self) -> pb.ServiceRequest:
        block = pb.ServiceRequest(get_reg_info=True)
        block.reg_info.kkm.fns_kkm_id, block.reg_info.kkm.serial_number = RNM, ZNM
        block.reg_info.org.inn = BIN
        block.offline_period.begin_time.CopyFrom(wall(self.at))
        block.offline_period.end_time.CopyFrom(wall(self.at))
        return block

    def ask(self, command: pb.CommandTypeEnum) -> pb.Request:
        return pb.Request(command=command, service=self.service())

    def ticket(
        self,
        operation: pb.OperationTypeEnum = pb.OPERATION_SELL,
        items: Iterable[pb.TicketRequest.Item] | None = None,
        *,
        card: int = 0,
        taken: int | None = None,
        offline: int | None = None,
    ) -> pb.Request:
        """The next receipt; what `card` leaves is paid in cash."""
        request = self._next(pb.COMMAND_TICKET)
        ticket = request.ticket
        ticket.operation = operation
        ticket.date_time.CopyFrom(wall(self.at))
        ticket.operator.CopyFrom(pb.Operator(code=1, name="Иванов"))
        ticket.domain.type = pb.DOMAIN_TRADING
        ticket.items.extend(items if items is not None else [commodity()])
        total = 0
        for item in ticket.items:
            if item.HasField("commodity"):
                total += minor(item.commodity.sum)
            total += minor(item.markup.sum) - minor(item.discount.sum)
        cash = total - card
        if card:
            ticket.payments.add(type=pb.PAYMENT_CARD, sum=money(card))
        if cash or not card:
            ticket.payments.add(type=pb.PAYMENT_CASH, sum=money(cash))
            ticket.amounts.taken.CopyFrom(money(cash if taken is None else taken))
            ticket.amounts.change.CopyFrom(money(0 if taken is None else taken - cash))
        ticket.amounts.total.CopyFrom(money(total))
        ticket.fr_shift_number, ticket.shift_document_number = self.shift, 1
        ticket.printed_document_number = self.number
        if operation in {pb.OPERATION_SELL_RETURN, pb.OPERATION_BUY_RETURN}:
            ticket.parent_ticket.CopyFrom(
                pb.TicketRequest.ParentTicket(
                    parent_ticket_number="1000000001",
                    parent_ticket_data_time=wall(self.at),
                    kgd_kkm_id=RNM,
                    parent_ticket_total=money(total),
                    parent_ticket_is_offline=False,
                )
            )
        if offline is not None:
            ticket.offline_ticket_number = offline
        return request

    def cash(self, sum_minor: int, *, is_out: bool = False, is_offline: bool = False) -> pb.Request:
        request = self._next(pb.COMMAND_MONEY_PLACEMENT)
        placement = request.money_placement
        placement.datetime.CopyFrom(wall(self.at))
        placement.operation = pb.MONEY_PLACEMENT_WITHDRAWAL if is_out else pb.MONEY_PLACEMENT_DEPOSIT
        placement.sum.CopyFrom(money(sum_minor))
        placement.is_offline = is_offline
        placement.fr_shift_number, placement.printed_document_number = self.shift, self.number
        placement.operator.code = 1
        return request

    def x_report(self) -> pb.Request:
        request = self.ask(pb.COMMAND_REPORT)
        request.report.report = pb.REPORT_X
        request.report.date_time.CopyFrom(wall(self.at))
        request.report.zx_report.CopyFrom(self._lies())
        return request

    def z_report(self) -> pb.Request:
        request = self._next(pb.COMMAND_CLOSE_SHIFT)
        closing = request.close_shift
        closing.close_time.CopyFrom(wall(self.at))
        closing.fr_shift_number, closing.printed_document_number = self.shift, self.number
        closing.operator.code = 1
        closing.z_report.CopyFrom(self._lies())
        return request

    def _lies(self) -> pb.ZXReport:
        """Figures that are nobody's: an operator that repeats them has not counted."""
        return pb.ZXReport(
            date_time=wall(self.at),
            shift_number=self.shift,
            cash_sum=money(77_777_777),
            revenue=pb.ZXReport.Revenue(sum=money(88_888_888), is_negative=True),
        )

    def _next(self, command: pb.CommandTypeEnum) -> pb.Request:
        self.number += 1
        self.at += timedelta(seconds=10)
        return self.ask(command)

    # Exchanges

    def send(
        self, request: pb.Request, *, request_number: int | None = None, token: int | None = None
    ) -> Heard:
        """Send a request and hear the answer; whatever token it brings is the next one."""
        if request_number is None:
            request_number = self.request_number % 65535 + 1
        self.request_number = request_number
        raw = exchange(
            self.operator.port,
            frame(
                self.device,
                self.token if token is None else token,
                request_number,
                request.SerializePartialToString(),
            ),
        )
        heard = hear(raw)
        self.token = heard.token
        return heard

    def issue(self, request: pb.Request) -> Heard:
        """Send what must be taken."""
        heard = self.send(request)
        assert heard.code == 0, heard.text
        return heard


def frame(device: int, token: int, request_number: int, message: bytes) -> bytes:
    return HEADER.pack(MAGIC, VERSION, HEADER_BYTES + len(message), device, token, request_number) + message


def hear(raw: bytes) -> Heard:
    """An answer that is whole, and nothing after it."""
    magic, version, size, device, token, request_number = HEADER.unpack_from(raw)
    assert (magic, version, size) == (MAGIC, VERSION, len(raw))
    return Heard(device, token, request_number, pb.Response.FromString(raw[HEADER_BYTES:]))


def exchange(port: int, raw: bytes, *, timeout_s: float = 20.0) -> bytes:
    """Say something on a connection of its own, and everything that comes back."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout_s) as line:
        line.sendall(raw)
        heard = b""
        while part := line.recv(65536):
            heard += part
        return heard
