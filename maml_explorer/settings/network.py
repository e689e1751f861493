"""The settings of the network."""

from __future__ import annotations

from dataclasses import dataclass

from maml_explorer.settings.declaration import Applies, declare
from maml_explorer.settings.families import Family
from maml_explorer.settings.models import MODEL_KINDS, ModelKind
from maml_explorer.settings.norms import NORMS
from maml_explorer.settings.own_network import DECLARED_NETWORK

_RESTART = Applies.RESTART


def _images(family: Family) -> bool:
    return family.images


def _dense(model: ModelKind) -> bool:
    return not model.pictures and not model.own


def _built_in(model: ModelKind) -> bool:
    return not model.own


def _own(model: ModelKind) -> bool:
    return model.own


def _pictures(model: ModelKind) -> bool:
    return model.pictures


@dataclass(frozen=True)
class ModelSettings:
    """The network."""

    model: str = declare(
        "mlp", "Network",
        "; ".join(f"{one.key}: {one.summary}" for one in MODEL_KINDS.values()),
        choices=tuple(MODEL_KINDS), applies=_RESTART, families=_images, models=_built_in,
    )  # fmt: skip
    hidden: tuple[int, ...] = declare(
        (40, 40), "Hidden layers", "Sizes of the hidden layers, separated by commas.",
        minimum=1, maximum=1024, applies=_RESTART, models=_dense,
    )  # fmt: skip
    filters: int = declare(
        16, "Filters", "Filters of every block of a convolutional network. The classic network "
        "has 4 blocks of 64 on 28 pixels; with 32 tasks a step of it takes some forty times as "
        "long as one of 3 blocks of 16 on 20 pixels with 8 tasks.",
        minimum=1, maximum=256, slider=(4, 64), applies=_RESTART, families=_images,
        models=_pictures,
    )  # fmt: skip
    blocks: int = declare(
        3, "Blocks", "Blocks of a convolutional network: 3 × 3 filters with stride 2, "
        "normalization and activation. Each halves the side of the picture.",
        minimum=1, maximum=6, slider=(1, 4), applies=_RESTART, families=_images, models=_pictures,
    )  # fmt: skip
    pooling: str = declare(
        "none", "Before the head",
        "none: the head of a convolutional network sees every place of the last block. mean: it "
        "sees their mean, as in the code of Finn et al. for Omniglot.",
        choices=("none", "mean"), applies=_RESTART, basic=False, families=_images,
        models=_pictures,
    )  # fmt: skip
    activation: str = declare(
        "relu", "Activation", "Activation function σ(z) of the hidden layers.",
        choices=("relu", "tanh", "sigmoid", "softplus", "sine"), applies=_RESTART,
        models=_built_in,
    )  # fmt: skip
    skip: bool = declare(
        False, "Skip connections",
        "h_l = σ(z_l) + h_{l−1} where two neighbouring layers have the same width; the output "
        "layer has none.",
        applies=_RESTART, basic=False, models=_dense,
    )  # fmt: skip
    norm: str = declare(
        "none", "Normalization",
        "Before the activation, with a learned scale and shift per unit that the inner loop leaves "
        "alone; Reptile, which learns from its inner loop only, keeps them at 1 and 0. "
        "batch: by mean and variance of the points of the pass, per task (support points in "
        "the inner loop, then query points together: transductive); one point alone is normalized "
        "to 0, so nothing below is learned from it. batch-running: trained the same way, but "
        "tested with running averages over all tasks and inner steps, as after model.eval(). "
        "batch-per-step: trained and tested with a running average per inner step (MAML++ records "
        "them and never uses them). "
        "layer: over the units of a layer, for each point by itself.",
        choices=tuple(NORMS),
        applies=_RESTART, basic=False, models=_built_in,
    )  # fmt: skip
    initialization: str = declare(
        "pytorch", "Initialization",
        "Distribution of θ₀: He (normal, variance 2/fan-in), Xavier (normal, "
        "2/(fan-in + fan-out)), truncated normal with σ = 0.01 (as in the code of Finn et al.), "
        "PyTorch's default.",
        symbol="θ₀", choices=("he", "xavier", "truncated-normal", "pytorch"),
        applies=_RESTART, per_arm=True, basic=False, models=_built_in,
    )  # fmt: skip
    own_network: str = declare(
        "", "Own network",
        "A module of the user's own program in the place of the network. Settings hold its class, "
        "its sizes, and a fingerprint of the names and shapes of its parameters.",
        text=DECLARED_NETWORK, typed=False, applies=_RESTART, basic=False, models=_own,
    )  # fmt: skip

    @property
    def special(self) -> bool:
        """True if the network is more than layer after layer: with a norm or skips."""
        return self.skip or self.norm != "none"

    @property
    def architecture(self) -> tuple[object, ...]:
        """Values that two networks must share for their parameters to fit each other."""
        if self.own_network:
            return (self.own_network,)
        if MODEL_KINDS[self.model].pictures:
            return self.model, self.filters, self.blocks, self.pooling, self.norm
        return self.model, self.hidden, self.skip, self.norm
