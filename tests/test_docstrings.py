"""Docstrings lead with the noun or verb they are about."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "maml_explorer"
ROOMS = {
    path.name: sorted(path.rglob("*.py")) or [path]
    for path in PACKAGE.iterdir()
    if path.suffix == ".py" or any(path.rglob("*.py"))
}
"""Folder or file right below the package → its modules."""
LEADS = {
    *("What", "Where", "How", "Whether", "Who", "Whose", "Why", "When", "Which"),
    *("That", "If", "As"),
}
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def docstrings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and text of every docstring: of modules, classes, functions and assignments."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if not isinstance(body, list):
            continue
        before: list[ast.AST] = [node, *body]
        for holder, statement in zip(before, body, strict=False):
            match statement:
                case ast.Expr(value=ast.Constant(value=str(text))) if isinstance(
                    holder, (ast.Assign, ast.AnnAssign)
                ) or (holder is node and isinstance(node, DOCUMENTED)):
                    yield statement.lineno, text


def faults(source: str) -> list[int]:
    """Lines of the docstrings that begin with a question word or a conjunction."""
    return [
        line
        for line, text in docstrings(ast.parse(source))
        if text.split() and text.split()[0].rstrip(",.:;") in LEADS
    ]


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_leads_with_noun_or_verb(room: str) -> None:
    found = [
        f"{path.relative_to(PACKAGE.parent)}:{line}"
        for path in ROOMS[room]
        for line in faults(path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_every_kind_of_docstring_is_seen() -> None:
    source = '''"""What a module is."""

LIMIT = 1
"""How far it goes."""

class Arm:
    """Where it stands."""

    name: str
    """Which one."""

    def step(self):
        """Takes a step: what it gives is not asked."""

        def inner():
            """If so."""
'''
    assert faults(source) == [1, 4, 7, 10, 16]
