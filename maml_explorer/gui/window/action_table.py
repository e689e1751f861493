"""The table of everything a person can do in the window."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from maml_explorer.gui.files.autosave_choice import MINUTES, PERCENTS
from maml_explorer.gui.panels import PANELS, TAB
from maml_explorer.gui.panels.runs.ablation_window import show_ablation
from maml_explorer.gui.session import task_edits, task_sampling
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.window.action import Entry
from maml_explorer.gui.window.appearance import CHOICES, TEXT_SIZES

if TYPE_CHECKING:
    from maml_explorer.gui.lessons.player import Lessons
    from maml_explorer.gui.window.window import MainWindow

RUN, TASK, EDIT, FILE, VIEW, PRESETS, LESSONS, HELP = (
    "Run", "Task", "Edit", "File", "View", "Presets", "Lessons", "Help",
)  # fmt: skip
"""The groups, in the order of the list of shortcuts."""


def entries(window: MainWindow) -> list[Entry]:
    """The actions of `window`, which may not be complete yet: nothing is called here."""
    return [
        *_of_the_run(window.session),
        *_of_the_task(window.session),
        *_of_editing(window),
        *_of_files(window),
        *_of_the_view(window),
        *_of_presets(window),
        *_of_lessons(window),
        Entry(HELP, "palette", "Find an action…", window.show_palette, ("Ctrl+Shift+P",)),
        Entry(HELP, "shortcuts", "Keyboard shortcuts", window.show_shortcuts, ("?", "F1")),
    ]


def _of_the_run(session: Session) -> list[Entry]:
    return [
        Entry(RUN, "train", "Train or pause", session.control.toggle, ("Space",)),
        Entry(RUN, "outer_step", "Outer step", session.control.outer_step, ("N",)),
        Entry(RUN, "inner_step", "Inner step", session.control.inner_step, ("Shift+N",)),
        Entry(
            RUN, "reset", "Reset: same seed and initialization", session.control.reset, ("Ctrl+R",)
        ),
        Entry(RUN, "new_seed", "New seed", session.control.new_seed, ("Ctrl+Shift+R",)),
        Entry(RUN, "restart", "Restart with the edited settings", session.control.restart),
        Entry(RUN, "back", "Back to last good state", session.control.back_to_last_good),
        Entry(RUN, "pin", "Pin run", session.pins.pin_run, ("Ctrl+P",)),
        Entry(RUN, "meta_test", "Run the meta-test now", session.control.request_meta_test, ("M",)),
    ]


def _of_the_task(session: Session) -> list[Entry]:
    def clear() -> None:
        if session.task.probe is not None:
            session.task.set_probe(task_edits.cleared(session.task.probe))

    return [
        Entry(TASK, "new_task", "New task", session.task.new_task, ("T",)),
        Entry(TASK, "new_points", "New points", session.task.new_points, ("P",)),
        *(
            Entry(TASK, f"new_points {place}", f"New points: {place}",
                  partial(session.task.new_points, place))
            for place in task_sampling.PLACES
            if place != task_sampling.ANYWHERE
        ),
        Entry(TASK, "clear", "Clear: no support points", clear),
    ]  # fmt: skip


def _of_editing(window: MainWindow) -> list[Entry]:
    session = window.session
    return [
        # a lesson has a history of its own
        Entry(EDIT, "undo", "Undo", lambda: session.editor.undo_stack.undo(), ("Ctrl+Z",)),
        Entry(
            EDIT,
            "redo",
            "Redo",
            lambda: session.editor.undo_stack.redo(),
            ("Ctrl+Shift+Z", "Ctrl+Y"),
        ),
        Entry(EDIT, "discard", "Discard staged changes", window.session.editor.discard_staged),
        Entry(EDIT, "find", "Find a setting", window.find_setting, ("Ctrl+F",)),
    ]


def _of_files(window: MainWindow) -> list[Entry]:
    files = window.files
    return [
        Entry(FILE, "open_run", "Open run…", files.open_run, ("Ctrl+O",)),
        Entry(FILE, "open_file", "Open file…", files.open_file, ("Ctrl+Shift+O",)),
        Entry(FILE, "open_example", "Open the trained example", files.open_example),
        Entry(FILE, "save_run", "Save run…", files.save_run, ("Ctrl+S",)),
        Entry(FILE, "save_preset", "Save preset…", files.save_preset, ("Ctrl+Shift+S",)),
        Entry(FILE, "copy_share", "Copy share string", files.sharing.copy, ("Ctrl+Shift+C",)),
        Entry(FILE, "paste_share", "Paste share string", files.sharing.paste, ("Ctrl+Shift+V",)),
        Entry(FILE, "export", "Export initialization…", window.export, ("Ctrl+E",)),
        Entry(FILE, "compare", "Compare with the published numbers", window.reproduction.compare),
        Entry(FILE, "report", "Write report…", window.reproduction.write_report),
        *(
            Entry(FILE, f"autosave {minutes}", f"Save the session by itself: {words}",
                  partial(files.choose_autosave, minutes=minutes))
            for minutes, words in MINUTES.items()
        ),
        *(
            Entry(FILE, f"autosave share {percent}", f"Save the session by itself: {words}",
                  partial(files.choose_autosave, percent=percent))
            for percent, words in PERCENTS.items()
        ),
        Entry(FILE, "quit", "Quit", window.close, ("Ctrl+Q",)),
    ]  # fmt: skip


def _of_the_view(window: MainWindow) -> list[Entry]:
    tabs = [entry for entry in PANELS.values() if entry.place == TAB]
    parts = [entry.title for entry in PANELS.values() if entry.place != TAB]
    return [
        *(
            Entry(VIEW, f"tab {entry.name}", f"Show tab: {entry.title}",
                  partial(window.show_tab, entry.name), (f"Ctrl+{nth}",))
            for nth, entry in enumerate(tabs, 1)
        ),
        *(
            Entry(VIEW, f"panel {title}", f"Show or hide: {title}",
                  partial(window.toggle_part, title))
            for title in ("Settings", *parts, "Insight")
        ),
        Entry(VIEW, "ablation", "Show the ablation: each trick by itself",
              partial(show_ablation, window)),
        Entry(VIEW, "reset_layout", "Reset layout", window.reset_layout),
        *(
            Entry(VIEW, f"theme {name or 'system'}", words, partial(window.appearance.use, name))
            for name, words in CHOICES.items()
        ),
        *(
            Entry(VIEW, f"text {name or 'normal'}", words,
                  partial(window.set_text_size, name))
            for name, words in TEXT_SIZES.items()
        ),
        Entry(VIEW, "presenter", "Presenter mode", window.toggle_presenter, ("F5",)),
        Entry(VIEW, "full_screen", "Full screen", window.toggle_full_screen, ("F11",)),
    ]  # fmt: skip


def _of_presets(window: MainWindow) -> list[Entry]:
    return [
        Entry(PRESETS, f"preset {name}", f"Load preset: {preset.title}",
              partial(window.session.control.load_preset, preset))
        for name, preset in window.presets.items()
    ]  # fmt: skip


def _of_lessons(window: MainWindow) -> list[Entry]:
    def lessons() -> Lessons:
        return window.lessons

    return [
        Entry(LESSONS, "lessons", "Choose a lesson…", window.show_lessons, ("Ctrl+L",)),
        Entry(LESSONS, "tour", "Take the tour", lambda: lessons().take_tour()),
        Entry(LESSONS, "lesson_next", "Go on in the lesson", lambda: lessons().forward(),
              ("Alt+Right",)),
        Entry(LESSONS, "lesson_back", "Go back in the lesson", lambda: lessons().back(),
              ("Alt+Left",)),
        Entry(LESSONS, "lesson_play", "Let me play", lambda: lessons().let_play()),
        Entry(LESSONS, "lesson_close", "Close the lesson", lambda: lessons().leave()),
    ]  # fmt: skip
