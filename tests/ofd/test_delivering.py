"""Delivering what waits: in order, once each, whatever happens to the operator and to whoever delivers."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from redis import Redis
from sqlalchemy import text

from portal import queue
from portal.config import Settings
from portal.db import transaction
from portal.fiscal.commands import TakeReport
from portal.journal import issuing
from portal.ofd import delivering
from portal.ofd.simulator.mischief import Mischief
from portal.ofd.simulator.testing import TestOperator
from portal.primitives import clock
from tests.journal.tills import CASHIER, opening, sale
from tests.ofd.counter import DEVICE, PATIENCE_S, Counter, open_counter
from workers import schedule


@pytest.fixture
def counter(database: Settings, simulator: TestOperator) -> Counter:
    return open_counter(simulator)


@pytest.fixture
def minsk(database: Settings, simulator: TestOperator) -> Counter:
    return open_counter(simulator, "by")


@pytest.fixture
def mischief(simulator: TestOperator) -> Mischief:
    return simulator.mischief


def lose(counter: Counter, count: int = 3) -> None:
    """Sell so often while the operator is away."""
    with counter.operator_away():
        for _ in range(count):
            counter.sell()


# In order, and back


def test_everything_is_delivered_in_order_and_the_register_comes_back(counter: Counter) -> None:
    counter.sell()
    lose(counter, 4)
    done = counter.deliver()
    assert (done.sent, done.refused, done.came_back) == (4, 0, True)
    assert counter.received() == [1, 2, 3, 4, 5]
    assert not counter.standing.is_autonomous
    assert counter.events()[-2:] == ["went_autonomous", "came_back"]
    after = counter.sell()
    assert after.delivery == "sent"
    assert not after.is_autonomous


def test_a_receipt_keeps_the_sign_it_was_printed_with_and_gets_the_operators(counter: Counter) -> None:
    with counter.operator_away():
        printed = counter.sell().fiscal_sign
    counter.deliver()
    ((own, operators),) = counter.rows("select autonomous_sign, fiscal_sign from issued_document")
    assert own == printed
    assert operators not in {None, printed}


def test_a_shift_that_was_autonomous_agrees_with_the_operator(counter: Counter) -> None:
    counter.sell()
    lose(counter, 2)
    counter.deliver()
    counter.sell()
    assert counter.close().delivery == "sent"
    assert counter.rows("select differences from reconciliation") == [([],)]


def test_a_report_issued_without_the_operator_is_compared_when_it_arrives(counter: Counter) -> None:
    with counter.operator_away():
        counter.sell()
        counter.do(TakeReport(cashier=CASHIER))
        counter.close()
    counter.deliver()
    assert counter.rows("select number, differences from reconciliation order by number") == [
        (2, []),
        (3, []),
    ]


def test_a_register_that_has_everything_is_left_alone(counter: Counter) -> None:
    counter.sell()
    before = counter.standing.version
    assert not counter.deliver().changed
    assert counter.standing.version == before


def test_a_register_without_an_operator_is_left_alone(counter: Counter) -> None:
    lose(counter)
    with transaction(counter.shop.id) as session:
        session.execute(text("update cloud_till set operator_host = null, version = version + 1"))
    assert not counter.deliver().changed


# The operator misbehaves


@pytest.mark.parametrize("kind", ["half", "lost", "reset", "code_254", "code_255", "bad_token"])
def test_silence_keeps_the_queue_waiting_and_nothing_is_doubled(
    counter: Counter, mischief: Mischief, kind: str
) -> None:
    lose(counter, 3)
    mischief.switch_on(kind, times=1)
    assert counter.deliver().sent == 0
    assert counter.standing.next_try_at is not None
    assert counter.standing.is_autonomous
    assert counter.deliver().sent == 3
    assert counter.received() == [1, 2, 3]


def test_a_token_that_the_operator_does_not_take_stops_the_register_until_another_is_given(
    counter: Counter,
) -> None:
    counter.sell()
    counter.operator.reset_token(DEVICE, 77)
    assert counter.sell().is_autonomous
    for _ in range(delivering.REFUSALS_MAX + 1):
        assert not counter.deliver().changed
    assert counter.rows("select delivery, result_code from issued_document where number = 2") == [
        ("waiting", 2)
    ]
    issuing.set_token(*counter.ids, 77, at=clock.now())
    assert counter.deliver().sent == 1
    assert counter.received() == [1, 2]


def test_nobody_tries_before_the_next_try(counter: Counter, mischief: Mischief) -> None:
    lose(counter)
    mischief.switch_on("reset", times=1)
    counter.deliver(probe_s=60)
    assert not counter.deliver(is_forced=False).changed
    assert mischief.counts()["reset"] == 1
    mischief.switch_off()
    with transaction(counter.shop.id) as session:
        session.execute(text("update cloud_till set next_try_at = now() - interval '1 second'"))
    assert counter.deliver(is_forced=False).sent == 3


def test_a_document_that_the_operator_refuses_again_and_again_lets_the_next_one_pass(
    counter: Counter, mischief: Mischief
) -> None:
    lose(counter, 2)
    mischief.switch_on("code_11", times=delivering.REFUSALS_MAX)
    for tried in range(1, delivering.REFUSALS_MAX):
        assert counter.deliver().refused == 0
        assert counter.rows("select refusals from issued_document where number = 1") == [(tried,)]
    done = counter.deliver()
    assert (done.refused, done.sent, done.came_back) == (1, 1, True)
    assert counter.deliveries() == {1: "refused", 2: "sent"}
    assert counter.rows("select number, code, facts->>'code' from remark") == [(1, "operator_refused", "11")]
    assert "operator_refused" in counter.events()


def test_silence_does_not_count_as_a_refusal(counter: Counter, mischief: Mischief) -> None:
    lose(counter, 1)
    mischief.switch_on("code_254", times=delivering.REFUSALS_MAX + 2)
    for _ in range(delivering.REFUSALS_MAX + 2):
        assert counter.deliver().refused == 0
    assert counter.deliver().sent == 1


def test_a_block_keeps_everything_waiting_until_it_is_over(counter: Counter, simulator: TestOperator) -> None:
    lose(counter, 2)
    simulator.block(DEVICE)
    for _ in range(delivering.REFUSALS_MAX + 1):
        assert counter.deliver().refused == 0
    assert counter.standing.blocked_code == 15
    simulator.block(DEVICE, is_blocked=False)
    assert counter.deliver().sent == 2
    assert counter.standing.blocked_code is None
    assert counter.events()[-3:] == ["blocked", "unblocked", "came_back"]


# Whoever delivers dies, or is not alone


class Killed(BaseException):
    """The process is gone."""


def kill(*_: object, **__: object) -> None:
    raise Killed


def test_a_worker_killed_before_sending_is_continued(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose(counter, 2)
    with monkeypatch.context() as patch:
        patch.setattr(delivering, "read_line", kill)
        patch.setattr(delivering, "HOLD_MARGIN_S", -PATIENCE_S)
        with pytest.raises(Killed):
            counter.deliver()
    assert counter.deliver().sent == 2
    assert counter.received() == [1, 2]


def test_a_worker_killed_before_writing_the_answer_down_doubles_nothing(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose(counter, 2)
    with monkeypatch.context() as patch:
        patch.setattr(issuing, "record_answer", kill)
        patch.setattr(delivering, "HOLD_MARGIN_S", -PATIENCE_S)
        with pytest.raises(Killed):
            counter.deliver()
    assert counter.received() == [1]
    assert counter.deliver().sent == 2
    assert counter.received() == [1, 2]
    assert counter.close().delivery == "sent"
    assert counter.rows("select differences from reconciliation") == [([],)]


def test_two_workers_at_one_register_send_each_document_once(counter: Counter) -> None:
    lose(counter, 12)
    with ThreadPoolExecutor(4) as pool:
        for _ in range(6):
            list(pool.map(lambda _: counter.deliver(), range(4)))
    assert counter.received() == list(range(1, 13))
    assert len(counter.operator.documents(DEVICE)) == 12
    assert not counter.standing.is_autonomous


def test_coming_back_loses_no_race_with_a_cashier(counter: Counter) -> None:
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            lose(counter, 2)
            sold = [pool.submit(counter.sell) for _ in range(3)]
            delivered = [pool.submit(counter.deliver) for _ in range(2)]
            for future in sold:
                future.result()
            for job in delivered:
                job.result()
    while counter.standing.is_autonomous:
        counter.deliver()
    numbers = sorted(counter.deliveries())
    assert counter.received() == numbers
    assert set(counter.deliveries().values()) == {"sent"}
    assert counter.close().delivery == "sent"
    assert counter.rows("select differences from reconciliation") == [([],)]


def test_a_register_that_somebody_holds_is_left_to_them(counter: Counter) -> None:
    lose(counter, 1)
    assert issuing.hold(*counter.ids, 1, 60)
    assert not issuing.hold(*counter.ids, 1, 60)
    assert not counter.deliver().changed
    issuing.release(*counter.ids, 1)
    assert counter.deliver().sent == 1


# Bells and sweeps


def test_what_nobody_rang_for_is_found(counter: Counter, redis: Redis) -> None:
    lose(counter, 1)
    redis.flushdb()
    schedule.sweep_deliveries()
    assert redis.llen(f"rq:queue:{queue.OFD}") == 1
    counter.deliver()
    redis.flushdb()
    schedule.sweep_deliveries()
    assert redis.llen(f"rq:queue:{queue.OFD}") == 0


def test_a_document_left_by_a_dead_caller_is_found_and_delivered(counter: Counter, redis: Redis) -> None:
    issuing.issue(*counter.ids, sale(), at=clock.now(), hold_s=0.01)
    redis.flushdb()
    while not redis.llen(f"rq:queue:{queue.OFD}"):
        schedule.sweep_deliveries()
    done = counter.deliver()
    assert (done.sent, done.came_back) == (1, True)


def test_delivering_tells_the_pages(counter: Counter) -> None:
    lose(counter, 1)
    before = queue.live_version(counter.shop.id)
    counter.deliver()
    assert queue.live_version(counter.shop.id) != before


# Belarus


def test_in_belarus_what_is_not_sent_waits_and_the_register_goes_on(minsk: Counter) -> None:
    minsk.do(opening())
    with minsk.operator_away():
        minsk.sell()
        assert minsk.deliver().sent == 0
        minsk.do(sale(), at=clock.now() + timedelta(seconds=1))
    assert not minsk.standing.is_autonomous
    assert set(minsk.deliveries().values()) == {"waiting"}
    done = minsk.deliver()
    assert (done.sent, done.came_back) == (3, False)
    assert minsk.received() == [1, 2, 3]


def test_in_belarus_an_answer_that_is_lost_is_asked_for_again(minsk: Counter, mischief: Mischief) -> None:
    minsk.do(opening())
    minsk.sell()
    mischief.switch_on("lost", times=1)
    assert minsk.deliver().sent == 0
    assert minsk.deliver().sent == 2
    assert minsk.received() == [1, 2]
