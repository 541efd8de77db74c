"""Deliver what waits for the operator: register by register, in the order of the numbers, until nothing waits.

A row is the work; a ring or the sweep only says that it is time to look. Whoever delivers holds the till's lease for each
document, so that nobody else speaks for the register; a dead holder's lease runs out. A document is sent again
under its own request number, so that an operator that had taken it answers once more what it answered then.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from portal import queue
from portal.fiscal.commands import ComeBack, GoAutonomous
from portal.journal import issuing
from portal.journal.answers import give_up
from portal.journal.issuing import Moved, Standing, Waiting
from portal.journal.tills import take_request_number
from portal.ofd.exchange import AS_SILENCE, BLOCKING, INVALID_TOKEN, Answer, NoAnswer, Outgoing
from portal.ofd.gateway import gateway_of
from portal.ofd.lines import read_line
from portal.ofd.reconciliation import reconcile
from portal.primitives import clock

# Reconnecting is tried once a minute (protocol 2.0.3, timeouts and probing).
PROBE_S: Final = 60.0
TIMEOUT_S: Final = 7.0
HOLD_MARGIN_S: Final = 5.0
BATCH: Final = 50
DOCUMENTS_PER_JOB: Final = 2000

# So often an operation error is taken for a passing one; then the document is refused and the next one has its turn.
REFUSALS_MAX: Final = 5

# The lease of a question that carries no document.
QUESTION: Final = 0


@dataclass
class Delivered:
    """What a delivery did: documents sent and refused for good, and whether the register came back to its operator."""

    sent: int = 0
    refused: int = 0
    came_back: bool = False

    @property
    def changed(self) -> bool:
        return bool(self.sent or self.refused or self.came_back)


def deliver_register(
    organisation_id: int,
    register_id: int,
    *,
    probe_s: float = PROBE_S,
    timeout_s: float = TIMEOUT_S,
    is_forced: bool = False,
) -> Delivered:
    """Deliver what waits at a register and bring it back to its operator.

    Nothing while it was told to try later (unless forced) or somebody else holds the till.
    """
    queue.answer(organisation_id, register_id, job=queue.Job.DELIVER)
    delivery = _Delivery(organisation_id, register_id, probe_s, timeout_s)
    while delivery.done.sent < DOCUMENTS_PER_JOB and delivery.goes_on(is_forced=is_forced):
        pass
    if delivery.done.changed:
        queue.tell_readers(organisation_id)
    if delivery.done.sent >= DOCUMENTS_PER_JOB:
        queue.ring_deliver(organisation_id, register_id)
    return delivery.done


class _Delivery:
    """One look at one register."""

    def __init__(self, organisation_id: int, register_id: int, probe_s: float, timeout_s: float) -> None:
        self.ids = organisation_id, register_id
        self.probe_s = probe_s
        self.timeout_s = timeout_s
        self.done = Delivered()

    def goes_on(self, *, is_forced: bool) -> bool:
        """Do the next thing there is to do; False when nothing is left, or nothing can be done now."""
        standing = issuing.read_standing(*self.ids)
        is_early = standing.next_try_at is not None and standing.next_try_at > clock.now()
        if not standing.is_connected or standing.is_held or (is_early and not is_forced):
            return False
        if standing.in_flight is not None:
            return self._give_up(standing)
        waiting = issuing.list_waiting(*self.ids, BATCH)
        if not waiting:
            return self._finish(standing)
        if not (standing.is_autonomous or standing.dialect.signs_itself):
            # It waits, nobody holds it, and the register believes that all is well: somebody died in between.
            late = tuple(item.document for item in waiting if not item.is_autonomous)
            return self._change(standing, GoAutonomous(late=late, reason="no_answer"))
        return all(self._send(standing, item) for item in waiting)

    def _give_up(self, standing: Standing) -> bool:
        with suppress(Moved):
            give_up(standing, at=clock.now())
        return True

    def _change(self, standing: Standing, command: GoAutonomous | ComeBack) -> bool:
        try:
            issuing.change_state(standing, command, at=clock.now())
        except Moved:
            return True
        self.done.came_back |= isinstance(command, ComeBack)
        return True

    def _finish(self, standing: Standing) -> bool:
        """Nothing waits: a blocked register asks whether it still is, an autonomous one comes back."""
        if standing.blocked_code is not None:
            return self._ask_about_block(standing)
        if not standing.is_autonomous:
            return False
        return self._change(standing, ComeBack())

    def _send(self, standing: Standing, item: Waiting) -> bool:
        """Send one document; True when the next one may follow."""
        if not issuing.hold(*self.ids, item.number, self.timeout_s + HOLD_MARGIN_S):
            return False
        found = read_line(*self.ids)
        outgoing = Outgoing(
            item.document,
            item.body,
            item.request_number,
            is_autonomous=item.is_autonomous,
            autonomous_sign=item.autonomous_sign,
            offline_since=standing.register.autonomous_since,
        )
        try:
            answer = gateway_of(found.country).send(found.line, outgoing, timeout_s=self.timeout_s)
        except NoAnswer as silence:
            issuing.record_no_answer(
                *self.ids, item.number, at=clock.now(), text=silence.reason, next_try_at=self._later()
            )
            return False
        if answer.is_accepted:
            self._land(item, answer)
            return True
        return self._heed(item, answer)

    def _land(self, item: Waiting, answer: Answer) -> None:
        now = clock.now()
        issuing.record_answer(
            *self.ids, item.number, at=now, token=answer.token, fiscal_sign=answer.sign, qr=answer.qr
        )
        if answer.figures is not None:
            reconcile(*self.ids, item.document, answer.figures, at=now)
        self.done.sent += 1

    def _heed(self, item: Waiting, answer: Answer) -> bool:
        """The operator said no: silence by another name, a block, or an error of this very document."""
        code, text = answer.result_code, answer.result_text
        if code in AS_SILENCE or code == INVALID_TOKEN:
            issuing.record_no_answer(
                *self.ids, item.number, at=clock.now(), code=code, text=text, next_try_at=self._later()
            )
            return False
        blocks = code in BLOCKING
        is_final = not blocks and item.refusals + 1 >= REFUSALS_MAX
        issuing.record_refusal(
            *self.ids,
            item.number,
            at=clock.now(),
            code=code,
            text=text,
            token=answer.token,
            is_final=is_final,
            blocks=blocks,
            next_try_at=None if is_final else self._later(),
        )
        self.done.refused += is_final
        return is_final

    def _ask_about_block(self, standing: Standing) -> bool:
        """Ask the operator whether the register is still blocked."""
        if not issuing.hold(*self.ids, QUESTION, self.timeout_s + HOLD_MARGIN_S):
            return False
        found = read_line(*self.ids)
        try:
            answer = gateway_of(found.country).ping(
                found.line,
                request_number=take_request_number(*self.ids),
                timeout_s=self.timeout_s,
                offline_since=standing.register.autonomous_since,
            )
        except NoAnswer as silence:
            issuing.record_no_answer(
                *self.ids, QUESTION, at=clock.now(), text=silence.reason, next_try_at=self._later()
            )
            return False
        if answer.is_accepted:
            issuing.record_answer(*self.ids, QUESTION, at=clock.now(), token=answer.token)
            return True
        issuing.record_no_answer(
            *self.ids,
            QUESTION,
            at=clock.now(),
            code=answer.result_code,
            text=answer.result_text,
            next_try_at=self._later(),
        )
        return False

    def _later(self) -> datetime:
        return clock.now() + timedelta(seconds=self.probe_s)
