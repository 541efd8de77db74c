"""From the till to the operator: what a cashier gets back, whatever the operator does."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import text

from portal.config import Settings
from portal.db import transaction
from portal.fiscal.commands import MoveCash, RegisterSettings, TakeReport
from portal.fiscal.rules import AutonomousTooLong, NotEnoughCash, ShiftTooLong
from portal.journal import issuing
from portal.journal.issuing import TillBlocked
from portal.ofd import actions
from portal.ofd.actions import OperatorRefused
from portal.ofd.simulator.mischief import Mischief
from portal.ofd.simulator.testing import TestOperator
from portal.primitives import clock
from tests.journal.tills import CASHIER, cash_in, opening, sale
from tests.ofd.counter import IMPATIENCE_S, PATIENCE_S, Counter, open_counter


@pytest.fixture
def counter(database: Settings, simulator: TestOperator) -> Counter:
    return open_counter(simulator)


@pytest.fixture
def minsk(database: Settings, simulator: TestOperator) -> Counter:
    return open_counter(simulator, "by")


@pytest.fixture
def mischief(simulator: TestOperator) -> Mischief:
    return simulator.mischief


# With the operator


def test_a_receipt_comes_back_with_the_operators_sign(counter: Counter) -> None:
    issued = counter.sell()
    assert issued.delivery == "sent"
    assert issued.fiscal_sign is not None
    assert issued.fiscal_sign in (issued.qr or "")
    assert not issued.is_autonomous
    assert counter.received() == [1]
    assert counter.standing.in_flight is None


def test_every_answer_brings_the_next_token(counter: Counter) -> None:
    tokens = set()
    for _ in range(4):
        counter.sell()
        tokens.add(counter.standing.token)
    assert len(tokens) == 4
    assert counter.received() == [1, 2, 3, 4]


def test_the_same_key_again_is_the_same_receipt_with_the_same_sign(counter: Counter) -> None:
    first = counter.sell(key="one")
    again = counter.sell(key="one")
    assert again.is_repeated
    assert (again.document, again.fiscal_sign, again.qr) == (first.document, first.fiscal_sign, first.qr)
    assert counter.received() == [1]


def test_a_whole_shift_is_at_the_operators_as_it_is_here(counter: Counter) -> None:
    counter.sell()
    counter.do(cash_in())
    counter.do(TakeReport(cashier=CASHIER))
    closed = counter.close()
    assert closed.document.kind == "z_report"
    assert closed.delivery == "sent"
    # Nothing on the wire says which number an X-report has.
    assert counter.received() == [1, 2, 4]
    assert counter.rows("select number, differences from reconciliation order by number") == [
        (3, []),
        (4, []),
    ]


def test_closing_takes_the_cash_out_first_where_the_register_is_set_so(
    database: Settings, simulator: TestOperator
) -> None:
    counter = open_counter(simulator, settings=RegisterSettings(withdraws_at_close=True))
    counter.sell()
    assert counter.close().document.number == 3
    kinds = [row.command for row in simulator.documents(only_accepted=True)]
    assert kinds == ["ticket", "money_placement", "close_shift"]


def test_closing_twice_with_a_key_closes_once(counter: Counter) -> None:
    counter.sell()
    first = actions.close_shift(*counter.ids, cashier=CASHIER, key="z", deadline_s=20)
    again = actions.close_shift(*counter.ids, cashier=CASHIER, key="z", deadline_s=20)
    assert again.is_repeated
    assert again.document == first.document


def test_a_register_without_an_operator_waits_for_none(counter: Counter) -> None:
    with transaction(counter.shop.id) as session:
        session.execute(text("update cloud_till set operator_host = null, version = version + 1"))
    assert counter.sell().delivery == "none"
    assert counter.received() == []


# Without it


@pytest.mark.parametrize(
    "kind", ["silent", "half", "lost", "reset", "code_254", "code_255", "bad_token", "slow"]
)
def test_every_kind_of_silence_ends_with_an_autonomous_receipt(
    counter: Counter, mischief: Mischief, kind: str
) -> None:
    mischief.switch_on(kind, times=1, seconds=5)
    patient = kind not in {"silent", "slow"}
    issued = (counter if patient else counter.impatient()).sell()
    assert issued.is_autonomous
    assert issued.delivery == "waiting"
    assert issued.fiscal_sign is not None
    assert issued.fiscal_sign.isdigit()
    assert issued.qr is None
    assert counter.standing.is_autonomous
    assert counter.standing.in_flight is None


def test_nobody_listening_is_silence(counter: Counter) -> None:
    with counter.operator_away():
        assert counter.sell().is_autonomous
    assert counter.events()[-1] == "went_autonomous"


def test_a_receipt_of_an_autonomous_register_asks_nobody(counter: Counter, mischief: Mischief) -> None:
    with counter.operator_away():
        counter.sell()
    mischief.switch_on("silent")
    issued = counter.sell()
    assert issued.is_autonomous
    assert issued.document.autonomous
    assert issued.fiscal_sign == issued.document.fiscal_sign


def test_a_silent_operator_does_not_lose_a_report(counter: Counter, mischief: Mischief) -> None:
    counter.sell()
    mischief.switch_on("lost", times=1)
    closed = counter.close()
    assert closed.is_autonomous
    assert closed.fiscal_sign is None
    assert counter.deliveries() == {1: "sent", 2: "waiting"}


def test_after_72_hours_without_the_operator_nothing_is_issued(counter: Counter) -> None:
    start = clock.now() - timedelta(hours=73)
    with counter.operator_away():
        counter.do(sale(), at=start)
        with pytest.raises(AutonomousTooLong):
            counter.do(sale(), at=start + timedelta(hours=72, minutes=1))
    assert counter.deliveries() == {1: "waiting"}


# Refused


@pytest.mark.parametrize("code", [11, 14])
def test_what_the_operator_refuses_is_taken_back_at_once(
    counter: Counter, mischief: Mischief, code: int
) -> None:
    counter.sell()
    before = counter.standing.register
    mischief.switch_on(f"code_{code}", times=1)
    with pytest.raises(OperatorRefused) as refused:
        counter.sell()
    assert refused.value.facts["result_code"] == code
    after = counter.standing.register
    assert counter.deliveries() == {1: "sent", 2: "void", 3: "void"}
    assert (after.cash_minor, after.counters.operations) == (before.cash_minor, before.counters.operations)
    assert not counter.standing.is_autonomous
    assert counter.sell().delivery == "sent"
    assert counter.close().delivery == "sent"
    assert counter.received() == [1, 4, 5]
    assert counter.rows("select differences from reconciliation") == [([],)]


def test_a_refused_receipt_is_refused_again_under_its_key(counter: Counter, mischief: Mischief) -> None:
    mischief.switch_on("code_14", times=1)
    facts = []
    for _ in range(2):
        with pytest.raises(OperatorRefused) as refused:
            counter.sell(key="one")
        facts.append(refused.value.facts)
    assert facts[0] == facts[1]
    assert counter.deliveries() == {1: "void", 2: "void"}


def test_a_cash_movement_that_is_refused_moved_nothing(counter: Counter, mischief: Mischief) -> None:
    counter.sell()
    cash_minor = counter.standing.register.cash_minor
    mischief.switch_on("code_14", times=1)
    with pytest.raises(OperatorRefused):
        counter.do(cash_in())
    assert counter.standing.register.cash_minor == cash_minor
    assert counter.close().delivery == "sent"
    assert counter.rows("select differences from reconciliation") == [([],)]


def test_a_blocked_register_issues_nothing_until_the_operator_says_otherwise(
    counter: Counter, simulator: TestOperator
) -> None:
    counter.sell()
    simulator.block(203605)
    with pytest.raises(OperatorRefused) as refused:
        counter.sell()
    assert refused.value.facts["result_code"] == 15
    with pytest.raises(TillBlocked):
        counter.sell()
    counter.deliver()
    with pytest.raises(TillBlocked):
        counter.sell()
    simulator.block(203605, is_blocked=False)
    counter.deliver()
    assert counter.sell().delivery == "sent"
    assert [kind for kind in counter.events() if "blocked" in kind] == ["blocked", "unblocked"]


def test_an_unknown_device_is_blocked(counter: Counter) -> None:
    issuing.set_operator(
        *counter.ids,
        host=counter.operator.host,
        port=counter.operator.port,
        device=5,
        token=5,
        at=clock.now(),
    )
    with pytest.raises(OperatorRefused) as refused:
        counter.sell()
    assert refused.value.facts["result_code"] == 1
    assert counter.standing.blocked_code == 1


def test_a_refused_report_waits_and_is_never_taken_back(counter: Counter, mischief: Mischief) -> None:
    counter.sell()
    mischief.switch_on("code_11", times=1)
    assert counter.close().delivery == "waiting"
    assert not counter.standing.register.is_open
    counter.deliver()
    assert counter.received() == [1, 2]


def test_what_the_engine_refuses_never_reaches_the_operator(counter: Counter) -> None:
    with pytest.raises(NotEnoughCash):
        counter.do(MoveCash(cashier=CASHIER, sum_minor=100, is_out=True))
    assert counter.received() == []
    assert counter.deliveries() == {}


# Two at one register, and the dead


def test_two_callers_at_one_register_are_both_served_in_order(counter: Counter) -> None:
    with ThreadPoolExecutor(8) as pool:
        issued = list(pool.map(lambda _: counter.sell(), range(16)))
    assert sorted(one.document.number for one in issued) == list(range(1, 17))
    assert {one.delivery for one in issued} == {"sent"}
    assert counter.received() == list(range(1, 17))


def test_whoever_waits_for_a_slow_operator_gets_a_receipt_by_the_deadline(
    counter: Counter, mischief: Mischief
) -> None:
    mischief.switch_on("silent")
    with ThreadPoolExecutor(4) as pool:
        issued = list(pool.map(lambda _: counter.impatient().sell(), range(4)))
    assert all(one.is_autonomous for one in issued)
    # All of them within the one deadline: only the first was asked about at all.
    assert mischief.counts()["silent"] == 1
    mischief.switch_off()
    counter.deliver()
    assert counter.received() == [1, 2, 3, 4]


def test_whoever_waited_past_the_deadline_does_not_ask_any_more(counter: Counter) -> None:
    assert issuing.hold(*counter.ids, 0, IMPATIENCE_S * 2)
    assert counter.impatient().sell().is_autonomous
    assert counter.operator.documents() == []
    assert counter.rows("select facts->>'reason' from register_event where kind = 'went_autonomous'") == [
        ("deadline",)
    ]


def test_a_caller_that_died_before_asking_leaves_an_autonomous_receipt_to_the_next(counter: Counter) -> None:
    issuing.issue(*counter.ids, sale(), at=clock.now(), hold_s=0.05)
    second = counter.sell()
    assert second.is_autonomous
    assert counter.deliveries() == {1: "waiting", 2: "waiting"}
    assert issuing.read_issued(*counter.ids, 1).is_autonomous
    counter.deliver()
    assert counter.received() == [1, 2]
    assert not counter.standing.is_autonomous


def test_a_caller_that_died_before_writing_the_answer_down_doubles_nothing(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def die(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(issuing, "record_answer", die)
        patch.setattr(actions, "HOLD_MARGIN_S", -PATIENCE_S)
        with pytest.raises(Killed):
            counter.sell()
    assert counter.received() == [1]
    assert counter.sell().is_autonomous
    counter.deliver()
    assert counter.received() == [1, 2]
    assert counter.close().delivery == "sent"
    assert counter.deliveries() == {1: "sent", 2: "sent", 3: "sent"}


def test_an_answer_that_comes_after_the_register_was_given_up_is_not_printed(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = actions._ask

    def sleepy(issued: issuing.Issued, ends_at_s: float) -> object:
        answer = asked(issued, ends_at_s)
        # The process was stopped for longer than it held the till, and somebody else went on.
        issuing.give_up(counter.standing, at=clock.now())
        monkeypatch.setattr("time.monotonic", lambda: ends_at_s + 10)
        return answer

    monkeypatch.setattr(actions, "_ask", sleepy)
    issued = counter.sell()
    assert issued.is_autonomous
    assert issued.fiscal_sign == issuing.read_issued(*counter.ids, 1).fiscal_sign


# Belarus


def test_in_belarus_nobody_waits_for_the_operator(minsk: Counter, mischief: Mischief) -> None:
    mischief.switch_on("silent")
    minsk.do(opening())
    issued = minsk.sell()
    assert issued.delivery == "waiting"
    assert not issued.is_autonomous
    assert len(issued.fiscal_sign or "") == 24
    assert minsk.received() == []


def test_in_belarus_what_was_issued_is_sent_later_in_order(minsk: Counter) -> None:
    minsk.do(opening())
    for _ in range(3):
        minsk.sell()
    minsk.close()
    assert set(minsk.deliveries().values()) == {"waiting"}
    minsk.deliver()
    assert set(minsk.deliveries().values()) == {"sent"}
    assert minsk.received() == sorted(minsk.deliveries())


@pytest.mark.parametrize("country", ["kz", "by"])
@pytest.mark.parametrize("is_refused", [False, True])
def test_a_shift_that_ran_too_long_is_closed_whatever_the_operator_says_of_its_cash(
    database: Settings, simulator: TestOperator, country: str, *, is_refused: bool
) -> None:
    counter = open_counter(simulator, country, RegisterSettings(withdraws_at_close=True))
    opened_at = clock.now() - timedelta(hours=25)
    if country == "by":
        counter.do(opening(), at=opened_at)
    counter.do(sale(), at=opened_at)
    with pytest.raises(ShiftTooLong):
        counter.sell()
    stays = is_refused and country == "kz"
    if is_refused:
        simulator.mischief.switch_on("code_11", times=1)
    closed = actions.close_shift(*counter.ids, cashier=CASHIER)
    assert closed.document.kind == "z_report"
    counter.deliver()
    counter.deliver()
    assert issuing.read_issued(*counter.ids, closed.document.number).delivery == "sent"
    assert counter.standing.register.cash_minor == (30_000 if stays else 0)
