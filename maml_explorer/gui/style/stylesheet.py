"""The one stylesheet, filled with the colours of a theme."""

from __future__ import annotations

import dataclasses
from string import Template
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from maml_explorer.gui.style.theme import Theme


def stylesheet(theme: Theme) -> str:
    """The Qt stylesheet in the colours of `theme`."""
    sizes = {"title_pt": theme.points + 2, "group_pt": theme.points - 1, "text_pt": theme.points}
    return _SHEET.substitute(dataclasses.asdict(theme), **sizes)


_SHEET = Template("""
QWidget { font-size: ${text_pt}pt; }
QMainWindow, QDialog, QWidget[role="ground"] { background: $window; }
QLabel { background: transparent; color: $text; }
QLabel[role="muted"], QLabel[role="unit"], QLabel[role="status"] { color: $muted; }
QLabel[role="title"] { font-size: ${title_pt}pt; font-weight: 600; }
QLabel[role="error"] { color: $danger; }
QLabel[role="mark"] { color: $accent; }
QLabel[role="ask"] { font-weight: 600; }
QLabel[role="readout"] {
    background: $card; border: 1px solid $border; border-radius: 4px; padding: 3px 5px;
}

QFrame[role="card"] { background: $card; border: 1px solid $border; border-radius: 8px; }
QFrame[role="banner"] { background: $card; border: 1px solid $accent; border-radius: 8px; }
QFrame[role="banner"][kind="warning"] { border-color: $warning; }
QFrame[role="banner"][kind="danger"] { border-color: $danger; }
QLabel[role="message"][kind="warning"] { color: $warning; }
QLabel[role="message"][kind="danger"] { color: $danger; }

QPushButton, QToolButton {
    background: $card; color: $text; border: 1px solid $border; border-radius: 5px;
    padding: 4px 10px; min-height: 16px; outline: none;
}
QPushButton[room="little"] { padding: 4px 4px; }
QFileDialog QToolButton { padding: 2px; min-height: 0; }
QPushButton:hover, QToolButton:hover { background: $hover; }
QPushButton:pressed, QToolButton:pressed { background: $border; }
QPushButton:checked, QToolButton:checked { background: $selection; border-color: $accent; }
QPushButton:focus, QToolButton:focus { border-color: $accent; }
QPushButton:disabled, QToolButton:disabled { color: $muted; background: $window; }
QPushButton::menu-indicator, QToolButton::menu-indicator { image: none; width: 0; }
QPushButton[role="primary"] {
    background: $primary; color: $on_primary; border-color: $primary; font-weight: 600;
}
QPushButton[role="primary"]:hover { border-color: $text; }
QPushButton[role="primary"]:focus { border-color: $text; }
QPushButton[role="primary"]:disabled { background: $hover; color: $muted; border-color: $border; }
QPushButton[role="chip"], QToolButton[role="chip"] { border-radius: 12px; padding: 3px 10px; }
QPushButton[role="flat"], QToolButton[role="flat"] {
    border: 1px solid transparent; background: transparent; padding: 2px 4px; color: $muted;
}
QPushButton[role="flat"]:hover, QToolButton[role="flat"]:hover { color: $text; }
QPushButton[role="flat"]:focus, QToolButton[role="flat"]:focus { border-color: $accent; }
QPushButton[role="group"] {
    border: 1px solid transparent; background: transparent; padding: 0; color: $muted;
    text-align: left; font-size: ${group_pt}pt; font-weight: 700; min-height: 18px;
}
QPushButton[role="group"]:hover { color: $text; }
QPushButton[role="group"]:focus { border-bottom-color: $accent; color: $text; }
QPushButton[role="choice"] { text-align: left; padding: 4px 10px; }
QPushButton[role="choice"][verdict="right"] {
    border: 2px solid $accent; color: $text; background: $selection; font-weight: 600;
    padding: 3px 9px;
}
QPushButton[role="choice"][verdict="wrong"] { border-color: $danger; color: $danger; }

QLineEdit, QComboBox, QPlainTextEdit {
    background: $card; color: $text; border: 1px solid $border; border-radius: 5px;
    padding: 3px 8px; min-height: 16px; placeholder-text-color: $muted;
    selection-background-color: $selection; selection-color: $text;
}
QLineEdit[pair="true"] { padding: 3px 4px; }
QLineEdit:hover, QComboBox:hover { border-color: $muted; }
QLineEdit:focus, QComboBox:focus, QPlainTextEdit:focus { border-color: $accent; }
QLineEdit[invalid="true"] { border-color: $danger; }
QLineEdit:disabled, QComboBox:disabled { color: $muted; background: $window; }
QComboBox { padding-right: 20px; }
QComboBox[room="little"] { padding-right: 2px; }
QComboBox::drop-down { border: none; width: 18px; background: transparent; }
QComboBox::down-arrow { image: none; width: 0; height: 0; }
QComboBox QAbstractItemView {
    background: $card; color: $text; border: 1px solid $border; outline: none; padding: 4px;
    selection-background-color: $selection; selection-color: $text;
}

QProgressBar { background: $grid; border: none; border-radius: 1px; }
QProgressBar::chunk { background: $accent; border-radius: 1px; }

QSlider { background: transparent; min-height: 18px; }
QSlider::groove:horizontal { height: 4px; border-radius: 2px; background: $border; }
QSlider::sub-page:horizontal { height: 4px; border-radius: 2px; background: $accent; }
QSlider::handle:horizontal {
    width: 12px; height: 12px; margin: -5px 0; border-radius: 7px;
    background: $accent; border: 1px solid $accent;
}
QSlider::handle:horizontal:hover { background: $text; border-color: $text; }
QSlider:focus { border: none; }
QSlider::handle:horizontal:focus { border-color: $text; }
QSlider::sub-page:horizontal:disabled, QSlider::handle:horizontal:disabled {
    background: $muted; border-color: $muted;
}

QListWidget, QTableView, QTableWidget {
    background: $card; color: $text; border: none; outline: none;
    selection-background-color: $selection; selection-color: $text;
}
QHeaderView { background: $card; }
QHeaderView::section {
    background: $card; color: $muted; border: none; border-bottom: 1px solid $border;
    padding: 3px 9px;
}
QTableView::item { padding: 2px 6px; }
QTableView::indicator {
    width: 11px; height: 11px; border: 1px solid $muted; border-radius: 3px; background: $card;
}
QTableView::indicator:checked { background: $accent; border-color: $accent; }
QListWidget::item { border-radius: 4px; }
QListWidget::item:hover { background: $hover; }
QListWidget::item:selected { background: $selection; }

QTabWidget::pane { border: none; }
QTabBar { background: transparent; qproperty-drawBase: 0; }
QTabBar QToolButton { padding: 0; min-height: 0; }
QTabBar::tab {
    background: transparent; color: $muted; border: none; border-bottom: 2px solid transparent;
    padding: 5px 12px; margin: 0;
}
QTabBar[room="little"]::tab { padding: 5px 6px; }
QTabBar[room="least"]::tab { padding: 5px 2px; }
QTabBar::tab:hover { color: $text; }
QTabBar::tab:selected { color: $text; border-bottom-color: $accent; }
QTabBar::tab:focus { color: $accent; }

QMenu { background: $card; color: $text; border: 1px solid $border; padding: 4px; }
QMenu::item { padding: 5px 24px 5px 12px; border-radius: 4px; background: transparent; }
QMenu::item:selected { background: $selection; }
QMenu::item:disabled { color: $muted; }
QMenu::separator { height: 1px; background: $border; margin: 4px 8px; }
QToolTip { background: $card; color: $text; border: 1px solid $border; padding: 4px; }

QScrollArea { background: transparent; border: none; }
QScrollArea > QWidget > QWidget[role="scrolled"] { background: transparent; }
QScrollBar:vertical { background: transparent; width: 8px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 8px; margin: 0; }
QScrollBar::handle { background: $border; border-radius: 4px; min-height: 32px; min-width: 32px; }
QScrollBar::handle:hover { background: $muted; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QSplitter::handle { background: transparent; }
QSplitter::handle:hover { background: $border; }
""")
