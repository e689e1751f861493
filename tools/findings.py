"""Measures what docs/findings.md says: trains the default preset and looks inside.

    python -m tools.findings [--outer-steps N] [--seeds N]

Writes the tables between the marks of docs/findings.md and leaves the words around them alone.
Intervals are 95 % Student t over seeds.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import statistics
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import TypeVar

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.core import training
from maml_explorer.core.adaptation import uniform_step_sizes
from maml_explorer.core.families.batch import TaskBatch
from maml_explorer.core.families.sine import query_grid
from maml_explorer.core.families.sine_family import DIVERGED_FACTOR
from maml_explorer.core.families.sine_predictors import predict_zero_mse
from maml_explorer.core.insight import cost, gradient_parts, parameter_map, stability
from maml_explorer.core.insight.empty_view import Nothing
from maml_explorer.core.insight.features import GRID_POINTS, feature_change, freeze_test
from maml_explorer.core.insight.held_out_tasks import held_out_batch
from maml_explorer.core.insight.learner import Learner, meta_test_learner, training_learner
from maml_explorer.core.meta_test import run_to_end
from maml_explorer.core.plan import Plan, prepare
from maml_explorer.core.streams import stream
from maml_explorer.settings.groups import DECLARATIONS
from maml_explorer.settings.settings import Settings, default_arm
from tools.marked_part import with_part

PAGE = Path(__file__).resolve().parent.parent / "docs" / "findings.md"
BEGIN = "<!-- measured: written by tools/findings.py -->"
END = "<!-- end of measured -->"
# 97.5 % points of Student's t with 1, 2, … degrees of freedom
STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
INSTANTS = (0, 100, 1_000, 5_000, 20_000, 70_000)

T = TypeVar("T")
Figures = dict[tuple[str, ...], list[float]]
"""Figure → one value per seed."""


def got(value: T | Nothing) -> T:
    """The value, where there is one."""
    if isinstance(value, Nothing):
        raise SystemExit(value.reason)
    return value


def tasks_of(plan: Plan, count: int, theta: torch.Tensor) -> TaskBatch:
    """Held-out tasks with the preset's shots and 100 clean query points."""
    settings = plan.settings
    return held_out_batch(
        settings.tasks, count, settings.inner.shots, stream(settings.run.seed, "findings"), theta
    )


def look_often(plan: Plan, state: training.RunState, figures: Figures) -> None:
    """What is measured at several instants of training."""
    at = str(state.outer_step)
    for name, arm in state.arms.items():
        learner = training_learner(plan, name, arm.initialization)
        if plan.arms[name].algorithm.outer_rule == "interpolation" or not learner.steps:
            continue
        batch = tasks_of(plan, 100, arm.initialization)
        parts = got(run_to_end(gradient_parts.gradient_parts(learner, batch))).summary()
        figures["cosine", name, at].append(float(parts.cosine[-1]))
        figures["share", name, at].append(float(parts.correction_norm[-1] / parts.norm[-1]))
        figures["tasks", name, at].append(parts.mean_task_cosine)
        spectrum = got(
            run_to_end(stability.stability(learner, batch, stream(0, "vectors"), iterations=40))
        )
        figures["overshoot", name, at].append(float(spectrum.overshoot.median()))
        figures["worst", name, at].append(float(spectrum.overshoot.max()))
        figures["above two", name, at].append(spectrum.share_overshooting)
        figures["radius", name, at].append(spectrum.maximum)
        figures["above one", name, at].append(spectrum.share_above_one)


def learners_at_the_end(plan: Plan, state: training.RunState, steps: int) -> dict[str, Learner]:
    """Every arm as it adapts at meta-test, and ANIL's θ with all layers adapting."""
    found = {
        name: meta_test_learner(plan, name, arm.initialization, steps)
        for name, arm in state.arms.items()
    }
    head = found["ANIL"]
    alpha = plan.settings.inner.inner_lr
    found["ANIL's θ, all layers adapting"] = dataclasses.replace(
        head, start=0, step_sizes=uniform_step_sizes(alpha, plan.model.depth, head.theta)
    )
    return found


def look_at_the_end(plan: Plan, state: training.RunState, figures: Figures) -> None:
    """What is measured on the trained initializations."""
    x = query_grid(plan.settings.tasks, GRID_POINTS)
    for steps in (1, 10):
        for name, learner in learners_at_the_end(plan, state, steps).items():
            k = str(steps)
            batch = tasks_of(plan, 300, learner.theta)
            frozen = got(run_to_end(freeze_test(learner, batch)))
            for row, errors in enumerate(frozen):
                bad = torch.where(torch.isfinite(errors), errors, torch.inf)
                figures["frozen", name, k, str(row)].append(float(bad.quantile(0.5)))
            kept = frozen[0] <= DIVERGED_FACTOR * predict_zero_mse(plan.settings.tasks)
            figures["diverged", name, k].append(float((~kept).sum()))
            batch = TaskBatch(batch.tasks[kept], batch.inputs[kept], batch.y[kept], batch.shots)
            change = got(run_to_end(feature_change(learner, batch, x)))
            for table, values in (("cka", change.similarity), ("change", change.parameter_change)):
                for layer, value in enumerate(values.nanmean(1)):
                    figures[table, name, k, str(layer)].append(float(value))
            found = got(run_to_end(parameter_map.parameter_map(learner, batch)))
            figures["first", name, k].append(found.explained[0])
            figures["both", name, k].append(sum(found.explained))
            fit = got(parameter_map.polar_fit(found.coordinates, batch.tasks))
            figures["polar", name, k].append(fit.r_squared)


def check_gradients(plan: Plan, state: training.RunState, figures: Figures) -> None:
    """Finite differences of a smooth network's loss, and of the preset's ReLU."""
    learner = training_learner(plan, "MAML", state.arms["MAML"].initialization)
    batch = tasks_of(plan, 25, learner.theta)
    checked = got(
        run_to_end(gradient_parts.difference_check(learner, batch, stream(0, "directions")))
    )
    figures[("difference",)].append(checked.error)
    figures[("difference of first order",)].append(checked.first_order_error)


def measure(seed: int, outer_steps: int, figures: Figures) -> None:
    """One seed: trains all arms side by side and looks at the instants and at the end."""
    settings = Settings().with_values({"seed": seed, "outer_steps": outer_steps})
    plan = prepare(settings.with_arms(tuple(default_arm(key) for key in ALGORITHMS)))
    state = training.start_run(plan)
    instants = {*(i for i in INSTANTS if i < outer_steps), outer_steps}
    while True:
        if state.outer_step in instants:
            look_often(plan, state, figures)
            print(f"seed {seed}: {state.outer_step} outer steps", file=sys.stderr, flush=True)
        if state.outer_step == outer_steps:
            break
        state, _ = training.outer_step(plan, state)
    look_at_the_end(plan, state, figures)
    check_gradients(plan, state, figures)


def milliseconds(steps: int, rounds: int = 7, repeats: int = 200) -> dict[str, float]:
    """Median over rounds of the processor time of an outer step, per algorithm, in turns."""
    plans = {}
    for key in ALGORITHMS:
        values = {"inner_steps": steps, "reptile_inner_steps": steps, "reptile_batch": 10}
        plan = prepare(Settings().with_values(values).with_arms((default_arm(key),)))
        plans[key] = plan, training.start_run(plan)
    times: dict[str, list[float]] = {key: [] for key in ALGORITHMS}
    for round_ in range(rounds + 1):
        for key, (plan, state) in plans.items():
            begin = time.thread_time()
            for _ in range(repeats):
                state, _ = training.outer_step(plan, state)
            if round_:  # the first one records
                times[key].append(1000 * (time.thread_time() - begin) / repeats)
    return {key: statistics.median(found) for key, found in times.items()}


def interval(values: list[float], digits: int = 3) -> str:
    """Mean ± half-width over seeds."""
    lost = sum(not math.isfinite(value) for value in values)
    if lost:
        return f"not finite in {lost} of {len(values)}"
    mean = statistics.fmean(values)
    if len(values) < 2:
        return f"{mean:.{digits}f}"
    half = STUDENT[len(values) - 2] * statistics.stdev(values) / math.sqrt(len(values))
    return f"{mean:.{digits}f} ± {half:.{digits}f}"


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def report(figures: Figures, seeds: int, outer_steps: int) -> str:
    """The tables as Markdown."""
    instants = sorted({int(key[2]) for key in figures if key[0] == "cosine"})
    every = [default_arm(key).name for key in ALGORITHMS]
    arms = [name for name in every if ("cosine", name, "0") in figures]

    def over_training(*names: tuple[str, str, int]) -> str:
        return table(
            ["outer steps", *(f"{arm}: {label}" for arm in arms for label, _, _ in names)],
            [
                [f"{at:,}"]
                + [
                    interval(figures[key, arm, str(at)], digits)
                    for arm in arms
                    for _, key, digits in names
                ]
                for at in instants
            ],
        )

    learners = [key[1] for key in figures if key[0] == "both" and key[2] == "1"]

    def per_layer(key: str, k: str, head: list[str], digits: int = 3) -> str:
        count = len({f[3] for f in figures if f[0] == key})
        return table(
            [f"K = {k}", *head],
            [
                [name, *(interval(figures[key, name, k, str(i)], digits) for i in range(count))]
                for name in learners
            ],
        )

    diverged = "; ".join(
        f"{name} {statistics.fmean(figures['diverged', name, k]):.1f} (K = {k})"
        for k in ("1", "10")
        for name in learners
        if any(figures["diverged", name, k])
    )
    sections = [
        described(seeds, outer_steps),
        "### First against second order",
        "Cosine between the first-order part and the meta-gradient; length of the Hessian "
        "correction over that of the meta-gradient; mean cosine between the meta-gradients of two "
        "tasks. 100 held-out tasks, each at the arm's own θ with one inner step.",
        over_training(("cosine", "cosine", 3), ("correction", "share", 2), ("tasks", "tasks", 3)),
        "Finite differences in float64 along 8 directions at MAML's final θ, largest error over "
        f"the largest slope: meta-gradient {max(figures[('difference',)]):.1e}, first-order part "
        f"alone {min(figures[('difference of first order',)]):.2f} to "
        f"{max(figures[('difference of first order',)]):.2f}.",
        "At θ_0, before training, by the way it is drawn:",
        initializations(seeds),
        "### Similarity of features",
        "300 held-out tasks, 10 shots, K inner steps at meta-test. Tasks that diverged by the "
        "meta-test's rule, on average over seeds: "
        + (diverged or "none")
        + ". They are left out of all that "
        "follows but the freeze test, whose medians count them as infinitely bad.",
        "Linear CKA of activations before against after adaptation, at 200 points, mean.",
        per_layer("cka", "1", ["hidden 1", "hidden 2", "output"]),
        per_layer("cka", "10", ["hidden 1", "hidden 2", "output"]),
        "Relative change of parameters, ‖φ − θ‖ / ‖θ‖ per layer, mean.",
        per_layer("change", "10", ["hidden 1", "hidden 2", "output"]),
        "Freeze test: median query error with the lowest layers held at θ.",
        per_layer("frozen", "1", ["none", "first", "first two", "all (no adaptation)"]),
        per_layer("frozen", "10", ["none", "first", "first two", "all (no adaptation)"]),
        "### The map of adapted parameters",
        "Share of squared displacement along the first and the first two principal components of "
        "φ − θ over these tasks, and R² of (A cos φ, A sin φ) as a linear function of the two.",
        table(
            ["", *(f"{label}, K = {k}" for k in (1, 10) for label in ("first", "both", "R²"))],
            [
                [
                    name,
                    *(
                        interval(figures[key, name, k])
                        for k in ("1", "10")
                        for key in ("first", "both", "polar")
                    ),
                ]
                for name in learners
            ],
        ),
        "### Stability of the inner step",
        "α λ_max at θ, median and largest of 100 tasks, and the share above 2; the spectral "
        "radius of I − αH, largest, and the share above 1.",
        over_training(
            ("median αλ", "overshoot", 2), ("largest αλ", "worst", 2), ("> 2", "above two", 2)
        ),
        over_training(("largest radius", "radius", 2), ("> 1", "above one", 2)),
        "### Cost of an outer step",
        "Counted multiply-adds of matrix products and bytes kept for the outer gradient, and "
        "processor time of one thread, median of 7 rounds in one run: read the ratios.",
        costs(),
    ]
    return "\n\n".join(sections)


def described(seeds: int, outer_steps: int) -> str:
    """What was run."""
    settings = Settings()
    return (
        f"{seeds} seeds (0 to {seeds - 1}), {outer_steps:,} outer steps, default settings with all "
        f"algorithms side by side (initialization {settings.model.initialization}, α "
        f"{settings.inner.inner_lr:g}, {settings.inner.inner_steps} inner step in training, "
        f"{settings.inner.shots} shots, meta-batch {settings.outer.meta_batch}). "
        f"Torch {torch.__version__}, CPU, float32."
    )


def initializations(seeds: int) -> str:
    """First against second order and stability at θ_0, for every way to draw it."""
    rows = []
    for how in DECLARATIONS["initialization"].choices:
        figures: Figures = defaultdict(list)
        for seed in range(seeds):
            settings = Settings().with_values({"seed": seed, "initialization": how})
            plan = prepare(settings.with_arms((default_arm("maml"),)))
            look_often(plan, training.start_run(plan), figures)
        row = [
            interval(figures[key, "MAML", "0"], 2)
            for key in ("cosine", "share", "overshoot", "worst", "above two")
        ]
        rows.append([str(how), *row])
    head = ["", "cosine", "correction", "median α λ_max", "largest", "share above 2"]
    return table(head, rows)


def costs() -> str:
    """Counted and measured costs against inner steps, as multiples of FO-MAML's at K = 1."""
    settings = Settings()
    plan = prepare(settings)
    sizes = cost.Sizes(
        plan.model, settings.outer.meta_batch, settings.inner.shots, settings.inner.query_points,
        reptile_batch=settings.inner.shots,
    )  # fmt: skip
    rows = []
    for k in (1, 5, 10):
        times = milliseconds(k)
        for key in ALGORITHMS:
            found = cost.outer_step_cost(key, sizes, k)
            base = cost.outer_step_cost("maml", sizes, k)
            rows.append(
                [
                    str(k), default_arm(key).name, f"{found.multiply_adds / 1e6:.2f}",
                    f"{found.multiply_adds / base.multiply_adds:.2f}",
                    f"{found.kept_bytes / 1024:.0f}", f"{times[key]:.2f}",
                    f"{times[key] / times['maml']:.2f}",
                ]
            )  # fmt: skip
    head = [
        "K", "", "million multiply-adds", "of MAML's", "KiB kept", "ms", "of MAML's ms",
    ]  # fmt: skip
    return table(head, rows)


def main() -> None:
    """Measures and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--outer-steps", type=int, default=70_000)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    figures: Figures = defaultdict(list)
    with torch.no_grad():
        for seed in range(arguments.seeds):
            measure(seed, arguments.outer_steps, figures)
        measured = report(figures, arguments.seeds, arguments.outer_steps)
    page = PAGE.read_text(encoding="utf-8") if PAGE.exists() else f"# Findings\n\n{BEGIN}{END}\n"
    PAGE.write_text(with_part(page, BEGIN, END, measured), encoding="utf-8")


if __name__ == "__main__":
    main()
