"""A register driven at random beside the model, held to everything that must be true of it after every step."""

import json
import os
from collections import Counter
from datetime import datetime, timedelta
from fractions import Fraction
from hashlib import sha256
from typing import Any, Literal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import asdict

from portal.fiscal import codec
from portal.fiscal.chain import canonical
from portal.fiscal.checks import check
from portal.fiscal.commands import (
    Annul,
    BasketLine,
    Change,
    CloseShift,
    ComeBack,
    Command,
    GoAutonomous,
    ModifierUnit,
    MoveCash,
    OpenShift,
    Original,
    Receipt,
    ReceiptModifier,
    Refund,
    RegisterSettings,
    RoundingMode,
    Taken,
    TakeReport,
)
from portal.fiscal.dialects import Dialect
from portal.fiscal.documents import OPERATIONS, Basis, Document, Line, Modifier, OperationName, Payments
from portal.fiscal.register import close_commands, decode, encode, issue, new_register, report_of
from portal.fiscal.replay import Event, replay
from portal.fiscal.reports import Start, checksum, fold_shift, start_after
from portal.primitives.refusals import Refusal
from tests.fiscal.model import PAYMENTS, Country, Model, Plan, half_up

# KASSA_STEPS=deep runs for minutes what otherwise runs for seconds.
IS_DEEP = os.environ.get("KASSA_STEPS") == "deep"
PROFILE = settings(
    deadline=None,
    report_multiple_bugs=False,
    max_examples=600 if IS_DEEP else 40,
    stateful_step_count=80 if IS_DEEP else 50,
)

CASHIERS = (("Мадиева А. А.", 7), ("Иванова И. И.", 0), ("Мадиева А. А.", 8))
SIGN = "1028891939135"
RNM = "281119950001"

_FLAGS = st.sampled_from([False, False, False, False, False, True])
_QUANTITIES = st.one_of(st.just(1_000), st.just(2_000), st.integers(1, 12_345))
_SHARES = st.sampled_from([0, 1, 333, 500, 1_000, 5_000, 10_000, 12_000])
_WISHES = st.sampled_from(["cash", "cash", "card", "card", "mixed", "mixed", "other", "note", "note"])
_WRONG_WISHES = st.sampled_from(["short", "uneven", "over", "cash", "card"])


@st.composite
def changes(draw: st.DrawFn, *, is_by_percent: bool, is_markup: bool, most: int) -> tuple[str, int]:
    """A discount or a markup as the register is set."""
    if is_by_percent and (not is_markup or draw(st.booleans())):
        return "share", draw(_SHARES)
    return "sum", draw(st.integers(0, most))


@st.composite
def entries(draw: st.DrawFn, rates: tuple[int, ...], *, is_by_percent: bool, is_wild: bool) -> dict[str, Any]:
    """An entry of a basket; a wild one may be wrong in every way."""
    price = draw(st.one_of(st.integers(1, 2_000), st.integers(0, 500_000)))
    quantity = draw(_QUANTITIES)
    most = price * quantity // 1_000 + 1
    which = draw(st.sampled_from(["", "", "", "discount", "markup", "both"]))
    by_percent = draw(st.booleans()) if is_wild else is_by_percent
    said: dict[str, Any] = {"discount": None, "markup": None, "rate": None, "untaxed": False}
    for name in ("discount", "markup"):
        if which in (name, "both"):
            said[name] = draw(
                changes(is_by_percent=by_percent, is_markup=name == "markup", most=most // 2 + is_wild * most)
            )
    tax = draw(st.sampled_from(["own", "own", "rate", "rate", "none"]))
    if tax == "rate":
        said["rate"] = draw(st.sampled_from((*rates, 777) if is_wild else rates))
    said["untaxed"] = tax == "none"
    is_marked = draw(_FLAGS)
    if is_marked and not is_wild:
        quantity = 2_000
    return {
        **said,
        "discount_struck": draw(_FLAGS) or (which == "both" and draw(st.booleans())),
        "markings": 2 if is_marked else 0,
        "markup_struck": draw(_FLAGS),
        "price": price,
        "quantity": quantity,
        "section": draw(st.sampled_from([None, None, 1, 2])),
        "struck": draw(_FLAGS),
    }


@st.composite
def modifiers(
    draw: st.DrawFn, rates: tuple[int, ...], *, is_by_percent: bool, is_wild: bool
) -> dict[str, Any]:
    """A discount or a markup of the whole receipt."""
    is_markup = draw(st.booleans())
    by_percent = draw(st.booleans()) if is_wild else is_by_percent
    tax = draw(st.sampled_from(["shared", "shared", "shared", "rate", "none"]))
    return {
        "change": draw(
            changes(is_by_percent=by_percent, is_markup=is_markup, most=200_000 if is_wild else 900)
        ),
        "markup": is_markup,
        "rate": draw(st.sampled_from(rates)) if tax == "rate" else None,
        "untaxed": tax == "none",
    }


cashiers = st.sampled_from(CASHIERS)


def codes(count: int) -> tuple[str, ...]:
    return tuple(f"01048702498{place:05d}" for place in range(count))


class RegisterMachine(RuleBasedStateMachine):
    """Commands at random. Subclasses say of which country."""

    country: Country
    dialect: Dialect
    beginnings: tuple[datetime, ...]

    @initialize(
        began=st.integers(0, 1),
        both=st.booleans(),
        by_percent=st.booleans(),
        may=st.tuples(st.booleans(), st.booleans(), st.booleans()),
        rounding=st.sampled_from(["none", "none", "positions", "total"]),
        vat=st.sampled_from([True, True, True, False]),
        withdraws=st.booleans(),
        sum_max=st.sampled_from([None, None, None, 3_000_000]),
    )
    def begin(
        self,
        began: int,
        both: bool,
        by_percent: bool,
        may: tuple[bool, bool, bool],
        rounding: str,
        vat: bool,
        withdraws: bool,
        sum_max: int | None,
    ) -> None:
        # What is forbidden is forbidden seldom: three wishes in a row.
        may_discount_lines = may[0] or may[1] or may[2]
        self.now = self.beginnings[began]
        self.rounding = rounding
        self.settings = RegisterSettings(
            are_both_modifiers_allowed=both,
            is_vat_payer=vat,
            may_discount_lines=may_discount_lines,
            may_discount_receipt=may[1] or may[2],
            may_purchase=may[0] or may[2],
            modifier_unit=ModifierUnit.PERCENT if by_percent else ModifierUnit.SUM,
            rounding=RoundingMode(rounding),
            section=3,
            sum_max_minor=sum_max,
            withdraws_at_close=withdraws,
        )
        self.model = Model(
            self.country,
            {
                "both": both,
                "is_by_percent": by_percent,
                "is_vat_payer": vat,
                "may_discount_lines": may_discount_lines,
                "may_discount_receipt": may[1] or may[2],
                "may_purchase": may[0] or may[2],
                "section": 3,
                "sum_max": sum_max,
            },
        )
        self.first = new_register("SWK00033717", self.dialect, registration_number=RNM)
        self.register = self.first
        self.documents: list[Document] = []
        self.shift: list[Document] = []
        self.events: list[Event] = []
        self.late: set[int] = set()
        self.done: dict[int, dict[str, Any]] = {}
        self.taken_back: dict[int, list[Document]] = {}
        self.annulled: set[int] = set()
        self.start: Start | None = None

    # Doing and refusing.

    def attempt(
        self,
        command: Command,
        against: set[str],
        original: Original | None = None,
        *,
        doubtful: frozenset[str] = frozenset(),
    ) -> Document | None:
        """Ask the register; a refusal must be one of those that the model finds right, and change nothing.

        `doubtful` are reasons that show only once a refund is worked out.
        """
        before = encode(self.register)
        refusal: Refusal | None = None
        try:
            register, document = issue(
                self.register, self.settings, command, self.now, self.dialect, original=original
            )
        except Refusal as refused:
            refusal = refused
        if refusal is not None:
            name = refusal.code.removeprefix("fiscal.")
            assert name in (against or doubtful), (name, refusal.facts, against)
            if name == "not_enough_cash":
                assert refusal.facts["cash_minor"] == self.model.cash
                assert str(refusal.facts["wanted_minor"]).isdigit()
                assert int(str(refusal.facts["wanted_minor"])) > self.model.cash
            assert encode(self.register) == before
            return None
        assert not against, against
        self.register = register
        if document is not None:
            self.examine(document)
        return document

    def examine(self, document: Document) -> None:
        """What is true of every document, whatever its kind."""
        raw = canonical(document)
        said = json.loads(raw)
        assert json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode() == raw
        assert codec.decode(raw) == document
        last = self.documents[-1] if self.documents else None
        assert document.number == (last.number + 1 if last else 1)
        assert document.previous == (last.digest if last else None)
        del said["digest"]
        unsigned = json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
        previous = bytes.fromhex(document.previous) if document.previous else b""
        assert document.digest == sha256(previous + unsigned).hexdigest()
        assert document.autonomous is (self.model.alone_since is not None)
        if self.country.code == "by":
            assert document.fiscal_sign is not None
            assert len(document.fiscal_sign) == 24
        else:
            assert (document.fiscal_sign is not None) is document.autonomous
        if last is None or last.shift != document.shift:
            self.shift = []
        self.documents.append(document)
        self.shift.append(document)
        if document.basis is not None:
            self.taken_back.setdefault(document.basis, []).append(document)

    def receipt(
        self, kind: OperationName, basket: list[dict[str, Any]], some: list[dict[str, Any]], wish: str,
        share: int, rounding: str | None, cashier: tuple[str, int], basis: Basis | None,
    ) -> None:  # fmt: skip
        """Issue a receipt that is paid in one of several ways, right or wrong."""
        mode = rounding or self.rounding
        basis_at = None if basis is None else basis.issued_at

        def plan(paid: dict[str, int] | None) -> Plan:
            return self.model.plan(kind, basket, some, paid, mode, self.now, basis_at)

        paid = self.payments(plan(None).total, wish, share)
        expected = plan(paid)
        command = Receipt(
            basis_receipt=basis,
            cashier=cashier[0],
            cashier_code=cashier[1],
            kind=kind,
            lines=tuple(map(_entry, basket)),
            modifiers=tuple(map(_modifier, some)),
            payments=None if paid is None else _payments(paid),
            rounding=None if rounding is None else RoundingMode(rounding),
        )
        document = self.attempt(command, expected.against)
        if document is None:
            return
        assert document.kind == kind
        self.compare(document, expected)
        assert len([storno for storno in document.stornos if storno.line]) == expected.struck
        is_offline = document.autonomous
        self.done[document.number] = self.model.sold(kind, expected, self.now, cashier, is_offline=is_offline)
        assert document.ordinal == self.model.counts["receipts"]

    def payments(self, total: int, wish: str, share: int) -> dict[str, int] | None:
        """A way to pay a sum: `share` hundredths of it without cash."""
        part = half_up_share(total, share)
        coin = self.country.coin
        rest = half_up_share(total - part, 100, coin)
        none = dict.fromkeys(PAYMENTS, 0)
        match wish:
            case "cash":
                return None
            case "card":
                return {**none, "card": total}
            case "mixed":
                return {**none, "cash": rest, "card": part - part // 3, "mobile": part // 3}
            case "other":
                return {**none, "cash": rest, "other": part}
            case "note":
                return {**none, "cash": (total // 100_000 + 1) * 100_000}
            case "short":
                return {**none, "cash": max(rest - coin, 0)}
            case "uneven":
                return {**none, "cash": total + 1}
        return {**none, "card": total + 1, "cash": coin}

    def compare(self, document: Document, plan: Plan) -> None:
        """A document states what the model expects, to the minor unit."""
        stated = [_line(line) for line in document.lines]
        assert stated == plan.lines
        assert [_stated(each) for each in document.modifiers] == plan.modifiers
        assert (document.discount_minor, document.markup_minor) == (plan.discount, plan.markup)
        assert (document.total_minor, document.change_minor) == (plan.total, plan.change)
        assert _paid(document.payments) == plan.paid

    def original(self, document: Document) -> Original:
        later = self.taken_back.get(document.number, [])
        again = [each for refund in later for each in self.taken_back.get(refund.number, [])]
        return Original(
            document=document,
            fiscal_sign=document.fiscal_sign or SIGN,
            is_autonomous=document.number in self.late,
            taken_back=(*again, *later),
        )

    def refunds_of(self, document: Document) -> list[Document]:
        later = self.taken_back.get(document.number, [])
        return [
            each
            for each in later
            if each.kind in ("sale_refund", "purchase_refund") and each.number not in self.annulled
        ]

    def prepare(self) -> None:
        """Do what an orderly cashier does before anything else."""
        if self.model.alone_since is not None and self.model.against_moment(self.now):
            self.find_the_operator()
        if self.model.is_open and self.model.is_too_long(self.now):
            self.close_shift(CASHIERS[1])
        if not self.model.is_open and self.country.opens_by_command:
            self.open_shift(CASHIERS[1])

    # Rules.

    @rule(
        minutes=st.one_of(
            st.just(0),
            st.integers(1, 90),
            st.integers(1, 90),
            st.integers(60, 600),
            st.integers(1_300, 1_800),
            st.integers(4_300, 4_400),
        )
    )
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

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
        wish = data.draw(_WRONG_WISHES if is_wild else _WISHES)
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

    def wanted(self, line: Line, backs: dict[int, Counter[str]], place: int) -> st.SearchStrategy[int]:
        left = line.quantity_milli - backs[place]["quantity"]
        if line.markings:
            return st.sampled_from([1_000, 2_000])
        return st.one_of(st.just(max(left, 1)), st.integers(1, max(left, 1)), st.just(left + 1))

    def backs(self, document: Document) -> dict[int, Counter[str]]:
        """What of every line came back by now."""
        backs = {place: Counter[str]() for place in range(1, len(document.lines) + 1)}
        for refund in self.refunds_of(document):
            for line in refund.lines:
                assert line.place is not None
                back = backs[line.place]
                back["quantity"] += line.quantity_milli
                back["sum"] += line.sum_minor
                back["tax"] += line.tax_minor
                back["discount"] += line.discount_minor
                back["markup"] += line.markup_minor
        return backs

    def against_refund(
        self, document: Document, backs: dict[int, Counter[str]], taken: tuple[Taken, ...] | None
    ) -> set[str]:
        against = self.model.against_entering(self.now)
        if document.kind not in ("sale", "purchase"):
            return against | {"not_refundable"}
        if document.number in self.annulled:
            return against | {"already_annulled"}
        left = {
            place: line.quantity_milli - backs[place]["quantity"]
            for place, line in enumerate(document.lines, 1)
        }
        if not any(left.values()):
            against.add("nothing_left")
        for each in taken or ():
            if each.quantity_milli > left[each.place]:
                against.add("more_than_left")
        return against

    def due(self, document: Document, command: Refund) -> int:
        """What a refund would come to, or nothing when it is refused."""
        try:
            _, issued = issue(
                self.register,
                self.settings,
                command,
                self.now,
                self.dialect,
                original=self.original(document),
            )
        except Refusal:
            return 0
        assert issued is not None
        return issued.total_minor

    def settle(
        self,
        issued: Document,
        document: Document,
        backs: dict[int, Counter[str]],
        taken: tuple[Taken, ...] | None,
        cashier: tuple[str, int],
    ) -> None:
        """A refund took back what was asked: never more than there is, and in the end exactly all of it."""
        assert issued.kind == f"{document.kind}_refund"
        assert issued.basis == document.number
        asked = {each.place: each.quantity_milli for each in taken or ()}
        if taken is None:
            asked = {
                place: line.quantity_milli - backs[place]["quantity"]
                for place, line in enumerate(document.lines, 1)
                if line.quantity_milli > backs[place]["quantity"]
            }
        assert {line.place: line.quantity_milli for line in issued.lines} == asked
        for line in issued.lines:
            assert line.place is not None
            self.settle_line(line, document.lines[line.place - 1], backs[line.place])
        lines = sum(line.sum_minor for line in issued.lines)
        due = lines - issued.discount_minor + issued.markup_minor + issued.rounding_minor
        assert due == issued.total_minor
        paid = _paid(issued.payments)
        assert sum(paid.values()) == issued.total_minor
        assert issued.change_minor == 0
        refunds = self.refunds_of(document)
        is_all_back = all(
            sum(line.quantity_milli for refund in refunds for line in refund.lines if line.place == place)
            == whole.quantity_milli
            for place, whole in enumerate(document.lines, 1)
        )
        for name in ("total_minor", "discount_minor", "markup_minor"):
            back = sum(getattr(refund, name) for refund in refunds)
            whole = getattr(document, name)
            if is_all_back and not self.is_rounded_apart(document, refunds):
                assert back == whole, name
        assert sum(refund.discount_minor for refund in refunds) <= document.discount_minor
        assert sum(refund.markup_minor for refund in refunds) <= document.markup_minor
        if is_all_back:
            assert sum(map(_tax, refunds)) == _tax(document)
        plan = Plan(
            change=0,
            discount=issued.discount_minor,
            lines=[_line(line) for line in issued.lines],
            markup=issued.markup_minor,
            modifiers=[_stated(each) for each in issued.modifiers],
            paid=paid,
            total=issued.total_minor,
        )
        offline = issued.autonomous
        self.done[issued.number] = self.model.sold(issued.kind, plan, self.now, cashier, is_offline=offline)
        if self.country.refund_needs_basis:
            assert issued.basis_receipt is not None
            assert issued.basis_receipt.total_minor == document.total_minor
            was_alone = document.autonomous or document.number in self.late
            assert issued.basis_receipt.autonomous is was_alone

    def is_rounded_apart(self, document: Document, refunds: list[Document]) -> bool:
        """Paid by card to the tiyn and given back in whole coins, a receipt cannot close to nothing."""
        cash = any(refund.payments.cash_minor for refund in refunds)
        return self.country.coin > 1 and bool(cash) and document.total_minor % self.country.coin != 0

    def settle_line(self, line: Line, whole: Line, back: Counter[str]) -> None:
        until = back["quantity"] + line.quantity_milli
        assert until <= whole.quantity_milli
        for name, said in (("sum", "sum_minor"), ("discount", "discount_minor"), ("markup", "markup_minor")):
            owed = half_up_share(getattr(whole, said) * until, 10_000, 1, whole.quantity_milli * 10_000)
            assert getattr(line, said) == owed - back[name], said
        assert 0 <= line.tax_minor <= whole.tax_minor - back["tax"]
        if until == whole.quantity_milli:
            assert line.tax_minor == whole.tax_minor - back["tax"]

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

    def cash_without(self, done: dict[str, Any]) -> int:
        if done["kind"] in OPERATIONS:
            plan = done["plan"]
            sign = 1 if done["kind"] in ("sale", "purchase_refund") else -1
            return self.model.cash - sign * int(plan.paid["cash"] - plan.change)
        return self.model.cash - int(done["total"] if done["kind"] == "cash_in" else -done["total"])

    @rule(
        is_out=st.booleans(),
        total=st.one_of(st.integers(1, 50_000).map(lambda coins: coins * 100), st.integers(1, 10_000)),
        cashier=cashiers,
    )
    def move_cash(self, is_out: bool, total: int, cashier: tuple[str, int]) -> None:
        if total % 3:
            self.prepare()
        against = self.model.against_entering(self.now)
        if total % self.country.coin:
            against.add("cash_not_whole")
        if is_out and total > self.model.cash:
            against.add("not_enough_cash")
        is_closing = is_out and self.settings.withdraws_at_close and total == self.model.cash
        if is_closing and self.model.is_open:
            against.discard("shift_too_long")
        self.move(is_out, total, cashier, against)

    def move(self, is_out: bool, total: int, cashier: tuple[str, int], against: set[str]) -> None:
        kind: Literal["cash_in", "cash_out"] = "cash_out" if is_out else "cash_in"
        command = MoveCash(cashier=cashier[0], cashier_code=cashier[1], is_out=is_out, sum_minor=total)
        document = self.attempt(command, against)
        if document is None:
            return
        assert (document.kind, document.total_minor) == (kind, total)
        offline = document.autonomous
        self.done[document.number] = self.model.moved_cash(kind, total, self.now, cashier, is_offline=offline)
        assert document.ordinal == self.model.counts["movements"]

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

    def reported(self, document: Document) -> None:
        """A report says what the documents of its shift and the model come to."""
        report, totals, stated = document.report, document.totals, self.model.stated
        assert report is not None
        assert totals is not None
        folded = fold_shift(
            self.shift, self.dialect, start=self.start, late=self.late, before=document.number
        )
        assert report == folded
        assert report.checksum == checksum(report)
        is_closing = document.kind == "z_report"
        assert report.closed_at == (document.issued_at if is_closing else None)
        assert document.ordinal == self.model.counts["receipts"] + self.model.counts["reports"] + 1
        names = dict.fromkeys(asdict(totals), 0)
        for name, amount in stated.items():
            names[name.replace("sale_refund", "refund")] = amount
        assert asdict(totals) == names | {"cash_minor": self.model.cash}
        self.model.wrote(self.now)
        self.model.counts["reports"] += 1

    # Alone and together.

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

    # What is always true.

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
        assert _rows(report.sections, ("section", "operation")) == _told(model.sections)
        assert _rows(report.taxes, ("tax_rate", "operation")) == _told(model.taxes)
        assert _rows(report.cashiers, ("name", "code")) == _told(model.cashiers)
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


def half_up_share(value: int, hundredths: int, step: int = 1, whole: int = 10_000) -> int:
    """Of a value so many hundredths of a per cent, to the nearest step."""
    return half_up(Fraction(value * hundredths, whole * step)) * step


def _entry(entry: dict[str, Any]) -> BasketLine:
    return BasketLine(
        discount=_change(entry["discount"]),
        is_discount_struck=entry["discount_struck"],
        is_markup_struck=entry["markup_struck"],
        is_struck=entry["struck"],
        is_untaxed=entry["untaxed"],
        markings=codes(entry["markings"]),
        markup=_change(entry["markup"]),
        name="Хлеб",
        price_minor=entry["price"],
        quantity_milli=entry["quantity"],
        section=entry["section"],
        tax_rate=entry["rate"],
    )


def _modifier(each: dict[str, Any]) -> ReceiptModifier:
    change = _change(each["change"])
    assert change is not None
    return ReceiptModifier(
        change=change, is_markup=each["markup"], is_untaxed=each["untaxed"], tax_rate=each["rate"]
    )


def _change(change: tuple[str, int] | None) -> Change | None:
    if change is None:
        return None
    unit, value = change
    return Change(sum_minor=value) if unit == "sum" else Change(share=value)


def _payments(paid: dict[str, int]) -> Payments:
    return Payments(**{f"{name}_minor": amount for name, amount in paid.items()})


def _paid(payments: Payments) -> dict[str, int]:
    return {name: getattr(payments, f"{name}_minor") for name in PAYMENTS}


def _line(line: Line) -> dict[str, Any]:
    return {
        "cost": line.sum_minor - line.rounding_minor + line.discount_minor - line.markup_minor,
        "discount": line.discount_minor,
        "markup": line.markup_minor,
        "rate": line.tax_rate,
        "section": line.section,
        "sum": line.sum_minor,
        "tax": line.tax_minor,
    }


def _stated(modifier: Modifier) -> dict[str, Any]:
    shares = [
        {"rate": share.tax_rate, "sum": share.sum_minor, "tax": share.tax_minor} for share in modifier.shares
    ]
    return {"markup": modifier.markup, "shares": shares, "sum": modifier.sum_minor}


def _tax(document: Document) -> int:
    """All tax in a receipt."""
    tax = sum(line.tax_minor for line in document.lines)
    for modifier in document.modifiers:
        inside = sum(share.tax_minor for share in modifier.shares)
        tax += inside if modifier.markup else -inside
    return tax


def _rows(rows: tuple[Any, ...], keys: tuple[str, str]) -> dict[tuple[Any, ...], int]:
    """Rows of a report as the model tells them: the keys and the name of an amount, and the amount."""
    found = {}
    for row in rows:
        said = asdict(row)
        key = tuple(said.pop(name) for name in keys)
        assert any(said.values()), "a row of noughts"
        found.update({(*key, name): amount for name, amount in said.items() if amount})
    return found


def _told(counter: Counter[Any]) -> dict[Any, int]:
    return {key: amount for key, amount in counter.items() if amount}
