"""Arguments that more than one command has."""

import argparse

from course.grade.secret import secret_text

__all__ = ["add_grading_arguments"]


def add_grading_arguments(parser: argparse.ArgumentParser, trust_help: str) -> None:
    """Add --secret, --skip-training and --trust-submissions.

    Args:
        parser: of the command.
        trust_help: what --trust-submissions does there.
    """
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
    parser.add_argument("--trust-submissions", action="store_true", help=trust_help)
