"""Missing numbers are recorded, shrink as documents arrive, and are closed when none is left."""

from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from tests.ingest import stream
from tests.ingest.stream import Till


def missing_of(till: Till) -> list[tuple[int, int]]:
    """The numbers that open gaps say are missing, as ranges that do not touch."""
    ranges = till.rows(
        "select lower(one), upper(one) - 1 from gap, unnest(missing) as one where register_id = :r order by 1"
    )
    joined: list[tuple[int, int]] = []
    for lower, upper in ranges:
        if joined and joined[-1][1] + 1 == lower:
            joined[-1] = (joined[-1][0], upper)
        else:
            joined.append((lower, upper))
    return joined


def test_numbers_without_a_hole_leave_no_gap(till: Till) -> None:
    till.take(*map(till.sale, range(1, 6)))
    assert till.gaps() == []


def test_a_first_document_with_a_high_number_leaves_no_gap_below_it(till: Till) -> None:
    till.take(till.sale(1000))
    assert till.gaps() == []


def test_a_hole_is_recorded_and_holds_nobody_up(till: Till) -> None:
    drained = till.take(till.sale(1), till.sale(5), till.sale(6), till.sale(9))
    assert drained.accepted == 4
    assert till.gaps() == [(2, 4, "{[2,5)}", False), (7, 8, "{[7,9)}", False)]


def test_a_hole_shrinks_and_closes_as_its_documents_arrive_in_any_order(till: Till) -> None:
    till.take(till.sale(1), till.sale(7))
    till.take(till.sale(4))
    assert till.gaps() == [(2, 6, "{[2,4),[5,7)}", False)]
    till.take(till.sale(6), till.sale(2))
    assert till.gaps() == [(2, 6, "{[3,4),[5,6)}", False)]
    till.take(till.sale(5), till.sale(3))
    assert till.gaps() == [(2, 6, "{}", True)]


def test_one_batch_may_close_several_gaps_and_open_another(till: Till) -> None:
    till.take(till.sale(1), till.sale(3), till.sale(5))
    till.take(till.sale(2), till.sale(4), till.sale(8))
    assert till.gaps() == [(2, 2, "{}", True), (4, 4, "{}", True), (6, 7, "{[6,8)}", False)]


def test_numbers_within_one_batch_may_come_in_any_order(till: Till) -> None:
    till.take(till.sale(3), till.sale(1), till.sale(2))
    assert till.gaps() == []
    assert till.numbers() == [3, 1, 2]


def test_a_number_below_the_first_known_widens_the_range(till: Till) -> None:
    till.take(till.sale(10))
    till.take(till.sale(5), till.sale(6))
    assert till.gaps() == [(7, 9, "{[7,10)}", False)]
    till.take(till.sale(8), till.sale(1))
    assert till.gaps() == [(2, 4, "{[2,5)}", False), (7, 9, "{[7,8),[9,10)}", False)]
    assert till.rows("select first_number, last_number from register_head") == [(1, 10)]


def test_a_closed_gap_stays_closed(till: Till) -> None:
    till.take(till.sale(1), till.sale(3))
    till.take(till.sale(2))
    [(closed_at,)] = till.rows("select closed_at from gap")
    till.take(till.sale(2), till.sale(4), till.sale(6))
    assert till.rows("select closed_at from gap where first_number = 2") == [(closed_at,)]


def test_a_hole_of_a_billion_numbers_is_one_row(till: Till) -> None:
    till.take(till.sale(1), till.sale(10**12))
    assert till.gaps() == [(2, 10**12 - 1, "{[2,1000000000000)}", False)]
    till.take(till.sale(500_000_000_000))
    assert missing_of(till) == [(2, 499_999_999_999), (500_000_000_001, 10**12 - 1)]


def test_a_document_in_quarantine_leaves_its_number_missing(till: Till) -> None:
    till.take(till.sale(1), {**till.sale(2), "kind": "gift"}, till.sale(3))
    assert till.gaps() == [(2, 2, "{[2,3)}", False)]


def test_gaps_are_a_registers_own(session: Session, till: Till) -> None:
    second = stream.another_till(session, till)
    till.take(till.sale(1), till.sale(3))
    second.take(second.sale(1), second.sale(2), second.sale(3))
    assert till.gaps() == [(2, 2, "{[2,3)}", False)]
    assert second.gaps() == []


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.lists(st.integers(1, 60) | st.integers(10**12 - 3, 10**12), min_size=1, max_size=6),
        min_size=1,
        max_size=6,
    )
)
def test_what_is_missing_is_what_lies_between_the_documents(
    session: Session, batches: list[list[int]]
) -> None:
    till = stream.open_till(session)
    for batch in batches:
        till.take(*map(till.sale, batch))
    arrived = sorted({number for batch in batches for number in batch})

    assert missing_of(till) == [
        (before + 1, after - 1) for before, after in pairwise(arrived) if after - before > 1
    ]
    assert all((missing == "{}") == closed for _, _, missing, closed in till.gaps())
    assert till.rows("select first_number, last_number from register_head where register_id = :r") == [
        (arrived[0], arrived[-1])
    ]
    assert sorted(till.numbers()) == arrived


@pytest.mark.parametrize("country", ["by", "kz"])
def test_numbers_are_counted_alike_in_both_countries(session: Session, country: str) -> None:
    till = stream.open_till(session, country=country)
    till.take(till.sale(1), till.sale(3))
    assert till.gaps() == [(2, 2, "{[2,3)}", False)]
