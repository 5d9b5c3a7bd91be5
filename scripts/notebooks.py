"""Run, check and test the notebooks.

    python scripts/notebooks.py [store] [NOTEBOOK ...]    run them, store the outputs
    python scripts/notebooks.py check [NOTEBOOK ...]      look at the files only
    python scripts/notebooks.py test [PYTEST OPTION ...]  run them, compare the outputs

A notebook is stored as nbval will see it when it compares: on the synthetic pictures
(whatever the user has prepared), on one thread, without widgets; and without anything
that says whose machine it was. Storing twice changes nothing.
"""

import os
import platform
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "notebooks"
STRICT = ROOT / "tests" / "notebooks"

sys.path.insert(0, str(ROOT))  # the package of this tree, not one installed elsewhere
sys.path.append(str(STRICT))  # nbval_strict, nbval_kernels

from ece662.exercises import notebooks_with  # noqa: E402
from ece662.frameworks.installed import FRAMEWORKS  # noqa: E402
from tests import limits  # noqa: E402

ENVIRONMENT = {
    "ECE662_DATA": str(ROOT / ".cache" / "notebooks"),
    "ECE662_MODELS": str(ROOT / ".cache" / "notebooks" / "models"),
    "ECE662_FULL": "0",
    "ECE662_GPU": "0",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "PYTHONPATH": os.pathsep.join([str(ROOT), str(STRICT)]),
}

# Every process of a run of the tests has this variable, and the run's own value of it.
RUN = "ECE662_TEST_RUN"

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
# The first line of tags is ours, the second nbval's.
TAGS = {"setup", "exercise", "question", "answer", "training"} | {
    "nbval-ignore-output", "nbval-skip", "skip-execution", "raises-exception"
}  # fmt: skip
FOLD = {"jupyter": {"source_hidden": True}}  # the set-up cell, which nobody has to read
CELL_ID = re.compile(r"q\d(-[a-z0-9]+)+")
MACHINE_TRACES = re.compile(
    r"(/home/|/root/|/Users/|/tmp/|/content/|/opt/|/usr/|\b[A-Z]:\\|\bat 0x[0-9a-f]+"
    r"|\blocalhost\b|\b127\.0\.0\.1\b|\b\w+@\w+)"
)


def main(arguments: list[str]) -> int:
    """Do what the command line asks; return the exit status."""
    if {"-h", "--help"} & set(arguments[:1]):
        print(__doc__)
        return 0
    actions = {"store": _store_all, "check": _check_all, "test": run_nbval}
    action = "store"
    if arguments and arguments[0] in actions:
        action, *arguments = arguments
    if action == "test":
        chosen = any(map(_has_notebooks, arguments))
        return run_nbval([*arguments, *([] if chosen else [str(FOLDER)])])
    paths = [Path(word) for word in arguments] or find_notebooks()
    missing = [str(path) for path in paths if not path.is_file()]
    if missing:
        print(f"expected notebooks, or one of {', '.join(actions)}; got {missing}")
        return 2
    return actions[action](paths)


def _has_notebooks(word: str) -> bool:
    """Tell whether a word of the command line is a notebook, or a folder of them."""
    return word.endswith(".ipynb") or any(Path(word).glob("*.ipynb"))


def find_notebooks() -> list[Path]:
    """List the notebooks of the course, in their order."""
    return sorted(FOLDER.glob("*.ipynb"))


def _store_all(paths: list[Path]) -> int:
    from nbclient.exceptions import (
        CellExecutionError,
        CellTimeoutError,
        DeadKernelError,
    )

    _warm_up({**os.environ, **ENVIRONMENT})
    for path in paths:
        print(f"running {path.name}", flush=True)
        try:
            store(path)
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            print(f"{path.name} is left as it was: {error}")
            return 1
    return _check_all(paths)


def _check_all(paths: list[Path]) -> int:
    found = [problem for path in paths for problem in problems(path)]
    print("\n".join(found) or f"{len(paths)} notebooks are in order")
    return 1 if found else 0


def run_nbval(options: list[str], **settings: str) -> int:
    """Run pytest with nbval on the files and folders among its options.

    The settings are environment variables that count more than ENVIRONMENT.
    """
    environment = {**os.environ, **ENVIRONMENT, **settings}
    _warm_up(environment)
    command = [
        *(sys.executable, "-m", "pytest", "-p", "tests.limits"),
        *("-p", "nbval_strict", "-p", "nbval_kernels"),
        *("--nbval", "--nbval-current-env", f"--nbval-cell-timeout={limits.CELL}"),
        f"--nbval-kernel-startup-timeout={limits.START}",
        f"--nbval-sanitize-with={STRICT / 'sanitize.cfg'}",
        *options,
        *ignored(),
    ]
    return _run_to_the_end(command, environment)


def _run_to_the_end(command: list[str], environment: Mapping[str, str]) -> int:
    """Run a command; whatever becomes of it, nothing that it started remains."""
    mark = {RUN: uuid.uuid4().hex}
    try:
        return subprocess.run(
            command, env={**environment, **mark}, timeout=limits.RUN
        ).returncode
    except subprocess.TimeoutExpired:
        print(f"the tests did not end within {limits.RUN:g} s")
        return 1
    finally:
        for left in limits.end_processes(grace=5, **mark):
            print(f"the tests left this running, and it was ended: {left}")


def ignored() -> list[str]:
    """Tell pytest to leave out notebooks whose framework is not installed; say so."""
    options = []
    for path in find_notebooks():
        needed = [name for name in FRAMEWORKS if path.stem in notebooks_with(name)]
        missing = [name for name in needed if find_spec(name) is None]
        if missing:
            print(f"{path.name} is left out: there is no {' and no '.join(missing)}")
            options.append(f"--ignore={path}")
    return options


def _warm_up(environment: Mapping[str, str]) -> None:
    """Have done what only a first run does, and reports on stderr."""
    first_run = (
        "import matplotlib.font_manager\n"
        "from ece662.data_utils import find_data_set\n"
        "find_data_set('synthetic')"
    )
    if RUN not in os.environ:  # else a run is on, which may be using the models
        # A model of an earlier state of the package would hide that of this one.
        shutil.rmtree(environment["ECE662_MODELS"], ignore_errors=True)
    subprocess.run([sys.executable, "-c", first_run], env=environment, check=True)


def store(path: Path) -> None:
    """Run a notebook from top to bottom and write it back with its outputs."""
    import nbformat
    from jupyter_client.manager import KernelManager
    from nbclient import NotebookClient
    from nbval.kernel import CURRENT_ENV_KERNEL_NAME, NbvalKernelspecManager

    class Client(NotebookClient):
        """Keeps what nbval keeps: nothing is cleared, updated, or a live widget."""

        def process_message(self, msg, cell, cell_index):
            kind = msg["msg_type"]
            if kind in ("clear_output", "update_display_data") or "comm" in kind:
                return None
            return super().process_message(msg, cell, cell_index)

    os.environ.update(ENVIRONMENT)
    notebook = nbformat.read(path, as_version=4)
    manager = KernelManager(
        kernel_name=CURRENT_ENV_KERNEL_NAME,
        kernel_spec_manager=NbvalKernelspecManager(),
    )
    client = Client(
        notebook,
        km=manager,
        timeout=limits.CELL,
        startup_timeout=limits.START,
        record_timing=False,
        store_widget_state=False,
        resources={"metadata": {"path": str(path.parent)}},
    )
    # The kernel's own remarks; what a cell writes to stderr arrives all the same.
    client.execute(stderr=subprocess.DEVNULL)
    _strip(notebook)
    nbformat.write(notebook, path, version=nbformat.NO_CONVERT)


def _strip(notebook) -> None:
    """Take off what differs from one run or one machine to the next."""
    from nbval.plugin import coalesce_streams
    from nbval_strict import RULES, picture_text, without_widgets

    notebook.metadata = METADATA
    for cell in notebook.cells:
        kept = {key: cell.metadata.get(key) for key in ("tags", RULES, *FOLD)}
        cell.metadata = {key: value for key, value in kept.items() if value}
        if cell.cell_type != "code":
            continue
        cell.outputs = coalesce_streams(without_widgets(cell.outputs))
        for output in cell.outputs:
            if "metadata" in output:
                output.metadata = picture_text(output)


def problems(path: Path) -> Iterator[str]:
    """Yield what is wrong with a notebook's file, one sentence each."""
    import nbformat

    from ece662.notebook import REPOSITORY

    notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    if (notebook.nbformat, notebook.nbformat_minor) != (4, 5):
        yield f"{path.name}: expected nbformat 4.5"
        return
    nbformat.validate(notebook)
    if notebook.metadata != METADATA:
        yield f"{path.name}: metadata of a machine: run `make notebooks`"
    source = "\n".join(cell.source for cell in notebook.cells)
    where = f"{REPOSITORY.removeprefix('https://')}/blob/main/notebooks/{path.name}"
    if f"colab.research.google.com/{where.replace('.com', '')}" not in source:
        yield f"{path.name}: no link that opens it in Colab"
    setups = [c.source for c in notebook.cells if "setup" in c.metadata.get("tags", [])]
    if len(setups) != 1 or f'"{REPOSITORY}"' not in setups[0]:
        yield f"{path.name}: expected one set-up cell, which names {REPOSITORY}"
    for cell in notebook.cells:
        for problem in _cell_problems(cell, path.name[:2].lower()):
            yield f"{path.name}: {cell.id}: {problem}"
    yield from _picture_problems(notebook, path.name)
    for cell, following in pairwise(notebook.cells):
        question = "question" in cell.metadata.get("tags", [])
        if question and "answer" not in following.metadata.get("tags", []):
            yield f"{path.name}: {cell.id}: a question that no answer follows"


def _cell_problems(cell, prefix: str) -> Iterator[str]:
    from nbval_strict import RULES

    from ece662.exercises.regions import find_regions

    if not CELL_ID.fullmatch(cell.id) or not cell.id.startswith(f"{prefix}-"):
        yield f"expected an id that says what it is, such as {prefix}-affine-forward"
    tags = set(cell.metadata.get("tags", []))
    if not tags <= TAGS:
        yield f"unknown tags {sorted(tags - TAGS)}; known are {sorted(TAGS)}"
    if cell.metadata.keys() - {"tags", RULES, *FOLD}:
        yield "metadata of a machine: run `make notebooks`"
    if ("setup" in tags) != (cell.metadata.get("jupyter") == FOLD["jupyter"]):
        yield f"the set-up cell, and no other, has the metadata {FOLD}"
    if trace := MACHINE_TRACES.search(cell.source):
        yield f"the source names a place on one machine: {trace[0]}"
    if cell.cell_type != "code":
        return
    try:
        regions = find_regions(cell.source)
    except ValueError as error:
        yield str(error)
    else:
        if bool(regions) != ("exercise" in tags):
            yield "the tag exercise and the fill-in region go together"
    if cell.execution_count is None:
        yield "was never executed"
    yield from _rule_problems(cell)
    for output in cell.outputs:
        yield from _output_problems(output)


def _picture_problems(notebook, name: str) -> Iterator[str]:
    """Yield the pictures whose text is missing, says nothing, or is another's."""
    from nbval_strict import picture_text

    seen: dict[str, str] = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if "image/png" not in output.get("data", {}):
                continue
            text = picture_text(output).get("image/png", {}).get("alt", "")
            if len(text) < 20 or "<Figure" in text:
                yield f"{name}: {cell.id}: a picture without a text, got {text!r}"
            elif text in seen:
                yield f"{name}: {cell.id}: its picture's text is that of {seen[text]}"
            seen[text] = cell.id


def _rule_problems(cell) -> Iterator[str]:
    """Yield what is wrong with the rules for the numbers that the cell prints."""
    from nbval_strict import RULES, texts
    from number_rules import Rules

    try:
        yield from Rules(cell.metadata.get(RULES, ())).problems(texts(cell.outputs))
    except ValueError as error:
        yield str(error)


def _output_problems(output) -> Iterator[str]:
    if output.get("name") == "stderr":
        yield f"writes to stderr: {output.text.strip()[:80]!r}"
    data = output.get("data", {})
    texts = [output.get("text", "")]
    texts += [data[kind] for kind in data if not kind.startswith("image/")]
    for text in map(str, texts):
        found = MACHINE_TRACES.findall(text)
        found += re.findall(rf"\b{re.escape(platform.node() or 'nameless')}\b", text)
        if found:
            yield f"the output names a machine or a place on it: {found[0]}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
