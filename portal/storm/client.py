"""A client of a storm: it issues at its registers until it is enough, and writes down whatever it was answered.

Before it asks it writes down what it is going to ask, so that whoever starts after a kill asks the same again, under the
same key. A lost answer of the database is nobody's word: it asks again until somebody answers.
"""

import os
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import IO

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from portal import db, queue
from portal.config import read_settings
from portal.fiscal.commands import OpenShift
from portal.journal.issuing import TillBusy
from portal.ofd.actions import issue_document
from portal.primitives.refusals import Refusal
from portal.storm.commands import command_for
from portal.storm.log import Answered, Broken, Entry, Intent, Orders, Refused, answered, mend, read_log

RETRY_S = 0.05
# Of a hundred commands so many are sent by two threads at once, and so many again after they were answered.
TWINS, AGAIN = 8, 10


@dataclass
class Client:
    """One client process."""

    orders: Orders
    log: IO[bytes]
    step: int = 0
    shared_steps: Counter[int] = field(default_factory=Counter)
    sold: dict[int, list[int]] = field(default_factory=dict)
    closed: set[int] = field(default_factory=set)

    def run(self, before: list[Entry]) -> None:
        """Finish what a killed predecessor has begun, then go on until it is enough."""
        enough = Path(self.orders.until)
        with ThreadPoolExecutor(2) as pool:
            for intent in self._recall(before):
                self._settle(intent)
            while not enough.exists():
                self.step += 1
                self._take_a_step(pool)

    def _recall(self, before: list[Entry]) -> list[Intent]:
        """Learn from the log; what was asked and never answered."""
        unanswered: dict[str, Intent] = {}
        for entry in before:
            if isinstance(entry, Intent):
                unanswered[entry.key] = entry
                self.step = max(self.step, entry.step)
                if entry.key.startswith("shared"):
                    self.shared_steps[entry.register_id] += 1
            elif not isinstance(entry, Broken):
                unanswered.pop(entry.key, None)
                self._learn(entry)
        return list(unanswered.values())

    def _learn(self, entry: Answered | Refused) -> None:
        if isinstance(entry, Refused):
            if entry.code == "fiscal.shift_not_open":
                self.closed.add(entry.register_id)
            elif entry.code == "fiscal.shift_already_open":
                self.closed.discard(entry.register_id)
        elif entry.kind == "shift_opened":
            self.closed.discard(entry.register_id)
        elif entry.kind == "sale" and not entry.is_repeated:
            self.sold.setdefault(entry.register_id, []).append(entry.number)

    def _take_a_step(self, pool: ThreadPoolExecutor) -> None:
        chance = Random(f"{self.orders.seed}-{self.orders.client}-{self.step}")
        lane = chance.choice(self.orders.lanes)
        key = f"{self.orders.client}-{self.step}"
        if lane.is_shared and chance.random() < 0.5:
            number = self.shared_steps[lane.register_id] = self.shared_steps[lane.register_id] + 1
            key = f"shared-{lane.register_id}-{number}"
            # Nothing in the command may depend on what only one of the two has seen.
            command = command_for(Random(f"{self.orders.seed}-{key}"), lane.country, [])
        elif lane.country == "by" and lane.register_id in self.closed:
            command = OpenShift(cashier="Ганна К.")
        else:
            command = command_for(chance, lane.country, self.sold.get(lane.register_id, []))
        intent = Intent(key, lane.organisation_id, lane.register_id, lane.country, command, self.step)
        self._write(intent)
        dice = chance.randrange(100)
        if dice < TWINS:
            for done in [pool.submit(self._settle, intent) for _ in range(2)]:
                done.result()
            return
        self._settle(intent)
        if dice < TWINS + AGAIN:
            self._settle(intent)

    def _settle(self, intent: Intent) -> None:
        """Ask until there is an answer, whatever becomes of the database meanwhile."""
        while True:
            try:
                issued = issue_document(
                    intent.organisation_id,
                    intent.register_id,
                    intent.command,
                    key=intent.key,
                    deadline_s=self.orders.deadline_s,
                )
            except (SQLAlchemyError, TillBusy):
                time.sleep(RETRY_S)
                continue
            except Refusal as refusal:
                entry: Answered | Refused = Refused(
                    intent.key, intent.organisation_id, intent.register_id, refusal.code
                )
            except Exception as error:
                self._write(Broken(intent.register_id, f"{intent.key}: {error!r}"[:500]))
                raise
            else:
                entry = answered(intent, issued)
            self._write(entry)
            self._learn(entry)
            return

    def _write(self, entry: Entry) -> None:
        # One write each, so that two threads cannot mix their lines.
        os.write(self.log.fileno(), msgspec.json.encode(entry) + b"\n")


def main() -> None:
    """`python -m portal.storm.client ORDERS`."""
    orders = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Orders)
    settings = read_settings()
    db.connect(settings)
    queue.connect(settings)
    path = Path(orders.log)
    before = read_log(path)
    mend(path)
    with path.open("ab", buffering=0) as log:
        Client(orders, log).run(before)


if __name__ == "__main__":
    main()
