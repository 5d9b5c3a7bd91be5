"""The same grader on Gradescope: its autograder zip, and its results.json.

    python -m course.grade.gradescope SUBMISSION RESULTS [--trust-submissions]

is called by the zip's `run_autograder`, with this repository beside it. Gradescope runs
each submission in its own container; whether a sandbox works inside it is tested there,
as everywhere. Without a sandbox nothing runs, unless submissions are trusted.
"""

import argparse
import json
import stat
import sys
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from course.grade.reports.pages import WORDS
from course.grade.run import write_whole
from course.grade.secret import Secret
from course.grade.text import printable
from course.grade.workers.worker import Setup, grade, take
from course.sandbox.check import NoWallsError
from ece662._files import writing
from ece662.check.terms import Status
from ece662.exercises import EXERCISES

__all__ = ["main", "results_of", "write_autograder"]

COUNTS = (Status.PASSED, Status.ECHO)  # they get all points
ROOT = Path(__file__).resolve().parents[2]
# The folders of the repository that the grader needs.
# A dot folder that the release ships goes in too: grading makes a release there.
PACKED = (".devcontainer", "course", "docs", "ece662", "notebooks", "scripts")
BINARY = {".so", ".pyc"}
SECRET_FILE = "secret.txt"  # in the zip, which students do not see

SETUP = """\
#!/usr/bin/env bash
# Gradescope runs this once, when it builds the image.
set -euo pipefail
apt-get update -qq
apt-get install -qq -y --no-install-recommends bubblewrap python3-pip python3-venv
cd /autograder/source
if python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    python3 -m venv /autograder/venv
else # the image is older than the course: uv fetches a Python
    python3 -m venv /autograder/uv
    /autograder/uv/bin/python -m pip install -q uv
    export UV_PYTHON_INSTALL_DIR=/autograder/python
    /autograder/uv/bin/uv venv -q --seed --python 3.12 /autograder/venv
fi
/autograder/venv/bin/python -m pip install -q -c constraints.txt . ipython
"""
# Gradescope puts the script beside the folders that it names.
RUN = """\
#!/usr/bin/env bash
# Gradescope runs this for each submission.
root=$(dirname "$(readlink -f "$0")")
cd "$root/source"
"$root/venv/bin/python" -m course.grade.gradescope \\
    "$root/submission" "$root/results/results.json" \\
    --secret-file "$root/source/secret.txt" {options}
"""


def write_autograder(
    path: Path, secret: Secret, trusted: bool, training: bool = True
) -> int:
    """Write the zip for Gradescope's autograder; return the number of its files.

    Args:
        path: of the zip.
        secret: the secret of each submission is derived from it.
        trusted: run submissions also without a sandbox.
        training: also the notebooks' cells.
    """
    options = "--trust-submissions" * trusted
    options += " --skip-training" * (not training)
    files = [path for path in ROOT.iterdir() if path.is_file()]
    for name in PACKED:
        files += [path for path in (ROOT / name).rglob("*") if path.is_file()]
    kept = [
        file
        for file in sorted(files)
        if file.suffix not in BINARY and not file.relative_to(ROOT).match(".git")
    ]
    with (
        writing(path) as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        _write(archive, "setup.sh", SETUP)
        _write(archive, "run_autograder", RUN.format(options=options.strip()))
        _write(archive, SECRET_FILE, secret.text + "\n", mode=0o600)
        for source in kept:
            archive.write(source, source.relative_to(ROOT).as_posix())
    return len(kept) + 3


def _write(archive: zipfile.ZipFile, name: str, text: str, mode: int = 0o755) -> None:
    entry = zipfile.ZipInfo(name)
    entry.create_system = 3
    entry.external_attr = (stat.S_IFREG | mode) << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, text)


def results_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a student's record in Gradescope's form."""
    notebooks = {exercise.id: exercise.notebook for exercise in EXERCISES}
    tests = [
        {
            "name": f"{notebooks[mark['exercise']]}: {mark['exercise']}",
            "score": mark["points"],
            "max_score": mark["of"],
            "status": "passed" if mark["status"] in COUNTS else "failed",
            "output": printable("\n".join(filter(None, _lines_of(mark)))),
            "output_format": "text",
            "visibility": "visible",
        }
        for mark in record["marks"]
        if mark["status"] not in (Status.ANSWER, Status.NOT_RUN)
    ]
    return {
        "score": sum(test["score"] for test in tests),
        "output": printable("\n".join(record["notes"])),
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": tests,
    }


def _lines_of(mark: Mapping[str, Any]) -> Sequence[str]:
    first = WORDS[mark["status"]], mark["message"], mark["question"]
    return [*first, *mark["details"]]


def main(argv: Sequence[str] | None = None) -> int:
    """Grade one submission; errors are written into the results, too."""
    parser = argparse.ArgumentParser(prog="python -m course.grade.gradescope")
    parser.add_argument("submission", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("--secret-file", type=Path, required=True)
    parser.add_argument("--skip-training", action="store_true")
    parser.add_argument("--trust-submissions", action="store_true")
    args = parser.parse_args(argv)
    submission = take(args.submission)
    whole = Secret(args.secret_file.read_text("utf-8").strip())
    # Different inputs for each submission, but the same when it is graded again.
    secret = whole.of(f"submission/{submission.digest}").text
    print(f"secret of this submission: {secret}")  # which only staff can see
    setup = Setup(secret, args.trust_submissions, not args.skip_training)
    try:
        results = results_of(grade(setup, submission))
    except Exception as error:
        # Without a results file, Gradescope shows only that the autograder failed.
        kind = "" if isinstance(error, NoWallsError) else f"{type(error).__name__}: "
        print(f"{kind}{error}", file=sys.stderr)
        message = "This could not be graded: please tell your teacher."
        results = {"score": 0, "output": message, "visibility": "visible"}
    write_whole(args.results, json.dumps(results, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
