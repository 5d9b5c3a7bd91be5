"""The sandbox as its users see it; what attackers see is in `test_attacks`."""

import contextlib
import io
import os
import resource
import shutil
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from course.sandbox import confine, wire
from course.sandbox import isolation as isolation_module
from course.sandbox.check import WeakerWallsWarning, choose, leaks
from course.sandbox.client import Limits, Sandbox, SandboxError
from course.sandbox.isolation import Isolation
from course.sandbox.probe import ATTEMPTS
from course.sandbox.runtime import distributions_of, lay_out
from course.sandbox.scratch import scratch

CODE = """
import numpy as np
count = 0
def double(inputs, times=2):
    global count
    count += 1
    return {**{k: v * times for k, v in inputs.items()}, "count": np.array(count)}
def wait(inputs):
    import time
    time.sleep(600)
def fail(inputs):
    print("so far")
    raise ValueError("no such thing")
def packages(inputs):
    found = []
    for name in ("numpy", "torch", "tensorflow", "ece662", "course", "matplotlib"):
        try: found.append(bool(__import__(name)))
        except ImportError: found.append(False)
    return {"found": np.array(found)}
"""


@pytest.fixture
def sandbox(isolation, runtime, code):
    with Sandbox(isolation, runtime, code, Limits(cpu=5)) as opened:
        yield opened


@pytest.fixture(scope="module")
def code(public_folder):
    folder = public_folder / "code"
    folder.mkdir(exist_ok=True)
    (folder / "work.py").write_text(CODE)
    return folder


def test_call_gives_arrays_and_takes_plain_arguments(sandbox):
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    outcome = sandbox.call("work:double", {"x": x}, {"times": 3})
    assert outcome.ending == "answered"
    np.testing.assert_array_equal(outcome.outputs["x"], 3 * x)
    assert outcome.outputs["x"].dtype == np.float32


def test_call_has_a_process_of_its_own(sandbox):
    for _ in range(3):
        assert sandbox.call("work:double", {}).outputs["count"] == 1


LEFT_BEHIND = """
import numpy as np

def show(inputs, text): return {"out": inputs["work"], "length": np.array(len(text))}

def hunt(inputs, backwards):
    wanted, found, held, seen = backwards[::-1].encode(), 0, [], []
    for size in (m * 2 ** k for k in range(7, 18) for m in (2, 3)):
        for _ in range(40):
            held.append(np.empty(size, np.uint8))
            found += held[-1].tobytes().count(wanted)
        seen.append(held[-1].sum())
    return {"found": np.array(found), "seen": np.array(seen)}
"""


def test_call_finds_nothing_of_another_one_in_its_memory(isolation, runtime, code):
    """Nor does memory that nobody has cleared depend on what was called before."""
    wanted = "the work of somebody else"
    (code / "left_behind.py").write_text(LEFT_BEHIND)
    seen = []
    with Sandbox(isolation, runtime, code) as sandbox:
        for text in (wanted, wanted.upper()):
            for size in (20, 120, 800, 8000, 120, 800):
                work = np.frombuffer(size * text.encode(), np.uint8)
                asked = {"work": work}, {"text": size // 2 * text}
                shown = sandbox.call("left_behind:show", *asked).outputs
                np.testing.assert_array_equal(shown["out"], work)
            asked = {"backwards": wanted[::-1]}
            outputs = sandbox.call("left_behind:hunt", {}, asked).outputs
            assert outputs["found"] == 0
            seen.append(outputs["seen"])
    np.testing.assert_array_equal(*seen)


def test_call_tells_the_students_line_and_what_was_printed(sandbox):
    outcome = sandbox.call("work:fail", {})
    assert outcome.ending == "raised"
    assert outcome.message == "ValueError: no such thing"
    assert outcome.lines == (
        ("work.py", 13, "fail", 'raise ValueError("no such thing")'),
    )
    assert outcome.printed == "so far\n"


def test_sandbox_has_numpy_and_nothing_else(sandbox):
    found = sandbox.call("work:packages", {}).outputs["found"]
    np.testing.assert_array_equal(found, [True] + 5 * [False])


def test_call_starts_a_fresh_server_where_the_first_was_killed(sandbox):
    before = sandbox.call("work:double", {"x": np.ones(2)})
    os.killpg(sandbox._server.pid, signal.SIGKILL)
    after = sandbox.call("work:double", {"x": np.ones(2)})
    np.testing.assert_array_equal(before.outputs["x"], after.outputs["x"])


def test_call_says_why_a_server_does_not_start(isolation, runtime, tmp_path):
    with (
        Sandbox(isolation, runtime, tmp_path / "missing") as sandbox,
        pytest.raises(SandboxError, match=r"missing|No such file"),
    ):
        sandbox.call("work:double", {})


def test_choose_refuses_where_no_walls_hold(runtime):
    with pytest.raises(SandboxError, match="none: "):
        choose(runtime, [Isolation.NONE])
    with pytest.raises(SandboxError, match="takes Linux with bubblewrap"):
        choose(runtime, [])


def test_leaks_names_what_gets_out(isolation, runtime, monkeypatch):
    # Walls with a gap: the environment goes in.
    from course.sandbox import isolation as walls

    usual = walls.environment
    monkeypatch.setattr(
        walls, "environment", lambda *a: {**usual(*a), "ECE662_SANDBOX_SECRET": "1"}
    )
    assert leaks(isolation, runtime) == ["see the environment"]


# Each of these works outside; one that could not, would prove nothing inside.
@pytest.mark.parametrize(
    "name",
    ["read a file", "write a file", "start a process", "start a thread",
     "signal another process", "keep memory in a file", "send by UDP",
     "have a file signal another process", "open a file in other ways than to read it",
     "empty a file", "meddle with memory that others share",
     "be a user of this machine", "leave a trace by reading"],
)  # fmt: skip
def test_attempt_succeeds_outside(name, tmp_path):
    file = tmp_path / "file"
    file.write_text("to be emptied")
    targets = {
        "files": [str(file)],
        "folders": [str(tmp_path)],
        "grader": os.getpid(),
        "port": 9,
        "users": [os.getuid()],
    }
    assert ATTEMPTS[name](targets)


def _verdict_of_filter(machine, threads, number, *arguments, arch=None):
    """Run the seccomp program of a machine on one call, as the kernel would."""
    arch = confine.AUDIT_ARCH[machine] if arch is None else arch
    arguments = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("IIQ6Q", number, arch, 0, *arguments)
    code, at, loaded = confine.filter_of(machine, threads), 0, 0
    while True:
        kind, if_true, if_false, k = struct.unpack_from("HBBI", code, 8 * at)
        at += 1
        if kind == confine.RETURN:
            return k
        if kind == confine.LOAD_WORD:
            [loaded] = struct.unpack_from("I", data, k)
        elif kind == confine.JUMP:
            at += k
        elif kind == confine.JUMP_IF_ANY_BIT:
            at += if_true if loaded & k else if_false
        else:
            at += if_true if loaded == k else if_false


@pytest.mark.parametrize("machine", confine.ALLOWED)
def test_filter_lets_threads_start_where_granted_and_processes_never(machine):
    clone, thread = confine.CLONE[machine], confine.THREAD_FLAGS
    allow, deny = confine.RETURN_ALLOW, confine.RETURN_ERRNO | confine.EPERM
    asked = (machine, True, clone)
    assert _verdict_of_filter(*asked, thread) == allow
    assert _verdict_of_filter(machine, False, clone, thread) == deny
    fork, vfork, new_user = 17, 0x4111, 0x10000000
    for flags in (fork, vfork, thread | new_user, thread & ~0x10000, 0):
        assert _verdict_of_filter(*asked, flags) == deny
    # glibc asks for this one first; an error that says "unknown" makes it take clone.
    unknown = confine.RETURN_ERRNO | confine.ENOSYS
    assert _verdict_of_filter(machine, True, confine.CLONE3, thread) == unknown
    assert _verdict_of_filter(machine, False, confine.CLONE3, thread) == deny


@pytest.mark.parametrize("machine", confine.ALLOWED)
@pytest.mark.parametrize("threads", [False, True])
def test_filter_allows_its_list_and_kills_other_architectures(machine, threads):
    allow = confine.RETURN_ALLOW
    passed = {n for n in range(600) if _verdict_of_filter(machine, threads, n) == allow}
    of_threads = confine.OF_THREADS[machine] if threads else ()
    listed = dict(confine.ALLOWED[machine])
    del listed["ioctl"]  # there is no order of the number 0
    assert passed == {*listed.values(), *of_threads}
    other = _verdict_of_filter(machine, threads, 0, arch=0x40000003)
    assert other == confine.RETURN_KILL


@pytest.mark.parametrize("machine", confine.ALLOWED)
@pytest.mark.parametrize(
    ("name", "passing", "refused"),
    [
        # F_SETFL, F_SETLK, F_SETOWN, F_SETSIG, F_SETLEASE, F_NOTIFY, F_ADD_SEALS
        ("fcntl", (0, 1, 2, 3, 1030), (4, 6, 8, 10, 15, 37, 1024, 1026, 1033)),
        # FIOASYNC, TIOCSTI, FIOSETOWN, SIOCSPGRP
        ("ioctl", (0x5401, 0x5451), (0, 0x5412, 0x5452, 0x8901, 0x8902)),
        # REMOVE, MERGEABLE, COLD, PAGEOUT, POPULATE, COLLAPSE, HWPOISON
        ("madvise", (4, 8, 14), (9, 12, 20, 21, 22, 23, 25, 100)),
        ("openat", (0, 0o2000000, 0o400 | 0o4000), (1, 2, 3, 0o100, 0o1000, 0o20000)),
        # O_DIRECTORY and O_NOFOLLOW have other bits on ARM, where these are these
        ("openat", (), (0o1000000, 0o10000000, 0o20200000, 0o4010000, 0o2000)),
    ],
)
def test_filter_looks_at_arguments(machine, name, passing, refused):
    number = confine.ALLOWED[machine][name]
    before = [0] * confine.ARGUMENTS[name][0]
    for value in passing:
        found = _verdict_of_filter(machine, False, number, *before, value)
        assert found == confine.RETURN_ALLOW, value
    for value in refused:
        found = _verdict_of_filter(machine, True, number, *before, value)
        assert found == confine.RETURN_ERRNO | confine.EPERM, value


def _tree(root):
    """Return the ids of a process and of all below it."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            after_name = path.read_text().rpartition(")")[2].split()
            if after_name[0] != "Z":
                parents[int(path.parent.name)] = int(after_name[1])
    found = {root} & parents.keys()
    while more := {p for p, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def _wait_for(condition):
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


GRADER = """
import sys
from pathlib import Path
from course.sandbox.client import Limits, Sandbox
from course.sandbox.isolation import Isolation
runtime, code = map(Path, sys.argv[2:])
with Sandbox(Isolation(sys.argv[1]), runtime, code, Limits(waiting=90)) as sandbox:
    sandbox.call("work:wait", {})
"""


@pytest.mark.parametrize("killed", ["the grader", "the server", "the handler"])
def test_nothing_outlives_what_is_killed(killed, isolation, runtime, code):
    command = [sys.executable, "-c", GRADER, isolation.value, str(runtime), str(code)]
    with subprocess.Popen(command, cwd=Path(__file__).parents[2]) as grader:
        # The grader, bubblewrap twice, the server, its handler, the call's process.
        depth = 6 if isolation is Isolation.BUBBLEWRAP else 4
        try:
            _wait_for(lambda: len(_tree(grader.pid)) == depth)
            below = _tree(grader.pid) - {grader.pid}
            # One process alone, so that what it has started must end by itself.
            victims = {"the server": -3, "the handler": -2}
            victim = sorted(below)[victims[killed]] if killed in victims else grader.pid
            os.kill(victim, signal.SIGKILL)
            if killed == "the grader":
                grader.wait()
            _wait_for(lambda: not any(_tree(process) for process in below))
        finally:
            grader.kill()


def test_close_ends_what_a_dead_server_has_left(runtime, code):
    # Stands for a server that is gone while a process of its group goes on.
    script = "sleep 600 </dev/null >/dev/null 2>&1 & echo $!"
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    server = subprocess.Popen(["sh", "-c", script], start_new_session=True, **pipes)
    left = int(server.stdout.readline())
    sandbox = Sandbox(Isolation.NONE, runtime, code)
    sandbox._server = server
    os.waitid(os.P_PID, server.pid, os.WEXITED | os.WNOWAIT)
    assert _tree(left)
    sandbox.close()
    _wait_for(lambda: not _tree(left))


def test_own_user_is_nobody(monkeypatch):
    first, second = isolation_module.FREE_UIDS[:2]
    known = {first}

    def find(uid):
        if uid not in known:
            raise KeyError(uid)

    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("pwd.getpwuid", find)
    isolation_module._is_known.cache_clear()
    try:
        assert isolation_module.own_user(Isolation.LANDLOCK)["user"] == second
        known.update(isolation_module.FREE_UIDS)
        isolation_module._is_known.cache_clear()
        with pytest.raises(OSError, match="one that is nobody's"):
            isolation_module.own_user(Isolation.LANDLOCK)
    finally:
        isolation_module._is_known.cache_clear()


def test_old_landlock_is_refused_and_says_so(monkeypatch, runtime):
    monkeypatch.setattr(confine, "landlock_version", lambda: 5)
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert isolation_module.candidates() == []
    with pytest.raises(SandboxError, match=r"no bwrap here.*version 5 leaves gaps"):
        choose(runtime)
    with pytest.raises(OSError, match="expected landlock 6 or later, got 5"):
        confine.confine_files([])


def test_choose_says_why_it_took_weaker_walls(isolation, runtime, monkeypatch):
    if isolation is not Isolation.LANDLOCK:
        pytest.skip("these are the strongest")
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.warns(WeakerWallsWarning, match=r"no bwrap here.*Landlock is used"):
        assert choose(runtime) is Isolation.LANDLOCK


def test_lay_out_copies_and_lets_no_reading_leave_a_trace(runtime):
    numpy = Path(np.__file__)
    [copied] = (runtime / "python" / "lib").glob("python*/site-packages/numpy")
    found = (copied / "__init__.py").stat()
    assert (found.st_nlink, found.st_mtime_ns) == (1, numpy.stat().st_mtime_ns)
    for path in (copied, copied / "__init__.py", runtime / "inside" / "wire.py"):
        os.listdir(path) if path.is_dir() else path.read_bytes()
        assert path.stat().st_atime > time.time()


KILLED = """
import os, signal, sys
from course.sandbox.scratch import scratch
with scratch("test") as folder:
    (folder / "inner").mkdir()
    print(folder, flush=True)
    if sys.argv[1] == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    sys.stdin.read()
"""


def test_scratch_removes_what_a_killed_process_left(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    command = [sys.executable, "-c", KILLED]
    asked = {
        "cwd": Path(__file__).parents[2],
        "env": {**os.environ, "TMPDIR": tmp_path},
    }
    asked |= {"stdout": subprocess.PIPE, "stdin": subprocess.PIPE, "text": True}
    other = tmp_path / "ece662-of-another-kind"
    other.mkdir()
    with subprocess.Popen([*command, "alive"], **asked) as alive:
        living = Path(alive.stdout.readline().strip())
        with subprocess.Popen([*command, "killed"], **asked) as killed:
            left = Path(killed.stdout.readline().strip())
        assert left.exists()
        with scratch("test") as mine:
            assert {*tmp_path.iterdir()} == {mine, living, other}
            with scratch("test"):
                assert mine.exists()
        alive.stdin.close()
    assert [*tmp_path.iterdir()] == [other]


def test_limit_resources_counts_threads_only_where_it_can():
    told = (
        "import resource; from course.sandbox import confine\n"
        "for threads in (None, 4):\n"
        "    confine.limit_resources(9, 8 << 30, threads)\n"
        "    print(*resource.getrlimit(resource.RLIMIT_NPROC))"
    )
    done = subprocess.run(
        [sys.executable, "-c", told], capture_output=True, check=True, text=True
    )
    usual = resource.getrlimit(resource.RLIMIT_NPROC)
    expected = 4 + confine.OWN_PROCESSES
    assert done.stdout.split() == [*map(str, usual), *2 * [str(expected)]]


def test_distributions_of_follows_what_is_required():
    found = distributions_of(["nbformat"])
    assert {"nbformat", "jsonschema", "referencing"} <= set(found)
    assert not {"numpy", "pytest"} & set(found)  # pytest is an extra's
    assert distributions_of(["no_such_module"]) == []


def test_lay_out_says_which_package_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match="no-such-package is not installed"):
        lay_out(tmp_path, ("no-such-package",))


def _arrays():
    dtypes = st.sampled_from(sorted(wire.DTYPES)).map(np.dtype)
    shapes = arrays.array_shapes(min_dims=0, min_side=0, max_dims=4)
    return st.dictionaries(
        st.text(max_size=10),
        dtypes.flatmap(lambda t: arrays.arrays(t, shapes)),
        max_size=4,
    )


@given(_arrays())
def test_wire_keeps_every_bit(sent):
    header, body = wire.read_frame(io.BytesIO(wire.pack(sent)), 1 << 20)
    received = wire.unpack(header, body)
    assert received.keys() == sent.keys()
    for name, array in sent.items():
        assert received[name].dtype == array.dtype
        assert received[name].shape == array.shape
        assert received[name].tobytes() == array.tobytes()


@given(st.binary(max_size=200))
def test_wire_refuses_noise(noise):
    for data in (noise, wire.SIZES.pack(len(noise), 0) + noise):
        with pytest.raises((wire.WireError, EOFError)):
            wire.unpack(*wire.read_frame(io.BytesIO(data), 1 << 10))


@pytest.mark.parametrize(
    ("entry", "match"),
    [
        (["x", "|O8", [1]], "not a kind of number"),
        (["x", "<f8", [2]], "bytes are not there"),
        (["x", "<f8", []], "belong to no array"),
        (["x", "<f8", [0, 1 << 40, 1 << 40]], "which no array has"),
        (["x", "<f8", [-1]], "a length that is none"),
        (["x", "<f8", [True]], "a length that is none"),
        (["x", "<f8", [1.0]], "a length that is none"),
        (["x" * 201, "<f8", [1]], "a name is text"),
        (["x", ["<f8"], [1]], "not a kind of number"),
        (["x", "<f8", [1] * 33], "up to 32"),
        ("x", "its name, dtype and shape"),
    ],
)
def test_wire_names_what_does_not_agree(entry, match):
    entries = [["first", "<f8", [1]], entry]
    body = bytes(16) if "f8" in str(entry) and "belong" not in match else bytes(24)
    with pytest.raises(wire.WireError, match=match):
        wire.unpack({"arrays": entries}, body)


def test_scratch_goes_while_a_process_still_writes_into_it(tmp_path, monkeypatch):
    """A process that is being ended may add a file between two looks at the folder."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    removed = []

    def rmtree(path, ignore_errors=False):
        if not removed:
            (path / "late").write_text("")
        removed.append(path)
        real(path, ignore_errors) if len(removed) > 1 else path.rmdir()

    real = shutil.rmtree
    monkeypatch.setattr("course.sandbox.scratch.shutil.rmtree", rmtree)
    with pytest.raises(ValueError, match="the reason"), scratch("test"):
        raise ValueError("the reason")
    assert len(removed) == 2
    assert list(tmp_path.iterdir()) == []
