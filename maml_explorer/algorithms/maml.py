"""MAML: model-agnostic meta-learning, second order."""

from maml_explorer.algorithms.record import Algorithm

MAML = Algorithm(
    key="maml",
    label="MAML",
    summary="Outer gradient through the inner loop, Hessians included (second order).",
    source="Finn, Abbeel, Levine 2017, Algorithm 1",
    paper="1703.03400",
    color="#0072B2",
    line="solid",
    marker="o",
)
