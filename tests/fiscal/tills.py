"""A till that drives the engine in tests: it keeps the register, the time and what was issued."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from portal.fiscal import codec
from portal.fiscal.chain import canonical
from portal.fiscal.commands import (
    Annul,
    BasketLine,
    Change,
    CloseShift,
    ComeBack,
    Command,
    GoAutonomous,
    MoveCash,
    OpenShift,
    Original,
    Receipt,
    Refund,
    RegisterSettings,
    TakeReport,
)
from portal.fiscal.dialects import BELARUS, KAZAKHSTAN, Dialect
from portal.fiscal.documents import Basis, Document, OperationName, Payments
from portal.fiscal.register import Register, decode, encode, issue, new_register

CASHIER = "Мадиева А. А."
MORNING = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
BASIS = Basis(
    fiscal_sign="1028891939135",
    issued_at=datetime(2026, 11, 1, 7, 0, tzinfo=UTC),
    registration_number="281119950001",
    total_minor=1_000_000,
)


@dataclass
class Till:
    """One register at work. Everything it does is stored and read back, as a real one's."""

    register: Register
    dialect: Dialect
    settings: RegisterSettings = field(default_factory=RegisterSettings)
    now: datetime = MORNING
    documents: list[Document] = field(default_factory=list)

    def do(self, command: Command, *, original: Original | None = None) -> Document | None:
        """Do what is asked, and hold the register and the document to what every one must be."""
        register, document = issue(
            self.register, self.settings, command, self.now, self.dialect, original=original
        )
        assert decode(encode(register)) == register
        self.register = register
        if document is not None:
            assert codec.decode(canonical(document)) == document
            self.documents.append(document)
        return document

    def issue(self, command: Command, *, original: Original | None = None) -> Document:
        """Do what gives a document."""
        document = self.do(command, original=original)
        assert document is not None
        return document

    def later(self, **length: float) -> None:
        self.now += timedelta(**length)

    def open(self) -> Document:
        return self.issue(OpenShift(cashier=CASHIER))

    def receipt(
        self,
        *lines: BasketLine,
        kind: OperationName = "sale",
        payments: Payments | None = None,
        cashier: str = CASHIER,
        **said: Any,
    ) -> Document:
        command = Receipt(cashier=cashier, kind=kind, lines=lines, payments=payments, **said)
        return self.issue(command)

    def sell(self, total_minor: int, **payments: int) -> Document:
        """Sell one thing for a sum; without payments, for cash."""
        return self.receipt(goods(total_minor), payments=Payments(**payments) if payments else None)

    def cash(self, sum_minor: int) -> Document:
        """Put cash in, or (below nought) take it out."""
        return self.issue(MoveCash(cashier=CASHIER, is_out=sum_minor < 0, sum_minor=abs(sum_minor)))

    def x_report(self) -> Document:
        return self.issue(TakeReport(cashier=CASHIER))

    def close(self) -> Document:
        return self.issue(CloseShift(cashier=CASHIER))

    def refund(self, document: Document, cashier: str = CASHIER, **said: Any) -> Document:
        command = Refund(cashier=cashier, number=document.number, **said)
        return self.issue(command, original=self.original(document))

    def annul(self, document: Document, *, is_refused: bool = False) -> Document:
        command = Annul(cashier=CASHIER, is_refused=is_refused, number=document.number)
        return self.issue(command, original=self.original(document))

    def original(self, document: Document, *, is_autonomous: bool = False) -> Original:
        """A document as the journal tells of it: with everything that was taken back of it, and of that."""
        refunds = [later for later in self.documents if later.basis == document.number]
        numbers = {refund.number for refund in refunds}
        undone = [later for later in self.documents if later.basis in numbers]
        return Original(
            document=document,
            fiscal_sign=document.fiscal_sign or "1028891939135",
            is_autonomous=is_autonomous,
            taken_back=(*refunds, *undone),
        )

    def go_autonomous(self, *late: Document) -> None:
        self.do(GoAutonomous(late=late, reason="no_answer"))

    def come_back(self) -> None:
        self.do(ComeBack())


def kazakh_till(**settings: Any) -> Till:
    register = new_register("SWK00033717", KAZAKHSTAN, registration_number="281119950001")
    return Till(register, KAZAKHSTAN, RegisterSettings(**settings))


def belarusian_till(*, is_open: bool = True, **settings: Any) -> Till:
    register = new_register("БК00012345", BELARUS, registration_number="110012345")
    till = Till(register, BELARUS, RegisterSettings(**settings))
    if is_open:
        till.open()
    return till


def goods(price_minor: int, quantity_milli: int = 1000, *, name: str = "Хлеб", **said: Any) -> BasketLine:
    """One position of a basket."""
    return BasketLine(name=name, price_minor=price_minor, quantity_milli=quantity_milli, **said)


def off(sum_minor: int) -> Change:
    """A discount or a markup of a sum."""
    return Change(sum_minor=sum_minor)


def per_cent(hundredths: int) -> Change:
    """A discount or a markup of a share."""
    return Change(share=hundredths)
