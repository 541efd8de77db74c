"""Published frames of protocol 2.0.3, byte for byte."""

from datetime import datetime, timedelta, timezone

from portal.fiscal.documents import Document, Line, Payments
from portal.ofd.exchange import Outgoing
from portal.ofd.wire import v203_pb2 as v203
from portal.ofd.wire.answers import answer_of
from portal.ofd.wire.frames import Frame, pack, unpack
from portal.ofd.wire.requests import ticket_of

DEVICE = 203605
TOKEN = 90127062

PING = bytes.fromhex("a281cb0018000000551b0300d63a5f050100080032023801")
SALE = bytes.fromhex(
    "a281cb00a3000000551b0300d63a5f050200"
    "0801128c01080212110a0708ea0f1001180f1206080e101e18051a100801120cd098d0b2d0b0d0bdd0bed0b2220208002a360801"
    "12321208d0a1d0bed0bbd18c1a013120d00f2a0508fa011000320508f40310003a0d086418807d22040844106128016a03373936"
    "32090800120508f403100042150a0508f4031000120508e80710001a0508f40310007007780380012a"
)
SOLD = bytes.fromhex(
    "a281cb007a000000551b0300d20296490200"
    "08011206080012024f4b1a5c0a09333637363435323037124f68747470733a2f2f636f6e73756d65722e6f6f66642e6b7a2f3f69"
    "3d33363736343532303726663d30333236303030313032383226733d3530302e303026743d323032363031313554313433303035"
)


def test_a_connection_test_is_the_published_frame() -> None:
    request = v203.Request(command=v203.COMMAND_SYSTEM, service=v203.ServiceRequest(get_reg_info=True))
    assert pack(Frame(DEVICE, TOKEN, 1, request.SerializeToString())) == PING


def test_a_sale_of_ours_is_the_published_frame() -> None:
    sale = Document(
        cashier="Иванов",
        cashier_code=1,
        change_minor=50_000,
        currency="KZT",
        issued_at=datetime(2026, 1, 15, 14, 30, 5, tzinfo=timezone(timedelta(hours=5))),
        kind="sale",
        lines=(
            Line(
                name="Соль",
                price_minor=25_000,
                quantity_milli=2000,
                section=1,
                sum_minor=50_000,
                tax_minor=6897,
                tax_rate=1600,
            ),
        ),
        number=42,
        ordinal=3,
        payments=Payments(cash_minor=100_000),
        register="SWK00032685",
        shift=7,
        total_minor=50_000,
    )
    request = v203.Request(command=v203.COMMAND_TICKET, ticket=ticket_of(Outgoing(sale, b"", 2)))
    assert pack(Frame(DEVICE, TOKEN, 2, request.SerializeToString())).hex() == SALE.hex()


def test_the_published_answer_is_read_and_written_back_as_it_was() -> None:
    frame = unpack(SOLD)
    assert (frame.device, frame.token, frame.request_number) == (DEVICE, 1_234_567_890, 2)
    response = v203.Response.FromString(frame.message)
    assert pack(Frame(DEVICE, frame.token, 2, response.SerializeToString())) == SOLD
    answer = answer_of(frame.message, frame.token, v203.COMMAND_TICKET)
    assert answer.is_accepted
    assert (answer.result_text, answer.token, answer.sign) == ("OK", 1_234_567_890, "367645207")
    assert answer.qr == "https://consumer.oofd.kz/?i=367645207&f=032600010282&s=500.00&t=20260115T143005"
