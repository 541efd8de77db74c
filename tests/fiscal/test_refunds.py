"""Refunds by the original: what is left, by quantity and by money, to the last minor unit."""

from dataclasses import replace as replace_dialect
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from portal.fiscal import rules
from portal.fiscal.commands import ModifierUnit, ReceiptModifier, Refund, RoundingMode, Taken
from portal.fiscal.documents import Basis, Document, Payments
from portal.primitives.refusals import Refusal
from tests.fiscal.tills import CASHIER, Till, belarusian_till, goods, kazakh_till, off, per_cent


def taken(*wanted: tuple[int, int]) -> tuple[Taken, ...]:
    """Places and quantities."""
    return tuple(Taken(place=place, quantity_milli=quantity) for place, quantity in wanted)


def refused(till: Till, document: Document, **said: Any) -> Refusal:
    """Why a refund is refused; the register must stand as before."""
    before = till.register
    with pytest.raises(Refusal) as caught:
        till.refund(document, **said)
    assert till.register == before
    return caught.value


def test_takes_a_whole_receipt_back_as_it_was() -> None:
    till = kazakh_till(are_both_modifiers_allowed=True, section=3)
    sold = till.receipt(
        goods(26_533, 2370, code="7", discount=off(100), markings=()),
        goods(55_000, markup=off(50), marking="0104"),
        modifiers=(
            ReceiptModifier(change=off(500), name="Акция"),
            ReceiptModifier(change=off(90), is_markup=True),
        ),
        payments=Payments(card_minor=50_000, cash_minor=100_000),
        buyer="600400055236",
        rounding=RoundingMode.TOTAL,
    )
    back = till.refund(sold)
    assert back.lines == tuple(replace(line, place=place) for place, line in enumerate(sold.lines, 1))
    assert (back.modifiers, back.discount_minor, back.markup_minor) == (sold.modifiers, 500, 90)
    assert (back.total_minor, back.rounding_minor, back.rounding) == (
        sold.total_minor,
        sold.rounding_minor,
        "total",
    )
    assert (back.kind, back.basis, back.buyer, back.change_minor) == ("sale_refund", 1, "600400055236", 0)
    assert back.payments == Payments(card_minor=50_000, cash_minor=100_000 - sold.change_minor)
    assert till.register.cash_minor == 0
    assert isinstance(refused(till, sold), rules.NothingLeft)


def test_names_the_original_as_the_operator_asks() -> None:
    till = kazakh_till()
    sold = till.sell(10_000)
    assert till.refund(sold).basis_receipt == Basis(
        fiscal_sign="1028891939135",
        issued_at=sold.issued_at,
        registration_number="281119950001",
        total_minor=10_000,
    )
    till.go_autonomous()
    sold = till.sell(10_000)
    basis = till.refund(sold).basis_receipt
    assert basis is not None
    assert (basis.autonomous, basis.fiscal_sign) == (True, sold.fiscal_sign)


def test_a_late_original_is_named_as_an_autonomous_one() -> None:
    till = kazakh_till()
    sold = till.sell(10_000)
    command = Refund(cashier=CASHIER, number=sold.number)
    basis = till.issue(command, original=till.original(sold, is_autonomous=True)).basis_receipt
    assert basis is not None
    assert basis.autonomous


def test_refuses_to_refund_what_the_operator_could_not_find() -> None:
    till = kazakh_till()
    sold = till.sell(10_000)
    original = replace(till.original(sold), fiscal_sign=None)
    with pytest.raises(rules.BasisMissing):
        till.issue(Refund(cashier=CASHIER, number=sold.number), original=original)
    till.register = replace(till.register, registration_number=None)
    assert isinstance(refused(till, sold), rules.BasisMissing)


def test_takes_lines_back_in_turn_until_nothing_is_left() -> None:
    till = belarusian_till()
    sold = till.receipt(goods(333, 3000), goods(100), goods(700, 350))
    first = till.refund(sold, taken=taken((1, 1000)))
    second = till.refund(sold, taken=taken((3, 350), (1, 1000)))
    assert [(line.place, line.quantity_milli) for line in second.lines] == [(1, 1000), (3, 350)]
    last = till.refund(sold)
    assert [(line.place, line.quantity_milli) for line in last.lines] == [(1, 1000), (2, 1000)]
    assert first.total_minor + second.total_minor + last.total_minor == sold.total_minor
    assert isinstance(refused(till, sold), rules.NothingLeft)


def test_refuses_more_of_a_line_than_is_left() -> None:
    till = belarusian_till()
    sold = till.receipt(goods(100), goods(333, 3000))
    till.refund(sold, taken=taken((2, 1500)))
    refusal = refused(till, sold, taken=taken((2, 1501)))
    assert isinstance(refusal, rules.MoreThanLeft)
    assert refusal.facts == {"number": sold.number, "line": 2, "left_milli": 1500, "wanted_milli": 1501}
    assert isinstance(refused(till, sold, taken=taken((2, 1000), (2, 501))), rules.MoreThanLeft)
    twice = till.refund(sold, taken=taken((2, 1000), (2, 500)))
    assert sum(line.quantity_milli for line in twice.lines) == 1500


@pytest.mark.parametrize(
    ("wanted", "field"),
    [((0, 1000), "place"), ((3, 1000), "place"), ((1, 0), "quantity_milli"), ((1, -1), "quantity_milli")],
)
def test_refuses_a_line_that_is_not_there(wanted: tuple[int, int], field: str) -> None:
    till = belarusian_till()
    refusal = refused(till, till.receipt(goods(100), goods(100)), taken=taken(wanted))
    assert isinstance(refusal, rules.LineInvalid)
    assert refusal.facts == {"line": wanted[0], "field": field}


def test_refuses_to_take_back_nothing() -> None:
    till = belarusian_till()
    assert isinstance(refused(till, till.sell(100), taken=()), rules.EmptyBasket)


def test_takes_back_only_sales_and_purchases() -> None:
    till = belarusian_till(may_purchase=True)
    sold = till.sell(1_000)
    bought = till.receipt(goods(300), kind="purchase")
    assert till.refund(bought).kind == "purchase_refund"
    assert till.register.cash_minor == 1_000
    for document in (till.refund(sold), till.cash(100), till.x_report()):
        refusal = refused(till, document)
        assert isinstance(refusal, rules.NotRefundable)
        assert refusal.facts == {"number": document.number, "kind": document.kind}


def test_takes_back_what_was_bought_though_the_register_no_longer_buys() -> None:
    till = belarusian_till(may_purchase=True)
    till.cash(1_000)
    bought = till.receipt(goods(300), kind="purchase")
    till.settings = replace(till.settings, may_purchase=False)
    assert till.refund(bought).total_minor == 300


def test_takes_back_what_an_earlier_shift_sold() -> None:
    till = kazakh_till()
    sold = till.sell(10_000)
    till.close()
    till.later(days=30)
    assert till.refund(sold).shift == 2


def test_a_receipts_discount_comes_back_with_the_goods_it_was_given_on() -> None:
    till = belarusian_till()
    sold = till.receipt(
        goods(10_000),
        goods(20_000, tax_rate=1000),
        modifiers=(ReceiptModifier(change=off(600), tax_rate=1000),),
    )
    first = till.refund(sold, taken=taken((1, 1000)))
    assert (first.total_minor, first.modifiers) == (10_000, ())
    half = till.refund(sold, taken=taken((2, 500)))
    assert (half.total_minor, half.discount_minor) == (9_700, 300)
    assert half.modifiers[0].shares[0].tax_rate == 1000
    assert till.refund(sold).total_minor == 9_700


def test_the_last_refund_gives_the_rest_to_the_last_kopeck() -> None:
    """1.00 in three parts of a third."""
    till = belarusian_till()
    sold = till.receipt(goods(100, 3), goods(100, 997))
    assert [line.sum_minor for line in sold.lines] == [0, 100]
    parts = [till.refund(sold, taken=taken((2, 333))).total_minor for _ in range(2)]
    assert parts == [33, 34]
    assert till.refund(sold).total_minor == 33


def test_cash_comes_back_in_whole_tenge_and_adds_up() -> None:
    till = kazakh_till()
    sold = till.receipt(goods(3_333, 3000))
    assert sold.total_minor == 10_000
    parts = [till.refund(sold, taken=taken((1, 1000))) for _ in range(3)]
    assert [part.total_minor for part in parts] == [3_300, 3_400, 3_300]
    assert [part.rounding_minor for part in parts] == [-33, 67, -33]


def test_gives_back_cashless_money_first_and_in_tiyn() -> None:
    till = kazakh_till()
    sold = till.receipt(goods(3_333, 3000), payments=Payments(card_minor=4_999, cash_minor=5_000))
    first = till.refund(sold, taken=taken((1, 1000)))
    assert (first.payments, first.rounding_minor) == (Payments(card_minor=3_333), 0)
    second = till.refund(sold, taken=taken((1, 1000)))
    assert second.payments == Payments(card_minor=1_666, cash_minor=1_700)
    assert till.refund(sold).payments == Payments(cash_minor=3_300)
    assert till.register.cash_minor == 0


def test_the_rounding_of_a_total_comes_back_with_the_last_line() -> None:
    till = kazakh_till()
    sold = till.receipt(
        goods(949), goods(1_000), payments=Payments(card_minor=1_900), rounding=RoundingMode.TOTAL
    )
    assert sold.rounding_minor == -49
    first = till.refund(sold, taken=taken((1, 1000)), payments=Payments(card_minor=949))
    last = till.refund(sold, payments=Payments(card_minor=951))
    assert (first.rounding_minor, last.rounding_minor) == (0, -49)


def test_no_more_is_given_back_than_was_paid_though_rounding_made_it_less() -> None:
    till = kazakh_till()
    sold = till.receipt(
        goods(1_930), goods(10), payments=Payments(card_minor=1_900), rounding=RoundingMode.TOTAL
    )
    wanted = taken((1, 1000))
    too_much = Payments(card_minor=1_930)
    assert isinstance(refused(till, sold, taken=wanted, payments=too_much), rules.ChangeWithoutCash)
    assert till.refund(sold, taken=wanted, payments=Payments(card_minor=1_900)).rounding_minor == -30
    assert till.refund(sold).total_minor == 0


def test_gives_back_as_it_is_asked_to() -> None:
    till = belarusian_till()
    till.cash(2_000)
    sold = till.sell(1_000, card_minor=1_000)
    back = till.refund(sold, payments=Payments(cash_minor=400), taken=taken((1, 400)))
    assert back.payments == Payments(cash_minor=400)
    assert till.refund(sold).payments == Payments(card_minor=600)


@pytest.mark.parametrize(
    ("payments", "code"),
    [
        (Payments(cash_minor=999), "fiscal.not_enough_money"),
        (Payments(cash_minor=1_001), "fiscal.negative_change"),
        (Payments(card_minor=1_001), "fiscal.cashless_overflow"),
        (Payments(card_minor=1_000, cash_minor=1), "fiscal.cash_overflow"),
    ],
)
def test_gives_back_neither_less_nor_more(payments: Payments, code: str) -> None:
    till = belarusian_till()
    till.cash(5_000)
    assert refused(till, till.sell(1_000), payments=payments).code == code


def test_marking_codes_come_back_by_the_piece() -> None:
    till = kazakh_till()
    sold = till.receipt(goods(1_000, 4000, markings=("a", "b", "c", "d")))
    named = till.refund(sold, taken=(Taken(place=1, quantity_milli=1000, markings=("c",)),))
    assert named.lines[0].markings == ("c",)
    for wanted in (
        Taken(place=1, quantity_milli=1000, markings=("c",)),
        Taken(place=1, quantity_milli=1000, markings=("x",)),
        Taken(place=1, quantity_milli=2000, markings=("a",)),
        Taken(place=1, quantity_milli=2000, markings=("a", "a")),
        Taken(place=1, quantity_milli=1500),
    ):
        assert isinstance(refused(till, sold, taken=(wanted,)), rules.MarkingsCount)
    assert till.refund(sold, taken=taken((1, 1000))).lines[0].markings == ("a",)
    assert till.refund(sold).lines[0].markings == ("b", "d")


def test_no_codes_are_made_up_for_goods_without_them() -> None:
    till = kazakh_till()
    wanted = Taken(place=1, quantity_milli=1000, markings=("a",))
    assert isinstance(refused(till, till.sell(1_000), taken=(wanted,)), rules.MarkingsCount)


def test_counts_a_refund_of_another_till_by_its_goods() -> None:
    till = belarusian_till()
    sold = till.receipt(goods(100, 2000), goods(500))
    foreign = till.refund(sold, taken=taken((2, 1000)))
    till.documents[-1] = replace(foreign, lines=(replace(foreign.lines[0], place=None),))
    rest = till.refund(sold)
    assert [line.place for line in rest.lines] == [1]
    assert rest.total_minor == 200


def test_refuses_where_an_earlier_refund_cannot_be_told() -> None:
    till = belarusian_till()
    sold = till.receipt(goods(100, 2000), goods(500))
    foreign = till.refund(sold, taken=taken((2, 1000)))
    till.documents[-1] = replace(foreign, lines=(replace(foreign.lines[0], place=None, name="Соль"),))
    refusal = refused(till, sold)
    assert isinstance(refusal, rules.NotRefundable)
    assert refusal.facts == {"number": sold.number, "kind": "sale"}


def test_shares_a_discount_out_where_another_till_did_not() -> None:
    till = belarusian_till()
    sold = till.receipt(goods(6_000), goods(4_000), modifiers=(ReceiptModifier(change=off(1_000)),))
    till.documents[-1] = streamed = replace(sold, modifiers=())
    part = till.refund(streamed, taken=taken((2, 1000)))
    assert (part.discount_minor, part.total_minor) == (400, 3_600)
    assert till.refund(streamed).total_minor == 5_400


def test_all_of_the_tax_comes_back_though_another_till_rounded_it_its_own_way() -> None:
    till = belarusian_till()
    sold = till.receipt(goods(1_000, 2000))
    till.documents[-1] = streamed = replace(sold, lines=(replace(sold.lines[0], tax_minor=334),))
    parts = [till.refund(streamed, taken=taken((1, 1000))) for _ in range(2)]
    assert [part.lines[0].tax_minor for part in parts] == [167, 167]


def test_refuses_what_does_not_add_up_at_all() -> None:
    till = belarusian_till()
    sold = till.sell(1_000)
    till.documents[-1] = streamed = replace(sold, total_minor=1_101, payments=Payments(cash_minor=1_101))
    till.cash(1_000)
    assert isinstance(refused(till, streamed), rules.NotRefundable)
    till.documents[-2] = streamed = replace(streamed, total_minor=1_100)
    assert till.refund(streamed).total_minor == 1_100


def test_an_untaxed_discount_larger_than_what_is_untaxed_comes_back_with_everything() -> None:
    till = belarusian_till()
    modifier = ReceiptModifier(change=off(5_000), is_untaxed=True)
    sold = till.receipt(goods(10_000), goods(1_000, is_untaxed=True), modifiers=(modifier,))
    assert till.refund(sold, taken=taken((2, 1000))).total_minor == 1_000 - 455
    assert till.refund(sold).total_minor == 10_000 - 4_545


@pytest.mark.parametrize(("price_minor", "discount_minor", "total_minor"), [(1, 4, 0), (6, 24, 3)])
def test_no_refund_takes_more_off_than_it_gives_back(
    price_minor: int, discount_minor: int, total_minor: int
) -> None:
    """Half of eight odd kopecks is off, by turns one and none; the turns that took it are annulled."""
    till = belarusian_till()
    modifier = ReceiptModifier(change=off(discount_minor))
    sold = till.receipt(*[goods(price_minor)] * 8, modifiers=(modifier,))
    till.cash(100)
    backs = [till.refund(sold, taken=taken((place, 1000))) for place in range(1, 5)]
    till.annul(backs[0])
    till.annul(backs[2])
    again = till.refund(sold, taken=taken((1, 1000)))
    assert again.total_minor == total_minor
    assert all(turnover >= 0 and tax >= 0 for turnover, tax in _by_rate([again]).values())
    last = till.refund(sold)
    assert backs[1].total_minor + backs[3].total_minor + total_minor + last.total_minor == sold.total_minor


# Properties.


@st.composite
def _basket(draw: st.DrawFn) -> dict[str, Any]:
    """A receipt with everything that can be on it, for a till that allows everything."""
    lines = [
        goods(
            draw(st.integers(0, 5_000)),
            draw(st.sampled_from([1, 7, 333, 1000, 2500, 3000, 12_345])),
            discount=per_cent(draw(st.integers(0, 10_000))),
            markup=off(draw(st.integers(0, 500))),
            tax_rate=rate,
            is_untaxed=rate is None,
        )
        for rate in draw(st.lists(st.sampled_from([1600, 500, 0, None]), min_size=1, max_size=4))
    ]
    modifiers = [
        ReceiptModifier(
            change=per_cent(draw(st.integers(0, 4_000))),
            is_markup=draw(st.booleans()),
            is_untaxed=draw(st.booleans()),
        )
        for _ in range(draw(st.integers(0, 3)))
    ]
    return {"lines": lines, "modifiers": tuple(modifiers), "rounding": draw(st.sampled_from(RoundingMode))}


def _try_receipt(till: Till, basket: dict[str, Any], card: int) -> Document | None:
    """A sale of the basket, a part of it paid by card; None for one that no register allows."""
    said = {"modifiers": basket["modifiers"], "rounding": basket["rounding"]}
    try:
        whole = till.receipt(*basket["lines"], **said)
    except rules.DiscountTooLarge:
        return None
    # Something is left for cash, whatever rounding made of the whole.
    card = max(min(card, whole.total_minor - whole.rounding_minor - 1), 0)
    payments = Payments(card_minor=card, cash_minor=100_000_000)
    return till.receipt(*basket["lines"], **said, payments=payments)


@given(_basket(), st.integers(0, 20_000), st.data())
def test_any_refunds_in_turn_give_back_exactly_what_was_paid(
    basket: dict[str, Any], card: int, data: st.DataObject
) -> None:
    till = kazakh_till(are_both_modifiers_allowed=True, modifier_unit=ModifierUnit.PERCENT)
    sold = _try_receipt(till, basket, card)
    if sold is None:
        return
    left = {place: line.quantity_milli for place, line in enumerate(sold.lines, 1)}
    backs: list[Document] = []
    while left:
        wanted = data.draw(
            st.lists(
                st.sampled_from(sorted(left)).flatmap(
                    lambda place: st.tuples(st.just(place), st.integers(1, left[place]))
                ),
                min_size=1,
                max_size=4,
                unique_by=lambda pair: pair[0],
            )
        )
        assert sum(back.total_minor for back in backs) <= sold.total_minor
        is_all = len(backs) == 4
        backs.append(till.refund(sold, taken=None if is_all else taken(*wanted)))
        if is_all:
            break
        for place, quantity in wanted:
            left[place] -= quantity
            if not left[place]:
                del left[place]
    net = (
        sold.payments.card_minor,
        sold.payments.cash_minor - sold.change_minor,
    )
    assert sum(back.total_minor for back in backs) == sold.total_minor
    assert (
        sum(back.payments.card_minor for back in backs),
        sum(back.payments.cash_minor for back in backs),
    ) == net
    for name in ("discount_minor", "markup_minor", "rounding_minor"):
        assert sum(getattr(back, name) for back in backs) == getattr(sold, name)
    for place, line in enumerate(sold.lines, 1):
        parts = [part for back in backs for part in back.lines if part.place == place]
        for name in ("quantity_milli", "sum_minor", "discount_minor", "markup_minor", "tax_minor"):
            assert sum(getattr(part, name) for part in parts) == getattr(line, name)
    assert _by_rate([sold]) == _by_rate(backs)
    for back in backs:
        assert back.total_minor >= 0
        assert all(sums >= (0, 0) for rate, sums in _by_rate([back]).items() if rate is not None)
        assert all(tax >= 0 for _, tax in _by_rate([back]).values())


@given(_basket(), st.data())
def test_refunds_that_were_annulled_leave_no_trace_in_what_is_left(
    basket: dict[str, Any], data: st.DataObject
) -> None:
    till = belarusian_till(are_both_modifiers_allowed=True, modifier_unit=ModifierUnit.PERCENT)
    till.dialect = replace_dialect(till.dialect, modifiers_max=100)
    till.cash(1_000_000)
    lines = [replace(line, tax_rate=line.tax_rate and 1000) for line in basket["lines"]]
    try:
        sold = till.receipt(*lines, modifiers=basket["modifiers"])
    except rules.DiscountTooLarge:
        return
    standing: list[Document] = []
    for _ in range(4):
        back = {line.place: 0 for refund in standing for line in refund.lines}
        for refund in standing:
            for line in refund.lines:
                back[line.place] += line.quantity_milli
        wanted = [
            (place, data.draw(st.integers(1, line.quantity_milli - back.get(place, 0))))
            for place, line in enumerate(sold.lines, 1)
            if line.quantity_milli > back.get(place, 0) and data.draw(st.booleans())
        ]
        if wanted:
            standing.append(till.refund(sold, taken=taken(*wanted)))
        undone = data.draw(st.integers(0, 3))
        if undone < len(standing):
            till.annul(standing.pop(undone))
    try:
        standing.append(till.refund(sold))
    except rules.NothingLeft:
        return
    assert sum(refund.total_minor for refund in standing) == sold.total_minor
    assert _by_rate([sold]) == _by_rate(standing)
    for refund in standing:
        assert all(sums >= (0, 0) for rate, sums in _by_rate([refund]).items() if rate is not None)
        assert all(tax >= 0 for _, tax in _by_rate([refund]).values())


def _by_rate(documents: list[Document]) -> dict[int | None, tuple[int, int]]:
    """Turnover and tax of every rate."""
    sums: dict[int | None, tuple[int, int]] = {}
    for document in documents:
        entries = [(1, line.tax_rate, line.sum_minor, line.tax_minor) for line in document.lines]
        entries += [
            (1 if modifier.markup else -1, share.tax_rate, share.sum_minor, share.tax_minor)
            for modifier in document.modifiers
            for share in modifier.shares
        ]
        for sign, rate, turnover, tax in entries:
            before = sums.get(rate, (0, 0))
            sums[rate] = before[0] + sign * turnover, before[1] + sign * tax
    return sums
