"""Print the lowest versions that pyproject.toml promises, as constraints for pip.

    python scripts/oldest_versions.py [EXTRA ...]

Without EXTRA those of the package and of all extras.
"""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def oldest(extras: list[str]) -> dict[str, str]:
    """Return {package: version}: the bounds of the package and of some extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    optional = project["optional-dependencies"]
    lines, waiting, seen = (
        list(project["dependencies"]),
        list(extras or optional),
        set(),
    )
    while waiting:
        extra = waiting.pop()
        if extra in seen:
            continue
        seen.add(extra)
        for line in optional[extra]:
            own = re.fullmatch(r"ece662\[(.+)\]", line)
            waiting += own.group(1).split(",") if own else []
            lines += [] if own else [line]
    return dict(_bound(line) for line in lines)


def _bound(line: str) -> tuple[str, str]:
    found = re.fullmatch(r"([\w.-]+)>=([\w.]+)\s*(;.*)?", line)
    if found is None:
        raise ValueError(f"expected a requirement like 'name>=1.2', got {line!r}")
    return found.group(1), found.group(2)


if __name__ == "__main__":
    for name, version in sorted(oldest(sys.argv[1:]).items()):
        print(f"{name}=={version}")
