"""What clients of a storm are told to do, and what they write down: one JSON line before they ask, one for every answer."""

import hashlib
from pathlib import Path

import msgspec
from msgspec import Struct

from portal.fiscal.commands import Command
from portal.journal.issuing import Issued


class Lane(Struct, frozen=True):
    """A register that a client works at. At a shared one two clients ask for the same, each in its own time."""

    organisation_id: int
    register_id: int
    country: str
    is_shared: bool = False


class Orders(Struct, frozen=True):
    """What a client is told. It works until the file `until` is there."""

    client: int
    deadline_s: float
    lanes: list[Lane]
    log: str
    seed: int
    until: str


class Intent(Struct, frozen=True, tag="intent"):
    """What is going to be asked."""

    key: str
    organisation_id: int
    register_id: int
    country: str
    command: Command
    step: int


class Answered(Struct, frozen=True, tag="answered"):
    """A document was acknowledged."""

    key: str
    organisation_id: int
    register_id: int
    number: int
    kind: str
    body_sha256: str
    delivery: str
    is_repeated: bool


class Refused(Struct, frozen=True, tag="refused"):
    """The command was refused by name."""

    key: str
    organisation_id: int
    register_id: int
    code: str


class Broken(Struct, frozen=True, tag="broken"):
    """The client met something that nobody may meet, and died of it."""

    register_id: int
    what: str


Entry = Intent | Answered | Refused | Broken


def answered(intent: Intent, issued: Issued) -> Answered:
    """What is written down of an acknowledged document."""
    return Answered(
        intent.key,
        intent.organisation_id,
        intent.register_id,
        issued.document.number,
        issued.document.kind,
        hashlib.sha256(issued.body).hexdigest(),
        issued.delivery,
        issued.is_repeated,
    )


_decoder: msgspec.json.Decoder[Entry] = msgspec.json.Decoder(Entry)


def read_log(path: Path) -> list[Entry]:
    """What a client has written down; a line that a kill has cut short is none."""
    if not path.exists():
        return []
    return [
        _decoder.decode(line) for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")
    ]


def mend(path: Path) -> None:
    """End the line that a kill has cut short, so that the next one stands by itself."""
    if path.exists() and not path.read_bytes().endswith(b"\n"):
        raw = path.read_bytes()
        path.write_bytes(raw[: raw.rfind(b"\n") + 1])
