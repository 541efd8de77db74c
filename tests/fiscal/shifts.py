"""Two shifts with everything that a tape can say, one of each country, as the engine issues them."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from portal.fiscal.commands import ReceiptModifier, RoundingMode
from portal.fiscal.documents import Document, Payments
from portal.fiscal.report_forms import Requisites
from portal.fiscal.reports import (
    CashierReport,
    ControlTape,
    FiscalReport,
    SectionReport,
    XReport,
    ZReport,
    by_cashiers,
    by_sections,
    control_tape,
    fiscal_report,
    x_report,
    z_report,
)
from portal.fiscal.tape import SMARTCONTRACT, Operator, TapeHeader
from tests.fiscal.samples import BY_HEADER, KZ_HEADER
from tests.fiscal.tills import BASIS, Till, belarusian_till, goods, kazakh_till, off

MARKING = "010487024981193621abc\x1d93xyz"
KZ = replace(
    KZ_HEADER,
    address="г. Астана, пр. Кошкарбаева, 46",
    address_kk="Астана қ., Қошқарбаев даңғ., 46",
    factory_number="SWK00033717",
    operator=replace(SMARTCONTRACT, register_id="203605"),
)
BY = BY_HEADER
BUYER = "880123300120"


@dataclass(frozen=True)
class Shift:
    """The documents of a shift by what they are called here, and the reports of it."""

    header: TapeHeader
    documents: dict[str, Document]
    reports: dict[str, CashierReport | ControlTape | FiscalReport | SectionReport | XReport | ZReport]


def requisites(header: TapeHeader, operator: Operator | None = None) -> Requisites:
    return Requisites(
        address=header.address,
        factory_number=header.factory_number,
        identification_number=operator.register_id if operator else None,
        operator=operator.name if operator else None,
        organisation=header.organisation,
        registration_number=header.registration_number,
        tax_id=header.tax_id,
    )


def kazakh_shift() -> Shift:
    """A shift of a shop that also changes currency and works without its operator for a while."""
    till = kazakh_till(
        tax_id=KZ.tax_id, may_purchase=True, is_exchange_office=True, are_both_modifiers_allowed=True
    )
    made: dict[str, Document] = {}
    made["cash_in"] = till.cash(20_000_00)
    till.later(minutes=5)
    made["sale"] = till.receipt(
        goods(265_00, 2_000, name="Молоко", barcode="4870001234567", ntin="0200200605191"),
        goods(4_990_00, 1_000, name="Сигареты", marking=MARKING, excise="AB 123456789", section=2),
        goods(8_500_99, 1_235, name="Сыр твёрдый выдержанный «Алматинский особый», весовой", unit=166),
        goods(1_000_00, 1_000, name="Торт", discount=off(150_00)),
        goods(700_00, 1_000, name="Пакет подарочный", markup=off(30_00), is_untaxed=True),
        goods(990_00, 1_000, name="Сторнированный шоколад", is_struck=True),
        buyer=BUYER,
        modifiers=(
            ReceiptModifier(change=off(500_00), name="Карта постоянного покупателя"),
            ReceiptModifier(change=off(120_00), is_markup=True, name="Доставка"),
        ),
        payments=Payments(card_minor=10_000_00, cash_minor=8_000_00),
    )
    till.later(minutes=5)
    made["refund"] = till.refund(made["sale"])
    till.later(minutes=5)
    made["exchange"] = till.receipt(
        goods(530_50, 100_000, name="Доллар США", currency="USD"), payments=Payments(mobile_minor=53_050_00)
    )
    till.go_autonomous()
    till.later(minutes=5)
    made["purchase"] = till.receipt(
        goods(120_00, 3_500, name="Стеклотара", is_untaxed=True), kind="purchase", rounding=RoundingMode.TOTAL
    )
    till.later(minutes=5)
    made["purchase_refund"] = till.receipt(
        goods(120_00, 500, name="Стеклотара", is_untaxed=True), kind="purchase_refund", basis_receipt=BASIS
    )
    till.come_back()
    till.later(hours=1)
    made["cash_out"] = till.cash(-5_000_00)
    made["x_report"] = till.x_report()
    till.later(hours=8)
    made["z_report"] = till.close()
    return Shift(KZ, made, _reports(till, KZ, made))


def belarusian_shift() -> Shift:
    """A shift of a coffee house; both modifiers of a line at once are against the law there."""
    till = belarusian_till(may_discount_lines=True)
    made = {"shift_opened": till.documents[0]}
    till.later(minutes=1)
    made["sale"] = till.receipt(
        goods(45_90, 350, name="Кофе в зёрнах", unit=166, tax_rate=2000, discount=off(1_07)),
        goods(1_92, 2_000, name="Хлеб", tax_rate=1000, markup=off(10)),
        buyer="190000005",
        payments=Payments(card_minor=10_00, cash_minor=10_00),
    )
    till.later(minutes=1)
    made["mistake"] = till.sell(7_50, other_minor=7_50)
    made["annulment"] = till.annul(made["mistake"])
    till.later(minutes=1)
    made["cash_in"] = till.cash(100_00)
    made["refund"] = till.refund(made["sale"])
    till.later(hours=3)
    made["cash_out"] = till.cash(-100_00)
    made["x_report"] = till.x_report()
    made["z_report"] = till.close()
    return Shift(BY, made, _reports(till, BY, made))


def _reports(
    till: Till, header: TapeHeader, made: dict[str, Document]
) -> dict[str, CashierReport | ControlTape | FiscalReport | SectionReport | XReport | ZReport]:
    whose = requisites(header, header.operator if header.country == "kz" else None)
    shift, closing = till.documents, made["z_report"]
    assert closing.report is not None
    at = closing.issued_at + timedelta(minutes=10)
    return {
        "sections": by_sections(closing.report, shift, whose, at=at),
        "cashiers": by_cashiers(closing.report, shift, whose, at=at),
        "control": control_tape(shift, whose, at=at, signs={2: "1028891939135"}),
        "fiscal": fiscal_report(
            [(closing.shift, closing.report)], whose, at=datetime(2026, 12, 1, tzinfo=UTC)
        ),
        "x": x_report(made["x_report"], shift, whose),
        "z": z_report(closing, whose),
    }
