"""A register of the demo leaves its physical till behind: from its next document on the portal issues for it.

Its past was streamed and stays what it is. The till sends what it had not sent yet and closes its shift; how the
register stands then is told by its journal.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from portal.analytics.refold import read_journal
from portal.db import transaction
from portal.demo.clerk import Clerk, chance_of
from portal.demo.customers import settings_of
from portal.demo.people import Place
from portal.demo.shops import COMPANIES, Company, Shop, day_at, local_moment
from portal.demo.till import Till
from portal.fiscal import codec
from portal.fiscal.documents import Document
from portal.fiscal.register import Register, new_register
from portal.fiscal.replay import adopt
from portal.journal.issuing import create_till
from portal.registers import models as registers

# The last two documents of a till that closes its shift are this far apart.
CLOSING_TAKES = timedelta(seconds=30)


def closing_documents(place: Place, till: Till, *, at: datetime, seed: int) -> list[Document]:
    """What a till issues to close its shift, if one is open."""
    if not till.is_open or till.opened_at is None:
        return []
    till.autonomous = False
    day = day_at(place.shop, till.opened_at)
    clerk = Clerk(place.shop, place.stall, till, day, chance_of(seed, place.stall, day, after=till.number))
    moment = local_moment(place.shop, at - CLOSING_TAKES)
    if till.last_issued_at is not None:
        moment = max(moment, till.last_issued_at)
    return list(clerk.close(moment))


@dataclass
class Growth:
    """How a register stands while its whole past is being written; `state` is None when some of it was there before."""

    place: Place
    state: Register | None

    def follow(self, documents: list[Document]) -> None:
        """The register issued these too."""
        if self.state is not None:
            self.state = adopt(self.place.stall.register, self.place.shop.dialect, documents, past=self.state)


def begin_growth(place: Place, till: Till) -> Growth:
    """Watch a register from its first document on; where its till has issued some already, the journal tells later."""
    stall = place.stall
    state = new_register(stall.register, place.shop.dialect, registration_number=stall.registration_number)
    return Growth(place, None if till.number else state)


def take_over(place: Place, *, at: datetime, state: Register | None = None) -> bool:
    """Let the portal issue for a register whose shift is closed; False when it does already.

    `state` is how the register stands, where somebody has followed it; otherwise its journal is read.
    """
    with transaction(place.organisation_id) as session:
        # Whoever drains its lane now sees it work in the cloud afterwards.
        session.execute(
            text("select pg_advisory_xact_lock(:o, :r)"),
            {"o": place.organisation_id, "r": place.register_id},
        )
        kind = session.execute(
            select(registers.Register.kind)
            .where(
                registers.Register.organisation_id == place.organisation_id,
                registers.Register.id == place.register_id,
            )
            .with_for_update()
        ).scalar_one()
        if kind == "cloud":
            return False
        shop, stall = place.shop, place.stall
        create_till(
            session,
            place.organisation_id,
            place.register_id,
            state
            or adopt(
                stall.register,
                shop.dialect,
                _documents(session, place),
                registration_number=stall.registration_number,
            ),
            settings_of(shop, stall, company_of(shop).tax_id),
            at=at,
        )
    return True


def _documents(session: Session, place: Place) -> Iterator[Document]:
    """What a register has issued so far, in the order of its numbers."""
    for stored in read_journal(session, place.organisation_id, place.register_id, order="number"):
        yield codec.decode(stored.body.encode())


def company_of(shop: Shop) -> Company:
    """Whose shop it is."""
    return next(company for company in COMPANIES if shop in company.shops)
