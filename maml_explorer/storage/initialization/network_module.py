"""A network with a norm or skip connections, in plain PyTorch: model cards carry this text."""

from collections.abc import Callable
from itertools import pairwise

from torch import Tensor, nn, ones, optim


class Network(nn.Module):
    """Layers h ← σ(norm(W h + b)), plus h with `skip` where widths agree; `step` is that of φ."""

    def __init__(self, sizes: tuple[int, ...], sigma: nn.Module, skip: bool, norm: str, kept: int):
        super().__init__()
        self.sigma, self.skip, self.norm, self.step = sigma, skip, norm, 0
        self.linears = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        widths = () if norm == "none" else sizes[1:-1]
        self.affine = nn.ParameterList(ones(2, w) for w in widths)  # scale and shift per unit
        self.kept = nn.ParameterList(ones(2, kept, w) for w in widths if kept).requires_grad_(False)

    def _normalized(self, z: Tensor, layer: int) -> Tensor:
        over = -1 if self.norm == "layer" else 0  # else over the points given together
        mean, variance = z.mean(over, True), z.var(over, correction=0, keepdim=True)
        if self.kept:  # there the last one serves every later step
            mean, variance = self.kept[layer][:, : self.step + 1][:, -1]
        return (z - mean) / (variance + 1e-5).sqrt() * self.affine[layer][0] + self.affine[layer][1]

    def forward(self, h: Tensor) -> Tensor:
        """Predictions [point, out] at x [point, in]."""
        for layer, linear in enumerate(self.linears[:-1]):
            z = linear(h) if self.norm == "none" else self._normalized(linear(h), layer)
            h = self.sigma(z) + h if self.skip and z.shape == h.shape else self.sigma(z)
        return self.linears[-1](h)

    def adapt(
        self, x: Tensor, y: Tensor, lr: float, steps: int, layers: slice = slice(None),
        loss: Callable[[Tensor, Tensor], Tensor] = nn.functional.mse_loss,
    ) -> None:  # fmt: skip
        """Takes inner steps of some layers; scales and shifts stay as they are."""
        sgd = optim.SGD(self.linears[layers].parameters(), lr)
        for _ in range(steps):
            sgd.zero_grad()
            loss(self(x), y).backward()
            sgd.step()
            self.step += layers.start is None
