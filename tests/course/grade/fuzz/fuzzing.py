"""Make submissions and answers that nobody would, and see that each is graded or noted.

    python -m tests.course.grade.fuzz.fuzzing [--seconds 600] [--least 2000] [--seed N]

Archives, modules, notebooks and answers of a sandbox are made up by changing whole
ones: their bytes, their records, the values in their JSON. Each goes the way that those
of students go, through a contained child. It must come back as a submission with what
could be read of it and notes on the rest, or as a mark; a child that dies, raises or
takes too long is a failure. The same seed makes the same inputs. It goes on until the
time is over, and until so many submissions were tried.
"""

import argparse
import base64
import collections
import copy
import functools
import io
import json
import random
import secrets
import struct
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from course.grade.classroom import Pupil, files_of
from course.grade.contained import Child, EndedError
from course.grade.intake.taking import WANTED, from_plain
from ece662.exercises import EXERCISES
from ece662.exercises.regions import END, START
from tests.course.grade.fuzz import answers, oddities

__all__ = ["KINDS", "Fuzzer", "main"]

BUDGET = 60.0  # seconds for one input
ODD_NAMES = (
    "", "/", "..", "../x", "/etc/passwd", "C:/x", "con", "nul.py", "a\\b", "\0",
    "x" * 999, "ece662/", "ece662//layers.py", "./ece662/layers.py",
    "a/b/c/d/e/ece662/layers.py",
    "\N{SNOWMAN}", "\x1b[2J", "=1+1", "ece662/layers.py\0.txt", "inner.zip",
)  # fmt: skip
ODD_VALUES = (
    None, True, "4", "", [], {}, [[]], {"": None}, -1, 1 << 70, 1.5, "x" * 3000,
    "\ud800", "\u2028", "\0", ["a", 1, None], float("nan"), START, END,
    f"{START}\nbreak\n{END}",
)  # fmt: skip
ODD_LINES = (
    START, END, START[:-1], END.lower(), "'''", '"""', "(", "\\", "\f", "\t\tx = 1",
    "\0", "def relu_forward(x):", "class TwoLayerNet:", "<<<<<<< mine", "=======",
    ">>>>>>> x", "break", "return", "nonlocal x", "def f(a, a): 0", "%time", "!ls",
    "x?", "\u2028y",
    "    " * 60 + "pass", "\r", "raise NotImplementedError", "\ufeff", "# of your code",
)  # fmt: skip


@functools.cache
def solved() -> dict[str, str]:
    """Return the files of a whole submission."""
    return files_of(Pupil("ann"))


def _changed_bytes(rng: random.Random, data: bytes) -> bytes:
    """Change some bytes, cut, repeat, or write an extreme number over four of them."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5))):
        place = rng.randrange(len(changed) or 1)
        what = rng.randrange(5)
        if what == 0 and changed:
            changed[place] = rng.randrange(256)
        elif what == 1:
            del changed[place : place + rng.randrange(40)]
        elif what == 2:
            changed[place:place] = changed[place : place + rng.randrange(200)]
        elif what == 3:
            size = rng.choice(("<H", "<I", "<Q"))
            most = (1 << 8 * struct.calcsize(size)) - 1
            number = rng.choice((0, 1, most, most - 1, most >> 1))
            changed[place : place + struct.calcsize(size)] = struct.pack(size, number)
        else:
            del changed[place:]
    return bytes(changed)


def _near_a_record(rng: random.Random, data: bytes) -> bytes:
    """Change the numbers of one of a zip's records."""
    places = [
        place
        for sign in (b"PK\1\2", b"PK\3\4", b"PK\5\6", b"PK\6\6")
        for place in _all_places(data, sign)
    ]
    if not places:
        return data
    begin = rng.choice(places)
    part = _changed_bytes(rng, data[begin : begin + 46])
    return data[:begin] + part + data[begin + 46 :]


def _all_places(data: bytes, sign: bytes) -> list[int]:
    found, place = [], data.find(sign)
    while place >= 0:
        found.append(place)
        place = data.find(sign, place + 1)
    return found


def _zip_of(rng: random.Random, files: dict[str, str]) -> bytes:
    """Zip files, with odd ones beside them, in any of Python's methods."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, text in files.items():
            method = rng.choice((0, 8, 8, 8, 12, 14))
            archive.writestr(name, text.encode("utf-8", "surrogatepass"), method)
        for name in rng.sample(ODD_NAMES, rng.randrange(4)):
            entry = zipfile.ZipInfo("x")
            entry.filename = name
            entry.external_attr = rng.choice((0, 0o120777, 0o010666, 0o040755)) << 16
            archive.writestr(entry, rng.randbytes(rng.randrange(200)))
    return stream.getvalue()


def make_archive(rng: random.Random) -> bytes:
    """Return the bytes of something like a zip."""
    names = rng.sample(sorted(WANTED), 2)
    files = {f"{rng.choice(('', 'ece662/', 'a/'))}{n}": n * 9 for n in names}
    data = _zip_of(rng, files)
    change = rng.choice((_changed_bytes, _near_a_record, _near_a_record, None))
    return change(rng, data) if change else data


def make_tar(rng: random.Random) -> tuple[str, bytes]:
    """Return the name and the bytes of something like a tar, packed or not."""
    stream, mode = io.BytesIO(), rng.choice(("w", "w:gz", "w:bz2", "w:xz"))
    with tarfile.open(fileobj=stream, mode=mode) as archive:
        for name in (*rng.sample(sorted(WANTED), 2), rng.choice(ODD_NAMES[1:])):
            entry = tarfile.TarInfo(name)
            data = solved().get(name, name).encode("utf-8", "surrogatepass")
            entry.size = len(data)
            entry.type = rng.choice((tarfile.REGTYPE,) * 4 + (tarfile.SYMTYPE,))
            archive.addfile(entry, io.BytesIO(data))
    data = stream.getvalue()
    name = rng.choice(("ann.tar", "ann.tgz", "ann.zip", "ann"))
    return name, data if rng.random() < 0.2 else _changed_bytes(rng, data)


def make_inner(rng: random.Random) -> tuple[str, bytes]:
    """Return a zip with archives in it, one in the other."""
    kinds = (make_archive, make_module, make_notebook, lambda rng: make_tar(rng)[1])
    data = rng.choice(kinds)(rng)
    for _ in range(rng.choice((1, 2, 5))):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr(rng.choice(("in.zip", "a/b.tar.gz", "x.7z", "y")), data)
            archive.writestr("ece662/optim.py", solved()["ece662/optim.py"][:900])
        data = stream.getvalue()
    return "ann.zip", _changed_bytes(rng, data) if rng.random() < 0.3 else data


def make_single(rng: random.Random) -> tuple[str, bytes]:
    """Return the name and the text of a file that was handed in by itself."""
    files = _modules(rng) if rng.random() < 0.5 else dict([_notebook(rng)])
    name, text = rng.choice(sorted(files.items()))
    name = rng.choice((name.rpartition("/")[2], "ann", "hw 3 (2).ipynb", "x.py.txt"))
    encoding = rng.choice(("utf-8", "utf-8", "utf-8-sig", "utf-16", "cp1252"))
    data = text.replace("\n", rng.choice(("\n", "\r\n", "\r"))).encode(
        encoding, "replace"
    )
    return name, _changed_bytes(rng, data) if rng.random() < 0.3 else data


def make_module(rng: random.Random) -> bytes:
    """Return a zip of modules in which lines were put, taken out or cut."""
    return _zip_of(rng, _modules(rng))


def _modules(rng: random.Random) -> dict[str, str]:
    files = {}
    for file in rng.sample([f for f in sorted(WANTED) if f.endswith(".py")], 2):
        lines = solved()[file].split("\n")
        for _ in range(rng.choice((1, 3, 20))):
            place = rng.randrange(len(lines) + 1)
            what = rng.randrange(4)
            if what == 0:
                lines.insert(place, rng.choice(ODD_LINES))
            elif what == 1:
                del lines[place : place + rng.randrange(1, 30)]
            elif what == 2:
                lines[place:place] = lines[place : place + rng.randrange(60)]
            elif place < len(lines):
                lines[place] = rng.choice((" ", "\t", "")) + lines[place][:20]
        files[file] = "\n".join(lines)
    return files


def make_notebook(rng: random.Random) -> bytes:
    """Return a zip of a notebook in whose JSON some values are others."""
    return _zip_of(rng, dict([_notebook(rng)]))


def _notebook(rng: random.Random) -> tuple[str, str]:
    file = rng.choice([file for file in sorted(WANTED) if file.endswith(".ipynb")])
    notebook = json.loads(solved()[file])
    for _ in range(rng.choice((1, 3, 20))):
        holder, key = _any_value(rng, notebook)
        what = rng.randrange(4)
        if what == 0 and isinstance(holder, dict):
            del holder[key]
        elif what == 1 and isinstance(holder, list):
            holder.append(copy.deepcopy(holder[key]))
        else:
            holder[key] = copy.deepcopy(rng.choice(ODD_VALUES))
    text = json.dumps(notebook, indent=rng.choice((None, 1)))
    if rng.random() < 0.1:
        text = text.replace("4", rng.choice(("[" * 2000, "1e999", "9" * 5000)), 1)
    if rng.random() < 0.2:
        text = _changed_bytes(rng, text.encode()).decode("utf-8", "replace")
    return file, text


def _any_value(rng: random.Random, notebook: Any) -> tuple[Any, Any]:
    """Return a list or dict somewhere in a notebook, and one of its keys."""
    holder, key = {"": notebook}, ""
    while isinstance(holder[key], list | dict) and holder[key]:
        if holder[key] is not notebook and rng.random() < 0.25:
            break
        holder = holder[key]
        keys = range(len(holder)) if isinstance(holder, list) else list(holder)
        key = rng.choice(keys)
    return holder, key


class Fuzzer:
    """Makes inputs of all kinds, and tries them."""

    def __init__(self, folder: Path, seed: int):
        """Begin with no inputs.

        Args:
            folder: an empty one, where a failing input is left.
            seed: of all inputs.
        """
        self.folder, self.seed = folder, seed
        self.counts: collections.Counter[str] = collections.Counter()
        self._child = Child("tests.course.grade.fuzz.fuzzed")

    def close(self) -> None:
        """End the child."""
        self._child.close()

    def run(self, kind: str, number: int) -> str | None:
        """Try one input; return what is wrong with how it ended, None if nothing."""
        rng = random.Random(f"{self.seed}/{kind}/{number}")
        made = KINDS[kind](rng)
        try:
            ended = self._answer(made) if kind == "answer" else self._taken(made)
        except EndedError as error:
            return f"{kind} {number}: {error}"
        self.counts[f"{kind}: {ended}"] += 1
        return None

    def _taken(self, made: bytes | tuple[str, bytes]) -> str:
        """Take in a submission; say whether it is graded, or noted."""
        name, data = made if isinstance(made, tuple) else ("ann.zip", made)
        path = self.folder / name
        path.write_bytes(data)
        plain = self._child.ask("take", {"path": str(path)}, BUDGET)
        submission = from_plain(plain)
        size = len(json.dumps(plain))
        if size > 4 * sum(map(len, solved().values())):
            raise EndedError(f"what was taken out has {size} bytes")
        pieces = submission.pieces
        if not pieces.bodies and not submission.notes and not pieces.notes:
            raise EndedError("nothing was taken out, and nobody says so")
        return "graded" if pieces.bodies or pieces.answers else "noted"

    def _answer(self, made: tuple[str, bytes]) -> str:
        """Judge an answer; say what its mark is."""
        exercise, data = made
        about = {"exercise": exercise, "answer": base64.b64encode(data).decode()}
        mark = self._child.ask("judge", about, BUDGET)
        if mark["points"] > mark["of"] or len(json.dumps(mark)) > 200_000:
            raise EndedError(f"the mark is {str(mark)[:200]}")
        return mark["status"]


def make_odd_tar(rng: random.Random) -> tuple[str, bytes]:
    """Return the name and the bytes of a tar with odd members."""
    return oddities.make_odd_tar(rng, _whole(rng, 2))


def make_odd_zip(rng: random.Random) -> bytes:
    """Return a zip whose records contradict each other."""
    return oddities.make_lying_zip(rng, _whole(rng, 3))


def make_odd_notebook(rng: random.Random) -> tuple[str, bytes]:
    """Return the name and the text of a notebook as nobody writes it."""
    return oddities.make_odd_notebook(rng, *_whole(rng, 1, ".ipynb")[0])


def make_odd_module(rng: random.Random) -> tuple[str, bytes]:
    """Return the name and the text of a module as nobody writes it."""
    return oddities.make_odd_module(rng, *_whole(rng, 1, ".py")[0])


def _whole(rng: random.Random, count: int, suffix: str = "") -> list[tuple[str, str]]:
    names = [file for file in sorted(WANTED) if file.endswith(suffix)]
    return [(name, solved()[name]) for name in rng.sample(names, count)]


def make_answer(rng: random.Random) -> tuple[str, bytes]:
    """Return an exercise, and the bytes of an answer to it."""
    exercise = rng.choice([e for e in EXERCISES if e.id in answers.expected()])
    return exercise.id, answers.make(rng, exercise, _changed_bytes)


KINDS: dict[str, Callable[[random.Random], Any]] = {
    "archive": make_archive,
    "module": make_module,
    "notebook": make_notebook,
    "tar": make_tar,
    "inner": make_inner,
    "single": make_single,
    "odd tar": make_odd_tar,
    "odd zip": make_odd_zip,
    "odd notebook": make_odd_notebook,
    "odd module": make_odd_module,
    "answer": make_answer,
}


def main() -> int:
    """Try inputs until the time is over; return 1 where one ended in another way."""
    parser = argparse.ArgumentParser(prog="python -m tests.course.grade.fuzz.fuzzing")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--least", type=int, default=2000, help="submissions")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1 << 32))
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="ece662-fuzz-"))
    fuzzer, failures, number = Fuzzer(folder, args.seed), [], 0
    end = time.monotonic() + args.seconds
    try:
        while len(failures) < 10 and (
            time.monotonic() < end or number * (len(KINDS) - 1) < args.least
        ):
            for kind in KINDS:
                if failure := fuzzer.run(kind, number):
                    print(f"seed {args.seed}, {failure}", flush=True)
                    failures.append(failure)
            number += 1
    finally:
        fuzzer.close()
    for ended, count in sorted(fuzzer.counts.items()):
        print(f"{count:>8} {ended}")
    submissions = f"{number * (len(KINDS) - 1)} submissions"
    counted = f"{submissions} and {number} answers, {len(failures)} failures"
    print(f"{counted}; seed {args.seed}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
