"""An answer is understood, or it is none; nothing else can come of any bytes."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from portal.ofd.exchange import Answer, NoAnswer
from portal.ofd.wire import v203_pb2 as v203
from portal.ofd.wire.answers import answer_of

SOLD = v203.Response(
    command=v203.COMMAND_TICKET,
    result=v203.Result(result_code=0, result_text="OK"),
    ticket=v203.TicketResponse(ticket_number="55", qr_code="https://пример/?i=55".encode()),
).SerializeToString()
REFUSED = v203.Response(
    command=v203.COMMAND_TICKET,
    result=v203.Result(result_code=14, result_text="Недостаточно наличных в кассе"),
).SerializeToString()


def _understood(message: bytes) -> Answer | str:
    try:
        return answer_of(message, 8, v203.COMMAND_TICKET)
    except NoAnswer as no:
        return no.reason


def test_a_yes_brings_sign_token_and_address() -> None:
    assert _understood(SOLD) == Answer(0, "OK", 8, "55", "https://пример/?i=55")


def test_a_no_brings_its_code_and_words() -> None:
    assert _understood(REFUSED) == Answer(14, "Недостаточно наличных в кассе", 8)


def test_a_no_needs_no_sign() -> None:
    response = v203.Response.FromString(REFUSED)
    response.ticket.ticket_number = ""
    assert isinstance(_understood(response.SerializeToString()), Answer)


@given(st.binary(max_size=200))
@example(b"")
@example(SOLD[:-1])
def test_any_bytes_are_an_answer_or_none(message: bytes) -> None:
    understood = _understood(message)
    assert isinstance(understood, Answer) or understood in {"undecodable", "other_command"}


@given(st.sampled_from([SOLD, REFUSED]), st.integers(0, 10_000), st.integers(0, 7))
def test_a_turned_bit_is_an_answer_or_none(message: bytes, place: int, bit: int) -> None:
    raw = bytearray(message)
    raw[place % len(raw)] ^= 1 << bit
    understood = _understood(bytes(raw))
    assert isinstance(understood, Answer) or understood in {"undecodable", "other_command"}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda zx: setattr(zx.cash_sum, "coins", 100),
        lambda zx: zx.taxes.add(tax_type=100, percent=16_005).operations.add(
            operation=v203.OPERATION_SELL,
            turnover=v203.Money(bills=1, coins=0),
            sum=v203.Money(bills=1, coins=0),
        ),
        lambda zx: zx.ticket_operations.add(
            operation=v203.OPERATION_SELL,
            tickets_total_count=1,
            tickets_count=1,
            tickets_sum=v203.Money(bills=1, coins=0),
        ).payments.add(payment=v203.PAYMENT_TARE, sum=v203.Money(bills=1, coins=0)),
    ],
)
def test_figures_that_break_a_convention_are_no_answer(spoil: object) -> None:
    response = v203.Response.FromString(SOLD)
    response.report.report = v203.REPORT_X
    zx = response.report.zx_report
    zx.date_time.date.CopyFrom(v203.Date(year=2026, month=3, day=2))
    zx.date_time.time.CopyFrom(v203.Time(hour=9, minute=30))
    zx.shift_number = 7
    zx.cash_sum.CopyFrom(v203.Money(bills=1, coins=0))
    zx.revenue.CopyFrom(v203.ZXReport.Revenue(sum=v203.Money(bills=1, coins=0), is_negative=False))
    assert isinstance(_understood(response.SerializeToString()), Answer)
    assert callable(spoil)
    spoil(zx)
    assert _understood(response.SerializeToString()) == "undecodable"
