"""Own tasks: what a task may return, what is refused in a sentence, draws and references."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from maml_explorer.core.divergence import EXPLODING, loss_limit
from maml_explorer.core.families.own_tasks import opened as registry
from maml_explorer.core.families.own_tasks.family import OWN, OwnSampler
from maml_explorer.core.families.own_tasks.opened import open_tasks, opened_tasks
from maml_explorer.core.families.own_tasks.task import Task, checked_tasks
from maml_explorer.core.plan import prepare
from maml_explorer.core.streams import stream
from maml_explorer.core.training import draw_batch, start_run
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.own_tasks import TaskKey, task_key
from maml_explorer.settings.settings import Settings
from tests.own_tasks import Planes, Waves, asked, waves

CPU = torch.device("cpu")


class Given:
    """Tasks that return what a function of n makes."""

    def __init__(self, make: Callable[[int], Any]) -> None:
        self.make = make

    def sample(self, n: int, generator: torch.Generator) -> Any:
        """What it makes."""
        return self.make(n)


def pair(*shape: int, fill: float = 1.0) -> tuple[Any, Any]:
    return torch.full(shape, fill), torch.full(shape, fill)


def fine(n: int) -> Any:
    return pair(n, 3), pair(n, 4)


def test_a_batch_is_what_the_task_samples() -> None:
    settings = Settings().with_values(asked(waves(), shots=4, query_points=6, meta_batch=3))
    plan = prepare(settings)
    state = start_run(plan)
    batch, _ = draw_batch(plan, state)
    generator = torch.Generator()
    generator.set_state(state.generator_state)
    (sx, sy), (qx, qy) = Waves().sample(plan.block_steps * 3, generator)
    torch.testing.assert_close(batch.support.x, sx[:3, :4], rtol=0, atol=0)
    torch.testing.assert_close(batch.support.y, sy[:3, :4], rtol=0, atol=0)
    torch.testing.assert_close(batch.query.x, qx[:3, :6], rtol=0, atol=0)
    torch.testing.assert_close(batch.query.y, qy[:3, :6], rtol=0, atol=0)
    assert batch.shots == 4 and isinstance(Waves(), Task)


def test_held_out_tasks_have_all_queries_and_nested_supports() -> None:
    settings = Settings().with_values(asked(waves(), seed=3))
    few = OWN.held_out(settings, 5, 2, "meta-test", torch.float64).batch()
    more = OWN.held_out(settings, 5, 10, "meta-test", torch.float64).batch()
    (sx, _), (qx, qy) = Waves().sample(5, stream(3, "meta-test"))
    assert few.query.x.shape == (5, 12, 1) and torch.equal(few.query.x, qx.double())
    assert torch.equal(few.query.y, qy.double())
    assert torch.equal(more.support.x, sx.double())
    assert torch.equal(few.support.x, more.support.x[:, :2])
    with pytest.raises(SettingsError, match="with 11 shots: allowed is from 1 to 10"):
        OWN.held_out(settings, 5, 11, "meta-test", torch.float64)


def test_arrays_of_numpy_with_several_inputs_and_outputs_are_taken() -> None:
    tasks = checked_tasks("planes", Planes())
    open_tasks(tasks)
    key = tasks.key
    assert (key.inputs, key.outputs, key.support, key.queries) == (3, 2, 5, 4)
    settings = Settings().with_values(tasks.values(Settings()))
    assert settings.ends == (3, 2) and settings.inner.shots == 5 and settings.query_points == 4
    plan = prepare(settings.with_values({"precision": "float64"}))
    batch, _ = draw_batch(plan, start_run(plan))
    assert batch.inputs.shape == (25, 9, 4) and batch.y.shape == (25, 9, 2)


def test_lists_whole_numbers_and_single_numbers_a_point_are_taken() -> None:
    def whole(n: int) -> Any:
        x = np.arange(3)[None].repeat(n, 0)
        return (x, (2 * x).tolist()), (torch.from_numpy(x), x.astype(">f4"))

    tasks = checked_tasks("whole", Given(whole))
    assert (tasks.key.inputs, tasks.key.outputs) == (1, 1)
    np.testing.assert_array_equal(tasks.support_y[7, :, 0], [0, 2, 4])
    assert tasks.values(Settings())["x_max"] == 2.0


def test_references_are_those_of_constants() -> None:
    tasks = waves()
    zero, mean = OWN.references(Settings().with_values(asked(tasks)))
    assert (zero.label, mean.label) == ("predict 0", "predict the mean")
    assert zero.loss == pytest.approx(float(np.mean(tasks.query_y**2)))
    assert mean.loss == pytest.approx(float(np.var(tasks.query_y)))
    # E a² sin² 3x over a in 1..2, x in −2..2
    assert zero.loss == pytest.approx(7 / 3 * (0.5 - np.sin(12) / 24), rel=0.05)
    plan = prepare(Settings().with_values(asked(tasks)))
    assert loss_limit(plan, "MAML") >= EXPLODING * float(np.mean(tasks.query_y**2))


def returning(make: Callable[[int], Any]) -> Callable[[], Any]:
    return lambda: Given(make)


def failing(n: int) -> Any:
    raise KeyError("weights")


SHAPED = r"\[task, point, in\] or \[task, point\] with 4 tasks"
BAD: dict[str, tuple[Any, str]] = {
    "class": (Waves, "are the class Waves: allowed is an object with sample"),
    "no sample": (3, "are int: allowed is an object with sample"),
    "raises": (Given(failing), r"failed in sample\(4, …\): KeyError: 'weights'\."),
    "nothing": (Given(lambda n: None), "what sample returned is a NoneType, and allowed is"),
    "triple": (Given(lambda n: (1, 2, 3)), "what sample returned is a tuple of 3"),
    "no pair": (Given(lambda n: (pair(n, 3), torch.ones(n, 3))), "the query set is a Tensor"),
    "tasks": (Given(lambda n: (pair(3, 2), pair(n, 2))),
              rf"support x has the shape \[3, 2\].*{SHAPED}"),
    "axes": (Given(lambda n: (pair(n, 2), (torch.ones(n, 2), torch.ones(n, 2, 1, 1)))),
             r"query y has the shape \[4, 2, 1, 1\], and allowed is \[task, point, out\]"),
    "empty": (Given(lambda n: (pair(n, 0), pair(n, 2))), r"support x has the shape \[4, 0\]"),
    "points": (Given(lambda n: ((torch.ones(n, 3), torch.ones(n, 2)), pair(n, 2))),
               "support x has 3 points and support y 2"),
    "width": (Given(lambda n: (pair(n, 3, 2), (torch.ones(n, 3, 2), torch.ones(n, 3)))),
              "support y has 2 numbers a point and query y 1"),
    "nan": (Given(lambda n: (pair(n, 2), pair(n, 2, fill=float("nan")))),
            r"query x has 8 values that are not finite or above 1e\+30, the first nan at \[0, 0"),
    "huge": (Given(lambda n: (pair(n, 2, fill=1e31), pair(n, 2))), "support x has 8 values"),
    "bool": (Given(lambda n: (pair(n, 2), (torch.ones(n, 2), torch.ones(n, 2) > 0))),
             r"query y has the type torch\.bool, and allowed are real numbers"),
    "complex": (Given(lambda n: ((np.ones((n, 2)) * 1j, np.ones((n, 2))), pair(n, 2))),
                "support x has the type complex128"),
    "text": (Given(lambda n: ((np.full((n, 2), "a"), np.ones((n, 2))), pair(n, 2))),
             "support x has the type <U1"),
    "objects": (Given(lambda n: (({}, np.ones((n, 2))), pair(n, 2))),
                "support x has the type dict"),
    "grows": (Given(lambda n: (pair(n, n), pair(n, 2))),
              "gave 200 support and 2 query points .* and 4 support and 2 query points"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_bad_tasks_are_refused_in_a_sentence(kind: str) -> None:
    task, said = BAD[kind]
    with pytest.raises(SettingsError, match=said) as caught:
        checked_tasks("mine", task)
    text = str(caught.value)
    assert "“mine”" in text and text.endswith(".") and "\n" not in text and len(text) < 400


def test_randomness_from_elsewhere_is_refused() -> None:
    with pytest.raises(SettingsError, match="other values the second time"):
        checked_tasks("mine", Given(lambda n: ((torch.rand(n, 2), torch.rand(n, 2)), pair(n, 2))))


@pytest.mark.parametrize("name", ["", " a", "a:b", "x" * 41, "a\n", 3])
def test_names_that_no_key_can_hold_are_refused(name: Any) -> None:
    with pytest.raises(SettingsError, match="1 to 40 printable characters"):
        checked_tasks(name, Given(fine))


def test_settings_refuse_more_points_than_there_are() -> None:
    with pytest.raises(SettingsError, match=r"give 10 support points, and shots is 11: .* 1 to 10"):
        Settings().with_values(asked(waves(), shots=11))
    with pytest.raises(SettingsError, match="give 12 query points, and query_points is 13"):
        Settings().with_values(asked(waves(), query_points=13))
    with pytest.raises(SettingsError, match="Own tasks need tasks"):
        Settings().with_values({"family": "own"})
    with pytest.raises(SettingsError, match=r"\(own_tasks\) cannot be “waves:1”"):
        Settings().with_values({"own_tasks": "waves:1"})


def test_a_key_is_its_text_and_tells_other_tasks_of_its_name(monkeypatch: Any) -> None:
    key = waves().key
    assert task_key(key.text) == key and len(key.text) <= 100
    longest = TaskKey("x" * 40, 10000, 10000, 10000, 10000, (-1e30, -1e30, 1e30))
    assert task_key(longest.text) == longest and len(longest.text) <= 100
    for text in ("", "a", key.text + "0", key.text.replace(":1:", ":0:", 1), ":" + key.text):
        assert task_key(text) is None
    monkeypatch.setattr(registry, "_OPEN", {})
    with pytest.raises(
        SettingsError, match=r"needs the tasks “waves” \(1 input, .* not registered"
    ):
        opened_tasks(key.text)
    open_tasks(checked_tasks("waves", Given(fine)))
    with pytest.raises(SettingsError, match="register the tasks that it was trained on"):
        opened_tasks(key.text)
    moved = TaskKey(*vars(key).values())
    object.__setattr__(moved, "mark", tuple(1.001 * m for m in key.mark))
    open_tasks(waves())
    assert opened_tasks(moved.text) is waves()  # as another machine rounds


def test_what_a_task_gives_later_is_checked_too() -> None:
    bad: list[bool] = []

    class Later:
        def sample(self, n: int, generator: torch.Generator) -> Any:
            support, query = Waves().sample(n, generator)
            return (support, (query[0], query[1] * float("nan"))) if bad else (support, query)

    tasks = checked_tasks("later", Later())
    open_tasks(tasks)
    settings = Settings().with_values(asked(tasks))
    sampler = OwnSampler(settings, torch.float32, CPU)
    sampler.draw(torch.Generator())
    bad.append(True)
    with pytest.raises(SettingsError, match="query y has 300 values that are not finite"):
        sampler.draw(torch.Generator())
