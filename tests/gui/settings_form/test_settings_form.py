"""The settings form, used as a person does: typing, picking, dragging, searching."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QFont, QWheelEvent
from PySide6.QtWidgets import QApplication, QComboBox, QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.gui.session import settings_editor
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.settings_form import fields
from maml_explorer.gui.settings_form.fields import ChoiceField, SwitchField, TextField, written
from maml_explorer.gui.settings_form.form import SettingsForm, is_offered
from maml_explorer.gui.settings_form.row import SettingRow
from maml_explorer.gui.settings_form.slider_row import SliderRow
from maml_explorer.gui.settings_form.slider_scale import SliderScale
from maml_explorer.gui.widgets.controls import ComboBox
from maml_explorer.settings.families import FAMILIES, SINE_FAMILY
from maml_explorer.settings.groups import DECLARATIONS, GROUPS
from maml_explorer.settings.presets import presets
from maml_explorer.settings.settings import Arm, Settings, default_arm
from tests.gui.fake_worker import FakeWorker

KEYS = [key for key, declared in DECLARATIONS.items() if is_offered(declared)]
WITH_SLIDER = [key for key in KEYS if DECLARATIONS[key].kind in ("int", "float")]


@pytest.fixture
def form(qtbot: QtBot) -> Iterator[SettingsForm]:
    session = Session(FakeWorker())
    made = SettingsForm(session)
    made.session = session  # type: ignore[attr-defined]
    session.setParent(made)
    qtbot.addWidget(made)
    made.resize(300, 900)
    made.show()
    qtbot.waitExposed(made)
    made.activateWindow()
    yield made


def session_of(form: SettingsForm) -> Session:
    return form._session


def line_of(form: SettingsForm, key: str) -> QLineEdit:
    field = form.row(key).fields[key]
    assert isinstance(field, TextField)
    return field.edit


def type_in(qtbot: QtBot, form: SettingsForm, key: str, text: str) -> QLineEdit:
    line = line_of(form, key)
    qtbot.mouseClick(line, Qt.MouseButton.LeftButton)
    line.setFocus()
    line.selectAll()
    qtbot.keyClicks(line, text)
    qtbot.keyClick(line, Qt.Key.Key_Return)
    return line


@pytest.mark.parametrize("key", KEYS)
def test_every_declared_setting_has_a_named_field_with_its_value(form: SettingsForm, key: str):
    field = form.row(key).fields[key]
    declaration = DECLARATIONS[key]
    assert field.widget.accessibleName() == declaration.label
    assert declaration.help in " ".join(field.widget.toolTip().split())
    assert declaration.allowed in " ".join(field.widget.toolTip().split())
    if isinstance(field, TextField):
        assert declaration.parse(field.edit.text()) == declaration.default
    elif isinstance(field, ChoiceField):
        assert field.box.currentData() == declaration.default
    elif isinstance(field, SwitchField):
        assert field.switch.isChecked() == declaration.default


def test_groups_stand_in_declared_order_with_the_basics_open(form: SettingsForm):
    titles = [group.heading.accessibleName() for group in form.groups if group.isVisible()]
    assert titles == [title for title, _ in GROUPS.values() if title != "Images"]
    for line in form.rows:
        read = any(d.families(SINE_FAMILY) for d in line.declarations)
        assert line.isVisible() == (read and any(d.basic for d in line.declarations))


def test_minimum_and_maximum_share_a_line(form: SettingsForm):
    line = form.row("amplitude_min")
    assert line is form.row("amplitude_max")
    assert list(line.fields) == ["amplitude_min", "amplitude_max"]
    assert line.name.text() == "Amplitude"


def test_typing_changes_the_setting(form: SettingsForm, qtbot: QtBot):
    type_in(qtbot, form, "inner_lr", "0.05")
    assert session_of(form).settings.inner.inner_lr == 0.05
    type_in(qtbot, form, "phase_max", "2pi")
    assert line_of(form, "phase_max").text() == "2π"
    type_in(qtbot, form, "outer_steps", "1 000 000")
    assert line_of(form, "outer_steps").text() == "1\u202f000\u202f000"
    type_in(qtbot, form, "hidden", "64,64,8")
    assert session_of(form).editor.edited.model.hidden == (64, 64, 8)
    assert line_of(form, "hidden").text() == "64, 64, 8"


def test_leaving_a_field_takes_over_what_was_typed(form: SettingsForm, qtbot: QtBot):
    line = line_of(form, "shots")
    line.setFocus()
    line.selectAll()
    qtbot.keyClicks(line, "3")
    assert session_of(form).settings.inner.shots == 10
    line_of(form, "noise").setFocus()
    assert session_of(form).settings.inner.shots == 3


def test_the_same_number_written_otherwise_is_written_anew(form: SettingsForm, qtbot: QtBot):
    line = type_in(qtbot, form, "inner_lr", "0.0100")
    assert line.text() == "0.01"
    assert not session_of(form).editor.undo_stack.canUndo()


@pytest.mark.parametrize("text", ["abc", "-1", "1e999", "nan", ""])
def test_what_is_no_value_is_said_and_the_old_one_kept(form: SettingsForm, qtbot: QtBot, text: str):
    line = type_in(qtbot, form, "inner_lr", text or " ")
    row = form.row("inner_lr")
    assert row.error.isVisible()
    assert row.error.text() == "Enter a number from 0 to 100. Still 0.01."
    assert line.property("invalid") is True
    assert session_of(form).settings.inner.inner_lr == 0.01
    # mending it clears the sentence
    type_in(qtbot, form, "inner_lr", "0.02")
    assert not row.error.isVisible()
    assert line.property("invalid") is False


@pytest.mark.parametrize(("text", "value"), [("0,05", 0.05), (",5", 0.5), ("5e-2", 0.05)])
def test_numbers_are_read_as_people_write_them(
    form: SettingsForm, qtbot: QtBot, text: str, value: float
):
    type_in(qtbot, form, "inner_lr", text)
    assert session_of(form).settings.inner.inner_lr == value
    assert not form.row("inner_lr").error.isVisible()


def test_a_click_selects_what_typing_replaces(form: SettingsForm, qtbot: QtBot):
    line = line_of(form, "inner_lr")
    qtbot.mouseClick(line, Qt.MouseButton.LeftButton)
    assert line.selectedText() == "0.01"
    qtbot.keyClicks(line, "0.1")
    assert line.text() == "0.1"
    # once it has the focus, a click puts the cursor
    qtbot.mouseClick(line, Qt.MouseButton.LeftButton)
    assert line.selectedText() == ""


@pytest.mark.parametrize(
    ("key", "typed", "at", "selected"),
    [
        ("inner_lr", "0.05", 0, "0.05"), ("inner_lr", "0.05", 4, "0.05"),
        ("inner_lr", "0,05", 3, "0,05"), ("inner_lr", "1e-05", 1, "1e-05"),
        ("inner_lr", "−", 0, "−"), ("outer_steps", "70\u202f000", 1, "70\u202f000"),
        ("hidden", "40, 64", 5, "64"), ("phase_max", "π", 1, "π"),
    ],
)  # fmt: skip
def test_a_double_click_selects_the_whole_number(
    form: SettingsForm, qtbot: QtBot, key: str, typed: str, at: int, selected: str
):
    line = line_of(form, key)
    line.setText(typed)
    line.setCursorPosition(at)
    point = line.cursorRect().center()
    qtbot.mouseClick(line, Qt.MouseButton.LeftButton, pos=point)
    qtbot.mouseDClick(line, Qt.MouseButton.LeftButton, pos=point)
    assert line.selectedText() == selected


def test_an_error_leaves_with_a_change_of_anything_else(form: SettingsForm, qtbot: QtBot):
    line = type_in(qtbot, form, "inner_lr", "abc")
    row = form.row("inner_lr")
    assert row.error.isVisible() and line.text() == "abc"
    session_of(form).editor.edit({"outer_lr": 0.002})
    assert not row.error.isVisible() and line.text() == "0.01"
    assert line.property("invalid") is False


def test_a_refused_choice_leaves_its_box(form: SettingsForm, monkeypatch: pytest.MonkeyPatch):
    # other tests have registered tasks of their own
    monkeypatch.setattr(settings_editor, "newest_tasks", lambda: None)
    row = form.row("family")
    row._enter("family", "own")
    assert "Still Sine." in row.error.text()
    assert row.fields["family"].widget.currentText() == "Sine"  # type: ignore[attr-defined]


def test_a_minimum_above_its_maximum_is_said_under_the_line(form: SettingsForm, qtbot: QtBot):
    type_in(qtbot, form, "amplitude_min", "6")
    assert "cannot be above" in form.row("amplitude_min").error.text()
    assert session_of(form).settings.tasks.amplitude_min == 0.1


def test_escape_gives_up_typing(form: SettingsForm, qtbot: QtBot):
    line = type_in(qtbot, form, "inner_lr", "abc")
    qtbot.keyClick(line, Qt.Key.Key_Escape)
    assert line.text() == "0.01"
    assert not form.row("inner_lr").error.isVisible()


def test_undo_elsewhere_clears_an_error_and_shows_the_value(form: SettingsForm, qtbot: QtBot):
    type_in(qtbot, form, "inner_lr", "0.5")
    type_in(qtbot, form, "inner_lr", "abc")
    session_of(form).editor.undo_stack.undo()
    assert line_of(form, "inner_lr").text() == "0.01"
    assert not form.row("inner_lr").error.isVisible()


def test_picking_a_choice_that_needs_a_restart_is_staged(form: SettingsForm, qtbot: QtBot):
    box = form.row("activation").fields["activation"].widget
    assert isinstance(box, QComboBox)
    box.setFocus()
    qtbot.keyClick(box, Qt.Key.Key_Down)
    session = session_of(form)
    assert session.editor.edited.model.activation == "tanh"
    assert session.settings.model.activation == "relu"
    type_in(qtbot, form, "seed", "4")
    assert form.restart_bar.isVisible()
    assert form.restart_bar.text.text() == (
        "These wait for a restart: Activation, Seed. The run goes on without them."
    )
    assert form.row("seed").restart_mark.property("role") == "mark"
    qtbot.mouseClick(form.restart_bar.restart, Qt.MouseButton.LeftButton)
    assert session.settings.run.seed == 4
    assert not form.restart_bar.isVisible()
    assert form.row("seed").restart_mark.property("role") == "muted"


def test_discarding_puts_the_fields_back(form: SettingsForm, qtbot: QtBot):
    type_in(qtbot, form, "seed", "4")
    qtbot.mouseClick(form.restart_bar.discard, Qt.MouseButton.LeftButton)
    assert line_of(form, "seed").text() == "0"
    assert not form.restart_bar.isVisible()


def test_a_switch_switches(form: SettingsForm, qtbot: QtBot):
    form.row("reptile_anneal").show()
    switch = form.row("reptile_anneal").fields["reptile_anneal"].widget
    qtbot.mouseClick(switch, Qt.MouseButton.LeftButton)
    assert session_of(form).settings.outer.reptile_anneal is False
    qtbot.keyClick(switch, Qt.Key.Key_Return)
    assert session_of(form).settings.outer.reptile_anneal is True


def test_a_double_click_meets_no_row_that_moved_under_it(form: SettingsForm, qtbot: QtBot):
    line_of(form, "inner_lr").setFocus()
    slider = form.row("inner_lr").sliders["inner_lr"]
    below = line_of(form, "outer_lr")
    qtbot.mouseClick(below, Qt.MouseButton.LeftButton)
    at = below.mapTo(form, QPoint(0, 0))
    qtbot.wait(150)  # a second press of a double click comes within this
    assert slider.isVisible() and below.mapTo(form, QPoint(0, 0)) == at
    qtbot.waitUntil(lambda: not slider.isVisible())


def test_the_slider_appears_under_the_focused_field_and_goes(form: SettingsForm, qtbot: QtBot):
    row = form.row("inner_lr")
    assert not row.sliders
    line_of(form, "inner_lr").setFocus()
    slider = row.sliders["inner_lr"]
    assert slider.isVisible()
    slider.setFocus()
    qtbot.wait(20)
    assert slider.isVisible()
    line_of(form, "noise").setFocus()
    qtbot.waitUntil(lambda: not slider.isVisible())
    assert form.row("noise").sliders["noise"].isVisible()


def test_a_slider_that_has_just_appeared_takes_no_click(form: SettingsForm, qtbot: QtBot):
    row = form.row("inner_lr")
    field = row.fields["inner_lr"].widget
    qtbot.mouseClick(field, Qt.MouseButton.LeftButton)
    slider = row.sliders["inner_lr"]
    qtbot.waitUntil(slider.isVisible)
    at = slider.mapTo(row, slider.rect().center())
    assert row.childAt(at) is not slider, "the click was meant for the field that stood there"
    qtbot.waitUntil(lambda: row.childAt(at) is slider, timeout=3000)
    qtbot.mouseClick(field, Qt.MouseButton.LeftButton)
    assert row.childAt(at) is slider, "it has been there for long"


def test_every_family_in_the_list_says_what_it_is(
    form: SettingsForm, monkeypatch: pytest.MonkeyPatch
):
    box = form.row("family").fields["family"].widget
    assert isinstance(box, ComboBox)

    def listed() -> dict[str, tuple[str, bool]]:
        box.opening.emit()
        return {
            box.itemData(nth): (
                " ".join(box.itemData(nth, Qt.ItemDataRole.ToolTipRole).split()),
                bool(box.model().flags(box.model().index(nth, 0)) & Qt.ItemFlag.ItemIsEnabled),
            )
            for nth in range(box.count())
        }

    whole = {key: (family.summary, True) for key, family in FAMILIES.items()}
    monkeypatch.setattr(fields, "newest_tasks", lambda: None)
    # the window alone cannot give any, so they are not offered in vain
    own = (f"{FAMILIES['own'].summary} {fields.HOW_OWN_TASKS}", False)
    assert listed() == {**whole, "own": own}
    monkeypatch.setattr(fields, "newest_tasks", lambda: object())
    assert listed() == whole


def test_dragging_the_slider_is_one_undo_step(form: SettingsForm, qtbot: QtBot):
    session = session_of(form)
    line_of(form, "inner_lr").setFocus()
    slider = form.row("inner_lr").sliders["inner_lr"]
    qtbot.wait(20)
    middle = slider.height() // 2
    start = slider.width() // 2
    qtbot.mousePress(slider, Qt.MouseButton.LeftButton, pos=QPoint(start, middle))
    for x in range(start, start + 60, 10):
        qtbot.mouseMove(slider, QPoint(x, middle))
    qtbot.mouseRelease(slider, Qt.MouseButton.LeftButton, pos=QPoint(start + 60, middle))
    assert session.settings.inner.inner_lr > 0.01
    assert session.editor.undo_stack.count() == 1
    assert line_of(form, "inner_lr").text() == written(
        DECLARATIONS["inner_lr"], session.settings.inner.inner_lr
    )
    session.editor.undo_stack.undo()
    assert session.settings.inner.inner_lr == 0.01


def test_a_slider_reaches_zero_where_zero_is_allowed(form: SettingsForm, qtbot: QtBot):
    line_of(form, "inner_lr").setFocus()
    slider = form.row("inner_lr").sliders["inner_lr"]
    qtbot.keyClick(slider, Qt.Key.Key_Home)
    assert session_of(form).settings.inner.inner_lr == 0.0


@pytest.mark.parametrize("key", WITH_SLIDER)
def test_every_slider_position_is_an_allowed_value_and_comes_back(key: str):
    declaration = DECLARATIONS[key]
    scale = SliderScale(declaration)
    values = [scale.value(position) for position in range(scale.last + 1)]
    assert values == sorted(values)
    for value in values:
        assert declaration.check(value) == value
        assert scale.value(scale.position(value)) == pytest.approx(value, rel=0.03, abs=1e-9)
    assert values[-1] == pytest.approx(scale.high)
    assert values[0] == (0 if scale.has_zero else pytest.approx(scale.low))


def test_the_arrow_keys_get_past_small_whole_numbers(form: SettingsForm, qtbot: QtBot):
    type_in(qtbot, form, "meta_batch", "1")
    slider = form.row("meta_batch").sliders["meta_batch"]
    for _ in range(12):
        qtbot.keyClick(slider, Qt.Key.Key_Right)
    assert session_of(form).settings.outer.meta_batch > 2


def test_up_and_down_in_a_number_step_it(form: SettingsForm, qtbot: QtBot):
    line = type_in(qtbot, form, "shots", "10")
    qtbot.keyClick(line, Qt.Key.Key_Up)
    assert session_of(form).settings.inner.shots == 11
    qtbot.keyClick(line, Qt.Key.Key_Down)
    qtbot.keyClick(line, Qt.Key.Key_Down)
    assert session_of(form).settings.inner.shots == 9
    assert line.text() == "9"


def test_a_slider_at_the_lower_edge_is_scrolled_into_view(form: SettingsForm, qtbot: QtBot):
    form.resize(300, 300)
    line_of(form, "seed").setFocus()
    slider = form.row("seed").sliders["seed"]
    qtbot.waitUntil(lambda: not slider.visibleRegion().isEmpty())


def test_the_wheel_over_a_field_changes_nothing(form: SettingsForm, qtbot: QtBot):
    line_of(form, "inner_lr").setFocus()
    before = session_of(form).editor.edited
    widgets: list[QWidget] = [form.row("inner_lr").sliders["inner_lr"]]
    widgets += [field.widget for row in form.rows for field in row.fields.values()]
    for widget in widgets:
        for turn in (120, -120):
            event = QWheelEvent(
                QPointF(5, 5), QPointF(widget.mapToGlobal(QPoint(5, 5))), QPoint(), QPoint(0, turn),
                Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier,
                Qt.ScrollPhase.NoScrollPhase, False,
            )  # fmt: skip
            QApplication.sendEvent(widget, event)
    assert session_of(form).editor.edited == before


def test_a_dot_marks_what_differs_and_the_menu_takes_it_back(form: SettingsForm, qtbot: QtBot):
    row = form.row("inner_lr")
    assert not row.dot.shown
    line = type_in(qtbot, form, "inner_lr", "0.3")
    assert row.dot.shown
    menu = row.context_menu(line, "inner_lr")
    back = menu.actions()[0]
    assert back.text() == "Back to preset value (0.01)"
    back.trigger()
    menu.close()
    assert session_of(form).settings.inner.inner_lr == 0.01
    assert not row.dot.shown
    menu = row.context_menu(line, "inner_lr")
    assert not menu.actions()[0].isEnabled()
    menu.close()


def test_the_dots_are_against_the_preset(form: SettingsForm):
    session_of(form).control.load_preset(presets()["learn2learn-sine"])
    assert not any(row.dot.shown for row in form.rows)
    session_of(form).editor.edit({"inner_lr": 0.123})
    assert [row.name.text() for row in form.rows if row.dot.shown] == ["Inner learning rate α"]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("alpha", set()),
        ("α", {"inner_lr"}),
        ("INNER lr", {"inner_lr"}),
        ("precision", {"precision"}),
        ("amplitude max", {"amplitude_min"}),
    ],
)
def test_searching(form: SettingsForm, qtbot: QtBot, words: str, found: set[str]):
    form.search.setText(words)  # QTest types ASCII only
    visible = {next(iter(row.fields)) for row in form.rows if row.isVisible()}
    assert found <= visible
    assert len(visible) < 8
    assert form.nothing_found.isVisible() == (not visible)
    qtbot.keyClick(form.search, Qt.Key.Key_Escape)
    assert form.row("inner_lr").isVisible()
    assert not form.row("precision").isVisible()


def test_groups_collapse_and_show_more(form: SettingsForm, qtbot: QtBot):
    group = form.groups[-1]
    qtbot.mouseClick(group.more_button, Qt.MouseButton.LeftButton)
    assert form.row("precision").isVisible()
    qtbot.mouseClick(group.heading, Qt.MouseButton.LeftButton)
    assert not form.row("seed").isVisible()
    qtbot.mouseClick(group.heading, Qt.MouseButton.LeftButton)
    assert form.row("seed").isVisible()


def test_what_a_new_algorithm_reads_is_not_muted(
    form: SettingsForm, monkeypatch: pytest.MonkeyPatch
):
    record = dataclasses.replace(ALGORITHMS["anil"], key="fo_anil", second_order=False)
    monkeypatch.setitem(ALGORITHMS, "fo_anil", record)
    session_of(form).editor.set_arms((Arm("FO-ANIL", "fo_anil"),))
    muted = {key for row in form.rows for key in row.fields if row.name.property("role") == "muted"}
    of_reptile = {"reptile_inner_steps", "reptile_batch", "reptile_step", "reptile_anneal"}
    of_others = {"context", "context_enters", "proximal", "cg_steps", "fine_tune"}
    assert muted == {"second_order_from"} | of_reptile | of_others


def test_settings_that_no_arm_reads_are_muted(form: SettingsForm):
    session = session_of(form)
    assert form.row("reptile_step").name.property("role") == "muted"
    session.editor.set_arms((*session.settings.arms, default_arm("reptile")))
    assert form.row("reptile_step").name.property("role") == ""


def test_no_label_is_cut_at_the_forms_own_width(form: SettingsForm, qtbot: QtBot):
    for group in form.groups:
        if group.more_button.isVisible():
            group.toggle_more()
    form.resize(form.minimum_width(), 1600)
    qtbot.wait(20)
    for row in form.rows:
        needed = row.name.sizeHint().width()
        assert row.name.width() >= needed, row.name.text()


def test_words_take_the_room_of_units_before_they_are_cut(form: SettingsForm):
    next(group for group in form.groups if form.row("schedule") in group.rows).toggle_more()
    schedule = form.row("schedule").fields["schedule"].widget
    assert schedule.width() >= schedule.sizeHint().width()
    other = form.row("warmup_steps")
    assert form.row("schedule").sizeHint().width() <= form.minimum_width()
    assert other.fields["warmup_steps"].widget.width() < schedule.width()


def test_lines_that_nobody_has_seen_are_not_built(form: SettingsForm):
    built = {key for line in form.findChildren(SettingRow) for key in line.fields}
    basic = {key for key, one in DECLARATIONS.items() if one.basic and Settings().reads(key)}
    assert basic - {"family"} <= built
    assert "precision" not in built
    assert form.row("precision").isHidden()
    session_of(form).editor.edit({"inner_lr": 0.02}, None)
    later = form.row("schedule")
    assert later.fields["schedule"].widget.currentData() == "constant"
    assert later.isHidden()


def test_the_width_of_lines_not_built_is_that_of_the_same_lines_built(form: SettingsForm):
    before = form.minimum_width()
    assert len(form.findChildren(SettingRow)) < len(form.rows)  # which builds all
    assert form.minimum_width() == before


def test_tab_goes_through_lines_as_they_stand(form: SettingsForm):
    group = next(group for group in form.groups if group.row("activation") is not None)
    group.toggle_more()
    fields = {field.widget: key for row in form.rows for key, field in row.fields.items()}
    at, order = form.search.nextInFocusChain(), list[str]()
    while at is not form.search:
        if at in fields:
            order.append(fields[at])
        at = at.nextInFocusChain()
    assert order == [key for row in form.rows for key in row.fields]


def test_nothing_moves_under_a_slider_that_the_mouse_holds(form: SettingsForm, qtbot: QtBot):
    session = session_of(form)
    form.row("inner_lr").fields["inner_lr"].widget.setFocus()
    slider = form.row("inner_lr").sliders["inner_lr"]
    qtbot.waitUntil(slider.isVisible)
    seed = form.row("seed")
    others = [form.row(key) for key in ("inner_steps", "shots", "outer_lr")]
    before = [one.y() for one in others]
    at = QPoint(slider.width() // 2, slider.height() // 2)
    qtbot.mousePress(slider, Qt.MouseButton.LeftButton, pos=at)
    assert slider.held
    # what a drag may bring: rows that come and go, sentences, the bar of what waits
    session.editor.edit({"optimizer": "sgd", "seed": 7, "schedule": "cosine"})
    form.layout().activate()
    assert not form.restart_bar.isVisible() and [one.y() for one in others] == before
    assert line_of(form, "seed").text() == "7" and seed.restart_mark.property("role") == "mark"
    qtbot.mouseRelease(slider, Qt.MouseButton.LeftButton, pos=at)
    assert not slider.held and form.restart_bar.isVisible()


@pytest.mark.parametrize("larger", [1.0, 4 / 3, 2.0])
def test_a_choice_takes_the_room_of_its_longest_that_its_label_leaves(
    form: SettingsForm, qtbot: QtBot, larger: float
):
    before = QApplication.font()
    font = QFont(before)
    font.setPointSizeF(before.pointSizeF() * larger)
    QApplication.setFont(font)
    try:
        for group in form.groups:
            group.fold(True, True)
        form.resize(form.minimum_width(), 1600)
        qtbot.wait(50)
        lines = [line for line in form.rows if line.declarations[0].kind == "choice"]
        shown = [line for line in lines if line.isVisible()]
        assert {"family", "norm", "initialization"} <= {key for r in shown for key in r.fields}
        for line in shown:
            box = next(iter(line.fields.values())).widget
            assert box.width() >= box.sizeHint().width(), line.name.text()
            assert line.name.width() >= line.name.sizeHint().width(), line.name.text()
    finally:
        QApplication.setFont(before)


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Escape])
def test_a_value_that_was_entered_or_given_up_leaves_the_keys_to_the_window(
    form: SettingsForm, qtbot: QtBot, key: Qt.Key
):
    line = form.row("inner_lr").fields["inner_lr"].widget
    line.setFocus()
    qtbot.waitUntil(line.hasFocus)
    line.selectAll()
    qtbot.keyClicks(line, "0.2")
    qtbot.keyClick(line, key)
    assert not line.hasFocus()
    inner_lr = session_of(form).settings.inner.inner_lr
    assert inner_lr == (0.2 if key == Qt.Key.Key_Return else 0.01)


@pytest.mark.parametrize("text", ["1e-3*2", "abc", "200"])
def test_a_refused_value_stays_selected_for_the_next_one(
    form: SettingsForm, qtbot: QtBot, text: str
):
    line = type_in(qtbot, form, "outer_lr", text)
    assert line.hasFocus() and line.selectedText() == text
    assert form.row("outer_lr").error.isVisible()
    qtbot.keyClicks(line, "0.001")  # as it still is
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert not line.hasFocus() and not form.row("outer_lr").error.isVisible()
    line = type_in(qtbot, form, "outer_lr", text)
    qtbot.keyClicks(line, "0.002")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert session_of(form).editor.edited.outer.outer_lr == 0.002
    assert not line.hasFocus() and not form.row("outer_lr").error.isVisible()
    line = type_in(qtbot, form, "outer_lr", text)
    qtbot.keyClick(line, Qt.Key.Key_Tab)
    assert not line.hasFocus(), "Tab may leave it"


def test_a_row_of_its_own_keeps_a_refused_value_at_hand_too(form: SettingsForm, qtbot: QtBot):
    editor = session_of(form).editor
    row = SliderRow(DECLARATIONS["inner_lr"], editor)
    row.setParent(form)
    row.show()
    line = row.field.widget
    line.setFocus()
    line.selectAll()
    for text, left in (("abc", False), ("0.2", True)):
        qtbot.keyClicks(line, text)
        qtbot.keyClick(line, Qt.Key.Key_Return)
        assert line.hasFocus() is not left
    assert editor.edited.inner.inner_lr == 0.2
