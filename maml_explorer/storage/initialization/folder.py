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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.files.reader import StorageError, check_schema, read_json
from maml_explorer.files.writer import recover_folder, write_folder
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.settings import Arm, Settings
from maml_explorer.settings.text import is_written
from maml_explorer.storage.initialization.model_card import model_card
from maml_explorer.storage.initialization.tensors import read_tensor_bytes, tensor_bytes, tensors_of
from maml_explorer.storage.kinds import described
from maml_explorer.storage.run.records import checked_records
from maml_explorer.version import __version__

if TYPE_CHECKING:
    from torch import nn

Array = NDArray[Any]

SCHEMA = 1
FORMAT = "maml-explorer initialization"
CHANGED = (
    "its weights are no longer those that were meta-tested, so what was measured of them is left "
    "out."
)
"""Said of an initialization whose weights another program has changed."""
_DTYPES = {"float32": "F32", "float64": "F64"}


@dataclass(frozen=True, eq=False)
class Initialization:
    """An initialization θ with everything needed to adapt it."""

    settings: Settings
    """Of the run it comes from; its only arm is the one that was trained."""
    parameters: Array
    """θ [parameter], read-only: layer after layer, each a matrix [in + 1, out], bias row last.
    Behind θ lie the step sizes of the inner loop, where they are learned."""
    outer_step: int
    """Outer steps its arm has taken."""
    evaluations: tuple[Mapping[str, Any], ...] = ()
    """Records of the meta-test, as `evaluate --json` prints them."""
    changed: bool = False
    """True where the weights are others than those that were exported: tuned elsewhere."""

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

    def module(self) -> nn.Module:
        """The network with θ, as a fresh module: [point, 1] → [point, 1].

        An `nn.Sequential`, or where there are a norm or skip connections a
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
            x: support inputs, [point] or [point, 1]; for images [image, …], ink 1 on 0.
            y: support targets, of the same shape;
                for images their classes [image], whole numbers from 0.
            steps: inner steps K; those of the settings unless given.
            lr: inner learning rate α; that of the settings, or the learned step sizes where there
                are any, unless given. Beyond the inner steps it was trained with, the step sizes
                of the last one are used again: our rule, not a paper's.

        Raises:
            ValueError: where x and y are not as many finite numbers, or steps or lr are negative.
        """
        import torch

        from maml_explorer.core.adaptation import (
            adapt,
            still_layers,
            tail_start,
            uniform_step_sizes,
        )
        from maml_explorer.core.families.batch import with_ones
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
            torch.from_numpy(column) for column in _support(own, x, y, self.parameters.dtype)
        )
        model = network(own)
        theta = torch.from_numpy(self.parameters.copy())
        layers = model.layers(theta)
        adapts = ALGORITHMS[self.arm.algorithm].test_adapts
        start, still = tail_start(model, adapts), still_layers(adapts)
        with torch.no_grad():
            features = with_ones(support_x)
            if start:
                features = model.forward(layers[:start], features, activate_last=True).output
            clip = theta.new_tensor(own.inner.inner_clip) if own.inner.inner_clip else None
            sizes = uniform_step_sizes(lr, model.depth - start, theta, still)
            sizes = replace(sizes, clip=clip)
            if learned is not None:
                sizes = learned.of(model, theta, theta.new_tensor(lr), clip)
            path = adapt(
                model, layers[start:], features, support_y, sizes, steps, keep_traces=False
            )
        adapted = [*layers[:start], *path.parameters[-1]]
        # layers that do not adapt are normalized as at inner step 0
        flat = torch.cat([layer.reshape(-1) for layer in adapted])
        return self._module_of(flat.numpy(), 0 if start else steps)

    def _module_of(self, parameters: Array, step: int = 0) -> nn.Module:
        import torch

        from maml_explorer.storage.initialization.network_module import Network
        from maml_explorer.storage.initialization.network_tensors import blank_module, named_tensors

        module = blank_module(self.settings)
        if isinstance(module, Network):
            module.step = step
        tensors = named_tensors(parameters, self.settings)
        module = module.to(torch.float64 if parameters.dtype == np.float64 else torch.float32)
        module.load_state_dict({name: torch.from_numpy(a) for name, a in tensors.items()})
        return module


def save_initialization(
    folder: Path, initialization: Initialization, *, overwrite: bool = False
) -> None:
    """Write an initialization as a folder that appears whole.

    Raises:
        FileExistsError: the folder holds something and `overwrite` is false.
        OSError: nothing was changed.
        ValueError: where a parameter is not finite.
    """
    import torch

    from maml_explorer.storage.initialization.network_tensors import named_tensors
    from maml_explorer.storage.initialization.step_size_tensors import named_rates

    parameters, settings = initialization.parameters, initialization.settings
    tensors = named_tensors(parameters, settings)
    rates = named_rates(parameters, settings)
    weights = tensor_bytes({**tensors, **rates}, {"format": "pt"})
    pickled = io.BytesIO()
    torch.save({name: torch.from_numpy(a) for name, a in tensors.items()}, pickled)
    arm = initialization.arm
    config = {
        "format": FORMAT,
        "schema": SCHEMA,
        "algorithm": arm.algorithm,
        "arm": arm.name,
        "overrides": dict(arm.overrides),
        "seed": initialization.settings.run.seed,
        "outer_steps": initialization.outer_step,
        "settings": {
            key: value
            for key, value in initialization.settings.values().items()
            if is_written(initialization.settings, key)
        },
        "evaluations": list(initialization.evaluations),
        "versions": versions(),
        # ties the two files together: one of them alone, swapped for another, is noticed
        "model_sha256": hashlib.sha256(weights).hexdigest(),
    }
    card = model_card(
        initialization.settings, initialization.outer_step, initialization.evaluations, versions()
    )
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

    Weights that another program has changed are read, as `changed` and without the evaluations of
    those before.

    Args:
        folder: that was exported.
        as_exported: whether changed weights are refused.

    Raises:
        StorageError: where a file is missing, too large, damaged, or does not fit the other.
        SettingsError: where a setting in it is not allowed.
    """
    from maml_explorer.storage.initialization.network_tensors import flat_vector, named_shapes
    from maml_explorer.storage.initialization.step_size_tensors import flat_rates, rate_shapes

    folder = Path(folder)
    recover_folder(folder)
    path = folder / "config.json"
    if not path.exists() and (what := described(folder)) not in ("", "a folder"):
        raise StorageError(f"{folder} is no exported initialization: it is {what}.")
    config = read_json(path)
    if config.get("format") != FORMAT:
        raise StorageError(f"{path} does not describe an initialization of this program.")
    check_schema(config.get("schema"), SCHEMA, str(path))
    settings = _settings_of(config, path)
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
    return Initialization(settings, parameters, outer_step, () if changed else evaluations, changed)


def _settings_of(config: Mapping[str, Any], path: Path) -> Settings:
    values, overrides = config.get("settings"), config.get("overrides", {})
    name, algorithm = config.get("arm"), config.get("algorithm")
    if not isinstance(values, dict) or not isinstance(overrides, dict):
        raise StorageError(f"{path} has no settings.")
    if not isinstance(name, str) or not isinstance(algorithm, str):
        raise StorageError(f"{path} does not name its arm and algorithm.")
    try:
        settings = Settings().with_values(values)
        return settings.with_arms((Arm(name, algorithm, tuple(overrides.items())),))
    except RecursionError:
        raise StorageError(f"{path} is nested too deeply.") from None
    except SettingsError as error:
        raise SettingsError(f"{path}: {' '.join(str(error).split())}") from None


def _support(settings: Settings, x: ArrayLike, y: ArrayLike, dtype: Any) -> Sequence[Array]:
    """A support set as the network takes it: [1, point, in] and [1, point, out]."""
    if not settings.family.images:
        return _columns(x, y, dtype)
    pixels, ways = settings.ends
    images, labels = np.asarray(x).astype(dtype), np.asarray(y)
    if not images.size or images.reshape(len(images), -1).shape[1] != pixels:
        raise ValueError(f"x has shape {images.shape}: allowed are images of {pixels} pixels")
    if not np.isfinite(images).all():
        raise ValueError("x has values that are not finite")
    if labels.shape != (len(images),) or not np.isin(labels, np.arange(ways)).all():
        raise ValueError(f"y must be {len(images)} classes from 0 to {ways - 1}")
    rows = images.reshape(1, len(images), pixels)
    return rows, np.eye(ways, dtype=dtype)[labels.astype(int)][None]


def _columns(x: ArrayLike, y: ArrayLike, dtype: Any) -> Sequence[Array]:
    columns = []
    for name, values in (("x", x), ("y", y)):
        array = np.array(values, dtype=dtype)
        if array.size == 0 or array.shape not in ((array.size,), (array.size, 1)):
            raise ValueError(f"{name} has shape {array.shape}: allowed are [point] and [point, 1]")
        if not np.isfinite(array).all():
            raise ValueError(f"{name} has values that are not finite")
        columns.append(array.reshape(1, -1, 1))
    if columns[0].size != columns[1].size:
        raise ValueError(f"x has {columns[0].size} points and y {columns[1].size}")
    return columns


def versions() -> dict[str, str]:
    """Software that computed the numbers in a file: name → version."""
    # it loads much that a window does not need before it is seen
    from importlib.metadata import version

    return {
        "maml_explorer": __version__,
        "torch": version("torch"),
        "python": platform.python_version(),
    }
