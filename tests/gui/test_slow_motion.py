"""Slow motion with the real worker: each phase of an outer step is shown and said."""

from dataclasses import replace

import pytest
from PySide6.QtCore import QEventLoop, QTimer

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.gui.panels.adaptation.panel import AdaptationPanel
from maml_explorer.gui.panels.pseudocode.panel import PseudocodePanel
from maml_explorer.gui.panels.pseudocode.text import sentence
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.session.worker_link import forgotten, over
from maml_explorer.protocol import reports
from maml_explorer.settings.settings import Settings, default_arm
from maml_explorer.worker import handle

ROUND = ["sample", "adapt", "adapt", "query", "update"]


def wait(reached, seconds=30.0):
    """Lets Qt and the worker live until something is reached."""
    loop, poll, late = QEventLoop(), QTimer(), QTimer()
    poll.timeout.connect(lambda: loop.quit() if reached() else None)
    poll.start(5)
    late.setSingleShot(True)
    late.timeout.connect(loop.quit)
    late.start(int(seconds * 1000))
    loop.exec()
    assert reached()


@pytest.fixture
def session(qtbot):
    handle.preload()
    settings = Settings(arms=(default_arm("maml"), default_arm("mtl"))).with_values(
        {"inner_steps": 2, "meta_batch": 2, "test_tasks": 10, "seed": 3}
    )
    session = Session(handle.Worker(), settings)
    yield session
    assert session.close()


def test_slow_motion_plays_the_batch_s_first_task_and_then_gives_the_hero_back(session, qtbot):
    hero, code = AdaptationPanel(session), PseudocodePanel(session)
    for panel in (hero, code):
        qtbot.addWidget(panel)
        panel.resize(720, 560)
        panel.show()
    session.start()
    wait(lambda: session.task.probed is not None)
    own, seen = session.task.probe, []

    def note(stepped):
        lines = [code.lines[n].phase for n in code.lit]
        seen.append((stepped, hero.canvas.curves.probe, lines, code.said.text()))

    foreign = []
    session.link.stepped.connect(note)
    session.link.status_changed.connect(
        lambda _: foreign.append(hero.canvas.curves.probe is own) if seen else None
    )
    session.control.set_speed(2.0)
    session.control.train()
    wait(lambda: len(seen) >= 2 * len(ROUND) + 1)
    assert [stepped.phase for stepped, *_ in seen[: 2 * len(ROUND)]] == 2 * ROUND
    assert [stepped.outer_step for stepped, *_ in seen[: 2 * len(ROUND)]] == [1] * 5 + [2] * 5
    assert not any(foreign), "between two phases the person's own task does not flash up"
    for stepped, shown, lines, said in seen:
        assert shown is stepped.probe and shown is not own
        assert lines and set(lines) == {stepped.phase}
        k = stepped.shown_step["MAML"]
        adapts = stepped.phase == reports.StepPhase.ADAPT
        waits = " MTL waits: no inner loop in training." if adapts else ""
        assert said == sentence(ALGORITHMS["maml"], stepped.phase, k, 2) + waits
    first = seen[0][0].probe
    assert seen[len(ROUND)][0].probe is not first, "the next outer step has another task"
    session.control.set_speed(None)
    wait(lambda: hero.canvas.curves.probe is own and code.lit == [])
    assert session.link.running and hero.slider.isEnabled()
    assert not hero.canvas.curves.residuals
    session.control.pause()
    wait(lambda: session.link.phase is reports.Phase.PAUSED)
    assert session.status.outer_step > 2


def test_pausing_slow_motion_gives_the_hero_back_too(session, qtbot):
    hero = AdaptationPanel(session)
    qtbot.addWidget(hero)
    hero.show()
    session.start()
    wait(lambda: session.task.probed is not None)
    session.control.set_speed(1.0)
    session.control.train()
    wait(lambda: hero.canvas.curves.probe is not session.task.probe)
    session.control.pause()
    wait(lambda: hero.canvas.curves.probe is session.task.probe)
    assert hero.subtitle.full == "outer step 1 not taken · back to your task"
    wait(lambda: " sin(x " in hero.subtitle.full)


def test_the_update_stays_lit_when_it_was_taken_by_hand(session, qtbot):
    hero, code = AdaptationPanel(session), PseudocodePanel(session)
    for panel in (hero, code):
        qtbot.addWidget(panel)
        panel.show()
    session.start()
    wait(lambda: session.task.probed is not None)
    seen = []
    session.link.stepped.connect(seen.append)
    for nth, phase in enumerate(ROUND, 1):
        session.control.inner_step()
        wait(lambda nth=nth: len(seen) == nth)
        assert {code.lines[n].phase for n in code.lit} == {phase}
    wait(lambda: session.link.phase is reports.Phase.PAUSED)
    wait(lambda: hero.canvas.curves.probe is session.task.probe)
    assert session.status.outer_step == 1
    assert [code.lines[n].phase for n in code.lit] == [reports.StepPhase.UPDATE]
    assert code.said.text() == sentence(ALGORITHMS["maml"], reports.StepPhase.UPDATE, 2, 2)
    assert hero.subtitle.full == "outer step 1 done · back to your task"
    session.task.new_task()
    assert " sin(x " in hero.subtitle.full, "what comes next needs no look back"
    session.control.outer_step()
    wait(lambda: session.status.outer_step == 2 and code.lit == [])


def test_when_an_outer_step_in_progress_is_over():
    stepped = reports.Stepped(1, 5, 0, 1, reports.StepPhase.SAMPLE, None, {}, None)

    def status(phase, outer_step):
        return reports.Status(1, phase, outer_step, Settings())

    assert not over(stepped, status(reports.Phase.STEPPING, 4))
    assert not over(stepped, status(reports.Phase.RUNNING, 4))
    assert not over(stepped, status(reports.Phase.RUNNING, 5)), "its own update is still shown"
    assert over(stepped, status(reports.Phase.RUNNING, 6))
    assert over(stepped, status(reports.Phase.PAUSED, 4))
    assert forgotten(stepped, status(reports.Phase.PAUSED, 5))
    updated = replace(stepped, phase=reports.StepPhase.UPDATE)
    assert over(updated, status(reports.Phase.PAUSED, 5))
    assert not forgotten(updated, status(reports.Phase.PAUSED, 5))
    assert forgotten(updated, status(reports.Phase.PAUSED, 6))
    assert forgotten(updated, replace(status(reports.Phase.PAUSED, 5), run=2))
