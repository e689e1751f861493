"""Every Python block of the pages, every notebook, and the public names, as a reader runs them."""

from __future__ import annotations

import ast
import json
import re
import sys
import types
from pathlib import Path
from typing import Any

import pytest

import maml_explorer as me
from tools.api_page import PAGE, markdown, page

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").rglob("*.md")), *sorted(ROOT.glob("resources/*/*.md"))]
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
SNIPPETS = [
    pytest.param(text, id=f"{path.relative_to(ROOT)}-{number}")
    for path in PAGES
    for number, text in enumerate(
        re.findall(r"```python\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)
    )
]


def quick(text: str) -> str:
    """The code with few outer steps: a page must show the real size, a test must be quick."""
    text = re.sub(r",?\s*test_tasks=\d+", "", text)
    few = "test_tasks=10, meta_batch=2, outer_steps={}"
    text = re.sub(
        r"(?<!resume\(\"runs/long\", )outer_steps=(\d+)",
        lambda m: few.format(min(int(m[1]) // 100 + 1, 6)),
        text,
    )
    text = text.replace("outer_steps=400", "outer_steps=5")  # a resume
    return re.sub(r"(n_trials=)\d+", r"\g<1>1", text)


class Tracker(types.ModuleType):
    """Stands for a tracker that is not installed: every name is there, and calls are kept."""

    def __init__(self, name: str, calls: list[tuple[Any, ...]]) -> None:
        super().__init__(name)
        self.__dict__.update(__path__=[], calls=calls)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name == "TrialPruned":
            return RuntimeError
        return Tracker(name, self.calls)

    def __call__(self, *values: Any, **named: Any) -> Any:
        self.calls.append((self.__name__, *values))
        for value in values:  # an objective is called
            if isinstance(value, types.FunctionType):
                value(self)
        if self.__name__ == "suggest_float":
            return 0.01
        return False if self.__name__ == "should_prune" else self

    def __enter__(self) -> Tracker:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def test_there_are_snippets() -> None:
    assert len(SNIPPETS) >= 8 and len(NOTEBOOKS) >= 2


@pytest.mark.parametrize("text", SNIPPETS)
def test_every_snippet_runs(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    calls: list[tuple[Any, ...]] = []
    for name in re.findall(r"# needs: (\w+)", text):
        # the recipe is run as it stands, whether the tracker is installed or not
        for part in (name, "torch.utils.tensorboard") if name == "tensorboard" else (name,):
            monkeypatch.setitem(sys.modules, part, Tracker(part, calls))
    exec(compile(quick(text), "snippet", "exec"), {"__name__": "snippet"})
    if "# needs:" in text:
        logged = [values for name, *values in calls if name in (
            "add_scalar", "log", "log_metric", "report"
        )]  # fmt: skip
        numbers = [
            v for values in logged for one in values
            for v in (one.values() if isinstance(one, dict) else (one,)) if isinstance(v, float)
        ]  # fmt: skip
        assert logged and all(0 < number < 100 for number in numbers) and numbers


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_run(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    book = json.loads(path.read_text(encoding="utf-8"))
    assert book["nbformat"] == 4 and path.stat().st_size < 20_000
    names: dict[str, Any] = {"__name__": "notebook"}
    shown = 0
    for cell in book["cells"]:
        if cell["cell_type"] != "code":
            continue
        assert cell["outputs"] == [] and cell["execution_count"] is None
        tree = ast.parse(quick("".join(cell["source"])))
        last = tree.body[-1]
        exec(compile(tree, path.name, "exec"), names)
        if isinstance(last, ast.Expr):  # what a notebook shows below the cell
            value = eval(compile(ast.Expression(last.value), path.name, "eval"), names)
            html = getattr(value, "_repr_html_", None)
            if html is not None:
                shown += "<svg" in html()
    assert shown


def test_the_page_of_public_names_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run tools/api_page.py"
    for name in me.__all__:
        assert name == "__version__" or f"\n## {name}\n" in page()


def test_docstrings_become_markdown() -> None:
    text = """Lead.

    See :func:`~maml_explorer.x.train`.

    Args:
        one: the first, which
            goes on.

    Returns:
        A value:
        of two lines.
    """
    assert markdown(text) == (
        "Lead.\n\nSee `train`.\n\n**Args**\n\n- `one`: the first, which goes on.\n\n"
        "**Returns**\n\nA value: of two lines."
    )


def test_recipes_name_what_they_need() -> None:
    text = (ROOT / "docs" / "notebook.md").read_text(encoding="utf-8")
    for name in ("tensorboard", "wandb", "mlflow", "optuna"):
        assert f"# needs: {name}\n" in text
