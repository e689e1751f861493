"""The trained example that comes with the program: its run folder, and curves drawn at once."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from maml_explorer.files.reader import StorageError, json_object
from maml_explorer.files.resources import resources
from maml_explorer.gui.session.task_sampling import fixed
from maml_explorer.protocol.commands import Array, ProbeTask
from maml_explorer.protocol.reports import ArmProbe, Probed
from maml_explorer.settings.presets import Preset, presets
from maml_explorer.settings.settings import Settings
from maml_explorer.settings.text import from_toml

NAME = "finn-10-shot"


def example_folder() -> Path:
    """The run folder of the example."""
    return resources().joinpath("examples", NAME)


@cache
def example_settings() -> Settings:
    """Settings that the example was trained with."""
    return from_toml((example_folder() / "settings.toml").read_text(encoding="utf-8"))


def example_preset() -> Preset:
    """The preset that the example was trained with, on another device perhaps."""
    return presets()[NAME]


def example_probed() -> Probed | None:
    """Answers of the trained arms to one task; None where the file is missing or damaged."""
    file = resources().joinpath("examples", NAME, "curves.json")
    try:
        return _probed(json_object(file.read_text(encoding="utf-8"), Path("curves.json")))
    except (OSError, StorageError, KeyError, TypeError, ValueError):
        return None


def _probed(found: Mapping[str, Any]) -> Probed:
    probe = ProbeTask(
        fixed(found["support_x"]),
        fixed(found["support_y"]),
        float(found["amplitude"]),
        float(found["phase"]),
        fixed(found["query_x"]),
    )
    arms = {
        name: ArmProbe(**{key: _array(values) for key, values in arm.items()})
        for name, arm in found["arms"].items()
    }
    return Probed(
        run=0,
        outer_step=int(found["outer_step"]),
        probe=probe,
        grid=fixed(found["grid"]),
        arms=arms,
        truth=fixed(found["truth"]),
        best_single=fixed(found["best_single"]),
        best_single_formula=str(found["best_single_formula"]),
    )


def _array(values: object) -> Array:
    array = np.array(values, dtype=np.float64)
    array.setflags(write=False)
    return array
