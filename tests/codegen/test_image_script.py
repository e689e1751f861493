"""Generated code for images: it draws the program's images and takes the program's steps."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.codegen import implicit
from maml_explorer.codegen.images import FILE
from maml_explorer.codegen.script import LINES_OF_IMAGES, LINES_WITH_TRICKS, standalone_script
from maml_explorer.codegen.two_forms import WIDTH, stateful_and_functional
from maml_explorer.core import training
from maml_explorer.core.families.glyphs.letters import letters
from maml_explorer.core.families.glyphs.pool import pool
from maml_explorer.core.plan import prepare
from maml_explorer.files.resources import resources
from maml_explorer.settings.images import HANDS
from maml_explorer.settings.presets import load_preset
from maml_explorer.settings.settings import Settings, default_arm
from tests.codegen.test_generated_code import begun, executed, flat, learned, parameters, parts

LETTERS = resources().joinpath("glyphs", FILE)
SMALL = load_preset("glyphs-2-way-4-shot").settings.with_values(
    {
        "precision": "float64", "side": 8, "model": "mlp", "hidden": (7, 5), "ways": 3, "shots": 2,
        "seed": 4, "filters": 3, "blocks": 2, "query_points": 2, "meta_batch": 3,
        "outer_steps": 100, "inner_steps": 2,
        "reptile_batch": 4, "reptile_inner_steps": 2,
    }
)  # fmt: skip
ALONE = """\
import runpy, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "maml_explorer":
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Absent())
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def script(values: dict[str, Any], algorithm: str = "maml") -> str:
    return standalone_script(SMALL.with_values(values), default_arm(algorithm))


def names(settings: Settings, algorithm: str = "maml") -> dict[str, Any]:
    """What the script defines, its file of letters in place."""
    found = executed(standalone_script(settings, default_arm(algorithm)))
    found["LETTERS"] = LETTERS
    return found


@pytest.mark.parametrize(
    ("kind", "norm"), [("mlp", "batch"), ("mlp", "none"), ("conv", "batch"), ("conv", "layer")]
)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_script_takes_the_outer_steps_of_the_program(
    algorithm: str, kind: str, norm: str
) -> None:
    takes_the_outer_steps(algorithm, {"norm": norm, "model": kind})


@pytest.mark.parametrize("enters", ["input", "features"])
@pytest.mark.parametrize(
    ("kind", "norm", "multi_step"),
    [("mlp", "none", False), ("mlp", "batch", False), ("conv", "none", False),
     ("conv", "batch", False), ("conv", "batch", True)],
)  # fmt: skip
def test_the_script_of_a_context_does(kind: str, norm: str, multi_step: bool, enters: str) -> None:
    takes_the_outer_steps(
        "cavia",
        {"norm": norm, "model": kind, "context_enters": enters, "multi_step_loss": multi_step},
    )


def takes_the_outer_steps(algorithm: str, values: dict[str, Any]) -> None:
    """Three outer steps of the script are the program's."""
    arm = default_arm(algorithm)
    settings = SMALL.with_values(values).with_arms((arm,))
    plan = prepare(settings)
    state = training.start_run(plan)
    found = names(settings, algorithm)
    begin = state.arms[arm.name].initialization[: plan.model.parameter_count]
    theta = begun(found, parameters(begin, settings))
    drawn = learned(state.arms[arm.name].initialization, settings, arm)
    theta |= {name: drawn[name].clone() for name in theta if name.startswith("context")}
    batches, expected = [], []
    for _ in range(3):
        batches.append(parts(training.draw_batch(plan, state)[0]))
        state, losses = training.outer_step(plan, state)
        expected.append(float(losses[arm.name][1]))
    assert [float(loss) for loss in found["train"](theta, batches)] == pytest.approx(
        expected, rel=1e-9
    )
    end = learned(state.arms[arm.name].initialization, settings, arm)
    assert end.keys() == theta.keys()
    for name, value in end.items():
        torch.testing.assert_close(theta[name], value, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize(("side", "jitter"), [(20, 1.4), (9, 0.0)])
def test_its_images_are_those_of_the_program(side: int, jitter: float) -> None:
    found = names(SMALL.with_values({"side": side, "jitter": jitter}))
    training_letters = letters("training")
    assert [code for code, _ in found["letters"]()[1]] == training_letters.codes.tolist()
    for letter in (0, 517, len(training_letters.codes) - 1):
        drawn = pool("training", side, jitter).images(
            torch.full((HANDS,), letter), torch.arange(HANDS)
        )
        ours = found["drawings"](letter) * 255
        assert ours.shape == (HANDS, side, side)
        # a pixel between two grey values may round otherwise
        assert float((ours.flatten(1) - drawn).abs().max()) <= 1 + 1e-9
        assert float((ours.flatten(1) - drawn).abs().mean()) < 0.01
        assert float(ours.max()) > 100


def test_its_tasks_are_those_of_the_settings() -> None:
    found = names(SMALL)
    torch.manual_seed(0)
    support_x, support_y, query_x, query_y = found["sample_batch"]()
    assert support_x.shape == query_x.shape == (3, 6, 64)
    assert support_y.argmax(-1).tolist() == query_y.argmax(-1).tolist() == [[0, 1, 2, 0, 1, 2]] * 3
    # images of one class are drawings of one letter, and none is there twice
    together = torch.cat([support_x, query_x], 1)
    assert len(together.flatten(0, 1).unique(dim=0)) == 36
    classes = [found["sample_classes"]() for _ in range(300)]
    assert all(len(set(one.tolist())) == 3 for one in classes)
    assert max(int(one.max()) for one in classes) < len(letters("training").codes)


def test_classes_of_one_script_rotations_and_fixed_labels() -> None:
    found = names(
        SMALL.with_values({"classes_from": "one-script", "rotations": True, "labels": "fixed"})
    )
    torch.manual_seed(0)
    script_of = letters("training").script
    seen: dict[int, set[int]] = {}
    for _ in range(400):
        classes = found["sample_classes"]().tolist()
        assert len({int(script_of[one // 4]) for one in classes}) == 1
        for label, one in enumerate(classes):
            seen.setdefault(one, set()).add(label)
    assert len(seen) > 400 and all(len(labels) == 1 for labels in seen.values())
    assert {one % 4 for one in seen} == {0, 1, 2, 3}
    assert found["sample_batch"]()[0].shape == (3, 6, 64)


def test_the_script_runs_where_the_program_is_not(tmp_path: Path) -> None:
    code = script({"outer_steps": 3, "precision": "float32"}, "anil")
    (tmp_path / "script.py").write_text(code)
    command = [sys.executable, "-c", ALONE, "script.py", str(LETTERS)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    losses = re.findall(r"^outer step \d: query loss ([\d.]+)$", done.stdout, re.MULTILINE)
    assert len(losses) == 3 and all(0.5 < float(loss) < 3 for loss in losses)
    theta = torch.load(tmp_path / "anil.pt", weights_only=True)
    shapes = {name: tuple(value.shape) for name, value in theta.items() if "linears" in name}
    assert shapes["linears.0.weight"] == (7, 64) and shapes["linears.2.bias"] == (3,)


def test_the_script_is_short_formatted_and_lints(tmp_path: Path) -> None:
    others = {"rotations": True, "labels": "fixed", "classes_from": "one-script", "lslr": True}
    for nth, (algorithm, values) in enumerate(
        (key, values) for key in ALGORITHMS for values in ({}, {"norm": "none"}, others)
    ):
        code = script(values, algorithm)
        assert "maml_explorer" not in code
        more = implicit.LINES if ALGORITHMS[algorithm].implicit else 0
        assert len(code.splitlines()) < LINES_WITH_TRICKS + LINES_OF_IMAGES + more
        assert max(map(len, code.splitlines())) <= 88
        (tmp_path / f"script_{nth}.py").write_text(code)
        forms = stateful_and_functional(SMALL.with_values(values), default_arm(algorithm))
        for name, form in zip("sf", forms, strict=True):
            assert max(map(len, form.splitlines())) <= WIDTH
            (tmp_path / f"form_{name}_{nth}.py").write_text(form)
    rules = ["--select", "E,W,F,I,N,UP,B,C4,SIM,PIE,RET,D,RUF"]
    ignored = ["--ignore", "RUF001,RUF002,RUF003,D105,D107,D102,N812"]
    style = ["--config", "lint.pydocstyle.convention = 'google'"]
    alone = ["--isolated", "--target-version", "py311"]
    scripts, forms = (sorted(map(str, tmp_path.glob(f"{one}_*"))) for one in ("script", "form"))
    for arguments in (
        ["check", *alone, *rules, *ignored, *style, *scripts],
        ["check", *alone, *forms],
        ["format", "--check", *alone, *scripts],
        ["format", "--check", *alone, "--line-length", "100", *scripts],
        ["format", "--check", *alone, "--line-length", str(WIDTH), *forms],
    ):
        ruff = [sys.executable, "-m", "ruff", *arguments]
        done = subprocess.run(ruff, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("algorithm", ["maml", "fomaml", "anil", "reptile", "mtl"])
def test_both_forms_of_the_gradient_agree(algorithm: str) -> None:
    arm = default_arm(algorithm)
    settings = SMALL.with_values({"norm": "none"}).with_arms((arm,))
    plan = prepare(settings)
    state = training.start_run(plan)
    batch = parts(training.draw_batch(plan, state)[0])
    theta = parameters(state.arms[arm.name].initialization, settings)
    stateful, functional = map(executed, stateful_and_functional(settings, arm))
    stateful["model"].load_state_dict(theta)
    stateful["outer_gradient"](batch)
    left = {name: value.grad for name, value in stateful["model"].named_parameters()}
    returned = functional["outer_gradient"](theta, batch)
    assert float(flat(left).abs().max()) > 1e-4
    torch.testing.assert_close(flat(left), flat(returned), rtol=1e-9, atol=1e-13)
