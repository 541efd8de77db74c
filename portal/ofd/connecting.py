"""Connect a register to its operator, give it another token, and ask whether the two understand one another.

Nothing is changed before the operator has answered, except a token: it can always be typed in, also while the operator
is away, because a register without the right one can do nothing else.
"""

import time
from dataclasses import dataclass
from dataclasses import replace as with_changes
from datetime import datetime
from typing import Final

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from portal import audit, queue
from portal.analytics.refold import read_journal
from portal.db import transaction
from portal.fiscal import codec
from portal.fiscal.adopting import adopt
from portal.fiscal.commands import RegisterSettings
from portal.fiscal.dialects import dialect_of
from portal.journal import issuing
from portal.journal.tills import take_request_number
from portal.ofd.exchange import BLOCKED, INVALID_TOKEN, OK, Answer, Line, NoAnswer
from portal.ofd.gateway import gateway_of
from portal.ofd.lines import CountryLine, read_future_line, read_line
from portal.orgs.models import Organisation
from portal.primitives import clock
from portal.primitives.refusals import NotFound, Refusal
from portal.registers.models import Register

TIMEOUT_S: Final = 5.0
HOLD_MARGIN_S: Final = 1.0
WAIT_S: Final = 4.0
POLL_S: Final = 0.05

# The lease of a question that carries no document.
QUESTION: Final = 0

# What a register asks under before it counts: its own count comes to this number last of all.
FIRST_QUESTION: Final = 65_535


class TokenInvalid(Refusal):
    """The operator does not take this token; the register keeps the one it had. Facts: `result_code`, `text`."""

    code = "ofd.token_invalid"
    status = 409


class NotAccepted(Refusal):
    """The operator answered, and not with yes; nothing was changed. Facts: `result_code`, `text`."""

    code = "ofd.not_accepted"
    status = 409


class OperatorSilent(Refusal):
    """The operator does not answer at that address; nothing was changed. Facts: `host`, `port`."""

    code = "ofd.silent"
    status = 409


class NothingToSend(Refusal):
    """The document is not one that its operator refused. Facts: `number`."""

    code = "ofd.nothing_to_send"
    status = 409


@dataclass(frozen=True)
class Checked:
    """What the operator said when it was asked; `result_code` is None when it said nothing, and `reason` tells why."""

    result_code: int | None
    text: str = ""
    reason: str = ""

    @property
    def is_well(self) -> bool:
        return self.result_code == OK


def connect_register(
    organisation_id: int,
    register_id: int,
    *,
    host: str,
    port: int,
    device: int | None = None,
    token: int | None = None,
    settings: RegisterSettings | None = None,
    registration_number: str | None = None,
    cash_minor: int | None = None,
    at: datetime | None = None,
    by: int | None = None,
    request_id: str | None = None,
) -> None:
    """Connect a register to its operator; one that streamed its documents issues them here from now on.

    `device` and `token` are Kazakhstan's. `settings` set the register anew, and `cash_minor` says what lies in the drawer of
    a register that streamed. Refuses `TokenInvalid`, `NotAccepted`, `OperatorSilent`, `ShiftIsOpen` and NotFound.
    """
    at = at or clock.now()
    found = read_future_line(organisation_id, register_id)
    who = found.line.registration
    who = with_changes(who, registration_number=registration_number or who.registration_number)
    line = Line(host, port, who, device=device or 0, token=token or 0)
    answer = _ask(found.country, line, FIRST_QUESTION)
    if answer is None or not answer.is_accepted:
        raise _no(answer, line)
    with transaction(organisation_id) as session:
        _found_till(session, organisation_id, register_id, settings, registration_number, cash_minor, at)
        audit.record(
            session, organisation_id, "ofd.connect", f"register:{register_id}",
            at=at, person_id=by, after={"host": host, "port": port, "device": device}, request_id=request_id,
        )  # fmt: skip
    issuing.set_operator(
        organisation_id, register_id, host=host, port=port, device=device, token=answer.token or token, at=at
    )
    queue.tell_readers(organisation_id)


def change_token(
    organisation_id: int,
    register_id: int,
    token: int,
    *,
    at: datetime | None = None,
    by: int | None = None,
    request_id: str | None = None,
) -> Checked:
    """Use another token from now on, and deliver what waited for it.

    It is tried first. Without an answer it is kept all the same, untried. Refuses `TokenInvalid`, `NotAccepted`,
    `NotConnected` and `NotACloudTill`.
    """
    at = at or clock.now()
    found = read_line(organisation_id, register_id)
    _hold(organisation_id, register_id)
    try:
        line = with_changes(found.line, token=token)
        answer = _ask(found.country, line, take_request_number(organisation_id, register_id))
        if answer is not None and answer.result_code not in (OK, BLOCKED):
            raise _no(answer, line)
        issuing.set_token(
            organisation_id,
            register_id,
            token if answer is None else answer.token or token,
            at=at,
            facts={"is_tried": answer is not None},
        )
    finally:
        issuing.release(organisation_id, register_id, QUESTION)
    with transaction(organisation_id) as session:
        audit.record(
            session, organisation_id, "ofd.change_token", f"register:{register_id}",
            at=at, person_id=by, request_id=request_id,
        )  # fmt: skip
    if answer is not None and answer.is_accepted:
        issuing.record_answer(organisation_id, register_id, QUESTION, at=at)
    _deliver(organisation_id, register_id)
    return Checked(None) if answer is None else Checked(answer.result_code, answer.result_text)


def check_connection(organisation_id: int, register_id: int, *, at: datetime | None = None) -> Checked:
    """Ask the operator whether it knows the register (COMMAND_SYSTEM); a yes ends a block, and delivery is tried at once.

    Refuses `TillBusy` while a document is on its way, `NotConnected` and `NotACloudTill`.
    """
    at = at or clock.now()
    read_line(organisation_id, register_id)
    if not _hold(organisation_id, register_id):
        raise issuing.TillBusy
    try:
        found = read_line(organisation_id, register_id)
        number = take_request_number(organisation_id, register_id)
        try:
            answer = _exchange(found, number)
        except NoAnswer as silence:
            return Checked(None, reason=silence.reason)
        if answer.is_accepted:
            issuing.record_answer(organisation_id, register_id, QUESTION, at=at, token=answer.token)
            _deliver(organisation_id, register_id)
        return Checked(answer.result_code, answer.result_text)
    finally:
        issuing.release(organisation_id, register_id, QUESTION)


def send_again(
    organisation_id: int,
    register_id: int,
    number: int,
    *,
    at: datetime | None = None,
    by: int | None = None,
    request_id: str | None = None,
) -> None:
    """Let a document that its operator refused wait for it once more, in its place. Refuses `NothingToSend`."""
    with transaction(organisation_id) as session:
        found = session.execute(
            text(
                "update issued_document set delivery = 'waiting', refusals = 0 where organisation_id = :o "
                "and register_id = :r and number = :n and delivery = 'refused' returning 1"
            ),
            {"o": organisation_id, "r": register_id, "n": number},
        ).one_or_none()
        if found is None:
            raise NothingToSend(number=number)
        audit.record(
            session, organisation_id, "ofd.send_again", f"document:{register_id}/{number}",
            at=at or clock.now(), person_id=by, request_id=request_id,
        )  # fmt: skip
    try_now(organisation_id, register_id)


def try_now(organisation_id: int, register_id: int) -> None:
    """Do not wait for the next probe: deliver what waits at once."""
    with transaction(organisation_id) as session:
        session.execute(
            text("update cloud_till set next_try_at = null where organisation_id = :o and register_id = :r"),
            {"o": organisation_id, "r": register_id},
        )
    _deliver(organisation_id, register_id)


def _found_till(
    session: Session,
    organisation_id: int,
    register_id: int,
    settings: RegisterSettings | None,
    registration_number: str | None,
    cash_minor: int | None,
    at: datetime,
) -> None:
    """Let a register that streamed issue here, beginning where its journal ends; set one that does already."""
    # Whoever drains its lane waits for this, or this for them.
    session.execute(text("select pg_advisory_xact_lock(:o, :r)"), {"o": organisation_id, "r": register_id})
    register = session.execute(
        select(Register)
        .where(Register.organisation_id == organisation_id, Register.id == register_id)
        .with_for_update()
    ).scalar_one_or_none()
    if register is None:
        raise NotFound(thing="register", id=register_id)
    if registration_number is not None:
        register.registration_number = registration_number
    if register.kind == "cloud":
        if settings is not None:
            issuing.set_settings(organisation_id, register_id, settings, at=at)
        return
    company = session.get_one(Organisation, organisation_id)
    documents = (
        codec.decode(stored.body.encode())
        for stored in read_journal(session, organisation_id, register_id, order="number")
    )
    state = adopt(
        register.factory_number,
        dialect_of(company.country),
        documents,
        registration_number=register.registration_number,
        cash_minor=cash_minor,
    )
    issuing.create_till(
        session,
        organisation_id,
        register_id,
        state,
        settings or RegisterSettings(tax_id=company.tax_id),
        at=at,
    )


def _hold(organisation_id: int, register_id: int) -> bool:
    """Take the till for a question, waiting a little for whoever has it."""
    until_s = time.monotonic() + WAIT_S
    while not issuing.hold(organisation_id, register_id, QUESTION, TIMEOUT_S + HOLD_MARGIN_S):
        if time.monotonic() > until_s:
            return False
        time.sleep(POLL_S)
    return True


def _ask(country: str, line: Line, request_number: int) -> Answer | None:
    """The operator's answer to whether it knows the register; None without one, or one that says no more than silence."""
    try:
        answer = _exchange(CountryLine(country, line), request_number)
    except NoAnswer:
        return None
    return None if answer.is_silence else answer


def _exchange(found: CountryLine, request_number: int) -> Answer:
    return gateway_of(found.country).ping(found.line, request_number=request_number, timeout_s=TIMEOUT_S)


def _no(answer: Answer | None, line: Line) -> Refusal:
    if answer is None:
        return OperatorSilent(host=line.host, port=line.port)
    kind = TokenInvalid if answer.result_code == INVALID_TOKEN else NotAccepted
    return kind(result_code=answer.result_code, text=answer.result_text)


def _deliver(organisation_id: int, register_id: int) -> None:
    queue.ring_deliver(organisation_id, register_id)
    queue.tell_readers(organisation_id)
