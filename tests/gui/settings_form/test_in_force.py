"""What is annealed is on the screen, and what a setting does not do is said under it."""

from __future__ import annotations

from maml_explorer.gui.settings_form.annealed_text import annealed_text
from maml_explorer.settings.settings import Arm, Settings, default_arm

MAML = (default_arm("maml"),)


def text(t: int, arms: tuple[Arm, ...] = MAML, **values: object) -> str:
    settings = Settings().with_values({"outer_steps": 1000, "inner_steps": 3, **values})
    return annealed_text(settings.with_arms(arms), {arm.name: t for arm in arms})


def test_nothing_annealed_says_nothing():
    assert text(5) == text(5, (default_arm("mtl"), default_arm("fomaml"))) == ""


def test_the_rate_the_weights_and_the_order_are_those_in_force():
    said = {
        "schedule": "cosine", "multi_step_loss": True, "multi_step_until": 600,
        "second_order_from": 2000,
    }  # fmt: skip
    assert text(0, **said) == (
        "MAML: β 0.001, losses weigh .33 .33 .33, first order until 2\u202f000"
    )
    assert text(500, **said).startswith(
        "MAML: β 5.05e−4, annealed from 0.001, losses weigh .06 .06 .89, "
    )
    assert text(600, **said) == "MAML: β 3.52e−4, annealed from 0.001, first order until 2\u202f000"
    assert text(2000, **said) == "MAML: β 1e−5, annealed from 0.001"


def test_arms_alike_are_named_together():
    arms = (default_arm("maml"), default_arm("anil"), default_arm("reptile"), default_arm("mtl"))
    assert text(250, arms, second_order_from=300) == (
        "MAML, ANIL: first order until 300 · Reptile: ε 0.075, annealed from 0.1"
    )
    own = (*MAML, Arm("slow", "maml", (("schedule", "warm-up"), ("warmup_steps", 500))))
    assert text(249, own) == "slow: β 5e−4, warming up to 0.001"
    assert text(0, (default_arm("reptile"),), reptile_anneal=False) == ""


def test_the_foot_of_the_window_shows_it(window, qtbot):
    assert not window.annealed.isVisible()
    window.session.editor.edit({"schedule": "cosine", "schedule_end": 0.0})
    window.session.link.pull()
    assert window.annealed.isVisible() and "β" in window.annealed.full
    window.show()
    qtbot.wait(20)
    assert window.annealed.width() <= window.annealed.sizeHint().width(), "the light has the rest"


def test_a_note_stands_under_the_setting_it_is_about(window):
    row = window.columns.form.row("second_order_from")
    assert row.note.isHidden()
    window.session.editor.edit({"second_order_from": 70_000})
    assert "every step is first order" in row.note.text() and not row.note.isHidden()
    window.session.editor.edit({"second_order_from": 100})
    assert row.note.isHidden()
