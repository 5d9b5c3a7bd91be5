"""``ece662-staff release``: make the students' copy of the course."""

import argparse
import sys
from pathlib import Path

from course.release import PLACE, REF, make_release, pack

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


def run(args: argparse.Namespace) -> int:
    """Make the copy; return 1, and say why, where that cannot be done."""
    out = args.out.resolve()
    try:
        files = make_release(ROOT, out, args.repo, args.ref)
        print(f"{out}: {len(files)} files for students")
        if args.zip:
            archive = out.with_name(f"{out.name}.zip")
            pack(out, archive)
            print(f"{archive}: the same, packed")
    except (OSError, ValueError) as error:
        print(f"ece662-staff release: {error}", file=sys.stderr)
        return 1
    if args.repo == PLACE:
        print(
            f"The links to Colab name {PLACE}; --repo OWNER/NAME lets them lead to the "
            "repository that you publish."
        )
    return 0
