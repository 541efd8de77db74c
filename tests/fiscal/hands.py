"""One step of a register beside the model: it is asked, it answers or refuses, and every document is looked at."""

import json
from collections import Counter
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize
from msgspec.structs import asdict

from portal.fiscal import codec
from portal.fiscal.chain import canonical
from portal.fiscal.commands import (
    Command,
    ModifierUnit,
    MoveCash,
    Original,
    Receipt,
    Refund,
    RegisterSettings,
    RoundingMode,
    Taken,
)
from portal.fiscal.dialects import Dialect
from portal.fiscal.documents import OPERATIONS, Basis, Document, Line, OperationName
from portal.fiscal.register import encode, issue, new_register
from portal.fiscal.replay import Event
from portal.fiscal.reports import Start, checksum, fold_shift
from portal.primitives.refusals import Refusal
from tests.fiscal.model import PAYMENTS, Country, Model, Plan
from tests.fiscal.orders import (
    RNM,
    SIGN,
    entry_of,
    half_up_share,
    modifier_of,
    nets_of,
    payments_of,
    told_line,
    told_modifier,
    told_payments,
)


class Hands(RuleBasedStateMachine):
    """What a cashier's hands do, and what is true of every single thing they did."""

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
        for (rate, what), amount in nets_of(document).items():
            assert rate is None or amount >= 0, (rate, what, amount)
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
            lines=tuple(map(entry_of, basket)),
            modifiers=tuple(map(modifier_of, some)),
            payments=None if paid is None else payments_of(paid),
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
        stated = [told_line(line) for line in document.lines]
        assert stated == plan.lines
        assert [told_modifier(each) for each in document.modifiers] == plan.modifiers
        assert (document.discount_minor, document.markup_minor) == (plan.discount, plan.markup)
        assert (document.total_minor, document.change_minor) == (plan.total, plan.change)
        assert told_payments(document.payments) == plan.paid

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
        paid = told_payments(issued.payments)
        assert sum(paid.values()) == issued.total_minor
        assert issued.change_minor == 0
        refunds = self.refunds_of(document)
        is_all_back = all(
            sum(line.quantity_milli for refund in refunds for line in refund.lines if line.place == place)
            == whole.quantity_milli
            for place, whole in enumerate(document.lines, 1)
        )
        for name in ("discount_minor", "markup_minor"):
            back = sum(getattr(refund, name) for refund in refunds)
            assert back <= getattr(document, name)
            assert not is_all_back or back == getattr(document, name), name
        back = sum(refund.total_minor for refund in refunds)
        # Paid otherwise to the tiyn and given back in coins, a receipt closes to less than half a coin.
        apart = self.country.coin // 2 if any(refund.payments.cash_minor for refund in refunds) else 0
        has_tiyn = document.total_minor % self.country.coin != 0
        assert back - document.total_minor <= apart * has_tiyn
        assert not is_all_back or document.total_minor - back <= self.country.coin // 2 * has_tiyn
        left = nets_of(document)
        for refund in refunds:
            left.subtract(nets_of(refund))
        for (rate, what), amount in left.items():
            assert amount == 0 if is_all_back else rate is None or amount >= 0, (rate, what, amount)
        plan = Plan(
            change=0,
            discount=issued.discount_minor,
            lines=[told_line(line) for line in issued.lines],
            markup=issued.markup_minor,
            modifiers=[told_modifier(each) for each in issued.modifiers],
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

    def settle_line(self, line: Line, whole: Line, back: Counter[str]) -> None:
        until = back["quantity"] + line.quantity_milli
        assert until <= whole.quantity_milli
        for name, said in (("sum", "sum_minor"), ("discount", "discount_minor"), ("markup", "markup_minor")):
            owed = half_up_share(getattr(whole, said) * until, 10_000, 1, whole.quantity_milli * 10_000)
            assert getattr(line, said) == owed - back[name], said
        assert 0 <= line.tax_minor <= whole.tax_minor - back["tax"]
        if until == whole.quantity_milli:
            assert line.tax_minor == whole.tax_minor - back["tax"]

    def cash_without(self, done: dict[str, Any]) -> int:
        if done["kind"] in OPERATIONS:
            plan = done["plan"]
            sign = 1 if done["kind"] in ("sale", "purchase_refund") else -1
            return self.model.cash - sign * int(plan.paid["cash"] - plan.change)
        return self.model.cash - int(done["total"] if done["kind"] == "cash_in" else -done["total"])

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
