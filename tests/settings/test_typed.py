"""What people type is read where one thing can be meant, and never misread."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.groups import DECLARATIONS
from maml_explorer.settings.settings import Settings


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("outer_steps", "7e4", 70_000), ("outer_steps", "70 000", 70_000),
        ("outer_steps", "70\u202f000", 70_000), ("outer_steps", "1e2", 100),
        ("shots", "5.0", 5), ("hidden", "40 40", (40, 40)), ("hidden", "40, 40", (40, 40)),
        ("activation", "ReLU", "relu"), ("optimizer", "Adam", "adam"),
        ("skip", "On", True), ("skip", "0", False),
        ("inner_lr", "2 e", None), ("inner_lr", ".5", 0.5), ("inner_lr", "1E-3", 0.001),
        ("phase_max", "2*pi", 2 * math.pi), ("phase_max", "3 π / 4", 3 * math.pi / 4),
        ("phase_min", "-2π", -2 * math.pi), ("phase_max", "Pi", math.pi),
    ],
)  # fmt: skip
def test_what_can_be_meant_is_read(key: str, text: str, value: object) -> None:
    if value is None:
        with pytest.raises(SettingsError):
            DECLARATIONS[key].parse(text)
    else:
        assert DECLARATIONS[key].parse(text) == value


@pytest.mark.parametrize(
    ("key", "text", "advice"),
    [
        ("inner_lr", "0,05", "write a point, 0.05;"),
        ("inner_lr", "1,000", "write no comma, 1000 or a point, 1.000;"),
        ("outer_steps", "70,000", "write no comma, 70000;"),
        ("outer_steps", "1,000,000", "write no comma, 1000000;"),
        ("seed", "1 2 3", "write one number, not several;"),
        ("inner_lr", "1e-2 3", "write one number, not several;"),
        ("hidden", "1 000", "separate numbers, not their thousands;"),
        ("inner_lr", "0.1*2", "write the number itself, not a product;"),
        ("inner_lr", "pi*2", ""), ("inner_lr", "*pi", ""),
        ("inner_lr", "1 0", "write one number, not several;"), ("inner_lr", "1__0", ""),
        ("shots", "2.5", ""), ("shots", "1e-1", ""), ("outer_steps", "1e400", ""),
        ("inner_lr", "infinity", ""), ("inner_lr", "0x10", ""), ("activation", "re lux", ""),
    ],
)  # fmt: skip
def test_what_could_be_meant_otherwise_is_explained(key: str, text: str, advice: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        DECLARATIONS[key].parse(text)
    assert advice in str(refusal.value)
    assert str(refusal.value).endswith(f"allowed is {DECLARATIONS[key].allowed}.")


def test_numbers_of_numpy_and_torch_are_numbers() -> None:
    changed = Settings().with_values(
        {
            "inner_steps": np.int64(3),
            "inner_lr": np.float32(0.5),
            "outer_steps": 1e4,
            "hidden": np.array([8, 4]),
            "skip": np.bool_(True),
            "shots": torch.tensor(7),
        }
    )
    values = [changed[k] for k in ("inner_steps", "inner_lr", "outer_steps", "hidden", "skip")]
    assert values == [3, 0.5, 10_000, (8, 4), True]
    assert [type(v) for v in values] == [int, float, int, tuple, bool]
    assert changed["shots"] == 7
    for wrong in (np.float64(0.5), np.array([1]), np.bool_(True), float("nan"), float("inf")):
        with pytest.raises(SettingsError):
            Settings().with_values({"shots": wrong})


def test_an_unknown_setting_is_told_its_neighbour() -> None:
    with pytest.raises(SettingsError, match=r"inner_learning_rate.*did you mean inner_"):
        Settings().with_values({"inner_learning_rate": 0.1})
