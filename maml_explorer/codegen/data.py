"""The parts of generated code that depend on the task family. Torch-free: text only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from maml_explorer.settings.settings import Settings


@dataclass(frozen=True, eq=False)
class DataCode:
    """Data and loss of one family, as code."""

    title: str
    """Such as "sine regression"."""
    note: str
    """Words of the docstring on the data; "" for nothing."""
    modules: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]
    """Further imports: "import …" and "from …" of the standard library, "import …" of others."""
    constants: Callable[[Settings], list[str]]
    """Lines of the constants, comments included."""
    sample: Callable[[Settings], list[str]]
    """Sections that define `sample_batch`."""
    outputs: str
    """The last axis of predictions, in words."""
    loss: str
    joint_loss: str
    joint_loss_of_pictures: str
    """The same where the network takes the points of one task at a time."""
    called_loss: str
    """The loss of parameters, in the short style of the two forms."""
    module_loss: str
    """The same of a module."""
