"""The reckoning after a storm: what clients were told, the journal, the engine and the operator's own book, held together.

Every function yields a sentence for each thing that is wrong. The sums are added up here anew, from the documents alone: nothing of the
engine's arithmetic of shifts is asked.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from portal.db import transaction
from portal.fiscal import codec
from portal.fiscal.documents import OPERATIONS, Document
from portal.fiscal.register import Register
from portal.ofd.simulator.server import OperatorServer
from portal.ofd.wire.figures import differences, figures_of
from portal.storm.log import Answered, Broken, Entry, Intent, Lane, Refused, read_log

# What the operator refused, or took with a no of its own, and what follows from that.
REFUSED_BY_OPERATOR = "ofd.refused"
_SIGNS = {"sale": 1, "sale_refund": -1, "purchase": -1, "purchase_refund": 1}
_DOCUMENTS = text(
    "select i.number, i.key, i.delivery, b.body from issued_document i join document_body b "
    "on b.organisation_id = i.organisation_id and b.register_id = i.register_id and b.number = i.number "
    "where i.organisation_id = :o and i.register_id = :r order by i.number"
)


@dataclass(frozen=True)
class Kept:
    """One document as the journal has it."""

    number: int
    key: str | None
    delivery: str
    body_sha256: str
    document: Document


class Counted(Lane, frozen=True):
    """A register of the storm with what both sides call it."""

    factory_number: str = ""
    device: int = 0

    @property
    def name(self) -> str:
        return f"{self.country} {self.factory_number}"


def read_journal(lane: Lane) -> list[Kept]:
    """Every document that was issued at a register, in the order of its numbers."""
    with transaction(lane.organisation_id) as session:
        rows = session.execute(_DOCUMENTS, {"o": lane.organisation_id, "r": lane.register_id}).all()
    return [
        Kept(number, key, delivery, hashlib.sha256(body.encode()).hexdigest(), codec.decode(body.encode()))
        for number, key, delivery, body in rows
    ]


# What clients were told


def read_logs(paths: Iterable[Path]) -> dict[int, list[Entry]]:
    """What all clients have written down, by register."""
    told: dict[int, list[Entry]] = defaultdict(list)
    for path in paths:
        for entry in read_log(path):
            told[entry.register_id].append(entry)
    return told


def told_and_kept(name: str, told: Sequence[Entry], kept: Sequence[Kept]) -> Iterator[str]:
    """Nothing acknowledged is lost, changed or doubled, and nothing is there that nobody asked for."""
    by_key = {one.key: one for one in kept if one.key is not None}
    asked = {entry.key for entry in told if isinstance(entry, Intent)}
    answered = [entry for entry in told if isinstance(entry, Answered)]
    refused = [entry for entry in told if isinstance(entry, Refused)]
    for entry in told:
        if isinstance(entry, Broken):
            yield f"{name}: a client died of {entry.what}"
    for entry in answered:
        there = by_key.get(entry.key)
        if there is None:
            yield f"{name}: {entry.key} was acknowledged as {entry.number} and is lost"
        elif there.number != entry.number:
            yield f"{name}: {entry.key} was acknowledged as {entry.number} and is {there.number}"
        elif there.body_sha256 != entry.body_sha256:
            yield f"{name}: {entry.number} is not what was acknowledged"
    firsts = Counter(entry.key for entry in answered if not entry.is_repeated)
    for key, times in firsts.items():
        if times > 1 and not key.startswith("shared"):
            yield f"{name}: {key} was issued {times} times"
    open_ended = asked - {entry.key for entry in answered} - {entry.key for entry in refused}
    if open_ended:
        yield f"{name}: nobody ever answered {sorted(open_ended)[:3]}"
    unheard = {entry.key for entry in refused if entry.code != REFUSED_BY_OPERATOR}
    for key in sorted(unheard & by_key.keys() - {entry.key for entry in answered}):
        yield f"{name}: {key} was refused and issued all the same"
    for one in kept:
        if one.key is None and one.delivery != "void":
            yield f"{name}: nobody asked for {one.document.kind} {one.number}"
        if one.key is not None and one.key not in asked:
            yield f"{name}: {one.number} has the key {one.key}, which nobody used"


def numbers(name: str, kept: Sequence[Kept]) -> Iterator[str]:
    """Numbers run on without a gap, and time with them."""
    if [one.number for one in kept] != list(range(1, len(kept) + 1)):
        yield f"{name}: numbers are not 1 … {len(kept)}"
    moments = [one.document.issued_at for one in kept]
    if moments != sorted(moments):
        yield f"{name}: documents are not in the order of their moments"


# The operator's book


def delivered(lane: Counted, kept: Sequence[Kept], operator: OperatorServer) -> Iterator[str]:
    """Everything that may reach the operator did, once, in order, as it was issued."""
    for one in kept:
        if one.delivery not in {"sent", "void"}:
            yield f"{lane.name}: {one.document.kind} {one.number} is {one.delivery}"
    rows = operator.documents(
        lane.device if lane.country == "kz" else lane.factory_number, country=lane.country, only_accepted=True
    )
    sent = {one.number: one for one in kept if one.delivery == "sent"}
    # On the wire of Kazakhstan an X-report has no number.
    expected = [
        number for number, one in sent.items() if lane.country == "by" or one.document.kind != "x_report"
    ]
    received = [row.number for row in rows if row.number is not None]
    if received != expected:
        missing, more = sorted(set(expected) - set(received)), sorted(set(received) - set(expected))
        twice = sorted(number for number, times in Counter(received).items() if times > 1)
        why = f"missing {missing[:5]}, not ours {more[:5]}, twice {twice[:5]}"
        yield f"{lane.name}: the operator's book is not ours in order: {why}"
    for row in rows:
        ours = sent.get(row.number or 0)
        if ours is not None and row.total_minor not in {None, ours.document.total_minor}:
            yield f"{lane.name}: {row.number} came to {row.total_minor} there, {ours.document.total_minor} here"


def agree(lane: Counted, kept: Sequence[Kept], register: Register, operator: OperatorServer) -> Iterator[str]:
    """The documents, the engine's counters and Z-reports, and the operator's counters say the same."""
    counted = [one for one in kept if one.delivery != "void"]
    sums: Counter[str] = Counter()
    cash = 0
    for one in counted:
        document = one.document
        sums[f"{document.kind}.count"] += 1
        sums[f"{document.kind}.sum"] += document.total_minor
        cash += _cash_of(document, kept)
    if cash != register.cash_minor:
        yield f"{lane.name}: documents leave {cash} in the drawer, the engine has {register.cash_minor}"
    for name, totals in zip(OPERATIONS, register.counters.operations, strict=True):
        if (totals.life_count, totals.non_nullable_minor) != (sums[f"{name}.count"], sums[f"{name}.sum"]):
            yield f"{lane.name}: the engine counts {totals.life_count} {name}, documents are {sums[f'{name}.count']}"
    account = operator.account(
        lane.device if lane.country == "kz" else lane.factory_number, country=lane.country
    )
    if account.cash_minor != cash:
        yield f"{lane.name}: documents leave {cash} in the drawer, the operator has {account.cash_minor}"
    for name in OPERATIONS:
        tally = account.tallies[name]
        if (tally.life_count, tally.non_nullable_minor) != (sums[f"{name}.count"], sums[f"{name}.sum"]):
            yield f"{lane.name}: the operator counts {tally.life_count} {name} {tally.non_nullable_minor}, documents are {sums[f'{name}.count']} {sums[f'{name}.sum']}"
    yield from _shifts(lane, kept, counted, operator)


def _cash_of(document: Document, kept: Sequence[Kept]) -> int:
    """What a document does to the drawer."""
    if document.kind == "cash_in":
        return document.total_minor
    if document.kind == "cash_out":
        return -document.total_minor
    net = document.payments.cash_minor - document.change_minor
    if document.kind == "annulment":
        assert document.basis is not None
        return -_SIGNS[kept[document.basis - 1].document.kind] * net
    return _SIGNS.get(document.kind, 0) * net


def _shifts(
    lane: Counted, kept: Sequence[Kept], counted: Sequence[Kept], operator: OperatorServer
) -> Iterator[str]:
    """Every Z-report is the sum of its shift, and what the operator counted for it."""
    theirs = operator.z_figures(lane.device) if lane.country == "kz" else {}
    for one in kept:
        if one.document.kind != "z_report":
            continue
        z, shift = one.document, one.document.shift
        assert z.report is not None
        documents = [other.document for other in counted if other.document.shift == shift]
        for totals in z.report.operations:
            mine = [document for document in documents if document.kind == totals.operation]
            if (totals.count, totals.sum_minor) != (
                len(mine),
                sum(document.total_minor for document in mine),
            ):
                yield f"{lane.name}: Z of shift {shift} says {totals.count} {totals.operation}, documents are {len(mine)}"
            if totals.non_nullable_minor != totals.start_non_nullable_minor + totals.sum_minor:
                yield f"{lane.name}: Z of shift {shift} ends with other sums of {totals.operation} than it began"
        if lane.country == "kz" and one.delivery == "sent":
            for name, ours, other in differences(figures_of(z), theirs.get(shift, {})):
                yield f"{lane.name}: Z of shift {shift}: {name} is {ours} here and {other} at the operator"


def remarks(lanes: Sequence[Counted]) -> Iterator[str]:
    """Nothing was remarked upon: no gap, no difference between our reports and the operator's answers."""
    for organisation_id in sorted({lane.organisation_id for lane in lanes}):
        with transaction(organisation_id) as session:
            for register_id, number, code in session.execute(
                text("select register_id, number, code from remark")
            ):
                yield f"register {register_id} of {organisation_id}: remark {code} at {number}"
            for register_id, number, found in session.execute(
                text("select register_id, number, differences from reconciliation where differences <> '[]'")
            ):
                yield f"register {register_id} of {organisation_id}: report {number} differs: {found}"
