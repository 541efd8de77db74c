"""What is asked of a register at random, in plain words for the model and in commands for the engine."""

from collections import Counter
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st
from msgspec.structs import asdict

from portal.fiscal.commands import (
    BasketLine,
    Change,
    ReceiptModifier,
)
from portal.fiscal.documents import Document, Line, Modifier, Payments
from tests.fiscal.model import PAYMENTS, half_up

CASHIERS = (("Мадиева А. А.", 7), ("Иванова И. И.", 0), ("Мадиева А. А.", 8))
SIGN = "1028891939135"
RNM = "281119950001"

FLAGS = st.sampled_from([False, False, False, False, False, True])
_QUANTITIES = st.one_of(st.just(1_000), st.just(2_000), st.integers(1, 12_345))
_SHARES = st.sampled_from([0, 1, 333, 500, 1_000, 5_000, 10_000, 12_000])
WISHES = st.sampled_from(["cash", "cash", "card", "card", "mixed", "mixed", "other", "note", "note"])
WRONG_WISHES = st.sampled_from(["short", "uneven", "over", "cash", "card"])
cashiers = st.sampled_from(CASHIERS)


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
    is_marked = draw(FLAGS)
    if is_marked and not is_wild:
        quantity = 2_000
    return {
        **said,
        "discount_struck": draw(FLAGS) or (which == "both" and draw(st.booleans())),
        "markings": 2 if is_marked else 0,
        "markup_struck": draw(FLAGS),
        "price": price,
        "quantity": quantity,
        "section": draw(st.sampled_from([None, None, 1, 2])),
        "struck": draw(FLAGS),
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


def codes(count: int) -> tuple[str, ...]:
    return tuple(f"01048702498{place:05d}" for place in range(count))


def half_up_share(value: int, hundredths: int, step: int = 1, whole: int = 10_000) -> int:
    """Of a value so many hundredths of a per cent, to the nearest step."""
    return half_up(Fraction(value * hundredths, whole * step)) * step


def entry_of(entry: dict[str, Any]) -> BasketLine:
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


def modifier_of(each: dict[str, Any]) -> ReceiptModifier:
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


def payments_of(paid: dict[str, int]) -> Payments:
    return Payments(**{f"{name}_minor": amount for name, amount in paid.items()})


def told_payments(payments: Payments) -> dict[str, int]:
    return {name: getattr(payments, f"{name}_minor") for name in PAYMENTS}


def told_line(line: Line) -> dict[str, Any]:
    return {
        "cost": line.sum_minor - line.rounding_minor + line.discount_minor - line.markup_minor,
        "discount": line.discount_minor,
        "markup": line.markup_minor,
        "rate": line.tax_rate,
        "section": line.section,
        "sum": line.sum_minor,
        "tax": line.tax_minor,
    }


def told_modifier(modifier: Modifier) -> dict[str, Any]:
    shares = [
        {"rate": share.tax_rate, "sum": share.sum_minor, "tax": share.tax_minor} for share in modifier.shares
    ]
    return {"markup": modifier.markup, "shares": shares, "sum": modifier.sum_minor}


def nets_of(document: Document) -> Counter[tuple[int | None, str]]:
    """Turnover and tax of every rate, modifiers included."""
    nets: Counter[tuple[int | None, str]] = Counter()
    for line in document.lines:
        nets[line.tax_rate, "sum"] += line.sum_minor
        nets[line.tax_rate, "tax"] += line.tax_minor
    for modifier in document.modifiers:
        sign = 1 if modifier.markup else -1
        for share in modifier.shares:
            nets[share.tax_rate, "sum"] += sign * share.sum_minor
            nets[share.tax_rate, "tax"] += sign * share.tax_minor
    return nets


def told_rows(rows: tuple[Any, ...], keys: tuple[str, str]) -> dict[tuple[Any, ...], int]:
    """Rows of a report as the model tells them: the keys and the name of an amount, and the amount."""
    found = {}
    for row in rows:
        said = asdict(row)
        key = tuple(said.pop(name) for name in keys)
        assert any(said.values()), "a row of noughts"
        found.update({(*key, name): amount for name, amount in said.items() if amount})
    return found


def told_counter(counter: Counter[Any]) -> dict[Any, int]:
    return {key: amount for key, amount in counter.items() if amount}
