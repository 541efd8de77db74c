"""No fraction ever touches money or quantity: the sources say so.

Two rules. Where sums are worked out (STRICT) there is nothing at all that could make a fraction: no literal with a point,
no `float` or `complex`, not even as an annotation, no true division, no `round`, no `math`, no `Decimal`. Everywhere else seconds
and shares may be fractions, but no expression that makes one may hold a sum or a quantity, which are known by
the ends of their names, and nothing of such a name may be given or said to be one.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.config import ROOT

STRICT = ("portal/fiscal", "portal/primitives", "portal/ofd/wire", "portal/journal/sums.py")
ELSEWHERE = ("portal", "workers", "migrations")

# Written by protoc, whose messages hold whole numbers only.
MADE = {"v203_pb2.py"}
# The demo's chance and the charts' pixels begin with prices and sums; what comes out are prices rounded to whole
# steps, and pictures.
PICTURES = {
    ("portal/demo/clerk.py", "round(good.price_minor * factor / step) * step"),
    ("portal/demo/clerk.py", "round(good.price_minor * factor / step)"),
    ("portal/demo/clerk.py", "good.price_minor * factor / step"),
    ("portal/web/charts.py", "minor / MINOR_IN_UNIT"),
}

MAKERS = frozenset({"float", "complex", "round", "Decimal", "Fraction"})
MODULES = frozenset({"math", "decimal", "fractions", "statistics", "cmath"})
ENDS = ("_minor", "_milli")
EXACT = frozenset({"minor", "milli"})


def sources(*folders: str) -> Iterator[Path]:
    for folder in folders:
        path = ROOT / folder
        yield from (path,) if path.suffix == ".py" else sorted(path.rglob("*.py"))


def is_maker(node: ast.AST) -> bool:
    """Whether a node makes a fraction, or may."""
    match node:
        case ast.Constant(value=float() | complex()):
            return True
        case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()):
            return True
        case ast.BinOp(op=ast.Pow(), right=ast.UnaryOp(op=ast.USub())):
            return True
        case ast.Call(func=ast.Name(id=name)) if name in MAKERS:
            return True
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name))) if name in MODULES:
            return True
    return False


def is_amount(node: ast.AST) -> bool:
    """Whether a node names a sum or a quantity."""
    name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
    return name.endswith(ENDS) or name in EXACT


def is_path(node: ast.AST) -> bool:
    """Whether a division joins parts of a path."""
    return isinstance(node, ast.BinOp) and any(
        isinstance(part, ast.JoinedStr) or (isinstance(part, ast.Constant) and isinstance(part.value, str))
        for part in ast.walk(node)
    )


def strict_faults(tree: ast.AST) -> Iterator[ast.AST]:
    """Everything that could make a fraction, whatever it is for."""
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        is_name = isinstance(node, ast.Name) and node.id in MAKERS - {"Fraction"}
        if is_maker(node) or is_name or any(name.split(".")[0] in MODULES for name in names):
            yield node


def faults_near_amounts(tree: ast.AST) -> Iterator[ast.AST]:
    """Fractions made of a sum or a quantity, given to one, or said to be one."""
    for node in ast.walk(tree):
        has_made = isinstance(node, ast.BinOp) and any(map(is_maker, (node.left, node.right)))
        if (is_maker(node) or has_made) and not is_path(node) and any(map(is_amount, ast.walk(node))):
            yield node
        match node:
            case ast.AnnAssign(target=target, annotation=said) if is_amount(target) and _says_float(said):
                yield node
            case ast.arg(arg=name, annotation=ast.expr() as said) if name.endswith(ENDS) and _says_float(
                said
            ):
                yield node
            case ast.FunctionDef(name=name, returns=ast.expr() as said) if name.endswith(
                ENDS
            ) and _says_float(said):
                yield node
            case ast.keyword(arg=str(name), value=value) if name.endswith(ENDS) and _makes(value):
                yield node
            case ast.Assign(targets=[target], value=value) if is_amount(target) and _makes(value):
                yield node
            case ast.AnnAssign(target=target, value=ast.expr() as value) if is_amount(target) and _makes(
                value
            ):
                yield node


def _says_float(annotation: ast.AST) -> bool:
    return any(isinstance(node, ast.Name) and node.id in MAKERS for node in ast.walk(annotation))


def _makes(value: ast.AST) -> bool:
    return any(is_maker(node) and not is_path(node) for node in ast.walk(value))


@pytest.mark.parametrize("path", list(sources(*STRICT)), ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_where_sums_are_worked_out_can_make_a_fraction(path: Path) -> None:
    if path.name in MADE:
        return
    faults = [
        (node.lineno, ast.unparse(node)) if hasattr(node, "lineno") else ast.unparse(node)
        for node in strict_faults(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert faults == []


def test_no_fraction_is_made_of_a_sum_or_a_quantity_anywhere() -> None:
    found = set()
    for path in sources(*ELSEWHERE):
        if path.name in MADE:
            continue
        where = str(path.relative_to(ROOT))
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found |= {(where, ast.unparse(node)) for node in faults_near_amounts(tree)}
    assert found - PICTURES == set()
    assert found >= PICTURES, "what is excused and gone must not stay excused"


def test_strict_sources_are_where_they_are_said_to_be() -> None:
    found = {path.name for path in sources(*STRICT)}
    assert {
        "baskets.py",
        "taxes.py",
        "counters.py",
        "money.py",
        "quantity.py",
        "values.py",
        "folding.py",
    } <= found


@pytest.mark.parametrize(
    "source",
    [
        "x = 0.5",
        "x = 1j",
        "x = a / b",
        "a /= b",
        "x = float(a)",
        "def f(a: float) -> None: ...",
        "x = round(a)",
        "import math",
        "from math import floor",
        "from decimal import Decimal",
        "x = 10 ** -2",
    ],
)
def test_the_strict_rule_sees_every_way_to_make_a_fraction(source: str) -> None:
    assert list(strict_faults(ast.parse(source)))


@pytest.mark.parametrize(
    "source", ["x = a // b", "x = (2 * a + b) // (2 * b)", "x = 10 ** 2", "x = '0.5'", "x = -1"]
)
def test_the_strict_rule_lets_whole_numbers_alone(source: str) -> None:
    assert not list(strict_faults(ast.parse(source)))


@pytest.mark.parametrize(
    "source",
    [
        "x = document.total_minor / 100",
        "x = total_minor * 0.2",
        "x = 1 - 0.5 * line.quantity_milli",
        "x = float(total_minor)",
        "x = round(price_minor, 2)",
        "x = math.floor(price_minor)",
        "total_minor = 1.5",
        "total_minor: float = 1",
        "Line(price_minor=a / b)",
        "def f(sum_minor: float | None) -> None: ...",
        "def cost_minor() -> float: ...",
        "quantity_milli /= 2",
    ],
)
def test_the_rule_of_names_sees_sums_and_quantities(source: str) -> None:
    assert list(faults_near_amounts(ast.parse(source)))


@pytest.mark.parametrize(
    "source", ["timeout_s = 0.5", "x = taken_s / 2", "x = ROOT / 'sums_minor.csv'", "x = a_minor // 2"]
)
def test_the_rule_of_names_lets_seconds_and_paths_alone(source: str) -> None:
    assert not list(faults_near_amounts(ast.parse(source)))
