"""Meta-tests both ways: batch norm sees all query images together, or each alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from maml_explorer.cli import main
from maml_explorer.core import tested_steps
from maml_explorer.core.adaptation import adapt
from maml_explorer.core.meta_test import meta_test, run_to_end
from maml_explorer.core.plan import prepare
from maml_explorer.core.training import start_run
from maml_explorer.experiments.api import train
from maml_explorer.settings.presets import load_preset
from maml_explorer.settings.settings import default_arm
from maml_explorer.storage.initialization.folder import save_initialization
from maml_explorer.storage.run.records import checked_records, evaluation_record

SMALL = load_preset("glyphs-2-way-4-shot").settings.with_values(
    {"side": 8, "hidden": (7, 5), "ways": 3, "shots": 2, "precision": "float64"}
)
TASKS = 6


@pytest.mark.parametrize("norm", ["batch", "layer"])
@pytest.mark.parametrize("algorithm", ["maml", "anil"])
def test_each_query_image_alone_with_the_support_set(algorithm: str, norm: str) -> None:
    arm = default_arm(algorithm)
    plan = prepare(SMALL.with_values({"norm": norm}).with_arms((arm,)))
    theta = start_run(plan).arms[arm.name].initialization
    ways = [
        run_to_end(meta_test(plan, arm.name, theta, steps=2, task_count=TASKS, alone=alone))[1]
        for alone in (False, True)
    ]
    if norm == "layer":  # a norm over units sees one image anyway
        assert torch.equal(*ways)
        return
    assert not torch.equal(*ways)
    # by hand: the network at φ_2 on the support set and one query image
    held = plan.family.held_out(plan.settings, TASKS, 2, "meta-test", theta.dtype).part(0, TASKS)
    model, (start, sizes) = plan.model, tested_steps.test_step_sizes(plan, arm.name, theta)
    layers = model.layers(theta)
    x = held.support_x
    if start:
        x = model.forward(layers[:start], x, activate_last=True).output
    phi = adapt(model, layers[start:], x, held.support_y, sizes, 2, keep_traces=False)
    for task in range(TASKS):
        mine = [*layers[:start], *(layer[task : task + 1] for layer in phi.parameters[2])]
        right = []
        for query, label in zip(held.query_x[task], held.query_y[task], strict=True):
            both = torch.cat([held.support_x[task], query[None]])[None]
            output = model.forward(mine, both, step=2).output[0, -1]
            right.append(float(output.argmax() == label.argmax()))
        assert float(ways[1][2, task]) == pytest.approx(sum(right) / len(right))


def test_records_and_tables_name_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = SMALL.with_arms((default_arm("maml"),)).with_values({"outer_steps": 1})
    plan = prepare(settings)
    theta = start_run(plan).arms["MAML"].initialization
    together, alone = (
        evaluation_record(
            plan, "MAML", theta, shots=2, inner_steps=(1,), task_count=TASKS, alone=one
        )
        for one in (False, True)
    )
    assert "transduction" not in together and alone["transduction"] == "alone"
    assert checked_records([together, alone], "here") == (together, alone)

    save_initialization(tmp_path / "init", train(settings)["MAML"])
    for way, words in (("together", "(transductive)."), ("alone", "one query image at a time")):
        command = ["evaluate", str(tmp_path / "init"), "--tasks", "4"]
        assert main([*command, "--inner-steps", "1", "--transduction", way]) == 0
        said = capsys.readouterr().out
        assert words in said
        assert ("each query point alone with the support set" in said) == (way == "alone")
