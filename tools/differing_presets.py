"""Measures why some presets differ from what was published: docs/differing-presets.md.

    python -m tools.differing_presets [--seeds N] [--outer-steps N]

Trains the presets of Meta-SGD with one thing changed at a time and prints one line of JSON per run:
mean and median of 1000 held-out tasks after one inner step, and the means of 100 tasks each.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from maml_explorer.core.meta_test import meta_test, run_to_end
from maml_explorer.core.plan import Plan, prepare
from maml_explorer.core.training import RunState, outer_step, start_run
from maml_explorer.settings.presets import load_preset
from maml_explorer.settings.settings import Arm, Settings

PAPER, README = "meta-sgd-5-shot", "63days-meta-sgd"
SHOTS = {PAPER: (5, 10, 20), README: (10,)}
TASKS, OF_A_TEST = 1000, 100
DRAWN = (0.005, 0.1)
"""Range from which both sources draw step sizes."""


@dataclass(frozen=True)
class Variant:
    """A preset with one thing changed."""

    preset: str
    name: str
    values: tuple[tuple[str, object], ...] = ()
    arms: tuple[Arm, ...] = ()
    rates: str = ""
    """"one" number drawn, "each" number drawn, a number, or "" for α."""

    def settings(self, seed: int) -> Settings:
        """Those of the preset, changed."""
        found = load_preset(self.preset).settings.with_values({**dict(self.values), "seed": seed})
        return found.with_arms(self.arms) if self.arms else found


SECOND = (Arm("MAML", "maml"), Arm("Meta-SGD", "meta_sgd"))
FIRST = (
    Arm("FO-MAML", "fomaml"),
    Arm("Meta-SGD, first order", "meta_sgd", (("second_order_from", 10_000_000),)),
)
VARIANTS = (
    Variant(PAPER, "as it is"),
    Variant(PAPER, "one task an outer step", (("meta_batch", 1),)),
    Variant(PAPER, "step sizes drawn, each", rates="each"),
    Variant(PAPER, "truncated normal", (("initialization", "truncated-normal"),)),
    Variant(PAPER, "first order", arms=FIRST),
    Variant(PAPER, "5 query points", (("query_points", 5),)),
    Variant(PAPER, "one frequency", (("frequency_min", 1.0), ("frequency_max", 1.0))),
    Variant(PAPER, "frequency 0.5 to 2", (("frequency_min", 0.5), ("frequency_max", 2.0))),
    Variant(PAPER, "phase 0 to 2π", (("phase_max", 2 * torch.pi),)),
    Variant(README, "as it is"),
    Variant(README, "step sizes drawn, one number", rates="one"),
    Variant(README, "step sizes from 0.005", rates="0.005"),
    Variant(README, "step sizes from 0.1", rates="0.1"),
    Variant(README, "PyTorch's initialization", (("initialization", "pytorch"),)),
    Variant(README, "second order", arms=SECOND),
)
LOOKS = (7_500, 15_000, 30_000)
"""Outer steps at which the presets as they are are tested, too."""


def begun(plan: Plan, variant: Variant) -> RunState:
    """The run at outer step 0, its step sizes drawn where the variant says so."""
    state = start_run(plan)
    if not variant.rates:
        return state
    generator = torch.Generator().manual_seed(plan.settings.run.seed + 77)
    arms = {}
    for name, arm in state.arms.items():
        vector, count = arm.initialization.clone(), plan.model.parameter_count
        more = len(vector) - count
        if more and variant.rates in ("one", "each"):
            size = more if variant.rates == "each" else 1
            low, high = DRAWN
            vector[count:] = low + (high - low) * torch.rand(size, generator=generator)
        elif more:
            vector[count:] = float(variant.rates)
        arms[name] = dataclasses.replace(arm, initialization=vector)
    return dataclasses.replace(state, arms=arms)


def measured(variant: Variant, seed: int, outer_steps: int) -> Iterator[dict[str, object]]:
    """A record per arm, shots and outer step that is looked at."""
    plan = prepare(variant.settings(seed))
    state = begun(plan, variant)
    looks = {outer_steps, *(LOOKS if variant.name == "as it is" else ())}
    for step in range(1, outer_steps + 1):
        state, _ = outer_step(plan, state)
        if step not in looks:
            continue
        for name, arm in state.arms.items():
            for shots in SHOTS[variant.preset]:
                test = meta_test(plan, name, arm.initialization, shots, 1, TASKS)
                errors = run_to_end(test)[1][1]
                yield {
                    "preset": variant.preset, "variant": variant.name, "seed": seed, "arm": name,
                    "shots": shots, "outer_step": step, "mean": float(errors.mean()),
                    "median": float(errors.median()),
                    "tests": [float(part.mean()) for part in errors.split(OF_A_TEST)],
                }  # fmt: skip


def main() -> None:
    """Prints a line of JSON per record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--outer-steps", type=int, default=60_000)
    arguments = parser.parse_args()
    with torch.no_grad():
        for seed in range(arguments.seeds):
            for variant in VARIANTS:
                for record in measured(variant, seed, arguments.outer_steps):
                    print(json.dumps(record), flush=True)


if __name__ == "__main__":
    main()
