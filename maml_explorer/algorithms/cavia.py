"""CAVIA: only context parameters adapt; θ is shared by all tasks."""

from maml_explorer.algorithms.record import Algorithm

CAVIA = Algorithm(
    key="cavia",
    label="CAVIA",
    summary="Only a few context parameters, appended to the input or moving features, adapt in the "
    "inner loop; the outer loop trains all weights.",
    source="Zintgraf, Shiarlis, Kurin, Hofmann, Whiteson 2019, Algorithm 1",
    paper="1810.03642",
    adapts="context",
    step_sizes="context",
    test_adapts="context",
    color="#999933",
    line="dot",
    marker="h",
)
