"""Indices set below the line of a text."""

from __future__ import annotations

import re

import pytest

from maml_explorer.files.resources import resources
from maml_explorer.gui.lessons.shelf import lessons_in
from maml_explorer.gui.style.typeset import typeset, unbroken


def test_the_index_behind_a_letter_is_set_below_and_names_are_left_alone():
    assert typeset("φ ← φ − α ∇L_support(φ)") == "φ ← φ − α ∇L<sub>support</sub>(φ)"
    assert typeset("S_τ & Q_τ < H_K−1") == "S<sub>τ</sub> &amp; Q<sub>τ</sub> &lt; H<sub>K−1</sub>"
    assert typeset("∇_w L(b, wₖ)") == "∇<sub>w</sub> L(b, wₖ)"
    for plain in ("set inner_lr to 0.1 < 1", "no index"):
        assert typeset(plain) == plain


@pytest.mark.parametrize(
    "formula",
    ["−1.62 cos x", "0.21 ± 0.09", "(I − αH) ∇L", "(I − α H) ∇L_query(φ)", "α λ", "ln 2 = 0.69",
     "87 %", "70 000", "θ ← θ + ε (φ − θ)", "1600 × 1600"],
)  # fmt: skip
def test_no_line_ends_within_a_formula(formula: str):
    assert " " not in unbroken(formula)
    assert unbroken(f"so {formula} of them") == f"so {unbroken(formula)} of them"


def test_no_line_ends_within_a_name():
    assert "-" not in unbroken("FO-MAML, Meta-SGD, 20-way and K-shot")
    assert unbroken("a meta-test on held-out tasks") == "a meta-test on held-out tasks"


def test_prose_and_long_lines_of_the_lessons_may_break():
    assert unbroken("A, B and C: press α (the slider) in 5 steps") == (
        "A, B and C: press α (the slider) in 5 steps"
    )
    for one in lessons_in(resources().joinpath("lessons"))[0]:
        for scene in one.scenes:
            assert max(map(len, re.split("[ \n]", unbroken(scene.text)))) <= 30, scene.text
