"""What the engine issues, the operator understands: random baskets over the wire, and the figures at its other end."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from portal.fiscal.commands import (
    BasketLine,
    Change,
    Receipt,
    ReceiptModifier,
    RegisterSettings,
    RoundingMode,
)
from portal.fiscal.dialects import KAZAKHSTAN
from portal.fiscal.documents import Document
from portal.fiscal.register import issue, new_register
from portal.ofd.exchange import Line, Outgoing, Registration
from portal.ofd.simulator.account import Facts
from portal.ofd.simulator.reading import read_ticket
from portal.ofd.wire import v203_pb2 as v203
from portal.ofd.wire.requests import request_of
from portal.primitives.refusals import Refusal

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
LINK = Line("127.0.0.1", 1, Registration(factory_number="SWK1"), device=1)
FREE = RegisterSettings(are_both_modifiers_allowed=True)

CHANGES = st.none() | st.builds(Change, sum_minor=st.integers(0, 900))
LINES = st.builds(
    BasketLine,
    code=st.sampled_from([None, "17", "A-1"]),
    discount=CHANGES,
    is_discount_struck=st.booleans(),
    is_markup_struck=st.booleans(),
    is_struck=st.sampled_from([False, False, False, True]),
    is_untaxed=st.just(False),
    markup=CHANGES,
    name=st.just("Соль"),
    price_minor=st.integers(0, 100_000),
    quantity_milli=st.integers(1, 5000),
    section=st.integers(0, 3),
    tax_rate=st.sampled_from([None, 0, 500, 1000, 1600]),
)


def _modifiers(is_markup: st.SearchStrategy[bool], rates: list[int | None]) -> st.SearchStrategy[Any]:
    one = st.builds(
        ReceiptModifier,
        change=st.builds(Change, sum_minor=st.integers(0, 3000)),
        is_markup=is_markup,
        tax_rate=st.sampled_from(rates),
    )
    return st.lists(one, max_size=3).map(tuple)


# A receipt states one modifier with tax by rate but one sum: discounts beside markups with rates of their own are more
# than it can say.
MODIFIERS = (
    _modifiers(st.just(False), [None, 500, 1600])
    | _modifiers(st.just(True), [None, 500, 1600])
    | _modifiers(st.booleans(), [None])
)


def _sale(**basket: Any) -> Document:
    """A sale that the engine issues; what it refuses is no example."""
    command = Receipt(cashier="Иванов", kind="sale", payments=None, **basket)
    try:
        _, document = issue(new_register("SWK1", KAZAKHSTAN), FREE, command, AT, KAZAKHSTAN)
    except Refusal:
        assume(False)
    assert document is not None
    # Nor can it say whose tax that is when rounding turns a modifier of other goods' rate round.
    goods = {line.tax_rate for line in document.lines}
    shares = {share.tax_rate for modifier in document.modifiers for share in modifier.shares}
    left = document.markup_minor - document.discount_minor
    assume(shares <= goods or left * (left + document.rounding_minor) > 0)
    return document


@settings(max_examples=300)
@given(
    lines=st.lists(LINES, min_size=1, max_size=6).map(tuple),
    modifiers=MODIFIERS,
    rounding=st.sampled_from(list(RoundingMode)),
)
def test_whatever_is_sold_the_operator_counts_as_the_engine_does(**basket: Any) -> None:
    document = _sale(**basket)
    sent = request_of(LINK, Outgoing(document, b"", 1), now=AT).SerializeToString()
    received = read_ticket(
        v203.Request.FromString(sent).ticket, Facts(rnm="1", tax_id="2", title="3", znm="SWK1")
    )
    assert received.total_minor == document.total_minor
    assert received.item_count == len(document.lines)
    assert received.cash_minor == document.payments.cash_minor - document.change_minor
    sections: Counter[str] = Counter()
    taxes: Counter[int | None] = Counter()
    for line in document.lines:
        sections[str(line.section or 1)] += line.sum_minor
        taxes[line.tax_rate] += line.tax_minor
    for modifier in document.modifiers:
        for share in modifier.shares:
            taxes[share.tax_rate] += share.tax_minor * (1 if modifier.markup else -1)
    assert {code: pair.second for code, pair in received.sections.items() if pair.first} == sections
    told = {rate: pair.second for rate, pair in received.taxes.items() if pair.second}
    assert told == {rate: tax for rate, tax in taxes.items() if tax}
