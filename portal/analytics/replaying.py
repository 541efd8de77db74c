"""Issue again, from the journal alone, everything that cloud tills issued: the same bytes, the same state, the same counters.

What a register streamed before it came to work here is a fact and is only followed; from there on every document is issued by
the engine once more and held against what is stored. A document of other rules, or a number that was missing in the stream, is
a notice: nothing can be said about it.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from time import perf_counter
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.analytics.findings import Finding
from portal.analytics.refold import read_journal
from portal.db import transaction
from portal.fiscal import codec
from portal.fiscal.dialects import Dialect, dialect_of
from portal.fiscal.documents import Document
from portal.fiscal.register import Register, decode, new_register
from portal.fiscal.replay import Difference, Event, replay
from portal.journal.models import ISSUED_HERE, CloudTill, IssuedDocument, RegisterEvent
from portal.orgs.models import Organisation
from portal.registers import models as registers

_HAPPENED = ("went_autonomous", "came_back")


@dataclass
class Replayed:
    """What replaying an organisation's cloud tills came to. `streamed` documents were followed, `documents` issued again."""

    organisation_id: int
    registers: int = 0
    streamed: int = 0
    documents: int = 0
    events: int = 0
    seconds: float = 0.0
    differences: list[Finding] = field(default_factory=list)
    notices: list[Finding] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """The figures for machines."""
        return asdict(self)


def replay_organisation(organisation_id: int) -> Replayed:
    """Replay every cloud till of an organisation, as all of it stood at one moment."""
    result = Replayed(organisation_id)
    began = perf_counter()
    with transaction(organisation_id, is_snapshot=True) as session:
        country = session.execute(
            select(Organisation.country).where(Organisation.id == organisation_id)
        ).scalar_one()
        dialect = dialect_of(country)
        rows = session.execute(
            select(
                registers.Register.id,
                registers.Register.factory_number,
                registers.Register.registration_number,
                CloudTill.state,
            )
            .join(
                CloudTill,
                (CloudTill.organisation_id == registers.Register.organisation_id)
                & (CloudTill.register_id == registers.Register.id),
            )
            .where(CloudTill.organisation_id == organisation_id)
            .order_by(registers.Register.id)
        ).all()
        for register_id, factory_number, registration_number, state in rows:
            start = new_register(factory_number, dialect, registration_number=registration_number)
            till = _Till(session, result, register_id, factory_number, dialect)
            till.run(start, decode(state.encode()))
            result.registers += 1
    result.seconds = perf_counter() - began
    return result


@dataclass
class _Till:
    """One cloud till while it is being replayed."""

    session: Session
    result: Replayed
    register_id: int
    factory_number: str
    dialect: Dialect
    last_streamed: int = 0

    def run(self, start: Register, expected: Register) -> None:
        """Replay the till from its first document on; `expected` is how it says it stands."""
        events = self._list_events()
        self.result.events += len(events)
        differences = replay(
            self._documents(), events, self.dialect, start=start, expected=expected, bases=self._bases()
        )
        for difference in differences:
            finding = self._name(difference)
            is_notice = difference.what == "other_rules" or self._was_missing(difference)
            (self.result.notices if is_notice else self.result.differences).append(finding)

    def _documents(self) -> Iterator[Document]:
        journal = read_journal(self.session, self.result.organisation_id, self.register_id, order="number")
        for stored in journal:
            if stored.batch_id == ISSUED_HERE:
                self.result.documents += 1
            else:
                self.result.streamed += 1
                self.last_streamed = stored.number
            yield codec.decode(stored.body.encode())

    def _list_events(self) -> list[Event]:
        rows = self.session.execute(
            select(RegisterEvent.after_number, RegisterEvent.at, RegisterEvent.kind, RegisterEvent.facts)
            .where(
                RegisterEvent.organisation_id == self.result.organisation_id,
                RegisterEvent.register_id == self.register_id,
                RegisterEvent.kind.in_(_HAPPENED),
            )
            .order_by(RegisterEvent.id)
        )
        return [
            Event(after_number=after, at=at, kind=kind, late=tuple(facts.get("late", ())))
            for after, at, kind, facts in rows
        ]

    def _bases(self) -> set[int]:
        """The receipts that others name; no other need be remembered."""
        return set(
            self.session.scalars(
                select(IssuedDocument.basis).where(
                    IssuedDocument.organisation_id == self.result.organisation_id,
                    IssuedDocument.register_id == self.register_id,
                    IssuedDocument.basis.is_not(None),
                )
            )
        )

    def _was_missing(self, difference: Difference) -> bool:
        """Whether the stream lost the numbers: the gap is told by the ordinary proof."""
        return difference.what == "gap" and difference.number <= self.last_streamed

    def _name(self, difference: Difference) -> Finding:
        expected = {
            "gap": "the next number",
            "other_rules": "these rules",
            "refused": "issued again",
            "fields": "the same bytes",
            "event_refused": "the event happens again",
            "state": "the state that is stored",
        }[difference.what]
        facts = ", ".join(f"{name}={value}" for name, value in difference.facts.items())
        return Finding(
            "replay",
            self.factory_number,
            f"number={difference.number}",
            expected,
            f"{difference.what} {facts}",
        )
