"""The sentences for problems: one for each cause, filled in with the facts."""

from collections import defaultdict
from collections.abc import Mapping

from ece662.check.terms import Cause

__all__ = ["problem_words"]

SENTENCES = {
    Cause.SAID: "{says}",
    Cause.RAISED: "Your code stopped{where}: {error} {meaning}",
    Cause.REPLACED: (
        "Your code gives {names} of Python or NumPy another value, and everything that "
        "uses it stops: take another name for yours."
    ),
    Cause.MODEL: "Your model stopped{where}: {error} {meaning}",
    Cause.SYNTAX: "Python cannot read {where}: {error} {meaning}",
    Cause.SYNTAX_OF_TEXT: (
        "Your code stopped{where}: the text that it lets Python run is no Python: "
        "{error} {meaning}"
    ),
    Cause.MARKERS: "A marker line is damaged: {error}",
    Cause.OLD_NAME: "NumPy 2 no longer has `{old}`{where}: write {new} instead.",
    Cause.NO_NAME: "There is no {name} yet.",
    Cause.ARGUMENTS: (
        "It does not take the arguments that the course gives it: {error}{where} "
        "{meaning}"
    ),
    Cause.OTHER_OUTPUTS: "The outputs are not those of the exercise ({error}).",
    Cause.BUILDS_ON: (
        "This builds on {other} ({notebook}), which is not written yet: do that one "
        "first."
    ),
    Cause.BUILDS_ON_BEGUN: "This builds on {other} ({notebook}): {says}",
    Cause.BUILDS_ON_ENDLESS: (
        "This builds on {other}, which was stopped: mend that first."
    ),
    Cause.LIMIT: (
        "Stopped after {seconds} seconds{where}: does a loop there never end?"
    ),
    Cause.LIMIT_ELSEWHERE: (
        "Stopped after {seconds} seconds{where}: does a loop in {other} never end? "
        "Mend that one first."
    ),
    Cause.LIMIT_LOADING: (
        "Stopped after {seconds} seconds{where}, which is run when the file is loaded."
    ),
    Cause.CRASHED: (
        "Your code ended Python itself{where}: compiled code crashed ({signal}). A "
        "recursion without end does that, or compiled code that is given memory it may "
        "not use. Comment that line out, and see what changes."
    ),
    Cause.KILLED: (
        "The system ended Python{where} (SIGKILL), as it does where memory runs out: "
        "how large do the arrays in your code get?"
    ),
    Cause.SIGNAL: "A signal ended Python while this was checked{where} ({signal}).",
    Cause.EXITED: (
        "Your code ended Python itself{where}, with the exit code {code}: take out "
        "what exits, and return a result."
    ),
    Cause.NO_ANSWER: (
        "The check did not finish within {seconds} seconds{where}: something there "
        "never ends, and cannot be interrupted."
    ),
    Cause.CELL_NOT_RUN: 'Run its cell in {notebook}, then check("{exercise}") there.',
    Cause.OURS: "{error}",
}


def problem_words(cause: Cause, facts: Mapping[str, str]) -> str:
    """Return the sentence for a problem.

    Args:
        cause: which sentence.
        facts: the values in the sentence, by name. A missing one is left out: a
            submission may send anything.
    """
    return SENTENCES[cause].format_map(defaultdict(str, facts)).strip()
