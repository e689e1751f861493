"""Writes docs/reproduction.md from what `reproduce` and `ablate` measured.

python -m tools.reproduction              writes the page from the figures in docs/reproduction
python -m tools.reproduction RUN_DIR …    takes over the figures of these runs first

A run directory is what `maml-explorer reproduce PRESET --out RUN_DIR` has written.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from maml_explorer.published.verdicts import verdict_words
from maml_explorer.settings.presets import load_preset, presets
from maml_explorer.settings.text import from_toml
from maml_explorer.storage.report.ablation_table import COLUMNS, ablation_blocks, shipped_ablations
from maml_explorer.storage.report.report import RULE, Report, report_markdown, verdict_rows

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "docs" / "reproduction"
PAGE = ROOT / "docs" / "reproduction.md"
HEAD = """\
# Published numbers, trained again

Every preset below was trained with the command under its table and tested by the meta-test
protocol. {rule} Nothing was tuned towards agreement.
Why some differ: [differing-presets.md](differing-presets.md).

Written by `python -m tools.reproduction` from the figures in `docs/reproduction/`.
"""


def take_over(run: Path) -> None:
    """Keeps the figures of a run, in one line of JSON."""
    found = json.loads((run / "reproduction.json").read_text(encoding="utf-8"))
    found["settings"] = (run / "settings.toml").read_text(encoding="utf-8")
    DATA.mkdir(exist_ok=True)
    text = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
    (DATA / f"{found['preset']}.json").write_text(text + "\n", encoding="utf-8")


def report_from(found: dict[str, Any]) -> Report:
    """The report that was written as these JSON values, without its losses."""
    return Report(
        preset=load_preset(found["preset"]),
        settings=from_toml(found["settings"]),
        records={int(seed): arms for seed, arms in found["records"].items()},
        outer_steps=found["outer_steps"],
        losses={},
        notes=tuple(found["diverged"]),
        command=found["command"],
        device=found["device"],
        versions=found["versions"],
    )


def page() -> str:
    """The page as it should be."""
    order = list(presets())
    files = sorted(DATA.glob("*.json"), key=lambda file: order.index(file.stem))
    reports = [report_from(json.loads(file.read_text(encoding="utf-8"))) for file in files]
    verdicts = [
        f"- **{report.preset.title}**: {verdict_words(report.comparisons)}"
        for report in reports
        if verdict_rows(report)
    ]
    parts = [HEAD.format(rule=RULE), "\n".join(verdicts) + "\n", *map(report_markdown, reports)]
    parts += _ablation()
    return "\n".join(parts)


def _ablation() -> list[str]:
    """The shipped ablations as Markdown."""
    parts = []
    for found in shipped_ablations():
        parts.append(f"## Ablation: {load_preset(found['preset']).title}\n")
        for title, rows in ablation_blocks(found):
            lines = [COLUMNS, ("---",) * len(COLUMNS), *rows]
            table = "\n".join("| " + " | ".join(row) + " |" for row in lines)
            parts.append(f"{title}. Differences are paired, on the tasks that both kept.\n")
            parts.append(table + "\n")
        parts += [f"{said}\n" for one in found["variants"] for said in one["training_diverged"]]
        parts.append(f"`{found['command']}`\n")
    return parts


def main() -> None:
    """Takes over runs, and writes the page."""
    for run in sys.argv[1:]:
        take_over(Path(run))
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
