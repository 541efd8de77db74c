"""Raise a storm, let it pass, and reckon up."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

import msgspec
import psycopg2

from portal import db, queue
from portal.analytics.replaying import replay_organisation
from portal.analytics.verify import verify
from portal.config import read_settings
from portal.db import transaction
from portal.fiscal.commands import CloseShift
from portal.fiscal.dialects import dialect_of
from portal.fiscal.register import new_register
from portal.journal.issuing import create_till, read_standing
from portal.ofd.actions import issue_document
from portal.ofd.simulator.mischief import Mischief
from portal.orgs.actions import add_point, create_organisation
from portal.primitives import clock
from portal.primitives.identifiers import bin_check_digit, unp_check_digit
from portal.registers.actions import add_register
from portal.storm import judge
from portal.storm.commands import settings_for
from portal.storm.house import Keeper, Operator, Servers, servers, wait_until
from portal.storm.judge import Counted
from portal.storm.log import Answered, Intent, Lane, Orders, Refused, answered
from portal.storm.weather import Weather

Say = Callable[[str], None]

ORGANISATIONS: Final = ("kz", "by", "kz", "by")
CLIENTS: Final = 4
WORKERS: Final = 2
DEADLINE_S: Final = 0.4
# Every so many-th register, of either country, has two clients, and each of them comes to it so many times as often as to others.
SHARED_EVERY: Final = 5
SHARED_WEIGHT: Final = 4
CALM_S: Final = 120.0
# A file that tells the clients that it is enough.
ENOUGH: Final = "enough"
_COUNT: Final = "select count(*) from document"
_UNDELIVERED: Final = (
    "select (select count(*) from issued_document where delivery = 'waiting') + "
    "(select count(*) from cloud_till where autonomous_since is not null or in_flight is not null "
    "or blocked_code is not null) + "
    "(select coalesce(sum(h.sequence - t.folded_sequence), 0)::bigint from cloud_till t "
    "join register_head h using (organisation_id, register_id))"
)
FIRST_DEVICE: Final = 203_000
FIRST_TOKEN: Final = 90_127_062


@dataclass
class Outcome:
    """What a storm came to: sentences about what is wrong, and figures."""

    seed: int
    wrong: list[str] = field(default_factory=list)
    figures: dict[str, int] = field(default_factory=dict)


def run(
    directory: Path,
    *,
    seed: int,
    seconds: float,
    registers: int,
    migrate: Callable[[str], None],
    say: Say,
    documents: int = 0,
    is_over: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Storm for so many seconds, and until there are so many documents, in a directory of its own.

    `migrate` brings a database to the newest schema, `is_over` may end it before its time.
    This process speaks with the storm's servers from then on.
    """
    outcome = Outcome(seed)
    with servers(directory / "var") as house:
        migrate(house.access.owner_url())
        settings = read_settings(house.environment)
        db.connect(settings)
        queue.connect(settings)
        end_s = time.monotonic() + seconds

        def is_enough() -> bool:
            return time.monotonic() > end_s and (_ask(house, _COUNT) or 0) >= documents

        operator = Operator(directory / "operator.sqlite", Mischief(seed))
        operator.start()
        try:
            lanes = _found(Random(f"{seed}-lanes"), registers, operator)
            say(f"storming over {registers} registers for {seconds:.0f} s, seed {seed}")
            _storm(directory, house, operator, lanes, outcome, lambda: is_over() or is_enough(), say)
            say("reckoning up")
            _reckon(directory, lanes, operator, outcome)
        finally:
            operator.server.stop()
            db.engine().dispose()
    return outcome


# Before


def _found(chance: Random, registers: int, operator: Operator) -> list[Counted]:
    """Organisations of both countries with so many registers, known to the operator."""
    lanes: list[Counted] = []
    points: dict[int, tuple[int, int, str]] = {}
    for place in range(registers):
        which = place % len(ORGANISATIONS)
        country = ORGANISATIONS[which]
        tax_id = _tax_id(country, which)
        with transaction(points[which][0] if which in points else None) as session:
            if which not in points:
                organisation = create_organisation(
                    session, name=f"Буря {which + 1}", country=country, tax_id=tax_id, at=clock.now()
                )
                point = add_point(
                    session,
                    organisation.id,
                    name="Лавка",
                    address="Абая 1",
                    zone=dialect_of(country).zone,
                    at=clock.now(),
                )
                points[which] = organisation.id, point.id, tax_id
            organisation_id, point_id, _ = points[which]
            factory_number = f"STORM{place + 1:05}"
            registration = f"{place + 1:012}" if country == "kz" else None
            record = add_register(
                session,
                organisation_id,
                point_id=point_id,
                name=f"Касса {place + 1}",
                factory_number=factory_number,
                registration_number=registration,
                at=clock.now(),
            )
            device, token = (FIRST_DEVICE + place, FIRST_TOKEN + place) if country == "kz" else (None, None)
            server = operator.server
            if device is not None:
                server.register(device, token or 0, registration or "", factory_number, tax_id=tax_id)
            else:
                server.register(factory_number, country="by", tax_id=tax_id)
            create_till(
                session,
                organisation_id,
                record.id,
                new_register(factory_number, dialect_of(country), registration_number=registration),
                settings_for(chance, tax_id),
                at=clock.now(),
                operator_host=server.host,
                operator_port=server.port if country == "kz" else server.belarus_port,
                operator_device=device,
                token=token,
            )
        lanes.append(
            Counted(
                organisation_id=organisation_id,
                register_id=record.id,
                country=country,
                is_shared=place % SHARED_EVERY == 0,
                factory_number=factory_number,
                device=device or 0,
            )
        )
    return lanes


def _tax_id(country: str, which: int) -> str:
    """A number that passes for a taxpayer's."""
    if country == "kz":
        for first in range(10):
            digits = f"23084000{which}0{first}"
            if (digit := bin_check_digit(digits)) is not None:
                return f"{digits}{digit}"
    for first in range(10):
        digits = f"19{which}0000{first}"
        if (digit := unp_check_digit(digits)) is not None:
            return f"{digits}{digit}"
    raise AssertionError("no check digit fits")


# While it lasts


def _storm(
    directory: Path,
    house: Servers,
    operator: Operator,
    lanes: Sequence[Counted],
    outcome: Outcome,
    is_enough: Callable[[], bool],
    say: Say,
) -> None:
    clients = [f"client-{number}" for number in range(CLIENTS)]
    workers = [f"worker-{number}" for number in range(WORKERS)]
    orders = _give_orders(directory, lanes, outcome.seed)
    commands = {name: ["-m", "workers", "work"] for name in workers}
    commands["clock"] = ["-m", "workers", "schedule"]
    commands |= {
        name: ["-m", "portal.storm.client", str(path)] for name, path in zip(clients, orders, strict=True)
    }
    with Keeper(house.environment, directory / "log", commands).keeping() as keeper:
        weather = Weather(
            outcome.seed,
            house,
            keeper,
            operator,
            workers,
            clients,
            [lane.device for lane in lanes if lane.device],
        )
        weather.blow(is_enough)
        say("clearing up")
        weather.clear()
        (directory / ENOUGH).touch()
        try:
            keeper.wait_for(clients, CALM_S)
            _wait_until_delivered(house, "everything to be delivered")
            _close(directory, lanes)
            _wait_until_delivered(house, "the last Z-reports to be delivered")
        except TimeoutError as late:
            outcome.wrong.append(str(late))
        outcome.figures |= dict(sorted(weather.counts.items()))
        outcome.figures |= {f"starts of {name}": count for name, count in sorted(keeper.starts.items())}


def _give_orders(directory: Path, lanes: Sequence[Counted], seed: int) -> list[Path]:
    """Deal the registers out to the clients; a shared one goes to two."""
    hands: list[list[Lane]] = [[] for _ in range(CLIENTS)]
    for place, lane in enumerate(lanes):
        for client in (place, place + 1) if lane.is_shared else (place,):
            hands[client % CLIENTS] += [_lane(lane)] * (SHARED_WEIGHT if lane.is_shared else 1)
    paths = []
    for number, hand in enumerate(hands):
        path = directory / f"orders-{number}.json"
        log = directory / f"client-{number}.jsonl"
        orders = Orders(number, DEADLINE_S, hand, str(log), seed, str(directory / ENOUGH))
        path.write_bytes(msgspec.json.encode(orders))
        paths.append(path)
    return paths


def _lane(lane: Counted) -> Lane:
    return Lane(lane.organisation_id, lane.register_id, lane.country, lane.is_shared)


def _wait_until_delivered(house: Servers, what: str) -> None:
    """Wait for the workers to bring everything to the operator and every register back to it.

    However much it is; but raises TimeoutError when it does not become less for a while.
    """
    left = _ask(house, _UNDELIVERED)
    while left != 0:
        before = left
        wait_until(lambda: _ask(house, _UNDELIVERED) != before, f"{what}, {before} left", seconds=CALM_S)  # noqa: B023 - asked at once
        left = _ask(house, _UNDELIVERED)


def _ask(house: Servers, question: str) -> int | None:
    """A number, as the owner of the tables sees it; None while PostgreSQL is away."""
    try:
        connection = psycopg2.connect(house.access.owner_url().replace("+psycopg2", ""), connect_timeout=2)
    except psycopg2.OperationalError:
        return None
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(question)
            row = cursor.fetchone()
            return int(row[0]) if row else None
    finally:
        connection.close()


def _close(directory: Path, lanes: Sequence[Counted]) -> None:
    """Close every shift, so that a last Z-report tells everything."""
    with (directory / "client-last.jsonl").open("ab") as log:
        for lane in lanes:
            if not read_standing(lane.organisation_id, lane.register_id).register.is_open:
                continue
            intent = Intent(
                "last", lane.organisation_id, lane.register_id, lane.country, CloseShift(cashier="Буря"), 0
            )
            issued = issue_document(lane.organisation_id, lane.register_id, intent.command, key=intent.key)
            log.writelines(msgspec.json.encode(entry) + b"\n" for entry in (intent, answered(intent, issued)))


# Afterwards


def _reckon(directory: Path, lanes: Sequence[Counted], operator: Operator, outcome: Outcome) -> None:
    told = judge.read_logs(sorted(directory.glob("client-*.jsonl")))
    figures: Counter[str] = Counter()
    for lane in lanes:
        kept = judge.read_journal(lane)
        entries = told.get(lane.register_id, [])
        outcome.wrong += judge.told_and_kept(lane.name, entries, kept)
        outcome.wrong += judge.numbers(lane.name, kept)
        outcome.wrong += judge.delivered(lane, kept, operator.server)
        register = read_standing(lane.organisation_id, lane.register_id).register
        outcome.wrong += judge.agree(lane, kept, register, operator.server)
        figures["documents"] += len(kept)
        figures["documents taken back"] += sum(one.delivery == "void" for one in kept)
        for entry in entries:
            figures["answers"] += isinstance(entry, Answered)
            figures["repeated answers"] += isinstance(entry, Answered) and entry.is_repeated
            if isinstance(entry, Refused):
                figures[f"refused {entry.code}"] += 1
    for organisation_id in sorted({lane.organisation_id for lane in lanes}):
        report = verify(organisation_id)
        outcome.wrong += [str(finding) for finding in (*report.differences, *report.notices)]
        replayed = replay_organisation(organisation_id)
        figures["documents replayed"] += replayed.documents
        outcome.wrong += [str(finding) for finding in (*replayed.differences, *replayed.notices)]
    outcome.wrong += judge.remarks(lanes)
    outcome.figures |= dict(sorted(figures.items()))
