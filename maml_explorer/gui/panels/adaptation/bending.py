"""Curves that bend from θ to the task, once, where the trained example is entered."""

from __future__ import annotations

from PySide6.QtCore import QEasingCurve, QEvent, QObject, QTimer, QVariantAnimation, Signal
from PySide6.QtWidgets import QApplication, QStyle

from maml_explorer.gui.panels.adaptation.task_plot import TaskPlot
from maml_explorer.gui.session.shown_task import ShownTask

REST, BEND = 700, 1600
"""Milliseconds for which θ is shown, and for which it bends."""
LATEST = 6_000
"""Milliseconds after which it bends although the run has not come."""
_ENDS = (QEvent.Type.MouseButtonPress, QEvent.Type.KeyPress, QEvent.Type.Wheel)


def motion_wanted() -> bool:
    """True where the desktop animates its widgets; those who find it tiring turn it off there."""
    app = QApplication.instance()
    if not isinstance(app, QApplication):
        return False
    return app.style().styleHint(QStyle.StyleHint.SH_Widget_Animation_Duration) > 0


class Bending(QObject):
    """Shows θ while the example loads, then bends it; the first press or key ends that."""

    changed = Signal()
    """It is under way, moves, or no longer does."""

    def __init__(self, canvas: TaskPlot, task: ShownTask) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self.way = QVariantAnimation(self)
        self.way.setStartValue(0.0)
        self.way.setEndValue(1.0)
        self.way.setDuration(BEND)
        self.way.setEasingCurve(QEasingCurve.Type.InOutCubic)
        self.way.valueChanged.connect(self._draw)
        self.way.stateChanged.connect(self._tell)
        self.way.finished.connect(self.stop)
        self._rest.timeout.connect(self.way.start)
        self._under_way = False
        task.example_begun.connect(self.wait)
        task.example_entered.connect(self.begin)
        task.example_ended.connect(self.stop)

    @property
    def under_way(self) -> bool:
        """True from the moment that θ is shown until the curves are where they belong."""
        return self._under_way

    @property
    def moves(self) -> bool:
        """True while the curves are on the way from θ to where they belong."""
        return self._under_way and self.way.state() is QVariantAnimation.State.Running

    def wait(self) -> None:
        """Shows θ until the run is there."""
        app = QApplication.instance()
        if app is None or self._under_way or not motion_wanted():
            return
        self._under_way = True
        # from the event loop: no press can come before, and a window that opens has many events
        QTimer.singleShot(0, self, self._listen)
        self._canvas.curves.part = 0.0
        self._rest.start(LATEST)
        self.changed.emit()

    def _listen(self) -> None:
        app = QApplication.instance()
        if app is not None and self._under_way:
            app.installEventFilter(self)

    def begin(self) -> None:
        """Bends the curves after a moment of rest."""
        if self._under_way and not self.moves:
            self._rest.start(REST)

    def stop(self) -> None:
        """Puts the curves where they belong."""
        app = QApplication.instance()
        if not self._under_way or app is None:
            return
        self._under_way = False
        app.removeEventFilter(self)
        self._rest.stop()
        self.way.stop()
        self._draw(1.0)
        self.changed.emit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Ends with the first press, key or turn of the wheel, which all mean something else."""
        if event.type() in _ENDS:
            self.stop()
        return False

    def _tell(self) -> None:
        # a lambda would be called after this is gone, when the window ends it
        self.changed.emit()

    def _draw(self, part: float) -> None:
        self._canvas.curves.part = part
        self._canvas.redraw()
