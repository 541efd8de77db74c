"""Read documents, attribute them, and tell new ones from repeated ones and forks."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from msgspec import Struct
from sqlalchemy import select, text

from portal.analytics.rollups import array_text
from portal.fiscal import chain, codec
from portal.fiscal.documents import Document
from portal.ingest.lanes import Cut, Lane, Waiting
from portal.ingest.models import UNATTRIBUTED
from portal.ingest.scribe import Scribe
from portal.journal.heads import Head
from portal.registers.models import Register


class Read(Struct, gc=False):
    """A document that was read, and where it stood."""

    portion: Waiting
    position: int
    raw: bytes
    document: Document
    canonical: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """A document for quarantine."""

    portion: Waiting
    position: int
    raw: bytes
    reason: str
    facts: dict[str, object]


@dataclass
class Sorting:
    """What became of each document of the portions in hand."""

    fresh: list[Read] = field(default_factory=list)
    repeated: list[Read] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)


def read_documents(scribe: Scribe, lane: Lane, cuts: Sequence[Cut], sorting: Sorting) -> list[Read]:
    """Decode and attribute; `sorting.refused` takes what cannot be."""
    reads: list[Read] = []
    for portion, position, raw in cuts:
        try:
            document = codec.decode(raw)
        except codec.Unreadable as error:
            facts: dict[str, object] = {"why": error.why, "field": error.path}
            sorting.refused.append(Refused(portion, position, raw, "unreadable", facts))
            continue
        if document.register != lane.factory_number or lane.is_removed:
            reason, facts = _stranger(scribe, lane, document)
            sorting.refused.append(Refused(portion, position, raw, reason, facts))
            continue
        if document.currency is not None and document.currency != lane.currency:
            facts = {"currency": document.currency, "expected": lane.currency}
            sorting.refused.append(Refused(portion, position, raw, "foreign_currency", facts))
            continue
        reads.append(Read(portion, position, raw, document, chain.canonical(document)))
    return reads


def _stranger(scribe: Scribe, lane: Lane, document: Document) -> tuple[str, dict[str, object]]:
    """Why a document does not belong into this lane."""
    facts: dict[str, object] = {"register": document.register}
    if document.register == lane.factory_number:
        return "register_removed", facts
    # A register put on record since the batch came was unknown then; PostgreSQL knows no name with a NUL.
    if lane.register_id == UNATTRIBUTED or "\x00" in document.register:
        return "unknown_register", facts
    known = scribe.session.execute(
        select(Register.id).where(
            Register.organisation_id == lane.organisation_id, Register.factory_number == document.register
        )
    ).scalar()
    return ("foreign_register" if known else "unknown_register"), facts


def recognise(scribe: Scribe, lane: Lane, head: Head, reads: list[Read], sorting: Sorting) -> None:
    """Tell new documents from repeated ones and forks: the same number with other content.

    What a register streamed before it came to work in the cloud may still be repeated; new documents are the portal's.
    """
    stored = find_bodies(scribe, lane, head, [read.document.number for read in reads])
    in_hand: dict[int, bytes] = {}
    for read in reads:
        number = read.document.number
        twin = in_hand.get(number)
        if twin is None and (body := stored.get(number)) is not None:
            twin = read.canonical if body == read.raw else chain.canonical(codec.decode(body))
        if twin is None and lane.is_cloud:
            facts: dict[str, object] = {"register": read.document.register, "number": number}
            sorting.refused.append(Refused(read.portion, read.position, read.raw, "cloud_register", facts))
        elif twin is None:
            in_hand[number] = read.canonical
            sorting.fresh.append(read)
        elif twin == read.canonical:
            sorting.repeated.append(read)
        else:
            facts = {"number": number}
            sorting.refused.append(Refused(read.portion, read.position, read.raw, "fork", facts))


def find_bodies(scribe: Scribe, lane: Lane, head: Head, numbers: list[int]) -> dict[int, bytes]:
    """Bodies of the documents that stand in the journal under these numbers."""
    known = [number for number in numbers if head.last_number is not None and number <= head.last_number]
    if not known:
        return {}
    rows = scribe.session.execute(
        text(
            "select number, body from document_body where organisation_id = :organisation_id "
            "and register_id = :register_id and number = any(cast(:numbers as bigint[]))"
        ),
        {
            "organisation_id": lane.organisation_id,
            "register_id": lane.register_id,
            "numbers": array_text(known),
        },
    )
    return {number: body.encode() for number, body in rows}
