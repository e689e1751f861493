"""Measures forgetting on streams: docs/streams.md.

    python -m tools.forgetting [--preset NAME] [--seeds 0,1,2] [--outer-steps N] [--streams N]

Trains the preset with each seed and prints one line of JSON per seed and arm, then, for several
seeds, the table over seeds: the mean error on the functions seen so far after each function of a
stream, and after the last one the error on each.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import statistics
from collections.abc import Sequence

import torch

from maml_explorer.core.forgetting import Forgetting, forgetting
from maml_explorer.core.meta_test import run_to_end
from maml_explorer.core.plan import prepare
from maml_explorer.core.student_t import student_t_975
from maml_explorer.core.training import outer_step, start_run
from maml_explorer.settings.presets import load_preset


def measured(
    preset: str, seed: int, outer_steps: int | None, streams: int
) -> dict[str, Forgetting]:
    """Forgetting of each arm that was trained with a seed."""
    settings = load_preset(preset).settings.with_values({"seed": seed, "device": "cpu"})
    plan = prepare(settings)
    state = start_run(plan)
    for _ in range(outer_steps or settings.outer.outer_steps):
        state, _ = outer_step(plan, state)
    return {
        name: run_to_end(forgetting(plan, name, arm.initialization, streams))
        for name, arm in state.arms.items()
    }


def interval(values: Sequence[float | None]) -> str:
    """The mean over seeds and the half-width of its 95 % interval."""
    finite = [value for value in values if value is not None]
    if len(finite) < len(values):
        return "diverged"
    if len(finite) < 2:
        return f"{finite[0]:.2f}"
    half = student_t_975(len(finite) - 1) * statistics.stdev(finite) / math.sqrt(len(finite))
    return f"{statistics.mean(finite):.2f} ± {half:.2f}"


def table(seeds: Sequence[dict[str, Forgetting]]) -> str:
    """Two tables in Markdown: over the functions learned so far, and function by function."""
    functions = len(next(iter(seeds[0].values())).seen)
    numbers = "".join(f" {nth + 1} |" for nth in range(functions))
    lines = [f"| functions learned |{numbers}", "|---|" + "---|" * functions]
    for name in seeds[0]:
        cells = [interval([one[name].seen[j] for one in seeds]) for j in range(functions)]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines += ["", f"| error on function |{numbers}", "|---|" + "---|" * functions]
    for name in seeds[0]:
        for label, after in (("just learned", None), ("at the end", functions)):
            cells = [
                interval([one[name].mean[after or i + 1][i] for one in seeds])
                for i in range(functions)
            ]
            lines.append(f"| {name}, {label} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Prints the records and the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="oml-sine")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--outer-steps", type=int)
    parser.add_argument("--streams", type=int, default=200)
    asked = parser.parse_args()
    found = []
    with torch.no_grad():
        for seed in map(int, asked.seeds.split(",")):
            one = measured(asked.preset, seed, asked.outer_steps, asked.streams)
            for name, record in one.items():
                print(
                    json.dumps({"seed": seed, "arm": name, **dataclasses.asdict(record)}),
                    flush=True,
                )
            found.append(one)
    print(table(found))


if __name__ == "__main__":
    main()
