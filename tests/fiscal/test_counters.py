"""What a register counts, and what its reports state of it, field by field."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict, replace

from portal.fiscal import rules
from portal.fiscal.commands import ReceiptModifier, RoundingMode, Taken
from portal.fiscal.counters import Counters, Movement, Operation, open_shift
from portal.fiscal.documents import (
    OPERATIONS,
    SUM_MAX,
    CashierTotals,
    Document,
    MovementTotals,
    OperationName,
    OperationTotals,
    Payments,
    SectionTotals,
    ShiftReport,
    TaxTotals,
    Totals,
)
from portal.fiscal.register import decode, encode
from portal.fiscal.statements import checksum
from tests.fiscal.tills import BASIS, CASHIER, Till, belarusian_till, goods, kazakh_till, off


def report(document: Document) -> ShiftReport:
    assert document.report is not None
    return document.report


def totals(document: Document) -> Totals:
    assert document.totals is not None
    return document.totals


def operation(document: Document, name: OperationName = "sale") -> OperationTotals:
    return report(document).operations[OPERATIONS.index(name)]


def test_states_every_field_of_a_kind_of_receipt() -> None:
    till = belarusian_till(are_both_modifiers_allowed=True)
    till.receipt(
        goods(10_000, discount=off(1_000), markup=off(200)),
        goods(500, 3000, markup=off(100)),
        modifiers=(ReceiptModifier(change=off(900)), ReceiptModifier(change=off(100), is_markup=True)),
        payments=Payments(card_minor=5_000, mobile_minor=1_000, other_minor=500, cash_minor=5_000),
    )
    till.receipt(goods(1_200, discount=off(200)), payments=Payments(cash_minor=1_500))
    assert operation(till.x_report()) == OperationTotals(
        card_count=1,
        card_minor=5_000,
        cash_count=2,
        cash_minor=4_500,
        change_minor=2_000,
        count=2,
        discount_count=3,
        discount_minor=2_100,
        item_count=3,
        item_minor=12_700,
        life_count=2,
        markup_count=3,
        markup_minor=400,
        mobile_count=1,
        mobile_minor=1_000,
        non_nullable_minor=11_000,
        operation="sale",
        other_count=1,
        other_minor=500,
        sum_minor=11_000,
        taken_minor=13_000,
        # 9 200 and 1 600, less 900 and plus 100, then 1 000: a sixth of each.
        tax_minor=1_533 + 267 - 150 + 17 + 167,
    )


def test_a_payment_is_counted_where_it_took_part() -> None:
    till = belarusian_till()
    for kind in ("cash", "card", "mobile", "other"):
        till.sell(100, **{f"{kind}_minor": 100})
    stated = operation(till.x_report())
    assert (stated.cash_count, stated.card_count, stated.mobile_count, stated.other_count) == (1, 1, 1, 1)


def test_what_was_taken_less_the_change_is_what_was_paid() -> None:
    """As published: 1 288 503 − 53 534 = 937 315 + 297 654."""
    till = kazakh_till()
    till.sell(123_496_900, cash_minor=99_084_900, card_minor=29_765_400)
    stated = operation(till.close())
    assert (stated.taken_minor, stated.change_minor) == (128_850_300, 5_353_400)
    assert (stated.cash_minor, stated.card_minor) == (93_731_500, 29_765_400)


def test_a_position_is_told_before_its_rounding_and_its_modifiers() -> None:
    till = kazakh_till()
    till.receipt(goods(26_000, 2470, discount=off(6_400)), rounding=RoundingMode.POSITIONS)
    stated = operation(till.x_report())
    assert (stated.item_minor, stated.discount_minor, stated.sum_minor) == (64_220, 6_400, 57_800)


def test_sums_that_are_never_reset_go_on_from_shift_to_shift() -> None:
    till = belarusian_till()
    for shift, start in ((1, 0), (2, 3_000), (3, 6_000)):
        till.sell(1_000)
        till.refund(till.sell(2_000), taken=(Taken(place=1, quantity_milli=500),))
        closed = till.close()
        sale, refund = operation(closed), operation(closed, "sale_refund")
        assert (sale.count, sale.life_count, sale.sum_minor) == (2, 2 * shift, 3_000)
        assert (sale.start_non_nullable_minor, sale.non_nullable_minor) == (start, start + 3_000)
        assert (refund.life_count, refund.non_nullable_minor) == (shift, 1_000 * shift)
        till.open()


def test_movements_are_counted_for_the_shift_and_for_life() -> None:
    till = kazakh_till()
    till.cash(5_000)
    till.cash(1_000)
    till.cash(-500)
    closed = till.close()
    assert report(closed).cash_in == MovementTotals(count=2, life_count=2, sum_minor=6_000)
    assert report(closed).cash_out == MovementTotals(count=1, life_count=1, sum_minor=500)
    till.cash(100)
    assert report(till.x_report()).cash_in == MovementTotals(count=1, life_count=3, sum_minor=100)


def test_sections_count_positions_and_what_remains_is_revenue() -> None:
    till = belarusian_till(may_purchase=True)
    till.receipt(goods(100, section=2), goods(200, section=2, discount=off(50)), goods(400))
    till.receipt(goods(30, section=2), kind="sale_refund")
    till.receipt(goods(20), kind="purchase")
    till.receipt(goods(10), kind="purchase_refund")
    stated = report(till.x_report())
    assert stated.sections == (
        SectionTotals(count=1, operation="sale", section=0, sum_minor=400),
        SectionTotals(count=1, operation="purchase", section=0, sum_minor=20),
        SectionTotals(count=1, operation="purchase_refund", section=0, sum_minor=10),
        SectionTotals(count=2, operation="sale", section=2, sum_minor=250),
        SectionTotals(count=1, operation="sale_refund", section=2, sum_minor=30),
    )
    assert stated.revenue_minor == 650 - 30 - 20 + 10


def test_revenue_may_be_less_than_nothing() -> None:
    till = kazakh_till()
    till.cash(1_000)
    till.receipt(goods(700), kind="sale_refund", basis_receipt=BASIS)
    assert report(till.x_report()).revenue_minor == -700


def test_taxes_are_told_by_rate_with_what_modifiers_put_on_it() -> None:
    till = belarusian_till()
    till.receipt(
        goods(12_000),
        goods(11_000, tax_rate=1000),
        goods(5_000, is_untaxed=True),
        goods(300, tax_rate=0),
        modifiers=(ReceiptModifier(change=off(1_200), tax_rate=2000),),
    )
    stated = report(till.x_report())
    assert stated.taxes == (
        TaxTotals(operation="sale", tax_minor=0, tax_rate=0, turnover_minor=300),
        TaxTotals(operation="sale", tax_minor=1_000, tax_rate=1000, turnover_minor=11_000),
        TaxTotals(operation="sale", tax_minor=1_800, tax_rate=2000, turnover_minor=10_800),
    )
    assert stated.operations[0].tax_minor == 2_800


def test_cashiers_are_told_apart_by_name_and_code() -> None:
    till = belarusian_till()
    till.receipt(goods(1_000), cashier="Б", cashier_code=2, payments=Payments(cash_minor=1_500))
    sold = till.receipt(goods(600), cashier="Б", cashier_code=1, payments=Payments(card_minor=600))
    till.receipt(goods(50), cashier="А", payments=Payments(mobile_minor=20, other_minor=30))
    till.refund(sold, cashier="А")
    till.cash(70)
    till.cash(-20)
    assert report(till.x_report()).cashiers == (
        CashierTotals(
            mobile_minor=20,
            name="А",
            other_minor=30,
            receipt_count=2,
            refund_count=1,
            refund_minor=600,
            sale_count=1,
            sale_minor=50,
        ),
        CashierTotals(card_minor=600, code=1, name="Б", receipt_count=1, sale_count=1, sale_minor=600),
        CashierTotals(cash_minor=1_000, code=2, name="Б", receipt_count=1, sale_count=1, sale_minor=1_000),
        CashierTotals(cash_in_minor=70, cash_out_minor=20, name="Мадиева А. А."),
    )


def test_sections_rates_and_cashiers_have_no_limit() -> None:
    till = belarusian_till()
    for section in range(300):
        till.receipt(goods(100, section=section), cashier=f"Кассир {section}")
    stated = report(till.close())
    assert [entry.section for entry in stated.sections] == list(range(300))
    assert len(stated.cashiers) == 300


def test_an_annulment_that_stands_is_counted_beside_what_it_annuls() -> None:
    till = belarusian_till()
    till.sell(300)
    till.annul(till.sell(1_000))
    closed = till.close()
    stated = report(closed)
    assert (stated.annulled_count, stated.annulled_minor, stated.annulled_life_count) == (1, 1_000, 1)
    assert (operation(closed).count, operation(closed).sum_minor, stated.receipt_count) == (2, 1_300, 3)
    assert (stated.cash_minor, stated.revenue_minor) == (300, 1_300)
    assert totals(closed) == Totals(
        annulment_count=1, annulment_minor=1_000, cash_minor=300, sale_count=2, sale_minor=1_300
    )
    till.open()
    till.annul(till.sell(1_000))
    assert report(till.x_report()).annulled_life_count == 2


def test_what_the_operator_refused_never_was() -> None:
    till = kazakh_till(may_purchase=True, are_both_modifiers_allowed=True)
    till.cash(50_000)
    till.receipt(goods(1_000, section=2), cashier="Б")
    before = till.x_report()
    act: list[Document] = [
        till.receipt(
            goods(7_000, discount=off(100), section=9),
            goods(500, tax_rate=500),
            modifiers=(ReceiptModifier(change=off(200)), ReceiptModifier(change=off(50), is_markup=True)),
            payments=Payments(card_minor=1_050, cash_minor=10_000),
            cashier="В",
        ),
        till.receipt(goods(300), kind="sale_refund", basis_receipt=BASIS),
        till.receipt(goods(400), kind="purchase"),
        till.receipt(goods(500), kind="purchase_refund", basis_receipt=BASIS),
        till.cash(900),
        till.cash(-800),
    ]
    for document in act:
        till.annul(document, is_refused=True)
    after = till.x_report()
    assert after.ordinal == before.ordinal + 8 + 1

    def sums(document: Document) -> dict[str, Any]:
        """All but the counts of documents, which were issued all the same."""
        stated = asdict(report(document))
        stated["cashiers"] = [
            replace(cashier, receipt_count=0)
            for cashier in stated["cashiers"]
            if replace(cashier, receipt_count=0) != CashierTotals(name=cashier.name)
        ]
        return {name: value for name, value in stated.items() if name not in ("receipt_count", "checksum")}

    assert sums(after) == sums(before)
    assert {cashier.name: cashier.receipt_count for cashier in report(after).cashiers} == {
        "Б": 1,
        "В": 1,
        CASHIER: 3 + 4,
    }
    assert totals(after) == replace(
        totals(before),
        annulment_count=4,
        annulment_minor=act[0].total_minor + 1_200,
        sale_count=2,
        sale_minor=1_000 + act[0].total_minor,
        refund_count=1,
        refund_minor=300,
        purchase_count=1,
        purchase_minor=400,
        purchase_refund_count=1,
        purchase_refund_minor=500,
        cash_in_minor=50_000 + 900 + 800,
        cash_out_minor=900 + 800,
    )


def test_a_new_shift_forgets_what_was_refused() -> None:
    till = kazakh_till()
    till.annul(till.sell(1_000), is_refused=True)
    till.close()
    till.sell(500)
    assert totals(till.x_report()) == Totals(cash_minor=500, sale_count=1, sale_minor=500)


def test_a_closed_register_still_knows_its_last_shift() -> None:
    till = kazakh_till()
    till.sell(500)
    till.close()
    assert till.register.counters.operations[0].sum_minor == 500
    till.cash(100)
    assert till.register.counters.operations[0] == Operation(
        life_count=1, non_nullable_minor=500, start_non_nullable_minor=500
    )


def test_only_what_lasts_for_life_enters_a_new_shift() -> None:
    full = Operation(*range(1, 24))
    moved = Movement(1, 2, 3, 4)
    counters = Counters(
        operations=(full, full, full, full),
        cash_in=moved,
        cash_out=moved,
        sections=((1, 1, 1, 1),),
        taxes=((1, 1, 1, 1),),
        cashiers=(("А", 1, *range(11)),),
        annulled_count=1,
        annulled_minor=2,
        annulled_life_count=3,
        receipts=4,
        reports=5,
        movements=6,
        voids=Totals(),
    )
    fresh = Operation(life_count=21, non_nullable_minor=22, start_non_nullable_minor=22)
    assert open_shift(counters) == Counters(
        operations=(fresh, fresh, fresh, fresh),
        cash_in=Movement(life_count=4),
        cash_out=Movement(life_count=4),
        annulled_life_count=3,
    )


def test_a_report_carries_its_own_check_sum() -> None:
    till = kazakh_till()
    till.sell(500)
    stated = report(till.x_report())
    assert stated.checksum == checksum(stated) == checksum(replace(stated, checksum=None))
    assert checksum(replace(stated, cash_minor=501)) != stated.checksum


def test_x_tells_what_z_will_but_for_the_close() -> None:
    till = kazakh_till()
    opened_at = till.now
    till.sell(500)
    till.later(hours=1)
    x, z = report(till.x_report()), report(till.close())
    assert (x.opened_at, x.closed_at) == (opened_at, None)
    assert replace(z, closed_at=None, checksum=x.checksum) == x
    assert z.closed_at == till.now


# Nothing is counted that no report could state.


def _near(till: Till, **sums: int) -> None:
    """Put the sales of a till's shift near the largest sum."""
    counters = till.register.counters
    sale = replace(counters.operations[0], **sums)
    till.register = replace(
        till.register, counters=replace(counters, operations=(sale, *counters.operations[1:]))
    )


@pytest.mark.parametrize("name", ["sum_minor", "taken_minor", "item_minor"])
def test_a_shift_holds_the_largest_sum_and_not_one_more(name: str) -> None:
    till = belarusian_till()
    _near(till, **{name: SUM_MAX - 100})
    till.sell(100, card_minor=100)
    till.x_report()
    before = till.register
    with pytest.raises(rules.SumTooLarge) as caught:
        till.sell(1, card_minor=1)
    assert caught.value.facts == {"sum_minor": SUM_MAX + 1, "sum_max_minor": SUM_MAX}
    assert till.register == before


def test_the_sum_of_a_whole_life_is_bounded_too() -> None:
    till = belarusian_till()
    _near(till, non_nullable_minor=9_000_000_000_000_000_000)
    with pytest.raises(rules.SumTooLarge):
        till.sell(1, card_minor=1)


def test_items_and_markups_are_bounded_together() -> None:
    till = kazakh_till()
    till.receipt(goods(SUM_MAX // 2, discount=off(SUM_MAX // 2)))
    till.receipt(goods(SUM_MAX // 2, discount=off(SUM_MAX // 2)))
    with pytest.raises(rules.SumTooLarge):
        till.receipt(goods(1, markup=off(100)))
    till = kazakh_till(are_both_modifiers_allowed=True)
    free = goods(0, markup=off(SUM_MAX), discount=off(SUM_MAX))
    till.receipt(free)
    till.x_report()
    with pytest.raises(rules.SumTooLarge):
        till.receipt(free)


def test_the_rounding_of_positions_is_bounded_with_its_section() -> None:
    till = kazakh_till(rounding=RoundingMode.POSITIONS)
    till.receipt(goods(SUM_MAX - 100), payments=Payments(card_minor=SUM_MAX - 100))
    modifiers = (ReceiptModifier(change=off(200)),)
    with pytest.raises(rules.SumTooLarge):
        till.receipt(goods(50), goods(50), modifiers=modifiers, payments=Payments())
    till.receipt(goods(49), goods(50), modifiers=(ReceiptModifier(change=off(100)),), payments=Payments())
    assert till.x_report().report


def test_revenue_is_bounded_though_each_kind_is_not_too_large() -> None:
    till = belarusian_till(may_purchase=True)
    till.sell(SUM_MAX, card_minor=SUM_MAX)
    with pytest.raises(rules.SumTooLarge):
        till.receipt(goods(1), kind="purchase_refund", payments=Payments(card_minor=1))
    till.receipt(goods(1), kind="sale_refund", payments=Payments(card_minor=1))
    till.receipt(goods(1), kind="purchase_refund", payments=Payments(card_minor=1))


def test_movements_and_annulments_are_bounded() -> None:
    till = belarusian_till()
    till.cash(SUM_MAX)
    till.cash(-SUM_MAX)
    with pytest.raises(rules.SumTooLarge):
        till.cash(1)
    till = belarusian_till(may_purchase=True)
    till.annul(till.sell(SUM_MAX, card_minor=SUM_MAX))
    bought = till.receipt(goods(1), kind="purchase", payments=Payments(card_minor=1))
    with pytest.raises(rules.SumTooLarge):
        till.annul(bought)


def test_what_was_refused_still_counts_towards_what_totals_can_state() -> None:
    till = kazakh_till()
    till.annul(till.sell(SUM_MAX, card_minor=SUM_MAX), is_refused=True)
    with pytest.raises(rules.SumTooLarge):
        till.sell(1, card_minor=1)
    till.annul(till.cash(SUM_MAX), is_refused=True)
    with pytest.raises(rules.SumTooLarge):
        till.cash(100)
    till.x_report()


# A shift of anything adds up.

_acts = st.lists(
    st.tuples(
        st.sampled_from(["sell", "card", "refund", "annul", "in", "out", "x", "z"]),
        st.integers(1, 3_000),
        st.integers(0, 3),
    ),
    max_size=25,
)


@given(_acts)
def test_documents_add_up_to_counters_and_to_what_reports_state(acts: list[tuple[str, int, int]]) -> None:
    till = belarusian_till()
    for act, sum_minor, section in acts:
        _act(till, act, sum_minor, section)
    closed = till.close()
    documents = [document for document in till.documents if document.shift == closed.shift]
    stated, told = report(closed), totals(closed)
    by_kind = {
        kind: [document for document in documents if document.kind == kind]
        for kind in (*OPERATIONS, "annulment", "cash_in", "cash_out")
    }
    for entry in stated.operations:
        receipts = by_kind[entry.operation]
        assert entry.count == len(receipts)
        assert entry.sum_minor == sum(receipt.total_minor for receipt in receipts)
        assert entry.taken_minor - entry.change_minor == entry.sum_minor
        assert entry.non_nullable_minor == entry.start_non_nullable_minor + entry.sum_minor
        life = [document for document in till.documents if document.kind == entry.operation]
        assert (entry.life_count, entry.non_nullable_minor) == (
            len(life),
            sum(document.total_minor for document in life),
        )
        sections = [part for part in stated.sections if part.operation == entry.operation]
        assert sum(part.count for part in sections) == entry.item_count
        assert sum(part.sum_minor for part in sections) == entry.sum_minor
    assert (told.sale_count, told.sale_minor) == (stated.operations[0].count, stated.operations[0].sum_minor)
    assert told.annulment_minor == sum(document.total_minor for document in by_kind["annulment"])
    assert told.cash_in_minor == sum(document.total_minor for document in by_kind["cash_in"])
    assert told.cash_minor == till.register.cash_minor >= 0
    assert [after.number - before.number for before, after in pairwise(till.documents)] == [1] * (
        len(till.documents) - 1
    )
    assert decode(encode(till.register)) == till.register


def _act(till: Till, act: str, sum_minor: int, section: int) -> None:
    sales = [document for document in till.documents if document.kind == "sale"]
    try:
        match act:
            case "sell":
                till.receipt(goods(sum_minor, section=section), payments=Payments(cash_minor=5_000))
            case "card":
                till.receipt(goods(sum_minor, section=section), payments=Payments(card_minor=sum_minor))
            case "refund" if sales:
                till.refund(sales[sum_minor % len(sales)], taken=(Taken(place=1, quantity_milli=400),))
            case "annul" if sales:
                till.annul(sales[sum_minor % len(sales)])
            case "in" | "out":
                till.cash(sum_minor if act == "in" else -sum_minor)
            case "x":
                till.x_report()
            case "z":
                till.close()
                till.open()
            case _:
                pass
    except (
        rules.NotEnoughCash,
        rules.MoreThanLeft,
        rules.NothingLeft,
        rules.AlreadyAnnulled,
        rules.AnnulmentNotAllowed,
    ):
        # What is refused changes nothing, which the sums above prove.
        return
