"""Modules that are loaded at their first use."""

from __future__ import annotations

import sys
from pathlib import Path
from threading import Barrier, Thread
from types import ModuleType

import pytest

from maml_explorer.late_module import LateModule


def test_a_stand_in_hands_on_what_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "loaded_late.py").write_text("answer = 42\n")
    monkeypatch.syspath_prepend(tmp_path)
    stand_in = LateModule("loaded_late")
    monkeypatch.setitem(sys.modules, "loaded_late", stand_in)
    names: dict[str, object] = {}
    exec("from loaded_late import *", names)
    assert "answer" not in names
    import loaded_late  # type: ignore[import-not-found]

    assert loaded_late is stand_in, "nothing was asked for"
    assert loaded_late.answer == 42
    assert sys.modules["loaded_late"] is not stand_in
    with pytest.raises(AttributeError, match="has no attribute 'question'"):
        stand_in.question  # noqa: B018


def test_two_threads_load_it_once() -> None:
    loads: list[int] = []
    both = Barrier(2)

    def load() -> ModuleType:
        loads.append(1)
        module = ModuleType("found")
        module.answer = len(loads)  # type: ignore[attr-defined]
        return module

    late = LateModule("found", load)
    found: list[int] = []

    def ask() -> None:
        both.wait()
        found.append(late.answer)

    threads = [Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (loads, found) == ([1], [1, 1])
