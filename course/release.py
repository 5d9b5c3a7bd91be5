"""The students' copy: made afresh from the repository by an allow-list.

Only what `SHIPPED` names is shipped, so a new file stays here until somebody decides
otherwise. What stands between these two lines stays here as well:

    staff only        and        end of staff only

written as a comment of their own in a text file (`#`, or `<!-- -->`). The exercises'
regions are emptied, notebooks become student notebooks, and the links lead to where the
copy will be published. The same repository gives the same bytes.
"""

import re
import tempfile
from collections.abc import Collection
from pathlib import Path

from course.dependence import names_that_depend_on
from course.student_notebook import student_notebook
from ece662._files import put_in_place
from ece662.commands.packing import write_zip
from ece662.commands.updating import MANIFEST, describe
from ece662.exercises import EXERCISES, Exercise
from ece662.exercises.regions import (
    START,
    MarkerError,
    fill,
    parse_file,
    read,
    stub,
)

__all__ = [
    "PLACE",
    "REF",
    "SHIPPED",
    "make_release",
    "pack",
    "relinked",
    "shipped_files",
    "without_staff_parts",
]

PLACE, REF = "OWNER/ece662", "main"  # what the repository's own links name

SHIPPED = (
    ".devcontainer/devcontainer.json",
    ".gitignore",
    "LICENSE",
    "MANIFEST.in",
    "Makefile",
    "README.md",
    "constraints.txt",
    "constraints-colab.txt",
    "docs/dashboards.md",
    "docs/data.md",
    "docs/glossary.md",
    "docs/images/notebook.png",
    "docs/images/synthetic.png",
    "environment.yml",
    "notebooks/*.ipynb",
    "postBuild",
    "pyproject.toml",
    "scripts/make_venv.sh",
    "setup.py",
    "ece662/**/*.py",
    "ece662/**/*.toml",  # the exercises
    "ece662/fast/_kernels/*.h",
    "ece662/fast/_kernels/*.pyx",
    "ece662/check/**/*.npz",  # the signatures
    "ece662/data/pictures/*.jpg",
    "ece662/data/pictures/README.md",
)
BINARY = {".jpg", ".npz", ".png"}

_LINK = re.compile(r"\]\(\.\./(ece662/[\w/]+\.py)#(\w+)\)")  # to an exercise
_STAFF_PART = re.compile(
    r"^ *(#|<!--) staff only((?: -->)?)\n.*?^ *\1 end of staff only\2\n",
    re.MULTILINE | re.DOTALL,
)
_STAFF_LINE = re.compile(r"^\s*(#|<!--) (end of )?staff only", re.MULTILINE)


def make_release(
    source: Path, out: Path, place: str = PLACE, ref: str = REF
) -> list[Path]:
    """Write the students' copy of the repository in ``source`` to ``out``.

    Args:
        source: the repository's folder.
        out: a new or empty folder. It appears whole or not at all.
        place: OWNER/NAME on GitHub under which the copy will be published.
        ref: the branch or tag there.

    Returns:
        The files written, relative to ``out``.

    Raises:
        FileExistsError: there is something in ``out``.
        MarkerError: a marker line is damaged; says the file and the line.
        ValueError: list of exercises and sources disagree.
    """
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", place):
        raise ValueError(f"expected OWNER/NAME for the repository, got {place!r}")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FileExistsError(f"{out} is there already: name a new or an empty folder")
    out.parent.mkdir(parents=True, exist_ok=True)
    files = shipped_files(source)
    student = _students_names(source)
    with tempfile.TemporaryDirectory(dir=out.parent) as folder:
        whole = Path(folder, "release")
        for file in files:
            target = whole / file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(_for_students(source, file, student, place, ref))
            target.chmod(0o755 if file.suffix == ".sh" else 0o644)
        given = {file.as_posix(): (whole / file).read_bytes() for file in files}
        (whole / MANIFEST).write_bytes(describe(given, _earlier_names()))
        (whole / MANIFEST).chmod(0o644)
        if out.exists():
            out.rmdir()
        put_in_place(whole, out)
    return [*files, Path(MANIFEST)]


def _earlier_names() -> dict[str, str]:
    """Return what exercises and cells were called in earlier releases."""
    return {
        now: was
        for exercise in EXERCISES
        for now, was in zip(exercise.regions, exercise.was, strict=False)
    }


def shipped_files(source: Path) -> list[Path]:
    """List the files of the repository that students get, relative to it, sorted.

    Raises:
        FileNotFoundError: something that the list names one by one is missing.
    """
    found = set()
    for pattern in SHIPPED:
        matches = [path for path in source.glob(pattern) if path.is_file()]
        if not matches and "*" not in pattern:
            raise FileNotFoundError(f"{source / pattern} is to be shipped, but missing")
        files = {path.relative_to(source) for path in matches}
        # What an editor keeps beside the files, in a hidden folder, nobody has named.
        found |= {file for file in files if "*" not in pattern or not _is_hidden(file)}
    return sorted(found, key=Path.as_posix)


def _is_hidden(file: Path) -> bool:
    return any(part.startswith(".") for part in file.parts[:-1])


def pack(folder: Path, archive: Path) -> None:
    """Pack a folder into a zip that has the same bytes each time.

    Its files lie in one folder of the archive's name, so that unpacking makes no mess.
    """
    files = [path for path in folder.rglob("*") if path.is_file()]
    names = {path.relative_to(folder).as_posix(): path for path in files}
    inside = {f"{archive.stem}/{name}": names[name] for name in sorted(names)}
    write_zip(archive, {name: path.read_bytes() for name, path in inside.items()})


def _students_names(source: Path) -> set[str]:
    """List the functions and classes whose results depend on the student's work."""
    provided = {n for e in EXERCISES if e.file.endswith(".py") for n in e.provides}
    return names_that_depend_on(provided, source / "ece662") | {"check", "hint"}


def _for_students(
    source: Path, file: Path, student: set[str], place: str, ref: str
) -> bytes:
    """Return what students get in place of one file of the repository."""
    name = file.as_posix()
    if file.suffix in BINARY:
        return (source / file).read_bytes()
    text = without_staff_parts((source / file).read_text("utf-8"), name)
    exercises = [exercise for exercise in EXERCISES if exercise.file == name]
    if file.suffix == ".ipynb":
        text = student_notebook(text, name, exercises, student)
        text = _LINK.sub(lambda link: _with_line(source, link), text)
    elif exercises:
        text = _emptied(text, name, exercises)
    elif file.suffix == ".py" and START in map(str.strip, text.splitlines()):
        raise ValueError(f"{name} has fill-in regions, but no exercise lists them")
    return relinked(text, place, ref).encode()


def without_staff_parts(text: str, name: str) -> str:
    """Leave out what stands between the lines `staff only` and `end of staff only`.

    Raises:
        MarkerError: one of the two lines without the other.
    """
    text = _STAFF_PART.sub("", text)
    if left := _STAFF_LINE.search(text):
        line = text[: left.start()].count("\n") + 1
        raise MarkerError(f"{name}: a line '{left[0].strip()}' is on its own ({line})")
    return text


def relinked(text: str, place: str, ref: str) -> str:
    """Let links, and the cell that fetches the course, lead to ``place`` at ``ref``."""
    text = text.replace(f"/{PLACE}/blob/{REF}/", f"/{place}/blob/{ref}/")
    text = text.replace(f"https://github.com/{PLACE}", f"https://github.com/{place}")
    if ref == REF:
        return text
    text = text.replace(f"/{place}/archive/HEAD.zip", f"/{place}/archive/{ref}.zip")
    # In a notebook's file the quotes of the code are escaped.
    return re.sub(r'(\\?")--depth=1\1', rf"\g<0>, \1--branch={ref}\1", text)


def _with_line(source: Path, link: re.Match) -> str:
    """Let a link to an exercise lead to its line, in the file as students get it."""
    file, owner = link[1], link[2]
    text = without_staff_parts((source / file).read_text("utf-8"), file)
    exercises = [exercise for exercise in EXERCISES if exercise.file == file]
    emptied = parse_file(_emptied(text, file, exercises), file)
    starts = [
        place.span[0]
        for (name, _), place in emptied.places.items()
        if name.partition(".")[0] == owner
    ]
    if not starts:
        raise ValueError(f"a notebook links to {owner} in {file}, and it is not there")
    return f"](../{file}#line={starts[0] - 1})"  # JupyterLab counts from 0


def _emptied(text: str, name: str, exercises: Collection[Exercise]) -> str:
    """Empty every region of a module."""
    owners = {owner: exercise for exercise in exercises for owner in exercise.regions}
    bodies = read(text, name)
    found = {owner for owner, _ in bodies}
    if found != owners.keys():
        raise ValueError(
            f"{name}: ece662/exercises/exercises.toml lists regions in "
            f"{sorted(owners)}, the module has them in {sorted(found)}"
        )
    return fill(
        text,
        name,
        {
            key: stub(owners[key[0]].id, f"notebooks/{owners[key[0]].notebook}.ipynb")
            for key in bodies
        },
    )
