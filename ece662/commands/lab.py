"""``ece662 lab``: open JupyterLab on the notebooks."""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import ece662
from ece662.commands import frameworks

__all__ = [
    "HELP",
    "OTHER_ARGUMENTS",
    "configure",
    "find_notebooks",
    "first_notebook",
    "run",
]

HELP = "open the notebooks in JupyterLab"
OTHER_ARGUMENTS = True

# Lab asks at its first start whether it may fetch news, over the notebook. No argument
# answers that: the settings that it begins with do, below a folder of configuration.
QUIET = {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false"}}
FRESH = 120  # seconds within which a copy of the course is written

DESCRIPTION = """\
Open JupyterLab on the notebook that you saved last, or on Q1: in the folder you are in,
else in the one that came with ece662. All other arguments are JupyterLab's own, such as

  ece662 lab --no-browser --port 8899     on a computer you are logged in to
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command; every argument is JupyterLab's."""
    parser.usage = "ece662 lab [-h] [JUPYTERLAB ARGUMENTS]"
    parser.description = DESCRIPTION
    parser.formatter_class = argparse.RawDescriptionHelpFormatter


def run(args: argparse.Namespace) -> int:
    """Start JupyterLab and stay until it ends."""
    try:
        from jupyterlab.labapp import main as jupyterlab
    except ImportError as error:
        print(
            f"ece662 lab: JupyterLab cannot be started here ({error}). Install it with "
            f"'{sys.executable} -m pip install jupyterlab', or use 'make lab'.",
            file=sys.stderr,
        )
        return 1
    notebooks = find_notebooks(Path.cwd())
    if notebooks is not None and (said := frameworks.offer(notebooks.parent)):
        print(said)
    with without_news():
        return jupyterlab(arguments(Path.cwd(), args.others)) or 0


@contextmanager
def without_news() -> Iterator[None]:
    """Let JupyterLab begin with settings that answer its question about news."""
    with tempfile.TemporaryDirectory() as folder:
        labconfig = Path(folder, "labconfig")
        labconfig.mkdir()
        path = labconfig / "default_setting_overrides.json"
        path.write_text(json.dumps(QUIET), encoding="utf-8")
        others = os.environ.get("JUPYTER_CONFIG_PATH")
        os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join(
            filter(None, [others, folder])
        )
        try:
            yield
        finally:
            os.environ.pop("JUPYTER_CONFIG_PATH")
            if others is not None:
                os.environ["JUPYTER_CONFIG_PATH"] = others


def arguments(folder: Path, others: list[str]) -> list[str]:
    """Build JupyterLab's arguments for someone who works in ``folder``.

    The file browser starts at the notebooks, and can go up from there to the package,
    where half of the exercises are. A notebook is open.
    """
    notebooks = find_notebooks(folder)
    if notebooks is None:
        print(f"No notebooks found; opening {folder}.")
        return [f"--ServerApp.root_dir={folder}", *others]
    first = f"{notebooks.name}/{first_notebook(notebooks).name}"
    return [
        f"--ServerApp.root_dir={notebooks.parent}",
        f"--LabApp.default_url=/lab/tree/{first}",
        *others,
    ]


def first_notebook(notebooks: Path) -> Path:
    """Return the notebook to open: the one saved last, or the first in a fresh copy.

    Files of a fresh copy were written at about the same time.
    """
    paths = sorted(notebooks.glob("Q*.ipynb"))
    times = {path: path.stat().st_mtime for path in paths}
    newest = max(paths, key=times.__getitem__)
    is_fresh = times[newest] - min(times.values()) < FRESH
    return paths[0] if is_fresh else newest


def find_notebooks(folder: Path) -> Path | None:
    """Return the folder of notebooks nearest to ``folder``, else the package's own."""
    own = Path(ece662.__file__).resolve().parents[1]
    for parent in (folder, *folder.parents, own):
        if any((parent / "notebooks").glob("Q*.ipynb")):
            return parent / "notebooks"
    return None
