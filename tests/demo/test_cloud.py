"""People at cloud tills: what they ask for is issued, the operator gets it, and a fault doubles nothing."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa

from portal.analytics.following import follow_register
from portal.analytics.replaying import replay_organisation
from portal.analytics.verify import verify
from portal.config import Settings
from portal.db import transaction
from portal.demo import cloud, live
from portal.demo.cloud import CloudTill
from portal.demo.door import Door
from portal.demo.history import ensure_history
from portal.demo.live import Simulation
from portal.demo.operator import connect, connect_all, find_operator, lose_operator
from portal.demo.outbox import Outbox
from portal.demo.people import Place, ensure_demo
from portal.fiscal.commands import MoveCash
from portal.fiscal.documents import Kind
from portal.fiscal.rules import NotEnoughCash
from portal.journal.issuing import read_standing
from portal.journal.models import Document, IssuedDocument
from portal.ofd.actions import issue_document
from portal.ofd.delivering import deliver_register
from portal.ofd.simulator.address import Address, new_key, write_address
from portal.ofd.simulator.page import Page
from portal.ofd.simulator.testing import TestOperator, running_operator
from portal.primitives import clock
from tests.demo.conftest import FRIDAY
from tests.demo.test_live import Patience

REGISTERS = ("1106001201", "SWK00033701")


@pytest.fixture
def operator(tmp_path: Path) -> Iterator[TestOperator]:
    """An operator that wrote its address down, with its page, as `./kassa ofd` does."""
    with running_operator(tmp_path) as operator:
        key = new_key()
        page = Page(operator, host="127.0.0.1", port=0, key=key)
        page.start()
        write_address(
            tmp_path,
            Address(
                belarus_port=operator.belarus_port,
                host=operator.host,
                http_url=page.url,
                key=key,
                port=operator.port,
            ),
        )
        yield operator
        page.stop()


@pytest.fixture
def places_in_cloud(database: Settings, places: list[Place]) -> list[Place]:
    """Two registers that were taken over on that Friday."""
    some = [place for place in places if place.stall.register in REGISTERS]
    ensure_history(database, some, at=FRIDAY, say=lambda _: None, days=1, processes=1, takes_over=True)
    ids = {place.register_id for place in some}
    return [
        replace(place, founded_at=FRIDAY)
        for place in ensure_demo(database, at=FRIDAY)
        if place.register_id in ids
    ]


def simulate(
    places: list[Place], data: Path | None, *, customers: int, begin: datetime = FRIDAY
) -> Simulation:
    """Serve so many customers, a few seconds apart."""
    seconds = count(60)
    said: list[str] = []
    simulation = Simulation(
        places,
        {},
        Door("http://127.0.0.1:9", say=said.append),
        Outbox(Path("/nonexistent")),
        rate=1.0,
        say=said.append,
        now=lambda: begin + timedelta(seconds=next(seconds)),
        stopping=Patience(customers),
        data=data,
    )
    simulation.run()
    simulation.heard = said  # type: ignore[attr-defined]
    return simulation


def issued_by(place: Place) -> list[tuple[int, str, bool]]:
    """A till's own documents: kind, delivery, whether it became autonomous."""
    with transaction(place.organisation_id) as session:
        rows = session.execute(
            sa.select(Document.kind, IssuedDocument.delivery, IssuedDocument.is_autonomous)
            .join(
                IssuedDocument,
                (IssuedDocument.register_id == Document.register_id)
                & (IssuedDocument.number == Document.number),
            )
            .where(Document.register_id == place.register_id)
            .order_by(Document.number)
        )
        return [(kind, delivery, is_autonomous) for kind, delivery, is_autonomous in rows]


def settle(places: list[Place]) -> None:
    """What workers do: deliver what waits, fold what was issued."""
    for place in places:
        deliver_register(place.organisation_id, place.register_id)
        follow_register(place.organisation_id, place.register_id)


def prove(places: list[Place]) -> None:
    """Everything is proved in both ways."""
    for organisation_id in {place.organisation_id for place in places}:
        report = verify(organisation_id)
        assert (report.differences, report.notices) == ([], [])
        assert replay_organisation(organisation_id).differences == []


def test_tills_sell_on_the_engine_and_the_operator_counts_the_same(
    places_in_cloud: list[Place], operator: TestOperator, tmp_path: Path
) -> None:
    simulation = simulate(places_in_cloud, tmp_path, customers=40)
    assert simulation.issued >= 40
    assert simulation.sent == 0
    settle(places_in_cloud)
    for place in places_in_cloud:
        issued = issued_by(place)
        assert len(issued) > 5
        assert {delivery for _, delivery, _ in issued} == {"sent"}
        country = place.shop.dialect.country
        if country == "by":
            assert issued[0][0] == Kind.SHIFT_OPENED
        device = int(place.stall.register.removeprefix("SWK")) if country == "kz" else place.stall.register
        counters = operator.counters(device, country=country)
        ours = read_standing(place.organisation_id, place.register_id).register
        sale, refund = ours.counters.operations[:2]
        assert counters.cash_minor == ours.cash_minor
        assert counters.operations[0].count == sale.count
        assert [one.non_nullable_minor for one in counters.operations[:2]] == [
            sale.non_nullable_minor,
            refund.non_nullable_minor,
        ]
    prove(places_in_cloud)


def test_tills_close_at_night_and_open_again_in_the_morning(
    places_in_cloud: list[Place], operator: TestOperator, tmp_path: Path
) -> None:
    simulate(places_in_cloud, tmp_path, customers=10)
    night = FRIDAY.replace(hour=20)
    simulate(places_in_cloud, tmp_path, customers=2, begin=night)
    settle(places_in_cloud)
    for place in places_in_cloud:
        assert issued_by(place)[-1][0] == Kind.Z_REPORT
        cash = read_standing(place.organisation_id, place.register_id).register.cash_minor
        assert cash == 0 if place.shop.dialect.country == "by" else 0 < cash <= 2_000_099
    simulate(places_in_cloud, tmp_path, customers=6, begin=night + timedelta(hours=11))
    for place in places_in_cloud:
        assert read_standing(place.organisation_id, place.register_id).register.is_open
    settle(places_in_cloud)
    prove(places_in_cloud)


def test_a_till_left_open_for_days_is_closed_first(
    places_in_cloud: list[Place], operator: TestOperator, tmp_path: Path
) -> None:
    simulate(places_in_cloud, tmp_path, customers=4)
    before = [read_standing(place.organisation_id, place.register_id).register for place in places_in_cloud]
    simulate(places_in_cloud, tmp_path, customers=4, begin=FRIDAY + timedelta(days=4))
    for place, earlier in zip(places_in_cloud, before, strict=True):
        now = read_standing(place.organisation_id, place.register_id).register
        assert now.is_open
        assert now.shift == earlier.shift + 1
    settle(places_in_cloud)
    prove(places_in_cloud)


def test_a_till_whose_operator_is_deaf_goes_on_and_comes_back(
    places_in_cloud: list[Place], operator: TestOperator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    market = next(place for place in places_in_cloud if place.shop.dialect.country == "kz")
    monkeypatch.setattr(live, "DEAF_OPERATOR_PER_RECEIPT", 1.0)
    monkeypatch.setattr(
        cloud, "issue_document", lambda *given, **named: issue_document(*given, **named, deadline_s=0.2)
    )
    simulation = simulate([market], tmp_path, customers=4)
    heard: list[str] = simulation.heard  # type: ignore[attr-defined]
    assert any("without its operator for" in line for line in heard)
    issued = issued_by(market)
    assert ("waiting", True) in {(delivery, late) for _, delivery, late in issued}
    assert read_standing(market.organisation_id, market.register_id).is_autonomous
    operator.mischief.switch_off()
    settle([market])
    assert {delivery for _, delivery, _ in issued_by(market)} == {"sent"}
    assert not read_standing(market.organisation_id, market.register_id).is_autonomous
    prove([market])


def test_connecting_again_changes_nothing(
    places_in_cloud: list[Place], operator: TestOperator, tmp_path: Path
) -> None:
    for _ in range(2):
        connect_all(places_in_cloud, tmp_path, now=clock.now, pause=lambda _: None, say=lambda _: None)
        versions = [
            read_standing(place.organisation_id, place.register_id).version for place in places_in_cloud
        ]
    assert versions == [2, 2]
    address = find_operator(tmp_path, lambda _: None)
    assert address is not None
    standing = connect(places_in_cloud[0], address, at=FRIDAY)
    assert standing.is_connected
    assert standing.version == 2


def test_without_an_operator_tills_issue_all_the_same(
    places_in_cloud: list[Place], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.demo.operator.WAITS_S", 0.0)
    simulation = simulate(places_in_cloud, tmp_path, customers=5)
    heard: list[str] = simulation.heard  # type: ignore[attr-defined]
    assert "no operator runs here; the tills issue without one" in heard
    assert simulation.issued >= 5
    assert not lose_operator(places_in_cloud[0], tmp_path, for_s=1)


def test_a_refusal_is_said_and_the_next_customer_is_served(
    places_in_cloud: list[Place], operator: TestOperator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise NotEnoughCash(cash_minor=1, wanted_minor=2)

    with monkeypatch.context() as patch:
        patch.setattr(cloud, "issue_document", refuse)
        simulation = simulate(places_in_cloud, tmp_path, customers=3)
        heard: list[str] = simulation.heard  # type: ignore[attr-defined]
        assert any("refused, fiscal.not_enough_cash" in line for line in heard)
        assert simulation.issued == 0
    assert simulate(places_in_cloud, tmp_path, customers=3, begin=FRIDAY + timedelta(minutes=2)).issued >= 3


def test_a_step_repeated_after_a_fault_answers_the_receipt_that_is_there(
    places_in_cloud: list[Place], operator: TestOperator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer is lost on its way: the same key finds the same receipt, and the till goes on behind it."""
    market = next(place for place in places_in_cloud if place.shop.dialect.country == "kz")
    simulation = simulate([market], tmp_path, customers=2)
    (till,) = simulation.tills
    assert isinstance(till, CloudTill)
    number = till.standing.register.number
    command = MoveCash(cashier="Анна", sum_minor=100)
    ids = market.organisation_id, market.register_id
    first = issue_document(*ids, command, key=f"demo-{number + 1}", at=FRIDAY + timedelta(hours=1))
    again = issue_document(*ids, command, key=f"demo-{number + 1}", at=FRIDAY + timedelta(hours=1))
    assert again.is_repeated
    assert again.document == first.document
    assert simulate([market], tmp_path, customers=2, begin=FRIDAY + timedelta(hours=1)).issued >= 2
    settle([market])
    prove([market])
