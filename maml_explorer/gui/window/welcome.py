"""The strip of the first start: what is drawn, and the ways in."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QFrame

from maml_explorer.gui.session.session import Session
from maml_explorer.gui.style.numbers import whole
from maml_explorer.gui.widgets.controls import button, row
from maml_explorer.gui.widgets.elided_label import ElidedLabel
from maml_explorer.protocol.reports import Status


class Welcome(QFrame):
    """Shown above the hero until training begins, a run is opened, or it is closed."""

    def __init__(
        self, session: Session, open_example: Callable[[], object], tour: Callable[[], object]
    ) -> None:
        super().__init__()
        self.setProperty("role", "banner")
        self._session, self._open_example = session, open_example
        self.text = ElidedLabel()
        self.train = button("Train now", self._train, "Meta-train from the beginning (Space)",
                            role="primary")  # fmt: skip
        self.example = button(
            "Open the trained example", self._open, "Go on with the run that is drawn here"
        )
        self.tour = button("Take the tour", tour, "A few minutes through the window")
        self.close_button = button("✕", self.finish, "Hide this strip", role="flat")
        self.close_button.setAccessibleName("Hide this strip")
        line = row()
        line.setContentsMargins(12, 6, 8, 6)
        line.addWidget(self.text, 1)
        for control in (self.train, self.example, self.tour, self.close_button):
            line.addWidget(control)
        self.setLayout(line)
        self.done = False
        """True where a way in was taken, now or at an earlier start."""
        session.link.status_changed.connect(self._look)
        session.task.example_ended.connect(self.finish)
        self.hide()

    def greet(self) -> None:
        """Draws the example and shows the strip."""
        shown = self._session.task.show_example()
        words = "A laboratory for learning to learn"
        if shown is not None:
            words = (
                f"Example: four arms after {whole(shown.outer_step)} outer steps adapt to one task"
                " · move the inner step to see them bend"
            )
        self.text.say(words)
        self.show()

    def finish(self) -> None:
        """Hides the strip; it does not come back."""
        self.done = True
        self.hide()
        self._session.task.end_example()

    def _train(self) -> None:
        self.finish()
        self._session.control.train()

    def _open(self) -> None:
        self.finish()
        self._open_example()

    def _look(self, status: Status) -> None:
        if self.isVisible() and status.outer_step > 0:
            self.finish()
