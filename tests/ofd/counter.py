"""A counter for tests: a cloud register with a real operator behind it, and what happens to both."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from portal.db import transaction
from portal.fiscal.commands import Command, RegisterSettings
from portal.journal import issuing
from portal.journal.issuing import Issued, Standing
from portal.ofd import actions
from portal.ofd.delivering import Delivered, deliver_register
from portal.ofd.simulator.server import OperatorServer
from portal.registers.models import Register
from tests.journal.tills import CASHIER, Shop, found_shop, sale

DEVICE, TOKEN = 203605, 90127062

# Long enough that nothing slow about the machine is ever taken for silence, where a test is not about silence.
PATIENCE_S = 20.0
# How long tests wait for an operator that will not answer.
IMPATIENCE_S = 0.3


@dataclass
class Counter:
    """A register on its operator's record."""

    shop: Shop
    operator: OperatorServer
    country: str = "kz"
    deadline_s: float = PATIENCE_S

    @property
    def ids(self) -> tuple[int, int]:
        return self.shop.id, self.shop.register_id

    @property
    def name(self) -> str:
        with transaction(self.shop.id) as session:
            return session.get_one(Register, self.ids).factory_number

    @property
    def standing(self) -> Standing:
        return issuing.read_standing(*self.ids)

    def do(self, command: Command, *, key: str | None = None, at: datetime | None = None) -> Issued:
        return actions.issue_document(*self.ids, command, key=key, at=at, deadline_s=self.deadline_s)

    def sell(self, price_minor: int = 10_000, *, key: str | None = None, card: bool = False) -> Issued:
        return self.do(sale(price_minor, card=card), key=key)

    def close(self) -> Issued:
        return actions.close_shift(*self.ids, cashier=CASHIER, deadline_s=self.deadline_s)

    def deliver(self, *, is_forced: bool = True, probe_s: float = 60.0) -> Delivered:
        return deliver_register(*self.ids, probe_s=probe_s, timeout_s=PATIENCE_S, is_forced=is_forced)

    def impatient(self) -> "Counter":
        """The same counter with a cashier who waits for nobody."""
        return Counter(self.shop, self.operator, self.country, IMPATIENCE_S)

    @contextmanager
    def operator_away(self) -> Iterator["Counter"]:
        """Nobody listens at the operator's address; whoever asks is told so at once."""
        with transaction(self.shop.id) as session:
            session.execute(text("update cloud_till set operator_port = 9, version = version + 1"))
        try:
            yield self
        finally:
            with transaction(self.shop.id) as session:
                session.execute(
                    text("update cloud_till set operator_port = :port, version = version + 1"),
                    {"port": self.operator.port if self.country == "kz" else self.operator.belarus_port},
                )

    def rows(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        with transaction(self.shop.id) as session:
            return [tuple(row) for row in session.execute(text(query), values)]

    def deliveries(self) -> dict[int, str]:
        return dict(self.rows("select number, delivery from issued_document order by number"))

    def events(self) -> list[str]:
        return [kind for (kind,) in self.rows("select kind from register_event order by id")]

    def received(self) -> list[int]:
        """The numbers that the operator accepted, in the order in which it did."""
        device = DEVICE if self.country == "kz" else self.name
        rows = self.operator.documents(device, country=self.country, only_accepted=True)
        return [row.number for row in rows if row.number is not None]


def open_counter(
    operator: OperatorServer, country: str = "kz", settings: RegisterSettings | None = None
) -> Counter:
    """Found a shop whose register is on the operator's record and connected to it."""
    shop = found_shop(country, settings=settings, host=None)
    counter = Counter(shop, operator, country)
    if country == "kz":
        operator.register(DEVICE, TOKEN)
    else:
        operator.register(counter.name, country="by")
    issuing.set_operator(
        *counter.ids,
        host=operator.host,
        port=operator.port if country == "kz" else operator.belarus_port,
        device=DEVICE if country == "kz" else None,
        token=TOKEN if country == "kz" else None,
        at=counter.standing.register.last_issued_at or datetime.fromisoformat("2026-01-01T00:00:00+00:00"),
    )
    return counter
