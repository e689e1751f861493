"""Sine tasks: sampling by the settings, and the exact answers against independent computation."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from maml_explorer.core.families import sine, sine_inference, sine_predictors
from maml_explorer.core.streams import stream
from maml_explorer.settings.groups import TaskSettings

RANGES = [
    TaskSettings(),
    TaskSettings(phase_max=2 * math.pi),
    TaskSettings(amplitude_max=0.5),
    TaskSettings(amplitude_min=2.0, amplitude_max=2.0, phase_min=0.5, phase_max=0.5),
    TaskSettings(phase_min=-1.0, phase_max=0.3, x_min=0.0, x_max=2.0),
    TaskSettings(x_min=1.0, x_max=1.0),
    TaskSettings(frequency_min=2.0, frequency_max=2.0),
    TaskSettings(frequency_min=0.0, frequency_max=0.0),
    TaskSettings(frequency_min=0.8, frequency_max=1.2),
    TaskSettings(frequency_min=0.0, frequency_max=3.0, phase_min=-1.0, phase_max=0.3, x_min=-1),
    TaskSettings(
        frequency_min=0.5, frequency_max=1.5, amplitude_min=2, amplitude_max=2,
        phase_min=0.5, phase_max=0.5,
    ),
]  # fmt: skip
VARIED = TaskSettings(frequency_min=0.8, frequency_max=1.2)


def average(settings: TaskSettings, value: object, cells: int = 80) -> float:
    """E over amplitude, phase, frequency, x by midpoint sums in NumPy; value(clean target, x)."""

    def middles(name: str, count: int) -> np.ndarray:
        low, high = getattr(settings, f"{name}_min"), getattr(settings, f"{name}_max")
        count = count if high > low else 1
        return low + (high - low) * (np.arange(count) + 0.5) / count

    a, p, w, x = np.meshgrid(
        middles("amplitude", 24), middles("phase", cells // 2), middles("frequency", cells // 4),
        middles("x", cells), indexing="ij", sparse=True,
    )  # fmt: skip
    return float(np.mean(value(a * np.sin(w * x - p), x)))  # type: ignore[operator]


def drawn_from(best: sine_predictors.SinglePredictor, x: np.ndarray) -> np.ndarray:
    """f*(x), in NumPy."""
    return best(torch.from_numpy(np.ascontiguousarray(x))).numpy()


@pytest.mark.parametrize("settings", RANGES)
def test_expected_losses_equal_numerical_averages(settings: TaskSettings) -> None:
    best = sine_predictors.best_single_predictor(settings)
    zero = average(settings, lambda y, x: y**2)
    single = average(settings, lambda y, x: (y - drawn_from(best, x)) ** 2)
    assert sine_predictors.predict_zero_mse(settings) == pytest.approx(zero, rel=2e-3, abs=1e-9)
    assert sine_predictors.best_single_mse(settings) == pytest.approx(single, rel=2e-3, abs=1e-6)


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
    assert sine_predictors.predict_zero_mse(settings) == pytest.approx(zero, rel=1e-4)
    assert sine_predictors.best_single_mse(settings) == pytest.approx(single, rel=1.5e-4)


def test_the_best_single_predictor_in_words() -> None:
    best = sine_predictors.best_single_predictor(TaskSettings())
    assert best.cosine == pytest.approx(-(2 / math.pi) * 2.55, rel=1e-12)
    assert best.sine == pytest.approx(0, abs=1e-12)
    assert best.formula == "−1.62 cos x"
    assert sine_predictors.best_single_predictor(TaskSettings(phase_max=2 * math.pi)).formula == "0"
    formula = sine_predictors.best_single_predictor(VARIED).formula
    assert formula == "−1.62 cos x · sinc(0.2x)"
    two = TaskSettings(frequency_min=2, frequency_max=2)
    assert sine_predictors.best_single_predictor(two).formula == "−1.62 cos 2x"
    both = TaskSettings(frequency_min=1, frequency_max=2, phase_max=1)
    formula = sine_predictors.best_single_predictor(both).formula
    assert formula == "(2.15 sin 1.5x − 1.17 cos 1.5x) · sinc(0.5x)"


@pytest.mark.parametrize("settings", RANGES)
def test_no_perturbed_predictor_is_better(settings: TaskSettings) -> None:
    best = sine_predictors.best_single_predictor(settings)

    def error(size: float, frequency: float = 0.0, shift: float = 0.0) -> float:
        return average(
            settings,
            lambda y, x: (y - drawn_from(best, x) - size * np.cos(frequency * x - shift)) ** 2,
            40,
        )

    least = error(0)
    for frequency in (0.0, 0.7, 1.0, 2.0):
        for shift in (0.0, math.pi / 2):
            for size in (0.1, -0.1):
                assert error(size, frequency, shift) >= least - 5e-3


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
    assert torch.equal(batch.tasks[:, 2], torch.ones(500, dtype=torch.float64))


def test_frequencies_follow_the_settings() -> None:
    batch = sine.sampler(VARIED, 500, 3, 4, torch.float64, torch.device("cpu")).draw(stream(0, "t"))
    amplitude, phase, frequency = (batch.tasks[:, n, None, None] for n in range(3))
    assert 0.8 <= float(frequency.min()) < 0.81 and 1.19 < float(frequency.max()) < 1.2
    expected = amplitude * torch.sin(frequency * batch.points.x - phase)
    torch.testing.assert_close(batch.points.y, expected, rtol=1e-12, atol=1e-12)
    assert float(batch.points.x.min()) >= -5 and float(batch.points.x.max()) > 4.9


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_one_frequency_leaves_the_stream_of_tasks_as_it_was(dtype: torch.dtype) -> None:
    settings = TaskSettings(noise=0.3)
    ours, plain = stream(0, "t"), stream(0, "t")
    batch = sine.sampler(settings, 25, 6, 4, dtype, torch.device("cpu")).draw(ours)
    low = torch.tensor([0.1, 0.0, *[-5.0] * 10], dtype=torch.float64).to(dtype)
    width = torch.tensor([4.9, math.pi, *[10.0] * 10], dtype=torch.float64).to(dtype)
    drawn = torch.addcmul(low, torch.rand(1, 25, 12, generator=plain, dtype=dtype), width)[0]
    y = torch.sin(drawn[:, 2:] - drawn[:, 1:2]) * drawn[:, :1]
    y.add_(torch.randn(1, 25, 10, generator=plain, dtype=dtype)[0], alpha=0.3)
    assert torch.equal(batch.tasks[:, :2], drawn[:, :2])
    assert torch.equal(batch.points.x[..., 0], drawn[:, 2:])
    assert torch.equal(batch.points.y[..., 0], y)
    assert torch.equal(torch.rand(3, generator=ours), torch.rand(3, generator=plain))


def test_held_out_tasks_are_nested_over_frequencies() -> None:
    one, support = sine.held_out(TaskSettings(), 50, 4, stream(1, "meta-test"), torch.float64)
    varied, same = sine.held_out(VARIED, 50, 4, stream(1, "meta-test"), torch.float64)
    assert torch.equal(one[:, :2], varied[:, :2]) and torch.equal(support.x, same.x)
    assert float(one[:, 2].min()) == float(one[:, 2].max()) == 1
    assert 0.8 <= float(varied[:, 2].min()) < float(varied[:, 2].max()) <= 1.2
    torch.testing.assert_close(same.y, sine.targets(varied, same.x))


def test_the_best_single_loss_where_the_frequency_varies_by_monte_carlo() -> None:
    exact = sine_predictors.best_single_mse(VARIED)
    assert exact == pytest.approx(3.1, abs=0.05)
    random = np.random.default_rng(0)
    a, p, w, x = (
        random.uniform(low, high, 1_000_000)
        for low, high in ((0.1, 5), (0, math.pi), (0.8, 1.2), (-5, 5))
    )
    # the facts page's form of f*: E[A] E_ω[cos(ωx − φ_max) − cos(ωx − φ_min)] / (φ_max − φ_min)
    many = np.linspace(0.8, 1.2, 201)[:, None]
    at = np.linspace(-5, 5, 400)
    curve = 2.55 * (np.cos(many * at - math.pi) - np.cos(many * at)).mean(0) / math.pi
    np.testing.assert_allclose(
        drawn_from(sine_predictors.best_single_predictor(VARIED), at), curve, atol=2e-3
    )
    errors = (a * np.sin(w * x - p) - np.interp(x, at, curve)) ** 2
    assert exact == pytest.approx(errors.mean(), abs=3 * errors.std() / 1000 + 1e-3)


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
    a, b, frequency = sine_inference.oracle(TaskSettings(), support.x, support.y).unbind(1)
    assert torch.equal(frequency, torch.ones_like(frequency))
    x = sine.query_grid(TaskSettings())[None]
    found = a[:, None] * torch.sin(x) + b[:, None] * torch.cos(x)
    truth = sine.targets(tasks, x.expand(200, -1)[:, :, None])[:, :, 0]
    errors = (found - truth).square().mean(1)
    assert float(errors.median()) < 1e-20
    assert float((errors < 1e-8).double().mean()) > 0.98


def test_one_point_gives_the_smallest_sine_through_it() -> None:
    x, y = torch.tensor([[[0.7]]], dtype=torch.float64), torch.tensor([[[2.0]]]).double()
    a, b, _ = sine_inference.oracle(TaskSettings(), x, y)[0].tolist()
    assert a * math.sin(0.7) + b * math.cos(0.7) == pytest.approx(2.0)
    assert math.hypot(a, b) == pytest.approx(2.0)


def test_points_determine_amplitude_phase_and_frequency() -> None:
    tasks, support = sine.held_out(VARIED, 200, 5, stream(1, "meta-test"), torch.float64)
    assert (sine_inference.determined_by(VARIED), sine_inference.determined_by(TaskSettings())) == (
        3, 2
    )  # fmt: skip
    for points, at_least in ((5, 0.98), (4, 0.95), (3, 0.6), (2, 0.0)):
        found = sine_inference.oracle(VARIED, support.x[:, :points], support.y[:, :points])
        amplitude = found[:, :2].norm(dim=1)
        phase = torch.atan2(-found[:, 1], found[:, 0]).remainder(2 * math.pi)
        same = torch.stack([amplitude, phase, found[:, 2]], 1)
        right = ((same - tasks).abs().amax(1) < 1e-3).double().mean()
        assert float(right) >= at_least
        assert float(found[:, 2].min()) >= 0.8 and float(found[:, 2].max()) <= 1.2
        if points == 2:
            assert float(right) < 0.1
    # the least residual that a direct search over ω finds is no smaller
    noisy = support.y[:1] + 0.3 * torch.randn(1, 5, 1, generator=stream(2, "t")).double()
    a, b, w = sine_inference.oracle(VARIED, support.x[:1], noisy)[0].tolist()
    x, y = support.x[0, :, 0].numpy(), noisy[0, :, 0].numpy()
    mine = ((a * np.sin(w * x) + b * np.cos(w * x) - y) ** 2).sum()
    for frequency in np.linspace(0.8, 1.2, 501):
        design = np.stack([np.sin(frequency * x), np.cos(frequency * x)], 1)
        fit = design @ np.linalg.lstsq(design, y, rcond=None)[0]
        assert mine <= ((fit - y) ** 2).sum() + 1e-9


def bayes_error(points: int, count: int = 300) -> tuple[float, float]:
    settings = TaskSettings(noise=0.3)
    tasks, support = sine.held_out(settings, count, points, stream(0, "meta-test"), torch.float64)
    grid = sine.query_grid(settings)
    errors = []
    for index in range(count):
        posterior = sine_inference.bayes_posterior(
            settings, support.x[index, :, 0], support.y[index, :, 0], grid
        )
        truth = sine.targets(tasks[index : index + 1], grid[None, :, None])[0, :, 0]
        errors.append(float((posterior.mean - truth).square().mean()))
    return float(np.mean(errors)), float(1.96 * np.std(errors) / math.sqrt(count))


@pytest.mark.parametrize("points", [1, 4])
def test_the_posterior_over_three_unknowns_is_the_ratio_of_integrals(points: int) -> None:
    settings = TaskSettings(noise=0.5, frequency_min=0.5, frequency_max=1.5)
    _, support = sine.held_out(settings, 1, points, stream(3, "t"), torch.float64)
    x, y = support.x[0, :, 0], support.y[0, :, 0]
    grid = torch.linspace(-5, 5, 7, dtype=torch.float64)
    found = sine_inference.bayes_posterior(settings, x, y, grid)

    def middles(low: float, high: float) -> np.ndarray:
        return low + (high - low) * (np.arange(120) + 0.5) / 120

    amplitude, phase, frequency = np.meshgrid(
        middles(0.1, 5), middles(0, math.pi), middles(0.5, 1.5), indexing="ij", sparse=True
    )
    error = sum(
        (float(v) - amplitude * np.sin(frequency * float(u) - phase)) ** 2
        for u, v in zip(x, y, strict=True)
    )
    weight = np.exp(-error / (2 * 0.25))
    weight /= weight.sum()
    for index, at in enumerate(grid.tolist()):
        values = amplitude * np.sin(at * frequency - phase)
        mean = (weight * values).sum()
        deviation = math.sqrt((weight * (values - mean) ** 2).sum())
        assert float(found.mean[index]) == pytest.approx(mean, abs=0.01)
        assert float(found.deviation[index]) == pytest.approx(deviation, abs=0.01)


def test_a_narrow_range_of_frequencies_tends_to_one_frequency() -> None:
    one = TaskSettings(noise=0.3)
    narrow = TaskSettings(noise=0.3, frequency_min=1.0, frequency_max=1.0 + 1e-9)
    _, support = sine.held_out(one, 1, 5, stream(3, "t"), torch.float64)
    x, y = support.x[0, :, 0], support.y[0, :, 0]
    grid = torch.linspace(-5, 5, 9, dtype=torch.float64)
    apart = [sine_inference.bayes_posterior(each, x, y, grid) for each in (one, narrow)]
    torch.testing.assert_close(apart[0].mean, apart[1].mean, rtol=0, atol=5e-3)
    torch.testing.assert_close(apart[0].deviation, apart[1].deviation, rtol=0, atol=5e-3)
    oracles = [sine_inference.oracle(each, support.x, support.y) for each in (one, narrow)]
    torch.testing.assert_close(*oracles, rtol=0, atol=1e-6)
    assert sine_predictors.best_single_mse(narrow) == pytest.approx(
        sine_predictors.best_single_mse(one), rel=1e-8
    )


@pytest.mark.parametrize(("points", "published"), [(5, 0.045), (10, 0.019)])
def test_bayes_error_with_noise(points: int, published: float) -> None:
    mean, half = bayes_error(points)
    assert abs(mean - published) <= half + 0.007


def test_the_posterior_is_the_ratio_of_integrals() -> None:
    settings = TaskSettings(noise=0.5)
    x = torch.tensor([-2.0, 0.3, 1.0], dtype=torch.float64)
    y = torch.tensor([1.0, -1.5, 0.2], dtype=torch.float64)
    grid = torch.linspace(-5, 5, 7, dtype=torch.float64)
    found = sine_inference.bayes_posterior(settings, x, y, grid)
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
    found = sine_inference.bayes_posterior(settings, empty, empty, grid)
    torch.testing.assert_close(found.mean, 2 * torch.sin(grid - 0.5))
    assert float(found.deviation.max()) < 1e-6
