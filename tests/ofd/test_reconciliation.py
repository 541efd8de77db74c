"""Our reports against the operator's: agreed figure by figure, or kept with what differs, and remarked upon."""

import pytest
from msgspec.structs import replace

from portal.config import Settings
from portal.db import transaction
from portal.fiscal.commands import TakeReport
from portal.journal import issuing
from portal.journal.issuing import Issued
from portal.ofd.reconciliation import look, reconcile
from portal.ofd.simulator.testing import TestOperator
from portal.ofd.wire.figures import figures_of
from portal.primitives import clock
from tests.journal.tills import CASHIER, cash_in, sale
from tests.ofd.counter import DEVICE, Counter, open_counter


@pytest.fixture
def counter(database: Settings, simulator: TestOperator) -> Counter:
    return open_counter(simulator)


@pytest.fixture
def report(counter: Counter) -> Issued:
    counter.sell()
    return counter.do(TakeReport(cashier=CASHIER))


def test_both_reports_agree_with_an_operator_that_has_everything(counter: Counter) -> None:
    counter.sell(card=True)
    counter.sell(33_300)
    counter.do(cash_in())
    counter.do(TakeReport(cashier=CASHIER))
    counter.close()
    assert counter.rows("select number, shift, differences from reconciliation order by number") == [
        (4, 1, []),
        (5, 1, []),
    ]
    assert counter.rows("select code from remark") == []


def test_a_receipt_that_the_operator_never_got_is_named_in_every_figure(counter: Counter) -> None:
    counter.sell()
    # Issued without the operator and never sent: what a lost row would be.
    lost = issuing.issue(*counter.ids, sale(), at=clock.now())
    issuing.void(*counter.ids, lost.document.number)
    closed = counter.close()
    ((number, found),) = counter.rows("select number, differences from reconciliation")
    assert number == closed.document.number
    by_name = {one["figure"]: (one["ours"], one["theirs"]) for one in found}
    assert by_name["sale.count"] == (2, 1)
    assert by_name["cash"] == (60_000, 30_000)
    assert counter.rows("select code, facts from remark") == [("operator_differs", {"count": len(found)})]
    assert counter.operator.figures(DEVICE)["cash"] == 30_000


def test_differences_are_kept_with_both_figures(counter: Counter, report: Issued) -> None:
    theirs = {**figures_of(report.document), "cash": 1}
    assert reconcile(*counter.ids, report.document, theirs, at=clock.now()) == 1
    ours = report.document.report.cash_minor if report.document.report else None
    assert counter.rows("select differences from reconciliation") == [
        ([{"figure": "cash", "ours": ours, "theirs": 1}],)
    ]


def test_a_report_compared_again_is_remarked_upon_once(counter: Counter, report: Issued) -> None:
    for _ in range(2):
        reconcile(*counter.ids, report.document, {}, at=clock.now())
    assert counter.rows("select count(*) from remark") == [(1,)]
    assert counter.rows("select count(*) from reconciliation") == [(1,)]


def test_a_difference_that_somebody_looked_at_is_remembered_as_such(counter: Counter, report: Issued) -> None:
    reconcile(*counter.ids, report.document, {}, at=clock.now())
    for _ in range(2):
        with transaction(counter.shop.id) as session:
            look(session, *counter.ids, report.document.number, at=clock.now())
    assert counter.rows("select count(looked_at) from reconciliation") == [(1,)]
    assert counter.rows("select count(*) from audit where action = 'ofd.look'") == [(1,)]


def test_an_agreement_needs_nobody_to_look_at_it(counter: Counter, report: Issued) -> None:
    with transaction(counter.shop.id) as session:
        look(session, *counter.ids, report.document.number, at=clock.now())
    assert counter.rows("select looked_at from reconciliation") == [(None,)]


def test_only_a_report_can_be_compared(counter: Counter, report: Issued) -> None:
    with pytest.raises(ValueError, match="no report"):
        reconcile(*counter.ids, replace(report.document, report=None), {}, at=clock.now())
