"""The settings of a run: frozen groups of declared hyperparameters, and the arms.

Torch-free. Text forms (TOML, share string) are in :mod:`maml_explorer.settings.text`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.settings.declaration import (
    SettingsError,
    Value,
    quoted,
)
from maml_explorer.settings.families import FAMILIES, Family
from maml_explorer.settings.groups import (
    _ORDERED,
    DECLARATIONS,
    GROUPS,
    InnerSettings,
    OuterSettings,
    RunSettings,
    TaskSettings,
)
from maml_explorer.settings.images import ImageSettings, check_images, images_of_class
from maml_explorer.settings.models import MLP, MODEL_KINDS, OWN_NETWORK, ModelKind
from maml_explorer.settings.network import ModelSettings
from maml_explorer.settings.own_network import check_own_network
from maml_explorer.settings.own_tasks import check_own_tasks
from maml_explorer.settings.stream import check_stream, stream_length
from maml_explorer.settings.typed import same_name
from maml_explorer.settings.words import nearest

MAX_ARMS = 12
LEARNS = {
    "parameter": "a step size per parameter",
    "matrices": "matrices of its own",
    "context": "the weights of its context",
}
"""Unit that an algorithm learns for its inner loop → words for it in a sentence."""


@dataclass(frozen=True)
class Arm:
    """One algorithm being trained: its name (unique in a run), algorithm key and overrides."""

    name: str
    algorithm: str
    overrides: tuple[tuple[str, Value], ...] = ()
    """(key, value) of the settings that differ from the shared ones, sorted by key."""

    def __post_init__(self) -> None:
        if self.algorithm not in ALGORITHMS:
            near = nearest(str(self.algorithm)[:40], ALGORITHMS)
            hint = f", did you mean {near}" if near else ""
            raise SettingsError(
                f"There is no algorithm {quoted(self.algorithm)}{hint}: "
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
                    f"Arm {name} cannot override {quoted(key)}: allowed are {allowed}."
                )
            checked[key] = declaration.check(value)
        object.__setattr__(self, "overrides", tuple(sorted(checked.items())))


def default_arm(algorithm: str) -> Arm:
    """An arm without overrides, named as the algorithm is (MAML, FO-MAML, …)."""
    if algorithm not in ALGORITHMS:
        return Arm(algorithm, algorithm)  # raises the sentence that lists what there is
    return Arm(ALGORITHMS[algorithm].label, algorithm)


def algorithm_key(text: str) -> str:
    """The key of an algorithm named by its key or its label: "fomaml" for "FO-MAML".

    A name that is neither is given back.
    """
    for key, record in ALGORITHMS.items():
        if same_name(key, text) or same_name(record.label, text):
            return key
    return text.strip()


DEFAULT_ARMS = tuple(default_arm(name) for name in ("maml", "fomaml", "anil", "mtl"))


@dataclass(frozen=True)
class Settings:
    """Everything that determines a run."""

    tasks: TaskSettings = field(default_factory=TaskSettings)
    model: ModelSettings = field(default_factory=ModelSettings)
    inner: InnerSettings = field(default_factory=InnerSettings)
    outer: OuterSettings = field(default_factory=OuterSettings)
    run: RunSettings = field(default_factory=RunSettings)
    images: ImageSettings = field(default_factory=ImageSettings)
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
        if self.model_kind.pictures and self.model.norm == "batch-per-step":
            raise SettingsError(
                "A convolutional network (model = conv) cannot have the normalization (norm) "
                "batch-per-step: allowed are none, batch, batch-running and layer."
            )
        shots, queries = self.inner.shots, self.inner.query_points
        check_images(self.images, self.family, shots, queries)
        check_own_network(self.model.own_network, self.ends, self.model.special)
        check_own_tasks(self.tasks.own_tasks, self.family, shots, queries)
        self.tasks.refuse_unfit()
        if self.family.stream:
            self._follow_stream()
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
            if self.model_kind.own and algorithm.step_sizes in ("matrices", "context"):
                raise SettingsError(
                    f"Arm {arm.name} learns {LEARNS[algorithm.step_sizes]} ({algorithm.label}) for "
                    "the layers of a built-in network, and not for a network of your own: choose "
                    "another algorithm, or leave out model."
                )
            if algorithm.step_sizes and dict(arm.overrides).get("lslr", self.inner.lslr):
                raise SettingsError(
                    f"Arm {arm.name} learns {LEARNS[algorithm.step_sizes]} "
                    f"({algorithm.label}), so it cannot also have "
                    f"{DECLARATIONS['lslr'].label} (lslr): it must be false, for this arm at least."
                )

    def _follow_stream(self) -> None:
        """Sets the inner steps of training and meta-test to the length of the stream."""
        tasks, inner = self.tasks, self.inner
        check_stream(self.model.norm, [(one.name, ALGORITHMS[one.algorithm]) for one in self.arms])
        length = stream_length(tasks.functions, tasks.batches, inner.shots)
        inner = dataclasses.replace(inner, inner_steps=length, reptile_inner_steps=length)
        object.__setattr__(self, "inner", inner)
        object.__setattr__(self, "run", dataclasses.replace(self.run, test_steps=length))

    def __getitem__(self, key: str) -> Value:
        """The value of one hyperparameter by its key."""
        value: Value = getattr(getattr(self, DECLARATIONS[key].group), key)
        return value

    @property
    def family(self) -> Family:
        """The record of the task family."""
        return FAMILIES[self.tasks.family]

    @property
    def model_kind(self) -> ModelKind:
        """The record of the network; if inputs are not images, the perceptron."""
        if self.model.own_network:
            return OWN_NETWORK
        return MODEL_KINDS[self.model.model] if self.family.images else MLP

    @property
    def hidden_layers(self) -> int:
        """Layers of the network below its output."""
        return self.model.blocks if self.model_kind.pictures else len(self.model.hidden)

    def reads(self, key: str) -> bool:
        """True if task family and network depend on the setting."""
        declared = DECLARATIONS[key]
        return declared.families(self.family) and declared.models(self.model_kind)

    @property
    def ends(self) -> tuple[int, int]:
        """(inputs, outputs) of the network."""
        own = self.tasks.own_key
        if self.family.own_tasks and own is not None:
            return own.inputs, own.outputs
        return self.family.ends(self)

    def support_points(self, shots: int | None = None) -> int:
        """Points of a support set: the shots (those of training unless given) of every part."""
        return (self.inner.shots if shots is None else shots) * self.family.classes(self)

    @property
    def stream_batches(self) -> int:
        """Parts in which a support set arrives, one per inner step; 0 where it is no stream."""
        return self.tasks.functions * self.tasks.batches if self.family.stream else 0

    @property
    def query_points(self) -> int:
        """Points of a query set while meta-training, of all classes or functions."""
        return self.inner.query_points * self.family.classes(self)

    @property
    def images_of_class(self) -> int:
        """Images that every class has at least; for families of images."""
        return images_of_class(self.images, self.family)

    def refuse_unshown(self) -> None:
        """Refuses what the window cannot show.

        Raises:
            SettingsError: naming the network or the tasks' sizes, and what trains it.
        """
        if self.model_kind.own:
            raise SettingsError(
                "The window cannot show networks of your own: they train and are measured by "
                "me.train(…, model=…); what was here is kept."
            )
        if self.family.own_tasks and self.ends != (1, 1):
            inputs, outputs = self.ends
            raise SettingsError(
                f"The window shows own tasks of one input and one output, and these have {inputs} "
                f"and {outputs}: they train without it, with me.train or maml-explorer train; what "
                "was here is kept."
            )

    def same_tasks(self, other: Settings) -> bool:
        """True if both draw tasks from one distribution: then their figures may be compared."""
        mine, theirs = self.values(), other.values()
        return self.family is other.family and all(
            mine[key] == theirs[key]
            for key, declared in DECLARATIONS.items()
            if declared.group in ("tasks", "images") and declared.families(self.family)
        )

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
                near = nearest(str(key)[:40], DECLARATIONS, cutoff=0.5)
                hint = f": did you mean {near}?" if near else "."
                raise SettingsError(f"There is no setting {quoted(key)}{hint}")
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
        """Settings that the arm really trains with: these, with its overrides applied."""
        # without the other arms, which what overrides one of them may contradict
        return self.with_arms((arm,)).with_values(dict(arm.overrides)) if arm.overrides else self

    def arm(self, name: str) -> Arm:
        """The arm of that name.

        Raises:
            SettingsError: if there is none.
        """
        for arm in self.arms:
            if arm.name == name:
                return arm
        names = ", ".join(arm.name for arm in self.arms)
        raise SettingsError(f"There is no arm {quoted(name)}: there are {names}.")
