"""``ece662-staff release``: make the students' copy of the course."""

import argparse
import shutil
import sys
import zipfile
from pathlib import Path

from course.changes import changes_between
from course.release import PLACE, REF, make_release, pack
from ece662._files import write_file
from ece662.commands.releases import read_release

__all__ = ["HELP", "configure", "run"]

HELP = "make the students' copy, without solutions"

ROOT = Path(__file__).resolve().parents[2]


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments."""
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="a new or empty folder"
    )
    parser.add_argument(
        "--zip", action="store_true", help="pack it as well, into DIR.zip beside it"
    )
    parser.add_argument(
        "--repo",
        default=PLACE,
        metavar="OWNER/NAME",
        help="where on GitHub it will be published: links and Colab lead there",
    )
    parser.add_argument(
        "--ref", default=REF, help=f"the branch or tag there ({REF} where not given)"
    )
    parser.add_argument(
        "--changes-from",
        metavar="OLD",
        help="an earlier release, a zip or a folder: say what has changed since",
    )
    parser.add_argument(
        "--breaking",
        action="store_true",
        help="release also what may make finished work fail",
    )


def _announce(out: Path, earlier: dict[str, bytes], may_break: bool) -> bool:
    """Write what has changed; take the release back where it may not break anything."""
    changes = changes_between(earlier, read_release(str(out)))
    if changes.breaking and not may_break:
        shutil.rmtree(out)
        print("ece662-staff release: finished work may fail:", file=sys.stderr)
        for line in changes.breaking:
            print(f"  {line}", file=sys.stderr)
        print("Nothing was released; --breaking does, and says so.", file=sys.stderr)
        return False
    path = out.with_name(f"{out.name}-changes.md")
    write_file(path, changes.as_text())
    print(f"{path}: what has changed, for the announcement")
    return True


def run(args: argparse.Namespace) -> int:
    """Make the copy; return 1, and say why, where that cannot be done."""
    out = args.out.resolve()
    try:
        earlier = read_release(args.changes_from) if args.changes_from else None
        files = make_release(ROOT, out, args.repo, args.ref)
        if earlier is not None and not _announce(out, earlier, args.breaking):
            return 1
        print(f"{out}: {len(files)} files for students")
        if args.zip:
            archive = out.with_name(f"{out.name}.zip")
            pack(out, archive)
            print(f"{archive}: the same, packed")
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        print(f"ece662-staff release: {error}", file=sys.stderr)
        return 1
    if args.repo == PLACE:
        print(
            f"The links to Colab name {PLACE}; --repo OWNER/NAME lets them lead to the "
            "repository that you publish."
        )
    return 0
