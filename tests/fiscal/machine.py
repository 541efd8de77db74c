"""A register driven at random beside the model, held to everything that must be true of it after every step."""

import os
from datetime import timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule
from msgspec.structs import asdict

from portal.fiscal.checks import check
from portal.fiscal.commands import (
    Annul,
    CloseShift,
    ComeBack,
    GoAutonomous,
    MoveCash,
    OpenShift,
    Refund,
    Taken,
    TakeReport,
)
from portal.fiscal.documents import OPERATIONS, Basis, OperationName, Payments
from portal.fiscal.register import close_commands, decode, encode, report_of
from portal.fiscal.replay import Event, replay
from portal.fiscal.reports import fold_shift, start_after
from tests.fiscal.hands import Hands
from tests.fiscal.model import PAYMENTS
from tests.fiscal.orders import (
    CASHIERS,
    RNM,
    SIGN,
    WISHES,
    WRONG_WISHES,
    cashiers,
    entries,
    half_up_share,
    modifiers,
    told_counter,
    told_rows,
)

# KASSA_STEPS=deep runs for minutes what otherwise runs for seconds.
IS_DEEP = os.environ.get("KASSA_STEPS") == "deep"
PROFILE = settings(
    deadline=None,
    report_multiple_bugs=False,
    max_examples=600 if IS_DEEP else 40,
    stateful_step_count=80 if IS_DEEP else 50,
)


class RegisterMachine(Hands):
    """Commands at random. Subclasses say of which country."""

    def prepare(self) -> None:
        """Do what an orderly cashier does before anything else."""
        if self.model.alone_since is not None and self.model.against_moment(self.now):
            self.find_the_operator()
        if self.model.is_open and self.model.is_too_long(self.now):
            self.close_shift(CASHIERS[1])
        if not self.model.is_open and self.country.opens_by_command:
            self.open_shift(CASHIERS[1])

    @rule(
        minutes=st.one_of(
            st.just(0),
            st.integers(1, 90),
            st.integers(1, 90),
            st.integers(60, 600),
            st.integers(1_300, 1_800),
            st.integers(4_300, 4_400),
        ),
        edge=st.sampled_from(["", "", "", "shift", "alone"]),
        seconds=st.sampled_from([0, 1]),
    )
    def time_passes(self, minutes: int, edge: str, seconds: int) -> None:
        """A while, or until the very last moment of a shift or of working alone, or a second more."""
        began, hours = {
            "": (None, 0),
            "shift": (self.model.hours_from if self.model.is_open else None, 24),
            "alone": (self.model.alone_since, 72),
        }[edge]
        until = None if began is None else began + timedelta(hours=hours, seconds=seconds)
        self.now = max(self.now, until) if until is not None else self.now + timedelta(minutes=minutes)

    @rule(
        which=st.sampled_from(["clock", "open", "x_report", "close", "alone", "together"]), cashier=cashiers
    )
    def do_at_any_time(self, which: str, cashier: tuple[str, int]) -> None:
        """What is seldom right: whether it is, the model knows."""
        match which:
            case "clock":
                self.turn_the_clock_back()
            case "open":
                self.open_shift(cashier)
            case "x_report":
                self.take_report(cashier)
            case "close":
                self.close_shift(cashier)
            case "alone":
                self.lose_the_operator(is_last_late=False)
            case "together":
                self.find_the_operator()

    def turn_the_clock_back(self) -> None:
        if self.model.last_at is None:
            return
        now, self.now = self.now, self.model.last_at - timedelta(seconds=1)
        against = self.model.against_entering(self.now)
        assert self.attempt(MoveCash(cashier="Б", sum_minor=100), against) is None
        self.now = now

    @precondition(lambda self: self.country.opens_by_command and not self.model.is_open)
    @rule(cashier=cashiers)
    def open_shift(self, cashier: tuple[str, int]) -> None:
        against = self.model.against_moment(self.now)
        if not self.country.opens_by_command:
            against.add("shift_opens_by_itself")
        elif self.model.is_open:
            against.add("shift_already_open")
        command = OpenShift(cashier=cashier[0], cashier_code=cashier[1])
        if self.attempt(command, against) is not None:
            self.model.enter(self.now)
            self.model.wrote(self.now)

    @rule(
        data=st.data(),
        kind=st.sampled_from(["sale", "sale", "sale", "sale", "purchase", "sale_refund", "purchase_refund"]),
        is_wild=st.sampled_from([False, False, False, False, True]),
        has_modifiers=st.booleans(),
        rounding=st.sampled_from([None, None, None, "none", "positions", "total"]),
        cashier=cashiers,
        days=st.sampled_from([0, 0, 0, 400, None]),
    )
    def issue_receipt(
        self,
        data: st.DataObject,
        kind: OperationName,
        is_wild: bool,
        has_modifiers: bool,
        rounding: str | None,
        cashier: tuple[str, int],
        days: int | None,
    ) -> None:
        if not is_wild:
            self.prepare()
        basis = None
        if kind.endswith("refund") and days is not None:
            basis = Basis(
                fiscal_sign=SIGN,
                issued_at=self.now - timedelta(days=days),
                registration_number=RNM,
                total_minor=100_000,
            )
        if not is_wild and not self.model.settings["may_purchase"]:
            kind = "sale_refund" if kind == "purchase_refund" else "sale" if kind == "purchase" else kind
        rates = self.country.rates(self.now if basis is None else basis.issued_at)
        said: dict[str, Any] = {
            "is_by_percent": self.model.settings["is_by_percent"],
            "is_wild": is_wild,
            "rates": rates if self.model.settings["is_vat_payer"] or is_wild else (None,),
        }
        basket = data.draw(st.lists(entries(**said), min_size=not is_wild, max_size=4))
        some = data.draw(st.lists(modifiers(**said), min_size=1, max_size=2)) if has_modifiers else []
        wish = data.draw(WRONG_WISHES if is_wild else WISHES)
        share = data.draw(st.integers(0, 10_000))
        self.receipt(kind, basket, some, wish, share, rounding, cashier, basis)

    @rule(
        price=st.integers(1, 300_000), quantity=st.integers(1, 5_000), wish=st.sampled_from(["cash", "card"])
    )
    def sell_simply(self, price: int, quantity: int, wish: str) -> None:
        """Most receipts of real tills are like this one."""
        self.prepare()
        entry = {
            "discount": None,
            "discount_struck": False,
            "markings": 0,
            "markup": None,
            "markup_struck": False,
            "price": price,
            "quantity": quantity,
            "rate": None,
            "section": None,
            "struck": False,
            "untaxed": False,
        }
        self.receipt("sale", [entry], [], wish, 0, None, CASHIERS[0], None)

    @rule(
        data=st.data(),
        cashier=cashiers,
        is_orderly=st.sampled_from([True, True, True, False]),
        is_whole=st.booleans(),
        wish=st.sampled_from(["as_paid", "as_paid", "as_paid", "cash", "card"]),
    )
    def refund(
        self,
        data: st.DataObject,
        cashier: tuple[str, int],
        is_orderly: bool,
        is_whole: bool,
        wish: str,
    ) -> None:
        if is_orderly:
            self.prepare()
        kinds = ("sale", "purchase") if is_orderly else OPERATIONS
        known = [each for each in self.documents if each.kind in kinds]
        if is_orderly:
            known = [each for each in known if each.number not in self.annulled]
        if not known:
            return
        document = data.draw(st.sampled_from(known[-6:]))
        backs = self.backs(document)
        taken = None
        if not is_whole:
            places = data.draw(
                st.lists(st.integers(1, len(document.lines)), min_size=1, max_size=3, unique=True)
            )
            taken = tuple(
                Taken(
                    place=place,
                    quantity_milli=data.draw(self.wanted(document.lines[place - 1], backs, place)),
                )
                for place in sorted(places)
            )
        against = self.against_refund(document, backs, taken)
        command = Refund(cashier=cashier[0], cashier_code=cashier[1], number=document.number, taken=taken)
        doubtful = frozenset({"not_enough_cash"})
        if wish != "as_paid" and not against:
            due = self.due(document, command)
            total = half_up_share(due, 10_000, self.country.coin) if wish == "cash" else due
            paid = Payments(cash_minor=total) if wish == "cash" else Payments(card_minor=total)
            command = Refund(
                cashier=cashier[0],
                cashier_code=cashier[1],
                number=document.number,
                taken=taken,
                payments=paid,
            )
            # What is due before rounding for cash only the engine knows.
            doubtful |= {"not_enough_money", "negative_change", "change_without_cash", "cashless_overflow"}
        issued = self.attempt(command, against, self.original(document), doubtful=doubtful)
        if issued is not None:
            self.settle(issued, document, backs, taken, cashier)

    @rule(data=st.data(), cashier=cashiers, is_refused=st.booleans())
    def annul(self, data: st.DataObject, cashier: tuple[str, int], is_refused: bool) -> None:
        kinds = (*OPERATIONS, "cash_in", "cash_out")
        known = [each for each in self.documents if each.kind in kinds]
        if not known:
            return
        document = data.draw(st.sampled_from(known[-4:]))
        is_receipt = document.kind in OPERATIONS
        against = self.model.against_moment(self.now)
        if not self.model.is_open:
            against.add("shift_not_open")
        if not is_refused and self.model.is_open and self.model.is_too_long(self.now):
            against.add("shift_too_long")
        if document.number in self.annulled:
            against.add("already_annulled")
        if (
            document.shift != self.model.shift
            or is_refused is self.country.annuls
            or not (is_receipt or is_refused)
            or (document.basis is not None and not is_receipt)
            or self.refunds_of(document)
        ):
            against.add("annulment_not_allowed")
        done = self.done.get(document.number)
        if done is not None and self.cash_without(done) < 0:
            against.add("not_enough_cash")
        command = Annul(
            cashier=cashier[0], cashier_code=cashier[1], is_refused=is_refused, number=document.number
        )
        issued = self.attempt(command, against, self.original(document))
        if issued is None or done is None:
            assert issued is None
            return
        self.annulled.add(document.number)
        assert issued.basis == document.number
        assert issued.total_minor == document.total_minor
        if is_receipt:
            assert issued.kind == "annulment"
            assert (issued.lines, issued.payments, issued.modifiers) == (
                document.lines,
                document.payments,
                document.modifiers,
            )
            self.model.annulled_one(done, self.now, cashier, is_refused=is_refused)
        else:
            assert {issued.kind, document.kind} == {"cash_in", "cash_out"}
            self.model.reversed_one(done, self.now)

    @rule(
        is_out=st.booleans(),
        total=st.one_of(st.integers(1, 50_000).map(lambda coins: coins * 100), st.integers(1, 10_000)),
        more=st.sampled_from([None, None, 0, 1]),
        cashier=cashiers,
    )
    def move_cash(self, is_out: bool, total: int, more: int | None, cashier: tuple[str, int]) -> None:
        """Any sum, or all there is in the drawer, or a coin more."""
        if total % 3:
            self.prepare()
        if is_out and more is not None:
            total = (self.model.cash + more * self.country.coin) or total
        against = self.model.against_entering(self.now)
        if total % self.country.coin:
            against.add("cash_not_whole")
        if is_out and total > self.model.cash:
            against.add("not_enough_cash")
        is_closing = is_out and self.settings.withdraws_at_close and total == self.model.cash
        if is_closing and self.model.is_open:
            against.discard("shift_too_long")
        self.move(is_out, total, cashier, against)

    @precondition(lambda self: self.model.is_open)
    @rule(cashier=cashiers)
    def take_report(self, cashier: tuple[str, int]) -> None:
        against = self.model.against_moment(self.now)
        if not self.model.is_open:
            against.add("shift_not_open")
        elif self.model.is_too_long(self.now):
            against.add("shift_too_long")
        document = self.attempt(TakeReport(cashier=cashier[0], cashier_code=cashier[1]), against)
        if document is not None:
            self.reported(document)

    @precondition(lambda self: self.model.is_open and self.model.number > 3)
    @rule(cashier=cashiers)
    def close_shift(self, cashier: tuple[str, int]) -> None:
        """Close as a cashier does: with the withdrawal before it where the register is set so."""
        against = self.model.against_moment(self.now)
        if not self.model.is_open:
            command = CloseShift(cashier=cashier[0], cashier_code=cashier[1])
            assert self.attempt(command, against | {"shift_not_open"}) is None
            return
        steps = close_commands(self.register, self.settings, cashier=cashier[0], cashier_code=cashier[1])
        takes_out = bool(self.settings.withdraws_at_close and self.model.cash)
        assert len(steps) == 1 + takes_out
        if takes_out:
            self.move(True, self.model.cash, cashier, against)
        document = self.attempt(steps[-1], against)
        if document is not None:
            assert not takes_out or self.model.cash == 0
            self.reported(document)
            self.model.is_open = False
            assert document.report is not None
            self.start = start_after(document.report)

    @precondition(lambda self: self.country.hours_alone_max and self.model.alone_since is None)
    @rule(price=st.integers(1, 3_000).map(lambda tenge: tenge * 100), seconds=st.integers(0, 5))
    def sell_while_the_operator_vanishes(self, price: int, seconds: int) -> None:
        """The call for the last document gets no answer, and the register learns of it later."""
        self.sell_simply(price, 1_000, "cash")
        self.now += timedelta(seconds=seconds)
        self.lose_the_operator(is_last_late=True)

    @precondition(lambda self: self.country.hours_alone_max and self.model.alone_since is None)
    @rule(is_last_late=st.booleans())
    def lose_the_operator(self, is_last_late: bool) -> None:
        against = set()
        if self.country.hours_alone_max is None:
            against.add("not_autonomous")
        if self.model.alone_since is not None:
            against.add("already_autonomous")
        late = self.documents[-1:] if is_last_late and not against else []
        # A document that was void before it could go never reaches the operator.
        late = [each for each in late if each.kind != "annulment" and each.number not in self.late]
        late = [
            each for each in late if not each.autonomous and each.kind in (*OPERATIONS, "cash_in", "cash_out")
        ]
        late = [each for each in late if each.number in self.done]
        number = self.register.number
        self.attempt(GoAutonomous(late=tuple(late), reason="no_answer"), against)
        if against:
            return
        self.model.alone_since = min([self.now, *(each.issued_at for each in late)])
        numbers = tuple(each.number for each in late)
        self.events.append(Event(after_number=number, at=self.now, kind="went_autonomous", late=numbers))
        self.late.update(numbers)
        for each in late:
            if self.model.is_open and each.shift == self.model.shift:
                self.model.went_late(self.done[each.number])

    @precondition(lambda self: self.model.alone_since is not None)
    @rule()
    def find_the_operator(self) -> None:
        against = set() if self.model.alone_since is not None else {"not_autonomous"}
        number = self.register.number
        self.attempt(ComeBack(), against)
        if not against:
            self.model.alone_since = None
            self.events.append(Event(after_number=number, at=self.now, kind="came_back"))

    @invariant()
    def the_register_is_what_the_model_is(self) -> None:
        register, model = self.register, self.model
        assert decode(encode(register)) == register
        assert register.cash_minor == model.cash
        assert register.cash_minor >= 0
        assert (register.number, register.shift, register.is_open) == (
            model.number,
            model.shift,
            model.is_open,
        )
        assert register.opened_at == model.opened_at
        assert register.autonomous_since == model.alone_since

    @precondition(lambda self: self.register.is_open)
    @invariant()
    def a_report_would_say_so(self) -> None:
        model = self.model
        report = report_of(self.register, self.now, is_closing=False)
        assert report == fold_shift(self.shift, self.dialect, start=self.start, late=self.late)
        for operation in report.operations:
            stated = {name: value for name, value in asdict(operation).items() if value}
            name = stated.pop("operation")
            assert stated == model.operation(name), name
            paid = sum(getattr(operation, f"{payment}_minor") for payment in PAYMENTS)
            assert operation.taken_minor - operation.change_minor == paid == operation.sum_minor
            end = operation.start_non_nullable_minor + operation.sum_minor
            assert operation.non_nullable_minor == end
        for kind, movement in (("cash_in", report.cash_in), ("cash_out", report.cash_out)):
            assert {name: value for name, value in asdict(movement).items() if value} == model.movement(kind)
        assert told_rows(report.sections, ("section", "operation")) == told_counter(model.sections)
        assert told_rows(report.taxes, ("tax_rate", "operation")) == told_counter(model.taxes)
        assert told_rows(report.cashiers, ("name", "code")) == told_counter(model.cashiers)
        annulled = (report.annulled_count, report.annulled_minor, report.annulled_life_count)
        assert annulled == (
            model.annulled["count"],
            model.annulled["minor"],
            model.life["annulled_count"],
        )
        assert report.receipt_count == model.counts["receipts"]
        assert report.revenue_minor == model.revenue
        assert report.cash_minor == model.cash

    @invariant()
    def no_document_earns_a_remark(self) -> None:
        if not self.documents or self.documents[-1].number == getattr(self, "checked", 0):
            return
        document = self.documents[-1]
        self.checked = document.number
        before = self.documents[-2].issued_at if len(self.documents) > 1 else None
        found = check(
            document,
            dialect=self.dialect,
            shift_opened_at=self.model.hours_from,
            received_at=document.issued_at,
            previous_issued_at=before,
            is_ours=True,
        )
        assert found == [], (found, document)

    def teardown(self) -> None:
        """The journal issued again gives the same bytes and the same register."""
        if not hasattr(self, "documents"):
            return
        differences = list(
            replay(self.documents, self.events, self.dialect, start=self.first, expected=self.register)
        )
        assert differences == []
