"""Tokens that simulated tills send with, kept readable by their owner only in a file of the data directory.

The portal keeps digests, so a token is seen once; one that is lost, or that another database gave out, is
replaced by a new one.
"""

import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from portal.db import transaction
from portal.registers.actions import issue_token
from portal.registers.queries import find_sender


@dataclass(frozen=True)
class Holder:
    """A register that needs a token."""

    organisation_id: int
    register_id: int
    register: str


def provide_tokens(path: Path, holders: list[Holder], *, at: datetime) -> dict[Holder, str]:
    """A token that speaks for each register, from the file where it still does, else a new one."""
    kept = _read(path)
    tokens = {holder: kept.get(_name(holder), "") for holder in holders}
    lacking = [holder for holder, token in tokens.items() if not _speaks_for(token, holder)]
    for holder in lacking:
        with transaction(holder.organisation_id) as session:
            tokens[holder] = issue_token(
                session, holder.organisation_id, name=holder.register, at=at, register_id=holder.register_id
            )
    if lacking:
        _write(path, {**kept, **{_name(holder): token for holder, token in tokens.items()}})
    return tokens


def sender_id_of(token: str) -> int:
    """The sender that a token belongs to."""
    return int(token.split("_")[2])


def _speaks_for(token: str, holder: Holder) -> bool:
    found = find_sender(token)
    if found is None or found.organisation_id != holder.organisation_id:
        return False
    # A token that was taken back stays so: the till says it is refused, instead of helping itself to another.
    return found.register_id == holder.register_id


def _name(holder: Holder) -> str:
    return f"{holder.organisation_id}/{holder.register}"


def _read(path: Path) -> dict[str, str]:
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return {str(name): str(token) for name, token in kept.items()} if isinstance(kept, dict) else {}


def _write(path: Path, tokens: dict[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(tokens, file, indent=1, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())
    new.rename(path)
