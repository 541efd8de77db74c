"""Prove what the portal issued itself: each document against the row that stands beside it, and each Z-report against its shift."""

from dataclasses import dataclass, field

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.analytics.findings import Finding, Report
from portal.analytics.refold import Stored
from portal.fiscal.documents import Document
from portal.journal.models import ISSUED_HERE


@dataclass(frozen=True)
class Beside:
    """What stands beside a document that was issued here, as far as the document itself says it."""

    basis: int | None
    is_autonomous: bool
    sign: str | None


@dataclass
class IssuedProof:
    """The proof of one register's own documents; `count` of them were met."""

    session: Session
    report: Report
    organisation_id: int
    register_id: int
    register: str
    count: int = 0
    _expected: dict[int, Beside] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._folded: int | None = self.session.execute(
            text("select folded_sequence from cloud_till where organisation_id = :o and register_id = :r"),
            self._key,
        ).scalar_one_or_none()

    @property
    def _key(self) -> dict[str, int]:
        return {"o": self.organisation_id, "r": self.register_id}

    def is_unfolded(self, stored: Stored) -> bool:
        """Whether the rollups do not know this document yet; a streamed one they always do."""
        return self._folded is not None and stored.sequence > self._folded

    def add(self, stored: Stored, document: Document) -> None:
        """Take the register's next document into account."""
        if stored.batch_id != ISSUED_HERE:
            if self.count:
                self._differ("issued", f"number={stored.number}", "issued here", f"batch={stored.batch_id}")
            return
        if self._folded is None and not self.count:
            self._differ("issued", f"number={stored.number}", "a batch", "issued here by no cloud till")
        self.count += 1
        self._expected[stored.number] = Beside(
            document.basis, document.autonomous, document.fiscal_sign if document.autonomous else None
        )

    def finish(self, unfolded: int) -> None:
        """Hold the rows beside the documents against them; `unfolded` documents wait for the rollups."""
        if unfolded:
            self.report.notices.append(
                Finding(
                    "unfolded", self.register, f"sequence>{self._folded}", "0 documents", f"{unfolded} wait"
                )
            )
        rows = self.session.execute(
            text(
                "select number, basis, is_autonomous, autonomous_sign, delivery from issued_document "
                "where organisation_id = :o and register_id = :r order by number"
            ),
            self._key,
        )
        for number, basis, is_autonomous, sign, delivery in rows:
            expected = self._expected.pop(number, None)
            where = f"number={number}"
            if expected is None:
                self._differ("issued", where, "a document issued here", f"a row alone, {delivery}")
                continue
            # An operator that fell silent makes a document autonomous after it was issued, never the other way.
            found = Beside(
                basis, expected.is_autonomous and is_autonomous, sign if expected.is_autonomous else None
            )
            if found != expected:
                self._differ("issued", where, expected, found)
        for number in sorted(self._expected):
            self._differ("issued", f"number={number}", "a row beside the document", "no row")

    def _differ(self, kind: str, where: str, expected: object, found: object) -> None:
        self.report.differences.append(Finding(kind, self.register, where, str(expected), str(found)))
