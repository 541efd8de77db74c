"""What only some documents state is held against itself; documents of our own engine earn nothing."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from portal.fiscal.checks import check
from portal.fiscal.commands import ReceiptModifier, RoundingMode
from portal.fiscal.dialects import BELARUS, KAZAKHSTAN, Dialect
from portal.fiscal.documents import Basis, Document, Modifier, Payments, ShiftReport, Storno, TaxShare
from portal.fiscal.particulars import CODES
from portal.fiscal.reports import checksum
from tests.fiscal.samples import line, receipt, service_document
from tests.fiscal.tills import belarusian_till, goods, kazakh_till, off

DISCOUNT = Modifier(
    shares=(TaxShare(sum_minor=100, tax_minor=17, tax_rate=2000), TaxShare(sum_minor=20)), sum_minor=120
)
REFUND_BASIS = Basis(
    fiscal_sign="367645207",
    issued_at=datetime(2025, 12, 30, 7, tzinfo=UTC),
    registration_number="281119950001",
    total_minor=50_000,
)


def remarks(document: Document, dialect: Dialect = BELARUS, **said: Any) -> dict[str, dict[str, object]]:
    asked: dict[str, Any] = {
        "shift_opened_at": document.issued_at - timedelta(hours=1),
        "received_at": document.issued_at,
        "previous_issued_at": None,
    }
    found = check(document, dialect=dialect, **(asked | said))
    assert len({code for code, _ in found}) == len(found), "a code is remarked once"
    return dict(found)


def sold(**changes: Any) -> Document:
    """A sale of 10.00 paid by card, right until it is spoilt."""
    lines = (line(price_minor=1_000, quantity_milli=1_000, tax_rate=2000),)
    fields: dict[str, Any] = {
        "change_minor": 0,
        "lines": lines,
        "markup_minor": 0,
        "payments": Payments(card_minor=1_000),
        "total_minor": 1_000,
    }
    return receipt(**(fields | changes))


def discounted(*modifiers: Modifier, discount_minor: int = 120) -> Document:
    return sold(
        discount_minor=discount_minor,
        modifiers=modifiers,
        payments=Payments(card_minor=1_000 - discount_minor),
        total_minor=1_000 - discount_minor,
    )


def report(**changes: Any) -> ShiftReport:
    till = belarusian_till()
    till.sell(1_000)
    stated = till.close().report
    assert stated is not None
    spoilt = replace(stated, **changes)
    return spoilt if "checksum" in changes else replace(spoilt, checksum=checksum(spoilt))


def operation_spoilt(**changes: Any) -> ShiftReport:
    stated = report()
    return report(operations=(replace(stated.operations[0], **changes), *stated.operations[1:]))


def z_with(stated: ShiftReport) -> Document:
    return service_document("z_report", report=stated, totals=None)


WRONG: dict[str, Callable[[], Document]] = {
    "rounding_wrong": lambda: sold(
        rounding="total", rounding_minor=1, total_minor=1_001, payments=Payments(card_minor=1_001)
    ),
    "modifiers_total": lambda: discounted(DISCOUNT, discount_minor=121),
    "modifier_tax": lambda: discounted(replace(DISCOUNT, shares=(TaxShare(sum_minor=120, tax_rate=2000),))),
    "storno_wrong": lambda: sold(stornos=(Storno(place=1),)),
    "markings_count": lambda: sold(
        lines=(line(price_minor=1_000, quantity_milli=1_000, tax_rate=2000, markings=("a", "b")),)
    ),
    "buyer_invalid": lambda: sold(buyer="100582334"),
    "basis_unexpected": lambda: sold(basis_receipt=REFUND_BASIS),
    "report_unexpected": lambda: service_document("cash_in", report=report()),
    "report_wrong": lambda: service_document("z_report", report=report(checksum="00000000")),
    "engine_claimed": lambda: sold(engine=1, dialect=1),
}


def test_every_code_has_a_document_that_earns_it_and_nothing_else() -> None:
    assert set(WRONG) == set(CODES)
    for code, make in WRONG.items():
        assert list(remarks(make())) == [code]


@pytest.mark.parametrize(
    ("document", "dialect"),
    [
        (discounted(DISCOUNT), BELARUS),
        (sold(stornos=(Storno(line=line(), place=2), Storno(discount_minor=5, place=1))), BELARUS),
        (
            sold(lines=(line(price_minor=500, quantity_milli=2_000, tax_rate=2000, markings=("a", "b")),)),
            BELARUS,
        ),
        (sold(buyer="100582333"), BELARUS),
        (sold(kind="sale_refund", basis_receipt=REFUND_BASIS), BELARUS),
        (
            sold(
                lines=(
                    line(
                        price_minor=1_040,
                        quantity_milli=1_000,
                        rounding_minor=-40,
                        sum_minor=1_000,
                        tax_rate=1600,
                    ),
                ),
                rounding="positions",
            ),
            KAZAKHSTAN,
        ),
        (
            sold(
                lines=(line(price_minor=1_050, quantity_milli=1_000, tax_rate=1600),),
                rounding_minor=50,
                payments=Payments(cash_minor=1_100),
                total_minor=1_100,
            ),
            KAZAKHSTAN,
        ),
    ],
)
def test_what_is_stated_rightly_earns_nothing(document: Document, dialect: Dialect) -> None:
    assert remarks(document, dialect) == {}


@pytest.mark.parametrize(
    ("changes", "facts"),
    [
        ({"rounding": "positions", "rounding_minor": 40}, {"line": 1, "rounding_minor": 40}),
        ({"rounding": None, "rounding_minor": 40}, {"line": 1, "rounding_minor": 40}),
        ({"rounding": "positions", "rounding_minor": 51}, {"line": 1, "rounding_minor": 51}),
    ],
)
def test_a_rounded_line_is_rounded_by_half_a_step_and_for_a_reason(
    changes: dict[str, Any], facts: dict[str, object]
) -> None:
    moved = changes["rounding_minor"]
    rounded = line(
        price_minor=1_000,
        quantity_milli=1_000,
        rounding_minor=moved,
        sum_minor=1_000 + moved,
        tax_rate=1600,
    )
    document = sold(
        lines=(rounded,),
        payments=Payments(card_minor=1_000 + moved),
        rounding=changes["rounding"],
        total_minor=1_000 + moved,
    )
    is_right = changes["rounding"] == "positions" and moved <= 50
    assert remarks(document, KAZAKHSTAN) == ({} if is_right else {"rounding_wrong": facts})


def test_rounding_that_is_not_in_the_sum_is_a_wrong_line() -> None:
    wrong = line(price_minor=1_000, quantity_milli=1_000, rounding_minor=40, tax_rate=1600)
    found = remarks(sold(lines=(wrong,), rounding="positions"), KAZAKHSTAN)
    assert found == {"line_sum": {"line": 1, "sum_minor": 1_000, "expected_minor": 1_040}}


@pytest.mark.parametrize("moved", [-51, 51])
def test_a_total_is_rounded_by_half_a_tenge_at_most(moved: int) -> None:
    document = sold(
        lines=(line(price_minor=10_000 - moved, quantity_milli=1_000, tax_rate=1600),),
        payments=Payments(cash_minor=10_000),
        rounding="total",
        rounding_minor=moved,
        total_minor=10_000,
    )
    assert remarks(document, KAZAKHSTAN) == {"rounding_wrong": {"line": 0, "rounding_minor": moved}}


def test_shares_must_make_their_modifier() -> None:
    found = remarks(discounted(replace(DISCOUNT, shares=DISCOUNT.shares[:1])))
    assert set(found) == {"modifiers_total"}


@pytest.mark.parametrize(
    "stornos",
    [
        (Storno(line=line(), discount_minor=5, place=1),),
        (Storno(discount_minor=5, place=2),),
        (Storno(line=line(), place=3),),
        (Storno(line=line(), place=1), Storno(line=line(), place=1)),
    ],
)
def test_remarks_a_storno_of_what_was_not_there(stornos: tuple[Storno, ...]) -> None:
    found = remarks(sold(stornos=stornos))
    assert set(found) == {"storno_wrong"}


@pytest.mark.parametrize(
    ("codes", "quantity"), [(("a", "b"), 1_000), (("a",), 2_000), (("a", "a"), 2_000), (("a",), 500)]
)
def test_marking_codes_are_as_many_as_the_pieces(codes: tuple[str, ...], quantity: int) -> None:
    marked = line(price_minor=1_000, quantity_milli=quantity, tax_rate=2000, markings=codes)
    document = sold(
        lines=(marked,), payments=Payments(card_minor=marked.sum_minor), total_minor=marked.sum_minor
    )
    assert remarks(document) == {
        "markings_count": {"line": 1, "markings": len(codes), "quantity_milli": quantity}
    }


@pytest.mark.parametrize(
    ("stated", "field"),
    [
        (lambda: report(revenue_minor=1), "revenue_minor"),
        (lambda: report(closed_at=None), "closed_at"),
        (lambda: report(operations=report().operations[:3]), "operations"),
        (lambda: operation_spoilt(sum_minor=999), "sum_minor"),
        (lambda: operation_spoilt(taken_minor=999), "taken_minor"),
        (lambda: operation_spoilt(non_nullable_minor=999), "non_nullable_minor"),
        (lambda: operation_spoilt(life_count=0), "life_count"),
        (lambda: report(checksum="00000000"), "checksum"),
    ],
)
def test_a_report_that_contradicts_itself_is_named_by_its_field(
    stated: Callable[[], ShiftReport], field: str
) -> None:
    document = replace(z_with(stated()), totals=service_document("z_report").totals)
    assert document.totals is not None
    document = replace(document, totals=replace(document.totals, cash_minor=1_000))
    assert remarks(document) == {"report_wrong": {"field": field}}


def test_a_report_and_its_totals_name_one_drawer() -> None:
    document = service_document("z_report", report=report())
    assert remarks(document) == {"report_wrong": {"field": "cash_minor"}}


def test_a_refund_is_taxed_at_the_rates_of_what_it_takes_back() -> None:
    lines = (line(price_minor=1_000, quantity_milli=1_000, tax_rate=1200),)
    refund = sold(kind="sale_refund", lines=lines, basis_receipt=REFUND_BASIS)
    assert remarks(refund, KAZAKHSTAN) == {}
    assert set(remarks(sold(lines=lines), KAZAKHSTAN)) == {"tax_rate_unknown"}
    by_number = sold(kind="sale_refund", lines=lines, basis=3)
    assert remarks(by_number, KAZAKHSTAN) == {}
    too_new = replace(REFUND_BASIS, issued_at=datetime(2026, 1, 2, tzinfo=UTC))
    assert set(remarks(replace(refund, basis_receipt=too_new), KAZAKHSTAN)) == {"tax_rate_unknown"}


def test_only_our_own_documents_may_do_without_a_sign_and_a_basis() -> None:
    till = kazakh_till()
    ours = till.sell(1_000)
    assert remarks(ours, KAZAKHSTAN, is_ours=True) == {}
    assert set(remarks(ours, KAZAKHSTAN)) == {"fiscal_sign_missing", "engine_claimed"}
    till = belarusian_till()
    till.sell(2_000)
    back = till.receipt(goods(1_000), kind="sale_refund")
    assert remarks(back, is_ours=True) == {}
    assert set(remarks(back)) == {"basis_missing", "engine_claimed"}
    unsigned = replace(till.sell(1_000), fiscal_sign=None)
    assert set(remarks(unsigned, is_ours=True)) == {"fiscal_sign_missing"}


def test_what_belongs_to_closing_may_come_after_24_hours_of_ours_only() -> None:
    till = kazakh_till(withdraws_at_close=True)
    sold_one = till.sell(1_000)
    till.later(hours=25)
    out = till.cash(-1_000)
    opened_at = sold_one.issued_at
    assert remarks(out, KAZAKHSTAN, shift_opened_at=opened_at, is_ours=True) == {}
    assert "shift_too_long" in remarks(out, KAZAKHSTAN, shift_opened_at=opened_at)
    late_sale = replace(sold_one, issued_at=till.now)
    assert set(remarks(late_sale, KAZAKHSTAN, shift_opened_at=opened_at, is_ours=True)) == {"shift_too_long"}


def test_everything_that_our_own_till_does_earns_nothing() -> None:
    till = kazakh_till(are_both_modifiers_allowed=True, rounding=RoundingMode.POSITIONS)
    till.receipt(
        goods(10_049, discount=off(333)),
        goods(999, 1_234, is_untaxed=True),
        goods(5_000, markings=("01048702498",)),
        goods(7_000, is_struck=True),
        modifiers=(ReceiptModifier(change=off(777)), ReceiptModifier(change=off(111), is_markup=True)),
        buyer="971240001315",
    )
    till.refund(till.documents[-1])
    till.x_report()
    till.close()
    for document in till.documents:
        assert remarks(document, KAZAKHSTAN, is_ours=True) == {}
