"""Every figure equals an independent sum over the documents, whatever they are."""

from collections.abc import Sequence
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from portal.analytics import metrics, queries
from portal.analytics.figures import reckon
from portal.analytics.metrics import METRICS, PAYMENT_BITS, TaxFigure, fold_taxes
from portal.fiscal.documents import Kind
from portal.journal import forms
from portal.journal.models import Document
from tests.journal.shop import at, open_shop

ALL_KINDS = [kind.name.lower() for kind in Kind]

made_documents = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.sampled_from(ALL_KINDS),
        st.integers(0, 3),
        st.integers(0, 100_000),
        st.sampled_from(list(PAYMENT_BITS)),
    ),
    max_size=25,
)


def independent(issued: Sequence[Document]) -> dict[str, int | None]:
    """The figures as somebody would reckon them with the receipts in hand."""

    def total(kind: Kind, payment: str | None = None) -> int:
        column = f"{payment}_minor" if payment else "total_minor"
        return sum(getattr(one, column) for one in issued if one.kind == kind)

    def count(*kinds: Kind) -> int:
        return sum(one.kind in kinds for one in issued)

    sale, refund, annulment = Kind.SALE, Kind.SALE_REFUND, Kind.ANNULMENT
    figures: dict[str, int | None] = {
        "turnover": total(sale),
        "net": total(sale) - total(refund) - total(annulment),
        "refunds": total(refund),
        "annulments": total(annulment),
        "receipts": count(sale, refund, Kind.PURCHASE, Kind.PURCHASE_REFUND),
        "sales": count(sale),
        "refund_count": count(refund),
        "annulment_count": count(annulment),
        "average_receipt": int(total(sale) / count(sale) + 0.5) if count(sale) else None,
        "cash_in": total(Kind.CASH_IN),
        "cash_out": total(Kind.CASH_OUT),
        "purchases": total(Kind.PURCHASE),
        "purchase_refunds": total(Kind.PURCHASE_REFUND),
        "cash_movement": (
            total(sale, "cash")
            - total(refund, "cash")
            - total(annulment, "cash")
            - total(Kind.PURCHASE, "cash")
            + total(Kind.PURCHASE_REFUND, "cash")
            + total(Kind.CASH_IN)
            - total(Kind.CASH_OUT)
        ),
        "documents": len(issued),
    }
    for payment in PAYMENT_BITS:
        figures[f"turnover_{payment}"] = total(sale, payment)
        figures[f"net_{payment}"] = total(sale, payment) - total(refund, payment) - total(annulment, payment)
    return figures


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=made_documents, days=st.none() | st.tuples(st.integers(0, 3), st.integers(0, 3)).map(sorted))
def test_figures_equal_a_sum_over_documents(
    session: Session, made: list[tuple[int, str, int, int, str]], days: list[int] | None
) -> None:
    with session.begin_nested() as savepoint:
        shop = open_shop(session)
        tills = [shop.till("1"), shop.till("2")]
        for till, kind, day, total, payment in made:
            is_receipt = Kind[kind.upper()] in metrics.METRICS["receipts"].kinds or kind == "annulment"
            shop.issue(
                tills[till],
                kind,
                total=total,
                at=at("2026-11-10 12:00") + timedelta(days=day),
                payments={f"{payment}_minor": total} if is_receipt else None,
            )
        first, last = (date(2026, 11, 10 + day) for day in days) if days else (None, None)
        inside = [
            one
            for one in shop.issued
            if (first is None or one.day >= first) and (last is None or one.day <= last)
        ]
        report = reckon(session, shop.company, first=first, last=last)
        assert {name: report["total"][name] for name in METRICS} == independent(inside)
        for by, column in (("day", "day"), ("point", "point_id"), ("register", "register_id")):
            rows = reckon(session, shop.company, first=first, last=last, by=by)["rows"]  # type: ignore[arg-type]
            groups = sorted({getattr(one, column) for one in inside})
            for key, row in zip(groups, rows, strict=True):
                of_group = [one for one in inside if getattr(one, column) == key]
                assert {name: row[name] for name in METRICS} == independent(of_group)
        savepoint.rollback()


def test_takings_of_all_payments_make_the_whole() -> None:
    measures = {name: 7 * place + 1 for place, name in enumerate(queries.MEASURES)}
    for side in (0, 1):
        used = [pair[side].measures for pair in metrics.PAYMENTS.values()]
        assert len({name for names in used for name in names}) == sum(len(names) for names in used)
    assert metrics.NET.of(measures) == (
        measures["sale_minor"] - measures["refund_minor"] - measures["annulment_minor"]
    )


def test_a_metric_reads_only_measures_that_are_kept() -> None:
    for metric in METRICS.values():
        assert metric.measures <= set(queries.MEASURES)


def test_every_metric_says_what_it_is_and_what_it_opens_into() -> None:
    for metric in METRICS.values():
        assert str(metric.label)
        assert str(metric.definition).endswith(".")
        assert metric.kinds
        assert metric.unit in ("money", "count")


def test_payment_bits_are_those_that_addresses_carry() -> None:
    assert forms.PAYMENTS == PAYMENT_BITS


@pytest.mark.parametrize(
    ("total", "count", "mean"), [(5, 2, 3), (1, 3, 0), (2, 3, 1), (0, 4, 0), (7, 0, None)]
)
def test_a_mean_is_rounded_half_up_and_is_absent_over_nothing(
    total: int, count: int, mean: int | None
) -> None:
    measures = queries.NOTHING | {"sale_minor": total, "sale_count": count}
    assert metrics.AVERAGE_RECEIPT.of(measures) == mean


def test_tax_is_summed_by_rate_and_taken_back_by_refunds() -> None:
    found = fold_taxes(
        [
            (Kind.SALE, 2000, 1200, 200),
            (Kind.SALE_REFUND, 2000, 600, 100),
            (Kind.ANNULMENT, 2000, 120, 20),
            (Kind.SALE, 1000, 110, 10),
            (Kind.SALE, -1, 500, 0),
            (Kind.PURCHASE, 2000, 9999, 999),
        ]
    )
    assert found == (
        TaxFigure(2000, 1200, 200, 480, 80),
        TaxFigure(1000, 110, 10, 110, 10),
        TaxFigure(None, 500, 0, 500, 0),
    )


def test_tax_of_documents_reaches_the_figures(session: Session) -> None:
    shop = open_shop(session)
    till = shop.till()
    shop.issue(till, total=1200)
    shop.issue(till, "sale_refund", total=600)
    expected = [{"rate": 2000, "turnover": 1200, "tax": 200, "net_turnover": 600, "net_tax": 100}]
    assert reckon(session, shop.company)["total"]["taxes"] == expected
    for by in ("day", "point", "register"):
        assert reckon(session, shop.company, by=by)["rows"][0]["taxes"] == expected


def test_an_empty_journal_has_figures_too(session: Session) -> None:
    shop = open_shop(session)
    report = reckon(session, shop.company, by="day")
    assert report["rows"] == []
    assert report["total"]["turnover"] == 0
    assert report["total"]["average_receipt"] is None
