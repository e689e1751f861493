"""Row 5: a run that goes on in a new process is the run without a break, bit for bit."""

from __future__ import annotations

from pathlib import Path

import pytest

from maml_explorer.settings.settings import Settings
from tests.resuming import both_ways, go_on_elsewhere, unlike
from tests.worker.driving import small_settings

CONFIGURATIONS: dict[str, Settings] = {
    "all algorithms": small_settings(noise=0.2, inner_steps=2, outer_steps=90),
    "double precision, SGD": small_settings(
        "maml", "reptile", precision="float64", optimizer="sgd", momentum=0.9, outer_steps=150,
        activation="tanh",
    ),
    "chunks and blocks": small_settings(
        "maml", "anil", meta_batch=200, shots=20, query_points=60, hidden=(30, 30), inner_steps=4,
        outer_steps=4,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_a_run_goes_on_in_a_new_process_bit_for_bit(tmp_path: Path, name: str) -> None:
    settings = CONFIGURATIONS[name]
    last = settings.outer.outer_steps
    # once where a block of task batches ends, once within one, there with clicks
    whole, broken = both_ways(settings, tmp_path, (min(64, last // 2), last // 3 + 1))
    assert unlike(whole, broken[0]) and unlike(whole, broken[1])
    go_on_elsewhere(broken)
    for folder in broken:
        assert unlike(whole, folder) == [], folder.name
