"""Issue a document at a cloud till, the one way for pages, programs, the demo and the storms.

The document is committed before its operator hears of it. In Kazakhstan the operator is asked at once and has until
the deadline: its answer brings the fiscal sign; without an answer the register goes autonomous and the receipt bears the
autonomous sign; what the operator refuses is taken back at once. In Belarus the receipt bears its own identifier, and
workers send it later.
"""

import time
from datetime import datetime
from typing import Final

from msgspec.structs import replace

from portal import queue
from portal.db import statements
from portal.fiscal import register as engine
from portal.fiscal.commands import Annul, Command, GoAutonomous
from portal.fiscal.documents import Document
from portal.journal import grouping, issuing
from portal.journal.issuing import Issued, Moved
from portal.ofd.exchange import (
    AS_SILENCE,
    BLOCKING,
    INVALID_TOKEN,
    SHIFT_TOO_LONG,
    Answer,
    NoAnswer,
    Outgoing,
)
from portal.ofd.gateway import gateway_of
from portal.ofd.lines import read_line
from portal.ofd.reconciliation import reconcile
from portal.primitives import clock
from portal.primitives.refusals import Refusal

# How long the operator may take over one receipt before the buyer is not kept waiting any more.
DEADLINE_S: Final = 3.0

# The till is held a little longer than the operator is waited for: only a dead caller ever lets the time run out, and
# whoever waits for a dead one waits no longer than this beyond the deadline.
HOLD_MARGIN_S: Final = 1.0

# Codes that say nothing about the document: it goes on waiting, and the register without its operator.
UNHEARD: Final = AS_SILENCE | {INVALID_TOKEN}

_REPORTS: Final = ("x_report", "z_report")
_WORD: Final = """
select set_config('kassa.organisation', %(o)s::text, true);
select result_code, result_text from issued_document
where organisation_id = %(o)s and register_id = %(r)s and number = %(n)s
"""


class OperatorRefused(Refusal):
    """The operator refused the document, and it was taken back. Facts: `number`, `result_code`, `text`."""

    code = "ofd.refused"
    status = 409


def issue_document(
    organisation_id: int,
    register_id: int,
    command: Command,
    *,
    key: str | None = None,
    at: datetime | None = None,
    deadline_s: float = DEADLINE_S,
) -> Issued:
    """Issue a document and let its operator know; the same key again gives the same answer.

    The deadline is counted from the call, the time others keep the till included: whoever has to wait longer lets the
    register go autonomous rather than the buyer stand there. Refuses what the engine refuses, `OperatorRefused`, and
    what `portal.journal.issuing.issue` refuses. What threads of one process issue at the same moment shares a commit.
    """
    ends_at_s = time.monotonic() + deadline_s
    issued = grouping.issue(
        organisation_id,
        register_id,
        command,
        at=at or clock.now(),
        key=key,
        hold_s=deadline_s + HOLD_MARGIN_S,
    )
    if issued.is_repeated:
        if issued.delivery == "void":
            raise _refusal(issued)
        return issued
    queue.ring_follow(organisation_id, register_id)
    queue.tell_readers(organisation_id)
    if issued.delivery != "waiting":
        return issued
    if issued.is_autonomous or issued.fiscal_sign is not None:
        # The buyer has a sign already: workers tell the operator, each register's documents in their order.
        queue.ring_deliver(organisation_id, register_id)
        return issued
    return _tell(issued, ends_at_s)


def close_shift(
    organisation_id: int,
    register_id: int,
    *,
    cashier: str,
    cashier_code: int = 0,
    key: str | None = None,
    at: datetime | None = None,
    deadline_s: float = DEADLINE_S,
) -> Issued:
    """Close the shift, taking the cash out first where the register is set so; returns the Z-report.

    A caller's key is the Z-report's. Refuses as `issue_document`.
    """
    if key is not None:
        known = issuing.read_standing(organisation_id, register_id, key=key).known
        if known is not None:
            return issuing.read_issued(organisation_id, register_id, known, is_repeated=True)
    standing = issuing.read_standing(organisation_id, register_id)
    *before, close = engine.close_commands(
        standing.register, standing.settings, cashier=cashier, cashier_code=cashier_code
    )
    for command in before:
        try:
            issue_document(organisation_id, register_id, command, at=at, deadline_s=deadline_s)
        except OperatorRefused as refused:
            # The cash stays in the drawer then; a shift that ran too long must close all the same.
            if refused.facts["result_code"] != SHIFT_TOO_LONG:
                raise
    return issue_document(organisation_id, register_id, close, key=key, at=at, deadline_s=deadline_s)


def _tell(issued: Issued, ends_at_s: float) -> Issued:
    """Hand the document to its operator while the till is held for it."""
    try:
        answer = _ask(issued, ends_at_s)
    except NoAnswer as silence:
        return _go_autonomous(issued, silence.reason)
    if time.monotonic() > ends_at_s + HOLD_MARGIN_S / 2:
        # Too late: others may have given the document up, and its receipt may bear the autonomous sign by now.
        return _go_autonomous(issued, "late")
    if answer.is_accepted:
        return _land(issued, answer)
    document = issued.document
    if answer.result_code in UNHEARD or document.kind in _REPORTS:
        # A report is a fact that nothing takes back: it is sent again until the operator takes it.
        return _go_autonomous(issued, f"code_{answer.result_code}")
    _take_back(issued, answer)
    raise OperatorRefused(number=document.number, result_code=answer.result_code, text=answer.result_text)


def _ask(issued: Issued, ends_at_s: float) -> Answer:
    found = read_line(issued.organisation_id, issued.register_id)
    assert issued.request_number is not None, "what waits for an operator has a request number"
    item = Outgoing(issued.document, issued.body, issued.request_number)
    left_s = ends_at_s - time.monotonic()
    if left_s <= 0:
        raise NoAnswer("deadline")
    return gateway_of(found.country).send(found.line, item, timeout_s=left_s)


def _land(issued: Issued, answer: Answer) -> Issued:
    now, document = clock.now(), issued.document
    issuing.record_answer(
        issued.organisation_id,
        issued.register_id,
        document.number,
        at=now,
        token=answer.token,
        fiscal_sign=answer.sign,
        qr=answer.qr,
    )
    if answer.figures is not None:
        reconcile(issued.organisation_id, issued.register_id, document, answer.figures, at=now)
    return replace(issued, delivery="sent", fiscal_sign=answer.sign, qr=answer.qr)


def _go_autonomous(issued: Issued, reason: str) -> Issued:
    """The register works without its operator from this document on; a worker will deliver it."""
    ids = issued.organisation_id, issued.register_id
    go_autonomous(*ids, issued.document, reason)
    queue.ring_deliver(*ids)
    queue.tell_readers(ids[0])
    return issuing.read_issued(*ids, issued.document.number)


def go_autonomous(organisation_id: int, register_id: int, document: Document, reason: str) -> None:
    """Let a register work without its operator from a document on that got no answer; nothing when it does already."""
    while True:
        standing = issuing.read_standing(organisation_id, register_id)
        if standing.is_autonomous or standing.in_flight != document.number:
            return
        try:
            issuing.change_state(standing, GoAutonomous(late=(document,), reason=reason), at=clock.now())
        except Moved:
            continue
        return


def _take_back(issued: Issued, answer: Answer) -> None:
    """Annul what the operator refused; neither is ever sent, and the register may be blocked from now on."""
    document = issued.document
    command = Annul(
        cashier=document.cashier or "-",
        cashier_code=document.cashier_code,
        is_refused=True,
        number=document.number,
    )
    while True:
        try:
            issuing.take_back(
                issued.organisation_id,
                issued.register_id,
                command,
                # Of the same moment: whatever follows may not be older than what was taken back.
                at=document.issued_at,
                code=answer.result_code,
                text=answer.result_text,
                token=answer.token,
                blocks=answer.result_code in BLOCKING,
            )
        except Moved:
            continue
        break
    queue.ring_follow(issued.organisation_id, issued.register_id)
    queue.tell_readers(issued.organisation_id)


def _refusal(issued: Issued) -> OperatorRefused:
    """What a caller was told about a document that was taken back."""
    number = issued.document.number
    with statements() as cursor:
        cursor.execute(_WORD, {"o": issued.organisation_id, "r": issued.register_id, "n": number})
        code, text = cursor.fetchone()
    return OperatorRefused(number=number, result_code=code, text=text or "")
