"""The rules that new documents break, and those that documents stored before turn out to break."""

from datetime import UTC, datetime

from msgspec import Struct
from sqlalchemy import text

from portal.analytics.rollups import array_text
from portal.fiscal import chain, codec
from portal.fiscal.checks import check
from portal.fiscal.documents import Document
from portal.ingest.lanes import Lane
from portal.ingest.recognition import Read, find_bodies
from portal.ingest.scribe import Scribe
from portal.journal.append import NewRemark
from portal.journal.heads import Head

# How many of a register's newest shifts are known without asking for each.
SHIFTS_KNOWN = 10


class Shifts:
    """When a register's shifts were opened, as far as documents have told."""

    def __init__(self, scribe: Scribe, lane: Lane) -> None:
        self._lane = lane
        self.opened = self._find(scribe, "order by shift desc limit :most", {"most": SHIFTS_KNOWN})
        self._newest = max(self.opened, default=0)

    def know(self, scribe: Scribe, shifts: set[int]) -> None:
        """Ask for those of these shifts that may be stored and are not known yet."""
        unknown = {shift for shift in shifts if shift <= self._newest} - self.opened.keys()
        if unknown:
            found = self._find(
                scribe, "and shift = any(cast(:shifts as integer[]))", {"shifts": array_text(unknown)}
            )
            self.opened.update(found)

    def begin(self, shift: int, issued_at: datetime) -> datetime:
        """When a shift was opened, with one more of its documents known."""
        opened_at = self.opened.get(shift)
        if opened_at is None or issued_at < opened_at:
            self.opened[shift] = opened_at = issued_at
        return opened_at

    def _find(self, scribe: Scribe, which: str, facts: dict[str, object]) -> dict[int, datetime]:
        rows = scribe.session.execute(
            text(
                f"select shift, opened_at from shift where organisation_id = :o and register_id = :r {which}"
            ),
            {"o": self._lane.organisation_id, "r": self._lane.register_id, **facts},
        )
        return dict(rows.all())


class Beside(Struct, gc=False):
    """What the head knows of the document with the highest number."""

    issued_at: datetime
    digest: str | None


def check_documents(
    scribe: Scribe, lane: Lane, head: Head, shifts: Shifts, reads: list[Read]
) -> list[NewRemark]:
    """What is to be remarked upon once these documents are stored; `head` is still without them."""
    assert lane.dialect is not None, "a lane with a register has a dialect"
    shifts.know(scribe, {read.document.shift for read in reads})
    around: dict[int, Document | Beside] = {read.document.number: read.document for read in reads}
    stored = _neighbours(scribe, lane, head, reads, around)
    remarks: list[NewRemark] = []
    for read in reads:
        document = read.document
        before = around.get(document.number - 1)
        broken = check(
            document,
            dialect=lane.dialect,
            shift_opened_at=shifts.begin(document.shift, document.issued_at),
            received_at=read.portion.received_at,
            previous_issued_at=None if before is None else before.issued_at,
        )
        for code, facts in broken:
            remarks.append(NewRemark(document.number, code, facts))
        if document.digest is not None:
            _check_digests(read, document, before, remarks)
        after = stored.get(document.number + 1)
        if after is not None:
            _check_successor(document, after, remarks)
    return remarks


def _check_successor(document: Document, after: Document, remarks: list[NewRemark]) -> None:
    """What a late document proves of the one after it, as if they had come in order."""
    if after.digest is not None and after.previous != document.digest:
        remarks.append(NewRemark(after.number, "previous_mismatch", {"number": document.number}))
    if after.issued_at < document.issued_at:
        facts: dict[str, object] = {
            "issued_at": after.issued_at.astimezone(UTC).isoformat(timespec="seconds"),
            "previous_at": document.issued_at.astimezone(UTC).isoformat(timespec="seconds"),
        }
        remarks.append(NewRemark(after.number, "clock_back", facts))


def _check_digests(
    read: Read, document: Document, before: Document | Beside | None, remarks: list[NewRemark]
) -> None:
    """Hold a till's own digests against its own numbering."""
    if before is not None and document.previous != before.digest:
        remarks.append(NewRemark(document.number, "previous_mismatch", {"number": document.number - 1}))
    stated = bytes.fromhex(document.previous) if document.previous else b""
    own = chain.till_digest(stated, chain.without_digest(read.canonical, document.digest))
    if own.hex() != document.digest:
        remarks.append(NewRemark(document.number, "digest_mismatch", {}))


def _neighbours(
    scribe: Scribe, lane: Lane, head: Head, reads: list[Read], around: dict[int, Document | Beside]
) -> dict[int, Document]:
    """Add to `around` what stands beside the new documents, and return what of it had to be looked for.

    In the usual stream the neighbours are in hand or at the head; only late documents have others.
    """
    last = head.last_number
    if last is None:
        return {}
    if last not in around and head.last_issued_at is not None:
        digest = head.till_digest.hex() if head.till_digest else None
        around[last] = Beside(head.last_issued_at.astimezone(UTC), digest)
    late = [read.document.number for read in reads if read.document.number < last]
    wanted = {number + step for number in late for step in (-1, 1)} - (around.keys() - {last})
    bodies = find_bodies(scribe, lane, head, sorted(wanted))
    stored = {number: codec.decode(body) for number, body in bodies.items()}
    around.update(stored)
    return stored
