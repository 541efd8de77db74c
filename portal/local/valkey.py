"""Our own Redis, which is a Valkey: started with an append-only file."""

import signal
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from portal.local.access import Access
from portal.local.alive import wait
from portal.local.launch import own_directory, spawn, turn_over


def start(valkey: Path, binary: Path, access: Access, *, tied: bool) -> None:
    own_directory(valkey)
    lines = (
        "bind 127.0.0.1",
        f"port {access.redis_port}",
        f"requirepass {access.redis_password}",
        "daemonize no",
        "appendonly yes",
        "appendfsync everysec",
        "save 3600 1 300 100 60 10000",
        "maxmemory-policy noeviction",
        "maxclients 400",
    )
    log = valkey.parent / "log" / "valkey.log"
    turn_over(log)
    written = log.stat().st_size if log.exists() else 0
    # The configuration goes in by the standard input: a file would be looked for by a name from the root.
    process = spawn(
        [str(binary), "-"],
        valkey,
        log=log,
        said="\n".join(lines) + "\n",
        tied_by=signal.SIGTERM if tied else None,
    )
    client = redis.Redis.from_url(access.redis_url(), socket_timeout=5, retry=Retry(NoBackoff(), 0))

    def answers() -> bool:
        try:
            return bool(client.ping())
        except (redis.ConnectionError, redis.TimeoutError):
            return False

    wait(process, answers, "Valkey", log, written)
    client.close()
