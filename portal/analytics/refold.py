"""Fold an organisation's journal again, from the documents themselves.

A rollup is never mended by hand: it is thrown away and computed again, and must come out the same to the last
digit. While it is, the organisation's lanes wait.
"""

from collections.abc import Iterator
from datetime import date
from itertools import islice
from typing import Any, Literal, NamedTuple

from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from portal.analytics import rollups
from portal.analytics.models import (
    RollupCashier,
    RollupDay,
    RollupHour,
    RollupKind,
    RollupPoint,
    RollupProduct,
    RollupSection,
    RollupTax,
    Shift,
)
from portal.analytics.names import Names
from portal.db import transaction
from portal.fiscal import codec
from portal.registers.models import Register

ROLLUPS = (
    RollupHour,
    RollupDay,
    RollupPoint,
    RollupKind,
    RollupTax,
    RollupProduct,
    RollupSection,
    RollupCashier,
    Shift,
)
CHUNK = 20_000


class Stored(NamedTuple):
    """A document as the journal holds it, with its body."""

    number: int
    sequence: int
    kind: int
    shift: int
    ordinal: int
    issued_at: Any
    day: date
    hour: int
    point_id: int
    cashier_id: int | None
    total_minor: int
    cash_minor: int
    card_minor: int
    mobile_minor: int
    other_minor: int
    change_minor: int
    payment: int
    autonomous: bool
    fiscal_sign: str | None
    batch_id: int
    digest: bytes
    body: str


_READ = f"""
select {", ".join(f"b.{name}" if name == "body" else f"d.{name}" for name in Stored._fields)}
from document d join document_body b using (organisation_id, register_id, number)
where d.organisation_id = %s and d.register_id = %s order by d.
"""


def read_journal(
    session: Session,
    organisation_id: int,
    register_id: int,
    *,
    order: Literal["sequence", "number"] = "sequence",
) -> Iterator[Stored]:
    """A register's documents in the order of acceptance, or of their numbers, a few thousand in memory at a time."""
    driver: Any = session.connection().connection.driver_connection
    with driver.cursor(name=f"journal_{register_id}") as cursor:
        cursor.itersize = CHUNK // 4
        cursor.execute(f"{_READ.rstrip()}{order}", (organisation_id, register_id))
        for row in cursor:
            yield Stored._make(row)


def entry_of(stored: Stored) -> rollups.Entry:
    """A stored document as rollups fold it."""
    return rollups.Entry(
        codec.decode(stored.body.encode()),
        stored.kind,
        stored.day,
        stored.hour,
        stored.point_id,
        stored.payment,
    )


def list_register_ids(session: Session, organisation_id: int) -> list[int]:
    """The organisation's registers, removed ones too: their documents stay."""
    return list(
        session.execute(
            select(Register.id).where(Register.organisation_id == organisation_id).order_by(Register.id)
        ).scalars()
    )


def _hold_lanes(session: Session, organisation_id: int) -> list[int]:
    """Keep every worker out of the organisation's lanes until the transaction ends; return their registers.

    A register put on record meanwhile would have a lane that nobody keeps. Its row hangs on its point, so the
    points are held as well; and waiting for a lane may take long enough for a new point.
    """
    held: list[int] = []
    while True:
        session.execute(
            text("select from point where organisation_id = :o for update"), {"o": organisation_id}
        )
        found = list_register_ids(session, organisation_id)
        if found == held:
            return held
        for register_id in found:
            session.execute(
                text("select pg_advisory_xact_lock(:organisation_id, :register_id)"),
                {"organisation_id": organisation_id, "register_id": register_id},
            )
        held = found


def refold(organisation_id: int) -> int:
    """Compute every rollup of an organisation again; returns the number of documents folded."""
    documents = 0
    with transaction(organisation_id) as session:
        register_ids = _hold_lanes(session, organisation_id)
        for model in ROLLUPS:
            session.execute(delete(model).where(model.organisation_id == organisation_id))
        names = Names()
        for register_id in register_ids:
            journal = read_journal(session, organisation_id, register_id)
            sequence = 0
            while chunk := list(islice(journal, CHUNK)):
                result = rollups.fold(map(entry_of, chunk), names)
                rollups.move(session, organisation_id, register_id, result)
                documents += len(chunk)
                sequence = chunk[-1].sequence
            # A cloud till goes on issuing meanwhile: what came after this look is folded behind it.
            rollups.mark_folded(session, organisation_id, register_id, sequence)
    return documents
