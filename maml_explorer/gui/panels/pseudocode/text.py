"""An algorithm as the lecture writes it, with the values in force: pure, text only.

Made from the fields of the algorithm's record, so that a new algorithm needs nothing here unless it
has a field of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from maml_explorer.algorithms import ALGORITHMS, Algorithm
from maml_explorer.codegen.inner_loop import learned_rates, multi_step, order_anneals
from maml_explorer.gui.style.numbers import whole
from maml_explorer.settings.declaration import shown
from maml_explorer.settings.settings import Arm, Settings

SAMPLE, ADAPT, QUERY, UPDATE = "sample", "adapt", "query", "update"
"""The phases of an outer step, as `Stepped` names them."""
_INDENT = "  "
_NOTE_AT = 42
"""The column where notes begin."""


@dataclass(frozen=True)
class Line:
    """One line of pseudocode."""

    text: str
    phase: str = ""
    """The phase in which it is active; empty for lines that never are."""
    note: str = ""
    """A remark at its right."""

    def __str__(self) -> str:
        return f"{self.text.ljust(_NOTE_AT)}  ▷ {self.note}" if self.note else self.text


def pseudocode(settings: Settings, arm: Arm) -> list[Line]:
    """The lines of one arm's algorithm, with its own values filled in."""
    own, record = settings.of_arm(arm), ALGORITHMS[arm.algorithm]
    return [
        *_goal(record),
        Line("θ ← θ₀", note=f"{shown(own.model.initialization)}, seed {own.run.seed}"),
        Line(f"repeat {whole(own.outer.outer_steps)} times", note="outer loop"),
        Line(f"{_INDENT}draw {whole(own.outer.meta_batch)} tasks τ: {_drawn(own, record)}", SAMPLE),
        Line(f"{_INDENT}for each task τ of the meta-batch"),
        *(
            Line(2 * _INDENT + line.text, line.phase, line.note)
            for line in (*_inner(own, record), *_outer_gradient(own, record))
        ),
        *(Line(_INDENT + line.text, line.phase, line.note) for line in _update(own, record)),
    ]


def sentence(record: Algorithm, phase: str, inner_step: int, inner_steps: int) -> str:
    """What has just been done in this phase, in a sentence."""
    adapts = record.adapts != "none"
    if phase == SAMPLE:
        return "A task is drawn: support points to adapt on, query points to be judged by."
    if phase == ADAPT and not adapts:
        return f"{record.label} has no inner loop: it waits for the outer step."
    if phase == ADAPT:
        part = "the head of φ moves" if record.adapts == "head" else "φ moves"
        return (
            f"Inner step {inner_step} of {inner_steps}: {part} by α against the gradient of the "
            "inner loss."
        )
    if record.outer_rule == "interpolation":
        if phase == QUERY:
            return "Reptile takes no query gradient: the query set only measures."
        return "θ moves a part ε of the way to the adapted parameters."
    if phase == QUERY and not adapts:
        return "The gradient at θ itself is taken on all points of the task."
    if phase == QUERY:
        return "The adapted parameters are judged on the query set: outer loss and gradient."
    return "θ takes one outer step against the mean gradient of the meta-batch."


def _goal(record: Algorithm) -> list[Line]:
    if record.adapts == "none":
        return [Line("θ_MTL = argmin_θ Σ_τ L(θ, D_τ)", note="D_τ: all points of τ")]
    if record.outer_rule == "interpolation":
        return [Line("seek θ close to every φ_K = U_K(θ, S_τ)", note="U_K: K inner steps")]
    return [Line("θ* = argmin_θ E_τ L(U_K(θ, S_τ), Q_τ)", note="U_K: K inner steps")]


def _drawn(own: Settings, record: Algorithm) -> str:
    shots, query = own.inner.shots, own.inner.query_points
    if record.outer_rule == "interpolation":
        return f"{shots} support points S_τ"
    if record.outer_data == "all":
        return f"{shots + query} points D_τ = S_τ ∪ Q_τ"
    return f"{shots} support points S_τ, {query} query points Q_τ"


def _inner(own: Settings, record: Algorithm) -> list[Line]:
    if record.adapts == "none":
        return []
    alpha, note = _step_size(own, record)
    reptile = record.outer_rule == "interpolation"
    steps = own.inner.reptile_inner_steps if reptile else own.inner.inner_steps
    if record.adapts == "head":
        return [
            Line("(b, w₀) ← θ", ADAPT, "body b, head w"),
            Line(f"for k = 0 … K − 1,  K = {steps}", ADAPT, "inner loop, head alone"),
            Line(f"{_INDENT}w_k+1 ← w_k − {alpha} ∇_w L(b, w_k, S_τ)", ADAPT, note),
        ]
    start = [
        Line("φ₀ ← θ", ADAPT),
        Line(f"for k = 0 … K − 1,  K = {steps}", ADAPT, "inner loop U_K"),
    ]
    if not reptile:
        return [*start, Line(f"{_INDENT}φ_k+1 ← φ_k − {alpha} ∇L(φ_k, S_τ)", ADAPT, note)]
    size = min(own.inner.reptile_batch, own.inner.shots)
    points = f"{size} of {own.inner.shots} points"
    return [
        *start,
        Line(f"{_INDENT}B ← next minibatch of S_τ", ADAPT, points),
        Line(f"{_INDENT}φ_k+1 ← φ_k − α ∇L(φ_k, B)", ADAPT, note),
    ]


def _step_size(own: Settings, record: Algorithm) -> tuple[str, str]:
    """(what multiplies an inner gradient, the remark on it)."""
    alpha, clip = shown(own.inner.inner_lr), own.inner.inner_clip
    symbol, note = {
        "": ("α", f"α = {alpha}"),
        "parameter": ("a ⊙", f"a learned, from {alpha}"),
        "layer": ("a_k", f"a_k learned, from {alpha}"),
    }[learned_rates(own, record)]
    return symbol, note + (f", ‖∇L‖ ≤ {shown(clip)}" if clip else "")


def _outer_gradient(own: Settings, record: Algorithm) -> list[Line]:
    if record.outer_rule == "interpolation":
        return []
    if record.adapts == "none":
        return [Line("g_τ ← ∇L(θ, D_τ)", QUERY, "no inner loop")]
    head = record.adapts == "head"
    adapted = "b, w_K" if head else "φ_K"
    order = ""
    if not record.second_order:
        order = "first order"
    elif order_anneals(own, record):
        order = f"first order before {whole(own.outer.second_order_from)}"
    if multi_step(own, record):
        until = f"w_K = 1 from {whole(own.outer.multi_step_until)} on"
        each = "b, w_k" if head else "φ_k"
        return [
            Line(f"g_τ ← ∇_θ Σ_k ω_k L({each}, Q_τ)", QUERY, until.replace("w_K", "ω_K")),
            *([Line("    H_k dropped", QUERY, order)] if order else []),
        ]
    if not record.second_order:
        return [Line(f"g_τ ← ∇L({adapted}, Q_τ)", QUERY, order)]
    if learned_rates(own, record):
        return [Line(f"g_τ ← ∇_θ,a L({adapted}, Q_τ)", QUERY, order or "H_k: Hessian at φ_k")]
    hessians = "H_k Hessian, J_k clipping" if own.inner.inner_clip else "H_k: Hessian at φ_k"
    return [
        Line(f"g_τ ← ∇_θ L({adapted}, Q_τ)", QUERY, order or hessians),
        _through_the_steps(own, head),
    ]


def _through_the_steps(own: Settings, head: bool) -> Line:
    """What the inner steps make of the query gradient."""
    masked = head or own.model.norm != "none"
    first, last, note = "αH₀", "αH_K−1", ""
    if own.inner.inner_clip:
        first, last = "B₀", "B_K−1"
        note = "B = αHJ"
        if masked:
            note = "B = HJA, A: α on w" if head else "B = HJA, A: 0 on norm"
    elif masked:
        first, last = "H₀A", "H_K−1 A"
        note = "A: α on w, 0 on b" if head else "A: α, 0 on the norm"
    return Line(f"    = (I − {first}) ⋯ (I − {last}) ∇L(φ_K, Q_τ)", QUERY, note)


def _update(own: Settings, record: Algorithm) -> list[Line]:
    if record.outer_rule == "interpolation":
        falls = ", falls to 0" if own.outer.reptile_anneal else ""
        note = f"ε = {shown(own.outer.reptile_step)}{falls}"
        return [Line("θ ← θ + ε · mean over τ of (φ_K − θ)", UPDATE, note)]
    outer = own.outer
    beta = f"β = {shown(outer.outer_lr)}"
    beta += "" if outer.schedule == "constant" else f", {outer.schedule}"
    beta += f", ‖·‖ ≤ {shown(outer.outer_clip)}" if outer.outer_clip else ""
    learned = "(θ, a)" if learned_rates(own, record) else "θ"
    if outer.optimizer == "adam":
        return [Line(f"{learned} ← {learned} − β · Adam(mean over τ of g_τ)", UPDATE, beta)]
    if outer.momentum:
        beta += f", momentum {shown(outer.momentum)}"
    return [Line(f"{learned} ← {learned} − β · mean over τ of g_τ", UPDATE, beta)]
