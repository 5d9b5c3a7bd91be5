"""The terms of checks and grading: states, faults, what stops code, kinds of outputs.

Each is an enum or a small record, and code compares only those. Sentences are made
last, for people, and never compared, so rewording one changes no mark.
"""

import enum
import functools
import re
from typing import NamedTuple

__all__ = [
    "AtFault",
    "Cause",
    "How",
    "Kind",
    "Moment",
    "Output",
    "Role",
    "Status",
    "Stop",
    "Trait",
    "read_output",
]


class Status(enum.StrEnum):
    """The state of an exercise. The values are written into the records of grading."""

    PASSED = "passed"
    FAILED = "failed"
    ECHO = "echo"  # right by itself, but another exercise keeps it from passing
    NOT_WRITTEN = "not written"
    NEEDS = "needs"  # another exercise first
    MISSING = "missing"  # the file
    DAMAGED = "damaged"  # marker lines
    STOPPED = "stopped"  # a limit, or no answer
    ANSWER = "answer"  # written, and not yet read by a person
    READ = "read"
    NOT_RUN = "not run"


class Stop(enum.StrEnum):
    """Why outputs are missing."""

    NOT_IMPLEMENTED = "not-implemented"
    NEEDS = "needs"  # another exercise first
    OLD_NUMPY = "old-numpy"
    MISSING_PACKAGE = "missing-package"
    UNREADABLE = "unreadable"  # a whole file
    ENDLESS = "endless"  # a limit of time was met, or Python was ended
    MISFIT = "misfit"  # the result has another form than the docstring says
    ERROR = "error"
    OURS = "ours"  # an error without a line of the student's in its traceback


class Cause(enum.StrEnum):
    """What exactly stopped an exercise; only its sentence depends on this."""

    SAID = "said"  # the whole sentence comes from elsewhere in the package
    RAISED = "raised"  # an exception
    REPLACED = "replaced"  # a name of Python or of NumPy
    MODEL = "model"  # an exception in a framework's code, of a student's model
    SYNTAX = "syntax"
    SYNTAX_OF_TEXT = "syntax-of-text"  # that the code gives to eval or exec
    MARKERS = "markers"  # are damaged
    OLD_NAME = "old-name"  # of NumPy
    NO_NAME = "no-name"  # that the exercise should provide
    ARGUMENTS = "arguments"  # are not those that the course passes
    OTHER_OUTPUTS = "other-outputs"  # than those of the recipe
    BUILDS_ON = "builds-on"  # an exercise that is not written
    BUILDS_ON_BEGUN = "builds-on-begun"  # an exercise that is half written
    BUILDS_ON_ENDLESS = "builds-on-endless"  # an exercise that its time limit stopped
    LIMIT = "limit"  # of time
    LIMIT_ELSEWHERE = "limit-elsewhere"  # in the code of another exercise
    LIMIT_LOADING = "limit-loading"  # while a file was imported
    CRASHED = "crashed"  # compiled code, and Python with it
    KILLED = "killed"  # Python, by the system
    SIGNAL = "signal"  # another one ended Python
    EXITED = "exited"  # Python, without an answer
    NO_ANSWER = "no-answer"  # within a limit that compiled code cannot escape
    CELL_NOT_RUN = "cell-not-run"
    OURS = "ours"


class AtFault(enum.Enum):
    """Which half of a pair makes the gradients wrong."""

    FORWARD = enum.auto()
    BACKWARD = enum.auto()
    BOTH = enum.auto()


class Kind(enum.StrEnum):
    """What went wrong, unless a known mistake. The values are written into records."""

    # the form of an output
    MISSING = "missing"
    INPUT_CHANGED = "input-changed"
    NOT_SO = "not-so"
    COUNT = "count"
    TYPE = "dtype"
    SINGLE_PRECISION = "float32"
    KEPT_AXES = "kept-axes"
    BROADCAST = "broadcast"
    SHAPE = "shape"
    NOT_FINITE = "nan"
    # the situation in which it fails
    TEST_MODE = "train-only"
    LATER_STEPS = "first-step-only"
    # how the numbers differ
    SIGN = "sign"
    ZERO = "zero"
    FACTOR = "factor"
    AXES_EXCHANGED = "transposed"
    SCRAMBLED = "scrambled"
    CONSTANT_TERM = "constant-term"
    TERM_ALONG_AXIS = "term-along-axis"
    FACTOR_ALONG_AXIS = "factor-along-axis"
    PARTLY = "partly"
    ONE_NUMBER = "one-number"
    FUNCTION_OF = "function-of"
    IS_ARRAY = "is-array"
    OFF_BY_ARRAY = "off-by-array"
    PRODUCT = "product"
    STEP_ALONE = "step-alone"
    SCALED_STEP = "scaled-step"
    FACTOR_AND_TERM = "factor-and-term"
    OFF_ALONG_ARRAY = "off-along-array"
    DIFFERENT = "different"
    ONLY_WHERE = "only-where"  # in some cases, which have something in common
    # dropout
    SHARE_REVERSED = "share-reversed"
    SHARE_OF_NORMAL = "share-of-normal"
    SHARE = "share"
    SCALE = "scale"
    TEST_SCALE = "test-scale"
    BACK_KEPT = "back-kept"
    BACK_DROPPED = "back-dropped"
    LAYERS_DROPPED = "layers-dropped"
    NOT_SLOPES = "not-slopes"
    # how training went
    DIVERGED = "diverged"
    NOT_LEARNING = "not-learning"
    OVERFITTING = "overfitting"
    NOT_FAR_ENOUGH = "not-far-enough"
    # which code is at fault
    STOPPED = "error"
    FORWARD_STOPS = "forward-stops"
    FORWARD_AT_FAULT = "forward-at-fault"
    LOSS_AT_FAULT = "loss-at-fault"
    BOTH_AT_FAULT = "both-at-fault"
    NEEDS_MENDING = "needs-mending"
    # not the student's fault
    NO_SIGNATURE = "no-signature"
    OURS = "invalid"


class Trait(enum.Enum):
    """A property that some cases of a recipe have and others have not."""

    NO_PADDING = enum.auto()
    PADDING = enum.auto()
    STRIDE = enum.auto()  # more than 1
    OVERLAP = enum.auto()  # of windows
    GAPS = enum.auto()  # between windows
    WINDOW = enum.auto()  # not square
    IMAGE = enum.auto()  # not square
    ONE_IMAGE = enum.auto()
    ONE_CHANNEL = enum.auto()
    MORE_AXES = enum.auto()  # than two, in x
    ONE_AXIS = enum.auto()
    EPS = enum.auto()  # a large one
    ONE_GROUP = enum.auto()
    MORE_GROUPS = enum.auto()
    REGULARISED = enum.auto()
    MORE_LAYERS = enum.auto()  # than one hidden
    SETTINGS = enum.auto()  # are in config, in the place of the defaults
    DEFAULTS = enum.auto()  # count, as no settings are given


class How(enum.Enum):
    """How an output is judged."""

    CLOSE = enum.auto()
    AT_LEAST = enum.auto()
    REMARK = enum.auto()  # shown, without any effect on the verdict


class Role(enum.Enum):
    """What an output is for."""

    VALUE = enum.auto()  # a result of the exercise
    UNCHANGED = enum.auto()  # whether an array of the caller was left unchanged
    FORWARD = enum.auto()  # a result of the forward, in the exercise of its backward
    OWN = enum.auto()  # slopes of the student's own forward, compared with gradients
    STATE = enum.auto()  # weights, for the grader to measure the network itself
    CALLED = enum.auto()  # another exercise that was called


class Moment(enum.Enum):
    """When an output was recorded, in a recipe that calls code more than once."""

    ONCE = enum.auto()
    STEP = enum.auto()
    BATCH = enum.auto()
    TEST = enum.auto()  # mode "test", after training


class Output(NamedTuple):
    """What the name of an output in a recipe means."""

    role: Role
    of: str  # the array or number: "dx"
    moment: Moment = Moment.ONCE
    number: int = 0  # of the step or batch


_ROLES = (
    (Role.UNCHANGED, re.compile(r"(.+) unchanged")),
    (Role.FORWARD, re.compile(r"forward's (.+)")),
    (Role.OWN, re.compile(r"own (.+)")),
    (Role.STATE, re.compile(r"state (.+)")),
    (Role.CALLED, re.compile(r"called (.+)")),
)
_MOMENTS = (
    (Moment.STEP, re.compile(r"(.+) after step (\d+)")),
    (Moment.BATCH, re.compile(r"(.+) of batch (\d+)")),
    (Moment.TEST, re.compile(r"(.+) in test mode(?:, after a step)?()")),
)


@functools.lru_cache(maxsize=1000)
def read_output(name: str) -> Output:
    """Parse the name of an output; nothing else does.

    "x unchanged", "forward's out", "own dx", "state W1" and "called adam" name a role;
    "w after step 2", "out of batch 2" and "out in test mode" a moment. All others are
    plain values.
    """
    for role, form in _ROLES:
        if found := form.fullmatch(name):
            return Output(role, found[1])
    for moment, form in _MOMENTS:
        if found := form.fullmatch(name):
            return Output(Role.VALUE, found[1], moment, int(found[2] or 0))
    return Output(Role.VALUE, name)
