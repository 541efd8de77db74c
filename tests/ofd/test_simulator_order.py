"""The order that the operator insists on, and the cash in the drawer."""

from datetime import timedelta

import pytest

from portal.ofd.simulator import signs
from portal.ofd.wire import v203_pb2 as pb
from tests.ofd.caller import DEVICE, Caller, exchange, frame, wall


def test_numbers_go_up_with_gaps_but_never_back(caller: Caller) -> None:
    caller.issue(caller.ticket())
    caller.number = 9
    caller.issue(caller.ticket())
    caller.number = 9
    heard = caller.send(caller.ticket())
    assert (heard.code, "10 после 10" in heard.text) == (13, True)
    caller.number = 4
    assert caller.send(caller.cash(1)).code == 13
    assert caller.operator.account(DEVICE).number == 10


def test_time_does_not_go_back_but_may_stand_still(caller: Caller) -> None:
    caller.issue(caller.ticket())
    caller.at -= timedelta(seconds=10)
    caller.issue(caller.ticket())
    caller.at -= timedelta(seconds=11)
    heard = caller.send(caller.ticket())
    assert (heard.code, "раньше предыдущего" in heard.text) == (13, True)


def test_shifts_follow_one_another(caller: Caller) -> None:
    caller.shift = 5
    caller.issue(caller.ticket())
    caller.shift = 6
    heard = caller.send(caller.ticket())
    assert (heard.code, "открыта смена 5" in heard.text) == (16, True)
    caller.shift = 4
    assert "смена 4 уже закрыта" in caller.send(caller.ticket()).text
    caller.shift = 5
    caller.issue(caller.z_report())
    assert "смена 5 уже закрыта" in caller.send(caller.ticket()).text
    assert caller.send(caller.z_report()).code == 13
    caller.shift = 6
    caller.issue(caller.ticket())


def test_a_shift_is_24_hours_by_the_documents_own_time(caller: Caller) -> None:
    caller.issue(caller.ticket())
    caller.at += timedelta(hours=24) - timedelta(seconds=10)
    caller.issue(caller.ticket())
    assert caller.send(caller.ticket()).code == 11
    assert caller.send(caller.cash(5)).code == 11
    assert caller.send(caller.x_report()).code == 0
    caller.issue(caller.z_report())
    caller.shift += 1
    caller.issue(caller.ticket())


def test_what_the_operator_itself_refused_may_come_again_out_of_turn(caller: Caller) -> None:
    caller.operator.mischief.switch_on("code_14", times=1)
    late = caller.ticket()
    assert caller.send(late, request_number=100).code == 14
    caller.issue(caller.ticket())
    assert caller.send(late, request_number=100).code == 0
    assert caller.operator.figures(DEVICE)["sale.count"] == 2
    # And once only.
    assert caller.send(late, request_number=500).code == 13


def test_a_number_that_was_taken_is_not_won_back_by_a_refusal(caller: Caller) -> None:
    request = caller.ticket()
    caller.issue(request)
    for _ in range(3):
        assert caller.send(request).code == 13
    assert caller.operator.figures(DEVICE)["sale.count"] == 1


def test_what_was_refused_stays_refused_once_its_shift_is_closed(caller: Caller) -> None:
    caller.operator.mischief.switch_on("code_14", times=1)
    late = caller.ticket()
    caller.send(late)
    caller.issue(caller.z_report())
    assert "уже закрыта" in caller.send(late).text


# Cash


def test_the_drawer_never_holds_less_than_nothing(caller: Caller) -> None:
    caller.issue(caller.cash(10_000))
    request = caller.cash(10_001, is_out=True)
    heard = caller.send(request)
    assert (heard.code, "в кассе 100.00" in heard.text) == (14, True)
    caller.issue(caller.cash(10_000, is_out=True))
    assert caller.send(caller.ticket(pb.OPERATION_BUY)).code == 14
    assert caller.send(caller.ticket(pb.OPERATION_SELL_RETURN)).code == 14
    caller.issue(caller.ticket(pb.OPERATION_BUY, card=50_000))
    caller.issue(caller.ticket(pb.OPERATION_BUY_RETURN))
    assert caller.operator.account(DEVICE).cash_minor == 50_000


def test_refuses_to_move_no_cash_and_cash_by_nobody(caller: Caller) -> None:
    assert "больше нуля" in caller.send(caller.cash(0)).text
    request = caller.cash(5)
    request.money_placement.ClearField("operator")
    assert "operator" in caller.send(request).text


@pytest.mark.parametrize("field", ["z_report", "operator"])
def test_a_shift_is_closed_with_a_report_and_a_cashier(caller: Caller, field: str) -> None:
    caller.issue(caller.ticket())
    request = caller.z_report()
    request.close_shift.ClearField(field)
    heard = caller.send(request)
    assert (heard.code, field in heard.text) == (13, True)
    assert caller.operator.account(DEVICE).is_open


def test_a_report_needs_the_registers_own(caller: Caller) -> None:
    caller.issue(caller.ticket())
    request = caller.x_report()
    request.report.ClearField("zx_report")
    assert caller.send(request).code == 13
    request = caller.x_report()
    request.report.zx_report.shift_number = 9
    assert "смена 9, а у оператора 1" in caller.send(request).text


def test_moves_no_clock_of_its_own(caller: Caller) -> None:
    """A document of another year is judged by its own time."""
    request = caller.ticket()
    request.ticket.date_time.CopyFrom(wall(caller.at.replace(year=2031)))
    assert caller.send(request).code == 0


def test_a_question_that_breaks_the_operator_leaves_everything_as_it_was(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mistake of its own must neither end it nor leave half a receipt in the counters."""
    caller.issue(caller.ticket())
    before = caller.operator.account(DEVICE)
    request = caller.ticket()
    with monkeypatch.context() as broken:
        broken.setattr(signs, "ADDRESSES", None)
        message = frame(DEVICE, caller.token, 2, request.SerializeToString())
        assert exchange(caller.operator.port, message) == b""
    assert caller.operator.account(DEVICE) == before
    assert caller.issue(request).code == 0
