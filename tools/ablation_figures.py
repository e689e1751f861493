"""Writes the tables of the algorithms in docs/ablation.md.

python -m tools.ablation_figures                   writes them from the figures in docs/ablation
python -m tools.ablation_figures NAME=FOLDER …     takes over these ablations first
python -m tools.ablation_figures --costs           measures an outer step of each algorithm first

A folder is what `maml-explorer ablate --algorithms … --out FOLDER` has written; names are those of
TITLES. Costs are processor time of one thread: measure them on quiet cores.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean, median
from typing import Any

import torch

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.core.plan import prepare
from maml_explorer.core.training import outer_step, start_run
from maml_explorer.experiments.ablation import RUNS
from maml_explorer.experiments.training import threads_of
from maml_explorer.experiments.variants import algorithms_of
from maml_explorer.settings.presets import load_preset
from maml_explorer.settings.settings import Arm, Settings
from maml_explorer.settings.text import from_toml
from maml_explorer.settings.words import counted
from maml_explorer.storage.report.figures import figure_text
from tools.marked_part import with_part

ROOT = Path(__file__).resolve().parents[1]
PAGE, DATA = ROOT / "docs" / "ablation.md", ROOT / "docs" / "ablation"
COSTS = "costs"
BEGIN, END = "<!-- figures: tools/ablation_figures.py -->", "<!-- end of figures -->"
TITLES = {
    "sine": "Sine waves",
    "sine-imaml-1000": "Sine waves: iMAML with λ = 1000 and α = 0.001",
    "sine-imaml-100": "Sine waves: iMAML with λ = 100 and α = 0.01",
    "images": "Letters, 5-way 1-shot",
}
"""Name of a file → title, in the order of the page."""
PRESETS = {"finn-10-shot": "sine waves", "glyphs-5-way-1-shot": "letters"}
"""Presets whose outer steps are measured."""
TARGET, TARGET_AT = 0.15, 5
"""Median squared error, and the inner steps after which it is looked for."""
ERROR = "MSE"
"""The figure that is an error, and of which tasks may diverge."""
ROUNDS, WARM_UP, LEAST = 7, 3, 0.25
"""Rounds of a measurement, outer steps before it, and seconds of processor time of a round."""


def take_over(name: str, folder: Path) -> None:
    """Keeps the figures of an ablation, with its median errors while it was trained."""
    found = json.loads((folder / "ablation.json").read_text(encoding="utf-8"))
    found["curves"] = curves(folder, found["inner_steps"])
    DATA.mkdir(exist_ok=True)
    text = json.dumps(_rounded(found), ensure_ascii=False, separators=(",", ":"))
    (DATA / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def curves(
    folder: Path, inner_steps: Sequence[int]
) -> dict[str, dict[str, list[list[float | None]]]]:
    """Variant → inner step → [outer step, mean over seeds of the median], on the trained shots.

    None stands for a mean that is not finite.
    """
    found: dict[tuple[str, str], dict[int, dict[str, float]]] = defaultdict(dict)
    for run in sorted((folder / RUNS).iterdir()):
        shots = from_toml((run / "settings.toml").read_text(encoding="utf-8")).inner.shots
        with (run / "evaluations.csv").open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                if int(row["shots"]) == shots and int(row["inner_step"]) in inner_steps:
                    here = found[row["arm"], row["inner_step"]].setdefault(
                        int(row["outer_step"]), {}
                    )
                    here[row["seed"]] = float(row["median"] or "inf")
    by_arm: dict[str, dict[str, list[list[float | None]]]] = defaultdict(dict)
    for (arm, inner_step), steps in found.items():
        by_arm[arm][inner_step] = [
            [step, value if math.isfinite(value := fmean(seeds.values())) else None]
            for step, seeds in sorted(steps.items())
        ]
    return dict(by_arm)


def _rounded(value: Any) -> Any:
    """JSON values with six significant digits."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    return [_rounded(one) for one in value] if isinstance(value, list) else value


def measure_costs() -> None:
    """Keeps the processor time of an outer step of every algorithm, trained on its own."""
    found: dict[str, dict[str, float]] = {}
    with torch.no_grad():
        for preset in PRESETS:
            settings = load_preset(preset).settings.with_values({"device": "cpu"})
            _seconds(settings)  # letters are drawn once and kept, so the first arm would pay
            for name, trick in algorithms_of(settings, tuple(ALGORITHMS), (1, 5)).items():
                own = tuple(trick.changes(settings).items())
                arms = (Arm(name, trick.algorithm, own),)
                ms = 1000 * _seconds(settings.with_arms(arms))
                found.setdefault(preset, {})[name] = round(ms, 3)
                print(f"{preset}, {name}: {ms:.2f} ms", flush=True)
    DATA.mkdir(exist_ok=True)
    text = json.dumps(found, ensure_ascii=False, indent=1)
    (DATA / f"{COSTS}.json").write_text(text + "\n", encoding="utf-8")


def _seconds(settings: Settings) -> float:
    """Processor time of an outer step, the median of some rounds."""
    plan = prepare(settings)
    with threads_of(plan):
        state = start_run(plan)
        for _ in range(WARM_UP):
            state, _losses = outer_step(plan, state)
        rounds = []
        for _ in range(ROUNDS):
            began, steps = time.process_time(), 0
            while time.process_time() - began < LEAST:
                state, _losses = outer_step(plan, state)
                steps += 1
            rounds.append((time.process_time() - began) / steps)
    return median(rounds)


def result_table(found: Mapping[str, Any]) -> Iterator[str]:
    """The lines of a table: every variant's figure after each number of inner steps."""
    steps, figure = found["inner_steps"], found["figure"]
    errors = figure == ERROR
    more = [f"median after {steps[-1]}", "diverged"] if errors else []
    yield "| trained as | " + " | ".join([f"after {k}" for k in steps] + more) + " |"
    yield "|---|" + "--:|" * (len(steps) + len(more))
    total = len(found["seeds"]) * found["tasks"]
    for one in found["variants"]:
        cells = [figure_text(*pair, figure) for pair in _pairs(one, "mean")]
        if errors:
            cells.append(figure_text(*_pairs(one, "median")[-1], figure))
            cells.append(_most(one["diverged"], total))
        yield f"| {_marked(one)} | " + " | ".join(cells) + " |"


def _most(diverged: Sequence[int], total: int) -> str:
    """Tasks that diverged after the last inner step: "13 of 1800"."""
    return f"{diverged[-1]} of {total}" if any(diverged) else "none"


def _marked(one: Mapping[str, Any]) -> str:
    """The variant's name, with a star where a seed stopped in training."""
    return one["name"] + ("*" if one["training_diverged"] else "")


def _pairs(one: Mapping[str, Any], key: str) -> list[tuple[float | None, float | None]]:
    return list(zip(one[key], one[f"{key}_ci95"], strict=True))


def difference_table(found: Mapping[str, Any]) -> Iterator[str]:
    """The lines of a table: paired differences to MAML, and what more steps in training gain."""
    steps, figure = found["inner_steps"], found["figure"]
    shown = [0, len(steps) - 1]
    more = [one for one in found["variants"] if one.get("fewer")]
    head = [f"to MAML, after {steps[at]}" for at in shown]
    head += [f"gain of more steps, after {k}" for k in steps] if more else []
    yield "| trained as | " + " | ".join(head) + " |"
    yield "|---|" + "--:|" * len(head)
    for one in found["variants"]:
        if one["algorithm"] == "maml" and not one.get("fewer"):
            continue
        own = _pairs(one, "difference")
        plain = one["algorithm"] == "maml"
        cells = ["–" if plain else figure_text(*own[at], figure, signed=True) for at in shown]
        if more:
            gains = _pairs(one, "gain") if one.get("fewer") else None
            cells += [
                "–" if gains is None else figure_text(*gains[at], figure, signed=True)
                for at in range(len(steps))
            ]
        yield f"| {_marked(one)} | " + " | ".join(cells) + " |"


def cost_table(costs: Mapping[str, Mapping[str, float]], sine: Mapping[str, Any]) -> Iterator[str]:
    """The lines of a table: milliseconds of an outer step, and the price of an error on sines."""
    yield (
        "| trained as | "
        + " | ".join(f"ms a step, {words}" for words in PRESETS.values())
        + f" | outer steps to {TARGET:g} | seconds |"
    )
    yield "|---|" + "--:|" * (len(PRESETS) + 2)
    for name in next(iter(costs.values())):
        cells = [f"{costs[preset][name]:.2f}" for preset in PRESETS]
        reached = reached_at(sine, name)
        if name not in sine["curves"]:
            cells += ["–", "–"]
        elif reached is None:
            cells += ["not reached", "–"]
        else:
            seconds = reached * costs["finn-10-shot"][name] / 1000
            cells += [f"{reached:,}", f"{seconds:.1f}"]
        yield f"| {name} | " + " | ".join(cells) + " |"


def reached_at(found: Mapping[str, Any], name: str) -> int | None:
    """The first outer step that was tested with a median below the target; None where none was."""
    for step, value in found["curves"].get(name, {}).get(str(TARGET_AT), []):
        if value is not None and value < TARGET:
            return int(step)
    return None


def kept(data: Path = DATA) -> dict[str, Any]:
    """The figures of all files, by name."""
    files = [data / f"{name}.json" for name in (*TITLES, COSTS)]
    return {f.stem: json.loads(f.read_text(encoding="utf-8")) for f in files if f.exists()}


def tables(data: Path = DATA) -> str:
    """The tables of all that is measured."""
    found, parts = kept(data), []
    for name, title in TITLES.items():
        if name not in found:
            continue
        one = found[name]
        figure = "Query MSE" if one["figure"] == ERROR else "Query accuracy in %"
        parts.append(
            f"### {title}\n\n`{one['command']}`\n\n{figure} of {one['tasks']} held-out tasks with "
            f"{counted(one['shots'], 'shot')} after {one['outer_steps']:,} outer steps."
        )
        parts.append("\n".join(result_table(one)))
        parts.append("\n".join(difference_table(one)))
        stopped = [
            f"- {said}" for variant in one["variants"] for said in variant["training_diverged"]
        ]
        if stopped:
            parts.append("\n".join(["Stopped in training (\\*):", "", *stopped]))
    if COSTS in found and "sine" in found:
        parts.append(
            "### Cost\n\nProcessor time of an outer step, one thread, quiet cores, each arm alone; "
            f"outer steps until the median error after {TARGET_AT} inner steps is below "
            f"{TARGET:g} (tested every 1,000), and the seconds that these take."
        )
        parts.append("\n".join(cost_table(found[COSTS], found["sine"])))
    return "\n\n".join(parts)


def with_tables(text: str, data: Path = DATA) -> str:
    """The page with the tables between its marks.

    Raises:
        ValueError: where it has no such marks.
    """
    return with_part(text, BEGIN, END, tables(data))


def main() -> None:
    """Takes over and measures what was asked for, and writes the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", metavar="NAME=FOLDER", help=f"of {', '.join(TITLES)}")
    parser.add_argument("--costs", action="store_true", help="measure what an outer step takes")
    asked = parser.parse_args()
    for given in asked.folders:
        name, _, folder = given.partition("=")
        if name not in TITLES or not folder:
            parser.error(f"{given} is no NAME=FOLDER; names are {', '.join(TITLES)}")
        take_over(name, Path(folder))
    if asked.costs:
        measure_costs()
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
