"""Sine tasks: sampling by the settings, and the exact answers against independent computation."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from maml_explorer.core.streams import stream
from maml_explorer.core.tasks import sine
from maml_explorer.settings import TaskSettings

RANGES = [
    TaskSettings(),
    TaskSettings(phase_max=2 * math.pi),
    TaskSettings(amplitude_max=0.5),
    TaskSettings(amplitude_min=2.0, amplitude_max=2.0, phase_min=0.5, phase_max=0.5),
    TaskSettings(phase_min=-1.0, phase_max=0.3, x_min=0.0, x_max=2.0),
    TaskSettings(x_min=1.0, x_max=1.0),
]


def average(settings: TaskSettings, value: object, cells: int = 80) -> float:
    """E over amplitude, phase, x by midpoint sums in NumPy."""
    middle = (np.arange(cells) + 0.5) / cells
    a = settings.amplitude_min + (settings.amplitude_max - settings.amplitude_min) * middle
    p = settings.phase_min + (settings.phase_max - settings.phase_min) * middle
    x = settings.x_min + (settings.x_max - settings.x_min) * middle
    grid = np.meshgrid(a, p, x, indexing="ij")
    return float(np.mean(value(*grid)))  # type: ignore[operator]


@pytest.mark.parametrize("settings", RANGES)
def test_expected_losses_equal_numerical_averages(settings: TaskSettings) -> None:
    best = sine.best_single_predictor(settings)
    zero = average(settings, lambda a, p, x: (a * np.sin(x - p)) ** 2)
    single = average(
        settings,
        lambda a, p, x: (a * np.sin(x - p) - best.sine * np.sin(x) - best.cosine * np.cos(x)) ** 2,
    )
    assert sine.predict_zero_mse(settings) == pytest.approx(zero, rel=2e-3, abs=1e-9)
    assert sine.best_single_mse(settings) == pytest.approx(single, rel=2e-3, abs=1e-6)


@pytest.mark.parametrize(
    ("settings", "zero", "single"),
    [
        (TaskSettings(), 4.2517, 3.0057),
        (TaskSettings(phase_max=2 * math.pi), 4.2517, 4.2517),
        (TaskSettings(amplitude_max=0.5), 0.05167, 0.03442),
    ],
)
def test_the_published_table_of_exact_losses(
    settings: TaskSettings, zero: float, single: float
) -> None:
    assert sine.predict_zero_mse(settings) == pytest.approx(zero, rel=1e-4)
    assert sine.best_single_mse(settings) == pytest.approx(single, rel=1.5e-4)


def test_the_best_single_predictor_in_words() -> None:
    best = sine.best_single_predictor(TaskSettings())
    assert best.cosine == pytest.approx(-(2 / math.pi) * 2.55, rel=1e-12)
    assert best.sine == pytest.approx(0, abs=1e-12)
    assert best.formula == "−1.62 cos x"
    assert sine.best_single_predictor(TaskSettings(phase_max=2 * math.pi)).formula == "0"


@pytest.mark.parametrize("settings", RANGES)
def test_no_perturbed_predictor_is_better(settings: TaskSettings) -> None:
    best = sine.best_single_predictor(settings)

    def error(ds: float, dc: float) -> float:
        return average(
            settings,
            lambda a, p, x: (
                (a * np.sin(x - p) - (best.sine + ds) * np.sin(x) - (best.cosine + dc) * np.cos(x))
                ** 2
            ),
            40,
        )

    for step in ((0.1, 0), (-0.1, 0), (0, 0.1), (0, -0.1)):
        assert error(*step) >= error(0, 0) - 5e-3


def test_batches_follow_the_settings() -> None:
    settings = TaskSettings(amplitude_min=1, amplitude_max=2, phase_min=-1, phase_max=0, x_min=2)
    generator = stream(0, "test")
    sampler = sine.sampler(settings, 500, 3, 4, torch.float64, torch.device("cpu"))
    batch = sampler.draw(generator)
    assert batch.points.x.shape == batch.points.y.shape == (500, 7, 1)
    assert batch.support.x.shape == (500, 3, 1) and batch.query.x.shape == (500, 4, 1)
    for values, low, high in (
        (batch.tasks[:, 0], 1, 2), (batch.tasks[:, 1], -1, 0), (batch.points.x, 2, 5)
    ):  # fmt: skip
        assert low <= float(values.min()) < low + 0.02 * (high - low) + 0.02
        assert high - 0.02 * (high - low) - 0.02 < float(values.max()) <= high
    expected = batch.tasks[:, 0, None, None] * torch.sin(
        batch.points.x - batch.tasks[:, 1, None, None]
    )
    torch.testing.assert_close(batch.points.y, expected, rtol=1e-12, atol=1e-12)


def test_noise_has_its_deviation() -> None:
    sampler = sine.sampler(TaskSettings(noise=0.3), 2000, 5, 5, torch.float64, torch.device("cpu"))
    batch = sampler.draw(stream(0, "test"))
    error = batch.points.y - sine.targets(batch.tasks, batch.points.x)
    assert float(error.std()) == pytest.approx(0.3, rel=0.03)
    assert abs(float(error.mean())) < 0.01


def test_held_out_supports_are_nested_over_shots() -> None:
    settings = TaskSettings(noise=0.2)
    few_tasks, few = sine.held_out(settings, 50, 3, stream(1, "meta-test"), torch.float64)
    many_tasks, many = sine.held_out(settings, 50, 9, stream(1, "meta-test"), torch.float64)
    assert torch.equal(few_tasks, many_tasks)
    assert torch.equal(few.x, many.x[:, :3]) and torch.equal(few.y, many.y[:, :3])


def test_two_points_determine_the_task() -> None:
    tasks, support = sine.held_out(TaskSettings(), 200, 2, stream(1, "meta-test"), torch.float64)
    a, b = sine.oracle(support.x, support.y).unbind(1)
    x = sine.query_grid(TaskSettings())[None]
    found = a[:, None] * torch.sin(x) + b[:, None] * torch.cos(x)
    truth = sine.targets(tasks, x.expand(200, -1)[:, :, None])[:, :, 0]
    errors = (found - truth).square().mean(1)
    assert float(errors.median()) < 1e-20
    assert float((errors < 1e-8).double().mean()) > 0.98


def test_one_point_gives_the_smallest_sine_through_it() -> None:
    x, y = torch.tensor([[[0.7]]], dtype=torch.float64), torch.tensor([[[2.0]]]).double()
    a, b = sine.oracle(x, y)[0].tolist()
    assert a * math.sin(0.7) + b * math.cos(0.7) == pytest.approx(2.0)
    assert math.hypot(a, b) == pytest.approx(2.0)


def bayes_error(points: int, count: int = 300) -> tuple[float, float]:
    settings = TaskSettings(noise=0.3)
    tasks, support = sine.held_out(settings, count, points, stream(0, "meta-test"), torch.float64)
    grid = sine.query_grid(settings)
    errors = []
    for index in range(count):
        posterior = sine.bayes_posterior(
            settings, support.x[index, :, 0], support.y[index, :, 0], grid
        )
        truth = sine.targets(tasks[index : index + 1], grid[None, :, None])[0, :, 0]
        errors.append(float((posterior.mean - truth).square().mean()))
    return float(np.mean(errors)), float(1.96 * np.std(errors) / math.sqrt(count))


@pytest.mark.parametrize(("points", "published"), [(5, 0.045), (10, 0.019)])
def test_bayes_error_with_noise(points: int, published: float) -> None:
    mean, half = bayes_error(points)
    assert abs(mean - published) <= half + 0.007


def test_the_posterior_is_the_ratio_of_integrals() -> None:
    settings = TaskSettings(noise=0.5)
    x = torch.tensor([-2.0, 0.3, 1.0], dtype=torch.float64)
    y = torch.tensor([1.0, -1.5, 0.2], dtype=torch.float64)
    grid = torch.linspace(-5, 5, 7, dtype=torch.float64)
    found = sine.bayes_posterior(settings, x, y, grid)
    a = np.linspace(0.1, 5, 801)
    p = np.linspace(0, math.pi, 801)
    amplitude, phase = np.meshgrid((a[1:] + a[:-1]) / 2, (p[1:] + p[:-1]) / 2, indexing="ij")
    error = sum(
        (float(v) - amplitude * np.sin(float(u) - phase)) ** 2 for u, v in zip(x, y, strict=True)
    )
    weight = np.exp(-error / (2 * 0.25))
    weight /= weight.sum()
    for index, at in enumerate(grid.tolist()):
        values = amplitude * np.sin(at - phase)
        mean = (weight * values).sum()
        deviation = math.sqrt((weight * (values - mean) ** 2).sum())
        assert float(found.mean[index]) == pytest.approx(mean, abs=2e-3)
        assert float(found.deviation[index]) == pytest.approx(deviation, abs=2e-3)


def test_a_family_of_one_task_is_known_without_support() -> None:
    settings = TaskSettings(
        amplitude_min=2, amplitude_max=2, phase_min=0.5, phase_max=0.5, noise=0.3
    )
    empty = torch.zeros(0, dtype=torch.float64)
    grid = torch.linspace(-5, 5, 9, dtype=torch.float64)
    found = sine.bayes_posterior(settings, empty, empty, grid)
    torch.testing.assert_close(found.mean, 2 * torch.sin(grid - 0.5))
    assert float(found.deviation.max()) < 1e-6
