"""What cloud tills issue reaches the rollups behind them: all of it, once, whatever happens in between."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta

import pytest
import sqlalchemy as sa
from redis import Redis
from rq import Queue
from sqlalchemy.orm import Session

from portal import db, queue
from portal.analytics import following, names, rollups
from portal.analytics.following import follow_register
from portal.analytics.models import RollupDay, RollupTax
from portal.analytics.refold import ROLLUPS, refold
from portal.analytics.verify import verify
from portal.fiscal.documents import Modifier, TaxShare
from portal.ingest.models import Batch, Portion
from portal.journal.models import Cashier, CloudTill, IssuedDocument, Product
from portal.registers.models import Register
from tests.journal.shop import Shop, at, open_shop
from workers import analytics, schedule

NOON = at("2026-11-18 12:00")


@pytest.fixture(autouse=True)
def _new_worker() -> None:
    """A worker that remembers no names."""
    names._names.clear()
    names._written.clear()


@pytest.fixture(autouse=True)
def _proof_of_this_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proof looks into the test's own transaction instead of a snapshot of what is committed."""

    def transaction(organisation_id: int, *, is_snapshot: bool) -> AbstractContextManager[Session]:
        assert is_snapshot
        return db.transaction(organisation_id)

    monkeypatch.setattr("portal.analytics.verify.transaction", transaction)


@pytest.fixture
def shop(session: Session, redis: Redis) -> Shop:
    return open_shop(session)


@pytest.fixture
def till(shop: Shop) -> Register:
    """A till that streamed two documents, works in the cloud now, and has issued five there."""
    till = shop.till()
    for number in range(2):
        shop.issue(till, at=NOON + timedelta(minutes=number))
    _account_for(shop, till, 2)
    shop.take_over(till)
    for number in range(2, 7):
        shop.issue(till, at=NOON + timedelta(minutes=number), delivery="sent", is_folded=False)
    return till


def _account_for(shop: Shop, till: Register, documents: int) -> None:
    """Say that so many documents of a till came in a batch."""
    facts = {
        "organisation_id": shop.company.id,
        "document_count": documents,
    }
    batch = Batch(**facts, sender_id=0, key="k", digest=b"", byte_count=1, received_at=NOON)
    shop.session.add(batch)
    shop.session.flush()
    shop.session.add(
        Portion(**facts, batch_id=batch.id, register_id=till.id, drained_at=NOON, accepted_count=documents)
    )
    shop.session.flush()


def rows(shop: Shop) -> dict[str, list[tuple[object, ...]]]:
    """Every rollup row of the organisation."""
    shop.session.flush()
    found = {}
    for model in ROLLUPS:
        name = model.__tablename__
        with db.transaction(shop.company.id) as session:
            found[name] = sorted(map(tuple, session.execute(sa.text(f"select * from {name}"))), key=str)
    return found


def folded(shop: Shop, till: Register) -> int:
    return shop.session.scalars(
        sa.select(CloudTill.folded_sequence)
        .where(CloudTill.register_id == till.id)
        .execution_options(populate_existing=True)
    ).one()


def test_folds_what_was_issued_since_and_nothing_twice(shop: Shop, till: Register) -> None:
    assert follow_register(shop.company.id, till.id) == 5
    assert folded(shop, till) == 7
    day = shop.session.scalars(sa.select(RollupDay)).one()
    assert (day.document_count, day.sale_minor) == (7, 7000)
    seen = rows(shop)
    assert follow_register(shop.company.id, till.id) == 0
    assert rows(shop) == seen


def test_comes_to_the_same_as_folding_everything_again(shop: Shop, till: Register) -> None:
    follow_register(shop.company.id, till.id)
    seen = rows(shop)
    refold(shop.company.id)
    assert rows(shop) == seen
    assert folded(shop, till) == 7


def test_a_refold_folds_what_waited_as_well(shop: Shop, till: Register) -> None:
    assert refold(shop.company.id) == 7
    assert folded(shop, till) == 7
    assert follow_register(shop.company.id, till.id) == 0
    assert verify(shop.company.id).differences == []


def test_remembers_the_names_of_goods_and_cashiers(shop: Shop, till: Register) -> None:
    shop.session.execute(sa.delete(Cashier))
    follow_register(shop.company.id, till.id)
    assert shop.session.scalars(sa.select(Product.name)).all() == ["Хлеб"]
    assert shop.session.scalars(sa.select(Cashier.name)).all() == ["Анна"]


def test_a_fault_in_the_middle_leaves_nothing_behind(
    shop: Shop, till: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = rows(shop)
    with monkeypatch.context() as patch:
        patch.setattr(rollups, "mark_folded", _fail)
        with pytest.raises(RuntimeError):
            follow_register(shop.company.id, till.id)
    assert rows(shop) == seen
    assert shop.session.scalars(sa.select(Product.name)).all() == []
    assert follow_register(shop.company.id, till.id) == 5
    assert shop.session.scalars(sa.select(Product.name)).all() == ["Хлеб"]


def _fail(*_: object) -> None:
    raise RuntimeError("the power went off")


def test_a_long_lane_is_folded_part_by_part_and_rung_for_again(
    shop: Shop, till: Register, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "DOCUMENTS_PER_TRANSACTION", 2)
    monkeypatch.setattr(following, "TRANSACTIONS_PER_JOB", 2)
    before = queue.live_version(shop.company.id) or 0
    assert follow_register(shop.company.id, till.id) == 4
    assert folded(shop, till) == 6
    assert queue.live_version(shop.company.id) == before + 2
    assert _rung(redis) == [(shop.company.id, till.id)]
    assert follow_register(shop.company.id, till.id) == 1


def test_leaves_a_lane_that_somebody_else_holds(
    shop: Shop, till: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "take_lane", lambda *_: False)
    assert follow_register(shop.company.id, till.id) == 0
    assert folded(shop, till) == 2


def test_a_streamed_register_has_nothing_to_follow(shop: Shop) -> None:
    till = shop.till()
    shop.issue(till, at=NOON)
    seen = rows(shop)
    assert follow_register(shop.company.id, till.id) == 0
    assert rows(shop) == seen


def test_a_till_is_rung_for_once_until_it_is_looked_at(shop: Shop, till: Register, redis: Redis) -> None:
    queue.ring_follow(shop.company.id, till.id)
    schedule.sweep_tills()
    assert _rung(redis) == [(shop.company.id, till.id)]
    analytics.follow_register(shop.company.id, till.id)
    schedule.sweep_tills()
    assert len(_rung(redis)) == 1
    db.speak_for(shop.session, shop.company.id)
    shop.issue(till, delivery="sent", is_folded=False)
    schedule.sweep_tills()
    assert len(_rung(redis)) == 2


def test_a_ring_for_the_stream_is_none_for_the_rollups(shop: Shop, till: Register, redis: Redis) -> None:
    queue.ring(shop.company.id, [till.id])
    queue.ring_follow(shop.company.id, till.id)
    names_of_jobs = {job.func_name for job in Queue(queue.INGEST, connection=redis).jobs}
    assert names_of_jobs == {queue.Job.DRAIN, queue.Job.FOLLOW}


def _rung(redis: Redis) -> list[tuple[object, ...]]:
    jobs = Queue(queue.INGEST, connection=redis).jobs
    return [tuple(job.args) for job in jobs if job.func_name == queue.Job.FOLLOW]


def test_discounts_and_markups_of_a_receipt_move_the_turnover_of_their_rates(shop: Shop) -> None:
    till = shop.till()
    shop.take_over(till)
    shop.issue(
        till,
        total=6000,
        at=NOON,
        delivery="sent",
        is_folded=False,
        modifiers=(
            Modifier(sum_minor=600, shares=(TaxShare(sum_minor=600, tax_minor=100, tax_rate=2000),)),
            Modifier(
                markup=True,
                sum_minor=50,
                shares=(
                    TaxShare(sum_minor=30, tax_minor=5, tax_rate=2000),
                    TaxShare(sum_minor=20),
                ),
            ),
        ),
    )

    def taxes() -> list[tuple[int, int, int]]:
        return [
            (one.tax_rate, one.turnover_minor, one.tax_minor)
            for one in shop.session.scalars(
                sa.select(RollupTax).order_by(RollupTax.tax_rate).execution_options(populate_existing=True)
            )
        ]

    follow_register(shop.company.id, till.id)
    expected = [(rollups.NO_TAX, 20, 0), (2000, 6000 - 600 + 30, 1000 - 100 + 5)]
    assert taxes() == expected
    refold(shop.company.id)
    assert taxes() == expected
    assert verify(shop.company.id).differences == []


def test_the_proof_knows_documents_that_wait_for_the_rollups(shop: Shop, till: Register) -> None:
    report = verify(shop.company.id)
    assert report.differences == []
    assert [(one.kind, one.found) for one in report.notices] == [("unfolded", "5 wait")]
    follow_register(shop.company.id, till.id)
    report = verify(shop.company.id)
    assert (report.differences, report.notices) == ([], [])


def test_the_proof_names_a_mark_that_runs_ahead_of_the_rollups(shop: Shop, till: Register) -> None:
    shop.session.execute(sa.update(CloudTill).values(folded_sequence=5))
    assert {one.kind for one in verify(shop.company.id).differences} == {"rollup", "shift"}


Spoil = Callable[[Shop, Register], None]


def _forget_row(shop: Shop, till: Register) -> None:
    shop.session.execute(sa.update(IssuedDocument).where(IssuedDocument.number == 7).values(number=70))


def _name_another_basis(shop: Shop, till: Register) -> None:
    shop.session.execute(sa.update(IssuedDocument).where(IssuedDocument.number == 5).values(basis=1))


def _forge_sign(shop: Shop, till: Register) -> None:
    shop.issue(
        till, delivery="waiting", autonomous=True, fiscal_sign="271828", autonomous_sign="314159", is_folded=False
    )  # fmt: skip


def _stream_again(shop: Shop, till: Register) -> None:
    shop.issue(till, is_folded=False)


def _issue_without_a_till(shop: Shop, till: Register) -> None:
    shop.issue(shop.till("Касса 2"), delivery="sent")


@pytest.mark.parametrize(
    ("spoil", "where"),
    [
        (_forget_row, ["number=70", "number=7"]),
        (_name_another_basis, ["number=5"]),
        (_forge_sign, ["number=8"]),
        (_stream_again, ["number=8"]),
        (_issue_without_a_till, ["number=1"]),
    ],
)
def test_the_proof_holds_documents_issued_here_against_what_stands_beside_them(
    shop: Shop, till: Register, spoil: Spoil, where: list[str]
) -> None:
    spoil(shop, till)
    shop.session.flush()
    found = [one for one in verify(shop.company.id).differences if one.kind == "issued"]
    assert [one.where for one in found] == where
