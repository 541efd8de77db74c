"""What may be asked of the documents page: six filters, a period, a place in the list, a chosen document.

The address carries everything, so that a copied link shows the same. A value that cannot be used is refused.
"""

import re
from collections.abc import Container
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict

from portal.fiscal.documents import KIND_BY_NAME, NUMBER_MAX, Kind
from portal.journal.delivery import ASKED, Status
from portal.primitives.period import Period
from portal.primitives.refusals import BadInput

# The bits of `document.payment`, by the name that addresses carry.
PAYMENTS = {"cash": 1, "card": 2, "mobile": 4, "other": 8}

PERIODS = ("today", "yesterday", "7d", "30d", "month", "quarter", "year", "all")
PERIOD_DEFAULT = "7d"

CHOICES_MAX = 500

T = TypeVar("T")

_SIGN = re.compile(r"[0-9A-Za-z]{1,32}")
_CURSOR = re.compile(r"(\d{4}-\d\d-\d\d)\.(\d{1,17})\.(\d{1,9})\.(\d{1,13})")
_DOCUMENT = re.compile(r"(\d{1,9})-(\d{1,13})")


@dataclass(frozen=True, order=True)
class Cursor:
    """A document's place in time order: newest first runs from the greatest cursor to the least."""

    day: date
    issued_at: datetime
    register_id: int
    number: int

    def __str__(self) -> str:
        since = self.issued_at - datetime(1970, 1, 1, tzinfo=UTC)
        return f"{self.day.isoformat()}.{since // timedelta(microseconds=1)}.{self.register_id}.{self.number}"

    @classmethod
    def parse(cls, value: str, *, field: str) -> "Cursor":
        """Read a cursor that an address carries."""
        match = _CURSOR.fullmatch(value)
        if match is None:
            raise BadInput(field=field, value=value[:60])
        try:
            day = date.fromisoformat(match[1])
            issued_at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(match[2]))
        except (ValueError, OverflowError) as error:
            raise BadInput(field=field, value=value[:60]) from error
        return cls(day, issued_at, int(match[3]), int(match[4]))


@dataclass(frozen=True)
class DocumentFilter:
    """What a reader asked for. `search` is a document's number or its whole fiscal sign."""

    search: str = ""
    registers: tuple[int, ...] = ()
    kinds: tuple[Kind, ...] = ()
    points: tuple[int, ...] = ()
    payments: tuple[str, ...] = ()
    statuses: tuple[Status, ...] = ()
    period: str = ""
    first: date | None = None
    last: date | None = None

    @classmethod
    def parse(cls, args: MultiDict[str, str]) -> "DocumentFilter":
        """Read the filters from an address; refuse what cannot be used."""
        first, last = parse_day(args, "from"), parse_day(args, "to")
        if first and last and last < first:
            raise BadInput(field="to", value=last.isoformat())
        period = args.get("period", "").strip()
        if period and period not in PERIODS:
            raise BadInput(field="period", value=period[:40])
        return cls(
            search=_parse_search(args.get("search", "")),
            registers=parse_ids(args, "register"),
            kinds=tuple(KIND_BY_NAME[name] for name in _choices(args, "kind", KIND_BY_NAME)),
            points=parse_ids(args, "point"),
            payments=_choices(args, "payment", PAYMENTS),
            statuses=tuple(Status(name) for name in _choices(args, "status", ASKED)),
            period="" if first or last else period,
            first=first,
            last=last,
        )

    @property
    def payment_bits(self) -> int:
        """The chosen payment types as bits; 0 when the type does not matter."""
        return sum(PAYMENTS[name] for name in self.payments)

    @property
    def number(self) -> int | None:
        """The number searched for, when the search can be one."""
        if self.search.isdigit() and 1 <= int(self.search) <= NUMBER_MAX:
            return int(self.search)
        return None

    @property
    def is_narrowed(self) -> bool:
        """Whether anything but the period is asked for."""
        return bool(
            self.search or self.registers or self.kinds or self.points or self.payments or self.statuses
        )

    def days(
        self, earliest_today: date, latest_today: date, newest: date | None
    ) -> tuple[date | None, date | None]:
        """The first and last business day to look at, None where the period has no end on that side.

        Today may be two dates at once, where points lie in zones far apart. A period that says nothing about
        its end has none: a till whose clock runs ahead must not hide its documents. Where everything is
        older than the usual week, the usual week is the last one that has documents (`newest`).
        """
        if self.first or self.last:
            return self.first, self.last
        today = latest_today
        match self.period or (PERIOD_DEFAULT if not self.search else "all"):
            case "today":
                return earliest_today, latest_today
            case "yesterday":
                return earliest_today - timedelta(days=1), latest_today - timedelta(days=1)
            case "7d":
                anchor = min(today, newest or today) if not self.period else today
                return anchor - timedelta(days=6), None
            case "30d":
                return today - timedelta(days=29), None
            case "month":
                return Period.month(today).first, None
            case "quarter":
                return Period.quarter(today).first, None
            case "year":
                return Period.year(today).first, None
        return None, None

    def without(self, field: str, value: object = None) -> "DocumentFilter":
        """The same filter less one of its values, or less the whole field."""
        match field:
            case "search":
                return replace(self, search="")
            case "register":
                return replace(self, registers=_less(self.registers, value))
            case "kind":
                return replace(self, kinds=_less(self.kinds, value))
            case "point":
                return replace(self, points=_less(self.points, value))
            case "payment":
                return replace(self, payments=_less(self.payments, value))
            case "status":
                return replace(self, statuses=_less(self.statuses, value))
        return replace(self, period="", first=None, last=None)

    def query(self, **more: object) -> str:
        """The filter as the query of an address, with what else it should carry; "" when there is nothing."""
        pairs: list[tuple[str, object]] = []
        if self.search:
            pairs.append(("search", self.search))
        pairs += [("register", register_id) for register_id in self.registers]
        pairs += [("kind", kind.name.lower()) for kind in self.kinds]
        pairs += [("point", point_id) for point_id in self.points]
        pairs += [("payment", name) for name in self.payments]
        pairs += [("status", status.value) for status in self.statuses]
        if self.first:
            pairs.append(("from", self.first.isoformat()))
        if self.last:
            pairs.append(("to", self.last.isoformat()))
        if self.period:
            pairs.append(("period", self.period))
        pairs += [(name, value) for name, value in more.items() if value is not None]
        return f"?{urlencode(pairs)}" if pairs else ""


def parse_ids(args: MultiDict[str, str], field: str) -> tuple[int, ...]:
    """Ids given once or several times; each a whole number that a column can hold."""
    ids = []
    for value in args.getlist(field)[: CHOICES_MAX + 1]:
        if not value:
            continue
        if not value.isascii() or not value.isdigit() or len(value) > 9:
            raise BadInput(field=field, value=value[:40])
        ids.append(int(value))
    if len(ids) > CHOICES_MAX:
        raise BadInput(field=field, value=len(ids))
    return tuple(dict.fromkeys(ids))


def parse_day(args: MultiDict[str, str], field: str) -> date | None:
    """A calendar day, «2026-11-20»; None when it is not given."""
    value = args.get(field, "").strip()
    if not value:
        return None
    try:
        day = date.fromisoformat(value) if len(value) == 10 else None
    except ValueError:
        day = None
    # Two centuries are enough for receipts, and leave room for a week before and after.
    if day is None or not 1900 <= day.year <= 2200:
        raise BadInput(field=field, value=value[:40])
    return day


def parse_chosen(value: str) -> tuple[int, int] | None:
    """The chosen document, «register-number»; None when none is chosen."""
    if not value:
        return None
    match = _DOCUMENT.fullmatch(value)
    if match is None or not 1 <= int(match[2]) <= NUMBER_MAX:
        raise BadInput(field="document", value=value[:40])
    return int(match[1]), int(match[2])


def parse_version(value: str) -> int | None:
    """The version of the data that a page shows; anything unreadable counts as none."""
    return int(value) if value.isascii() and value.isdigit() and len(value) <= 18 else None


def _parse_search(value: str) -> str:
    search = value.strip().removeprefix("№").strip()
    if search and not _SIGN.fullmatch(search):
        raise BadInput(field="search", value=value[:40])
    return search


def _choices(args: MultiDict[str, str], field: str, known: Container[str]) -> tuple[str, ...]:
    names = [name for name in args.getlist(field) if name]
    for name in names:
        if name not in known:
            raise BadInput(field=field, value=name[:40])
    return tuple(dict.fromkeys(names))


def _less(values: tuple[T, ...], value: object) -> tuple[T, ...]:
    return tuple(one for one in values if value is not None and one != value)
