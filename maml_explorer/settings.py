"""The settings of a run: frozen groups of declared hyperparameters, and the arms.

Torch-free. Text forms (TOML, share string) are in :mod:`maml_explorer.settings_text`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from maml_explorer.core.algorithms import ALGORITHMS
from maml_explorer.core.models.norms import NORMS
from maml_explorer.hyperparameters import (
    Applies,
    Hyperparameter,
    Scale,
    SettingsError,
    Value,
    declarations,
    declare,
)

MAX_ARMS = 8
_RESTART = Applies.RESTART
_INNER_LOOP = ("maml", "fomaml", "anil", "meta_sgd")
"""The algorithms whose outer gradient is of the loss after an inner loop."""
_OPTIMIZED = (*_INNER_LOOP, "mtl")
"""The algorithms with an outer optimizer."""


@dataclass(frozen=True)
class TaskSettings:
    """The task family: y = A sin(ωx − φ) + noise."""

    amplitude_min: float = declare(
        0.1, "Amplitude min", "Smallest amplitude A of the sine tasks.",
        symbol="A", minimum=0.0, maximum=100.0, slider=(0.0, 10.0), row="Amplitude",
    )  # fmt: skip
    amplitude_max: float = declare(
        5.0, "Amplitude max", "Largest amplitude A of the sine tasks.",
        symbol="A", minimum=0.0, maximum=100.0, slider=(0.0, 10.0), row="Amplitude",
    )  # fmt: skip
    phase_min: float = declare(
        0.0, "Phase min", "Smallest phase φ of y = A sin(ωx − φ).",
        symbol="φ", unit="rad", minimum=-10.0, maximum=10.0, slider=(0.0, 2 * math.pi), row="Phase",
    )  # fmt: skip
    phase_max: float = declare(
        math.pi, "Phase max", "Largest phase φ. With 0 to 2π the best single predictor is 0.",
        symbol="φ", unit="rad", minimum=-10.0, maximum=10.0, slider=(0.0, 2 * math.pi), row="Phase",
    )  # fmt: skip
    frequency_min: float = declare(
        1.0, "Frequency min", "Smallest frequency ω of y = A sin(ωx − φ). From 1 to 1 as published "
        "at first; where it varies, two points no longer determine a task.",
        symbol="ω", minimum=0.0, maximum=10.0, slider=(0.5, 2.0), row="Frequency", basic=False,
    )  # fmt: skip
    frequency_max: float = declare(
        1.0, "Frequency max", "Largest frequency ω of y = A sin(ωx − φ).",
        symbol="ω", minimum=0.0, maximum=10.0, slider=(0.5, 2.0), row="Frequency", basic=False,
    )  # fmt: skip
    x_min: float = declare(
        -5.0, "x min", "Left end of the inputs x, drawn uniformly.",
        symbol="x", minimum=-100.0, maximum=100.0, slider=(-10.0, 10.0), row="x range", basic=False,
    )  # fmt: skip
    x_max: float = declare(
        5.0, "x max", "Right end of the inputs x, drawn uniformly.",
        symbol="x", minimum=-100.0, maximum=100.0, slider=(-10.0, 10.0), row="x range", basic=False,
    )  # fmt: skip
    noise: float = declare(
        0.0, "Noise σ",
        "Standard deviation of the noise on support and training-query targets. "
        "Meta-test queries stay clean.",
        symbol="σ", minimum=0.0, maximum=10.0, slider=(0.0, 2.0),
    )  # fmt: skip

    @property
    def frequency_varies(self) -> bool:
        """Whether tasks differ in frequency: then a task has three unknowns."""
        return self.frequency_max > self.frequency_min


@dataclass(frozen=True)
class ModelSettings:
    """The network."""

    hidden: tuple[int, ...] = declare(
        (40, 40), "Hidden layers", "Sizes of the hidden layers, separated by commas.",
        minimum=1, maximum=1024, applies=_RESTART,
    )  # fmt: skip
    activation: str = declare(
        "relu", "Activation", "Activation function σ(z) of the hidden layers.",
        choices=("relu", "tanh", "sigmoid", "softplus", "sine"), applies=_RESTART,
    )  # fmt: skip
    skip: bool = declare(
        False, "Skip connections",
        "h_l = σ(z_l) + h_{l−1} where two neighbouring layers are of one width; the output layer "
        "has none.",
        applies=_RESTART, basic=False,
    )  # fmt: skip
    norm: str = declare(
        "none", "Normalization",
        "Before the activation, with a learned scale and shift per unit that the inner loop leaves "
        "alone. batch: by mean and variance of the points of the pass, per task (support points in "
        "the inner loop, then query points together: transductive); one point alone is normalized "
        "to 0, so nothing below is learned from it. batch-running: trained likewise, but tested "
        "with running averages over all tasks and inner steps, as after model.eval(). "
        "batch-per-step: trained and tested with a running average per inner step (MAML++ records "
        "them and never uses them). "
        "layer: over the units of a layer, for each point by itself.",
        choices=tuple(NORMS),
        applies=_RESTART, basic=False,
    )  # fmt: skip
    initialization: str = declare(
        "pytorch", "Initialization",
        "How θ₀ is drawn: He (normal, variance 2/fan-in), Xavier (normal, 2/(fan-in + fan-out)), "
        "truncated normal with σ = 0.01 (as in the code of Finn et al.), PyTorch's default.",
        symbol="θ₀", choices=("he", "xavier", "truncated-normal", "pytorch"),
        applies=_RESTART, per_arm=True, basic=False,
    )  # fmt: skip

    @property
    def special(self) -> bool:
        """True where the network is more than layer after layer: with a norm or skips."""
        return self.skip or self.norm != "none"

    @property
    def architecture(self) -> tuple[tuple[int, ...], bool, str]:
        """What two networks share whose parameters fit each other."""
        return self.hidden, self.skip, self.norm


@dataclass(frozen=True)
class InnerSettings:
    """The inner loop: adaptation to one task on its support set."""

    inner_lr: float = declare(
        0.01, "Inner learning rate α",
        "Step size of every inner step: φ ← φ − α ∇L_support(φ). Learned step sizes (Meta-SGD, "
        "LSLR) begin with it, and follow a change of it in proportion, from 0 by adding it.",
        symbol="α", minimum=0.0, maximum=100.0, scale=Scale.LOG, slider=(1e-4, 1.0), per_arm=True,
    )  # fmt: skip
    inner_steps: int = declare(
        1, "Inner steps", "Inner steps K while meta-training.",
        symbol="K", minimum=0, maximum=50, slider=(0, 10), per_arm=True,
        algorithms=_INNER_LOOP,
    )  # fmt: skip
    shots: int = declare(
        10, "Shots", "Support points per task.", unit="pts", minimum=1, maximum=1000, slider=(1, 50)
    )
    query_points: int = declare(
        10, "Query points", "Query points per task while meta-training.",
        unit="pts", minimum=1, maximum=1000, slider=(1, 50),
    )  # fmt: skip
    lslr: bool = declare(
        False, "Learned rates (LSLR)",
        "Learn α for every layer and inner step, with the outer optimizer, as θ; they begin at α "
        "and may become negative. With more steps at meta-test than trained, the last step's rates "
        "are used again: our rule, not the paper's. Antoniou et al. 2019.",
        applies=_RESTART, per_arm=True, basic=False, algorithms=("maml", "fomaml", "anil"),
    )  # fmt: skip
    inner_clip: float = declare(
        0.0, "Inner clipping",
        "Largest norm of an inner gradient, per task and over all parameters that adapt; longer "
        "ones are scaled down, and second order goes through that too. 0 is off.",
        minimum=0.0, maximum=1e6, scale=Scale.LOG, slider=(0.01, 100.0), per_arm=True, basic=False,
    )  # fmt: skip
    reptile_inner_steps: int = declare(
        5, "Reptile inner steps", "Inner steps of Reptile, each on the next minibatch.",
        minimum=1, maximum=50, slider=(1, 50), per_arm=True, basic=False, algorithms=("reptile",),
    )  # fmt: skip
    reptile_batch: int = declare(
        5, "Reptile inner batch",
        "Support points per inner step of Reptile; as many as shots, or more, means all of them. "
        "With one inner step on all points Reptile is joint training.",
        unit="pts", minimum=1, maximum=1000, slider=(1, 50), per_arm=True, basic=False,
        algorithms=("reptile",),
    )  # fmt: skip


@dataclass(frozen=True)
class OuterSettings:
    """The outer loop: the update of the initialization θ."""

    outer_lr: float = declare(
        0.001, "Outer learning rate β",
        "Step size of the outer optimizer. The outer gradient is the mean over the tasks of the "
        "meta-batch (the paper writes a sum).",
        symbol="β", minimum=0.0, maximum=100.0, scale=Scale.LOG, slider=(1e-5, 0.1), per_arm=True,
    )  # fmt: skip
    meta_batch: int = declare(
        25, "Meta-batch", "Tasks per outer step.", unit="tasks", minimum=1, maximum=4096,
        scale=Scale.LOG, slider=(1, 256),
    )  # fmt: skip
    optimizer: str = declare(
        "adam", "Optimizer", "Outer optimizer: Adam (0.9, 0.999), or SGD with momentum.",
        choices=("adam", "sgd"), applies=_RESTART, per_arm=True,
    )  # fmt: skip
    momentum: float = declare(
        0.0, "Momentum", "Momentum of the outer SGD.", minimum=0.0, maximum=0.999,
        slider=(0.0, 0.99), per_arm=True, basic=False,
    )  # fmt: skip
    schedule: str = declare(
        "constant", "Outer rate schedule",
        "How β changes over the declared outer steps T, after which it stays. cosine: from β down "
        "to the end fraction e of it, along half a cosine. step: to √e β at T/2, to e β at 3T/4. "
        "warm-up: in equal steps up to β, then constant.",
        choices=("constant", "cosine", "step", "warm-up"), per_arm=True, basic=False,
        algorithms=_OPTIMIZED,
    )  # fmt: skip
    schedule_end: float = declare(
        0.01, "Schedule end e", "What part of β a cosine or step schedule ends with.",
        minimum=0.0, maximum=1.0, slider=(0.0, 1.0), per_arm=True, basic=False,
        algorithms=_OPTIMIZED,
    )  # fmt: skip
    warmup_steps: int = declare(
        1_000, "Warm-up steps", "Outer steps until a warm-up reaches β.",
        unit="steps", minimum=1, maximum=10_000_000, scale=Scale.LOG, slider=(10, 100_000),
        per_arm=True, basic=False, algorithms=_OPTIMIZED,
    )  # fmt: skip
    outer_clip: float = declare(
        0.0, "Outer clipping",
        "Largest norm of the outer gradient, learned step sizes included; a longer one is scaled "
        "down. 0 is off.",
        minimum=0.0, maximum=1e6, scale=Scale.LOG, slider=(0.01, 100.0), per_arm=True, basic=False,
        algorithms=_OPTIMIZED,
    )  # fmt: skip
    second_order_from: int = declare(
        0, "Second order from",
        "First order before this outer step of the arm, second order from it on; 0 is second "
        "order throughout. Derivative-order annealing of Antoniou et al. 2019.",
        unit="steps", minimum=0, maximum=10_000_000, scale=Scale.LOG, slider=(10, 100_000),
        per_arm=True, basic=False, algorithms=("maml", "anil", "meta_sgd"),
    )  # fmt: skip
    multi_step_loss: bool = declare(
        False, "Multi-step loss",
        "Train on the query loss after every inner step, not the last alone. All weigh 1/K at "
        "first; those of earlier steps fall linearly, to 0.03/K at least, and the last takes the "
        "rest. Antoniou et al. 2019.",
        per_arm=True, basic=False, algorithms=_INNER_LOOP,
    )  # fmt: skip
    multi_step_until: int = declare(
        5_000, "Multi-step loss until",
        "From this outer step of the arm on, only the loss after the last inner step counts.",
        unit="steps", minimum=0, maximum=10_000_000, scale=Scale.LOG, slider=(10, 100_000),
        per_arm=True, basic=False, algorithms=_INNER_LOOP,
    )  # fmt: skip
    reptile_step: float = declare(
        0.1, "Reptile step size ε", "Outer step of Reptile: θ ← θ − ε · mean(θ − φ).",
        symbol="ε", minimum=0.0, maximum=1.0, slider=(0.0, 1.0), per_arm=True, basic=False,
        algorithms=("reptile",),
    )  # fmt: skip
    reptile_anneal: bool = declare(
        True, "Anneal Reptile's ε", "Lower ε linearly to 0 over the declared outer steps.",
        per_arm=True, basic=False, algorithms=("reptile",),
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
        "auto", "Device", "Where training runs. Auto takes CUDA, where present, for large sizes.",
        choices=("auto", "cpu", "cuda"), applies=_RESTART,
    )  # fmt: skip
    precision: str = declare(
        "float32", "Precision", "Floating-point type of all tensors.",
        choices=("float32", "float64"), applies=_RESTART, basic=False,
    )  # fmt: skip
    test_steps: int = declare(
        10, "Test inner steps", "Inner steps shown in the window and measured at meta-test.",
        symbol="K test", minimum=0, maximum=50, slider=(0, 50), basic=False,
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

_ORDERED = (
    ("amplitude_min", "amplitude_max"),
    ("phase_min", "phase_max"),
    ("frequency_min", "frequency_max"),
    ("x_min", "x_max"),
)


@dataclass(frozen=True)
class Arm:
    """One algorithm being trained: its name (unique in a run), algorithm key and overrides."""

    name: str
    algorithm: str
    overrides: tuple[tuple[str, Value], ...] = ()
    """(key, value) of the settings that differ from the shared ones, sorted by key."""

    def __post_init__(self) -> None:
        if self.algorithm not in ALGORITHMS:
            raise SettingsError(
                f"There is no algorithm “{str(self.algorithm)[:40]}”: "
                f"allowed are {', '.join(ALGORITHMS)}."
            )
        name: object = self.name
        if (
            not isinstance(name, str)
            or not name.strip()
            or len(name) > 40
            or not name.isprintable()
        ):
            raise SettingsError("An arm's name is 1 to 40 printable characters.")
        checked = {}
        for key, value in self.overrides:
            declaration = DECLARATIONS.get(key)
            if declaration is None or not declaration.per_arm:
                allowed = ", ".join(k for k, d in DECLARATIONS.items() if d.per_arm)
                raise SettingsError(
                    f"Arm {name} cannot override “{str(key)[:40]}”: allowed are {allowed}."
                )
            checked[key] = declaration.check(value)
        object.__setattr__(self, "overrides", tuple(sorted(checked.items())))


def default_arm(algorithm: str) -> Arm:
    """An arm without overrides, named as the algorithm is (MAML, FO-MAML, …)."""
    if algorithm not in ALGORITHMS:
        return Arm(algorithm, algorithm)  # raises the sentence that lists what there is
    return Arm(ALGORITHMS[algorithm].label, algorithm)


DEFAULT_ARMS = tuple(default_arm(name) for name in ("maml", "fomaml", "anil", "mtl"))


@dataclass(frozen=True)
class Settings:
    """Everything that determines a run."""

    tasks: TaskSettings = field(default_factory=TaskSettings)
    model: ModelSettings = field(default_factory=ModelSettings)
    inner: InnerSettings = field(default_factory=InnerSettings)
    outer: OuterSettings = field(default_factory=OuterSettings)
    run: RunSettings = field(default_factory=RunSettings)
    arms: tuple[Arm, ...] = DEFAULT_ARMS

    def __post_init__(self) -> None:
        for group in GROUPS:
            part = getattr(self, group)
            checked = {key: DECLARATIONS[key].check(value) for key, value in vars(part).items()}
            # 1 equals 1.0, and is not what a float setting holds
            if [(type(v), v) for v in checked.values()] != [
                (type(v), v) for v in vars(part).values()
            ]:
                object.__setattr__(self, group, dataclasses.replace(part, **checked))
        for low, high in _ORDERED:
            if self[low] > self[high]:  # type: ignore[operator]
                raise SettingsError(
                    f"{DECLARATIONS[low].label} ({low} = {self[low]:g}) cannot be above "
                    f"{DECLARATIONS[high].label} ({high} = {self[high]:g})."
                )
        if not 1 <= len(self.arms) <= MAX_ARMS:
            raise SettingsError(f"A run has 1 to {MAX_ARMS} arms, not {len(self.arms)}.")
        names = [arm.name for arm in self.arms]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise SettingsError(f"Two arms are named {twice}: each arm needs a name of its own.")
        for arm in self.arms:
            algorithm = ALGORITHMS[arm.algorithm]
            if algorithm.step_sizes and dict(arm.overrides).get("lslr", self.inner.lslr):
                raise SettingsError(
                    f"Arm {arm.name} learns a step size per parameter ({algorithm.label}), so it "
                    f"cannot also have {DECLARATIONS['lslr'].label} (lslr): it must be false, for "
                    "this arm at least."
                )

    def __getitem__(self, key: str) -> Value:
        """The value of one hyperparameter by its key."""
        value: Value = getattr(getattr(self, DECLARATIONS[key].group), key)
        return value

    def values(self) -> dict[str, Value]:
        """Every hyperparameter, key → value, in declared order."""
        return {key: self[key] for key in DECLARATIONS}

    def with_values(self, changes: Mapping[str, object]) -> Settings:
        """These settings with some values changed.

        Raises:
            SettingsError: for an unknown key, a value out of range, a minimum above its maximum.
        """
        by_group: dict[str, dict[str, Any]] = {}
        for key, value in changes.items():
            if key not in DECLARATIONS:
                raise SettingsError(f"There is no setting “{str(key)[:40]}”.")
            declaration = DECLARATIONS[key]
            by_group.setdefault(declaration.group, {})[key] = declaration.check(value)
        groups = {
            group: dataclasses.replace(getattr(self, group), **values)
            for group, values in by_group.items()
        }
        return dataclasses.replace(self, **groups)

    def with_arms(self, arms: tuple[Arm, ...]) -> Settings:
        """These settings with other arms."""
        return dataclasses.replace(self, arms=arms)

    def of_arm(self, arm: Arm) -> Settings:
        """What the arm really trains with: these settings with its overrides applied."""
        # without the other arms, which what overrides one of them may contradict
        return self.with_arms((arm,)).with_values(dict(arm.overrides)) if arm.overrides else self

    def arm(self, name: str) -> Arm:
        """The arm of that name.

        Raises:
            SettingsError: where there is none.
        """
        for arm in self.arms:
            if arm.name == name:
                return arm
        names = ", ".join(arm.name for arm in self.arms)
        raise SettingsError(f"There is no arm “{name[:40]}”: there are {names}.")


def changed_keys(old: Settings, new: Settings) -> list[str]:
    """Keys of the hyperparameters that differ, in declared order."""
    # a group that was not touched is the same object, and most are
    touched = {group for group in GROUPS if getattr(old, group) is not getattr(new, group)}
    return [
        key
        for key, declared in DECLARATIONS.items()
        if declared.group in touched and old[key] != new[key]
    ]


def begun_anew(old: Settings, new: Settings) -> set[str]:
    """Names of the arms that begin at an outer step 0 of their own: added, or defined anew."""
    before = {arm.name: arm for arm in old.arms}
    return {
        arm.name
        for arm in new.arms
        if arm.name not in before
        or before[arm.name].algorithm != arm.algorithm
        or needs_restart(old.of_arm(before[arm.name]), new.of_arm(arm))
    }


def needs_restart(old: Settings, new: Settings) -> list[str]:
    """Keys of the changed hyperparameters that only a restart can apply."""
    return [key for key in changed_keys(old, new) if DECLARATIONS[key].applies is Applies.RESTART]
