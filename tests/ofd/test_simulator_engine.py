"""Days that the engine issues and the real gateways deliver: two ledgers, and not a figure of difference."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from portal.fiscal.chain import canonical
from portal.fiscal.commands import (
    Annul,
    BasketLine,
    Change,
    CloseShift,
    Command,
    GoAutonomous,
    MoveCash,
    OpenShift,
    Original,
    Receipt,
    ReceiptModifier,
    Refund,
    RegisterSettings,
    RoundingMode,
    Taken,
    TakeReport,
)
from portal.fiscal.dialects import BELARUS, KAZAKHSTAN, Dialect
from portal.fiscal.documents import OPERATIONS, Document, OperationName, Payments
from portal.fiscal.register import Register, issue, new_register, report_of
from portal.ofd.exchange import Answer, Line, NoAnswer, Outgoing, Registration
from portal.ofd.gateway import BelarusGateway, Gateway, KazakhGateway
from portal.ofd.simulator.testing import TestOperator
from portal.ofd.wire.figures import differences, figures_of
from portal.primitives.refusals import Refusal

BEGINNING = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
DEVICE, TOKEN, RNM, BIN = 7, 4242, "032600010282", "123456789021"
SETTINGS = RegisterSettings(may_purchase=True)


@dataclass
class Till:
    """A register on the engine and its line to the operator."""

    operator: TestOperator
    dialect: Dialect
    gateway: Gateway
    settings: RegisterSettings
    register: Register
    at: datetime = BEGINNING
    token: int = TOKEN
    asked: int = 0
    receipts: dict[int, tuple[Document, str | None]] = field(default_factory=dict)
    refunds: dict[int, list[Document]] = field(default_factory=dict)

    def line(self) -> Line:
        port = self.operator.port if self.dialect is KAZAKHSTAN else self.operator.belarus_port
        return Line(
            self.operator.host,
            port,
            Registration("SWK1", registration_number=RNM, tax_id=BIN),
            device=DEVICE,
            token=self.token,
        )

    def original(self, number: int) -> Original:
        document, sign = self.receipts[number]
        return Original(document=document, fiscal_sign=sign, taken_back=tuple(self.refunds.get(number, ())))

    def do(self, command: Command, original: Original | None = None) -> Document:
        self.at += timedelta(seconds=17)
        self.register, document = issue(
            self.register, self.settings, command, self.at, self.dialect, original=original
        )
        assert document is not None
        return document

    def deliver(self, document: Document, *, tries: int = 1) -> Answer:
        """Ask until there is an answer that can be trusted, as a register does: with the same number and token."""
        self.asked += 1
        item = Outgoing(document, canonical(document), self.asked)
        for _ in range(tries):
            try:
                answer = self.gateway.send(self.line(), item, timeout_s=20 if tries == 1 else 0.3)
            except NoAnswer:
                continue
            if answer.is_accepted:
                break
        assert answer.is_accepted, (answer, document)
        self.token = answer.token or 0
        if document.kind in OPERATIONS:
            self.receipts[document.number] = (document, answer.sign or document.fiscal_sign)
            if document.basis is not None:
                self.refunds.setdefault(document.basis, []).append(document)
        return answer

    def run(self, command: Command, original: Original | None = None, *, tries: int = 1) -> Answer:
        return self.deliver(self.do(command, original), tries=tries)


def _till(operator: TestOperator, dialect: Dialect, settings: RegisterSettings = SETTINGS) -> Till:
    kazakh = dialect is KAZAKHSTAN
    operator.register(
        DEVICE if kazakh else "SWK1", TOKEN, rnm=RNM, znm="SWK1", tax_id=BIN, country=dialect.country
    )
    register = new_register("SWK1", dialect, registration_number=RNM)
    return Till(operator, dialect, KazakhGateway() if kazakh else BelarusGateway(), settings, register)


def _change(random: Random, most: int) -> Change | None:
    return Change(sum_minor=random.randrange(1, most)) if random.random() < 0.25 else None


def _receipt(random: Random, kind: OperationName, rates: list[int]) -> Receipt:
    """Any basket: modifiers, storno, three decimals, departments, rates, and cash with change or a card."""
    lines: list[BasketLine] = []
    for _ in range(random.randrange(1, 5)):
        discount = _change(random, 900)
        is_untaxed = random.random() < 0.1
        lines.append(
            BasketLine(
                name=random.choice(["Соль", "Хлеб", "Молоко"]),
                price_minor=random.randrange(1_000, 90_000),
                quantity_milli=random.choice([1_000, 2_000, 1_234, 500, 333]) * 3,
                discount=discount,
                markup=None if discount else _change(random, 900),
                is_discount_struck=random.random() < 0.2,
                is_struck=bool(lines) and random.random() < 0.2,
                section=random.randrange(4),
                tax_rate=None if is_untaxed else random.choice(rates),
                is_untaxed=is_untaxed,
            )
        )
    change = _change(random, 900)
    modifiers = () if change is None else (ReceiptModifier(change=change, is_markup=random.random() < 0.5),)
    payments = random.choice([None, Payments(cash_minor=5_000_000)]) if kind == "sale" else None
    return Receipt(cashier="Иванов", kind=kind, lines=tuple(lines), modifiers=modifiers, payments=payments)


@pytest.mark.parametrize("rounding", RoundingMode)
@pytest.mark.parametrize("seed", range(4))
def test_a_day_in_kazakhstan_counts_to_the_same_figures(
    simulator: TestOperator, seed: int, rounding: RoundingMode
) -> None:
    random = Random(seed)
    till = _till(simulator, KAZAKHSTAN, RegisterSettings(may_purchase=True, rounding=rounding))
    till.run(MoveCash(cashier="Иванов", sum_minor=9_000_000))
    for shift in (1, 2):
        for _ in range(20):
            try:
                till.run(_receipt(random, random.choice(["sale", "sale", "purchase"]), [0, 500, 1000, 1600]))
            except Refusal:
                continue
        number, (document, _) = random.choice(list(till.receipts.items()))
        if document.kind in {"sale", "purchase"} and number not in till.refunds:
            part = Taken(place=1, quantity_milli=document.lines[0].quantity_milli)
            till.run(Refund(cashier="Иванов", number=number, taken=(part,)), till.original(number))
        x = till.do(TakeReport(cashier="Иванов"))
        theirs = till.deliver(x).figures
        assert theirs is not None
        assert differences(figures_of(x), dict(theirs)) == []
        till.run(MoveCash(cashier="Иванов", sum_minor=1_000, is_out=True))
        z = till.do(CloseShift(cashier="Иванов"))
        theirs = till.deliver(z).figures
        assert theirs is not None
        assert differences(figures_of(z), dict(theirs)) == []
        assert theirs["shift"] == shift
        assert theirs["sale.count"] > 0
    assert set(simulator.z_figures(DEVICE)) == {1, 2}


@pytest.mark.parametrize("seed", range(3))
def test_mischief_does_not_part_the_two_ledgers(simulator: TestOperator, seed: int) -> None:
    """Answers lost, halved, doubled, late; connections reset; refusals that say nothing: asked until it answers."""
    random = Random(seed)
    till = _till(simulator, KAZAKHSTAN)
    for kind in (
        "lost",
        "half",
        "twice",
        "reset",
        "bad_token",
        "odd_token",
        "code_254",
        "code_255",
        "silent",
    ):
        simulator.mischief.switch_on(kind, 0.06)
    till.run(MoveCash(cashier="Иванов", sum_minor=9_000_000), tries=100)
    for _ in range(25):
        till.run(_receipt(random, "sale", [0, 1600]), tries=100)
    simulator.mischief.switch_off()
    # The last token may have been an odd one, which is refused once.
    z = till.do(CloseShift(cashier="Иванов"))
    theirs = till.deliver(z, tries=3).figures
    assert theirs is not None
    assert differences(figures_of(z), dict(theirs)) == []
    assert [row.number for row in simulator.documents(DEVICE, only_accepted=True)] == list(range(1, 28))
    assert [row.sign for row in simulator.documents(DEVICE, only_accepted=True) if row.sign] == [
        sign for _, sign in till.receipts.values()
    ]


def test_what_was_issued_autonomously_is_counted_so_on_both_sides(simulator: TestOperator) -> None:
    """The last receipt before the silence was taken after all: it is late, and autonomous on both sides."""
    till = _till(simulator, KAZAKHSTAN)
    till.run(_receipt(Random(1), "sale", [1600]))
    late = till.do(_receipt(Random(2), "sale", [1600]))
    simulator.mischief.switch_on("lost", times=1)
    till.asked += 1
    with pytest.raises(NoAnswer):
        till.gateway.send(till.line(), Outgoing(late, canonical(late), till.asked), timeout_s=20)
    till.at += timedelta(seconds=3)
    since = till.at
    till.register, nothing = issue(
        till.register, till.settings, GoAutonomous(late=(late,), reason="timeout"), since, KAZAKHSTAN
    )
    assert nothing is None
    alone = till.do(_receipt(Random(3), "sale", [1600]))
    z = till.do(CloseShift(cashier="Иванов"))
    theirs = None
    for number, document in enumerate((late, alone, z), till.asked):
        item = Outgoing(
            document,
            canonical(document),
            number,
            is_autonomous=True,
            autonomous_sign=None if document is z else document.fiscal_sign or "123",
            offline_since=since,
        )
        answer = till.gateway.send(till.line(), item, timeout_s=20)
        assert answer.is_accepted, answer
        till.token, theirs = answer.token or 0, answer.figures
    assert theirs is not None
    assert differences(figures_of(z), dict(theirs)) == []
    assert theirs["sale.offline_count"] == 2
    rows = simulator.documents(DEVICE)
    assert [row.offline_sign for row in rows] == [None, "123", alone.fiscal_sign, None]


# Belarus


@pytest.mark.parametrize("seed", range(4))
def test_a_day_in_belarus_counts_to_the_same_sums(simulator: TestOperator, seed: int) -> None:
    random = Random(seed)
    till = _till(simulator, BELARUS)
    till.run(OpenShift(cashier="Иванов"))
    till.run(MoveCash(cashier="Иванов", sum_minor=9_000_000))
    for _ in range(20):
        try:
            till.run(_receipt(random, random.choice(["sale", "sale_refund"]), [0, 1000, 2000, 2500]))
        except Refusal:
            continue
    number = next(number for number, (document, _) in till.receipts.items() if document.kind == "sale")
    till.run(Annul(cashier="Иванов", number=number), till.original(number))
    own = report_of(till.register, till.at, is_closing=False)
    theirs = simulator.counters("SWK1", country="by")
    for ours, one in zip(own.operations, theirs.operations, strict=True):
        assert (ours.count, ours.sum_minor, ours.cash_minor, ours.tax_minor, ours.non_nullable_minor) == (
            one.count,
            one.sum_minor,
            one.cash_minor,
            one.tax_minor,
            one.non_nullable_minor,
        )
    assert own.sections == theirs.sections
    assert own.taxes == theirs.taxes
    assert (own.cash_minor, own.cash_in, own.annulled_count, own.annulled_minor) == (
        theirs.cash_minor,
        theirs.cash_in,
        theirs.annulled_count,
        theirs.annulled_minor,
    )
    till.run(CloseShift(cashier="Иванов"))
    assert not simulator.account("SWK1", country="by").is_open


def test_a_document_of_belarus_may_come_twice(simulator: TestOperator) -> None:
    till = _till(simulator, BELARUS)
    till.run(OpenShift(cashier="Иванов"))
    document = till.do(_receipt(Random(1), "sale", [2000]))
    simulator.mischief.switch_on("lost", times=1)
    item = Outgoing(document, canonical(document), 9)
    with pytest.raises(NoAnswer):
        till.gateway.send(till.line(), item, timeout_s=20)
    answers = [till.gateway.send(till.line(), item, timeout_s=20) for _ in range(2)]
    assert [(answer.is_accepted, answer.is_repeated) for answer in answers] == [(True, True)] * 2
    assert simulator.counters("SWK1", country="by").operations[0].count == 1
    simulator.restart()
    assert till.gateway.send(till.line(), item, timeout_s=20).is_repeated


def test_the_operator_knows_who_calls(simulator: TestOperator) -> None:
    till = _till(simulator, KAZAKHSTAN)
    assert till.gateway.ping(till.line(), request_number=1, timeout_s=20).result_code == 0
    stranger = Line(simulator.host, simulator.port, Registration("SWK1"), device=8, token=1)
    assert till.gateway.ping(stranger, request_number=1, timeout_s=20).result_code == 1
    minsk = _till(simulator, BELARUS)
    assert minsk.gateway.ping(minsk.line(), request_number=1, timeout_s=20).is_accepted
    other = Line(simulator.host, simulator.belarus_port, Registration("ZN9"))
    assert not minsk.gateway.ping(other, request_number=1, timeout_s=20).is_accepted
