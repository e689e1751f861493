"""The task that is shown, and the adaptation of every arm to it."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np
from PySide6.QtCore import QObject, Signal

from maml_explorer.gui.session import task_sampling
from maml_explorer.gui.session.example import example_probed
from maml_explorer.gui.session.settings_editor import SettingsEditor
from maml_explorer.gui.session.undo import TaskEdit
from maml_explorer.gui.session.worker_link import WorkerLink
from maml_explorer.protocol.commands import ProbeTask, WatchTasks
from maml_explorer.protocol.reports import Probed, Watched


class ShownTask(QObject):
    """One task for all panels: sampled here, drawn by hand or taken from the example."""

    probe_changed = Signal(object)
    probed_arrived = Signal(object)
    watched = Signal(object)
    """Curves of every arm on the further tasks: `Watched`."""
    example_ended = Signal()
    """The curves that come with the program gave way to those of the run."""
    example_begun = Signal()
    """The curves that come with the program are drawn."""
    example_entered = Signal()
    """The run that these curves are of is there."""

    def __init__(self, link: WorkerLink, editor: SettingsEditor) -> None:
        super().__init__(link.parent())
        self._link, self._editor = link, editor
        self.probe: ProbeTask | None = None
        self.probed: Probed | None = None
        """The newest curves that are shown."""
        self._example: Probed | None = None
        self._before_drag: ProbeTask | None = None
        self._latest: Probed | None = None
        """The newest curves of the run's own arms, shown or not."""
        link.run_started.connect(self._forget)
        link.run_left.connect(self._forget)
        link.subscribe(Probed, self._take_probed)
        link.subscribe(Watched, self.watched.emit)

    @cached_property
    def _random(self) -> np.random.Generator:
        # made with the first task: NumPy loads its generators when they are first named
        return np.random.default_rng(0)

    def begin(self) -> None:
        """Asks for the curves of a first task."""
        tasks = self._editor.settings.tasks
        if self.probe is None or not task_sampling.has_family(self.probe, tasks):
            self.set_probe(self._sampled())
        else:
            self._link.post(self.probe)

    def edit(self, probe: ProbeTask, text: str = "Change task") -> None:
        """Shows another task from now on, as one undo step."""
        before, self._before_drag = self._before_drag or self.probe or probe, None
        self._editor.undo_stack.push(TaskEdit(self._show, before, probe, text))

    def set_probe(self, probe: ProbeTask) -> None:
        """Shows the adaptation to this task from now on, without an undo step."""
        self.end_example()
        self.probe = probe
        self._link.ask(probe)
        self.probe_changed.emit(probe)

    def drag_to(self, probe: ProbeTask) -> None:
        """The same in the middle of a drag: the curves are painted with the point."""
        self._before_drag = self._before_drag or self.probe
        self.set_probe(probe)
        self._link.await_answer()

    def end_drag(self) -> None:
        """The point is let go: the whole drag is one undo step."""
        if self._before_drag is not None and self.probe is not None:
            self.edit(self.probe, "Move point")

    def show_example(self) -> Probed | None:
        """Shows the curves that come with the program until the user does something."""
        self._example = found = example_probed()
        arms = self._editor.settings.arms
        if found is not None and not found.arms.keys() >= {arm.name for arm in arms}:
            self._example = found = None
        if found is not None:
            self.probe = found.probe
            self.probed = found
            self.probe_changed.emit(found.probe)
            self.example_begun.emit()
            self.probed_arrived.emit(found)
        return found

    def enter_example(self) -> None:
        """Shows the run's own curves, which are those of the example, from now on."""
        if self._example is not None:
            self._example = None
            if self._latest is not None:
                self.probed = self._latest
                self.probed_arrived.emit(self._latest)
            self.example_entered.emit()

    def end_example(self) -> None:
        """Shows the curves of the run's own arms."""
        if self._example is not None:
            self._example, self.probed = None, self._latest
            if self._latest is not None:
                self.probed_arrived.emit(self._latest)
            self.example_ended.emit()

    def watch(self, tasks: WatchTasks) -> None:
        """Asks for the curves of further tasks, now and while training."""
        self._link.post(tasks)

    def new_task(self) -> None:
        """Samples another task from the task family."""
        self.edit(self._sampled(), "New task")

    def new_points(self, where: str = task_sampling.ANYWHERE) -> None:
        """Samples other support points of the same task; another task where it has no truth.

        Raises:
            KeyError: where `where` is not one of `task_sampling.PLACES`.
        """
        probe, settings = self.probe, self._editor.settings
        if probe is None or not probe.known:
            self.new_task()
            return
        x = task_sampling.sampled_x(settings, self._random, where)
        y = task_sampling.noisy(
            task_sampling.truth(x, probe, settings.tasks), settings, self._random
        )
        self.edit(
            replace(probe, support_x=task_sampling.fixed(x), support_y=task_sampling.fixed(y)),
            "New points",
        )

    def target(self, x: float) -> float | None:
        """The y of a new support point at `x`: truth plus noise; None without a truth."""
        probe = self.probe
        if probe is None or not probe.known:
            return None
        y = task_sampling.truth(np.array([x]), probe, self._editor.settings.tasks)
        return float(task_sampling.noisy(y, self._editor.settings, self._random)[0])

    def _sampled(self) -> ProbeTask:
        return task_sampling.sampled_task(self._editor.settings, self._random)

    def _show(self, probe: ProbeTask) -> None:
        """Shows a task of an undo step, where the family can have it."""
        if probe is not self.probe and task_sampling.has_family(probe, self._editor.settings.tasks):
            self.set_probe(probe)

    def _forget(self) -> None:
        self._latest, self.probed = None, self._example

    def _take_probed(self, probed: Probed) -> None:
        if self._link.left:
            return
        self._latest = probed
        if probed.probe is self.probe:
            self._link.answered()
        if self._example is None:
            self.probed = probed
            self.probed_arrived.emit(probed)
