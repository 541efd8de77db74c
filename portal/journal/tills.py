"""Make a cloud till of a register, set it and connect it: what is not done at the counter."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import msgspec
from psycopg2.extras import Json
from sqlalchemy import update
from sqlalchemy.orm import Session

from portal.db import statements
from portal.fiscal.commands import RegisterSettings
from portal.fiscal.register import Register, encode
from portal.journal.heads import get_head, put_head
from portal.journal.models import CloudTill, RegisterEvent
from portal.journal.standing import NotACloudTill, ShiftIsOpen, read_standing
from portal.registers import models as registers

_SET: Final = """
select set_config('kassa.organisation', %(o)s::text, true);
with till as (
    update cloud_till set version = version + 1, settings = %(settings)s
    where organisation_id = %(o)s and register_id = %(r)s and version = %(version)s returning 1
)
insert into register_event (organisation_id, register_id, at, after_number, kind, facts)
select %(o)s, %(r)s, %(at)s, %(after)s, 'settings_changed', %(facts)s from till
"""

_CONNECT: Final = """
select set_config('kassa.organisation', %(o)s::text, true);
with till as (
    update cloud_till set version = version + 1, operator_host = %(host)s, operator_port = %(port)s,
        operator_device = %(device)s, token = coalesce(%(token)s, token), next_try_at = null
    where organisation_id = %(o)s and register_id = %(r)s and version = %(version)s returning 1
)
insert into register_event (organisation_id, register_id, at, after_number, kind, facts)
select %(o)s, %(r)s, %(at)s, %(after)s, 'connected', %(facts)s from till
"""

_RENEW: Final = """
select set_config('kassa.organisation', %(o)s::text, true);
with till as (
    update cloud_till set version = version + 1, token = %(token)s, next_try_at = null
    where organisation_id = %(o)s and register_id = %(r)s and version = %(version)s returning 1
)
insert into register_event (organisation_id, register_id, at, after_number, kind, facts)
select %(o)s, %(r)s, %(at)s, %(after)s, 'token_changed', %(facts)s from till
"""

_NUMBER: Final = """
select set_config('kassa.organisation', %(o)s::text, true);
update cloud_till set version = version + 1, request_number = request_number %% 65535 + 1
where organisation_id = %(o)s and register_id = %(r)s returning request_number
"""


def create_till(
    session: Session,
    organisation_id: int,
    register_id: int,
    register: Register,
    settings: RegisterSettings,
    *,
    at: datetime,
    operator_host: str | None = None,
    operator_port: int | None = None,
    operator_device: int | None = None,
    token: int | None = None,
) -> None:
    """Let a register issue its documents here from now on; `register` is the state it begins with.

    Documents that it streamed before stay what they were; the state must stand after the last of them. Raises ValueError when it
    does not.
    """
    head = get_head(session, organisation_id, register_id)
    if head.last_number is not None and head.last_number != register.number:
        raise ValueError(f"the journal ends with number {head.last_number}, the state with {register.number}")
    put_head(session, organisation_id, register_id, head)
    session.add(
        CloudTill(
            organisation_id=organisation_id,
            register_id=register_id,
            version=1,
            state=encode(register).decode(),
            settings=msgspec.json.encode(settings).decode(),
            folded_sequence=head.sequence,
            autonomous_since=register.autonomous_since,
            operator_host=operator_host,
            operator_port=operator_port,
            operator_device=operator_device,
            token=token,
            request_number=0,
        )
    )
    session.execute(
        update(registers.Register)
        .where(registers.Register.organisation_id == organisation_id, registers.Register.id == register_id)
        .values(kind="cloud")
    )
    record_event(
        session, organisation_id, register_id, "settings_changed",
        at=at, after_number=register.number, facts=_said(settings),
    )  # fmt: skip
    session.flush()


def record_event(
    session: Session,
    organisation_id: int,
    register_id: int,
    kind: str,
    *,
    at: datetime,
    after_number: int,
    facts: Mapping[str, object],
) -> None:
    """Write down that something happened to a cloud till after one of its documents (0: before the first)."""
    session.add(
        RegisterEvent(
            organisation_id=organisation_id,
            register_id=register_id,
            at=at,
            after_number=after_number,
            kind=kind,
            facts=dict(facts),
        )
    )


def set_settings(organisation_id: int, register_id: int, settings: RegisterSettings, *, at: datetime) -> None:
    """Set a register anew, with the event. Refuses `ShiftIsOpen` and `NotACloudTill`."""
    _change(
        _SET, organisation_id, register_id, at=at, is_shift_kept=True,
        settings=msgspec.json.encode(settings).decode(), facts=Json(_said(settings)),
    )  # fmt: skip


def set_operator(
    organisation_id: int,
    register_id: int,
    *,
    host: str,
    port: int,
    device: int | None,
    token: int | None,
    at: datetime,
) -> None:
    """Say where a register's operator listens and what it calls the register. Refuses `NotACloudTill`.

    Documents issued from now on wait for that operator; those issued without one never go anywhere.
    """
    _change(
        _CONNECT, organisation_id, register_id, at=at,
        host=host, port=port, device=device, token=token, facts=Json({"host": host, "port": port, "device": device}),
    )  # fmt: skip


def set_token(
    organisation_id: int,
    register_id: int,
    token: int,
    *,
    at: datetime,
    facts: Mapping[str, object] | None = None,
) -> None:
    """Use a token that was typed in. The event tells that, not the token. Refuses `NotACloudTill`."""
    _change(_RENEW, organisation_id, register_id, at=at, token=token, facts=Json(dict(facts or {})))


def _change(
    statement: str,
    organisation_id: int,
    register_id: int,
    *,
    at: datetime,
    is_shift_kept: bool = False,
    **values: object,
) -> None:
    """Change a till as it was read, again and again until nobody was faster."""
    while True:
        standing = read_standing(organisation_id, register_id)
        if is_shift_kept and standing.register.is_open:
            raise ShiftIsOpen(shift=standing.register.shift)
        with statements() as cursor:
            cursor.execute(
                statement,
                {
                    "o": organisation_id, "r": register_id, "version": standing.version, "at": at,
                    "after": standing.register.number, **values,
                },
            )  # fmt: skip
            if cursor.rowcount:
                return


def _said(settings: RegisterSettings) -> dict[str, object]:
    """How a register is set, whole: what the settings of an event's moment are is told by the last event before it."""
    said: dict[str, object] = msgspec.to_builtins(settings)
    return {"settings": said}


def take_request_number(organisation_id: int, register_id: int) -> int:
    """The next request number, for a request that carries no document. Refuses `NotACloudTill`."""
    with statements() as cursor:
        cursor.execute(_NUMBER, {"o": organisation_id, "r": register_id})
        row = cursor.fetchone()
    if row is None:
        raise NotACloudTill(register_id=register_id)
    number: int = row[0]
    return number
