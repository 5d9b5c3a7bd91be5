"""``ece662-staff grade``: grade a class."""

import argparse
import signal
import sys
from pathlib import Path

from course.commands._arguments import add_grading_arguments
from course.grade.alone import alone_in
from course.grade.intake.handins import Attempts
from course.grade.reports import losses_in, write_reports
from course.grade.run import ATTEMPTS, RECORDS, GradingError, grade_class
from course.sandbox.check import NoWallsError

__all__ = ["HELP", "configure", "run"]

HELP = "grade a folder of submissions"

TRUST = (
    "Grading is refused here, because a submission could read the answers, other "
    "submissions and your own files. Where every one of them is trusted, "
    "--trust-submissions goes on all the same."
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments."""
    parser.add_argument(
        "submissions",
        type=Path,
        help="a folder with a folder or a zip for each student",
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="where the reports go"
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on with the run in DIR"
    )
    parser.add_argument(
        "--points",
        type=Path,
        action="append",
        default=[],
        metavar="TABLE",
        help="more points for answers, a .csv or .xlsx, beside DIR/answers/points.csv",
    )
    parser.add_argument(
        "--course",
        type=Path,
        metavar="TOML",
        help="deadline, list of students, weights ... (DIR/course.toml)",
    )
    parser.add_argument(
        "--attempts",
        type=Attempts,
        choices=list(Attempts),
        help="which counts of a student's: the last one (where not given), or the best",
    )
    parser.add_argument(
        "--workers", type=int, metavar="N", help="processes (one for each core)"
    )
    parser.add_argument(
        "--scheduler", metavar="ADDRESS", help="a Dask cluster to grade on"
    )
    add_grading_arguments(parser, "run them without a sandbox where there is none")


def run(args: argparse.Namespace) -> int:
    """Grade; return 1, and say why, where that cannot be done or was not complete."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        with alone_in(args.out, new=not args.resume):
            count = _graded(args)
            complaints = write_reports(args.out, *args.points, course=args.course)
    except NoWallsError as error:
        print(f"ece662-staff grade: {error}\n{TRUST}", file=sys.stderr)
        return 1
    except (GradingError, OSError) as error:
        print(f"ece662-staff grade: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as stop:
        print(_stopped(args.out), file=sys.stderr)
        return 143 if isinstance(stop, _Terminated) else 130
    losses, noted = losses_in(args.out)
    notes = f", {noted} with files that are missing or ignored" if noted else ""
    print(f"{count} submissions{notes}: see {args.out / 'summary.html'}", flush=True)
    for line in (*complaints, *losses):
        print(f"ece662-staff grade: {line}", file=sys.stderr)
    return 1 if complaints or losses else 0


def _graded(args: argparse.Namespace) -> int:
    return grade_class(
        args.submissions,
        args.out,
        secret=args.secret,
        resume=args.resume,
        trusted=args.trust_submissions,
        training=not args.skip_training,
        attempts=args.attempts,
        workers=args.workers,
        scheduler=args.scheduler,
        quiet=not sys.stderr.isatty(),
    )


class _Terminated(KeyboardInterrupt):
    """The run was asked to end, by its system say: it ends as with Ctrl-C."""


def _terminate(number, frame):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough
    raise _Terminated


def _stopped(out: Path) -> str:
    kept = len([*(out / RECORDS).glob("[!.]*.json")])
    kept += len([*(out / ATTEMPTS).glob("*/[!.]*.json")])
    return f"Stopped. {kept} submissions are graded and kept: --resume goes on."
