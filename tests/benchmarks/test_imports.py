"""Every benchmark is imported: most run too long for a test, and a name that is gone shows here."""

import importlib
import pkgutil

import pytest

import benchmarks

MODULES = [one.name for one in pkgutil.walk_packages(benchmarks.__path__, "benchmarks.")]


@pytest.mark.parametrize("name", [name for name in MODULES if not name.endswith("__main__")])
def test_every_benchmark_is_imported(name: str) -> None:
    importlib.import_module(name)
