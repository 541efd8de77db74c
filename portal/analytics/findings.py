"""What a proof found: differences, which are wrong, and notices, which are not complete yet."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Finding:
    """One thing found: of what kind, at which register, where, and the two values that should agree."""

    kind: str
    register: str
    where: str
    expected: str
    found: str

    def __str__(self) -> str:
        return (
            f"{self.kind} register={self.register} {self.where} expected={self.expected} found={self.found}"
        )


@dataclass
class Report:
    """What a proof found."""

    organisation_id: int
    registers: int = 0
    documents: int = 0
    shifts_closed: int = 0
    differences: list[Finding] = field(default_factory=list)
    notices: list[Finding] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """The report for machines."""
        return asdict(self)
