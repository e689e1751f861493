"""`maml-explorer import`: weights of a plain script, taken up, meta-tested and refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from maml_explorer.cli import main
from maml_explorer.storage.initialization.folder import load_initialization


def scripted(folder: Path, capsys: pytest.CaptureFixture[str], *flags: str) -> Path:
    """The state_dict that the program's own generated script saves, after two outer steps."""
    assert main(["code", "--outer-steps", "2", "--hidden", "8", *flags]) == 0
    text = capsys.readouterr().out
    lines = text.replace('"maml.pt"', repr(str(folder / "maml.pt")))
    exec(compile(lines, "script", "exec"), {"__name__": "__main__"})
    return folder / "maml.pt"


def test_weights_of_the_generated_script_are_taken_up_and_tested(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = scripted(tmp_path, capsys), tmp_path / "taken"
    capsys.readouterr()
    assert main(["import", str(path), "--hidden", "8", "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"MAML: {out}. Its weights come from maml.pt.\n"
    saved = torch.load(path, weights_only=True)
    for name, tensor in load_initialization(out).module().state_dict().items():
        assert torch.equal(tensor, saved[name])
    assert main(["evaluate", str(out), "--tasks", "20", "--inner-steps", "0", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert 0 < record["mean"][0] < 20


def test_what_does_not_fit_is_refused_and_nothing_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "other.pt", tmp_path / "taken"
    torch.save({"0.weight": torch.ones(3, 1)}, path)
    assert main(["import", str(path), "--out", str(out)]) == 2
    said = capsys.readouterr().err
    assert "0.weight [3, 1]" in said and said.count("\n") == 1
    path.write_text("no weights")
    assert main(["import", str(path), "--out", str(out)]) == 2
    assert "is no file of weights" in capsys.readouterr().err
    assert not out.exists()


def test_a_tuned_export_is_named_as_such(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, again = tmp_path / "first", tmp_path / "again"
    state = {"0.weight": torch.ones(2, 1), "0.bias": torch.ones(2)}
    state |= {"2.weight": torch.ones(1, 2), "2.bias": torch.ones(1)}
    torch.save(state, tmp_path / "one.pt")
    flags = ["--hidden", "2", "--algorithm", "anil"]
    assert main(["import", str(tmp_path / "one.pt"), *flags, "--out", str(first)]) == 0
    state["2.bias"] = torch.full((1,), 0.5)
    torch.save(state, tmp_path / "tuned.pt")
    tuned = ["import", str(tmp_path / "tuned.pt"), "--tuned-from", str(first), "--out", str(again)]
    assert main([*tuned, "--hidden", "2"]) == 2
    assert main(tuned) == 0
    assert "no longer those that were meta-tested" in capsys.readouterr().out
    found = load_initialization(again)
    assert found.arm.name == "ANIL"
    np.testing.assert_array_equal(found.parameters[-1], np.float32(0.5))


STILL = ["--outer-steps", "1", "--outer-lr", "0"]
QUICK = ["--hidden", "4", "--meta-batch", "2", "--test-tasks", "4", "--quiet", "--device", "cpu"]


def state_of(hidden: int) -> dict[str, torch.Tensor]:
    torch.manual_seed(3)
    plain = torch.nn.Sequential(
        torch.nn.Linear(1, hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, 1)
    )
    return dict(plain.state_dict())


def trained_from(
    source: Path, out: Path, *flags: str, capsys: pytest.CaptureFixture[str]
) -> dict[str, dict[str, torch.Tensor]]:
    """Arm folder → what a training from `source` gave."""
    assert main(["train", "--init", str(source), "--out", str(out), *flags]) == 0
    capsys.readouterr()
    found = {}
    for place in sorted(out.glob("*/config.json")):
        found[place.parent.name] = load_initialization(place.parent).module().state_dict()
    return found


def test_training_begins_from_a_file_in_every_arm_and_resumes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state, path = state_of(4), tmp_path / "plain.pt"
    torch.save(state, path)
    flags = [*QUICK, "--algorithms", "maml,mtl"]
    still = trained_from(path, tmp_path / "a", *flags, *STILL, capsys=capsys)
    assert still.keys() == {"maml", "mtl"}
    for found in still.values():
        assert all(torch.equal(found[name], state[name]) for name in state)
    whole = trained_from(path, tmp_path / "b", *flags, "--outer-steps", "6", capsys=capsys)
    assert not torch.equal(whole["maml"]["0.weight"], state["0.weight"])
    trained_from(path, tmp_path / "c", "--algorithms", "maml", *QUICK, "--outer-steps", "3",
                 capsys=capsys)  # fmt: skip
    assert main(["train", "--resume", "--out", str(tmp_path / "c"), "--outer-steps", "6",
                 "--quiet"]) == 0  # fmt: skip
    resumed = load_initialization(tmp_path / "c" / "maml").module().state_dict()
    assert all(torch.equal(resumed[name], whole["maml"][name]) for name in state)
    assert "begun from" in (tmp_path / "c" / "changes.csv").read_text()


def test_training_begins_from_an_export_with_its_settings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state, path, export = state_of(5), tmp_path / "plain.pt", tmp_path / "export"
    torch.save(state, path)
    taken = [
        "import",
        str(path),
        "--meta-batch",
        "2",
        "--hidden",
        "5",
        "--algorithm",
        "anil",
        "--test-tasks",
        "4",
    ]
    assert main([*taken, "--out", str(export)]) == 0
    found = trained_from(export, tmp_path / "run", *STILL, "--quiet", capsys=capsys)
    assert found.keys() == {"anil"}
    assert all(torch.equal(found["anil"][name], state[name]) for name in state)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--seeds", "0,1"], "one seed"),
        (["--hidden", "9"], "hidden = 4 fits it"),
        (["--hidden", "4", "--resume"], "only --outer-steps may change"),
    ],
)
def test_what_cannot_begin_is_refused(
    flags: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save(state_of(4), tmp_path / "plain.pt")
    out = tmp_path / "out"
    assert main(["train", "--init", str(tmp_path / "plain.pt"), "--out", str(out), *flags]) == 2
    assert words in capsys.readouterr().err and not out.exists()
