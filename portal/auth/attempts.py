"""How many failures to sign in one network address may cause, counted in Redis over quarters of an hour.

A second fence beside the lock of the person, which is kept in the database: when Redis is away this one opens.
"""

import logging
from datetime import datetime

from redis import Redis, RedisError

from portal.primitives.refusals import Refusal

log = logging.getLogger("kassa.auth")

FAILURES_MAX = 50
WINDOW_S = 900


class TooManyAttempts(Refusal):
    """Too many failures from this address."""

    code = "auth.too_many_attempts"
    status = 429


def check(client: Redis, network: str, *, at: datetime) -> None:
    """Refuse an address that failed too often in this quarter of an hour."""
    try:
        failures = client.get(_key(network, at))
    except RedisError as error:
        log.warning("event=attempts_uncounted error=%s", type(error).__name__)
        return
    if isinstance(failures, bytes | str) and int(failures) >= FAILURES_MAX:
        raise TooManyAttempts(retry_after_s=WINDOW_S - int(at.timestamp()) % WINDOW_S)


def note_failure(client: Redis, network: str, *, at: datetime) -> None:
    """Count one more failure of an address."""
    key = _key(network, at)
    try:
        with client.pipeline(transaction=True) as pipeline:
            pipeline.incr(key)
            pipeline.expire(key, WINDOW_S)
            pipeline.execute()
    except RedisError as error:
        log.warning("event=attempts_uncounted error=%s", type(error).__name__)


def _key(network: str, at: datetime) -> str:
    return f"sign-in:{network}:{int(at.timestamp()) // WINDOW_S}"
