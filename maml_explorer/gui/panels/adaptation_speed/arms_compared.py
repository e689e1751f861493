"""Comparison of the arms with the first one, task by task: in words and as a table."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QWidget

from maml_explorer.gui.panels.adaptation_speed.plot import SpeedPlot
from maml_explorer.gui.plots.table import Table
from maml_explorer.gui.plots.table_window import TableWindow
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.style.numbers import whole
from maml_explorer.protocol.arm_gap import ArmGap
from maml_explorer.protocol.reports import MetaTested
from maml_explorer.settings.words import by_value, counted, listed
from maml_explorer.storage.report.figures import figure_text, figure_words

NONE_SEEN = "no difference seen"
"""Words where the interval of the mean difference contains 0."""


COMPARES = (
    "Compare the arms with the first one on the same held-out tasks, and with the published numbers"
)


def gaps_to_first(test: MetaTested | None, session: Session) -> list[ArmGap]:
    """Differences of the arms that are drawn from the first of them."""
    shown = [arm.name for arm in session.shown_arms]
    if test is None or not shown:
        return []
    return [gap for gap in test.gaps if gap.arm in shown and gap.against == shown[0]]


def gap_wordings(plot: SpeedPlot) -> list[str]:
    """Words on the differences that a plot shows, the longest wording first; empty for one arm.

    A meta-test that training has left behind is named with its outer step.
    """
    test, session = plot.test, plot.session
    gaps, figure = gaps_to_first(test, session), session.settings.family.figure
    if test is None or not gaps:
        return []
    first, words = gaps[0].against, figure_words(figure)
    after = _after(gaps)
    if plot.stale:
        after = f"at outer step {whole(test.outer_step)}, {after}"
    tasks = counted(gaps[0].tasks, "held-out task", whole)
    each = "; ".join(f"{gap.arm} {_difference(gap, figure)}{_share(gap)}" for gap in gaps)
    lost = [f"{gap.arm} {whole(gap.tasks - gap.kept)}" for gap in gaps if gap.kept < gap.tasks]
    left_out = f" Left out, as one of the two diverged: {', '.join(lost)}." if lost else ""
    few = f" Left out: {', '.join(lost)}." if lost else ""
    brief = ", ".join(f"{gap.arm} {_difference(gap, figure)}" for gap in gaps)
    return [
        f"Query {words} against {first} on the same {tasks}, {after}: {each}.{left_out}",
        f"{words[:1].upper()}{words[1:]} against {first}, {after}: {brief}.{few}",
        f"{_in_brief(gaps, after, higher=session.settings.family.higher_is_better)}{few}",
    ]


def joined(arms: Sequence[str], published: Sequence[str]) -> list[str]:
    """Wordings of both comparisons, the longest first; at least two, which may be empty.

    Args:
        arms: as :func:`gap_wordings` returns them; empty where that was not asked for.
        published: those of the comparison with published figures; one empty wording for none.
    """
    if not arms:
        return [*published, *published[-1:]]
    long, middle, short = arms
    pairs = [(long, published[0]), *((part, one) for part in (middle, short) for one in published)]
    return [" ".join(part for part in pair if part) for pair in pairs]


def show_gaps(test: MetaTested | None, session: Session, parent: QWidget) -> TableWindow | None:
    """Opens the table of all differences; None where there are none."""
    gaps, figure = gaps_to_first(test, session), session.settings.family.figure
    if test is None or not gaps:
        return None
    tasks = counted(gaps[0].tasks, "held-out task", whole)
    words = (
        f"Outer step {whole(test.outer_step)}, {tasks}, the same for all arms. Mean "
        "difference by task ± 95 %, each arm after its inner steps of training, on the tasks on "
        "which neither diverged."
    )
    window = TableWindow("Arms compared", gap_rows(gaps, figure), parent, words)
    window.resize(window.width(), 360)
    window.show()
    return window


def gap_rows(gaps: Sequence[ArmGap], figure: str) -> Table:
    """Every difference with its share of tasks, and how many tasks are left out."""
    header = (
        "arm", "against", "inner steps", f"difference of query {figure_words(figure)}", "",
        "better on", "tasks compared", "tasks left out",
    )  # fmt: skip
    return header, [
        (
            gap.arm,
            gap.against,
            " and ".join(map(str, dict.fromkeys(gap.steps))),
            figure_text(gap.mean, gap.ci95, figure, signed=True) if gap.kept else "–",
            NONE_SEEN if _contains_0(gap) else "",
            f"{whole(100 * gap.better / gap.kept)} %" if gap.kept else "–",
            gap.kept,
            gap.tasks - gap.kept,
        )
        for gap in gaps
    ]


def _after(gaps: Sequence[ArmGap]) -> str:
    """Inner steps of the comparison, and of the arms that train with others."""
    usual = gaps[0].steps[1]
    others = by_value({gap.arm: gap.steps[0] for gap in gaps if gap.steps[0] != usual})
    apart = [f"{listed(names)} after {step}" for step, names in others.items()]
    said = f"after {counted(usual, 'inner step')}"
    return f"{said} ({listed(apart)})" if apart else said


def _difference(gap: ArmGap, figure: str) -> str:
    if gap.mean is None:
        return "diverged on all"
    said = figure_text(gap.mean, gap.ci95, figure, signed=True).replace(" ", "\u00a0")
    return f"{said} ({NONE_SEEN})" if _contains_0(gap) else said


def _share(gap: ArmGap) -> str:
    return f", better on {whole(100 * gap.better / gap.kept)} % of tasks" if gap.kept else ""


def _contains_0(gap: ArmGap) -> bool:
    return gap.mean is not None and (gap.ci95 is None or abs(gap.mean) <= gap.ci95)


def _in_brief(gaps: Sequence[ArmGap], after: str, *, higher: bool) -> str:
    """Words on which arms are better or worse than the first after these steps, no figures."""
    first = gaps[0].against
    sorted_out: dict[str, list[str]] = {}
    for gap in gaps:
        if gap.mean is None:
            words = "diverged on all tasks"
        elif _contains_0(gap):
            words = f"{NONE_SEEN} to {first}"
        else:
            words = f"{'better' if (gap.mean > 0) is higher else 'worse'} than {first}"
        sorted_out.setdefault(words, []).append(gap.arm)
    said = "; ".join(f"{words}: {listed(names)}" for words, names in sorted_out.items())
    return f"{after[:1].upper()}{after[1:]}, {said}."
