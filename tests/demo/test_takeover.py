"""Registers of the demo leave their tills for the cloud: nothing of their past is lost, and it is the end of the stream."""

from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
import sqlalchemy as sa

from portal.analytics.replaying import replay_organisation
from portal.analytics.verify import verify
from portal.config import Settings
from portal.db import transaction
from portal.demo.customers import settings_of
from portal.demo.history import ensure_history, till_of
from portal.demo.live import LiveTill
from portal.demo.operator import opening_of
from portal.demo.outbox import Outbox
from portal.demo.people import Place, ensure_demo
from portal.demo.takeover import company_of
from portal.fiscal.chain import canonical
from portal.fiscal.commands import MoveCash, OpenShift
from portal.fiscal.documents import Kind
from portal.journal.issuing import issue, read_standing
from portal.journal.models import CloudTill, Document, DocumentBody
from portal.primitives.refusals import Refusal
from tests.demo.conftest import FRIDAY

REGISTERS = ("1106001201", "1106001221", "SWK00033701")


@pytest.fixture
def some(places: list[Place]) -> list[Place]:
    """A shop that goes to the cloud, one that goes on streaming, and a Kazakh one."""
    return [place for place in places if place.stall.register in REGISTERS]


def take_all_over(database: Settings, some: list[Place], outbox: Path | None = None) -> list[Place]:
    """Write a past of two days, and leave for the cloud; returns the places as they are now."""
    ensure_history(
        database,
        some,
        at=FRIDAY,
        say=lambda _: None,
        days=2,
        processes=1,
        takes_over=True,
        outbox=Outbox(outbox) if outbox else None,
    )
    ids = {place.register_id for place in some}
    return [place for place in ensure_demo(database, at=FRIDAY) if place.register_id in ids]


def kinds_of(place: Place) -> list[int]:
    with transaction(place.organisation_id) as session:
        return list(
            session.scalars(
                sa.select(Document.kind)
                .where(Document.register_id == place.register_id)
                .order_by(Document.number)
            )
        )


def test_cloud_shops_are_taken_over_with_their_shift_closed_and_one_goes_on_streaming(
    database: Settings, some: list[Place]
) -> None:
    bakery, grocery, market = take_all_over(database, some)
    assert (bakery.is_cloud, grocery.is_cloud, market.is_cloud) == (True, False, True)
    for place in (bakery, market):
        standing = read_standing(place.organisation_id, place.register_id)
        register = standing.register
        kinds = kinds_of(place)
        assert kinds[-1] == Kind.Z_REPORT
        assert not register.is_open
        assert register.number == len(kinds)
        assert register.last_issued_at is not None
        assert register.last_issued_at <= FRIDAY
        assert register.registration_number == place.stall.registration_number
        assert standing.settings == settings_of(place.shop, place.stall, company_of(place.shop).tax_id)
        with transaction(place.organisation_id) as session:
            till = till_of(session, place)
            life = {
                kind: int(total)
                for kind, total in session.execute(
                    sa.select(Document.kind, sa.func.sum(Document.total_minor))
                    .where(Document.register_id == place.register_id)
                    .group_by(Document.kind)
                )
            }
        assert (register.cash_minor, register.digest) == (till.cash_minor, till.digest)
        opening = opening_of(register)
        assert opening.non_nullable_minor["sale"] == life[Kind.SALE]
        assert opening.non_nullable_minor["sale_refund"] == life.get(Kind.SALE_REFUND, 0)
        assert opening.life_count["sale"] == kinds.count(Kind.SALE)
        assert opening.cash_in_life_count == kinds.count(Kind.CASH_IN)
        assert (opening.number, opening.cash_minor) == (register.number, register.cash_minor)
    for organisation_id in {place.organisation_id for place in some}:
        report = verify(organisation_id)
        assert report.differences == []
        assert report.notices == []
        # The state that was followed while the past was written is the one that the journal tells.
        assert replay_organisation(organisation_id).differences == []


def test_taking_over_again_changes_nothing(database: Settings, some: list[Place]) -> None:
    places = take_all_over(database, some)
    before = [kinds_of(place) for place in places]
    again = take_all_over(database, places)
    assert [kinds_of(place) for place in again] == before
    later = ensure_history(
        database,
        again,
        at=FRIDAY + timedelta(days=3),
        say=lambda _: None,
        days=2,
        processes=1,
        takes_over=True,
    )
    assert later > 0, "the streaming till makes up for its absence"
    assert [kinds_of(place) for place in again if place.is_cloud] == [
        kinds for place, kinds in zip(again, before, strict=True) if place.is_cloud
    ]


def test_a_register_of_an_earlier_version_is_taken_over_where_its_till_stopped(
    database: Settings, some: list[Place], tmp_path: Path
) -> None:
    """Its past is there, its shift is open, and a batch that nobody acknowledged lies in its outbox."""
    ensure_history(database, some, at=FRIDAY, say=lambda _: None, days=2, processes=1)
    place = next(place for place in some if place.stall.register == "SWK00033701")
    with transaction(place.organisation_id) as session:
        till = till_of(session, place)
    assert till.is_open
    live = LiveTill(place, till, None, Random(1))  # type: ignore[arg-type]
    sent = live.serve(FRIDAY - timedelta(seconds=50))
    outbox = Outbox(tmp_path)
    outbox.keep(place.stall.register, f"live-{place.stall.register}-{sent[0].number}", canonical(sent[0]))
    market = next(
        one for one in take_all_over(database, some, tmp_path) if one.register_id == place.register_id
    )
    assert market.is_cloud
    assert outbox.kept(place.stall.register) is None
    with transaction(place.organisation_id) as session:
        body = session.scalars(
            sa.select(DocumentBody.body).where(
                DocumentBody.register_id == place.register_id, DocumentBody.number == sent[0].number
            )
        ).one()
    assert body.encode() == canonical(sent[0])
    assert kinds_of(market)[-1] == Kind.Z_REPORT
    assert replay_organisation(place.organisation_id).differences == []
    assert verify(place.organisation_id).differences == []


def test_the_next_document_follows_the_last_streamed_one(database: Settings, some: list[Place]) -> None:
    for place in take_all_over(database, some):
        if not place.is_cloud:
            continue
        before = read_standing(place.organisation_id, place.register_id).register
        command = (
            OpenShift(cashier="Анна")
            if place.shop.dialect.shift_opens_with == "command"
            else MoveCash(cashier="Анна", sum_minor=1_000_000)
        )
        issued = issue(place.organisation_id, place.register_id, command, at=FRIDAY + timedelta(minutes=1))
        assert issued.document.number == before.number + 1
        assert issued.document.shift == before.shift + 1
        assert issued.document.previous == before.digest


def test_a_till_that_is_killed_while_it_leaves_begins_again_where_it_stopped(
    database: Settings, some: list[Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise Refusal

    with monkeypatch.context() as patch:
        patch.setattr("portal.demo.takeover.create_till", fail)
        with pytest.raises(Refusal):
            take_all_over(database, some)
    with transaction(some[0].organisation_id) as session:
        assert session.scalars(sa.select(CloudTill)).all() == []
    closed = [kinds_of(place) for place in some]
    places = take_all_over(database, some)
    assert [place.is_cloud for place in places] == [True, False, True]
    for place, kinds in zip(places, closed, strict=True):
        assert kinds_of(place)[: len(kinds)] == kinds
        assert [a for a, b in zip(kinds_of(place), kinds_of(place)[1:], strict=False) if a == b == 10] == []
