"""Build the compiled layers: one extension for each .pyx file in ece662/_kernels.

All else about the package stands in pyproject.toml. The extensions are optional: where
there is no compiler or no Cython, one line says so and the installation goes on;
`ece662.fast_layers` then computes with NumPy. To build them later, in place:

    python setup.py build_ext --inplace

ECE662_REQUIRE_KERNELS=1 turns that line into an error, for those who ship wheels.

No `-march=native`: one wheel serves every computer, and the kernels choose their
instruction set when they run.
"""

import os
import shutil
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

KERNELS = Path("ece662", "_kernels")  # relative, as setuptools wants it
COMPILE_ARGS = [] if sys.platform == "win32" else ["-O3"]


def give_up(reason: object) -> None:
    """Say in one line why there are no kernels; stop where they are required."""
    first_line = str(reason).strip().partition("\n")[0]
    line = f"ece662: the fast layers were not compiled: {first_line}"
    if os.environ.get("ECE662_REQUIRE_KERNELS"):
        raise SystemExit(line)
    print(f"{line}. Everything works without them, slower.", file=sys.stderr)


class BuildKernels(build_ext):
    """Build the extensions that can be built."""

    def build_extension(self, ext):
        compiler = (getattr(self.compiler, "compiler_so", None) or [""])[0]
        if compiler and shutil.which(compiler) is None:
            return give_up(f"there is no C compiler ({compiler}) on this computer")
        try:
            return super().build_extension(ext)
        except Exception as error:
            return give_up(error)


def extensions() -> list[Extension]:
    """List the extensions, translated to C; none where Cython or NumPy is missing."""
    sources = sorted(KERNELS.glob("*.pyx"))
    if not sources:
        return []
    try:
        import numpy
        from Cython.Build import cythonize
    except ImportError as error:
        give_up(error)
        return []
    return cythonize(
        [
            Extension(
                ".".join(source.with_suffix("").parts),
                [str(source)],
                include_dirs=[numpy.get_include(), str(KERNELS)],
                define_macros=[("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")],
                depends=[str(header) for header in sorted(KERNELS.glob("*.h"))],
                extra_compile_args=COMPILE_ARGS,
                optional=True,  # inplace builds copy only what exists
            )
            for source in sources
        ],
        build_dir="build/cython",
        quiet=True,
        language_level=3,
    )


if __name__ == "__main__":
    os.chdir(Path(__file__).resolve().parent)
    setup(ext_modules=extensions(), cmdclass={"build_ext": BuildKernels})
