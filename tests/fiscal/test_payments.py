"""Payments: what each country checks, what is rounded for cash, and what is given back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.fiscal import rules
from portal.fiscal.commands import RoundingMode
from portal.fiscal.dialects import BELARUS, KAZAKHSTAN, Dialect, round_cash
from portal.fiscal.documents import SUM_MAX, Payments
from portal.fiscal.payments import Paid, give_back, pay
from portal.primitives.refusals import BadInput, Refusal


def refused(due: int, dialect: Dialect, **payments: int) -> Refusal:
    with pytest.raises(Refusal) as caught:
        pay(due, Payments(**payments), dialect)
    return caught.value


def test_without_payments_all_of_it_is_cash() -> None:
    assert pay(1_990, None, BELARUS) == Paid(Payments(cash_minor=1_990), 1_990)
    assert pay(1_949, None, KAZAKHSTAN) == Paid(Payments(cash_minor=1_900), 1_900)
    assert pay(1_950, None, KAZAKHSTAN) == Paid(Payments(cash_minor=2_000), 2_000)


def test_change_is_given_from_cash() -> None:
    paid = pay(1_990, Payments(card_minor=1_000, cash_minor=1_000), BELARUS)
    assert (paid.total_minor, paid.change_minor, paid.cash_minor) == (1_990, 10, 990)


def test_the_first_check_of_belarus_the_payments_cover_the_total() -> None:
    assert pay(1_990, Payments(card_minor=1_990), BELARUS).change_minor == 0
    refusal = refused(1_990, BELARUS, card_minor=989, cash_minor=1_000)
    assert isinstance(refusal, rules.NotEnoughMoney)
    assert refusal.facts == {"total_minor": 1_990, "paid_minor": 1_989}


def test_the_second_what_is_paid_without_cash_is_not_more_than_the_total() -> None:
    for kind in ("card_minor", "mobile_minor", "other_minor"):
        refusal = refused(1_990, BELARUS, **{kind: 1_991})
        assert isinstance(refusal, rules.CashlessOverflow)
        assert refusal.facts == {"total_minor": 1_990, "cashless_minor": 1_991}


def test_the_third_no_cash_is_handed_over_for_what_is_paid_without_it() -> None:
    refusal = refused(1_990, BELARUS, card_minor=1_000, other_minor=990, cash_minor=1)
    assert isinstance(refusal, rules.CashOverflow)
    assert refusal.facts == {"total_minor": 1_990, "cash_minor": 1}
    assert pay(1_990, Payments(card_minor=1_989, cash_minor=5_000), BELARUS).change_minor == 4_999


@pytest.mark.parametrize("dialect", [BELARUS, KAZAKHSTAN])
def test_the_fourth_a_refund_gives_back_no_more_than_its_total(dialect: Dialect) -> None:
    assert pay(2_000, Payments(cash_minor=2_000), dialect, gives_change=False).change_minor == 0
    with pytest.raises(rules.NegativeChange) as caught:
        pay(2_000, Payments(cash_minor=2_100), dialect, gives_change=False)
    assert caught.value.facts == {"total_minor": 2_000, "paid_minor": 2_100}


def test_in_kazakhstan_only_cash_may_be_more_than_the_total() -> None:
    paid = pay(2_000, Payments(card_minor=2_000, cash_minor=500), KAZAKHSTAN)
    assert (paid.total_minor, paid.change_minor) == (2_000, 500)
    for cash in (0, 500, 10_000):
        refusal = refused(2_000, KAZAKHSTAN, card_minor=2_100, cash_minor=cash)
        assert isinstance(refusal, rules.ChangeWithoutCash)
        assert refusal.facts == {"change_minor": cash + 100, "cash_minor": cash}


def test_rounding_for_cash_hides_no_tiyn_overpaid_without_it() -> None:
    refusal = refused(1_999, KAZAKHSTAN, card_minor=2_000, cash_minor=500)
    assert isinstance(refusal, rules.ChangeWithoutCash)
    assert refusal.facts == {"change_minor": 501, "cash_minor": 500}


def test_what_is_paid_without_cash_keeps_its_tiyn() -> None:
    assert pay(1_949, Payments(card_minor=1_949), KAZAKHSTAN).total_minor == 1_949
    assert refused(1_949, KAZAKHSTAN, card_minor=1_900).code == "fiscal.not_enough_money"


@pytest.mark.parametrize(("due", "total"), [(10_049, 10_000), (10_050, 10_100), (10_149, 10_100)])
def test_what_cash_takes_part_in_is_rounded_to_whole_tenge(due: int, total: int) -> None:
    paid = pay(due, Payments(cash_minor=20_000), KAZAKHSTAN)
    assert (paid.total_minor, paid.change_minor) == (total, 20_000 - total)
    mixed = pay(due + 33, Payments(card_minor=33, cash_minor=20_000), KAZAKHSTAN)
    assert (mixed.total_minor, mixed.change_minor) == (total + 33, 20_000 - total)


def test_no_coins_make_a_part_of_a_tenge() -> None:
    refusal = refused(1_950, KAZAKHSTAN, cash_minor=1_950)
    assert isinstance(refusal, rules.CashNotWhole)
    assert refusal.facts == {"cash_minor": 1_950, "step_minor": 100}
    assert pay(1_951, Payments(cash_minor=1_951), BELARUS).change_minor == 0


def test_a_total_is_rounded_once() -> None:
    """99.50 less 0.50 by card is 99.00 in cash; rounded to 100.00 first, it would be 99.50 and then 100.00."""
    payments = Payments(card_minor=50, cash_minor=10_000)
    paid = pay(9_950, payments, KAZAKHSTAN, rounding=RoundingMode.TOTAL)
    assert (paid.total_minor, paid.change_minor) == (9_950, 100)


def test_no_coins_make_what_a_rounded_total_leaves_of_a_payment_by_card() -> None:
    payments = Payments(card_minor=50, cash_minor=100)
    with pytest.raises(rules.CashNotWhole) as caught:
        pay(50, payments, KAZAKHSTAN, rounding=RoundingMode.TOTAL)
    assert caught.value.facts == {"cash_minor": 50, "step_minor": 100}


def test_a_total_may_be_rounded_however_it_is_paid() -> None:
    card = Payments(card_minor=1_900)
    assert pay(1_949, card, KAZAKHSTAN, rounding=RoundingMode.TOTAL) == Paid(card, 1_900)
    assert pay(1_949, Payments(card_minor=1_949), BELARUS, rounding=RoundingMode.TOTAL).total_minor == 1_949


@pytest.mark.parametrize("field", ["cash_minor", "card_minor", "mobile_minor", "other_minor"])
def test_nobody_pays_less_than_nothing(field: str) -> None:
    payments = {"card_minor": 300, "cash_minor": 300, field: -100}
    refusal = refused(200, BELARUS, **payments)
    assert isinstance(refusal, BadInput)
    assert refusal.facts == {"field": field, "value": -100}


def test_nothing_is_paid_for_nothing() -> None:
    assert pay(0, None, BELARUS) == Paid(Payments(), 0)
    assert pay(0, Payments(), BELARUS) == Paid(Payments(), 0)
    assert isinstance(refused(0, BELARUS, cash_minor=1), rules.CashOverflow)


def test_payments_and_totals_stay_within_what_a_document_states() -> None:
    assert pay(0, Payments(cash_minor=SUM_MAX), KAZAKHSTAN).change_minor == SUM_MAX
    refusal = refused(0, KAZAKHSTAN, cash_minor=SUM_MAX, card_minor=1)
    assert isinstance(refusal, rules.SumTooLarge)
    assert refusal.facts == {"sum_minor": SUM_MAX + 1, "sum_max_minor": SUM_MAX}
    with pytest.raises(rules.SumTooLarge):
        pay(SUM_MAX + 50, None, KAZAKHSTAN)


_sums = st.integers(0, 10_000)


@st.composite
def _payments(draw: st.DrawFn) -> tuple[int, Payments]:
    """A sum due, and payments that cover it: so much of it without cash, the rest in whole hundreds and some over."""
    due = draw(_sums)
    card = draw(st.integers(0, due))
    mobile = draw(st.integers(0, due - card))
    over = draw(st.integers(0, 50))
    cash = (-(-(due - card - mobile) // 100) + over) * 100 if card + mobile < due else 0
    return due, Payments(card_minor=card, cash_minor=cash, mobile_minor=mobile)


@given(_payments())
@pytest.mark.parametrize("dialect", [BELARUS, KAZAKHSTAN])
def test_what_is_paid_always_adds_up(dialect: Dialect, paying: tuple[int, Payments]) -> None:
    due, payments = paying
    paid = pay(due, payments, dialect)
    cashless = payments.card_minor + payments.mobile_minor
    assert payments.cash_minor + cashless - paid.change_minor == paid.total_minor
    assert 0 <= paid.change_minor <= payments.cash_minor
    assert paid.cash_minor % dialect.cash_step_minor == 0
    assert paid.total_minor == cashless + round_cash(due - cashless, dialect)


def test_gives_back_in_the_types_it_was_paid_in() -> None:
    left = Payments(card_minor=500, cash_minor=1_000, mobile_minor=200, other_minor=50)
    assert give_back(1_750, left, BELARUS) == Paid(left, 1_750)
    assert give_back(600, left, BELARUS).payments == Payments(card_minor=500, mobile_minor=100)
    assert give_back(800, left, BELARUS).payments == Payments(
        card_minor=500, mobile_minor=200, other_minor=50, cash_minor=50
    )


def test_gives_the_rest_back_in_whole_cash() -> None:
    paid = give_back(1_149, Payments(card_minor=500, cash_minor=700), KAZAKHSTAN)
    assert (paid.payments, paid.total_minor) == (Payments(card_minor=500, cash_minor=600), 1_100)


def test_what_was_given_back_otherwise_is_not_given_again() -> None:
    left = Payments(card_minor=500, cash_minor=-300)
    assert give_back(200, left, BELARUS).payments == Payments(card_minor=200)
    left = Payments(card_minor=-300, cash_minor=500)
    assert give_back(200, left, BELARUS).payments == Payments(cash_minor=200)


@given(_sums, st.builds(Payments, card_minor=_sums, cash_minor=_sums, mobile_minor=_sums, other_minor=_sums))
def test_what_is_given_back_always_adds_up(due: int, left: Payments) -> None:
    paid = give_back(due, left, KAZAKHSTAN)
    given_back = paid.payments
    cashless = given_back.card_minor + given_back.mobile_minor + given_back.other_minor
    assert cashless + given_back.cash_minor == paid.total_minor
    assert given_back.cash_minor == round_cash(due - cashless, KAZAKHSTAN)
