"""Prove what the portal issued itself: each document against the row that stands beside it, and each Z-report against its shift."""

from dataclasses import dataclass, field

from msgspec.structs import asdict
from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.analytics.findings import Finding, Report
from portal.analytics.refold import Stored
from portal.fiscal.dialects import DIALECTS
from portal.fiscal.documents import Document
from portal.fiscal.reports import Start, fold_shift, start_after
from portal.journal.models import ISSUED_HERE

DIALECTS_BY_CURRENCY = {dialect.currency: dialect for dialect in DIALECTS.values()}


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
    _shift: list[Document] = field(default_factory=list)
    _start: Start | None = None
    _has_past: bool = False

    def __post_init__(self) -> None:
        self._late = set(
            self.session.execute(
                text(
                    "select number from issued_document where organisation_id = :o and register_id = :r and is_autonomous"
                ),
                self._key,
            ).scalars()
        )
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
            self._has_past = True
            if self.count:
                self._differ("issued", f"number={stored.number}", "issued here", f"batch={stored.batch_id}")
            return
        if self._folded is None and not self.count:
            self._differ("issued", f"number={stored.number}", "a batch", "issued here by no cloud till")
        self.count += 1
        self._check_report(document)
        self._expected[stored.number] = Beside(
            document.basis, document.autonomous, document.fiscal_sign if document.autonomous else None
        )

    def _check_report(self, document: Document) -> None:
        """Hold a Z-report in full against the documents of its shift."""
        if self._shift and self._shift[0].shift != document.shift:
            self._shift.clear()
        self._shift.append(document)
        stated = document.report
        if document.kind != "z_report" or stated is None or document.currency is None:
            return
        start, self._start = self._start, start_after(stated)
        if start is None and self._has_past:
            # What the register began with stands in what it streamed: only replaying it proves this one shift.
            return
        counted = fold_shift(
            self._shift,
            DIALECTS_BY_CURRENCY[document.currency],
            start=start,
            late=self._late,
            before=document.number,
        )
        if counted != stated:
            others = asdict(counted)
            wrong = [name for name, value in asdict(stated).items() if value != others[name]]
            self._differ(
                "z_report",
                f"shift={document.shift} number={document.number} of={', '.join(wrong)}",
                {name: getattr(counted, name) for name in wrong},
                {name: getattr(stated, name) for name in wrong},
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
