"""Completion in shells, read off the parser; bash is asked what it completes."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from maml_explorer.cli import main
from maml_explorer.settings.presets import presets

BASH = shutil.which("bash")


def completed(text: str, *words: str) -> list[str]:
    """What bash offers for the last of these words."""
    assert BASH is not None
    line = " ".join(f"'{word}'" for word in words)
    asked = f"{text}\nCOMP_WORDS=({line})\nCOMP_CWORD={len(words) - 1}\n_maml_explorer\n"
    asked += 'printf "%s\\n" "${COMPREPLY[@]}"'
    found = subprocess.run([BASH, "-c", asked], capture_output=True, text=True, check=True, cwd="/")
    assert found.stderr == ""
    return found.stdout.split()


@pytest.mark.skipif(BASH is None, reason="there is no bash")
def test_bash_completes_commands_flags_and_values(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "bash"]) == 0
    text = capsys.readouterr().out
    assert completed(text, "maml-explorer", "repr") == ["reproduce"]
    assert completed(text, "maml-explorer", "train", "--inner-l") == ["--inner-lr"]
    assert completed(text, "maml-explorer", "train", "--preset", "finn") == [
        name for name in presets() if name.startswith("finn")
    ]
    assert completed(text, "maml-explorer", "train", "--activation", "s") == [
        "sigmoid", "softplus", "sine",
    ]  # fmt: skip
    assert completed(text, "maml-explorer", "reproduce", "learn2") == ["learn2learn-sine"]
    assert "train" not in completed(text, "maml-explorer", "train", "--o")


def test_other_shells(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "fish"]) == 0
    lines = capsys.readouterr().out.splitlines()
    where = "complete -c maml-explorer -n '__fish_seen_subcommand_from train'"
    assert f"{where} -l activation -xa 'relu tanh sigmoid softplus sine'" in lines
    assert main(["completion", "zsh"]) == 0
    assert capsys.readouterr().out.startswith("autoload -Uz bashcompinit")
    assert main(["completion", "cmd"]) == 2
