"""Meta-training without a window: seeds one after the other, with a run folder or without.

What is saved is always a state whose next losses were seen to be fine, so a resumed run repeats an
uninterrupted one bit for bit, divergence included. Nothing that depends on a clock enters a file
but `steps_per_second` in the summary, and the costs that the insight measures.
"""

from __future__ import annotations

import math
import time
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from maml_explorer.core.divergence import EXPLODING, loss_limit, overshoot, refusal
from maml_explorer.core.last_good import LastGood
from maml_explorer.core.meta_test import meta_test, run_to_end
from maml_explorer.core.plan import Plan, intra_op_threads, prepare
from maml_explorer.core.settings_change import frozen_arm
from maml_explorer.core.shards import Shards, shards_here
from maml_explorer.core.training import (
    Losses,
    RunState,
    draw_batch,
    full_losses,
    outer_step,
    start_run,
)
from maml_explorer.experiments.outcome import (
    ArmMetrics,
    Evaluation,
    Outcome,
    Progress,
    evaluations_of,
)
from maml_explorer.experiments.saver import Saver, SeedRun
from maml_explorer.settings.settings import Settings
from maml_explorer.storage.initialization.folder import (
    Initialization,
    save_initialization,
)
from maml_explorer.storage.run.changes import frozen_row
from maml_explorer.storage.run.checkpoint import ArmResult, Checkpoint
from maml_explorer.storage.run.folder import RunFolder
from maml_explorer.storage.run.insight import insight_entry, read_entries, write_insight
from maml_explorer.storage.run.records import arm_records

CHECKPOINT_EVERY = 1000
"""Outer steps between checkpoints at most."""
FULL_LOSSES_EVERY = 100
"""Outer steps between the two losses that cost extra passes."""


def train_headless(
    settings: Settings,
    seeds: Sequence[int],
    *,
    folder: RunFolder | None = None,
    checkpoint: Checkpoint | None = None,
    progress: Callable[[Progress], None] | None = None,
    look_inside: bool = False,
    meta_tested: bool = True,
    on_evaluation: Callable[[Evaluation], None] | None = None,
    keep_interrupted: bool = False,
    shards: Shards | None = None,
) -> Outcome:
    """Train every arm for every seed to the declared number of outer steps.

    An arm that diverges is frozen at its last good state; the others go on. Where this is
    interrupted, by an exception out of `progress` as well, the run folder is left resumable.

    Args:
        settings: of the run; its seed is replaced by each of `seeds`.
        seeds: in order.
        folder: where to write; None writes nothing.
        checkpoint: where to go on from.
        progress: called after every outer step.
        look_inside: whether every view of the insight is computed at the end of each seed, and
            written to `folder`.
        meta_tested: whether every arm is tested on the held-out tasks, in training and at its end;
            a sweep chooses on validation tasks and tests the winner alone.
        on_evaluation: called after every meta-test, with each arm's.
        keep_interrupted: whether Ctrl+C returns what was trained until then, in place of raising.
        shards: into which the meta-batches are divided; those of the checkpoint unless given.

    Raises:
        SettingsError: if the device is absent.
        InUseError: if another process writes the folder.
        OSError: if a file cannot be written; TakenOverError where another process has taken the
            folder over: nothing more is written then.
    """
    if shards is None and checkpoint is not None and checkpoint.shards:
        shards = shards_here(checkpoint.shards)
    with nullcontext() if folder is None else folder.owned():
        tell = _Listeners(progress, on_evaluation)
        return _train_seeds(
            settings, seeds, folder, checkpoint, tell, look_inside, meta_tested, keep_interrupted,
            shards,
        )  # fmt: skip


@dataclass(frozen=True)
class _Listeners:
    """Callers who follow a run."""

    progress: Callable[[Progress], None] | None
    on_evaluation: Callable[[Evaluation], None] | None

    def tested(self, rows: Sequence[tuple[Any, ...]], *, final: bool) -> None:
        """Pass on rows of evaluations.csv."""
        if self.on_evaluation is not None:
            for one in evaluations_of(rows, final):
                self.on_evaluation(one)


def _train_seeds(
    settings: Settings,
    seeds: Sequence[int],
    folder: RunFolder | None,
    checkpoint: Checkpoint | None,
    tell: _Listeners,
    look_inside: bool,
    meta_tested: bool,
    keep_interrupted: bool,
    shards: Shards | None,
) -> Outcome:
    results = dict(checkpoint.results) if checkpoint else {}
    initializations: dict[int, dict[str, Initialization]] = {}
    learned: dict[int, dict[str, Tensor]] = {}
    metrics: dict[int, dict[str, ArmMetrics]] = {}
    states: dict[int, RunState] = {}
    began, taken, device, interrupted = time.perf_counter(), 0, "", False
    for position, seed in enumerate(seeds):
        if seed in results:
            continue
        run = _begin(settings.with_values({"seed": seed}), checkpoint, shards)
        run.tested = meta_tested
        save = Saver(folder, tuple(seeds), results)
        first, steps = run.state.outer_step, settings.outer.outer_steps
        with threads_of(run.plan):
            try:
                save(run, run.good.verified)
                _train(run, save, tell, position * steps, len(seeds) * steps)
                initializations[seed], results[seed] = _finish(run, folder, len(seeds) > 1)
                final = _final_rows(run, results[seed])
                save(run, run.state, final)
                if look_inside and folder is not None:
                    _look_inside(run, folder)
            except BaseException as error:  # Ctrl+C too
                results.pop(seed, None)
                save(run, run.good.verified)
                if not (keep_interrupted and isinstance(error, KeyboardInterrupt)):
                    raise
                interrupted, run.state = True, run.good.verified
                initializations[seed] = {name: _exported(run, name) for name in run.state.arms}
            else:
                tell.tested(final, final=True)
        taken += run.state.outer_step - first
        device = str(run.plan.device)
        learned[seed] = {
            name: arm.initialization.cpu().clone() for name, arm in run.state.arms.items()
        }
        metrics[seed], states[seed] = run.metrics(), run.state
        if interrupted:
            break
    rate = taken / (time.perf_counter() - began) if taken else None
    device = device or str(prepare(settings).device)
    ordered = {seed: results[seed] for seed in seeds if seed in results}
    return Outcome(
        settings, ordered, initializations, learned, metrics, rate, device, states, interrupted
    )


@contextmanager
def threads_of(plan: Plan) -> Iterator[None]:
    """Compute with as many threads as the plan's sizes ask for, and without autograd."""
    before = torch.get_num_threads()
    torch.set_num_threads(intra_op_threads(plan))
    try:
        with torch.no_grad():
            yield
    finally:
        torch.set_num_threads(before)


def _begin(settings: Settings, checkpoint: Checkpoint | None, shards: Shards | None) -> SeedRun:
    plan = prepare(settings, shards=shards)
    state, diverged = start_run(plan), {}
    if checkpoint is not None and checkpoint.settings.run.seed == settings.run.seed:
        state, diverged = checkpoint.state, dict(checkpoint.diverged)
    return SeedRun(plan, state, LastGood.begin(state), diverged)


def _train(run: SeedRun, save: Saver, tell: _Listeners, before: int, total: int) -> None:
    settings = run.plan.settings
    last = settings.outer.outer_steps
    while run.state.outer_step < last and not all(a.frozen for a in run.state.arms.values()):
        step = run.state.outer_step + 1
        values = _step(run, step)
        if run.tested and step % settings.run.evaluate_every == 0 and step < last:
            rows = _evaluation_rows(run.plan, run.state)
            run.evaluations += rows
            tell.tested(rows, final=False)
        if (step % CHECKPOINT_EVERY == 1 and step > 1) or save.due():
            save(run, run.good.verified)
        if tell.progress is not None:
            shown = {name: value[1] for name, value in values.items()}
            tell.progress(Progress(settings.run.seed, before + step, total, shown))
    for name, arm in run.state.arms.items():
        if not arm.frozen and not bool(torch.isfinite(arm.initialization).all()):
            _freeze(run, name, run.state.outer_step, "its parameters are not finite")


def _step(run: SeedRun, step: int) -> dict[str, tuple[float, float]]:
    """One outer step with all that follows from its losses: (inner, outer) by arm name."""
    start, seed = run.state, run.plan.settings.run.seed
    extra = _full(run.plan, start) if step % FULL_LOSSES_EVERY == 0 or step == 1 else {}
    run.state, losses = outer_step(run.plan, start)
    values = _read(losses)
    for name, (inner, outer) in values.items():
        run.rows.append((step, name, seed, inner, outer, *extra.get(name, (None, None))))
        steps, inner_losses, outer_losses = run.history.setdefault(
            name, (array("q"), array("d"), array("d"))
        )
        steps.append(step)
        inner_losses.append(inner)
        outer_losses.append(outer)
        limit = loss_limit(run.plan, name)
        # written so that NaN counts as bad
        if not (inner <= limit and outer <= limit):
            arm = run.plan.arms[name]
            what = refusal(arm, losses[name]) or _what(inner, outer, limit) + overshoot(arm)
            _freeze(run, name, step, what)
    run.good = run.good.confirmed(run.state)
    return values


def _freeze(run: SeedRun, name: str, step: int, what: str) -> None:
    """Set an arm back to its last good state, where it stays."""
    run.state = frozen_arm(run.plan, run.state, run.good.kept(name), name)
    kept = run.state.arms[name]
    run.changes.append(frozen_row(run.state.outer_step, name, kept.outer_step))
    run.diverged[name] = (
        f"{name} diverged at outer step {step}: {what}; it is kept at its step {kept.outer_step}."
    )


def _what(inner: float, outer: float, limit: float) -> str:
    name, value = ("inner", inner) if not inner <= limit else ("outer", outer)
    if not math.isfinite(value):
        return f"its {name} loss is not finite"
    return f"its {name} loss of {value:.3g} is above {limit:.3g}, {EXPLODING:g} times a usual one"


def _read(losses: Mapping[str, Losses]) -> dict[str, tuple[float, float]]:
    """The losses of all arms, in one wait for the device."""
    if not losses:
        return {}
    read = torch.stack([of_arm[:2] for of_arm in losses.values()]).tolist()
    return {name: (inner, outer) for name, (inner, outer) in zip(losses, read, strict=True)}


def _full(plan: Plan, state: RunState) -> dict[str, tuple[float, float]]:
    batch, _ = draw_batch(plan, state)
    return {
        name: full_losses(plan, state, name, batch)
        for name, arm in state.arms.items()
        if not arm.frozen
    }


def _evaluation_rows(plan: Plan, state: RunState) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    for name, arm in state.arms.items():
        record, _ = run_to_end(
            meta_test(plan, name, arm.initialization, stream_name=plan.family.watched)
        )
        figures = zip(
            record.mean, record.ci95, record.mean_kept, record.median, record.diverged, strict=True
        )
        known = (state.outer_step, name, plan.settings.run.seed, plan.settings.inner.shots)
        rows += [(*known, k, *figure) for k, figure in enumerate(figures)]
    return rows


def _finish(
    run: SeedRun, folder: RunFolder | None, several: bool
) -> tuple[dict[str, Initialization], dict[str, ArmResult]]:
    """Evaluate every arm and export its initialization."""
    settings = run.plan.settings
    initializations, results = {}, {}
    for name, arm in run.state.arms.items():
        records = arm_records(run.plan, name, arm.initialization) if run.tested else ()
        initialization = _exported(run, name, records)
        if folder is not None:
            folder.check()
            seed = settings.run.seed if several else None
            place = folder.initialization_folder(settings, name, seed)
            save_initialization(place, initialization, overwrite=True)
        initializations[name] = initialization
        results[name] = ArmResult(arm.outer_step, records, run.diverged.get(name, ""))
    return initializations, results


def _exported(
    run: SeedRun, name: str, records: tuple[Mapping[str, Any], ...] = ()
) -> Initialization:
    settings, arm = run.plan.settings, run.state.arms[name]
    one = settings.with_arms((settings.arm(name),))
    return Initialization(one, arm.initialization.cpu().numpy(), arm.outer_step, records)


def _look_inside(run: SeedRun, folder: RunFolder) -> None:
    """Write what every view finds; those of the other seeds stay."""
    from maml_explorer.protocol.insight_series import Figures
    from maml_explorer.worker.insight.all_views import every_view

    seed, figures = run.plan.settings.run.seed, Figures()
    entries = [entry for entry in read_entries(folder.path) if entry["seed"] != seed]
    for found in every_view(run.plan, run.state):
        figures.take(found)
        entries.append(
            insight_entry(
                found.request.view, found.request.values(), seed, found.outer_step, found.value
            )
        )
    write_insight(folder.path, entries, figures.rows())


def _final_rows(run: SeedRun, results: Mapping[str, ArmResult]) -> list[tuple[Any, ...]]:
    """The final meta-tests as rows of evaluations.csv."""
    seed, step = run.plan.settings.run.seed, run.state.outer_step
    return [
        (step, name, seed, record["shots"], k, *(record[figure][at] for figure in _FIGURES))
        for name, result in results.items()
        for record in result.evaluations
        for at, k in enumerate(record["inner_steps"])
    ]


_FIGURES = ("mean", "ci95", "mean_kept", "median", "diverged")
