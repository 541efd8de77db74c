"""Append a lane's new documents, with everything that follows from them, in one transaction."""

from datetime import datetime

from portal.analytics import rollups
from portal.analytics.names import names_of, write_names
from portal.fiscal import chain
from portal.fiscal.documents import KIND_BY_NAME, payment_mask
from portal.ingest.checking import Shifts, check_documents
from portal.ingest.lanes import Lane
from portal.ingest.recognition import Read
from portal.ingest.scribe import Scribe
from portal.journal.append import NewDocument, NewRemark, append_documents, append_remarks, note_numbers
from portal.journal.heads import Head, get_head, put_head


class Intake:
    """One transaction's new documents of a register: appended part by part, summed up at the end."""

    def __init__(self, scribe: Scribe, lane: Lane, now: datetime) -> None:
        self._scribe = scribe
        self._lane = lane
        self._now = now
        self.head = get_head(scribe.session, lane.organisation_id, lane.register_id)
        self._known = self.head.known
        self._shifts = Shifts(scribe, lane)
        self._folding = rollups.Folding()
        self._numbers: list[int] = []
        self._remarks: list[NewRemark] = []

    def append(self, reads: list[Read], *, is_last: bool) -> set[int]:
        """Append new documents; returns the numbers that got remarks."""
        remarks = check_documents(self._scribe, self._lane, self.head, self._shifts, reads)
        documents = link_documents(self._lane, self.head, reads)
        lane, now = self._lane, self._now
        self._scribe.write(
            lambda session: append_documents(
                session, lane.organisation_id, lane.register_id, documents, at=now
            ),
            is_last=is_last,
        )
        self._folding.add(documents)
        self._numbers += [new.document.number for new in documents]
        self._remarks += remarks
        _move_head(self.head, documents)
        return {remark.number for remark in remarks}

    def finish(self) -> None:
        """Write what follows from all of them: remarks, gaps, the head, names, rollups."""
        if not self._numbers:
            return
        session, organisation_id, register_id = (
            self._scribe.session,
            self._lane.organisation_id,
            self._lane.register_id,
        )
        append_remarks(session, organisation_id, register_id, self._remarks, at=self._now)
        note_numbers(session, organisation_id, register_id, self._numbers, known=self._known, at=self._now)
        put_head(session, organisation_id, register_id, self.head)
        result = self._folding.finish(names_of(organisation_id))
        write_names(session, organisation_id)
        rollups.move(session, organisation_id, register_id, result)


def link_documents(lane: Lane, head: Head, reads: list[Read]) -> list[NewDocument]:
    """Give each document its place in our own chain, its business day and its payment mask."""
    assert lane.days is not None, "a lane with a register has a calendar"
    locate, point_id = lane.days.locate, lane.point_id
    cashier = names_of(lane.organisation_id).cashier
    sequence, digest = head.sequence, head.digest
    documents = []
    for read in reads:
        document = read.document
        sequence += 1
        digest = chain.link(digest, read.canonical)
        day, hour = locate(document.issued_at)
        documents.append(
            NewDocument(
                document,
                read.raw,
                sequence,
                KIND_BY_NAME[document.kind],
                day,
                hour,
                point_id,
                cashier(document.cashier) or None,
                payment_mask(document),
                digest,
                read.portion.batch_id,
            )
        )
    return documents


def _move_head(head: Head, documents: list[NewDocument]) -> None:
    newest = max(documents, key=lambda new: new.document.number).document
    lowest = min(new.document.number for new in documents)
    if head.last_number is None or newest.number > head.last_number:
        head.last_number, head.last_issued_at = newest.number, newest.issued_at
        head.till_digest = bytes.fromhex(newest.digest) if newest.digest else None
    if head.first_number is None or lowest < head.first_number:
        head.first_number = lowest
    head.sequence, head.digest = documents[-1].sequence, documents[-1].digest
