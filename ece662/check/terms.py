"""What checks and grading speak of: states, faults, what stops code, what an output is.

All of it is an enum or a small record, and code looks at nothing else. Sentences are
for people: they are made last and never compared, so rewording one changes no mark.
"""

import enum
import functools
import re
from typing import NamedTuple

__all__ = [
    "Cause",
    "Fault",
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
    """The state that an exercise is in. The values stand in records of grading."""

    PASSED = "passed"
    FAILED = "failed"
    ECHO = "echo"  # right by itself: another exercise is what keeps it from passing
    NOT_WRITTEN = "not written"
    NEEDS = "needs"  # another exercise first
    MISSING = "missing"  # the file
    DAMAGED = "damaged"  # marker lines
    STOPPED = "stopped"  # a limit, or no answer
    ANSWER = "answer"  # written, and waits for a person to read it
    READ = "read"
    NOT_RUN = "not run"


class Stop(enum.StrEnum):
    """Why there are no outputs, or not all."""

    NOT_IMPLEMENTED = "not-implemented"
    NEEDS = "needs"  # another exercise first
    OLD_NUMPY = "old-numpy"
    MISSING_PACKAGE = "missing-package"
    UNREADABLE = "unreadable"  # a whole file
    ENDLESS = "endless"  # a limit of time was met
    MISFIT = "misfit"  # of another form than asked for
    ERROR = "error"
    OURS = "ours"  # no line of the student's is in it


class Cause(enum.StrEnum):
    """What exactly stopped an exercise; only its words depend on this."""

    SAID = "said"  # its words come from elsewhere in the package, whole
    RAISED = "raised"  # an exception
    SYNTAX = "syntax"
    MARKERS = "markers"  # are damaged
    OLD_NAME = "old-name"  # of NumPy
    NO_NAME = "no-name"  # that the exercise should provide
    ARGUMENTS = "arguments"  # are not those that the course passes
    OTHER_OUTPUTS = "other-outputs"  # nothing can be derived from them
    BUILDS_ON = "builds-on"  # what is not written
    BUILDS_ON_ENDLESS = "builds-on-endless"  # what its limit of time stopped
    LIMIT = "limit"  # of time
    LIMIT_ELSEWHERE = "limit-elsewhere"  # in the code of another exercise
    LIMIT_LOADING = "limit-loading"  # while a file was imported
    CELL_NOT_RUN = "cell-not-run"
    OURS = "ours"


class Fault(enum.Enum):
    """Which half of a pair makes a backward's outputs wrong."""

    FORWARD = enum.auto()
    BACKWARD = enum.auto()
    BOTH = enum.auto()


class Kind(enum.StrEnum):
    """What went wrong, where it is no known mistake. The values stand in records."""

    # how a thing is built
    MISSING = "missing"
    INPUT_CHANGED = "input-changed"
    NOT_SO = "not-so"
    TYPE = "dtype"
    SINGLE_PRECISION = "float32"
    KEPT_AXES = "kept-axes"
    BROADCAST = "broadcast"
    SHAPE = "shape"
    NOT_FINITE = "nan"
    # in which situation it fails
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
    DIFFERENT = "different"
    ONLY_WHERE = "only-where"  # in some cases, which have something in common
    # dropout, fact by fact
    SHARE_REVERSED = "share-reversed"
    SHARE_OF_NORMAL = "share-of-normal"
    SHARE = "share"
    SCALE = "scale"
    TEST_SCALE = "test-scale"
    # how training went
    DIVERGED = "diverged"
    NOT_LEARNING = "not-learning"
    OVERFITTING = "overfitting"
    NOT_FAR_ENOUGH = "not-far-enough"
    # whose fault it is
    STOPPED = "error"
    FORWARD_STOPS = "forward-stops"
    FORWARD_AT_FAULT = "forward-at-fault"
    LOSS_AT_FAULT = "loss-at-fault"
    BOTH_AT_FAULT = "both-at-fault"
    NEEDS_MENDING = "needs-mending"
    # nobody's fault who wrote the exercise
    NO_SIGNATURE = "no-signature"
    OURS = "invalid"


class Trait(enum.Enum):
    """What a case of a recipe has that others have not."""

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


class How(enum.Enum):
    """How an output is judged."""

    CLOSE = enum.auto()
    AT_LEAST = enum.auto()
    REMARK = enum.auto()  # reported, never held against anybody


class Role(enum.Enum):
    """What an output is for."""

    VALUE = enum.auto()  # what the exercise computes
    UNCHANGED = enum.auto()  # whether an array of the caller was left alone
    FORWARD = enum.auto()  # of the other half of a pair; decides nothing by itself
    OWN = enum.auto()  # slopes of the student's own forward, to judge a gradient by
    STATE = enum.auto()  # weights, to measure a network by
    CALLED = enum.auto()  # an exercise that was called on the way


class Moment(enum.Enum):
    """When an output was taken, where a recipe calls code more than once."""

    ONCE = enum.auto()
    STEP = enum.auto()
    BATCH = enum.auto()
    TEST = enum.auto()  # mode "test", after training


class Output(NamedTuple):
    """What an output is, as its name in a recipe says."""

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
    """Read a name that a recipe gives to an output: the only place where that is done.

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
