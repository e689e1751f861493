"""A worker without a thread and without torch: answers at once with plausible numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from maml_explorer.gui.session.example import example_folder
from maml_explorer.protocol import commands
from maml_explorer.protocol import reports as m
from maml_explorer.protocol.images import ClassReferences, ImagesProbed, ImageTask
from maml_explorer.protocol.streams import StreamProbed, StreamTask
from maml_explorer.settings.restart import needs_restart
from maml_explorer.settings.settings import Settings
from maml_explorer.settings.text import from_toml
from maml_explorer.storage.initialization.folder import load_initialization
from maml_explorer.storage.run.metrics import last_outer_step
from tests.gui.image_answers import images_probed
from tests.gui.stream_answers import stream_probed

PER_PULL = 40
"""Outer steps taken between two looks while training."""


class FakeWorker:
    """Answers as the real one does; `posted` keeps every command, `report` injects a report."""

    def __init__(self, per_pull: int = PER_PULL) -> None:
        self.posted: list[commands.Command] = []
        self.alive = False
        self.run = 0
        self.step = 0
        self.phase = m.Phase.LOADING
        self.settings = Settings()
        self.probe: commands.ProbeTask | None = None
        self.images: ImageTask | None = None
        self.stream: StreamTask | None = None
        self._per_pull = per_pull
        self._inner = 0
        self._until: int | None = None
        self._held = -1
        self._kept: dict[int, tuple[int, Settings, int]] = {}
        self.first = 0
        self.step_seconds = 1 / 1950
        self._outbox: list[m.Report] = []
        self._wake: Callable[[], object] | None = None
        self._answers: dict[type, Callable[[Any], None]] = {
            commands.Restart: self._restart,
            commands.Change: self._change,
            commands.Train: self._train,
            commands.Pause: lambda _: self._enter(m.Phase.PAUSED),
            commands.TakeOuterStep: self._outer_step,
            commands.TakeInnerStep: self._inner_step,
            commands.ProbeTask: self._take_probe,
            ImageTask: self._take_images,
            StreamTask: self._take_stream,
            commands.MetaTest: lambda _: self.report(self._meta_tested()),
            commands.PinRun: self._pin,
            commands.WatchTasks: self._watch,
            commands.BackToLastGood: self._back,
            commands.BringBack: self._bring_back,
            commands.HoldRun: self._hold_run,
            commands.OpenRun: self._open_run,
            commands.OpenInitialization: self._open_initialization,
            commands.SaveRun: lambda command: self.report(
                m.Exported(m.Written.SESSION if command.autosave else m.Written.RUN, command.folder)
            ),
            commands.ExportInitialization: lambda command: self.report(
                m.Exported(m.Written.INITIALIZATION, command.folder, command.arm)
            ),
        }

    def start(self) -> None:
        self.alive = True

    def on_answer(self, wake: Callable[[], object] | None) -> None:
        self._wake = wake

    def await_answer(self, seconds: float) -> bool:
        return any(
            isinstance(report, m.Probed | ImagesProbed | StreamProbed) for report in self._outbox
        )

    def close(self, timeout: float = 5.0) -> bool:
        self.alive = False
        return True

    def report(self, report: m.Report) -> None:
        self._outbox.append(report)
        if isinstance(report, m.Probed | ImagesProbed | StreamProbed) and self._wake is not None:
            self._wake()

    def post(self, command: commands.Command) -> None:
        self.posted.append(command)
        answer = self._answers.get(type(command))
        if answer is not None:
            answer(command)

    def posted_of(self, kind: type) -> list[Any]:
        return [command for command in self.posted if isinstance(command, kind)]

    def collect(self, patience: float = 1.0) -> list[m.Report]:
        if self.phase is m.Phase.RUNNING:
            self._advance(self._per_pull)
        reports, self._outbox = self._outbox, []
        return reports

    def _enter(self, phase: m.Phase) -> None:
        self.phase = phase
        self.report(self._status())

    def _refuse(self, refused: type[commands.Command], reason: str) -> None:
        self.report(m.Refused(refused, reason))
        self.report(self._status())

    def _restart(self, command: commands.Restart) -> None:
        self._begin(0, command.settings, m.Phase.RUNNING if command.train else m.Phase.PAUSED)

    def _bring_back(self, command: commands.BringBack) -> None:
        number = self._held if command.run is None else command.run
        if number not in self._kept:
            self._refuse(commands.BringBack, f"Run {number} is no longer kept.")
            return
        step, settings, first = self._kept.pop(number)
        self._begin(step, settings, m.Phase.PAUSED, first)

    def _hold_run(self, _: commands.HoldRun) -> None:
        self._held = self.run

    def _open_run(self, command: commands.OpenRun) -> None:
        if not Path(command.folder).is_dir():
            self._refuse(commands.OpenRun, f"{command.folder} is not a run folder.")
            return
        settings = from_toml((Path(command.folder) / "settings.toml").read_text())
        folder = Path(command.folder)
        # the example is not as long here; any other run stands where it was saved
        step = 500 if folder == example_folder() else last_outer_step(folder / "metrics.csv")
        self._begin(step, settings, m.Phase.PAUSED)

    def _open_initialization(self, command: commands.OpenInitialization) -> None:
        settings = command.settings or load_initialization(command.folder).settings
        self._begin(0, settings, m.Phase.PAUSED)

    def _begin(self, step: int, settings: Settings, phase: m.Phase, first: int = 0) -> None:
        self._kept[self.run] = (self.step, self.settings, self.first)
        self.run, self.step, self.settings = self.run + 1, step, settings
        self.first = first or self.run
        self._enter(phase)
        if settings.family.images:
            ways = settings.images.ways
            self.report(ClassReferences(self.run, ways, float(np.log(ways)), 1 / ways))
        else:
            self.report(m.ReferenceLosses(self.run, 4.25, 3.01, "−1.62 cos x", 0.0, limit=425.0))
        self.report(self._meta_tested())
        self._probed()

    def _change(self, command: commands.Change) -> None:
        if needs_restart(self.settings, command.settings):
            self._refuse(commands.Change, "This needs a restart.")
            return
        self.settings = command.settings
        self.report(self._status())
        self._probed()

    def _train(self, command: commands.Train) -> None:
        self._until = command.until
        there = self._until is not None and self.step >= self._until
        self._enter(m.Phase.PAUSED if there else m.Phase.RUNNING)

    def _outer_step(self, _: commands.TakeOuterStep) -> None:
        self._advance(1)
        self._enter(m.Phase.PAUSED)

    def _inner_step(self, _: commands.TakeInnerStep) -> None:
        self.phase = m.Phase.STEPPING
        self.report(self._status())
        probe, probed = self.probe, self._probe_answer()
        if probe is None or probed is None:
            return
        k, last = self._inner, self.settings.inner.inner_steps
        shown = {arm.name: min(k, last) for arm in self.settings.arms}
        phase = "adapt" if k < last else "query" if k == last else "update"
        self.report(
            m.Stepped(self.run, self.step + 1, min(k, last), last, phase, probe, shown, probed)
        )
        self._inner = 0 if phase == "update" else k + 1

    def _take_probe(self, command: commands.ProbeTask) -> None:
        self.probe = command
        self._probed()

    def _take_images(self, command: ImageTask) -> None:
        self.images = command
        self._probed()

    def _take_stream(self, command: StreamTask) -> None:
        self.stream = command
        self._probed()

    def _watch(self, command: commands.WatchTasks) -> None:
        if not command.support_x.size:
            return
        grid = np.linspace(self.settings.tasks.x_min, self.settings.tasks.x_max, 60)
        steps, tasks = self.settings.run.test_steps + 1, len(command.support_x)
        means = command.support_y.mean(axis=1)
        curves = np.ones((steps, 1, 1)) * means[:, None] * np.cos(grid)
        assert curves.shape == (steps, tasks, len(grid))
        arms = {arm.name: curves for arm in self.settings.arms}
        self.report(m.Watched(self.run, self.step, command, grid, arms))

    def _back(self, _: commands.BackToLastGood) -> None:
        self.step = max(0, self.step - 100)
        self.report(m.Rewound(self.run, self.step))
        self._enter(m.Phase.PAUSED)

    def _advance(self, steps: int) -> None:
        goal = self.settings.outer.outer_steps
        steps = min(steps, goal - self.step) if self.step < goal else steps
        if self._until is not None:
            steps = min(steps, self._until - self.step)
        numbers = np.arange(self.step + 1, self.step + steps + 1)
        random = np.random.default_rng(self.step)
        names = tuple(arm.name for arm in self.settings.arms)
        floors = 0.35 + 0.6 * np.arange(len(names))[:, None]
        losses = floors + (4.2 - floors) * np.exp(-numbers / 8000)
        raw = losses * random.lognormal(0.0, 0.3, losses.shape)
        evaluations = np.outer(np.arange(1, len(names) + 1), numbers)
        self.report(
            m.Metrics(
                self.run, names, numbers, support_before=raw * 1.1, query_after=raw,
                seconds=np.outer(np.ones(len(names)), numbers * self.step_seconds),
                gradient_evaluations=evaluations,
            )
        )  # fmt: skip
        self.step += steps
        if self.step == goal:
            self.phase = m.Phase.FINISHED
        elif self.step == self._until:
            self.phase = m.Phase.PAUSED
        self.report(self._status())
        self._probed()
        if self.phase in (m.Phase.FINISHED, m.Phase.PAUSED):
            self.report(self._meta_tested())

    def _status(self) -> m.Status:
        rate = 1950.0 if self.phase is m.Phase.RUNNING else 0.0
        steps = {arm.name: self.step for arm in self.settings.arms}
        return m.Status(
            self.run,
            self.phase,
            self.step,
            self.settings,
            rate,
            "cpu",
            steps,
            sum(isinstance(one, commands.OF_SETTINGS) for one in self.posted),
            {number: step for number, (step, _, _) in self._kept.items()},
            self.first,
        )

    def _probed(self) -> None:
        if self.settings.family.images:
            task = self.images
            if task is not None and self.run and task.fits(self.settings.images.ways):
                self.report(images_probed(self.run, self.step, task, self.settings))
            return
        if self.settings.family.stream:
            if self.stream is not None and self.run:
                self.report(stream_probed(self.run, self.step, self.stream, self.settings))
            return
        answer = self._probe_answer()
        if answer is not None:
            self.report(answer)

    def _probe_answer(self) -> m.Probed | None:
        probe, settings = self.probe, self.settings
        if probe is None or self.run == 0:
            return None
        low, high = settings.tasks.x_min, settings.tasks.x_max
        grid = np.linspace(low, high, 200)
        steps = settings.run.test_steps
        single = -1.62 * np.cos(grid)
        truth = None
        if probe.amplitude is not None and probe.phase is not None:
            truth = probe.amplitude * np.sin(probe.frequency * grid - probe.phase)
        goal = truth if truth is not None else np.zeros_like(grid)
        query_x = np.zeros(0) if probe.query_x is None else probe.query_x
        arms = {}
        learned = 1 - np.exp(-self.step / 8000)
        for nth, arm in enumerate(settings.arms):
            speed = (0.1 + 0.8 * learned) / (1 + nth)
            parts = 1 - (1 - speed) ** np.arange(steps + 1)
            curves = single + parts[:, None] * (goal - single)
            errors = ((curves - goal) ** 2).mean(axis=1)
            arms[arm.name] = m.ArmProbe(
                curves=curves,
                query_mse=errors if truth is not None else np.full(steps + 1, np.nan),
                support_mse=errors,
                query_prediction=np.array([np.interp(query_x, grid, curve) for curve in curves]),
            )
        return m.Probed(self.run, self.step, probe, grid, arms, truth, single, "−1.62 cos x", truth)

    def _pin(self, command: commands.PinRun) -> None:
        if command.measure:
            self.report(m.PinTested(command.folder, self._meta_tested()))

    def _meta_tested(self) -> m.MetaTested:
        steps = self.settings.run.test_steps
        arms = {}
        for nth, arm in enumerate(self.settings.arms):
            mean = tuple(
                0.3 + nth * 0.4 + 3 * float(np.exp(-k / (1 + nth))) for k in range(steps + 1)
            )
            arms[arm.name] = m.ArmTest(
                mean, tuple(0.1 * value for value in mean), mean, mean, (0,) * (steps + 1)
            )
        return m.MetaTested(self.run, self.step, self.settings.inner.shots, 600, arms)
