"""A sweep on the user's own tasks: named once, and imported by every worker."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from maml_explorer.cli import main
from maml_explorer.core.families.own_tasks import opened as registry
from maml_explorer.experiments.sweep.engine import refuse_workers_without
from maml_explorer.files.reader import StorageError
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.settings import Settings
from maml_explorer.storage.sweep.axes import parse_axis
from maml_explorer.storage.sweep.folder import create_sweep, open_sweep
from maml_explorer.storage.sweep.spec import SweepSpec
from tests.experiments.sweep.test_sweep import digests
from tests.own_tasks import asked, waves

QUICK = ["--hidden", "6", "--meta-batch", "2", "--outer-steps", "20", "--test-tasks", "10"]
VARY = ["--vary", "inner_lr=0.01,0.1", "--quiet"]
MODULE = "from tests.own_tasks import Waves\nwaves = Waves()\n"


@pytest.fixture
def named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of tasks in a module beside the user; nothing is registered."""
    monkeypatch.setattr(registry, "_OPEN", {})
    monkeypatch.chdir(tmp_path)
    (tmp_path / "swept_waves.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.delitem(sys.modules, "swept_waves", raising=False)
    return "swept_waves:waves"


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_workers_import_the_tasks_and_write_the_same_bytes(
    named: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    begin = ["sweep", "--own-tasks", named, *VARY, *QUICK]
    assert main([*begin, "--out", str(tmp_path / "two"), "--workers", "2"]) == 0
    assert main([*begin, "--out", str(tmp_path / "one"), "--workers", "1"]) == 0
    one, two = open_sweep(tmp_path / "one"), open_sweep(tmp_path / "two")
    assert one.spec.base.family.key == "own" and len(one.trials()) == 2
    assert digests(one) == digests(two) and digests(one)
    monkeypatch.setattr(registry, "_OPEN", {})
    capsys.readouterr()
    resume = ["sweep", "--out", str(tmp_path / "one"), "--resume", "--quiet"]
    assert main(resume) == 2  # a file names nothing to import
    assert "give --own-tasks waves" in capsys.readouterr().err
    assert main([*resume, "--own-tasks", named, "--workers", "1"]) == 0


class _Remote:
    """A cluster of one worker, where something is different before it answers."""

    def __init__(self, differs: Callable[[], object]) -> None:
        self.differs = differs

    def run(self, ask: Callable[..., str], *given: str, workers: object) -> dict[str, str]:
        """What the worker answers."""
        self.differs()
        return {"tcp://127.0.0.1:4": ask(*given)}


def test_a_worker_that_cannot_import_the_tasks_is_refused(
    named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "swept_waves.py"
    refuse_workers_without(_Remote(lambda: None), named)

    def changed(text: str) -> Callable[[], Any]:
        def change() -> None:
            monkeypatch.setattr(registry, "_OPEN", {})
            monkeypatch.delitem(sys.modules, "swept_waves", raising=False)
            file.write_text(text, encoding="utf-8")

        return change

    wrong = MODULE.replace("Waves", "Planes")
    for text, said in (("raise ImportError('no data')", "no data"), (wrong, "swept_waves")):
        changed(MODULE)()
        with pytest.raises(
            StorageError, match=r"127\.0\.0\.1:4 cannot train on the tasks"
        ) as found:
            refuse_workers_without(_Remote(changed(text)), named)
        assert said in str(found.value) and "\n" not in str(found.value)


def test_a_worker_says_at_its_start_that_the_tasks_are_absent(
    capsys: pytest.CaptureFixture[str],
) -> None:
    worker = ["worker", "--cluster", "tcp://127.0.0.1:9", "--own-tasks", "no_such_module:waves"]
    assert main(worker) == 2
    said = capsys.readouterr().err
    assert "“no_such_module:waves” cannot be imported" in said and said.count("\n") == 1


def test_tasks_that_no_worker_could_import_are_refused(tmp_path: Path) -> None:
    base = Settings().with_values(asked(waves()))
    spec = SweepSpec(base, (parse_axis("inner_lr=0.01,0.1"),))
    with pytest.raises(SettingsError, match="by --own-tasks NAME"):
        create_sweep(tmp_path / "s", spec)
    assert not (tmp_path / "s").exists()
