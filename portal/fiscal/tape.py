"""A document as lines of 34, 36 or 48 characters: one renderer for screen, printer, API and PDF.

A line's text is ready to print in a monospaced face: centred lines carry their own spaces before them. The text of a
line of style `qr` is what the code says, not what is printed, and the only one that may be longer than the width.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from portal.fiscal.captions import TapeLanguage, caption
from portal.fiscal.dialects import DIALECTS
from portal.fiscal.documents import RECEIPTS, Document, Kind, Line, Totals
from portal.fiscal.paper import cells, wrap
from portal.fiscal.units import unit_of
from portal.primitives import money, quantity
from portal.primitives.period import zone_of

Style = Literal["normal", "bold", "centre", "rule", "qr"]

WIDTHS: Final = (34, 36, 48)

# Parts a marking code; no printer shows it and no buyer reads it.
GROUP_SEPARATOR: Final = "\x1d"

_RECEIPTS: Final = frozenset(kind.name.lower() for kind in RECEIPTS)
_CASH_MOVEMENTS: Final = frozenset({Kind.CASH_IN.name.lower(), Kind.CASH_OUT.name.lower()})


@dataclass(frozen=True, slots=True)
class TapeLine:
    """One line of a tape."""

    text: str
    style: Style = "normal"


@dataclass(frozen=True, slots=True)
class Operator:
    """Who passes a Kazakh receipt on to the tax office, and where a buyer checks it."""

    name: str
    name_kk: str
    site: str
    check_address: str
    register_id: str | None = None


KAZAKHTELECOM: Final = Operator(
    name='АО "Казахтелеком"',
    name_kk='"Қазақтелеком" АҚ',
    site="consumer.oofd.kz",
    check_address="https://consumer.oofd.kz/",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TapeHeader:
    """What a tape says about its organisation, point and register, which the document itself does not carry."""

    country: str
    organisation: str
    tax_id: str
    point: str
    address: str
    zone: str
    register: str
    factory_number: str
    registration_number: str | None = None
    address_kk: str | None = None
    vat_certificate: str | None = None
    operator: Operator = KAZAKHTELECOM

    def __post_init__(self) -> None:
        if self.country not in DIALECTS:
            raise ValueError(f"no tape is known for the country {self.country!r}")


def tape(
    document: Document,
    header: TapeHeader,
    *,
    width: int = 48,
    language: TapeLanguage = "ru",
    duplicate: bool = False,
) -> list[TapeLine]:
    """The lines of a document. `duplicate` marks every print of it but the first."""
    if width not in WIDTHS:
        raise ValueError(f"a tape is {WIDTHS} characters wide, not {width}")
    paper = _Paper(document, header, width, language)
    if document.kind not in _RECEIPTS:
        lines = paper.service_document()
    elif header.country == "kz":
        lines = paper.receipt_kz()
    else:
        lines = paper.receipt_by()
    return [*paper.marks(duplicate=duplicate), *lines]


def qr_of(document: Document, header: TapeHeader) -> str | None:
    """What the square code of a receipt says; None for what has no sign yet, and for all but receipts.

    In Belarus it is the УИ; in Kazakhstan the address where the buyer checks the receipt.
    """
    if document.kind not in _RECEIPTS or document.fiscal_sign is None:
        return None
    if header.country != "kz":
        return document.fiscal_sign
    if header.registration_number is None:
        return None
    wall = _wall_clock(document.issued_at, header.zone)
    total = money.plain(document.total_minor)
    return (
        f"{header.operator.check_address}?i={document.fiscal_sign}&f={header.registration_number}"
        f"&s={total}&t={wall:%Y%m%dT%H%M%S}"
    )


class _Paper:
    """The pieces of a tape for one document on one width in one language."""

    def __init__(self, document: Document, header: TapeHeader, width: int, language: TapeLanguage) -> None:
        self.document = document
        self.header = header
        self.width = width
        self.language = language

    # What stands on the paper, in order.

    def marks(self, *, duplicate: bool) -> Iterator[TapeLine]:
        if duplicate:
            yield from self._centred(self._say("duplicate"), "bold")
        if self.document.autonomous:
            yield from self._centred(self._say("autonomous"), "bold")

    def receipt_kz(self) -> Iterator[TapeLine]:
        document, header = self.document, self.header
        yield from self._organisation_kz()
        yield self._rule()
        yield from self._text(header.register)
        yield from self._text(f"{self._say('shift')} {document.shift}")
        yield from self._text(f"{self._say('receipt')} №{document.fiscal_sign or '-'}")
        yield from self._cashier()
        yield from self._pair(self._say(document.kind), f"№{document.ordinal}")
        yield from self._basis()
        yield self._rule()
        for place, line in enumerate(document.lines, 1):
            yield from self._line_kz(place, line)
        yield from self._modifiers()
        yield self._rule()
        yield from self._payments()
        yield from self._discounts()
        yield from self._pair(f"{self._say('total_kz')}:", self._sum(document.total_minor), "bold")
        yield from self._taxes()
        yield self._rule()
        yield from self._foot_kz()

    def receipt_by(self) -> Iterator[TapeLine]:
        document = self.document
        yield from self._organisation_by()
        yield self._rule()
        yield from self._pair(
            f"{self._say('shift')} {document.shift}", f"{self._say('receipt')} №{document.ordinal}"
        )
        yield from self._text(f"{self._say('document')} №{document.number}")
        yield from self._cashier()
        yield from self._text(self._moment())
        yield self._rule()
        yield from self._centred(self._say(document.kind), "bold")
        yield from self._basis()
        for line in document.lines:
            yield from self._line_by(line)
        yield self._rule()
        yield from self._modifiers()
        total = f"{self._sum(document.total_minor)} {document.currency or 'BYN'}"
        yield from self._pair(self._say("total_by"), total, "bold")
        yield from self._taxes()
        yield from self._payments()
        yield self._rule()
        yield from self._sign_by()

    def service_document(self) -> Iterator[TapeLine]:
        """A shift's opening, cash in and out, an X- or Z-report."""
        document = self.document
        yield from self._organisation_kz() if self.header.country == "kz" else self._organisation_by()
        yield self._rule()
        yield from self._centred(self._say(document.kind), "bold")
        yield from self._pair(
            f"{self._say('shift')} {document.shift}", f"{self._say('document')} №{document.number}"
        )
        yield from self._cashier()
        yield from self._text(f"{self._say('time')}: {self._moment()}")
        if document.kind in _CASH_MOVEMENTS:
            yield self._rule()
            yield from self._pair(f"{self._say('sum')}:", self._sum(document.total_minor), "bold")
        if document.totals is not None:
            yield self._rule()
            yield from self._totals(document.totals)
        yield self._rule()
        if self.header.country == "kz":
            yield from self._register_kz()
        else:
            yield from self._sign_by()

    # The pieces.

    def _organisation_kz(self) -> Iterator[TapeLine]:
        yield from self._centred(self.header.organisation)
        yield from self._text(f"{self._say('bin')} {self.header.tax_id}")
        if self.header.vat_certificate:
            yield from self._text(f"{self._say('vat_certificate')} {self.header.vat_certificate}")

    def _organisation_by(self) -> Iterator[TapeLine]:
        header = self.header
        yield from self._centred(header.organisation)
        yield from self._centred(f"{self._say('unp')} {header.tax_id}")
        yield from self._centred(header.point)
        yield from self._centred(header.address)
        yield from self._text(header.register)
        yield from self._text(f"{self._say('factory_number_by')} {header.factory_number}")
        if header.registration_number:
            yield from self._text(f"{self._say('registration_number_by')} {header.registration_number}")

    def _cashier(self) -> Iterator[TapeLine]:
        if self.document.cashier is not None:
            yield from self._text(f"{self._say('cashier')} {self.document.cashier}")

    def _basis(self) -> Iterator[TapeLine]:
        if self.document.basis is not None:
            yield from self._text(f"{self._say('basis')} №{self.document.basis}")

    def _line_kz(self, place: int, line: Line) -> Iterator[TapeLine]:
        yield from self._text(f"{place}. {line.name}", indent=2)
        if line.marking is not None:
            yield from self._text(line.marking.replace(GROUP_SEPARATOR, ""), indent=3)
        yield from self._text(f"{self._quantity(line)} x {self._sum(line.price_minor)}", indent=3)
        yield from self._line_changes(line, indent=3)
        yield from self._pair(self._say("cost"), self._sum(line.sum_minor), indent=3)

    def _line_by(self, line: Line) -> Iterator[TapeLine]:
        yield from self._text(line.name)
        if line.marking is not None:
            yield from self._text(line.marking.replace(GROUP_SEPARATOR, ""), indent=2)
        before = line.sum_minor + line.discount_minor - line.markup_minor
        asked = f"{self._sum(line.price_minor)} x {self._quantity(line)}"
        yield from self._pair(asked, f"= {self._sum(before)}", indent=2)
        yield from self._line_changes(line, indent=2)
        if line.discount_minor or line.markup_minor:
            yield from self._pair(self._say("cost"), self._sum(line.sum_minor), indent=2)
        if line.tax_rate:
            tax = f"{self._say('vat')} {_percent(line.tax_rate, self._point())}%"
            yield from self._pair(tax, self._sum(line.tax_minor), indent=2)

    def _line_changes(self, line: Line, indent: int) -> Iterator[TapeLine]:
        if line.discount_minor:
            yield from self._pair(self._say("discount"), self._sum(-line.discount_minor), indent=indent)
        if line.markup_minor:
            yield from self._pair(self._say("markup"), self._sum(line.markup_minor), indent=indent)

    def _modifiers(self) -> Iterator[TapeLine]:
        if self.document.discount_minor:
            yield from self._pair(self._say("discount"), self._sum(-self.document.discount_minor))
        if self.document.markup_minor:
            yield from self._pair(self._say("markup"), self._sum(self.document.markup_minor))

    def _payments(self) -> Iterator[TapeLine]:
        payments = self.document.payments
        for name, minor in (
            ("card", payments.card_minor),
            ("mobile", payments.mobile_minor),
            ("other", payments.other_minor),
            ("cash", payments.cash_minor),
            ("change", self.document.change_minor),
        ):
            if minor:
                yield from self._pair(f"{self._say(name)}:", self._sum(minor))

    def _discounts(self) -> Iterator[TapeLine]:
        """All that was taken off, by lines and by the receipt."""
        minor = self.document.discount_minor + sum(line.discount_minor for line in self.document.lines)
        if minor:
            yield from self._pair(f"{self._say('discount')}:", self._sum(minor))

    def _taxes(self) -> Iterator[TapeLine]:
        by_rate: dict[int, int] = {}
        for line in self.document.lines:
            if line.tax_rate:
                by_rate[line.tax_rate] = by_rate.get(line.tax_rate, 0) + line.tax_minor
        for rate, minor in sorted(by_rate.items(), reverse=True):
            label = f"{self._say('vat_inside')} {_percent(rate, self._point())}%:"
            yield from self._pair(label, self._sum(minor))

    def _totals(self, totals: Totals) -> Iterator[TapeLine]:
        counted = (
            ("sales", totals.sale_count, totals.sale_minor),
            ("refunds", totals.refund_count, totals.refund_minor),
            ("annulments", totals.annulment_count, totals.annulment_minor),
            ("purchases", totals.purchase_count, totals.purchase_minor),
            ("purchase_refunds", totals.purchase_refund_count, totals.purchase_refund_minor),
        )
        for name, count, minor in counted:
            # Sales and refunds are said even when there were none: that, too, is what a report is read for.
            if count or minor or name in ("sales", "refunds"):
                yield from self._pair(f"{self._say(name)} ({count}):", self._sum(minor))
        yield from self._pair(f"{self._say('cash_ins')}:", self._sum(totals.cash_in_minor))
        yield from self._pair(f"{self._say('cash_outs')}:", self._sum(totals.cash_out_minor))
        yield from self._pair(f"{self._say('in_drawer')}:", self._sum(totals.cash_minor))
        taken = totals.sale_minor + totals.purchase_refund_minor
        given = totals.refund_minor + totals.annulment_minor + totals.purchase_minor
        yield from self._pair(f"{self._say('revenue')}:", self._sum(taken - given), "bold")

    def _foot_kz(self) -> Iterator[TapeLine]:
        header = self.header
        yield from self._text(f"{self._say('fiscal_sign')}: {self.document.fiscal_sign or '-'}")
        yield from self._text(f"{self._say('time')}: {self._moment()}")
        yield from self._text(header.address_kk or "")
        yield from self._text(header.address or header.point)
        if self.language in ("kk", "kk-ru"):
            yield from self._text(f"{caption('ofd', 'kk')}: {header.operator.name_kk}")
        if self.language != "kk":
            other = "ru" if self.language == "kk-ru" else self.language
            yield from self._text(f"{caption('ofd', other)}: {header.operator.name}")
        yield from self._text(f"{self._say('check_site')}: {header.operator.site}")
        yield self._rule()
        yield from self._centred(self._say("fiscal_receipt"), "bold")
        yield from self._qr()
        yield from self._register_kz()

    def _register_kz(self) -> Iterator[TapeLine]:
        header = self.header
        if header.operator.register_id:
            yield from self._text(f"{self._say('ink')}: {header.operator.register_id}")
        if header.registration_number:
            yield from self._text(f"{self._say('rnm')}: {header.registration_number}")
        yield from self._text(f"{self._say('znm')}: {header.factory_number}")

    def _sign_by(self) -> Iterator[TapeLine]:
        if self.document.fiscal_sign is not None:
            yield from self._text(f"{self._say('ui')} {self.document.fiscal_sign}")
        yield from self._qr()

    def _qr(self) -> Iterator[TapeLine]:
        content = qr_of(self.document, self.header)
        if content is not None:
            yield TapeLine(content, "qr")

    # Words and figures.

    def _say(self, name: str) -> str:
        return caption(name, self.language)

    def _point(self) -> str:
        return "." if self.language == "en" else ","

    def _sum(self, minor: int) -> str:
        """A sum with spaces between thousands: 15 000,00."""
        whole, rest = divmod(abs(minor), money.MINOR_IN_MAJOR)
        sign = "-" if minor < 0 else ""
        return f"{sign}{whole:,}".replace(",", " ") + f"{self._point()}{rest:02d}"

    def _quantity(self, line: Line) -> str:
        unit = unit_of(line.unit)
        if self.language != "kk-ru":
            name = str(getattr(unit, self.language))
        else:
            # What both languages call the same is said once.
            name = unit.ru if unit.ru == unit.kk else f"{unit.kk}/{unit.ru}"
        return f"{quantity.plain(line.quantity_milli).replace('.', self._point())} {name}"

    def _moment(self) -> str:
        return f"{_wall_clock(self.document.issued_at, self.header.zone):%d.%m.%Y %H:%M:%S}"

    # Paper.

    def _rule(self) -> TapeLine:
        return TapeLine("-" * self.width, "rule")

    def _text(self, text: str, style: Style = "normal", indent: int = 0) -> Iterator[TapeLine]:
        for part in wrap(text, self.width - indent):
            yield TapeLine(" " * indent + part, style)

    def _centred(self, text: str, style: Style = "centre") -> Iterator[TapeLine]:
        for part in wrap(text, self.width):
            yield TapeLine(" " * ((self.width - cells(part)) // 2) + part, style)

    def _pair(self, label: str, value: str, style: Style = "normal", indent: int = 0) -> Iterator[TapeLine]:
        """A label at the left and its value at the right edge; what does not fit goes onto lines of its own."""
        *above, last = wrap(label, self.width - indent) or [""]
        for part in above:
            yield TapeLine(" " * indent + part, style)
        left = " " * indent + last
        room = self.width - cells(left) - cells(value)
        if room > 0:
            yield TapeLine(left + " " * room + value, style)
            return
        if last:
            yield TapeLine(left, style)
        yield TapeLine(" " * (self.width - cells(value)) + value, style)


def _percent(rate: int, point: str) -> str:
    whole, rest = divmod(rate, 100)
    return f"{whole}{point}{rest:02d}".rstrip("0") if rest else str(whole)


def _wall_clock(moment: datetime, zone: str) -> datetime:
    try:
        return moment.astimezone(zone_of(zone))
    except OverflowError:
        # The clock of this till stands at the edge of the calendar: what it said is printed as it said it.
        return moment
