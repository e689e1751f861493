"""The script of a stream: its outer steps are those of the core."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.codegen.beside_theta import BESIDE
from maml_explorer.codegen.script import standalone_script
from maml_explorer.codegen.two_forms import stateful_and_functional
from maml_explorer.core.plan import prepare
from maml_explorer.core.training import draw_batch, outer_step, start_run
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.settings import Arm, Settings
from maml_explorer.storage.initialization.network_tensors import named_tensors

STREAM: dict[str, Any] = {
    "family": "incremental", "functions": 3, "batches": 2, "shots": 4, "query_points": 3,
    "hidden": (6, 5), "activation": "tanh", "meta_batch": 3, "inner_lr": 0.1,
    "precision": "float64",
}  # fmt: skip


def namespace(settings: Settings, arm: Arm) -> dict[str, Any]:
    """The script's names, without its main part."""
    names: dict[str, Any] = {"__name__": "generated"}
    exec(compile(standalone_script(settings, arm), "generated.py", "exec"), names)
    return names


@pytest.mark.parametrize(
    "algorithm", [k for k, a in ALGORITHMS.items() if not a.implicit and a.adapts != "context"]
)
def test_outer_steps_of_the_script_are_those_of_the_core(algorithm: str) -> None:
    overrides = (("head_layers", 2),) if algorithm in ("anil", "mtl") else ()
    arm = Arm("one", algorithm, overrides)
    settings = Settings().with_values(STREAM).with_arms((arm,))
    plan, names = prepare(settings), namespace(settings, arm)
    state = start_run(plan)
    count = plan.model.parameter_count
    model = names["model"]
    start = state.arms["one"].initialization[:count]
    model.load_state_dict(
        {n: torch.from_numpy(t) for n, t in named_tensors(start.numpy(), settings).items()}
    )
    theta, batches = dict(model.named_parameters()), []
    record = ALGORITHMS[algorithm]
    if record.step_sizes:
        theta = names[BESIDE[record.step_sizes].function](theta)
    if record.interpolates:  # θ moves without a gradient
        theta = {name: value.detach() for name, value in theta.items()}
    for _ in range(3):
        batch, _ = draw_batch(plan, state)
        batches.append((batch.support.x, batch.support.y, batch.query.x, batch.query.y))
        state, _ = outer_step(plan, state)
    list(names["train"](theta, batches))
    ours = named_tensors(state.arms["one"].initialization[:count].numpy(), settings)
    for name, tensor in ours.items():
        torch.testing.assert_close(theta[name].detach(), torch.from_numpy(tensor))


def test_the_script_draws_streams() -> None:
    settings = Settings().with_values(STREAM | {"noise": 0.0})
    arm = settings.arms[0]
    torch.manual_seed(0)
    support_x, support_y, query_x, query_y = namespace(settings, arm)["sample_batch"]()
    assert support_x.shape == (3, 12, 4) and support_y.shape == (3, 12, 1)
    assert query_x.shape == (3, 9, 4) and query_y.shape == (3, 9, 1)
    assert support_x[..., 1:].argmax(-1).tolist() == [[0] * 4 + [1] * 4 + [2] * 4] * 3
    assert query_x[..., 1:].argmax(-1).tolist() == [[0] * 3 + [1] * 3 + [2] * 3] * 3
    # the points of a function lie on one sine: three amplitudes of sin x and cos x fit them
    for number in range(3):
        x, y = support_x[0, 4 * number :][:4, :1], support_y[0, 4 * number :][:4]
        waves = torch.cat([torch.sin(x), torch.cos(x)], 1)
        fitted = waves @ torch.linalg.lstsq(waves, y).solution
        torch.testing.assert_close(fitted, y)


def test_what_has_no_code_is_refused() -> None:
    settings = Settings().with_values(STREAM)
    with pytest.raises(SettingsError, match="The two forms are not written for streams"):
        stateful_and_functional(settings, settings.arms[0])
    with pytest.raises(SettingsError, match="A script of CAVIA is not written for streams"):
        standalone_script(settings, Arm("CAVIA", "cavia"))
    with pytest.raises(SettingsError, match="4 shots cannot be cut into 3 batches"):
        standalone_script(settings.with_values({"batches": 3}), settings.arms[0])
