"""A small grammar of formulas: read by a tokenizer and recursive descent, never run as code.

    sum     = product (("+" | "−") product)*
    product = signed (("*" | "/") signed)*
    signed  = ("+" | "−")* power
    power   = atom (("^" | "**") signed)?
    atom    = number | name | function "(" sum ")" | "(" sum ")"

A formula becomes a tree of tuples, and the tree arithmetic on arrays or text of code.
"""

from __future__ import annotations

import keyword
import math
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

Tree = tuple[Any, ...]
"""("number", value), ("name", text), ("call", function, tree), ("−", tree), (sign, tree, tree)."""
FUNCTIONS = (
    "sin", "cos", "tan", "tanh", "exp", "log", "sqrt", "abs", "sign", "floor", "step", "saw",
)  # fmt: skip
"""Functions of one argument. step(z) is 0 below 0 and 1 above; saw(z) rises from −1 to 1 in 2π."""
CONSTANTS = {"pi": math.pi}
_SPELT = str.maketrans({"−": "-", "–": "-", "·": "*", "×": "*", "÷": "/"})
_TOKEN = re.compile(
    r"\s*(?:([0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?)"
    r"|([^\W\d_]\w*)|(\*\*|[-+*/^()]))"
)
_DEEPEST = 30
MOST_NODES = 4000


class FormulaError(ValueError):
    """A text that is no formula; the message goes on after "…: "."""


@lru_cache(maxsize=256)
def tree_of(text: str) -> Tree:
    """The tree of a formula.

    Raises:
        FormulaError: saying what was met, and where.
    """
    reader = _Reader(text.translate(_SPELT))
    tree = reader.sum(0)
    if reader.kind:
        raise FormulaError(f"“{reader.token}” is not expected at character {reader.at}")
    return tree


def names_in(tree: Tree) -> tuple[str, ...]:
    """The names of a formula, each once, in the order they are met."""
    if tree[0] == "name":
        return (tree[1],)
    found = [name for part in tree[1:] if isinstance(part, tuple) for name in names_in(part)]
    return tuple(dict.fromkeys(found))


def computed(tree: Tree, values: Mapping[str, Any], xp: Any) -> Any:
    """The formula on arrays.

    Args:
        tree: of :func:`tree_of`.
        values: name → array; shapes are broadcast.
        xp: the module of the arrays, torch or numpy.
    """
    match tree:
        case ("number", value):
            return value
        case ("name", name):
            return values[name]
        case ("−", one):
            return -computed(one, values, xp)
        case ("call", function, one):
            return _called(function, computed(one, values, xp), xp)
        case (sign, one, other):
            return _joined(sign, computed(one, values, xp), computed(other, values, xp))
    raise AssertionError(tree)


def code_of(tree: Tree, module: str = "torch") -> str:
    """The formula as an expression of Python on tensors of `module`."""
    match tree:
        case ("number", value):
            return _number(value)
        case ("name", name):
            return spelt(name)
        case ("−", one):
            return f"-{_grouped(one, module)}"
        case ("call", "step", one):
            return f"({code_of(one, module)} > 0).to(x)"
        case ("call", "saw", one):
            return f"(2 * torch.remainder(({code_of(one, module)}) / (2 * math.pi), 1) - 1)"
        case ("call", function, one):
            return f"{module}.{function}({code_of(one, module)})"
        case (sign, one, other):
            written = {"^": "**"}.get(sign, sign)
            if sign in "+-":
                right = code_of(other, module) if sign == "+" else _grouped(other, module)
                return f"{code_of(one, module)} {written} {right}"
            if sign == "*" and other[0] in ("*", "/", "call", "number", "name", "^"):
                left = code_of(one, module) if one[0] in ("*", "/") else _grouped(one, module)
                return f"{left} * {_grouped(other, module)}"
            left = (
                code_of(one, module)
                if one[0] in ("*", "/") and sign == "/"
                else _grouped(one, module)
            )
            return f"{left} {written} {_grouped(other, module)}"
    raise AssertionError(tree)


def spelt(name: str) -> str:
    """A parameter's name as a variable of generated code."""
    return f"{name}_" if keyword.iskeyword(name) or name in _TAKEN else name


_TAKEN = {"model", "torch", "math", "empty", "drawn", "ends", "nth", "y", "X", "NOISE", "SHOTS"}
"""Names that the code around a formula uses."""


def _grouped(tree: Tree, module: str) -> str:
    text = code_of(tree, module)
    return text if tree[0] in ("number", "name", "call") else f"({text})"


def _number(value: float) -> str:
    if value == math.pi:
        return "math.pi"
    return repr(int(value)) if value.is_integer() and abs(value) < 1e9 else repr(value)


def _called(function: str, value: Any, xp: Any) -> Any:
    if function == "step":
        return 0.5 + 0.5 * xp.sign(value)
    if function == "saw":
        turns = value / (2 * math.pi)
        return 2 * (turns - xp.floor(turns)) - 1
    return getattr(xp, function)(value)


def _joined(sign: str, one: Any, other: Any) -> Any:
    match sign:
        case "+":
            return one + other
        case "-":
            return one - other
        case "*":
            return one * other
        case "/":
            return one / other
    return one**other


class _Reader:
    """Reads one formula from left to right."""

    def __init__(self, text: str) -> None:
        self.text, self.end, self.nodes = text, 0, 0
        self.kind = self.token = ""
        self.at = 0
        """Character at which the token begins, counted from 1."""
        self.next()

    def next(self) -> None:
        """Goes on to the next token; its kind is empty at the end."""
        rest = self.text[self.end :]
        if not rest.strip():
            self.kind = self.token = ""
            return
        self.at = self.end + len(rest) - len(rest.lstrip()) + 1
        found = _TOKEN.match(self.text, self.end)
        if found is None:
            raise FormulaError(f"“{rest.strip()[0]}” at character {self.at} is not allowed")
        number, name, sign = found.groups()
        self.kind = "number" if number else "name" if name else "sign"
        self.token, self.end = number or name or sign, found.end()

    def taken(self, *signs: str) -> str:
        """The sign that stands next, if it is one of these; the reader then goes on."""
        token = self.token
        if self.kind != "sign" or token not in signs:
            return ""
        self.next()
        return token

    def node(self, *parts: Any) -> Tree:
        """A node of the tree; one of numbers alone is the number."""
        self.nodes += 1
        if self.nodes > MOST_NODES:
            raise FormulaError("it is too long")
        if all(not isinstance(part, tuple) or part[0] == "number" for part in parts[1:]):
            return "number", _constant(parts)
        return parts

    def sum(self, depth: int) -> Tree:
        """Sums and differences."""
        if depth > _DEEPEST:
            raise FormulaError(f"it is nested more than {_DEEPEST} deep")
        tree = self.product(depth)
        while sign := self.taken("+", "-"):
            tree = self.node(sign, tree, self.product(depth))
        return tree

    def product(self, depth: int) -> Tree:
        """Products and quotients."""
        tree = self.signed(depth)
        while sign := self.taken("*", "/"):
            tree = self.node(sign, tree, self.signed(depth))
        return tree

    def signed(self, depth: int) -> Tree:
        """A power with its signs."""
        if depth > _DEEPEST:
            raise FormulaError(f"it is nested more than {_DEEPEST} deep")
        sign = self.taken("+", "-")
        if sign:
            tree = self.signed(depth + 1)
            return tree if sign == "+" else self.node("−", tree)
        tree = self.atom(depth)
        if self.taken("^", "**"):
            return self.node("^", tree, self.signed(depth + 1))
        return tree

    def atom(self, depth: int) -> Tree:
        """A number, a name, a function of something, or something in parentheses."""
        kind, token = self.kind, self.token
        if kind == "number":
            self.next()
            value = float(token)
            if math.isinf(value):
                raise FormulaError(f"{token[:20]} is too large")
            return "number", value
        if kind == "name":
            self.next()
            if token in FUNCTIONS:
                if not self.taken("("):
                    raise FormulaError(f"{token} wants its argument in parentheses")
                return self.node("call", token, self.closed(depth))
            if token in CONSTANTS or token == "π":
                return "number", CONSTANTS.get(token, math.pi)
            if self.kind == "sign" and self.token == "(":
                raise FormulaError(
                    f"there is no function “{token[:20]}”: allowed are {', '.join(FUNCTIONS)}"
                )
            return "name", token
        if self.taken("("):
            return self.closed(depth)
        raise FormulaError(
            f"“{token}” is not expected at character {self.at}" if kind else "it ends too early"
        )

    def closed(self, depth: int) -> Tree:
        """The sum up to the closing parenthesis."""
        tree = self.sum(depth + 1)
        if not self.taken(")"):
            raise FormulaError("a parenthesis is not closed")
        return tree


def _constant(parts: tuple[Any, ...]) -> float:
    """The number that a node of numbers is."""
    try:
        match parts:
            case ("−", one):
                value = -one[1]
            case ("call", "step", one):
                value = 0.5 + 0.5 * math.copysign(1, one[1]) if one[1] else 0.5
            case ("call", "sign", one):
                value = math.copysign(1, one[1]) if one[1] else 0.0
            case ("call", "saw", one):
                turns = one[1] / (2 * math.pi)
                value = 2 * (turns - math.floor(turns)) - 1
            case ("call", "abs", one):
                value = abs(one[1])
            case ("call", function, one):
                value = getattr(math, function)(one[1])
            case _:
                value = _joined(parts[0], parts[1][1], parts[2][1])
    except (ArithmeticError, ValueError):
        raise FormulaError("a part of it that is a number is not defined") from None
    if isinstance(value, complex) or not math.isfinite(value):
        raise FormulaError("a part of it that is a number is not defined")
    return float(value)
