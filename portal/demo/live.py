"""The demo's present: tills that go on where the journal ends, some in the cloud, some streaming through the portal's own door.

A streaming till keeps a batch and its key in a file until the portal has acknowledged it. After a restart the kept batch
goes out first, under its old key; then the till waits until everything it ever sent is in the journal, reads
there how it stands, makes up for the time it was away, and goes on.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from threading import Event

from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from portal.db import transaction
from portal.demo.clerk import Clerk
from portal.demo.cloud import CLOSES_AFTER, OPENS_BEFORE, CloudTill
from portal.demo.customers import Customers
from portal.demo.door import Door, Refused, Unreachable
from portal.demo.history import SEED, batches_of, tell, till_of
from portal.demo.operator import connect_all, lose_operator
from portal.demo.outbox import Outbox
from portal.demo.people import Place
from portal.demo.shops import customers_weight, day_at, hours_of, local_moment
from portal.demo.till import Till
from portal.fiscal.chain import canonical
from portal.fiscal.documents import Document
from portal.ingest.models import Portion
from portal.journal.issuing import read_standing
from portal.primitives import clock

# By night, when few tills are open, this share of the rate is left at least.
QUIET_SHARE = 0.1
LOST_OPERATOR_PER_RECEIPT = 0.0008
# The operator of a cloud till is deaf to it this often, and for so many seconds.
DEAF_OPERATOR_PER_RECEIPT = 0.004
DEAF_S = (180, 1200)
FOUND_OPERATOR_PER_RECEIPT = 0.004

DRAIN_LOOK_EVERY_S = 0.5
DRAIN_COMPLAIN_AFTER_S = 20
REPORT_EVERY = timedelta(minutes=5)


class Stopped(Exception):
    """The simulation was asked to end."""


@dataclass
class Sender:
    """One register's way to the portal."""

    register: str
    token: str
    door: Door
    outbox: Outbox

    def send(self, raws: list[bytes], first_number: int) -> None:
        """Send documents until they are acknowledged; they are kept in the outbox meanwhile."""
        body = b"\n".join(raws)
        key = f"live-{self.register}-{first_number}"
        self.outbox.keep(self.register, key, body)
        self.door.send(self.token, key, body)
        self.outbox.forget(self.register)

    def send_kept(self) -> None:
        """Send what an earlier run could not see acknowledged."""
        kept = self.outbox.kept(self.register)
        if kept is not None:
            self.door.send(self.token, *kept)
            self.outbox.forget(self.register)


@dataclass
class LiveTill:
    """A till that keeps opening hours."""

    place: Place
    till: Till
    sender: Sender
    chance: Random

    @property
    def day(self) -> date:
        """The business day of the shift, or of the last one."""
        return self.till.opened_at.date() if self.till.opened_at is not None else date.min

    def is_serving(self, now: datetime) -> bool:
        """Whether customers can come: the shift is open, and so is the shop."""
        hours = hours_of(self.place.shop, self.day) if self.till.is_open else None
        return hours is not None and hours[0] <= now < hours[1]

    def weight(self, now: datetime) -> float:
        """How many customers come here compared with other tills."""
        return customers_weight(self.place.shop, self.place.stall, self.day, now)

    def change_shift(self, now: datetime) -> list[Document]:
        """Open or close by the clock on the wall; nothing when it is not the time."""
        if self.till.is_open:
            hours = hours_of(self.place.shop, self.day)
            if hours is None or now < hours[1] + CLOSES_AFTER:
                return []
            self.till.autonomous = False
            return list(self._clerk(self.day).close(self._moment(now)))
        day = day_at(self.place.shop, now)
        hours = hours_of(self.place.shop, day)
        if hours is None or day <= self.day or not hours[0] - OPENS_BEFORE <= now < hours[1]:
            return []
        return list(self._clerk(day).open(self._moment(now)))

    def serve(self, now: datetime) -> list[Document]:
        """Serve a customer; the operator may be lost or found on the way."""
        luck = self.chance.random()
        self.till.autonomous = (
            luck >= FOUND_OPERATOR_PER_RECEIPT if self.till.autonomous else luck < LOST_OPERATOR_PER_RECEIPT
        )
        clerk = self._clerk(self.day)
        documents = [clerk.serve(self._moment(now))]
        tidied = clerk.tidy(self._moment(now))
        return documents if tidied is None else [*documents, tidied]

    def _clerk(self, day: date) -> Clerk:
        return Clerk(self.place.shop, self.place.stall, self.till, day, self.chance)

    def _moment(self, now: datetime) -> datetime:
        """Now, on the till's own clock, which never goes back."""
        moment = local_moment(self.place.shop, now)
        return moment if self.till.last_issued_at is None else max(moment, self.till.last_issued_at)


@dataclass
class Simulation:
    """All tills of the demo, served one after another at a common rate; `data` is where their operator is found."""

    places: list[Place]
    tokens: dict[str, str]
    door: Door
    outbox: Outbox
    rate: float
    say: Callable[[str], None] = print
    now: Callable[[], datetime] = clock.now
    stopping: Event = field(default_factory=Event)
    seed: int = SEED
    data: Path | None = None
    sent: int = 0
    issued: int = 0
    tills: list[LiveTill | CloudTill] = field(default_factory=list)

    def run(self) -> None:
        """Take every till up and serve customers until asked to stop."""
        self.door.pause = self._pause
        try:
            if self.data is not None:
                connect_all(self.places, self.data, now=self.now, pause=self._pause, say=self.say)
            for place in self.places:
                if place.is_cloud:
                    self._take_up_cloud(place)
                else:
                    self._attempt(self._sender(place), partial(self._take_up, place))
            self.say(f"{len(self.tills)} tills go on, about {self.rate:g} documents a second by day")
            self._serve()
        except Stopped:
            return
        finally:
            self.door.close()
            self.say(self._told())

    def _told(self) -> str:
        return f"{self.sent} documents sent, {self.issued} issued in the cloud"

    def _serve(self) -> None:
        report_at = self.now() + REPORT_EVERY
        chance = Random(f"{self.seed}/customers/{self.now().isoformat()}")
        while self.tills:
            now = self.now()
            for live in list(self.tills):
                self._work(live, now, opens=True)
            serving = [live for live in self.tills if live.is_serving(now)]
            if serving:
                live = chance.choices(serving, [live.weight(now) or 1.0 for live in serving])[0]
                self._work(live, now)
            if now >= report_at:
                self.say(f"{self._told()}, {len(serving)} tills open")
                report_at = now + REPORT_EVERY
            share = max(QUIET_SHARE, len(serving) / len(self.places))
            self._pause(min(chance.expovariate(self.rate * share), 30.0))
        self.say("no till is left")

    def _work(self, till: LiveTill | CloudTill, now: datetime, *, opens: bool = False) -> None:
        """Serve a customer, or change the shift where it is time to."""
        if isinstance(till, CloudTill):
            if not opens and till.customers.chance.random() < DEAF_OPERATOR_PER_RECEIPT:
                self._lose_operator(till)
            self.issued += till.change_shift(now) if opens else till.serve(now)
        else:
            self._issue(till, till.change_shift(now) if opens else till.serve(now))

    def _lose_operator(self, till: CloudTill) -> None:
        """Let a till be without its operator for a while: it goes on, and comes back by itself."""
        for_s = till.customers.chance.randrange(*DEAF_S)
        if self.data is not None and lose_operator(till.place, self.data, for_s=for_s):
            self.say(f"{till.place.stall.register}: without its operator for {for_s} s")

    def _take_up_cloud(self, place: Place) -> None:
        """A cloud till needs nothing but its register: the portal knows how it stands."""
        standing = read_standing(place.organisation_id, place.register_id)
        chance = Random(f"{self.seed}/cloud/{place.stall.register}/{standing.register.number}")
        customers = Customers(place.shop, place.stall, standing.settings, chance)
        self.tills.append(CloudTill(place, customers, standing, self.say))

    def _take_up(self, place: Place, sender: Sender) -> None:
        """Find out how a till stands and make up for the time it was away."""
        sender.send_kept()
        self._wait_until_drained(place)
        with transaction(place.organisation_id) as session:
            till = till_of(session, place)
        for raws, first_number in batches_of(tell(place, till, until=self.now(), seed=self.seed)):
            sender.send(raws, first_number)
            self.sent += len(raws)
        chance = Random(f"{self.seed}/live/{place.stall.register}/{till.number}")
        self.tills.append(LiveTill(place, till, sender, chance))

    def _wait_until_drained(self, place: Place) -> None:
        """What is on its way belongs to the head; numbers given out twice would be a fork."""
        waited_s = 0.0
        while self._is_waiting(place):
            self._pause(DRAIN_LOOK_EVERY_S)
            waited_s += DRAIN_LOOK_EVERY_S
            if waited_s == DRAIN_COMPLAIN_AFTER_S:
                self.say(f"{place.stall.register}: its documents still wait to be drained; do workers run?")

    @staticmethod
    def _is_waiting(place: Place) -> bool:
        try:
            with transaction(place.organisation_id) as session:
                found = session.execute(
                    select(Portion.batch_id)
                    .where(
                        Portion.organisation_id == place.organisation_id,
                        Portion.register_id == place.register_id,
                        Portion.drained_at.is_(None),
                    )
                    .limit(1)
                ).first()
        except OperationalError:
            # The database is away for a moment; whatever waits there still waits.
            return True
        return found is not None

    def _issue(self, live: LiveTill, documents: list[Document]) -> None:
        if not documents:
            return

        def send(sender: Sender) -> None:
            sender.send([canonical(document) for document in documents], documents[0].number)
            self.sent += len(documents)

        if not self._attempt(live.sender, send):
            self.tills.remove(live)

    def _attempt(self, sender: Sender, do: Callable[[Sender], None]) -> bool:
        """Do something at the door; a till that is refused says so and stops."""
        try:
            do(sender)
        except (Refused, Unreachable) as error:
            self.say(f"{sender.register}: the portal refused its documents ({error}); this till stops")
            return False
        return True

    def _sender(self, place: Place) -> Sender:
        return Sender(place.stall.register, self.tokens[place.stall.register], self.door, self.outbox)

    def _pause(self, seconds: float) -> None:
        if self.stopping.wait(seconds):
            raise Stopped


def choose(places: list[Place], most: int | None) -> list[Place]:
    """So many places, from all points in turn."""
    if most is None or most >= len(places):
        return places
    by_point: dict[str, list[Place]] = {}
    for place in places:
        by_point.setdefault(place.shop.name, []).append(place)
    turns = [
        shelf[turn]
        for turn in range(max(map(len, by_point.values())))
        for shelf in by_point.values()
        if turn < len(shelf)
    ]
    return turns[:most]
