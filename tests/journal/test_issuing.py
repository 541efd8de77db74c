"""Issuing: what is stored with a receipt, what a key means, and whose till it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg2
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.analytics.following import follow_register
from portal.analytics.verify import verify
from portal.config import Settings
from portal.db import statements, transaction
from portal.fiscal import rules
from portal.fiscal.commands import (
    Annul,
    CloseShift,
    GoAutonomous,
    Refund,
    RegisterSettings,
    Taken,
    TakeReport,
)
from portal.journal import issuing
from portal.journal.standing import MEMORY
from portal.journal.writing import draft
from portal.primitives.refusals import NotFound
from tests import factories
from tests.journal.tills import CASHIER, MORNING, Shop, after, cash_in, cash_out, found_shop, opening, sale


@pytest.fixture
def shop(database: Settings) -> Shop:
    return found_shop("kz", host=None)


@pytest.fixture
def minsk(database: Settings) -> Shop:
    made = found_shop("by")
    issuing.issue(made.id, made.register_id, opening(), at=MORNING)
    return made


def rows(shop: Shop, question: str) -> list[tuple[object, ...]]:
    with transaction(shop.id) as session:
        return [tuple(row) for row in session.execute(sa.text(question))]


def forget(shop: Shop) -> None:
    """Let the next caller read the till."""
    for register_id in shop.register_ids:
        MEMORY.forget(shop.id, register_id)


def test_a_day_at_a_till_is_proved_from_its_journal(minsk: Shop) -> None:
    shop, ids = minsk, (minsk.id, minsk.register_id)
    issuing.issue(*ids, cash_in(), at=MORNING)
    for minute in range(1, 6):
        issuing.issue(*ids, sale(1_000 * minute), at=after(minute))
    forget(shop)
    issuing.issue(*ids, Refund(cashier=CASHIER, number=3), at=after(6))
    issuing.issue(*ids, TakeReport(cashier=CASHIER), at=after(7))
    issuing.issue(*ids, CloseShift(cashier=CASHIER), at=after(8))
    unfolded = verify(shop.id)
    assert unfolded.differences == []
    follow_register(*ids)
    report = verify(shop.id)
    assert (report.documents, report.differences, report.notices) == (10, [], [])


def test_a_document_lies_in_the_business_day_of_its_point(database: Settings) -> None:
    with transaction() as session:
        company = factories.organisation(session, country="kz")
        point = factories.point(session, company, zone="Asia/Almaty", day_starts_hour=6)
        register = factories.register(session, point)
        factories.cloud_till(session, register, country="kz", host=None)
        ids = company.id, register.id
    night = datetime(2026, 11, 2, 23, 30, tzinfo=UTC)
    issuing.issue(*ids, sale(), at=night)
    with transaction(ids[0]) as session:
        day, hour = session.execute(sa.text("select day, hour from document")).one()
    assert (day.isoformat(), hour) == ("2026-11-02", 4)


def test_a_till_whose_point_begins_its_day_later_is_read_anew(shop: Shop) -> None:
    ids = shop.id, shop.register_id
    night = datetime(2026, 11, 2, 21, 0, tzinfo=UTC)
    issuing.issue(*ids, sale(), at=night)
    with transaction(shop.id) as session:
        session.execute(sa.text("update point set day_starts_hour = 6"))
    issuing.issue(*ids, sale(), at=night)
    assert [str(day) for (day,) in rows(shop, "select day from document order by number")] == [
        "2026-11-03",
        "2026-11-02",
    ]


def test_what_an_operator_has_to_get_waits_with_a_number_of_its_own(minsk: Shop) -> None:
    for minute in (1, 2):
        issued = issuing.issue(minsk.id, minsk.register_id, sale(), at=after(minute))
    assert (issued.delivery, issued.request_number, issued.is_autonomous) == ("waiting", 3, False)
    assert issued.fiscal_sign == issued.document.fiscal_sign
    found = rows(
        minsk, "select number, request_number, delivery, autonomous_sign from issued_document order by 1"
    )
    assert found == [(1, 1, "waiting", None), (2, 2, "waiting", None), (3, 3, "waiting", None)]


def test_request_numbers_begin_anew_after_the_last(minsk: Shop) -> None:
    with transaction(minsk.id) as session:
        session.execute(sa.text("update cloud_till set request_number = 65534"))
    given = [
        issuing.issue(minsk.id, minsk.register_id, sale(), at=after(minute)).request_number
        for minute in (1, 2, 3)
    ]
    assert given == [65535, 1, 2]


def test_without_an_operator_nothing_waits(shop: Shop) -> None:
    issued = issuing.issue(shop.id, shop.register_id, sale(), at=MORNING, hold_s=3)
    assert (issued.delivery, issued.request_number) == ("none", None)
    assert issuing.list_waiting(shop.id, shop.register_id, 10) == []
    assert issuing.read_standing(shop.id, shop.register_id).in_flight is None


@pytest.mark.parametrize("is_remembered", [True, False])
def test_the_same_key_gives_the_same_receipt_whatever_is_asked(shop: Shop, is_remembered: bool) -> None:
    ids = shop.id, shop.register_id
    first = issuing.issue(*ids, sale(1_000), at=MORNING, key="till-7/42")
    if not is_remembered:
        forget(shop)
    again = issuing.issue(*ids, sale(9_000), at=after(5), key="till-7/42")
    assert (first.is_repeated, again.is_repeated) == (False, True)
    assert again.body == first.body
    assert rows(shop, "select count(*) from document") == [(1,)]


def test_a_key_belongs_to_its_register(database: Settings) -> None:
    shop = found_shop("kz", 2, host=None)
    first, second = (issuing.issue(shop.id, one, sale(), at=MORNING, key="1") for one in shop.register_ids)
    assert not second.is_repeated
    assert first.document.register != second.document.register


def test_a_repeated_key_is_answered_though_the_shift_is_over(shop: Shop) -> None:
    ids = shop.id, shop.register_id
    first = issuing.issue(*ids, sale(), at=MORNING, key="k")
    issuing.issue(*ids, CloseShift(cashier=CASHIER), at=after(1))
    again = issuing.issue(*ids, sale(), at=after(60 * 30), key="k")
    assert (again.is_repeated, again.document) == (True, first.document)


@pytest.mark.parametrize("length", [1, 50])
def test_a_key_may_have_up_to_fifty_characters(shop: Shop, length: int) -> None:
    key = "ы" * length
    assert not issuing.issue(shop.id, shop.register_id, sale(), at=MORNING, key=key).is_repeated
    assert issuing.issue(shop.id, shop.register_id, sale(), at=MORNING, key=key).is_repeated


@pytest.mark.parametrize("length", [0, 51])
def test_a_key_of_another_length_is_refused(shop: Shop, length: int) -> None:
    with pytest.raises(issuing.KeyTooLong) as refused:
        issuing.issue(shop.id, shop.register_id, sale(), at=MORNING, key="k" * length)
    assert refused.value.facts == {"length": length, "length_max": 50}
    assert rows(shop, "select count(*) from document") == [(0,)]


def test_a_refusal_changes_nothing(shop: Shop) -> None:
    ids = shop.id, shop.register_id
    issuing.issue(*ids, sale(), at=MORNING, key="a")
    before = rows(shop, "select * from cloud_till") + rows(shop, "select * from register_head")
    with pytest.raises(rules.NotEnoughCash):
        issuing.issue(*ids, cash_out(10**9), at=after(1), key="b")
    assert rows(shop, "select * from cloud_till") + rows(shop, "select * from register_head") == before
    assert not issuing.issue(*ids, sale(), at=after(2), key="b").is_repeated


def test_a_refusal_is_not_believed_before_the_till_was_read(shop: Shop) -> None:
    """Another process has put cash into the drawer since this one looked."""
    ids = shop.id, shop.register_id
    issuing.issue(*ids, sale(1_000, card=True), at=MORNING)
    remembered = MEMORY.recall(*ids)
    assert remembered is not None
    issuing.issue(*ids, cash_in(500_000), at=after(1))
    MEMORY.remember(remembered)
    out = issuing.issue(*ids, cash_out(400_000), at=after(2))
    assert out.document.number == 3
    assert issuing.read_standing(*ids).register.cash_minor == 100_000


def test_what_is_remembered_is_not_written_over_what_others_did(shop: Shop) -> None:
    ids = shop.id, shop.register_id
    issuing.issue(*ids, sale(), at=MORNING)
    remembered = MEMORY.recall(*ids)
    assert remembered is not None
    for minute in (1, 2):
        issuing.issue(*ids, sale(), at=after(minute))
    MEMORY.remember(remembered)
    assert issuing.issue(*ids, sale(), at=after(3)).document.number == 4
    follow_register(*ids)
    assert verify(shop.id).differences == []


def test_a_document_is_never_hung_on_another_chain(shop: Shop) -> None:
    """The version agrees and the journal's last link does not: nothing is written."""
    ids = shop.id, shop.register_id
    issuing.issue(*ids, sale(), at=MORNING)
    with transaction(shop.id) as session:
        session.execute(sa.text("update register_head set digest = sha256('another')"))
    standing = MEMORY.recall(*ids)
    assert standing is not None
    assert issuing.write(draft(standing, sale(), at=after(1))) is None
    assert rows(shop, "select count(*) from document") == [(1,)]
    assert MEMORY.recall(*ids) is None


@pytest.mark.parametrize("is_written", [True, False])
def test_a_statement_whose_answer_was_lost_is_done_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, is_written: bool
) -> None:
    """Without a key only the till itself can tell whether the receipt was written before the connection broke."""
    ids, losses = (shop.id, shop.register_id), iter([True])

    class Breaking:
        def __init__(self, cursor: Any) -> None:
            self.cursor = cursor

        def execute(self, *statement: Any) -> None:
            is_lost = next(losses, False)
            if is_written or not is_lost:
                self.cursor.execute(*statement)
            if is_lost:
                raise psycopg2.OperationalError("the connection broke")

        def fetchone(self) -> Any:
            return self.cursor.fetchone()

    @contextmanager
    def breaking() -> Iterator[Breaking]:
        with statements() as cursor:
            yield Breaking(cursor)

    monkeypatch.setattr(issuing, "statements", breaking)
    first = issuing.issue(*ids, sale(), at=MORNING)
    second = issuing.issue(*ids, sale(), at=MORNING)
    assert (first.document.number, second.document.number) == (1, 2)
    assert rows(shop, "select count(*) from document") == [(2,)]


def test_a_moment_that_others_have_just_overtaken_becomes_theirs(shop: Shop) -> None:
    ids = shop.id, shop.register_id
    issuing.issue(*ids, sale(), at=MORNING)
    issued = issuing.issue(*ids, sale(), at=MORNING - timedelta(seconds=2))
    assert issued.document.issued_at == MORNING
    with pytest.raises(rules.ClockBack):
        issuing.issue(*ids, sale(), at=MORNING - timedelta(seconds=31))


def test_a_refund_knows_what_was_taken_back_before_and_what_was_annulled(minsk: Shop) -> None:
    ids = minsk.id, minsk.register_id
    issuing.issue(*ids, sale(), at=after(1))
    part = Refund(cashier=CASHIER, number=2, taken=(Taken(place=1, quantity_milli=1000),))
    issuing.issue(*ids, part, at=after(2))
    with pytest.raises(rules.MoreThanLeft):
        issuing.issue(*ids, part, at=after(3))
    issuing.issue(*ids, Annul(cashier=CASHIER, number=3), at=after(4))
    issuing.issue(*ids, part, at=after(5))
    original = issuing.find_original(*ids, 2)
    assert original is not None
    assert [document.number for document in original.taken_back] == [3, 4, 5]
    assert original.fiscal_sign == original.document.fiscal_sign
    follow_register(*ids)
    assert verify(minsk.id).differences == []


def test_there_is_nothing_to_take_back_of_what_never_was(minsk: Shop) -> None:
    assert issuing.find_original(minsk.id, minsk.register_id, 77) is None
    with pytest.raises(rules.OriginalNotFound):
        issuing.issue(minsk.id, minsk.register_id, Refund(cashier=CASHIER, number=77), at=after(1))


def test_only_documents_are_issued(shop: Shop) -> None:
    with pytest.raises(TypeError):
        issuing.issue(shop.id, shop.register_id, GoAutonomous(reason="timeout"), at=MORNING)


def test_another_organisations_till_is_not_there(database: Settings) -> None:
    ours, theirs = found_shop("kz", host=None), found_shop("kz", host=None)
    issuing.issue(theirs.id, theirs.register_id, sale(), at=MORNING, key="k")
    for ask in (
        lambda: issuing.issue(ours.id, theirs.register_id, sale(), at=MORNING),
        lambda: issuing.read_standing(ours.id, theirs.register_id, key="k"),
        lambda: issuing.set_settings(ours.id, theirs.register_id, RegisterSettings(), at=MORNING),
        lambda: issuing.set_token(ours.id, theirs.register_id, 7, at=MORNING),
    ):
        with pytest.raises(issuing.NotACloudTill):
            ask()
    with pytest.raises(NotFound):
        issuing.read_issued(ours.id, theirs.register_id, 1)
    assert issuing.find_original(ours.id, theirs.register_id, 1) is None
    assert issuing.list_waiting(ours.id, theirs.register_id, 10) == []


def test_a_statement_of_one_organisation_says_nothing_for_the_next(shop: Shop) -> None:
    """Connections are kept, what they spoke for is not."""
    issuing.issue(shop.id, shop.register_id, sale(), at=MORNING)
    issuing.read_standing(shop.id, shop.register_id)
    issuing.list_waiting(shop.id, shop.register_id, 1)
    with statements() as cursor:
        cursor.execute(
            "select current_setting('kassa.organisation', true), (select count(*) from cloud_till)"
        )
        said, tills = cursor.fetchone()
    assert (said or "", tills) == ("", 0)


def test_a_streamed_register_issues_nothing_here(database: Settings) -> None:
    with transaction() as session:
        company = factories.organisation(session)
        register = factories.register(session, factories.point(session, company))
    with pytest.raises(issuing.NotACloudTill):
        issuing.issue(company.id, register.id, sale(), at=MORNING)


def test_a_till_begins_where_its_journal_ends(database: Settings, session: Session) -> None:
    company = factories.organisation(session)
    register = factories.register(session, factories.point(session, company))
    session.execute(
        sa.text("insert into register_head (organisation_id, register_id, last_number) values (:o, :r, 5)"),
        {"o": company.id, "r": register.id},
    )
    with pytest.raises(ValueError, match="number 5"):
        factories.cloud_till(session, register)


def test_a_register_is_set_only_while_its_shift_is_closed(shop: Shop) -> None:
    ids = shop.id, shop.register_id
    issuing.set_settings(*ids, RegisterSettings(sum_max_minor=20_000), at=MORNING)
    with pytest.raises(rules.SumMax):
        issuing.issue(*ids, sale(), at=after(1))
    issuing.issue(*ids, sale(1_000), at=after(2))
    with pytest.raises(issuing.ShiftIsOpen):
        issuing.set_settings(*ids, RegisterSettings(), at=after(3))
    issuing.issue(*ids, CloseShift(cashier=CASHIER), at=after(4))
    issuing.set_settings(*ids, RegisterSettings(), at=after(5))
    issuing.issue(*ids, sale(), at=after(6))
    events = rows(shop, "select kind, after_number, facts from register_event order by id")
    assert [event[:2] for event in events] == [("settings_changed", 0)] * 2 + [("settings_changed", 2)]
    assert events[1][2] == {"settings": {"sum_max_minor": 20_000}}
