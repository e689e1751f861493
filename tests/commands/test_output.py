"""Results are on disk before a word is printed, whatever becomes of the streams."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from maml_explorer.cli import main
from maml_explorer.commands.output import clean, say, tell
from maml_explorer.gui.files import run_pictures

ROOT = Path(__file__).resolve().parents[2]
QUICK = [
    "train", "--outer-steps", "4", "--hidden", "5", "--meta-batch", "2", "--test-tasks", "10",
    "--test-steps", "2", "--algorithms", "maml", "--out", "run",
]  # fmt: skip
WRITTEN = ["adaptation.png", "losses.png", "summary.json"]


def program(
    arguments: list[str], folder: Path, streams: str, encoding: str = ""
) -> subprocess.CompletedProcess[str]:
    """The program in a process of its own, its streams as the shell says."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    environment |= {"PYTHONIOENCODING": encoding} if encoding else {}
    line = f'"$0" -m maml_explorer "$@" {streams}'
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line, sys.executable, *arguments],
        cwd=folder, env=environment, capture_output=True, encoding="utf-8", timeout=300,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("streams", "encoding", "code", "said"),
    [
        ("", "ascii", 0, ""),
        (">&- 2>&-", "", 0, ""),
        ("<&- >&- 2>&-", "latin-1", 0, ""),
        ("2>/dev/full | true", "cp1252", 0, ""),
        (
            ">/dev/full", "", 1,
            "maml-explorer: the results could not be printed: No space left on device.\n",
        ),
        (">/dev/full 2>/dev/full", "", 1, ""),
    ],
)  # fmt: skip
def test_a_run_is_whole_whatever_becomes_of_the_streams(
    streams: str, encoding: str, code: int, said: str, tmp_path: Path
) -> None:
    done = program(QUICK, tmp_path, streams, encoding)
    assert "Traceback" not in done.stderr and "Exception" not in done.stderr
    assert done.returncode == code
    assert done.stderr.endswith(said)
    assert [n for n in WRITTEN if (tmp_path / "run" / n).is_file()] == WRITTEN
    # a file that took the number of a closed stream would hold what libraries print
    assert (tmp_path / "run" / "metrics.csv").read_text().count("\n") == 5


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
@pytest.mark.parametrize(
    ("arguments", "letter"),
    [(["train", "--help"], "φ"), (["presets", "finn-10-shot"], "π"), (["code"], "θ")],
)
def test_all_that_is_printed_is_utf_8(
    arguments: list[str], letter: str, encoding: str, tmp_path: Path
) -> None:
    done = program(arguments, tmp_path, "", encoding)
    assert (done.returncode, done.stderr) == (0, "")
    assert letter in done.stdout


def test_a_reader_that_has_gone_is_no_fault(tmp_path: Path) -> None:
    done = program(["code"], tmp_path, "| true")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_terminal_gets_nothing_to_obey() -> None:
    assert clean("a\x1b[2J\x07\r\x9b\u202eb\u2028c\x00") == "a�[2J����b�c�"
    same = "π = 3,14 — θ₀\n\t“naïve” שלום 日本"
    assert clean(same) == same


def test_results_and_remarks_are_cleaned(capsys: pytest.CaptureFixture[str]) -> None:
    say("a\x1b[2Jb")
    tell("c\u202ed")
    assert capsys.readouterr() == ("a�[2Jb\n", "c�d\n")


def test_what_a_preset_says_does_not_reach_the_terminal_raw(tmp_path: Path) -> None:
    text = 'schema = 1\n[preset]\ntitle = "T\\u001b]0;own\\u0007"\n[inner]\ninner_lr = "\\u001b[2J"'
    (tmp_path / "p.toml").write_text(text)
    done = program(["train", "--preset", "p.toml", "--out", "run"], tmp_path, "")
    assert done.returncode == 2 and "\x1b" not in done.stderr
    assert "cannot be �[2J" in done.stderr


@pytest.mark.parametrize(
    ("asked", "used"),
    [
        ("offscreen:configfile=screen.json", "offscreen:configfile=screen.json"),
        ("xcb", "offscreen"),
    ],
)
def test_pictures_keep_an_offscreen_platform_that_was_set_up(
    asked: str, used: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[str] = []
    for name in ("draw_adaptation", "draw_losses"):  # a platform is chosen once a process
        monkeypatch.setattr(
            run_pictures, name, lambda *_: drawn.append(os.environ["QT_QPA_PLATFORM"])
        )
    monkeypatch.setenv("QT_QPA_PLATFORM", asked)
    monkeypatch.chdir(tmp_path)
    assert main([*QUICK, "--quiet"]) == 0
    assert drawn == [used, used]
