"""Where a submission is tried: its text in both trees, with a sandbox for each.

Starting a Python with NumPy costs more than most exercises. So a bench that is kept
serves one submission after the other. Nothing passes from one to the next: behind
the walls nothing can be written, the server itself runs none of their code and holds
nothing of what is sent, every call has processes of its own that are gone before the
next one starts, and a submission's text is taken away before another one comes.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import MappingProxyType

from course.grade.marks.pristine import BARE, FULL, Pristine
from course.sandbox.client import Sandbox
from course.sandbox.runtime import seal_folders, write_sealed
from ece662.exercises.reading import Place

__all__ = ["Bench", "Benches"]


class Bench:
    """Two trees as handed out, in which the modules of submissions take turns."""

    def __init__(
        self,
        pristine: Pristine,
        folder: Path,
        open_all: Callable[[Path], Mapping[str, Sandbox]],
    ):
        """Write the trees.

        Args:
            pristine: the students' copy.
            folder: an empty one, which everybody may enter.
            open_all: makes the sandboxes of a folder with both trees, by name.
        """
        self._pristine, self._folder = pristine, folder
        pristine.write_trees(folder)
        self._there = {tree: pristine.replaced[tree] for tree in (FULL, BARE)}
        self.sandboxes = open_all(folder)

    def put(
        self,
        bodies: Mapping[Place, str],
        bytecode: Mapping[str, bytes] = MappingProxyType({}),
    ) -> None:
        """Put a submission in place of what was there.

        Args:
            bodies: of its regions; without any, the trees are as handed out.
            bytecode: by module, where that is known.

        Raises:
            KeyError: there is no such region.
        """
        modules = self._pristine.with_modules(bodies, bytecode)
        for tree, wanted in modules.items():
            there, folder = self._there[tree], self._folder / tree
            for name in there.keys() - wanted.keys():
                (folder / name).unlink()
            for name, content in wanted.items():
                if there.get(name) != content:
                    # Written anew: what is open still has the old one.
                    (folder / name).unlink(missing_ok=True)
                    write_sealed(folder / name, content)
        self._there = modules
        seal_folders(self._folder)

    def close(self) -> None:
        """End the sandboxes."""
        for sandbox in self.sandboxes.values():
            sandbox.close()


class Benches:
    """Lends benches: new ones each time, or the same ones again."""

    def __init__(self, make: Callable[[Path], Bench], folder: Path, keep: bool):
        """Begin with none.

        Args:
            make: makes a bench in an empty folder.
            folder: where such folders go.
            keep: lend the same one again. Their sandboxes end with this process, or
                with `close`.
        """
        self._make, self._folder, self._keep = make, folder, keep
        self._kept: dict[str, Bench] = {}

    @contextmanager
    def lend(self, name: str) -> Iterator[Bench]:
        """Lend a bench, on which nothing is put.

        Args:
            name: of those that may be lent at the same time.
        """
        if self._keep:
            if name not in self._kept:
                place = self._folder / name
                place.mkdir()
                self._kept[name] = self._made(place)
            try:
                yield self._kept[name]
            finally:
                self._kept[name].put({})
            return
        with ExitStack() as stack:
            place = tempfile.TemporaryDirectory(prefix=f"{name}-", dir=self._folder)
            bench = self._made(Path(stack.enter_context(place)))
            stack.callback(bench.close)
            yield bench

    def close(self) -> None:
        """End the sandboxes of those that are kept."""
        for bench in self._kept.values():
            bench.close()

    def _made(self, place: Path) -> Bench:
        place.chmod(0o755)
        return self._make(place)
