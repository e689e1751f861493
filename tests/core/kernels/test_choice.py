"""Which kernels are used, and that a library that is not right never is."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from maml_explorer.core.kernels import choice, library
from maml_explorer.core.kernels.choice import VARIABLE, Choice, chosen
from maml_explorer.core.kernels.library import NoKernels, open_library
from maml_explorer.core.plan import kernels_of, prepare
from maml_explorer.core.training import outer_step, start_run
from maml_explorer.core.workspace import Workspace
from maml_explorer.settings.settings import Settings
from tests.core.kernels.cases import built, kernels


@pytest.fixture(autouse=True)
def _tried_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "_choice", choice._choice.__wrapped__)


def recorded_for(reason: str, name: str | None = None) -> None:
    """The recorded kernels run, with a few words that say why."""
    assert chosen(name) == Choice(None, reason)
    plan = prepare(Settings().with_values({"hidden": (5,), "meta_batch": 2}))
    assert kernels_of(plan) == "recorded"
    state, _ = outer_step(plan, start_run(plan))
    assert state.outer_step == 1 and plan.workspace.kinds == {"replay"}
    assert plan.workspace.no_kernels == reason


def test_the_environment_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "recorded")
    recorded_for("")
    monkeypatch.setenv(VARIABLE, "fast")
    recorded_for(f"{VARIABLE} is 'fast', allowed are compiled, portable, recorded")


def test_without_a_library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(
        choice, "open_library", lambda portable: open_library(portable, tmp_path / "none.so")
    )
    recorded_for("none built")


def test_a_file_that_is_no_library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    damaged = tmp_path / "_kernels.library"
    damaged.write_bytes(b"\x7fELF but not for long")
    monkeypatch.setattr(choice, "open_library", lambda portable: open_library(portable, damaged))
    recorded_for("the library does not load")


@built
def test_a_library_of_another_version(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(NoKernels, match="does not load"):
        open_library(False, Path(shutil.copy(__file__, tmp_path)))
    monkeypatch.setattr(library, "VERSION", library.VERSION + 1)
    recorded_for("the library is of another version")


@built
def test_a_library_that_fails_its_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setitem(choice.AGREEMENT, choice.torch.float32, 1e-12)
    recorded_for("the library fails its test")


@built
def test_a_processor_without_wide_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    usual = library.ctypes.CDLL

    def without_avx2(name: str) -> object:
        found = usual(name)
        found.kernels_avx2 = lambda: 0
        return found

    monkeypatch.setattr(library.ctypes, "CDLL", without_avx2)
    found = chosen()
    assert found.kernels is not None and found.reason == ""
    plan = prepare(Settings().with_values({"hidden": (5,), "meta_batch": 2}))
    assert kernels_of(plan) == "compiled, portable"
    outer_step(plan, start_run(plan))
    assert plan.workspace.kinds == {"compiled, portable"}


@built
def test_the_portable_kernels_are_others() -> None:
    assert kernels("portable").kind == "compiled, portable"
    assert kernels("compiled").kind in ("compiled", "compiled, portable")
    plan = prepare(Settings(), Workspace("portable"))
    assert kernels_of(plan) == "compiled, portable"
