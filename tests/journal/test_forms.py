"""What may be asked of the documents page, and how an address carries it."""

from datetime import UTC, date
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from portal.fiscal.documents import Kind
from portal.journal.delivery import ASKED, Status
from portal.journal.forms import PAYMENTS, PERIODS, Cursor, DocumentFilter, parse_chosen
from portal.primitives.refusals import BadInput

TODAY = date(2026, 11, 20)


def parse(query: str) -> DocumentFilter:
    return DocumentFilter.parse(MultiDict(parse_qsl(query, keep_blank_values=True)))


def test_an_address_without_a_query_asks_for_the_last_seven_days() -> None:
    asked = parse("")
    assert asked == DocumentFilter()
    assert not asked.is_narrowed
    assert asked.days(TODAY, TODAY, TODAY) == (date(2026, 11, 14), None)


def test_reads_all_filters() -> None:
    asked = parse(
        "search=№ 242&register=3&register=4&kind=sale&kind=z_report&point=7&payment=cash&payment=card&status=waiting&status=void&from=2026-11-01&to=2026-11-20"
    )
    assert asked.number == 242
    assert asked.registers == (3, 4)
    assert asked.kinds == (Kind.SALE, Kind.Z_REPORT)
    assert asked.points == (7,)
    assert asked.payment_bits == 3
    assert asked.statuses == (Status.WAITING, Status.VOID)
    assert (asked.first, asked.last) == (date(2026, 11, 1), TODAY)


@pytest.mark.parametrize(
    "query",
    [
        "kind=sales",
        "payment=gold",
        "register=one",
        "register=-1",
        "register=99999999999999999999",
        "register=٣",
        "point=1;drop",
        "from=yesterday",
        "from=2026-02-30",
        "from=0001-01-01",
        "from=20261120",
        "from=2026-11-20&to=2026-11-19",
        "period=eternity",
        "status=sent",
        "status=waiting&status=none",
        "search=%27 or 1=1",
        "search=" + "1" * 33,
    ],
)
def test_refuses_what_cannot_be_used(query: str) -> None:
    with pytest.raises(BadInput):
        parse(query)


def test_refuses_more_choices_than_anybody_makes() -> None:
    with pytest.raises(BadInput):
        parse("&".join(f"register={number}" for number in range(501)))


def test_a_search_looks_through_all_time_unless_a_period_is_named() -> None:
    assert parse("search=242").days(TODAY, TODAY, TODAY) == (None, None)
    assert parse("search=242&period=today").days(TODAY, TODAY, TODAY) == (TODAY, TODAY)


def test_a_sign_that_is_no_number_is_searched_as_a_sign_alone() -> None:
    assert parse("search=0D16F84C2EE53F0B679481EB").number is None
    assert parse("search=" + "9" * 20).number is None


def test_today_is_both_dates_where_points_lie_in_zones_far_apart() -> None:
    yesterday = date(2026, 11, 19)
    assert parse("period=today").days(yesterday, TODAY, TODAY) == (yesterday, TODAY)


def test_the_usual_week_is_the_last_one_that_has_documents() -> None:
    assert parse("").days(TODAY, TODAY, date(2011, 12, 9)) == (date(2011, 12, 3), None)
    assert parse("period=7d").days(TODAY, TODAY, date(2011, 12, 9)) == (date(2026, 11, 14), None)


def test_a_document_dated_in_the_future_does_not_move_the_usual_week() -> None:
    assert parse("").days(TODAY, TODAY, date(2027, 1, 1)) == (date(2026, 11, 14), None)


filters = st.builds(
    DocumentFilter,
    search=st.from_regex(r"[0-9A-Za-z]{0,12}", fullmatch=True),
    registers=st.lists(st.integers(1, 10**9 - 1), max_size=4, unique=True).map(tuple),
    kinds=st.lists(st.sampled_from(list(Kind)), unique=True).map(tuple),
    points=st.lists(st.integers(1, 10**9 - 1), max_size=4, unique=True).map(tuple),
    payments=st.lists(st.sampled_from(list(PAYMENTS)), unique=True).map(tuple),
    statuses=st.lists(st.sampled_from(ASKED), unique=True).map(tuple),
    period=st.sampled_from(["", *PERIODS]),
)


@given(filters)
def test_an_address_carries_everything_that_was_asked(asked: DocumentFilter) -> None:
    assert parse(asked.query().removeprefix("?")) == asked


@given(
    st.builds(
        Cursor,
        st.dates(date(2000, 1, 1), date(2100, 1, 1)),
        st.datetimes(timezones=st.just(UTC)).filter(lambda at: 1971 <= at.year <= 2100),
        st.integers(1, 10**9 - 1),
        st.integers(1, 10**12),
    )
)
def test_a_cursor_comes_back_as_it_went(cursor: Cursor) -> None:
    assert Cursor.parse(str(cursor), field="before") == cursor


@pytest.mark.parametrize(
    "value",
    [
        "",
        "1",
        "2026-11-20",
        "2026-13-20.1.1.1",
        "2026-11-20.1.1.1.1",
        "2026-11-20.99999999999999999.1.1x",
        "a.b.c.d",
    ],
)
def test_refuses_a_cursor_that_is_none(value: str) -> None:
    with pytest.raises(BadInput):
        Cursor.parse(value, field="before")


def test_a_chosen_document_is_a_register_and_a_number() -> None:
    assert parse_chosen("60-4779") == (60, 4779)
    assert parse_chosen("") is None
    for value in ("60", "60-", "x-1", "1-0", "60-9999999999999", "-1-2"):
        with pytest.raises(BadInput):
            parse_chosen(value)
