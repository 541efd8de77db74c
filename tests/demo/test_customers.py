"""Customers at a cloud till ask for what the engine grants, and for enough that every sort of receipt occurs."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from portal.demo.customers import DRAWER_MAX_MINOR, FLOAT_MINOR, Customers, settings_of
from portal.demo.shops import COMPANIES, GRAIN_AND_HONEY, Company, Shop, Stall
from portal.fiscal.commands import Command, ModifierUnit, OpenShift, Original, Receipt
from portal.fiscal.documents import Document
from portal.fiscal.register import Register, close_commands, issue, new_register
from portal.primitives.refusals import Refusal

NOON = datetime(2026, 5, 15, 8, tzinfo=UTC)

# Refusals that a customer may meet: the drawer is empty, or the whole receipt came back already.
MAY_HAPPEN = {"fiscal.not_enough_cash", "fiscal.nothing_left"}


class Desk:
    """A till without a database: the engine, and as much of a journal as refunds need."""

    def __init__(self, company: Company, shop: Shop, stall: Stall) -> None:
        self.shop = shop
        self.settings = settings_of(shop, stall, company.tax_id)
        self.customers = Customers(shop, stall, self.settings, Random(stall.register))
        self.register: Register = new_register(
            stall.register, shop.dialect, registration_number=stall.registration_number
        )
        self.journal: dict[int, Document] = {}
        self.at = NOON
        self.refused: Counter[str] = Counter()

    def ask(self, command: Command) -> Document | None:
        """What comes of a command; None when it is refused, and that is counted."""
        original = None
        if (number := getattr(command, "number", None)) is not None:
            later = tuple(one for one in self.journal.values() if one.basis == number)
            original = Original(document=self.journal[number], fiscal_sign="1234567890", taken_back=later)
        self.at += timedelta(seconds=20)
        try:
            self.register, document = issue(
                self.register, self.settings, command, self.at, self.shop.dialect, original=original
            )
        except Refusal as refusal:
            self.refused[refusal.code] += 1
            return None
        assert document is not None
        self.journal[document.number] = document
        self.customers.remember(document)
        return document

    def open(self) -> None:
        """Open the shift, with change in the drawer."""
        is_by_itself = self.shop.dialect.shift_opens_with == "first_document"
        if not is_by_itself:
            self.ask(OpenShift(cashier="Анна"))
        change = self.customers.change_for(self.register.cash_minor, NOON.date(), opens_shift=is_by_itself)
        assert change is not None
        self.ask(change)

    def serve(self) -> Document | None:
        """One customer."""
        command = self.customers.ask(NOON.date())
        if isinstance(command, Receipt):
            _, seen = issue(self.register, self.settings, command, self.at, self.shop.dialect)
            assert seen is not None
            command = self.customers.pay(command, seen)
        document = self.ask(command)
        takings = self.customers.takings(self.register.cash_minor, NOON.date())
        if takings is not None:
            self.ask(takings)
        return document


DESKS = [
    pytest.param(company, shop, stall, id=stall.register)
    for company in COMPANIES
    for shop in company.shops
    for stall in shop.stalls[:2]
]


@pytest.mark.parametrize(("company", "shop", "stall"), DESKS)
def test_the_engine_grants_what_customers_ask_for(company: Company, shop: Shop, stall: Stall) -> None:
    desk = Desk(company, shop, stall)
    desk.open()
    for _ in range(400):
        desk.serve()
        assert desk.register.cash_minor <= DRAWER_MAX_MINOR[desk.customers.country]
    assert set(desk.refused) <= MAY_HAPPEN
    assert sum(desk.refused.values()) < 10
    for command in close_commands(desk.register, desk.settings, cashier="Анна"):
        assert desk.ask(command) is not None
    assert not desk.register.is_open


def test_every_sort_of_receipt_occurs() -> None:
    documents: list[Document] = []
    for company in COMPANIES:
        for shop in company.shops:
            desk = Desk(company, shop, shop.stalls[0])
            desk.open()
            for _ in range(300):
                desk.serve()
            documents += desk.journal.values()
    kinds = Counter(one.kind for one in documents)
    assert {"sale", "sale_refund", "annulment", "cash_in", "cash_out"} <= set(kinds)
    sales = [one for one in documents if one.kind == "sale"]
    refunds = [one for one in documents if one.kind == "sale_refund"]
    totals = {(one.register, one.number): one.total_minor for one in sales}
    for what, occurs in {
        "a discount of a line": any(line.discount_minor for one in sales for line in one.lines),
        "a markup of a line": any(line.markup_minor for one in sales for line in one.lines),
        "a discount of the receipt": any(one.modifiers for one in sales),
        "a line struck out": any(storno.line for one in sales for storno in one.stornos),
        "a discount struck out": any(not storno.line for one in sales for storno in one.stornos),
        "two ways to pay": any(one.payments.cash_minor and one.payments.card_minor for one in sales),
        "change": any(one.change_minor for one in sales),
        "a mobile payment": any(one.payments.mobile_minor for one in sales),
        "rounding to what coins can pay": any(one.rounding_minor for one in sales),
        "several rates of tax": len({line.tax_rate for one in sales for line in one.lines}) > 3,
        "a refund of a part": any(
            one.total_minor < totals.get((one.register, one.basis or 0), 0) for one in refunds
        ),
        "a refund that names its original": any(one.basis_receipt for one in refunds),
    }.items():
        assert occurs, what


def test_the_same_luck_asks_for_the_same() -> None:
    shop = GRAIN_AND_HONEY.shops[0]
    first, second = (Desk(GRAIN_AND_HONEY, shop, shop.stalls[0]) for _ in range(2))
    for desk in (first, second):
        desk.open()
        for _ in range(40):
            desk.serve()
    assert first.journal == second.journal


def test_tills_differ_in_how_they_are_set() -> None:
    units = {
        settings_of(shop, stall, company.tax_id).modifier_unit
        for company in COMPANIES
        for shop in company.shops
        for stall in shop.stalls
    }
    assert units == set(ModifierUnit)


@pytest.mark.parametrize("company", COMPANIES, ids=lambda company: company.dialect.country)
def test_a_drawer_begins_with_change_and_is_not_filled_twice(company: Company) -> None:
    shop = company.shops[0]
    customers = Desk(company, shop, shop.stalls[0]).customers
    float_minor = FLOAT_MINOR[customers.country]
    empty = customers.change_for(0, NOON.date(), opens_shift=False)
    assert empty is not None
    assert empty.sum_minor == float_minor
    assert customers.change_for(float_minor, NOON.date(), opens_shift=False) is None
    opening = customers.change_for(float_minor, NOON.date(), opens_shift=True)
    assert opening is not None
    assert opening.sum_minor > 0
