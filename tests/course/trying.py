"""Try code against the check of an exercise, as a student's check does."""

from ece662.check.code import make_code
from ece662.check.examining import examine
from ece662.check.running import inputs_of, run
from ece662.check.signatures import signature_of

__all__ = ["try_code"]


def try_code(exercise, functions):
    """Return the verdict on some functions or classes by name, and the diagnosis."""
    tried, inputs = run(exercise, make_code(functions)), inputs_of(exercise)
    return examine(exercise, tried, inputs, signature_of(exercise), lambda need: None)
