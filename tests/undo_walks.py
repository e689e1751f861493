"""Edits, undone and redone in any order, for the suite and the long script.

The truth beside the session is a list of states and a place in it, as undo is usually defined:
an edit forgets what was undone, a drag is one state, undo and redo move the place.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from hypothesis import given
from hypothesis import seed as of_seed
from hypothesis import settings as effort
from hypothesis import strategies as st

from maml_explorer.gui.session.session import Session
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.groups import DECLARATIONS
from maml_explorer.settings.presets import Preset, presets
from maml_explorer.settings.settings import Settings
from tests import strategies
from tests.gui.fake_worker import FakeWorker

Step = tuple[str, Any]
State = tuple[Settings, Settings | None]


def _shown_presets() -> list[Preset]:
    return list(presets().values())


def steps() -> st.SearchStrategy[Step]:
    """One thing a person does: its name and what it is done with."""
    values = st.sampled_from(list(DECLARATIONS.values())).flatmap(
        lambda declared: st.tuples(st.just(declared.key), strategies.values(declared))
    )
    return st.one_of(
        st.tuples(st.just("edit"), values),
        st.tuples(st.just("drag"), st.lists(st.floats(1e-4, 1.0), min_size=1, max_size=4)),
        st.tuples(st.just("arms"), strategies.arms()),
        st.tuples(st.just("preset"), st.sampled_from(_shown_presets())),
        st.tuples(st.sampled_from(("restart", "reset", "new seed", "discard", "train")), st.none()),
        st.tuples(st.sampled_from(("undo", "redo")), st.integers(1, 4)),
    )


def walk(taken: Sequence[Step]) -> None:
    """Takes the steps in a new session, and compares with the list of states after each."""
    worker = FakeWorker()
    session = Session(worker)
    session.start()
    session.link.pace.stop()
    session.link.pull()
    stack = session.editor.undo_stack
    states: list[State] = [(session.settings, session.editor.staged)]
    place = 0
    for number, (what, value) in enumerate(taken):
        if what in ("undo", "redo"):
            for _ in range(value):
                place = max(0, place - 1) if what == "undo" else min(len(states) - 1, place + 1)
                (stack.undo if what == "undo" else stack.redo)()
        else:
            before, count = stack.index(), stack.count()
            _do(session, what, value, f"drag {number}")
            if (stack.index(), stack.count()) != (before, count):
                del states[place + 1 :]
                if stack.index() > place:  # not after a drag that ended where it began
                    states.append((session.settings, session.editor.staged))
                place = stack.index()
        session.link.pull()
        assert (stack.index(), stack.count()) == (place, len(states) - 1), what
        _same(session, worker, states[place])
    for state in reversed(states[:place]):
        stack.undo()
        session.link.pull()
        _same(session, worker, state)
    assert not stack.canUndo()
    for state in states[1:]:
        stack.redo()
        session.link.pull()
        _same(session, worker, state)
    assert not stack.canRedo()
    session.close()
    session.deleteLater()


def _do(session: Session, what: str, value: Any, drag: str) -> None:
    match what:
        case "edit":
            key, new = value
            with suppress(SettingsError):  # a minimum above its maximum
                session.editor.edit({key: new})
        case "drag":
            for alpha in value:
                session.editor.edit({"inner_lr": alpha}, merge_key=drag)
        case "arms":
            with suppress(SettingsError):  # what an arm learns forbids what all are set to
                session.editor.set_arms(value)
        case "preset":
            session.control.load_preset(value)
        case "restart":
            session.control.restart()
        case "reset":
            session.control.reset()
        case "new seed":
            session.control.new_seed()
        case "discard":
            session.editor.discard_staged()
        case "train":
            session.control.train()
            session.link.pull()
            session.control.pause()


def _same(session: Session, worker: FakeWorker, state: State) -> None:
    assert (session.settings, session.editor.staged) == state
    assert worker.settings == session.settings, "what is in force is what the worker trains with"
    session.editor.edited.with_values({})  # is allowed


def walks(examples: int, seed: int = 0) -> None:
    """Draws so many sequences and walks each."""

    @of_seed(seed)
    @effort(max_examples=examples, deadline=None, database=None)
    @given(st.lists(steps(), min_size=1, max_size=25))
    def undone_and_redone(taken: list[Step]) -> None:
        walk(taken)

    undone_and_redone()
