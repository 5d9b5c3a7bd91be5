"""Build the compiled layers: one extension for each .pyx file in ece662/fast/_kernels.

All else about the package stands in pyproject.toml. The extensions are optional: where
there is no compiler or no Cython, one line says so and the installation goes on;
`ece662.fast_layers` then computes with NumPy. To build them later, in place:

    python setup.py build_ext --inplace

ECE662_REQUIRE_KERNELS=1 turns that line into an error, for those who ship wheels.

No `-march=native`: one wheel serves every computer, and the kernels choose their
instruction set when they run.
"""

import os
import runpy
import shutil
import sys
import sysconfig
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

# staff only
from setuptools.command.editable_wheel import editable_wheel

# end of staff only

KERNELS = Path("ece662", "fast", "_kernels")  # relative, as setuptools wants it
TRANSLATED = Path("build", "cython")
# A square root that need not report errors in errno is one instruction. What a debugger
# would want to know is most of the file, and a quarter of the time.
COMPILE_ARGS = [] if sys.platform == "win32" else ["-O3", "-g0", "-fno-math-errno"]


def give_up(reason: object) -> None:
    """Say in one line why there are no kernels; stop where they are required."""
    line = f"ece662: the fast layers were not compiled: {reason}. "
    line += "Everything works without them, slower."
    if os.environ.get("ECE662_REQUIRE_KERNELS"):
        raise SystemExit(line)
    print(line, file=sys.stderr)


class BuildKernels(build_ext):
    """Build the extensions that can be built."""

    def build_extension(self, ext):
        if getattr(self.compiler, "compiler_type", "") == "msvc":
            return give_up("Microsoft's compiler has none of GCC's vector types")
        compiler = (getattr(self.compiler, "compiler_so", None) or ["cl"])[0]
        header = Path(sysconfig.get_path("include"), "Python.h")
        if shutil.which(compiler) is None:
            return give_up(f"there is no C compiler ({compiler})")
        if not header.exists():
            return give_up(f"{header} is missing (apt install python3-dev brings it)")
        built = Path(self.get_ext_fullpath(ext.name))
        for path in (built, KERNELS / built.name):
            if path.exists() and not is_made_from(path, MARK):
                path.unlink()  # whatever its time
        try:
            return super().build_extension(ext)
        except Exception as error:
            return give_up(f"{compiler} failed ({type(error).__name__})")


# staff only
class WithCourse(editable_wheel):
    """Make course/ and its command available where the repository stays in place.

    A wheel has neither.
    """

    def finalize_options(self):
        commands = self.distribution.entry_points["console_scripts"]
        commands.append("ece662-staff = course.cli:main")
        folders = {path.parent for path in Path("course").rglob("*.py")}
        self.distribution.packages += sorted(".".join(f.parts) for f in folders)
        super().finalize_options()


# end of staff only
def extensions() -> list[Extension]:
    """List the extensions, translated to C; none where that cannot be done."""
    sources = sorted(KERNELS.glob("*.pyx"))
    if not sources:
        return []
    try:
        import numpy
        from Cython.Build import cythonize
        from Cython.Compiler.Errors import CompileError
    except ImportError as error:
        give_up(error)
        return []
    wanted = [extension(source, numpy.get_include()) for source in sources]
    translated = [(TRANSLATED / s).with_suffix(".c") for s in sources]
    if not all(is_made_from(path, MARK) for path in translated):
        # Cython would keep headers there that are not older than a new one's date.
        shutil.rmtree(TRANSLATED, ignore_errors=True)
    try:
        modules = cythonize(
            wanted, build_dir=str(TRANSLATED), quiet=True, language_level=3
        )
    except CompileError as error:
        give_up(f"Cython cannot translate {error}")
        return []
    for module in modules:
        module.optional = True  # where it was not built, there is nothing to copy
    return modules


def extension(source: Path, numpy_headers: str) -> Extension:
    """Describe the extension that is made from one .pyx file."""
    return Extension(
        ".".join(source.with_suffix("").parts),
        [str(source)],
        include_dirs=[numpy_headers, str(KERNELS)],
        define_macros=[
            ("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION"),
            ("ECE662_SOURCES", f'"{MARK}"'),
        ],
        depends=[str(header) for header in sorted(KERNELS.glob("*.h"))],
        extra_compile_args=COMPILE_ARGS,
    )


if __name__ == "__main__":
    os.chdir(Path(__file__).resolve().parent)
    sources = runpy.run_path(str(KERNELS / "sources.py"))
    is_made_from, MARK = sources["is_made_from"], sources["mark_of"](KERNELS)
    commands = {"build_ext": BuildKernels}
    # staff only
    commands["editable_wheel"] = WithCourse
    # end of staff only
    setup(license="MIT", ext_modules=extensions(), cmdclass=commands)
