"""Cells, figures and pictures of a sweep."""

from __future__ import annotations

import csv
import io
import math
import re
import xml.etree.ElementTree as ET
from statistics import fmean, stdev

import pytest

from maml_explorer.storage.report.sweep_plots import heat_map, parallel_coordinates
from maml_explorer.storage.report.sweep_report import sweep_html, sweep_summary, sweep_text
from maml_explorer.storage.report.sweep_table import (
    SweepAxis,
    SweepRow,
    TrialState,
    best_cell,
    cells_of,
    folded,
    higher_is_better,
    paired,
    runs_csv,
)

ALPHA, BETA = SweepAxis("inner_lr", "Inner learning rate α", True), SweepAxis("outer_lr", "β", True)


def row(
    alpha: float, beta: float, seed: int, objective: float | None, diverged: bool = False
) -> SweepRow:
    point = (("inner_lr", alpha), ("outer_lr", beta))
    name = f"{alpha}-{beta}-{seed}"
    return SweepRow(name, point, seed, TrialState.DONE, objective, diverged, 100, 1.5)


ROWS = [
    *(row(0.01, 0.001, seed, value) for seed, value in enumerate((0.5, 0.6, 0.7))),
    *(row(0.1, 0.001, seed, value) for seed, value in enumerate((0.2, 0.3, 0.4))),
    row(0.01, 0.01, 0, 0.01),
    row(0.01, 0.01, 1, None, True),
    row(0.01, 0.01, 2, 0.01),
    *(row(0.1, 0.01, seed, None, True) for seed in range(3)),
]


def test_a_cell_is_the_mean_over_seeds_with_student_s_interval() -> None:
    first, second, lucky, gone = cells_of(ROWS)
    assert first.mean == pytest.approx(0.6)
    # Student t for two degrees of freedom, from a table: 4.3027
    assert first.half == pytest.approx(4.3027 * stdev((0.5, 0.6, 0.7)) / math.sqrt(3), rel=1e-4)
    assert second.words() == "0.3 ± 0.25"
    assert lucky.words() == "0.01 ± 0, 1 of 3 diverged"
    assert gone.words() == "3 of 3 diverged" and gone.mean is None and gone.half is None


def test_a_cell_with_a_diverged_seed_is_never_the_best() -> None:
    best = best_cell(ROWS)
    assert best is not None and dict(best.point) == {"inner_lr": 0.1, "outer_lr": 0.001}
    by_alpha = {dict(cell.point)["inner_lr"]: cell for cell in folded(cells_of(ROWS), ["inner_lr"])}
    assert by_alpha[0.01].mean == pytest.approx(0.6)
    assert by_alpha[0.1].mean == pytest.approx(0.3)


def test_differences_are_paired_by_seed() -> None:
    base = (("inner_lr", 0.01), ("outer_lr", 0.001))
    first, second, lucky, _ = paired(ROWS, base)
    assert first.values == (0.0, 0.0, 0.0)
    assert second.values == pytest.approx((-0.3, -0.3, -0.3)) and second.half == pytest.approx(0)
    assert lucky.mean == pytest.approx(fmean((0.01 - 0.5, 0.01 - 0.7)))


def test_the_table_is_one_row_a_run() -> None:
    rows = list(csv.DictReader(io.StringIO(runs_csv((ALPHA, BETA), ROWS))))
    assert len(rows) == len(ROWS)
    assert rows[0]["inner_lr"] == "0.01" and float(rows[0]["objective"]) == 0.5
    assert rows[7]["objective"] == "" and rows[7]["diverged"] == "1"


def test_no_field_of_the_table_is_a_formula() -> None:
    odd = SweepRow("=A1", (("inner_lr", -0.5),), 0, TrialState.DONE, float("inf"))
    assert runs_csv((ALPHA,), [odd]) == (
        "run,inner_lr,seed,state,objective,diverged,outer_step,seconds\n'=A1,-0.5,0,done,,0,0,\n"
    )


def test_the_heat_map_says_every_cell_and_hatches_the_diverged() -> None:
    svg = heat_map(cells_of(ROWS), ALPHA, BETA)
    root = ET.fromstring(svg)
    texts = [e.text for e in root.iter() if e.tag.endswith("text")]
    assert {"0.6", "± 0.25", "0.3", "diverged", "0.01", "0.1", ALPHA.label, "β"} <= set(texts)
    hatched = [e for e in root.iter() if e.get("fill") == "url(#hatch)"]
    assert len(hatched) == 2
    titles = {e.text for e in root.iter() if e.tag.endswith("title")}
    assert "3 of 3 diverged" in titles
    # the larger β stands above: its label is nearer to the top
    places = {e.text: float(e.get("y", "0")) for e in root.iter() if e.get("text-anchor") == "end"}
    assert places["0.01"] < places["0.001"]


def test_parallel_coordinates_have_a_line_for_each_cell_that_is_known() -> None:
    svg = parallel_coordinates(cells_of(ROWS), (ALPHA, BETA), "query MSE after 5 steps")
    root = ET.fromstring(svg)
    lines = [e for e in root.iter() if e.tag.endswith("polyline")]
    assert len(lines) == 3 and all(len(e.get("points", "").split()) == 3 for e in lines)
    assert sum(e.get("stroke-dasharray") is not None for e in lines) == 1
    waiting = [SweepRow("a", (("inner_lr", 1.0),), 0, TrialState.QUEUED)]
    assert "No run is done yet" in parallel_coordinates(cells_of(waiting), (ALPHA,), "MSE")


def test_runaways_do_not_flatten_the_scale() -> None:
    rows = [row(a / 100, 0.001, 0, 0.5 + a / 100) for a in range(1, 20)]
    rows.append(row(0.5, 0.001, 0, 1e9))
    root = ET.fromstring(parallel_coordinates(cells_of(rows), (ALPHA,), "MSE"))
    colors = {e.get("stroke") for e in root.iter() if e.tag.endswith("polyline")}
    assert len(colors) > 15, "the others keep shades of their own"


def test_names_from_a_file_are_text() -> None:
    axis = SweepAxis("inner_lr", "<script>", False)
    for svg in (
        heat_map(cells_of(ROWS), axis, BETA),
        parallel_coordinates(cells_of(ROWS), (axis, BETA), "<b>"),
    ):
        assert not re.search(r"<(script|b)>", svg)


def test_of_accuracies_the_highest_is_best_and_deepest() -> None:
    best = best_cell(ROWS, higher=True)
    assert best is not None and dict(best.point) == {"inner_lr": 0.01, "outer_lr": 0.001}
    assert higher_is_better("accuracy@5") and not higher_is_better("mse@5")
    rows = [row(0.01, 0.001, 0, 0.6), row(0.1, 0.001, 0, 0.9), row(0.1, 0.01, 0, 0.7)]
    over_alpha = folded(cells_of(rows), ("inner_lr",), higher=True)
    assert [cell.mean for cell in over_alpha] == [0.6, 0.9]
    for higher, deepest in ((True, "0.9"), (False, "0.6")):
        picture = heat_map(cells_of(rows), ALPHA, BETA, higher=higher)
        assert re.findall(r'fill="#005a96"><title>([\d.]+)', picture) == [deepest]
    summary = sweep_summary((ALPHA, BETA), rows, "accuracy@5")
    assert summary["best"]["mean"] == 0.9
    said = sweep_text((ALPHA, BETA), rows, "accuracy@5").splitlines()
    assert [line.rpartition(" ")[2] for line in said[2:]] == ["0.9", "0.7", "0.6"]
    assert "query accuracy (from 0 to 1, higher is better)" in sweep_html(
        "t", (ALPHA, BETA), rows, "accuracy@5"
    )
