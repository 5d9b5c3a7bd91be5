"""Checks: is an exercise right and, if not, what happened?

    check("affine_forward")    one exercise
    check("Q2")                all of a notebook
    check()                    everything
    hint("affine_forward")     the idea; once more, the formula; then the code's shape

Beside the exercises there are questions with feedback at once: `self_test`, and
`predict` before an experiment with `outcome` behind it (`questions`).

An exercise goes through four hands, each of them a module: a *recipe* tries the
student's code and returns arrays (`recipes`, `running`); `judging` compares them with
what is expected; `diagnosing` says whose fault it is, and names the mistake or
else the kind of difference; `rendering` shows it. What is found is facts, out of which
`wording` makes the sentences. Grading uses the same four, with other inputs.

**What an exercise merely needs.** Nothing here holds a layer to put in the place of one
that a student has not written: whoever can read a trusted copy has the answer. Instead
no exercise asks for more than it runs. A recipe calls the student's own pieces; where
it meets the stub of another exercise the verdict is not "wrong" but "do that one
first", and where a piece that it builds on is wrong, the verdict says which. So the
order is free wherever the code leaves it free: a convolution needs no affine layer, Q2
none of Q1's update rules, and no backward is judged by a foreign cache.
"""

from ece662.check.code import make_code
from ece662.check.diagnosing import Diagnosis, Known, diagnose
from ece662.check.front import check
from ece662.check.hints import hint
from ece662.check.judging import Comparison, Verdict, judge
from ece662.check.questions import outcome, predict, self_test
from ece662.check.rendering import render
from ece662.check.running import Run, run

__all__ = [
    "Comparison",
    "Diagnosis",
    "Known",
    "Run",
    "Verdict",
    "check",
    "diagnose",
    "hint",
    "judge",
    "make_code",
    "outcome",
    "predict",
    "render",
    "run",
    "self_test",
]
