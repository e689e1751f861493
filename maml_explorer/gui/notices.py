"""What the worker reports as events, said in banners with what can be done."""

from __future__ import annotations

from PySide6.QtCore import QObject, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication

from maml_explorer.gui.banner import Banners
from maml_explorer.gui.session import Session
from maml_explorer.worker.messages import Diverged, Exported, Failed, Refused


class Notices(QObject):
    """Turns Diverged, Failed, Refused and Exported into banners; a new run clears them."""

    def __init__(self, session: Session, banners: Banners) -> None:
        super().__init__(banners)
        self._session, self._banners = session, banners
        session.diverged.connect(self._diverged)
        session.failed.connect(self._failed)
        session.refused.connect(self._refused)
        session.exported.connect(self._exported)
        session.run_started.connect(self._forget)
        session.rewound.connect(self._forget)

    def _diverged(self, report: Diverged) -> None:
        session = self._session
        self._banners.say(
            f"arm {report.arm}",
            f"{report.reason} Going back with unchanged settings will repeat it.",
            "warning",
            (
                ("Back to last good state", session.back_to_last_good),
                ("Halve α and continue", lambda: session.halve_inner_lr(report.arm)),
            ),
        )

    def _failed(self, report: Failed) -> None:
        details = f"{report.what}\n\n{report.details}"
        self._banners.say(
            "failed",
            f"Training failed: {report.what}",
            "danger",
            (
                ("Restart", self._session.restart),
                ("Copy details", lambda: QGuiApplication.clipboard().setText(details)),
            ),
        )

    def _refused(self, report: Refused) -> None:
        self._banners.say(f"refused {report.command}", report.reason, "warning")

    def _exported(self, report: Exported) -> None:
        what = f"The {report.what} of {report.arm}" if report.arm else f"The {report.what}"
        folder = QUrl.fromLocalFile(report.folder)
        self._banners.say(
            "exported",
            f"{what} was written to {report.folder}.",
            choices=(
                ("Open folder", lambda: QDesktopServices.openUrl(folder)),
                ("Copy path", lambda: QGuiApplication.clipboard().setText(report.folder)),
            ),
        )

    def _forget(self, _: object) -> None:
        self._banners.drop("failed")
        for arm in self._session.settings.arms:
            self._banners.drop(f"arm {arm.name}")
