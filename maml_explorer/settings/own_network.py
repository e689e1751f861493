"""Name of the user's own network, as settings hold it: which module a run was trained with."""

from __future__ import annotations

import re

from maml_explorer.late_dataclass import dataclass
from maml_explorer.settings.declaration import SettingsError, quoted
from maml_explorer.settings.own_tasks import is_task_name

DECLARED_NETWORK = "a module that was handed over: me.train(…, model=…)"
_TEXT = re.compile(
    r"(?P<name>[^:]{1,40}):(?P<inputs>[1-9][0-9]{0,5}):(?P<outputs>[1-9][0-9]{0,5}):"
    r"(?P<parameters>[1-9][0-9]{0,9}):(?P<fingerprint>[0-9a-f]{16})"
)


@dataclass(frozen=True)
class NetworkKey:
    """The name, sizes and fingerprint of a module."""

    name: str
    """Of its class."""
    inputs: int
    outputs: int
    parameters: int
    fingerprint: str
    """16 hexadecimal digits of the SHA-256 of the names and shapes of its parameters."""

    @property
    def text(self) -> str:
        """The key as one text: "Residual:1:1:4801:0123456789abcdef"."""
        sizes = (self.inputs, self.outputs, self.parameters)
        return ":".join([self.name, *map(str, sizes), self.fingerprint])

    @property
    def words(self) -> str:
        """The module in words, as a sentence that asks for it names it."""
        return f"“{self.name}” ({self.parameters} parameters, fingerprint {self.fingerprint})"


def network_key(text: str) -> NetworkKey | None:
    """The key that a text holds; None if it is none."""
    found = _TEXT.fullmatch(text)
    if found is None or not is_task_name(found["name"]):
        return None
    inputs, outputs, count = (int(found[part]) for part in ("inputs", "outputs", "parameters"))
    return NetworkKey(found["name"], inputs, outputs, count, found["fingerprint"])


def check_own_network(text: str, ends: tuple[int, int], special: bool) -> None:
    """Refuses the name of a module that is none, or does not fit the tasks.

    Args:
        text: the setting that names the module.
        ends: (inputs, outputs) that the tasks ask for.
        special: whether the settings ask for a norm or skip connections.

    Raises:
        SettingsError: naming what is wrong, and what is allowed.
    """
    if not text:
        return
    key = network_key(text)
    if key is None:
        raise SettingsError(
            f"Own network (own_network) cannot be {quoted(text)}: allowed is {DECLARED_NETWORK}."
        )
    if (key.inputs, key.outputs) != ends:
        raise SettingsError(
            f"The network “{key.name}” has {key.inputs} inputs and {key.outputs} outputs, and the "
            f"tasks have {ends[0]} and {ends[1]}: they must be the same."
        )
    if special:
        raise SettingsError(
            f"The network “{key.name}” has norms and skips of its own: norm must be none, and skip "
            "false."
        )
