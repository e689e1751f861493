"""ANIL: almost no inner loop. Only the head adapts."""

from maml_explorer.algorithms.record import Algorithm

ANIL = Algorithm(
    key="anil",
    label="ANIL",
    summary="The inner loop changes the last layer only; the outer loop trains all layers.",
    source="Raghu, Raghu, Bengio, Vinyals 2020",
    paper="1909.09157",
    adapts="head",
    test_adapts="head",
    color="#009E73",
    line="dash",
    marker="t1",
)
