"""The line of arms under the hero plot: show, hide, solo, remove, override, add."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QMenu, QVBoxLayout, QWidget

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.gui.panels.adaptation.arm_chips import ArmChip, WrappingRow
from maml_explorer.gui.panels.adaptation.arm_overrides import OverridesPopup
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.style.arm_style import arm_style
from maml_explorer.gui.widgets.controls import button
from maml_explorer.gui.widgets.plain_tip import plain_tip
from maml_explorer.gui.widgets.text_prompt import Ask
from maml_explorer.settings.declaration import SettingsError, shown
from maml_explorer.settings.groups import DECLARATIONS
from maml_explorer.settings.settings import LEARNS, MAX_ARMS, Arm, default_arm

TRAINED = "An arm that has trained keeps the name that its losses are recorded under."


def free_name(arms: tuple[Arm, ...], algorithm: str) -> str:
    """A name no arm has yet: "MAML", then "MAML 2"."""
    taken, stem = {arm.name for arm in arms}, ALGORITHMS[algorithm].label
    names = (stem if n == 1 else f"{stem} {n}" for n in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken)


class ArmLine(QWidget):
    """The chips of all arms, "+", and what the numbers are."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.chips: dict[str, ArmChip] = {}
        self.popup: OverridesPopup | None = None
        self._values: dict[str, str] = {}
        self._said: dict[str, str] = {}
        """Arm → what its value is, where it is not the query figure of the family."""
        self._figure = ""
        self.plus = button("+", self._open_algorithms, "Add an algorithm")
        self.plus.setAccessibleName("Add an algorithm")
        self.plus.setFixedWidth(34)
        self.row = WrappingRow()
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.addWidget(self.row)
        session.control.override_wanted.connect(self.edit_overrides)
        self.rebuild()

    def rebuild(self) -> None:
        """Shows the arms of the session's settings; chips of arms that stay are kept."""
        arms = self.session.editor.at_hand.arms
        for name in set(self.chips) - {arm.name for arm in arms}:
            chip = self.chips.pop(name)
            chip.hide()
            chip.deleteLater()
        for arm in arms:
            if arm.name not in self.chips:
                chip = self.chips[arm.name] = ArmChip(arm.name)
                chip.clicked.connect(lambda _=False, name=arm.name: self._toggle(name))
                chip.menu_wanted.connect(lambda at, name=arm.name: self.menu(name).popup(at))
        full = len(arms) >= MAX_ARMS
        self.plus.setEnabled(not full)
        tip = f"A run has at most {MAX_ARMS} arms" if full else "Add an algorithm"
        self.plus.setToolTip(plain_tip(tip))
        self.refresh()
        self.row.set_widgets([*(self.chips[arm.name] for arm in arms), self.plus])

    def show_values(
        self,
        values: dict[str, str],
        captions: list[str],
        figure: str = "",
        said: dict[str, str] | None = None,
    ) -> None:
        """Writes arm → text into the chips, and beside them what the texts are, long to short.

        Args:
            figure: what the texts are in two words; empty for the query figure of the family.
            said: arm → sentences on its text, for its tooltip.
        """
        said = said or {}
        if (values, figure, said) != (self._values, self._figure, self._said):
            self._values, self._figure, self._said = values, figure, said
            self.refresh()
        self.row.set_captions(captions)

    def refresh(self) -> None:
        """Redraws the chips, as after another theme."""
        settings, theme = self.session.editor.at_hand, self.session.theme
        frozen = {} if self.session.link.left else self.session.divergences.frozen
        for arm in settings.arms:
            if arm.name in self.chips:
                diverged = arm.name in frozen
                value = "✕ diverged" if diverged else self._values.get(arm.name, "–")
                self.chips[arm.name].show_arm(
                    arm_style(settings, arm, theme), theme, value,
                    arm.name not in self.session.hidden, bool(arm.overrides),
                    _tip(arm, arm in self.session.settings.arms, self._said.get(arm.name, "")),
                    diverged, self._figure or f"query {settings.family.figure}",
                )  # fmt: skip

    def _toggle(self, name: str) -> None:
        self.session.set_hidden(self.session.hidden ^ {name})

    def menu(self, name: str) -> QMenu:
        """The menu of one arm."""
        arms, hidden = self.session.editor.at_hand.arms, self.session.hidden
        others = {arm.name for arm in arms} - {name}
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.setToolTipsVisible(True)
        alone = name not in hidden and others <= hidden and bool(others)
        if alone:
            menu.addAction("Show all", lambda: self.session.set_hidden(()))
        else:
            solo = menu.addAction("Solo", lambda: self.session.set_hidden(others))
            solo.setEnabled(bool(others))
        menu.addAction("Show" if name in hidden else "Hide", lambda: self._toggle(name))
        menu.addSeparator()
        menu.addAction("Edit overrides…", lambda: self.edit_overrides(name))
        rename = menu.addAction("Rename…", lambda: self.ask_name(name))
        rename.setEnabled(not self._trained(name))
        rename.setToolTip(plain_tip("" if rename.isEnabled() else TRAINED))
        remove = menu.addAction("Remove", lambda: self.remove(name))
        remove.setEnabled(bool(others))
        return menu

    def algorithms_menu(self) -> QMenu:
        """Menu that "+" opens."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.setToolTipsVisible(True)
        for key, record in ALGORITHMS.items():
            action = menu.addAction(record.label, lambda key=key: self.add(key))
            action.setToolTip(plain_tip(f"{record.summary}\n{record.source}"))
        return menu

    def _open_algorithms(self) -> None:
        self.algorithms_menu().popup(self.plus.mapToGlobal(QPoint(0, self.plus.height())))

    def add(self, algorithm: str) -> None:
        """Adds an arm; it begins at its own outer step 0."""
        arms = self.session.editor.at_hand.arms
        name = free_name(arms, algorithm)
        self.session.set_hidden(self.session.hidden - {name})
        overrides = default_arm(algorithm).overrides
        if ALGORITHMS[algorithm].step_sizes and self.session.editor.at_hand.inner.lslr:
            # the two contradict each other, and this arm is what was asked for
            overrides = (("lslr", False),)
            self.session.control.noted.emit(
                f"{name} learns {LEARNS[ALGORITHMS[algorithm].step_sizes]}: "
                f"{DECLARATIONS['lslr'].label} is off for this arm alone."
            )
        self.session.editor.set_arms((*arms, Arm(name, algorithm, overrides)))

    def remove(self, name: str) -> None:
        """Removes an arm."""
        self.session.editor.set_arms(
            arm for arm in self.session.editor.at_hand.arms if arm.name != name
        )

    def ask_name(self, name: str) -> Ask:
        """Asks for another name of an arm."""
        asked = Ask(self.window())
        asked.closed.connect(asked.deleteLater)
        asked.ok.setText("Rename")
        asked.ask(f"New name of {name}", name, lambda new: self.rename(name, new))
        return asked

    def rename(self, name: str, new: str) -> None:
        """Gives an arm another name; where that cannot be, it is said."""
        editor, hidden = self.session.editor, self.session.hidden
        arms = editor.at_hand.arms
        try:
            editor.set_arms(replace(arm, name=new) if arm.name == name else arm for arm in arms)
        except SettingsError as error:
            self.session.control.noted.emit(str(error))
            return
        if name in hidden:
            self.session.set_hidden(hidden - {name} | {new})

    def _trained(self, name: str) -> bool:
        """True where an arm has taken outer steps."""
        status = self.session.status
        return status is not None and status.arm_steps.get(name, 0) > 0

    def edit_overrides(self, name: str, key: str = "") -> OverridesPopup:
        """Opens the popup with the arm's own settings, at one of them."""
        chip = self.chips[name]
        self.popup = OverridesPopup(self.session, name, self)
        self.popup.open_at(chip.mapToGlobal(QPoint(0, chip.height() + 4)), key)
        return self.popup

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Nothing: a double click on a chip is two clicks."""
        event.accept()


def _tip(arm: Arm, in_force: bool, said: str) -> str:
    lines = [ALGORITHMS[arm.algorithm].summary, *([said] if said else [])]
    lines += [] if in_force else ["This arm waits for a restart."]
    lines += ["* The asterisk marks settings of its own:"] if arm.overrides else []
    lines += [f"own {DECLARATIONS[key].label}: {shown(value)}" for key, value in arm.overrides]
    return "\n".join([*lines, "Click shows or hides, right click opens the menu."])
