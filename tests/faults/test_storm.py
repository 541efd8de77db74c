"""Twenty registers, four clients, and everything breaks: what was acknowledged is there once, and all ledgers agree."""

from pathlib import Path

import pytest

from portal import db, queue
from portal.cli.migrate import migrate_to_head
from portal.storm import storm

pytestmark = pytest.mark.processes

SECONDS = 20.0
DOCUMENTS = 1500
TROUBLES = ("client", "mischief", "operator", "postgres", "redis", "refusal", "worker")


def test_a_storm_loses_nothing_doubles_nothing_and_leaves_all_ledgers_in_agreement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (db, queue):
        monkeypatch.setattr(module, "_state", {})
    outcome = storm.run(
        tmp_path,
        seed=3,
        seconds=SECONDS,
        documents=DOCUMENTS,
        registers=20,
        migrate=migrate_to_head,
        say=print,
    )
    assert outcome.wrong == []
    assert outcome.figures["documents replayed"] == outcome.figures["documents"] >= DOCUMENTS
    assert outcome.figures["repeated answers"] > 20
    assert outcome.figures["documents taken back"] > 0
    assert [trouble for trouble in TROUBLES if not outcome.figures.get(trouble)] == []
