"""Meta-Curvature: MAML whose inner gradient goes through learned matrices."""

from maml_explorer.algorithms.record import Algorithm

META_CURVATURE = Algorithm(
    key="meta_curvature",
    label="Meta-Curvature",
    summary="As MAML, and every layer's inner gradient is multiplied by matrices over its inputs "
    "and outputs that are learned with θ; all begin at the identity.",
    source="Park, Oliva 2019, section 3",
    paper="1902.03356",
    step_sizes="matrices",
    color="#8B5A2B",
    line="dashdot",
    marker="h",
)
