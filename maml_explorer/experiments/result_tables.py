"""Results of a run as JSON and as a table. Torch-free."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from maml_explorer.published.statistics import over_seeds
from maml_explorer.settings.families import USUAL_FIGURE
from maml_explorer.settings.settings import Settings
from maml_explorer.settings.words import counted
from maml_explorer.storage.report.figures import figure_text, figure_words
from maml_explorer.storage.run.records import ALONE

if TYPE_CHECKING:
    from maml_explorer.core.forgetting import Forgetting
    from maml_explorer.storage.run.checkpoint import ArmResult

SCHEMA = 1


def run_summary(
    settings: Settings,
    results: Mapping[int, Mapping[str, ArmResult]],
    *,
    steps_per_second: float | None,
    device: str,
    versions: Mapping[str, str],
) -> dict[str, Any]:
    """The results of a run as JSON values: the meta-test of every arm and seed.

    Args:
        settings: of the run.
        results: by seed and arm name.
        steps_per_second: outer steps of all arms together; None if none were taken.
        device: "cpu" or "cuda:0".
        versions: name → version.
    """
    arms: dict[str, Any] = {}
    for arm in settings.arms:
        seeds = {seed: results[seed][arm.name] for seed in results}
        arms[arm.name] = {
            "algorithm": arm.algorithm,
            "overrides": {key: _plain(value) for key, value in arm.overrides},
            "seeds": {
                str(seed): {
                    "outer_steps": result.outer_step,
                    "diverged": result.diverged or None,
                    "evaluations": [dict(record) for record in result.evaluations],
                }
                for seed, result in seeds.items()
            },
            "over_seeds": over_seeds([result.evaluations for result in seeds.values()]),
        }
    return {
        "schema": SCHEMA,
        "outer_steps": settings.outer.outer_steps,
        "seeds": list(results),
        "arms": arms,
        "steps_per_second": steps_per_second,
        "device": device,
        "versions": dict(versions),
    }


def results_table(summary: Mapping[str, Any]) -> str:
    """The results as text: per number of shots a line for each arm, a column for each inner step.

    With several seeds the interval is over seeds, with one it is over tasks.
    """
    arms, seeds = summary["arms"], summary["seeds"]
    blocks = []
    first = next(iter(arms.values()))
    figure = first["seeds"][str(seeds[0])]["evaluations"][0].get("figure", USUAL_FIGURE)
    for index, shape in enumerate(first["over_seeds"]):
        tasks = first["seeds"][str(seeds[0])]["evaluations"][index]["tasks"]
        over = f"{len(seeds)} seeds" if len(seeds) > 1 else f"{tasks} held-out tasks"
        steps = shape["inner_steps"]
        rows = [["inner steps", *map(str, steps)]]
        for name, arm in arms.items():
            cells = (_cell(arm, seeds, index, k, figure) for k in range(len(steps)))
            rows.append([name, *cells])
        shots = counted(shape["shots"], "shot")
        title = f"Query {figure_words(figure)} with {shots}, mean ± 95 % over {over}"
        blocks.append("\n".join([title, *_aligned(rows)]))
    return "\n\n".join(blocks)


def evaluation_table(record: Mapping[str, Any]) -> str:
    """One record of a meta-test as text."""
    figure = record.get("figure", USUAL_FIGURE)
    means = zip(record["mean"], record["ci95"], strict=True)
    rows = [
        ["inner steps", *map(str, record["inner_steps"])],
        [f"mean {figure}", *(figure_text(mean, half, figure) for mean, half in means)],
        ["mean of the kept", *(figure_text(one, None, figure) for one in record["mean_kept"])],
        ["median", *(figure_text(one, None, figure) for one in record["median"])],
        ["diverged tasks", *map(str, record["diverged"])],
    ]
    if record["fine_tuning_lr"] is not None:
        rates = (f"{rate:.2g}" if rate else "–" for rate in record["fine_tuning_lr"])
        rows.append(["fine-tuned with α", *rates])
    alone = ""
    if record.get("transduction") == ALONE:
        alone = ", each query point alone with the support set (not transductive)"
    title = (
        f"Query {figure_words(figure)} of {record['algorithm']} with "
        f"{counted(record['shots'], 'shot')}, mean ± 95 % over "
        f"{record['tasks']} held-out tasks, seed {record['seed']}{alone}"
    )
    return "\n".join([title, *_aligned(rows)])


def difference_table(
    paired: Sequence[Mapping[str, Any]], steps: Sequence[int], figure: str = USUAL_FIGURE
) -> str:
    """Paired differences of meta-tests as text.

    Args:
        paired: as :func:`maml_explorer.experiments.api.compare` returns them.
        steps: inner steps.
        figure: of which they are the differences.
    """
    rows = [["inner steps", *map(str, steps)]]
    for one in paired:
        pairs = zip(one["mean"], one["ci95"], strict=True)
        rows.append([one["difference"], *(figure_text(mean, half, figure) for mean, half in pairs)])
    title = f"Differences of query {figure_words(figure)} on the tasks that both kept, mean ± 95 %"
    return "\n".join([title, *_aligned(rows)])


def forgetting_table(name: str, found: Forgetting) -> str:
    """The triangle of errors on functions of a stream after each that was learned, as text.

    Args:
        name: of the arm.
        found: its errors.
    """
    functions = len(found.seen)
    rows = [["after function", *map(str, range(1, functions + 1))]]
    for nth in range(functions):
        later = (
            figure_text(found.mean[j][nth], found.ci95[j][nth], USUAL_FIGURE)
            for j in range(nth + 1, functions + 1)
        )
        rows.append([f"on function {nth + 1}", *[""] * nth, *later])
    pairs = zip(found.seen, found.seen_ci95, strict=True)
    rows.append(["on all so far", *(figure_text(*one, USUAL_FIGURE) for one in pairs)])
    rate = "" if found.rate is None else f", learned with α = {found.rate:.2g}"
    title = (
        f"Forgetting of {name}: query MSE, mean ± 95 % over {found.streams} held-out streams{rate}"
    )
    return "\n".join([title, *_aligned(rows)])


def _cell(
    arm: Mapping[str, Any], seeds: Sequence[int], index: int, column: int, figure: str
) -> str:
    over = arm["over_seeds"][index]
    mean, ci95 = over["mean"][column], over["ci95"][column]
    records = [arm["seeds"][str(seed)]["evaluations"][index] for seed in seeds]
    if len(seeds) == 1:
        ci95 = records[0]["ci95"][column]
    lost = sum(record["diverged"][column] for record in records)
    tail = f" ({lost} diverged)" if lost else ""
    return figure_text(mean, ci95, figure) + tail


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of columns as wide as needed, names to the left and figures to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        f"  {row[0]:<{widths[0]}}"
        + "".join(f"  {cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True))
        for row in rows
    ]


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
