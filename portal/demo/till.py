"""A simulated till: it keeps its register's numbers, shifts, cash drawer and digest chain, and issues documents.

A till knows no clock and no chance: it is told when, what is sold and how it is paid. What it holds can be
rebuilt from the documents of its last two shifts (`take_up`), so a simulation continues from the journal.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from portal.fiscal.chain import canonical, till_digest
from portal.fiscal.dialects import Dialect
from portal.fiscal.documents import Document, KindName, Line, Payments, Totals

NO_PAYMENTS = Payments()


@dataclass(slots=True)
class Counters:
    """What a shift's reports will state."""

    annulment_count: int = 0
    annulment_minor: int = 0
    cash_in_minor: int = 0
    cash_out_minor: int = 0
    refund_count: int = 0
    refund_minor: int = 0
    sale_count: int = 0
    sale_minor: int = 0

    def totals(self, cash_minor: int) -> Totals:
        """These counters as a report states them, with the cash now in the drawer."""
        return Totals(
            annulment_count=self.annulment_count,
            annulment_minor=self.annulment_minor,
            cash_in_minor=self.cash_in_minor,
            cash_minor=cash_minor,
            cash_out_minor=self.cash_out_minor,
            refund_count=self.refund_count,
            refund_minor=self.refund_minor,
            sale_count=self.sale_count,
            sale_minor=self.sale_minor,
        )


@dataclass(frozen=True, slots=True)
class Bill:
    """What a customer owes: lines, and the receipt's own discount or markup."""

    lines: tuple[Line, ...]
    discount_minor: int = 0
    markup_minor: int = 0

    @property
    def total_minor(self) -> int:
        """The sum to pay."""
        return sum(line.sum_minor for line in self.lines) - self.discount_minor + self.markup_minor


@dataclass(slots=True)
class Till:
    """One register's till. `receipts` are the sales of this shift and the one before that may be taken back."""

    register: str
    dialect: Dialect
    number: int = 0
    shift: int = 0
    ordinal: int = 0
    is_open: bool = False
    opened_at: datetime | None = None
    last_issued_at: datetime | None = None
    cash_minor: int = 0
    digest: str | None = None
    autonomous: bool = False
    counters: Counters = field(default_factory=Counters)
    receipts: dict[int, Document] = field(default_factory=dict)

    def open_shift(self, at: datetime, *, cashier: str) -> Document | None:
        """Begin a shift. Where the first document opens it, no document says so."""
        if self.is_open:
            raise ValueError(f"the shift {self.shift} of {self.register} is open already")
        self._begin_shift(at)
        if self.dialect.shift_opens_with == "first_document":
            return None
        return self._issue("shift_opened", at, cashier, sign=None)

    def sell(
        self,
        at: datetime,
        bill: Bill,
        payments: Payments,
        *,
        change_minor: int,
        cashier: str,
        sign: str | None,
    ) -> Document:
        """Sell; the payments are what was handed over, change given back included."""
        return self._receipt("sale", at, bill, payments, change_minor, cashier, sign, None)

    def refund(
        self,
        at: datetime,
        basis: int | None,
        bill: Bill,
        payments: Payments,
        *,
        cashier: str,
        sign: str | None,
    ) -> Document:
        """Take goods of an earlier sale back and return the money; the number of that sale may be unknown."""
        return self._receipt("sale_refund", at, bill, payments, 0, cashier, sign, basis)

    def annul(self, at: datetime, basis: Document, *, cashier: str, sign: str | None) -> Document:
        """Annul an earlier sale: its lines and payments once more, the other way round."""
        bill = Bill(basis.lines, basis.discount_minor, basis.markup_minor)
        return self._receipt(
            "annulment", at, bill, basis.payments, basis.change_minor, cashier, sign, basis.number
        )

    def cash_in(self, at: datetime, amount_minor: int, *, cashier: str, sign: str | None) -> Document:
        """Put cash into the drawer."""
        return self._cash("cash_in", at, amount_minor, cashier, sign)

    def cash_out(self, at: datetime, amount_minor: int, *, cashier: str, sign: str | None) -> Document:
        """Take cash out of the drawer."""
        if amount_minor > self.cash_minor:
            raise ValueError(f"the drawer of {self.register} holds {self.cash_minor}, not {amount_minor}")
        return self._cash("cash_out", at, amount_minor, cashier, sign)

    def x_report(self, at: datetime, *, cashier: str) -> Document:
        """Report on the shift so far."""
        return self._issue("x_report", at, cashier, None, totals=self.counters.totals(self.cash_minor))

    def z_report(self, at: datetime, *, cashier: str, sign: str | None) -> Document:
        """Report on the shift and close it."""
        document = self._issue("z_report", at, cashier, sign, totals=self.counters.totals(self.cash_minor))
        self.is_open = False
        return document

    def lose(self, document: Document) -> None:
        """Forget that a receipt may be taken back (it never left the till)."""
        self.receipts.pop(document.number, None)

    def _begin_shift(self, at: datetime) -> None:
        """Start counting anew; what the shift before the last one sold is out of reach from now on."""
        self.receipts = {n: sold for n, sold in self.receipts.items() if sold.shift == self.shift}
        self.shift += 1
        self.ordinal = 0
        self.is_open = True
        self.opened_at = at
        self.counters = Counters()

    def _receipt(
        self,
        kind: KindName,
        at: datetime,
        bill: Bill,
        payments: Payments,
        change_minor: int,
        cashier: str,
        sign: str | None,
        basis: int | None,
    ) -> Document:
        document = self._issue(
            kind,
            at,
            cashier,
            sign,
            basis=basis,
            lines=bill.lines,
            discount_minor=bill.discount_minor,
            markup_minor=bill.markup_minor,
            payments=payments,
            change_minor=change_minor,
            total_minor=bill.total_minor,
        )
        self._count(document)
        return document

    def _cash(
        self, kind: KindName, at: datetime, amount_minor: int, cashier: str, sign: str | None
    ) -> Document:
        document = self._issue(kind, at, cashier, sign, total_minor=amount_minor)
        self._count(document)
        return document

    def _issue(
        self,
        kind: KindName,
        at: datetime,
        cashier: str,
        sign: str | None,
        *,
        basis: int | None = None,
        lines: tuple[Line, ...] = (),
        discount_minor: int = 0,
        markup_minor: int = 0,
        payments: Payments = NO_PAYMENTS,
        change_minor: int = 0,
        total_minor: int = 0,
        totals: Totals | None = None,
    ) -> Document:
        """Give the document its numbers and its links, and remember them."""
        if not self.is_open:
            raise ValueError(f"no shift is open at {self.register}")
        if not self.ordinal:
            self.opened_at = at
        self.number += 1
        self.ordinal += 1
        document = Document(
            autonomous=self.autonomous,
            basis=basis,
            cashier=cashier,
            change_minor=change_minor,
            currency=self.dialect.currency,
            discount_minor=discount_minor,
            fiscal_sign=sign,
            issued_at=at,
            kind=kind,
            lines=lines,
            markup_minor=markup_minor,
            number=self.number,
            ordinal=self.ordinal,
            payments=payments,
            previous=self.digest,
            register=self.register,
            shift=self.shift,
            total_minor=total_minor,
            totals=totals,
        )
        previous = b"" if self.digest is None else bytes.fromhex(self.digest)
        self.digest = till_digest(previous, canonical(document)).hex()
        self.last_issued_at = at
        return msgspec.structs.replace(document, digest=self.digest)

    def _count(self, document: Document) -> None:
        """Move the counters and the drawer by one document."""
        cash = document.payments.cash_minor - document.change_minor
        counters = self.counters
        match document.kind:
            case "sale":
                counters.sale_count += 1
                counters.sale_minor += document.total_minor
                self.cash_minor += cash
                self.receipts[document.number] = document
            case "sale_refund":
                counters.refund_count += 1
                counters.refund_minor += document.total_minor
                self.cash_minor -= cash
            case "annulment":
                counters.annulment_count += 1
                counters.annulment_minor += document.total_minor
                self.cash_minor -= cash
            case "cash_in":
                counters.cash_in_minor += document.total_minor
                self.cash_minor += document.total_minor
            case "cash_out":
                counters.cash_out_minor += document.total_minor
                self.cash_minor -= document.total_minor
            case _:
                return
        if document.basis is not None:
            self.receipts.pop(document.basis, None)


def take_up(register: str, dialect: Dialect, documents: Iterable[Document]) -> Till:
    """A till as it stood after its documents, of which those of the last two shifts are enough.

    The drawer is known from the last report on; documents before the first report only count when the
    register's whole life is given.
    """
    till = Till(register, dialect)
    for document in documents:
        if document.shift != till.shift or not till.is_open:
            till.shift = document.shift - 1
            till._begin_shift(document.issued_at)
        till.number = document.number
        till.ordinal = document.ordinal
        till.digest = document.digest
        till.autonomous = document.autonomous
        till.last_issued_at = document.issued_at
        till._count(document)
        if document.totals is not None:
            till.cash_minor = document.totals.cash_minor
        if document.kind == "z_report":
            till.is_open = False
    return till
