"""Comparison of a run with published figures: in words, and figure by figure in a table."""

from __future__ import annotations

import re
from bisect import bisect_right

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QWidget

from maml_explorer.gui.plots.open_table import show_table
from maml_explorer.gui.plots.table import Table
from maml_explorer.gui.style.numbers import number, whole
from maml_explorer.protocol.reports import Compared
from maml_explorer.published.verdicts import agreement_words, verdict_words
from maml_explorer.settings.presets import Preset
from maml_explorer.settings.words import counted
from maml_explorer.storage.run.history import TRAINED


def preset_source(preset: Preset | None) -> str:
    """Text that the published numbers of a preset stand in, each once."""
    sources = () if preset is None else dict.fromkeys(one.source for one in preset.published)
    return "\n".join(f"Published in {source}" for source in sources)


def wordings(found: Compared, *, old: bool) -> list[str]:
    """The verdicts in words, the longest first; `old` where training has left them behind."""
    said = [comparison_words(found), *brief_words(found)]
    return [f"old: {words[0].lower()}{words[1:]}" for words in said] if old else said


def comparison_words(found: Compared) -> str:
    """The verdicts in sentences, of which outer step they are, and what the run does otherwise."""
    return f"{_tested(found)} {_spaced(verdict_words(found.comparisons))}{_changed(found)}"


def brief_words(found: Compared) -> list[str]:
    """Shorter words, at last the number of figures that agree; the longest wording first."""
    why, by_arm, total = (
        agreement_words(found.comparisons, **wanted)
        for wanted in ({"why": True}, {}, {"total": True})
    )
    at, tested = f"At outer step {whole(found.outer_step)}", _tested(found)
    wordings = [f"{tested} {why}", why, f"{tested} {by_arm}", f"{at}: {total}", total]
    if all(one.verdict.shortened for one in found.comparisons):  # the words name the outer step
        wordings = [why, total]
    return [_spaced(words) for words in wordings]


def figure_rows(found: Compared) -> Table:
    """Every published figure with what was measured here, and its verdict."""
    header = ("arm", "shots", "inner steps", "published", "here", "tasks diverged", "verdict")
    rows = [
        (
            one.arm,
            one.shots,
            one.inner_step,
            with_interval(one.published, one.published_ci95),
            with_interval(one.mean, one.ci95, fixed=True),
            one.diverged,
            one.verdict.words.partition(" (")[0] if one.diverged else one.verdict.words,
        )
        for one in found.comparisons
    ]
    return header, rows


def show_figures(found: Compared, parent: QWidget, of_arms: str = "") -> QWidget:
    """Opens the table of all figures.

    Args:
        of_arms: words on the differences between the arms, which stand above it as well.
    """
    words = f"{_tested(found)} {preset_source(found.preset)}.{_changed(found)} {of_arms}".rstrip()
    window = show_table("Published figures", figure_rows(found), parent, words)
    window.resize(window.width(), 360)
    return window


def with_interval(mean: float | None, ci95: float | None, *, fixed: bool = False) -> str:
    """A figure with its 95 % interval: "2.12 ± 0.13".

    Args:
        mean: the figure.
        ci95: half of its interval.
        fixed: keep zeros at the end; a published figure has the digits it was published with.
    """
    words = number(mean, fixed=fixed)
    return words if mean is None or ci95 is None else f"{words} ± {number(ci95, 2, fixed=fixed)}"


def shortened(text: str, metrics: QFontMetrics, width: int, room: float) -> str:
    """Beginning of a text: the whole words that `room` pixels of height hold at a `width`."""
    words = text.split(" ")
    room += metrics.lineSpacing() / 2  # a line may be a pixel higher than its spacing

    def high(count: int) -> int:
        said = " ".join(words[:count]) + "…"
        area = QRect(0, 0, width, 10_000)
        return metrics.boundingRect(area, Qt.TextFlag.TextWordWrap, said).height()

    if not text or high(len(words)) <= room:
        return text
    kept = bisect_right(range(1, len(words)), room, key=high)
    return " ".join(words[:kept]).rstrip(".,:;") + "…"


def _spaced(text: str) -> str:
    """The text with thin spaces between thousands: reports and files have none."""
    return re.sub(r"\d{4,}", lambda digits: whole(int(digits[0])), text)


def _tested(found: Compared) -> str:
    """Outer step and shots of the comparison; several numbers of shots are said arm by arm."""
    shots = {one.shots for one in found.comparisons}
    tested = f", tested with {counted(min(shots), 'shot')}" if len(shots) == 1 else ""
    return f"Outer step {whole(found.outer_step)}{tested}."


def _changed(found: Compared) -> str:
    """Sentences on what the run does otherwise than the preset, and what was changed on the way."""
    otherwise = [one for one in found.deviations if not one.startswith(TRAINED)]
    on_the_way = [_spaced(one) for one in found.deviations if one.startswith(TRAINED)]
    more = f", and {len(otherwise) - 1} more" if otherwise[1:] else ""
    said = [f"Changed from the preset: {otherwise[0]}{more}"] if otherwise else []
    return "".join(f" {one}." for one in (*said, *on_the_way))
