"""Many processes at one till, some of them killed: one receipt for each key, no number twice, none missing."""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from portal.analytics.following import follow_register
from portal.analytics.verify import verify
from portal.config import Settings
from portal.db import transaction
from tests.journal.tills import Shop, found_shop

pytestmark = pytest.mark.processes

Answer = tuple[int, int, str, bool]


@pytest.fixture
def shop(database: Settings) -> Shop:
    return found_shop("kz", 2, host=None)


@contextmanager
def calling(
    environment: dict[str, str], shop: Shop, mode: str, most: int, seed: int, register_id: int | None = None
) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [
            sys.executable, "-m", "tests.journal.callers", mode, str(shop.id),
            str(register_id or shop.register_id), str(most), str(seed),
        ],
        env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def say(process: "subprocess.Popen[str]") -> None:
    """Let a process issue its next receipt now."""
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def answers(process: "subprocess.Popen[str]") -> list[Answer]:
    """What a process was answered; of a line cut short by a kill nobody was told."""
    assert process.stdout is not None
    lines = [line.split() for line in process.stdout if line.endswith("\n")]
    process.wait()
    return [(int(place), int(number), digest, said == "True") for place, number, digest, said in lines]


def stored(shop: Shop, question: str) -> list[tuple[Any, Any]]:
    with transaction(shop.id) as session:
        return [(one, other) for one, other in session.execute(sa.text(question))]


def prove(shop: Shop, documents: int) -> None:
    for register_id in shop.register_ids:
        follow_register(shop.id, register_id)
    report = verify(shop.id)
    assert (report.documents, report.differences, report.notices) == (documents, [], [])


def test_the_same_key_from_two_processes_at_once_a_hundred_times(
    environment: dict[str, str], shop: Shop
) -> None:
    with calling(environment, shop, "keys", 100, 1) as one, calling(environment, shop, "keys", 100, 2) as two:
        for place in range(100):
            lines = []
            both = [one, two] if place % 2 else [two, one]
            for process in both:
                say(process)
            for process in (one, two):
                assert process.stdout is not None
                lines.append(process.stdout.readline().split())
            (_, number, digest, mine), (_, other, its, yours) = lines
            assert (number, digest) == (other, its) == (str(place + 1), digest)
            assert {mine, yours} == {"True", "False"}
    prove(shop, 100)


def test_processes_that_want_the_same_till_take_turns(environment: dict[str, str], shop: Shop) -> None:
    with (
        calling(environment, shop, "free", 60, 1) as one,
        calling(environment, shop, "own", 60, 2) as two,
        calling(environment, shop, "free", 60, 3) as three,
    ):
        got = [number for process in (one, two, three) for _, number, _, _ in answers(process)]
    assert sorted(got) == list(range(1, 181))
    prove(shop, 180)


def test_whoever_is_killed_leaves_everything_or_nothing(environment: dict[str, str], shop: Shop) -> None:
    chance = random.Random(11)
    acknowledged: list[Answer] = []
    for turn in range(6):
        with (
            calling(environment, shop, "own", 0, 2 * turn) as one,
            calling(environment, shop, "free", 0, 2 * turn + 1) as two,
        ):
            for process in (one, two):
                assert process.stdout is not None
                first = process.stdout.readline().split()
                acknowledged.append((int(first[0]), int(first[1]), first[2], first[3] == "True"))
            time.sleep(chance.uniform(0, 0.2))
            for process in (one, two):
                process.send_signal(signal.SIGKILL)
            acknowledged += answers(one) + answers(two)
    digests: dict[Any, Any] = dict(stored(shop, "select number, body::json->>'digest' from document_body"))
    assert all(digests[number] == digest for _, number, digest, _ in acknowledged)
    assert len({number for _, number, _, _ in acknowledged}) == len(acknowledged)
    assert sorted(digests) == list(range(1, len(digests) + 1))
    prove(shop, len(digests))


@pytest.mark.parametrize("mode", ["own", "free"])
def test_connections_cut_at_any_moment_lose_and_double_nothing(
    environment: dict[str, str], settings: Settings, shop: Shop, mode: str
) -> None:
    cuts = 0
    owner = sa.create_engine(settings.database_owner_url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with calling(environment, shop, mode, 200, 1) as process, owner.connect() as connection:
        assert process.stdout is not None
        said = [process.stdout.readline()]
        while process.poll() is None and len(said) < 150:
            cuts += len(
                connection.execute(
                    sa.text(
                        "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() "
                        "and application_name = 'kassa-portal' and query like 'select issue_document%'"
                    )
                ).all()
            )
            said += [process.stdout.readline() for _ in range(10)]
        rest = answers(process)
    numbers = [int(line.split()[1]) for line in said] + [number for _, number, _, _ in rest]
    assert process.returncode == 0
    assert cuts > 5
    assert numbers == list(range(1, 201))
    prove(shop, 200)
