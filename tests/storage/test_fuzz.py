"""Damaged and hostile files: read exactly, or refused in a sentence; no code of theirs runs."""

from __future__ import annotations

import io
import json
import random
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from maml_explorer.core.plan import prepare
from maml_explorer.core.training import start_run
from maml_explorer.hyperparameters import SettingsError
from maml_explorer.presets import load_preset
from maml_explorer.settings import Settings, default_arm
from maml_explorer.settings_text import from_share, to_share, to_toml
from maml_explorer.storage.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from maml_explorer.storage.initialization import (
    Initialization,
    load_initialization,
    save_initialization,
)
from maml_explorer.storage.metrics import read_losses
from maml_explorer.storage.reader import StorageError
from maml_explorer.storage.run_folder import create_run, open_run

SETTINGS = Settings().with_values({"hidden": (3,), "seed": 5}).with_arms((default_arm("maml"),))
PLAN = prepare(SETTINGS)
WATCHED = {
    "exec", "compile", "os.system", "os.exec", "os.posix_spawn", "subprocess.Popen",
    "pickle.find_class", "socket.connect", "ctypes.dlopen", "marshal.loads",
}  # fmt: skip
_seen: list[str] | None = None


def _hook(event: str, _: Any) -> None:
    if _seen is not None and event in WATCHED:
        _seen.append(event)


@contextmanager
def no_code_runs() -> Iterator[None]:
    global _seen
    if not getattr(sys, "_maml_explorer_hooked", False):
        sys.addaudithook(_hook)  # a hook cannot be taken away again
        sys._maml_explorer_hooked = True  # type: ignore[attr-defined]
    _seen = []
    try:
        yield
        assert _seen == []
    finally:
        _seen = None


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one good file of every kind."""
    folder = tmp_path_factory.mktemp("fuzz")
    run = create_run(folder / "run", SETTINGS)
    run.append("metrics.csv", [(1, "MAML", 5, 1.0, 2.0, None, None)] * 3)
    state = start_run(PLAN)
    save_checkpoint(folder / "run" / "checkpoint.safetensors", Checkpoint(SETTINGS, state, (5,)))
    theta = state.arms["MAML"].initialization.numpy()
    save_initialization(folder / "init", Initialization(SETTINGS, theta, 0))
    (folder / "share").write_text(to_share(SETTINGS, {"points": [[1.0, 2.0]]}))
    (folder / "preset.toml").write_text(to_toml(SETTINGS))
    return folder


OPENERS: dict[str, Callable[[Path], object]] = {
    "run/settings.toml": lambda place: open_run(place / "run"),
    "run/metrics.csv": lambda place: read_losses(place / "run" / "metrics.csv", 5),
    "run/checkpoint.safetensors": lambda place: load_checkpoint(
        place / "run" / "checkpoint.safetensors", PLAN
    ),
    "init/config.json": lambda place: load_initialization(place / "init"),
    "init/model.safetensors": lambda place: load_initialization(place / "init"),
    "preset.toml": lambda place: load_preset(place / "preset.toml"),
    "share": lambda place: from_share((place / "share").read_text(errors="replace")),
}
"""File → what opens it."""


def mutated(data: bytes, dice: random.Random) -> bytes:
    """The bytes with a few changes that tend to reach deep into a parser."""
    result = bytearray(data)
    for _ in range(dice.choice((1, 1, 2, 5))):
        at = dice.randrange(len(result) + 1)
        match dice.randrange(6):
            case 0:
                result[at : at + 1] = bytes([dice.randrange(256)])
            case 1:
                del result[at : at + dice.choice((1, 4, 100))]
            case 2:
                result[at:at] = result[: dice.randrange(50)]
            case 3:
                result[at:at] = dice.choice(
                    (b"[" * 200, b"{" * 200, b'"', b"\x00", b"1e999", b"-1")
                )
            case 4:
                result[:8] = dice.choice((2**63, 2**32, 0, len(data))).to_bytes(8, "little")
            case _:
                digits = [i for i, c in enumerate(result) if chr(c).isdigit()]
                if digits:
                    result[dice.choice(digits)] = ord(dice.choice("0123456789.e-"))
    return bytes(result)


@pytest.mark.parametrize("name", OPENERS)
def test_mutated_files_are_read_or_refused(place: Path, name: str) -> None:
    path, opens = place / name, OPENERS[name]
    good = path.read_bytes()
    opens(place)
    dice = random.Random(name)
    refused = 0
    with no_code_runs():
        for _ in range(300):
            path.write_bytes(mutated(good, dice))
            try:
                opens(place)
            except (StorageError, SettingsError) as error:
                refused += 1
                assert "\n" not in str(error) and len(str(error)) < 1000
    path.write_bytes(good)
    opens(place)
    assert refused > 100


class Exploit:
    """Runs code where it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (exec, ("raise SystemExit('code of the file ran')",))


def exploits() -> dict[str, bytes]:
    pickled = b"\x80\x04\x95;\x00\x00\x00\x00\x00\x00\x00\x8c\x08builtins\x8c\x04exec\x93."
    saved = io.BytesIO()
    torch.save({"0.weight": torch.zeros(3, 1), "x": Exploit()}, saved)
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../evil.py", b"0" * 10_000_000)
    settings = b"[General]\nlayout=@Variant(\\0\\0\\0\\x7f\\0\\0\\0\\xePyQt_PyObject\\0)\n"
    return {
        "pickle": pickled,
        "torch.save": saved.getvalue(),
        "zip bomb": bomb.getvalue(),
        "QSettings": settings,
        "python": b"import os\nos.system('true')\n",
        "yaml": b"!!python/object/apply:os.system ['true']\n",
        "json": json.dumps({"__reduce__": ["os.system", "true"]}).encode(),
        "numpy": b"\x93NUMPY\x01\x00v\x00{'descr': '|O', 'fortran_order': False, 'shape': (1,)}",
        "toml": b'schema = 1\n[inner]\ninner_lr = \'__import__("os").system("true")\'\n',
        "huge key": b"a" + b".a" * 200_000 + b" = 1\n",
    }


@pytest.mark.parametrize("name", OPENERS)
def test_exploits_are_refused(place: Path, name: str) -> None:
    path, opens = place / name, OPENERS[name]
    good = path.read_bytes()
    hostile = exploits()
    opens(place)
    with no_code_runs():
        for kind, data in hostile.items():
            path.write_bytes(data)
            if name == "run/metrics.csv" and kind in ("python", "json", "huge key", "yaml"):
                continue  # a line of text is a table's head, whatever it says
            with pytest.raises((StorageError, SettingsError)):
                opens(place)
    path.write_bytes(good)
    assert not (place.parent / "evil.py").exists()


def test_the_watch_sees_code_that_runs() -> None:
    with pytest.raises(AssertionError), no_code_runs():
        exec("1 + 1")
