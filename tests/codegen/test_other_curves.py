"""Generated code of curves by a formula: its batches are tasks of the family."""

from __future__ import annotations

import pytest
import torch

from maml_explorer.codegen.script import standalone_script
from maml_explorer.core.families.curves import curve_mses, curve_targets
from maml_explorer.settings.curves.drawing import parameters_of
from maml_explorer.settings.families import FAMILIES
from maml_explorer.settings.settings import Settings, default_arm

CURVES = [key for key, family in FAMILIES.items() if family.curve and key != "sine"]


@pytest.mark.parametrize("family", CURVES)
def test_batches_of_the_script_are_tasks_of_the_family(family, monkeypatch):
    settings = Settings().with_values(
        {
            "family": family, "device": "cpu", "meta_batch": 2000, "shots": 2, "query_points": 3,
            "formula": "lambda*tanh(x - model) + 2", "formula_ranges": "lambda=-1..1, model=0..1",
        }
    ).with_arms((default_arm("maml"),))  # fmt: skip
    text = standalone_script(settings, settings.arms[0])
    assert max(map(len, text.splitlines())) <= 100
    names = {"__name__": "script"}
    exec(compile(text, "script.py", "exec"), names)
    drawn = []
    normal, uniform = torch.Tensor.normal_, torch.Tensor.uniform_

    def kept(fill):
        def filled(self, *ends):
            drawn.append(fill(self, *ends))
            return drawn[-1]

        return filled

    torch.manual_seed(0)
    monkeypatch.setattr(torch.Tensor, "uniform_", kept(uniform))
    monkeypatch.setattr(torch.Tensor, "normal_", kept(normal))
    support_x, support_y, query_x, query_y = names["sample_batch"]()
    x, y = torch.cat([support_x, query_x], 1), torch.cat([support_y, query_y], 1)
    assert x.shape == y.shape == (2000, 5, 1)
    count = len(parameters_of(settings.tasks))
    # x is drawn first; normal weights are filled once more, in place
    tasks = torch.cat([one.reshape(-1, 1) for one in drawn[1 : count + 1]], 1)
    torch.testing.assert_close(y, curve_targets(settings.tasks, tasks, x), atol=2e-5, rtol=1e-4)
    zero, _ = curve_mses(settings.tasks)
    assert float(y.square().mean()) == pytest.approx(zero, rel=0.1)
