"""Many senders and many workers at once, with real commits: a lane is drained by one, a key is kept once."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Barrier, Event
from typing import Any

import pytest
import sqlalchemy as sa
from redis import Redis

from portal import db, queue
from portal.analytics import names
from portal.analytics.refold import list_register_ids, refold
from portal.analytics.verify import verify
from portal.config import Settings
from portal.db import transaction
from portal.ingest import drain
from portal.ingest.actions import accept_batch
from portal.ingest.drain import drain_register
from portal.ingest.forms import KeyReused
from portal.journal.heads import take_lane
from portal.primitives import clock
from tests.ingest import stream
from tests.ingest.stream import Till


@pytest.fixture
def till(database: Settings) -> Till:
    """A till whose documents are really committed."""
    with transaction() as session:
        return stream.open_till(session)


def at_once(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Let so many threads do the work at the same instant; what each gave or raised."""
    barrier = Barrier(count)

    def turn(place: int) -> Any:
        barrier.wait()
        try:
            return work(place)
        except Exception as error:  # noqa: BLE001 - what was raised is what is looked at
            return error

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(turn, range(count)))


def test_a_worker_leaves_a_lane_to_the_one_who_is_in_it(till: Till) -> None:
    till.send(till.sale(1))
    with transaction(till.organisation_id) as session:
        assert take_lane(session, till.organisation_id, till.register_id)
        with ThreadPoolExecutor(1) as other:
            assert other.submit(till.drain).result().documents == 0
        assert till.rows("select count(*) from document") == [(0,)]
    assert till.drain().accepted == 1


def test_a_busy_lane_holds_up_no_other_lane_of_the_organisation(till: Till) -> None:
    with transaction(till.organisation_id) as session:
        second = stream.another_till(session, till)
    till.send(till.sale(1))
    second.send(second.sale(1))
    with transaction(till.organisation_id) as session:
        assert take_lane(session, till.organisation_id, till.register_id)
        with ThreadPoolExecutor(1) as other:
            assert other.submit(second.drain).result().accepted == 1


def test_the_same_register_number_in_two_organisations_is_two_lanes(database: Settings) -> None:
    with transaction() as session:
        first = stream.open_till(session)
        second = stream.open_till(session)
    with transaction(first.organisation_id) as session:
        assert take_lane(session, first.organisation_id, 7)
        with transaction(second.organisation_id) as other:
            assert take_lane(other, second.organisation_id, 7)
            assert not take_lane(other, first.organisation_id, 7)


def test_workers_in_one_lane_take_each_document_once(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drain, "DOCUMENTS_PER_TRANSACTION", 7)
    numbers = list(range(1, 61))
    for number in numbers:
        till.send(till.sale(number), till.sale(max(1, number - 3)))

    def drain_all(_: int) -> int:
        accepted = 0
        while till.rows("select 1 from ingest_portion where drained_at is null limit 1"):
            accepted += till.drain().accepted
        return accepted

    results = at_once(4, drain_all)

    assert sum(results) == 60, results
    assert till.numbers() == numbers
    report = verify(till.organisation_id)
    assert (report.differences, report.notices, report.documents) == ([], [], 60)


def test_many_lanes_with_new_names_and_one_point_are_drained_side_by_side(till: Till) -> None:
    """Lanes meet in the names of products and cashiers and in the rows of their point; nobody waits for ever."""
    with transaction(till.organisation_id) as session:
        tills = [till, *(stream.another_till(session, till) for _ in range(3))]
    for number in range(1, 13):
        for turn, one in enumerate(tills):
            names = [f"товар {(number * 7 + place * (1 if turn % 2 else -1)) % 40}" for place in range(6)]
            one.send(one.sale(number, 60, cashier=names[0], lines=[stream.line(name, 10) for name in names]))

    def drain_one(place: int) -> int:
        return tills[place].drain().accepted

    assert at_once(4, drain_one) == [12] * 4
    assert verify(till.organisation_id).differences == []
    assert till.rows("select sum(sale_minor), count(*) from rollup_point") == [(4 * 12 * 60, 1)]


def test_a_batch_that_commits_while_its_lane_is_drained_is_not_forgotten(
    till: Till, monkeypatch: pytest.MonkeyPatch, redis: Redis
) -> None:
    """It comes after the worker has looked; its own ring is a job, and the lane is looked at again."""
    till.send(till.sale(1))
    mark = drain._mark_drained
    sent: list[int] = []

    def marking(*arguments: Any) -> None:
        mark(*arguments)
        if not sent:
            sent.append(till.send(till.sale(2)).batch_id)
            queue.ring(till.organisation_id, [till.register_id])

    monkeypatch.setattr(drain, "_mark_drained", marking)
    assert till.drain().accepted == 2
    assert redis.llen("rq:queue:ingest") == 1


def test_a_drain_that_ends_before_its_commit_leaves_nothing_of_it(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Documents, sums, gaps and the mark of the portion live and die in one transaction."""
    till.take(till.sale(1))
    tables = ("document", "document_body", "rollup_day", "rollup_hour", "rollup_point", "rollup_product", "shift",
              "gap", "remark", "quarantine", "register_head", "ingest_portion", "product", "cashier")  # fmt: skip
    till.send(till.sale(3, cashier="Новый"), till.sale(4, cashier=None), b"?")
    before = {table: till.rows(f"select * from {table} order by 1, 2, 3") for table in tables}

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        # The counts are added up after everything is written and before the commit.
        killed.setattr(drain.Drained, "add", dies)
        with pytest.raises(KeyboardInterrupt):
            till.drain()

    assert {table: till.rows(f"select * from {table} order by 1, 2, 3") for table in tables} == before
    names.forget_names(till.organisation_id)
    assert till.drain().accepted == 2
    assert verify(till.organisation_id).differences == []


# Folding again meanwhile


def test_a_refold_while_the_stream_goes_on_loses_nothing(till: Till) -> None:
    with transaction(till.organisation_id) as session:
        second = stream.another_till(session, till)

    def work(place: int) -> int:
        if place == 0:
            return sum(refold(till.organisation_id) for _ in range(4))
        one = (till, second)[place - 1]
        for number in range(1, 40):
            one.take(one.sale(number))
        while one.rows("select 1 from ingest_portion where register_id = :r and drained_at is null limit 1"):
            one.drain()
        return 0

    results = at_once(3, work)

    assert all(isinstance(result, int) for result in results), results
    report = verify(till.organisation_id)
    assert (report.differences, report.documents) == ([], 78)


def test_a_register_put_on_record_while_sums_are_folded_again_keeps_its_sums(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    till.take(till.sale(1))
    listed = list_register_ids
    others: list[Future[Till]] = []
    begun = Event()

    def put_on_record() -> Till:
        begun.set()
        with transaction(till.organisation_id) as session:
            fresh = stream.another_till(session, till)
        fresh.take(fresh.sale(1))
        return fresh

    with ThreadPoolExecutor(1) as pool:

        def listing(session: Any, organisation_id: int) -> list[int]:
            found = listed(session, organisation_id)
            if not others:
                others.append(pool.submit(put_on_record))
                begun.wait()
                # Long enough for it to be done, if nothing held it.
                wait(others, timeout=1)
            return found

        monkeypatch.setattr("portal.analytics.refold.list_register_ids", listing)
        assert refold(till.organisation_id) == 1
        assert others[0].result(10).numbers() == [1]
    report = verify(till.organisation_id)
    assert (report.differences, report.documents) == ([], 2)


# One key


@pytest.mark.parametrize("senders", [2, 4])
def test_one_key_at_the_same_instant_is_one_batch_and_one_answer(till: Till, senders: int) -> None:
    for round_ in range(50):
        body = stream.lines_of([till.sale(round_ + 1)])

        def send(_: int, key: str = f"round-{round_}", body: bytes = body) -> Any:
            with transaction(till.organisation_id) as session:
                return accept_batch(session, till.speaker, key, body, at=clock.now())

        answers = at_once(senders, send)
        told = {(answer.batch_id, answer.document_count, answer.received_at) for answer in answers}
        assert len(told) == 1, answers
        assert Counter(answer.repeated for answer in answers) == {False: 1, True: senders - 1}

    assert till.rows("select count(*) from ingest_batch") == [(50,)]
    assert till.rows("select count(*), sum(document_count) from ingest_portion") == [(50, 50)]


def test_one_key_with_other_bytes_at_the_same_instant_is_one_batch_and_one_refusal(till: Till) -> None:
    for round_ in range(20):

        def send(place: int, round_: int = round_) -> Any:
            body = stream.lines_of([till.sale(round_ * 2 + place + 1)])
            with transaction(till.organisation_id) as session:
                return accept_batch(session, till.speaker, f"round-{round_}", body, at=clock.now())

        answers = at_once(2, send)
        assert sorted(type(answer).__name__ for answer in answers) == ["Accepted", "KeyReused"], answers
        assert any(isinstance(answer, KeyReused) for answer in answers)
    assert till.rows("select count(*) from ingest_batch") == [(20,)]


def test_a_key_whose_first_sender_failed_before_the_commit_is_free(till: Till) -> None:
    body = stream.lines_of([till.sale(1)])

    def fails(_: int) -> None:
        with transaction(till.organisation_id) as session:
            accept_batch(session, till.speaker, "one", body, at=clock.now())
            raise RuntimeError

    def succeeds(_: int) -> Any:
        return till.send_body(body, key="one")

    answers = at_once(2, lambda place: (fails if place else succeeds)(place))
    assert answers[0].repeated is False
    assert till.rows("select count(*) from ingest_portion") == [(1,)]


def test_the_same_document_in_the_batches_of_two_senders_is_taken_once(till: Till) -> None:
    gateway = stream.gateway(till)
    documents = [till.sale(number) for number in range(1, 20)]
    at_once(2, lambda place: (gateway if place else till).send(*documents, key="the same"))
    at_once(2, lambda _: till.drain())
    till.drain()
    assert till.numbers() == list(range(1, 20))
    assert till.rows("select sum(accepted_count), sum(repeated_count) from ingest_portion") == [(19, 19)]


def test_a_lane_is_taken_by_its_lock_and_left_with_the_transaction(till: Till) -> None:
    with db.engine().connect() as connection:
        connection.begin()
        statement = sa.text("select pg_try_advisory_xact_lock(:o, :r)")
        assert connection.execute(statement, {"o": till.organisation_id, "r": till.register_id}).scalar()
    till.send(till.sale(1))
    assert drain_register(till.organisation_id, till.register_id).accepted == 1


def test_a_worker_whose_machine_is_gone_leaves_its_lane_within_minutes(till: Till) -> None:
    """The lock goes with the connection, and PostgreSQL asks whether the other end is still there."""
    idle, interval, count = (
        int(str(till.rows(f"select setting from pg_settings where name = 'tcp_keepalives_{name}'")[0][0]))
        for name in ("idle", "interval", "count")
    )
    assert 0 < idle + interval * count <= 120
