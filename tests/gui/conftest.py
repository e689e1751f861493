"""Windows of one test do not live on into the next."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QCoreApplication, QEvent


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown() -> None:
    # deleteLater waits for an event loop, and between tests there is none
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)  # type: ignore[arg-type]
