"""Issuing with an operator on the line: what it answers, what it refuses, and what happens when it says nothing."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa

from portal.config import Settings
from portal.db import transaction
from portal.fiscal import rules
from portal.fiscal.autonomy import autonomous_sign
from portal.fiscal.commands import CloseShift, Refund, RegisterSettings, TakeReport
from portal.journal import issuing
from portal.journal.issuing import TillBlocked
from portal.journal.models import Reconciliation, RegisterEvent
from portal.ofd import actions
from portal.ofd.actions import OperatorRefused, issue_document
from portal.ofd.delivering import deliver_register
from portal.ofd.simulator.testing import TestOperator
from tests.journal.tills import CASHIER, MORNING, after, cash_in, opening, sale
from tests.ofd.desk import SELLER, Desk, found_desk


@pytest.fixture
def desk(database: Settings, simulator: TestOperator) -> Desk:
    return found_desk(simulator)


def events(desk: Desk) -> list[str]:
    with transaction(desk.id) as session:
        return list(session.scalars(sa.select(RegisterEvent.kind).order_by(RegisterEvent.id)))


def test_the_operators_sign_and_link_are_on_the_receipt(desk: Desk, simulator: TestOperator) -> None:
    issued = issue_document(*desk.till, sale(), at=MORNING)
    assert issued.delivery == "sent"
    assert not issued.is_autonomous
    assert issued.fiscal_sign
    assert issued.qr
    assert f"i={issued.fiscal_sign}" in issued.qr
    assert issuing.read_issued(*desk.till, 1).fiscal_sign == issued.fiscal_sign
    (row,) = simulator.documents(desk.device, only_accepted=True)
    assert row.number == 1


def test_a_whole_shift_is_counted_alike_at_both_ends(desk: Desk, simulator: TestOperator) -> None:
    issue_document(*desk.till, cash_in(), at=MORNING)
    issue_document(*desk.till, sale(card=True), at=after(1))
    sold = issue_document(*desk.till, sale(), at=after(2))
    issue_document(*desk.till, Refund(cashier=CASHIER, number=sold.document.number), at=after(3))
    issue_document(*desk.till, TakeReport(cashier=CASHIER), at=after(4))
    closed = issue_document(*desk.till, CloseShift(cashier=CASHIER), at=after(5))
    assert closed.delivery == "sent"
    with transaction(desk.id) as session:
        found = session.execute(sa.select(Reconciliation.number, Reconciliation.differences)).all()
    assert sorted((number, differences) for number, differences in found) == [(5, []), (6, [])]


def test_without_an_answer_the_receipt_bears_the_autonomous_sign(desk: Desk, simulator: TestOperator) -> None:
    simulator.mischief.switch_on("silent", 1.0)
    issued = issue_document(*desk.till, sale(), at=MORNING, deadline_s=0.2)
    assert issued.is_autonomous
    assert issued.delivery == "waiting"
    assert issued.fiscal_sign == autonomous_sign(issued.document)
    assert issuing.read_standing(*desk.till).is_autonomous
    assert events(desk) == ["settings_changed", "went_autonomous"]
    later = issue_document(*desk.till, sale(), at=after(1))
    assert later.document.autonomous
    assert later.fiscal_sign == later.document.fiscal_sign


@pytest.mark.parametrize("kind", ["half", "lost", "reset", "code_254", "code_255", "bad_token"])
def test_every_kind_of_silence_lets_the_cashier_go_on_and_is_made_up_for(
    desk: Desk, simulator: TestOperator, kind: str
) -> None:
    simulator.mischief.switch_on(kind, times=1)
    issued = issue_document(*desk.till, sale(), at=MORNING, deadline_s=1)
    assert issued.is_autonomous
    assert issued.fiscal_sign == autonomous_sign(issued.document)
    done = deliver_register(*desk.till)
    assert done.sent == 1
    assert done.came_back
    assert not issuing.read_standing(*desk.till).is_autonomous
    assert issue_document(*desk.till, sale(), at=after(1)).delivery == "sent"
    closed = issue_document(*desk.till, CloseShift(cashier=CASHIER), at=after(2))
    assert closed.delivery == "sent"
    with transaction(desk.id) as session:
        assert session.scalars(sa.select(Reconciliation.differences)).all() == [[]]
    assert [row.number for row in simulator.documents(desk.device, only_accepted=True)] == [1, 2, 3]


@pytest.mark.parametrize("code", [11, 14])
def test_what_the_operator_refuses_is_taken_back_and_the_next_receipt_goes_through(
    desk: Desk, simulator: TestOperator, code: int
) -> None:
    simulator.mischief.switch_on(f"code_{code}", times=1)
    with pytest.raises(OperatorRefused) as refused:
        issue_document(*desk.till, sale(), at=MORNING, key="a")
    assert refused.value.facts["result_code"] == code
    assert issuing.read_issued(*desk.till, 1).delivery == "void"
    annulment = issuing.read_issued(*desk.till, 2)
    assert annulment.document.kind == "annulment"
    assert annulment.document.basis == 1
    assert annulment.delivery == "void"
    with pytest.raises(OperatorRefused) as again:
        issue_document(*desk.till, sale(), at=MORNING, key="a")
    assert again.value.facts == refused.value.facts
    assert issue_document(*desk.till, sale(), at=after(1)).delivery == "sent"
    assert issue_document(*desk.till, CloseShift(cashier=CASHIER), at=after(2)).delivery == "sent"
    with transaction(desk.id) as session:
        assert session.scalars(sa.select(Reconciliation.differences)).all() == [[]]


def test_a_refused_movement_of_cash_is_taken_back(desk: Desk, simulator: TestOperator) -> None:
    simulator.mischief.switch_on("code_14", times=1)
    with pytest.raises(OperatorRefused):
        issue_document(*desk.till, cash_in(), at=MORNING)
    assert issuing.read_standing(*desk.till).register.cash_minor == 0
    assert issuing.read_issued(*desk.till, 2).document.kind == "cash_out"


def test_a_blocked_register_issues_nothing_until_the_operator_lets_it(
    desk: Desk, simulator: TestOperator
) -> None:
    simulator.mischief.switch_on("code_15", times=2)
    with pytest.raises(OperatorRefused):
        issue_document(*desk.till, sale(), at=MORNING)
    with pytest.raises(TillBlocked) as blocked:
        issue_document(*desk.till, sale(), at=after(1))
    assert blocked.value.facts["result_code"] == 15
    deliver_register(*desk.till)
    with pytest.raises(TillBlocked):
        issue_document(*desk.till, sale(), at=after(1))
    deliver_register(*desk.till, is_forced=True)
    assert issue_document(*desk.till, sale(), at=after(1)).delivery == "sent"
    assert events(desk)[1:] == ["blocked", "unblocked"]


def test_a_refused_report_is_no_reason_to_keep_the_shift_open(desk: Desk, simulator: TestOperator) -> None:
    issue_document(*desk.till, sale(), at=MORNING)
    simulator.mischief.switch_on("code_14", times=1)
    closed = issue_document(*desk.till, CloseShift(cashier=CASHIER), at=after(1))
    assert closed.delivery == "waiting"
    assert not issuing.read_standing(*desk.till).register.is_open
    assert deliver_register(*desk.till).sent == 1
    assert issuing.read_issued(*desk.till, 2).delivery == "sent"


def test_the_same_key_gives_the_same_receipt_to_two_callers_at_once(
    desk: Desk, simulator: TestOperator
) -> None:
    simulator.mischief.switch_on("slow", times=1, seconds=0.3)
    with ThreadPoolExecutor(2) as pool:
        one, two = pool.map(lambda _: issue_document(*desk.till, sale(), at=MORNING, key="k"), range(2))
    assert one.document == two.document
    assert one.fiscal_sign == two.fiscal_sign
    assert sorted((one.is_repeated, two.is_repeated)) == [False, True]
    assert len(simulator.documents(desk.device)) == 1


def test_two_callers_at_one_till_are_heard_one_after_the_other(desk: Desk, simulator: TestOperator) -> None:
    with ThreadPoolExecutor(4) as pool:
        issued = list(pool.map(lambda _: issue_document(*desk.till, sale(), at=MORNING), range(12)))
    assert all(one.delivery == "sent" for one in issued)
    rows = simulator.documents(desk.device, only_accepted=True)
    assert [row.number for row in rows] == list(range(1, 13))


def test_whoever_dies_between_commit_and_call_leaves_a_receipt_that_is_delivered(
    desk: Desk, simulator: TestOperator
) -> None:
    issuing.issue(*desk.till, sale(), at=MORNING, hold_s=0.01)
    later = issue_document(*desk.till, sale(), at=after(1))
    assert later.is_autonomous
    assert deliver_register(*desk.till).sent == 2
    assert [row.number for row in simulator.documents(desk.device, only_accepted=True)] == [1, 2]


def test_whoever_dies_before_the_answer_is_kept_is_answered_again(
    desk: Desk, simulator: TestOperator, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def die(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(actions.issuing, "record_answer", die)
        with pytest.raises(Killed):
            issue_document(*desk.till, sale(), at=MORNING)
    with transaction(desk.id) as session:
        session.execute(sa.text("update cloud_till set held_until = clock_timestamp()"))
    assert deliver_register(*desk.till).sent == 1
    (row,) = simulator.documents(desk.device, only_accepted=True)
    assert issuing.read_issued(*desk.till, 1).qr
    assert row.number == 1


def test_past_72_hours_nothing_is_issued_until_the_operator_has_everything(
    desk: Desk, simulator: TestOperator
) -> None:
    simulator.mischief.switch_on("silent", 1.0)
    issue_document(*desk.till, sale(), at=MORNING, deadline_s=0.1)
    issue_document(*desk.till, CloseShift(cashier=CASHIER), at=MORNING + timedelta(hours=1))
    with pytest.raises(rules.AutonomousTooLong):
        issue_document(*desk.till, sale(), at=MORNING + timedelta(hours=72, seconds=1))
    assert issue_document(*desk.till, sale(), at=MORNING + timedelta(hours=72)).is_autonomous
    simulator.mischief.switch_off()
    assert deliver_register(*desk.till, is_forced=True).came_back
    sold = issue_document(*desk.till, sale(), at=MORNING + timedelta(hours=72, seconds=1))
    assert sold.delivery == "sent"


def test_closing_takes_the_cash_out_first_where_the_register_is_set_so(
    database: Settings, simulator: TestOperator
) -> None:
    desk = found_desk(simulator, settings=RegisterSettings(tax_id=SELLER, withdraws_at_close=True))
    issue_document(*desk.till, sale(), at=MORNING)
    closed = actions.close_shift(*desk.till, cashier=CASHIER, at=after(1), key="z")
    assert closed.document.kind == "z_report"
    assert closed.document.number == 3
    assert issuing.read_standing(*desk.till).register.cash_minor == 0
    assert actions.close_shift(*desk.till, cashier=CASHIER, at=after(2), key="z").is_repeated


def test_a_belarusian_receipt_has_its_identifier_at_once_and_is_sent_later(
    database: Settings, simulator: TestOperator
) -> None:
    desk = found_desk(simulator, "by")
    issue_document(*desk.till, opening(), at=MORNING)
    sold = issue_document(*desk.till, sale(), at=after(1))
    assert sold.delivery == "waiting"
    assert sold.fiscal_sign is not None
    assert len(sold.fiscal_sign) == 24
    assert not sold.is_autonomous
    assert deliver_register(*desk.till).sent == 2
    assert issuing.read_issued(*desk.till, 2).delivery == "sent"
    rows = simulator.documents(desk.factory_numbers[0], country="by", only_accepted=True)
    assert [row.number for row in rows] == [1, 2]
