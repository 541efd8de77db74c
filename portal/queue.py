"""The doorbell: tell a worker that a lane has work, and readers that something new was committed.

Work itself is a row in PostgreSQL. If Redis is away or loses everything, the sweep finds the rows; nothing
here may fail a request.
"""

import logging
from collections.abc import Iterable

from redis import Redis, RedisError
from rq import Queue
from rq.queue import EnqueueData

from portal.config import Settings

log = logging.getLogger("kassa.queue")

INGEST = "ingest"
ANALYTICS = "analytics"
OFD = "ofd"


class Job:
    """Jobs by name; the portal never imports its workers."""

    DRAIN = "workers.ingest.drain_register"
    FORGET_BODIES = "workers.ingest.forget_bodies"
    FOLLOW = "workers.analytics.follow_register"
    REPLAY = "workers.analytics.replay_organisation"
    DELIVER = "workers.ofd.deliver_register"
    VERIFY = "workers.analytics.verify_organisation"


# A ring not answered within this time may be repeated.
RING_S = 30
JOB_TIMEOUT_S = 600

_state: dict[str, Redis] = {}


def connect(settings: Settings) -> Redis:
    """Make the client this process uses. It connects when first used, not here."""
    client = _state.get(settings.redis_url)
    if client is None:
        client = Redis.from_url(
            settings.redis_url, socket_connect_timeout=1, socket_timeout=5, health_check_interval=30
        )
        _state[settings.redis_url] = client
    _state["current"] = client
    return client


def redis_client() -> Redis:
    """The client made by `connect`."""
    return _state["current"]


def ring(organisation_id: int, register_ids: Iterable[int]) -> None:
    """Ask for these lanes to be drained; a lane already rung and not yet looked at is left alone."""
    ring_lanes([(organisation_id, register_id) for register_id in register_ids])


def ring_lanes(lanes: list[tuple[int, int]]) -> None:
    """Ring many lanes (organisation, register) at once."""
    _ring(INGEST, Job.DRAIN, lanes)


def ring_follow(organisation_id: int, register_id: int) -> None:
    """Ask for a cloud till's new documents to be folded; one rung already and not yet looked at is left alone."""
    ring_tills([(organisation_id, register_id)])


def ring_tills(tills: list[tuple[int, int]]) -> None:
    """Ask for the new documents of many cloud tills (organisation, register) to be folded."""
    _ring(INGEST, Job.FOLLOW, tills)


def ring_deliver(organisation_id: int, register_id: int) -> None:
    """Ask for what waits for a register's operator to be delivered; one rung already and not yet looked at is left alone."""
    ring_deliveries([(organisation_id, register_id)])


def ring_deliveries(tills: list[tuple[int, int]]) -> None:
    """Ask for what waits at many cloud tills (organisation, register) to be delivered."""
    _ring(OFD, Job.DELIVER, tills)


def _ring(queue: str, job: str, lanes: list[tuple[int, int]]) -> None:
    """Ask for a job for each lane, unless it was asked for already and nobody has looked at it since."""
    if not lanes:
        return
    client = redis_client()
    try:
        rung = client.mget([_flag(job, *lane) for lane in lanes])
        fresh = [lane for lane, flag in zip(lanes, rung, strict=True) if flag is None]
        if not fresh:
            return
        with client.pipeline() as pipeline:
            for lane in fresh:
                pipeline.set(_flag(job, *lane), 1, ex=RING_S)
            Queue(queue, connection=client).enqueue_many(
                [_prepare(job, *lane) for lane in fresh], pipeline=pipeline
            )
            pipeline.execute()
    except RedisError as error:
        log.warning("event=bell_unheard lanes=%d error=%s", len(lanes), type(error).__name__)


def _prepare(job: str, organisation_id: int, register_id: int) -> EnqueueData:
    return Queue.prepare_data(
        job, args=(organisation_id, register_id), timeout=JOB_TIMEOUT_S, result_ttl=0, failure_ttl=86400
    )


def enqueue(queue: str, job: str, *args: object) -> None:
    """Ask for one job; raises RedisError when Redis is away (a periodic job is asked for again)."""
    Queue(queue, connection=redis_client()).enqueue(
        job, args=args, job_timeout=JOB_TIMEOUT_S, result_ttl=0, failure_ttl=86400
    )


def answer(organisation_id: int, register_id: int, *, job: str = Job.DRAIN) -> None:
    """The lane is being looked at: the next ring is news. Called before looking, so that no ring is lost."""
    try:
        redis_client().delete(_flag(job, organisation_id, register_id))
    except RedisError as error:
        log.warning("event=bell_unanswered error=%s", type(error).__name__)


def _flag(job: str, organisation_id: int, register_id: int) -> str:
    prefix = "ring" if job == Job.DRAIN else f"ring:{job}"
    return f"{prefix}:{organisation_id}:{register_id}"


def tell_readers(organisation_id: int) -> None:
    """Something was committed that pages of this organisation show."""
    try:
        redis_client().incr(f"live:{organisation_id}")
    except RedisError as error:
        log.warning("event=readers_untold error=%s", type(error).__name__)


def live_version(organisation_id: int) -> int | None:
    """A number that grows with every commit that pages show; None when Redis is away."""
    try:
        value = redis_client().get(f"live:{organisation_id}")
    except RedisError:
        return None
    return int(value) if isinstance(value, bytes | str) else 0
