"""Records of the insight with values that a test knows, as the worker hands them over."""

from __future__ import annotations

import numpy as np

from maml_explorer.protocol.commands import Array
from maml_explorer.protocol.insight_records.embedding import EmbeddingSeen
from maml_explorer.protocol.insight_records.error_map import DataMapSeen, ErrorMapSeen
from maml_explorer.protocol.insight_records.features import FeaturesSeen
from maml_explorer.protocol.insight_records.landscape import LandscapeSeen
from maml_explorer.protocol.insight_records.layer import LayerSeen
from maml_explorer.protocol.insight_records.norm import NormLayer, NormSeen
from maml_explorer.protocol.insight_records.parameter_map import ParameterMapSeen
from maml_explorer.protocol.insight_records.step_sizes import LearnedMatrix, StepSizesSeen


def frozen(values: object) -> Array:
    array: Array = np.array(values, dtype=np.float64)
    array.flags.writeable = False
    return array


def features(shift: float = 0.0) -> FeaturesSeen:
    return FeaturesSeen(
        layers=("hidden 1", "hidden 2", "output"), steps=1, tasks=60, diverged=0,
        similarity=frozen([1.0, 0.9, 0.5 - shift]), similarity_spread=frozen([0.0, 0.05, 0.1]),
        change=frozen([0.03, 0.002, 0.007]), change_spread=frozen([0.01, 0.001, 0.002]),
        frozen_error=frozen([0.2 + shift, 1.7, 1.8, 1.9]),
        frozen_half=frozen([0.05, 0.2, 0.2, np.nan]), frozen_diverged=(0, 0, 0, 2),
    )  # fmt: skip


def layer() -> LayerSeen:
    x = np.linspace(-5, 5, 11)
    before = np.outer(x, [1.0, -0.5, 0.0, 2.0])
    weights = np.arange(8.0).reshape(2, 4)
    return LayerSeen(
        "hidden 1", 1, frozen(x), frozen(before), frozen(before + 0.25), frozen(weights),
        frozen(weights - 1.0),
    )  # fmt: skip


def lslr() -> StepSizesSeen:
    mean = frozen([[0.1, 0.2], [-0.05, 0.0], [0.3, 0.01]])
    return StepSizesSeen(("hidden 1", "hidden 2", "output"), mean, mean, mean, 0.25, ())


def per_parameter() -> StepSizesSeen:
    each = (frozen([[0.1, -0.2, 0.3], [0.0, 0.05, 0.02]]), frozen([[0.4], [-0.1], [0.2], [0.0]]))
    ends = [frozen([[float(end(values))] for values in each]) for end in (np.mean, np.min, np.max)]
    return StepSizesSeen(("hidden 1", "output"), *ends, 0.2, each)


def curvature() -> StepSizesSeen:
    alpha = frozen([[0.01], [0.01]])
    outputs = LearnedMatrix(
        "hidden 1: outputs", "to output", "from output",
        frozen([[1.5, 0.25], [-0.5, 1.0]]), frozen(np.eye(2)),
    )  # fmt: skip
    biases = LearnedMatrix(
        "hidden 1: biases", "unit", "", frozen([[1.0], [0.5]]), frozen([[1.0], [1.0]])
    )
    course = (("distance, hidden 1", 0.9), ("distance, output", 0.1))
    return StepSizesSeen(
        ("hidden 1", "output"), alpha, alpha, alpha, 0.0, (), (outputs, biases), course,
        "distance from the identity",
    )  # fmt: skip


def norm(stored: bool = True) -> NormSeen:
    mean = np.arange(2 * 3 * 4.0).reshape(2, 3, 4) - 5.0
    none = frozen([])
    kept = frozen(mean[0] + 0.5) if stored else none
    layer = NormLayer(
        frozen(mean), frozen(mean**2 + 1.0), kept, frozen(mean[0] ** 2) if stored else none,
        frozen([[0.5, 0.25, 0.125], [2.0, 1.0, np.nan]]) if stored else none,
    )  # fmt: skip
    return NormSeen(
        "batch-running" if stored else "none", "Words about the norm.", (layer, layer),
        frozen([3.0, 1.0, 0.5]), frozen([3.5, 2.0, 1.5]) if stored else none, 40, 0,
    )  # fmt: skip


def parameter_map(steps: int = 2) -> ParameterMapSeen:
    amplitude = np.linspace(0.5, 4.5, 9)
    phase = np.linspace(0.0, 3.0, 9)
    at = np.stack([amplitude * np.cos(phase), amplitude * np.sin(phase)], 1)
    at[8] = np.nan
    x = np.tile([-2.0, 0.0, 3.0], (9, 1))
    y = amplitude[:, None] * np.sin(x - phase[:, None]) + 0.125
    return ParameterMapSeen(
        steps, frozen(amplitude), frozen(phase), frozen(np.ones(9)), frozen(at), frozen(x),
        frozen(y), (0.6, 0.25), 0.93, 1, frozen([[0, 0], [1, 0.5], [1.5, 0.4]]),
    )  # fmt: skip


def error_map() -> ErrorMapSeen:
    amplitudes, phases = np.linspace(0, 4, 5), np.linspace(-1, 4, 6)
    errors = np.arange(3 * 5 * 6, dtype=float).reshape(3, 5, 6) + 1.0
    errors[2, 0, 0] = np.nan
    errors[2, 4, 5] = 5000.0
    return ErrorMapSeen(
        frozen(amplitudes), frozen(phases), frozen(errors), (1.0, 3.0, 0.0, 3.0), 1.0, 425.0,
        frozen([-1.0, 2.0]), frozen([0.5, -0.25]),
    )  # fmt: skip


def data_map() -> DataMapSeen:
    errors = frozen([[4.0, 2.0, 1.0], [4.0, 0.4, 0.03]])
    return DataMapSeen((5, 10), 60, errors, frozen(errors / 2), ((0, 0, 1), (0, 0, 0)), 10)


def landscape(shown: bool = True, truth: bool = True, m: int = 0) -> LandscapeSeen:
    first, second = np.linspace(-2, 2, 9), np.linspace(-1, 1, 5)
    bowl = (first[:, None] - 1) ** 2 + second**2 + 0.1
    none = np.zeros((0, 0))
    path = np.array([[[0, 0], [0, 0]], [[0.5, 0.1], [-0.5, 0.2]], [[0.9, 0], [-0.6, np.nan]]])
    return LandscapeSeen(
        m, frozen(first), frozen(second), frozen(bowl * 2 if shown else none),
        frozen(bowl if shown and truth else none), frozen(bowl * 3), frozen(bowl * 4),
        frozen(np.ones((2, 3))), frozen(path), frozen([0.1, np.nan]), shown, 8,
    )  # fmt: skip


def embedding() -> EmbeddingSeen:
    """Two classes, one support and two query images of each, which part along two inner steps."""
    at = np.array([[0, 0], [1, 0], [0, 1], [1, 1], [0, 2], [1, 2]], dtype=float)
    points = np.stack([at, at * [2, 1], at * [4, 1]])
    images = np.zeros((6, 8, 8), np.uint8)
    images[:, 3:5] = 255
    told = np.array([[0, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 1], [0, 1, 0, 1, 0, 1]])
    return EmbeddingSeen(
        frozen(points), 0.75, frozen([0.1, 0.5, 0.9]), images, (0, 1, 0, 1, 0, 1), frozen(told), 2,
        ("a", "b"),
    )  # fmt: skip
