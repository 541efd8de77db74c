"""One pair of servers for the whole folder; processes of its own for every test."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from portal import db, local, queue
from portal.analytics.verify import verify
from portal.cli.migrate import migrate_to_head
from portal.config import read_settings
from portal.db import transaction
from portal.primitives import clock
from portal.registers.actions import issue_token
from tests.faults.house import Batch, Keeper, Outbox, Servers, is_up, programs, shift_of, wait_until
from tests.ingest import stream
from tests.ingest.stream import Till


@pytest.fixture(scope="package")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """PostgreSQL and Valkey that nobody else uses, migrated."""
    directory = tmp_path_factory.mktemp("house") / "var"
    access = local.start(directory, memory_mb=64)
    try:
        migrate_to_head(access.owner_url())
        yield Servers(directory, access)
    finally:
        local.stop(directory)


@dataclass
class House:
    """The portal with its tills."""

    servers: Servers
    keeper: Keeper
    port: int
    tills: list[Till]
    tokens: list[str]

    def batches(self, count: int, documents: int) -> list[list[Batch]]:
        """For each till so many batches of so many documents."""
        return [
            [
                Batch(
                    token,
                    f"{place}-{number}",
                    stream.lines_of(shift_of(till, number * documents + 1, documents)),
                )
                for number in range(count)
            ]
            for place, (till, token) in enumerate(zip(self.tills, self.tokens, strict=True))
        ]

    def waiting(self) -> int:
        """Documents not drained yet; more than none while nobody can tell."""
        found = self.servers.ask(
            "select coalesce(sum(document_count), 0) from ingest_portion where drained_at is null"
        )
        return 1 if found is None else int(found)

    def is_draining(self) -> bool:
        """Whether some worker is inside a lane at this moment."""
        return bool(self.servers.ask("select count(*) from pg_locks where locktype = 'advisory' and granted"))

    def check(self, outboxes: list[Outbox], *, documents: int) -> None:
        """Everything acknowledged is in the journal exactly once, and everything adds up."""
        wait_until(lambda: self.waiting() == 0, "the lanes to be empty")
        for till, outbox in zip(self.tills, outboxes, strict=True):
            assert outbox.refused == []
            assert set(outbox.acknowledged) == {batch.key for batch in outbox.batches}
            assert None not in outbox.acknowledged.values()
            expected = len(outbox.batches) * documents
            rows = till.rows("select number from document where register_id = :r order by number")
            assert [number for (number,) in rows] == list(range(1, expected + 1))
            sums = [number % 97 + 1 for number in range(1, expected + 1)]
            refunds = [value for number, value in enumerate(sums, 1) if number % 10 == 0]
            assert till.rows(
                "select sum(sale_minor), sum(refund_minor), sum(document_count) from rollup_day where register_id = :r"
            ) == [(sum(sums) - sum(refunds), sum(refunds), expected)]
        sent = sum(len(outbox.batches) for outbox in outboxes)
        till = self.tills[0]
        assert till.rows("select count(*), count(distinct (sender_id, key)) from ingest_batch") == [
            (sent, sent)
        ]
        assert till.rows("select sum(accepted_count), sum(repeated_count) from ingest_portion") == [
            (sent * documents, 0)
        ]
        assert till.quarantine() == []
        assert till.remarks() == []
        report = verify(till.organisation_id)
        assert (report.differences, report.notices, report.documents) == ([], [], sent * documents)


@pytest.fixture
def house(
    servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[House]:
    """A running portal with an organisation of four registers at one point."""
    settings = read_settings(servers.environment)
    for module in (db, queue):
        monkeypatch.setattr(module, "_state", {})
    db.connect(settings)
    queue.connect(settings)
    with transaction() as session:
        first = stream.open_till(session)
        tills = [first, *(stream.another_till(session, first) for _ in range(3))]
        tokens = [
            issue_token(
                session, till.organisation_id, name="Касса", register_id=till.register_id, at=clock.now()
            )
            for till in tills
        ]
    port = local.free_port()
    keeper = Keeper(servers.environment, tmp_path, programs(port, workers=2))
    with keeper.keeping():
        wait_until(lambda: is_up(port), "the web server to answer")
        yield House(servers, keeper, port, tills, tokens)
    db.engine().dispose()
