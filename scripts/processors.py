"""Run the notebooks and the fast layers' tests as other processors would.

    python scripts/processors.py [PROCESSOR ...] [FILE|FOLDER ...] [PYTEST OPTION ...]

What a library computes with (AVX-512, AVX2, SSE; one thread or two) decides in which
order it adds, so the last digits differ from one computer to the next, and training
amplifies them. Every such library can be held back to what an older processor has.
PROCESSORS is the table of those imitations; without a name all are run, one after the
other. Files or folders take the place of the notebooks and the fast layers' tests. The
last thing printed is a table of what passed where.

A processor cannot be imitated on one that has less: it is skipped, and that is said.
"""

import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))
import notebooks  # noqa: E402
from ece662._computer import cores  # noqa: E402

__all__ = ["FAST_LAYERS", "PROCESSORS", "Processor", "environment_of", "main", "table"]

FAST_LAYERS = [ROOT / "tests" / "test_fast_layers.py", ROOT / "tests" / "fast"]


# A notebook's cells stay in one process.
_PARALLEL = ["-q", "--dist", "loadfile"]


@dataclass(frozen=True)
class Processor:
    """A processor to imitate.

    Attributes:
        says: what it stands for.
        environment: how each library is held back, and what else differs.
        has: the instruction sets beyond NumPy's baseline, as NumPy names them: the
            others are switched off. None leaves NumPy alone.
        needs: one of them that this computer must have, for the imitation to be true.
    """

    says: str
    environment: dict[str, str]
    has: frozenset[str] | None = None
    needs: str | None = None


_SSE4 = frozenset({"SSSE3", "SSE41", "POPCNT", "SSE42", "X86_V2"})
_AVX = _SSE4 | {"AVX"}
_AVX2 = _AVX | {"F16C", "FMA3", "AVX2", "X86_V3"}
_NO_FMA = {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA"}  # exp, log of the C library
_HASWELL = {
    "OPENBLAS_CORETYPE": "Haswell",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "ATEN_CPU_CAPABILITY": "avx2",
    "ECE662_SIMD": "avx2",
}
_SANDYBRIDGE = {
    "OPENBLAS_CORETYPE": "Sandybridge",
    "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",  # what MKL does on these, AVX or not
    "ONEDNN_MAX_CPU_ISA": "AVX",
    "ATEN_CPU_CAPABILITY": "default",
    "ECE662_SIMD": "baseline",
    **_NO_FMA,
}
_PRESCOTT = {
    "OPENBLAS_CORETYPE": "Prescott",
    "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "ATEN_CPU_CAPABILITY": "default",
    "ECE662_SIMD": "baseline",
    **_NO_FMA,
}
_TWO_THREADS = {
    name: "2" for name in notebooks.ENVIRONMENT if name.endswith("_THREADS")
}
_TF_WITHOUT_ONEDNN = {"TF_ENABLE_ONEDNN_OPTS": "0"}

PROCESSORS = {
    "haswell": Processor("AVX2, as most laptops", _HASWELL, _AVX2, "AVX2"),
    "haswell-2": Processor(
        "the same, two threads; TensorFlow without oneDNN",
        {**_HASWELL, **_TWO_THREADS, **_TF_WITHOUT_ONEDNN},
        _AVX2,
        "AVX2",
    ),
    "sandybridge": Processor("AVX, but no AVX2 or FMA", _SANDYBRIDGE, _AVX, "AVX"),
    "prescott": Processor("SSE only", _PRESCOTT, frozenset(), "SSE41"),
    "prescott-2": Processor(
        "the same, two threads; TensorFlow without oneDNN",
        {**_PRESCOTT, **_TWO_THREADS, **_TF_WITHOUT_ONEDNN},
        frozenset(),
        "SSE41",
    ),
    "own-2": Processor("this computer as it is, two threads", _TWO_THREADS),
}


def main(arguments: list[str]) -> int:
    """Do what the command line asks; return the exit status."""
    if {"-h", "--help"} & set(arguments[:1]):
        print(__doc__)
        for name, processor in PROCESSORS.items():
            print(f"    {name:12} {processor.says}")
        return 0
    first = list(takewhile(lambda word: not word.startswith("-"), arguments))
    names = [word for word in first if not _is_path(word)]
    if unknown := [name for name in names if name not in PROCESSORS]:
        print(f"expected some of {', '.join(PROCESSORS)}; got {unknown[0]}")
        return 2
    options = [word for word in first if word not in names] + arguments[len(first) :]
    found = {name: run(name, options) for name in names or PROCESSORS}
    print(f"\n{table(found)}")
    return 1 if any(any(map(_is_bad, row.values())) for row in found.values()) else 0


def run(name: str, options: list[str]) -> dict[str, str]:
    """Imitate one processor.

    Returns what came of each file: "42 passed" or "2 failed, 40 passed". Under "run"
    stands how pytest ended where no file has failed and yet something went wrong, or
    why nothing was run.
    """
    print(f"\n{name}: {PROCESSORS[name].says}", flush=True)
    environment = environment_of(name)
    if environment is None:
        return {"run": f"skipped: this computer has no {PROCESSORS[name].needs}"}
    # More threads than cores wait for one another, and take many times as long.
    workers = max(1, cores() // int(environment.get("OMP_NUM_THREADS", 1)))
    chosen = any(map(_is_path, options))
    default = [str(notebooks.FOLDER), *map(str, FAST_LAYERS)]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        status = notebooks.run_nbval(
            [
                *_PARALLEL,
                f"-n{workers}",
                f"--junitxml={report}",
                *options,
                *([] if chosen else default),
            ],
            **environment,
        )
        found = _outcomes(report)
    if status and not any(map(_is_bad, found.values())):
        found["run"] = f"failed: pytest ended with status {status}"
    return found


def _is_path(word: str) -> bool:
    """Whether a word of the command line is a file or a folder to be run."""
    return word.endswith((".ipynb", ".py")) or Path(word).is_dir()


def environment_of(name: str) -> dict[str, str] | None:
    """Return the variables that imitate a processor; None where this one has less."""
    from numpy._core import _multiarray_umath

    processor = PROCESSORS[name]
    features = _multiarray_umath.__cpu_features__
    if processor.needs and not features.get(processor.needs):
        return None
    environment = dict(processor.environment)
    if processor.has is not None:
        # NumPy warns of a name it does not know, or that this computer lacks.
        dispatched = _multiarray_umath.__cpu_dispatch__
        hidden = (f for f in dispatched if features[f] and f not in processor.has)
        environment["NPY_DISABLE_CPU_FEATURES"] = " ".join(hidden)
    return environment


def _outcomes(report: Path) -> dict[str, str]:
    """Count a report's outcomes, by notebook; all tests that are none are one file."""
    counts: dict[str, Counter] = {}
    cases = ElementTree.parse(report).iter("testcase") if report.is_file() else ()
    for case in cases:
        place = case.get("classname") or case.get("name") or ""
        stem = place.partition(".ipynb")[0].rpartition("notebooks.")[2]
        where = stem if ".ipynb" in place else "fast layers"
        kinds = {child.tag for child in case} & {"failure", "error", "skipped"}
        outcome = {"skipped": "skipped"}.get(*kinds, "failed") if kinds else "passed"
        counts.setdefault(where, Counter())[outcome] += 1
    order = ("failed", "skipped", "passed")
    return {
        where: ", ".join(f"{n[kind]} {kind}" for kind in order if n[kind])
        for where, n in sorted(counts.items())
    }


def _is_bad(outcome: str) -> bool:
    return "failed" in outcome


def table(found: dict[str, dict[str, str]]) -> str:
    """Draw what came of each file on each processor: processors down, files across."""
    columns = sorted({where for row in found.values() for where in row})
    rows = [["", *columns]]
    rows += [[name, *(row.get(c, "-") for c in columns)] for name, row in found.items()]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(n) for cell, n in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
