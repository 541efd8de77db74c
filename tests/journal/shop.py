"""A shop for tests of pages: it puts documents into the journal and moves the rollups, as the drain would.

shop = open_shop(session)
till = shop.till("Касса 1")
shop.issue(till, "sale", total=5978, at=noon)
shop.issue(till, "sale_refund", total=1000, payments={"card_minor": 1000})
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from portal.analytics import rollups
from portal.analytics.names import Names
from portal.fiscal import chain, documents
from portal.fiscal.documents import KIND_BY_NAME, RECEIPTS, Kind, Line, Modifier, Payments
from portal.journal.models import (
    Cashier,
    CloudTill,
    Document,
    DocumentBody,
    IssuedDocument,
    RegisterHead,
    Remark,
)
from portal.journal.places import calendar
from portal.orgs.access import Scope
from portal.orgs.models import Organisation, Person, Point
from portal.primitives import clock
from portal.registers.models import Register
from tests import factories

CASHIER = "Анна"


@dataclass
class Shop:
    """An organisation with points and tills, and the documents it has issued."""

    session: Session
    company: Organisation
    numbers: dict[int, int] = field(default_factory=dict)
    issued: list[Document] = field(default_factory=list)
    names: Names = field(default_factory=Names)

    def point(self, name: str = "Немига, 5", **facts: Any) -> Point:
        return factories.point(self.session, self.company, name, **facts)

    def till(self, name: str = "Касса 1", *, point: Point | None = None) -> Register:
        return factories.register(self.session, point or self.point(), name)

    def take_over(self, till: Register) -> None:
        """From here on the portal issues for this till; what it streamed is folded."""
        till.kind = "cloud"
        head = self.session.get(RegisterHead, (self.company.id, till.id))
        self.session.add(
            CloudTill(
                organisation_id=self.company.id,
                register_id=till.id,
                state="{}",
                settings="{}",
                folded_sequence=head.sequence if head else 0,
            )
        )
        self.session.flush()

    def reader(self, role: str = "owner", *, points: list[int] | None = None) -> Person:
        return factories.person(self.session, self.company, role=role, point_ids=points)

    def scope(self, role: str = "owner", *, points: tuple[int, ...] | None = None) -> Scope:
        return Scope(self.company.id, 1, role, points)

    def issue(
        self,
        till: Register,
        kind: str = "sale",
        *,
        total: int = 1000,
        at: datetime | None = None,
        payments: Mapping[str, int] | None = None,
        point: Point | None = None,
        number: int | None = None,
        shift: int = 1,
        autonomous: bool = False,
        fiscal_sign: str | None = None,
        remarks: tuple[str, ...] = (),
        delivery: str | None = None,
        is_late: bool = False,
        operator_sign: str | None = None,
        autonomous_sign: str | None = None,
        qr: str | None = None,
        result: tuple[int, str] | None = None,
        basis: int | None = None,
        modifiers: tuple[Modifier, ...] = (),
        is_folded: bool = True,
    ) -> Document:
        """Put one document into the journal, with its body, its remarks and its part of the rollups.

        With `delivery` it was issued here, and stands so with its operator; `is_late` says that it became
        autonomous after it was issued. Without `is_folded` the rollups do not know it yet.
        """
        at = at or clock.now()
        number = number or self.numbers.get(till.id, 0) + 1
        self.numbers[till.id] = max(number, self.numbers.get(till.id, 0))
        code = KIND_BY_NAME[kind]
        has_sum = code in RECEIPTS or code in (Kind.CASH_IN, Kind.CASH_OUT)
        lines = (
            (
                Line(
                    name="Хлеб",
                    price_minor=total,
                    quantity_milli=1000,
                    sum_minor=total,
                    tax_rate=2000,
                    tax_minor=total // 6,
                ),
            )
            if code in RECEIPTS
            else ()
        )
        if payments is None and code in RECEIPTS:
            payments = {"cash_minor": total}
        document = documents.Document(
            register=till.factory_number,
            number=number,
            ordinal=number,
            shift=shift,
            kind=kind,  # type: ignore[arg-type]
            issued_at=at,
            cashier=CASHIER,
            lines=lines,
            payments=Payments(**(payments or {})),
            total_minor=total if has_sum else 0,
            autonomous=autonomous,
            fiscal_sign=fiscal_sign,
            basis=basis,
            modifiers=modifiers,
        )
        place = point or self.session.get_one(Point, (self.company.id, till.point_id))
        day, hour = calendar(place.zone, place.day_starts_hour).locate(at)
        stored = self._store(till, document, code, day, hour, place.id, batch_id=1 if delivery is None else 0)
        if delivery is not None:
            self.session.add(
                IssuedDocument(
                    organisation_id=self.company.id,
                    register_id=till.id,
                    number=number,
                    basis=basis,
                    delivery=delivery,
                    is_autonomous=is_late or autonomous,
                    autonomous_sign=autonomous_sign,
                    fiscal_sign=operator_sign,
                    qr=qr,
                    result_code=result[0] if result else None,
                    result_text=result[1] if result else None,
                )
            )
        for remark in remarks:
            self.session.add(
                Remark(
                    organisation_id=self.company.id,
                    register_id=till.id,
                    number=number,
                    code=remark,
                    facts={},
                    remarked_at=clock.now(),
                )
            )
        self.session.flush()
        if is_folded:
            entry = rollups.Entry(document, code, day, hour, place.id, stored.payment)
            rollups.move(self.session, self.company.id, till.id, rollups.fold([entry], self.names))
        self.issued.append(stored)
        return stored

    def _store(
        self,
        till: Register,
        document: documents.Document,
        kind: Kind,
        day: date,
        hour: int,
        point_id: int,
        *,
        batch_id: int,
    ) -> Document:
        body = chain.canonical(document)
        head = self.session.get(RegisterHead, (self.company.id, till.id))
        if head is None:
            head = RegisterHead(organisation_id=self.company.id, register_id=till.id, sequence=0, digest=b"")
            self.session.add(head)
        head.sequence += 1
        head.digest = chain.link(head.digest, body)
        head.last_number = max(head.last_number or 0, document.number)
        head.first_number = min(head.first_number or document.number, document.number)
        head.last_issued_at = max(head.last_issued_at or document.issued_at, document.issued_at)
        cashier_id = self.names.cashier(CASHIER)
        self.session.merge(Cashier(organisation_id=self.company.id, id=cashier_id, name=CASHIER))
        keys = {"organisation_id": self.company.id, "register_id": till.id, "number": document.number}
        stored = Document(
            **keys,
            sequence=head.sequence,
            kind=int(kind),
            shift=document.shift,
            ordinal=document.ordinal,
            issued_at=document.issued_at,
            day=day,
            hour=hour,
            point_id=point_id,
            cashier_id=cashier_id,
            total_minor=document.total_minor,
            cash_minor=document.payments.cash_minor,
            card_minor=document.payments.card_minor,
            mobile_minor=document.payments.mobile_minor,
            other_minor=document.payments.other_minor,
            change_minor=document.change_minor,
            payment=documents.payment_mask(document),
            autonomous=document.autonomous,
            fiscal_sign=document.fiscal_sign,
            batch_id=batch_id,
            accepted_at=clock.now(),
            digest=head.digest,
        )
        self.session.add_all([stored, DocumentBody(**keys, body=body.decode())])
        self.session.flush()
        return stored


def open_shop(session: Session, *, country: str = "by", name: str = "ООО «Ромашка»") -> Shop:
    """An organisation without points yet; the session speaks for it."""
    return Shop(session, factories.organisation(session, name, country=country))


def at(moment: str) -> datetime:
    """A moment in Minsk: «2026-11-18 12:30»."""
    return datetime.fromisoformat(f"{moment}+03:00").astimezone(UTC)


def ago(**length: float) -> datetime:
    """A moment before now."""
    return clock.now() - timedelta(**length)
