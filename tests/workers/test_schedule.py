"""The clock of periodic jobs: every turn may be missed or doubled, and none of them stops it."""

import logging
from datetime import timedelta
from itertools import count
from threading import Event

import pytest
import sqlalchemy as sa
from redis import ConnectionError as RedisAway
from redis import Redis
from rq import Queue
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from portal import db, queue
from portal.config import Settings
from portal.db import transaction
from portal.primitives import clock
from tests.ingest import stream
from tests.ingest.stream import Till
from workers import analytics, ingest, runtime, schedule


@pytest.fixture
def till(session: Session, redis: Redis) -> Till:
    return stream.open_till(session)


def jobs(redis: Redis, name: str) -> list[tuple[str, tuple[object, ...]]]:
    return [(str(job.func_name), tuple(job.args)) for job in Queue(name, connection=redis).jobs]


def test_the_sweep_rings_for_every_lane_that_waits_and_for_no_other(
    session: Session, till: Till, redis: Redis
) -> None:
    other = stream.open_till(session)
    idle = stream.open_till(session)
    idle.take(idle.sale(1))
    stream.gateway(till).send(till.sale(1), b"?")
    other.send(other.sale(1))
    schedule.sweep_lanes()
    assert sorted(jobs(redis, queue.INGEST)) == [
        (queue.Job.DRAIN, lane)
        for lane in sorted(
            [
                (till.organisation_id, 0),
                (till.organisation_id, till.register_id),
                (other.organisation_id, other.register_id),
            ]
        )
    ]


def test_two_sweeps_side_by_side_do_no_harm(till: Till, redis: Redis) -> None:
    till.send(till.sale(1))
    schedule.sweep_lanes()
    schedule.sweep_lanes()
    assert len(jobs(redis, queue.INGEST)) == 1


def test_periodic_jobs_are_asked_for_every_organisation(session: Session, till: Till, redis: Redis) -> None:
    other = stream.open_till(session)
    schedule.forget_bodies()
    schedule.verify()
    for name, job in ((queue.INGEST, queue.Job.FORGET_BODIES), (queue.ANALYTICS, queue.Job.VERIFY)):
        asked = jobs(redis, name)
        assert {(job, (till.organisation_id,)), (job, (other.organisation_id,))} <= set(asked)


@pytest.mark.parametrize(
    "error", [RedisAway(), OperationalError("select", {}, Exception())], ids=["Redis", "PostgreSQL"]
)
def test_a_server_that_is_away_costs_a_turn_and_never_the_clock(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    stop = Event()
    turns: list[int] = []

    def fails() -> None:
        turns.append(len(turns))
        if len(turns) == 3:
            stop.set()
        raise error

    monkeypatch.setattr(schedule, "prepare", lambda: None)
    monkeypatch.setattr(schedule, "PERIODIC", (schedule.Periodic("verify", 0, fails),))
    monkeypatch.setattr(stop, "wait", lambda _: False)
    began, days = clock.now(), count()
    monkeypatch.setattr(clock, "now", lambda: began + timedelta(days=2 * next(days)))
    schedule.run(stop=stop)
    assert turns == [0, 1, 2]


def test_a_mistake_of_ours_in_a_turn_is_not_hidden() -> None:
    def broken() -> None:
        raise KeyError

    with pytest.raises(KeyError):
        schedule._turn(schedule.Periodic("broken", 1, broken))


def test_the_daily_proof_does_not_run_at_every_start(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []
    stop = Event()
    tasks = tuple(
        schedule.Periodic(task.name, task.every_s, lambda name=task.name: ran.append(name))  # type: ignore[misc]
        for task in schedule.PERIODIC
    )
    monkeypatch.setattr(schedule, "prepare", lambda: None)
    monkeypatch.setattr(schedule, "PERIODIC", tasks)
    monkeypatch.setattr(stop, "wait", lambda _: stop.set())
    schedule.run(stop=stop)
    assert {"sweep_lanes", "sweep_tills"} <= set(ran)
    assert ran == [task.name for task in tasks if task.name != "verify"]


# The jobs themselves


def test_the_drain_job_drains(till: Till) -> None:
    till.send(till.sale(1))
    ingest.drain_register(till.organisation_id, till.register_id)
    ingest.drain_register(till.organisation_id, till.register_id)
    assert till.numbers() == [1]


def test_the_job_of_letting_go_keeps_bytes_for_the_days_of_the_settings(
    settings: Settings, till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(runtime._state, "settings", settings)
    till.take(till.sale(1))
    till.take(till.sale(2))
    with db.transaction(till.organisation_id) as session:
        session.execute(
            sa.text(
                "update ingest_portion set drained_at = now() - make_interval(days => :days, mins => 1) "
                "where batch_id = (select min(batch_id) from ingest_portion)"
            ),
            {"days": settings.batch_keep_days},
        )
    ingest.forget_bodies(till.organisation_id)
    assert till.rows("select body is null from ingest_portion order by batch_id") == [(True,), (False,)]


def test_the_proof_job_logs_every_difference(database: Settings, caplog: pytest.LogCaptureFixture) -> None:
    with transaction() as session:
        till = stream.open_till(session)
    till.take(till.sale(1))
    with transaction(till.organisation_id) as session:
        session.execute(sa.text("update rollup_day set sale_minor = 1"))
    with caplog.at_level(logging.INFO, "kassa.analytics"):
        analytics.verify_organisation(till.organisation_id)
    told = [record.levelname for record in caplog.records if record.name == "kassa.analytics"]
    assert told == ["ERROR", "INFO"]
    assert "rollup_day" in caplog.text
    assert "differences=1" in caplog.text
