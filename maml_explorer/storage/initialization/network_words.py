"""Words on the network of an initialization, for its card."""

from __future__ import annotations

from maml_explorer.settings.own_network import network_key
from maml_explorer.settings.settings import Settings
from maml_explorer.storage.initialization.expressions import sizes_of

OWN_USE = """\
In the program that has the module, `model` being one of its class:

```python
from safetensors.torch import load_file
tensors = load_file("model.safetensors")
model.load_state_dict({name: tensors[name] for name, _ in model.named_parameters()}, strict=False)
```

Batch norms take their statistics from the points given, dropout is off."""
"""Words on loading an own network: no file holds its code."""


def network_words(own: Settings) -> str:
    """The network after "The initialization θ of a"."""
    key = network_key(own.model.own_network)
    if own.model_kind.own and key is not None:
        return f"network of the user's own, {key.words},"
    network = "-".join(str(width) for width in sizes_of(own))
    more = ", skip connections" if own.model.skip and not own.model_kind.pictures else ""
    if own.model_kind.pictures:
        blocks, filters = own.model.blocks, own.model.filters
        network = f"convolutional ({blocks} blocks of {filters} 3 × 3 filters with stride 2)"
    if own.model.norm != "none":
        more += f", normalization {own.model.norm}"
    return f"{network} network ({own.model.activation}{more}),"
