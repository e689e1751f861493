"""What the views found, to a run folder and back."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from maml_explorer.files.reader import StorageError
from maml_explorer.storage.run import insight as files
from maml_explorer.storage.run.folder import FIGURES, INSIGHT
from maml_explorer.storage.run.insight import (
    insight_entry,
    plain,
    read_entries,
    read_figures,
    write_insight,
)


@dataclass(frozen=True)
class Record:
    values: np.ndarray
    names: tuple[str, ...]
    share: float
    known: bool


RECORD = Record(np.array([[1.0, np.nan], [np.inf, 0.25]]), ("a", "b"), float("nan"), True)


def test_records_become_json_without_what_is_not_finite() -> None:
    expected = {
        "MAML": {"values": [[1.0, None], [None, 0.25]], "names": ["a", "b"], "share": None,
                 "known": True},
    }  # fmt: skip
    assert plain({"MAML": RECORD}) == expected
    assert plain(np.float64(2.5)) == 2.5
    with pytest.raises(TypeError):
        plain(object())


def test_large_arrays_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_NUMBERS", 3)
    assert plain(np.zeros((2, 2))) == {"left_out": True, "shape": [2, 2]}


def test_both_files_come_back(tmp_path: Path) -> None:
    assert (read_entries(tmp_path), read_figures(tmp_path)) == ([], [])
    write_insight(tmp_path, [], [])
    assert list(tmp_path.iterdir()) == [], "nothing to say, no file"
    entry = insight_entry("layer", {"arm": "MAML", "x": (1.0, 2.0)}, 3, 70_000, RECORD)
    rows = [(0, "gradient", "MAML, α 0.1", "cosine, layer 1", 0.1 + 0.2),
            (9, "gradient", "MAML, α 0.1", "cosine, layer 1", math.nan)]  # fmt: skip
    write_insight(tmp_path, [entry], rows)
    assert read_entries(tmp_path) == [entry]
    assert entry["options"] == {"arm": "MAML", "x": [1.0, 2.0]}
    first, second = read_figures(tmp_path)
    assert first == rows[0]
    assert second[:4] == rows[1][:4] and math.isnan(second[4])
    text = (tmp_path / INSIGHT).read_text()
    assert "NaN" not in text and "Infinity" not in text


ENTRY = {"view": "cost", "options": {}, "seed": 0, "outer_step": 1, "value": None}


@pytest.mark.parametrize(
    "content",
    [
        [], {"schema": 2, "views": []}, {"schema": 1}, {"schema": 1, "views": {}},
        {"schema": 1, "views": [3]}, {"schema": 1, "views": [{**ENTRY, "more": 1}]},
        {"schema": 1, "views": [{**ENTRY, "outer_step": -1}]},
        {"schema": 1, "views": [{**ENTRY, "outer_step": True}]},
        {"schema": 1, "views": [{**ENTRY, "view": "x" * 1000}]},
        {"schema": 1, "views": [ENTRY] * 1001},
    ],
)  # fmt: skip
def test_values_of_another_kind_are_refused(tmp_path: Path, content: object) -> None:
    (tmp_path / INSIGHT).write_text(json.dumps(content))
    with pytest.raises(StorageError, match=r"insight\.json"):
        read_entries(tmp_path)


@pytest.mark.parametrize(
    "row", ["x,a,b,c,1", "-1,a,b,c,1", "1,a,b,1", "1,a,b,c,one", "1,a," + "b" * 300 + ",c,1"]
)
def test_rows_of_another_kind_are_refused(tmp_path: Path, row: str) -> None:
    (tmp_path / FIGURES).write_text(",".join(files.COLUMNS) + f"\n{row}\n")
    with pytest.raises(StorageError, match=r"insight\.csv"):
        read_figures(tmp_path)
