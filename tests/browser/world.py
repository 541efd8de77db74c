"""What the browser tests look at: the demo with some days of history, an empty shop, somebody without a company.

Run as a process of its own, because the tests' process keeps a database engine of its own:

    python -m tests.browser.world found      make it; prints people and their secrets for one-time codes as JSON
    python -m tests.browser.world sell       one more sale at the first register, drained; prints its number
"""

import json
import sys
from datetime import timedelta

from sqlalchemy import func, select

from portal import db, queue
from portal.auth import totp
from portal.auth.actions import enrol_person
from portal.config import Settings, read_settings
from portal.db import transaction
from portal.demo.history import ensure_history
from portal.demo.people import PASSWORD, PEOPLE, ensure_demo, find_organisation_id, totp_secret
from portal.demo.shops import GRAIN_AND_HONEY
from portal.fiscal import codec
from portal.fiscal.chain import canonical
from portal.fiscal.documents import Document, Line, Payments
from portal.ingest.actions import PORTAL_SENDER, accept_batch
from portal.ingest.drain import drain_register
from portal.ingest.forms import Speaker
from portal.journal.models import DocumentBody
from portal.orgs.actions import add_point, create_organisation, set_membership
from portal.primitives import clock
from portal.registers.actions import add_register
from portal.registers.models import Register
from tests.browser.links import link

DAYS = 10
NEWCOMER = "newcomer@example.by"
NOBODY = "nobody@example.by"
# Signs in by hand: a one-time code is good once, so nobody else may have used theirs.
TYPIST = "typist@example.by"
# Whose registers issue here, and stand with their operators in every way they can.
LINKED, LINKED_BY = "linked@example.kz", "linked@example.by"


def found(settings: Settings) -> dict[str, str]:
    """Make the world; each person's secret for one-time codes by e-mail."""
    now = clock.now()
    places = ensure_demo(settings, at=now)
    ensure_history(settings, places, at=now, say=lambda _: None, days=DAYS, processes=1)
    secrets = {person.email: totp_secret(settings, person.email) for person in PEOPLE}
    people = {}
    vault = totp.Vault(settings.secret_key)
    with transaction() as session:
        for name, email in (
            ("Ирина Новикова", NEWCOMER),
            ("Пётр Ничейный", NOBODY),
            ("Вера Клавишная", TYPIST),
            ("Айгуль Линейная", LINKED),
            ("Алесь Линейный", LINKED_BY),
        ):
            secrets[email] = totp.new_secret()
            person = enrol_person(
                session, vault, name=name, email=email, password=PASSWORD, secret=secrets[email]
            )
            people[email] = person.person_id
            if email == NEWCOMER:
                shop = create_organisation(
                    session, name="ИП Новикова", country="by", tax_id="191111100", at=now
                )
                point = add_point(
                    session, shop.id, name="Киоск", address="г. Минск", zone="Europe/Minsk", at=now
                )
                add_register(
                    session,
                    shop.id,
                    point_id=point.id,
                    name="Касса 1",
                    factory_number="N0000001",
                    model="",
                    at=now,
                )
                set_membership(session, shop.id, person.person_id, role="owner", at=now)
    link(people[LINKED], people[LINKED_BY])
    return secrets


def sell() -> int:
    """One more sale at the first register, now; returns its number."""
    organisation_id = find_organisation_id(GRAIN_AND_HONEY.tax_id)
    assert organisation_id is not None
    stall = GRAIN_AND_HONEY.shops[0].stalls[0]
    with transaction(organisation_id) as session:
        register_id = session.execute(
            select(Register.id).where(
                Register.organisation_id == organisation_id, Register.factory_number == stall.register
            )
        ).scalar_one()
        newest = (
            select(func.max(DocumentBody.number))
            .where(DocumentBody.organisation_id == organisation_id, DocumentBody.register_id == register_id)
            .scalar_subquery()
        )
        last = codec.decode(
            session.execute(
                select(DocumentBody.body).where(
                    DocumentBody.organisation_id == organisation_id,
                    DocumentBody.register_id == register_id,
                    DocumentBody.number == newest,
                )
            )
            .scalar_one()
            .encode()
        )
        sale = Document(
            cashier="Новик М. О.",
            currency="BYN",
            fiscal_sign=f"{last.number + 1:024X}",
            issued_at=max(clock.now(), last.issued_at + timedelta(seconds=1)),
            kind="sale",
            lines=(Line(name="Мёд липовый, 250 г", price_minor=7777, quantity_milli=1000, sum_minor=7777),),
            number=last.number + 1,
            ordinal=last.ordinal + 1,
            payments=Payments(card_minor=7777),
            register=last.register,
            shift=last.shift,
            total_minor=7777,
        )
        accept_batch(
            session,
            Speaker(organisation_id, PORTAL_SENDER, None),
            f"browser-{sale.number}",
            canonical(sale),
            at=clock.now(),
        )
    drain_register(organisation_id, register_id)
    return sale.number


def main() -> None:
    settings = read_settings()
    db.connect(settings)
    queue.connect(settings)
    said = found(settings) if sys.argv[1] == "found" else sell()
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    main()
