"""What each command does to the run: one function per command, and the table of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from maml_explorer.core import training
from maml_explorer.core.plan import Plan, intra_op_threads, prepare
from maml_explorer.core.settings_change import after_change, revived_arm
from maml_explorer.core.training import RunState
from maml_explorer.protocol import commands, reports
from maml_explorer.protocol.insight import (
    InsightFigures,
    InsightRequest,
    LookInside,
    RefreshInsight,
)
from maml_explorer.protocol.insight_series import Figures
from maml_explorer.settings.declaration import SettingsError, shown
from maml_explorer.settings.groups import DECLARATIONS
from maml_explorer.settings.restart import changed_keys, needs_restart
from maml_explorer.settings.settings import Settings
from maml_explorer.storage.run.changes import Row, change_rows, revived_row, rewound
from maml_explorer.worker.answers import reference_losses
from maml_explorer.worker.files.begun_from import begun_from
from maml_explorer.worker.files.comparing import compared
from maml_explorer.worker.files.metrics_file import History
from maml_explorer.worker.files.other_run import Ghost, read_ghost
from maml_explorer.worker.files.saving import export_initialization, opened_run, pin_run, save_run
from maml_explorer.worker.insight import VIEWS
from maml_explorer.worker.recorder import Recorder, Totals

if TYPE_CHECKING:
    from maml_explorer.worker.loop import Loop

OF_A_RUN = (
    "settings", "plan", "state", "good", "candidate", "totals", "changes",
    "last_change", "beyond", "history", "good_of", "candidate_of", "figures", "insights",
    "saved_insights",
)  # fmt: skip
"""Attributes of the loop that belong to one run, and come back with it."""
MAX_KEPT = 4
"""Runs that can be brought back."""


def _restart(loop: Loop, command: commands.Restart) -> None:
    plan = prepare(command.settings)  # refused here: the old run is untouched
    phase = reports.Phase.RUNNING if command.train else reports.Phase.PAUSED
    _begin_anew(loop, plan, training.start_run(plan), [], phase)


def _begin_anew(
    loop: Loop, plan: Plan, state: RunState, changes: list[Row], phase: reports.Phase
) -> None:
    """A run at outer step 0."""
    _begin(
        loop,
        {
            "settings": plan.settings,
            "plan": plan,
            "state": state,
            "good": state,
            "candidate": state,
            "totals": Totals(),
            "changes": changes,
            "last_change": {},
            "beyond": False,
            "history": History(),
            "figures": Figures(),
            "insights": {},
            "saved_insights": (),
        },
        phase,
    )


def _begin(loop: Loop, run: dict[str, Any], phase: reports.Phase) -> None:
    """A run takes the place of the one before it, which can be brought back."""
    if loop.state is not None:
        loop.flush()
        loop.kept[loop.run_number] = {name: getattr(loop, name) for name in OF_A_RUN}
        may_go = [number for number in loop.kept if number != loop.held]
        for number in may_go[:-MAX_KEPT]:
            del loop.kept[number]
    loop.run_number += 1
    for name, value in run.items():
        setattr(loop, name, value)
    if "good_of" not in run:  # begun or opened just now
        loop.good_of, loop.candidate_of = dict.fromkeys(run["state"].arms, run["state"]), {}
    loop.recorder, loop.pending, loop.until = Recorder(), None, None
    loop.rate.reset()
    assert loop.plan is not None and loop.state is not None
    torch.set_num_threads(intra_op_threads(loop.plan))
    loop.held_out.begin(loop.plan, loop.state)
    loop.insight.restart()
    loop.outbox.put(reference_losses(loop.run_number, loop.settings.tasks))
    loop.enter(phase)
    for block in loop.history.blocks(loop.run_number):
        loop.outbox.put(block)
    loop.outbox.put(InsightFigures(loop.run_number, tuple(loop.figures.rows())))
    for found in loop.insights.values():
        loop.outbox.put(dataclasses.replace(found, run=loop.run_number))
    loop.answer_probe()
    loop.answer_watch()


def _bring_back(loop: Loop, command: commands.BringBack) -> None:
    number = loop.held if command.run is None else command.run
    run = None if number is None else loop.kept.pop(number, None)
    if number == loop.held:
        loop.held = None
    if run is None:
        which = "The run" if number is None else f"Run {number}"
        raise SettingsError(f"{which} is no longer kept; the current one goes on.")
    _begin(loop, run, reports.Phase.PAUSED)


def _hold_run(loop: Loop, command: commands.HoldRun) -> None:
    loop.held = loop.run_number


def _open_run(loop: Loop, command: commands.OpenRun) -> None:
    _begin(loop, opened_run(Path(command.folder)), reports.Phase.PAUSED)


def _open_initialization(loop: Loop, command: commands.OpenInitialization) -> None:
    plan, state, rows = begun_from(Path(command.folder), command.settings)
    _begin_anew(loop, plan, state, rows, reports.Phase.PAUSED)


def _change(loop: Loop, command: commands.Change) -> None:
    old, new = loop.settings, command.settings
    if loop.plan is None or loop.state is None:
        loop.settings = new
        return
    staged = needs_restart(old, new)
    if staged:
        labels = ", ".join(DECLARATIONS[key].label for key in staged)
        raise SettingsError(f"{labels} takes effect only with a restart; nothing was changed.")
    plan = prepare(new, loop.plan.workspace, loop.plan.device)
    loop.flush()
    loop.drop_pending()
    state = after_change(plan, loop.state, old, new)
    for name in state.arms:
        if state.arms[name].outer_step == 0:
            loop.totals.forget(name)
    _note_changes(loop, old, new)
    loop.settings, loop.plan, loop.state = new, plan, state
    torch.set_num_threads(intra_op_threads(plan))
    if loop.good is not None:
        loop.good = after_change(plan, loop.good, old, new)
        loop.candidate = None
    # an arm that begins anew has no good state yet
    loop.good_of = {
        name: after_change(plan, known, old, new)
        for name, known in loop.good_of.items()
        if name in state.arms and state.arms[name].outer_step > 0
    }
    loop.candidate_of = {}
    _forget_beyond(loop)
    loop.held_out.begin(plan, state)
    loop.insight.restart()
    if old.tasks != new.tasks:
        loop.outbox.put(reference_losses(loop.run_number, new.tasks))
    loop.status()
    if loop.phase is reports.Phase.RUNNING and loop.all_frozen:
        loop.pause()
    loop.answer_probe()
    loop.answer_watch()


def _forget_beyond(loop: Loop) -> None:
    """Going past the declared number of outer steps is over once the run is before it again."""
    assert loop.state is not None
    loop.beyond = loop.beyond and loop.state.outer_step >= loop.settings.outer.outer_steps


def _refuse_where_all_are_frozen(loop: Loop) -> None:
    if loop.all_frozen:
        raise SettingsError("All arms have diverged: go back to the last good state, or restart.")


def _note_changes(loop: Loop, old: Settings, new: Settings) -> None:
    assert loop.state is not None
    step = loop.state.outer_step
    loop.changes += change_rows(step, old, new)
    before = {arm.name: old.of_arm(arm) for arm in old.arms}
    words = {}
    for arm in new.arms:
        # what an arm overrides does not change for it, and what it overrides anew does
        was, now = before.get(arm.name), new.of_arm(arm)
        keys = [] if was is None else changed_keys(was, now)
        if was is not None and keys:
            said = (shown(of[keys[-1]]) for of in (was, now))
            words[arm.name] = (
                f"{DECLARATIONS[keys[-1]].label} from {' to '.join(said)} at outer step {step}"
            )
    loop.last_change = loop.last_change | words


def _train(loop: Loop, command: commands.Train) -> None:
    if loop.plan is None or loop.state is None:
        return
    at_end = loop.state.outer_step >= loop.settings.outer.outer_steps
    if at_end and not (command.beyond or loop.beyond):
        loop.enter(reports.Phase.FINISHED)
        return
    if command.until is not None and loop.state.outer_step >= command.until:
        loop.pause()
        return
    _refuse_where_all_are_frozen(loop)
    loop.beyond, loop.until = loop.beyond or command.beyond, command.until
    if not loop.held_out.enabled:  # a failure ended it
        loop.held_out.begin(loop.plan, loop.state)
    loop.next_due = loop.clock()
    loop.rate.reset()
    loop.enter(reports.Phase.RUNNING)


def _outer(loop: Loop, command: commands.TakeOuterStep) -> None:
    if loop.plan is None or loop.state is None:
        return
    _refuse_where_all_are_frozen(loop)
    loop.take_outer_step(by_hand=True)
    loop.pause()


def _inner(loop: Loop, command: commands.TakeInnerStep) -> None:
    if loop.plan is None:
        return
    _refuse_where_all_are_frozen(loop)
    loop.flush()
    loop.enter(reports.Phase.STEPPING)
    loop.press(by_hand=True)
    if loop.pending is None:
        loop.pause()


def _limit(loop: Loop, command: commands.LimitSpeed) -> None:
    rate = command.steps_per_second
    if rate is not None and not 0 < rate < float("inf"):
        raise SettingsError(f"The speed limit cannot be {rate:g}: it is above 0 steps a second.")
    loop.limit = rate
    loop.next_due = loop.clock()


def _back(loop: Loop, command: commands.BackToLastGood) -> None:
    if loop.plan is None or loop.good is None:
        return
    good = loop.good
    loop.flush()  # what is before the good state is kept
    arms = {name: dataclasses.replace(arm, frozen=False) for name, arm in good.arms.items()}
    loop.recorder = Recorder()
    loop.drop_pending()
    loop.outbox.cut_metrics(good.outer_step)
    loop.history.cut(good.outer_step)
    loop.totals = loop.history.totals()
    loop.good = good
    loop.changes = rewound(loop.changes, loop.good.outer_step)
    loop.state = dataclasses.replace(loop.good, arms=arms)
    loop.good = loop.candidate = loop.state
    loop.good_of = dict.fromkeys(arms, loop.state)
    loop.candidate_of = {}
    _forget_beyond(loop)
    loop.outbox.put(reports.Rewound(loop.run_number, loop.state.outer_step))
    loop.held_out.begin(loop.plan, loop.state)
    loop.insight.restart()
    loop.figures.rewind(loop.state.outer_step)
    loop.pause()


def _revive(loop: Loop, command: commands.ReviveArm) -> None:
    if loop.state is None:
        return
    loop.settings.arm(command.arm)  # refuses an unknown name in words
    if loop.state.arms[command.arm].frozen:
        loop.flush()
        loop.changes.append(revived_row(loop.state.outer_step, command.arm))
    loop.drop_pending()  # it was computed without this arm
    loop.state = revived_arm(loop.state, command.arm)
    loop.status()


def _set_probe(loop: Loop, command: commands.ProbeTask) -> None:
    given = (command.support_x, command.support_y, *_known(command))
    if not all(np.isfinite(values).all() for values in given):
        raise SettingsError("A task's points are finite numbers; the task shown is kept.")
    loop.probe = command
    loop.answer_probe()


def _known(command: commands.ProbeTask) -> list[Any]:
    """What a probe may leave out, where it is there."""
    known = (command.query_x, command.amplitude, command.phase, command.frequency)
    return [value for value in known if value is not None]


def _set_watch(loop: Loop, command: commands.WatchTasks) -> None:
    loop.watch = command if command.support_x.size else None
    loop.answer_watch()


def _test(loop: Loop, command: commands.MetaTest) -> None:
    if loop.plan is not None and loop.state is not None:
        loop.flush()
        loop.held_out.begin(loop.plan, loop.state)


def _look(loop: Loop, command: LookInside) -> None:
    for request in command.views:
        _refuse_unknown(request)
    loop.insight.show(command.views)


def _refresh(loop: Loop, command: RefreshInsight) -> None:
    _refuse_unknown(command.request)
    loop.insight.ask(command.request)


def _refuse_unknown(request: InsightRequest) -> None:
    if request.view not in VIEWS:
        raise SettingsError(f"There is no view {request.view!r}; the views are {', '.join(VIEWS)}.")


def _export(loop: Loop, command: commands.ExportInitialization) -> None:
    if loop.plan is None or loop.state is None:
        return
    folder = export_initialization(loop, command)
    loop.outbox.put(reports.Exported("initialization", folder, command.arm))


def _reproduce(loop: Loop, command: commands.Reproduce) -> None:
    loop.flush()
    loop.outbox.put(compared(loop, command))
    if command.file:
        loop.outbox.put(reports.Exported("report", command.file))


def _save(loop: Loop, command: commands.SaveRun) -> None:
    if loop.plan is None or loop.state is None:
        return
    loop.flush()
    loop.outbox.put(
        reports.Exported("session" if command.autosave else "run", save_run(loop, command))
    )


def _pin(loop: Loop, command: commands.PinRun) -> None:
    if loop.plan is None or loop.state is None:
        return
    pin_run(loop, command)
    loop.outbox.put(reports.Exported("pin", command.folder))


def _show_ghost(loop: Loop, command: commands.ShowGhost) -> None:
    if command.run:
        kept = loop.kept.get(command.run)
        if kept is None:
            raise SettingsError(f"Run {command.run} is no longer kept: it cannot be shown.")
        loop.ghost = Ghost(kept["plan"], kept["state"])
    else:
        loop.ghost = read_ghost(Path(command.folder)) if command.folder else None
    loop.answer_probe()


def _stop(loop: Loop, command: commands.Stop) -> None:
    loop.stopping = True


ACTIONS: dict[type, Callable[[Loop, Any], None]] = {
    commands.Restart: _restart,
    commands.BringBack: _bring_back,
    commands.HoldRun: _hold_run,
    commands.OpenRun: _open_run,
    commands.OpenInitialization: _open_initialization,
    commands.Change: _change,
    commands.Train: _train,
    commands.Pause: lambda loop, _: loop.pause(),
    commands.TakeOuterStep: _outer,
    commands.TakeInnerStep: _inner,
    commands.LimitSpeed: _limit,
    commands.ProbeTask: _set_probe,
    commands.WatchTasks: _set_watch,
    LookInside: _look,
    RefreshInsight: _refresh,
    commands.MetaTest: _test,
    commands.BackToLastGood: _back,
    commands.ReviveArm: _revive,
    commands.ExportInitialization: _export,
    commands.Reproduce: _reproduce,
    commands.SaveRun: _save,
    commands.StopWriting: lambda loop, _: (
        None
    ),  # looked for while writing; afterwards it is too late
    commands.PinRun: _pin,
    commands.ShowGhost: _show_ghost,
    commands.Stop: _stop,
}
"""Command → what it does."""
