"""Live tills go on where the journal ends, whatever was stopped and started in between."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from random import Random
from threading import Event

import pytest
import sqlalchemy as sa

from portal.analytics.verify import verify
from portal.config import Settings
from portal.db import transaction
from portal.demo.door import Door
from portal.demo.history import ensure_history, till_of
from portal.demo.live import LiveTill, Sender, Simulation, choose
from portal.demo.outbox import Outbox
from portal.demo.people import Place
from portal.demo.shops import GRAIN_AND_HONEY
from portal.demo.till import Till
from portal.demo.tokens import provide_tokens, sender_id_of
from portal.fiscal.chain import canonical
from portal.ingest.models import Batch, Quarantined
from portal.journal.models import Document, DocumentBody, Gap
from portal.registers.actions import revoke_token
from tests.demo.conftest import FRIDAY, drain_everything

REGISTERS = ("1106001201", "1106001221", "SWK00033701")


class Patience(Event):
    """Lets the simulation go on so many times, without any waiting."""

    def __init__(self, times: int, drains_at: int | None = None) -> None:
        super().__init__()
        self.times = times
        self.drains_at = drains_at

    def wait(self, timeout: float | None = None) -> bool:  # noqa: ARG002 - time is what tests do not have
        self.times -= 1
        if self.times == self.drains_at:
            drain_everything()
        return self.times < 0


@pytest.fixture
def simulate(database: Settings, places: list[Place], url: str, tmp_path: Path) -> Callable[..., Simulation]:
    """Make and run a simulation of three tills for some customers, beginning at a moment."""
    some = [place for place in places if place.stall.register in REGISTERS]
    ensure_history(database, some, at=FRIDAY, say=lambda _: None, days=2, processes=1)

    def run(*, customers: int, begin: datetime = FRIDAY, drains_at: int | None = None) -> Simulation:
        seconds = count()
        tokens = provide_tokens(tmp_path / "tokens.json", [place.holder for place in some], at=FRIDAY)
        said: list[str] = []
        simulation = Simulation(
            some,
            {holder.register: token for holder, token in tokens.items()},
            Door(url, say=said.append),
            Outbox(tmp_path / "outbox"),
            rate=1.0,
            say=said.append,
            now=lambda: begin + timedelta(seconds=next(seconds)),
            stopping=Patience(customers, drains_at),
        )
        simulation.run()
        simulation.heard = said  # type: ignore[attr-defined]
        return simulation

    return run


def quarantined(organisation_ids: set[int]) -> int:
    """How many documents could not be taken in."""
    total = 0
    for organisation_id in organisation_ids:
        with transaction(organisation_id) as session:
            total += session.execute(sa.select(sa.func.count()).select_from(Quarantined)).scalar_one()
    return total


def test_new_documents_follow_the_last_of_the_journal_without_gap_or_fork(
    simulate: Callable[..., Simulation],
) -> None:
    first = simulate(customers=25)
    assert first.sent >= 25
    drain_everything()
    organisations = {place.organisation_id for place in first.places}
    again = simulate(customers=25, begin=FRIDAY + timedelta(minutes=20))
    assert again.sent >= 25
    drain_everything()
    assert quarantined(organisations) == 0
    for organisation_id in organisations:
        assert verify(organisation_id).differences == []
        with transaction(organisation_id) as session:
            assert session.scalars(sa.select(Gap)).all() == []


def test_a_till_that_was_away_makes_up_for_it_and_closes_yesterdays_shift(
    simulate: Callable[..., Simulation],
) -> None:
    simulate(customers=5)
    drain_everything()
    later = simulate(customers=5, begin=FRIDAY + timedelta(hours=20))
    assert later.sent > 50
    drain_everything()
    for place in later.places:
        with transaction(place.organisation_id) as session:
            till = till_of(session, place)
            z_numbers = session.scalars(
                sa.select(Document.number).where(
                    Document.register_id == place.register_id, Document.kind == 10
                )
            ).all()
        assert till.is_open
        assert len(z_numbers) == 3


def test_a_till_waits_until_all_it_ever_sent_is_in_the_journal(simulate: Callable[..., Simulation]) -> None:
    simulate(customers=20)
    again = simulate(customers=40, begin=FRIDAY + timedelta(minutes=1), drains_at=30)
    assert len(again.tills) == len(REGISTERS)
    drain_everything()
    assert quarantined({place.organisation_id for place in again.places}) == 0


@pytest.mark.parametrize("was_taken", [True, False], ids=["the answer was lost", "the batch was lost"])
def test_a_batch_that_was_not_acknowledged_goes_out_again_under_its_key(
    simulate: Callable[..., Simulation], url: str, *, was_taken: bool
) -> None:
    simulation = simulate(customers=0)
    drain_everything()
    place = simulation.places[0]
    sender = Sender(
        place.stall.register, simulation.tokens[place.stall.register], Door(url), simulation.outbox
    )
    with transaction(place.organisation_id) as session:
        live = LiveTill(place, till_of(session, place), sender, Random(1))
    documents = live.serve(FRIDAY + timedelta(minutes=1))
    body = b"\n".join(canonical(document) for document in documents)
    key = f"live-{place.stall.register}-{documents[0].number}"
    simulation.outbox.keep(place.stall.register, key, body)
    if was_taken:
        Door(url).send(sender.token, key, body)
    assert simulation.outbox.kept(place.stall.register) is not None
    drain_everything()
    again = simulate(customers=30, begin=FRIDAY + timedelta(minutes=2), drains_at=29)
    assert len(again.tills) == len(REGISTERS)
    assert again.outbox.kept(place.stall.register) is None
    drain_everything()
    with transaction(place.organisation_id) as session:
        assert session.execute(sa.select(sa.func.count()).where(Batch.key == key)).scalar_one() == 1
        stored = session.scalars(
            sa.select(DocumentBody.body).where(
                DocumentBody.register_id == place.register_id, DocumentBody.number == documents[0].number
            )
        ).one()
    assert stored.encode() == canonical(documents[0])
    assert quarantined({place.organisation_id}) == 0


def test_a_till_whose_token_was_taken_back_says_so_and_stops_while_others_go_on(
    simulate: Callable[..., Simulation],
) -> None:
    simulation = simulate(customers=0)
    drain_everything()
    place = simulation.places[0]
    with transaction(place.organisation_id) as session:
        number = sender_id_of(simulation.tokens[place.stall.register])
        revoke_token(session, place.organisation_id, number, at=FRIDAY)
    again = simulate(customers=30, begin=FRIDAY + timedelta(minutes=2))
    heard: list[str] = again.heard  # type: ignore[attr-defined]
    assert any(
        line.startswith(f"{place.stall.register}: the portal refused its documents (403") for line in heard
    )
    assert [live.place.stall.register for live in again.tills] == list(REGISTERS[1:])


def test_tokens_are_kept_and_replaced_only_when_nobody_knows_them(
    places: list[Place], tmp_path: Path
) -> None:
    path = tmp_path / "tokens.json"
    holders = [place.holder for place in places[:2]]
    first = provide_tokens(path, holders, at=FRIDAY)
    assert provide_tokens(path, holders, at=FRIDAY) == first
    assert path.stat().st_mode & 0o077 == 0
    path.write_text("{}")
    assert provide_tokens(path, holders, at=FRIDAY) != first


def test_shifts_open_and_close_by_the_clock_on_the_wall() -> None:
    shop = GRAIN_AND_HONEY.shops[0]
    place = Place(1, 1, FRIDAY, shop, shop.stalls[0])
    live = LiveTill(place, Till(shop.stalls[0].register, shop.dialect), None, Random(1))  # type: ignore[arg-type]

    def kinds(hour: int, minute: int) -> list[str]:
        return [d.kind for d in live.change_shift(datetime(2026, 5, 15, hour - 3, minute, tzinfo=UTC))]

    assert kinds(7, 45) == []
    assert kinds(7, 55) == ["shift_opened", "cash_in"]
    assert kinds(8, 5) == []
    assert not live.is_serving(datetime(2026, 5, 15, 4, 55, tzinfo=UTC))
    assert live.is_serving(datetime(2026, 5, 15, 5, 5, tzinfo=UTC))
    assert kinds(22, 1) == []
    assert kinds(22, 3) == ["cash_out", "z_report"]
    assert kinds(22, 4) == []


def test_the_bar_serves_after_midnight_and_opens_anew_in_the_evening() -> None:
    bar = next(shop for shop in GRAIN_AND_HONEY.shops if shop.day_starts_hour)
    place = Place(1, 1, FRIDAY, bar, bar.stalls[0])
    live = LiveTill(place, Till(bar.stalls[0].register, bar.dialect), None, Random(1))  # type: ignore[arg-type]
    assert live.change_shift(datetime(2026, 5, 15, 14, 0, tzinfo=UTC))[0].kind == "shift_opened"
    night = datetime(2026, 5, 16, 1, 0, tzinfo=UTC)
    assert live.is_serving(night)
    assert live.weight(night) > 0
    assert live.serve(night)[0].issued_at.isoformat() == "2026-05-16T04:00:00+03:00"
    assert live.change_shift(datetime(2026, 5, 16, 2, 5, tzinfo=UTC))[-1].kind == "z_report"
    assert live.change_shift(datetime(2026, 5, 16, 2, 10, tzinfo=UTC)) == []
    assert live.change_shift(datetime(2026, 5, 16, 13, 55, tzinfo=UTC))[0].kind == "shift_opened"


def test_a_few_tills_are_chosen_from_all_points(places: list[Place]) -> None:
    chosen = choose(places, 9)
    assert len({place.shop.name for place in chosen}) == 9
    assert choose(places, None) == places
    assert choose(places, 100) == places
