"""Cloud tills for tests: a company with registers that issue here, and what a cashier asks of them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from portal.db import transaction
from portal.fiscal.commands import BasketLine, MoveCash, OpenShift, Receipt, RegisterSettings
from portal.fiscal.documents import Payments
from tests import factories

MORNING = datetime(2026, 11, 2, 6, 0, tzinfo=UTC)
CASHIER = "Анна Ковалёва"


@dataclass(frozen=True)
class Shop:
    """An organisation and its registers, committed."""

    id: int
    register_ids: tuple[int, ...]

    @property
    def register_id(self) -> int:
        return self.register_ids[0]


def found_shop(
    country: str = "kz",
    count: int = 1,
    *,
    settings: RegisterSettings | None = None,
    host: str | None = "127.0.0.1",
) -> Shop:
    """Found a shop with cloud tills; without a host they have no operator."""
    with transaction() as session:
        company = factories.organisation(session, country=country)
        point = factories.point(session, company)
        registers = [factories.register(session, point) for _ in range(count)]
        for register in registers:
            factories.cloud_till(session, register, settings, country=country, host=host)
        return Shop(company.id, tuple(register.id for register in registers))


def sale(price_minor: int = 10_000, *, count: int = 3, card: bool = False, name: str = "Хлеб") -> Receipt:
    """A sale of some lines, paid with exactly what it costs."""
    total = price_minor * count
    return Receipt(
        kind="sale",
        cashier=CASHIER,
        lines=tuple(
            BasketLine(name=f"{name} {place}", price_minor=price_minor, quantity_milli=1000)
            for place in range(count)
        ),
        payments=Payments(card_minor=total) if card else Payments(cash_minor=total),
    )


def opening() -> OpenShift:
    return OpenShift(cashier=CASHIER)


def cash_in(sum_minor: int = 100_000) -> MoveCash:
    return MoveCash(cashier=CASHIER, sum_minor=sum_minor)


def cash_out(sum_minor: int) -> MoveCash:
    return MoveCash(cashier=CASHIER, is_out=True, sum_minor=sum_minor)


def after(minutes: int) -> datetime:
    """So many minutes after the morning."""
    return MORNING + timedelta(minutes=minutes)
