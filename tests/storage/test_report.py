"""The report of a reproduction: one file, whole, its figures those of the records."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from maml_explorer.settings.presets import Preset, Published
from maml_explorer.settings.settings import Settings, default_arm
from maml_explorer.storage.report.page import report_html
from maml_explorer.storage.report.report import (
    Report,
    binned,
    measured_rows,
    report_json,
    report_markdown,
    report_text,
)
from maml_explorer.storage.report.report_plots import Cross, ReportLine, plot
from tests.published.test_verdicts import record

HOSTILE = '<script>alert("x")</script>'


def report(**changes: object) -> Report:
    preset = Preset(
        "mine", "Mine", "A paper", "What it is.", Settings(),
        (Published("maml", 5, (1, 2), (1.0, 0.5), "s"),), "The seed is unknown.",
    )  # fmt: skip
    made = Report(
        preset=preset,
        settings=Settings().with_arms((default_arm("maml"), default_arm("mtl"))),
        records={
            0: {"MAML": (record([3.0, 1.05, 0.8]),),
                "MTL": (record([3.0, 2.5, 2.4], fine_tuning_lr=[0.0, 0.01, 0.02]),)},
            1: {"MAML": (record([3.0, 1.15, 0.8], diverged=[0, 0, 4]),),
                "MTL": (record([3.0, 2.5, 2.4], fine_tuning_lr=[0.0, 0.01, 0.02]),)},
        },
        outer_steps={"MAML": 70_000, "MTL": 70_000},
        losses={"MAML": ([1.0, 2.0, 3.0], [4.0, 1.0, 0.5]), "MTL": ([1.0, 2.0], [4.0, 3.0])},
        notes=(),
        command="maml-explorer reproduce mine --seeds 2",
        device="cpu",
        versions={"torch": "2.9"},
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def tree(made: Report) -> ElementTree.Element:
    """The page, which is well-formed XML too but for its doctype and meta tag."""
    text = report_html(made).replace("<!DOCTYPE html>\n", "")
    return ElementTree.fromstring(text.replace('<meta charset="utf-8">', ""))


def cells(page: ElementTree.Element, table: int) -> list[list[str]]:
    rows = page.findall(".//table")[table].findall("tr")
    return [["".join(cell.itertext()) for cell in row] for row in rows]


def test_the_page_has_every_published_figure_with_its_verdict() -> None:
    page = tree(report())
    head, first, second = cells(page, 0)
    assert head[-1] == "verdict"
    # two seeds: 1.1 ± 12.7062 · 0.0707 / √2
    assert first == ["MAML", "5", "1", "1", "1.1 ± 0.64", "1.1", "0.5", "0 of 200", "agrees"]
    assert second[-2:] == ["4 of 200", "not comparable (4 of 200 tasks diverged)"]
    measured = cells(page, 1)
    assert measured[0] == ["shots", "arm", "0 inner steps", "1 inner step", "2 inner steps"]
    assert measured[2] == ["5", "MTL", "3 ± 0", "2.5 ± 0", "2.4 ± 0"]
    words = "".join(page.itertext())
    for said in (
        "A paper", "The seed is unknown.", "MAML agrees after 1 step",
        "MTL, seed 1, 5 shots: 0.01 for 1, 0.02 for 2", "maml-explorer reproduce mine --seeds 2",
        "Inner loop: Inner learning rate α", "torch 2.9",
    ):  # fmt: skip
        assert said in words
    assert "What this run does otherwise" not in words


def test_the_pictures_are_in_the_page() -> None:
    page = tree(report())
    space = "{http://www.w3.org/2000/svg}"
    adaptation, losses = page.findall(f".//{space}svg")
    assert len(adaptation.findall(f"{space}polyline")) == 2
    assert len(losses.findall(f"{space}polyline")[0].get("points", "").split()) == 3
    text = report_html(report())
    assert not re.search(r"src=|url\(|<script|@import|<link", text)


def test_links_lead_to_repositories_and_papers_only() -> None:
    preset = replace(report().preset, source=f"github.com/a-b/c.d: e.py, {HOSTILE}")
    page = tree(report(preset=preset))
    links = [(link.get("href"), link.text) for link in page.iter("a")]
    assert links == [
        ("https://github.com/a-b/c.d", "github.com/a-b/c.d"),
        ("https://doi.org/10.48550/arXiv.1703.03400", "MAML (arXiv:1703.03400)"),
    ]


def test_every_seed_is_shown_by_itself() -> None:
    page = tree(report())
    assert [summary.text for summary in page.iter("summary")] == [
        "Each seed by itself",
        "All settings",
    ]
    head, *rows = cells(page, 2)
    assert head == ["shots", "arm", "seed", "MSE after inner steps", "diverged"]
    assert rows == [
        ["5", "MAML", "0", "3 after 0, 1.05 after 1, 0.8 after 2", "0"],
        ["5", "MAML", "1", "3 after 0, 1.15 after 1, 0.8 after 2", "4"],
        ["5", "MTL", "0", "3 after 0, 2.5 after 1, 2.4 after 2", "0"],
        ["5", "MTL", "1", "3 after 0, 2.5 after 1, 2.4 after 2", "0"],
    ]
    alone = tree(report(records={0: report().records[0]}))
    assert [summary.text for summary in alone.iter("summary")] == ["All settings"]


def test_a_diverged_task_does_not_flatten_the_picture() -> None:
    wild = record([3.0, 1.0, 1e36], diverged=[0, 0, 1], mean_kept=[3.0, 1.0, 0.9])
    page = tree(report(records={0: {"MAML": (wild,)}}))
    space = "{http://www.w3.org/2000/svg}"
    curve = page.find(f".//{space}svg/{space}polyline")
    assert curve is not None
    heights = [float(p.split(",")[1]) for p in curve.get("points", "").split()]
    assert heights[2] - heights[1] == pytest.approx((1.0 - 0.9) * (256 - 14) / (1.08 * 3), abs=0.1)
    assert "the mean of the others" in "".join(page.itertext())
    none = record([3.0, 1.0, None], diverged=[0, 0, 600], mean_kept=[3.0, 1.0, None])
    page = tree(report(records={0: {"MAML": (none,)}}))
    assert "the mean of the others" not in "".join(page.itertext())


def test_what_people_typed_is_escaped() -> None:
    base = report()
    arm = replace(default_arm("maml"), name=HOSTILE[:40])
    preset = replace(
        base.preset, title=HOSTILE, source=HOSTILE, description=HOSTILE, unknown=HOSTILE
    )
    records = {0: {arm.name: (record([3.0, 1.0, 0.5]),)}}
    made = replace(
        base, preset=preset, settings=base.settings.with_arms((arm,)), records=records,
        outer_steps={arm.name: 5}, command=HOSTILE, notes=(HOSTILE,),
        losses={arm.name: ([1.0], [2.0])}, versions={HOSTILE: HOSTILE},
    )  # fmt: skip
    text = report_html(made)
    assert "<script" not in text and "&lt;script&gt;" in text
    tree(made)


def test_an_unfinished_run_and_changed_settings_are_said() -> None:
    short = report(outer_steps={"MAML": 200, "MTL": 70_000}, notes=("Seed 0: MAML diverged.",))
    assert short.deviations == ("MAML has taken 200 of 70000 outer steps",)
    words = "".join(tree(short).itertext())
    assert "MAML has taken 200 of 70000 outer steps" in words and "Seed 0: MAML diverged." in words
    less = report(settings=report().settings.with_values({"outer_steps": 200}),
                  outer_steps={"MAML": 200, "MTL": 200})  # fmt: skip
    assert less.deviations == ("Outer steps: 70000 → 200",)
    assert "Differs from the preset: Outer steps: 70000 → 200." in report_text(less)


def test_text_markdown_and_json_say_the_same() -> None:
    made = report()
    text, markdown = report_text(made), report_markdown(made)
    row = next(line for line in text.splitlines() if line.startswith("MAML  5      1  "))
    assert row.endswith("  1.1 ± 0.64  1.1               0.5     0 of 200  agrees")
    assert "| MAML | 5 | 1 | 1 | 1.1 ± 0.64 | 1.1 | 0.5 | 0 of 200 | agrees |" in markdown
    assert "Unknown about the original: The seed is unknown." in markdown
    found = json.loads(json.dumps(report_json(made), allow_nan=False))
    first = found["comparisons"][0]
    assert first["verdict"]["words"] == "agrees" and first["mean"] == pytest.approx(1.1)
    assert found["records"]["0"]["MTL"][0]["mean"] == [3.0, 2.5, 2.4]


def test_a_preset_without_numbers_has_a_table_only() -> None:
    base = report()
    made = replace(base, preset=replace(base.preset, published=()))
    assert "No numbers are published" in report_text(made)
    assert "No numbers are published." in report_html(made)
    assert "1.1 ± 0.64" in report_html(made)


@pytest.mark.parametrize("log_y", [False, True])
def test_a_plot_stays_inside_its_frame(log_y: bool) -> None:
    line = ReportLine("a", "#000000", "dot", [0, 1, 2], [3.0, None, 1.0], [9.0, None, 9.0])
    drawn = ElementTree.fromstring(plot([line], [Cross(1, 2.0, "#000000", 50.0)], "x", "y", log_y))
    numbers = [
        float(value)
        for shape in drawn.iter()
        for key in ("y1", "y2", "y")
        if (value := shape.get(key)) is not None
    ]
    pairs = [p for s in drawn.iter() if (p := s.get("points"))]
    numbers += [float(pair.split(",")[1]) for points in pairs for pair in points.split()]
    assert min(numbers) >= 0 and max(numbers) <= 300
    assert "nothing finite" in plot(
        [ReportLine("a", "#000000", "dot", [0.0], [None])], [], "x", "y"
    )


def test_a_curve_is_drawn_where_its_values_are() -> None:
    line = ReportLine("a", "#000000", "solid", [0, 10], [0.0, 2.0])
    drawn = ElementTree.fromstring(plot([line], [], "x", "y"))
    curve = drawn.find("{http://www.w3.org/2000/svg}polyline")
    assert curve is not None
    (x0, y0), (x1, y1) = (map(float, p.split(",")) for p in curve.get("points", "").split())
    assert (x0, x1) == (64, 624)
    assert y0 == 256  # 0 lies on the axis
    assert y1 == pytest.approx(256 - (256 - 14) / 1.08, abs=0.1)


def test_losses_are_averaged_in_bins() -> None:
    steps = list(range(1, 1001))
    losses = [float(n % 5) + 1 for n in steps]
    at, mean = binned([float(n) for n in steps], losses)
    assert len(at) == 200 and at[0] == 3.0 and mean == [3.0] * 200
    assert binned([1.0, 2.0, 3.0], [2.0, float("nan"), 4.0]) == ([1.0, 3.0], [2.0, 4.0])
    assert binned([], []) == ([], [])


def test_what_was_not_measured_is_left_out() -> None:
    """An arm without a record of these shots, an inner step that another arm was not tested at."""
    base = report()
    short = {**base.records[0]}
    short["MTL"] = (record([3.0, None], shots=10),)
    made = replace(base, records={0: short}, losses={}, preset=replace(base.preset, unknown=""))
    assert measured_rows(made)[1:] == [
        ("5", "MAML", "3 ± 0.05", "1.05 ± 0.05", "0.8 ± 0.05"),
        ("10", "MTL", "3 ± 0.05", "not finite", "–"),
    ]
    page = tree(made)
    words = "".join(page.itertext())
    assert "Outer loss while training" not in words
    space = "{http://www.w3.org/2000/svg}"
    of_5, of_10 = page.findall(f".//{space}svg")
    assert len(of_5.findall(f"{space}polyline")) == len(of_10.findall(f"{space}polyline")) == 1
    # the published figures are of 5 shots
    crosses = [len(one.findall(f"{space}line")) for one in (of_5, of_10)]
    assert crosses[0] > crosses[1]
    assert "Unknown about the original" not in report_markdown(made)


def test_a_preset_without_published_figures_has_no_verdicts() -> None:
    base = report()
    made = replace(base, preset=replace(base.preset, published=()))
    assert report_markdown(made).count("| --- |") < report_markdown(base).count("| --- |")
    assert "verdict" not in report_markdown(made)


def test_a_figure_that_a_logarithm_cannot_show_is_left_out() -> None:
    line = ReportLine("MAML", "#123456", "solid", [0, 1], [2.0, 1.0])
    shown = [plot([line], [Cross(1, y, "#654321")], "x", "y", log_y=True) for y in (0.5, 0.0)]
    assert [text.count("#654321") for text in shown] == [2, 0]
