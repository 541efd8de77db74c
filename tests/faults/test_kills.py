"""Whatever is killed, and whenever: what was acknowledged arrives exactly once.

The processes are real: gunicorn, two workers, the clock, PostgreSQL and Valkey. Tills send over HTTP and keep
sending until they are acknowledged.
"""

import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults.conftest import House
from tests.faults.house import Batch, is_up, knock, sending, shift_of, wait_and_see, wait_until
from tests.ingest import stream

pytestmark = pytest.mark.processes


def test_workers_killed_in_the_middle_of_their_lanes(house: House) -> None:
    """A worker is killed again and again at a random moment while some worker holds a lane."""
    chance, kills = random.Random(7), 0
    workers = {name: house.keeper.commands.pop(name) for name in ("worker-0", "worker-1")}
    for name in workers:
        house.keeper.kill(name)
    with sending(house.port, house.batches(count=12, documents=240)) as outboxes:
        # Long lanes, so that a transaction takes a while; the last batches come while they are drained.
        wait_until(lambda: all(len(outbox.acknowledged) >= 8 for outbox in outboxes), "long lanes")
        house.keeper.commands.update(workers)
        while kills < 8 and house.waiting():
            if house.is_draining():
                time.sleep(chance.uniform(0, 0.15))
                house.keeper.kill(f"worker-{kills % 2}")
                kills += 1
    assert kills >= 3
    house.check(outboxes, documents=240)


def test_a_worker_told_to_stop_finishes_what_it_has_begun(house: House) -> None:
    with sending(house.port, house.batches(count=6, documents=200)) as outboxes:
        wait_until(house.is_draining, "a worker to be in a lane")
        assert {house.keeper.stop(f"worker-{number}") for number in range(2)} == {0}
    house.check(outboxes, documents=200)
    said = house.keeper.log("worker-0") + house.keeper.log("worker-1")
    assert "Traceback" not in said


def test_redis_stopped_and_started_empty(house: House) -> None:
    """Documents are taken while Redis is away, and drained once it is back without a memory of them."""
    with sending(house.port, house.batches(count=12, documents=40)) as outboxes:
        for _ in range(2):
            acknowledged = sum(len(outbox.acknowledged) for outbox in outboxes)
            house.servers.kill_valkey()
            wait_until(
                lambda before=acknowledged: (
                    sum(len(outbox.acknowledged) for outbox in outboxes) >= min(48, before + 4)
                ),  # type: ignore[misc]
                "documents to be taken without Redis",
            )
            house.servers.start_again()
            wait_and_see(house.servers)
    house.check(outboxes, documents=40)
    assert house.keeper.starts == dict.fromkeys(("web", "worker-0", "worker-1", "clock"), 1)


def test_a_ring_lost_with_redis_is_made_up_by_the_sweep(house: House) -> None:
    """The batch is committed and its ring thrown away: nothing but the sweep can find it."""
    for name in ("worker-0", "worker-1"):
        house.keeper.commands.pop(name)
        house.keeper.kill(name)
    [batches, *_] = house.batches(count=1, documents=30)
    status, _ = knock(house.port, batches[0])
    assert status == 202
    house.servers.kill_valkey()
    house.servers.start_again()
    house.keeper.commands["worker-0"] = ["-m", "workers", "work"]
    wait_until(lambda: house.waiting() == 0, "the sweep to ring")
    assert house.tills[0].numbers() == list(range(1, 31))


def test_web_killed_after_the_commit_and_before_the_answer(house: House) -> None:
    """The till cannot know that it was heard: it sends again under the same key and is told the same batch."""
    till, token = house.tills[0], house.tokens[0]
    for turn in range(2):
        batch = Batch(token, f"turn-{turn}", stream.lines_of(shift_of(till, turn * 20 + 1, 20)))
        valkey = house.servers.valkey()
        # Redis holds its breath, and with it the web server between its commit and its answer.
        valkey.send_signal(signal.SIGSTOP)
        try:
            with ThreadPoolExecutor(1) as one:
                unheard = one.submit(knock, house.port, batch)
                wait_until(
                    lambda key=batch.key: house.servers.ask(
                        f"select id from ingest_batch where key = '{key}' and organisation_id = {till.organisation_id}"
                    ),  # type: ignore[misc]
                    "the batch to be committed",
                    seconds=15,
                )
                assert not unheard.done()
                house.keeper.kill("web")
                with pytest.raises(OSError):  # noqa: PT011 - reset, or closed without an answer
                    unheard.result(20)
        finally:
            valkey.send_signal(signal.SIGCONT)
        wait_until(lambda: is_up(house.port), "the web server to be back")
        status, answer = knock(house.port, batch)
        assert status == 202
        stored = till.rows("select id from ingest_batch where key = :key", key=batch.key)
        assert [f'"batch":{stored[0][0]},'.encode() in answer, len(stored)] == [True, 1]
    wait_until(lambda: house.waiting() == 0, "the lane to be empty")
    assert till.numbers() == list(range(1, 41))
    assert till.rows("select sum(repeated_count) from ingest_portion") == [(0,)]


def test_web_killed_again_and_again_while_tills_send(house: House) -> None:
    chance = random.Random(11)
    with sending(house.port, house.batches(count=15, documents=25)) as outboxes:
        for _ in range(4):
            wait_until(lambda: is_up(house.port), "the web server to answer")
            if all(len(outbox.acknowledged) == 15 for outbox in outboxes):
                break
            time.sleep(chance.uniform(0.02, 0.2))
            house.keeper.kill("web")
    house.check(outboxes, documents=25)
    assert house.keeper.starts["web"] > 1


def test_postgres_killed_and_restarted(house: House) -> None:
    """The postmaster and all its children are killed while documents arrive and are drained."""
    with sending(house.port, house.batches(count=12, documents=80)) as outboxes:
        for _ in range(3):
            wait_until(
                lambda: house.is_draining() or all(len(outbox.acknowledged) == 12 for outbox in outboxes),
                "some lane to be drained",
            )
            house.servers.kill_postgres()
            house.servers.start_again()
    house.check(outboxes, documents=80)
    assert house.keeper.starts == dict.fromkeys(("web", "worker-0", "worker-1", "clock"), 1)


def test_everything_killed_at_once(house: House) -> None:
    """A power cut: web, workers, clock and both servers end at one moment; Redis comes back empty."""
    with sending(house.port, house.batches(count=10, documents=60)) as outboxes:
        wait_until(lambda: any(outbox.acknowledged for outbox in outboxes), "the first acknowledgement")
        for name in tuple(house.keeper.commands):
            house.keeper.kill(name)
        house.servers.kill_valkey()
        house.servers.kill_postgres()
        house.servers.start_again()
    house.check(outboxes, documents=60)
