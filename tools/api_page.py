"""Writes docs/api.md from the public names of the package and their docstrings."""

import ast
import dataclasses
import inspect
import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import maml_explorer as me

PAGE = Path(__file__).resolve().parent.parent / "docs" / "api.md"
HEAD = """\
# Public names of `import maml_explorer as me`

<!-- written by tools/api_page.py from the docstrings -->

Anything not listed here may change from one version to the next. [notebook.md](notebook.md) shows
the names at work."""
SECTIONS = ("Args", "Raises", "Returns")


def page() -> str:
    """The page as Markdown."""
    names = [name for name in me.__all__ if name != "__version__"]
    functions = [name for name in names if not inspect.isclass(getattr(me, name))]
    classes = [name for name in names if name not in functions]
    listed = "Functions: " + ", ".join(f"[`{n}`](#{n.lower()})" for n in functions) + "."
    others = "Types: " + ", ".join(f"[`{n}`](#{n.lower()})" for n in classes) + "."
    parts = [HEAD, listed, others, *map(_function, functions), *map(_class, classes)]
    return "\n\n".join(parts) + "\n"


def _function(name: str) -> str:
    found = getattr(me, name)
    return "\n\n".join([f"## {name}", _call(f"me.{name}", found), markdown(found.__doc__ or "")])


def _class(name: str) -> str:
    found = getattr(me, name)
    parts = [f"## {name}", markdown(found.__doc__ or "")]
    fields = list(_fields(found))
    if fields:
        parts.append("| attribute | what |\n|---|---|\n" + "\n".join(fields))
    for key in vars(found):
        member = getattr(found, key)  # a class method is bound
        if (
            (inspect.isfunction(member) or inspect.ismethod(member))
            and not key.startswith("_")
            and member.__doc__
        ):
            parts += [f"### {name}.{key}", _call(f".{key}", member), markdown(member.__doc__)]
    return "\n\n".join(parts)


def _fields(found: type) -> Iterator[str]:
    """A row for each attribute: its documentation string, else its type."""
    said = _attribute_docs(found)
    for field in dataclasses.fields(found) if dataclasses.is_dataclass(found) else ():
        text = said.get(field.name, f"`{_type(field.type)}`")
        yield f"| `{field.name}` | {' '.join(text.split()).replace('|', chr(92) + '|')} |"
    for key, member in vars(found).items():
        if isinstance(member, property) and not key.startswith("_"):
            yield f"| `{key}` | {markdown((member.__doc__ or '').strip().splitlines()[0])} |"


def _attribute_docs(found: type) -> dict[str, str]:
    """Attribute → the string below it in the source of the class."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(found))).body[0]
    assert isinstance(tree, ast.ClassDef)
    said = {}
    for before, after in zip(tree.body, tree.body[1:], strict=False):
        match before, after:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                said[name] = markdown(text)
    return said


def _call(name: str, function: Any) -> str:
    """The call as code: a line, or a line for each argument where that would be long."""
    signature = inspect.signature(function)
    known = [p for p in signature.parameters.values() if p.name != "self"]
    parts, star = [], False
    for one in known:
        if one.kind is one.KEYWORD_ONLY and not star:
            parts.append("*")
            star = True
        mark = "**" if one.kind is one.VAR_KEYWORD else ""
        default = "" if one.default is one.empty else f" = {one.default!r}"
        parts.append(f"{mark}{one.name}: {_type(one.annotation)}{default}")
    line = f"{name}({', '.join(parts)})"
    if len(line) > 90:
        line = f"{name}(\n" + "".join(f"    {part},\n" for part in parts) + ")"
    back = signature.return_annotation
    tail = "" if back is signature.empty else f" -> {_type(back)}"
    return f"```\n{line}{tail}\n```"


def _type(annotation: Any) -> str:
    return annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "Any")


def markdown(docstring: str) -> str:
    """A docstring as Markdown: sections become lists, references become code."""
    text = re.sub(r":\w+:`~?\.?(?:[\w.]*\.)?(\w+)`", r"`\1`", inspect.cleandoc(docstring))
    lines: list[str] = []
    section = ""
    for line in text.splitlines():
        if line.rstrip(":") in SECTIONS and line.endswith(":"):
            section = line.rstrip(":")
            lines += [f"**{section}**", ""]
        elif not section or not line.startswith("    "):
            section = section if not line else ""
            lines.append(line)
        elif line.startswith("     ") or (section == "Returns" and lines[-1]):
            lines[-1] += " " + line.strip()
        elif section == "Returns":
            lines.append(line.strip())
        else:
            name, colon, rest = line.strip().partition(": ")
            known = colon and re.fullmatch(r"[\w*, ]+", name)
            lines.append(f"- `{name}`: {rest}" if known else f"- {line.strip()}")
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
