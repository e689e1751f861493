"""Axes and trials of a sweep."""

from __future__ import annotations

import itertools
import random

import pytest

from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.settings import Settings
from maml_explorer.storage.sweep.axes import (
    Axis,
    parse_axes,
    parse_axis,
    refuse_clashes,
    with_point,
)
from maml_explorer.storage.sweep.trials import (
    grid,
    random_points,
    trial_name,
    trials_of,
)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("inner_lr=0.001,0.01,0.1", (0.001, 0.01, 0.1)),
        ("inner_lr=0.001 0.01", (0.001, 0.01)),
        ("inner_lr = 0.001, 0.01", (0.001, 0.01)),
        ("width=40; 80", (40, 80)),
        ("inner_lr=0.001:0.1:log:3", (0.001, 0.01, 0.1)),
        ("inner_lr=0.1:0.5:5", (0.1, 0.2, 0.3, 0.4, 0.5)),
        ("inner-lr=0.1:0.5:linear:3", (0.1, 0.3, 0.5)),
        ("inner_steps=1:3:3", (1, 2, 3)),
        ("inner_steps=1:3:9", (1, 2, 3)),
        ("width=40,80", (40, 80)),
        ("width=10:40:log:3", (10, 20, 40)),
        ("algorithm=maml,anil", ("maml", "anil")),
        ("hidden=40,40;64", ((40, 40), (64,))),
        ("lslr=false,true", (False, True)),
        ("activation=relu,tanh", ("relu", "tanh")),
    ],
)
def test_an_axis_is_read_and_written(text: str, values: tuple[object, ...]) -> None:
    axis = parse_axis(text)
    assert axis.values == values
    assert parse_axis(axis.text()) == axis


def test_a_range_without_a_count_is_for_random_search() -> None:
    axis = parse_axis("inner_lr=0.001:0.3:log")
    assert axis == Axis("inner_lr", (), 0.001, 0.3, True)
    assert parse_axis(axis.text()) == axis
    drawn = [axis.draw(random.Random(n)) for n in range(2000)]
    assert all(isinstance(v, float) and 0.001 <= v <= 0.3 for v in drawn)
    middle = (0.001 * 0.3) ** 0.5
    below = sum(isinstance(v, float) and v < middle for v in drawn)
    assert 900 < below < 1100, "half lie below the geometric middle"
    whole = [parse_axis("inner_steps=1:4").draw(random.Random(n)) for n in range(50)]
    assert set(whole) == {1, 2, 3, 4}
    with pytest.raises(SettingsError, match=r"give a count, such as inner_lr=0\.001:0\.3:log:7"):
        list(grid([axis]))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("inner_lr", "An axis is written KEY=VALUES"),
        ("inner_lr=", "An axis is written KEY=VALUES"),
        ("inner_rl=1", "did you mean inner_lr?"),
        ("nothing=1", "There is no axis “nothing”"),
        ("alpha=0.1", "There is no axis “alpha”: did you mean inner_lr?"),
        ("α=0.1", "There is no axis “α”: did you mean inner_lr?"),
        ("beta=0.1", "did you mean outer_lr?"),
        ("K=1,2", "did you mean inner_steps?"),
        ("lambda=1", "did you mean proximal?"),
        ("A=1", "did you mean amplitude_min or amplitude_max?"),
        ("lr=0.1", "did you mean inner_lr or outer_lr?"),
        ("inner_lr=0.3:0.001", "The range of inner_lr goes from 0.3 to 0.001: reverse it."),
        ("inner_lr=0:1:log:3", "must be above 0"),
        ("inner_lr=0.1:0.2:1", "allowed are 2 to 1000"),
        ("inner_lr=0.1:0.2:log:x", "A range is written LOW:HIGH"),
        ("inner_lr=0.1,0.1", "has the value 0.1 twice"),
        ("inner_lr=0,001;0,01", "write decimals with a point: inner_lr=0.001,0.01"),
        ("inner_lr=0,001:0,1:5", "write a point, 0.001"),
        ("inner_lr=-1", "allowed is from 0 to 100"),
        ("activation=relu:tanh", "activation has no range"),
        ("algorithm=maml:anil", "algorithm has no range"),
        ("algorithm=mamel", "algorithms are"),
        ("seed=1,2", "--seeds gives the seeds"),
        ("outer_steps=10,20", "--outer-steps sets it for all runs"),
        ("width=0", "from 1 to 1024"),
    ],
)
def test_what_is_no_axis_is_refused_in_one_sentence(text: str, said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        parse_axis(text)
    assert said in str(refused.value) and "\n" not in str(refused.value)


def test_several_axes_stand_in_one_line() -> None:
    axes = parse_axes(" inner_lr=0.001, 0.01  outer-lr = 0.1 0.2 algorithm=maml,anil ")
    assert [axis.key for axis in axes] == ["inner_lr", "outer_lr", "algorithm"]
    assert [axis.values for axis in axes] == [(0.001, 0.01), (0.1, 0.2), ("maml", "anil")]
    with pytest.raises(SettingsError, match="KEY=VALUES"):
        parse_axes("  ")


def test_two_axes_of_one_setting_are_refused() -> None:
    with pytest.raises(SettingsError, match="The axes width and hidden set the same"):
        refuse_clashes([parse_axis("width=4,5"), parse_axis("hidden=4;5")])


def test_a_point_changes_its_settings_alone() -> None:
    base = Settings()
    at = with_point(base, (("inner_lr", 0.5), ("width", 7), ("algorithm", "anil")))
    assert at["inner_lr"] == 0.5 and at["hidden"] == (7, 7)
    assert [arm.algorithm for arm in at.arms] == ["anil"]
    assert (
        at.with_values({"inner_lr": base["inner_lr"], "hidden": base["hidden"]}).with_arms(
            base.arms
        )
        == base
    )


def test_a_grid_has_every_combination_once() -> None:
    points = list(grid([parse_axis("inner_lr=0.1,0.2"), parse_axis("inner_steps=1,2,3")]))
    assert points == [
        (("inner_lr", a), ("inner_steps", k)) for a, k in itertools.product((0.1, 0.2), (1, 2, 3))
    ]
    with pytest.raises(SettingsError, match="allowed are at most 100000"):
        list(grid([parse_axis("inner_lr=0:1:1000"), parse_axis("outer_lr=0:1:1000")]))


def test_random_points_are_the_same_for_a_seed_and_continue() -> None:
    axes = [parse_axis("inner_lr=0.001:0.3:log"), parse_axis("inner_steps=1,2")]
    short, long = list(random_points(axes, 5, 3)), list(random_points(axes, 9, 3))
    assert long[:5] == short and len(set(long)) == 9
    assert list(random_points(axes, 5, 4)) != short
    # an axis more does not change what the others drew
    more = list(random_points([*axes, parse_axis("meta_batch=1:9")], 5, 3))
    assert [point[:2] for point in more] == short


def test_a_trial_is_named_by_what_it_learns() -> None:
    base = Settings()
    assert trial_name(base) == trial_name(base.with_values({"evaluate_every": 7}))
    assert trial_name(base) != trial_name(base.with_values({"seed": 1}))
    assert trial_name(base) != trial_name(base.with_arms(base.arms[:1]))
    assert len({trial_name(base.with_values({"inner_lr": v / 1000})) for v in range(100)}) == 100
    points = [(("inner_lr", 0.1),), (("inner_lr", 0.2),), (("inner_lr", 0.1),)]
    trials = trials_of(base, iter(points), (0, 1))
    assert all(one.name == trial_name(one.settings) for one in trials)
    assert [one.settings.run.seed for one in trials] == [0, 1, 0, 1]
    assert [(t.point[0][1], t.seed) for t in trials] == [(0.1, 0), (0.1, 1), (0.2, 0), (0.2, 1)]
