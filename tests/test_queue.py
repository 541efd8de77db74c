"""The doorbell: it may be lost at any time, it rings once for a lane, and nothing depends on it."""

import socket
from dataclasses import replace
from importlib import import_module

import pytest
from flask import Flask
from redis import Redis
from rq import Queue
from sqlalchemy.orm import Session

from portal import db, queue
from portal.config import Settings
from portal.primitives import clock
from portal.registers.actions import issue_token
from tests.ingest import stream
from tests.ingest.stream import Till
from workers import schedule


@pytest.fixture
def till(session: Session, redis: Redis) -> Till:
    return stream.open_till(session)


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> str:
    """Let Redis be away: its address is a port where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"redis://127.0.0.1:{probe.getsockname()[1]}/0"
    monkeypatch.setitem(queue._state, "current", Redis.from_url(url, socket_connect_timeout=1))
    return url


def rung(redis: Redis) -> list[tuple[object, ...]]:
    """The lanes of the jobs that wait."""
    return [tuple(job.args) for job in Queue(queue.INGEST, connection=redis).jobs]


def test_every_job_that_the_portal_names_is_there() -> None:
    names = [value for name, value in vars(queue.Job).items() if name.isupper()]
    assert len(names) >= 3
    for name in names:
        module, _, function = name.rpartition(".")
        assert callable(getattr(import_module(module), function))


def test_a_ring_is_a_job_for_each_lane(redis: Redis) -> None:
    queue.ring(1, [2, 3])
    queue.ring_lanes([(4, 5)])
    assert sorted(rung(redis)) == [(1, 2), (1, 3), (4, 5)]
    assert {job.func_name for job in Queue(queue.INGEST, connection=redis).jobs} == {queue.Job.DRAIN}


def test_ringing_for_nobody_asks_nothing(redis: Redis) -> None:
    queue.ring(1, [])
    assert redis.keys("*") == []


def test_a_lane_rung_and_not_yet_looked_at_is_left_alone(redis: Redis) -> None:
    for _ in range(5):
        queue.ring(1, [2])
    queue.ring_lanes([(1, 2), (1, 3)])
    assert sorted(rung(redis)) == [(1, 2), (1, 3)]


def test_a_lane_looked_at_can_be_rung_again(redis: Redis) -> None:
    queue.ring(1, [2])
    queue.answer(1, 2)
    queue.ring(1, [2])
    assert rung(redis) == [(1, 2), (1, 2)]


def test_a_ring_that_nobody_answers_may_be_repeated_after_a_while(redis: Redis) -> None:
    queue.ring(1, [2])
    assert 0 < redis.ttl("ring:1:2") <= queue.RING_S
    redis.pexpire("ring:1:2", 1)
    while redis.exists("ring:1:2"):
        pass
    queue.ring(1, [2])
    assert len(rung(redis)) == 2


def test_no_ring_is_lost_between_the_look_and_the_answer(
    till: Till, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lane is answered before it is looked at, so that whatever commits afterwards rings anew."""
    order: list[str] = []
    monkeypatch.setattr("portal.queue.answer", lambda *_: order.append("answered"))
    monkeypatch.setattr("portal.ingest.drain._drain_some", lambda *_: order.append("looked"))
    till.drain()
    assert order == ["answered", "looked"]


@pytest.mark.parametrize("moment", ["rq.Queue.enqueue_many", "redis.client.Pipeline.execute"])
def test_a_ring_cut_off_in_the_middle_leaves_the_lane_unrung(
    redis: Redis, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """Killed between the mark and the job, the lane would be marked as rung and nobody would look."""

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(moment, killed)
        with pytest.raises(KeyboardInterrupt):
            queue.ring(1, [2])
    assert redis.keys("*") == []
    queue.ring(1, [2])
    assert rung(redis) == [(1, 2)]


def test_nothing_that_the_bell_does_fails_while_redis_is_away(away: str) -> None:
    queue.ring(1, [2])
    queue.answer(1, 2)
    queue.tell_readers(1)
    assert queue.live_version(1) is None


def test_documents_are_taken_while_redis_is_away_and_rung_for_afterwards(
    app: Flask, till: Till, redis: Redis, away: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with db.transaction(till.organisation_id) as session:
        token = issue_token(
            session, till.organisation_id, name="Касса", register_id=till.register_id, at=clock.now()
        )
    monkeypatch.setitem(app.extensions, "settings", replace(app.extensions["settings"], redis_url=away))
    with monkeypatch.context() as patched:
        patched.delitem(app.extensions, "ingest_limiter", raising=False)
        answer = app.test_client().post(
            "/ingest/v1/documents",
            data=stream.lines_of([till.sale(1)]),
            content_type="application/x-ndjson",
            headers={"Authorization": f"Bearer {token}", "Idempotency-Key": "1"},
        )
        app.extensions.pop("ingest_limiter", None)
    assert answer.status_code == 202
    assert rung(redis) == []

    monkeypatch.setitem(queue._state, "current", redis)
    schedule.sweep_lanes()
    assert rung(redis) == [(till.organisation_id, till.register_id)]
    assert till.drain().accepted == 1
    queue.answer(till.organisation_id, till.register_id)
    schedule.sweep_lanes()
    assert len(rung(redis)) == 1


def test_documents_are_drained_while_redis_is_away(till: Till, away: str) -> None:
    assert till.take(till.sale(1)).accepted == 1


def test_readers_see_a_number_that_grows(redis: Redis) -> None:
    assert queue.live_version(7) == 0
    queue.tell_readers(7)
    queue.tell_readers(7)
    assert (queue.live_version(7), queue.live_version(8)) == (2, 0)


def test_connecting_again_to_the_same_redis_keeps_the_client(settings: Settings) -> None:
    first = queue.connect(settings)
    assert queue.connect(replace(settings, secret_key="x" * 32)) is first
    assert queue.redis_client() is first
