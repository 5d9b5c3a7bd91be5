"""Build the compiled layers: one extension for each file in ece662/_kernels.

All else about the package stands in pyproject.toml. The extensions are optional: where
no compiler or no Cython is found, the installation says so in one line and goes on, and
`ece662.fast_layers` computes with NumPy. To build them later, in place:

    python setup.py build_ext --inplace

No `-march=native`: one wheel serves every computer, the kernels choose their
instruction set when they run.
"""

import os
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

KERNELS = Path("ece662", "_kernels")  # relative: setuptools wants it so
COMPILE_ARGS = [] if sys.platform == "win32" else ["-O3"]


class BuildKernels(build_ext):
    """Build what can be built, and say in one line what cannot."""

    def build_extension(self, ext):
        try:
            super().build_extension(ext)
        except Exception as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            say(f"{ext.name} was not compiled ({reason})")


def say(problem: str) -> None:
    print(f"ece662: {problem}; NumPy serves in its place, slower.", file=sys.stderr)


def extensions() -> list[Extension]:
    """List the extensions, cythonized; none where Cython or NumPy is missing."""
    sources = sorted(KERNELS.glob("*.pyx"))
    if not sources:
        return []
    try:
        import numpy
        from Cython.Build import cythonize
    except ImportError as error:
        say(f"the kernels were not compiled ({error})")
        return []
    return cythonize(
        [
            Extension(
                ".".join(source.with_suffix("").parts),
                [str(source)],
                include_dirs=[numpy.get_include(), str(KERNELS)],
                define_macros=[("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION")],
                depends=[str(header) for header in sorted(KERNELS.glob("*.[ch]"))],
                extra_compile_args=COMPILE_ARGS,
                optional=True,
            )
            for source in sources
        ],
        build_dir="build/cython",
        nthreads=0,
        quiet=True,
        language_level=3,
    )


if __name__ == "__main__":
    os.chdir(Path(__file__).resolve().parent)
    setup(ext_modules=extensions(), cmdclass={"build_ext": BuildKernels})
