"""Tokens, request numbers and answers that are given again."""

import pytest

from portal.ofd.simulator.answers import DOCUMENTS_KEPT, OTHERS_KEPT, Answers
from portal.ofd.simulator.testing import TestOperator
from portal.ofd.wire import v203_pb2 as pb
from tests.ofd.caller import DEVICE, TOKEN, Caller


def test_the_token_goes_on_with_receipts_and_closings_and_stays_with_everything_else(caller: Caller) -> None:
    for request, changes in (
        (caller.ask(pb.COMMAND_SYSTEM), False),
        (caller.ticket(), True),
        (caller.cash(100), False),
        (caller.x_report(), False),
        (caller.ask(pb.COMMAND_INFO), False),
        (caller.ask(pb.COMMAND_NOMENCLATURE), False),
        (caller.z_report(), True),
    ):
        before = caller.token
        assert (caller.issue(request).token != before) is changes, request.command


def test_an_answer_names_the_register_and_the_request(caller: Caller) -> None:
    heard = caller.send(caller.ask(pb.COMMAND_SYSTEM), request_number=40_000)
    assert (heard.device, heard.request_number, heard.response.command) == (DEVICE, 40_000, pb.COMMAND_SYSTEM)


def test_the_same_question_gets_the_same_answer_even_with_the_token_of_that_time(caller: Caller) -> None:
    request = caller.ticket()
    first = caller.send(request, request_number=7)
    again = caller.send(request, request_number=7, token=TOKEN)
    assert again == first
    assert first.token != TOKEN
    assert caller.operator.figures(DEVICE)["sale.count"] == 1


def test_a_number_with_another_token_is_refused(caller: Caller) -> None:
    caller.send(caller.ticket(), request_number=7)
    heard = caller.send(caller.ticket(), request_number=7)
    assert heard.code == 8
    assert caller.operator.figures(DEVICE)["sale.count"] == 1


def test_a_number_and_token_with_another_command_are_refused(caller: Caller) -> None:
    caller.send(caller.ticket(), request_number=7)
    assert caller.send(caller.cash(100), request_number=7, token=TOKEN).code == 9


def test_a_wrong_token_is_refused_and_told_nothing(caller: Caller) -> None:
    heard = caller.send(caller.ticket(), token=TOKEN + 1)
    assert heard.code == 2
    assert heard.token == TOKEN + 1
    assert caller.operator.account(DEVICE).number == 0


def test_the_token_of_before_is_wrong_for_a_new_question(caller: Caller) -> None:
    caller.issue(caller.ticket())
    assert caller.send(caller.ticket(), token=TOKEN).code == 2


def test_a_register_that_nobody_knows_is_told_so(caller: Caller) -> None:
    heard = Caller(caller.operator, device=1).send(caller.ticket())
    assert (heard.code, heard.response.command) == (1, pb.COMMAND_TICKET)


def test_a_refusal_is_not_kept_the_same_question_is_judged_anew(caller: Caller) -> None:
    request = caller.cash(500, is_out=True)
    assert caller.send(request, request_number=5).code == 14
    caller.issue(caller.cash(500))
    assert caller.send(request, request_number=5).code == 0


def test_an_answer_that_is_asked_for_late_brings_the_token_of_now(caller: Caller) -> None:
    """Nothing that is repeated may bring a register's chain of tokens out of step."""
    first = caller.ticket()
    sign = caller.send(first, request_number=1).response.ticket.ticket_number
    caller.issue(caller.ticket())
    newest = caller.token
    again = caller.send(first, request_number=1, token=TOKEN)
    assert again.response.ticket.ticket_number == sign
    assert again.token == newest


def test_a_reset_begins_the_chain_anew_and_old_questions_may_come_with_the_new_token(caller: Caller) -> None:
    request = caller.ticket()
    sign = caller.send(request, request_number=1).response.ticket.ticket_number
    caller.operator.reset_token(DEVICE, 4242)
    heard = caller.send(request, request_number=1, token=4242)
    assert heard.response.ticket.ticket_number == sign
    assert heard.token == 4242
    assert caller.issue(caller.ticket()).token != 4242


def test_request_numbers_may_begin_again_after_the_last(caller: Caller) -> None:
    """A number of long ago is nobody's any more, a ping's included."""
    assert caller.send(caller.ask(pb.COMMAND_SYSTEM), request_number=1).code == 0
    for number in range(2, DOCUMENTS_KEPT + 2):
        assert caller.send(caller.ticket(), request_number=number).code == 0
    assert caller.send(caller.ticket(), request_number=1).code == 0
    assert caller.send(caller.ticket(), request_number=2).code == 0


def test_pings_do_not_push_a_documents_answer_out(caller: Caller) -> None:
    request = caller.ticket()
    first = caller.send(request, request_number=1)
    for number in range(2, 3 * OTHERS_KEPT):
        assert caller.send(caller.ask(pb.COMMAND_SYSTEM), request_number=number).code == 0
    assert caller.send(request, request_number=1, token=TOKEN).response == first.response


def test_what_is_loaded_is_what_was_kept() -> None:
    answers = Answers([], 0)
    for served in range(1, 100):
        answers.add(served, 1, pb.COMMAND_TICKET, b"", served=served, place=served)
    again = Answers(answers.all(), 99)
    assert [again.find(number) is not None for number in (67, 68, 99)] == [False, True, True]


def test_a_blocked_register_is_told_so_until_it_is_unblocked(caller: Caller) -> None:
    caller.operator.block(DEVICE)
    request = caller.ticket()
    assert caller.send(request).code == 15
    assert caller.send(caller.ask(pb.COMMAND_SYSTEM)).code == 15
    caller.operator.block(DEVICE, is_blocked=False)
    assert caller.send(request).code == 0


def test_putting_on_record_twice_changes_nothing(caller: Caller) -> None:
    caller.issue(caller.ticket())
    before = caller.operator.account(DEVICE)
    caller.put_on_record(rnm="999999999999")
    assert caller.operator.account(DEVICE) == before


@pytest.mark.parametrize("device", [0, -1, 2**32, "x", "", "1/2"])
def test_what_cannot_be_a_device_is_not_put_on_record(simulator: TestOperator, device: int | str) -> None:
    with pytest.raises(ValueError, match="device id"):
        simulator.register(device, 1)
    assert simulator.accounts() == []
