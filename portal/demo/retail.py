"""The published *Online Retail* receipts as documents of tills.

A country becomes a trading point with three registers; the digits of an invoice's number choose the register.
`C…` is a sale refund with its quantities turned positive, `A…` is a book entry and left out, all others are
sales. Lines without quantity or sum are left out, and invoices without lines. Sums are rounded half up per line.

Moments are made to fit one till per register: within a day its receipts go out in the order of their moments,
equal moments in the order of their numbers, and an invoice whose lines bear several moments is issued at the
last of them. A shift opens a minute before the day's first receipt and closes with a Z-report a minute after
its last. Cash refunds beyond what is in the drawer are covered by a cash-in at opening, and the drawer is
emptied before the shift closes; so every day stands alone, and numbers depend on the days before it only.
"""

import csv
import io
import re
import tarfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from hashlib import sha256
from pathlib import Path

from portal.demo.till import Bill, Till
from portal.fiscal.chain import canonical
from portal.fiscal.dialects import BELARUS
from portal.fiscal.documents import Document, Line, Payments
from portal.primitives.period import zone_of

ZONE = "Europe/Minsk"
REGISTERS_PER_POINT = 3
BATCH_DOCUMENTS_MAX = 2000
BATCH_BYTES_MAX = 3 * 1024 * 1024

_ONE = Decimal(1)
_HUNDRED = Decimal(100)
_MINUTE = timedelta(minutes=1)


@dataclass
class Tally:
    """What the folder holds, counted while it is read."""

    sale_count: int = 0
    gross_minor: int = 0
    refund_count: int = 0
    refund_minor: int = 0
    lines_kept: int = 0
    lines_left: int = 0

    @property
    def net_minor(self) -> int:
        """Gross less refunds."""
        return self.gross_minor - self.refund_minor

    def count(self, invoice: "Invoice") -> None:
        """Count one invoice that becomes a receipt."""
        if invoice.is_refund:
            self.refund_count += 1
            self.refund_minor += invoice.total_minor
        else:
            self.sale_count += 1
            self.gross_minor += invoice.total_minor


@dataclass(frozen=True)
class Invoice:
    """One invoice with the lines that count. `at` is local time."""

    number: str
    country: str
    at: datetime
    lines: tuple[Line, ...]

    @property
    def is_refund(self) -> bool:
        """Whether goods came back."""
        return self.number.startswith("C")

    @property
    def total_minor(self) -> int:
        """What was paid or paid back."""
        return sum(line.sum_minor for line in self.lines)

    @property
    def register(self) -> str:
        """The register that issued it."""
        return register_of(self.country, int(re.sub("[^0-9]", "", self.number) or "0") % REGISTERS_PER_POINT)

    @property
    def payments(self) -> Payments:
        """Cash when the last digit is even, else card."""
        if self.number[-1] in "02468":
            return Payments(cash_minor=self.total_minor)
        return Payments(card_minor=self.total_minor)


@dataclass(frozen=True)
class Batch:
    """A register's day, or a part of it, ready to be sent."""

    register: str
    day: date
    key: str
    document_count: int
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class Retail:
    """Everything in a folder: the countries it speaks of, its invoices by register, and the sums that must come out."""

    countries: tuple[str, ...]
    invoices: dict[str, list[Invoice]]
    tally: Tally


def register_of(country: str, place: int) -> str:
    """The factory number of one of a country's registers."""
    return f"{re.sub('[^A-Z0-9]+', '-', country.upper()).strip('-')}-{place}"


def read_retail(source: Path) -> Retail:
    """Read a folder of CSV files, or the archive of one, whole; raises ValueError when it holds no such files."""
    tally = Tally()
    countries: set[str] = set()
    invoices: dict[str, list[Invoice]] = defaultdict(list)
    files = 0
    for name, text in _files(source):
        files += 1
        for invoice in _read_invoices(name, text, countries, tally):
            invoices[invoice.register].append(invoice)
            tally.count(invoice)
    if not files:
        raise ValueError(f"{source} holds no CSV files")
    return Retail(tuple(sorted(countries)), dict(invoices), tally)


def batches_of(register: str, invoices: Iterable[Invoice]) -> Iterator[Batch]:
    """A register's whole life, day by day. The same invoices always give the same bytes and the same keys."""
    till = Till(register, BELARUS)
    days: dict[date, list[Invoice]] = defaultdict(list)
    for invoice in invoices:
        days[invoice.at.date()].append(invoice)
    for day in sorted(days):
        documents = _issue_day(till, sorted(days[day], key=lambda invoice: (invoice.at, invoice.number)))
        yield from _pack(register, day, documents)


def _files(source: Path) -> Iterator[tuple[str, str]]:
    """The CSV files in the order of their names, as text; a letter that is not UTF-8 is replaced, not fatal."""
    if source.is_dir():
        for path in sorted(source.rglob("*.csv"), key=lambda path: path.name):
            yield path.name, path.read_text(encoding="utf-8", errors="replace")
        return
    if not tarfile.is_tarfile(source):
        raise ValueError(f"{source} is neither a folder nor a tar archive")
    contents: dict[str, bytes] = {}
    with tarfile.open(source) as archive:
        # In the archive's own order: a packed archive cannot be read backwards without unpacking it anew.
        for member in archive:
            stream = archive.extractfile(member) if member.name.endswith(".csv") else None
            if stream is not None:
                contents[Path(member.name).name] = stream.read()
    for name in sorted(contents):
        yield name, contents[name].decode("utf-8", errors="replace")


def _read_invoices(name: str, text: str, countries: set[str], tally: Tally) -> Iterator[Invoice]:
    """The invoices of one file that become receipts, in the order in which they begin."""
    rows: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in csv.DictReader(io.StringIO(text, newline="")):
        number = (row.get("InvoiceNo") or "").strip()
        if not number or row.get("Country") is None:
            raise ValueError(f"{name}: a row without InvoiceNo or Country")
        countries.add(row["Country"].strip())
        rows[number].append(row)
    for number, lines in rows.items():
        # Book entries are no receipts.
        if number.startswith("A"):
            continue
        kept = [line for line in (_read_line(row, is_refund=number.startswith("C")) for row in lines) if line]
        tally.lines_kept += len(kept)
        tally.lines_left += len(lines) - len(kept)
        if kept:
            at = max(datetime.fromisoformat(row["InvoiceDate"]) for row in lines)
            yield Invoice(number, lines[0]["Country"].strip(), at, tuple(kept))


def _read_line(row: dict[str, str], *, is_refund: bool) -> Line | None:
    """One line, or None when it has no quantity or no sum (or what stands there is no number)."""
    try:
        quantity = int(row["Quantity"]) * (-1 if is_refund else 1)
        price = Decimal(row["UnitPrice"])
        total = int((quantity * price * _HUNDRED).quantize(_ONE, ROUND_HALF_UP))
        price_minor = int((price * _HUNDRED).quantize(_ONE, ROUND_HALF_UP))
    except (ValueError, InvalidOperation):
        return None
    if quantity <= 0 or total <= 0:
        return None
    # A price with tenths of a kopeck cannot be stated; what its rounding changes stands as discount or markup.
    rest = price_minor * quantity - total
    code = row["StockCode"].strip()[:64] or None
    return Line(
        code=code,
        discount_minor=max(0, rest),
        markup_minor=max(0, -rest),
        name=row["Description"].strip()[:250] or code or "—",
        price_minor=price_minor,
        quantity_milli=quantity * 1000,
        sum_minor=total,
    )


def _issue_day(till: Till, invoices: list[Invoice]) -> Iterator[Document]:
    """A shift: opening, cash for the refunds ahead, receipts, the drawer emptied, Z."""
    cashier = f"Кассир {till.register[-1]}"
    first, last = _moment(invoices[0].at), _moment(invoices[-1].at)
    midnight = datetime.combine(first.date(), time(), tzinfo=first.tzinfo)
    opening = max(first - _MINUTE, midnight)
    opened = till.open_shift(opening, cashier=cashier)
    if opened is not None:
        yield opened
    lacking = _lacking_cash(invoices)
    if lacking:
        yield till.cash_in(opening, lacking, cashier=cashier, sign=None)
    for invoice in invoices:
        bill, at = Bill(invoice.lines), _moment(invoice.at)
        # Other programs find the receipt by the number that the shop gave it.
        sign = re.sub("[^0-9A-Za-z]", "", invoice.number)[:32] or None
        if invoice.is_refund:
            yield till.refund(at, None, bill, invoice.payments, cashier=cashier, sign=sign)
        else:
            yield till.sell(at, bill, invoice.payments, change_minor=0, cashier=cashier, sign=sign)
    closing = max(last, min(last + _MINUTE, midnight + timedelta(days=1, seconds=-1)))
    if till.cash_minor:
        yield till.cash_out(closing, till.cash_minor, cashier=cashier, sign=None)
    yield till.z_report(closing, cashier=cashier, sign=None)


def _lacking_cash(invoices: list[Invoice]) -> int:
    """How much an empty drawer would fall below nothing in the course of the day."""
    cash = lowest = 0
    for invoice in invoices:
        cash += invoice.payments.cash_minor * (-1 if invoice.is_refund else 1)
        lowest = min(lowest, cash)
    return -lowest


def _moment(local: datetime) -> datetime:
    """A local moment with its offset, as a till states it."""
    offset = local.replace(tzinfo=zone_of(ZONE)).utcoffset()
    return local.replace(tzinfo=timezone(offset or timedelta()))


def _pack(register: str, day: date, documents: Iterator[Document]) -> Iterator[Batch]:
    """A day's documents as batches that the door takes; the key says what it holds."""
    lines: list[bytes] = []
    size = part = 0
    for document in documents:
        line = canonical(document)
        if lines and (len(lines) >= BATCH_DOCUMENTS_MAX or size + len(line) > BATCH_BYTES_MAX):
            yield _batch(register, day, part, lines)
            lines, size, part = [], 0, part + 1
        lines.append(line)
        size += len(line) + 1
    if lines:
        yield _batch(register, day, part, lines)


def _batch(register: str, day: date, part: int, lines: list[bytes]) -> Batch:
    body = b"\n".join(lines)
    key = f"replay-{register}-{day}-{part}-{sha256(body).hexdigest()[:24]}"
    return Batch(register, day, key, len(lines), body)
