"""Speed of adaptation of every arm: query MSE against inner step on the held-out tasks."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import numpy as np
from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QMenu, QVBoxLayout, QWidget

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.gui.panels.adaptation_speed.arms_compared import (
    COMPARES,
    gap_wordings,
    joined,
    show_gaps,
)
from maml_explorer.gui.panels.adaptation_speed.comparison import shortened, show_figures, wordings
from maml_explorer.gui.panels.adaptation_speed.plot import SpeedPlot
from maml_explorer.gui.panels.adaptation_speed.published_marks import (
    OTHER_TASKS,
    compares,
    published_details,
    published_points,
)
from maml_explorer.gui.panels.adaptation_speed.statistics import EVERY, MEAN, STATISTICS
from maml_explorer.gui.panels.adaptation_speed.words import (
    brief_words_on_test,
    subtitles,
    words_on_test,
)
from maml_explorer.gui.session.meta_test_age import (
    earlier_steps,
    is_left_behind,
    meta_test_is_old,
    tested_step,
)
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.session.view_state import ViewState
from maml_explorer.gui.style.numbers import whole
from maml_explorer.gui.widgets.controls import button, row
from maml_explorer.gui.widgets.controls import label as words_label
from maml_explorer.gui.widgets.elided_label import ElidedLabel
from maml_explorer.gui.widgets.plain_tip import plain_tip
from maml_explorer.protocol.reports import MetaTested

_AXES = "linear", "log", (AUTO := "auto")
"""Of a prepared state: logarithmic where an arm would leave a linear one, until one is chosen."""
MOST_TESTS = 500
"""Meta-tests of a run that can be looked back at."""
_LOW = 13
"""Lines of text that the panel is high where it has hardly any words beside the plot."""
_FLAT = 1e4
"""Times a usual value from which a peak leaves a linear axis nothing of the others."""
_BESIDE, _FEW = 24, 2
"""Lines of text kept for all else beside a verdict, and those that it has at least; two have 3."""


class AdaptationSpeedPanel(QWidget):
    """Plot, what it is of, and what diverged, in words."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session, self.plot = session, SpeedPlot(session)
        self.subtitle = ElidedLabel()
        self.plot.caption = lambda: self.subtitle.full
        self._log_chosen: bool | None = None
        """The axis for errors; until one is chosen it is logarithmic where an arm runs away."""
        self._ran_away = False
        """An arm of this run did: its axis stays logarithmic, or it would come and go."""
        self.statistic = button("", self._open_statistics, "Mean, median or every task", "flat")
        self.log_y = button("log y", lambda: None, "Logarithmic y axis")
        self.log_y.setAccessibleName("Logarithmic y axis")
        self.log_y.setCheckable(True)
        self.log_y.toggled.connect(self._set_log)
        self.tests: list[MetaTested] = []
        """Those of this run, the newest last."""
        self._drawn: MetaTested | None = None
        self._seen: tuple[object, ...] = ()
        """Key of the drawing: the meta-test, and what else it shows."""
        self.pointed = session.pointed
        self.source = ElidedLabel()
        self.compare = button("Compare", self._compare, COMPARES)
        self.figures = button("Figures…", self._show_figures, "All that was compared, one by one")
        self.verdict = words_label("")
        self._arms_asked = self._both = False  # comparison of arms, until the run ends; and another
        self._published = False
        """There are published figures of these tasks."""
        self._verdict, self._brief = "", [""]
        """All words of the verdict, and shorter wordings for a low panel."""
        self.verdict.setWordWrap(True)
        self.diverged = words_label("", "muted")
        self.diverged.setWordWrap(True)
        head = row(words_label("Adaptation speed", "title"))
        head.addWidget(self.statistic)
        head.addStretch(1)
        head.addWidget(self.log_y)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(4)
        box.addLayout(head)
        box.addWidget(self.subtitle)
        box.addWidget(self.plot, 1)
        foot = row(self.figures, self.compare)
        foot.insertWidget(0, self.source, 1)
        box.addWidget(self.verdict)
        box.addWidget(self.diverged)
        box.addLayout(foot)  # last: its buttons keep their place while the words grow
        session.measured.meta_tested.connect(self._take_meta_test)
        session.link.run_started.connect(self._take_run)
        for ended in (session.measured.compared, session.link.refused, session.link.failed):
            ended.connect(self._compared)
        session.hidden_changed.connect(self._show)
        self.pointed.changed.connect(self._show)
        session.divergences.changed.connect(self._show)
        session.editor.settings_changed.connect(self._show)
        session.led_changed.connect(self.plot.draw)
        session.theme_changed.connect(self.plot.take_colors)
        session.link.status_changed.connect(self._follow)
        self.choose(MEAN)

    def choose(self, statistic: str) -> None:
        """Shows the mean, the median or every task."""
        words, _ = STATISTICS[statistic]
        self.plot.statistic = statistic
        self._ran_away = False
        self.statistic.setText(f"{words} ▾")
        self.statistic.setAccessibleName(f"Statistic shown: {words}")
        self._drawn = None
        self._show()

    def statistics_menu(self) -> QMenu:
        """The statistics, and the task that went worst."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.setToolTipsVisible(True)
        for key, (words, tip) in STATISTICS.items():
            action = menu.addAction(words.capitalize(), partial(self.choose, key))
            action.setToolTip(plain_tip(tip))
            action.setCheckable(True)
            action.setChecked(key == self.plot.statistic)
        menu.addSeparator()
        worst = menu.addAction("Show the task that went worst", self._show_worst)
        worst.setEnabled(self.plot.worst_task() is not None)
        return menu

    def _open_statistics(self) -> None:
        below = self.statistic.rect().bottomLeft()
        self.statistics_menu().popup(self.statistic.mapToGlobal(below))

    def _show_worst(self) -> None:
        if (task := self.plot.worst_task()) is not None:
            self.plot.show_task(task)

    def drawn(self) -> dict[str, str]:
        """State of this panel's drawing, for a prepared state."""
        axis = AUTO if self._log_chosen is None else _AXES[self._log_chosen]
        return {"statistic": self.plot.statistic, "speed_axis": axis}

    def draw_as(self, state: ViewState) -> None:
        """Shows the statistic and the axis of a prepared state, where it names them."""
        if state.speed_axis in _AXES:
            self._set_log(None if state.speed_axis == AUTO else state.speed_axis == "log")
        if state.statistic in STATISTICS:
            self.choose(state.statistic)

    def _age(self) -> None:
        """Fades lines that training has left behind."""
        newest = self.plot.test is self.session.measured.meta_test
        self.plot.fade(newest and meta_test_is_old(self.session))

    def _follow(self) -> None:
        """Ages the lines, and says so where that has changed."""
        before = self.plot.stale
        self._age()
        if self.plot.stale != before:
            self._show()

    def _take_meta_test(self, test: MetaTested) -> None:
        if self.tests:  # figures of single tasks are many: only the newest test keeps them
            self.tests[-1] = replace(self.tests[-1], held_out=None)
        self.tests = [*self.tests[-MOST_TESTS:], test]
        self._show()

    def _take_run(self) -> None:
        self.tests, self._ran_away, self._arms_asked = [], False, False
        self._compared()

    def _compare(self) -> None:
        self._arms_asked = True
        if self._published:
            self.session.control.compare()
        self._offer_compare(busy=self._published)

    def _show_figures(self) -> None:
        plot, comparison = self.plot, self.session.measured.comparison
        if comparison is not None and self._published:
            show_figures(comparison, self, (gap_wordings(plot) or [""])[0])
        else:
            show_gaps(plot.test, self.session, self)

    def _compared(self) -> None:
        self._offer_compare(busy=False)

    def _offer_compare(self, busy: bool) -> None:
        self.compare.setEnabled(not busy)
        self.compare.setText("Comparing…" if busy else "Compare")
        self._show()

    @property
    def shown(self) -> MetaTested | None:
        """The newest meta-test, or the one before the outer step that is pointed at."""
        at = self.pointed.outer_step
        if at is None or not self.tests:
            return self.session.measured.meta_test
        before = [test for test in self.tests if test.outer_step <= at]
        return (before or self.tests[:1])[-1]

    def _show(self) -> None:
        if not self.isVisible():
            return
        plot, preset = self.plot, self.session.editor.preset
        test = plot.test = self.shown
        fits = compares(preset, self.session.settings)
        found = self.session.measured.comparison
        found = found if found and found.preset == preset else None
        plot.published.points = published_points(preset, found) if fits else []
        plot.published.old = found is not None and is_left_behind(self.session, found.outer_step)
        self._draw()
        if test is None or not self.plot.drawn:
            self.subtitle.say("held-out tasks")
        elif test is not self.session.measured.meta_test:
            self.subtitle.say(f"as at outer step {whole(test.outer_step)}")
        else:
            step = whole(tested_step(self.session, test))
            self.subtitle.say(*subtitles(test, step, self.plot.statistic, stale=self.plot.stale))
        elsewhere = preset is not None and preset.published and not fits
        published = OTHER_TASKS if elsewhere else plot.published.words(test)
        self.source.say(*(published or [""]))
        self.source.explain(published_details(preset) if published else "")
        self._published = fits and bool(published)
        arms = gap_wordings(plot)
        self.source.setVisible(bool(published or arms))  # empty it keeps the buttons narrow
        self.compare.setVisible(self._published or bool(arms))
        said = wordings(found, old=plot.published.old) if found else [""]
        self._verdict, *self._brief = joined(arms if self._arms_asked else [], said)
        self._both = self._arms_asked and bool(arms and found)
        self.figures.setVisible(bool(self._verdict))
        self._say()

    def _say(self) -> None:
        """Writes the words below, no more than the plot can spare; the rest is a tooltip."""
        metrics, width = self.fontMetrics(), max(self.width(), 60)
        line = metrics.lineSpacing()
        room = max((_FEW + self._both) * line, self.height() - _BESIDE * line)
        wordings = (self._verdict, *self._brief)
        fits = (one for one in wordings if shortened(one, metrics, width, room) == one)
        verdict = next(fits, "") or shortened(self._brief[-1], metrics, width, room)
        self.verdict.setText(verdict)
        self.verdict.setToolTip(plain_tip(self._verdict if verdict != self._verdict else ""))
        self.verdict.setVisible(bool(verdict))
        # the whole verdict counts diverged tasks too
        text = "" if verdict and verdict != self._verdict else self.in_words()
        low = self.height() < _LOW * line
        self.subtitle.setVisible(not low)
        said = self._shortest(text, line if low else math.inf)
        self.diverged.setText(said)
        self.diverged.setToolTip(plain_tip(text if said != text else ""))
        self.diverged.setVisible(bool(text))

    def _shortest(self, text: str, most: float) -> str:
        """The words as they are or in brief, whichever has room first, or else cut."""
        test, cut = self.plot.test, text
        briefer = () if test is None else brief_words_on_test(test, self.plot.drawn)
        for words in (text, *briefer):
            cut = shortened(words, self.fontMetrics(), max(self.width(), 60), most)
            if cut == words:
                break
        return cut

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Writes as many words as there is room for."""
        super().resizeEvent(event)
        self._say()

    def _draw(self) -> None:
        """Draws where it would look other than before: most settings change nothing here."""
        plot = self.plot
        if self.plot.test is not self._drawn or self._what_is_seen() != self._seen:
            self._drawn = self.plot.test
            plot.draw()
            if self._choose_axis():
                plot.draw()
            self._seen = self._what_is_seen()
        self._age()

    def _what_is_seen(self) -> tuple[object, ...]:
        session, plot = self.session, self.plot
        return (
            session.settings.arms, session.hidden, session.theme, plot.published.points,
            plot.log_y, plot.statistic, plot.last_shown,
        )  # fmt: skip

    def _choose_axis(self) -> bool:
        """Takes the chosen axis, or a log one where an arm would leave or flatten a linear plot.

        Accuracies have a linear one. True where that has changed.
        """
        tops = [float(data.mean.max()) for data in self.plot.drawn.values() if len(data.mean)]
        every = self.plot.statistic == EVERY and self.plot.worst_task() is not None
        away = self._ran_away or any(top > self.plot.linear_ceiling() for top in tops)
        if drawn := [data for data in self.plot.drawn.values() if len(data.mean)]:
            usual = float(np.median(np.concatenate([data.mean for data in drawn])))
            peak = max(float(data.high.max()) for data in drawn)
            away = away or min(peak, self.plot.linear_ceiling()) > _FLAT * usual > 0
        accuracy = self.session.settings.family.higher_is_better
        self.log_y.setEnabled(not accuracy)
        self._ran_away, away = away, away or every
        away = not accuracy and (away if self._log_chosen is None else self._log_chosen)
        changed = away != self.plot.log_y
        self.plot.log_y = away
        with QSignalBlocker(self.log_y):
            self.log_y.setChecked(away)
        return changed

    def in_words(self) -> str:
        """Words on the tasks that diverged, and on their effect on the lines; empty for none."""
        plot, test, arms = self.plot, self.plot.test, self.session.settings.arms
        if test is None:
            return ""
        joint = {arm.name for arm in arms if ALGORITHMS[arm.algorithm].adapts == "none"}
        earlier, frozen = earlier_steps(self.session, test), self.session.divergences.frozen
        return words_on_test(
            test, plot.drawn, plot.ceiling(), joint, earlier, frozen, stale=plot.stale
        )

    def _set_log(self, on: bool | None) -> None:
        self._log_chosen, self._drawn = on, None
        self._show()

    def showEvent(self, event: QShowEvent) -> None:
        """Catches up with what arrived while hidden."""
        super().showEvent(event)
        self._show()
