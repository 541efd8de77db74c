"""How a cloud till stands: what the engine needs to issue its next document, read in one round trip."""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from threading import Lock
from typing import Any, Final

import msgspec
from msgspec import Struct

from portal.db import engine, statements
from portal.fiscal.commands import RegisterSettings
from portal.fiscal.dialects import Dialect, dialect_of
from portal.fiscal.register import Register, decode
from portal.primitives.period import BusinessDays
from portal.primitives.refusals import NotFound, Refusal

_settings_decoder = msgspec.json.Decoder(RegisterSettings)
_READ = "select * from read_till(%s, %s, %s)"


class NotACloudTill(NotFound):
    """The organisation has no such register that issues its documents here. Facts: `register_id`."""

    code = "issuing.not_a_cloud_till"


class KeyTooLong(Refusal):
    """A caller's key is too long, or empty. Facts: `length`, `length_max`."""

    code = "issuing.key_too_long"


class TillBusy(Refusal):
    """Others kept the till for longer than a caller waits. Facts: none."""

    code = "issuing.till_busy"
    status = 503


class ShiftIsOpen(Refusal):
    """A register is set, or connected anew, only while its shift is closed. Facts: `shift`."""

    code = "issuing.shift_is_open"
    status = 409


class TillBlocked(Refusal):
    """The operator has blocked the register. Facts: `result_code`, `text`."""

    code = "ofd.blocked"
    status = 409


class Moved(Exception):
    """The till is not what it was when it was read: read it again. Nothing was written."""


class Standing(Struct, frozen=True):
    """A cloud till at one moment.

    `version` guards every write. `sequence` and `digest` are the last link of the journal's chain. `is_held`: the document
    `in_flight` is being handed to the operator by somebody, until `held_until` at the latest; a document in flight that
    is not held was left by somebody who died. `token`, `request_number` (the last one given) and `operator_*` belong to
    the operator's protocol, `blocked_*` is its word that the register may issue nothing. `known` is the number of
    the document that has the key asked for.
    """

    organisation_id: int
    register_id: int
    version: int
    register: Register
    settings: RegisterSettings
    dialect: Dialect
    request_number: int
    in_flight: int | None
    is_held: bool
    held_until: datetime | None
    operator_host: str | None
    operator_port: int | None
    operator_device: int | None
    token: int | None
    blocked_code: int | None
    blocked_text: str | None
    blocked_at: datetime | None
    next_try_at: datetime | None
    sequence: int
    digest: bytes
    point_id: int
    days: BusinessDays
    known: int | None

    @property
    def is_connected(self) -> bool:
        """Whether the till has an operator to send its documents to."""
        return self.operator_host is not None

    @property
    def is_autonomous(self) -> bool:
        """Whether the till works without its operator for now."""
        return self.register.autonomous_since is not None


@lru_cache(maxsize=1000)
def days_of(zone: str, day_starts_hour: int) -> BusinessDays:
    """The calendar of points with this zone and starting hour; it remembers what it was asked."""
    return BusinessDays(zone, day_starts_hour)


@lru_cache(maxsize=1000)
def _settings(raw: str) -> RegisterSettings:
    return _settings_decoder.decode(raw)


def read_standing(organisation_id: int, register_id: int, *, key: str | None = None) -> Standing:
    """Read a cloud till, and whether a document has this key already. Refuses `NotACloudTill`."""
    with statements() as cursor:
        cursor.execute(_READ, (organisation_id, register_id, key))
        row = cursor.fetchone()
    if row[0] is None:
        raise NotACloudTill(register_id=register_id)
    return _standing(organisation_id, register_id, row)


class Memory:
    """Tills as this process left them. Each is only believed as long as the database says that it has not moved.

    A till is remembered by the database it stands in as well, for a process may know several.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._lock = Lock()
        self._tills: dict[tuple[int, int, int], Standing] = {}

    def recall(self, organisation_id: int, register_id: int) -> Standing | None:
        """The till as it was left, and nothing more: whoever uses it writes, or asks again."""
        return self._tills.get((id(engine()), organisation_id, register_id))

    def remember(self, standing: Standing) -> None:
        """Keep how a till stands now; past the most, whoever was first kept is forgotten."""
        with self._lock:
            self._tills[id(engine()), standing.organisation_id, standing.register_id] = standing
            if len(self._tills) > self.most:
                del self._tills[next(iter(self._tills))]

    def forget(self, organisation_id: int, register_id: int) -> None:
        """Somebody else moved the till."""
        with self._lock:
            self._tills.pop((id(engine()), organisation_id, register_id), None)


MEMORY: Final = Memory(2_000)


def _standing(organisation_id: int, register_id: int, row: Sequence[Any]) -> Standing:
    (version, state, settings, request_number, in_flight, is_held, held_until, host, port, device, token,
        blocked_code, blocked_text, blocked_at, next_try_at, sequence, digest, point_id, zone, hour, known) = row  # fmt: skip
    register = decode(state.encode())
    return Standing(
        organisation_id, register_id, version, register, _settings(settings), dialect_of(register.country),
        request_number, in_flight, bool(is_held), held_until, host, port, device, token, blocked_code,
        blocked_text, blocked_at, next_try_at, sequence, bytes(digest), point_id, days_of(zone, hour), known,
    )  # fmt: skip
