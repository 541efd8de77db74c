"""Our own code failing: one document may be lost to quarantine, never its neighbours; and nothing half done."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import psycopg2
import pytest
from rq.timeouts import JobTimeoutException
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from portal.analytics import names
from portal.fiscal.checks import check
from portal.ingest import checking, drain, intake
from tests.ingest import stream
from tests.ingest.stream import Till

Break = Callable[..., None]


@pytest.fixture
def fail_on(monkeypatch: pytest.MonkeyPatch) -> Break:
    """Let the check of documents with these numbers fail."""

    def breaks(*numbers: int, error: Exception | None = None) -> None:
        def failing(document: Any, **facts: Any) -> Any:
            if document.number in numbers:
                raise error or KeyError("a bug of ours")
            return check(document, **facts)

        monkeypatch.setattr(checking, "check", failing)

    return breaks


def test_the_document_our_code_fails_on_is_set_aside_and_the_rest_is_taken(
    till: Till, fail_on: Break
) -> None:
    fail_on(3)
    till.send(till.sale(1), till.sale(2))
    till.send(till.sale(3), till.sale(4), till.sale(4), till.sale(5, cashier=None), b"?")
    till.send(till.sale(6))

    drained = till.drain()

    assert (drained.accepted, drained.repeated, drained.quarantined, drained.remarked) == (5, 1, 2, 1)
    assert till.numbers() == [1, 2, 4, 5, 6]
    assert sorted(till.quarantine()) == [(1, "unprocessable"), (5, "unreadable")]
    assert till.rows("select facts from quarantine where reason = 'unprocessable'") == [
        ({"error": "KeyError"},)
    ]
    assert till.rows(
        "select document_count, accepted_count, repeated_count, quarantined_count from ingest_portion "
        "order by batch_id"
    ) == [(2, 2, 0, 0), (5, 2, 1, 2), (1, 1, 0, 0)]
    assert till.gaps() == [(3, 3, "{[3,4)}", False)]


def test_names_and_sums_of_documents_taken_one_by_one_are_whole(till: Till, fail_on: Break) -> None:
    fail_on(2)
    till.take(
        *(
            till.sale(number, cashier=f"к{number}", lines=[stream.line(f"т{number}")])
            for number in range(1, 5)
        )
    )
    assert till.rows("select name from cashier order by 1") == [("к1",), ("к3",), ("к4",)]
    assert till.rows("select name from product order by 1") == [("т1",), ("т3",), ("т4",)]
    assert till.rows("select sale_count, sale_minor from rollup_day") == [(3, 3600)]
    assert till.rows("select count(*), max(sequence) from document") == [(3, 3)]


def test_a_lone_document_our_code_fails_on_does_not_hold_up_its_lane(till: Till, fail_on: Break) -> None:
    fail_on(1)
    till.send(till.sale(1))
    till.send(till.sale(2))
    till.drain()
    assert till.numbers() == [2]
    assert till.quarantine() == [(1, "unprocessable")]


def test_documents_that_all_fail_wait_for_us_to_mend_it(till: Till, fail_on: Break) -> None:
    till.take(till.sale(1))
    till.send(till.sale(2), till.sale(3))
    fail_on(2, 3)
    with pytest.raises(drain.AllFailed):
        till.drain()
    assert till.numbers() == [1]
    assert till.quarantine() == []
    assert till.rows("select count(*) from ingest_portion where drained_at is null") == [(1,)]

    fail_on()
    assert till.drain().accepted == 2
    assert till.numbers() == [1, 2, 3]


def test_a_lane_that_waits_for_us_holds_up_no_other(session: Session, till: Till, fail_on: Break) -> None:
    second = stream.another_till(session, till)
    fail_on(1, 2)
    till.send(till.sale(1), till.sale(2))
    second.send(second.sale(3))
    with pytest.raises(drain.AllFailed):
        till.drain()
    assert second.drain().accepted == 1


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("select", {}, psycopg2.OperationalError("the server went away")),
        psycopg2.OperationalError("the server went away"),
        psycopg2.errors.DeadlockDetected("somebody else won"),
        psycopg2.InterfaceError("connection already closed"),
        JobTimeoutException("the job ran out of time"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_is_nobodys_fault_puts_no_document_aside(till: Till, fail_on: Break, error: Exception) -> None:
    fail_on(2, error=error)
    till.send(till.sale(1), till.sale(2), till.sale(3))

    with pytest.raises(type(error)):
        till.drain()

    assert till.numbers() == []
    assert till.quarantine() == []
    assert till.rows("select count(*) from ingest_portion where drained_at is null") == [(1,)]


def test_a_deadlock_amid_documents_taken_one_by_one_puts_none_aside(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def failing(document: Any, **facts: Any) -> Any:
        calls.append(document.number)
        if document.number == 2:
            # At first a fault of ours; then, one by one, somebody else's lock.
            raise (KeyError() if len(calls) < 5 else psycopg2.errors.DeadlockDetected())
        return check(document, **facts)

    monkeypatch.setattr(checking, "check", failing)
    till.send(till.sale(1), till.sale(2), till.sale(3))
    with pytest.raises(psycopg2.errors.DeadlockDetected):
        till.drain()
    assert (till.numbers(), till.quarantine()) == ([], [])


@pytest.mark.parametrize(
    ("module", "step"),
    [
        (intake, "append_documents"),
        (intake, "append_remarks"),
        (intake, "note_numbers"),
        (intake, "put_head"),
        (intake, "write_names"),
        (drain, "_mark_drained"),
        (drain, "_quarantine"),
    ],
)
def test_a_drain_that_ends_anywhere_leaves_nothing_half_done(
    till: Till, monkeypatch: pytest.MonkeyPatch, module: ModuleType, step: str
) -> None:
    """Killed after any step, the transaction is gone as a whole and the next worker begins anew."""
    till.take(till.sale(1), till.sale(3))
    before = till.rows(
        "select (select sum(document_count) from rollup_day), (select count(*) from document), "
        "(select count(*) from remark), (select count(*) from quarantine), "
        "(select sequence from register_head)"
    )
    till.send(till.sale(2), till.sale(4, cashier=None), b"?")
    real = getattr(module, step)

    def dies(*arguments: Any, **named: Any) -> None:
        real(*arguments, **named)
        raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        killed.setattr(module, step, dies)
        with pytest.raises(KeyboardInterrupt):
            till.drain()
    assert (
        till.rows(
            "select (select sum(document_count) from rollup_day), (select count(*) from document), "
            "(select count(*) from remark), (select count(*) from quarantine), "
            "(select sequence from register_head)"
        )
        == before
    )
    assert till.gaps() == [(2, 2, "{[2,3)}", False)]

    names.forget_names(till.organisation_id)  # as a new worker
    drained = till.drain()
    assert (drained.accepted, drained.quarantined) == (2, 1)
    assert till.gaps() == [(2, 2, "{}", True)]
