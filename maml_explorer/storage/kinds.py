"""Description of what is at a path where something else is wanted. Torch-free."""

from __future__ import annotations

from pathlib import Path

from maml_explorer.files.opening import is_file


def described(path: Path) -> str:
    """End of a sentence: what is at `path`, and how to name it instead; empty if unknown."""
    if is_file(path / "settings.toml") and is_file(path / "metrics.csv"):
        arms = [str(arm) for arm in sorted(_entries(path)) if is_file(arm / "config.json")][:4]
        return "a run folder" + (f" (its initializations: {', '.join(arms)})" if arms else "")
    if is_file(path / "config.json"):
        return "an exported initialization"
    if not path.is_dir() and path.exists():
        inside = described(path.parent)
        # an ordinary folder says nothing about the file in it
        return "a file" if inside in ("", "a folder") else f"a file of {inside}: {path.parent}"
    return "a folder" if path.is_dir() else ""


def _entries(path: Path) -> list[Path]:
    try:
        return list(path.iterdir())
    except OSError:
        return []
