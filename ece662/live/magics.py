"""The magic `%%region`: write a function's region from a cell of the notebook.

    %%region affine_forward
    out = ...

On a phone, or in Colab, opening a file is awkward. The cell's text is written into that
region of the module, which is saved and reloaded; what counts is still the file.
`%region affine_forward` on a line of its own shows the region's present text.
"""

from pathlib import Path

from ece662 import live
from ece662.exercises.lines import split
from ece662.exercises.regions import END, START, Parsed, Region, parse_file
from ece662.exercises.sources import move
from ece662.exercises.work import find_root, find_target, read_text, rewrite
from ece662.live import open_tabs

__all__ = ["register", "show", "write"]

USAGE = "write `%%region NAME`, or `%%region NAME 2` for the second region of NAME"


def register() -> None:
    """Register `%region` and `%%region` in the running notebook, if there is one."""
    shell = live.running_shell()
    if shell is not None:
        shell.register_magic_function(_cell_magic, "cell", "region")
        shell.register_magic_function(_line_magic, "line", "region")


def _cell_magic(line: str, cell: str) -> None:
    """Run `%%region` for IPython: print what was done or what is wrong."""
    try:
        print(write(line, cell))
    except (OSError, ValueError) as error:
        print(f"%%region: {error}")


def _line_magic(line: str) -> None:
    """Run `%region` for IPython: put the region's text into the cell, to be edited."""
    try:
        text = f"%%region {line}\n{show(line)}".rstrip("\n")
    except (OSError, ValueError) as error:
        print(f"%region: {error}")
    else:
        live.running_shell().set_next_input(text, replace=True)


def write(line: str, cell: str, root: Path | None = None) -> str:
    """Write a cell's text into a region, and reload its module.

    Args:
        line: the name of the exercise or function and, if it has several regions, the
            number of one.
        cell: the text.
        root: the course's folder; by default the one that this notebook is in.

    Returns:
        What was done, in words.

    Raises:
        ValueError: unknown name, several regions, or a syntax error. Nothing is
            written then.
    """
    root = find_root() if root is None else root
    file, _, key = _find(line, root)
    body, skipped = _without_markers(cell)

    def changed(text: str) -> str:
        _, parsed, key = _find(line, root, text)
        new = parsed.fill({key: body})
        _check_syntax(new, file, key, skipped)
        return new

    backup = rewrite(root / file, root, changed)
    if backup is None:
        return f"{file} holds this already"
    problems = live.refresh().problems
    done = "written" if problems else "written and reloaded"
    kept = backup.relative_to(root).as_posix()
    message = f"{key[0]} is {done} in {file}; as it was: {kept}"
    warning = open_tabs.warning(root, [file])
    return "\n".join(filter(None, [message, *problems, warning]))


def show(line: str, root: Path | None = None) -> str:
    """Return a region's text without its common indentation; raises as `write` does."""
    _, parsed, key = _find(line, find_root() if root is None else root)
    return move(parsed.bodies[key], "")


def _find(
    line: str, root: Path, text: str | None = None
) -> tuple[str, Parsed, tuple[str, int]]:
    """Return the file, its parsed text and the one region that a line names."""
    name, number = _parse(line)
    exercise, keys = find_target(name, number, root, text)
    if exercise.file.endswith(".ipynb"):
        raise ValueError(f"{name} is written in its own cell, {exercise.id}")
    text = read_text(root / exercise.file, root) if text is None else text
    parsed = parse_file(text, exercise.file)
    if len(keys) > 1:
        raise ValueError(_ask_which(parsed, keys))
    return exercise.file, parsed, keys[0]


def _parse(line: str) -> tuple[str, int | None]:
    words = line.split()
    if len(words) == 1:
        return words[0], None
    if len(words) == 2 and words[1].isdecimal():
        return words[0], int(words[1])
    raise ValueError(f"{USAGE}; got {line!r}")


def _ask_which(parsed: Parsed, keys: tuple[tuple[str, int], ...]) -> str:
    """List the regions among which to choose, each with the line above it."""
    lines, found = split(parsed.text), parsed.regions
    choices = []
    for owner, number in keys:
        above = lines[found[owner, number].start - 2].strip()
        choices.append(f"  %%region {owner} {number}    below `{above}`")
    return "\n".join(["there are several regions; write one of", *choices])


def _without_markers(cell: str) -> tuple[str, int]:
    """Remove marker lines that were copied along; count the lines before the text."""
    lines = split(cell)
    if START in map(str.strip, lines) and END in map(str.strip, lines):
        texts = [line.strip() for line in lines]
        first, last = texts.index(START) + 1, texts.index(END)
        return "\n".join(lines[first:last]), first
    return cell, 0


def _check_syntax(text: str, file: str, key: tuple[str, int], skipped: int) -> None:
    """Refuse a text that Python cannot read; the error names the line of the cell."""
    try:
        compile(text, file, "exec", dont_inherit=True)
    except SyntaxError as error:
        region = parse_file(text, file).regions[key]
        message = _describe_syntax_error(error, region, text, file, skipped)
        raise ValueError(message) from None


def _describe_syntax_error(
    error: SyntaxError, region: Region, text: str, file: str, skipped: int
) -> str:
    line = error.lineno or 1
    source = split(text)[line - 1].strip()  # error.text may be the old file's
    if region.start < line <= region.end:
        number = line - region.start + skipped + 1  # the first line is the magic's own
        where = f"line {number} of this cell"
    else:
        where = f"{file}, line {line}"
    return f"nothing was written: {where}: {error.msg}\n    {source}"
