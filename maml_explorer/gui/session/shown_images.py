"""The image task that is shown, and what every arm makes of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property

import numpy as np
from PySide6.QtCore import QObject, Signal

from maml_explorer.gui.session import image_edits
from maml_explorer.gui.session.settings_editor import SettingsEditor
from maml_explorer.gui.session.undo import TaskEdit
from maml_explorer.gui.session.worker_link import WorkerLink
from maml_explorer.protocol.images import ImagesProbed, ImagesWatched, ImageTask, WatchImages
from maml_explorer.settings.settings import Settings


class ShownImages(QObject):
    """One task of images, sampled by seeds or edited by hand; every edit is an undo step."""

    task_changed = Signal(object)
    probed_arrived = Signal(object)
    watched = Signal(object)
    """Answers of every arm to further tasks: `ImagesWatched`."""

    def __init__(self, link: WorkerLink, editor: SettingsEditor) -> None:
        super().__init__(link.parent())
        self._link, self._editor = link, editor
        self.task: ImageTask | None = None
        self.probed: ImagesProbed | None = None
        """The newest answer to the task that is shown; None before the first."""
        self._sizes: tuple[int, int] = (0, 0)
        """Ways and shots that the task was sampled for."""
        link.run_started.connect(self._forget)
        link.run_left.connect(self._forget)
        link.subscribe(ImagesProbed, self._take_probed)
        link.subscribe(ImagesWatched, self.watched.emit)

    @cached_property
    def _random(self) -> np.random.Generator:
        # made with the first task: NumPy loads its generators when they are first named
        return np.random.default_rng(0)

    def begin(self) -> None:
        """Shows a task that the settings in force can have, and asks about it."""
        settings, task = self._editor.settings, self.task
        if task is None:
            self._put(self._sampled())
        elif self._sizes != _sizes(settings):
            self._put(image_edits.sampled(settings, task.seed, task.drawings, task))
        else:
            self._link.post(task)

    def new_task(self) -> None:
        """Samples other classes."""
        self.edit(self._sampled(), "New task")

    def new_images(self) -> None:
        """Samples other drawings of the same classes; what was edited by hand goes."""
        if self.task is None:
            self.new_task()
            return
        settings = self._editor.settings
        found = image_edits.sampled(settings, self.task.seed, self._seed(), self.task)
        self.edit(found, "New images")

    def clear(self) -> None:
        """Removes all support images."""
        if self.task is not None:
            self.edit(image_edits.cleared(self.task), "Clear")

    def choose(self, *, unseen: bool | None = None, together: bool | None = None) -> None:
        """Shows classes that training never draws from or does, and queries together or not."""
        task = self.task
        if task is not None:
            unseen = task.unseen if unseen is None else unseen
            together = task.together if together is None else together
            self.edit(replace(task, unseen=unseen, together=together), "Change task")

    def edit(self, task: ImageTask, text: str = "Edit task") -> None:
        """Shows another task from now on, as one undo step."""
        if task != self.task:
            self._editor.undo_stack.push(TaskEdit(self.show, self.task or task, task, text))

    def watch(self, tasks: Iterable[ImageTask]) -> None:
        """Asks about further tasks, now and while training; none ends it."""
        self._link.post(WatchImages(tuple(tasks)))

    def show(self, task: ImageTask) -> None:
        """Shows another task from now on, without an undo step."""
        if task != self.task and task.fits(self._editor.settings.images.ways):
            self._put(task)

    def _put(self, task: ImageTask) -> None:
        self.task = task
        self._sizes = _sizes(self._editor.settings)
        self._link.ask(task)
        self.task_changed.emit(task)

    def _sampled(self) -> ImageTask:
        return image_edits.sampled(self._editor.settings, self._seed(), self._seed(), self.task)

    def _seed(self) -> int:
        return int(self._random.integers(2**31))

    def _forget(self) -> None:
        self.probed = None

    def _take_probed(self, probed: ImagesProbed) -> None:
        if probed.probe is self.task and not self._link.left:
            self._link.answered()
            self.probed = probed
            self.probed_arrived.emit(probed)


def last_step(probed: ImagesProbed) -> int:
    """The last inner step that an answer has, K."""
    return max((len(arm.accuracy) for arm in probed.arms.values()), default=1) - 1


def _sizes(settings: Settings) -> tuple[int, int]:
    return settings.images.ways, settings.inner.shots
