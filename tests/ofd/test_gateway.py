"""One document goes out, one answer comes back, or a word why none did."""

import json
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from portal.fiscal.documents import Document, Payments
from portal.fiscal.documents import Line as Position
from portal.ofd.gateway import (
    INCORRECT_DATA,
    UNAVAILABLE,
    Answer,
    BelarusGateway,
    Gateway,
    KazakhGateway,
    Line,
    NoAnswer,
    Outgoing,
    Registration,
    gateway_of,
)
from portal.ofd.wire import v203_pb2 as v203
from portal.ofd.wire.frames import FRAME_BYTES_MAX, HEADER, MAGIC, Frame, pack
from tests.ofd.operators import Behaviour, answering, operator, read_frame, receive

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SALE = Document(
    cashier="Иванов",
    fiscal_sign="0123456789ABCDEF01234567",
    issued_at=AT,
    kind="sale",
    lines=(Position(name="Соль", price_minor=500, quantity_milli=1000, sum_minor=500),),
    number=42,
    ordinal=3,
    payments=Payments(cash_minor=500),
    register="SWK00032685",
    shift=7,
    total_minor=500,
)
ITEM = Outgoing(SALE, '{"name":"Соль"}'.encode(), 2)
TIMEOUT_S = 20.0
SHORT_S = 0.2


def _line(port: int) -> Line:
    return Line("127.0.0.1", port, Registration(factory_number="SWK00032685"), device=203605, token=7)


def _response(code: int = 0, command: v203.CommandTypeEnum = v203.COMMAND_TICKET, sign: str = "55") -> bytes:
    response = v203.Response(command=command, result=v203.Result(result_code=code, result_text="ОК"))
    if code == 0 and command == v203.COMMAND_TICKET:
        response.ticket.ticket_number = sign
        response.ticket.qr_code = b"https://consumer.oofd.kz/?i=55"
    return response.SerializeToString()


def _accept(frame: Frame) -> Frame:
    return replace(frame, token=8, message=_response())


def _send(behaviour: Behaviour, timeout_s: float = TIMEOUT_S, gateway: Gateway | None = None) -> Answer:
    with operator(behaviour) as listening:
        return (gateway or KazakhGateway()).send(_line(listening.port), ITEM, timeout_s=timeout_s)


def _reason(behaviour: Behaviour, timeout_s: float = TIMEOUT_S, gateway: Gateway | None = None) -> str:
    with pytest.raises(NoAnswer) as no:
        _send(behaviour, timeout_s, gateway)
    return no.value.reason


# Kazakhstan


def test_a_receipt_comes_back_with_its_sign_and_the_next_token() -> None:
    heard: list[Frame] = []

    def answer(frame: Frame) -> Frame:
        heard.append(frame)
        return _accept(frame)

    told = _send(answering(answer))
    assert told == Answer(0, "ОК", 8, "55", "https://consumer.oofd.kz/?i=55")
    assert (heard[0].device, heard[0].token, heard[0].request_number) == (203605, 7, 2)
    assert v203.Request.FromString(heard[0].message).ticket.printed_document_number == 42


def test_a_refusal_is_an_answer() -> None:
    told = _send(answering(lambda frame: replace(frame, message=_response(UNAVAILABLE))))
    assert (told.result_code, told.is_accepted, told.sign) == (UNAVAILABLE, False, None)


def test_an_answer_in_many_small_parts_is_put_together() -> None:
    def behave(connection: socket.socket) -> None:
        for byte in pack(_accept(read_frame(connection))):
            connection.sendall(bytes([byte]))

    assert _send(behave).sign == "55"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda frame: replace(_accept(frame), device=frame.device + 1), "other_device"),
        (lambda frame: replace(_accept(frame), request_number=frame.request_number - 1), "other_request"),
        (lambda frame: replace(frame, message=_response(command=v203.COMMAND_REPORT)), "other_command"),
        (lambda frame: replace(frame, message=b"\xff" * 20), "undecodable"),
        (lambda frame: replace(frame, message=b""), "undecodable"),
        (lambda frame: replace(frame, message=_response(sign="")), "undecodable"),
        (lambda _: b"", "closed"),
        (lambda frame: pack(_accept(frame))[:10], "closed"),
        (lambda frame: pack(_accept(frame))[:-1], "closed"),
        (lambda _: b"HTTP/1.1 400 Bad Request\r\n\r\n", "magic"),
        (lambda frame: pack(replace(_accept(frame), version=204)), "version"),
        (lambda _: HEADER.pack(MAGIC, 203, 17, 203605, 8, 2), "size"),
        (lambda _: HEADER.pack(MAGIC, 203, FRAME_BYTES_MAX + 1, 203605, 8, 2), "too_long"),
    ],
)
def test_what_cannot_be_trusted_is_no_answer(answer: Callable[[Frame], Frame | bytes], reason: str) -> None:
    assert _reason(answering(answer)) == reason


def test_silence_lasts_no_longer_than_it_was_given() -> None:
    done = threading.Event()

    def behave(connection: socket.socket) -> None:
        read_frame(connection)
        done.wait(TIMEOUT_S)

    with operator(behave) as listening:
        try:
            with pytest.raises(NoAnswer, match=r"^timeout$"):
                KazakhGateway().send(_line(listening.port), ITEM, timeout_s=SHORT_S)
        finally:
            done.set()


def test_the_time_is_for_the_whole_exchange_not_for_every_byte() -> None:
    """An operator that sends a byte now and then is as good as a silent one."""
    done = threading.Event()

    def behave(connection: socket.socket) -> None:
        for byte in pack(_accept(read_frame(connection))):
            if done.wait(SHORT_S / 4):
                return
            with suppress(OSError):
                connection.sendall(bytes([byte]))

    with operator(behave) as listening:
        try:
            with pytest.raises(NoAnswer, match=r"^timeout$"):
                KazakhGateway().send(_line(listening.port), ITEM, timeout_s=SHORT_S)
        finally:
            done.set()


def test_time_that_is_over_is_not_spent() -> None:
    with operator(answering(_accept)) as listening, pytest.raises(NoAnswer, match=r"^timeout$"):
        KazakhGateway().send(_line(listening.port), ITEM, timeout_s=0)


def test_a_connection_that_is_reset_brings_no_answer() -> None:
    def behave(connection: socket.socket) -> None:
        read_frame(connection)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    assert _reason(behave) == "reset"


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(NoAnswer, match=r"^refused$"):
        KazakhGateway().send(_line(port), ITEM, timeout_s=TIMEOUT_S)


def test_an_address_that_nobody_has_is_unreachable() -> None:
    line = replace(_line(7777), host="operator.invalid")
    with pytest.raises(NoAnswer, match=r"^unreachable$"):
        KazakhGateway().send(line, ITEM, timeout_s=TIMEOUT_S)


def test_a_ping_is_command_system_and_brings_the_token() -> None:
    heard: list[v203.Request] = []

    def answer(frame: Frame) -> Frame:
        heard.append(v203.Request.FromString(frame.message))
        return replace(frame, message=_response(command=v203.COMMAND_SYSTEM))

    with operator(answering(answer)) as listening:
        told = KazakhGateway().ping(_line(listening.port), request_number=9, timeout_s=TIMEOUT_S)
    assert (told.result_code, told.token) == (0, 7)
    assert heard[0].command == v203.COMMAND_SYSTEM
    assert heard[0].service.reg_info.kkm.serial_number == "SWK00032685"


def test_the_operators_counters_come_as_figures() -> None:
    def answer(frame: Frame) -> Frame:
        response = v203.Response.FromString(_response(command=v203.COMMAND_INFO))
        response.report.report = v203.REPORT_X
        zx = response.report.zx_report
        zx.date_time.CopyFrom(v203.Request.FromString(frame.message).service.offline_period.end_time)
        zx.shift_number = 7
        zx.cash_sum.CopyFrom(v203.Money(bills=12, coins=34))
        zx.revenue.CopyFrom(v203.ZXReport.Revenue(sum=v203.Money(bills=1, coins=0), is_negative=True))
        return replace(frame, message=response.SerializeToString())

    with operator(answering(answer)) as listening:
        told = KazakhGateway().read_counters(_line(listening.port), request_number=9, timeout_s=TIMEOUT_S)
    assert told.figures == {"cash": 1234, "revenue": -100, "shift": 7}


def test_figures_against_the_conventions_are_no_answer() -> None:
    def answer(frame: Frame) -> Frame:
        response = v203.Response.FromString(_response())
        response.report.report = v203.REPORT_X
        zx = response.report.zx_report
        zx.date_time.CopyFrom(v203.Request.FromString(frame.message).ticket.date_time)
        zx.shift_number = 7
        zx.cash_sum.CopyFrom(v203.Money(bills=12, coins=100))
        zx.revenue.CopyFrom(v203.ZXReport.Revenue(sum=v203.Money(bills=1, coins=0), is_negative=False))
        return replace(frame, message=response.SerializeToString())

    assert _reason(answering(answer)) == "undecodable"


# Belarus


def _belarus(
    answer: bytes, heard: list[dict[str, object]] | None = None, size: int | None = None
) -> Behaviour:
    def behave(connection: socket.socket) -> None:
        request = receive(connection, struct.unpack(">I", receive(connection, 4))[0])
        if heard is not None:
            heard.append(json.loads(request))
        connection.sendall(struct.pack(">I", len(answer) if size is None else size) + answer)

    return behave


def test_a_document_of_belarus_travels_byte_for_byte_with_its_ui() -> None:
    heard: list[dict[str, object]] = []
    told = _send(_belarus(b'{"result":"accepted"}', heard), gateway=BelarusGateway())
    assert told == Answer(0)
    assert heard == [
        {
            "body": '{"name":"Соль"}',
            "number": 42,
            "register": "SWK00032685",
            "ui": "0123456789ABCDEF01234567",
        }
    ]


def test_what_the_gateway_has_already_is_accepted_and_said_to_be_repeated() -> None:
    told = _send(_belarus(b'{"result":"repeated"}'), gateway=BelarusGateway())
    assert (told.is_accepted, told.is_repeated) == (True, True)


def test_a_refusal_of_belarus_says_why() -> None:
    raw = '{"result":"refused","why":"УИ уже был"}'.encode()
    told = _send(_belarus(raw), gateway=BelarusGateway())
    assert (told.result_code, told.result_text) == (INCORRECT_DATA, "УИ уже был")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"[]",
        b"{}",
        b'{"result":"perhaps"}',
        b'{"result":["accepted"]}',
        b"\xff\xff",
        b'{"result":"accepted"',
    ],
)
def test_an_answer_of_belarus_that_makes_no_sense_is_none(answer: bytes) -> None:
    assert _reason(_belarus(answer), gateway=BelarusGateway()) == "undecodable"


def test_an_answer_of_belarus_has_its_limits_too() -> None:
    assert _reason(_belarus(b"", size=FRAME_BYTES_MAX + 1), gateway=BelarusGateway()) == "too_long"
    assert _reason(_belarus(b"{", size=20), gateway=BelarusGateway()) == "closed"


def test_a_ping_of_belarus_names_the_register() -> None:
    heard: list[dict[str, object]] = []
    with operator(_belarus(b'{"result":"accepted"}', heard)) as listening:
        told = BelarusGateway().ping(_line(listening.port), request_number=1, timeout_s=TIMEOUT_S)
    assert told.is_accepted
    assert heard == [{"ping": True, "register": "SWK00032685"}]


def test_each_country_has_its_gateway() -> None:
    assert isinstance(gateway_of("kz"), KazakhGateway)
    assert isinstance(gateway_of("by"), BelarusGateway)


def test_the_clock_of_the_gateway_ends_the_time_without_the_operator() -> None:
    heard: list[v203.Request] = []

    def answer(frame: Frame) -> Frame:
        heard.append(v203.Request.FromString(frame.message))
        return _accept(frame)

    late = replace(ITEM, is_autonomous=True, autonomous_sign="77", offline_since=AT)
    with operator(answering(answer)) as listening:
        KazakhGateway(lambda: datetime(2026, 3, 2, 12, 0, tzinfo=UTC)).send(
            _line(listening.port), late, timeout_s=TIMEOUT_S
        )
    period = heard[0].service.offline_period
    assert (period.begin_time.time.hour, period.end_time.time.hour) == (14, 17)
