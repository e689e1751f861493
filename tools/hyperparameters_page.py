"""Writes the table of docs/hyperparameters.md from the declarations."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from maml_explorer.settings.declaration import shown
from maml_explorer.settings.groups import DECLARATIONS, GROUPS
from tools.marked_part import with_part

PAGE = Path(__file__).resolve().parent.parent / "docs" / "hyperparameters.md"
BEGIN = "<!-- hyperparameters: written by tools/hyperparameters_page.py -->"
END = "<!-- end of hyperparameters -->"


def table() -> str:
    """The table as Markdown."""
    lines = [
        "| group | setting | flag | default | allowed | takes effect | what |",
        "|---|---|---|---|---|---|---|",
    ]
    for key, declared in DECLARATIONS.items():
        title = GROUPS[declared.group][0]
        unit = f" {declared.unit}" if declared.unit else ""
        lines.append(
            f"| {title} | {declared.label} (`{key}`) | `{declared.flag}` "
            f"| {shown(declared.default)}{unit} | {declared.allowed} | {declared.applies.value} "
            f"| {declared.help} |"
        )
    return "\n".join(lines)


def with_table(page: str) -> str:
    """The page with the current table between its marks; unchanged where it has none."""
    if BEGIN not in page or END not in page:
        return page
    return with_part(page, BEGIN, END, table())


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
