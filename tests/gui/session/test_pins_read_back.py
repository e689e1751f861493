"""What is written of a pinned run is read back, whatever its run has been through."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maml_explorer.gui.session.loss_history import INNER_LOSS, OUTER_LOSS, LossHistory
from maml_explorer.gui.session.pinned_run import MOST_BINS, PinnedRun
from maml_explorer.gui.session.pins_on_disk import read_pins, to_json
from maml_explorer.protocol.reports import Metrics
from maml_explorer.settings.settings import Settings, default_arm

ARMS = {arm.name: arm for arm in map(default_arm, ("maml", "anil", "mtl", "reptile"))}
ODD = (0.5, 3e37, 3.5e38, 1e299, 1.2e300, 1.7e308, np.inf, -np.inf, np.nan)
"""Losses, usual ones and those of an arm that diverges."""


class _Run:
    """A run that does what the window lets it do; an arm that left may still be reported."""

    def __init__(self) -> None:
        self.history, self.step = LossHistory(), 0
        self.arms: list[str] = ["MAML", "ANIL"]
        self.left: list[str] = []
        self.trained: dict[str, int] = {}

    def train(self, steps: int, value: float, still: bool = False, late: bool = False) -> None:
        """Trains; the first arm stands still, or those that left are in the report as well."""
        names = tuple(self.arms + (self.left if late else []))
        own = np.array([self.trained.get(name, 0) for name in names])[:, None]
        counts = own + np.arange(1, steps + 1)
        losses = np.full(counts.shape, value)
        if still:
            counts[0], losses[0] = own[0], np.nan
        self.history.extend(
            Metrics(1, names, np.arange(self.step + 1, self.step + steps + 1), losses, losses,
                    counts / 100, counts)
        )  # fmt: skip
        self.trained |= dict(zip(names, counts[:, -1].tolist(), strict=True))
        self.step += steps

    def leave(self) -> None:
        """Removes the last arm."""
        if len(self.arms) > 1:
            self.left.append(self.arms.pop())
            self.history.leave([ARMS[self.left[-1]]])

    def add(self, back: bool) -> None:
        """Adds an arm; one that left goes on, or begins again."""
        name = next(name for name in ("MTL", "Reptile", *ARMS) if name not in self.arms)
        self.arms.append(name)
        if name in self.left:
            self.left.remove(name)
            if back:
                self.history.bring_back(ARMS[name])
            else:
                self.trained.pop(name, None)

    def rewind(self, part: float) -> None:
        """Goes back to an earlier outer step, held as fine as it was."""
        step = int(part * self.step)
        self.history.hold(step)
        self.history.rewind(step)
        self.step, self.trained = step, {n: min(k, step) for n, k in self.trained.items()}

    @property
    def pinned(self) -> PinnedRun:
        """It, as it is pinned."""
        return PinnedRun(
            "Run 1", Settings(arms=tuple(ARMS[name] for name in self.arms)), self.step,
            dict.fromkeys(self.arms, ODD), losses=self.history.thinned(MOST_BINS),
            arm_steps={name: self.trained.get(name, 0) for name in self.arms},
            changed=("shots", "outer_lr", "arms"),
        )  # fmt: skip


def _read_back(run: PinnedRun) -> PinnedRun:
    with TemporaryDirectory() as place:
        folder = Path(place) / "p"
        folder.mkdir()
        (folder / "pin.json").write_text(json.dumps(to_json(run)))
        found, refused = read_pins(Path(place))
    assert refused == [] and len(found) == 1, refused
    return found[0]


_ACTS = st.one_of(
    st.tuples(st.just("train"), st.integers(1, 700), st.sampled_from(ODD), st.booleans(),
              st.booleans()),
    st.tuples(st.just("leave")), st.tuples(st.just("add"), st.booleans()),
    st.tuples(st.just("rewind"), st.floats(0, 1)),
)  # fmt: skip


@given(st.lists(_ACTS, max_size=10))
@settings(max_examples=150, deadline=None)
def test_what_is_written_of_a_pinned_run_is_read_back(acts: list[tuple[Any, ...]]) -> None:
    run = _Run()
    for name, *values in acts:
        getattr(run, name)(*values) if name != "add" or len(run.arms) < len(ARMS) else None
    pinned = run.pinned
    found = _read_back(pinned)
    assert (found.settings, found.outer_step) == (pinned.settings, pinned.outer_step)
    assert (found.arm_steps, found.changed) == (pinned.arm_steps, pinned.changed)
    assert found.losses is not None and pinned.losses is not None
    for loss in (OUTER_LOSS, INNER_LOSS):
        assert set(found.losses.of_loss(loss)) == set(pinned.losses.of_loss(loss)) & set(run.arms)


@pytest.mark.parametrize("value", ODD)
def test_a_run_with_any_losses_and_an_arm_that_left_is_read_back(value: float) -> None:
    run = _Run()
    run.train(900, 0.5)
    run.leave()
    run.train(900, value, late=True)  # a report that was under way names the arm
    kept = _read_back(run.pinned)
    assert kept.losses is not None and set(kept.losses.of_loss(OUTER_LOSS)) == {"MAML"}
    fits = abs(value) < 1e38
    assert kept.figures["MAML"][-1] is None and kept.figures["MAML"][0] == 0.5
    high = kept.losses.of_loss(OUTER_LOSS)["MAML"].high()[-1]
    assert high == pytest.approx(value) if fits else np.isnan(high)


def test_a_pin_of_an_earlier_version_with_losses_of_an_arm_that_left_is_read() -> None:
    run = _Run()
    run.train(30, 0.5)
    content = to_json(run.pinned)
    run.leave()
    content |= {"settings": to_json(run.pinned)["settings"]}
    with TemporaryDirectory() as place:
        folder = Path(place) / "p"
        folder.mkdir()
        (folder / "pin.json").write_text(json.dumps(content))
        ((found,), refused) = read_pins(Path(place))
    assert refused == [] and found.losses is not None
    assert set(found.losses.of_loss(OUTER_LOSS)) == {"MAML"}
