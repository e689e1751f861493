"""One more algorithm: a record in the table trains, is shown, described and written as code."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from maml_explorer.algorithms import ALGORITHMS, Algorithm
from maml_explorer.codegen.script import standalone_script
from maml_explorer.codegen.two_forms import stateful_and_functional
from maml_explorer.core.plan import prepare
from maml_explorer.core.training import RunState, outer_step, start_run
from maml_explorer.settings.groups import DECLARATIONS
from maml_explorer.settings.settings import Arm, Settings, default_arm

STEPS = 3


@pytest.fixture
def fo_anil(monkeypatch: pytest.MonkeyPatch) -> Algorithm:
    """ANIL without Hessians, a record that the program has never seen."""
    record = dataclasses.replace(
        ALGORITHMS["anil"], key="fo_anil", label="FO-ANIL", second_order=False
    )
    monkeypatch.setitem(ALGORITHMS, record.key, record)
    return record


def trained(settings: Settings) -> RunState:
    plan = prepare(settings)
    state = start_run(plan)
    for _ in range(STEPS):
        state, _ = outer_step(plan, state)
    return state


def test_a_new_record_trains_as_its_fields_say(fo_anil: Algorithm) -> None:
    late = Arm("late", "anil", (("second_order_from", 10_000_000),))
    settings = Settings().with_values({"inner_steps": 2, "hidden": (8, 8)})
    settings = settings.with_arms((default_arm(fo_anil.key), late, default_arm("anil")))
    state = trained(settings)
    mine = state.arms["FO-ANIL"].initialization
    assert torch.equal(mine, state.arms["late"].initialization)
    assert not torch.equal(mine, state.arms["ANIL"].initialization)


def test_a_new_record_reads_its_settings_and_is_written_as_code(fo_anil: Algorithm) -> None:
    assert DECLARATIONS["inner_steps"].reads(fo_anil)
    assert not DECLARATIONS["second_order_from"].reads(fo_anil)
    arm = default_arm(fo_anil.key)
    code = standalone_script(Settings(), arm)
    compile(code, "script.py", "exec")
    assert "HEAD = " in code and "# first order" in code and "fo_anil.pt" in code
    for form in stateful_and_functional(Settings(), arm):
        compile(form, "form.py", "exec")
    assert "phi[-1].parameters()" in stateful_and_functional(Settings(), arm)[0]
