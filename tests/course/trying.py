"""Try code against the check of an exercise, as a student's check does."""

from ece662.check.code import make_code
from ece662.check.diagnosing import diagnose
from ece662.check.judging import judge
from ece662.check.running import run
from ece662.check.signatures import signature_of

__all__ = ["try_code"]


def try_code(exercise, functions):
    """Return the verdict on some functions or classes by name, and the diagnosis."""
    signature = signature_of(exercise)
    outputs, problems = run(exercise, make_code(functions))
    verdict = judge(exercise, outputs, signature.expected, problems, signature.accepted)
    return verdict, diagnose(
        exercise, outputs, signature.expected, verdict, signature.known
    )
