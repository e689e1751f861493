"""The floor under the outer losses with noise."""

from __future__ import annotations

import pytest
import torch

from maml_explorer.core.families.sine import targets
from maml_explorer.protocol import commands, reports
from maml_explorer.settings.settings import Settings
from maml_explorer.worker.bayes_error import bayes_line
from tests.worker.driving import Driver, small_settings


def run(settings: Settings) -> tuple[float, float]:
    work = bayes_line(settings)
    while True:
        try:
            next(work)
        except StopIteration as end:
            found: tuple[float, float] = end.value
            return found


@pytest.mark.parametrize(("shots", "known", "off"), [(5, 0.045, 0.007), (10, 0.019, 0.002)])
def test_it_is_what_others_have_measured(shots: int, known: float, off: float) -> None:
    """σ = 0.3, amplitude .1 to 5, phase 0 to π: .045 ± .007 and .019 ± .002 (300 tasks)."""
    value, half = run(Settings().with_values({"noise": 0.3, "shots": shots}))
    clean = value - 0.09
    assert abs(clean - known) < off + half
    assert 0 < half < 0.02


def test_no_estimate_of_the_two_coefficients_does_better() -> None:
    """Least squares on sin x and cos x, without the prior, has a larger error on the same tasks."""
    settings = Settings().with_values({"noise": 0.5, "shots": 5, "phase_max": 3.0})
    value, half = run(settings)
    random = torch.Generator().manual_seed(3)
    uniform = torch.rand(4000, 2, generator=random, dtype=torch.float64)
    tasks = torch.cat([0.1 + 4.9 * uniform[:, :1], 3.0 * uniform[:, 1:], torch.ones(4000, 1)], 1)
    x = 10 * torch.rand(4000, 5, 1, generator=random, dtype=torch.float64) - 5
    y = targets(tasks, x) + 0.5 * torch.randn(x.shape, generator=random, dtype=torch.float64)
    pairs = torch.linalg.lstsq(torch.cat([torch.sin(x), torch.cos(x)], 2), y).solution
    grid = torch.linspace(-5, 5, 100, dtype=torch.float64)[None, :, None]
    found = torch.cat([torch.sin(grid), torch.cos(grid)], 2) @ pairs
    squares = (found - targets(tasks, grid.expand(4000, -1, -1))).square().mean() + 0.25
    assert value + half < float(squares)


def test_the_meta_test_carries_it_only_with_noise_and_computes_it_once() -> None:
    driver = Driver(small_settings("mtl", noise=0.4))

    def tested() -> reports.MetaTested:
        driver.outbox.collect()
        driver.tell(commands.MetaTest())
        for _ in range(1000):
            driver.loop.work()
            for report in driver.reports(reports.MetaTested):
                assert isinstance(report, reports.MetaTested)
                return report
        raise AssertionError("no meta-test")

    first = tested()
    assert first.bayes == run(driver.run.settings)
    assert first.family == driver.run.settings.tasks
    (line,) = driver.loop.beside.meta_test.lines.values()
    assert tested().bayes == line and len(driver.loop.beside.meta_test.lines) == 1
    driver.tell(commands.Change(driver.run.settings.with_values({"noise": 0.0})))
    assert tested().bayes is None
