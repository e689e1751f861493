"""Declarations, validation, arms."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.settings.declaration import Applies, SettingsError, shown
from maml_explorer.settings.groups import DECLARATIONS, GROUPS, TaskSettings
from maml_explorer.settings.restart import changed_keys, needs_restart
from maml_explorer.settings.settings import MAX_ARMS, Arm, Settings, default_arm
from tests import strategies


def test_every_declaration_is_complete_and_its_default_allowed() -> None:
    assert len({declared.flag for declared in DECLARATIONS.values()}) == len(DECLARATIONS)
    for key, declared in DECLARATIONS.items():
        assert declared.key == key and declared.group in GROUPS
        assert declared.label and declared.help.endswith(".")
        assert declared.check(declared.default) == declared.default
        assert declared.readers(ALGORITHMS.values())
        if declared.kind in ("int", "float", "sizes"):
            assert declared.minimum is not None and declared.maximum is not None
            assert declared.minimum < declared.maximum
        if declared.slider is not None:
            low, high = declared.slider
            assert declared.minimum <= low < high <= declared.maximum  # type: ignore[operator]


def test_defaults_are_those_of_the_paper() -> None:
    settings = Settings()
    assert (settings["amplitude_min"], settings["amplitude_max"]) == (0.1, 5.0)
    assert (settings["phase_min"], settings["phase_max"]) == (0.0, math.pi)
    assert (settings["inner_lr"], settings["outer_lr"], settings["meta_batch"]) == (0.01, 0.001, 25)
    assert settings["hidden"] == (40, 40)
    assert [arm.algorithm for arm in settings.arms] == ["maml", "fomaml", "anil", "mtl"]


@effort(max_examples=200, deadline=None)
@given(st.data())
def test_a_value_survives_being_typed(data: st.DataObject) -> None:
    declared = DECLARATIONS[data.draw(st.sampled_from(list(DECLARATIONS)))]
    value = data.draw(strategies.values(declared))
    typed = ",".join(map(str, value)) if declared.kind == "sizes" else str(value)
    assert declared.parse(typed) == value
    assert declared.check(value) == value


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("phase_max", "pi", math.pi),
        ("phase_max", "2π", 2 * math.pi),
        ("phase_max", "pi/2", math.pi / 2),
        ("phase_min", "−π", -math.pi),
        ("phase_min", "-0.5", -0.5),
        ("outer_steps", "70 000", 70_000),
        ("outer_steps", "70_000", 70_000),
        ("inner_lr", "1e-3", 0.001),
        ("hidden", "40, 40", (40, 40)),
        ("hidden", "8", (8,)),
        ("reptile_anneal", "No", False),
        ("optimizer", " sgd ", "sgd"),
    ],
)
def test_what_people_type(key: str, text: str, value: object) -> None:
    assert DECLARATIONS[key].parse(text) == value


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("inner_lr", ""), ("inner_lr", "nan"), ("inner_lr", "inf"), ("inner_lr", "-1"),
        ("inner_lr", "abc"), ("inner_lr", "pi/0"), ("inner_lr", "pipi"), ("shots", "2.5"),
        ("shots", "0"), ("shots", "9" * 5000), ("hidden", ""), ("hidden", "0"), ("hidden", "40,a"),
        ("hidden", "1,1,1,1,1,1,1,1,1"), ("activation", "gelu"), ("reptile_anneal", "maybe"),
        ("seed", "-1"), ("seed", "2147483648"),
    ],
)  # fmt: skip
def test_what_is_refused_names_setting_and_range(key: str, text: str) -> None:
    declared = DECLARATIONS[key]
    with pytest.raises(SettingsError) as refusal:
        declared.parse(text)
    words = str(refusal.value)
    assert declared.label in words and key in words and declared.allowed in words
    assert words.endswith(".") and len(words) < 400


@pytest.mark.parametrize("value", [True, None, "1", [1], (1,), {}, 1j, float("nan"), 10**400])
def test_a_float_is_a_number_in_range(value: object) -> None:
    with pytest.raises(SettingsError):
        DECLARATIONS["inner_lr"].check(value)


def test_a_minimum_above_its_maximum_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"phase_min = 4.*phase_max = 3\.14159"):
        Settings().with_values({"phase_min": 4.0})
    same = Settings().with_values({"amplitude_min": 5.0})
    assert same["amplitude_min"] == same["amplitude_max"] == 5.0


def test_settings_are_values() -> None:
    changed = Settings().with_values({"shots": 3, "hidden": [8, 8]})
    assert (changed["shots"], changed["hidden"]) == (3, (8, 8))
    assert Settings()["shots"] == 10
    assert changed_keys(Settings(), changed) == ["shots", "hidden"]
    assert needs_restart(Settings(), changed) == ["hidden"]
    assert hash(changed) == hash(Settings().with_values({"shots": 3, "hidden": (8, 8)}))
    with pytest.raises(SettingsError, match="There is no setting"):
        Settings().with_values({"shot": 3})
    for key in needs_restart(Settings(), changed):
        assert DECLARATIONS[key].applies is Applies.RESTART


def test_arms() -> None:
    arm = Arm("MAML fast", "maml", (("inner_steps", 2), ("inner_lr", 0.1)))
    assert arm.overrides == (("inner_lr", 0.1), ("inner_steps", 2))
    settings = Settings().with_arms((default_arm("maml"), arm))
    assert settings.of_arm(arm)["inner_lr"] == 0.1
    assert settings.of_arm(settings.arm("MAML"))["inner_lr"] == 0.01
    with pytest.raises(SettingsError, match="there are MAML, MAML fast"):
        settings.arm("ANIL")
    for wrong in ((), (arm, arm), tuple(Arm(str(n), "maml") for n in range(MAX_ARMS + 1))):
        with pytest.raises(SettingsError):
            settings.with_arms(wrong)
    for key, value in (("shots", 3), ("hidden", (3,)), ("nothing", 1), ("inner_lr", -1.0)):
        with pytest.raises(SettingsError):
            Arm("a", "maml", ((key, value),))
    for name in ("", " ", "x" * 41, "a\nb"):
        with pytest.raises(SettingsError):
            Arm(name, "maml")


def test_numbers_as_people_read_them() -> None:
    assert shown(math.pi) == "π"
    assert shown(-math.pi / 2) == "−π/2"
    assert shown(0.001) == "0.001"
    assert shown((40, 40)) == "40,40"
    assert shown(True) == "true"


def test_groups_made_by_hand_are_checked_too() -> None:
    made = Settings(tasks=TaskSettings(amplitude_min=1, amplitude_max=3))
    assert isinstance(made.tasks.amplitude_min, float)
    assert made == Settings().with_values({"amplitude_min": 1.0, "amplitude_max": 3.0})
    with pytest.raises(SettingsError, match="Noise"):
        Settings(tasks=TaskSettings(noise=-1.0))


def test_meta_sgd_cannot_learn_rates_per_layer_as_well() -> None:
    arms = (Arm("Mine", "meta_sgd"), Arm("MAML", "maml", (("lslr", True),)))
    settings = Settings(arms=arms)  # what one arm overrides is no contradiction in another
    assert settings.of_arm(arms[1]).inner.lslr and not settings.of_arm(arms[0]).inner.lslr
    for change in (
        lambda: settings.with_values({"lslr": True}),
        lambda: settings.with_arms((Arm("Mine", "meta_sgd", (("lslr", True),)),)),
    ):
        with pytest.raises(SettingsError, match=r"^Arm Mine .*Meta-SGD.*lslr.*must be false.*\.$"):
            change()
    shared = Settings(arms=(Arm("Mine", "meta_sgd", (("lslr", False),)),)).with_values
    assert shared({"lslr": True}).inner.lslr
