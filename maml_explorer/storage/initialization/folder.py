"""A trained initialization, and the folder it is exported to and loaded from.

The folder: `model.safetensors` (names and shapes of an `nn.Sequential`, and beside them learned
step sizes, see :mod:`maml_explorer.storage.initialization.step_size_tensors`), `config.json`,
`README.md` (model card) and `model.pt` (a plain state_dict, written and never read here).
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.files.reader import StorageError, check_schema, read_json
from maml_explorer.files.writer import recover_folder, write_folder
from maml_explorer.settings.phases import tested_layers
from maml_explorer.settings.presets import DEFAULT_PRESET, Preset
from maml_explorer.settings.settings import Arm, Settings
from maml_explorer.storage.initialization import config as config_file
from maml_explorer.storage.initialization.model_card import model_card
from maml_explorer.storage.initialization.origin import one_arm, origin_of
from maml_explorer.storage.initialization.support_points import support
from maml_explorer.storage.initialization.tensors import read_tensor_bytes, tensor_bytes, tensors_of
from maml_explorer.storage.kinds import described
from maml_explorer.storage.run.records import checked_records
from maml_explorer.version import __version__

if TYPE_CHECKING:
    from torch import nn

Array = NDArray[Any]

CHANGED = (
    "its weights are no longer those that were meta-tested, so the measured errors were left out."
)
"""Said of an initialization whose weights another program has changed."""
MAX_ORIGIN = 2000
"""Most characters of the sentence on where weights come from."""
_DTYPES = {"float32": "F32", "float64": "F64"}


@dataclass(frozen=True, eq=False)
class Initialization:
    """An initialization θ with everything needed to adapt it."""

    settings: Settings
    """Of the run it comes from; its only arm is the one that was trained."""
    parameters: Array
    """θ [parameter], read-only: layer after layer, each a matrix [in + 1, out], bias row last.
    After θ come the step sizes of the inner loop, if they are learned."""
    outer_step: int
    """Outer steps its arm has taken."""
    evaluations: tuple[Mapping[str, Any], ...] = ()
    """Records of the meta-test, as `evaluate --json` prints them."""
    changed: bool = False
    """True if the weights differ from the exported ones (tuned elsewhere)."""
    origin: str = ""
    """A sentence on where the weights come from, if they were not trained here."""
    history: str = ""
    """Changes made while it trained, in words: the settings are those at the end."""

    def __post_init__(self) -> None:
        parameters = np.array(self.parameters, dtype=self.settings.run.precision)
        parameters.flags.writeable = False
        object.__setattr__(self, "parameters", parameters)

    @property
    def arm(self) -> Arm:
        """The arm it was trained by."""
        return self.settings.arms[0]

    @property
    def own_settings(self) -> Settings:
        """The settings with the arm's overrides applied."""
        return self.settings.of_arm(self.arm)

    @classmethod
    def from_state_dict(
        cls,
        tensors: Mapping[str, Any],
        settings: Settings | Preset | str | Path = DEFAULT_PRESET,
        *,
        algorithm: str | None = None,
        **values: object,
    ) -> Initialization:
        """Weights that were trained elsewhere, as an initialization.

        Names with a prefix, other names in the order of the layers, kernels [in, out], float16,
        bfloat16 and float64 are recognized; `origin` says what was.

        Args:
            tensors: name → tensor or array, such as `module.state_dict()`.
            settings: of network and tasks: settings, a preset or its name, or a file.
            algorithm: key or label of the arm that it is taken for; the first arm unless given.
            **values: any setting by its key, such as hidden=(64, 64).

        Raises:
            SettingsError: one sentence with names and shapes, if a layer does not fit.
        """
        from maml_explorer.storage.foreign.fitting import fitted
        from maml_explorer.storage.foreign.weights import weights_of

        own = one_arm(settings, algorithm, values)
        theta, notes = fitted(weights_of(tensors), own, "The state_dict")
        return cls(own, theta, 0, origin=origin_of("a state_dict", notes))

    @classmethod
    def from_module(
        cls,
        module: nn.Module,
        settings: Settings | Preset | str | Path = DEFAULT_PRESET,
        *,
        algorithm: str | None = None,
        **values: object,
    ) -> Initialization:
        """A PyTorch module that was trained elsewhere, as an initialization.

        Of an `nn.Sequential` of linear layers, sizes, activation and precision are read off the
        module. Whether it computes what the network of the settings does with its weights is
        tried at some points.

        Args:
            module: `nn.Sequential`, or any module of the same function.
            settings: as for :meth:`from_state_dict`, and the arguments after it.

        Raises:
            SettingsError: if a layer does not fit, or the module computes something else.
        """
        from maml_explorer.storage.foreign.modules import check_same, values_of_module

        read = values_of_module(module)
        made = cls.from_state_dict(
            module.state_dict(), settings, algorithm=algorithm, **{**read, **values}
        )
        check_same(module, made.module(), made.settings)
        return made

    def module(self) -> nn.Module:
        """The network with θ, as a fresh module: [point, 1] → [point, 1].

        An `nn.Sequential`, or with a norm or skip connections a
        :class:`~maml_explorer.storage.initialization.network_module.Network`.
        """
        return self._module_of(self.parameters)

    def adapt(
        self,
        x: ArrayLike,
        y: ArrayLike,
        steps: int | None = None,
        lr: float | None = None,
    ) -> nn.Module:
        """The network adapted to one task, φ_K, as a fresh module (see :meth:`module`).

        Args:
            x: support inputs, [point, in], or [point] if in is 1; for images [image, …], ink 1
                on 0.
            y: support targets, [point, out], or [point] if out is 1;
                for images their classes [image], whole numbers from 0.
            steps: inner steps K; those of the settings unless given.
            lr: inner learning rate α; that of the settings, or the learned step sizes where there
                are any, unless given. Beyond the inner steps it was trained with, the step sizes
                of the last one are used again: our rule, not a paper's.

        Raises:
            ValueError: if x and y are not as many finite numbers, or steps or lr are negative.
        """
        import torch

        from maml_explorer.core.adaptation import (
            adapt,
            still_layers,
            tail_start,
            uniform_step_sizes,
        )
        from maml_explorer.core.families.batch import with_ones
        from maml_explorer.core.implicit_gradient import pull_of
        from maml_explorer.core.learned_rates import LearnedRates
        from maml_explorer.core.models.table import network
        from maml_explorer.storage.initialization.step_size_tensors import rates_of

        own = self.own_settings
        steps = own.inner.inner_steps if steps is None else steps
        learned = rates_of(self.settings)
        if lr is not None and isinstance(learned, LearnedRates):
            learned = None  # the rate that was asked for takes the place of the learned ones
        lr = own.inner.inner_lr if lr is None else lr
        if steps < 0 or not 0 <= lr < float("inf"):
            raise ValueError(f"steps = {steps} and lr = {lr} must not be negative")
        support_x, support_y = (
            torch.from_numpy(column) for column in support(own, x, y, self.parameters.dtype)
        )
        model = network(own)
        theta = torch.from_numpy(self.parameters.copy())
        layers = model.layers(theta)
        algorithm = ALGORITHMS[self.arm.algorithm]
        adapts = tested_layers(own, algorithm)
        start, still = tail_start(model, adapts, own.inner.head_layers), still_layers(adapts)
        with torch.no_grad():
            features = with_ones(support_x)
            if start:
                features = model.forward(layers[:start], features, activate_last=True).output
            clip = theta.new_tensor(own.inner.inner_clip) if own.inner.inner_clip else None
            sizes = uniform_step_sizes(lr, model.depth - start, theta, still)
            sizes = replace(sizes, clip=clip, pull=pull_of(own, algorithm, theta))
            if learned is not None:
                sizes = learned.of(model, theta, theta.new_tensor(lr), clip)
            sizes = replace(sizes, batches=own.stream_batches)
            path = adapt(model, layers[start:], features, support_y, sizes, steps, False)
        adapted = [*layers[:start], *path.parameters[-1]]
        # layers that do not adapt are normalized as at inner step 0
        flat = torch.cat([layer.reshape(-1) for layer in adapted])
        return self._module_of(flat.numpy(), 0 if start else steps)

    def _module_of(self, parameters: Array, step: int = 0) -> nn.Module:
        import torch

        from maml_explorer.storage.initialization.network_module import Network
        from maml_explorer.storage.initialization.network_tensors import blank_module, named_tensors

        module = blank_module(self.settings).to(getattr(torch, str(parameters.dtype)))
        if isinstance(module, Network):
            module.step = step
        tensors = named_tensors(parameters, self.settings).items()
        state = {name: torch.from_numpy(array) for name, array in tensors}
        module.load_state_dict(state, strict=not self.settings.model_kind.own)
        return module


def save_initialization(
    folder: Path, initialization: Initialization, *, overwrite: bool = False
) -> None:
    """Write an initialization as a folder that appears whole.

    Raises:
        FileExistsError: the folder holds something and `overwrite` is false.
        OSError: nothing was changed.
        ValueError: if a parameter is not finite.
    """
    import torch

    from maml_explorer.storage.initialization.network_tensors import named_tensors
    from maml_explorer.storage.initialization.step_size_tensors import named_rates

    parameters, settings = initialization.parameters, initialization.settings
    known, step = initialization.evaluations, initialization.outer_step
    origin, history = initialization.origin, initialization.history
    tensors = named_tensors(parameters, settings)
    rates = named_rates(parameters, settings)
    weights = tensor_bytes({**tensors, **rates}, {"format": "pt"})
    pickled = io.BytesIO()
    torch.save({name: torch.from_numpy(a) for name, a in tensors.items()}, pickled)
    config = config_file.config_of(settings, step)
    config |= {
        "evaluations": list(known),
        "versions": versions(),
        **{k: said for k, said in (("origin", origin), ("history", history)) if said},
        # ties the two files together: one of them alone, swapped for another, is noticed
        "model_sha256": hashlib.sha256(weights).hexdigest(),
    }
    card = model_card(settings, step, known, versions(), origin, history)
    write_folder(
        folder,
        {
            "model.safetensors": weights,
            "config.json": (json.dumps(config, indent=2, allow_nan=False) + "\n").encode(),
            "README.md": card.encode(),
            "model.pt": pickled.getvalue(),
        },
        overwrite=overwrite,
    )


def load_initialization(folder: str | Path, *, as_exported: bool = False) -> Initialization:
    """The initialization in a folder, exactly as its file has it.

    Weights changed by another program are loaded, marked `changed`, and without the earlier
    evaluations.

    Args:
        folder: the exported folder.
        as_exported: if true, changed weights are refused.

    Raises:
        StorageError: if a file is missing, too large, damaged, or does not fit the other.
        SettingsError: if a setting in it is not allowed.
    """
    from maml_explorer.storage.initialization.network_tensors import flat_vector, named_shapes
    from maml_explorer.storage.initialization.step_size_tensors import flat_rates, rate_shapes

    folder = Path(folder)
    recover_folder(folder)
    path = folder / "config.json"
    if not path.exists() and (what := described(folder)) not in ("", "a folder"):
        raise StorageError(f"{folder} is no exported initialization: it is {what}.")
    config = read_json(path)
    if config.get("format") != config_file.FORMAT:
        raise StorageError(f"{path} does not describe an initialization of this program.")
    check_schema(config.get("schema"), config_file.SCHEMA, str(path))
    settings = config_file.settings_of_config(config, path)
    outer_step = config.get("outer_steps")
    if (
        not isinstance(outer_step, int)
        or isinstance(outer_step, bool)
        or not 0 <= outer_step < 2**53
    ):
        raise StorageError(f"{path} has no number of outer steps.")
    evaluations = checked_records(config.get("evaluations", []), str(path))
    dtype = _DTYPES[settings.run.precision]
    shapes = {**named_shapes(settings), **rate_shapes(settings)}
    expected = {name: (shape, dtype) for name, shape in shapes.items()}
    weights = folder / "model.safetensors"
    data = read_tensor_bytes(weights, expected)
    tensors, _ = tensors_of(data, expected, weights)
    changed = config.get("model_sha256") != hashlib.sha256(data).hexdigest()
    if changed and as_exported:
        raise StorageError(f"{weights} is not the file that {path.name} was written for.")
    rates = flat_rates(tensors, settings)
    if rates is None:
        raise StorageError(f"{weights} is damaged: a layer has two learned step sizes.")
    own = {name: tensor for name, tensor in tensors.items() if name not in rate_shapes(settings)}
    parameters = np.concatenate([flat_vector(own, settings), rates])
    origin, history = config.get("origin", ""), config.get("history", "")
    for said in (origin, history):
        if not isinstance(said, str) or len(said) > MAX_ORIGIN:
            raise StorageError(f"{path} does not say where its weights come from.")
    known = () if changed else evaluations
    return Initialization(settings, parameters, outer_step, known, changed, origin, history)


def versions() -> dict[str, str]:
    """Software that computed the numbers in a file: name → version."""
    # it loads much that a window does not need before it is seen
    from importlib.metadata import version

    return {
        "maml_explorer": __version__,
        "torch": version("torch"),
        "python": platform.python_version(),
    }
