"""Any value in any file is one sentence; text files that people edit are read, or refused whole."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from maml_explorer import cli
from maml_explorer.files.csv_text import csv_text, field_text, read_rows, text_of
from maml_explorer.files.reader import StorageError, read_json
from maml_explorer.files.strict_json import parse_json
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.presets import Preset, Published, preset_from, preset_toml
from maml_explorer.settings.settings import Settings
from maml_explorer.settings.text import from_toml, to_toml
from maml_explorer.storage.run.folder import COLUMNS, METRICS
from maml_explorer.storage.run.metrics import read_losses

QUICK = [
    "train", "--outer-steps", "30", "--hidden", "5", "--meta-batch", "2", "--test-tasks", "10",
    "--test-steps", "2", "--algorithms", "maml", "--quiet",
]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["9" * 400, "-" + "9" * 20, "[" + "1" * 9000 + "]", "1e400", "NaN", "-Infinity", "[" * 9**5],
)
def test_numbers_out_of_range_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^(?!Exceeds)"):
        parse_json(text)


def test_numbers_in_range_are_kept() -> None:
    kept = [2**63 - 1, -(2**63), 1e308, 0, True, None]
    assert parse_json(json.dumps(kept)) == kept


@pytest.mark.parametrize("number", ["0x" + "F" * 400, "9" * 400, "-" + "9" * 25])
def test_a_settings_file_with_such_a_number_is_one_sentence(number: str) -> None:
    text = to_toml(Settings()).replace("shots = 10", f"shots = {number}")
    with pytest.raises(SettingsError) as refusal:
        from_toml(text)
    assert "out of range" in str(refusal.value) and len(str(refusal.value)) < 200


def test_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"\xef\xbb\xbf" + b'{"a": 1}')
    assert read_json(tmp_path / "a.json") == {"a": 1}
    assert from_toml("\ufeff" + to_toml(Settings()).replace("\n", "\r\n")) == Settings()


@pytest.mark.parametrize(
    "text",
    [
        "word " * 780, "x" * 3900, 'a"b\\c ' * 400, "\x1b[31m\u202e\x07end", "tab\there",
        "π “quoted” — ok", "\\" * 300, "a" * 79 + " " + "b" * 200, "emoji 🙂 " * 100,
    ],
)  # fmt: skip
def test_texts_of_presets_are_read_again(text: str) -> None:
    text = " ".join(text.split())
    published = Published("maml", 5, (1,), (0.5,), text)
    preset = Preset("p", text, text, text, Settings(), (published,), text)
    written = preset_toml(preset)
    assert preset_from(written, "p") == preset
    assert all(c.isprintable() or c == "\n" for c in written)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"), ("+1+1", "'+1+1"), ("@x", "'@x"), ("-x", "'-x"),
        ("\tx", "'\tx"), ("\rx", "'\rx"), ("'=x", "''=x"), ("-0.5", "-0.5"), ("'x", "'x"),
        ("MAML", "MAML"), ("", ""),
    ],
)  # fmt: skip
def test_no_text_is_a_formula_and_all_is_read_again(text: str, field: str) -> None:
    assert field_text(text) == field
    assert text_of(field) == text


def test_an_arm_named_as_a_formula_keeps_its_name(tmp_path: Path) -> None:
    path = tmp_path / METRICS
    rows = [(1, "=A1", 0, 1.0, 2.0, None, None), (1, "-1+1", 0, 3.0, 4.0, None, None)]
    path.write_text(csv_text([COLUMNS[METRICS], *rows]))
    assert ",'=A1," in path.read_text()
    assert {name: found.outer[0] for name, found in read_losses(path, 0).items()} == {
        "=A1": 2.0,
        "-1+1": 4.0,
    }
    as_saved_again = path.read_text().replace("\n", "\r\n")
    path.write_bytes(b"\xef\xbb\xbf" + as_saved_again.encode())
    assert list(read_losses(path, 0)) == ["=A1", "-1+1"]


@pytest.mark.parametrize("content", ["", "a;b\n", "outer_step,arm\n1,2\n"])
def test_other_columns_are_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / METRICS).write_text(content)
    with pytest.raises(StorageError, match="instead of its columns"):
        read_losses(tmp_path / METRICS, 0)


def test_a_hole_of_gigabytes_costs_neither_memory_nor_time(tmp_path: Path) -> None:
    path = tmp_path / METRICS
    path.write_text(csv_text([COLUMNS[METRICS]]))
    os.truncate(path, 2 * 1024**3 - 1)
    with pytest.raises(StorageError, match="not as this program writes it"):
        list(read_rows(path, COLUMNS[METRICS], 2 * 1024**3))
    os.truncate(path, 3 * 1024**3)
    with pytest.raises(StorageError, match="too large"):
        read_losses(path, 0)


@pytest.mark.parametrize("change", ["crlf", "semicolons", "shorter numbers", "empty sizes"])
def test_a_run_whose_rows_were_saved_again_is_refused_whole(
    change: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    assert cli.main([*QUICK, "--out", str(run)]) == 0
    rows = (run / METRICS).read_bytes()
    if change == "crlf":
        (run / METRICS).write_bytes(rows.replace(b"\n", b"\r\n"))
    elif change == "semicolons":
        (run / METRICS).write_bytes(rows.replace(b",", b";"))
    elif change == "shorter numbers":
        lines = [line + b"0" * 3 for line in rows.splitlines()]
        (run / METRICS).write_bytes(b"\n".join(lines) + b"\n")
    else:
        checkpoint = run / "checkpoint.safetensors"
        data = checkpoint.read_bytes()
        old = next(part for part in data.split(b"{") if b"metrics.csv" in part).split(b"}")[0]
        checkpoint.write_bytes(data.replace(old, b" " * len(old)))
    before = {p.name: p.read_bytes() for p in run.iterdir() if p.is_file()}
    capsys.readouterr()
    assert cli.main(["train", "--out", str(run), "--resume", "--quiet", "--outer-steps", "60"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    named = "does not say how long" if change == "empty sizes" else "changed by another program"
    assert named in error
    assert {p.name: p.read_bytes() for p in run.iterdir() if p.is_file()} == before
