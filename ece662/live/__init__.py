"""What a running notebook gets: edited files, readable errors, limits of time, magics.

`reloading` is the entry; `import ece662` loads it and nothing else of this folder.
"""

from ece662.live.reloading import (
    ReloadReport,
    is_as_loaded,
    problem_of,
    refresh,
    reload,
    running_shell,
)

__all__ = [
    "ReloadReport",
    "is_as_loaded",
    "problem_of",
    "refresh",
    "reload",
    "running_shell",
]
