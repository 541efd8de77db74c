"""A journal issued again gives the same bytes, and names what does not."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from portal.fiscal import replay as replaying
from portal.fiscal.commands import CloseShift, ReceiptModifier, RoundingMode, Taken
from portal.fiscal.dialects import BELARUS, KAZAKHSTAN
from portal.fiscal.documents import Document, Payments
from portal.fiscal.register import Register, new_register
from portal.fiscal.replay import Difference, Event, Replay, adopt, commands_of, replay
from tests.fiscal.samples import receipt, service_document
from tests.fiscal.tills import BASIS, Till, belarusian_till, goods, kazakh_till, off, per_cent


def busy_till() -> Till:
    """Two shifts with everything whose command is hard to guess from the document."""
    till = kazakh_till(are_both_modifiers_allowed=True, may_purchase=True, withdraws_at_close=True)
    till.cash(900_000)
    till.receipt(
        goods(10_049, 1_234, discount=off(777)),
        goods(7_000, is_struck=True, markup=off(5)),
        goods(5_000, 2_000, discount=off(9), is_discount_struck=True, markup=off(3), is_untaxed=True),
        goods(6_000, 2_000, markings=("first", "second"), tax_rate=500),
        modifiers=(
            ReceiptModifier(change=off(1_001), name="Акция"),
            ReceiptModifier(change=off(50), is_markup=True, tax_rate=1_000),
            ReceiptModifier(change=off(7), is_untaxed=True),
        ),
        payments=Payments(card_minor=10_000, cash_minor=50_000),
        rounding=RoundingMode.POSITIONS,
        buyer="971240001315",
    )
    sold = till.documents[-1]
    till.refund(sold, taken=(Taken(place=3, quantity_milli=1_000, markings=("second",)),))
    till.refund(sold)
    # Cash too small to be paid back, which only the engine rounds away.
    small = till.sell(130, cash_minor=200)
    till.refund(small, taken=(Taken(place=1, quantity_milli=300),))
    till.receipt(goods(5_000), kind="sale_refund", basis_receipt=BASIS)
    till.receipt(goods(2_000), kind="purchase")
    till.refund(till.documents[-1])
    till.annul(till.sell(3_000), is_refused=True)
    till.annul(till.cash(1_000), is_refused=True)
    till.x_report()
    till.later(hours=25)
    till.cash(-till.register.cash_minor)
    till.close()
    till.later(hours=1)
    till.sell(1_000)
    return till


def differences(
    till: Till, events: tuple[Event, ...] = (), documents: list[Document] | None = None
) -> list[Difference]:
    start = new_register(
        till.register.factory_number,
        till.dialect,
        registration_number=till.register.registration_number,
    )
    told = till.documents if documents is None else documents
    return list(replay(told, events, till.dialect, start=start, expected=till.register))


def test_a_busy_journal_of_kazakhstan_is_issued_again_to_the_byte() -> None:
    assert differences(busy_till()) == []


def test_a_journal_of_belarus_is_issued_again_to_the_byte() -> None:
    till = belarusian_till(modifier_unit="percent")
    till.receipt(
        goods(1_999, 1_234, discount=per_cent(333)), modifiers=(ReceiptModifier(change=per_cent(1_000)),)
    )
    till.refund(till.documents[-1])
    till.annul(till.documents[-1])
    till.annul(till.sell(700, card_minor=700))
    till.receipt(goods(100), kind="sale_refund")
    till.x_report()
    till.close()
    assert differences(till) == []


def test_a_register_that_was_alone_needs_its_events() -> None:
    till = kazakh_till()
    late = till.sell(1_000)
    till.later(minutes=5)
    till.go_autonomous(late)
    alone = Event(after_number=1, at=till.now, kind="went_autonomous", late=(late.number,))
    till.sell(2_000)
    till.refund(late)
    till.x_report()
    till.later(hours=1)
    till.come_back()
    together = Event(after_number=4, at=till.now, kind="came_back")
    till.sell(3_000)
    assert differences(till, (alone, together)) == []
    assert differences(till, (together, alone)) == []
    found = differences(till)
    assert [difference.what for difference in found[:1]] == ["fields"]
    assert found[0].number == 2
    assert "autonomous" in str(found[0].facts["fields"])
    without_late = replace(alone, late=())
    assert [each.number for each in differences(till, (without_late, together))] == [4, 5]


def test_events_that_cannot_have_happened_are_named() -> None:
    till = kazakh_till()
    till.sell(1_000)
    back = Event(after_number=1, at=till.now, kind="came_back")
    assert differences(till, (back,)) == [
        Difference(
            number=1,
            what="event_refused",
            facts={"code": "fiscal.not_autonomous", "kind": "came_back"},
        )
    ]


@pytest.mark.parametrize(
    ("spoil", "field"),
    [
        (lambda sale: replace(sale, total_minor=sale.total_minor + 1), "total_minor"),
        (lambda sale: replace(sale, ordinal=9), "ordinal"),
        (lambda sale: replace(sale, digest="0" * 64), "digest"),
        (lambda sale: replace(sale, fiscal_sign="1"), "fiscal_sign"),
        (lambda sale: replace(sale, shift=2), "shift"),
        (lambda sale: replace(sale, lines=(replace(sale.lines[0], tax_minor=1),)), "lines"),
    ],
)
def test_a_document_that_was_changed_is_named_with_its_field(
    spoil: Callable[[Document], Document], field: str
) -> None:
    till = kazakh_till()
    till.cash(5_000)
    till.sell(1_000)
    documents = [spoil(each) if each.number == 2 else each for each in till.documents]
    first = differences(till, documents=documents)[0]
    assert (first.number, first.what) == (2, "fields")
    named = first.facts["fields"]
    assert isinstance(named, list)
    assert field in named


def test_what_the_rules_refuse_is_named_and_followed_all_the_same() -> None:
    till = kazakh_till()
    till.sell(1_000)
    till.cash(-1_000)
    till.sell(500)
    stolen = replace(till.documents[1], total_minor=2_000)
    found = differences(till, documents=[till.documents[0], stolen, till.documents[2]])
    assert found[0] == Difference(number=2, what="refused", facts={"code": "fiscal.not_enough_cash"})
    assert {difference.number for difference in found} == {2, 3}


def test_a_missing_document_is_a_gap_and_the_rest_goes_on() -> None:
    till = kazakh_till()
    for _ in range(3):
        till.sell(1_000)
    found = differences(till, documents=[till.documents[0], till.documents[2]])
    assert found[0] == Difference(number=3, what="gap", facts={"after": 1})
    assert {difference.what for difference in found} <= {"gap", "fields", "state"}


def test_documents_of_other_rules_are_named_and_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    till = kazakh_till()
    till.sell(1_000)
    monkeypatch.setattr(replaying, "ENGINE_VERSION", 2)
    found = differences(till)
    assert found[0] == Difference(number=1, what="other_rules", facts={"engine": 1, "dialect": 1})
    assert len(found) == 1, "the state is followed all the same"


def test_another_state_than_the_journal_gives_is_named() -> None:
    till = kazakh_till()
    till.sell(1_000)
    till.register = replace(till.register, cash_minor=999)
    assert differences(till) == [Difference(number=1, what="state", facts={"fields": ["cash_minor"]})]


def test_receipts_that_nothing_names_need_not_be_kept() -> None:
    till = kazakh_till()
    first = till.sell(1_000)
    till.close()
    till.later(hours=1)
    till.sell(5_000)
    till.close()
    till.later(hours=1)
    till.sell(500)
    till.refund(first)
    assert list(replay(till.documents, (), KAZAKHSTAN, start=_new(till), bases={first.number})) == []
    found = list(replay(till.documents, (), KAZAKHSTAN, start=_new(till), bases=set()))
    assert [difference.facts for difference in found] == [{"code": "fiscal.original_not_found"}]


def test_a_command_is_told_by_its_document() -> None:
    till = kazakh_till()
    till.sell(1_000)
    (command,) = commands_of(till.close())
    assert command == CloseShift(cashier="Мадиева А. А.")


# Registers whose past was streamed.


def streamed_past() -> list[Document]:
    """What another till of Belarus did: a shift that was closed, and one that is open."""
    return [
        service_document("shift_opened", number=11, ordinal=0),
        receipt(),
        receipt(number=13, kind="sale_refund", basis=12, payments=Payments(cash_minor=1_990), change_minor=0),
        service_document("z_report", number=14),
        service_document("shift_opened", number=15, ordinal=0, shift=3),
        service_document("cash_in", number=16, shift=3),
        receipt(number=17, shift=3),
    ]


def test_an_adopted_register_goes_on_where_the_other_till_stopped() -> None:
    documents = streamed_past()
    register = adopt("БК00012345", BELARUS, documents, registration_number="110012345")
    assert (register.number, register.shift, register.is_open) == (17, 3, True)
    assert register.cash_minor == 10_000 + 1_990
    assert register.opened_at == documents[4].issued_at
    assert register.registration_number == "110012345"
    till = belarusian_till(is_open=False)
    till.register, till.now = register, documents[-1].issued_at + timedelta(minutes=1)
    sold = till.sell(500)
    assert (sold.number, sold.previous, sold.ordinal) == (18, documents[-1].digest, 2)
    report = till.close().report
    assert report is not None
    sale = report.operations[0]
    assert (sale.count, sale.sum_minor, sale.life_count) == (2, 2_490, 3)
    assert (sale.start_non_nullable_minor, sale.non_nullable_minor) == (1_990, 4_480)
    assert report.operations[1].life_count == 1


def test_an_adopted_register_can_be_replayed_from_the_first_document() -> None:
    documents = streamed_past()
    till = belarusian_till(is_open=False)
    till.register = adopt("БК00012345", BELARUS, documents, registration_number="110012345")
    till.now = documents[-1].issued_at + timedelta(minutes=1)
    till.sell(500)
    till.refund(documents[-1])
    till.close()
    everything = documents + till.documents
    start = new_register("БК00012345", BELARUS, registration_number="110012345")
    assert list(replay(everything, (), BELARUS, start=start, expected=till.register)) == []


def test_a_past_may_be_adopted_in_parts() -> None:
    documents = streamed_past()
    whole = adopt("БК00012345", BELARUS, documents)
    past = adopt("БК00012345", BELARUS, documents[:5])
    assert adopt("БК00012345", BELARUS, documents[5:], past=past) == whole


def test_a_drawer_is_what_was_counted_in_it_and_never_less_than_nothing() -> None:
    documents = [
        service_document("shift_opened", number=1, ordinal=0),
        service_document("cash_out", number=2),
    ]
    assert adopt("БК00012345", BELARUS, documents).cash_minor == 0
    assert adopt("БК00012345", BELARUS, documents, cash_minor=777).cash_minor == 777


def test_a_streamed_annulment_gives_its_cash_back() -> None:
    documents = [*streamed_past(), receipt(number=18, shift=3, kind="annulment", basis=17)]
    register = adopt("БК00012345", BELARUS, documents)
    assert register.cash_minor == 10_000
    assert register.counters.annulled_minor == 1_990


def test_a_replay_can_be_looked_at_step_by_step() -> None:
    till = kazakh_till()
    till.sell(1_000)
    again = Replay(KAZAKHSTAN)
    assert list(again.step(till.documents[0])) == []
    assert again.register is not None
    assert again.register.cash_minor == 1_000
    assert list(Replay(KAZAKHSTAN).happen(_event())) == []


def _event() -> Event:
    return Event(after_number=0, at=datetime(2026, 1, 1, tzinfo=UTC), kind="came_back")


def _new(till: Till) -> Register:
    return new_register(
        till.register.factory_number, till.dialect, registration_number=till.register.registration_number
    )
