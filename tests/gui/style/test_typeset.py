"""Indices set below the line of a text."""

from maml_explorer.gui.style.typeset import typeset


def test_the_index_behind_a_letter_is_set_below_and_names_are_left_alone():
    assert typeset("φ ← φ − α ∇L_support(φ)") == "φ ← φ − α ∇L<sub>support</sub>(φ)"
    assert typeset("S_τ & Q_τ < H_K−1") == "S<sub>τ</sub> &amp; Q<sub>τ</sub> &lt; H<sub>K−1</sub>"
    assert typeset("∇_w L(b, wₖ)") == "∇<sub>w</sub> L(b, wₖ)"
    for plain in ("set inner_lr to 0.1 < 1", "no index"):
        assert typeset(plain) == plain
