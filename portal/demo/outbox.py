"""Batches of simulated tills that the portal has not acknowledged yet."""

import json
import os
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Outbox:
    """Batches that were not acknowledged yet, one file per register."""

    directory: Path

    def keep(self, register: str, key: str, body: bytes) -> None:
        """Remember a batch before it is sent."""
        self.directory.mkdir(parents=True, exist_ok=True)
        new = self.directory / f"{register}.new"
        with new.open("w", encoding="utf-8") as file:
            json.dump({"key": key, "body": body.decode()}, file, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())
        new.rename(self._file(register))

    def kept(self, register: str) -> tuple[str, bytes] | None:
        """The batch that waits for its acknowledgement, if any."""
        try:
            content = json.loads(self._file(register).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return content["key"], content["body"].encode()

    def forget(self, register: str) -> None:
        """The batch was acknowledged."""
        self._file(register).unlink(missing_ok=True)

    def _file(self, register: str) -> Path:
        return self.directory / f"{register}.json"
