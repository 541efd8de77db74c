"""Where our own servers are and what opens them: remembered in the data directory, for its owner's eyes."""

import json
import os
import secrets
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

from portal.config import NotStarting

# Below the range from which the system lends ports, and none that anybody expects.
PORTS = range(20_500, 30_000)


@dataclass(frozen=True)
class Access:
    """Where the two servers are and what opens them; remembered in the data directory."""

    postgres_port: int
    redis_port: int
    owner_password: str
    portal_password: str
    redis_password: str

    def database_url(self, database: str = "kassa") -> str:
        """The portal's own login: it owns nothing and works as the role kassa_portal."""
        return f"postgresql+psycopg2://kassa_web:{self.portal_password}@127.0.0.1:{self.postgres_port}/{database}"

    def owner_url(self, database: str = "kassa") -> str:
        """The login that migrates."""
        return f"postgresql+psycopg2://kassa:{self.owner_password}@127.0.0.1:{self.postgres_port}/{database}"

    def redis_url(self, number: int = 0) -> str:
        return f"redis://:{self.redis_password}@127.0.0.1:{self.redis_port}/{number}"


def keep_secret(directory: Path) -> str:
    """The key that signs cookies: made once, kept in the data directory, read by its owner only."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "secret.key"
    if not path.exists():
        _write_secret(path, secrets.token_urlsafe(48))
    return path.read_text(encoding="utf-8").strip()


def _write_secret(path: Path, content: str) -> None:
    """Write a file for its owner's eyes: whole or not at all."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.rename(path)


def remembered(directory: Path) -> Access:
    path = directory / "local.json"
    if path.exists():
        return Access(**json.loads(path.read_text(encoding="utf-8")))
    if (directory / "postgres").exists():
        raise NotStarting(f"{path} is gone, and with it the passwords of the database beside it; put it back")
    first, second = free_port(), free_port()
    access = Access(first, second, *(secrets.token_urlsafe(24) for _ in range(3)))
    _remember(directory, access)
    return access


def _remember(directory: Path, access: Access) -> None:
    _write_secret(directory / "local.json", json.dumps(asdict(access), indent=2))


def with_free_port(directory: Path, access: Access, name: str) -> Access:
    """Keep the remembered port while it is free; take another when somebody else has it."""
    if _is_free(getattr(access, name)):
        return access
    moved = Access(**{**asdict(access), name: free_port()})
    _remember(directory, moved)
    return moved


def free_port() -> int:
    for _ in range(200):
        port = secrets.choice(PORTS)
        if _is_free(port):
            return port
    raise NotStarting(f"no free port between {PORTS.start} and {PORTS.stop} on 127.0.0.1")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
