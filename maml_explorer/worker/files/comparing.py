"""Comparison of the current run with published numbers: the verdicts, and the report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from maml_explorer.core.replay.interruption import Interrupted, Look
from maml_explorer.files.writer import write_text
from maml_explorer.protocol import commands, reports
from maml_explorer.published.verdicts import wanted_tests
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.storage.initialization.folder import versions
from maml_explorer.storage.report.page import report_html
from maml_explorer.storage.report.report import Report, binned
from maml_explorer.storage.run.history import changes_in_words
from maml_explorer.storage.run.records import evaluation_record
from maml_explorer.worker.run import Run


def compared(run: Run, command: commands.Reproduce, look: Look) -> reports.Compared:
    """The verdicts on the run as it is now; the report is written where a file is named.

    Raises:
        SettingsError: where nothing can be compared or written; nothing was changed.
    """
    report = _report(run, command, look)
    if command.file:
        path = Path(command.file)
        if path.exists():
            raise SettingsError(f"{path} exists already: the report was not written.")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_text(path, report_html(report))
        except OSError as error:
            raise SettingsError(f"{path} cannot be written: {error.strerror}.") from None
    return reports.Compared(
        run.number,
        run.state.outer_step,
        command.preset,
        report.comparisons,
        report.deviations,
    )


def _report(run: Run, command: commands.Reproduce, look: Look) -> Report:
    preset, plan, state, settings = command.preset, run.plan, run.state, run.settings
    if not preset.published and not command.file:
        raise SettingsError(f"No numbers are published for the preset “{preset.title}”.")
    if preset.published and preset.settings.tasks != settings.tasks:
        raise SettingsError(
            f"What is published for “{preset.title}” was measured on its own tasks: this run "
            "trains on others, so nothing was compared."
        )
    tests = wanted_tests(preset, settings)
    if not tests:
        raise SettingsError(f"No arm of this run has numbers published for “{preset.title}”.")
    try:
        records: dict[str, tuple[dict[str, Any], ...]] = {
            name: tuple(
                evaluation_record(
                    plan, name, state.arms[name].initialization,
                    shots=shots, inner_steps=steps, look=look,
                )
                for shots, steps in of_arm.items()
            )
            for name, of_arm in tests.items()
        }  # fmt: skip
    except Interrupted:
        raise SettingsError("Nothing was compared: that was cancelled.") from None
    changed = changes_in_words(run.changes)
    return Report(
        preset=preset,
        settings=settings,
        records={settings.run.seed: records},
        outer_steps={name: state.arms[name].outer_step for name in tests},
        losses=_losses(run),
        notes=tuple(
            f"{name} diverged; it is kept at its step {state.arms[name].outer_step}."
            for name in tests
            if state.arms[name].frozen
        ),
        command="in the window: File, Write report",
        device=str(plan.device),
        versions=versions(),
        changed=(changed,) if changed else (),
    )


def _losses(run: Run) -> dict[str, tuple[list[float], list[float]]]:
    found: dict[str, tuple[list[Any], list[Any]]] = {}
    for block in run.history.blocks(run.number):
        for row, name in enumerate(block.arms):
            known = np.isfinite(block.query_after[row])
            steps, losses = found.setdefault(name, ([], []))
            steps.append(block.outer_step[known])
            losses.append(block.query_after[row, known])
    return {
        name: binned(np.concatenate(steps).tolist(), np.concatenate(losses).tolist())
        for name, (steps, losses) in found.items()
    }
