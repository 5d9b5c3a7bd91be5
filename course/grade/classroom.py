"""A pretend class, to try grading before the term: right, mistaken, hostile, broken.

    python -m course.grade.classroom DIR [--students 40]

Every submission is the solved course with something changed, and with what is expected
of it: which exercise will not pass, and by which diagnosis or status.
"""

import argparse
import json
import sys
import zipfile
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import NamedTuple

from ece662.exercises import EXERCISES, find_exercise
from ece662.exercises.regions import END, START, fill, read

__all__ = ["KINDS", "Pupil", "files_of", "main", "write_class"]

ROOT = Path(__file__).resolve().parents[2]


class Pupil(NamedTuple):
    """One submission that is made up.

    It is the solved course with `old` replaced by `new`: in the region of `exercise`
    if one is named, else in the whole of its file.
    """

    name: str
    exercise: str = ""
    old: str = ""
    new: str = ""
    expected: str = "passed"  # the mark's status or its diagnosis
    markers: bool = False  # replace in the whole file


# Mistakes as students write them: exercise, what is replaced by what, its name.
MISTAKES = [
    ("affine_forward", " + b", "", "affine-without-bias"),
    ("affine_backward", "dout.sum(axis=0)", "dout.mean(axis=0)",
     "affine-db-averaged"),
    ("affine_backward", ".reshape(x.shape)", "", "affine-dx-left-flat"),
    ("relu_forward", "np.maximum(x, 0)", "np.abs(x)", "relu-takes-absolute-value"),
    ("relu_backward", "(x > 0)", "(dout > 0)", "relu-gate-from-dout"),
    ("batchnorm_forward", "momentum * running_mean + (1 - momentum) * mean",
     "(1 - momentum) * running_mean + momentum * mean", "*"),
    ("batchnorm_forward", "1 / np.sqrt(var + eps)", "1 / (var + eps)", "*"),
    ("batchnorm_backward", "dx_centred - dx_centred.mean(axis=0)", "dx_centred",
     "batchnorm-mean-path-missing"),
    ("batchnorm_backward", "dx_centred += 2 / N * x_centred * dvar", "",
     "batchnorm-variance-path-missing"),
    ("batchnorm_backward_alt", "dbeta / N", "dbeta", "*"),
    ("layernorm_forward", "axis=1", "axis=0", "layernorm-over-columns"),
    ("layernorm_backward", "- mean_dx_hat", "", "layernorm-mean-path-missing"),
    ("dropout_forward", "np.random.rand(*x.shape) < p",
     "np.random.rand(*x.shape) > p", "*"),
    ("dropout_backward", "dout * mask", "dout", "dropout-back-ignores-mask"),
    ("conv_forward_naive", " + b[f]", "", "conv-without-bias"),
    ("conv_forward_naive", "* w[f])", "* w[f][:, ::-1, ::-1])",
     "conv-filters-flipped"),
    ("conv_backward_naive", "pad : pad + H, pad : pad + W", "pad:-pad, pad:-pad",
     "conv-crop-empty-without-padding"),
    ("max_pool_backward_naive", "] += dout", "] = dout",
     "pool-back-maximum-overwritten"),
    ("spatial_groupnorm_backward", "axis=(0, 2, 3), keepdims=True",
     "axis=(0, 2, 3)", "groupnorm-parameters-as-vectors"),
    ("sgd_momentum", 'config["velocity"] = v', "",
     "momentum-velocity-never-stored"),
    ("rmsprop", "np.sqrt(config[\"cache\"])", 'config["cache"]',
     "rmsprop-root-missing"),
    ("adam", 'config["t"] += 1', "", "*"),
    ("adam", 'np.sqrt(v_hat) + config["epsilon"]',
     'np.sqrt(v_hat + config["epsilon"])', "adam-epsilon-inside-root"),
]  # fmt: skip


def _mistakes() -> list[Pupil]:
    """Make a submission of each of MISTAKES."""
    return [
        Pupil(
            f"mistaken-{i:02d}", exercise, old, new, "failed" if name == "*" else name
        )
        for i, (exercise, old, new, name) in enumerate(MISTAKES)
    ]


# Attacks from within a region, by name: what is written in place of the solution.
ATTACKS = {
    "exit": "import os; os._exit(0)",
    "verdict": 'print(\'{"passed": true, "score": 100}\'); out = x * 0',
    "files": 'out = x + len(open("/etc/passwd").read())',
    "network": (
        "import socket; socket.create_connection(('127.0.0.1', 80), 1); out = x"
    ),
    "liar": ("out = type('L', (np.ndarray,), {'__eq__': lambda s, o: True})(x.shape)"),
    "numpy": "np.maximum = np.allclose = lambda *a, **k: True; out = x * 0",
    "checker": (
        "import ece662.check.judging as j; j.judge = lambda *a: True; out = -x"
    ),
    "forks": "import os\n    while True: os.fork()",
    "memory": "out = [np.ones(1 << 24) for _ in range(10**6)]",
    "pickle": (
        "import os, pickle; os.write(3, pickle.dumps(print)); os._exit(0); out = x"
    ),
    "torch": "import torch; out = torch.relu(torch.as_tensor(x)).numpy()",
    "loop": "while True: pass",
}


def _attacks() -> list[Pupil]:
    """Make a submission of each of ATTACKS, on the exercise that stands there."""
    old = "out = np.maximum(x, 0)"
    return [
        Pupil(f"hostile-{name}", "relu_forward", old, new, "*")
        for name, new in ATTACKS.items()
    ]


def _broken() -> list[Pupil]:
    """Submissions that are damaged in one place."""
    return [
        Pupil("broken-syntax", "adam", "next_w = w -", "next_w == = w -", "syntax"),
        Pupil("broken-markers", "relu_forward", f"{START}\n    out", "    out",
              "damaged", True),
        Pupil("broken-doubled", "sgd_momentum", END, f"{END}\n    {START}\n    {END}",
              "damaged", True),
        Pupil("broken-indentation", "rmsprop", "    next_w = w -", "next_w = w -",
              "syntax"),
        Pupil("=1+1 <script>alert(1)</script>"),
    ]  # fmt: skip


KINDS = [
    Pupil("right-one"),
    *_mistakes(),
    *_attacks(),
    *_broken(),
]  # forty of them: see the test


def files_of(pupil: Pupil) -> dict[str, str]:
    """Return the files of a submission, by path from the root.

    Raises:
        ValueError: what is to be replaced is not there: the solution has changed.
    """
    files = {file: _solved(file) for file in dict.fromkeys(e.file for e in EXERCISES)}
    if not pupil.exercise:
        return files
    exercise = find_exercise(pupil.exercise)
    text = files[exercise.file]
    if pupil.markers:
        head, name, rest = text.partition(f"def {pupil.exercise}(")
        changed = head + name + _replaced(rest, pupil, 1)
    else:
        bodies = read(text, exercise.file)
        mine = {k: v for k, v in bodies.items() if k[0] in exercise.regions}
        body = {k: v for k, v in mine.items() if pupil.old in v}
        changed = fill(
            text, exercise.file, {k: _replaced(v, pupil) for k, v in body.items()}
        )
    if changed == text:
        raise ValueError(f"{pupil.name}: no {pupil.old!r} in {pupil.exercise}")
    return {**files, exercise.file: changed}


def _replaced(text: str, pupil: Pupil, count: int = -1) -> str:
    return text.replace(pupil.old, pupil.new, count)


def _solved(file: str) -> str:
    """Return a file of the solved course; of a notebook without its outputs."""
    text = (ROOT / file).read_text("utf-8")
    if not file.endswith(".ipynb"):
        return text
    notebook = json.loads(text)
    for cell in notebook["cells"]:
        cell.pop("attachments", None)
        if cell["cell_type"] == "code":
            cell |= {"outputs": [], "execution_count": None}
    return json.dumps(notebook, indent=1)


def write_class(folder: Path, students: int = len(KINDS)) -> list[Pupil]:
    """Write submissions: zips, and each third one a folder.

    Args:
        folder: a new or empty one.
        students: how many; beyond the kinds there are, those come again.

    Returns:
        Who is in the class.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pupils = list(islice(_endless(), students))
    for number, pupil in enumerate(pupils):
        files = files_of(pupil)
        name = pupil.name.replace("/", "\N{DIVISION SLASH}")
        if number % 3 == 2:
            for file, text in files.items():
                path = folder / name / file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, "utf-8")
        else:
            with zipfile.ZipFile(
                folder / f"{name}.zip", "w", zipfile.ZIP_DEFLATED
            ) as archive:
                for file, text in files.items():
                    archive.writestr(f"ece662/{file}", text)
    return pupils


def _endless() -> Iterator[Pupil]:
    yield from KINDS
    for number, pupil in enumerate(cycle(KINDS)):
        yield pupil._replace(name=f"{pupil.name}-{number:04d}")


def main(argv: Sequence[str] | None = None) -> int:
    """Write a class."""
    parser = argparse.ArgumentParser(prog="python -m course.grade.classroom")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--students", type=int, default=len(KINDS))
    args = parser.parse_args(argv)
    print(f"{len(write_class(args.folder, args.students))} submissions")
    return 0


if __name__ == "__main__":
    sys.exit(main())
