"""Damaged and hostile files of every kind the program opens, and the watch that sees code run."""

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

import torch

from maml_explorer.core.plan import prepare
from maml_explorer.core.training import start_run
from maml_explorer.files.resources import resources
from maml_explorer.gui.lessons.lesson_file import load_lesson
from maml_explorer.gui.lessons.progress import LessonProgress, read_progress, write_progress
from maml_explorer.gui.session.view_state import view_state
from maml_explorer.gui.window.remembered_layout import WindowLayout, read_layout, write_layout
from maml_explorer.settings.presets import load_preset
from maml_explorer.settings.settings import Settings, default_arm
from maml_explorer.settings.share import from_share, to_share
from maml_explorer.settings.text import to_toml
from maml_explorer.storage.initialization.folder import (
    Initialization,
    load_initialization,
    save_initialization,
)
from maml_explorer.storage.run.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from maml_explorer.storage.run.folder import create_run, open_run
from maml_explorer.storage.run.insight import (
    insight_entry,
    read_entries,
    read_figures,
    write_insight,
)
from maml_explorer.storage.run.metrics import read_losses

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
def code_that_ran() -> Iterator[list[str]]:
    """A list of what ran code, met the network or started a program inside the context."""
    global _seen
    if not getattr(sys, "_maml_explorer_hooked", False):
        sys.addaudithook(_hook)  # a hook cannot be taken away again
        sys._maml_explorer_hooked = True  # type: ignore[attr-defined]
    found: list[str] = []
    _seen = found
    try:
        yield found
    finally:
        _seen = None


@contextmanager
def no_code_runs() -> Iterator[None]:
    """Fails where code ran inside the context."""
    with code_that_ran() as found:
        yield
    assert found == []


def good_files(folder: Path) -> None:
    """Fills a folder with one good file of every kind."""
    run = create_run(folder / "run", SETTINGS)
    run.append("metrics.csv", [(1, "MAML", 5, 1.0, 2.0, None, None)] * 3)
    entry = insight_entry("gradient", {"arm": "MAML"}, 5, 3, {"cosine": [0.5, None]})
    write_insight(folder / "run", [entry] * 3, [(3, "gradient", "MAML", "cosine", 0.5)] * 3)
    state = start_run(PLAN)
    save_checkpoint(folder / "run" / "checkpoint.safetensors", Checkpoint(SETTINGS, state, (5,)))
    theta = state.arms["MAML"].initialization.numpy()
    save_initialization(folder / "init", Initialization(SETTINGS, theta, 0))
    view = {"x": [1.0], "y": [2.0], "task": [2.0, 0.5], "inner_step": 1, "tab": "tasks"}
    (folder / "share").write_text(to_share(SETTINGS, view))
    (folder / "preset.toml").write_text(to_toml(SETTINGS))
    lesson = resources().joinpath("lessons", "02-multi-task.toml").read_text(encoding="utf-8")
    (folder / "lesson.toml").write_text(lesson)
    write_progress(
        folder / "lessons.json", LessonProgress({"02-multi-task": 3}, frozenset({"01-tour"}))
    )
    write_layout(folder / "window.json", WindowLayout((0, 0, 900, 700), False, {"columns": (1, 2)}))


def _open_share(place: Path) -> object:
    return view_state(from_share((place / "share").read_text(errors="replace")).view)


OPENERS: dict[str, Callable[[Path], object]] = {
    "run/settings.toml": lambda place: open_run(place / "run"),
    "run/metrics.csv": lambda place: read_losses(place / "run" / "metrics.csv", 5),
    "run/insight.json": lambda place: read_entries(place / "run"),
    "run/insight.csv": lambda place: read_figures(place / "run"),
    "run/checkpoint.safetensors": lambda place: load_checkpoint(
        place / "run" / "checkpoint.safetensors", PLAN
    ),
    "init/config.json": lambda place: load_initialization(place / "init"),
    "init/model.safetensors": lambda place: load_initialization(place / "init"),
    "preset.toml": lambda place: load_preset(place / "preset.toml"),
    "lesson.toml": lambda place: load_lesson(place / "lesson.toml"),
    "lessons.json": lambda place: read_progress(place / "lessons.json"),
    "share": _open_share,
    "window.json": lambda place: read_layout(place / "window.json"),
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
