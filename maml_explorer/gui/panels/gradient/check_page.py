"""The meta-gradient against finite differences of the outer loss, at a press."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout, QWidget

from maml_explorer.gui.panels.insight.page import InsightPage
from maml_explorer.gui.plots.figure_table import FigureTable
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.style.numbers import number
from maml_explorer.gui.widgets.controls import label
from maml_explorer.protocol.insight import InsightRequest, ViewName
from maml_explorer.protocol.insight_records.check import CheckSeen

CHECK = InsightRequest.of(ViewName.CHECK)
COLUMNS = ("Direction", "measured", "predicted", "difference", "first order", "difference")
TIPS = (
    "The first is that of the meta-gradient itself, the others are drawn at random",
    "Slope of the outer loss by central differences, in float64",
    "Slope by the meta-gradient",
    "Predicted by the meta-gradient minus measured",
    "Slope by the query gradient at the adapted parameters alone",
    "First order less measured",
)


class CheckPage(InsightPage):
    """A sentence, and the slopes along every direction."""

    tip = "Is it really second order? The meta-gradient against finite differences"
    on_demand = (
        "Compares the slopes that the meta-gradient predicts with measured ones: central "
        "differences of the outer loss in float64, along 8 directions."
    )
    verb = "Check the gradient"

    def __init__(self, session: Session) -> None:
        self.words = label("")
        self.words.setWordWrap(True)
        self.table = FigureTable("Slopes of the outer loss", COLUMNS, TIPS)
        content = QWidget()
        box = QVBoxLayout(content)
        box.setContentsMargins(0, 0, 0, 0)
        box.addWidget(self.words)
        box.addWidget(self.table, 1)
        super().__init__(session, CHECK, content)

    def draw(self, record: CheckSeen) -> None:
        """Shows the slopes."""
        self.words.setText(in_words(record))
        self.table.fill(
            [
                [
                    "gradient" if nth == 0 else f"random {nth}",
                    *(number(float(v), 6) for v in (measured, second)),
                    number(float(second - measured), 2),
                    number(float(first), 6),
                    number(float(first - measured), 2),
                ]
                for nth, (measured, second, first) in enumerate(
                    zip(record.measured, record.second_order, record.first_order, strict=True)
                )
            ]
        )


def in_words(record: CheckSeen) -> str:
    """Result of the check, in words."""
    kinks = (
        "" if record.smooth else " With ReLU differences may cross a kink, which shows as an error."
    )
    if record.implicit:
        kinks = (
            " The meta-gradient is that of the inner minimum, but the path of K steps is measured: "
            "the difference falls as more inner steps come nearer to it." + kinks
        )
    return (
        f"On {record.tasks} held-out tasks the meta-gradient is off by {number(record.error, 2)} "
        f"of the largest slope, first order alone by {number(record.first_order_error, 2)}.{kinks}"
    )
