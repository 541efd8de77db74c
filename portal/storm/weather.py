"""What breaks during a storm, and when: drawn from the seed, one trouble after another."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from portal.ofd.simulator.mischief import Kind
from portal.storm.house import Keeper, Operator, Servers

PAUSE_S = (0.05, 0.6)
LULL_S = 3.0
REFUSED_AT = 4
# A register refused five times for the same document gives it up; the operator is to be in the wrong only now and then.
REFUSALS = (*[Kind.CODE_14] * 4, *[Kind.CODE_11] * 3, Kind.CODE_15)
MISCHIEF = tuple(kind for kind in Kind if kind not in REFUSALS)
# One round of troubles; each round comes in an order of its own. A database that is away most of the time would leave nothing
# to be wrong.
ROUND = ("mischief",) * 7 + ("refusal",) * 3 + ("worker",) * 2 + ("client", "operator", "redis", "postgres")


@dataclass
class Weather:
    """Trouble until it is told to clear up."""

    seed: int
    servers: Servers
    keeper: Keeper
    operator: Operator
    workers: list[str]
    clients: list[str]
    devices: list[int]
    counts: Counter[str] = field(default_factory=Counter)
    rounds: int = 0

    def __post_init__(self) -> None:
        self.chance = Random(f"{self.seed}-weather")

    def blow(self, is_enough: Callable[[], bool]) -> None:
        """Break something, wait a little, break something else, until it is enough; one whole round at least."""
        while True:
            troubles = list(ROUND)
            self.chance.shuffle(troubles)
            for trouble in troubles:
                if self.rounds and is_enough():
                    return
                self.counts[trouble] += 1
                getattr(self, f"_{trouble}")()
                time.sleep(self.chance.uniform(*PAUSE_S))
            self.rounds += 1

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
        """Refuse what registers ask that work with their operator: let them come back to it first, which takes a sweep of the clock.

        Each of a few registers meets it once; whoever is asked next, now and then, too.
        """
        self.operator.mischief.switch_off()
        time.sleep(LULL_S)
        for device in self.chance.sample(self.devices, min(REFUSED_AT, len(self.devices))):
            kind = self.chance.choice(REFUSALS)
            self.counts[f"refusal {kind.value}"] += 1
            self.operator.mischief.switch_on(kind, times=1, device=device)
            time.sleep(LULL_S / REFUSED_AT / 2)
        self.operator.mischief.switch_on(self.chance.choice(REFUSALS), times=1)

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
