"""What breaks during a storm, and when: drawn from the seed, one trouble after another."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from portal.ofd.simulator.mischief import Kind
from portal.storm.house import Keeper, Operator, Servers

PAUSE_S = (0.05, 0.6)
# A register refused five times for the same document gives it up; the operator is to be in the wrong only now and then.
REFUSALS = (Kind.CODE_11, Kind.CODE_14, Kind.CODE_14, Kind.CODE_15)
MISCHIEF = tuple(kind for kind in Kind if kind not in REFUSALS)
# How often each trouble is drawn. A database that is away most of the time would leave nothing to be wrong.
TROUBLES = {
    "mischief": 50,
    "refusal": 20,
    "worker": 14,
    "client": 8,
    "operator": 5,
    "redis": 4,
    "postgres": 4,
}


@dataclass
class Weather:
    """Trouble until it is told to clear up."""

    seed: int
    servers: Servers
    keeper: Keeper
    operator: Operator
    workers: list[str]
    clients: list[str]
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.chance = Random(f"{self.seed}-weather")

    def blow(self, seconds: float, is_over: Callable[[], bool]) -> None:
        """Break something, wait a little, break something else."""
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s and not is_over():
            trouble = self.chance.choices(list(TROUBLES), weights=list(TROUBLES.values()))[0]
            self.counts[trouble] += 1
            getattr(self, f"_{trouble}")()
            time.sleep(self.chance.uniform(*PAUSE_S))

    def clear(self) -> None:
        """No more mischief, everything up."""
        self.operator.mischief.switch_off()
        self.servers.start_again()

    def _mischief(self) -> None:
        kind = self.chance.choice(MISCHIEF)
        self.counts[f"mischief {kind.value}"] += 1
        self.operator.mischief.switch_on(
            kind,
            self.chance.choice([0.05, 0.3, 1.0]),
            for_s=self.chance.uniform(0.2, 2.0),
            seconds=self.chance.choice([0.1, 0.6, 2.0]),
        )

    def _refusal(self) -> None:
        kind = self.chance.choice(REFUSALS)
        self.counts[f"refusal {kind.value}"] += 1
        self.operator.mischief.switch_on(kind, times=self.chance.randint(1, 3))

    def _worker(self) -> None:
        self.keeper.kill(self.chance.choice(self.workers))

    def _client(self) -> None:
        self.keeper.kill(self.chance.choice(self.clients))

    def _operator(self) -> None:
        self.operator.restart(self.chance.uniform(0.0, 1.5))

    def _redis(self) -> None:
        self.servers.kill_valkey()
        time.sleep(self.chance.uniform(0.0, 0.5))
        self.servers.start_again()

    def _postgres(self) -> None:
        self.servers.kill_postgres()
        time.sleep(self.chance.uniform(0.0, 0.5))
        self.servers.start_again()
