"""Seeds, names, paths and flags on the command line."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from maml_explorer import cli
from maml_explorer.commands.arguments import (
    UsageError,
    algorithm_key,
    folder_path,
    given_seeds,
    joined_values,
    number_list,
)


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("5", (5,)), ("1,2,3", (1, 2, 3)), ("1 2 3", (1, 2, 3)), ("0:5", (0, 1, 2, 3, 4)),
        ("7, 0:2", (7, 0, 1)), ("100 200", (100, 200)), ("1e2", (100,)),
    ],
)  # fmt: skip
def test_seeds_are_a_list(text: str, seeds: tuple[int, ...]) -> None:
    assert number_list(text, "seed", "--seeds", 100) == seeds


@pytest.mark.parametrize(
    "text", ["", "0-2", "0..2", "1,000", "1,1", "2:2", "3:1", "0:1000000000", "0:1:2", "x", "1:"]
)
def test_what_is_no_list_of_seeds_is_told_what_is(text: str) -> None:
    with pytest.raises(UsageError, match=r"--seeds takes up to 100 .* such as 0,1,2 or 0:3"):
        number_list(text, "seed", "--seeds", 100)


def test_a_count_has_a_flag_of_its_own() -> None:
    asked = argparse.Namespace(seeds=None, num_seeds="3")
    assert given_seeds(asked, 30) == (0, 1, 2)
    assert given_seeds(argparse.Namespace(seeds=None, num_seeds=None), 30) is None
    for seeds, count in (("1", "2"), (None, "0"), (None, "31"), (None, "x")):
        with pytest.raises(UsageError, match="--num-seeds"):
            given_seeds(argparse.Namespace(seeds=seeds, num_seeds=count), 30)


@pytest.mark.parametrize("command", ["train", "ablate", "reproduce finn-10-shot"])
def test_seeds_mean_the_same_in_every_command(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([*command.split(), "--seeds", "0-2"]) == 2
    assert "such as 0,1,2 or 0:3, not “0-2”" in capsys.readouterr().err


def test_algorithms_have_their_printed_names_too() -> None:
    names = ["FO-MAML", "fomaml", " Meta-SGD ", "META_SGD", "mtl", "ANIL", "nothing"]
    found = ["fomaml", "fomaml", "meta_sgd", "meta_sgd", "mtl", "anil", "nothing"]
    assert [algorithm_key(name) for name in names] == found


def test_a_negative_value_may_follow_its_flag() -> None:
    typed = ["code", "--phase-min", "-pi", "--x-min", "-1e-3", "--x-max", "−.5", "--out", "-x"]
    assert joined_values(typed) == [
        "code", "--phase-min=-pi", "--x-min=-1e-3", "--x-max=−.5", "--out", "-x",
    ]  # fmt: skip


def test_the_code_of_a_negative_value(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["code", "--phase-min", "-pi", "--algorithm", "FO-MAML"]) == 0
    spoken = capsys.readouterr().out
    assert cli.main(["code", "--phase-min=-pi", "--algorithm", "fomaml"]) == 0
    assert capsys.readouterr().out == spoken
    assert cli.main(["code", "--algorithm", "fomaml"]) == 0
    assert capsys.readouterr().out != spoken


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("train --lr 0.1", "did you mean --inner-lr or --outer-lr"),
        ("train --outer 20", "(see maml-explorer train --help)"),
        ("evaluate x --sots 3", "did you mean --shots?"),
        ("code --inner-lr 0,05", "write a point, 0.05"),
    ],
)
def test_an_unknown_flag_is_told_its_neighbour(
    command: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(command.split()) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


def test_the_tilde_is_the_home_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert folder_path("~/x") == tmp_path / "x"
    assert folder_path("./~/x") == Path("~/x")
    with pytest.raises(argparse.ArgumentTypeError, match="names no home folder"):
        folder_path("~nobody-of-that-name/x")
