"""Documents that the tests of the fiscal package speak about, right in every respect until a test spoils them."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from portal.fiscal.documents import Document, Line, Payments, Totals
from portal.fiscal.tape import TapeHeader
from portal.fiscal.taxes import line_sum, tax_inside

MINSK = timezone(timedelta(hours=3))
ALMATY = timezone(timedelta(hours=5))
ISSUED_AT = datetime(2026, 11, 20, 14, 3, 5, tzinfo=MINSK)
UI = "813D867242EC1704071834F3"

BY_HEADER = TapeHeader(
    country="by",
    organisation='ООО "Зерно и кофе"',
    tax_id="100582333",
    point="Кофейня на Немиге",
    address="г. Минск, ул. Немига, 5",
    zone="Europe/Minsk",
    register="Касса 1",
    factory_number="БК00012345",
    registration_number="110012345",
)
KZ_HEADER = TapeHeader(
    country="kz",
    organisation="ТОО On",
    tax_id="971240001315",
    point="Центр",
    address="Koshkarbaeva 46",
    zone="Asia/Almaty",
    register="КАССА 007",
    factory_number="SWK00041900",
    registration_number="281119950001",
    vat_certificate="12345 №1234567",
)


def line(**changes: Any) -> Line:
    """A line whose sum and tax follow from the rest, unless they are given."""
    fields: dict[str, Any] = {
        "name": "Хлеб",
        "price_minor": 199,
        "quantity_milli": 2000,
        "tax_rate": 1000,
    } | changes
    fields.setdefault(
        "sum_minor",
        line_sum(
            fields["price_minor"],
            fields["quantity_milli"],
            fields.get("discount_minor", 0),
            fields.get("markup_minor", 0),
        ),
    )
    fields.setdefault("tax_minor", tax_inside(fields["sum_minor"], fields["tax_rate"]))
    return Line(**fields)


def receipt(**changes: Any) -> Document:
    """A Belarusian sale of 19.90 paid with a note of twenty."""
    lines = (
        line(name="Кофе в зёрнах", price_minor=4590, quantity_milli=350, unit=166, tax_rate=2000),
        line(discount_minor=8, price_minor=192, quantity_milli=2000, tax_rate=1000, name="Хлеб"),
    )
    fields: dict[str, Any] = {
        "cashier": "Иванова И. И.",
        "change_minor": 10,
        "currency": "BYN",
        "fiscal_sign": UI,
        "issued_at": ISSUED_AT,
        "kind": "sale",
        "lines": lines,
        "markup_minor": 7,
        "number": 12,
        "ordinal": 3,
        "payments": Payments(cash_minor=2000),
        "register": "БК00012345",
        "shift": 2,
        "total_minor": 1990,
    }
    return Document(**(fields | changes))


def service_document(kind: str, **changes: Any) -> Document:
    """A document without lines: a shift's opening, a movement of cash, a report."""
    fields: dict[str, Any] = {
        "cashier": "Иванова И. И.",
        "issued_at": ISSUED_AT,
        "kind": kind,
        "number": 13,
        "ordinal": 4,
        "register": "БК00012345",
        "shift": 2,
    }
    if kind in ("cash_in", "cash_out"):
        fields["total_minor"] = 10_000
    if kind == "z_report":
        fields["totals"] = Totals(
            sale_count=2, sale_minor=2900, refund_count=1, refund_minor=5000, cash_minor=100
        )
    return Document(**(fields | changes))


def manual_receipt() -> Document:
    """The sample receipt of a manual of Kazakhstan: three positions, 14 580 in all, tax in one of them."""
    return Document(
        cashier="Мадиева А. А.",
        change_minor=42_000,
        currency="KZT",
        fiscal_sign="1028891939135",
        issued_at=datetime(2020, 1, 17, 6, 17, 35, tzinfo=UTC),
        kind="sale",
        lines=(
            line(name="Молоко", price_minor=26_500, quantity_milli=2000, tax_rate=None),
            line(name="Мука", price_minor=55_000, quantity_milli=1000, tax_rate=None),
            line(
                name="Торт Наполеон",
                price_minor=500_000,
                quantity_milli=3000,
                discount_minor=150_000,
                tax_rate=1200,
            ),
        ),
        number=215,
        ordinal=2,
        payments=Payments(cash_minor=200_000, card_minor=1_300_000),
        register="SWK00041900",
        shift=89,
        total_minor=1_458_000,
    )
