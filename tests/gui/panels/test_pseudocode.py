"""The pseudocode: its lines, the values in them, and which of them is lit."""

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QTextCursor

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.gui.panels.pseudocode.panel import PseudocodePanel
from maml_explorer.gui.panels.pseudocode.text import (
    ADAPT,
    INDEX,
    QUERY,
    SAMPLE,
    UPDATE,
    laid_out,
    pseudocode,
    sentence,
)
from maml_explorer.protocol import reports
from maml_explorer.settings.settings import Arm, Settings, default_arm
from tests.gui.panel_bench import Bench, nameless


@pytest.fixture
def bench(qtbot):
    arms = tuple(default_arm(key) for key in ALGORITHMS)
    bench = Bench.start(qtbot, Settings(arms=arms))
    yield bench
    bench.session.close()


@pytest.fixture
def panel(bench):
    return bench.show(PseudocodePanel, 620, 320)


def text(key, **values):
    return "\n".join(
        str(line) for line in pseudocode(Settings().with_values(values), default_arm(key))
    )


def test_maml_has_its_values_and_the_hessians():
    words = text("maml", inner_lr=0.05, outer_lr=0.002, inner_steps=3, meta_batch=7, shots=5)
    assert "draw 7 tasks τ: 5 support points S_τ, 10 query points Q_τ" in words
    assert "K = 3" in words and "α = 0.05" in words and "β = 0.002" in words
    assert "φₖ₊₁ ← φₖ − α ∇L(φₖ, S_τ)" in words
    assert "(I − αH₀) ⋯ (I − αH_K−1) ∇L(φ_K, Q_τ)" in words
    assert "Adam" in words
    assert "Adam" not in text("maml", optimizer="sgd")
    assert "momentum 0.9" in text("maml", optimizer="sgd", momentum=0.9)


def test_images_are_counted_by_class():
    images = {"family": "glyphs", "ways": 5, "shots": 1, "query_points": 3, "meta_batch": 7}
    words = text("maml", **images)
    assert "draw 7 tasks τ: 5 classes, 1 support image S_τ, 3 query images Q_τ of each" in words
    assert "5 classes, 4 images D_τ = S_τ ∪ Q_τ of each" in text("mtl", **images)
    assert "4 of 5 points" in text("reptile", reptile_batch=4, **images)


def test_what_sets_the_others_apart():
    assert "H₀" not in text("fomaml") and "first order" in text("fomaml")
    assert "∇_w L(b, wₖ, S_τ)" in text("anil") and "α on w, 0 on b" in text("anil")
    assert "D_τ" in text("mtl") and "for k" not in text("mtl")
    reptile = text("reptile", reptile_inner_steps=8, reptile_batch=4)
    assert "K = 8" in reptile and "4 of 10 points" in reptile
    assert "θ ← θ + ε · mean over τ of (φ_K − θ)" in reptile and "falls to 0" in reptile
    assert "Q_τ" not in reptile


def test_tricks_are_in_it():
    words = text("meta_sgd", inner_clip=2.0)
    assert "φₖ₊₁ ← φₖ − a ⊙ ∇L(φₖ, S_τ)" in words and "a learned, from 0.01, ‖∇L‖ ≤ 2" in words
    assert "g_τ ← ∇_θ,a L(φ_K, Q_τ)" in words
    assert "(θ, a) ← (θ, a) − β · Adam(mean over τ of g_τ)" in words
    for key in ("meta_curvature", "cavia"):  # no line has an H, so none is named
        assert "Hessian" not in text(key) and "through every inner step" in text(key)
    words = text("anil", lslr=True, multi_step_loss=True, inner_steps=2)
    assert "wₖ₊₁ ← wₖ − aₖ ∇_w L(b, wₖ, S_τ)" in words
    assert "g_τ ← ∇_θ Σₖ ωₖ L(b, wₖ, Q_τ)" in words and "ω_K = 1 from 5\u202f000 on" in words
    words = text("maml", second_order_from=300, schedule="cosine", outer_clip=10.0)
    assert "first order before 300" in words and "β = 0.001, cosine, ‖·‖ ≤ 10" in words
    assert text("mtl", lslr=True, multi_step_loss=True) == text("mtl")


@pytest.mark.parametrize("key", ["maml", "anil"])
@pytest.mark.parametrize("clip", [0.0, 2.0])
@pytest.mark.parametrize("norm", ["none", "layer"])
def test_the_product_of_the_steps_has_what_the_steps_have(key, clip, norm):
    """v − H J (a ⊙ v), as in maml_explorer.core.meta_gradient."""
    masked = key == "anil" or norm != "none"
    words = text(key, inner_clip=clip, norm=norm)
    if clip:
        assert "(I − B₀) ⋯ (I − B_K−1) ∇L" in words and "Jₖ clipping" in words
        assert ("B = HJA" if masked else "B = αHJ") in words
    else:
        expected = "(I − H₀A) ⋯ (I − H_K−1 A) ∇L" if masked else "(I − αH₀) ⋯ (I − αH_K−1) ∇L"
        assert expected in words
    assert max(map(len, INDEX.sub(r"\1", words).splitlines())) <= 74


@pytest.mark.parametrize("key", ALGORITHMS)
def test_every_algorithm_has_phases_and_fits_its_tab(key):
    lines = pseudocode(Settings(), default_arm(key))
    phases = {line.phase for line in lines}
    assert {SAMPLE, UPDATE} <= phases
    assert (ADAPT in phases) == (ALGORITHMS[key].adapts != "none")
    assert max(len(INDEX.sub(r"\1", str(line))) for line in lines) <= 74
    assert len(lines) <= 14
    for phase in (SAMPLE, ADAPT, QUERY, UPDATE):
        assert sentence(ALGORITHMS[key], phase, 1, 2).endswith(".")


def test_an_arm_shows_its_own_values(bench, panel):
    assert "α = 0.01" in panel.text.toPlainText()
    bench.session.editor.edit({"inner_lr": 0.3})
    assert "α = 0.3" in panel.text.toPlainText()
    arms = (Arm("MAML", "maml", (("inner_lr", 0.7),)), *bench.session.settings.arms[1:])
    bench.session.editor.set_arms(arms)
    assert "α = 0.7" in panel.text.toPlainText()


def test_the_arm_is_chosen_with_the_keyboard(bench, panel):
    panel.arm_choice.setFocus()
    for _ in range(list(ALGORITHMS).index("reptile")):
        bench.qtbot.keyClick(panel.arm_choice, Qt.Key.Key_Down)
    assert panel.arm.algorithm == "reptile"
    assert "ε" in panel.text.toPlainText()
    bench.session.editor.set_arms(bench.session.settings.arms[:2])
    assert panel.arm.name == "MAML", "a removed arm gives way to the first"


def stepped(bench, phase, k=1):
    bench.worker.phase = reports.Phase.STEPPING
    bench.report(bench.worker._status())
    probed = bench.session.task.probed
    names = [arm.name for arm in bench.session.settings.arms]
    bench.report(reports.Stepped(1, 1, k, 2, phase, probed.probe, dict.fromkeys(names, k), probed))


def lit_rows(panel):
    edit, color = panel.text, QColor(panel.session.theme.selection)
    blocks = map(edit.document().findBlockByNumber, range(edit.blockCount()))
    return [b.blockNumber() for b in blocks if b.blockFormat().background().color() == color]


@pytest.mark.parametrize("phase", [SAMPLE, ADAPT, QUERY, UPDATE])
def test_the_active_lines_are_lit_while_stepping(bench, panel, phase):
    assert lit_rows(panel) == []
    bench.session.editor.edit({"inner_steps": 2})
    stepped(bench, phase)
    lit = set(lit_rows(panel))
    assert lit == {n for n, line in enumerate(panel.lines) if line.phase == phase}
    assert lit
    expected = sentence(ALGORITHMS["maml"], phase, 1, 2)
    if phase == ADAPT:
        expected += " MTL waits: no inner loop in training."
    assert panel.said.text() == expected
    bench.worker.step = 1  # the update of the step that was walked through
    bench.session.control.outer_step()
    bench.pull()
    assert lit_rows(panel) == []
    assert ALGORITHMS["maml"].summary in panel.said.text()


@pytest.mark.parametrize("points", [9.0, 10.0, 11.3])
@pytest.mark.parametrize("line_scale", [1.0, 1.6])
def test_a_lit_row_has_no_gap_behind_an_index(bench, panel, points, line_scale):
    theme = replace(bench.session.theme, points=points, line_scale=line_scale)
    panel.resize(700, 620)
    bench.session.set_theme(theme)
    stepped(bench, ADAPT)
    bench.qtbot.wait(1)
    edit = panel.text
    picture = edit.viewport().grab().toImage()
    for row in lit_rows(panel):
        block = edit.document().findBlockByNumber(row)
        top = edit.blockBoundingGeometry(block).translated(edit.contentOffset()).top()
        across = range(6, picture.width() - 6)
        assert {picture.pixelColor(x, round(top) + 1).name() for x in across} == {theme.selection}


@pytest.mark.parametrize("height", range(180, 320, 7))
@pytest.mark.parametrize("asked", [False, True])
def test_no_half_of_a_row_is_seen_behind_what_a_page_speaks_of(bench, panel, height, asked):
    # the update of θ was cut at the foot of the pane below the gradient that it takes
    panel.resize(620, height)
    bench.qtbot.wait(1)
    if asked:
        panel.show_page(QUERY)
    else:
        stepped(bench, QUERY)
    bench.qtbot.wait(1)
    edit, rows = panel.text, panel.rows_of(QUERY)
    seen = [edit.document().findBlockByNumber(row) for row in (*rows, rows[-1] + 1)]
    places = [edit.blockBoundingGeometry(b).translated(edit.contentOffset()) for b in seen]
    assert places[0].top() >= 0 and places[-1].bottom() <= edit.viewport().height()


def test_mtl_waits_while_the_others_adapt(bench, panel):
    panel.arm_choice.setCurrentText("MTL")
    panel._show()
    stepped(bench, ADAPT)
    assert lit_rows(panel) == []
    assert panel.said.text() == "MTL has no inner loop: it waits for the outer step."


def test_nothing_is_set_while_hidden(bench, panel):
    panel.hide()
    bench.session.editor.edit({"inner_lr": 0.3})
    assert "α = 0.3" not in panel.text.toPlainText()
    panel.show()
    assert "α = 0.3" in panel.text.toPlainText()


def test_every_control_has_a_name(panel):
    assert nameless(panel) == []
    assert panel.text.accessibleName() == "Pseudocode"


@pytest.mark.parametrize("columns", [200, 64, 50, 30])
def test_notes_stay_in_sight_in_any_width(columns: int):
    lines = pseudocode(Settings(), Arm("MAML", "maml"))
    rows = laid_out(lines, lambda row: len(row) <= columns)
    assert all(len(row) <= max(columns, 40) for row, _ in rows)
    for nth, line in enumerate(lines):
        said = " ".join(" ".join(row for row, of in rows if of == nth).split())
        assert said == " ".join(f"{line.text} {'▷' if line.note else ''} {line.note}".split())
    assert [nth for _, nth in rows] == sorted(nth for _, nth in rows)
    if columns == 200:
        assert [row for row, _ in rows] == [str(line) for line in lines]


def test_a_narrow_panel_lights_both_rows_of_a_line(bench, panel):
    panel.resize(300, 400)
    panel._lay_out_lines()
    rows = panel.text.toPlainText().split("\n")
    assert len(rows) > len(panel.lines)
    assert len(panel._rows) == len(rows)


@pytest.mark.parametrize("size", [(560, 640), (900, 900), (420, 560)])
@pytest.mark.parametrize("key", ALGORITHMS)
def test_a_hall_s_type_fills_the_panel_and_no_row_is_cut(bench, panel, key, size):
    session, edit = bench.session, panel.text
    panel.arm_choice.setCurrentIndex(list(ALGORITHMS).index(key))
    panel.resize(*size)
    session.set_theme(replace(session.theme, points=10.0, line_scale=1.6))
    bench.qtbot.wait(1)
    assert edit.verticalScrollBar().maximum() == 0 == edit.horizontalScrollBar().maximum()
    last = edit.cursorRect(QTextCursor(edit.document().lastBlock())).bottom()
    growth = edit.font().pointSizeF() / 10.0
    assert growth > 1.15
    assert last > 0.55 * edit.viewport().height() or growth > 2.4
