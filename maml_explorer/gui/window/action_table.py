"""The table of all actions of the window."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial

from maml_explorer.gui.files.autosave_choice import MINUTES, PERCENTS
from maml_explorer.gui.files.comparing import Reproduction
from maml_explorer.gui.files.file_menu import Files
from maml_explorer.gui.files.save_picture import SavePicture
from maml_explorer.gui.lessons.player import Lessons
from maml_explorer.gui.panels import PANELS, TAB
from maml_explorer.gui.panels.runs.ablation_window import show_ablation
from maml_explorer.gui.session import task_edits, task_sampling
from maml_explorer.gui.session.run_control import RunControl
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.window.action import Entry
from maml_explorer.gui.window.appearance import CHOICES, TEXT_SIZES, Appearance
from maml_explorer.gui.window.columns import Columns
from maml_explorer.gui.window.presenter import Presenter
from maml_explorer.settings.presets import Presets

RUN, TASK, EDIT, FILE, VIEW, PRESETS, LESSONS, PRESENTING, HELP = (
    "Run", "Task", "Edit", "File", "View", "Presets", "Lessons", "Only while presenting", "Help",
)  # fmt: skip
"""The groups, in the order of the list of shortcuts."""


def full_screen_keys(platform: str) -> tuple[str, ...]:
    """F11 shows the desktop on macOS, where Control, Command and F fill the screen."""
    return ("Meta+Ctrl+F",) if platform == "darwin" else ("F11",)


def of_the_run(session: Session) -> list[Entry]:
    """Training, steps and beginnings."""
    return [
        Entry(RUN, "train", "Train or pause", session.control.toggle, ("Space",)),
        Entry(RUN, "outer_step", "Outer step", session.control.outer_step, ("N",)),
        Entry(RUN, "inner_step", "Next inner step", session.control.inner_step, ("Shift+N",)),
        Entry(
            RUN, "reset", "Reset: same seed and initialization", session.control.reset, ("Ctrl+R",)
        ),
        Entry(RUN, "new_seed", "New seed", session.control.new_seed, ("Ctrl+Shift+R",)),
        Entry(RUN, "restart", "Restart with the edited settings", session.control.restart),
        Entry(
            RUN,
            "back",
            "Set all arms back to the last good state",
            session.control.back_to_last_good,
        ),
        Entry(RUN, "pin", "Pin run", session.pins.pin_run, ("Ctrl+P",)),
        Entry(RUN, "meta_test", "Run the meta-test now", session.control.request_meta_test, ("M",)),
    ]


def of_the_task(session: Session) -> list[Entry]:
    """The task that is shown."""

    def clear() -> None:
        if session.settings.family.images:
            session.images.clear()
        elif session.settings.family.stream:
            session.control.noted.emit(
                "The points of a stream cannot be cleared. "
                "New stream (T) samples a different stream."
            )
        elif session.task.probe is not None:
            session.task.edit(task_edits.cleared(session.task.probe), "Clear")

    def new_points(place: str = task_sampling.ANYWHERE) -> None:
        if session.settings.family.images:
            session.images.new_images()
        elif session.settings.family.stream:
            session.streams.new_task()
        else:
            session.task.new_points(place)

    return [
        Entry(TASK, "new_task", "New task", lambda: session.shown.new_task(), ("T",)),
        Entry(TASK, "new_points", "New points or images", new_points, ("P",)),
        *(
            Entry(TASK, f"new_points {place}", f"New points: {place}", partial(new_points, place))
            for place in task_sampling.PLACES
            if place != task_sampling.ANYWHERE
        ),
        Entry(TASK, "clear", "Clear: no support points", clear),
    ]  # fmt: skip


def of_editing(session: Session, columns: Columns) -> list[Entry]:
    """Undo, and the settings."""
    return [
        Entry(EDIT, "undo", "Undo", session.undo, ("Ctrl+Z",)),
        Entry(EDIT, "redo", "Redo", session.redo, ("Ctrl+Shift+Z", "Ctrl+Y")),
        Entry(EDIT, "discard", "Discard staged changes", session.editor.discard_staged),
        Entry(EDIT, "find", "Find a setting", columns.find_setting, ("Ctrl+F",)),
    ]


def of_files(
    files: Files,
    pictures: SavePicture,
    reproduction: Reproduction,
    export: Callable[[], None],
    close: Callable[[], bool],
    show_code: Callable[[], None],
) -> list[Entry]:
    """Opening, saving, sharing, comparing."""
    return [
        Entry(FILE, "open_run", "Open run…", files.open_run, ("Ctrl+O",)),
        Entry(FILE, "open_file", "Open file…", files.open_file, ("Ctrl+Shift+O",)),
        Entry(FILE, "open_images", "Open images…", files.open_images),
        Entry(FILE, "open_example", "Open the trained example", files.open_example),
        Entry(FILE, "run_before", "Back to the run before", files.back_to_run_before),
        Entry(FILE, "save_run", "Save run…", files.save_run, ("Ctrl+S",)),
        Entry(FILE, "save_preset", "Save preset…", files.save_preset, ("Ctrl+Shift+S",)),
        Entry(FILE, "save_picture", "Save picture…", pictures.choose),
        Entry(FILE, "answers", "Save answer sheet (ten questions)…", pictures.ask_answers),
        Entry(FILE, "copy_share", "Copy share string", files.sharing.copy, ("Ctrl+Shift+C",)),
        Entry(FILE, "paste_share", "Paste share string or points", files.sharing.paste,
              ("Ctrl+Shift+V", "Ctrl+V")),
        Entry(FILE, "share_code", "Share as a QR code on the screen", show_code, ("F6",)),
        Entry(FILE, "export", "Export initialization…", export, ("Ctrl+E",)),
        Entry(FILE, "compare", "Compare with the published numbers", reproduction.compare),
        Entry(FILE, "report", "Write report…", reproduction.write_report),
        *(
            Entry(FILE, f"autosave {minutes}", f"Autosave: {words}",
                  partial(files.choose_autosave, minutes=minutes))
            for minutes, words in MINUTES.items()
        ),
        *(
            Entry(FILE, f"autosave share {percent}", f"Autosave: {words}",
                  partial(files.choose_autosave, percent=percent))
            for percent, words in PERCENTS.items()
        ),
        Entry(FILE, "quit", "Quit", close, ("Ctrl+Q",)),
    ]  # fmt: skip


def of_the_view(
    columns: Columns,
    appearance: Appearance,
    presenter: Presenter,
    toggle_full_screen: Callable[[], None],
) -> list[Entry]:
    """Panels, theme, text size."""
    tabs = [entry for entry in PANELS.values() if entry.place == TAB]
    parts = [entry.title for entry in PANELS.values() if entry.place != TAB]
    return [
        *(
            Entry(VIEW, f"tab {entry.name}", f"Show tab: {entry.title}",
                  partial(columns.show_tab, entry.name), (f"Ctrl+{nth}",))
            for nth, entry in enumerate(tabs, 1)
        ),
        *(
            Entry(VIEW, f"panel {title}", f"Show or hide: {title}",
                  partial(columns.toggle_part, title))
            for title in ("Settings", *parts, "Insight")
        ),
        Entry(VIEW, "enlarge", "Enlarge the lower panel, and back", columns.enlarge_insight,
              ("Ctrl+0",)),
        Entry(VIEW, "simple", "Simple view, and back to everything", columns.toggle_simple,
              ("Ctrl+9",)),
        Entry(VIEW, "ablation", "Show the ablation: each trick by itself",
              partial(show_ablation, columns)),
        Entry(VIEW, "reset_layout", "Reset layout", columns.reset_layout),
        *(
            Entry(VIEW, f"theme {name or 'system'}", words, partial(appearance.use, name))
            for name, words in CHOICES.items()
        ),
        *(
            Entry(VIEW, f"text {name or 'normal'}", words,
                  partial(columns.set_text_size, name))
            for name, words in TEXT_SIZES.items()
        ),
        Entry(VIEW, "presenter", "Presenter mode", presenter.toggle, ("F5",)),
        Entry(PRESENTING, "blank", "Blank the screen, while presenting", presenter.blank, ("B",)),
        Entry(VIEW, "full_screen", "Full screen", toggle_full_screen,
              full_screen_keys(sys.platform)),
    ]  # fmt: skip


def of_presets(control: RunControl, presets: Presets) -> list[Entry]:
    """The presets there are."""
    return [
        Entry(PRESETS, f"preset {name}", f"Load preset: {title}",
              partial(_load_preset, control, presets, name))
        for name, title in presets.titles.items()
    ]  # fmt: skip


def _load_preset(control: RunControl, presets: Presets, name: str) -> None:
    control.load_preset(presets[name])


def of_lessons(lessons: Lessons) -> list[Entry]:
    """The lessons, and the steps of the one that runs."""
    return [
        Entry(LESSONS, "lessons", "Learn: choose a lesson…", lessons.choose_lesson, ("Ctrl+L",)),
        Entry(LESSONS, "tour", "Take the tour", lessons.take_tour),
        Entry(LESSONS, "lesson_next", "Go on in the lesson", lessons.forward, ("Alt+Right",)),
        Entry(LESSONS, "lesson_back", "Go back in the lesson", lessons.back, ("Alt+Left",)),
        Entry(PRESENTING, "remote_next", "Next page or inner step, while presenting", lessons.go_on,
              ("PgDown",)),
        Entry(PRESENTING, "remote_back", "Previous page, while presenting", lessons.back,
              ("PgUp",)),
        Entry(LESSONS, "lesson_play", "Let me play", lessons.let_play),
        Entry(LESSONS, "lesson_close", "Close the lesson", lessons.leave),
    ]  # fmt: skip


def of_each_lesson(lessons: Lessons) -> list[Entry]:
    """A beginning of every lesson there is, own ones too; they are read when asked for."""
    return [
        Entry(LESSONS, f"lesson {one.name}", f"Lesson: {one.title}", partial(lessons.start, one))
        for one in lessons.shelf.all()[0]
    ]


def of_help(show_palette: Callable[[], None], show_shortcuts: Callable[[], None]) -> list[Entry]:
    """The palette and the list of shortcuts."""
    return [
        Entry(HELP, "palette", "Find an action…", show_palette, ("Ctrl+Shift+P",)),
        Entry(HELP, "shortcuts", "Keyboard shortcuts", show_shortcuts, ("?", "F1")),
    ]
