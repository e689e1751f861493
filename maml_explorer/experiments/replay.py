"""A run that was changed while it trained, trained again: the same numbers, bit for bit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from maml_explorer.core.plan import Plan, intra_op_threads, prepare
from maml_explorer.core.settings_change import (
    after_change,
    frozen_arm,
    revived_arm,
    with_changed_rates,
)
from maml_explorer.core.shards import Shards, shards_here
from maml_explorer.core.training import ArmState, RunState, outer_step, start_run
from maml_explorer.core.workspace import Workspace
from maml_explorer.experiments.outcome import Progress
from maml_explorer.experiments.training import threads_of
from maml_explorer.files.reader import StorageError
from maml_explorer.settings.settings import Settings
from maml_explorer.storage.run.changes import (
    BACK,
    BEGUN_FROM,
    FROZEN,
    REVIVED,
    Row,
    read_changes,
    settings_after,
    settings_before,
)
from maml_explorer.storage.run.checkpoint import Checkpoint, load_checkpoint
from maml_explorer.storage.run.folder import CHANGES, CHECKPOINT, open_run


@dataclass
class _Replay:
    plan: Plan
    state: RunState
    wanted: set[tuple[str, int]]
    """(arm, outer step of its own) that are set back to later."""
    kept: dict[tuple[str, int], ArmState] = field(default_factory=dict)
    """The newest arm that was there."""
    back: set[str] = field(default_factory=set)
    """Arms that the next change brings back."""

    @property
    def settings(self) -> Settings:
        return self.plan.settings

    def apply(self, rows: Sequence[Row]) -> None:
        """Repeats the changes of this outer step, in order; settings of one change go together."""
        change: list[Row] = []
        for row in rows:
            _, what, name, new = row
            if what == BACK:
                self._change(change)
                change = []
                self.back.add(name)
            elif what in (FROZEN, REVIVED):
                self._change(change)
                change = []
                if what == FROZEN:
                    kept = self.kept.get((name, int(new)))
                    self.state = frozen_arm(self.plan, self.state, kept, name)
                else:
                    self.state = revived_arm(self.state, name)
            else:
                change.append(row)
                if what == "arms":
                    self._change(change)
                    change = []
        self._change(change)

    def _change(self, rows: Sequence[Row]) -> None:
        if not rows:
            return
        old, new = self.settings, settings_after(self.settings, rows)
        self.plan = prepare(new, self.plan.workspace, shards=self.plan.shards)
        torch.set_num_threads(intra_op_threads(self.plan))
        self.state = after_change(self.plan, self.state, old, new, self.back)
        self.back = set()
        self.kept = {
            (name, step): with_changed_rates(self.plan, name, arm, old)
            for (name, step), arm in self.kept.items()
        }
        self.keep()

    def keep(self) -> None:
        """Keeps the arms that are set back to later."""
        for name, arm in self.state.arms.items():
            if (name, arm.outer_step) in self.wanted and not arm.frozen:
                self.kept[name, arm.outer_step] = arm


def replay(
    settings: Settings,
    rows: Sequence[Row],
    until: int,
    progress: Callable[[Progress], None] | None = None,
    workspace: Workspace | None = None,
    shards: Shards | None = None,
) -> tuple[Settings, RunState]:
    """Settings and state after so many outer steps of a run with these changes.

    Args:
        settings: those the run began with.
        rows: of changes.csv.
        until: the outer step to end at.
        progress: called after every outer step.
        workspace: one that runs the kernels wanted.
        shards: into which the meta-batches were divided.

    Raises:
        SettingsError: if a change is not allowed.
        StorageError: if a row names an arm that is not there.
    """
    plan = prepare(settings, workspace, shards=shards)
    wanted = {(name, int(own)) for _, what, name, own in rows if what == FROZEN}
    run = _Replay(plan, start_run(plan), wanted)
    by_step: dict[int, list[Row]] = {}
    for row in rows:
        by_step.setdefault(row[0], []).append(row)
    with threads_of(plan):
        while True:
            step = run.state.outer_step
            run.keep()
            try:
                run.apply(by_step.get(step, ()))
            except KeyError as error:
                raise StorageError(f"The changes name an arm {error} that is not there.") from None
            if step >= until:
                return run.settings, run.state
            run.state, losses = outer_step(run.plan, run.state)
            if progress is not None:
                shown = {name: float(loss[1]) for name, loss in losses.items()}
                progress(Progress(settings.run.seed, step + 1, until, shown))


def replay_folder(
    path: Path, progress: Callable[[Progress], None] | None = None
) -> tuple[Checkpoint, Settings, RunState]:
    """(what was saved, settings and state of the replay) of a run folder.

    Raises:
        StorageError: if the folder is no run, is damaged, or holds several seeds.
        SettingsError: if a setting in it is not allowed.
    """
    folder, settings = open_run(path)
    saved = load_checkpoint(folder.path / CHECKPOINT, prepare(settings))
    if len(saved.seeds) > 1:
        raise StorageError(
            f"{path} holds several seeds, which nobody changed while they trained: train again "
            "with its settings.toml as the preset."
        )
    rows = read_changes(folder.path / CHANGES)
    for _, what, arm, source in rows:
        if what == BEGUN_FROM:
            raise StorageError(
                f"{path} began from an exported initialization, {arm} from {source}, which is not "
                "in the run folder: it cannot be trained again from its settings."
            )
    began = settings_before(saved.settings, rows)
    # by the kernels it was trained by, where they are here: then the bits are the same
    kernels = {"compiled": "compiled", "compiled, portable": "portable"}
    workspace = Workspace(kernels.get(saved.kernels.removesuffix(" and recorded"), "recorded"))
    shards = shards_here(saved.shards) if saved.shards else None
    found = replay(began, rows, saved.state.outer_step, progress, workspace, shards)
    return saved, *found


def differences(one: RunState, two: RunState) -> list[str]:
    """Differences between two states, in words; empty where they are equal bit for bit."""
    found = []
    if one.outer_step != two.outer_step:
        found.append("the outer step")
    if not torch.equal(one.generator_state, two.generator_state):
        found.append("the state of the random generator")
    if list(one.arms) != list(two.arms):
        return [*found, "the arms"]
    for name, arm in one.arms.items():
        other = two.arms[name]
        tensors = [(arm.initialization, other.initialization)]
        tensors += list(zip(arm.moments, other.moments, strict=False))
        same = all(torch.equal(a, b) for a, b in tensors)
        same = same and len(arm.moments) == len(other.moments)
        if not same or (arm.outer_step, arm.frozen) != (other.outer_step, other.frozen):
            found.append(name)
    return found
