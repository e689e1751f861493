"""Contrast, and that colour is never alone."""

from __future__ import annotations

import itertools

import pytest
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.gui.style.arm_style import arm_style
from maml_explorer.gui.style.contrast import READABLE, contrast, mixed, readable
from maml_explorer.gui.style.qt_style import palette
from maml_explorer.gui.style.stylesheet import stylesheet
from maml_explorer.gui.style.theme import DARK, LIGHT, THEMES, Theme
from maml_explorer.settings.settings import Arm, Settings, default_arm

both = pytest.mark.parametrize("theme", THEMES.values(), ids=lambda theme: theme.name)


def test_contrast_is_that_of_the_standard():
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#777777", "#777777") == pytest.approx(1.0)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@both
@pytest.mark.parametrize("word", ["text", "muted", "danger", "warning", "accent"])
@pytest.mark.parametrize("ground", ["card", "window", "hover"])
def test_text_is_readable(theme: Theme, word: str, ground: str):
    assert contrast(getattr(theme, word), getattr(theme, ground)) >= READABLE


@both
def test_text_on_the_primary_button_and_on_a_selection_is_readable(theme: Theme):
    assert contrast(theme.on_primary, theme.primary) >= READABLE
    assert contrast(theme.text, theme.selection) >= READABLE


@both
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_name_of_an_arm_is_readable_in_its_colour(theme: Theme, algorithm: str):
    settings = Settings(arms=(default_arm(algorithm),))
    assert contrast(arm_style(settings, settings.arms[0], theme).text, theme.card) >= READABLE


@both
def test_the_arms_of_one_run_differ_in_more_than_colour(theme: Theme):
    arms = tuple(default_arm(key) for key in ALGORITHMS)
    settings = Settings(arms=arms)
    styles = [arm_style(settings, arm, theme) for arm in arms]
    for one, other in itertools.combinations(styles, 2):
        assert one.color != other.color
        assert (one.line, one.marker) != (other.line, other.marker)


def test_the_light_theme_has_the_records_own_colours():
    settings = Settings(arms=tuple(default_arm(key) for key in ALGORITHMS))
    for arm in settings.arms:
        assert arm_style(settings, arm, LIGHT).color == ALGORITHMS[arm.algorithm].color


def test_no_arm_looks_like_the_white_truth_of_the_dark_theme():
    settings = Settings(arms=tuple(default_arm(key) for key in ALGORITHMS))
    for arm in settings.arms:
        shade = QColor(arm_style(settings, arm, DARK).color)
        spread = max(shade.red(), shade.green(), shade.blue())
        spread -= min(shade.red(), shade.green(), shade.blue())
        assert spread > 70, (arm.name, shade.name())
    fomaml = QColor(arm_style(settings, "FO-MAML", DARK).color)
    assert fomaml.hslSaturationF() > 0.7


def test_the_dark_theme_lightens():
    settings = Settings(arms=tuple(default_arm(key) for key in ALGORITHMS))
    for arm in settings.arms:
        light, dark = (arm_style(settings, arm, theme).color for theme in (LIGHT, DARK))
        assert contrast(dark, DARK.card) > contrast(light, DARK.card)
        assert contrast(dark, DARK.card) > 4.5


def record_styles(theme: Theme):
    """Algorithm → the style of its first arm."""
    return {key: arm_style(Settings(arms=(Arm(key, key),)), key, theme) for key in ALGORITHMS}


@both
def test_a_second_arm_of_one_algorithm_differs_in_line_and_hue(theme: Theme):
    settings = Settings(arms=(Arm("one", "maml"), Arm("two", "maml"), Arm("other", "anil")))
    one, two = (arm_style(settings, name, theme) for name in ("one", "two"))
    assert one.line != two.line
    assert one.marker != two.marker
    hues = {key: QColor(a.color).hueF() for key, a in record_styles(theme).items()}
    assert min(abs(QColor(two.color).hueF() - hue) for hue in hues.values()) > 0.03
    more = settings.with_arms((*settings.arms, Arm("three", "maml"), Arm("more", "anil")))
    colors = [arm_style(more, arm, theme).color for arm in more.arms]
    assert len(set(colors)) == 5
    # alone it wears the algorithm's own colour
    alone = settings.with_arms((settings.arms[1],))
    assert arm_style(alone, "two", theme).color == one.color


def test_readable_moves_a_colour_only_as_far_as_it_must():
    assert readable("#000000", "#ffffff") == "#000000"
    moved = readable("#56B4E9", "#ffffff")
    assert READABLE <= contrast(moved, "#ffffff") < READABLE + 0.7


def test_mixed():
    assert mixed("#000000", "#ffffff", 0.0) == "#000000"
    assert mixed("#000000", "#ffffff", 1.0) == "#ffffff"
    assert mixed("#000000", "#ff0000", 0.5) in ("#7f0000", "#800000")


def test_a_pen_has_the_style_of_the_arm(qapp: QApplication):
    settings = Settings()
    style = arm_style(settings, "FO-MAML", LIGHT)
    pen = style.pen(1.0, alpha=0.5)
    assert pen.style() == style.line
    assert pen.isCosmetic()
    assert pen.color().alpha() in (127, 128)
    assert pen.widthF() == 1.0


@both
def test_palette_and_stylesheet_have_the_themes_colours(theme: Theme, qapp: QApplication):
    assert palette(theme).color(QPalette.ColorRole.Window).name() == theme.window
    sheet = stylesheet(theme)
    assert "$" not in sheet
    assert theme.border in sheet
