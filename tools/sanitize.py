"""Runs the tests of the compiled kernels under gcc's address and undefined behaviour sanitizers.

The kernels are built for it into a folder of their own. A read or write outside of what a job was
given, or a computation that C does not define, ends the tests with a report.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KERNELS = ROOT / "maml_explorer" / "core" / "kernels"
TESTS = [f"tests/core/kernels/test_{name}.py" for name in ("compiled", "probe", "several_steps")]
FLAGS = [
    *("-O1", "-g", "-fno-omit-frame-pointer", "-fno-math-errno", "-ffp-contract=fast"),
    # torch opens what it likes; a sum of bits beyond an integer's is meant in vectors.h
    *("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fPIC", "-shared"),
]
RUN = """
import sys
from pathlib import Path
import pytest
from maml_explorer.core.kernels import library
library.FILE = Path(sys.argv[1])
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", "--timeout", "0", *sys.argv[2:]]))
"""


def main() -> int:
    """Build, run the tests, and say what was found."""
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "_kernels.library"
        sources = sorted(map(str, KERNELS.glob("*.c")))
        subprocess.run(["gcc", *FLAGS, "-o", library, *sources, "-lm"], check=True)
        runtime = subprocess.run(
            ["gcc", "-print-file-name=libasan.so"], check=True, capture_output=True, text=True
        ).stdout.strip()
        environment = {
            **os.environ,
            "LD_PRELOAD": runtime,
            # Python and torch keep memory to the end by intention
            "ASAN_OPTIONS": "detect_leaks=0",
            "PYTHONPATH": str(ROOT),
        }
        tests = [test for test in TESTS if (ROOT / test).exists()]
        command = [sys.executable, "-c", RUN, library, *tests]
        return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
