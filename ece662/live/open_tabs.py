"""Is a file open in a tab of JupyterLab? What is unsaved there is not in the file.

A kernel cannot see what stands in a tab. But JupyterLab keeps a list of its open tabs
in a file, its workspace, which it renews a moment after one is opened or closed.
"""

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

__all__ = ["is_open", "warning"]


def is_open(file: Path) -> bool:
    """True where a workspace of JupyterLab lists the file among its open tabs."""
    where = f"/{file.resolve().as_posix().lstrip('/')}"
    return any(where.endswith(f"/{path.lstrip('/')}") for path in _open_paths())


def warning(root: Path, names: Iterable[str]) -> str:
    """Return a sentence on files that were just written; "" where no tab shows one.

    Args:
        root: the course's folder.
        names: of the files, from there.
    """
    found = [name for name in names if is_open(root / name)]
    if not found:
        return ""
    one = len(found) == 1
    is_, tab = ("is", "a tab") if one else ("are", "tabs")
    old, menu = ("The tab", "its menu") if one else ("A tab", "the menu")
    return (
        f"{', '.join(found)} {is_} open in {tab} of JupyterLab. {old} may still hold "
        "the old text, or lines that you have not saved, which are not in the file: "
        f"copy what you need of them, then choose Reload from Disk in {menu} File. Do "
        "not save the tab before."
    )


def _open_paths() -> Iterator[str]:
    """Yield the paths of all open tabs, relative to the folders that are served."""
    for workspace in sorted(_workspaces().glob("*.jupyterlab-workspace")):
        try:
            tabs = json.loads(workspace.read_text("utf-8"))["data"].values()
            found = [tab["data"]["path"] for tab in tabs if _is_document(tab)]
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue  # half written, or of another version: it lists nothing for us
        yield from found


def _is_document(tab) -> bool:
    data = tab.get("data") if isinstance(tab, dict) else None
    return isinstance(data, dict) and isinstance(data.get("path"), str)


def _workspaces() -> Path:
    """Return the folder of JupyterLab's workspaces, as JupyterLab finds it."""
    folder = os.environ.get("JUPYTERLAB_WORKSPACES_DIR")
    if folder:
        return Path(folder)
    from jupyter_core.paths import jupyter_config_dir

    return Path(jupyter_config_dir(), "lab", "workspaces")
