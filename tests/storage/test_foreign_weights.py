"""Weights of other programs: recognized or refused, and nothing in their files is run."""

from __future__ import annotations

import collections
import io
import os
import random
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from maml_explorer.files.reader import StorageError
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.settings import Settings, default_arm
from maml_explorer.storage.foreign.importing import imported, tuned
from maml_explorer.storage.foreign.pickle_stream import StreamError, values_of
from maml_explorer.storage.foreign.weights import read_weights
from maml_explorer.storage.initialization.folder import (
    CHANGED,
    Initialization,
    load_initialization,
    save_initialization,
)
from tests.storage.hostile import code_that_ran, mutated, no_code_runs

SMALL = Settings().with_values({"hidden": (7, 5)}).with_arms((default_arm("maml"),))
X = torch.linspace(-5, 5, 9)[:, None]


def network(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(1, 7), nn.ReLU(), nn.Linear(7, 5), nn.ReLU(), nn.Linear(5, 1))


def predicted(module: nn.Module) -> np.ndarray[Any, Any]:
    with torch.no_grad():
        return module(X.to(next(module.parameters()).dtype)).numpy()


def of_file(path: Path, settings: Settings = SMALL) -> Initialization:
    with no_code_runs():
        return imported(path, settings)


def saved(value: object, path: Path) -> Path:
    torch.save(value, path)
    return path


def test_a_state_dict_of_a_plain_script_predicts_and_adapts_as_there(tmp_path: Path) -> None:
    plain = network()
    found = of_file(saved(plain.state_dict(), tmp_path / "model.pt"))
    np.testing.assert_allclose(predicted(found.module()), predicted(plain), rtol=0, atol=1e-6)
    x, y = X[::2], 2 * torch.sin(X[::2])
    sgd = torch.optim.SGD(plain.parameters(), 0.01)
    for _ in range(3):
        sgd.zero_grad()
        nn.functional.mse_loss(plain(x), y).backward()  # type: ignore[no-untyped-call]
        sgd.step()
    adapted = found.adapt(x.numpy(), y.numpy(), steps=3, lr=0.01)
    np.testing.assert_allclose(predicted(adapted), predicted(plain), rtol=0, atol=1e-6)
    assert found.origin == "Its weights come from model.pt."


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("ending", ["pt", "safetensors"])
def test_numbers_of_other_precisions(kind: torch.dtype, ending: str, tmp_path: Path) -> None:
    plain = network().to(kind)
    path = tmp_path / f"model.{ending}"
    state = dict(plain.state_dict())
    save_file(state, path) if ending == "safetensors" else torch.save(state, path)
    found = of_file(path)
    expected = plain.float().state_dict()
    for name, tensor in found.module().state_dict().items():
        assert torch.equal(tensor, expected[name])
    word = str(kind).removeprefix("torch.")
    assert f"its {word} numbers were" in found.origin
    assert ("rounded to" in found.origin) == (kind is torch.float64)


@pytest.mark.parametrize("prefix", ["model.", "module.", "net.", "_orig_mod.body."])
def test_prefixes(prefix: str, tmp_path: Path) -> None:
    plain = network()
    path = tmp_path / "model.safetensors"
    save_file({prefix + name: one for name, one in plain.state_dict().items()}, path)
    found = of_file(path)
    np.testing.assert_array_equal(predicted(found.module()), predicted(plain))
    assert prefix in found.origin


NAMES = {
    "fc": ("fc1", "fc2", "fc10"),
    "words": ("layer_in", "hidden", "readout"),  # safetensors sorts them otherwise
}


@pytest.mark.parametrize("names", NAMES)
@pytest.mark.parametrize("ending", ["pt", "safetensors"])
def test_other_names_are_taken_in_order_or_by_shape(
    names: str, ending: str, tmp_path: Path
) -> None:
    plain = network()
    state = {
        f"{name}.{part}": getattr(plain[2 * at], part).detach()
        for at, name in enumerate(NAMES[names])
        for part in ("weight", "bias")
    }
    path = tmp_path / f"model.{ending}"
    save_file(state, path) if ending == "safetensors" else torch.save(state, path)
    found = of_file(path)
    np.testing.assert_array_equal(predicted(found.module()), predicted(plain))
    assert f"in the order {', '.join(NAMES[names])}" in found.origin


def test_kernels_of_other_frameworks_are_transposed(tmp_path: Path) -> None:
    plain = network()
    state = {}
    for at in range(3):
        state[f"params/Dense_{at}/kernel"] = plain[2 * at].weight.detach().T.contiguous()
        state[f"params/Dense_{at}/bias"] = plain[2 * at].bias.detach()
    save_file(state, tmp_path / "flax.safetensors")
    found = of_file(tmp_path / "flax.safetensors")
    np.testing.assert_array_equal(predicted(found.module()), predicted(plain))
    assert "transposed" in found.origin


def test_kernels_of_a_convolutional_network(tmp_path: Path) -> None:
    settings = Settings().with_values(
        {
            "family": "glyphs",
            "model": "conv",
            "blocks": 2,
            "filters": 3,
            "side": 10,
            "norm": "batch",
        }
    )
    settings = settings.with_arms((default_arm("maml"),))
    torch.manual_seed(0)
    ways = settings.ends[1]
    plain = nn.ModuleDict(
        {
            "conv1": nn.Conv2d(1, 3, 3), "conv2": nn.Conv2d(3, 3, 3),
            "bn1": nn.BatchNorm2d(3), "bn2": nn.BatchNorm2d(3), "out": nn.Linear(27, ways),
        }
    )  # fmt: skip
    with torch.no_grad():
        plain["bn2"].weight.fill_(2.0)
    found = of_file(saved(plain.state_dict(), tmp_path / "conv.pt"), settings)
    own = found.module().state_dict()
    assert torch.equal(own["4.weight"], plain["conv2"].weight)
    assert torch.equal(own["5.weight"], torch.full((3,), 2.0))
    assert "running averages were left out" in found.origin
    hwio = {
        "conv1.kernel": plain["conv1"].weight.permute(2, 3, 1, 0),
        "conv2.kernel": plain["conv2"].weight.permute(2, 3, 1, 0),
        # a picture of 3 × 3 places, each with 3 channels, flattened place by place
        "out.kernel": plain["out"].weight.reshape(ways, 3, 9).permute(2, 1, 0).reshape(27, ways),
    }
    state = {name: one.detach().contiguous() for name, one in hwio.items()}
    for name in ("conv1", "conv2", "out"):
        state[f"{name}.bias"] = plain[name].bias.detach()
    for name in ("bn1", "bn2"):
        state[f"{name}.scale"] = plain[name].weight.detach()
        state[f"{name}.bias"] = plain[name].bias.detach()
    save_file(state, tmp_path / "flax.safetensors")
    again = of_file(tmp_path / "flax.safetensors", settings)
    np.testing.assert_array_equal(again.parameters, found.parameters)
    assert "places before channels" in again.origin


@pytest.mark.parametrize("norm", ["layer", "batch-running"])
def test_a_sequence_with_norms(norm: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    kind = nn.LayerNorm if norm == "layer" else nn.BatchNorm1d
    plain = nn.Sequential(
        nn.Linear(1, 7), kind(7), nn.ReLU(), nn.Linear(7, 5), kind(5), nn.ReLU(), nn.Linear(5, 1)
    )  # fmt: skip
    plain.train()(torch.randn(20, 1))
    with torch.no_grad():
        plain[1].bias.normal_()
    settings = SMALL.with_values({"norm": norm})
    found = of_file(saved(plain.state_dict(), tmp_path / "model.pt"), settings)
    np.testing.assert_allclose(
        predicted(found.module().eval()), predicted(plain.eval()), rtol=0, atol=1e-6
    )
    made = Initialization.from_module(plain, settings)
    np.testing.assert_array_equal(made.parameters, found.parameters)


def test_views_and_parameters_are_read(tmp_path: Path) -> None:
    plain = network()
    state = dict(plain.named_parameters())
    wide = torch.zeros(7, 10)
    wide[:, ::2] = plain[2].weight.T
    state["2.weight"] = wide[:, ::2].T  # with strides and an offset
    found = of_file(saved(state, tmp_path / "model.pt"))
    np.testing.assert_array_equal(predicted(found.module()), predicted(plain))


def test_a_checkpoint_with_an_optimizer(tmp_path: Path) -> None:
    plain = network()
    adam = torch.optim.Adam(plain.parameters())
    plain(X).sum().backward()
    adam.step()
    value = {"model_state_dict": plain.state_dict(), "optimizer": adam.state_dict(), "epoch": 3}
    found = of_file(saved(value, tmp_path / "checkpoint.pt"))
    np.testing.assert_array_equal(predicted(found.module()), predicted(plain))
    assert "model_state_dict" in found.origin


def test_layers_that_do_not_fit_are_named_with_what_would(tmp_path: Path) -> None:
    other = nn.Sequential(nn.Linear(1, 64), nn.ReLU(), nn.Linear(64, 1))
    path = saved(other.state_dict(), tmp_path / "model.pt")
    with pytest.raises(SettingsError) as caught:
        of_file(path)
    assert str(caught.value) == (
        "model.pt does not fit the network: it has 0.weight [64, 1], 0.bias [64], 2.weight "
        "[1, 64], 2.bias [1]; the settings give 0.weight [7, 1], 0.bias [7], 2.weight [5, 7], "
        "2.bias [5], 4.weight [1, 5], 4.bias [1]; hidden = 64 fits it."
    )
    found = imported(path, SMALL, take_sizes=True)
    assert found.settings.model.hidden == (64,)
    np.testing.assert_allclose(predicted(found.module()), predicted(other), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: {**s, "extra.thing": torch.ones(2)}, "extra.thing [2]"),
        (lambda s: {k: v for k, v in s.items() if k != "2.bias"}, "2.bias [5]"),
        (lambda s: {**s, "0.bias": torch.full((7,), float("nan"))}, "not finite in float32"),
        (lambda s: {**s, "0.bias": torch.full((7,), 1e300, dtype=torch.float64)}, "too large"),
        (lambda s: {}, "holds no tensor"),
        (lambda s: [1, 2], "holds no state_dict"),
        (lambda s: {"a": s, "b": s}, "2 state_dicts"),
        (lambda s: {**s, "0.bias": torch.ones(7, dtype=torch.complex64)}, "ComplexFloatStorage"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(change: Any, words: str, tmp_path: Path) -> None:
    path = saved(change(dict(network().state_dict())), tmp_path / "model.pt")
    with pytest.raises((SettingsError, StorageError)) as caught:
        of_file(path)
    assert words in str(caught.value)


class Program:
    """Runs a command when an unpickler meets it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("true",)


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (lambda: {"0.weight": Program()}, "system"),
        (lambda: network(), "torch.nn"),
        (lambda: {"a": np.float32(1.0)}, "numpy"),
    ],
)
def test_a_program_in_a_file_is_not_run(value: Any, word: str, tmp_path: Path) -> None:
    path = saved(value(), tmp_path / "model.pt")
    with pytest.raises(StorageError, match=r"save model\.state_dict") as caught:
        of_file(path)
    assert word in str(caught.value)
    if word == "system":  # the watch sees what an unpickler does
        with code_that_ran() as ran:
            torch.load(path, weights_only=False)
        assert "os.system" in ran


STREAMS = {
    "a call of eval": b"\x80\x02c__builtin__\neval\nX\x01\x00\x00\x00a\x85R.",
    "an instance": b"\x80\x02(i__builtin__\neval\n.",
    "a new object": b"\x80\x02c__builtin__\nint\n)\x81.",
    "an extension": b"\x80\x02\x82\x01.",
    "protocol 4": b"\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00\x00.",
    "a long text": b"\x80\x02X\xff\xff\xff\xff.",
    "a long integer": b"\x80\x02\x8a\xff" + b"\xff" * 255 + b".",
    "no value": b"\x80\x02.",
    "two values": b"\x80\x02NN.",
    "no mark": b"\x80\x02t.",
    "an absent memo": b"\x80\x02h\x09.",
    "an unhashable key": b"\x80\x02}]Ns.",
    "a tensor of no storage": (
        b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(NK\x00)N)tR."
    ),
    "a build of no dictionary": b"\x80\x02]}b.",
    "nothing": b"",
    "lists of lists": b"\x80\x02" + b"]" * 100_000,
}  # fmt: skip


@pytest.mark.parametrize("name", STREAMS)
def test_hostile_streams_are_refused(name: str) -> None:
    with no_code_runs(), pytest.raises(StreamError):
        values_of(STREAMS[name])


def archive(
    stream: bytes, members: dict[str, bytes], compression: int = zipfile.ZIP_STORED
) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", compression) as file:
        file.writestr("archive/data.pkl", stream)
        file.writestr("archive/version", b"3\n")
        for name, data in members.items():
            file.writestr(f"archive/{name}", data)
    return held.getvalue()


def tensor_stream(count: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> bytes:
    """A state_dict of one tensor that claims what it likes."""

    def whole(value: int) -> bytes:
        return b"\x8a\x08" + struct.pack("<q", value)

    def several(values: tuple[int, ...]) -> bytes:
        return b"(" + b"".join(map(whole, values)) + b"t"

    text = b"X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpu"
    storage = b"(" + text + whole(count) + b"tQ"
    rest = whole(0) + several(shape) + several(strides) + b"\x89}t"
    tensor = b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + rest + b"R"
    return b"\x80\x02}X\x01\x00\x00\x00a" + tensor + b"s."


FOUR = b"\0" * 16
ARCHIVES = {
    "a size beyond the storage": archive(tensor_stream(4, (5,), (1,)), {"data/0": FOUR}),
    "a stride beyond the storage": archive(tensor_stream(4, (2,), (4,)), {"data/0": FOUR}),
    "a huge view of one number": archive(tensor_stream(4, (10**9,), (0,)), {"data/0": FOUR}),
    "a huge storage": archive(tensor_stream(10**12, (10**12,), (1,)), {"data/0": FOUR}),
    "a negative size": archive(tensor_stream(4, (-4,), (1,)), {"data/0": FOUR}),
    "many axes": archive(tensor_stream(4, (1,) * 64, (1,) * 64), {"data/0": FOUR}),
    "a storage that is not there": archive(tensor_stream(4, (4,), (1,)), {}),
    "compressed": archive(tensor_stream(4, (4,), (1,)), {"data/0": FOUR}, zipfile.ZIP_DEFLATED),
    "a long description": archive(b"]" * 5_000_000, {}),
    "a program of TorchScript": archive(b"\x80\x02}.", {"constants.pkl": b"", "code/a.py": b""}),
    "no description": archive(b"", {})[:40],
    "before 1.6": b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.",
}  # fmt: skip


def test_the_stream_of_these_tests_is_one_that_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    path.write_bytes(archive(tensor_stream(4, (2, 1), (2, 2**40)), {"data/0": b"\0\0\x80?" * 4}))
    np.testing.assert_array_equal(read_weights(path).tensors["a"], np.ones((2, 1)))
    assert torch.load(path, weights_only=False)["a"].tolist() == [[1.0], [1.0]]


@pytest.mark.parametrize("name", ARCHIVES)
def test_hostile_archives_are_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    path.write_bytes(ARCHIVES[name])
    with no_code_runs(), pytest.raises(StorageError) as caught:
        read_weights(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("ending", ["pt", "safetensors"])
def test_damaged_files_are_read_or_refused(ending: str, tmp_path: Path) -> None:
    good, path, dice = tmp_path / f"good.{ending}", tmp_path / f"bad.{ending}", random.Random(3)
    state = dict(network().state_dict())
    save_file(state, good) if ending == "safetensors" else torch.save(state, good)
    data, read = good.read_bytes(), 0
    with no_code_runs():
        for _ in range(300):
            bad = mutated(data, dice)
            path.write_bytes(bad[: dice.randrange(len(bad))] if dice.random() < 0.2 else bad)
            try:
                imported(path, SMALL)
                read += 1
            except (StorageError, SettingsError) as error:
                assert str(error).endswith(".") and "\n" not in str(error)
    assert read < 200


def test_damaged_streams_are_read_or_refused(tmp_path: Path) -> None:
    torch.save(network().state_dict(), tmp_path / "good.pt")
    with zipfile.ZipFile(tmp_path / "good.pt") as file:
        root = next(n for n in file.namelist() if n.endswith("data.pkl")).removesuffix("data.pkl")
        stream = file.read(f"{root}data.pkl")
        members = {f"data/{key}": file.read(f"{root}data/{key}") for key in range(6)}
    dice, path = random.Random(4), tmp_path / "bad.pt"
    with no_code_runs():
        for _ in range(300):
            path.write_bytes(archive(mutated(stream, dice), members))
            try:
                imported(path, SMALL)
            except (StorageError, SettingsError) as error:
                assert str(error).endswith(".") and "\n" not in str(error)


def test_a_tuned_export_comes_back_with_a_note(tmp_path: Path) -> None:
    record = {
        "algorithm": "maml", "shots": 5, "tasks": 6, "seed": 0, "inner_steps": [0], "mean": [4.0],
        "ci95": [0.3], "mean_kept": [4.0], "median": [3.0], "diverged": [0],
        "fine_tuning_lr": [0.0],
    }  # fmt: skip
    before = Initialization.from_module(network(), SMALL)
    before = Initialization(before.settings, before.parameters, 12, (record,))
    save_initialization(tmp_path / "export", before)
    before = load_initialization(tmp_path / "export")
    same = tuned(tmp_path / "export" / "model.pt", before)
    assert same is before
    state = torch.load(tmp_path / "export" / "model.pt", weights_only=True)
    state["4.bias"] += 1
    found = tuned(saved(state, tmp_path / "tuned.pt"), before)
    assert found.evaluations == () and found.changed and found.outer_step == 12
    assert CHANGED[1:] in found.origin and "tuned from MAML" in found.origin
    save_initialization(tmp_path / "again", found)
    assert load_initialization(tmp_path / "again").origin == found.origin
    assert found.origin in (tmp_path / "again" / "README.md").read_text(encoding="utf-8")


def test_step_sizes_of_an_export_and_of_a_script() -> None:
    settings = SMALL.with_arms((default_arm("meta_sgd"),))
    state = dict(network().state_dict())
    alone = Initialization.from_state_dict(state, settings)
    assert "begins as in a new run" in alone.origin
    lr = settings.inner.inner_lr
    np.testing.assert_array_equal(alone.parameters[len(alone.parameters) // 2 :], np.float32(lr))
    rates = {name: torch.rand(one.shape) for name, one in state.items()}
    export = state | {f"inner_lr.{name}": one for name, one in rates.items()}
    script = state | {f"alpha.{name}": one for name, one in rates.items()}
    found = [Initialization.from_state_dict(one, settings).parameters for one in (export, script)]
    np.testing.assert_array_equal(*found)
    assert found[0][-1] == rates["4.bias"][0]
    with pytest.raises(SettingsError, match="beside θ"):
        Initialization.from_state_dict(state | {"alpha.0.weight": torch.ones(3)}, settings)


def test_modules_are_tried() -> None:
    sine = network().double()
    sine[1] = sine[3] = nn.Tanh()
    made = Initialization.from_module(sine)
    assert made.settings.model.activation == "tanh" and made.settings.model.hidden == (7, 5)
    assert made.settings.run.precision == "float64"
    np.testing.assert_allclose(predicted(made.module()), predicted(sine), rtol=0, atol=1e-12)
    sine[1] = nn.GELU()
    with pytest.raises(SettingsError, match=r"GELU, Tanh"):
        Initialization.from_module(sine)

    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(1)
            self.a, self.b, self.c = nn.Linear(1, 7), nn.Linear(7, 7), nn.Linear(7, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            h = torch.relu(self.a(x))
            return self.c(torch.relu(self.b(h)) + h)

    residual = Residual()
    with pytest.raises(SettingsError, match="computes something else"):
        Initialization.from_module(residual, SMALL, hidden=(7, 7))
    made = Initialization.from_module(residual, SMALL, hidden=(7, 7), skip=True)
    np.testing.assert_allclose(predicted(made.module()), predicted(residual), rtol=0, atol=1e-6)


def test_a_mapping_that_is_no_state_dict() -> None:
    for wrong in ({}, collections.OrderedDict(), [1], {"a": "b"}, {"a": object()}):
        with pytest.raises(SettingsError):
            Initialization.from_state_dict(wrong)  # type: ignore[arg-type]
