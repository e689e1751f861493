"""Words on a meta-test: what the lines are of, and which tasks diverged."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from maml_explorer.gui.panels.adaptation_speed.class_lines import SEEN
from maml_explorer.gui.panels.adaptation_speed.statistics import EVERY, SpeedLine
from maml_explorer.gui.plots.plot_text import EVERY_ARM_HIDDEN
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.style.numbers import number, whole
from maml_explorer.protocol.reports import MetaTested
from maml_explorer.settings.words import by_value, counted, listed

SOON = "The first meta-test comes in a moment"
TESTING = "Testing on held-out tasks…"
NOT_TRAINED = "Not trained yet"


def words_where_empty(test: MetaTested | None, drawn: bool, session: Session) -> str:
    """Words on a plot without a line, empty where an arm is drawn."""
    if drawn:
        return ""
    # a lesson that leads says what comes next
    if session.led and (test is None or test.outer_step == 0):
        status = session.status
        return NOT_TRAINED if status is None or status.outer_step == 0 else TESTING
    return EVERY_ARM_HIDDEN if test is not None and not session.shown_arms else SOON


def subtitles(test: MetaTested, step: str, statistic: str, *, stale: bool) -> list[str]:
    """Words on what the newest meta-test is of, the longest first.

    How old it is comes first: it may be of long before where the machine is busy.

    Args:
        step: the outer step of what was tested.
        statistic: which is drawn.
        stale: training has left the test behind.
    """
    tasks, old = f"{whole(test.tasks)} held-out tasks", "old: " if stale else ""
    if test.declared is not None:
        tasks = f"first {whole(test.tasks)} of {counted(test.declared, 'task', whole)}"
    band = "" if statistic == EVERY else f" · {statistic} ± 95 %"
    wordings = [f"outer step {step} · {tasks}", f"outer step {step}", f"step {step}"]
    seen = ""
    if test.seen:
        seen = f" · {SEEN}"
        few = f"step {step} · {counted(test.tasks, 'task', whole)}{seen}"
        wordings = [f"{wordings[0]}{seen}", few, *wordings]
    full = f"outer step {step} · {tasks}{band} · {counted(test.shots, 'shot')}{seen}"
    return [f"{old}{words}" for words in (full, *wordings)]


def words_on_test(
    test: MetaTested,
    drawn: Mapping[str, SpeedLine],
    ceiling: float,
    joint: Collection[str],
    earlier: Mapping[str, int],
    frozen: Collection[str],
    *,
    stale: bool,
) -> str:
    """Words on arms of earlier steps and tasks that diverged, and their effect; empty for none.

    Args:
        test: the meta-test.
        drawn: arm → its line.
        ceiling: upper end of the axis.
        joint: arms that train without an inner loop: their losses stay calm at any α.
        earlier: arm → the outer step of its line, where that is not the test's.
        frozen: arms that diverged.
        stale: training has left the test behind, whose outer step is named.
    """
    lost: dict[str, list[str]] = {}
    beyond: dict[str, list[str]] = {}
    calm: list[str] = []
    for name, data in drawn.items():
        diverged = test.arms[name].diverged
        worst, at = _lost(diverged, test.tasks)
        if worst:
            of = counted(test.tasks, "task", whole)
            what = f"{whole(worst)} of {of} diverged at inner step {at}"
            lost.setdefault(what, []).append(name)
        above = bool(len(data.mean)) and data.mean.max() > ceiling
        if above:
            beyond.setdefault(number(float(data.mean.max())), []).append(name)
        if name in joint and (worst or above):
            calm.append(name)
    parts = [f"{', '.join(names)}: {what}." for what, names in lost.items()]
    if len(parts) > 1:  # a sentence for each would leave the plot no room
        parts = [_counts(test, drawn, "inner step")]
    if any(bool(data.kept.any()) for data in drawn.values()):
        parts.append("Hollow markers: mean of the others at that step.")
    over = [f"{', '.join(names)} {top}" for top, names in beyond.items()]
    if len(over) == 1:
        ((top, names),) = beyond.items()
        over = [f"{', '.join(names)} {'reaches' if len(names) == 1 else 'reach'} {top}"]
    if any(data.short for data in drawn.values()):
        parts.append("No mean is drawn at steps where most diverged.")
    if over:
        parts.append(f"Above the plot: {', '.join(over)}.")
    if calm:
        verb, its = ("trains", "its") if len(calm) == 1 else ("train", "their")
        parts.append(f"{listed(calm)} {verb} without an inner loop: {its} losses stay calm.")
    said = " ".join(parts)
    if stale and said:
        said = _dated(said, test.outer_step, drawn)
    there = {
        name: step for name, step in earlier.items() if name in drawn and drawn[name].mean.size
    }
    return " ".join([*_on_earlier(there, frozen, test.outer_step), said]).rstrip()


def _lost(diverged: Sequence[int], tasks: int) -> tuple[int, int]:
    """(tasks that diverged, the inner step): the first where most did, else that of most."""
    worst = max(diverged, default=0)
    lost = next((count for count in diverged if 2 * count > tasks), worst)
    return lost, diverged.index(lost) if lost else 0


def _counts(test: MetaTested, drawn: Collection[str], step: str) -> str:
    """Each arm's tasks that diverged, at the inner step where they were most."""
    lost = {name: _lost(test.arms[name].diverged, test.tasks) for name in drawn}
    worst = {name: count for name, (count, _) in lost.items()}
    at = {name: nth for name, (count, nth) in lost.items() if count}
    if not at:
        return ""
    of = f"Of {counted(test.tasks, 'task', whole)} diverged"
    if len(set(at.values())) == 1:
        counts = [f"{name} {whole(worst[name])}" for name in at]
        return f"{of} at {step} {min(at.values())}: {', '.join(counts)}."
    counts = [f"{name} {whole(worst[name])} at {step} {nth}" for name, nth in at.items()]
    return f"{of}: {', '.join(counts)}."


def _on_earlier(steps: Mapping[str, int], frozen: Collection[str], of: int) -> list[str]:
    """Sentences on lines of an earlier outer step: "MAML is shown at outer step 120, before …".

    One that began later, or stood still, has taken fewer of the steps `of` the run.
    """
    late = {name: step for name, step in steps.items() if name not in frozen}
    stopped = {name: step for name, step in steps.items() if name in frozen}
    said = [f"{_taken(late)} of the {counted(of, 'outer step', whole)}."] if late else []
    if stopped:
        they = "it" if len(stopped) == 1 else "they"
        said.append(f"{_at(stopped)}, before {they} diverged.")
    return said


def _at(steps: Mapping[str, int]) -> str:
    """Words on the outer steps that arms are shown at."""
    return _each(steps, ("is shown at outer step", "are shown at outer step"), " at")


def _taken(steps: Mapping[str, int]) -> str:
    """Words on the outer steps that arms have taken."""
    return _each(steps, ("has taken", "have taken"))


def _each(steps: Mapping[str, int], verbs: tuple[str, str], then: str = "") -> str:
    """Arms and their steps; the verb, for one arm or several, stands once, and later `then`."""
    parts: list[str] = []
    for step, names in by_value(steps).items():
        verb = f" {verbs[len(names) > 1]}"
        parts.append(f"{listed(names)}{then if parts else verb} {whole(step)}")
    return listed(parts)


def _dated(said: str, outer_step: int, names: Collection[str]) -> str:
    """Words of a test of long ago behind its outer step; names keep their first letter."""
    if not said.startswith(tuple(names)):
        said = said[0].lower() + said[1:]
    return f"At outer step {whole(outer_step)}: {said}"


def brief_words_on_test(test: MetaTested, drawn: Mapping[str, SpeedLine]) -> tuple[str, ...]:
    """Shorter words on the tasks that diverged, for a low panel, the longest first."""
    said = _counts(test, drawn, "step")
    if not said:
        return ()
    hollow = any(data.kept.any() for data in drawn.values())
    return (f"{said} ○: mean of the others.", said) if hollow else (said,)
