"""The clock of periodic jobs, declared as one table.

Each is a sweep that may run at any time and any number of times, so two schedulers side by side do no harm
and a missed turn is made up by the next.
"""

import logging
import signal
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from threading import Event

from redis import RedisError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from portal import queue
from portal.db import transaction
from portal.primitives import clock
from workers.runtime import prepare

log = logging.getLogger("kassa.schedule")

LANES_PER_SWEEP = 10_000


@dataclass(frozen=True)
class Periodic:
    """Something to do again and again; `every_s` is counted from the start of the last turn."""

    name: str
    every_s: int
    run: Callable[[], None]


def sweep_lanes() -> None:
    """Ring for every lane that has portions waiting: what a lost bell, a killed worker or a restart left behind."""
    with transaction() as session:
        rows = session.execute(
            text("select organisation_id, register_id from waiting_lanes(:most)"), {"most": LANES_PER_SWEEP}
        )
        lanes = [(organisation_id, register_id) for organisation_id, register_id in rows]
    queue.ring_lanes(lanes)


def sweep_tills() -> None:
    """Ring for every cloud till whose documents are not all folded."""
    with transaction() as session:
        rows = session.execute(
            text("select organisation_id, register_id from unfolded_tills(:most)"), {"most": LANES_PER_SWEEP}
        )
        tills = [(organisation_id, register_id) for organisation_id, register_id in rows]
    queue.ring_tills(tills)


def sweep_deliveries() -> None:
    """Ring for every cloud till with documents its operator has not taken, or that works without it."""
    with transaction() as session:
        rows = session.execute(
            text("select organisation_id, register_id from waiting_deliveries(:most)"),
            {"most": LANES_PER_SWEEP},
        )
        tills = [(organisation_id, register_id) for organisation_id, register_id in rows]
    queue.ring_deliveries(tills)


def forget_bodies() -> None:
    """Ask for old batch bytes to be let go, organisation by organisation."""
    _for_every_organisation(queue.INGEST, queue.Job.FORGET_BODIES)


def verify() -> None:
    """Ask for every organisation's journal to be proved, and for what its cloud tills issued to be issued again."""
    _for_every_organisation(queue.ANALYTICS, queue.Job.VERIFY)
    _for_every_organisation(queue.ANALYTICS, queue.Job.REPLAY)


def _for_every_organisation(queue_name: str, job: str) -> None:
    with transaction() as session:
        ids = session.execute(text("select * from every_organisation()")).scalars().all()
    for organisation_id in ids:
        queue.enqueue(queue_name, job, organisation_id)


PERIODIC = (
    Periodic("sweep_lanes", 3, sweep_lanes),
    Periodic("sweep_tills", 3, sweep_tills),
    Periodic("sweep_deliveries", 3, sweep_deliveries),
    Periodic("forget_bodies", int(timedelta(hours=1).total_seconds()), forget_bodies),
    Periodic("verify", int(timedelta(days=1).total_seconds()), verify),
)


def run(*, stop: Event | None = None) -> None:
    """Keep the clock until told to stop. A server that is away costs a turn, never the clock."""
    prepare()
    stop = stop or _stopped_by_signal()
    due = {task.name: clock.now() for task in PERIODIC}
    # The daily proof waits a day from the start: a restart is no reason to read the whole journal.
    due["verify"] += timedelta(days=1)
    while not stop.is_set():
        for task in PERIODIC:
            if clock.now() >= due[task.name]:
                due[task.name] = clock.now() + timedelta(seconds=task.every_s)
                _turn(task)
        stop.wait(1)


def _turn(task: Periodic) -> None:
    try:
        task.run()
    except (RedisError, DBAPIError) as error:
        log.warning("event=turn_missed task=%s error=%s", task.name, type(error).__name__)


def _stopped_by_signal() -> Event:
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop
