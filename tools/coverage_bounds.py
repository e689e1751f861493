"""Fails where branch coverage is below its bounds: all of storage and settings, most of the rest.

Reads the JSON that `coverage json` writes; `make coverage` runs the tests and then this.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

WHOLE = (
    "maml_explorer/storage/",
    "maml_explorer/settings/settings.py",
    "maml_explorer/settings/text.py",
    "maml_explorer/settings/share.py",
    "maml_explorer/settings/declaration.py",
)
"""Beginnings of paths of which every branch must be taken."""
REST = 90.0
"""Least percentage of the statements and branches of the other files together."""


def shortcomings(files: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A line for each file of :data:`WHOLE` that is not whole, and one where the rest is short."""
    found = []
    done = wanted = 0
    for name, entry in sorted(files.items()):
        summary = entry["summary"]
        covered = summary["covered_lines"] + summary["covered_branches"]
        whole = summary["num_statements"] + summary["num_branches"]
        if not name.startswith(WHOLE):
            done, wanted = done + covered, wanted + whole
        elif covered < whole:
            lines = [*entry["missing_lines"], *(line for line, _ in entry["missing_branches"])]
            found.append(f"{name}: {covered} of {whole}; see lines {sorted(set(lines))}")
    share = 100 * done / max(wanted, 1)
    if share < REST:
        found.append(f"the rest: {share:.1f} %, and {REST:.0f} % are asked for")
    return found


def main() -> None:
    """Print what is short; exit code 1 if anything is."""
    report = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    found = shortcomings(report["files"])
    if found:
        sys.exit("\n".join(found))
    print("Coverage is within its bounds.")


if __name__ == "__main__":
    main()
