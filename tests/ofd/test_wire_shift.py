"""Whole shifts from the engine over the wire to an operator that counts for itself: both come to the same Z-report."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from portal.fiscal.autonomy import autonomous_sign
from portal.fiscal.chain import canonical
from portal.fiscal.commands import (
    BasketLine,
    CloseShift,
    ComeBack,
    Command,
    GoAutonomous,
    Original,
    Receipt,
    Refund,
    TakeReport,
)
from portal.fiscal.dialects import KAZAKHSTAN
from portal.fiscal.documents import Document
from portal.fiscal.register import Register, issue, new_register
from portal.ofd.gateway import Answer, KazakhGateway, Line, Outgoing, Registration
from portal.ofd.simulator.server import OperatorServer
from portal.ofd.simulator.testing import running_operator
from portal.ofd.wire.figures import differences, figures_of
from portal.primitives.refusals import Refusal
from portal.storm.commands import command_for, settings_for

DEVICE = 203605
AT = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
TAX_ID = "230840012347"
RNM = "032600010282"


class Till:
    """A register of the engine that hands every document to the operator itself."""

    def __init__(self, operator: OperatorServer, seed: int) -> None:
        self.chance = Random(seed)
        self.settings = settings_for(self.chance, TAX_ID)
        self.register: Register = new_register("SWK1", KAZAKHSTAN, registration_number=RNM)
        self.at = AT
        self.token = 7
        self.waiting: list[Document] = []
        self.late: set[int] = set()
        self.issued: dict[int, Document] = {}
        self.signs: dict[int, str] = {}
        self.taken_back: dict[int, list[Document]] = {}
        self.line = (operator.host, operator.port, Registration("SWK1", RNM, "ТОО Буря", TAX_ID))

    def do(self, command: Command) -> Document | None:
        """Issue a document, or None when the engine refuses."""
        self.at += timedelta(seconds=20)
        original = None
        if isinstance(command, Refund):
            number = command.number
            original = Original(
                document=self.issued[number],
                fiscal_sign=self.signs[number],
                is_autonomous=self.issued[number].autonomous or number in self.late,
                taken_back=tuple(self.taken_back.get(number, ())),
            )
        try:
            self.register, document = issue(
                self.register, self.settings, command, self.at, KAZAKHSTAN, original=original
            )
        except Refusal:
            return None
        if document is not None:
            self.issued[document.number] = document
            if document.autonomous and document.fiscal_sign:
                self.signs[document.number] = document.fiscal_sign
            if isinstance(command, Refund):
                self.taken_back.setdefault(command.number, []).append(document)
        return document

    def lose(self, document: Document) -> None:
        """Nobody answered: the document is late, and what follows is autonomous."""
        self.do(GoAutonomous(late=(document,), reason="no_answer"))
        self.waiting.append(document)
        self.late.add(document.number)
        self.signs.setdefault(document.number, autonomous_sign(document))

    def send(self, document: Document) -> Answer:
        """Hand one document over; it must be taken."""
        is_autonomous = document.number in self.late or document.autonomous
        is_receipt = bool(document.lines)
        item = Outgoing(
            document,
            canonical(document),
            document.number,
            is_autonomous,
            autonomous_sign(document) if is_autonomous and is_receipt else None,
            self.register.autonomous_since,
        )
        host, port, registration = self.line
        gateway = KazakhGateway(lambda: self.at)
        answer = gateway.send(
            Line(host, port, registration, device=DEVICE, token=self.token), item, timeout_s=20.0
        )
        assert answer.is_accepted, (answer, document)
        assert answer.token is not None
        self.token = answer.token
        if answer.sign and not is_autonomous:
            self.signs[document.number] = answer.sign
        return answer

    def sold(self) -> list[int]:
        return [number for number, document in self.issued.items() if document.kind == "sale"]


@pytest.mark.parametrize("seed", range(4))
def test_both_come_to_the_same_z_report(tmp_path: Path, seed: int) -> None:
    """Hours of work with the operator, hours without it and with it again; every X and every Z agrees."""
    reports = 0
    with running_operator(tmp_path) as operator:
        operator.register(DEVICE, 7, rnm=RNM, znm="SWK1", tax_id=TAX_ID)
        till = Till(operator, seed)
        for step in range(160):
            command = command_for(till.chance, "kz", till.sold())
            document = till.do(command)
            if document is None:
                continue
            if step % 40 == 25 and not till.register.autonomous_since:
                till.lose(document)
                continue
            if till.register.autonomous_since:
                till.waiting.append(document)
                if step % 40 == 38:
                    reports += _deliver(till)
                continue
            reports += _agrees(document, till.send(document))
        reports += _deliver(till)
        for command in (TakeReport(cashier="Иванов"), CloseShift(cashier="Иванов")):
            sale = Receipt(
                cashier="Иванов",
                kind="sale",
                lines=(BasketLine(name="Соль", price_minor=500, quantity_milli=1000),),
            )
            for one in (sale, command):
                document = till.do(one)
                assert document is not None
                reports += _agrees(document, till.send(document))
    assert reports >= 4


def _deliver(till: Till) -> int:
    """Everything that waits, in order; how many reports agreed."""
    reports = 0
    for document in till.waiting:
        reports += _agrees(document, till.send(document))
    till.waiting.clear()
    if till.register.autonomous_since:
        till.do(ComeBack())
    return reports


def _agrees(document: Document, answer: Answer) -> int:
    if document.report is None:
        return 0
    assert answer.figures is not None
    assert differences(figures_of(document), dict(answer.figures)) == []
    return 1
