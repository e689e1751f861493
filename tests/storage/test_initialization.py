"""An exported initialization: the same numbers here, in plain PyTorch, and read back."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.core.models.mlp import with_ones
from maml_explorer.core.models.table import network
from maml_explorer.core.plan import prepare
from maml_explorer.core.probing import probe
from maml_explorer.core.training import start_arm
from maml_explorer.files.reader import StorageError
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.groups import DECLARATIONS
from maml_explorer.settings.norms import NORMS
from maml_explorer.settings.settings import Arm, Settings, default_arm
from maml_explorer.settings.text import is_written
from maml_explorer.storage.initialization.folder import (
    Initialization,
    load_initialization,
    save_initialization,
)
from maml_explorer.storage.initialization.model_card import MODULE_LINES, SNIPPET_LINES
from maml_explorer.storage.initialization.network_module import Network

ACTIVATIONS = DECLARATIONS["activation"].choices
RECORD = {
    "algorithm": "maml", "shots": 5, "tasks": 600, "seed": 0, "inner_steps": [0, 1],
    "mean": [4.0, None], "ci95": [0.3, None], "mean_kept": [4.0, 1.5], "median": [3.0, 0.7],
    "diverged": [0, 3],
    "fine_tuning_lr": [0.0, 0.01],
}  # fmt: skip


def drawn(algorithm: str = "maml", **values: Any) -> Initialization:
    settings = Settings().with_values({"hidden": (7, 5), "inner_lr": 0.03, **values})
    settings = settings.with_arms((default_arm(algorithm),))
    generator = torch.Generator().manual_seed(1)
    theta = start_arm(prepare(settings), settings.arms[0].name).initialization
    theta = theta + 0.1 * torch.rand(theta.shape, generator=generator, dtype=theta.dtype)
    return Initialization(settings, theta.numpy(), 1234, (RECORD,))


def predictions(initialization: Initialization, x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """By the closed forms of core, not by the exported module."""
    model = network(initialization.settings)
    layers = model.layers(torch.from_numpy(initialization.parameters.copy()))
    wide = with_ones(torch.from_numpy(x)[None, :, None])
    return model.forward(layers, wide).output[0, :, 0].numpy()


def written(folder: Path, **values: Any) -> Path:
    save_initialization(folder, drawn(**values))
    return folder


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_module_predicts_what_the_closed_forms_do(activation: str, precision: str) -> None:
    initialization = drawn(activation=activation, precision=precision)
    x = np.linspace(-5, 5, 9, dtype=precision)
    with torch.no_grad():
        outside = initialization.module()(torch.from_numpy(x)[:, None])[:, 0].numpy()
    np.testing.assert_allclose(outside, predictions(initialization, x), rtol=0, atol=1e-6)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("skip", [False, True])
def test_the_module_of_a_normed_network_predicts_and_adapts_as_the_program(
    skip: bool, norm: str, tmp_path: Path
) -> None:
    values = {"skip": skip, "norm": norm, "hidden": (6, 6, 5), "precision": "float64"}
    for algorithm in ("maml", "anil", "mtl"):
        initialization = drawn(algorithm, **values)
        x = np.linspace(-5, 5, 9)
        with torch.no_grad():
            outside = initialization.module()(torch.from_numpy(x)[:, None])[:, 0].numpy()
        np.testing.assert_allclose(outside, predictions(initialization, x), rtol=0, atol=1e-10)
        plan = prepare(initialization.settings)
        support_x, support_y = x[:4] / 3, np.sin(x[:4])
        expected = probe(
            plan, initialization.arm.name, torch.from_numpy(initialization.parameters.copy()),
            torch.from_numpy(support_x)[None], torch.from_numpy(support_y)[None],
            torch.from_numpy(x), steps=12,
        )  # fmt: skip
        adapted = initialization.adapt(support_x, support_y, steps=12)
        with torch.no_grad():
            outside = adapted(torch.from_numpy(x)[:, None])[:, 0].numpy()
        np.testing.assert_allclose(outside, expected.predictions[-1, 0], rtol=0, atol=1e-10)
        save_initialization(tmp_path / algorithm, initialization)
        loaded = load_initialization(tmp_path / algorithm)
        np.testing.assert_array_equal(loaded.parameters, initialization.parameters)


def test_names_and_shapes_are_those_of_a_sequential(tmp_path: Path) -> None:
    folder = written(tmp_path / "a", hidden=(40, 40))
    tensors = load_file(folder / "model.safetensors")
    assert {name: tuple(t.shape) for name, t in tensors.items()} == {
        "0.weight": (40, 1), "0.bias": (40,), "2.weight": (40, 40), "2.bias": (40,),
        "4.weight": (1, 40), "4.bias": (1,),
    }  # fmt: skip
    plain = torch.load(folder / "model.pt", weights_only=True)
    assert plain.keys() == tensors.keys()
    assert all(torch.equal(plain[name], tensors[name]) for name in tensors)
    assert sorted(p.name for p in folder.iterdir()) == [
        "README.md", "config.json", "model.pt", "model.safetensors",
    ]  # fmt: skip


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_loaded_equals_saved(tmp_path: Path, precision: str) -> None:
    arm = Arm("MAML, α = .1", "maml", (("inner_lr", 0.1),))
    saved = drawn(precision=precision, seed=7)
    saved = Initialization(
        saved.settings.with_arms((arm,)), saved.parameters, 50, saved.evaluations
    )
    save_initialization(tmp_path / "a", saved)
    loaded = load_initialization(tmp_path / "a")
    np.testing.assert_array_equal(loaded.parameters, saved.parameters)
    assert loaded.parameters.dtype == precision
    assert loaded.settings == saved.settings
    assert loaded.outer_step == 50
    assert loaded.evaluations == (RECORD,)
    assert loaded.own_settings["inner_lr"] == 0.1
    save_initialization(tmp_path / "b", loaded)
    for name in ("model.safetensors", "config.json", "README.md"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_the_config_says_everything(tmp_path: Path) -> None:
    config = json.loads((written(tmp_path / "a", seed=3) / "config.json").read_text())
    assert (config["schema"], config["algorithm"], config["arm"]) == (1, "maml", "MAML")
    assert set(config["settings"]) == {key for key in DECLARATIONS if is_written(Settings(), key)}
    assert config["versions"]["torch"] == torch.__version__


@pytest.mark.parametrize("algorithm", ["maml", "anil", "boil"])
@pytest.mark.parametrize("norm", [norm for norm in NORMS if norm != "none"])
def test_a_normed_module_adapts_itself_as_the_program_does(norm: str, algorithm: str) -> None:
    """The code of the model cards, run as a module of the program."""
    made = drawn(
        algorithm, skip=True, norm=norm, hidden=(6, 6, 5), precision="float64", inner_steps=3
    )
    generator = np.random.default_rng(4)
    x, y = generator.uniform(-5, 5, (2, 8))
    module = made.module()
    assert isinstance(module, Network)
    columns = [torch.from_numpy(values)[:, None] for values in (x, y)]
    part = {"head": slice(-1, None), "body": slice(-1)}.get(
        ALGORITHMS[algorithm].test_adapts, slice(None)
    )
    module.adapt(*columns, lr=0.02, steps=3, layers=part)
    expected = made.adapt(x, y, steps=3, lr=0.02)
    points = torch.linspace(-4, 4, 11, dtype=torch.float64)[:, None]
    with torch.no_grad():
        torch.testing.assert_close(module(points), expected(points))
        assert not torch.allclose(module(points), made.module()(points))


CARD_CASES = [(activation, "maml", "float32", False, "none") for activation in ACTIVATIONS]
CARD_CASES += [
    ("relu", "anil", "float32", False, "none"),
    ("relu", "boil", "float32", False, "none"),
    ("tanh", "imaml", "float64", False, "none"),
    ("relu", "imaml", "float32", True, "layer"),
    ("relu", "boil", "float64", True, "layer"),
    ("tanh", "mtl", "float64", False, "none"),
]
CARD_CASES += [("tanh", "maml", "float32", True, norm) for norm in NORMS]
CARD_CASES += [("relu", "anil", "float64", False, norm) for norm in NORMS if norm != "none"]
CARD_CASES += [("sine", "mtl", "float32", True, "batch-per-step")]
NO_TRICKS: dict[str, Any] = {}
TRICK_CASES: list[tuple[tuple[str, str, str, bool, str], dict[str, Any]]] = [
    ((activation, algorithm, precision, skip, norm), {**learning, **clip})
    for activation, algorithm, precision, skip, norm, learning in (
        ("relu", "meta_sgd", "float32", False, "none", {}),
        ("tanh", "maml", "float64", False, "none", {"lslr": True}),
        ("relu", "anil", "float32", False, "none", {"lslr": True}),
        ("relu", "meta_sgd", "float64", True, "batch-per-step", {}),
        ("relu", "anil", "float32", True, "layer", {"lslr": True}),
        ("relu", "boil", "float32", True, "layer", {"lslr": True}),
        ("relu", "meta_curvature", "float32", False, "none", {}),
        ("tanh", "meta_curvature", "float64", True, "batch-per-step", {}),
        ("relu", "cavia", "float32", False, "none", {}),
        ("tanh", "cavia", "float64", True, "batch-per-step", {}),
    )
    for clip in ({}, {"inner_clip": 0.05})
]
TRICK_CASES += [
    (("tanh", key, "float32", skip, "none"), {"inner_clip": 0.05})
    for key in ("maml", "anil", "boil") for skip in (False, True)
]  # fmt: skip


def test_the_cards_own_snippet_adapts_without_this_program(tmp_path: Path) -> None:
    """One process for all cards, in which maml_explorer cannot be imported."""
    expected = {}
    for case, tricks in [*((case, NO_TRICKS) for case in CARD_CASES), *TRICK_CASES]:
        activation, algorithm, precision, skip, norm = case
        initialization = drawn(
            algorithm, activation=activation, precision=precision, inner_steps=3, skip=skip,
            norm=norm, hidden=(6, 6, 5), **tricks,
        )  # fmt: skip
        folder = tmp_path / f"{'-'.join(map(str, (*case, *tricks)))}"
        save_initialization(folder, initialization)
        card = (folder / "README.md").read_text()
        blocks = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
        special = skip or norm != "none"
        assert len(blocks) == 1 + (activation == "sine") + special
        assert len(blocks[-1].splitlines()) <= SNIPPET_LINES
        assert all(len(block.splitlines()) <= MODULE_LINES for block in blocks[:-1])
        (folder / "snippet.py").write_text("\n".join(blocks))
        support = re.search(r"x, y = tensor\((\[.*?\]\]).*?tensor\((\[.*?\]\])", blocks[-1])
        assert support is not None
        x, y = (np.array(json.loads(text)) for text in support.groups())
        adapted = initialization.adapt(x, y)
        grid = torch.linspace(-5, 5, 11, dtype=getattr(torch, precision))[:, None]
        expected[folder.name] = adapted(grid)[:, 0].tolist()
    script = (
        "import json, os, runpy, sys\n"
        "sys.modules['maml_explorer'] = None  # importing it raises, installed or not\n"
        "import torch\n"
        "found = {}\n"
        "for name in sorted(os.listdir('.')):\n"
        "    os.chdir(name)\n"
        "    model = runpy.run_path('snippet.py')['model']\n"
        "    dtype = next(model.parameters()).dtype\n"
        "    grid = torch.linspace(-5, 5, 11, dtype=dtype)[:, None]\n"
        "    found[name] = model(grid)[:, 0].tolist()\n"
        "    os.chdir('..')\n"
        "print(json.dumps(found))\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", script],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=0, atol=1e-6, err_msg=name)


FEATURES = {"context_enters": "features"}
IMAGE_CASES: list[tuple[str, dict[str, Any]]] = [
    ("maml", {"norm": "none"}),
    ("maml", {"norm": "batch", "precision": "float64"}),
    ("anil", {"norm": "layer", "skip": True}),
    ("meta_sgd", {"norm": "batch"}),
    ("maml", {"norm": "none", "lslr": True}),
    ("maml", {"norm": "batch", "inner_clip": 0.05}),
    ("meta_curvature", {"norm": "batch"}),
    ("meta_curvature", {"norm": "none", "model": "conv", "filters": 3, "blocks": 2}),
    ("cavia", {"norm": "batch", "model": "conv", "filters": 3, "blocks": 2}),
    ("cavia", {"norm": "none"}),
    ("cavia", {"norm": "batch", "model": "conv", "filters": 3, "blocks": 2, **FEATURES}),
    ("cavia", {"norm": "none", "model": "conv", "filters": 3, "blocks": 2, **FEATURES}),
    ("cavia", {"norm": "layer", "inner_clip": 0.05, **FEATURES}),
]


def test_the_cards_snippet_of_a_classifier_adapts_too(tmp_path: Path) -> None:
    expected = {}
    pixels, ways, shots = 64, 3, 2
    for nth, (algorithm, more) in enumerate(IMAGE_CASES):
        initialization = drawn(
            algorithm, family="glyphs", ways=ways, shots=shots, side=8, inner_steps=2,
            query_points=2, hidden=(6, 6), **more,
        )  # fmt: skip
        folder = tmp_path / str(nth)
        save_initialization(folder, initialization)
        assert load_initialization(folder).settings == initialization.settings
        card = (folder / "README.md").read_text()
        assert "3-way 2-shot glyphs" in card and "jitter 1.4" in card and "amplitude" not in card
        assert ("transductive" in card) == (more["norm"] == "batch")
        blocks = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
        assert len(blocks[-1].splitlines()) <= SNIPPET_LINES
        (folder / "snippet.py").write_text("\n".join(blocks))
        dtype = getattr(torch, more.get("precision", "float32"))
        torch.manual_seed(0)
        images = torch.rand(ways * shots, pixels, dtype=dtype)
        adapted = initialization.adapt(images.numpy(), [0, 1, 2] * shots)
        expected[str(nth)] = adapted(images).tolist()
    script = (
        "import json, os, runpy, sys\n"
        "sys.modules['maml_explorer'] = None\n"
        "import torch\n"
        "found = {}\n"
        "for name in sorted(os.listdir('.')):\n"
        "    os.chdir(name)\n"
        # the module draws weights before the snippet draws images
        "    text = open('snippet.py').read().replace('x, y = ', 'torch.manual_seed(0); x, y = ')\n"
        "    open('seeded.py', 'w').write('import torch\\n' + text)\n"
        "    known = runpy.run_path('seeded.py')\n"
        "    found[name] = known['model'](known['x']).tolist()\n"
        "    os.chdir('..')\n"
        "print(json.dumps(found))\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", script],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=0, atol=1e-5, err_msg=name)


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        (np.zeros((2, 8, 7)), [0, 1], "64 pixels"),
        (np.zeros((2, 64)), [0, 3], "classes from 0 to 2"),
        (np.zeros((2, 64)), [0], "must be 2 classes"),
        (np.full((2, 64), np.nan), [0, 1], "not finite"),
    ],
)
def test_images_that_cannot_be_adapted_to(x: Any, y: Any, words: str) -> None:
    initialization = drawn(
        "maml", family="glyphs", ways=3, shots=2, query_points=2, side=8, hidden=(4,)
    )
    with pytest.raises(ValueError, match=words):
        initialization.adapt(x, y)


def test_the_card_has_the_evaluation_and_the_settings(tmp_path: Path) -> None:
    card = (written(tmp_path / "a") / "README.md").read_text()
    assert "| 5 | 600 | 0 | 4 ± 0.3 | 3 | 0 |" in card
    assert "| 5 | 600 | 1 | not finite | 0.7 | 3 |" in card
    for key, declared in DECLARATIONS.items():
        if not is_written(Settings(), key):
            continue
        assert f"{declared.label} (`{key}`)" in card
    assert "Finn, Abbeel, Levine 2017" in card


def test_a_mean_without_a_finite_interval_is_said_alone(tmp_path: Path) -> None:
    huge = {**RECORD, "mean": [4.0, 1e200], "ci95": [0.3, None]}
    save_initialization(tmp_path / "a", dataclasses.replace(drawn(), evaluations=(huge,)))
    assert "| 5 | 600 | 1 | 1e+200 | 0.7 | 3 |" in (tmp_path / "a" / "README.md").read_text()


def test_adapting_is_gradient_descent() -> None:
    initialization = drawn(activation="tanh", precision="float64")
    x, y = np.array([-2.0, 0.5, 3.0]), np.array([1.0, -0.5, 0.2])
    module = initialization.module()
    sgd = torch.optim.SGD(module.parameters(), lr=0.05)
    for _ in range(4):
        sgd.zero_grad()
        out = module(torch.tensor(x)[:, None])
        torch.nn.functional.mse_loss(out, torch.tensor(y)[:, None]).backward()
        sgd.step()
    adapted = initialization.adapt(x, y, steps=4, lr=0.05)
    for one, two in zip(adapted.parameters(), module.parameters(), strict=True):
        torch.testing.assert_close(one, two, rtol=0, atol=1e-12)
    unchanged = initialization.adapt(x, y, steps=0)
    for one, two in zip(unchanged.parameters(), initialization.module().parameters(), strict=True):
        assert torch.equal(one, two)


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        ("anil", ["4.weight", "4.bias"]),
        ("boil", ["0.weight", "0.bias", "2.weight", "2.bias"]),
    ],
)
def test_anil_adapts_the_head_only_and_boil_the_body(algorithm: str, expected: list[str]) -> None:
    initialization = drawn(algorithm)
    before = dict(initialization.module().named_parameters())
    after = dict(initialization.adapt([1.0, 2.0], [0.0, 1.0], steps=2).named_parameters())
    changed = [name for name in before if not torch.equal(before[name], after[name])]
    assert changed == expected


def test_a_loaded_initialization_cannot_be_changed_by_accident() -> None:
    initialization = drawn()
    with pytest.raises(ValueError, match="read-only"):
        initialization.parameters[0] = 1
    module = initialization.module()
    before = initialization.parameters.copy()
    with torch.no_grad():
        next(module.parameters()).add_(1)
    np.testing.assert_array_equal(initialization.parameters, before)


@pytest.mark.parametrize(
    ("x", "y", "options"),
    [
        ([], [], {}),
        ([1.0], [1.0, 2.0], {}),
        ([[1.0, 2.0]], [[1.0, 2.0]], {}),
        ([float("nan")], [1.0], {}),
        ([1.0], [1.0], {"steps": -1}),
        ([1.0], [1.0], {"lr": -1.0}),
        ([1.0], [1.0], {"lr": float("nan")}),
    ],
)
def test_wrong_points_are_refused(x: Any, y: Any, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        drawn().adapt(x, y, **options)


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    folder = written(tmp_path / "a")
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    with pytest.raises(FileExistsError):
        save_initialization(folder, drawn(seed=9))
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before
    save_initialization(folder, drawn(seed=9), overwrite=True)
    assert load_initialization(folder).settings.run.seed == 9


def test_values_that_are_not_finite_are_not_exported(tmp_path: Path) -> None:
    bad = drawn().parameters.copy()
    bad[3] = np.inf
    with pytest.raises(ValueError, match="not finite"):
        save_initialization(tmp_path / "a", Initialization(drawn().settings, bad, 1))
    assert not (tmp_path / "a").exists()


def edited(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        path = folder / "config.json"
        config = json.loads(path.read_text())
        change(config)
        path.write_text(json.dumps(config))

    return edit


def swapped(folder: Path) -> None:
    other = written(folder.parent / "other", activation="tanh", seed=1)
    bumped = drawn(seed=1).parameters + 1
    save_initialization(other, Initialization(drawn().settings, bumped, 1), overwrite=True)
    shutil.copy(other / "model.safetensors", folder / "model.safetensors")


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (lambda folder: (folder / "config.json").unlink(), "config.json"),
        (lambda folder: (folder / "model.safetensors").unlink(), "model.safetensors"),
        (lambda folder: (folder / "config.json").write_text("{"), "JSON"),
        (lambda folder: (folder / "config.json").write_text("[" * 90_000), "JSON"),
        (lambda folder: (folder / "config.json").write_text(" " * 300_000), "300000 bytes"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"PK\x03\x04" * 9), "damaged"),
        (edited(lambda c: c.update(format="other")), "initialization"),
        (edited(lambda c: c.update(schema=2)), "schema 2"),
        (edited(lambda c: c.update(schema=True)), "schema True"),
        (edited(lambda c: c.pop("settings")), "settings"),
        (edited(lambda c: c["settings"].update(hidden=[7, 6])), "expected is"),
        (edited(lambda c: c["settings"].update(hidden=[1024] * 8)), "lacks"),
        (edited(lambda c: c["settings"].update(hidden=[10**9])), "hidden"),
        (edited(lambda c: c["settings"].update(precision="float64")), "expected is"),
        (edited(lambda c: c["settings"].update(shell="rm")), "shell"),
        (edited(lambda c: c["settings"].update(inner_lr=None)), "inner_lr"),
        (edited(lambda c: c.update(algorithm="../maml")), "../maml"),
        (edited(lambda c: c.update(arm=3)), "arm"),
        (edited(lambda c: c.update(overrides={"hidden": [3]})), "hidden"),
        (edited(lambda c: c.update(outer_steps=-1)), "outer steps"),
        (edited(lambda c: c.update(evaluations=[{}])), "meta-test"),
        (edited(lambda c: c.update(evaluations=[{**RECORD, "mean": [1.0]}])), "meta-test"),
        (edited(lambda c: c.update(evaluations=[{**RECORD, "mean": ["1", 2.0]}])), "meta-test"),
    ],
)  # fmt: skip
def test_a_damaged_folder_is_refused_in_one_sentence(
    tmp_path: Path, damage: Callable[[Path], None], named: str
) -> None:
    folder = written(tmp_path / "a")
    damage(folder)
    with pytest.raises((StorageError, SettingsError)) as refusal:
        load_initialization(folder)
    assert named in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_changed_weights_are_opened_without_the_figures_of_those_before(tmp_path: Path) -> None:
    folder = written(tmp_path / "a")
    kept = load_initialization(folder)
    assert kept.evaluations and not kept.changed
    swapped(folder)
    found = load_initialization(folder)
    assert found.changed and found.evaluations == ()
    np.testing.assert_array_equal(found.parameters, drawn(seed=1).parameters + 1)
    with pytest.raises(StorageError, match=r"model\.safetensors is not the file that config\.json"):
        load_initialization(folder, as_exported=True)
    # written anew, they are an export of their own
    save_initialization(tmp_path / "b", found)
    again = load_initialization(tmp_path / "b")
    assert not again.changed and again.evaluations == ()


def test_model_pt_is_never_read(tmp_path: Path) -> None:
    folder = written(tmp_path / "a")
    expected = hashlib.sha256(load_initialization(folder).parameters.tobytes()).hexdigest()
    (folder / "model.pt").write_bytes(b"\x80\x04cposix\nsystem\n(S'exit 1'\ntR.")
    found = hashlib.sha256(load_initialization(folder).parameters.tobytes()).hexdigest()
    assert found == expected


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_learned_step_sizes_lie_beside_the_parameters(
    tmp_path: Path, precision: str, skip: bool
) -> None:
    stems = ("linears.0", "linears.1", "linears.2") if skip else ("0", "2", "4")
    values = {"precision": precision, "skip": skip, "inner_steps": 2}
    meta_sgd = drawn("meta_sgd", **values)
    save_initialization(tmp_path / "a", meta_sgd)
    tensors = load_file(tmp_path / "a" / "model.safetensors")
    rates = {name[9:]: t for name, t in tensors.items() if name.startswith("inner_lr.")}
    assert {name: t.shape for name, t in rates.items()} == {
        name: tensors[name].shape for name in tensors if not name.startswith("inner_lr.")
    }
    vector = torch.from_numpy(meta_sgd.parameters.copy())
    first = vector[len(vector) // 2 :][:14].view(2, 7)  # [in + 1, out] of the first layer
    assert torch.equal(rates[f"{stems[0]}.weight"], first[:1].T)
    assert torch.equal(rates[f"{stems[0]}.bias"], first[1])
    np.testing.assert_array_equal(load_initialization(tmp_path / "a").parameters, vector)

    lslr = drawn(lslr=True, **values)
    save_initialization(tmp_path / "b", lslr)
    tensors = load_file(tmp_path / "b" / "model.safetensors")
    by_step = lslr.parameters[-6:].reshape(2, 3)  # [inner step, layer]
    for layer, stem in enumerate(stems):
        for name in (f"inner_lr.{stem}.weight", f"inner_lr.{stem}.bias"):
            np.testing.assert_array_equal(tensors[name], by_step[:, layer])
    np.testing.assert_array_equal(load_initialization(tmp_path / "b").parameters, lslr.parameters)
    assert "inner_lr" not in str(torch.load(tmp_path / "b" / "model.pt", weights_only=True).keys())


@pytest.mark.parametrize(
    ("algorithm", "values"),
    [
        ("meta_sgd", {}),
        ("maml", {"lslr": True}),
        ("anil", {"lslr": True}),
        ("boil", {"lslr": True}),
        ("meta_curvature", {}),
        ("cavia", {}),
    ],
)
def test_adapting_takes_the_learned_step_sizes(algorithm: str, values: dict[str, Any]) -> None:
    initialization = drawn(algorithm, precision="float64", inner_steps=2, inner_clip=0.4, **values)
    x, y, grid = np.array([-2.0, 0.5, 3.0]), np.array([1.0, -0.5, 0.2]), np.linspace(-5, 5, 7)
    expected = probe(
        prepare(initialization.settings), initialization.arm.name,
        torch.from_numpy(initialization.parameters.copy()),
        torch.from_numpy(x)[None], torch.from_numpy(y)[None], torch.from_numpy(grid), steps=4,
    )  # fmt: skip
    with torch.no_grad():
        for steps in (2, 4):  # with more than trained, the last step's are used again
            found = initialization.adapt(x, y, steps=steps)(torch.from_numpy(grid)[:, None])[:, 0]
            torch.testing.assert_close(found, expected.predictions[steps, 0], rtol=0, atol=1e-12)
        other = initialization.adapt(x, y, steps=2, lr=0.07)(torch.from_numpy(grid)[:, None])[:, 0]
    assert not torch.allclose(other, expected.predictions[2, 0])


def test_two_step_sizes_of_one_layer_are_refused(tmp_path: Path) -> None:
    save_initialization(tmp_path / "a", drawn(lslr=True))
    path = tmp_path / "a" / "model.safetensors"
    tensors = load_file(path)
    tensors["inner_lr.2.bias"] += 1
    save_file(tensors, path)
    config = json.loads((tmp_path / "a" / "config.json").read_text())
    config["model_sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    (tmp_path / "a" / "config.json").write_text(json.dumps(config))
    with pytest.raises(StorageError, match="two learned step sizes"):
        load_initialization(tmp_path / "a")
