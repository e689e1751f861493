"""Values of settings on the command line, and presets as JSON."""

from __future__ import annotations

import json
import shlex

import pytest

from maml_explorer import cli
from maml_explorer.commands.arguments import UsageError, given_hyperparameters, joined_values
from maml_explorer.settings.presets import presets


def given(line: str) -> dict[str, object]:
    arguments = cli._parser().parse_args(joined_values(["train", *shlex.split(line)]))
    return dict(given_hyperparameters(arguments))


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("--lslr", {"lslr": True}),
        ("--no-lslr", {"lslr": False}),
        ("--lslr false", {"lslr": False}),
        ("--lslr --seed 3", {"lslr": True, "seed": 3}),
        ("--set inner_lr=0.1 --set hidden=20,20", {"inner_lr": 0.1, "hidden": (20, 20)}),
        ("--set 'hidden = [20, 20]'", {"hidden": (20, 20)}),
        ("--set activation='\"tanh\"'", {"activation": "tanh"}),
        ("--set phase_min=-pi/2", {"phase_min": pytest.approx(-1.5707963)}),
    ],
)
def test_values_are_read(line: str, found: dict[str, object]) -> None:
    assert given(line) == found


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("--set inner_lr", "allowed is KEY=VALUE"),
        ("--set inner_rl=1", "did you mean inner_lr"),
        ("--set inner_lr=1 --inner-lr 2", "inner_lr is given twice"),
        ("--set seed=1 --set seed=2", "seed is given twice"),
    ],
)
def test_values_that_are_not_allowed(line: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        given(line)


def test_the_help_names_types(capsys: pytest.CaptureFixture[str]) -> None:
    for name in cli.COMMANDS:
        assert cli.main([name, "--help"]) == 0
        assert f"Example: maml-explorer {name} " in " ".join(capsys.readouterr().out.split())
    cli.main(["train", "--help"])
    text = capsys.readouterr().out
    for words in ("--inner-lr X", "--inner-steps N", "--hidden N,N", "--lslr [true|false]"):
        assert words in text


@pytest.mark.parametrize("name", cli.EXAMPLES)
def test_examples_are_arguments(name: str) -> None:
    _, command, *words = shlex.split(cli.EXAMPLES[name].removeprefix("Example: "))
    arguments = cli._parser().parse_args([command, *words])
    assert arguments.command == name


def test_presets_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["presets", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in found] == list(presets())
    assert cli.main(["presets", "finn-10-shot", "--json"]) == 0
    one = json.loads(capsys.readouterr().out)
    assert one == found[0] and one["settings"]["shots"] == 10 and one["published"]
