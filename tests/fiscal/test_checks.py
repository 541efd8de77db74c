"""Every rule at its limit and one past it; a good document breaks none."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.fiscal import particulars
from portal.fiscal.checks import CODES, check
from portal.fiscal.dialects import BELARUS, KAZAKHSTAN, Dialect
from portal.fiscal.documents import KIND_BY_NAME, SUM_MAX, Document, Line, Payments, Totals
from tests.fiscal.samples import ISSUED_AT, line, manual_receipt, receipt, service_document

SECOND = timedelta(seconds=1)


def remarks(document: Document, dialect: Dialect = BELARUS, **moments: Any) -> dict[str, dict[str, object]]:
    """Code to facts. The shift was opened an hour before, the document is received as it is issued."""
    asked: dict[str, Any] = {
        "shift_opened_at": document.issued_at - timedelta(hours=1),
        "received_at": document.issued_at,
        "previous_issued_at": document.issued_at - timedelta(minutes=1),
    }
    found = check(document, dialect=dialect, **(asked | moments))
    assert len({code for code, _ in found}) == len(found), "a code is remarked once"
    return dict(found)


@pytest.mark.parametrize(
    ("document", "dialect"),
    [
        (receipt(), BELARUS),
        (receipt(kind="purchase"), BELARUS),
        (receipt(kind="sale_refund", basis=11), BELARUS),
        (receipt(kind="purchase_refund", basis=11), BELARUS),
        (receipt(kind="annulment", basis=11), BELARUS),
        (receipt(fiscal_sign=None, autonomous=True), BELARUS),
        (manual_receipt(), KAZAKHSTAN),
        (service_document("shift_opened"), BELARUS),
        (service_document("cash_in"), KAZAKHSTAN),
        (service_document("cash_out"), BELARUS),
        (service_document("x_report"), BELARUS),
        (service_document("x_report", totals=Totals()), KAZAKHSTAN),
        (service_document("z_report"), BELARUS),
        (service_document("z_report", totals=Totals()), KAZAKHSTAN),
    ],
    ids=lambda value: value.kind if isinstance(value, Document) else value.country,
)
def test_a_good_document_breaks_no_rule(document: Document, dialect: Dialect) -> None:
    assert remarks(document, dialect) == {}


def test_every_code_has_a_document_that_earns_it_and_no_other_code_exists() -> None:
    far = ISSUED_AT + timedelta(days=2)
    worst = receipt(
        basis=None,
        cashier=None,
        change_minor=9_999,
        fiscal_sign=None,
        issued_at=far,
        kind="sale_refund",
        lines=(line(sum_minor=1, tax_rate=777, tax_minor=500),),
        payments=Payments(card_minor=5_050),
    )
    earned = set(
        remarks(worst, shift_opened_at=ISSUED_AT, received_at=ISSUED_AT, previous_issued_at=far + SECOND)
    )
    earned |= set(remarks(receipt(lines=())))
    earned |= set(remarks(service_document("cash_in", total_minor=0, lines=(line(),))))
    earned |= set(remarks(service_document("z_report", totals=None)))
    earned |= set(remarks(receipt(payments=Payments(cash_minor=2_050), change_minor=60), KAZAKHSTAN))
    assert earned == set(CODES) - set(particulars.CODES)
    assert len(set(CODES)) == len(CODES)


# Lines.


def test_a_line_is_price_times_quantity_rounded_half_up() -> None:
    right = line(price_minor=1, quantity_milli=500, tax_rate=None)
    assert right.sum_minor == 1
    paid = {"total_minor": 1, "payments": Payments(cash_minor=1), "change_minor": 0, "markup_minor": 0}
    assert remarks(receipt(lines=(right,), **paid)) == {}
    wrong = line(price_minor=1, quantity_milli=499, tax_rate=None, sum_minor=1)
    assert remarks(receipt(lines=(wrong,), **paid)) == {
        "line_sum": {"line": 1, "sum_minor": 1, "expected_minor": 0}
    }


@pytest.mark.parametrize("by", [-1, 1])
@pytest.mark.parametrize("changes", [{}, {"discount_minor": 50}, {"markup_minor": 50}])
def test_remarks_a_line_that_is_one_kopeck_off(by: int, changes: dict[str, int]) -> None:
    right = line(**changes)
    wrong = line(sum_minor=right.sum_minor + by, tax_minor=right.tax_minor, **changes)
    found = remarks(receipt(lines=(right, wrong)))
    assert found["line_sum"] == {"line": 2, "sum_minor": wrong.sum_minor, "expected_minor": right.sum_minor}


def test_a_discount_larger_than_the_price_is_a_wrong_line() -> None:
    wrong = line(price_minor=100, quantity_milli=1000, discount_minor=101, sum_minor=0, tax_rate=None)
    assert remarks(receipt(lines=(wrong,)))["line_sum"] == {"line": 1, "sum_minor": 0, "expected_minor": -1}


@pytest.mark.parametrize(
    "changes",
    [
        {"total_minor": 1_991, "change_minor": 9},
        {"total_minor": 1_989, "change_minor": 11},
        {"discount_minor": 1},
        {"markup_minor": 8},
    ],
)
def test_remarks_lines_that_do_not_make_the_total(changes: dict[str, int]) -> None:
    assert set(remarks(receipt(**changes))) == {"lines_total"}


def test_a_discount_and_a_markup_of_the_receipt_belong_to_the_total() -> None:
    document = receipt(discount_minor=27, markup_minor=7, total_minor=1_963, change_minor=37)
    assert remarks(document) == {}
    assert remarks(receipt(discount_minor=27))["lines_total"] == {
        "total_minor": 1_990,
        "lines_minor": 1_983,
        "expected_minor": 1_963,
    }


def test_remarks_a_receipt_without_lines() -> None:
    assert set(remarks(receipt(lines=()))) == {"receipt_without_lines"}


# Taxes.


@pytest.mark.parametrize("by", [-1, 0, 1])
def test_a_tax_may_be_one_kopeck_off(by: int) -> None:
    taxed = line(price_minor=12_000, quantity_milli=1000, tax_rate=2000)
    assert "tax_sum" not in remarks(receipt(lines=(line(), _with_tax(taxed, taxed.tax_minor + by))))


@pytest.mark.parametrize("by", [-2, 2])
def test_remarks_a_tax_that_is_two_kopecks_off(by: int) -> None:
    taxed = line(price_minor=12_000, quantity_milli=1000, tax_rate=2000)
    found = remarks(receipt(lines=(line(), _with_tax(taxed, taxed.tax_minor + by))))
    assert found["tax_sum"] == {"line": 2, "tax_minor": 2_000 + by, "expected_minor": 2_000}


@pytest.mark.parametrize("rate", [None, 0])
def test_remarks_a_tax_where_there_is_no_rate(rate: int | None) -> None:
    assert "tax_sum" not in remarks(receipt(lines=(line(tax_rate=rate, tax_minor=1),)))
    assert remarks(receipt(lines=(line(tax_rate=rate, tax_minor=2),)))["tax_sum"] == {
        "line": 1,
        "tax_minor": 2,
        "expected_minor": 0,
    }


@pytest.mark.parametrize("rate", [None, 0, 1000, 2000, 2500])
def test_belarus_knows_its_rates(rate: int | None) -> None:
    assert "tax_rate_unknown" not in remarks(receipt(lines=(line(tax_rate=rate),)))


@pytest.mark.parametrize("rate", [1, 999, 1001, 1200, 1600, 2499, 2501, 10_000])
def test_belarus_knows_no_other_rate(rate: int) -> None:
    found = remarks(receipt(lines=(line(tax_rate=2000), line(tax_rate=rate))))
    assert found["tax_rate_unknown"] == {"line": 2, "rate": rate}


@pytest.mark.parametrize(
    ("moment", "known", "unknown"),
    [
        ("2025-12-31T23:59:59+05:00", 1200, 1600),
        ("2026-01-01T00:00:00+05:00", 1600, 1200),
        # A till that states its time by Greenwich sells by the calendar of the country all the same.
        ("2025-12-31T18:59:59Z", 1200, 1600),
        ("2025-12-31T19:00:00Z", 1600, 1200),
    ],
)
def test_kazakhstan_knows_a_rate_from_its_first_moment(moment: str, known: int, unknown: int) -> None:
    issued_at = datetime.fromisoformat(moment)
    for rate, is_known in ((known, True), (unknown, False)):
        document = receipt(issued_at=issued_at, lines=(line(tax_rate=rate),))
        assert ("tax_rate_unknown" not in remarks(document, KAZAKHSTAN)) == is_known


# Payments.


@pytest.mark.parametrize(
    ("payments", "change", "codes"),
    [
        (Payments(cash_minor=1_990), 0, set()),
        (Payments(card_minor=1_990), 0, set()),
        (Payments(card_minor=990, mobile_minor=500, other_minor=400, cash_minor=100), 0, set()),
        (Payments(card_minor=990, cash_minor=1_005), 5, set()),
        (Payments(card_minor=1_980, cash_minor=1_000), 990, set()),
        (Payments(cash_minor=1_989), 0, {"payments_total"}),
        (Payments(cash_minor=1_991), 0, {"payments_total"}),
        (Payments(cash_minor=2_000), 11, {"payments_total"}),
        (Payments(), 0, {"payments_total"}),
        # Change is what is given back of cash, never more than there was of it.
        (Payments(card_minor=1_990, cash_minor=10), 10, set()),
        (Payments(card_minor=1_991, cash_minor=10), 11, {"change_without_cash", "cashless_overflow"}),
        (Payments(card_minor=1_991), 1, {"change_without_cash", "cashless_overflow"}),
        (Payments(mobile_minor=1_991), 1, {"change_without_cash", "cashless_overflow"}),
        (Payments(other_minor=1_991), 1, {"change_without_cash", "cashless_overflow"}),
    ],
)
def test_payments_less_change_make_the_total(payments: Payments, change: int, codes: set[str]) -> None:
    assert set(remarks(receipt(payments=payments, change_minor=change))) == codes


def test_only_belarus_remarks_cards_above_the_total() -> None:
    document = receipt(payments=Payments(card_minor=2_000), change_minor=10)
    assert "cashless_overflow" in remarks(document, BELARUS)
    assert "cashless_overflow" not in remarks(document, KAZAKHSTAN)


@pytest.mark.parametrize(
    ("cash", "change", "is_whole"),
    [(2_000, 0, True), (2_000, 100, True), (2_000, 50, False), (2_001, 0, False), (2_099, 99, False)],
)
def test_only_kazakhstan_wants_cash_in_whole_tenge(cash: int, change: int, is_whole: bool) -> None:
    document = receipt(payments=Payments(cash_minor=cash, card_minor=7), change_minor=change)
    assert ("cash_not_rounded" not in remarks(document, KAZAKHSTAN)) == is_whole
    assert "cash_not_rounded" not in remarks(document, BELARUS)


def test_cards_keep_their_tiyn_in_kazakhstan() -> None:
    document = receipt(payments=Payments(card_minor=1_990), change_minor=0)
    assert "cash_not_rounded" not in remarks(document, KAZAKHSTAN)


@pytest.mark.parametrize("kind", ["cash_in", "cash_out"])
def test_a_movement_of_cash_is_whole_tenge_and_never_nothing(kind: str) -> None:
    assert remarks(service_document(kind, total_minor=100), KAZAKHSTAN) == {}
    assert set(remarks(service_document(kind, total_minor=101), KAZAKHSTAN)) == {"cash_not_rounded"}
    assert remarks(service_document(kind, total_minor=1), BELARUS) == {}
    assert remarks(service_document(kind, total_minor=0)) == {"cash_movement_empty": {"kind": kind}}


# The head of a document.


def test_remarks_a_receipt_without_cashier_or_sign() -> None:
    assert set(remarks(receipt(cashier=None))) == {"no_cashier"}
    assert set(remarks(receipt(fiscal_sign=None))) == {"fiscal_sign_missing"}


def test_a_report_needs_neither_cashier_nor_sign() -> None:
    assert remarks(service_document("x_report", cashier=None)) == {}


@pytest.mark.parametrize("kind", ["sale_refund", "purchase_refund", "annulment"])
def test_remarks_what_takes_back_nothing_that_it_names(kind: str) -> None:
    assert remarks(receipt(kind=kind)) == {"basis_missing": {"kind": kind}}


@pytest.mark.parametrize("kind", ["shift_opened", "cash_in", "cash_out", "x_report", "z_report"])
@pytest.mark.parametrize(
    "changes", [{"lines": (line(),)}, {"payments": Payments(other_minor=1)}, {"change_minor": 1}]
)
def test_remarks_lines_and_payments_where_there_are_none(kind: str, changes: dict[str, Any]) -> None:
    assert set(remarks(service_document(kind, **changes))) == {"lines_on_report"}


def test_remarks_a_z_report_without_totals_but_not_an_x_report() -> None:
    assert set(remarks(service_document("z_report", totals=None))) == {"report_without_totals"}
    assert remarks(service_document("x_report", totals=None)) == {}


# Moments.


@pytest.mark.parametrize("kind", sorted(set(KIND_BY_NAME) - {"z_report"}))
def test_remarks_all_but_a_z_report_after_24_hours_of_a_shift(kind: str) -> None:
    made = (
        receipt
        if kind in ("sale", "sale_refund", "purchase", "purchase_refund", "annulment")
        else service_document
    )
    document = made(kind=kind, basis=11)
    day = timedelta(hours=24)
    assert "shift_too_long" not in remarks(document, shift_opened_at=ISSUED_AT - day)
    found = remarks(document, shift_opened_at=ISSUED_AT - day - timedelta(microseconds=1))
    assert set(found) == {"shift_too_long"}


def test_a_shift_that_ran_too_long_may_be_closed() -> None:
    document = service_document("z_report")
    assert remarks(document, shift_opened_at=ISSUED_AT - timedelta(days=30)) == {}


def test_a_shift_whose_opening_is_not_known_is_not_too_long() -> None:
    assert remarks(receipt(), shift_opened_at=None) == {}


def test_a_clock_may_be_ten_minutes_ahead() -> None:
    ten = timedelta(minutes=10)
    assert remarks(receipt(), received_at=ISSUED_AT - ten) == {}
    assert remarks(receipt(), received_at=ISSUED_AT - ten - SECOND) == {
        "clock_ahead": {"issued_at": "2026-11-20T11:03:05+00:00", "received_at": "2026-11-20T10:53:04+00:00"}
    }


def test_a_document_may_arrive_years_late() -> None:
    assert remarks(receipt(), received_at=ISSUED_AT + timedelta(days=4000)) == {}


def test_remarks_a_document_issued_before_the_one_with_the_number_before() -> None:
    assert remarks(receipt(), previous_issued_at=None) == {}
    assert remarks(receipt(), previous_issued_at=ISSUED_AT) == {}
    assert remarks(receipt(), previous_issued_at=ISSUED_AT + SECOND) == {
        "clock_back": {"issued_at": "2026-11-20T11:03:05+00:00", "previous_at": "2026-11-20T11:03:06+00:00"}
    }


# Whatever comes.

sums = st.integers(0, SUM_MAX)
moments = st.one_of(
    st.datetimes(timezones=st.just(UTC)),
    st.sampled_from([datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC), ISSUED_AT]),
)
lines = st.builds(
    Line,
    name=st.just("x"),
    price_minor=sums,
    quantity_milli=st.integers(1, 10**12),
    sum_minor=sums,
    discount_minor=sums,
    markup_minor=sums,
    tax_minor=sums,
    tax_rate=st.none() | st.integers(0, 10_000),
)
documents = st.builds(
    Document,
    basis=st.none() | st.just(1),
    cashier=st.none() | st.just("x"),
    change_minor=sums,
    discount_minor=sums,
    issued_at=moments,
    kind=st.sampled_from(sorted(KIND_BY_NAME)),
    lines=st.lists(lines, max_size=4).map(tuple),
    markup_minor=sums,
    number=st.just(5),
    ordinal=st.just(1),
    payments=st.builds(Payments, card_minor=sums, cash_minor=sums, mobile_minor=sums, other_minor=sums),
    register=st.just("x"),
    shift=st.just(1),
    total_minor=sums,
    totals=st.none() | st.just(Totals()),
)


@given(documents, st.sampled_from([BELARUS, KAZAKHSTAN]), st.none() | moments, moments, st.none() | moments)
def test_any_document_is_judged_without_a_fault_and_its_facts_fit_json(
    document: Document,
    dialect: Dialect,
    shift_opened_at: datetime | None,
    received_at: datetime,
    previous_issued_at: datetime | None,
) -> None:
    found = check(
        document,
        dialect=dialect,
        shift_opened_at=shift_opened_at,
        received_at=received_at,
        previous_issued_at=previous_issued_at,
    )
    codes = [code for code, _ in found]
    assert set(codes) <= set(CODES)
    assert len(set(codes)) == len(codes)
    assert json.loads(json.dumps(dict(found))) == dict(found)


@given(
    st.lists(st.tuples(st.integers(0, 10**9), st.integers(1, 10**6)), min_size=1, max_size=20),
    st.sampled_from([None, 0, 1000, 2000, 2500]),
    st.integers(0, 10**6),
)
def test_a_receipt_that_adds_up_breaks_no_rule(
    goods: list[tuple[int, int]], rate: int | None, change: int
) -> None:
    made = tuple(line(price_minor=price, quantity_milli=milli, tax_rate=rate) for price, milli in goods)
    total = sum(one.sum_minor for one in made)
    document = receipt(
        lines=made,
        markup_minor=0,
        total_minor=total,
        payments=Payments(cash_minor=total + change),
        change_minor=change,
    )
    assert remarks(document) == {}


def _with_tax(taxed: Line, tax_minor: int) -> Line:
    return line(
        price_minor=taxed.price_minor,
        quantity_milli=taxed.quantity_milli,
        tax_rate=taxed.tax_rate,
        tax_minor=tax_minor,
    )
