"""Settings: read from the environment once, checked, frozen afterwards."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


class NotStarting(SystemExit):
    """The portal cannot start; the message says what to set or mend."""

    def __init__(self, why: str) -> None:
        super().__init__(f"not starting: {why}")


@dataclass(frozen=True)
class Settings:
    """Everything the portal takes from its environment.

    `database_url` is the portal's own role, which owns nothing; `database_owner_url` is the role that
    migrates. Where both are the same the portal gives its rights up at connection (`portal.db`).
    """

    database_url: str
    database_owner_url: str
    redis_url: str
    secret_key: str
    public_url: str
    database_pool: int
    requests_per_minute: int
    documents_waiting_max: int
    batch_keep_days: int
    operator_probe_s: int

    @property
    def secure(self) -> bool:
        """Whether the portal is reached over TLS, so that cookies may insist on it."""
        return self.public_url.startswith("https://")


def read_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read and check the environment; raise NotStarting with the name of what is missing or wrong."""
    database_url = _required(environ, "KASSA_DATABASE_URL")
    return Settings(
        database_url=database_url,
        database_owner_url=environ.get("KASSA_DATABASE_OWNER_URL") or database_url,
        redis_url=_required(environ, "KASSA_REDIS_URL"),
        secret_key=_secret(environ),
        public_url=environ.get("KASSA_PUBLIC_URL", "http://127.0.0.1:8000").rstrip("/"),
        database_pool=_whole(environ, "KASSA_DATABASE_POOL", 5, 1, 200),
        requests_per_minute=_whole(environ, "KASSA_REQUESTS_PER_MINUTE", 600, 1, 1_000_000),
        documents_waiting_max=_whole(environ, "KASSA_DOCUMENTS_WAITING_MAX", 500_000, 1, 100_000_000),
        batch_keep_days=_whole(environ, "KASSA_BATCH_KEEP_DAYS", 7, 1, 3650),
        operator_probe_s=_whole(environ, "KASSA_OPERATOR_PROBE_S", 60, 1, 3600),
    )


def _required(environ: Mapping[str, str], name: str) -> str:
    value = _value(environ, name)
    if not value:
        raise NotStarting(f"{name} is not set; `./kassa run` sets it for a machine of your own")
    return value


def _value(environ: Mapping[str, str], name: str) -> str:
    """A value, or the content of the file that NAME_FILE points at (how containers hand over secrets)."""
    path = environ.get(f"{name}_FILE")
    if not path:
        return environ.get(name, "").strip()
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise NotStarting(f"{name}_FILE points at {path}, which cannot be read: {error.strerror}") from error


def _secret(environ: Mapping[str, str]) -> str:
    secret = _required(environ, "KASSA_SECRET_KEY")
    if len(secret) < 32:
        raise NotStarting("KASSA_SECRET_KEY is shorter than 32 characters")
    return secret


def _whole(environ: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    raw = environ.get(name, "").strip()
    if not raw:
        return default
    if not raw.isascii() or not raw.isdigit() or not least <= int(raw) <= most:
        raise NotStarting(f"{name} is {raw!r}; it takes a whole number from {least} to {most}")
    return int(raw)
