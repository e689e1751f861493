"""The bounds of coverage: what they let pass and what not."""

from __future__ import annotations

from typing import Any

from tools.coverage_bounds import shortcomings


def entry(covered: int, whole: int) -> dict[str, Any]:
    summary = {
        "covered_lines": covered, "num_statements": whole,
        "covered_branches": covered, "num_branches": whole,
    }  # fmt: skip
    missing = list(range(1, whole - covered + 1))
    return {
        "summary": summary, "missing_lines": missing,
        "missing_branches": [[n, n + 1] for n in missing],
    }  # fmt: skip


def test_storage_and_settings_are_whole_and_the_rest_is_nine_tenths() -> None:
    fine = {
        "maml_explorer/storage/a.py": entry(50, 50),
        "maml_explorer/settings/settings.py": entry(10, 10),
        "maml_explorer/gui/b.py": entry(80, 100),
        "maml_explorer/core/c.py": entry(100, 100),
    }
    assert shortcomings(fine) == []
    assert shortcomings({**fine, "maml_explorer/storage/a.py": entry(48, 50)}) == [
        "maml_explorer/storage/a.py: 96 of 100; see lines [1, 2]"
    ]
    assert len(shortcomings({**fine, "maml_explorer/settings/declaration.py": entry(9, 10)})) == 1
    (words,) = shortcomings({**fine, "maml_explorer/gui/b.py": entry(79, 100)})
    assert words == "the rest: 89.5 %, and 90 % are asked for"
