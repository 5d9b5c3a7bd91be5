"""The students' copy, made anew, and the text of submissions put into it.

Two trees of the package `ece662` are made of it. In `full` is all that a student has;
in `bare` the fast layers are missing, so that a naive convolution cannot be had from
them. Layers and update rules are graded in the second, networks in the first, because
they are built on the fast layers and should not fail over somebody's naive ones.
"""

import ast
import compileall
import functools
import importlib.util
import py_compile
import shutil
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from course.grade.sandboxed.inside import outline
from course.release import make_release
from course.sandbox.runtime import seal_folders, write_sealed
from ece662.exercises import EXERCISES, Exercise
from ece662.exercises.reading import Place
from ece662.exercises.regions import Parsed, parse_file

__all__ = ["BARE", "FULL", "ROOT", "Pristine", "tree_of"]

ROOT = Path(__file__).resolve().parents[3]
# Modules of `sandboxed`, which go into the sandbox.
INSIDE = (
    *("inside", "noticing", "standing_in", "watching"),
    *("with_tensorflow", "with_torch"),
)
FULL, BARE = "full", "bare"

# What a package for the sandbox can do without, the compiled layers among it.
LEFT_OUT = ("*.npz", "*.so", "*.pyx", "*.h", "commands", "widgets", "__pycache__")
FAST = ("im2col.*", "_kernels", "fast_layers.*")
# Never compared with its source, whose date changes when it is copied.
NEVER_COMPARED = py_compile.PycInvalidationMode.UNCHECKED_HASH
# How such bytecode begins: what Python made it, how it is compared, a hash unused then.
BYTECODE = importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + bytes(8)
TAG = sys.implementation.cache_tag
NO_FAST_LAYERS = '''"""The fast layers are not here: the exercise is to do without."""


def _missing(*args, **kwargs):
    raise RuntimeError("the fast layers cannot be used in this exercise")


def __getattr__(name):
    """Have every name that another module of the course may import."""
    if name.startswith("__"):
        raise AttributeError(name)
    return _missing
'''


def tree_of(exercise: Exercise) -> str:
    """Return which of the two trees an exercise is graded in."""
    return BARE if exercise.kind == "function" else FULL


class Pristine:
    """What students were handed out, in a folder that `make` has filled."""

    def __init__(self, folder: Path):
        """Read what exercises are written in."""
        self.folder = folder
        self.texts = {
            file: (folder / "release" / file).read_text("utf-8")
            for file in dict.fromkeys(exercise.file for exercise in EXERCISES)
        }
        self._parsed: dict[str, Parsed] = {}

    @classmethod
    def make(cls, folder: Path) -> "Pristine":
        """Make the students' copy in an empty folder, which everybody may read."""
        release = folder / "release"
        make_release(ROOT, release)
        _make_tree(release, folder / FULL)
        compileall.compile_dir(folder / FULL, quiet=2, invalidation_mode=NEVER_COMPARED)
        # Bytecode names its file; Python sets that right where it loads a copy.
        ignored = shutil.ignore_patterns(*FAST)
        shutil.copytree(folder / FULL, folder / BARE, ignore=ignored)
        layers = folder / BARE / "ece662" / "fast_layers.py"
        layers.write_text(NO_FAST_LAYERS, "utf-8")
        py_compile.compile(str(layers), quiet=2, invalidation_mode=NEVER_COMPARED)
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        return cls(folder)

    def modules(self, bodies: Mapping[Place, str]) -> dict[str, str]:
        """Return the text of the modules with these bodies in their regions."""
        by_file = defaultdict(dict)
        for (file, owner, number), body in bodies.items():
            if file.endswith(".py"):
                by_file[file][owner, number] = body
        return {
            file: self._whole(file).fill(regions) for file, regions in by_file.items()
        }

    def _whole(self, file: str) -> Parsed:
        """Parse a file as handed out, once for all submissions."""
        if file not in self._parsed:
            parsed = parse_file(self.texts[file], file)
            parsed.require_whole()
            self._parsed[file] = parsed
        return self._parsed[file]

    @functools.cached_property
    def outlines(self) -> dict[str, list]:
        """The definitions of each module, as `inside.outline` has them."""
        modules = {f: text for f, text in self.texts.items() if f.endswith(".py")}
        return {file: outline(ast.parse(text)) for file, text in modules.items()}

    def write_trees(self, target: Path) -> None:
        """Write both trees, as `full/` and `bare/` in an empty folder."""
        for tree, files in self._files.items():
            for name in files.folders:
                (target / tree / name).mkdir()
            for name, content in files.contents.items():
                write_sealed(f"{target}/{tree}/{name}", content)
        seal_folders(target)

    @functools.cached_property
    def replaced(self) -> dict[str, dict[str, bytes]]:
        """The files that a submission's modules replace: by name, for each tree."""
        outdated = tuple(p for file in self.texts for p in (file, _compiled(file)))
        return {
            tree: {n: c for n, c in files.contents.items() if n.startswith(outdated)}
            for tree, files in self._files.items()
        }

    def with_modules(
        self, bodies: Mapping[Place, str], bytecode: Mapping[str, bytes]
    ) -> dict[str, dict[str, bytes]]:
        """Return what stands in place of `replaced` with a submission in the trees.

        Args:
            bodies: of its regions.
            bytecode: by module, where that is known. Python then believes it.
        """
        modules = {file: text.encode() for file, text in self.modules(bodies).items()}
        outdated = tuple(p for file in modules for p in (file, _compiled(file)))
        for file in modules.keys() & bytecode.keys():
            modules[f"{_compiled(file)}{TAG}.pyc"] = BYTECODE + bytecode[file]
        return {
            tree: {n: c for n, c in kept.items() if not n.startswith(outdated)}
            | modules
            for tree, kept in self.replaced.items()
        }

    @functools.cached_property
    def _files(self) -> dict[str, "_Files"]:
        """What is in both trees: it is written out anew for each bench.

        A hard link would be quicker, but its time of access would carry a message from
        one submission to another.
        """
        return {tree: _Files.below(self.folder / tree) for tree in (FULL, BARE)}


class _Files(NamedTuple):
    """A folder in memory: names from there on, the folders in an order to make them."""

    folders: list[str]
    contents: dict[str, bytes]

    @classmethod
    def below(cls, folder: Path) -> "_Files":
        """Read a folder."""
        paths = [(p.relative_to(folder).as_posix(), p) for p in folder.rglob("*")]
        folders = ["", *sorted(name for name, path in paths if path.is_dir())]
        return cls(folders, {n: p.read_bytes() for n, p in paths if p.is_file()})


def _compiled(file: str) -> str:
    """Return how the name begins of what was compiled of a module as handed out."""
    folder, _, name = file.rpartition("/")
    return f"{folder}/__pycache__/{name.removesuffix('.py')}."


def _make_tree(release: Path, tree: Path) -> None:
    ignored = shutil.ignore_patterns(*LEFT_OUT)
    shutil.copytree(release / "ece662", tree / "ece662", ignore=ignored)
    for name in INSIDE:
        source = ROOT / "course" / "grade" / "sandboxed" / f"{name}.py"
        shutil.copyfile(source, tree / "ece662" / "check" / f"_{name}.py")
