"""Groups of settings and all declarations."""

from __future__ import annotations

from dataclasses import dataclass

from maml_explorer.settings.declaration import (
    Applies,
    Hyperparameter,
    Scale,
    declarations,
    declare,
)
from maml_explorer.settings.family import Family
from maml_explorer.settings.images import ImageSettings
from maml_explorer.settings.network import ModelSettings
from maml_explorer.settings.tasks import TaskSettings as TaskSettings

_RESTART = Applies.RESTART


def _no_stream(family: Family) -> bool:
    return not family.stream


@dataclass(frozen=True)
class InnerSettings:
    """The inner loop: adaptation to one task on its support set."""

    inner_lr: float = declare(
        0.01, "Inner learning rate α",
        "Step size of every inner step: φ ← φ − α ∇L_support(φ). Learned step sizes (Meta-SGD, "
        "LSLR) start from it; changing it while training scales them by the same factor.",
        symbol="α", minimum=0.0, maximum=100.0, scale=Scale.LOG, slider=(1e-4, 1.0), per_arm=True,
    )  # fmt: skip
    inner_steps: int = declare(
        1, "Inner steps", "Inner steps K while meta-training.",
        symbol="K", minimum=0, maximum=50, slider=(0, 10), per_arm=True,
        reads=lambda a: a.has_meta_gradient, families=_no_stream,
    )  # fmt: skip
    shots: int = declare(
        10, "Shots", "Support points per task; for images those of each class.",
        unit="pts", images_unit="img", minimum=1, maximum=1000, slider=(1, 50),
    )  # fmt: skip
    query_points: int = declare(
        10, "Query points",
        "Query points per task while meta-training; for images those of each class.",
        unit="pts", images_unit="img", minimum=1, maximum=1000, slider=(1, 50),
    )  # fmt: skip
    head_layers: int = declare(
        1, "Head layers", "Last layers that form the head. They alone adapt in ANIL, and in MTL "
        "where its head is fine-tuned. With all layers, or more, it adapts everything. On a "
        "stream, ANIL with some of them is OML (Javed and White 2019: 2 of 8 layers).",
        minimum=1, maximum=9, slider=(1, 4), applies=_RESTART, per_arm=True, basic=False,
        reads=lambda a: a.adapts == "head" or not a.has_inner_loop,
    )  # fmt: skip
    fine_tune: str = declare(
        "all", "Fine-tuned layers",
        "Layers that joint training (MTL) changes at meta-test: all of them, or its head.",
        choices=("all", "head"), per_arm=True, basic=False,
        reads=lambda a: not a.has_inner_loop,
    )  # fmt: skip
    lslr: bool = declare(
        False, "Learned rates (LSLR)",
        "Learn one α for every layer and inner step, with the outer optimizer, like θ. They begin "
        "at α and may become negative. With more steps at meta-test than trained, the last step's "
        "rates are used again (this program's rule, not the paper's). Antoniou et al. 2019.",
        applies=_RESTART, per_arm=True, basic=False,
        reads=lambda a: a.unrolls and not a.step_sizes,
    )  # fmt: skip
    context: int = declare(
        5, "Context parameters",
        "Numbers that CAVIA adapts instead of the network's parameters. They begin at 0 for every "
        "task.",
        symbol="n", minimum=1, maximum=100, slider=(1, 20), applies=_RESTART, per_arm=True,
        basic=False, reads=lambda a: a.adapts == "context",
    )  # fmt: skip
    context_enters: str = declare(
        "input", "Context enters at",
        "Input: the context is appended to it, or enters behind the norm of the first layer. "
        "Features: it scales and shifts those of the last hidden layer (FiLM), or only shifts them "
        "without a norm. Images need this. Zintgraf et al. 2019 use α = 1 for both.",
        choices=("input", "features"), applies=_RESTART, per_arm=True, basic=False,
        reads=lambda a: a.adapts == "context",
    )  # fmt: skip
    inner_clip: float = declare(
        0.0, "Inner clipping",
        "Largest norm of an inner gradient, per task and over all parameters that adapt; longer "
        "ones are scaled down. Second order differentiates through the scaling. 0 is off.",
        minimum=0.0, maximum=1e6, scale=Scale.LOG, slider=(0.01, 100.0), per_arm=True, basic=False,
    )  # fmt: skip
    proximal: float = declare(
        100.0, "Proximal strength λ",
        "Strength of the pull that holds φ near θ: inner steps go down L_support(φ) + "
        "λ/2 ‖φ − θ‖². With α = 1/λ the pull alone brings φ back to θ in one step; α above 2/λ "
        "overshoots. Rajeswaran et al. 2019.",
        symbol="λ", minimum=1e-3, maximum=1e6, scale=Scale.LOG, slider=(0.1, 1000.0), per_arm=True,
        basic=False, reads=lambda a: a.implicit,
    )  # fmt: skip
    cg_steps: int = declare(
        10, "CG steps",
        "Conjugate-gradient steps that solve (I + H/λ) u = ∇L_query for the outer gradient. An arm "
        "stops if they leave more than a hundredth of it.",
        unit="steps", minimum=1, maximum=100, slider=(1, 20), per_arm=True, basic=False,
        reads=lambda a: a.implicit,
    )  # fmt: skip
    reptile_inner_steps: int = declare(
        5, "Reptile inner steps", "Inner steps of Reptile, each on the next minibatch.",
        short="Inner steps", minimum=1, maximum=50, slider=(1, 50), per_arm=True, basic=False,
        reads=lambda a: a.interpolates, families=_no_stream,
    )  # fmt: skip
    reptile_batch: int = declare(
        5, "Reptile inner batch",
        "Support points per inner step of Reptile; as many as shots, or more, means all of them. "
        "With one inner step on all points Reptile is joint training.",
        unit="pts", images_unit="img", minimum=1, maximum=1000, slider=(1, 50), per_arm=True,
        short="Inner batch", basic=False,
        reads=lambda a: a.interpolates, families=_no_stream,
    )  # fmt: skip


@dataclass(frozen=True)
class OuterSettings:
    """The outer loop: the update of the initialization θ."""

    outer_lr: float = declare(
        0.001, "Outer learning rate β",
        "Step size of the outer optimizer. The outer gradient is the mean over the tasks of the "
        "meta-batch (the paper writes a sum).",
        symbol="β", minimum=0.0, maximum=100.0, scale=Scale.LOG, slider=(1e-5, 0.1), per_arm=True,
        reads=lambda a: a.has_outer_optimizer,
    )  # fmt: skip
    meta_batch: int = declare(
        25, "Meta-batch", "Tasks per outer step.", unit="tasks", minimum=1, maximum=4096,
        scale=Scale.LOG, slider=(1, 256),
    )  # fmt: skip
    optimizer: str = declare(
        "adam", "Optimizer", "Outer optimizer: Adam (0.9, 0.999), or SGD with momentum.",
        choices=("adam", "sgd"), applies=_RESTART, per_arm=True,
        reads=lambda a: a.has_outer_optimizer,
    )  # fmt: skip
    momentum: float = declare(
        0.0, "Momentum", "Momentum of the outer SGD.", minimum=0.0, maximum=0.999,
        slider=(0.0, 0.99), per_arm=True, basic=False, reads=lambda a: a.has_outer_optimizer,
    )  # fmt: skip
    schedule: str = declare(
        "constant", "Outer rate schedule",
        "Course of β over the declared outer steps T; then it stays as it is. cosine: down to the "
        "end fraction e of β, along half a cosine. step: to √e β at T/2, to e β at 3T/4. "
        "warm-up: up to β in equal steps, then constant.",
        choices=("constant", "cosine", "step", "warm-up"), per_arm=True, basic=False,
        reads=lambda a: a.has_outer_optimizer,
    )  # fmt: skip
    schedule_end: float = declare(
        0.01, "Schedule end e", "Fraction of β that a cosine or step schedule ends with.",
        minimum=0.0, maximum=1.0, slider=(0.0, 1.0), per_arm=True, basic=False,
        reads=lambda a: a.has_outer_optimizer,
    )  # fmt: skip
    warmup_steps: int = declare(
        1_000, "Warm-up steps", "Outer steps until a warm-up reaches β.",
        unit="steps", minimum=1, maximum=10_000_000, scale=Scale.LOG, slider=(10, 100_000),
        per_arm=True, basic=False, reads=lambda a: a.has_outer_optimizer,
    )  # fmt: skip
    outer_clip: float = declare(
        0.0, "Outer clipping",
        "Largest norm of the outer gradient, learned step sizes included; a longer one is scaled "
        "down. 0 is off.",
        minimum=0.0, maximum=1e6, scale=Scale.LOG, slider=(0.01, 100.0), per_arm=True, basic=False,
        reads=lambda a: a.has_outer_optimizer,
    )  # fmt: skip
    second_order_from: int = declare(
        0, "Second order from",
        "First order before this outer step of the arm, second order from it on; 0 is second "
        "order throughout. Derivative-order annealing of Antoniou et al. 2019.",
        unit="steps", minimum=0, maximum=10_000_000, scale=Scale.LOG, slider=(10, 100_000),
        per_arm=True, basic=False, reads=lambda a: a.keeps_hessians,
    )  # fmt: skip
    multi_step_loss: bool = declare(
        False, "Multi-step loss",
        "Train on the query losses after all inner steps, not only the last. Each weighs 1/K at "
        "first; those of earlier steps fall linearly, to 0.03/K at least, and the last takes the "
        "rest. Antoniou et al. 2019.",
        per_arm=True, basic=False, reads=lambda a: a.unrolls,
    )  # fmt: skip
    multi_step_until: int = declare(
        5_000, "Multi-step loss until",
        "From this outer step of the arm on, only the loss after the last inner step counts.",
        unit="steps", minimum=0, maximum=10_000_000, scale=Scale.LOG, slider=(10, 100_000),
        per_arm=True, basic=False, reads=lambda a: a.unrolls,
    )  # fmt: skip
    reptile_step: float = declare(
        0.1, "Reptile step size ε", "Outer step of Reptile: θ ← θ − ε · mean(θ − φ).",
        symbol="ε", minimum=0.0, maximum=1.0, slider=(0.0, 1.0), per_arm=True, basic=False,
        reads=lambda a: a.interpolates,
    )  # fmt: skip
    reptile_anneal: bool = declare(
        True, "Anneal Reptile's ε", "Lower ε linearly to 0 over the declared outer steps.",
        per_arm=True, basic=False,
        reads=lambda a: a.interpolates,
    )  # fmt: skip
    outer_steps: int = declare(
        70_000, "Outer steps", "Training pauses here.", minimum=1, maximum=10_000_000,
        scale=Scale.LOG, slider=(100, 200_000),
    )  # fmt: skip


@dataclass(frozen=True)
class RunSettings:
    """Seeds, device and the meta-test."""

    seed: int = declare(
        0, "Seed", "Seed of initialization, training tasks and meta-test.",
        minimum=0, maximum=2**31 - 1, slider=(0, 100), applies=_RESTART,
    )  # fmt: skip
    device: str = declare(
        "auto", "Device", "Device to train on. auto takes CUDA, if present, for large sizes.",
        choices=("auto", "cpu", "cuda"), applies=_RESTART,
    )  # fmt: skip
    precision: str = declare(
        "float32", "Precision", "Floating-point type of all tensors.",
        choices=("float32", "float64"), applies=_RESTART, basic=False,
    )  # fmt: skip
    test_steps: int = declare(
        10, "Test inner steps", "Inner steps shown in the window and measured at meta-test.",
        minimum=0, maximum=50, slider=(0, 50), basic=False,
        families=_no_stream,
    )  # fmt: skip
    test_tasks: int = declare(
        600, "Test tasks", "Held-out tasks of the meta-test.", unit="tasks",
        minimum=2, maximum=10_000, slider=(50, 2000), basic=False,
    )  # fmt: skip
    evaluate_every: int = declare(
        5_000, "Meta-test every", "Outer steps between meta-tests of a headless run.",
        unit="steps", minimum=1, maximum=10_000_000, scale=Scale.LOG, slider=(100, 100_000),
        basic=False,
    )  # fmt: skip


GROUPS: dict[str, tuple[str, type]] = {
    "tasks": ("Tasks", TaskSettings),
    "images": ("Images", ImageSettings),
    "inner": ("Inner loop", InnerSettings),
    "outer": ("Outer loop", OuterSettings),
    "model": ("Network", ModelSettings),
    "run": ("Run", RunSettings),
}
"""Group → (title, class), in the order of the settings form."""
DECLARATIONS: dict[str, Hyperparameter] = {
    key: declaration
    for group, (_, settings_class) in GROUPS.items()
    for key, declaration in declarations(group, settings_class).items()
}
"""Every hyperparameter, key → declaration, in the order of the settings form."""
_ORDERED = tuple(
    (key, key.removesuffix("_min") + "_max") for key in DECLARATIONS if key.endswith("_min")
)
"""Pairs of settings of which the first cannot be above the second."""
