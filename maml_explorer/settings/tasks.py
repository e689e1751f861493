"""The settings of the tasks: the family, and the ranges that its curves are drawn from."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from maml_explorer.settings.curves.formula import USUAL, USUAL_RANGES, formula_refusal
from maml_explorer.settings.curves.grammar import FUNCTIONS
from maml_explorer.settings.curves.mixture import refusal
from maml_explorer.settings.declaration import Applies, SettingsError, declare
from maml_explorer.settings.families import FAMILIES
from maml_explorer.settings.family import Family
from maml_explorer.settings.own_tasks import DECLARED_TASKS, TaskKey, task_key

_RESTART = Applies.RESTART


def _curves(family: Family) -> bool:
    return family.curve is not None or family.stream


def _ranged(family: Family) -> bool:
    return family.curve is not None or family.stream or family.own_tasks


def _own(family: Family) -> bool:
    return family.own_tasks


def _reading(name: str) -> Callable[[Family], bool]:
    return lambda family: family.depends_on(name)


@dataclass(frozen=True)
class TaskSettings:
    """The task family, and the tasks of the families of curves."""

    family: str = declare(
        "sine", "Task family",
        "; ".join(f"{one.key}: {one.summary}" for one in FAMILIES.values()),
        choices=tuple(FAMILIES), applies=_RESTART,
    )  # fmt: skip
    amplitude_min: float = declare(
        0.1, "Amplitude min", "Smallest amplitude A of the sine tasks, and of other waves.",
        symbol="A", minimum=0.0, maximum=100.0, slider=(0.0, 10.0), row="Amplitude",
        families=_reading("amplitude"),
    )  # fmt: skip
    amplitude_max: float = declare(
        5.0, "Amplitude max", "Largest amplitude A of the sine tasks, and of other waves.",
        symbol="A", minimum=0.0, maximum=100.0, slider=(0.0, 10.0), row="Amplitude",
        families=_reading("amplitude"),
    )  # fmt: skip
    phase_min: float = declare(
        0.0, "Phase min", "Smallest phase φ of y = A sin(ωx − φ).",
        symbol="φ", unit="rad", minimum=-10.0, maximum=10.0, slider=(0.0, 2 * math.pi), row="Phase",
        families=_reading("phase"),
    )  # fmt: skip
    phase_max: float = declare(
        math.pi, "Phase max", "Largest phase φ. With 0 to 2π the best single predictor is 0.",
        symbol="φ", unit="rad", minimum=-10.0, maximum=10.0, slider=(0.0, 2 * math.pi), row="Phase",
        families=_reading("phase"),
    )  # fmt: skip
    frequency_min: float = declare(
        1.0, "Frequency min", "Smallest frequency ω of y = A sin(ωx − φ). As first published, ω is "
        "1 for all tasks; if it varies, two points no longer determine a task.",
        symbol="ω", minimum=0.0, maximum=10.0, slider=(0.5, 2.0), row="Frequency", basic=False,
        families=_reading("frequency"),
    )  # fmt: skip
    frequency_max: float = declare(
        1.0, "Frequency max", "Largest frequency ω of y = A sin(ωx − φ).",
        symbol="ω", minimum=0.0, maximum=10.0, slider=(0.5, 2.0), row="Frequency", basic=False,
        families=_reading("frequency"),
    )  # fmt: skip
    x_min: float = declare(
        -5.0, "x min",
        "Left end of the inputs x, drawn uniformly; of own tasks, left end of what is shown.",
        symbol="x", minimum=-100.0, maximum=100.0, slider=(-10.0, 10.0), row="x range", basic=False,
        families=_ranged,
    )  # fmt: skip
    x_max: float = declare(
        5.0, "x max",
        "Right end of the inputs x, drawn uniformly; of own tasks, right end of what is shown.",
        symbol="x", minimum=-100.0, maximum=100.0, slider=(-10.0, 10.0), row="x range", basic=False,
        families=_ranged,
    )  # fmt: skip
    noise: float = declare(
        0.0, "Noise σ",
        "Standard deviation of the noise on support and training-query targets. "
        "Meta-test queries stay clean.",
        symbol="σ", minimum=0.0, maximum=10.0, slider=(0.0, 2.0),
        families=_curves,
    )  # fmt: skip

    slope_min: float = declare(
        -2.0, "Slope min", "Smallest slope a of lines and parabolas.",
        symbol="a", minimum=-100.0, maximum=100.0, slider=(-5.0, 5.0), row="Slope",
        families=_reading("slope"),
    )  # fmt: skip
    slope_max: float = declare(
        2.0, "Slope max", "Largest slope a of lines and parabolas.",
        symbol="a", minimum=-100.0, maximum=100.0, slider=(-5.0, 5.0), row="Slope",
        families=_reading("slope"),
    )  # fmt: skip
    offset_min: float = declare(
        -2.0, "Offset min", "Smallest offset b of lines and parabolas, their y at x = 0.",
        symbol="b", minimum=-100.0, maximum=100.0, slider=(-5.0, 5.0), row="Offset",
        families=_reading("offset"),
    )  # fmt: skip
    offset_max: float = declare(
        2.0, "Offset max", "Largest offset b of lines and parabolas.",
        symbol="b", minimum=-100.0, maximum=100.0, slider=(-5.0, 5.0), row="Offset",
        families=_reading("offset"),
    )  # fmt: skip
    bend_min: float = declare(
        -0.3, "Bend min", "Smallest factor c of x² in parabolas.",
        symbol="c", minimum=-100.0, maximum=100.0, slider=(-1.0, 1.0), row="Bend",
        families=_reading("bend"),
    )  # fmt: skip
    bend_max: float = declare(
        0.3, "Bend max", "Largest factor c of x² in parabolas.",
        symbol="c", minimum=-100.0, maximum=100.0, slider=(-1.0, 1.0), row="Bend",
        families=_reading("bend"),
    )  # fmt: skip
    level_min: float = declare(
        -3.0, "Level min", "Lowest level of a step, on either side.",
        symbol="l", minimum=-100.0, maximum=100.0, slider=(-5.0, 5.0), row="Level",
        families=_reading("level"),
    )  # fmt: skip
    level_max: float = declare(
        3.0, "Level max", "Highest level of a step, on either side.",
        symbol="l", minimum=-100.0, maximum=100.0, slider=(-5.0, 5.0), row="Level",
        families=_reading("level"),
    )  # fmt: skip
    position_min: float = declare(
        -3.0, "Position min", "Leftmost x at which a step jumps.",
        symbol="s", minimum=-100.0, maximum=100.0, slider=(-5.0, 5.0), row="Position",
        families=_reading("position"),
    )  # fmt: skip
    position_max: float = declare(
        3.0, "Position max", "Rightmost x at which a step jumps.",
        symbol="s", minimum=-100.0, maximum=100.0, slider=(-5.0, 5.0), row="Position",
        families=_reading("position"),
    )  # fmt: skip
    harmonics: int = declare(
        3, "Harmonics", "Sines in a sum of harmonics: frequencies ω, 2ω, 3ω and so on.",
        symbol="n", minimum=1, maximum=10, slider=(1, 10), families=_reading("harmonics"),
    )  # fmt: skip
    length_scale: float = declare(
        1.0, "Length scale ℓ", "Distance over which a Gaussian-process draw changes.",
        symbol="ℓ", minimum=0.05, maximum=100.0, slider=(0.3, 5.0),
        families=_reading("length_scale"),
    )  # fmt: skip
    deviation: float = declare(
        2.0, "Deviation s", "Standard deviation of a Gaussian-process draw at each x.",
        symbol="s", minimum=0.0, maximum=100.0, slider=(0.0, 5.0),
        families=_reading("deviation"),
    )  # fmt: skip
    mixture: str = declare(
        "sine, line", "Mixture", "Families that a task is drawn from, with equal chances.",
        text="two or more families of curves, such as sine, line", families=_reading("mixture"),
    )  # fmt: skip
    formula: str = declare(
        USUAL, "Formula",
        "y as a formula of x and parameters of your own, such as A*sin(w*x - p) + B*x. Known are "
        f"+ − * / ^, parentheses, pi and {', '.join(FUNCTIONS)}. It is read, never run as code.",
        text="a formula of x and the parameters, such as A*sin(w*x - p)",
        families=_reading("formula"),
    )  # fmt: skip
    formula_ranges: str = declare(
        USUAL_RANGES, "Formula ranges",
        "Range of every parameter of the formula, drawn uniformly: A = 0.1..5, w = 1.",
        text="ranges such as A = 0.1..5, w = 1", families=_reading("formula_ranges"),
    )  # fmt: skip
    functions: int = declare(
        10, "Functions", "Sine functions of a stream; each is learned once, and none again. The "
        "shots are those of each function.",
        symbol="n", minimum=1, maximum=50, slider=(1, 10), applies=_RESTART,
        families=_reading("functions"),
    )  # fmt: skip
    batches: int = declare(
        1, "Batches per function", "Batches that the points of a function arrive in: an inner step "
        "each, so a stream has functions × batches inner steps, in training and at meta-test.",
        symbol="b", minimum=1, maximum=50, slider=(1, 5), applies=_RESTART,
        families=_reading("batches"),
    )  # fmt: skip
    own_tasks: str = declare(
        "", "Own tasks",
        "The user's own tasks: an object that samples them, registered in the program. Settings "
        "hold its name, its sizes and three figures of a fixed draw.",
        text=DECLARED_TASKS, typed=False, applies=_RESTART, basic=False, families=_own,
    )  # fmt: skip

    @property
    def own_key(self) -> TaskKey | None:
        """The name and sizes of the user's own tasks; None if there are none."""
        return task_key(self.own_tasks)

    def span(self, name: str) -> tuple[float, float]:
        """Both ends of a range, such as that of "slope" or "x"."""
        return getattr(self, f"{name}_min"), getattr(self, f"{name}_max")

    @property
    def frequency_varies(self) -> bool:
        """True if tasks differ in frequency: a task then has three unknowns."""
        return self.frequency_max > self.frequency_min

    def refuse_unfit(self) -> None:
        """Refuses a mixture or a formula that no task can be drawn from.

        Raises:
            SettingsError: naming the setting, and what is allowed.
        """
        reason = refusal(self.mixture)
        if reason:
            raise SettingsError(f"Mixture (mixture) cannot be “{self.mixture[:40]}”: {reason}.")
        key, reason = formula_refusal(self, poles=self.family == "formula")
        if key:
            label = {"formula": "Formula", "formula_ranges": "Formula ranges"}[key]
            text = " ".join(str(getattr(self, key))[:60].split())
            raise SettingsError(f"{label} ({key}) cannot be “{text}”: {reason}.")
