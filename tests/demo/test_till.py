"""Simulated tills issue documents that break no rule, link into a chain, and add up."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.demo.clerk import Clerk, chance_of, play_day
from portal.demo.shops import DALA_MARKET, GRAIN_AND_HONEY, Shop, hours_of
from portal.demo.till import Bill, Till, take_up
from portal.fiscal import codec
from portal.fiscal.chain import canonical, till_digest, without_digest
from portal.fiscal.checks import check
from portal.fiscal.dialects import BELARUS
from portal.fiscal.documents import Document, Line, Payments

SHOPS = (*GRAIN_AND_HONEY.shops, *DALA_MARKET.shops)
LATE = datetime(2027, 12, 31, tzinfo=UTC)
AT = datetime(2026, 5, 4, 9, tzinfo=UTC)
BREAD = Line(name="Хлеб", price_minor=250, quantity_milli=1000, sum_minor=250, tax_minor=42, tax_rate=2000)

days = st.dates(date(2025, 10, 1), date(2026, 11, 30))
shops = st.sampled_from(SHOPS)
seeds = st.integers(0, 10**6)


def play(
    shop: Shop, first: date, seed: int, *, count: int = 3, until: datetime = LATE
) -> tuple[Till, list[Document]]:
    """A register's first days."""
    stall = shop.stalls[0]
    till = Till(stall.register, shop.dialect)
    documents: list[Document] = []
    for day in (first + timedelta(days=n) for n in range(count)):
        documents += play_day(Clerk(shop, stall, till, day, chance_of(seed, stall, day)), until)
    return till, documents


@given(shops, days, seeds)
def test_breaks_no_rule_of_its_country(shop: Shop, first: date, seed: int) -> None:
    opened: dict[int, datetime] = {}
    previous: datetime | None = None
    for document in play(shop, first, seed)[1]:
        assert codec.decode(canonical(document)) == document
        remarks = check(
            document,
            dialect=shop.dialect,
            shift_opened_at=opened.setdefault(document.shift, document.issued_at),
            received_at=LATE,
            previous_issued_at=previous,
        )
        assert remarks == []
        previous = document.issued_at


@given(shops, days, seeds)
def test_numbers_and_digests_have_no_break(shop: Shop, first: date, seed: int) -> None:
    previous: str | None = None
    for number, document in enumerate(play(shop, first, seed)[1], 1):
        assert document.number == number
        assert document.previous == previous
        stated = without_digest(canonical(document), document.digest)
        assert till_digest(bytes.fromhex(previous or ""), stated).hex() == document.digest
        previous = document.digest


@given(shops, days, seeds)
def test_a_z_report_states_the_sums_of_its_shift_and_the_drawer(shop: Shop, first: date, seed: int) -> None:
    drawer = 0
    shift: list[Document] = []
    for document in play(shop, first, seed)[1]:
        cash = document.payments.cash_minor - document.change_minor
        drawer += {"sale": cash, "sale_refund": -cash, "annulment": -cash}.get(document.kind, 0)
        drawer += {"cash_in": 1, "cash_out": -1}.get(document.kind, 0) * document.total_minor
        assert drawer >= 0
        shift.append(document)
        if document.kind == "z_report":
            totals = document.totals
            assert totals is not None
            assert totals.cash_minor == drawer
            assert (totals.sale_count, totals.sale_minor) == _sums(shift, "sale")
            assert (totals.refund_count, totals.refund_minor) == _sums(shift, "sale_refund")
            assert (totals.annulment_count, totals.annulment_minor) == _sums(shift, "annulment")
            assert totals.cash_in_minor == _sums(shift, "cash_in")[1]
            assert totals.cash_out_minor == _sums(shift, "cash_out")[1]
            shift = []


def _sums(documents: list[Document], kind: str) -> tuple[int, int]:
    totals = [document.total_minor for document in documents if document.kind == kind]
    return len(totals), sum(totals)


@given(shops, days, seeds, st.integers(0, 200))
def test_a_till_is_rebuilt_from_its_last_two_shifts(shop: Shop, first: date, seed: int, dropped: int) -> None:
    _, documents = play(shop, first, seed, count=4)
    standing = documents[: max(1, len(documents) - dropped)]
    whole = take_up(shop.stalls[0].register, shop.dialect, standing)
    recent = [document for document in standing if document.shift >= standing[-1].shift - 1]
    if standing[-1].shift > 2:
        assert take_up(shop.stalls[0].register, shop.dialect, recent) == whole
    assert whole.number == standing[-1].number


@given(shops, days, seeds)
def test_what_a_rebuilt_till_holds_is_what_the_till_itself_held(shop: Shop, first: date, seed: int) -> None:
    till, documents = play(shop, first, seed, count=2)
    if documents:
        rebuilt = take_up(till.register, till.dialect, documents)
        # Whether the operator is there is decided anew with every document.
        rebuilt.autonomous = till.autonomous
        assert rebuilt == till


@given(shops, days, seeds)
def test_refunds_and_annulments_name_an_earlier_receipt_once(shop: Shop, first: date, seed: int) -> None:
    sales: dict[int, Document] = {}
    for document in play(shop, first, seed)[1]:
        if document.kind == "sale":
            sales[document.number] = document
        if document.basis is not None:
            basis = sales.pop(document.basis)
            assert document.total_minor <= basis.total_minor + 100
            if document.kind == "annulment":
                assert (document.lines, document.payments) == (basis.lines, basis.payments)


def test_a_belarusian_shift_opens_with_a_document_and_a_kazakh_one_with_the_first_operation() -> None:
    assert play(GRAIN_AND_HONEY.shops[0], date(2026, 5, 4), 1)[1][0].kind == "shift_opened"
    assert play(DALA_MARKET.shops[0], date(2026, 5, 4), 1)[1][0].kind == "cash_in"


def test_value_added_tax_in_kazakhstan_grows_with_the_new_year() -> None:
    rates = [
        {line.tax_rate for document in play(DALA_MARKET.shops[0], day, 1)[1] for line in document.lines}
        - {None}
        for day in (date(2025, 12, 27), date(2026, 1, 2))
    ]
    assert rates[0] == {1200}
    assert rates[1] >= {1600}
    assert 1200 not in rates[1]


def test_a_night_bar_closes_next_morning_within_its_business_day() -> None:
    bar = next(shop for shop in SHOPS if shop.day_starts_hour)
    last = play(bar, date(2026, 5, 8), 1, count=1)[1][-1]
    assert last.kind == "z_report"
    assert last.issued_at.date() == date(2026, 5, 9)
    assert last.issued_at.hour < bar.day_starts_hour


def test_without_its_operator_a_belarusian_till_has_no_sign_and_says_it_is_autonomous() -> None:
    shop = GRAIN_AND_HONEY.shops[0]
    hours = hours_of(shop, date(2026, 5, 4))
    assert hours is not None
    till = Till(shop.stalls[0].register, shop.dialect)
    clerk = Clerk(
        shop, shop.stalls[0], till, date(2026, 5, 4), chance_of(1, shop.stalls[0], date(2026, 5, 4))
    )
    since = hours[0] + timedelta(hours=3)
    sales = [d for d in play_day(clerk, LATE, autonomous_since=since) if d.kind == "sale"]
    assert {sale.autonomous for sale in sales if sale.issued_at < since} == {False}
    assert {(sale.autonomous, sale.fiscal_sign) for sale in sales if sale.issued_at >= since} == {
        (True, None)
    }


def test_nobody_sells_on_new_years_day() -> None:
    assert play(SHOPS[0], date(2026, 1, 1), 1, count=1)[1] == []


def test_a_till_refuses_to_sell_without_a_shift_and_to_open_one_twice() -> None:
    till = Till("T1", BELARUS)
    with pytest.raises(ValueError, match="no shift is open"):
        till.sell(AT, Bill((BREAD,)), Payments(card_minor=250), change_minor=0, cashier="Анна", sign="A1")
    till.open_shift(AT, cashier="Анна")
    with pytest.raises(ValueError, match="is open already"):
        till.open_shift(AT, cashier="Анна")


def test_a_till_refuses_to_take_out_more_than_the_drawer_holds() -> None:
    till = Till("T1", BELARUS)
    till.open_shift(AT, cashier="Анна")
    till.cash_in(AT, 500, cashier="Анна", sign="A1")
    with pytest.raises(ValueError, match="holds 500, not 501"):
        till.cash_out(AT, 501, cashier="Анна", sign="A2")
