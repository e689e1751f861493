"""FO-MAML: MAML without the second derivatives."""

from maml_explorer.algorithms.record import Algorithm

FOMAML = Algorithm(
    key="fomaml",
    label="FO-MAML",
    summary="The query gradient at the adapted parameters is used as it is; Hessians are dropped.",
    source="Finn, Abbeel, Levine 2017, section 5.2",
    paper="1703.03400",
    second_order=False,
    color="#56B4E9",
    line="dashdot",
    marker="s",
)
