"""What an operator says, and what it leaves behind: leases, signs, refusals, autonomy and the way back."""

import threading
import time

import pytest
import sqlalchemy as sa

from portal.analytics.following import follow_register
from portal.analytics.verify import verify
from portal.config import Settings
from portal.db import transaction
from portal.fiscal import rules
from portal.fiscal.autonomy import autonomous_sign
from portal.fiscal.commands import Annul, ComeBack, GoAutonomous
from portal.journal import issuing
from portal.journal.issuing import Asked, write
from portal.journal.standing import MEMORY
from tests.journal.tills import CASHIER, MORNING, Shop, after, cash_in, found_shop, opening, sale

HOLD_S = 30.0


@pytest.fixture
def shop(database: Settings) -> Shop:
    """A Kazakh till with an operator."""
    return found_shop("kz")


def rows(shop: Shop, question: str) -> list[tuple[object, ...]]:
    with transaction(shop.id) as session:
        return [tuple(row) for row in session.execute(sa.text(question))]


def expire(shop: Shop) -> None:
    """Whoever held the till has died, and its time is over."""
    with transaction(shop.id) as session:
        session.execute(sa.text("update cloud_till set held_until = now() - interval '1 second'"))


def go_autonomous(shop: Shop, *, late: bool = False) -> None:
    ids = shop.id, shop.register_id
    issued = issuing.issue(*ids, sale(), at=MORNING, hold_s=HOLD_S)
    if not late:
        issuing.record_answer(*ids, 1, at=MORNING, token=2, fiscal_sign="11", qr="http://one")
    documents = (issued.document,) if late else ()
    standing = issuing.read_standing(*ids)
    issuing.change_state(standing, GoAutonomous(late=documents, reason="timeout"), at=after(1))


def test_a_document_goes_to_the_operator_before_the_next_one_is_issued(shop: Shop) -> None:
    ids = shop.id, shop.register_id
    first = issuing.issue(*ids, sale(), at=MORNING, hold_s=HOLD_S)
    assert (first.delivery, first.fiscal_sign, first.request_number) == ("waiting", None, 1)
    standing = issuing.read_standing(*ids)
    assert (standing.in_flight, standing.is_held) == (1, True)

    def answer() -> None:
        time.sleep(0.2)
        issuing.record_answer(*ids, 1, at=after(1), token=77, fiscal_sign="1234567890", qr="http://ofd/1")

    operator = threading.Thread(target=answer)
    operator.start()
    second = issuing.issue(*ids, sale(), at=MORNING, hold_s=HOLD_S)
    operator.join()
    assert second.document.number == 2
    sent = issuing.read_issued(*ids, 1)
    assert (sent.delivery, sent.fiscal_sign, sent.qr, sent.is_autonomous) == (
        "sent", "1234567890", "http://ofd/1", False,
    )  # fmt: skip
    standing = issuing.read_standing(*ids)
    assert (standing.token, standing.in_flight) == (77, 2)


def test_whoever_asks_again_while_it_is_in_flight_waits_for_the_same_answer(shop: Shop) -> None:
    ids = shop.id, shop.register_id
    issuing.issue(*ids, sale(), at=MORNING, key="k", hold_s=HOLD_S)
    operator = threading.Timer(
        0.2, lambda: issuing.record_answer(*ids, 1, at=after(1), token=5, fiscal_sign="99", qr=None)
    )
    operator.start()
    again = issuing.issue(*ids, sale(), at=MORNING, key="k", hold_s=HOLD_S)
    operator.join()
    assert (again.is_repeated, again.fiscal_sign, again.delivery) == (True, "99", "sent")


def test_a_caller_does_not_wait_for_ever(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issuing, "WAIT_S", 0.05)
    ids = shop.id, shop.register_id
    issuing.issue(*ids, sale(), at=MORNING, hold_s=HOLD_S)
    with pytest.raises(issuing.TillBusy):
        issuing.issue(*ids, sale(), at=after(1), hold_s=HOLD_S)
    assert rows(shop, "select count(*) from document") == [(1,)]


def test_a_lease_is_never_taken_from_its_holder(shop: Shop) -> None:
    """Even from what was remembered before somebody took it without moving the till."""
    ids = shop.id, shop.register_id
    standing = issuing.read_standing(*ids)
    assert issuing.hold(*ids, 0, HOLD_S)
    assert not issuing.hold(*ids, 0, HOLD_S)
    MEMORY.remember(standing)
    assert Asked(*ids, sale(), MORNING, None, HOLD_S, write).from_memory() is None
    issuing.release(*ids, 1)
    assert not issuing.hold(*ids, 0, HOLD_S)
    issuing.release(*ids, 0)
    assert issuing.issue(*ids, sale(), at=MORNING, hold_s=HOLD_S).document.number == 1


def test_a_document_whose_holder_died_counts_as_unanswered(shop: Shop) -> None:
    ids = shop.id, shop.register_id
    left = issuing.issue(*ids, sale(), at=MORNING, hold_s=HOLD_S)
    expire(shop)
    following = issuing.issue(*ids, sale(), at=after(1), hold_s=HOLD_S)
    assert following.document.autonomous
    assert following.is_autonomous
    found = issuing.read_issued(*ids, 1)
    assert (found.is_autonomous, found.fiscal_sign, found.delivery) == (
        True,
        autonomous_sign(left.document),
        "waiting",
    )
    assert [item.number for item in issuing.list_waiting(*ids, 10)] == [1, 2]
    assert rows(shop, "select kind, after_number, facts->>'reason' from register_event order by id")[1:] == [
        ("went_autonomous", 1, "no_answer")
    ]
    standing = issuing.read_standing(*ids)
    assert (standing.in_flight, standing.register.autonomous_since) == (None, MORNING)
    assert rows(shop, "select autonomous_since is not null from cloud_till") == [(True,)]


def test_a_holder_that_died_after_the_answer_leaves_nothing_to_do(shop: Shop) -> None:
    ids = shop.id, shop.register_id
    issuing.issue(*ids, sale(), at=MORNING, hold_s=HOLD_S)
    with transaction(shop.id) as session:
        session.execute(sa.text("update issued_document set delivery = 'sent', fiscal_sign = '1'"))
    expire(shop)
    assert not issuing.issue(*ids, sale(), at=after(1), hold_s=HOLD_S).is_autonomous


def test_an_answer_that_comes_after_all_is_kept(shop: Shop) -> None:
    """The till went on without it; the receipt bears both signs then, and nobody sends it again."""
    ids = shop.id, shop.register_id
    go_autonomous(shop, late=True)
    issuing.record_answer(*ids, 1, at=after(2), token=3, fiscal_sign="42", qr=None)
    assert issuing.list_waiting(*ids, 10) == []
    found = issuing.read_issued(*ids, 1)
    assert (found.is_autonomous, found.fiscal_sign) == (True, "42")


def test_a_till_is_not_declared_autonomous_over_an_answer(shop: Shop) -> None:
    ids = shop.id, shop.register_id
    issued = issuing.issue(*ids, sale(), at=MORNING, hold_s=HOLD_S)
    standing = issuing.read_standing(*ids)
    issuing.record_answer(*ids, 1, at=MORNING, token=2, fiscal_sign="11")
    with pytest.raises(issuing.Moved):
        issuing.change_state(standing, GoAutonomous(late=(issued.document,), reason="timeout"), at=after(1))
    assert not issuing.read_issued(*ids, 1).is_autonomous


def test_a_till_comes_back_when_nothing_waits_and_not_before(shop: Shop) -> None:
    ids = shop.id, shop.register_id
    go_autonomous(shop, late=True)
    issuing.issue(*ids, sale(), at=after(2), hold_s=HOLD_S)
    for number in (1, 2):
        with pytest.raises(issuing.Moved):
            issuing.change_state(issuing.read_standing(*ids), ComeBack(), at=after(3))
        assert issuing.hold(*ids, number, HOLD_S)
        issuing.record_answer(*ids, number, at=after(3), token=number, fiscal_sign=str(number))
    stale = issuing.read_standing(*ids)
    issuing.issue(*ids, sale(), at=after(4), hold_s=HOLD_S)
    with pytest.raises(issuing.Moved):
        issuing.change_state(stale, ComeBack(), at=after(5))
    issuing.record_answer(*ids, 3, at=after(5), token=9, fiscal_sign="3")
    back = issuing.change_state(issuing.read_standing(*ids), ComeBack(), at=after(6))
    assert not back.is_autonomous
    assert rows(shop, "select autonomous_since from cloud_till") == [(None,)]
    kinds = [kind for (kind,) in rows(shop, "select kind from register_event order by id")]
    assert kinds == ["settings_changed", "went_autonomous", "came_back"]
    follow_register(*ids)
    assert verify(shop.id).differences == []


def test_cash_movements_that_come_late_bear_no_sign(shop: Shop) -> None:
    ids = shop.id, shop.register_id
    issued = issuing.issue(*ids, cash_in(), at=MORNING, hold_s=HOLD_S)
    issuing.change_state(
        issuing.read_standing(*ids), GoAutonomous(late=(issued.document,), reason="timeout"), at=MORNING
    )
    assert rows(shop, "select is_autonomous, autonomous_sign from issued_document") == [(True, None)]


def test_a_receipt_the_operator_refused_is_taken_back_and_neither_is_sent(shop: Shop) -> None:
    ids = shop.id, shop.register_id
    issuing.issue(*ids, sale(), at=MORNING, hold_s=HOLD_S)
    back = issuing.take_back(
        *ids,
        Annul(cashier=CASHIER, is_refused=True, number=1),
        at=after(1),
        code=9,
        text="Неверная сумма",
        token=4,
    )
    assert (back.document.kind, back.document.basis, back.delivery) == ("annulment", 1, "void")
    assert rows(shop, "select number, delivery, result_code, refusals from issued_document order by 1") == [
        (1, "void", 9, 1),
        (2, "void", None, 0),
    ]
    standing = issuing.read_standing(*ids)
    assert (standing.in_flight, standing.register.cash_minor, standing.token) == (None, 0, 4)
    assert issuing.list_waiting(*ids, 10) == []
    follow_register(*ids)
    assert verify(shop.id).differences == []


def test_a_block_stops_the_till_until_the_operator_takes_something(shop: Shop) -> None:
    ids = shop.id, shop.register_id
    issuing.issue(*ids, sale(), at=MORNING, hold_s=HOLD_S)
    issuing.take_back(
        *ids, Annul(cashier=CASHIER, is_refused=True, number=1), at=after(1), code=15, text="Касса заблокирована",
        blocks=True,
    )  # fmt: skip
    with pytest.raises(issuing.TillBlocked) as refused:
        issuing.issue(*ids, sale(), at=after(2), hold_s=HOLD_S)
    assert refused.value.facts == {"result_code": 15, "text": "Касса заблокирована"}
    issuing.record_answer(*ids, 0, at=after(3), token=8)
    assert issuing.issue(*ids, sale(), at=after(4), hold_s=HOLD_S).document.number == 3
    kinds = [kind for (kind,) in rows(shop, "select kind from register_event order by id")]
    assert kinds == ["settings_changed", "blocked", "unblocked"]


def test_a_document_refused_for_good_is_remarked_upon(shop: Shop) -> None:
    ids = shop.id, shop.register_id
    go_autonomous(shop, late=True)
    later = after(10)
    issuing.record_refusal(*ids, 1, at=after(2), code=5, text="нет", next_try_at=later)
    waiting = issuing.list_waiting(*ids, 10)[0]
    assert (waiting.attempts, waiting.refusals, waiting.result_code, waiting.first_tried_at) == (
        1,
        1,
        5,
        after(2),
    )
    assert issuing.read_standing(*ids).next_try_at == later
    issuing.record_refusal(*ids, 1, at=after(3), code=5, text="нет", is_final=True)
    assert issuing.list_waiting(*ids, 10) == []
    assert rows(shop, "select number, code, facts from remark") == [
        (1, "operator_refused", {"code": 5, "text": "нет"})
    ]
    assert rows(shop, "select kind from register_event order by id")[-1] == ("operator_refused",)


def test_silence_is_one_more_try(shop: Shop) -> None:
    ids = shop.id, shop.register_id
    go_autonomous(shop, late=True)
    assert issuing.hold(*ids, 1, HOLD_S)
    issuing.record_no_answer(*ids, 1, at=after(2), text="timeout", next_try_at=after(3))
    issuing.record_no_answer(*ids, 1, at=after(4), code=254, text="занят")
    item = issuing.list_waiting(*ids, 10)[0]
    assert (item.attempts, item.refusals, item.result_code, item.first_tried_at) == (2, 0, 254, after(2))
    assert issuing.read_standing(*ids).in_flight is None


def test_a_void_document_waits_no_more(shop: Shop) -> None:
    ids = shop.id, shop.register_id
    issuing.issue(*ids, sale(), at=MORNING, hold_s=HOLD_S)
    issuing.void(*ids, 1)
    assert issuing.list_waiting(*ids, 10) == []
    assert issuing.read_standing(*ids).in_flight is None


def test_in_belarus_nobody_waits_for_the_operator(database: Settings) -> None:
    shop = found_shop("by")
    ids = shop.id, shop.register_id
    issuing.issue(*ids, opening(), at=MORNING, hold_s=HOLD_S)
    assert issuing.hold(*ids, 1, HOLD_S)
    issued = issuing.issue(*ids, sale(), at=after(1), hold_s=HOLD_S)
    assert (issued.document.number, issued.delivery) == (2, "waiting")
    assert issued.fiscal_sign is not None
    issuing.record_answer(*ids, 1, at=after(2))
    assert [item.number for item in issuing.list_waiting(*ids, 1)] == [2]
    with pytest.raises(rules.NotAutonomous):
        issuing.change_state(issuing.read_standing(*ids), GoAutonomous(reason="timeout"), at=after(3))


def test_a_token_that_was_typed_in_is_used_and_not_told(shop: Shop) -> None:
    ids = shop.id, shop.register_id
    issuing.set_token(*ids, 123_456, at=MORNING)
    assert issuing.read_standing(*ids).token == 123_456
    event = rows(shop, "select kind, facts::text from register_event order by id")[-1]
    assert event == ("token_changed", "{}")


def test_the_sweeps_find_what_nobody_rang_for_and_tell_ids_only(shop: Shop) -> None:
    ids = shop.id, shop.register_id
    deliveries = "select * from waiting_deliveries(1000)"
    assert rows(shop, deliveries) == []
    issuing.issue(*ids, sale(), at=MORNING, hold_s=HOLD_S)
    assert rows(shop, deliveries) == []
    expire(shop)
    with transaction() as nobody:
        found = nobody.execute(sa.text(deliveries))
        assert list(found.keys()) == ["organisation_id", "register_id"]
        assert [tuple(row) for row in found] == [ids]
        assert nobody.scalar(sa.text("select count(*) from cloud_till")) == 0
        unfolded = nobody.execute(sa.text("select * from unfolded_tills(1000)"))
        assert list(unfolded.keys()) == ["organisation_id", "register_id"]
        assert [tuple(row) for row in unfolded] == [ids]
    follow_register(*ids)
    assert rows(shop, "select * from unfolded_tills(1000)") == []
    issuing.record_no_answer(*ids, 1, at=MORNING, next_try_at=after(60 * 24 * 3650))
    assert rows(shop, deliveries) == []
