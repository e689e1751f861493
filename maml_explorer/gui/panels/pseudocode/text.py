"""An algorithm as the lecture writes it, with the values in force: pure, text only.

Made from the fields of the algorithm's record, so that a new algorithm needs nothing here unless it
has a field of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from maml_explorer.algorithms import ALGORITHMS, Algorithm
from maml_explorer.gui.style.numbers import whole
from maml_explorer.late_dataclass import dataclass
from maml_explorer.protocol.reports import StepPhase
from maml_explorer.settings.declaration import shown
from maml_explorer.settings.phases import Adapt, Phases, Sample, phases
from maml_explorer.settings.settings import Arm, Settings
from maml_explorer.settings.words import counted

SAMPLE, ADAPT, QUERY, UPDATE = StepPhase
_INDENT = "  "
_LETTER = {"parameter": "a", "layer": "a", "matrices": "M", "context": "V"}
"""Unit that is learned beside θ → its letter."""
_NOTE_AT = 42
INDEX = re.compile(r"_(K−1|\w+)")
"""An index as it is written; the panel draws it small, and without the underscore."""
"""The column where notes begin."""


@dataclass(frozen=True)
class PseudocodeLine:
    """One line of pseudocode."""

    text: str
    phase: StepPhase | None = None
    """The phase in which it is active; None for lines that never are."""
    note: str = ""
    """A remark at its right."""

    def __str__(self) -> str:
        if not self.note:
            return self.text
        # an index is drawn small and its underscore not at all: the notes stay in their column
        narrower = sum(1 + len(index) / 3 for index in INDEX.findall(self.text))
        return f"{self.text.ljust(_NOTE_AT + round(narrower))}  ▷ {self.note}"


def pseudocode(settings: Settings, arm: Arm) -> list[PseudocodeLine]:
    """The lines of one arm's algorithm, with its own values filled in."""
    own, record = settings.of_arm(arm), ALGORITHMS[arm.algorithm]
    step = phases(own, record)
    inner = _inner(own, step.adapt) if step.adapt else []
    start = f"{shown(own.model.initialization)} init, seed {own.run.seed}"
    lines = [
        *_goal(record),
        PseudocodeLine("θ ← θ₀", note=start),
        PseudocodeLine(f"repeat {whole(own.outer.outer_steps)} times", note="outer loop"),
        PseudocodeLine(
            f"{_INDENT}draw {counted(own.outer.meta_batch, 'task', whole)} τ: "
            f"{_drawn(own, step.sample)}",
            SAMPLE,
        ),
        PseudocodeLine(f"{_INDENT}for each task τ of the meta-batch"),
        *(
            PseudocodeLine(2 * _INDENT + line.text, line.phase, line.note)
            for line in (*inner, *_outer_gradient(own, step))
        ),
        *(PseudocodeLine(_INDENT + line.text, line.phase, line.note) for line in _update(step)),
    ]
    return [PseudocodeLine(_signs(one.text), one.phase, _signs(one.note)) for one in lines]


def _signs(text: str) -> str:
    """The text with its indices k as small as signs allow; other indices have no such sign."""
    return re.sub(r"_k\b", "ₖ", text.replace("_k+1", "ₖ₊₁"))


def laid_out(lines: Sequence[PseudocodeLine], fits: Callable[[str], bool]) -> list[tuple[str, int]]:
    """Rows of text: (row, number of its line).

    A note that has no room in its column stands right behind the line, or under it. A line that has
    no room goes on in a second row.

    Args:
        lines: what is laid out.
        fits: whether there is room for a row.
    """
    rows: list[tuple[str, int]] = []
    for nth, line in enumerate(lines):
        behind = f"{line.text}  ▷ {line.note}"
        if line.note and fits(str(line)):
            rows.append((str(line), nth))
        elif line.note and fits(behind):
            rows.append((behind, nth))
        else:
            deeper = " " * (len(line.text) - len(line.text.lstrip()) + 2 * len(_INDENT))
            rows += [(part, nth) for part in _broken(line.text, deeper, fits)]
            if line.note:
                rows += [(part, nth) for part in _broken(f"{deeper}▷ {line.note}", deeper, fits)]
    return rows


def _broken(text: str, deeper: str, fits: Callable[[str], bool]) -> list[str]:
    """A row, or two where it has no room and a space outside of brackets lets it go on."""
    if fits(text):
        return [text]
    start = len(text) - len(text.lstrip())
    outside = [
        at for at in range(start, len(text))
        if text[at] == " " and text.count("(", 0, at) == text.count(")", 0, at)
    ]  # fmt: skip
    held = [at for at in outside if fits(text[:at])]
    # the longest first row; what is behind a comma goes on more readily than the parts of a term
    commas = [at for at in held if text[at - 1] in ",:" and fits(deeper + text[at + 1 :])]
    at = (commas or held or [len(text)])[-1]
    return [text[:at], deeper + text[at + 1 :]] if at < len(text) else [text]


def sentence(record: Algorithm, phase: StepPhase, inner_step: int, inner_steps: int) -> str:
    """Sentence on what was just done in this phase."""
    adapts = record.has_inner_loop
    if phase == SAMPLE:
        return "A task is drawn: support points to adapt on, query points to be judged by."
    if phase == ADAPT and not adapts:
        return f"{record.label} has no inner loop: it waits for the outer step."
    if phase == ADAPT:
        if record.adapts == "context":
            return (
                f"Inner step {inner_step} of {inner_steps}: the context c moves by α against the "
                "gradient of the inner loss; θ stays."
            )
        part = "φ moves" if record.adapts == "all" else f"the {record.adapts} of φ moves"
        return (
            f"Inner step {inner_step} of {inner_steps}: {part} by α against the gradient of the "
            "inner loss."
        )
    if record.interpolates:
        if phase == QUERY:
            return "Reptile takes no query gradient: the query set only measures."
        return "θ moves a fraction ε of the way to the adapted parameters."
    if phase == QUERY and not adapts:
        return "The gradient at θ itself is taken on all points of the task."
    if phase == QUERY:
        return "The adapted parameters are judged on the query set: outer loss and gradient."
    return "θ takes one outer step against the mean gradient of the meta-batch."


def _goal(record: Algorithm) -> list[PseudocodeLine]:
    if not record.has_inner_loop:
        return [
            PseudocodeLine("θ_MTL = argmin over θ of Σ_τ L(θ, D_τ)", note="D_τ: all points of τ")
        ]
    if record.interpolates:
        return [
            PseudocodeLine("seek θ close to every φ_K = U_K(θ, S_τ)", note="U_K: K inner steps")
        ]
    return [
        PseudocodeLine("θ* = argmin over θ of E_τ L(U_K(θ, S_τ), Q_τ)", note="U_K: K inner steps")
    ]


def _drawn(own: Settings, sample: Sample) -> str:
    shots, query = sample.support, sample.query
    if own.family.images:
        classes = counted(own.images.ways, "class")
        if sample.joined:
            return f"{classes}, {counted(shots + query, 'image')} D_τ = S_τ ∪ Q_τ of each"
        queries = f", {query} query {_images(query)} Q_τ" if query else ""
        return f"{classes}, {shots} support {_images(shots)} S_τ{queries} of each"
    if sample.joined:
        return f"{counted(shots + query, 'point')} D_τ = S_τ ∪ Q_τ"
    return f"{counted(shots, 'support point')} S_τ" + (
        f", {counted(query, 'query point')} Q_τ" if query else ""
    )


def _images(count: int) -> str:
    return "image" if count == 1 else "images"


def _inner(own: Settings, adapt: Adapt) -> list[PseudocodeLine]:
    symbol, note = _step_size(own, adapt)
    if adapt.context:
        return [
            PseudocodeLine("c₀ ← 0", ADAPT, _context_words(adapt)),
            _loop(adapt, "inner loop, θ stays"),
            PseudocodeLine(f"{_INDENT}c_k+1 ← c_k − {symbol} ∇_c L(θ, V, c_k, S_τ)", ADAPT, note),
        ]
    if adapt.layers == "head":
        return [
            PseudocodeLine("(b, w₀) ← θ", ADAPT, "body b, head w"),
            _loop(adapt, "inner loop, head alone"),
            PseudocodeLine(f"{_INDENT}w_k+1 ← w_k − {symbol} ∇_w L(b, w_k, S_τ)", ADAPT, note),
        ]
    if adapt.layers == "body":
        return [
            PseudocodeLine("(b₀, w) ← θ", ADAPT, "body b, head w"),
            _loop(adapt, "inner loop, body alone"),
            PseudocodeLine(f"{_INDENT}b_k+1 ← b_k − {symbol} ∇_b L(b_k, w, S_τ)", ADAPT, note),
        ]
    start = [
        PseudocodeLine("φ₀ ← θ", ADAPT),
        _loop(adapt, "inner loop U_K"),
    ]
    if adapt.pull:
        pull, strength = f"{symbol} (∇L(φ_k, S_τ) + λ(φ_k − θ))", shown(adapt.pull)
        return [
            *start,
            PseudocodeLine(f"{_INDENT}φ_k+1 ← φ_k − {pull}", ADAPT, f"{note}, λ = {strength}"),
        ]
    if not adapt.minibatch:
        return [
            *start,
            PseudocodeLine(f"{_INDENT}φ_k+1 ← φ_k − {symbol} ∇L(φ_k, S_τ)", ADAPT, note),
        ]
    points = f"{adapt.minibatch} of {counted(own.support_points(), 'point')}"
    return [
        *start,
        PseudocodeLine(f"{_INDENT}B ← next minibatch of S_τ", ADAPT, points),
        PseudocodeLine(f"{_INDENT}φ_k+1 ← φ_k − {symbol} ∇L(φ_k, B)", ADAPT, note),
    ]


def _context_words(adapt: Adapt) -> str:
    enters = ", in the last features" if adapt.context_enters == "features" else ""
    return f"{counted(adapt.context, 'context parameter')}{enters}"


def _loop(adapt: Adapt, words: str) -> PseudocodeLine:
    return PseudocodeLine(f"for k = 0 … K − 1,  K = {adapt.steps}", ADAPT, words)


def _step_size(own: Settings, adapt: Adapt) -> tuple[str, str]:
    """(what multiplies an inner gradient, the remark on it)."""
    alpha = shown(own.inner.inner_lr)
    symbol, note = {
        "": ("α", f"α = {alpha}"),
        "parameter": ("a ⊙", f"a learned, from {alpha}"),
        "layer": ("a_k", f"a_k learned, from {alpha}"),
        "context": ("α", f"α = {alpha}"),
        "matrices": ("α M", f"α = {alpha}, M from I"),
    }[adapt.step_sizes]
    return symbol, note + (f", ‖∇L‖ ≤ {shown(adapt.clip)}" if adapt.clip else "")


def _outer_gradient(own: Settings, step: Phases) -> list[PseudocodeLine]:
    if step.query is None:
        return []
    if step.adapt is None:
        return [PseudocodeLine("g_τ ← ∇L(θ, D_τ)", QUERY, "no inner loop")]
    layers = step.adapt.layers
    adapted = _ADAPTED[layers].format("K")
    order, begins = "", step.query.second_order_from
    if begins is None:
        order = "first order"
    elif begins:
        order = f"first order before {whole(begins)}"
    if step.multi_step:
        until = f"ω_K = 1 from {whole(step.query.multi_step_until)} on"
        each = _ADAPTED[layers].format("k")
        return [
            PseudocodeLine(f"g_τ ← ∇_θ Σ_k ω_k L({each}, Q_τ)", QUERY, until),
            *([PseudocodeLine("    H_k dropped", QUERY, order)] if order else []),
        ]
    if step.query.solve_steps:
        taken = f"{step.query.solve_steps} CG steps"
        return [
            PseudocodeLine("solve (I + H/λ) g_τ = ∇L(φ_K, Q_τ)", QUERY, taken),
            PseudocodeLine("    H: Hessian of L(·, S_τ) at φ_K", QUERY, "no path is kept"),
        ]
    if begins is None:
        return [PseudocodeLine(f"g_τ ← ∇L({adapted}, Q_τ)", QUERY, order)]
    if step.step_sizes:
        own_letter = _LETTER[step.step_sizes]
        return [
            PseudocodeLine(
                f"g_τ ← ∇_θ,{own_letter} L({adapted}, Q_τ)",
                QUERY,
                order or "through every inner step",
            )
        ]
    hessians = "H_k Hessian, J_k clipping" if step.adapt.clip else "H_k: Hessian at φ_k"
    return [
        PseudocodeLine(f"g_τ ← ∇_θ L({adapted}, Q_τ)", QUERY, order or hessians),
        _through_the_steps(own, layers),
    ]


_ADAPTED = {"all": "φ_{}", "head": "b, w_{}", "body": "b_{}, w", "context": "θ, V, c_{}"}
"""Layers that adapt → all parameters after an inner step."""
_MOVED = {"all": "", "head": "α on w, 0 on b", "body": "α on b, 0 on w"}
"""Layers that adapt → where the step size is 0."""


def _through_the_steps(own: Settings, layers: str) -> PseudocodeLine:
    """Lines on what the inner steps make of the query gradient.

    Args:
        layers: those that adapt, a key of :data:`_MOVED`.
    """
    part = _MOVED[layers]
    masked = part or own.model.norm != "none"
    first, last, note = "αH₀", "αH_K−1", ""
    if own.inner.inner_clip:
        first, last = "B₀", "B_K−1"
        note = "B = αHJ"
        if masked:
            note = f"B = HJA, A: {part.partition(',')[0] or '0 on norm'}"
    elif masked:
        first, last = "H₀A", "H_K−1 A"
        note = f"A: {part or 'α, 0 on the norm'}"
    return PseudocodeLine(f"    = (I − {first}) ⋯ (I − {last}) ∇L(φ_K, Q_τ)", QUERY, note)


def _update(step: Phases) -> list[PseudocodeLine]:
    update = step.update
    if not update.optimizer:
        note = f"ε = {shown(update.rate)}{', falls to 0' if update.anneals else ''}"
        return [PseudocodeLine("θ ← θ + ε · mean over τ of (φ_K − θ)", UPDATE, note)]
    beta = f"β = {shown(update.rate)}"
    beta += f", {update.schedule}" if update.schedule else ""
    beta += f", ‖·‖ ≤ {shown(update.clip)}" if update.clip else ""
    learned = f"(θ, {_LETTER[step.step_sizes]})" if step.step_sizes else "θ"
    if update.optimizer == "adam":
        return [
            PseudocodeLine(f"{learned} ← {learned} − β · Adam(mean over τ of g_τ)", UPDATE, beta)
        ]
    if update.momentum:
        beta += f", momentum {shown(update.momentum)}"
    return [PseudocodeLine(f"{learned} ← {learned} − β · mean over τ of g_τ", UPDATE, beta)]
