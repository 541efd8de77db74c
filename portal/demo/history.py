"""The demo's past: four hundred days of every register, written through the same door-keeping and drain as a stream.

Every register's day is a function of the seed, the register and the date, and of the till's state at its
beginning, which is read back from the journal. A batch holds whole days. So a history that was killed goes on
where it stood and comes out the same, and one that is there already is left alone.

Where it is asked for, registers of shops that work in the cloud are taken over at the end of their streamed past.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from multiprocessing import get_context

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import db, queue
from portal.analytics.models import Shift
from portal.config import Settings
from portal.db import transaction
from portal.demo.clerk import Clerk, chance_of, play_day
from portal.demo.outbox import Outbox
from portal.demo.people import Place
from portal.demo.shops import day_at
from portal.demo.takeover import Growth, begin_growth, closing_documents, take_over
from portal.demo.till import Till, take_up
from portal.fiscal import codec
from portal.fiscal.chain import canonical
from portal.fiscal.documents import Document
from portal.ingest.actions import PORTAL_SENDER, accept_batch
from portal.ingest.drain import drain_register
from portal.ingest.forms import Speaker
from portal.journal.models import DocumentBody, RegisterHead
from portal.primitives import clock

DAYS = 400
SEED = 2026
PROCESSES = 2

# A till that was heard of this recently is on line; its simulation sends what is missing by itself.
ON_LINE = timedelta(hours=30)

BATCH_DOCUMENTS_MAX = 4000
BATCH_BYTES_MAX = 4 * 1024 * 1024

# Things that go wrong in life, so that there is something to find: by register and days before founding.
LOST = {("1106001222", 2): 3}
SLIPS = {("1106001212", 1): 1, ("1106001233", 3): 2, ("SWK00033702", 6): 1, ("1106001252", 20): 1}
AUTONOMOUS = {"1106001223": timedelta(hours=5)}
DAMAGED = {
    ("1106001203", 1): b'"kind":"sale"',
    ("1106001231", 2): b'"payments":{',
    ("SWK00033711", 4): b'"lines":[{',
}


@dataclass(frozen=True)
class Day:
    """What one register's day sends: documents as bytes, damaged copies among them."""

    documents: list[Document]
    raws: list[bytes]


@dataclass(frozen=True)
class Order:
    """One register's history to be written by some process."""

    settings: Settings
    place: Place
    until: datetime
    seed: int
    days: int
    is_taken_over: bool = False
    outbox: Outbox | None = None


def ensure_history(
    settings: Settings,
    places: list[Place],
    *,
    at: datetime,
    say: Callable[[str], None],
    seed: int = SEED,
    days: int = DAYS,
    processes: int = PROCESSES,
    takes_over: bool = False,
    outbox: Outbox | None = None,
) -> int:
    """Write what is missing of the past of these registers up to `at`; returns how many documents that was.

    With `takes_over` registers that are to work in the cloud do so afterwards; what their tills sent and did not see
    acknowledged is in `outbox`.
    """
    streaming = [place for place in places if not place.is_cloud]
    behind = {place.register_id for place in _behind(streaming, at)}
    orders = [
        Order(settings, place, at, seed, days, is_leaving, outbox)
        for place in streaming
        if (is_leaving := takes_over and not place.shop.streams) or place.register_id in behind
    ]
    if not orders:
        return 0
    total = 0
    if processes == 1:
        for done, count in enumerate(map(write_history, orders), 1):
            total += count
            say(f"history: {done} of {len(orders)} registers, {total} documents")
        return total
    # Fresh interpreters: a forked one would share our database connections.
    with get_context("spawn").Pool(min(processes, len(orders))) as pool:
        for done, count in enumerate(pool.imap_unordered(write_history, orders), 1):
            total += count
            say(f"history: {done} of {len(orders)} registers, {total} documents")
    return total


def write_history(order: Order) -> int:
    """Write one register's past, in a process of its own."""
    db.connect(order.settings)
    queue.connect(order.settings)
    place = order.place
    if order.is_taken_over and order.outbox is not None:
        _send_kept(place, order.outbox)
    # What an earlier try left waiting comes first, so that the head is the truth.
    drain_register(place.organisation_id, place.register_id)
    with transaction(place.organisation_id) as session:
        till = till_of(session, place)
    written = 0
    growth = begin_growth(place, till)
    days = tell(place, till, until=order.until, seed=order.seed, days=order.days)
    if order.is_taken_over:
        days = _followed(days, growth)
    for raws, first_number in batches_of(days):
        _accept(place, raws, first_number)
        drain_register(place.organisation_id, place.register_id)
        written += len(raws)
    if order.is_taken_over:
        closing = closing_documents(place, till, at=order.until, seed=order.seed)
        if closing:
            _accept(place, [canonical(document) for document in closing], closing[0].number)
            drain_register(place.organisation_id, place.register_id)
            growth.follow(closing)
            written += len(closing)
        take_over(place, at=order.until, state=growth.state)
    return written


def _followed(days: Iterator[Day], growth: Growth) -> Iterator[Day]:
    """The same days, and how the register stands after each."""
    for day in days:
        growth.follow(day.documents)
        yield day


def _send_kept(place: Place, outbox: Outbox) -> None:
    """Take in what a till sent and did not see acknowledged; what is here already is only repeated."""
    kept = outbox.kept(place.stall.register)
    if kept is not None:
        key, body = kept
        speaker = Speaker(place.organisation_id, PORTAL_SENDER, place.register_id)
        with transaction(place.organisation_id) as session:
            accept_batch(session, speaker, key, body, at=clock.now())
        outbox.forget(place.stall.register)


def tell(place: Place, till: Till, *, until: datetime, seed: int = SEED, days: int = DAYS) -> Iterator[Day]:
    """The days of a register from where its till stands up to a moment."""
    last = day_at(place.shop, until)
    founded = day_at(place.shop, place.founded_at)
    day = _next_day(till) or founded - timedelta(days=days)
    while day <= last:
        documents = list(_play(place, till, day, (founded - day).days, until, seed))
        if documents:
            yield Day(documents, _as_sent(place, documents, (founded - day).days))
        day += timedelta(days=1)


def till_of(session: Session, place: Place) -> Till:
    """A register's till as the journal knows it: its last two shifts tell everything."""
    key = (place.organisation_id, place.register_id)
    register, dialect = place.stall.register, place.shop.dialect
    head = session.get(RegisterHead, key)
    if head is None or head.last_number is None:
        return Till(register, dialect)
    of_register = (Shift.organisation_id == key[0], Shift.register_id == key[1])
    last_shift = select(func.max(Shift.shift)).where(*of_register).scalar_subquery()
    first_number = session.execute(
        select(func.min(Shift.first_number)).where(*of_register, Shift.shift >= last_shift - 1)
    ).scalar_one()
    bodies = session.scalars(
        select(DocumentBody.body)
        .where(
            DocumentBody.organisation_id == key[0],
            DocumentBody.register_id == key[1],
            DocumentBody.number >= first_number,
        )
        .order_by(DocumentBody.number)
    )
    return take_up(register, dialect, (codec.decode(body.encode()) for body in bodies))


def _behind(places: list[Place], at: datetime) -> list[Place]:
    """The registers whose past is not written yet, or that have been silent for more than a day."""
    heads: dict[tuple[int, int], datetime] = {}
    for organisation_id in {place.organisation_id for place in places}:
        with transaction(organisation_id) as session:
            rows = session.execute(
                select(RegisterHead.register_id, RegisterHead.last_issued_at).where(
                    RegisterHead.organisation_id == organisation_id, RegisterHead.last_issued_at.is_not(None)
                )
            )
            heads |= {(organisation_id, register_id): last for register_id, last in rows if last is not None}
    return [
        place
        for place in places
        if (last := heads.get((place.organisation_id, place.register_id))) is None or at - last > ON_LINE
    ]


def _next_day(till: Till) -> date | None:
    """The day that a till would go on with: the one it is in, or the one after its last shift."""
    if till.opened_at is None:
        return None
    opened = till.opened_at.date()
    return opened if till.is_open else opened + timedelta(days=1)


def _play(
    place: Place, till: Till, day: date, days_ago: int, until: datetime, seed: int
) -> Iterator[Document]:
    """One day with its mishaps; documents that were lost on their way have numbers but do not come out."""
    register = place.stall.register
    clerk = Clerk(
        place.shop,
        place.stall,
        till,
        day,
        chance_of(seed, place.stall, day, after=till.number if till.is_open else 0),
        slips=SLIPS.get((register, days_ago), 0),
    )
    lost_for = AUTONOMOUS.get(register) if days_ago == 0 else None
    since = place.founded_at - lost_for if lost_for else None
    losing = LOST.get((register, days_ago), 0)
    for document in play_day(clerk, until, autonomous_since=since):
        if losing and document.kind == "sale" and document.ordinal > 10:
            losing -= 1
            till.lose(document)
            continue
        yield document


def _as_sent(place: Place, documents: list[Document], days_ago: int) -> list[bytes]:
    """Documents as bytes; where a line was disturbed, the damaged copy comes before the right one."""
    raws = [canonical(document) for document in documents]
    cut_at = DAMAGED.get((place.stall.register, days_ago))
    if cut_at is not None:
        place_of = next(n for n, raw in enumerate(raws) if cut_at in raw)
        raws.insert(place_of, raws[place_of][: raws[place_of].index(cut_at) + len(cut_at)])
    return raws


def batches_of(days: Iterator[Day]) -> Iterator[tuple[list[bytes], int]]:
    """Whole days, as many as a batch takes, with the number of the first document."""
    waiting: list[Day] = []
    count = size = 0
    for day in days:
        day_size = sum(map(len, day.raws)) + len(day.raws)
        if waiting and (count + len(day.raws) > BATCH_DOCUMENTS_MAX or size + day_size > BATCH_BYTES_MAX):
            yield _batch(waiting)
            waiting, count, size = [], 0, 0
        waiting.append(day)
        count += len(day.raws)
        size += day_size
    if waiting:
        yield _batch(waiting)


def _batch(days: list[Day]) -> tuple[list[bytes], int]:
    return [raw for day in days for raw in day.raws], days[0].documents[0].number


def _accept(place: Place, raws: list[bytes], first_number: int) -> None:
    """Take a batch in as if the register had sent it; a first number makes one key and no other."""
    speaker = Speaker(place.organisation_id, PORTAL_SENDER, place.register_id)
    key = f"history-{place.stall.register}-{first_number}"
    with transaction(place.organisation_id) as session:
        accept_batch(session, speaker, key, b"\n".join(raws), at=clock.now())
