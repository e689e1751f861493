"""Generated code against the program: the same batches give the same losses and gradients."""

from __future__ import annotations

import ast
import dataclasses
import random
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.codegen import implicit
from maml_explorer.codegen.beside_theta import BESIDE
from maml_explorer.codegen.script import LINES, LINES_WITH_TRICKS, standalone_script
from maml_explorer.codegen.two_forms import WIDTH, stateful_and_functional
from maml_explorer.core import training
from maml_explorer.core.families.batch import TaskBatch
from maml_explorer.core.outer_gradient import outer_gradient
from maml_explorer.core.plan import prepare
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.groups import DECLARATIONS
from maml_explorer.settings.settings import Arm, Settings, default_arm
from maml_explorer.storage.initialization.network_tensors import named_tensors
from maml_explorer.storage.initialization.sequential import flat_vector
from maml_explorer.storage.initialization.step_size_tensors import named_rates
from tests import reference

SAMPLE = 30
TRICKS = 36
"""Settings in which tricks of training, norms and skip connections are in use as well."""
OUTER_STEPS = 4
every_algorithm = pytest.mark.parametrize("algorithm", ALGORITHMS)


def sampled(nth: int) -> tuple[Settings, Arm]:
    """The nth of some settings in float64 that leave nothing out, and an arm."""
    pick = random.Random(nth)
    known = [key for key, record in ALGORITHMS.items() if not record.step_sizes]
    algorithm = known[nth % len(known)]
    steps = pick.choice([0, 1, 2, 3, 5, 50])
    values: dict[str, Any] = {
        "precision": "float64",
        "hidden": tuple(pick.randint(1, 9) for _ in range(pick.choice([1, 2, 3, 5]))),
        "activation": pick.choice(DECLARATIONS["activation"].choices),
        "initialization": pick.choice(DECLARATIONS["initialization"].choices),
        "inner_lr": pick.choice([0.0, 0.003, 0.02]),
        "inner_steps": steps,
        "cg_steps": 60,
        "proximal": 1000.0,
        "reptile_inner_steps": max(1, steps),
        "reptile_batch": pick.randint(1, 12),
        "reptile_step": pick.choice([0.1, 0.7, 1.0]),
        "reptile_anneal": pick.random() < 0.6,
        "shots": pick.randint(1, 10),
        "query_points": pick.randint(1, 10),
        "meta_batch": pick.randint(1, 5),
        "outer_lr": pick.choice([0.001, 0.01]),
        "optimizer": pick.choice(["adam", "sgd"]),
        "momentum": pick.choice([0.0, 0.9]),
        "outer_steps": pick.choice([3, 100]),
        "noise": pick.choice([0.0, 0.3]),
        "frequency_min": 0.8 if nth % 3 == 0 else 1.0,
        "phase_min": pick.choice([0.0, -torch.pi / 2]),
        "amplitude_max": pick.uniform(0.2, 5),
        "seed": nth,
    }
    arm = Arm("mine", algorithm, (("inner_lr", 0.01),)) if nth % 2 else default_arm(algorithm)
    return Settings().with_values(values).with_arms((arm,)), arm


def with_tricks(nth: int) -> tuple[Settings, Arm]:
    """The nth of some settings with tricks of training in use, one alone at first, then several."""
    settings, arm = sampled(nth)
    pick = random.Random(1000 + nth)
    steps = pick.choice([1, 2, 3])
    tricks: dict[str, dict[str, Any]] = {
        "skip": {"skip": True},
        "norm": {"norm": pick.choice(["batch", "batch-running", "layer"])},
        "lslr": {"lslr": arm.algorithm != "meta_sgd"},
        "inner clip": {"inner_clip": pick.choice([0.05, 1.0])},
        "outer clip": {"outer_clip": pick.choice([0.01, 0.5])},
        "cosine": {"schedule": "cosine", "schedule_end": 0.2},
        "step": {"schedule": "step", "schedule_end": 0.04},
        "warm-up": {"schedule": "warm-up", "warmup_steps": 3},
        "order": {"second_order_from": 2},
        "multi-step": {"multi_step_loss": True, "multi_step_until": 3},
    }
    chosen = [list(tricks)[nth % len(tricks)]] if nth < 12 else pick.sample(list(tricks), 5)
    values = {key: value for name in chosen for key, value in tricks[name].items()}
    values |= {"inner_steps": steps, "reptile_inner_steps": steps, "outer_steps": 3}
    if pick.random() < 0.5:
        values["hidden"] = (4, 4)  # where a skip connection has what it needs
    return settings.with_values(values), arm


def settings_of(nth: int) -> tuple[Settings, Arm]:
    return sampled(nth) if nth < SAMPLE else with_tricks(nth - SAMPLE)


def executed(code: str) -> dict[str, Any]:
    """The names that the code defines; what runs as a program only is left out."""
    names: dict[str, Any] = {"__name__": "generated"}
    exec(compile(code, "generated.py", "exec"), names)
    return names


def parameters(flat: Tensor, settings: Settings) -> dict[str, Tensor]:
    """θ by name; running averages, which training does not read, are left out."""
    tensors = named_tensors(flat.numpy(), settings)
    return {
        name: torch.from_numpy(value)
        for name, value in tensors.items()
        if not name.startswith("kept")
    }


def learned(vector: Tensor, settings: Settings, arm: Arm) -> dict[str, Tensor]:
    """What an arm has learned by name, step sizes included, laid out as in the code."""
    plan = prepare(settings)
    model, rates = plan.model, plan.arms[arm.name].learned
    found = parameters(vector[: model.parameter_count], settings)
    behind = vector[model.parameter_count :]
    if rates is None:
        assert not len(behind)
        return found
    if settings.model_kind.pictures or rates.kind not in ("layer", "parameter"):
        tensors = named_rates(vector.numpy(), settings).items()
        rate = {n.replace("inner_lr.", "alpha."): torch.from_numpy(a) for n, a in tensors}
        return found | rate
    prefix = "linears." if settings.model.special else ""
    stride = 1 if settings.model.special else 2
    layers = range(rates.start, rates.end(model))
    if rates.kind == "layer":
        columns = behind.view(rates.steps, -1).T
        names = [f"alpha.{prefix}{stride * layer}" for layer in layers]
        return found | dict(zip(names, columns, strict=True))
    for layer in layers:
        rows, columns_ = model.matrices[layer]
        block, behind = behind[: rows * columns_].view(rows, columns_), behind[rows * columns_ :]
        found[f"alpha.{prefix}{stride * layer}.weight"] = block[:-1].T
        found[f"alpha.{prefix}{stride * layer}.bias"] = block[-1]
    return found


def begun(names: dict[str, Any], theta: dict[str, Tensor]) -> dict[str, Tensor]:
    """θ, and beside it what else the script learns."""
    found = [names[one.function] for one in BESIDE.values() if one.function in names]
    return found[0](theta) if found else theta


def flat(theta: dict[str, Tensor]) -> Tensor:
    return torch.from_numpy(flat_vector({n: value.detach().numpy() for n, value in theta.items()}))


def sizes(settings: Settings) -> tuple[int, ...]:
    return (1, *settings.model.hidden, 1)


def parts(batch: TaskBatch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    return batch.support.x, batch.support.y, batch.query.x, batch.query.y


# ---------------------------------------------------------------- the script


@pytest.mark.parametrize("nth", range(SAMPLE + TRICKS))
def test_the_script_takes_the_outer_steps_of_the_program(nth: int) -> None:
    check_steps(*settings_of(nth))


def check_steps(settings: Settings, arm: Arm) -> None:
    """The script and the program end at the same parameters."""
    plan = prepare(settings)
    state = training.start_run(plan)
    names = executed(standalone_script(settings, arm))
    begin = state.arms[arm.name].initialization
    theta = parameters(begin[: plan.model.parameter_count], settings)
    theta = begun(names, theta)
    drawn = learned(begin, settings, arm)  # as the program has drawn it
    theta |= {name: drawn[name].clone() for name in theta if name.startswith("context")}
    batches, expected = [], []
    for _ in range(OUTER_STEPS):
        batches.append(parts(training.draw_batch(plan, state)[0]))
        state, losses = training.outer_step(plan, state)
        expected.append(float(losses[arm.name][1]))
    found = [float(loss) for loss in names["train"](theta, batches)]
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-13)
    assert expected[0] != expected[-1]
    end = learned(state.arms[arm.name].initialization, settings, arm)
    assert end.keys() == theta.keys()
    # a bias below a norm over points has no gradient, and Adam makes steps of its rounding
    rounding = 1e-8 if settings.model.norm.startswith("batch") else 1e-10
    for name, value in end.items():
        torch.testing.assert_close(theta[name], value, rtol=1e-8, atol=rounding)


MAPS = [key for key, record in ALGORITHMS.items() if record.step_sizes not in ("", "parameter")]


@pytest.mark.parametrize("nth", [1, 3, 30, 31, 32, 33, 34, 45, 52, 61])
@pytest.mark.parametrize("algorithm", MAPS)
def test_the_script_of_a_learned_map_takes_the_same_steps(algorithm: str, nth: int) -> None:
    settings, arm = settings_of(nth)
    if settings.inner.inner_steps > 3:
        settings = settings.with_values({"inner_steps": 2})
    own = dataclasses.replace(arm, algorithm=algorithm)
    check_steps(settings.with_values({"lslr": False}).with_arms((own,)), own)


def test_the_sample_covers_every_choice() -> None:
    drawn = [sampled(nth) for nth in range(SAMPLE)]
    for key in ("activation", "initialization", "optimizer", "inner_steps", "reptile_anneal"):
        seen = {settings[key] for settings, _ in drawn}
        assert seen >= set(DECLARATIONS[key].choices)
        assert len(seen) > 1
    assert {arm.algorithm for _, arm in drawn} == {
        key for key, record in ALGORITHMS.items() if not record.step_sizes
    }
    assert {bool(settings.tasks.noise) for settings, _ in drawn} == {True, False}


@pytest.mark.parametrize("nth", range(SAMPLE + TRICKS))
def test_the_script_stands_alone_and_is_short(nth: int) -> None:
    settings, arm = settings_of(nth)
    long = settings.with_values(
        {
            "hidden": (1024,) * 3,
            "activation": "sine",
            "noise": 0.1,
            "initialization": "he",
            "frequency_max": 2.0,
        }
    )
    deep = long.with_values({"hidden": (1024,) * 8})
    for code in (standalone_script(each, arm) for each in (settings, long, deep)):
        assert "maml_explorer" not in code
        plain = nth < SAMPLE and "with_rates" not in code
        more = implicit.LINES if ALGORITHMS[arm.algorithm].implicit else 0
        assert len(code.splitlines()) < (LINES if plain else LINES_WITH_TRICKS) + more
        assert max(map(len, code.splitlines())) <= 88
        imported = [
            node.names[0].name if isinstance(node, ast.Import) else node.module
            for node in ast.walk(ast.parse(code))
            if isinstance(node, ast.Import | ast.ImportFrom)
        ]
        assert {str(name).split(".")[0] for name in imported} <= {
            "math",
            "collections",
            "itertools",
            "torch",
        }


def test_generated_code_is_formatted_and_lints(tmp_path: Path) -> None:
    for nth in range(SAMPLE + TRICKS):
        settings, arm = settings_of(nth)
        (tmp_path / f"script_{nth}.py").write_text(standalone_script(settings, arm))
        for name, code in zip("sf", stateful_and_functional(settings, arm), strict=True):
            (tmp_path / f"form_{name}_{nth}.py").write_text(code)
    ruff = [sys.executable, "-m", "ruff"]
    rules = ["--select", "E,W,F,I,N,UP,B,C4,SIM,PIE,RET,D,RUF", "--ignore", "RUF001,RUF002,RUF003"]
    convention = [
        "--config",
        "lint.pydocstyle.convention = 'google'",
        "--ignore",
        "D105,D107,D102,N812",
    ]
    alone = ["--isolated", "--target-version", "py311"]
    scripts = sorted(map(str, tmp_path.glob("script_*")))
    forms = sorted(map(str, tmp_path.glob("form_*")))
    for arguments in (
        ["check", *alone, *rules, *convention, *scripts],
        ["check", *alone, *forms],
        ["format", "--check", *alone, *scripts],
        ["format", "--check", *alone, "--line-length", "100", *scripts],
        ["format", "--check", *alone, "--line-length", str(WIDTH), *forms],
    ):
        done = subprocess.run([*ruff, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_script_runs_as_a_program(tmp_path: Path) -> None:
    settings, arm = sampled(2)
    settings = settings.with_values({"outer_steps": 40, "precision": "float32"})
    (tmp_path / "script.py").write_text(standalone_script(settings, arm))
    (tmp_path / "maml_explorer.py").write_text("raise AssertionError('the package is imported')")
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    steps = re.findall(r"^outer step (\d+): query loss [\d.e-]+$", done.stdout, re.MULTILINE)
    assert steps == ["1", *map(str, range(2, 41, 2))]
    theta = torch.load(tmp_path / f"{arm.algorithm}.pt", weights_only=True)
    assert {name: tuple(value.shape) for name, value in theta.items()} == {
        name: tuple(value.shape)
        for name, value in parameters(torch.zeros(10_000), settings).items()
    }


@every_algorithm
def test_what_the_main_part_trains_is_what_it_saves(algorithm: str) -> None:
    settings = Settings().with_values({"hidden": (5,), "meta_batch": 2})
    names = executed(standalone_script(settings, default_arm(algorithm)))
    model = names["model"]
    theta = {name: value.detach() for name, value in model.named_parameters()}
    before = flat(theta).clone()
    theta = begun(names, theta)
    list(names["train"](theta, [names["sample_batch"]() for _ in range(3)]))
    after = flat(dict(model.named_parameters()))
    assert not torch.equal(before, after)
    assert torch.equal(
        after, flat({n: v for n, v in theta.items() if n in dict(model.named_parameters())})
    )


@pytest.mark.parametrize("how", DECLARATIONS["initialization"].choices)
def test_initializations_are_those_of_the_program(how: str) -> None:
    settings = Settings().with_values({"initialization": how, "hidden": (200, 100)})
    settings = settings.with_arms((default_arm("maml"),))
    names = executed(standalone_script(settings, settings.arms[0]))
    torch.manual_seed(0)
    names["initialize"]()
    drawn = {name: value.detach() for name, value in names["model"].named_parameters()}
    plan = prepare(settings)
    expected = parameters(training.start_arm(plan, "MAML").initialization, settings)
    for name, value in expected.items():
        if value.abs().max() == 0:
            assert drawn[name].abs().max() == 0
        elif value.numel() >= 100:
            assert float(drawn[name].std()) == pytest.approx(float(value.std()), rel=0.25)
            assert float(drawn[name].abs().max()) == pytest.approx(
                float(value.abs().max()), rel=0.4
            )


def test_its_own_tasks_are_those_of_the_settings() -> None:
    settings = Settings().with_values(
        {"meta_batch": 4000, "amplitude_min": 2.0, "amplitude_max": 2.0, "x_min": -1.0,
         "phase_min": -0.3, "phase_max": 0.4, "x_max": 2.0, "shots": 3, "query_points": 5,
         "noise": 0.2},
    )  # fmt: skip
    names = executed(standalone_script(settings, default_arm("maml")))
    torch.manual_seed(0)
    support_x, support_y, query_x, query_y = names["sample_batch"]()
    assert support_x.shape == support_y.shape == (4000, 3, 1)
    assert query_x.shape == query_y.shape == (4000, 5, 1)
    assert -1 <= float(query_x.min()) < -0.99 and 1.99 < float(query_x.max()) <= 2
    names = executed(standalone_script(settings.with_values({"noise": 0}), default_arm("maml")))
    torch.manual_seed(0)
    x, clean, _, _ = names["sample_batch"]()
    assert torch.equal(x, support_x)
    assert float((support_y - clean).std()) == pytest.approx(0.2, rel=0.05)
    # y = A sin(x − φ): with A = 2 the phase follows from a point where the sine is invertible
    inside = x.abs() < 1
    phase = (x - torch.asin(clean / 2))[inside]
    assert -0.3 - 1e-3 <= float(phase.min()) < -0.29 and 0.39 < float(phase.max()) <= 0.4 + 1e-3


def test_its_own_tasks_have_the_frequencies_of_the_settings() -> None:
    settings = Settings().with_values(
        {"meta_batch": 4000, "amplitude_min": 1.0, "amplitude_max": 1.0, "frequency_min": 0.8,
         "phase_min": 0.0, "phase_max": 0.0, "frequency_max": 1.2, "x_min": 1.0, "x_max": 1.0}
    )  # fmt: skip
    code = standalone_script(settings, default_arm("maml"))
    assert "y = A sin(ωx − φ)" in code and "FREQUENCY = (0.0, 0.0), (0.8, 1.2)  # φ, ω" in code
    torch.manual_seed(0)
    _, y, _, _ = executed(code)["sample_batch"]()
    frequency = torch.asin(y)  # y = sin ω
    assert 0.8 - 1e-6 <= float(frequency.min()) < 0.801
    assert 1.199 < float(frequency.max()) <= 1.2 + 1e-6
    assert torch.equal(y[:, 0], y[:, 1]), "a task has one frequency"


def test_the_words_of_the_script() -> None:
    code = standalone_script(Settings().with_values({"seed": 7}), default_arm("maml"))
    assert "SEED = 7  # of θ_0 and the tasks" in code
    assert "The mean over tasks (in the paper a sum) of the query loss" in code
    assert "y = A sin(x − φ); φ is subtracted" in code
    assert "PHASE = (0.0, math.pi)  # φ" in code and "OUTER_STEPS = 70_000" in code
    own = Arm("hot", "maml", (("inner_lr", 0.5),))
    assert "INNER_LR, INNER_STEPS = 0.5, 1  # α, K" in standalone_script(Settings(), own)
    for device, written in (("auto", "cpu"), ("cpu", "cpu"), ("cuda", "cuda")):
        code = standalone_script(Settings().with_values({"device": device}), default_arm("mtl"))
        assert f'DEVICE, DTYPE = "{written}", torch.float32' in code


def test_a_name_somebody_sends_is_not_code() -> None:
    sent = Arm('"""; import os; """', "anil")
    settings = Settings(arms=(sent,))
    for code in (standalone_script(settings, sent), *stateful_and_functional(settings, sent)):
        assert "import os" not in code


def test_the_words_of_the_tricks() -> None:
    values = {"multi_step_loss": True, "inner_steps": 3, "lslr": True, "norm": "layer"}
    settings = Settings().with_values(values)
    code = standalone_script(settings, default_arm("maml"))
    assert "MULTI_STEP_UNTIL = 5_000  # outer step" in code
    assert "INNER_LR, INNER_STEPS = 0.01, 3  # α, K, where learned step sizes begin" in code
    assert "Layers h ← σ(norm(W h + b)); norm over units." in code
    # an arm that reads none of them has none in its code
    assert standalone_script(
        settings.with_values({"norm": "none", "inner_steps": 1}), default_arm("mtl")
    ) == standalone_script(Settings(), default_arm("mtl"))
    for form in stateful_and_functional(settings, default_arm("fomaml")):
        assert "Left out here: normalization" in form and "multi-step loss" in form
    for form in stateful_and_functional(Settings(), default_arm("fomaml")):
        assert "Left out" not in form


def test_averages_per_inner_step_have_no_script() -> None:
    settings = Settings().with_values({"norm": "batch-per-step"})
    with pytest.raises(SettingsError, match=r"batch-per-step.*allowed are none, batch, batch-run"):
        standalone_script(settings, settings.arms[0])


# ---------------------------------------------------------------- both forms


def reference_gradient(settings: Settings, arm: Arm, theta: Tensor, batch: TaskBatch) -> Tensor:
    """What the judge says, for every algorithm."""
    own, record = settings.of_arm(arm), ALGORITHMS[arm.algorithm]
    shape, sigma = sizes(settings), own.model.activation
    supports = list(zip(batch.support.x, batch.support.y, strict=True))
    queries = list(zip(batch.query.x, batch.query.y, strict=True))
    alpha, ones = own.inner.inner_lr, torch.ones_like(theta)
    if record.outer_rule == "interpolation":
        moved = torch.zeros_like(theta)
        for x, y in supports:
            phi, begin = theta, 0
            for _ in range(own.inner.reptile_inner_steps):
                end = min(begin + own.inner.reptile_batch, len(x))
                points = x[begin:end], y[begin:end]
                phi = reference.adapt(phi, ones, *points, alpha, 1, shape, sigma)
                begin = end % len(x)
            moved += (theta - phi) / len(supports)
        return moved
    steps = own.inner.inner_steps
    if record.implicit:
        strength = own.inner.proximal
        return reference.implicit_gradient(
            theta, alpha, strength, steps, supports, queries, shape, sigma
        )
    if record.adapts == "none":
        steps, points = 0, batch.points
        queries = list(zip(points.x, points.y, strict=True))
    adapts = "all" if record.adapts == "none" else record.adapts
    mask = reference.part_mask(adapts, shape, theta.dtype)
    step_sizes = (alpha * mask).expand(steps, -1).clone()
    return reference.meta_gradient(
        theta, step_sizes, supports, queries, shape, sigma, record.second_order
    )[0]


@pytest.mark.parametrize("nth", range(SAMPLE))
def test_both_forms_give_the_gradient_of_the_reference(nth: int) -> None:
    settings, arm = sampled(nth)
    if settings.inner.inner_steps > 5:  # the reference nests a transform per inner step
        settings = settings.with_values({"inner_steps": 4, "reptile_inner_steps": 4})
    plan = prepare(settings)
    state = training.start_run(plan)
    batch, _ = training.draw_batch(plan, state)
    theta = state.arms[arm.name].initialization[: plan.model.parameter_count]
    expected = reference_gradient(settings, arm, theta, batch)
    limit = max(1e-9 * float(expected.abs().max()), 1e-15)
    stateful, functional = map(executed, stateful_and_functional(settings, arm))
    named = parameters(theta, settings)
    stateful["model"].load_state_dict(named)
    stateful["outer_gradient"](parts(batch))
    left = {name: value.grad for name, value in stateful["model"].named_parameters()}
    returned = functional["outer_gradient"](named, parts(batch))
    for found in (left, returned):
        assert float((flat(found) - expected).abs().max()) <= limit


@pytest.mark.parametrize(("steps", "enters"), [(1, "input"), (3, "input"), (2, "features")])
def test_both_forms_of_a_context_give_the_gradient_of_the_program(steps: int, enters: str) -> None:
    arm = default_arm("cavia")
    values = {"hidden": (4, 3), "precision": "float64", "inner_steps": steps, "context": 2}
    values |= {"context_enters": enters}
    settings = Settings().with_values(values | {"meta_batch": 3, "inner_lr": 0.3}).with_arms((arm,))
    plan = prepare(settings)
    state = training.start_run(plan)
    batch, _ = training.draw_batch(plan, state)
    begin, own = state.arms[arm.name].initialization, plan.arms[arm.name]
    shape = own.shape(plan, 3)
    found = outer_gradient(shape, begin, batch.inputs, batch.y, own.inner_lr).gradient
    expected = learned(found, settings, arm)
    stateful, functional = map(executed, stateful_and_functional(settings, arm))
    theta = learned(begin, settings, arm)
    weights = theta.pop("context.weight")
    stateful["model"].load_state_dict(theta)
    stateful["V"].data.copy_(weights)
    stateful["outer_gradient"](parts(batch))
    returned = functional["outer_gradient"](theta | {"V": weights}, parts(batch))
    for name, value in expected.items():
        own_name = "V" if name.startswith("context") else name
        left = stateful["V"] if own_name == "V" else stateful["model"].get_parameter(name)
        torch.testing.assert_close(left.grad, value, rtol=1e-9, atol=1e-13)
        torch.testing.assert_close(returned[own_name], value, rtol=1e-9, atol=1e-13)


@every_algorithm
def test_the_forms_are_short_and_stand_alone(algorithm: str) -> None:
    for code in stateful_and_functional(Settings(), default_arm(algorithm)):
        # conjugate gradients are written out
        assert len(code.splitlines()) <= (90 if ALGORITHMS[algorithm].label == "iMAML" else 50)
        assert max(map(len, code.splitlines())) <= WIDTH
        assert "maml_explorer" not in code


def test_writing_code_needs_no_torch() -> None:
    code = (
        "import sys\n"
        "from maml_explorer.codegen import script, two_forms\n"
        "assert not {'torch', 'numpy', 'PySide6'} & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("algorithm", ["maml", "fomaml", "reptile"])
def test_clipping_a_gradient_of_zero_is_no_nan(algorithm: str) -> None:
    # θ = 0 predicts 0, which is right where every amplitude is 0
    values = {"inner_clip": 0.05, "amplitude_min": 0.0, "amplitude_max": 0.0, "hidden": (4,)}
    arm = default_arm(algorithm)
    settings = Settings().with_values(values | {"outer_steps": 3}).with_arms((arm,))
    names = executed(standalone_script(settings, arm))
    theta = {name: torch.zeros_like(p) for name, p in names["model"].named_parameters()}
    losses = list(names["train"](theta, [names["sample_batch"]() for _ in range(3)]))
    assert [float(loss) for loss in losses] == [0.0] * 3
    assert all(not value.any() for value in theta.values())
