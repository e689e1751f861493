"""Driving the worker's loop without a thread: commands are obeyed when the test says so."""

from __future__ import annotations

import torch

from maml_explorer.protocol import commands as c
from maml_explorer.protocol import reports as m
from maml_explorer.settings.settings import Settings, default_arm
from maml_explorer.worker.loop import Loop
from maml_explorer.worker.mailbox import Inbox, Outbox
from maml_explorer.worker.run import Run


class Clock:
    """A clock that moves only as told, a little at every look."""

    def __init__(self, tick: float = 0.0) -> None:
        self.now, self.tick = 100.0, tick

    def __call__(self) -> float:
        self.now += self.tick
        return self.now


class Driver:
    """A loop without its thread, one outer step a piece unless told otherwise."""

    def __init__(self, settings: Settings, clock: Clock | None = None, at_once: int = 1) -> None:
        self.clock = clock or Clock(1e-4)
        self.inbox, self.outbox = Inbox(), Outbox()
        self.loop = Loop(self.inbox, self.outbox, self.clock)
        self.loop.trainer.at_once = at_once
        self.tell(c.Restart(settings))

    def tell(self, *commands: c.Command) -> None:
        """Posts commands and lets the loop obey them."""
        for command in commands:
            self.inbox.post(command)
        while (command_ := self.inbox.take()) is not None:
            self.loop.obey(command_)

    def work(self, pieces: int) -> None:
        """Lets the loop do pieces of work, obeying what comes in between."""
        for _ in range(pieces):
            while (command := self.inbox.take()) is not None:
                self.loop.obey(command)
            if not self.loop.work():
                return

    def train_to(self, outer_step: int) -> None:
        """Trains until the run stands at this outer step, then pauses."""
        self.tell(c.Train())
        while self.step < outer_step and self.loop.trainer.phase is m.Phase.RUNNING:
            self.work(1)
        self.tell(c.Pause())

    @property
    def run(self) -> Run:
        """The run there is."""
        assert self.loop.trainer.run is not None
        return self.loop.trainer.run

    @property
    def step(self) -> int:
        """Where the run stands."""
        return self.run.state.outer_step

    def theta(self, arm: str) -> torch.Tensor:
        """The initialization of an arm."""
        return self.run.state.arms[arm].initialization

    def reports(self, kind: type) -> list[m.Report]:
        """Collected reports of one kind."""
        return [report for report in self.outbox.collect() if isinstance(report, kind)]


def small_settings(*algorithms: str, **values: object) -> Settings:
    """Settings of a run that takes a fraction of a millisecond per outer step."""
    settings = Settings().with_values(
        {"hidden": (8, 8), "meta_batch": 3, "test_tasks": 20, "test_steps": 3, **values}
    )
    names = algorithms or ("maml", "fomaml", "anil", "reptile", "mtl")
    return settings.with_arms(tuple(default_arm(name) for name in names))
