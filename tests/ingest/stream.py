"""A till for tests: it writes documents, brings them through the door, and lets its lane be drained.

    till = stream.open_till(session)                    # an organisation, a point, a register of its own
    till.take(till.sale(1), till.sale(2))               # accepted and drained
    till.rows("select number from document")            # what the organisation sees

Documents are plain dictionaries, right in every respect until a test changes something.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal import db
from portal.ingest.actions import Accepted, accept_batch
from portal.ingest.drain import Drained, drain_register
from portal.ingest.forms import Speaker
from portal.orgs.models import Point
from portal.primitives import clock
from tests import factories

Fields = dict[str, Any]

# Noon of an ordinary Wednesday in Minsk and in Almaty.
NOON = {
    "by": datetime.fromisoformat("2026-11-18T12:00:00+03:00"),
    "kz": datetime.fromisoformat("2026-11-18T12:00:00+05:00"),
}
_keys = count(1)


def line(name: str = "Хлеб", sum_minor: int = 1200, **changes: Any) -> Fields:
    """One piece of something, with a fifth of tax on top."""
    fields = {
        "name": name,
        "price_minor": sum_minor,
        "quantity_milli": 1000,
        "sum_minor": sum_minor,
        "tax_rate": 2000,
        "tax_minor": (2 * sum_minor * 2000 + 12_000) // 24_000,
    }
    return {**fields, **changes}


def raw_of(document: Fields | bytes) -> bytes:
    """The bytes of a document as a till sends them."""
    return document if isinstance(document, bytes) else json.dumps(document, ensure_ascii=False).encode()


def lines_of(documents: Sequence[Fields | bytes]) -> bytes:
    """A body of one document a line."""
    return b"\n".join(raw_of(document) for document in documents)


@dataclass
class Till:
    """A register of an organisation, as seen from the counter."""

    organisation_id: int
    point_id: int
    register_id: int
    factory_number: str
    noon: datetime
    speaker: Speaker = field(init=False)

    def __post_init__(self) -> None:
        self.speaker = Speaker(self.organisation_id, 1, self.register_id)

    def document(self, number: int, kind: str = "sale", **changes: Any) -> Fields:
        """A document with nothing to remark upon: a minute a number from noon on."""
        fields: Fields = {
            "register": self.factory_number,
            "number": number,
            "shift": 1,
            "ordinal": number % 1000,
            "kind": kind,
            "issued_at": (self.noon + timedelta(minutes=min(number, 600))).isoformat(),
            "cashier": "Анна",
        }
        return {**fields, **changes}

    def sale(self, number: int, total: int = 1200, kind: str = "sale", **changes: Any) -> Fields:
        """A receipt over one line, paid in cash."""
        fields = {"lines": [line(sum_minor=total)], "payments": {"cash_minor": total}, "total_minor": total}
        if kind in ("sale_refund", "purchase_refund", "annulment"):
            fields["basis"] = max(1, number - 1)
        return self.document(number, kind, **{**fields, "fiscal_sign": f"A{number}", **changes})

    def send(
        self, *documents: Fields | bytes, key: str | None = None, at: datetime | None = None
    ) -> Accepted:
        """Bring a batch through the door's own action."""
        return self.send_body(lines_of(documents), key=key, at=at)

    def send_body(self, body: bytes, *, key: str | None = None, at: datetime | None = None) -> Accepted:
        with db.transaction(self.organisation_id) as session:
            return accept_batch(
                session, self.speaker, key or f"key-{next(_keys)}", body, at=at or clock.now()
            )

    def drain(self) -> Drained:
        """Drain the till's lane."""
        return drain_register(self.organisation_id, self.register_id)

    def take(self, *documents: Fields | bytes, at: datetime | None = None) -> Drained:
        """Send a batch and drain it."""
        self.send(*documents, at=at)
        return self.drain()

    def rows(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        """What the organisation sees; `:r` stands for this till's register."""
        with db.transaction(self.organisation_id) as session:
            found = session.execute(
                sa.text(statement), {"r": self.register_id, **values} if ":r" in statement else values
            )
            return [tuple(row) for row in found]

    def numbers(self) -> list[int]:
        """The numbers of the register's documents in the order of acceptance."""
        return [
            row[0]
            for row in self.rows("select number from document where register_id = :r order by sequence")
        ]

    def remarks(self) -> list[tuple[int, str]]:
        """What was remarked: number and code."""
        return [
            (number, code)
            for number, code in self.rows(
                "select number, code from remark where register_id = :r order by number, code"
            )
        ]

    def quarantine(self) -> list[tuple[int, str]]:
        """What is in quarantine: position and reason, in the order it came there."""
        return [
            (position, reason)
            for position, reason in self.rows("select position, reason from quarantine order by id")
        ]

    def gaps(self) -> list[tuple[int, int, str, bool]]:
        """Gaps as found: first, last, what is missing still, and whether closed."""
        return [
            (first, last, missing, closed)
            for first, last, missing, closed in self.rows(
                "select first_number, last_number, missing::text, closed_at is not null from gap "
                "where register_id = :r order by first_number"
            )
        ]


def open_till(
    session: Session,
    *,
    country: str = "by",
    zone: str | None = None,
    day_starts_hour: int = 0,
    factory_number: str | None = None,
) -> Till:
    """A till of a new organisation."""
    company = factories.organisation(session, country=country)
    point = factories.point(session, company, zone=zone, day_starts_hour=day_starts_hour)
    register = factories.register(session, point, factory_number=factory_number)
    return Till(company.id, point.id, register.id, register.factory_number, NOON[country])


def another_till(
    session: Session, till: Till, *, point_id: int | None = None, factory_number: str | None = None
) -> Till:
    """One more till of the same organisation, at the same point unless told otherwise."""
    db.speak_for(session, till.organisation_id)
    point = session.get_one(Point, (till.organisation_id, point_id or till.point_id))
    register = factories.register(session, point, "Касса 2", factory_number=factory_number)
    return Till(till.organisation_id, point.id, register.id, register.factory_number, till.noon)


def gateway(till: Till) -> Till:
    """The same till with a sender that speaks for every register of the organisation."""
    made = Till(till.organisation_id, till.point_id, till.register_id, till.factory_number, till.noon)
    made.speaker = Speaker(till.organisation_id, 2, None)
    return made
