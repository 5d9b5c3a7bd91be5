"""``ece662-staff autograder``: make the zip that Gradescope grades with."""

import argparse
from pathlib import Path

from course.commands._arguments import add_grading_arguments
from course.grade.gradescope import write_autograder
from course.grade.secret import Secret

__all__ = ["HELP", "configure", "run"]

HELP = "make an autograder for Gradescope"


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments."""
    parser.add_argument(
        "--out", type=Path, required=True, metavar="ZIP", help="the zip to write"
    )
    add_grading_arguments(parser, "also run them where the container allows no sandbox")


def run(args: argparse.Namespace) -> int:
    """Write the zip."""
    secret = Secret(args.secret) if args.secret else Secret.draw()
    count = write_autograder(
        args.out, secret, args.trust_submissions, not args.skip_training
    )
    print(f"{args.out}: {count} files; upload it as the autograder")
    return 0
