"""Trains the networks of docs/images.md and writes the tables of their accuracies.

python -m tools.image_figures                writes the tables from the figures in docs/images
python -m tools.image_figures --seeds 3 all  trains first: all, or those named

What is measured already is kept, so an interrupted measurement goes on where it stopped. The outer
steps are those that MAML takes in 30 s of training alone on two quiet cores, unless a title says
otherwise. Every arm takes as many.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.core.families.glyphs.family import nearest_neighbour
from maml_explorer.core.plan import prepare
from maml_explorer.core.student_t import student_t_975
from maml_explorer.experiments.training import threads_of, train_headless
from maml_explorer.settings.presets import load_preset
from maml_explorer.settings.settings import Settings, default_arm
from maml_explorer.storage.run.records import evaluation_record
from tools.marked_part import with_part

ROOT = Path(__file__).resolve().parents[1]
PAGE, DATA = ROOT / "docs" / "images.md", ROOT / "docs" / "images"
BEGIN, END = "<!-- figures: tools/image_figures.py -->", "<!-- end of figures -->"
STEPS = (0, 1, 3, 5, 10)
"""Inner steps that are reported."""
TASKS = 600
FOUR = ("maml", "fomaml", "anil", "mtl")
ALONE = "maml alone"
"""Key of MAML tested with each query image beside the support set alone."""
PERCEPTRON = {"model": "mlp", "hidden": (128, 64)}


@dataclass(frozen=True)
class Experiment:
    """A training that the tables have rows of."""

    title: str
    preset: str
    outer_steps: int
    algorithms: tuple[str, ...] = FOUR
    changes: Mapping[str, Any] = field(default_factory=dict)
    alone: bool = False
    """Whether MAML is tested a second time, with each query image beside the support set alone."""

    def settings(self, seed: int) -> Settings:
        """Of the run of a seed."""
        values = {"outer_steps": self.outer_steps, "seed": seed, "device": "cpu"}
        arms = tuple(map(default_arm, self.algorithms))
        found = load_preset(self.preset).settings.with_values({**values, **self.changes})
        return found.with_arms(arms)


LECTURE, ONE_SHOT, FIVE_SHOT = (
    "glyphs-2-way-4-shot",
    "glyphs-5-way-1-shot",
    "glyphs-5-way-5-shot",
)
EXPERIMENTS = {
    "2-way-4-shot": Experiment("2-way 4-shot, jitter 1.4", LECTURE, 2500, alone=True),
    "5-way-1-shot": Experiment("5-way 1-shot, jitter 1.0", ONE_SHOT, 2500),
    "5-way-1-shot-hard": Experiment(
        "5-way 1-shot, jitter 1.4", ONE_SHOT, 2500, changes={"jitter": 1.4}
    ),
    "5-way-5-shot": Experiment("5-way 5-shot, jitter 1.0", FIVE_SHOT, 2500),
    "layer-norm": Experiment(
        "2-way 4-shot, jitter 1.4, layer norm", LECTURE, 2500, ("maml",), {"norm": "layer"}
    ),
    "perceptron-2-way-4-shot": Experiment(
        "2-way 4-shot, jitter 1.4, perceptron 128-64", LECTURE, 2500, changes=PERCEPTRON
    ),
    "perceptron-5-way-1-shot": Experiment(
        "5-way 1-shot, jitter 1.0, perceptron 128-64", ONE_SHOT, 2500, changes=PERCEPTRON
    ),
    "perceptron-5-way-1-shot-hard": Experiment(
        "5-way 1-shot, jitter 1.4, perceptron 128-64",
        ONE_SHOT,
        2500,
        changes={**PERCEPTRON, "jitter": 1.4},
    ),
}
NORMS = ("2-way-4-shot", "layer-norm")
"""The experiments whose norms are compared."""


def measured(experiment: Experiment, seed: int, algorithm: str) -> dict[str, dict[str, Any]]:
    """The figures of an arm trained with a seed, by its key in the file."""
    settings = experiment.settings(seed).with_arms((default_arm(algorithm),))
    outcome = train_headless(settings, (seed,), meta_tested=False)
    plan = prepare(settings)
    ways = {algorithm: False}
    if experiment.alone and algorithm == "maml":
        ways[ALONE] = True
    found = {}
    with threads_of(plan):
        ((name, theta),) = outcome.learned[seed].items()
        for key, alone in ways.items():
            record = evaluation_record(
                plan, name, theta, shots=settings.inner.shots, inner_steps=STEPS, task_count=TASKS,
                alone=alone,
            )  # fmt: skip
            found[key] = {
                figure: [round(value, 5) for value in record[figure]] for figure in ("mean", "ci95")
            }
    return found


def measure(name: str, seeds: int) -> None:
    """Trains what is not measured yet of an experiment, arm by arm, and keeps the figures."""
    file, experiment = DATA / f"{name}.json", EXPERIMENTS[name]
    made = {"outer_steps": experiment.outer_steps, "tasks": TASKS, "inner_steps": list(STEPS)}
    found: dict[str, Any] = {**made, "seeds": {}}
    if file.exists():
        found = json.loads(file.read_text(encoding="utf-8"))
        if {key: found[key] for key in made} != made:
            raise SystemExit(f"{file} was measured otherwise: remove it first.")
    DATA.mkdir(exist_ok=True)
    for algorithm in experiment.algorithms:
        for seed in range(seeds):
            here = found["seeds"].setdefault(str(seed), {"neighbour": None, "arms": {}})
            if here["neighbour"] is None:
                near = nearest_neighbour(experiment.settings(seed), "meta-test", TASKS)
                here["neighbour"] = round(float(near.mean()), 5)
            if algorithm in here["arms"]:
                continue
            here["arms"] |= measured(experiment, seed, algorithm)
            text = json.dumps(found, separators=(",", ":"))
            file.write_text(text + "\n", encoding="utf-8")
            print(
                f"{name}, seed {seed}, {algorithm}: {here['arms'][algorithm]['mean']}", flush=True
            )


def interval(values: Sequence[float]) -> str:
    """Mean ± half of the 95 % interval (Student's t over seeds), in %."""
    mean = f"{100 * statistics.mean(values):.1f}"
    if len(values) < 2:
        return f"{mean} (one seed)"
    half = student_t_975(len(values) - 1) * statistics.stdev(values) / math.sqrt(len(values))
    return f"{mean} ± {100 * half:.1f}"


def row(label: str, found: Mapping[str, Any], key: str) -> str:
    """The accuracies of an arm by inner step."""
    steps = found["inner_steps"]
    arms = [one["arms"] for one in found["seeds"].values()]
    by_seed = [one[key]["mean"] for one in arms if key in one]
    cells = [interval([means[k] for means in by_seed]) for k in range(len(steps))]
    return f"| {label} | " + " | ".join(cells) + " |"


def label(key: str) -> str:
    """The words of an arm."""
    if key == "mtl":
        return "joint training, fine-tuned"
    return ALGORITHMS[key].label


def head(title: str, found: Mapping[str, Any]) -> list[str]:
    """The first two lines of a table."""
    steps = [f"after {k}" if k else "before" for k in found["inner_steps"]]
    return [f"| {title} | " + " | ".join(steps) + " |", "|---|" + "--:|" * len(steps)]


def tables(data: Path = DATA) -> str:
    """The tables of all that is measured."""
    found = {
        name: json.loads((data / f"{name}.json").read_text(encoding="utf-8"))
        for name in EXPERIMENTS
        if (data / f"{name}.json").exists()
    }
    parts = []
    for name, one in found.items():
        experiment = EXPERIMENTS[name]
        if name == "layer-norm":
            continue
        lines = head(f"{experiment.title}, {experiment.outer_steps:,} outer steps", one)
        there = {key for seed in one["seeds"].values() for key in seed["arms"]}
        lines += [row(label(key), one, key) for key in experiment.algorithms if key in there]
        near = interval([seed["neighbour"] for seed in one["seeds"].values()])
        lines.append(f"| nearest neighbour by pixels | {near} |" + " |" * (len(STEPS) - 1))
        parts.append("\n".join(lines))
    if set(NORMS) <= set(found):
        batch, layer = (found[name] for name in NORMS)
        lines = head("MAML, 2-way 4-shot, jitter 1.4", batch)
        lines.append(row("batch norm, all query images together", batch, "maml"))
        lines.append(row("batch norm, each query image alone", batch, ALONE))
        lines.append(row("layer norm", layer, "maml"))
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def with_tables(text: str) -> str:
    """The page with the tables between its marks.

    Raises:
        ValueError: where it has no such marks.
    """
    return with_part(text, BEGIN, END, tables())


def main() -> None:
    """Measures what was asked for, and writes the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"all, or {', '.join(EXPERIMENTS)}"
    )
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    torch.set_grad_enabled(False)
    for name in EXPERIMENTS if "all" in asked.names else asked.names:
        measure(name, asked.seeds)
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
