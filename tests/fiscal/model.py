"""A second opinion about registers: plain Python that knows nothing of the engine.

Its arithmetic goes another way: exact fractions, rounded once where the rules say so; counters are dictionaries; a shift is
added up from what happened and not from what was written. It is told what is asked in plain dictionaries and says
which refusals would be right (any of them, in any order) and what a document must state.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from math import floor
from typing import Any

OPERATIONS = ("sale", "sale_refund", "purchase", "purchase_refund")
SIGNS = {"sale": 1, "sale_refund": -1, "purchase": -1, "purchase_refund": 1}
PAYMENTS = ("cash", "card", "mobile", "other")
NEW_YEAR_IN_ALMATY = datetime(2025, 12, 31, 19, tzinfo=UTC)

Entry = dict[str, Any]


def half_up(value: Fraction) -> int:
    """The nearest whole number, a half upwards."""
    return floor(value + Fraction(1, 2))


def to_step(value: int, step: int) -> int:
    return half_up(Fraction(value, step)) * step


def tax_in(total: int, rate: int | None) -> int:
    """A rate in hundredths of a per cent, inside of the total."""
    return half_up(Fraction(total) - Fraction(total) / (1 + Fraction(rate or 0, 10_000)))


@dataclass(frozen=True)
class Country:
    """What the law of a country says, written down once more."""

    code: str
    coin: int
    opens_by_command: bool
    hours_from_receipt: bool
    hours_alone_max: int | None
    annuls: bool
    refund_needs_basis: bool
    modifiers_max: int

    def rates(self, at: datetime) -> tuple[int, ...]:
        """The rates of a day, the base rate first."""
        if self.code == "by":
            return (2000, 1000, 2500, 0)
        return (1600, 500, 1000, 0) if at >= NEW_YEAR_IN_ALMATY else (1200, 0)


BELARUS = Country("by", 1, True, False, None, True, False, 1)
KAZAKHSTAN = Country("kz", 100, False, True, 72, False, True, 100)


@dataclass
class Plan:
    """What a receipt must come to, and what may be said against it."""

    against: set[str] = field(default_factory=set)
    change: int = 0
    discount: int = 0
    lines: list[dict[str, Any]] = field(default_factory=list)
    markup: int = 0
    modifiers: list[dict[str, Any]] = field(default_factory=list)
    paid: dict[str, int] = field(default_factory=dict)
    struck: int = 0
    total: int = 0


class Pool:
    """Sums and taxes of the goods by rate, in the order the rates appear."""

    def __init__(self, lines: list[dict[str, Any]]) -> None:
        self.sums: dict[int | None, int] = {}
        self.taxes: Counter[int | None] = Counter()
        for line in lines:
            self.sums[line["rate"]] = self.sums.get(line["rate"], 0) + line["sum"]
            self.taxes[line["rate"]] += line["tax"]

    def parts(self, amount: int) -> list[tuple[int | None, int]]:
        weights = {rate: max(held, 0) for rate, held in self.sums.items()}
        whole = sum(weights.values())
        if not whole:
            return [(rate, amount) for rate in list(weights)[:1] if amount]
        parts, reached, passed = [], Fraction(0), 0
        for rate, weight in weights.items():
            reached += Fraction(weight, whole)
            until = half_up(amount * reached)
            if until > passed:
                parts.append((rate, until - passed))
            passed = until
        return parts

    def move(self, rate: int | None, amount: int, *, is_markup: bool) -> dict[str, Any]:
        tax = tax_in(amount, rate)
        if not is_markup:
            has_all = amount == self.sums.get(rate, 0)
            tax = self.taxes[rate] if has_all else min(tax, self.taxes[rate])
        sign = 1 if is_markup else -1
        self.sums[rate] = self.sums.get(rate, 0) + sign * amount
        self.taxes[rate] += sign * tax
        return {"rate": rate, "sum": amount, "tax": tax}


class Model:
    """One register, and everything that is true of it."""

    def __init__(self, country: Country, settings: dict[str, Any]) -> None:
        self.country = country
        self.settings = settings
        self.number = self.shift = self.cash = 0
        self.is_open = False
        self.opened_at: datetime | None = None
        self.hours_from: datetime | None = None
        self.last_at: datetime | None = None
        self.alone_since: datetime | None = None
        self.life: Counter[str] = Counter()
        self.start: Counter[str] = Counter()
        self.begin()

    def begin(self) -> None:
        """Counters of a new shift."""
        self.operations = {name: Counter[str]() for name in OPERATIONS}
        self.moved = {name: Counter[str]() for name in ("cash_in", "cash_out")}
        self.sections: Counter[tuple[int, str, str]] = Counter()
        self.taxes: Counter[tuple[int, str, str]] = Counter()
        self.cashiers: Counter[tuple[str, int, str]] = Counter()
        self.annulled = Counter[str]()
        self.counts = Counter[str]()
        # What the documents of the shift add up to, whatever became of them.
        self.stated = Counter[str]()
        self.start = self.life.copy()

    # Whether anything may be done at all.

    def against_moment(self, at: datetime) -> set[str]:
        against = set()
        if self.last_at is not None and at < self.last_at:
            against.add("clock_back")
        hours = self.country.hours_alone_max
        if self.alone_since is not None and hours and at - self.alone_since > timedelta(hours=hours):
            against.add("autonomous_too_long")
        return against

    def is_too_long(self, at: datetime) -> bool:
        return self.hours_from is not None and at - self.hours_from > timedelta(hours=24)

    def against_entering(self, at: datetime) -> set[str]:
        against = self.against_moment(at)
        if not self.is_open and self.country.opens_by_command:
            against.add("shift_not_open")
        if self.is_open and self.is_too_long(at):
            against.add("shift_too_long")
        return against

    # Receipts.

    def plan(
        self,
        kind: str,
        entries: list[Entry],
        modifiers: list[Entry],
        paid: dict[str, int] | None,
        rounding: str,
        at: datetime,
        basis_at: datetime | None = None,
    ) -> Plan:
        """What a receipt must come to."""
        plan = Plan(against=self.against_entering(at))
        if "purchase" in kind and not self.settings["may_purchase"]:
            plan.against.add("purchase_not_allowed")
        if kind.endswith("refund") and basis_at is None and self.country.refund_needs_basis:
            plan.against.add("basis_missing")
        rates = self.country.rates(basis_at or at)
        step = self.country.coin if rounding == "positions" else 1
        for entry in entries:
            line = self._line(entry, rates, step, plan.against)
            plan.struck += entry["struck"]
            if not entry["struck"]:
                plan.lines.append(line)
        if not plan.lines:
            plan.against.add("empty_basket")
        self._modify(plan, modifiers, rates, step)
        due = sum(line["sum"] for line in plan.lines) - plan.discount + plan.markup
        self._pay(plan, max(due, 0), paid, rounding, is_refund=kind.endswith("refund"))
        most = self.settings["sum_max"]
        if most is not None and plan.total > most:
            plan.against.add("sum_max")
        if self.cash + SIGNS[kind] * (plan.paid["cash"] - plan.change) < 0:
            plan.against.add("not_enough_cash")
        return plan

    def _line(self, entry: Entry, rates: tuple[int, ...], step: int, against: set[str]) -> dict[str, Any]:
        settings = self.settings
        cost = half_up(Fraction(entry["price"]) * Fraction(entry["quantity"], 1000))
        discount = self._amount(entry["discount"], cost, step, against, is_markup=False)
        markup = self._amount(entry["markup"], cost, step, against, is_markup=True)
        if (discount or markup) and not settings["may_discount_lines"]:
            against.add("modifier_not_allowed")
        discount = 0 if entry["discount_struck"] else discount
        markup = 0 if entry["markup_struck"] else markup
        if discount and markup and not settings["both"]:
            against.add("both_modifiers")
        if discount > cost + markup:
            against.add("discount_too_large")
        if entry["markings"] and entry["markings"] * 1000 != entry["quantity"]:
            against.add("markings_count")
        rate = entry["rate"]
        if rate is not None and (rate not in rates or not settings["is_vat_payer"]):
            against.add("tax_rate_unknown")
        if rate is None and not entry["untaxed"] and settings["is_vat_payer"]:
            rate = rates[0]
        total = to_step(max(cost - discount + markup, 0), step)
        section = settings["section"] if entry["section"] is None else entry["section"]
        return {
            "cost": cost,
            "discount": discount,
            "markup": markup,
            "rate": rate,
            "section": section,
            "sum": total,
            "tax": tax_in(total, rate),
        }

    def _amount(
        self, change: tuple[str, int] | None, base: int, step: int, against: set[str], *, is_markup: bool
    ) -> int:
        if change is None:
            return 0
        unit, value = change
        is_by_percent = self.settings["is_by_percent"]
        if unit == "sum":
            if is_by_percent and not is_markup:
                against.add("modifier_unit")
            return value
        if not is_by_percent:
            against.add("modifier_unit")
        amount = to_step(half_up(Fraction(base * value, 10_000)), step)
        return min(amount, base) if not is_markup and value <= 10_000 else amount

    def _modify(self, plan: Plan, modifiers: list[Entry], rates: tuple[int, ...], step: int) -> None:
        settings, against = self.settings, plan.against
        whole = sum(line["sum"] for line in plan.lines)
        amounts = [
            self._amount(each["change"], whole, step, against, is_markup=each["markup"]) for each in modifiers
        ]
        pairs = [(each, amount) for each, amount in zip(modifiers, amounts, strict=True) if amount]
        plan.markup = sum(amount for each, amount in pairs if each["markup"])
        plan.discount = sum(amount for each, amount in pairs if not each["markup"])
        if pairs and not settings["may_discount_receipt"]:
            against.add("modifier_not_allowed")
        if plan.markup and plan.discount and not settings["both"]:
            against.add("both_modifiers")
        pool = Pool(plan.lines)
        moved: dict[int, Entry] = {}
        for is_markup in (True, False):
            some = [pair for pair in pairs if pair[0]["markup"] is is_markup]
            if len(some) > self.country.modifiers_max:
                against.add("modifier_not_allowed")
            for each, amount in some:
                rate = each["rate"]
                if rate is not None and (not settings["is_vat_payer"] or rate not in rates):
                    against.add("tax_rate_unknown")
                left = sum(pool.sums.values())
                if rate is not None:
                    left = min(left, pool.sums.get(rate, 0))
                if not is_markup and amount > left:
                    against.add("discount_too_large")
                parts = [(rate, amount)] if rate is not None or each["untaxed"] else pool.parts(amount)
                shares = [pool.move(*part, is_markup=is_markup) for part in parts]
                moved[id(each)] = {"markup": is_markup, "shares": shares, "sum": amount}
        plan.modifiers = [moved[id(each)] for each, _amount in pairs]

    def _pay(
        self, plan: Plan, due: int, paid: dict[str, int] | None, rounding: str, *, is_refund: bool
    ) -> None:
        coin, against = self.country.coin, plan.against
        plan.total = to_step(due, coin) if rounding == "total" else due
        if paid is None:
            plan.total = to_step(due, coin)
            plan.paid = {"cash": plan.total, "card": 0, "mobile": 0, "other": 0}
            return
        plan.paid = paid
        cash, cashless = paid["cash"], paid["card"] + paid["mobile"] + paid["other"]
        if cash and due > cashless:
            plan.total = cashless + to_step(due - cashless, coin)
        plan.change = cash + cashless - plan.total
        if cash % coin or (cash - plan.change) % coin:
            against.add("cash_not_whole")
        if plan.change < 0:
            against.add("not_enough_money")
        if plan.change > cash:
            against.add("change_without_cash")
        if self.country.code == "by" and cashless > plan.total:
            against.add("cashless_overflow")
        if self.country.code == "by" and cashless == plan.total and cash:
            against.add("cash_overflow")
        if is_refund and plan.change > 0:
            against.add("negative_change")

    # What happened.

    def enter(self, at: datetime) -> None:
        """The first document of a shift opens it."""
        if not self.is_open:
            self.is_open, self.opened_at = True, at
            self.hours_from = None if self.country.hours_from_receipt else at
            self.shift += 1
            self.begin()

    def wrote(self, at: datetime) -> None:
        self.number += 1
        self.last_at = at

    def sold(
        self, kind: str, plan: Plan, at: datetime, cashier: tuple[str, int], *, is_offline: bool
    ) -> dict[str, Any]:
        """A receipt was issued: what it did to the counters, to be undone if it is taken back."""
        self.enter(at)
        self.wrote(at)
        if self.hours_from is None:
            self.hours_from = at
        self.counts["receipts"] += 1
        self.cashiers[*cashier, "receipt_count"] += 1
        self.stated[f"{kind}_count"] += 1
        self.stated[f"{kind}_minor"] += plan.total
        done = {"kind": kind, "plan": plan, "cashier": cashier, "is_offline": is_offline}
        self._count(done, 1)
        return done

    def _count(self, done: dict[str, Any], sign: int) -> None:
        kind, plan = done["kind"], done["plan"]
        cash = plan.paid["cash"] - plan.change
        kept = {**plan.paid, "cash": cash}
        self.cash += sign * SIGNS[kind] * cash
        one: Counter[str] = Counter()
        for name in PAYMENTS:
            one[f"{name}_count"] += plan.paid[name] > 0
            one[f"{name}_minor"] += kept[name]
        one["count"] = 1
        one["sum_minor"] = plan.total
        one["taken_minor"] = sum(plan.paid.values())
        one["change_minor"] = plan.change
        one["offline_count"] = int(done["is_offline"])
        one["item_count"] = len(plan.lines)
        one["discount_count"] = sum(not each["markup"] for each in plan.modifiers)
        one["markup_count"] = sum(each["markup"] for each in plan.modifiers)
        one["discount_minor"], one["markup_minor"] = plan.discount, plan.markup
        for line in plan.lines:
            one["item_minor"] += line["cost"]
            one["discount_count"] += line["discount"] > 0
            one["discount_minor"] += line["discount"]
            one["markup_count"] += line["markup"] > 0
            one["markup_minor"] += line["markup"]
            self.sections[line["section"], kind, "count"] += sign
            self.sections[line["section"], kind, "sum_minor"] += sign * line["sum"]
        shares = [(line["rate"], line["sum"], line["tax"]) for line in plan.lines]
        for each in plan.modifiers:
            way = 1 if each["markup"] else -1
            shares += [(share["rate"], way * share["sum"], way * share["tax"]) for share in each["shares"]]
        for rate, turnover, tax in shares:
            if rate is not None:
                one["tax_minor"] += tax
                self.taxes[rate, kind, "turnover_minor"] += sign * turnover
                self.taxes[rate, kind, "tax_minor"] += sign * tax
        for name, amount in one.items():
            self.operations[kind][name] += sign * amount
        self.life[f"{kind}_count"] += sign
        self.life[f"{kind}_minor"] += sign * plan.total
        who = done["cashier"]
        if kind in ("sale", "sale_refund"):
            name = "sale" if kind == "sale" else "refund"
            self.cashiers[*who, f"{name}_count"] += sign
            self.cashiers[*who, f"{name}_minor"] += sign * plan.total
        if kind == "sale":
            for payment, amount in kept.items():
                self.cashiers[*who, f"{payment}_minor"] += sign * amount

    def moved_cash(
        self, kind: str, total: int, at: datetime, cashier: tuple[str, int], *, is_offline: bool
    ) -> dict[str, Any]:
        """Cash was put in or taken out."""
        self.enter(at)
        self.wrote(at)
        self.counts["movements"] += 1
        self.stated[f"{kind}_minor"] += total
        done = {"kind": kind, "total": total, "cashier": cashier, "is_offline": is_offline}
        self._move(done, 1)
        return done

    def _move(self, done: dict[str, Any], sign: int) -> None:
        kind, total = done["kind"], done["total"]
        self.cash += sign * (total if kind == "cash_in" else -total)
        moved = self.moved[kind]
        moved["count"] += sign
        moved["sum_minor"] += sign * total
        moved["offline_count"] += sign * done["is_offline"]
        self.life[f"{kind}_count"] += sign
        self.cashiers[*done["cashier"], f"{kind}_minor"] += sign * total

    def annulled_one(
        self, done: dict[str, Any], at: datetime, cashier: tuple[str, int], *, is_refused: bool
    ) -> None:
        """A receipt was annulled; what the operator refused is undone as if it had never been."""
        self.wrote(at)
        self.counts["receipts"] += 1
        self.cashiers[*cashier, "receipt_count"] += 1
        kind, plan = done["kind"], done["plan"]
        self.stated["annulment_count"] += 1
        self.stated["annulment_minor"] += plan.total
        if is_refused:
            self._count(done, -1)
            return
        self.cash -= SIGNS[kind] * (plan.paid["cash"] - plan.change)
        self.annulled["count"] += 1
        self.annulled["minor"] += plan.total
        self.life["annulled_count"] += 1

    def reversed_one(self, done: dict[str, Any], at: datetime) -> None:
        """A refused movement of cash was undone by the opposite one."""
        self.wrote(at)
        self.counts["movements"] += 1
        opposite = "cash_out" if done["kind"] == "cash_in" else "cash_in"
        self.stated[f"{opposite}_minor"] += done["total"]
        self._move(done, -1)

    def went_late(self, done: dict[str, Any]) -> None:
        """What was issued with the operator reaches it late."""
        done["is_offline"] = True
        counters = self.operations if done["kind"] in OPERATIONS else self.moved
        counters[done["kind"]]["offline_count"] += 1

    # What must be stated.

    def operation(self, kind: str) -> dict[str, int]:
        """Everything a report says of one kind of receipts, without noughts."""
        stated = Counter(self.operations[kind])
        stated["life_count"] = self.life[f"{kind}_count"]
        stated["non_nullable_minor"] = self.life[f"{kind}_minor"]
        stated["start_non_nullable_minor"] = self.start[f"{kind}_minor"]
        return {name: amount for name, amount in stated.items() if amount}

    def movement(self, kind: str) -> dict[str, int]:
        stated = {**self.moved[kind], "life_count": self.life[f"{kind}_count"]}
        return {name: amount for name, amount in stated.items() if amount}

    @property
    def revenue(self) -> int:
        return sum(SIGNS[name] * self.operations[name]["sum_minor"] for name in OPERATIONS)
