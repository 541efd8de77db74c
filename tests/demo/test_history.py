"""The demo's past comes out the same however often it is begun."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import islice

import pytest
import sqlalchemy as sa

from portal.analytics.verify import verify
from portal.config import Settings
from portal.db import transaction
from portal.demo import history
from portal.demo.history import ensure_history, tell, till_of
from portal.demo.people import Place
from portal.demo.till import Till
from portal.fiscal.chain import canonical
from portal.ingest.drain import drain_register
from portal.ingest.models import Quarantined
from portal.journal.models import DocumentBody, Remark
from tests.demo.conftest import FRIDAY

DAYS = 3


def at(places: list[Place], *registers: str) -> list[Place]:
    """These registers' places."""
    return [place for place in places if place.stall.register in registers]


def bodies_of(place: Place) -> list[str]:
    """A register's journal, word for word."""
    with transaction(place.organisation_id) as session:
        return list(
            session.scalars(
                sa.select(DocumentBody.body)
                .where(DocumentBody.register_id == place.register_id)
                .order_by(DocumentBody.number)
            )
        )


def told(place: Place) -> list[str]:
    """What a register's history has to say, without any database."""
    till = Till(place.stall.register, place.shop.dialect)
    days = tell(place, till, until=FRIDAY, days=DAYS)
    return [canonical(document).decode() for day in days for document in day.documents]


def write(database: Settings, places: list[Place]) -> int:
    """Write the history of these registers up to that Friday afternoon."""
    return ensure_history(database, places, at=FRIDAY, say=lambda _: None, days=DAYS, processes=1)


def test_the_journal_holds_every_day_up_to_the_present_moment(
    database: Settings, places: list[Place]
) -> None:
    some = at(places, "1106001201", "SWK00033701")
    count = write(database, some)
    assert count == sum(len(bodies_of(place)) for place in some)
    for place in some:
        assert bodies_of(place) == told(place)
        with transaction(place.organisation_id) as session:
            till = till_of(session, place)
        assert till.is_open
        assert till.last_issued_at is not None
        assert FRIDAY - timedelta(hours=1) < till.last_issued_at <= FRIDAY


def test_writing_it_again_changes_nothing(database: Settings, places: list[Place]) -> None:
    some = at(places, "1106001201")
    write(database, some)
    before = bodies_of(some[0])
    assert write(database, some) == 0
    assert bodies_of(some[0]) == before


def test_a_history_that_was_killed_goes_on_and_comes_out_the_same(
    database: Settings, places: list[Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    some = at(places, "1106001211", "SWK00033711")
    monkeypatch.setattr(history, "BATCH_DOCUMENTS_MAX", 50)
    taken_in = iter(range(3))
    drain = drain_register

    def dies(organisation_id: int, register_id: int) -> object:
        if next(taken_in, None) is None:
            raise KeyboardInterrupt
        return drain(organisation_id, register_id)

    with monkeypatch.context() as killing:
        killing.setattr("portal.demo.history.drain_register", dies)
        with pytest.raises(KeyboardInterrupt):
            write(database, some)
    assert 0 < len(bodies_of(some[0])) < len(told(some[0]))
    write(database, some)
    for place in some:
        assert bodies_of(place) == told(place)


def test_a_till_that_was_silent_for_days_catches_up(database: Settings, places: list[Place]) -> None:
    place = at(places, "1106001201")[0]
    write(database, [place])
    later = FRIDAY + timedelta(days=2)
    assert ensure_history(database, [place], at=later, say=lambda _: None, days=DAYS, processes=1) > 0
    with transaction(place.organisation_id) as session:
        till = till_of(session, place)
    assert till.shift == DAYS + 3
    assert till.last_issued_at is not None
    assert later - timedelta(hours=1) < till.last_issued_at <= later
    assert verify(place.organisation_id).differences == []


def test_another_seed_tells_another_history_and_the_same_seed_the_same(places: list[Place]) -> None:
    def first_day(seed: int) -> list[bytes]:
        till = Till(places[0].stall.register, places[0].shop.dialect)
        days: Iterator[history.Day] = tell(places[0], till, until=FRIDAY, days=DAYS, seed=seed)
        return next(islice(days, 1)).raws

    assert first_day(1) == first_day(1)
    assert first_day(1) != first_day(2)


def test_what_went_wrong_can_be_found(database: Settings, places: list[Place]) -> None:
    some = at(places, "1106001222", "1106001203", "1106001212", "1106001223")
    write(database, some)
    organisation_id = some[0].organisation_id
    report = verify(organisation_id)
    assert report.differences == []
    assert sorted(notice.kind for notice in report.notices) == ["gap", "z_report"]
    with transaction(organisation_id) as session:
        assert session.scalars(sa.select(Remark.code)).all() == ["line_sum"]
        (damaged,) = session.scalars(sa.select(Quarantined)).all()
        assert damaged.reason == "unreadable"
        till = till_of(session, at(places, "1106001223")[0])
    assert till.autonomous


def test_two_processes_write_side_by_side_and_say_how_far_they_are(
    database: Settings, places: list[Place]
) -> None:
    some = at(places, "1106001201", "SWK00033701")
    said: list[str] = []
    count = ensure_history(database, some, at=FRIDAY, say=said.append, days=2, processes=2)
    assert said[-1] == f"history: 2 of 2 registers, {count} documents"
    assert all(bodies_of(place) for place in some)
