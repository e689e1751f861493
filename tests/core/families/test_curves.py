"""Families of curves by a formula: draws, exact references, values of each."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from maml_explorer.core.families.curve_tasks import single_mse, single_predictor, zero_mse
from maml_explorer.core.families.curves import curve_mses, curve_targets, held_out_curves
from maml_explorer.core.families.sine_predictors import (
    best_single_mse,
    best_single_predictor,
    predict_zero_mse,
)
from maml_explorer.core.families.table import TASK_FAMILIES
from maml_explorer.settings.curves.drawing import described, parameters_of, values_at
from maml_explorer.settings.curves.gaussian import waves
from maml_explorer.settings.families import FAMILIES
from maml_explorer.settings.settings import Settings

CURVES = [key for key, family in FAMILIES.items() if family.curve and key != "sine"]
VARIED = {"frequency_min": 0.5, "frequency_max": 1.5, "noise": 0.3, "phase_max": 2.0}


def of(family: str, **changes: object) -> Settings:
    return Settings().with_values({"family": family, **changes})


@pytest.mark.parametrize("changes", [{}, VARIED], ids=["usual", "varied"])
@pytest.mark.parametrize("family", [*CURVES, "mixture of all"])
def test_references_agree_with_monte_carlo(family, changes):
    if family == "mixture of all":
        changes = changes | {"mixture": "sine line quadratic step sawtooth harmonics gaussian"}
        family = "mixture"
    settings = of(family, **changes).tasks
    generator = torch.Generator().manual_seed(3)
    tasks, points = held_out_curves(settings, 6_000, 1, generator, torch.float64)
    x = torch.linspace(settings.x_min, settings.x_max, 31, dtype=torch.float64)
    y = curve_targets(settings, tasks, x[None, :, None].expand(len(tasks), -1, -1))[..., 0]
    single, _ = single_predictor(settings)
    error = y.std(0) / len(tasks) ** 0.5
    assert float(((y.mean(0) - single(x)).abs() / (error + 1e-9)).max()) < 5
    x, clean = points.x[:, :, 0], curve_targets(settings, tasks, points.x)[:, 0, 0]
    for found, known in (
        (clean.square(), zero_mse(settings)),
        ((clean - single(x[:, 0])).square(), single_mse(settings)),
    ):
        assert abs(float(found.mean()) - known) < 5 * float(found.std()) / len(found) ** 0.5
    noise = points.y[:, 0, 0] - clean
    assert float(noise.std()) == pytest.approx(settings.noise, rel=0.02, abs=1e-12)


@pytest.mark.parametrize("changes", [{}, VARIED])
def test_the_generic_references_of_sines_are_those_of_their_own_file(changes):
    settings = Settings().with_values(changes).tasks
    zero, single = curve_mses(settings)
    assert zero == pytest.approx(predict_zero_mse(settings), rel=1e-5)
    assert single == pytest.approx(best_single_mse(settings), rel=1e-5)
    formula = of("formula", formula="A*sin(w*x - p)", formula_ranges="A=0.1..5, w=1, p=0..pi").tasks
    assert zero_mse(formula) == pytest.approx(predict_zero_mse(Settings().tasks), rel=1e-5)
    assert single_mse(formula) == pytest.approx(best_single_mse(Settings().tasks), rel=1e-5)
    x = torch.linspace(-5, 5, 7, dtype=torch.float64)
    own = best_single_predictor(Settings().tasks)(x)
    torch.testing.assert_close(single_predictor(formula)[0](x), own, atol=1e-5, rtol=0)


def test_gaussian_draws_have_the_covariance_of_their_kernel():
    settings = of("gaussian", length_scale=1.3, deviation=1.7).tasks
    x = np.linspace(-5, 5, 60)
    apart = x[:, None] - x
    found = sum(part * np.cos(frequency * apart) for frequency, part in waves(settings))
    np.testing.assert_allclose(found, np.exp(-(apart**2) / (2 * 1.3**2)), atol=1e-6)
    generator = torch.Generator().manual_seed(0)
    tasks, _ = held_out_curves(settings, 20_000, 1, generator, torch.float64)
    pair = torch.tensor([[[0.0], [1.0]]], dtype=torch.float64).expand(len(tasks), -1, -1)
    y = curve_targets(settings, tasks, pair)[..., 0]
    kernel = 1.7**2 * np.exp(-0.5 / 1.3**2)
    assert float((y[:, 0] * y[:, 1]).mean()) == pytest.approx(kernel, rel=0.03)


KNOWN = {
    "line": ([2.0, -1.0], lambda x: 2 * x - 1),
    "quadratic": ([0.5, 2.0, -1.0], lambda x: 0.5 * x**2 + 2 * x - 1),
    "step": ([-2.0, 3.0, 0.4], lambda x: np.where(x < 0.4, -2.0, 3.0)),
    "sawtooth": ([2.0, 0.5, 1.5], lambda x: 2 * (2 * np.mod((1.5 * x - 0.5) / 2 / np.pi, 1) - 1)),
    "harmonics": (
        [1.0, 2.0, 0.1, 3.0, 0.2, 1.5, 0.3],
        lambda x: 2 * np.sin(x - 0.1) + 1.5 * np.sin(2 * x - 0.2) + 0.5 * np.sin(3 * x - 0.3),
    ),
    "mixture": ([1.3, 9.0, 9.0, 9.0, 2.0, -1.0], lambda x: 2 * x - 1),
    "formula": ([2.0, 1.0, 0.5, 0.3], lambda x: 2 * np.sin(x - 0.5) + 0.3 * x),
}


@pytest.mark.parametrize("family", KNOWN)
def test_values_in_torch_and_numpy(family):
    settings, (numbers, goal) = of(family).tasks, KNOWN[family]
    x = np.linspace(-4.9, 4.9, 50)
    np.testing.assert_allclose(values_at(settings, numbers, x, np), goal(x), atol=1e-12)
    tasks = torch.tensor([numbers], dtype=torch.float64)
    found = curve_targets(settings, tasks, torch.from_numpy(x)[None, :, None])
    np.testing.assert_allclose(found[0, :, 0].numpy(), goal(x), atol=1e-12)


@pytest.mark.parametrize("family", CURVES)
def test_draws_are_within_their_ranges_and_nested_over_shots(family):
    settings = of(family, noise=0.1, shots=4, query_points=3, meta_batch=50)
    sampler = TASK_FAMILIES[family].sampler(settings, torch.float32, torch.device("cpu"))
    batches = sampler.draw_block(torch.Generator().manual_seed(1), 3)
    assert [one.y.shape for one in batches] == [(50, 7, 1)] * 3 and batches[0].shots == 4
    assert not torch.equal(batches[0].tasks, batches[1].tasks)
    for column, one in zip(batches[0].tasks.T, parameters_of(settings.tasks), strict=True):
        assert one.normal or bool(((column >= one.low) & (column <= one.high + 1e-6)).all())
    held = [
        TASK_FAMILIES[family].held_out(settings, 5, shots, "meta-test", torch.float64)
        for shots in (2, 6)
    ]
    few, many = (one.part(0, 5) for one in held)
    assert torch.equal(few.support_x, many.support_x[:, :2])
    assert torch.equal(few.support_y, many.support_y[:, :2])
    assert torch.isfinite(many.query_y).all() and many.query_y.shape == (5, 100, 1)


def test_words_of_tasks():
    assert described(of("line").tasks, [1.5, -0.25]) == "a 1.50  b −0.25"
    assert described(of("mixture").tasks, [1.9, 9, 9, 9, 1.5, -0.25]) == "line  a 1.50  b −0.25"
    assert described(of("gaussian").tasks, [0.0] * 31) == "31 numbers"


def test_settings_that_another_family_reads_change_no_figure_of_this_one():
    before, after = of("line"), of("line", level_max=9.0, deviation=3.0)
    assert before.same_tasks(after) and not before.same_tasks(of("line", slope_max=9.0))
    assert zero_mse(before.tasks) == zero_mse(after.tasks)
