"""``ece662-staff autograder``: make the zip that Gradescope grades with."""

import argparse
from pathlib import Path

from course.grade.gradescope import write_autograder
from course.grade.secret import Secret, secret_text

__all__ = ["HELP", "configure", "run"]

HELP = "make an autograder for Gradescope"


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments."""
    parser.add_argument(
        "--out", type=Path, required=True, metavar="ZIP", help="the zip to write"
    )
    parser.add_argument(
        "--secret",
        metavar="HEX",
        type=secret_text,
        help="of the hidden inputs: 32 hexadecimal digits, drawn where not given",
    )
    parser.add_argument(
        "--skip-training",
        action="store_true",
        help="leave out the notebooks' cells, which take most of the time",
    )
    parser.add_argument(
        "--trust-submissions",
        action="store_true",
        help="also run them where the container allows no sandbox",
    )


def run(args: argparse.Namespace) -> int:
    """Write the zip."""
    secret = Secret(args.secret) if args.secret else Secret.draw()
    count = write_autograder(
        args.out, secret, args.trust_submissions, not args.skip_training
    )
    print(f"{args.out}: {count} files; upload it as the autograder")
    return 0
