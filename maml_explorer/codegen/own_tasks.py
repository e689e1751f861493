"""Own tasks in generated code: the network and the loops, but not the tasks. Torch-free."""

from __future__ import annotations

import dataclasses
from typing import NoReturn

from maml_explorer.codegen.curves import CURVES
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.settings import Settings


def _refuse(own: Settings) -> NoReturn:
    key = own.tasks.own_key
    name = "" if key is None else f" “{key.name}”"
    raise SettingsError(
        f"A script cannot include the tasks{name}: they are an object of your own program. Write "
        "the script for sines, and put your sample(n, generator) in place of its sample_batch."
    )


def refuse_own_network(settings: Settings) -> None:
    """Refuses code of a network that is an object of the user's program.

    Raises:
        SettingsError: with what can be done instead.
    """
    if settings.model_kind.own:
        raise SettingsError(
            "Code cannot include a network of your own: write it for a built-in network, and put "
            "your module in its place."
        )


OWN_TASKS = dataclasses.replace(
    CURVES, title="regression of own tasks", constants=_refuse, sample=_refuse, outputs="out"
)
