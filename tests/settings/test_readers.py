"""Predicates that say which algorithms read a setting."""

from __future__ import annotations

import dataclasses

import pytest

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.settings.groups import DECLARATIONS

TRAINED = {"maml", "fomaml", "anil", "meta_sgd"}
"""Keys of the algorithms with a meta-gradient."""
OF_OPTIMIZERS = "outer_lr optimizer momentum outer_clip schedule schedule_end warmup_steps"
OF_REPTILE = "reptile_inner_steps reptile_batch reptile_step reptile_anneal"
READERS = {
    "proximal": set[str](),
    "cg_steps": set[str](),
    "inner_steps": TRAINED,
    "multi_step_loss": TRAINED,
    "multi_step_until": TRAINED,
    "lslr": {"maml", "fomaml", "anil"},
    "context": set(),
    "context_enters": set(),
    "head_layers": {"anil", "mtl"},
    "fine_tune": {"mtl"},
    "second_order_from": {"maml", "anil", "meta_sgd"},
    **{key: {*TRAINED, "mtl"} for key in OF_OPTIMIZERS.split()},
    **{key: {"reptile"} for key in OF_REPTILE.split()},
}
KNOWN = {*TRAINED, "reptile", "mtl"}
"""The algorithms that the table is about; a new one needs no line here."""
FO_ANIL = dataclasses.replace(ALGORITHMS["anil"], key="fo_anil", second_order=False)


@pytest.mark.parametrize("key", DECLARATIONS)
def test_readers_of_the_algorithms_there_are(key: str) -> None:
    readers = {one.key for one in DECLARATIONS[key].readers(ALGORITHMS.values())}
    assert set(ALGORITHMS) >= KNOWN
    assert readers & KNOWN == READERS.get(key, KNOWN)


def test_a_new_record_reads_what_its_kind_reads() -> None:
    read = {key for key, declared in DECLARATIONS.items() if declared.reads(FO_ANIL)}
    of_fomaml = {key for key, d in DECLARATIONS.items() if d.reads(ALGORITHMS["fomaml"])}
    assert read == of_fomaml | {"head_layers"}
    assert {"inner_lr", "inner_steps", "inner_clip", "lslr", "multi_step_loss"} <= read
    assert "second_order_from" not in read and "reptile_step" not in read


def test_an_implicit_gradient_reads_its_own_and_nothing_of_the_path() -> None:
    read = {key for key, declared in DECLARATIONS.items() if declared.reads(ALGORITHMS["imaml"])}
    assert {"proximal", "cg_steps", "inner_steps", "inner_lr", "inner_clip", "outer_clip"} <= read
    assert not read & {"lslr", "multi_step_loss", "multi_step_until", "second_order_from"}


@pytest.mark.parametrize("key", ALGORITHMS)
def test_an_inner_loop_reads_the_settings_of_inner_loops(key: str) -> None:
    algorithm = ALGORITHMS[key]
    read = {name for name, declared in DECLARATIONS.items() if declared.reads(algorithm)}
    assert {"inner_lr", "inner_clip", "shots"} <= read  # at meta-test at least
    steps = read & {"inner_steps", "reptile_inner_steps"}
    assert len(steps) == algorithm.has_inner_loop
    assert ("optimizer" in read) == algorithm.has_outer_optimizer
