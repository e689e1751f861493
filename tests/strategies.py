"""Hypothesis strategies of settings, derived from the declarations."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.settings.declaration import MAX_LAYERS, Hyperparameter
from maml_explorer.settings.families import FAMILIES
from maml_explorer.settings.groups import DECLARATIONS
from maml_explorer.settings.settings import MAX_ARMS, Arm, Settings
from tests.own_images import opened
from tests.own_tasks import waves

PAIRS = [(key, key.removesuffix("_min") + "_max") for key in DECLARATIONS if key.endswith("_min")]


TEXTS = {
    "mixture": ("sine, line", "step gaussian", "quadratic, sawtooth, harmonics"),
    "formula": ("A*sin(w*x - p) + B*x", "tanh(A*x) + B*step(x)", "x", "2"),
    "formula_ranges": (
        "A = 0.1..5, w = 1, p = 0..pi, B = -1..1", "w=0..1; A in -1..1, p=2, B: 3 to 4, Q=1",
    ),
    "own_network": ("",),
    "own_tasks": ("", waves().key.text),
}  # fmt: skip
"""Texts that are typed, each allowed with each of the others."""


def values(declaration: Hyperparameter) -> st.SearchStrategy[Any]:
    """Every value that a declaration allows."""
    match declaration.kind:
        case "choice":
            return st.sampled_from(declaration.choices)
        case "bool":
            return st.booleans()
        case "text" if declaration.key in TEXTS:
            return st.sampled_from(TEXTS[declaration.key])
        case "text":
            return st.just("") | st.builds(opened, st.just(27), st.just(20))
        case "float":
            return st.floats(declaration.minimum, declaration.maximum)
    assert declaration.minimum is not None and declaration.maximum is not None
    whole = st.integers(int(declaration.minimum), int(declaration.maximum))
    if declaration.kind == "sizes":
        return st.lists(whole, min_size=1, max_size=MAX_LAYERS).map(tuple)
    return whole


@st.composite
def arms(draw: st.DrawFn) -> tuple[Arm, ...]:
    printable = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=40)
    names = draw(st.lists(printable, min_size=1, max_size=MAX_ARMS, unique=True))
    per_arm = {key: values(d) for key, d in DECLARATIONS.items() if d.per_arm}
    return tuple(
        Arm(
            name,
            (algorithm := draw(st.sampled_from(list(ALGORITHMS)))),
            tuple(
                (key, value)
                for key, value in draw(st.fixed_dictionaries({}, optional=per_arm)).items()
                if key != "lslr" or not ALGORITHMS[algorithm].step_sizes
            ),
        )
        for name in names
    )


@st.composite
def settings(draw: st.DrawFn) -> Settings:
    """Any settings whatever."""
    optional = {key: values(declaration) for key, declaration in DECLARATIONS.items()}
    changed = draw(st.fixed_dictionaries({}, optional=optional))
    whole = {**Settings().values(), **changed}
    for low, high in PAIRS:
        whole[low], whole[high] = sorted((whole[low], whole[high]))
    if whole["family"] == "folder":
        whole["data"] = opened(27, 20)
        whole["ways"] = min(int(whole["ways"]), 9)
    if whole["family"] == "own":
        whole |= {"own_tasks": waves().key.text}
        whole |= {key: min(int(whole[key]), 10) for key in ("shots", "query_points")}
    if FAMILIES[str(whole["family"])].images:  # a class has 20 drawings
        whole |= {"shots": min(int(whole["shots"]), 10), "query_points": 10}
        whole |= {"ways": min(int(whole["ways"]), 12)}
        if whole["model"] == "conv" and whole["norm"] == "batch-per-step":
            whole |= {"norm": "batch"}
    stream = FAMILIES[str(whole["family"])].stream
    if stream:
        whole |= {"functions": min(int(whole["functions"]), 10), "norm": "none"}
        whole |= {"batches": min(int(whole["batches"]), int(whole["shots"]), 5)}
    drawn = Settings().with_values(whole)
    if not draw(st.booleans()):
        return drawn
    found = draw(arms())
    if stream and any(ALGORITHMS[arm.algorithm].implicit for arm in found):
        return drawn
    if any(ALGORITHMS[arm.algorithm].step_sizes for arm in found):
        drawn = drawn.with_values({"lslr": False})
    return drawn.with_arms(found)
