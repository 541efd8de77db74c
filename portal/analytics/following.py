"""Fold what cloud tills issue into the rollups, behind the till.

A receipt is committed before anybody sums it up: the till says how far its documents are folded
(`cloud_till.folded_sequence`), and a worker folds what came since and moves that mark in one transaction. So a
worker killed at any point leaves either everything or nothing, and folding twice is folding once.
"""

import logging
from time import perf_counter

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal import queue
from portal.analytics import rollups
from portal.analytics.names import forget_names, names_of, write_names
from portal.analytics.refold import Stored, entry_of
from portal.db import transaction
from portal.journal.heads import take_lane

log = logging.getLogger("kassa.analytics")

# One transaction folds up to this many documents, so that readers see a long lane move.
DOCUMENTS_PER_TRANSACTION = 5_000

# One job gives the worker back after this many transactions and rings again.
TRANSACTIONS_PER_JOB = 20

# A cloud till numbers its documents without holes: as many as are not folded yet stand at the end of its numbers.
_READ = f"""
select {", ".join(f"b.{name}" if name == "body" else f"d.{name}" for name in Stored._fields)}
from cloud_till t
join register_head h using (organisation_id, register_id)
join document d on d.organisation_id = t.organisation_id and d.register_id = t.register_id
    and d.number > h.last_number - (h.sequence - t.folded_sequence)
join document_body b on b.organisation_id = d.organisation_id and b.register_id = d.register_id
    and b.number = d.number
where t.organisation_id = :organisation_id and t.register_id = :register_id
    and d.organisation_id = :organisation_id and d.register_id = :register_id
    and b.organisation_id = :organisation_id and b.register_id = :register_id
order by d.number limit :most
"""


def follow_register(organisation_id: int, register_id: int) -> int:
    """Fold a cloud till's documents until none is left; returns how many that was.

    Another worker at the same till is left to it: it looks again after each commit, and so sees what came
    meanwhile.
    """
    total = 0
    queue.answer(organisation_id, register_id, job=queue.Job.FOLLOW)
    for _ in range(TRANSACTIONS_PER_JOB):
        try:
            with transaction(organisation_id) as session:
                folded = _follow_some(session, organisation_id, register_id)
        except Exception:
            # Names that this transaction wrote were rolled back with it.
            forget_names(organisation_id)
            raise
        if not folded:
            return total
        total += folded
        queue.tell_readers(organisation_id)
    queue.ring_follow(organisation_id, register_id)
    return total


def _follow_some(session: Session, organisation_id: int, register_id: int) -> int:
    began = perf_counter()
    if not take_lane(session, organisation_id, register_id):
        return 0
    documents = _list_unfolded(session, organisation_id, register_id)
    if not documents:
        return 0
    result = rollups.fold(map(entry_of, documents), names_of(organisation_id))
    write_names(session, organisation_id)
    rollups.move(session, organisation_id, register_id, result)
    # Last, because the till's row is what the next receipt waits for.
    rollups.mark_folded(session, organisation_id, register_id, documents[-1].sequence)
    log.info(
        "event=followed organisation=%d register=%d documents=%d ms=%d",
        organisation_id,
        register_id,
        len(documents),
        (perf_counter() - began) * 1000,
    )
    return len(documents)


def _list_unfolded(session: Session, organisation_id: int, register_id: int) -> list[Stored]:
    rows = session.execute(
        text(_READ),
        {
            "organisation_id": organisation_id,
            "register_id": register_id,
            "most": DOCUMENTS_PER_TRANSACTION,
        },
    )
    return [Stored._make(row) for row in rows]
