"""Every setting that training reads is in the generated script."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.codegen.script import standalone_script
from maml_explorer.settings.declaration import Hyperparameter, SettingsError, Value
from maml_explorer.settings.families import FAMILIES
from maml_explorer.settings.groups import DECLARATIONS
from maml_explorer.settings.models import MODEL_KINDS
from maml_explorer.settings.settings import Settings, default_arm

OF_THE_META_TEST = {"test_steps", "test_tasks", "evaluate_every", "fine_tune"}
"""Settings a script may leave out: it trains, and does not test."""
OF_EVERY_INNER_LOOP = {"inner_lr", "inner_clip", "head_layers"}
"""Settings that an algorithm without an inner loop reads at its meta-test alone."""
SCENES: tuple[dict[str, Value], ...] = (
    {},
    {
        "inner_steps": 3, "multi_step_loss": True, "optimizer": "sgd", "momentum": 0.9,
        "schedule": "cosine", "frequency_max": 2.0, "hidden": (40, 40, 40),
    },
    {"schedule": "warm-up"},
)  # fmt: skip
"""Settings under which each of the others matters at least once."""


def others(declared: Hyperparameter, now: Value) -> Iterator[Value]:
    """Allowed values beside the one in force."""
    if declared.choices:
        yield from (choice for choice in declared.choices if choice != now)
    elif isinstance(now, bool):
        yield not now
    elif isinstance(now, tuple):
        yield (*now, 7)
    elif declared.minimum is not None and declared.maximum is not None:
        step = 1 if isinstance(now, int) else 0.125
        yield from (
            v for v in (now + step, now - step) if declared.minimum <= v <= declared.maximum
        )


def scripts(key: str, algorithm: str) -> Iterator[tuple[Value, str, str]]:
    """(value, the script before, the script with it) in every scene that allows it."""
    for scene in SCENES:
        before = Settings().with_values(scene).with_arms((default_arm(algorithm),))
        for value in others(DECLARATIONS[key], before[key]):
            try:
                after = before.with_values({key: value})
                texts = [standalone_script(one, one.arms[0]) for one in (before, after)]
            except SettingsError:  # such as a minimum above its maximum
                continue
            yield value, texts[0], texts[1]


OF_OWN_NETWORKS = {"own_network"}
"""Code refuses a network of the user's own: tests/experiments/test_own_network.py."""
WRITTEN = [
    key
    for key, declared in DECLARATIONS.items()
    if declared.families(FAMILIES["sine"]) and key not in OF_OWN_NETWORKS
]


IMAGES = [
    key
    for key, declared in DECLARATIONS.items()
    if declared.families(FAMILIES["glyphs"]) and not declared.families(FAMILIES["sine"])
]
OWN = {"family": "folder", "data": "letters:9:9:20:0123456789abcdef"}
OTHER_DATA = "digits:9:9:20:fedcba9876543210"


@pytest.mark.parametrize(
    "key",
    [
        key
        for key, declared in DECLARATIONS.items()
        if declared.families(FAMILIES["folder"]) and not declared.families(FAMILIES["sine"])
    ],
)
def test_every_setting_of_own_images_changes_their_script(key: str) -> None:
    kind = next(kind for kind in MODEL_KINDS.values() if DECLARATIONS[key].models(kind))
    before = Settings().with_values({**OWN, "shots": 1, "query_points": 3, "model": kind.key})
    arm = default_arm("maml")
    now = standalone_script(before, arm)
    values = [OTHER_DATA] if key == "data" else others(DECLARATIONS[key], before[key])
    for value in values:
        assert standalone_script(before.with_values({key: value}), arm) != now


@pytest.mark.parametrize("key", IMAGES)
def test_every_setting_of_images_changes_their_script(key: str) -> None:
    kind = next(kind for kind in MODEL_KINDS.values() if DECLARATIONS[key].models(kind))
    before = Settings().with_values(
        {"family": "glyphs", "shots": 1, "query_points": 3, "model": kind.key}
    )
    for algorithm in ("maml", "mtl", "reptile"):
        arm = default_arm(algorithm)
        now = standalone_script(before, arm)
        for value in others(DECLARATIONS[key], before[key]):
            assert standalone_script(before.with_values({key: value}), arm) != now


@pytest.mark.parametrize("key", WRITTEN)
def test_every_setting_changes_the_script(key: str) -> None:
    changed = {
        algorithm
        for algorithm in ALGORITHMS
        if any(before != after for _, before, after in scripts(key, algorithm))
    }
    readers = set()
    if key not in OF_THE_META_TEST:
        readers = {one.key for one in DECLARATIONS[key].readers(ALGORITHMS.values())}
    if key in OF_EVERY_INNER_LOOP:
        readers = {one for one in readers if ALGORITHMS[one].has_inner_loop}
    assert changed == readers
