"""The losses: derivatives by the output against autograd, figures, and chance."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from maml_explorer.core.losses import CROSS_ENTROPY, LOSSES, SQUARED_ERROR, Loss

TASKS, POINTS, OUTPUTS = 3, 4, 5


def drawn(loss: Loss, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Outputs, targets of the kind that the loss takes, and a direction, float64."""
    generator = torch.Generator().manual_seed(seed)
    size = (TASKS, POINTS, OUTPUTS)
    output, direction, y = (
        torch.randn(size, generator=generator, dtype=torch.float64) for _ in range(3)
    )
    if loss is CROSS_ENTROPY:
        y = torch.nn.functional.one_hot(y.argmax(-1), OUTPUTS).double()
    return output, y, direction


def by_torch(loss: Loss, output: Tensor, y: Tensor) -> Tensor:
    """The mean loss of every task [task], as torch has it."""
    if loss is SQUARED_ERROR:
        return torch.stack(
            [torch.nn.functional.mse_loss(a, b) for a, b in zip(output, y, strict=True)]
        )
    parts = zip(output, y.argmax(-1), strict=True)
    return torch.stack([torch.nn.functional.cross_entropy(a, b) for a, b in parts])


@pytest.mark.parametrize("loss", LOSSES.values(), ids=list(LOSSES))
def test_derivatives_equal_autograd(loss: Loss) -> None:
    output, y, direction = drawn(loss)

    def whole(at: Tensor) -> Tensor:
        return by_torch(loss, at, y).sum()

    gradient = torch.func.grad(whole)
    theirs = gradient(output)
    curved = torch.func.grad(lambda at: (gradient(at) * direction).sum())(output)
    residual = loss.residual(output, y)
    torch.testing.assert_close(loss.gradient(residual, 1.0), theirs, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(loss.gradient(residual, 0.3), 0.3 * theirs, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(loss.curvature(output, direction), curved, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("loss", LOSSES.values(), ids=list(LOSSES))
def test_values_equal_torch(loss: Loss) -> None:
    output, y, _ = drawn(loss, 1)
    theirs = by_torch(loss, output, y)
    torch.testing.assert_close(loss.value(output, y).mean(1), theirs)
    torch.testing.assert_close(loss.mean(output, y), theirs.mean())
    total = loss.total(output, y, loss.residual(output, y))
    each = POINTS if loss is CROSS_ENTROPY else POINTS * OUTPUTS
    torch.testing.assert_close(total, theirs.sum() * each)


def test_a_certain_mistake_costs_a_finite_loss() -> None:
    output = torch.tensor([[[300.0, 0.0]]])
    y = torch.tensor([[[0.0, 1.0]]])
    residual = CROSS_ENTROPY.residual(output, y)
    assert float(CROSS_ENTROPY.total(output, y, residual)) == 300
    assert float(CROSS_ENTROPY.value(output, y)) == 300


def test_accuracy() -> None:
    y = torch.eye(3)[None]
    right = torch.tensor([[[2.0, 1.0, 0.0], [2.0, 1.0, 0.0], [7.0, 7.0, 7.0]]])
    assert CROSS_ENTROPY.figure(right, y).tolist() == [[1.0, 0.0, pytest.approx(1 / 3)]]
    broken = torch.tensor([[[math.nan, 1.0, 0.0]]])
    assert CROSS_ENTROPY.figure(broken, y[:, :1]).isnan().all()
    assert CROSS_ENTROPY.chance(5) == (math.log(5), 1 / 5)
    assert SQUARED_ERROR.chance(1) is None


def test_the_table_holds_each_loss_under_its_key() -> None:
    assert {key: loss.key for key, loss in LOSSES.items()} == {key: key for key in LOSSES}
    assert (SQUARED_ERROR.sign, CROSS_ENTROPY.sign) == (1, -1)
