"""The list and its sums hold against a plain reading of every document, whatever is asked."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from portal.fiscal.documents import Kind
from portal.journal import queries, sums
from portal.journal.delivery import ASKED, Status
from portal.journal.forms import DocumentFilter
from portal.journal.models import Document
from portal.journal.places import list_places
from portal.journal.queries import Found, get_document, page_documents
from portal.journal.sums import sum_documents
from portal.journal.wanted import Wanted, want
from portal.orgs.access import Scope
from portal.primitives.refusals import BadInput, NotFound
from tests.journal.shop import Shop, at, open_shop

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
EVERYTHING = DocumentFilter(period="all")

KINDS = [
    "sale",
    "sale",
    "sale",
    "sale_refund",
    "annulment",
    "purchase",
    "cash_in",
    "shift_opened",
    "z_report",
]


# What a document says of itself, how it is delivered and whether that is late; and the status that comes of it.
STANDINGS: list[tuple[bool, str | None, bool, Status]] = [
    (False, None, False, Status.SENT),
    (True, None, False, Status.AUTONOMOUS),
    (False, "waiting", False, Status.WAITING),
    (False, "waiting", True, Status.AUTONOMOUS),
    (True, "waiting", True, Status.AUTONOMOUS),
    (True, "sent", True, Status.SENT),
    (False, "sent", False, Status.SENT),
    (True, "refused", True, Status.REFUSED),
    (False, "void", False, Status.VOID),
    (False, "none", False, Status.KEPT),
]


@pytest.fixture
def shop(session: Session) -> Shop:
    return open_shop(session)


def ask(shop: Shop, asked: DocumentFilter, scope: Scope | None = None) -> Wanted:
    scope = scope or shop.scope()
    span = queries.find_span(shop.session, shop.company.id)
    return want(asked, scope, list_places(shop.session, scope), NOW, span)


def read_all(shop: Shop, wanted: Wanted, size: int) -> list[Found]:
    """Page by page to the end, as «show more» does."""
    found: list[Found] = []
    while True:
        part = page_documents(shop.session, wanted, size, before=found[-1].cursor if found else None)
        found += part
        if len(part) < size:
            return found


def keys(documents: Sequence[Found | Document]) -> list[tuple[int, int]]:
    return [(one.register_id, one.number) for one in documents]


def newest_first(documents: Sequence[Document]) -> list[Document]:
    return sorted(
        documents, key=lambda one: (one.day, one.issued_at, one.register_id, one.number), reverse=True
    )


def test_shows_the_newest_first_and_every_document_once(shop: Shop) -> None:
    tills = [shop.till(f"Касса {number}") for number in range(3)]
    for number in range(40):
        shop.issue(tills[number % 3], at=at("2026-11-18 12:00") + timedelta(minutes=number // 4))
    assert keys(read_all(shop, ask(shop, EVERYTHING), 7)) == keys(newest_first(shop.issued))


documents = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from(KINDS),
        st.integers(0, 9) | st.integers(0, 400),
        st.integers(0, 23),
        st.sampled_from([{"cash_minor": 100}, {"card_minor": 100}, {"cash_minor": 60, "other_minor": 40}]),
        st.sampled_from(STANDINGS),
    ),
    min_size=1,
    max_size=30,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    made=documents,
    kinds=st.lists(st.sampled_from(list(Kind)), max_size=2, unique=True),
    payments=st.lists(st.sampled_from(["cash", "card", "other"]), max_size=2, unique=True),
    tills=st.lists(st.integers(0, 2), max_size=2, unique=True),
    points=st.lists(st.integers(0, 1), max_size=1),
    statuses=st.lists(st.sampled_from(ASKED), max_size=2, unique=True),
    days=st.none() | st.tuples(st.integers(0, 400), st.integers(0, 400)).map(sorted),
    size=st.integers(1, 8),
    windows=st.integers(1, 3),
)
def test_any_filter_finds_exactly_what_a_plain_reading_finds(
    session: Session,
    made: list[tuple[int, str, int, int, dict[str, int], tuple[bool, str | None, bool, Status]]],
    kinds: list[Kind],
    payments: list[str],
    tills: list[int],
    points: list[int],
    statuses: list[Status],
    days: list[int] | None,
    size: int,
    windows: int,
) -> None:
    with session.begin_nested() as savepoint:
        shop = open_shop(session)
        places = [shop.point("Немига, 5"), shop.point("Победителей, 9", day_starts_hour=6)]
        # The third till moved: what it issues on odd days it issues at the other point.
        registers = [
            shop.till("1", point=places[0]),
            shop.till("2", point=places[1]),
            shop.till("3", point=places[0]),
        ]
        statuses_of = {}
        for till, kind, back, hour, payment, (autonomous, delivery, is_late, status) in made:
            moment = datetime(2026, 11, 20, tzinfo=UTC) - timedelta(days=back) + timedelta(hours=hour)
            stored = shop.issue(
                registers[till],
                kind,
                total=100,
                at=moment,
                payments=payment if kind in ("sale", "sale_refund", "annulment", "purchase") else None,
                point=places[1] if till == 2 and hour % 2 else None,
                autonomous=autonomous,
                delivery=delivery,
                is_late=is_late,
            )
            statuses_of[stored.register_id, stored.number] = status
        first, last = (
            (date(2026, 11, 20) - timedelta(days=back) for back in reversed(days)) if days else (None, None)
        )
        asked = DocumentFilter(
            kinds=tuple(kinds),
            payments=tuple(payments),
            registers=tuple(registers[till].id for till in tills),
            points=tuple(places[point].id for point in points),
            statuses=tuple(statuses),
            first=first,
            last=last,
            period="" if days else "all",
        )
        expected = [
            one
            for one in shop.issued
            if matches(one, asked) and (not statuses or statuses_of[one.register_id, one.number] in statuses)
        ]
        wanted = ask(shop, asked)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(queries, "WINDOW_DAYS", windows)
            listed = read_all(shop, wanted, size)
        assert keys(listed) == keys(newest_first(expected))
        assert [one.status for one in listed] == [statuses_of[key] for key in keys(listed)]
        found = sum_documents(session, wanted)
        assert found.count == len(expected)
        for summed in sums.summed_kinds(wanted):
            of_kind = [one.total_minor for one in expected if one.kind == summed]
            assert (found.of(summed).count, found.of(summed).total_minor) == (len(of_kind), sum(of_kind))
        savepoint.rollback()


def matches(one: Document, asked: DocumentFilter) -> bool:
    return (
        (not asked.kinds or one.kind in asked.kinds)
        and (not asked.payments or bool(one.payment & asked.payment_bits))
        and (not asked.registers or one.register_id in asked.registers)
        and (not asked.points or one.point_id in asked.points)
        and (asked.first is None or one.day >= asked.first)
        and (asked.last is None or one.day <= asked.last)
    )


def test_news_are_what_came_after_the_newest_that_is_shown(shop: Shop) -> None:
    till = shop.till()
    shop.issue(till, at=at("2026-11-19 12:00"))
    wanted = ask(shop, EVERYTHING)
    newest = page_documents(shop.session, wanted, 1)[0].cursor
    assert page_documents(shop.session, wanted, 10, after=newest) == []
    shop.issue(till, at=at("2026-11-19 13:00"))
    shop.issue(till, "z_report", at=at("2026-11-20 01:00"))
    wanted = ask(shop, EVERYTHING)
    assert [one.number for one in page_documents(shop.session, wanted, 10, after=newest)] == [3, 2]
    sales = ask(shop, DocumentFilter(kinds=(Kind.SALE,), period="all"))
    assert [one.number for one in page_documents(shop.session, sales, 10, after=newest)] == [2]


def test_a_search_finds_a_number_in_every_register_and_a_sign_in_one(shop: Shop) -> None:
    tills = [shop.till("1"), shop.till("2")]
    for till in tills:
        for number in range(3):
            shop.issue(till, at=at("2026-11-18 12:00"), fiscal_sign=f"{till.id}A{number}")
    by_number = page_documents(shop.session, ask(shop, DocumentFilter(search="2")), 10)
    assert {(one.register_id, one.number) for one in by_number} == {(till.id, 2) for till in tills}
    by_sign = page_documents(shop.session, ask(shop, DocumentFilter(search=f"{tills[1].id}A2")), 10)
    assert keys(by_sign) == [(tills[1].id, 3)]
    assert page_documents(shop.session, ask(shop, DocumentFilter(search="999")), 10) == []
    assert sum_documents(shop.session, ask(shop, DocumentFilter(search="2"))).count == 2


def test_a_search_by_a_sign_of_digits_alone_finds_the_sign_too(shop: Shop) -> None:
    till = shop.till()
    shop.issue(till, fiscal_sign="1234567890", at=at("2026-11-18 12:00"))
    assert len(page_documents(shop.session, ask(shop, DocumentFilter(search="1234567890")), 10)) == 1


def test_marks_the_documents_that_are_remarked_upon(shop: Shop) -> None:
    till = shop.till()
    shop.issue(till, at=at("2026-11-18 12:00"), remarks=("line_sum", "tax_sum"))
    shop.issue(till, at=at("2026-11-18 12:01"))
    assert [one.remarked for one in page_documents(shop.session, ask(shop, EVERYTHING), 10)] == [False, True]


def test_a_limited_reader_sees_only_the_documents_of_their_points(shop: Shop) -> None:
    mine, other = shop.point("Моя"), shop.point("Чужая")
    seen, hidden = shop.till("1", point=mine), shop.till("2", point=other)
    shop.issue(seen, at=at("2026-11-18 12:00"), total=500, fiscal_sign="SEEN")
    shop.issue(hidden, at=at("2026-11-18 12:01"), total=700, fiscal_sign="HIDDEN")
    scope = shop.scope("cashier", points=(mine.id,))
    for asked in (
        EVERYTHING,
        DocumentFilter(search="1"),
        DocumentFilter(payments=("cash",)),
        DocumentFilter(kinds=(Kind.SALE,)),
    ):
        wanted = ask(shop, asked, scope)
        assert keys(page_documents(shop.session, wanted, 10)) == [(seen.id, 1)]
        assert (
            sum_documents(shop.session, wanted).count,
            sum_documents(shop.session, wanted).gross_minor,
        ) == (1, 500)
    assert page_documents(shop.session, ask(shop, DocumentFilter(search="HIDDEN"), scope), 10) == []


def test_a_limited_reader_may_not_name_points_or_registers_out_of_reach(shop: Shop) -> None:
    mine, other = shop.point("Моя"), shop.point("Чужая")
    till = shop.till("2", point=other)
    scope = shop.scope("cashier", points=(mine.id,))
    for asked in (
        DocumentFilter(points=(other.id,)),
        DocumentFilter(registers=(till.id,)),
        DocumentFilter(points=(10**8,)),
    ):
        with pytest.raises(BadInput):
            ask(shop, asked, scope)


def test_one_document_is_not_found_alike_when_absent_and_when_out_of_reach(shop: Shop) -> None:
    mine, other = shop.point("Моя"), shop.point("Чужая")
    till = shop.till("2", point=other)
    shop.issue(till, at=at("2026-11-18 12:00"))
    assert get_document(shop.session, shop.scope(), till.id, 1).document.number == 1
    with pytest.raises(NotFound):
        get_document(shop.session, shop.scope(), till.id, 2)
    with pytest.raises(NotFound):
        get_document(shop.session, shop.scope("cashier", points=(mine.id,)), till.id, 1)


def test_never_shows_another_organisation(session: Session) -> None:
    theirs = open_shop(session, name="Чужие")
    till = theirs.till()
    theirs.issue(till, at=at("2026-11-18 12:00"))
    ours = open_shop(session)
    assert page_documents(session, ask(ours, EVERYTHING), 10) == []
    assert sum_documents(session, ask(ours, EVERYTHING)).count == 0
    with pytest.raises(NotFound):
        get_document(session, ours.scope(), till.id, 1)


def test_takings_before_and_after_refunds_stand_apart(shop: Shop) -> None:
    till = shop.till()
    for kind, total in (("sale", 5000), ("sale_refund", 1200), ("annulment", 800), ("cash_in", 9000)):
        shop.issue(till, kind, total=total, at=at("2026-11-18 12:00"))
    found = sum_documents(shop.session, ask(shop, EVERYTHING))
    assert (found.gross_minor, found.net_minor) == (5000, 3000)


def test_sums_of_a_long_period_by_payment_are_not_waited_for(shop: Shop) -> None:
    till = shop.till()
    shop.issue(till, at=at("2025-01-01 12:00"))
    shop.issue(till, at=at("2026-11-18 12:00"))
    by_card = ask(shop, DocumentFilter(payments=("card",), period="all"))
    assert sums.is_slow(by_card, register_count=200)
    assert not sums.is_slow(by_card, register_count=2)
    assert not sums.is_slow(ask(shop, DocumentFilter(payments=("card",))), register_count=200)
    assert not sums.is_slow(ask(shop, EVERYTHING), register_count=200)
