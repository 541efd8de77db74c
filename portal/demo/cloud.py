"""A cloud till of the demo: somebody serves customers at it, and the portal issues what they ask for.

Nothing is kept here that could go wrong: how the register stands is read anew after every step, and each command goes
out under a key made of the number that it will get, so that a step repeated after a fault answers the receipt that
is there already.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial

from portal.demo.customers import FLOAT_MINOR, Customers
from portal.demo.people import Place
from portal.demo.shops import customers_weight, day_at, hours_of
from portal.fiscal.commands import Command, MoveCash, OpenShift, Receipt, TakeReport
from portal.fiscal.register import close_commands
from portal.fiscal.register import issue as ask_engine
from portal.fiscal.rules import AutonomousTooLong, ShiftTooLong
from portal.journal.issuing import Standing, read_standing
from portal.ofd.actions import issue_document
from portal.primitives.refusals import Refusal

X_REPORTS_PER_RECEIPT = 0.004
OPENS_BEFORE = timedelta(minutes=10)
CLOSES_AFTER = timedelta(minutes=2)

# How a register stands is read again after this long even if nobody did anything here.
LOOKS_EVERY = timedelta(minutes=1)

# After a refusal that asking again would not change, the till is left alone for so long.
RESTS_FOR = timedelta(minutes=5)


@dataclass
class CloudTill:
    """A till that keeps opening hours, at a register that works in the cloud."""

    place: Place
    customers: Customers
    standing: Standing
    say: Callable[[str], None]
    looked_at: datetime | None = None
    rests_until: datetime | None = None

    @property
    def day(self) -> date:
        """The business day of the shift, or of the last one."""
        opened_at = self.standing.register.opened_at
        return date.min if opened_at is None else day_at(self.place.shop, opened_at)

    def is_serving(self, now: datetime) -> bool:
        """Whether customers can come: the shift is open, and so is the shop."""
        self._look(now)
        hours = hours_of(self.place.shop, self.day) if self.standing.register.is_open else None
        return hours is not None and hours[0] <= now < hours[1] and not self._is_resting(now)

    def weight(self, now: datetime) -> float:
        """How many customers come here compared with other tills."""
        return customers_weight(self.place.shop, self.place.stall, self.day, now)

    def change_shift(self, now: datetime) -> int:
        """Open or close by the clock on the wall; returns how many documents that took."""
        self._look(now)
        register = self.standing.register
        if self._is_resting(now) or (register.last_issued_at is not None and now < register.last_issued_at):
            return 0
        if register.is_open:
            hours = hours_of(self.place.shop, self.day)
            is_over = hours is None or now >= hours[1] + CLOSES_AFTER
            return self._attempt(partial(self._close, now), now) if is_over else 0
        day = day_at(self.place.shop, now)
        hours = hours_of(self.place.shop, day)
        # A shift that was closed at noon, because the day ran out or its till was changed, is followed by another.
        if hours is None or not hours[0] - OPENS_BEFORE <= now < hours[1]:
            return 0
        return self._attempt(partial(self._open, now), now)

    def serve(self, now: datetime) -> int:
        """Serve a customer, and look after the drawer; returns how many documents that took."""
        return self._attempt(partial(self._serve, now), now)

    def _serve(self, now: datetime) -> int:
        command = self.customers.ask(self.day)
        if isinstance(command, Receipt):
            standing = self.standing
            _, seen = ask_engine(
                standing.register, standing.settings, command, self._moment(now), standing.dialect
            )
            if seen is not None:
                command = self.customers.pay(command, seen)
        count = self._issue(command, now)
        takings = self.customers.takings(self.standing.register.cash_minor, self.day)
        if takings is not None:
            count += self._issue(takings, now)
        if self.customers.chance.random() < X_REPORTS_PER_RECEIPT:
            name, code = self.customers.cashier_on(self.day)
            count += self._issue(TakeReport(cashier=name, cashier_code=code), now)
        return count

    def _open(self, now: datetime) -> int:
        day = day_at(self.place.shop, now)
        name, code = self.customers.cashier_on(day)
        opens_itself = self.place.shop.dialect.shift_opens_with == "first_document"
        count = 0
        if not opens_itself:
            count += self._issue(OpenShift(cashier=name, cashier_code=code), now)
        change = self.customers.change_for(self.standing.register.cash_minor, day, opens_shift=opens_itself)
        return count + (self._issue(change, now) if change is not None else 0)

    def _close(self, now: datetime) -> int:
        name, code = self.customers.cashier_on(self.day)
        count = 0
        cash = self.standing.register.cash_minor - FLOAT_MINOR[self.customers.country]
        if cash > 0 and not self.standing.settings.withdraws_at_close:
            count += self._issue_if_allowed(
                MoveCash(cashier=name, cashier_code=code, is_out=True, sum_minor=cash // 100 * 100),
                now,
            )
        commands = close_commands(
            self.standing.register, self.standing.settings, cashier=name, cashier_code=code
        )
        for command in commands:
            count += self._issue(command, now)
        self.customers.sold.clear()
        return count

    def _issue_if_allowed(self, command: Command, now: datetime) -> int:
        """Past its hours a shift can only be closed, with what is in the drawer."""
        try:
            return self._issue(command, now)
        except ShiftTooLong:
            return 0

    def _moment(self, now: datetime) -> datetime:
        """Now, and never before the last document: another till may have kept us since somebody looked at the clock."""
        return max(now, self.standing.register.last_issued_at or now)

    def _issue(self, command: Command, now: datetime) -> int:
        place, number = self.place, self.standing.register.number + 1
        try:
            issued = issue_document(
                place.organisation_id,
                place.register_id,
                command,
                key=f"demo-{number}",
                at=self._moment(now),
            )
        finally:
            self.standing = read_standing(place.organisation_id, place.register_id)
        self.customers.remember(issued.document)
        return 1

    def _attempt(self, do: Callable[[], int], now: datetime) -> int:
        """Do something at the till. What one customer is refused the next may be given; what the operator refuses lasts."""
        try:
            return do()
        except Refusal as refusal:
            self.say(f"{self.place.stall.register}: refused, {refusal.code} {refusal.facts}")
            if isinstance(refusal, AutonomousTooLong) or refusal.code.startswith("ofd."):
                self.rests_until = now + RESTS_FOR
            return 0

    def _look(self, now: datetime) -> None:
        if self.looked_at is None or now - self.looked_at >= LOOKS_EVERY:
            self.standing = read_standing(self.place.organisation_id, self.place.register_id)
            self.looked_at = now

    def _is_resting(self, now: datetime) -> bool:
        return self.rests_until is not None and now < self.rests_until
