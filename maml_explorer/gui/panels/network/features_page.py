"""Feature reuse or rapid learning: every arm's layers before and after adaptation, side by side."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from maml_explorer.gui.panels.insight.choice_page import ChosenPage, retitle, titled
from maml_explorer.gui.plots.category_plot import NAMES_FROM, CategoryPlot, Means
from maml_explorer.gui.plots.legend_line import LegendLine, LegendName
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.style.numbers import whole
from maml_explorer.gui.style.theme import Theme
from maml_explorer.protocol.insight import NothingToShow, ViewName
from maml_explorer.protocol.insight_records.features import FeaturesSeen
from maml_explorer.settings.words import counted

_BETWEEN = 8
"""Pixels between two plots."""


class _LegendOfAll(LegendLine):
    """The arms, over plots side by side that are too narrow to name them at their lines."""

    def __init__(self, plots: tuple[CategoryPlot, ...]) -> None:
        super().__init__(plots[0])
        self.plots = plots

    def entries(self, width: int) -> list[LegendName]:
        """Names as of one plot; none where each of those shown has room for its own names."""
        shown = sum(not plot.parentWidget().isHidden() for plot in self.plots)
        wide = width >= shown * NAMES_FROM + (shown - 1) * _BETWEEN
        return [] if wide else super().entries(width)

    def renew(self) -> None:
        """Takes up other arms or another width: the names stand here, or at the lines."""
        super().renew()
        named = not self.entries(self.width())
        for plot in self.plots:
            if plot.named != named:
                plot.named = named
                plot.draw()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Takes up the width."""
        super().resizeEvent(event)
        self.renew()


class FeaturesPage(ChosenPage):
    """Similarity of activations, change of parameters, freeze test."""

    tip = "Rapid learning or feature reuse? Layers before and after adaptation"
    of_an_arm = False

    def __init__(self, session: Session) -> None:
        self.similarity = CategoryPlot(
            session, "Similarity of features", "layer", top=1.0, most=1.0
        )
        self.change = CategoryPlot(session, "Change of parameters", "layer", log_y=True)
        self.frozen = CategoryPlot(
            session, "Freeze test", "layers frozen", log_y=True, without="diverged"
        )
        self.plots = (self.similarity, self.change, self.frozen)
        titles = ("Similarity (linear CKA)", "Change ‖φ − θ‖ / ‖θ‖", "Freeze test: query MSE")
        self._places: list[QWidget] = []
        content, row = QWidget(), QWidget()
        self.legend = _LegendOfAll(self.plots)
        whole_page, box = QVBoxLayout(content), QHBoxLayout(row)
        whole_page.addWidget(self.legend)
        whole_page.addWidget(row, 1)
        for layout, spacing in ((whole_page, 0), (box, _BETWEEN)):
            layout.setContentsMargins(0, 0, 0, 0)
            layout.setSpacing(spacing)
        for title, plot in zip(titles, self.plots, strict=True):
            self._places.append(titled(title, plot, title.split()[0].rstrip(":")))
            box.addWidget(self._places[-1], 1)
            plot.caption = lambda: self.summary
        super().__init__(session, ViewName.FEATURES, content, of_step=True)
        session.answers_hidden_changed.connect(self._hide_answer)
        self._hide_answer()
        self.reask()

    def _hide_answer(self) -> None:
        """Leaves the freeze test out where a lesson asks for it."""
        self._places[-1].setVisible(not self.session.answers_hidden)
        self.legend.renew()
        self.draw_now()  # what is said of the views follows them

    def draw(self, record: object) -> None:
        """Draws the arms that have a record; the summary says why the others have none."""
        if not isinstance(record, Mapping):
            return
        seen = {name: one for name, one in record.items() if isinstance(one, FeaturesSeen)}
        first = next(iter(seen.values()))
        figure = self.session.settings.family.figure
        retitle(self._places[-1], f"Freeze test: query {figure}", "Freeze test")
        depth = len(first.layers)
        layers = [*(str(nth + 1) for nth in range(depth - 1)), "out"]
        held = [*(str(nth) for nth in range(depth)), "all"]
        self.similarity.show_arms(
            layers, {n: Means(s.similarity, s.similarity_spread) for n, s in seen.items()}
        )
        self.change.show_arms(
            layers, {n: Means(s.change, s.change_spread) for n, s in seen.items()}
        )
        self.frozen.show_arms(
            held, {n: Means(s.frozen_error, s.frozen_half) for n, s in seen.items()}
        )
        self.legend.renew()
        words = _words(first, seen, record)
        if not self.session.answers_hidden:
            words.insert(2, "freeze test ± 95 %")
        self.tell(*words)

    def restyle(self, theme: Theme) -> None:
        """Takes the colours of `theme`."""
        for plot in self.plots:
            plot.take_colors(theme)
        self.legend.renew()


def _words(
    first: FeaturesSeen, seen: Mapping[str, FeaturesSeen], value: Mapping[str, object]
) -> list[str]:
    words = [
        f"After {counted(first.steps, 'inner step')}",
        f"mean ± sd of {whole(first.tasks)} held-out tasks",
    ]
    for name, one in seen.items():
        lost = max(one.diverged, *one.frozen_diverged)
        if lost:
            words.append(f"{name}: {counted(lost, 'task', whole)} diverged and are left out")
    for name, other in value.items():
        if isinstance(other, NothingToShow):
            words.append(f"{name}: {other.reason}")
    return words
