"""Reports that wait for the window, and a window that waits for one of them."""

from __future__ import annotations

import threading

import numpy as np

from maml_explorer.protocol import reports
from maml_explorer.protocol.commands import ProbeTask
from maml_explorer.settings.settings import Settings
from maml_explorer.worker.mailbox import Outbox

NONE = np.zeros(0)
ANSWER = reports.Probed(0, 0, ProbeTask(NONE, NONE), NONE, {})


def test_a_window_waits_for_curves_and_for_nothing_else() -> None:
    outbox = Outbox()
    woken: list[int] = []
    outbox.wake = lambda: woken.append(threading.get_ident())
    outbox.put(reports.Noted(0, "a note"))
    assert not outbox.await_answer(0.0) and not outbox.await_answer(0.01) and not woken
    worker = threading.Timer(0.02, outbox.put, (ANSWER,))
    worker.start()
    assert outbox.await_answer(30.0)
    worker.join()
    assert woken == [worker.ident], "in the thread that put it there"
    assert outbox.await_answer(-1.0), "it is there already"
    assert ANSWER in outbox.collect()
    assert not outbox.await_answer(0.0), "and is collected"


def test_a_pause_arrives_after_the_piece_that_came_before_it() -> None:
    outbox = Outbox()
    stepping, paused = (
        reports.Status(1, phase, 1, Settings())
        for phase in (reports.Phase.STEPPING, reports.Phase.PAUSED)
    )
    update = reports.Stepped(1, 1, 1, 1, reports.StepPhase.UPDATE, ANSWER.probe, {}, ANSWER)
    for report in (stepping, update, paused):
        outbox.put(report)
    assert outbox.collect() == [update, paused]
