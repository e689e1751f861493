"""The strip of the first start: what is drawn, and the ways on from there."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QFrame

from maml_explorer.gui.session.example import example_folder, example_preset
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.widgets.controls import button, row
from maml_explorer.gui.widgets.elided_label import ElidedLabel
from maml_explorer.protocol.reports import Phase, Status
from maml_explorer.settings.settings import Settings

INSIDE = (
    "A trained MAML: one gradient step bends its curve to a wave it has never seen"
    " · drag a filled point, and the curve follows",
    "A trained MAML: one step bends its curve to a new wave · drag a filled point",
    "A trained MAML · drag a filled point",
)
CHANGED = (
    "You changed a setting of this trained MAML · Undo brings the old value back",
    "You changed a setting · Undo brings it back",
    "Setting changed",
)


class Welcome(QFrame):
    """Shown above the hero at a first start until training begins, a run is opened, or it is shut.

    The window begins inside the trained example: its curves are drawn at once from a file, and
    the run itself is opened as soon as the worker is there.
    """

    def __init__(
        self, session: Session, tour: Callable[[], object], simple: Callable[[], object]
    ) -> None:
        super().__init__()
        self.setProperty("role", "banner")
        self._session = session
        self.text = ElidedLabel()
        self.train = button(
            "Train from scratch", self._train,
            "A new run that knows nothing yet; undo brings the trained one back", role="primary",
        )  # fmt: skip
        self.tour = button("Take the tour", tour, "A tour of the window; it takes a few minutes")
        self.simple = button("Simple view", simple, "The plot and two sliders; nothing else")
        self.close_button = button("✕", self.finish, "Hide this strip", role="flat")
        self.close_button.setAccessibleName("Hide this strip")
        line = row()
        line.setContentsMargins(12, 6, 8, 6)
        line.addWidget(self.text, 1)
        for control in (self.train, self.tour, self.simple, self.close_button):
            line.addWidget(control)
        self.setLayout(line)
        self.done = False
        """True where a way on was taken, now or at an earlier start."""
        self._greeted = False
        self._drawn = False
        """True where the curves of the example are drawn."""
        self._inside: tuple[int, int | None] | None = None
        """(run, outer step) of the example once it was opened; the step comes with the run."""
        self._as_came: Settings | None = None
        """Settings of the example as it was opened."""
        session.link.status_changed.connect(self._look)
        session.editor.settings_changed.connect(self._take_settings)
        session.task.example_ended.connect(self._clicked)
        self.hide()

    def greet(self) -> None:
        """Draws the example and shows the strip."""
        shown = self._session.task.show_example()
        self._drawn = shown is not None
        self.text.say(*(INSIDE if shown is not None else ("A laboratory for learning to learn",)))
        self._greeted = True
        self.show()

    def finish(self) -> None:
        """Hides the strip; it does not come back."""
        self.done = True
        self.hide()
        self._session.task.end_example()

    def leave_out_simple(self, simple: bool) -> None:
        """Offers the simple view only where the window is not in it."""
        self.simple.setVisible(not simple)

    def leave_out_of_hall(self, presenting: bool) -> None:
        """Hides the strip while presenting: it is no text for an audience."""
        if not self.done:
            self.setVisible(self._greeted and not presenting)

    @property
    def untouched(self) -> bool:
        """True where the run is the example as it came: nothing in it would be lost."""
        status = self._session.status
        return status is not None and self._inside == (status.run, status.outer_step)

    def _train(self) -> None:
        self.finish()
        control = self._session.control
        if self._inside is not None:
            control.load_preset(example_preset())
            control.restart(train=True, from_seed=True)
        else:
            control.train()

    def _clicked(self) -> None:
        """Ends what a click in the plot ends: without the example's run its curves are gone."""
        if self._inside is None:
            self.finish()

    def _take_settings(self, settings: Settings) -> None:
        """Says what the curves are: with other settings they may be no good fit any more."""
        if self._as_came is not None:
            self.text.say(*(INSIDE if settings == self._as_came else CHANGED))

    def _look(self, status: Status) -> None:
        # not whether it is seen: an audience sees the example without the strip
        if self.done or not self._greeted or status.phase is Phase.LOADING:
            return
        if self._inside is None:
            control = self._session.control
            if control.steered or status.outer_step or status.phase is not Phase.PAUSED:
                self.finish()
            elif self._drawn:
                control.start_inside(str(example_folder()), example_preset())
                self._inside = self._session.link.expected_run, None
            return
        run, step = self._inside
        if status.run == run and step is None:
            self._inside, self._as_came = (run, status.outer_step), self._session.settings
            self._session.task.enter_example()
        elif status.run >= run and not self.untouched:
            self.finish()
