"""Baskets: the published receipts to the last tiyn, every limit at and one past it, every refusal with its facts."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.fiscal import rules
from portal.fiscal.baskets import LINES_MAX
from portal.fiscal.commands import BasketLine, Change, ModifierUnit, ReceiptModifier, RoundingMode
from portal.fiscal.documents import SUM_MAX, Document, Payments, Storno
from portal.fiscal.taxes import line_sum, tax_inside
from portal.primitives.refusals import Refusal
from tests.fiscal.tills import Till, belarusian_till, goods, kazakh_till, off, per_cent

AT_12_PER_CENT = datetime(2025, 9, 10, 6, 0, tzinfo=UTC)


def at_12(**settings: Any) -> Till:
    till = kazakh_till(**settings)
    till.now = AT_12_PER_CENT
    return till


def tax(document: Document) -> int:
    """The tax of a whole receipt."""
    shares = [
        (share.tax_minor if modifier.markup else -share.tax_minor)
        for modifier in document.modifiers
        for share in modifier.shares
    ]
    return sum(line.tax_minor for line in document.lines) + sum(shares)


def refused(till: Till, *lines: BasketLine, **said: Any) -> Refusal:
    """Why a basket is refused; the register must stand as before."""
    before = till.register
    with pytest.raises(Refusal) as caught:
        till.receipt(*lines, **said)
    assert till.register == before
    return caught.value


# Published receipts.


def test_sample_a_of_the_published_ones() -> None:
    document = at_12(are_both_modifiers_allowed=True).receipt(
        goods(50_000),
        goods(200_000, 10_000, discount=off(100_000)),
        modifiers=(
            ReceiptModifier(change=off(15_000), tax_rate=1200),
            ReceiptModifier(change=off(15_000), is_markup=True, tax_rate=1200),
        ),
        payments=Payments(card_minor=1_850_000, cash_minor=100_000),
    )
    assert [line.tax_minor for line in document.lines] == [5_357, 203_571]
    assert (document.total_minor, tax(document), document.change_minor) == (1_950_000, 208_928, 0)


def test_sample_b_of_the_published_ones() -> None:
    document = at_12(are_both_modifiers_allowed=True).receipt(
        goods(50_000, discount=off(7_100), markup=off(12_900)),
        goods(1_900_000, is_untaxed=True),
        modifiers=(
            ReceiptModifier(change=off(95_800), tax_rate=1200),
            ReceiptModifier(change=off(48_500), is_markup=True, tax_rate=1200),
        ),
        payments=Payments(card_minor=1_823_500, cash_minor=100_000),
    )
    assert [line.tax_minor for line in document.lines] == [5_979, 0]
    assert [modifier.shares[0].tax_minor for modifier in document.modifiers] == [10_264, 5_196]
    assert (document.total_minor, document.change_minor) == (1_908_500, 15_000)


def test_the_sample_receipt_of_the_manual_is_14_580() -> None:
    document = at_12().receipt(
        goods(26_500, 2000, is_untaxed=True),
        goods(55_000, is_untaxed=True),
        goods(500_000, 3000, discount=off(150_000)),
        payments=Payments(cash_minor=200_000, card_minor=1_300_000),
    )
    assert [line.sum_minor for line in document.lines] == [53_000, 55_000, 1_350_000]
    assert (document.total_minor, document.change_minor, tax(document)) == (1_458_000, 42_000, 144_643)


def test_the_positions_shown_in_the_manual_are_whole_tenge() -> None:
    """2.47 × 260 less 10 %, 1 × 100 less 5 %, 250 and 70, 3.2 × 480, 3.852 × 500."""
    till = kazakh_till(modifier_unit=ModifierUnit.PERCENT, rounding=RoundingMode.POSITIONS)
    document = till.receipt(
        goods(26_000, 2470, discount=per_cent(1000)),
        goods(10_000, discount=per_cent(500)),
        goods(25_000, markup=off(7_000)),
        goods(48_000, 3200),
        goods(50_000, 3852),
    )
    assert [line.sum_minor for line in document.lines] == [57_800, 9_500, 32_000, 153_600, 192_600]
    assert [line.discount_minor for line in document.lines[:2]] == [6_400, 500]
    assert document.lines[0].rounding_minor == -20
    assert document.rounding == "positions"


# The line.


@pytest.mark.parametrize(
    ("price_minor", "quantity_milli", "sum_minor"),
    [(4590, 350, 1607), (1, 499, 0), (1, 500, 1), (333, 1, 0), (0, 1000, 0), (1, 1_000_000_000, 1_000_000)],
)
def test_a_line_is_price_by_quantity_rounded_once(
    price_minor: int, quantity_milli: int, sum_minor: int
) -> None:
    document = belarusian_till().receipt(goods(price_minor, quantity_milli))
    assert document.total_minor == document.lines[0].sum_minor == sum_minor


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "я" * 251}, "name"),
        ({"quantity_milli": 0}, "quantity_milli"),
        ({"quantity_milli": -1}, "quantity_milli"),
        ({"quantity_milli": 1_000_000_001}, "quantity_milli"),
        ({"price_minor": -1}, "price_minor"),
        ({"section": -1}, "section"),
        ({"section": 65_536}, "section"),
        ({"unit": 0}, "unit"),
        ({"unit": 100_000}, "unit"),
        ({"code": ""}, "code"),
        ({"code": "1" * 65}, "code"),
        ({"barcode": ""}, "barcode"),
        ({"barcode": "1" * 65}, "barcode"),
        ({"excise": ""}, "excise"),
        ({"excise": "1" * 257}, "excise"),
        ({"ntin": "020020060519"}, "ntin"),
        ({"ntin": "0200200605191\n"}, "ntin"),
        ({"marking": ""}, "marking"),
        ({"marking": "1" * 257}, "marking"),
        ({"markings": ("",)}, "markings"),
        ({"marking": "1", "markings": ("2",)}, "markings"),
        ({"tax_rate": 1600, "is_untaxed": True}, "tax_rate"),
    ],
)
def test_refuses_a_line_that_cannot_be_written_down(said: dict[str, Any], field: str) -> None:
    refusal = refused(kazakh_till(), goods(100), goods(**({"price_minor": 100} | said)))
    assert isinstance(refusal, rules.LineInvalid)
    assert refusal.facts == {"line": 2, "field": field}


def test_takes_a_line_of_the_longest_fields() -> None:
    line = goods(
        100,
        name="я" * 250,
        section=65_535,
        unit=99_999,
        code="1" * 64,
        barcode="2" * 64,
        excise="3" * 256,
        marking="4" * 256,
        ntin="0200200605191",
    )
    taken = kazakh_till().receipt(line).lines[0]
    assert (taken.name, taken.section, taken.unit, taken.code) == (line.name, 65_535, 99_999, line.code)
    assert (taken.barcode, taken.excise, taken.marking, taken.ntin) == (
        line.barcode,
        line.excise,
        line.marking,
        line.ntin,
    )


def test_a_line_without_section_takes_the_registers() -> None:
    document = kazakh_till(section=7).receipt(goods(100), goods(100, section=0))
    assert [line.section for line in document.lines] == [7, 0]


def test_refuses_an_empty_basket() -> None:
    assert isinstance(refused(kazakh_till()), rules.EmptyBasket)
    assert isinstance(refused(kazakh_till(), goods(100, is_struck=True)), rules.EmptyBasket)


def test_holds_two_thousand_lines_and_no_more() -> None:
    till = kazakh_till()
    assert len(till.receipt(*[goods(100)] * LINES_MAX).lines) == LINES_MAX
    refusal = refused(till, *[goods(100)] * (LINES_MAX + 1))
    assert isinstance(refusal, rules.TooManyLines)
    assert refusal.facts == {"lines": LINES_MAX + 1, "lines_max": LINES_MAX}


# Marking codes.


def test_marking_codes_are_as_many_as_the_pieces() -> None:
    till = kazakh_till()
    codes = ("a", "b", "c")
    assert till.receipt(goods(100, 3000, markings=codes)).lines[0].markings == codes
    for quantity, said in ((2000, codes), (4000, codes), (2500, codes), (3000, ("a", "b", "a"))):
        refusal = refused(till, goods(100, quantity, markings=said))
        assert isinstance(refusal, rules.MarkingsCount)
        assert refusal.facts == {"line": 1, "quantity_milli": quantity, "markings": 3}


def test_one_marking_code_is_one_piece() -> None:
    till = kazakh_till()
    assert till.receipt(goods(100, marking="a")).lines[0].marking == "a"
    assert isinstance(refused(till, goods(100, 2000, marking="a")), rules.MarkingsCount)


def test_holds_a_thousand_marking_codes_and_no_more() -> None:
    till = kazakh_till()
    codes = tuple(str(code) for code in range(1001))
    assert len(till.receipt(goods(100, 1_000_000, markings=codes[:1000])).lines[0].markings) == 1000
    assert isinstance(refused(till, goods(100, 1_001_000, markings=codes)), rules.MarkingsCount)


# Rates of tax.


@pytest.mark.parametrize(
    ("moment", "rate", "tax_minor"),
    [
        (datetime(2025, 12, 31, 18, 59, 59, 999_999, tzinfo=UTC), 1200, 5_357),
        (datetime(2025, 12, 31, 19, 0, tzinfo=UTC), 1600, 6_897),
    ],
)
def test_the_rate_changes_with_the_year_of_almaty(moment: datetime, rate: int, tax_minor: int) -> None:
    till = kazakh_till()
    till.now = moment
    line = till.receipt(goods(50_000)).lines[0]
    assert (line.tax_rate, line.tax_minor) == (rate, tax_minor)
    other = 2800 - rate
    refusal = refused(till, goods(100), goods(100, tax_rate=other))
    assert isinstance(refusal, rules.TaxRateUnknown)
    assert refusal.facts == {"line": 2, "rate": other}


def test_every_position_has_its_own_rate() -> None:
    document = belarusian_till().receipt(
        goods(12_000),
        goods(11_000, tax_rate=1000),
        goods(12_500, tax_rate=2500),
        goods(100, tax_rate=0),
        goods(100, is_untaxed=True),
    )
    assert [line.tax_rate for line in document.lines] == [2000, 1000, 2500, 0, None]
    assert [line.tax_minor for line in document.lines] == [2_000, 1_000, 2_500, 0, 0]


def test_a_registers_own_rate_is_that_of_what_names_none() -> None:
    document = kazakh_till(vat_rate=500).receipt(goods(10_500), goods(11_600, tax_rate=1600))
    assert [line.tax_minor for line in document.lines] == [500, 1_600]


def test_who_pays_no_tax_sells_without_it_and_can_state_none() -> None:
    till = kazakh_till(is_vat_payer=False, vat_rate=1600)
    assert till.receipt(goods(100)).lines[0].tax_rate is None
    refusal = refused(till, goods(100, tax_rate=1600))
    assert isinstance(refusal, rules.TaxRateUnknown)
    assert refusal.facts == {"line": 1, "rate": 1600}
    modifier = ReceiptModifier(change=off(1), tax_rate=1600)
    assert isinstance(refused(till, goods(100), modifiers=(modifier,)), rules.TaxRateUnknown)


def test_a_rate_of_a_modifier_must_hold_as_well() -> None:
    for modifier in (
        ReceiptModifier(change=off(1), tax_rate=1200),
        ReceiptModifier(change=off(1), tax_rate=1600, is_untaxed=True),
    ):
        refusal = refused(kazakh_till(), goods(100), modifiers=(modifier,))
        assert isinstance(refusal, rules.TaxRateUnknown)
        assert refusal.facts == {"line": 0, "rate": modifier.tax_rate}


# Discounts and markups.


def test_a_share_is_of_the_line_before_its_modifiers() -> None:
    till = kazakh_till(modifier_unit=ModifierUnit.PERCENT, are_both_modifiers_allowed=True)
    line = till.receipt(goods(9_900, discount=per_cent(1000), markup=per_cent(500))).lines[0]
    assert (line.discount_minor, line.markup_minor, line.sum_minor) == (990, 495, 9_405)


def test_a_share_rounds_half_a_unit_up() -> None:
    till = belarusian_till(modifier_unit=ModifierUnit.PERCENT)
    assert till.receipt(goods(5, discount=per_cent(1000))).lines[0].discount_minor == 1
    assert till.receipt(goods(4, discount=per_cent(1000))).lines[0].discount_minor == 0


def test_refuses_what_is_not_stated_as_the_register_is_set() -> None:
    sums, shares = kazakh_till(), kazakh_till(modifier_unit=ModifierUnit.PERCENT)
    cases = (
        (sums, goods(100, discount=per_cent(1000)), "sum"),
        (sums, goods(100, markup=per_cent(1000)), "sum"),
        (sums, goods(100, discount=Change()), "sum"),
        (sums, goods(100, discount=Change(share=1, sum_minor=1)), "sum"),
        (sums, goods(100, discount=off(-1)), "sum"),
        (shares, goods(100, discount=off(10)), "percent"),
        (shares, goods(100, discount=per_cent(-1)), "percent"),
    )
    for till, line, unit in cases:
        refusal = refused(till, goods(1), line)
        assert isinstance(refusal, rules.ModifierUnit)
        assert refusal.facts == {"line": 2, "unit": unit}
    receipt = refused(sums, goods(100), modifiers=(ReceiptModifier(change=per_cent(100)),))
    assert receipt.facts == {"line": 0, "unit": "sum"}


def test_a_markup_may_be_a_sum_whatever_the_unit() -> None:
    till = kazakh_till(modifier_unit=ModifierUnit.PERCENT)
    assert till.receipt(goods(25_000, markup=off(7_000))).total_minor == 32_000


def test_never_both_a_discount_and_a_markup_unless_the_register_may() -> None:
    line = goods(1_000, discount=off(100), markup=off(300))
    both = (ReceiptModifier(change=off(200)), ReceiptModifier(change=off(300), is_markup=True))
    till = kazakh_till()
    for place, refusal in (
        (2, refused(till, goods(100), line)),
        (0, refused(till, goods(1_000), modifiers=both)),
    ):
        assert isinstance(refusal, rules.BothModifiers)
        assert refusal.facts == {"line": place}
    till = kazakh_till(are_both_modifiers_allowed=True)
    assert till.receipt(line, modifiers=both).total_minor == 1_300


def test_nothing_off_is_no_discount() -> None:
    document = kazakh_till(may_discount_lines=False, may_discount_receipt=False).receipt(
        goods(1_000, discount=off(0), markup=off(0)), modifiers=(ReceiptModifier(change=off(0)),)
    )
    assert (document.total_minor, document.modifiers) == (1_000, ())


def test_refuses_modifiers_where_the_register_gives_none() -> None:
    till = kazakh_till(may_discount_lines=False, may_discount_receipt=False)
    for place, refusal in (
        (1, refused(till, goods(100, markup=off(1)))),
        (0, refused(till, goods(100), modifiers=(ReceiptModifier(change=off(1)),))),
    ):
        assert isinstance(refusal, rules.ModifierNotAllowed)
        assert refusal.facts == {"line": place}


def test_belarus_knows_one_discount_and_one_markup_a_receipt() -> None:
    till = belarusian_till(are_both_modifiers_allowed=True)
    one = (ReceiptModifier(change=off(10)), ReceiptModifier(change=off(30), is_markup=True))
    assert till.receipt(goods(100), modifiers=one).total_minor == 120
    for modifiers in ((one[0], one[0]), (one[1], one[1])):
        assert isinstance(refused(till, goods(100), modifiers=modifiers), rules.ModifierNotAllowed)
    assert kazakh_till().receipt(goods(10_000), modifiers=(one[0],) * 10).discount_minor == 100


def test_a_discount_takes_all_of_a_line_and_no_more() -> None:
    till = kazakh_till()
    assert till.receipt(goods(1_000), goods(500, discount=off(500))).total_minor == 1_000
    refusal = refused(till, goods(1_000), goods(500, discount=off(501)))
    assert isinstance(refusal, rules.DiscountTooLarge)
    assert refusal.facts == {"line": 2, "discount_minor": 501, "from_minor": 500}


def test_a_discount_takes_all_of_a_receipt_and_no_more() -> None:
    till = kazakh_till()
    free = till.receipt(goods(333), goods(334), modifiers=(ReceiptModifier(change=off(667)),))
    assert (free.total_minor, tax(free), free.payments) == (0, 0, Payments())
    refusal = refused(till, goods(333), goods(334), modifiers=(ReceiptModifier(change=off(668)),))
    assert isinstance(refusal, rules.DiscountTooLarge)
    assert refusal.facts == {"line": 0, "discount_minor": 668, "from_minor": 667}


def test_a_discount_at_a_rate_takes_only_goods_of_that_rate() -> None:
    till = belarusian_till()
    lines = (goods(1_000), goods(5_000, tax_rate=1000))
    taken = till.receipt(*lines, modifiers=(ReceiptModifier(change=off(1_000), tax_rate=2000),))
    assert tax(taken) == taken.lines[1].tax_minor
    refusal = refused(till, *lines, modifiers=(ReceiptModifier(change=off(1_001), tax_rate=2000),))
    assert isinstance(refusal, rules.DiscountTooLarge)
    assert refusal.facts == {"line": 0, "discount_minor": 1_001, "from_minor": 1_000}


def test_no_more_tax_is_taken_off_than_there_is() -> None:
    """A sixth of two kopecks is no tax; of five it would be one."""
    document = belarusian_till().receipt(
        goods(2), goods(2), goods(2), modifiers=(ReceiptModifier(change=off(5)),)
    )
    assert (document.total_minor, tax(document)) == (1, 0)


def test_a_whole_share_takes_all_of_a_rounded_position() -> None:
    till = kazakh_till(modifier_unit=ModifierUnit.PERCENT, rounding=RoundingMode.POSITIONS)
    line = till.receipt(goods(64_260, discount=per_cent(10_000))).lines[0]
    assert (line.discount_minor, line.rounding_minor, line.sum_minor) == (64_260, 0, 0)


def test_an_untaxed_discount_leaves_the_tax_alone() -> None:
    modifier = ReceiptModifier(change=off(900), is_untaxed=True, name="Бонусы")
    document = kazakh_till().receipt(goods(1_000), modifiers=(modifier,))
    assert (document.total_minor, tax(document)) == (100, document.lines[0].tax_minor)
    assert (document.modifiers[0].name, document.modifiers[0].shares[0].tax_rate) == ("Бонусы", None)


def test_a_receipts_discount_is_shared_out_over_the_rates() -> None:
    document = belarusian_till().receipt(
        goods(10_000),
        goods(20_000, tax_rate=1000),
        goods(10_000),
        modifiers=(ReceiptModifier(change=off(1_000)),),
    )
    shares = document.modifiers[0].shares
    assert [(share.tax_rate, share.sum_minor, share.tax_minor) for share in shares] == [
        (2000, 500, 83),
        (1000, 500, 45),
    ]


def test_a_markup_is_put_on_before_a_discount_is_taken_off() -> None:
    till = kazakh_till(are_both_modifiers_allowed=True)
    modifiers = (ReceiptModifier(change=off(150)), ReceiptModifier(change=off(50), is_markup=True))
    document = till.receipt(goods(100), modifiers=modifiers)
    assert document.total_minor == 0
    assert [modifier.markup for modifier in document.modifiers] == [False, True]


@pytest.mark.parametrize("name", ["", "я" * 251])
def test_refuses_a_modifier_whose_name_no_document_holds(name: str) -> None:
    refusal = refused(kazakh_till(), goods(100), modifiers=(ReceiptModifier(change=off(1), name=name),))
    assert isinstance(refusal, rules.LineInvalid)
    assert refusal.facts == {"line": 0, "field": "name"}


# Storno.


def test_what_is_struck_stays_in_the_record_and_out_of_every_sum() -> None:
    document = kazakh_till().receipt(
        goods(1_000, discount=off(100), is_discount_struck=True),
        goods(7_000, discount=off(3), is_struck=True),
        goods(2_000, markup=off(200), is_markup_struck=True),
        goods(500),
    )
    assert (document.total_minor, len(document.lines)) == (3_500, 3)
    assert document.discount_minor == document.markup_minor == 0
    first, second, third = document.stornos
    assert first == Storno(discount_minor=100, place=1)
    assert second.place == 2
    assert second.line is not None
    assert (second.line.sum_minor, second.line.discount_minor) == (6_997, 3)
    assert third == Storno(markup_minor=200, place=3)


def test_striking_one_of_both_modifiers_leaves_the_other_allowed() -> None:
    line = goods(1_000, discount=off(100), markup=off(300), is_discount_struck=True)
    document = kazakh_till().receipt(line)
    assert (document.total_minor, document.lines[0].markup_minor) == (1_300, 300)


def test_a_line_that_is_struck_must_be_right_all_the_same() -> None:
    refusal = refused(kazakh_till(), goods(100), goods(100, name="", is_struck=True))
    assert refusal.facts == {"line": 2, "field": "name"}


# Currency.


def test_an_exchange_office_sells_currency_without_tax() -> None:
    till = kazakh_till(is_exchange_office=True)
    document = till.receipt(goods(52_035, 100_000, name="Доллар США", currency="USD"))
    line = document.lines[0]
    assert (line.currency, line.sum_minor, line.tax_rate) == ("USD", 5_203_500, None)


def test_nobody_else_sells_currency() -> None:
    refusal = refused(kazakh_till(), goods(100), goods(52_035, currency="USD"))
    assert isinstance(refusal, rules.ExchangeNotAllowed)
    assert refusal.facts == {"line": 2}


@pytest.mark.parametrize("currency", ["KZT", "usd", "USDT", "USD\n"])
def test_refuses_what_is_no_foreign_currency(currency: str) -> None:
    refusal = refused(kazakh_till(is_exchange_office=True), goods(52_035, currency=currency))
    assert refusal.facts == {"line": 1, "field": "currency"}


# The largest sums.


def test_the_largest_sum_is_taken_and_one_more_is_refused() -> None:
    assert kazakh_till().receipt(goods(SUM_MAX)).total_minor == SUM_MAX
    plus = ReceiptModifier(change=off(100), is_markup=True)
    for lines, said in (
        ((goods(SUM_MAX + 1, 1),), {}),
        ((goods(SUM_MAX, 1001),), {}),
        ((goods(SUM_MAX), goods(1, 1000)), {}),
        ((goods(SUM_MAX, markup=off(1)),), {}),
        ((goods(1), goods(1, markup=off(SUM_MAX))), {}),
        ((goods(SUM_MAX),), {"modifiers": (plus,)}),
        ((goods(1, discount=off(SUM_MAX + 1)),), {}),
        ((goods(SUM_MAX),), {"modifiers": (plus, ReceiptModifier(change=off(100)))}),
    ):
        refusal = refused(kazakh_till(are_both_modifiers_allowed=True), *lines, **said)
        assert isinstance(refusal, rules.SumTooLarge)
        assert refusal.facts["sum_max_minor"] == SUM_MAX


# Properties.

_lines = st.lists(
    st.tuples(
        st.integers(0, 100_000),
        st.integers(1, 50_000),
        st.integers(0, 10_000),
        st.sampled_from([2000, 1000, 2500, 0, None]),
    ),
    min_size=1,
    max_size=6,
)


def priced(lines: list[tuple[int, int, int, int | None]]) -> list[BasketLine]:
    return [
        goods(
            price,
            quantity,
            discount=per_cent(share),
            tax_rate=rate,
            is_untaxed=rate is None,
        )
        for price, quantity, share, rate in lines
    ]


@given(_lines, st.integers(0, 10_000), st.integers(0, 10_000))
def test_modifiers_never_take_a_rate_below_nought(
    lines: list[tuple[int, int, int, int | None]], discount: int, markup: int
) -> None:
    till = belarusian_till(modifier_unit=ModifierUnit.PERCENT, are_both_modifiers_allowed=True)
    document = till.receipt(
        *priced(lines),
        modifiers=(
            ReceiptModifier(change=per_cent(discount)),
            ReceiptModifier(change=per_cent(markup), is_markup=True),
        ),
    )
    turnover: dict[int | None, int] = {}
    taxes: dict[int | None, int] = {}
    for line in document.lines:
        turnover[line.tax_rate] = turnover.get(line.tax_rate, 0) + line.sum_minor
        taxes[line.tax_rate] = taxes.get(line.tax_rate, 0) + line.tax_minor
    for modifier in document.modifiers:
        sign = 1 if modifier.markup else -1
        assert sum(share.sum_minor for share in modifier.shares) == modifier.sum_minor
        for share in modifier.shares:
            turnover[share.tax_rate] += sign * share.sum_minor
            taxes[share.tax_rate] += sign * share.tax_minor
    assert min(turnover.values()) >= 0
    assert min(taxes.values()) >= 0
    assert sum(turnover.values()) == document.total_minor
    assert all(taxes[rate] == 0 for rate in taxes if not turnover[rate])


@given(_lines, st.sampled_from(RoundingMode))
def test_a_total_is_the_lines_less_discount_with_markup_and_rounding(
    lines: list[tuple[int, int, int, int | None]], rounding: RoundingMode
) -> None:
    till = kazakh_till(modifier_unit=ModifierUnit.PERCENT, rounding=rounding)
    entries = [goods(price, quantity, discount=per_cent(share)) for price, quantity, share, _ in lines]
    document = till.receipt(*entries, modifiers=(ReceiptModifier(change=per_cent(777)),))
    for line in document.lines:
        exact = line_sum(line.price_minor, line.quantity_milli, line.discount_minor, line.markup_minor)
        assert line.sum_minor == exact + line.rounding_minor
        assert line.tax_minor == tax_inside(line.sum_minor, line.tax_rate)
        if rounding is RoundingMode.POSITIONS:
            assert line.sum_minor % 100 == 0
            assert -50 < line.rounding_minor <= 50
        else:
            assert line.rounding_minor == 0
    lines_minor = sum(line.sum_minor for line in document.lines)
    exact = lines_minor - document.discount_minor + document.markup_minor
    assert document.total_minor == exact + document.rounding_minor
    assert -50 < document.rounding_minor <= 50
    # It is paid in cash, which is whole whatever the mode.
    assert document.total_minor % 100 == 0
