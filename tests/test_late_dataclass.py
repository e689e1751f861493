"""Dataclasses made at their first use are those of Python."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from dataclasses import field
from threading import Barrier, Thread

import pytest

from maml_explorer.late_dataclass import dataclass


def fresh() -> type:
    @dataclass(frozen=True)
    class Point:
        x: int
        tags: list[str] = field(default_factory=list)
        note: str = "none"

    return Point


def is_made(kind: type) -> bool:
    return "__eq__" in vars(kind)


def test_the_first_record_makes_the_class():
    kind = fresh()
    assert not is_made(kind)
    one = kind(1, note="a")
    assert is_made(kind)
    assert one == kind(1, [], "a") != kind(2, [], "a")
    assert repr(one).endswith("Point(x=1, tags=[], note='a')")
    assert hash(fresh()(1, (), "b")) is not None
    assert dataclasses.replace(one, x=3) == kind(3, [], "a")
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.x = 2
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'x'"):
        fresh()()
    match one:
        case kind(x, _, note):  # type: ignore[misc]
            assert (x, note) == (1, "a")


def test_whoever_asks_for_the_fields_makes_the_class():
    kind = fresh()
    assert [one.name for one in dataclasses.fields(kind)] == ["x", "tags", "note"]
    assert is_made(kind)
    assert dataclasses.is_dataclass(fresh())

    class Named(fresh()):  # type: ignore[misc]
        pass

    @dataclasses.dataclass(frozen=True)
    class Further(fresh()):  # type: ignore[misc]
        y: int = 0

    assert Named(4).x == 4 and Further(1, [], "a", 7) == Further(1, [], "a", 7)
    assert [one.name for one in dataclasses.fields(Further)] == ["x", "tags", "note", "y"]


def test_many_threads_make_it_once():
    for _ in range(50):
        kind, made, all_ready = fresh(), [], Barrier(4)

        def make(kind=kind, made=made, all_ready=all_ready) -> None:
            all_ready.wait()
            made.append((kind(1), [one.name for one in dataclasses.fields(kind)]))

        threads = [Thread(target=make) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert made == 4 * [(kind(1), ["x", "tags", "note"])]


def test_a_start_makes_no_record_of_the_protocol():
    code = (
        "from maml_explorer.worker import handle; from maml_explorer.protocol import reports\n"
        "kinds = [one for one in vars(reports).values() if isinstance(one, type)]\n"
        "made = [one.__name__ for one in kinds if '__dataclass_params__' in vars(one)]\n"
        "late = [one for one in kinds if '__dataclass_fields__' in vars(one)]\n"
        "print(len(late) > 20, set(made) - {'Preset', 'Settings', 'TaskSettings'})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True set()\n"
