"""Stream the *Online Retail* receipts through the portal's door, and hold what comes out against what went in.

Everything is a function of the folder: registers, numbers, bytes and keys. Sending again, in another order, or
after being killed therefore changes nothing.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from random import Random

from sqlalchemy import func, select

from portal.analytics.models import RollupDay
from portal.db import transaction
from portal.demo.door import Door
from portal.demo.people import find_organisation_id
from portal.demo.retail import REGISTERS_PER_POINT, ZONE, Batch, Retail, Tally, batches_of, register_of
from portal.demo.tokens import Holder
from portal.ingest.actions import count_waiting
from portal.orgs.actions import add_point, create_organisation
from portal.orgs.models import Organisation, Point
from portal.primitives.identifiers import parse_unp, unp_check_digit
from portal.primitives.refusals import Refusal
from portal.registers.actions import add_register
from portal.registers.models import Register

NAME = "Online Retail"
TAX_ID = "190011110"

PATIENCE_S = 600.0
LOOK_EVERY_S = 1.0
STALLED_AFTER_S = 120.0


class ForeignCurrency(Refusal):
    """The receipts are in BYN and the organisation is not. Facts: `organisation`, `currency`."""

    code = "replay.foreign_currency"


class Stalled(Exception):
    """Documents wait and nobody drains them."""


@dataclass(frozen=True)
class Stage:
    """Where the receipts go: the organisation and its registers by factory number."""

    organisation_id: int
    name: str
    registers: dict[str, int]

    @property
    def holders(self) -> list[Holder]:
        """Who needs tokens."""
        return [Holder(self.organisation_id, number, register) for register, number in self.registers.items()]


def ensure_stage(retail: Retail, name_or_tax_id: str, *, at: datetime) -> Stage:
    """Find or found the organisation, a point per country, and three registers at each."""
    organisation_id = find_organisation_id(name_or_tax_id)
    with transaction(organisation_id) as session:
        if organisation_id is None:
            tax_id = parse_unp(name_or_tax_id)
            organisation_id = create_organisation(
                session,
                name=NAME if tax_id else name_or_tax_id,
                country="by",
                tax_id=tax_id or _tax_id_for(name_or_tax_id),
                at=at,
            ).id
        organisation = session.get_one(Organisation, organisation_id)
        if organisation.currency != "BYN":
            raise ForeignCurrency(organisation=organisation.name, currency=organisation.currency)
        of_points = select(Point.name, Point.id).where(Point.organisation_id == organisation_id)
        points = {name: number for name, number in session.execute(of_points)}  # noqa: C416 - rows are no pairs
        of_registers = select(Register.factory_number, Register.id).where(
            Register.organisation_id == organisation_id
        )
        known = {register: number for register, number in session.execute(of_registers)}  # noqa: C416
        registers: dict[str, int] = {}
        for country in retail.countries:
            if country not in points:
                points[country] = add_point(session, organisation_id, name=country, zone=ZONE, at=at).id
            for place in range(REGISTERS_PER_POINT):
                register = register_of(country, place)
                if register not in known:
                    known[register] = add_register(
                        session,
                        organisation_id,
                        point_id=points[country],
                        name=f"Касса {place + 1}",
                        factory_number=register,
                        at=at,
                    ).id
                registers[register] = known[register]
        return Stage(organisation_id, organisation.name, registers)


def stream(
    retail: Retail,
    tokens: dict[Holder, str],
    door: Callable[[], Door],
    *,
    say: Callable[[str], None],
    shuffle: int | None = None,
    parallel: int = 1,
) -> int:
    """Send everything: register by register, day by day, or in an order drawn by `shuffle`; returns the documents.

    With `parallel` several registers are sent side by side, each by a connection of its own.
    """
    token_of = {holder.register: token for holder, token in tokens.items()}
    lanes = [list(batches_of(register, invoices)) for register, invoices in sorted(retail.invoices.items())]
    if shuffle is not None:
        batches = [batch for lane in lanes for batch in lane]
        Random(shuffle).shuffle(batches)
        lanes = [batches[start::parallel] for start in range(parallel)]
    progress = _Progress(sum(batch.document_count for lane in lanes for batch in lane), say)
    own = threading.local()

    def send(lane: list[Batch]) -> None:
        if not hasattr(own, "door"):
            own.door = door()
        for batch in lane:
            own.door.send(token_of[batch.register], batch.key, batch.body)
            progress.add(batch.document_count)

    with ThreadPoolExecutor(parallel) as pool:
        try:
            for done in [pool.submit(send, lane) for lane in lanes]:
                done.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return progress.total


def wait_until_drained(stage: Stage, *, say: Callable[[str], None]) -> None:
    """Wait until nothing of the organisation waits; raises Stalled when nothing moves for two minutes."""
    least, moved_at = None, time.monotonic()
    while True:
        with transaction(stage.organisation_id) as session:
            waiting = count_waiting(session, stage.organisation_id)
        if not waiting:
            return
        if least is None or waiting < least:
            least, moved_at = waiting, time.monotonic()
            say(f"{waiting} documents wait to be drained")
        if time.monotonic() - moved_at > STALLED_AFTER_S:
            raise Stalled(f"{waiting} documents wait and nobody takes them in; do the workers run?")
        time.sleep(LOOK_EVERY_S)


def sums_of(stage: Stage) -> Tally:
    """What the portal shows for these registers, from its rollups."""
    measures = (RollupDay.sale_count, RollupDay.sale_minor, RollupDay.refund_count, RollupDay.refund_minor)
    with transaction(stage.organisation_id) as session:
        row = session.execute(
            select(*(func.coalesce(func.sum(measure), 0) for measure in measures)).where(
                RollupDay.organisation_id == stage.organisation_id,
                RollupDay.register_id.in_(stage.registers.values()),
            )
        ).one()
    return Tally(*(int(value) for value in row))


def is_same(expected: Tally, found: Tally) -> bool:
    """Whether receipts and sums agree to the last kopeck."""
    return (expected.sale_count, expected.gross_minor, expected.refund_count, expected.refund_minor) == (
        found.sale_count,
        found.gross_minor,
        found.refund_count,
        found.refund_minor,
    )


def _tax_id_for(name: str) -> str:
    """A taxpayer number that can be right, for an organisation that was only named."""
    if name == NAME:
        return TAX_ID
    chance = Random(name)
    while True:
        digits = f"19{chance.randrange(10**6):06d}"
        check = unp_check_digit(digits)
        if check is not None:
            return f"{digits}{check}"


class _Progress:
    """How many documents were acknowledged, said at every hundredth."""

    def __init__(self, total: int, say: Callable[[str], None]) -> None:
        self.total = total
        self._say = say
        self._done = 0
        self._said = -1
        self._lock = threading.Lock()

    def add(self, count: int) -> None:
        with self._lock:
            self._done += count
            percent = 100 * self._done // self.total
            if percent == self._said:
                return
            self._said = percent
            self._say(f"{self._done} of {self.total} documents acknowledged")
