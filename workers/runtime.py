"""What every worker process needs before its first job: settings, a database, a Redis, and loaded modules."""

import gc
import logging
import sys

from redis.backoff import ConstantBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry
from rq import Queue, SimpleWorker

from portal import db, queue
from portal.config import Settings, read_settings

SWITCH_INTERVAL_S = 0.0002

# Every queue, the most urgent first.
QUEUES = (queue.INGEST, queue.OFD, queue.ANALYTICS)

_state: dict[str, Settings] = {}


def prepare() -> Settings:
    """Read the settings and open what jobs use."""
    logging.basicConfig(
        level=logging.INFO,
        stream=sys.stdout,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
        force=True,
    )
    logging.getLogger("rq").setLevel(logging.WARNING)
    _state["settings"] = read_settings()
    db.connect(_state["settings"])
    queue.connect(_state["settings"])
    return _state["settings"]


def settings() -> Settings:
    """The settings of this worker process."""
    return _state["settings"]


def work(queues: tuple[str, ...] = QUEUES, *, burst: bool = False) -> None:
    """Take jobs until told to stop.

    Jobs run in this process and not in a fork of it: a fork costs more than a small batch does, and the
    supervisor starts a process anew when one dies. A Redis that is away is waited for.
    """
    prepare()
    # The thread that writes must not wait long for the one that prepares to let it look at an answer.
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    # What was loaded by now stays: the collector need not walk through it again.
    gc.freeze()
    connection = queue.redis_client()
    connection.get_retry()
    connection.set_retry(Retry(ConstantBackoff(1), 3, (RedisConnectionError, RedisTimeoutError)))
    worker = SimpleWorker([Queue(name, connection=connection) for name in queues], connection=connection)
    worker.work(burst=burst, logging_level="WARNING", with_scheduler=False)
