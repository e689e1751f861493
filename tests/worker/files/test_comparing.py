"""The worker's verdicts on the run that is there, and the report it writes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from maml_explorer.core.plan import prepare
from maml_explorer.protocol import commands, reports
from maml_explorer.settings.presets import Preset, Published
from maml_explorer.settings.settings import Settings
from maml_explorer.storage.run.records import evaluation_record
from tests.worker.driving import Driver, small_settings

SETTINGS = small_settings("maml", "mtl", outer_steps=30)
PRESET = Preset(
    "mine", "Mine", "s", "d", SETTINGS, (Published("maml", 5, (1, 3), (3.0, 3.0), "s", (9.0, 0.0)),)
)  # fmt: skip


def driver_at(step: int, settings: Settings = SETTINGS) -> Driver:
    driver = Driver(settings)
    driver.train_to(step)
    driver.outbox.collect()
    return driver


def test_the_verdicts_are_those_of_the_meta_test_with_the_published_shots() -> None:
    driver = driver_at(30)
    driver.tell(commands.Reproduce(PRESET))
    (found,) = driver.reports(reports.Compared)
    assert isinstance(found, reports.Compared)
    assert (found.run, found.outer_step, found.preset) == (1, 30, PRESET)
    assert found.deviations == ()
    record = evaluation_record(
        prepare(SETTINGS), "MAML", driver.theta("MAML"), shots=5, inner_steps=(0, 1, 2, 3)
    )
    assert [one.mean for one in found.comparisons] == [record["mean"][1], record["mean"][3]]
    assert [one.ci95 for one in found.comparisons] == [record["ci95"][1], record["ci95"][3]]
    assert [one.verdict.kind for one in found.comparisons] == ["agrees", "cannot tell"]


def test_what_is_otherwise_is_said() -> None:
    driver = driver_at(4)
    driver.tell(commands.Change(driver.run.settings.with_values({"inner_lr": 0.02})))
    driver.train_to(6)
    driver.tell(commands.Reproduce(PRESET))
    (found,) = driver.reports(reports.Compared)
    assert isinstance(found, reports.Compared)
    assert found.deviations == (
        "Inner learning rate α: 0.01 → 0.02",
        "6 of 30 outer steps",
        "Changed while it trained: Inner learning rate α from 0.01 to 0.02 after outer step 4",
    )


def test_a_report_is_written_and_never_replaced(tmp_path: Path) -> None:
    driver = driver_at(12)
    file = tmp_path / "new" / "report.html"
    driver.tell(commands.Reproduce(PRESET, str(file)))
    assert driver.reports(reports.Exported) == [reports.Exported(reports.Written.REPORT, str(file))]
    page = file.read_text()
    assert page.count('role="img"') == 2 and "12 of 30 outer steps" in page
    driver.tell(commands.Reproduce(PRESET, str(file)))
    (refused,) = driver.reports(reports.Refused)
    assert isinstance(refused, reports.Refused) and "exists already" in refused.reason
    assert file.read_text() == page
    # where nothing is published a report is a table
    driver.tell(commands.Reproduce(replace(PRESET, published=()), str(tmp_path / "table.html")))
    assert "No numbers are published." in (tmp_path / "table.html").read_text()


@pytest.mark.parametrize(
    ("preset", "said"),
    [
        (replace(PRESET, published=()), "No numbers are published"),
        (replace(PRESET, settings=SETTINGS.with_values({"amplitude_max": 0.5})), "its own tasks"),
        (replace(PRESET, published=(replace(PRESET.published[0], algorithm="reptile"),)), "No arm"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_words(preset: Preset, said: str) -> None:
    driver = driver_at(3)
    driver.tell(commands.Reproduce(preset))
    assert not [r for r in driver.outbox.collect() if isinstance(r, reports.Compared)]
    driver.tell(commands.Reproduce(preset))
    (refused,) = driver.reports(reports.Refused)
    assert isinstance(refused, reports.Refused) and said in refused.reason


def test_a_file_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    driver = driver_at(3)
    driver.tell(commands.Reproduce(PRESET, str(tmp_path / "file" / "report.html")))
    (refused,) = driver.reports(reports.Refused)
    assert isinstance(refused, reports.Refused) and "cannot be written" in refused.reason
