"""`maml-explorer code`: what it prints and what it refuses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from maml_explorer import cli
from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.codegen.script import standalone_script
from maml_explorer.codegen.two_forms import stateful_and_functional
from maml_explorer.settings.presets import load_preset
from maml_explorer.settings.settings import Arm, Settings, default_arm
from maml_explorer.settings.text import to_toml

FINN = load_preset("finn-10-shot").settings
TWO = Settings(arms=(Arm("cold", "maml", (("inner_lr", 0.001),)), Arm("hot", "maml")))


@pytest.fixture
def preset(tmp_path: Path) -> Path:
    """A preset with two arms of one algorithm."""
    path = tmp_path / "two.toml"
    path.write_text(to_toml(TWO))
    return path


def printed(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert cli.main(["code", *map(str, arguments)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def test_the_first_arm_of_the_default_preset(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys) == standalone_script(FINN, FINN.arms[0])


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_with_the_values_typed(
    capsys: pytest.CaptureFixture[str], algorithm: str
) -> None:
    out = printed(
        capsys, "--algorithm", algorithm, "--hidden", "7,5", "--shots", "3", "--phase-max=2pi",
        "--preset", "torch-func",
    )  # fmt: skip
    changed = load_preset("torch-func").settings.with_values(
        {"hidden": (7, 5), "shots": 3, "phase_max": 6.283185307179586}
    )
    assert out == standalone_script(changed, default_arm(algorithm))
    assert "nn.Linear(7, 5)," in out and "SHOTS, QUERY_POINTS = 3, " in out
    assert ", 2 * math.pi)  # φ" in out


def test_an_arm_by_its_name(capsys: pytest.CaptureFixture[str], preset: Path) -> None:
    out = printed(capsys, "--preset", preset, "--arm", "cold")
    assert out == standalone_script(TWO, TWO.arms[0])
    assert "= 0.001, 1  # α, K" in out
    assert "= 0.01, 1  # α, K" in printed(capsys, "--preset", preset, "--arm", "hot")


def test_both_forms(capsys: pytest.CaptureFixture[str]) -> None:
    out = printed(capsys, "--algorithm", "anil", "--forms")
    assert out == "\n\n".join(stateful_and_functional(FINN, default_arm("anil")))


def test_images_and_where_their_letters_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["code", "--preset", "glyphs-2-way-4-shot", "--jitter", "0.5"]) == 0
    out, err = capsys.readouterr()
    images = load_preset("glyphs-2-way-4-shot").settings.with_values({"jitter": 0.5})
    assert out == standalone_script(images, images.arms[0]) and "JITTER, HANDS = 0.5, 20" in out
    path = err.removeprefix("The script draws from ").partition(": copy it beside")[0]
    assert Path(path).name == "letters.npz" and Path(path).is_file()


def test_a_file_gets_the_script_whatever_the_terminal_speaks() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "maml_explorer", "code", "--algorithm", "mtl"],
        capture_output=True, check=True, env={"PYTHONIOENCODING": "ascii", "LC_ALL": "C"},
        cwd=Path(__file__).resolve().parents[2],
    )  # fmt: skip
    assert done.stdout.decode() == standalone_script(FINN, default_arm("mtl"))


def test_it_loads_neither_torch_nor_qt() -> None:
    code = (
        "import sys\nfrom maml_explorer.cli import main\n"
        "assert main(['code']) == 0 and main(['code', '--help']) == 0\n"
        "assert not {'torch', 'PySide6', 'numpy'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ("--algorithm protonet", ["protonet", "maml, fomaml", "MAML, FO-MAML"]),
        ("--arm=", ["--algorithm", "maml"]),
        ("--preset {two} --algorithm maml", ["several", "cold, hot"]),
        ("--preset nothing", ["nothing", "finn-10-shot"]),
        ("--inner-lr fast", ["inner_lr", "fast", "from 0 to 100"]),
        ("--phase-min 4", ["phase_min", "phase_max"]),
        ("--hidden 0", ["hidden", "1 to 1024"]),
        ("--algorithms maml", ["--algorithms"]),
        ("stray", ["stray"]),
    ],
)
def test_a_mistake_costs_one_line(
    capsys: pytest.CaptureFixture[str], preset: Path, arguments: str, named: list[str]
) -> None:
    assert cli.main(["code", *arguments.format(two=preset).split(" ")]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and err.startswith("maml-explorer")
    for part in named:
        assert part in err
