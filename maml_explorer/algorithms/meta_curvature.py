"""Meta-Curvature: MAML whose inner gradient goes through learned matrices."""

from maml_explorer.algorithms.record import Algorithm

META_CURVATURE = Algorithm(
    key="meta_curvature",
    label="Meta-Curvature",
    summary="Like MAML, but each layer's inner gradient is multiplied by two learned matrices, "
    "over its inputs and its outputs; both begin at the identity.",
    source="Park, Oliva 2019, section 3",
    paper="1902.03356",
    step_sizes="matrices",
    color="#8B5A2B",
    line="dashdot",
    marker="h",
)
