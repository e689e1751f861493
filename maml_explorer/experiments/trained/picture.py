"""Pictures of a trained run: SVG for a notebook and a file, or drawn on axes of Matplotlib."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.experiments.trained.seed import TrainedSeed
from maml_explorer.files.writer import write_text
from maml_explorer.settings.declaration import SettingsError, quoted
from maml_explorer.settings.settings import Settings
from maml_explorer.storage.report.figures import figure_words, scale_of
from maml_explorer.storage.report.report import binned
from maml_explorer.storage.report.report_plots import ReportLine, line_key, plot

_STYLES = {"solid": "-", "dash": "--", "dot": ":", "dashdot": "-.", "dashdotdot": (0, (8, 3, 2, 3))}
"""Line styles in Matplotlib's words."""


@dataclass(frozen=True, repr=False)
class RunPicture:
    """Curves of a run, one for each arm. A notebook shows it as the last value of a cell."""

    lines: tuple[ReportLine, ...]
    x_label: str
    y_label: str
    log_y: bool = False

    @property
    def svg(self) -> str:
        """The picture as SVG."""
        return plot(self.lines, (), self.x_label, self.y_label, log_y=self.log_y)

    def save(self, path: str | Path) -> Path:
        """Write the picture to a file and return its path: either all of it is written or nothing.

        Raises:
            SettingsError: if the name does not end in .svg, the only format.
            OSError: if it cannot be written.
        """
        path = Path(path)
        if path.suffix.lower() != ".svg":
            raise SettingsError(
                f"{quoted(path.name)} cannot be written: this picture is SVG, so the name ends in "
                ".svg; for other formats draw it on axes, plot(ax=axes)."
            )
        write_text(path, self.svg + "\n")
        return path

    def draw_on(self, ax: Any) -> Any:
        """Draw the curves on Matplotlib axes, and return the axes."""
        for line in self.lines:
            style = {"color": line.color, "linestyle": _STYLES.get(line.line, "-")}
            ax.plot(line.x, line.y, label=line.name, **style)
            band = [
                (x, y - half, y + half)
                for x, y, half in zip(line.x, line.y, line.half, strict=False)
                if y is not None and half is not None
            ]
            if band:
                ax.fill_between(*zip(*band, strict=True), color=line.color, alpha=0.15)
        ax.set_xlabel(self.x_label)
        ax.set_ylabel(self.y_label)
        if self.log_y:
            ax.set_yscale("log")
        ax.legend()
        return ax

    def __repr__(self) -> str:
        return (
            f"RunPicture({', '.join(line.name for line in self.lines)}; .save('a.svg') writes it)"
        )

    def _repr_html_(self) -> str:
        keys = " &nbsp; ".join(line_key(line) for line in self.lines)
        return f"<div style='max-width:40em'>{self.svg}<p>{keys}</p></div>"


def picture_of(
    what: str, settings: Settings, seeds: Mapping[int, TrainedSeed], summary: Mapping[str, Any]
) -> RunPicture:
    """The picture "results" or "losses" of a run.

    Raises:
        SettingsError: for any other name.
    """
    if what not in ("results", "losses"):
        raise SettingsError(f"There is no picture {quoted(what)}: allowed are results, losses.")
    if what == "results":
        return _results(settings, summary)
    return _losses(settings, seeds)


def _results(settings: Settings, summary: Mapping[str, Any]) -> RunPicture:
    figure, seeds = settings.family.figure, len(summary["seeds"])
    scale, lines = scale_of(figure), []
    for arm in settings.arms:
        over = summary["arms"][arm.name]["over_seeds"]
        shots = [one["shots"] for one in over]
        if not shots:
            continue
        at = shots.index(settings.inner.shots) if settings.inner.shots in shots else 0
        one = next(iter(summary["arms"][arm.name]["seeds"].values()))["evaluations"][at]
        half = over[at]["ci95"] if seeds > 1 else one["ci95"]
        record = ALGORITHMS[arm.algorithm]
        mean, width = (
            [v if v is None else scale * v for v in vs] for vs in (over[at]["mean"], half)
        )
        steps = over[at]["inner_steps"]
        lines.append(ReportLine(arm.name, record.color, record.line, steps, mean, width))
    return RunPicture(tuple(lines), "inner steps", f"query {figure_words(figure)}")


def _losses(settings: Settings, seeds: Mapping[int, TrainedSeed]) -> RunPicture:
    lines = []
    for arm in settings.arms:
        curves = [
            binned(found.outer_step.tolist(), found.query_after.tolist())
            for part in seeds.values()
            if (found := part.metrics.get(arm.name)) is not None
        ]
        if not curves:
            continue
        # bins of one run are the same for every seed; an interrupted one has fewer
        steps = max((x for x, _ in curves), key=len)
        means = [fmean(y[n] for _, y in curves if n < len(y)) for n in range(len(steps))]
        record = ALGORITHMS[arm.algorithm]
        lines.append(ReportLine(arm.name, record.color, record.line, steps, means))
    return RunPicture(tuple(lines), "outer step", "outer loss", log_y=True)
