"""What pyproject.toml cannot say: resources/ is installed as maml_explorer/resources, and the
compiled kernels are built where there is a C compiler.
"""

from pathlib import Path

from setuptools import Extension, find_packages, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext

code = find_packages(include=["maml_explorer", "maml_explorer.*"])
KERNELS = Path("maml_explorer/core/kernels")


class BuildKernels(build_ext):
    """Builds a plain library: it is opened by ctypes and knows nothing of Python."""

    def get_ext_filename(self, fullname):
        """Of one name on every system, and none that Python takes for a module."""
        return str(Path(*fullname.split(".")).with_suffix(".library"))

    def get_export_symbols(self, ext):
        """No module is initialized."""
        return ext.export_symbols


class PlatformWheel(bdist_wheel):
    """A wheel for one system and processor, and for every Python 3: see BuildKernels."""

    def get_tag(self):
        """No version of Python and none of its binary interface."""
        return "py3", "none", super().get_tag()[2]


kernels = Extension(
    "maml_explorer.core.kernels._kernels",
    sources=[str(path) for path in sorted(KERNELS.glob("*.c"))],
    depends=[str(path) for path in sorted(KERNELS.glob("*.h"))],
    # -O3 unrolls the tiles of products.h into registers; a product and a sum make one instruction
    extra_compile_args=[
        "-O3",
        "-g0",
        "-fno-math-errno",
        "-ffp-contract=fast",
        "-fvisibility=hidden",
    ],
    optional=True,  # without it the recorded kernels run
)

setup(
    packages=[*code, "maml_explorer.resources"],
    package_dir={"maml_explorer.resources": "resources"},
    package_data={"maml_explorer": ["py.typed"], "maml_explorer.resources": ["**/*"]},
    ext_modules=[kernels],
    cmdclass={"build_ext": BuildKernels, "bdist_wheel": PlatformWheel},
)
