"""Metrics: each one defined once, for pages, commands and exports alike.

A metric is a signed sum of rollup measures, sometimes divided by another. It says what documents stand behind
it, so that every figure opens into what it is made of. Sums are whole minor units; a mean is rounded half up.
Takings before refunds and annulments (gross) and after them (net) are metrics of their own, never one label.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from flask_babel import LazyString
from flask_babel import lazy_gettext as _

from portal.fiscal.documents import Kind

Unit = Literal["money", "count"]

# Payment types by the bit that `document.payment` keeps for them.
PAYMENT_BITS = {"cash": 1, "card": 2, "mobile": 4, "other": 8}

_TAKINGS = (Kind.SALE, Kind.SALE_REFUND, Kind.ANNULMENT)


@dataclass(frozen=True)
class Metric:
    """One figure: what it is called, how it is reckoned, and which documents it opens into."""

    name: str
    label: LazyString
    unit: Unit
    definition: LazyString
    adds: tuple[str, ...]
    takes: tuple[str, ...] = ()
    divided_by: tuple[str, ...] = ()
    kinds: tuple[Kind, ...] = ()
    payment: str | None = None

    def of(self, measures: Mapping[str, int]) -> int | None:
        """The figure for these measures; a mean over nothing is None."""
        total = sum(measures[name] for name in self.adds) - sum(measures[name] for name in self.takes)
        if not self.divided_by:
            return total
        count = sum(measures[name] for name in self.divided_by)
        return (2 * total + count) // (2 * count) if count else None

    @property
    def measures(self) -> frozenset[str]:
        """The rollup measures that the figure is reckoned from."""
        return frozenset((*self.adds, *self.takes, *self.divided_by))


TURNOVER = Metric(
    "turnover",
    _("Оборот"),
    "money",
    _("Сумма чеков продажи без учёта возвратов и аннулирований."),
    ("sale_minor",),
    kinds=(Kind.SALE,),
)
NET = Metric(
    "net",
    _("Оборот с учётом возвратов и аннулирований"),
    "money",
    _("Сумма чеков продажи минус возвраты продажи и аннулирования."),
    ("sale_minor",),
    ("refund_minor", "annulment_minor"),
    kinds=_TAKINGS,
)
REFUNDS = Metric(
    "refunds",
    _("Возвраты"),
    "money",
    _("Сумма чеков возврата продажи."),
    ("refund_minor",),
    kinds=(Kind.SALE_REFUND,),
)
ANNULMENTS = Metric(
    "annulments",
    _("Аннулирования"),
    "money",
    _("Сумма аннулированных чеков."),
    ("annulment_minor",),
    kinds=(Kind.ANNULMENT,),
)
RECEIPTS = Metric(
    "receipts",
    _("Чеки"),
    "count",
    _("Число чеков продажи, возврата продажи, покупки и возврата покупки."),
    ("sale_count", "refund_count", "purchase_count", "purchase_refund_count"),
    kinds=(Kind.SALE, Kind.SALE_REFUND, Kind.PURCHASE, Kind.PURCHASE_REFUND),
)
SALE_COUNT = Metric(
    "sales",
    _("Чеки продажи"),
    "count",
    _("Число чеков продажи."),
    ("sale_count",),
    kinds=(Kind.SALE,),
)
REFUND_COUNT = Metric(
    "refund_count",
    _("Чеки возврата"),
    "count",
    _("Число чеков возврата продажи."),
    ("refund_count",),
    kinds=(Kind.SALE_REFUND,),
)
ANNULMENT_COUNT = Metric(
    "annulment_count",
    _("Аннулировано чеков"),
    "count",
    _("Число аннулирований."),
    ("annulment_count",),
    kinds=(Kind.ANNULMENT,),
)
AVERAGE_RECEIPT = Metric(
    "average_receipt",
    _("Средний чек"),
    "money",
    _("Оборот, делённый на число чеков продажи."),
    ("sale_minor",),
    divided_by=("sale_count",),
    kinds=(Kind.SALE,),
)
CASH_IN = Metric(
    "cash_in",
    _("Внесения"),
    "money",
    _("Сумма служебных внесений наличных."),
    ("cash_in_minor",),
    kinds=(Kind.CASH_IN,),
)
CASH_OUT = Metric(
    "cash_out",
    _("Изъятия"),
    "money",
    _("Сумма служебных изъятий наличных."),
    ("cash_out_minor",),
    kinds=(Kind.CASH_OUT,),
)
PURCHASES = Metric(
    "purchases",
    _("Покупки"),
    "money",
    _("Сумма чеков покупки у населения."),
    ("purchase_minor",),
    kinds=(Kind.PURCHASE,),
)
PURCHASE_REFUNDS = Metric(
    "purchase_refunds",
    _("Возвраты покупки"),
    "money",
    _("Сумма чеков возврата покупки."),
    ("purchase_refund_minor",),
    kinds=(Kind.PURCHASE_REFUND,),
)
CASH_MOVEMENT = Metric(
    "cash_movement",
    _("Движение наличных"),
    "money",
    _("Наличные продажи и внесения минус наличные возвраты, аннулирования, покупки и изъятия."),
    ("sale_cash_minor", "purchase_refund_cash_minor", "cash_in_minor"),
    ("refund_cash_minor", "annulment_cash_minor", "purchase_cash_minor", "cash_out_minor"),
    kinds=(*_TAKINGS, Kind.PURCHASE, Kind.PURCHASE_REFUND, Kind.CASH_IN, Kind.CASH_OUT),
    payment="cash",
)
DOCUMENTS = Metric(
    "documents",
    _("Документы"),
    "count",
    _("Число кассовых документов всех видов."),
    ("document_count",),
    kinds=tuple(Kind),
)


def _by_payment(payment: str, label: LazyString, net_label: LazyString) -> tuple[Metric, Metric]:
    gross = Metric(
        f"turnover_{payment}",
        label,
        "money",
        _("Часть оборота, оплаченная этим способом, за вычетом сдачи."),
        (f"sale_{payment}_minor",),
        kinds=(Kind.SALE,),
        payment=payment,
    )
    net = Metric(
        f"net_{payment}",
        net_label,
        "money",
        _("То же с учётом возвратов и аннулирований."),
        (f"sale_{payment}_minor",),
        (f"refund_{payment}_minor", f"annulment_{payment}_minor"),
        kinds=_TAKINGS,
        payment=payment,
    )
    return gross, net


PAYMENTS = {
    "cash": _by_payment("cash", _("Наличными"), _("Наличными с учётом возвратов")),
    "card": _by_payment("card", _("Безналичными"), _("Безналичными с учётом возвратов")),
    "mobile": _by_payment("mobile", _("Мобильными платежами"), _("Мобильными платежами с учётом возвратов")),
    "other": _by_payment("other", _("Другими способами"), _("Другими способами с учётом возвратов")),
}

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        TURNOVER,
        NET,
        REFUNDS,
        ANNULMENTS,
        RECEIPTS,
        SALE_COUNT,
        REFUND_COUNT,
        ANNULMENT_COUNT,
        AVERAGE_RECEIPT,
        *(metric for pair in PAYMENTS.values() for metric in pair),
        CASH_IN,
        CASH_OUT,
        PURCHASES,
        PURCHASE_REFUNDS,
        CASH_MOVEMENT,
        DOCUMENTS,
    )
}


@dataclass(frozen=True)
class TaxFigure:
    """Turnover and tax at one rate, before and after refunds and annulments. `rate` None is «without tax»."""

    rate: int | None
    turnover_minor: int
    tax_minor: int
    net_turnover_minor: int
    net_tax_minor: int


def fold_taxes(rows: Iterable[tuple[int, int, int, int]]) -> tuple[TaxFigure, ...]:
    """Tax figures by rate from (kind, rate, turnover, tax); the highest rate first, no tax last."""
    sums: dict[int, list[int]] = {}
    for kind, rate, turnover, tax in rows:
        if kind not in _TAKINGS:
            continue
        of_rate = sums.setdefault(rate, [0, 0, 0, 0])
        sign = 1 if kind == Kind.SALE else -1
        if kind == Kind.SALE:
            of_rate[0] += turnover
            of_rate[1] += tax
        of_rate[2] += sign * turnover
        of_rate[3] += sign * tax
    return tuple(TaxFigure(rate if rate >= 0 else None, *sums[rate]) for rate in sorted(sums, reverse=True))


def figures(measures: Mapping[str, int]) -> dict[str, int | None]:
    """Every metric for one set of measures."""
    return {name: metric.of(measures) for name, metric in METRICS.items()}
