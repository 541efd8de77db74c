"""A register at work: shifts, numbers, hours, cash, annulments, and every refusal with its facts."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from portal.fiscal import chain, rules
from portal.fiscal.commands import (
    Annul,
    CloseShift,
    MoveCash,
    OpenShift,
    Receipt,
    Refund,
    RegisterSettings,
    Taken,
    TakeReport,
)
from portal.fiscal.dialects import BELARUS, KAZAKHSTAN
from portal.fiscal.documents import SUM_MAX, Document, Payments
from portal.fiscal.register import (
    ENGINE_VERSION,
    close_commands,
    decode,
    encode,
    issue,
    new_register,
    report_of,
)
from portal.primitives.refusals import BadInput, Refusal
from tests.fiscal.tills import BASIS, CASHIER, MORNING, Till, belarusian_till, goods, kazakh_till


def refused(till: Till, act: Any, *given: Any, **said: Any) -> Refusal:
    """Why a till's act is refused; the register must stand as before."""
    before = till.register
    with pytest.raises(Refusal) as caught:
        act(*given, **said)
    assert till.register == before
    return caught.value


# Opening and closing.


def test_in_belarus_a_command_opens_the_shift() -> None:
    till = belarusian_till(is_open=False)
    for act in (lambda: till.sell(100), lambda: till.cash(100), till.x_report, till.close):
        assert isinstance(refused(till, act), rules.ShiftNotOpen)
    document = till.open()
    assert (document.kind, document.shift, document.number, document.ordinal) == ("shift_opened", 1, 1, 0)
    till.later(minutes=5)
    refusal = refused(till, till.open)
    assert isinstance(refusal, rules.ShiftAlreadyOpen)
    assert refusal.facts == {"shift": 1, "opened_at": MORNING}


def test_in_kazakhstan_the_first_document_does() -> None:
    till = kazakh_till()
    assert isinstance(refused(till, till.open), rules.ShiftOpensByItself)
    for act in (till.x_report, till.close):
        assert isinstance(refused(till, act), rules.ShiftNotOpen)
    assert till.sell(100).shift == 1
    assert till.register.opened_at == MORNING
    till.close()
    assert not till.register.is_open
    assert isinstance(refused(till, till.x_report), rules.ShiftNotOpen)
    assert till.cash(100).shift == 2


def test_a_refused_first_document_opens_nothing() -> None:
    till = kazakh_till()
    assert isinstance(refused(till, till.receipt), rules.EmptyBasket)
    assert not till.register.is_open


def test_counts_three_numbers() -> None:
    """As in published reports: six receipts, two movements and Z, one and Z, one, X and Z, then number 15."""
    till = kazakh_till()
    numbers: list[tuple[int, int, int]] = []
    shifts = ("rrmrrmrrz", "rz", "rxz", "r")
    acts = {
        "r": lambda: till.sell(100),
        "m": lambda: till.cash(100),
        "x": till.x_report,
        "z": till.close,
    }
    for shift in shifts:
        for act in shift:
            document = acts[act]()
            numbers.append((document.number, document.shift, document.ordinal))
    assert [ordinal for _, shift, ordinal in numbers if shift == 1] == [1, 2, 1, 3, 4, 2, 5, 6, 7]
    assert [ordinal for _, shift, ordinal in numbers if shift == 3] == [1, 2, 3]
    assert numbers[-1] == (15, 4, 1)
    assert [number for number, _, _ in numbers] == list(range(1, 16))


def test_receipts_count_together_whatever_they_are() -> None:
    till = belarusian_till(may_purchase=True)
    sold = till.sell(1_000)
    bought = till.receipt(goods(100), kind="purchase")
    refund = till.refund(sold, taken=(Taken(place=1, quantity_milli=900),))
    receipts = [sold, bought, refund, till.annul(bought)]
    assert [document.ordinal for document in receipts] == [1, 2, 3, 4]
    assert till.x_report().ordinal == 5
    assert till.sell(100).ordinal == 5


def test_cash_stays_in_the_drawer_between_shifts() -> None:
    till = kazakh_till()
    for cash in (2_000, 2_500, 3_000):
        till.cash(cash - till.register.cash_minor)
        closed = till.close()
        assert closed.totals is not None
        assert closed.report is not None
        assert closed.totals.cash_minor == closed.report.cash_minor == till.register.cash_minor == cash


def test_takes_the_cash_out_before_closing_where_it_is_set_so() -> None:
    till = kazakh_till(withdraws_at_close=True)
    with pytest.raises(rules.ShiftNotOpen):
        close_commands(till.register, till.settings, cashier=CASHIER)
    till.sell(5_000)
    withdrawal, close = close_commands(till.register, till.settings, cashier="Б", cashier_code=3)
    assert withdrawal == MoveCash(cashier="Б", cashier_code=3, is_out=True, sum_minor=5_000)
    assert close == CloseShift(cashier="Б", cashier_code=3)
    till.issue(withdrawal)
    assert close_commands(till.register, till.settings, cashier=CASHIER) == (CloseShift(cashier=CASHIER),)
    till.sell(5_000)
    kept = close_commands(till.register, RegisterSettings(), cashier=CASHIER)
    assert kept == (CloseShift(cashier=CASHIER),)


def test_tiyn_that_another_till_left_in_the_drawer_do_not_stop_the_close() -> None:
    till = kazakh_till(withdraws_at_close=True)
    till.sell(5_000)
    till.register = replace(till.register, cash_minor=5_050)
    till.later(hours=25)
    for command in close_commands(till.register, till.settings, cashier=CASHIER):
        till.issue(command)
    assert (till.register.is_open, till.register.cash_minor) == (False, 50)
    till.cash(100)
    till.cash(-100)
    assert len(close_commands(till.register, till.settings, cashier=CASHIER)) == 1


# Hours.


def test_a_shift_of_belarus_lasts_24_hours_from_its_opening() -> None:
    till = belarusian_till()
    till.later(hours=24)
    till.sell(100)
    till.later(microseconds=1)
    sold = till.documents[-1]
    for act in (
        lambda: till.sell(100),
        lambda: till.cash(100),
        lambda: till.cash(-100),
        till.x_report,
        lambda: till.refund(sold),
        lambda: till.annul(sold),
    ):
        refusal = refused(till, act)
        assert isinstance(refusal, rules.ShiftTooLong)
        assert refusal.facts == {"shift": 1, "opened_at": MORNING, "closes_at": MORNING + timedelta(hours=24)}
    assert till.close().kind == "z_report"
    assert till.open().shift == 2
    assert till.sell(100).shift == 2


def test_a_shift_of_kazakhstan_lasts_24_hours_from_its_first_receipt() -> None:
    till = kazakh_till()
    till.cash(10_000)
    till.later(hours=30)
    till.sell(100)
    began = till.now
    till.later(hours=24)
    till.cash(-100)
    till.x_report()
    till.later(microseconds=1)
    for act in (lambda: till.sell(100), lambda: till.cash(100), till.x_report):
        refusal = refused(till, act)
        assert isinstance(refusal, rules.ShiftTooLong)
        assert refusal.facts["opened_at"] == began
    till.close()
    assert till.sell(100).shift == 2


def test_taking_all_cash_out_is_a_part_of_closing_a_shift_that_ran_too_long() -> None:
    till = kazakh_till(withdraws_at_close=True)
    till.sell(5_000)
    till.later(hours=25)
    assert isinstance(refused(till, till.cash, -4_900), rules.ShiftTooLong)
    assert isinstance(refused(till, till.cash, 5_000), rules.ShiftTooLong)
    for command in close_commands(till.register, till.settings, cashier=CASHIER):
        till.issue(command)
    assert (till.register.is_open, till.register.cash_minor) == (False, 0)


def test_time_never_runs_back() -> None:
    till = belarusian_till()
    till.sell(100)
    till.sell(100)
    till.later(microseconds=-1)
    for act in (lambda: till.sell(100), till.close):
        refusal = refused(till, act)
        assert isinstance(refusal, rules.ClockBack)
        assert refusal.facts == {
            "issued_at": MORNING - timedelta(microseconds=1),
            "previous_at": MORNING,
        }


@pytest.mark.parametrize("year", [1900, 2999])
def test_refuses_a_moment_beyond_the_calendar(year: int) -> None:
    till = kazakh_till()
    till.now = datetime(year, 6, 1, tzinfo=UTC)
    refusal = refused(till, till.sell, 100)
    assert isinstance(refusal, rules.ClockAhead)
    assert refusal.facts == {"issued_at": till.now}


def test_a_moment_without_a_time_zone_is_a_mistake_in_the_program() -> None:
    till = kazakh_till()
    till.now = MORNING.replace(tzinfo=None)
    with pytest.raises(ValueError, match="time zone"):
        till.sell(100)


# Who.


@pytest.mark.parametrize(
    ("cashier", "code"), [("", 0), (" \t", 0), ("я" * 65, 0), ("я", -1), ("я", 2_000_000_001)]
)
def test_refuses_what_no_cashier_signs(cashier: str, code: int) -> None:
    till = belarusian_till()
    sold = till.sell(100)
    who: dict[str, Any] = {"cashier": cashier, "cashier_code": code}
    for command in (
        OpenShift(**who),
        Receipt(kind="sale", lines=(goods(100),), **who),
        Refund(number=sold.number, **who),
        Annul(number=sold.number, **who),
        MoveCash(sum_minor=100, **who),
        TakeReport(**who),
        CloseShift(**who),
    ):
        assert isinstance(
            refused(till, till.issue, command, original=till.original(sold)), rules.CashierMissing
        )


def test_signs_by_the_longest_name_and_code() -> None:
    command = CloseShift(cashier="я" * 64, cashier_code=2_000_000_000)
    document = belarusian_till().issue(command)
    assert (document.cashier, document.cashier_code) == (command.cashier, command.cashier_code)


def test_the_buyer_is_a_taxpayer_and_not_the_seller() -> None:
    till = kazakh_till(tax_id="971240001315")
    assert till.receipt(goods(100), buyer="600 400 055 236").buyer == "600400055236"
    refusal = refused(till, till.receipt, goods(100), buyer="600400055230")
    assert isinstance(refusal, rules.BuyerInvalid)
    assert refusal.facts == {"buyer": "600400055230"}
    refusal = refused(till, till.receipt, goods(100), buyer="971240001315")
    assert isinstance(refusal, rules.BuyerIsSeller)
    assert refusal.facts == {"buyer": "971240001315"}
    assert belarusian_till().receipt(goods(100), buyer="УНП 100582333").buyer == "100582333"


# Cash.


def test_no_more_cash_leaves_the_drawer_than_is_in_it() -> None:
    till = belarusian_till(may_purchase=True)
    till.cash(1_000)
    sold = till.sell(5_000, card_minor=5_000)
    in_cash = Payments(cash_minor=5_000)
    for act in (
        lambda: till.cash(-1_001),
        lambda: till.receipt(goods(1_001), kind="purchase"),
        lambda: till.receipt(goods(1_001), kind="sale_refund"),
        lambda: till.refund(sold, payments=in_cash),
    ):
        refusal = refused(till, act)
        assert isinstance(refusal, rules.NotEnoughCash)
        assert refusal.facts["cash_minor"] == 1_000
    till.receipt(goods(400), kind="purchase")
    till.receipt(goods(300), kind="sale_refund")
    till.cash(-300)
    assert till.register.cash_minor == 0
    assert till.refund(sold).payments == Payments(card_minor=5_000)


def test_a_purchase_may_give_change_and_only_the_rest_leaves_the_drawer() -> None:
    till = kazakh_till(may_purchase=True)
    till.cash(700)
    bought = till.receipt(goods(700), kind="purchase", payments=Payments(cash_minor=1_000))
    assert (bought.change_minor, till.register.cash_minor) == (300, 0)
    till.receipt(goods(700), kind="purchase_refund", basis_receipt=BASIS)
    assert till.register.cash_minor == 700


def test_an_annulment_takes_its_cash_from_the_drawer() -> None:
    till = belarusian_till()
    sold = till.sell(1_000)
    till.cash(-1)
    refusal = refused(till, till.annul, sold)
    assert isinstance(refusal, rules.NotEnoughCash)
    assert refusal.facts == {"cash_minor": 999, "wanted_minor": 1_000}


def test_cash_moves_in_whole_tenge() -> None:
    refusal = refused(till := kazakh_till(), till.cash, 150)
    assert isinstance(refusal, rules.CashNotWhole)
    assert refusal.facts == {"cash_minor": 150, "step_minor": 100}
    assert belarusian_till().cash(1).total_minor == 1


@pytest.mark.parametrize("sum_minor", [0, -100])
def test_no_cash_is_no_movement(sum_minor: int) -> None:
    till = kazakh_till()
    refusal = refused(till, till.issue, MoveCash(cashier=CASHIER, sum_minor=sum_minor))
    assert isinstance(refusal, BadInput)
    assert refusal.facts == {"field": "sum_minor", "value": sum_minor}


def test_the_drawer_holds_what_a_report_can_state() -> None:
    till = kazakh_till()
    till.cash(SUM_MAX)
    for act in (lambda: till.cash(100), lambda: till.sell(100)):
        refusal = refused(till, act)
        assert isinstance(refusal, rules.SumTooLarge)
        assert refusal.facts == {"sum_minor": SUM_MAX + 100, "sum_max_minor": SUM_MAX}
    assert isinstance(refused(kazakh_till(), kazakh_till().cash, SUM_MAX + 100), rules.SumTooLarge)


# What a register may do.


def test_buys_only_where_it_is_set_to() -> None:
    till = kazakh_till()
    till.cash(1_000)
    for kind in ("purchase", "purchase_refund"):
        act = refused(till, till.receipt, goods(100), kind=kind, basis_receipt=BASIS)
        assert isinstance(act, rules.PurchaseNotAllowed)
    for settings in ({"may_purchase": True}, {"is_exchange_office": True}):
        till = kazakh_till(**settings)
        till.cash(1_000)
        assert till.receipt(goods(100), kind="purchase").kind == "purchase"


def test_a_receipt_is_not_larger_than_the_register_is_set_to_issue() -> None:
    till = kazakh_till(sum_max_minor=10_000)
    till.sell(10_000)
    refusal = refused(till, till.sell, 10_100)
    assert isinstance(refusal, rules.SumMax)
    assert refusal.facts == {"total_minor": 10_100, "sum_max_minor": 10_000}


def test_in_kazakhstan_no_refund_goes_without_its_receipt() -> None:
    till = kazakh_till()
    till.cash(1_000)
    assert isinstance(refused(till, till.receipt, goods(100), kind="sale_refund"), rules.BasisMissing)
    assert till.receipt(goods(100), kind="sale_refund", basis_receipt=BASIS).basis_receipt == BASIS
    assert (
        belarusian_till(may_purchase=True).receipt(goods(100), kind="purchase_refund").basis_receipt is None
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"fiscal_sign": ""},
        {"fiscal_sign": "1" * 33},
        {"fiscal_sign": "12-3"},
        {"registration_number": ""},
        {"registration_number": "1" * 65},
        {"issued_at": MORNING.replace(tzinfo=None)},
        {"total_minor": -1},
        {"total_minor": SUM_MAX + 1},
    ],
)
def test_refuses_a_basis_that_no_document_can_hold(changes: dict[str, Any]) -> None:
    till = kazakh_till()
    till.cash(1_000)
    basis = replace(BASIS, **changes)
    assert isinstance(
        refused(till, till.receipt, goods(100), kind="sale_refund", basis_receipt=basis), rules.BasisMissing
    )


def test_a_simple_refund_is_taxed_as_on_the_day_of_its_receipt() -> None:
    till = kazakh_till()
    till.cash(100_000)
    sold_at = datetime(2025, 12, 31, 18, 59, tzinfo=UTC)
    basis = replace(BASIS, issued_at=sold_at)
    line = till.receipt(goods(50_000), kind="sale_refund", basis_receipt=basis).lines[0]
    assert (line.tax_rate, line.tax_minor) == (1200, 5_357)


def test_refuses_a_text_that_no_bytes_can_hold() -> None:
    till = kazakh_till()
    refusal = refused(till, till.receipt, goods(100, name="\ud800"))
    assert isinstance(refusal, BadInput)


# Annulments.


def test_annuls_a_receipt_of_the_open_shift_once() -> None:
    till = belarusian_till()
    sold = till.receipt(goods(990), goods(10), payments=Payments(cash_minor=1_500))
    annulled = till.annul(sold)
    assert (annulled.kind, annulled.basis, annulled.total_minor) == ("annulment", sold.number, 1_000)
    assert (annulled.lines, annulled.payments, annulled.change_minor) == (sold.lines, sold.payments, 500)
    assert till.register.cash_minor == 0
    refusal = refused(till, till.annul, sold)
    assert isinstance(refusal, rules.AlreadyAnnulled)
    assert refusal.facts == {"number": sold.number}
    refusal = refused(till, till.refund, sold)
    assert isinstance(refusal, rules.AlreadyAnnulled)


def test_an_annulled_refund_may_be_refunded_again() -> None:
    till = belarusian_till()
    sold = till.sell(1_000)
    refund = till.refund(sold)
    assert till.register.cash_minor == 0
    till.annul(refund)
    assert till.register.cash_minor == 1_000
    assert till.refund(sold).total_minor == 1_000
    assert isinstance(refused(till, till.refund, sold), rules.NothingLeft)


def test_annuls_a_purchase_and_gives_the_cash_back_to_the_drawer() -> None:
    till = belarusian_till(may_purchase=True)
    till.cash(500)
    bought = till.receipt(goods(500), kind="purchase")
    till.annul(bought)
    assert till.register.cash_minor == 500


def test_annuls_nothing_else() -> None:
    till = belarusian_till()
    old = till.sell(1_000)
    till.close()
    assert isinstance(refused(till, till.annul, old), rules.ShiftNotOpen)
    till.open()
    refunded = till.sell(1_000)
    till.refund(refunded)
    annulled = till.annul(till.sell(1_000))
    for document in (old, refunded, annulled, till.cash(100), till.x_report()):
        refusal = refused(till, till.annul, document)
        assert isinstance(refusal, rules.AnnulmentNotAllowed)
        assert refusal.facts == {"number": document.number, "kind": document.kind}


def test_in_belarus_no_operator_refuses_anything() -> None:
    till = belarusian_till()
    sold = till.sell(1_000)
    assert isinstance(refused(till, till.annul, sold, is_refused=True), rules.AnnulmentNotAllowed)
    assert isinstance(refused(till, till.annul, till.cash(100), is_refused=True), rules.AnnulmentNotAllowed)


def test_annuls_only_what_it_issued() -> None:
    till = belarusian_till()
    sold = till.sell(1_000)
    command = Annul(cashier=CASHIER, number=sold.number)
    other = belarusian_till()
    other.register = new_register("БК00099999", BELARUS)
    other.open()
    stranger = other.original(other.sell(1_000))
    for original in (None, till.original(till.sell(1_000)), stranger):
        refusal = refused(till, till.issue, command, original=original)
        assert isinstance(refusal, rules.OriginalNotFound)
        assert refusal.facts == {"number": sold.number}


def test_in_kazakhstan_only_what_the_operator_refused_is_annulled() -> None:
    till = kazakh_till()
    sold = till.sell(1_000)
    assert isinstance(refused(till, till.annul, sold), rules.AnnulmentNotAllowed)
    till.later(hours=25)
    assert till.annul(sold, is_refused=True).kind == "annulment"
    assert till.register.cash_minor == 0
    assert isinstance(refused(till, till.annul, sold, is_refused=True), rules.AlreadyAnnulled)


def test_a_movement_that_the_operator_refused_is_reversed() -> None:
    till = kazakh_till()
    put = till.cash(5_000)
    back = till.annul(put, is_refused=True)
    assert (back.kind, back.basis, back.total_minor, back.ordinal) == ("cash_out", put.number, 5_000, 2)
    assert isinstance(refused(till, till.annul, put, is_refused=True), rules.AlreadyAnnulled)
    till.sell(1_000)
    taken = till.cash(-1_000)
    back = till.annul(taken, is_refused=True)
    assert (back.kind, back.basis, till.register.cash_minor) == ("cash_in", taken.number, 1_000)
    assert isinstance(refused(till, till.annul, till.x_report(), is_refused=True), rules.AnnulmentNotAllowed)


# The document.


def test_every_document_says_what_issued_it_and_is_linked_to_the_one_before() -> None:
    till = belarusian_till()
    till.sell(100)
    till.cash(100)
    till.close()
    previous = None
    for document in till.documents:
        assert (document.engine, document.dialect, document.currency) == (ENGINE_VERSION, 1, "BYN")
        assert (document.register, document.previous) == ("БК00012345", previous)
        raw = chain.without_digest(chain.canonical(document), document.digest)
        before = b"" if previous is None else bytes.fromhex(previous)
        assert document.digest == chain.till_digest(before, raw).hex()
        previous = document.digest
    assert till.register.digest == previous


def test_the_same_commands_give_the_same_bytes() -> None:
    runs: list[list[bytes]] = []
    for _ in range(2):
        till = kazakh_till()
        till.sell(12_345)
        till.go_autonomous()
        till.refund(till.documents[0])
        till.close()
        runs.append([chain.canonical(document) for document in till.documents])
    assert runs[0] == runs[1]


def test_a_stored_register_goes_on_as_if_it_had_never_been_stored() -> None:
    kept = kazakh_till()
    kept.sell(100)
    register = decode(encode(kept.register))
    command = TakeReport(cashier=CASHIER)
    one = issue(kept.register, kept.settings, command, kept.now, KAZAKHSTAN)
    two = issue(register, kept.settings, command, kept.now, KAZAKHSTAN)
    assert one == two
    assert isinstance(one[1], Document)
    assert chain.canonical(one[1]) == chain.canonical(two[1] or one[1])


def test_nothing_is_stated_of_a_register_that_never_opened() -> None:
    with pytest.raises(rules.ShiftNotOpen):
        report_of(kazakh_till().register, MORNING, is_closing=False)
