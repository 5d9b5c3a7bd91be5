"""What a summary says of a mistake: sentences of ours alone.

The message in a student's own report may come from their process, which can send any
text under any kind. A summary shows one sentence for all who made a mistake, so none of
them may write it.
"""

import functools

from course.mistakes import all_mistakes
from ece662.check.terms import Stop

__all__ = ["sentence_of"]

# By diagnosis. What has none is shown by its name alone.
GENERAL = {
    Stop.OLD_NUMPY.value: "It uses what NumPy 2 no longer has.",
    Stop.MISSING_PACKAGE.value: "It needs a package that is not there.",
    Stop.NEEDS.value: "It builds on an exercise that is not written yet.",
    Stop.MISFIT.value: "What it returns is not of the form that was asked for.",
    Stop.ERROR.value: "The code stopped with an exception.",
    "both-at-fault": "Neither the gradient nor its forward is right.",
    "broadcast": "The shape is not the right one: broadcasting would hide that.",
    "constant-term": "The numbers are off by a constant.",
    "damaged": "The marker lines are damaged.",
    "died": "The process ended without an answer.",
    "different": "The numbers are wrong in a way that has no name here.",
    "diverged": "The loss grew beyond all bounds.",
    "dtype": "The numbers are of another type (dtype).",
    "factor": "The numbers are off by a factor.",
    "factor-along-axis": "The numbers are off by a factor along one axis.",
    "first-step-only": "The first step is right, later ones are not.",
    "float32": "The numbers are right to seven digits, as in float32.",
    "forward-at-fault": "The gradient is that of a forward which is not right.",
    "forward-stops": "The forward that it needs stops with an exception.",
    "input-changed": "It writes into an array that it was given.",
    "invalid": "What came back is no answer.",
    "judge-stopped": "What came back could not be judged.",
    "kept-axes": "The numbers are right, and have axes too many or too few.",
    "loss-at-fault": "The gradients are those of a loss that is not right.",
    "memory": "It took too much memory.",
    "missing": "Something that it should return or keep is not there.",
    "nan": "Some numbers are not finite.",
    "needs-mending": "It builds on an exercise that is not right yet.",
    "not-far-enough": "It learned, but not as far as was asked for.",
    "not-learning": "The loss did not fall.",
    "no-signature": "What it should give is not known.",
    "not-so": "A fact that the exercise asks for does not hold.",
    "ours": "The check itself failed, which is our mistake.",
    "overfitting": "It gets the training pictures right, but not new ones.",
    "partly": "Some of the numbers are right.",
    "raised": "The code stopped with an exception.",
    "scale": "What dropout keeps is scaled wrongly.",
    "scrambled": "The numbers are the right ones, in other places.",
    "share": "Dropout keeps another share than p.",
    "share-of-normal": "Dropout draws normal numbers instead of uniform ones.",
    "share-reversed": "Dropout keeps what it should drop.",
    "shape": "The shape is not the right one.",
    "sign": "The sign is wrong everywhere.",
    "size": "What it returned is too large.",
    "syntax": "Python cannot read the code.",
    "term-along-axis": "The numbers are off by a term along one axis.",
    "test-scale": "Dropout scales in test mode.",
    "time": "It took too long.",
    "train-only": "It is right in training, and not in test mode.",
    "transposed": "The axes are exchanged.",
    "zero": "The numbers are zero everywhere.",
}


def sentence_of(exercise: str, diagnosis: str) -> str:
    """Return the sentence on a mistake; "" where there is none.

    Args:
        exercise: its id.
        diagnosis: as in a mark.
    """
    return _known().get((exercise, diagnosis)) or GENERAL.get(diagnosis, "")


@functools.cache
def _known() -> dict[tuple[str, str], str]:
    return {(known.exercise, known.id): known.says for known in all_mistakes()}
