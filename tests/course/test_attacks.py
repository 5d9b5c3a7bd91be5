"""What a hostile submission tries. Each attack stands alone, and all must fail.

An attack is a function in the code of a submission. It runs as an exercise would; then
it must have given nothing but numbers, and an honest exercise beside it must still give
exactly what it gives without the attack.
"""

import os
import socket

import numpy as np
import pytest

from course.sandbox.client import Limits, Sandbox
from course.sandbox.isolation import Isolation

X = np.arange(12.0).reshape(3, 4)
LIMITS = Limits(cpu=1, wall=20.0, memory=1 << 29, answer=8 << 20)
# A flood takes time to rise; sleeping and printing take none that is counted.
OTHER_LIMITS = {
    "a memory flood": LIMITS._replace(cpu=10),
    "an endless sleep": LIMITS._replace(waiting=1.0),
    "endless output": LIMITS._replace(wall=1.0),
}
SECRET = "the reference says 42"

HONEST = """
import numpy as np
def honest(inputs): return {"out": np.maximum(inputs["x"] - 5, 0)}
"""

# What each attack may come to: its outcome's ending, or endings.
ATTACKS = {
    "an array whose comparisons are always true": (
        """
class Liar(np.ndarray):
    def __eq__(self, other): return True
    def __array_ufunc__(self, *a, **k): return True
    def __array_function__(self, *a, **k): return True
def attack(inputs): return {"out": np.zeros((3, 4)).view(Liar)}
""",
        "answered",
    ),
    "an object that claims to equal anything": (
        """
class Always:
    def __eq__(self, other): return True
def attack(inputs): return {"out": Always()}
""",
        "raised",
    ),
    "numpy patched": (
        """
def attack(inputs):
    np.max = np.allclose = np.array_equal = np.maximum = lambda *a, **k: True
    np.ndarray.__eq__ = None
""",
        "raised",
    ),
    "the other side of the pipe patched": (
        """
import sys
def attack(inputs):
    import wire
    wire.pack = lambda *a, **k: b"passed"
    for module in list(sys.modules.values()):
        for name in ("judge", "score", "read_frame", "_run", "_collect"):
            if hasattr(module, name): setattr(module, name, lambda *a, **k: True)
""",
        "invalid",
    ),
    "hunting through the frames": (
        """
import sys
def attack(inputs):
    frame, found = sys._getframe(), []
    while frame:
        found += [v for v in frame.f_locals.values() if "says " + "42" in str(v)]
        frame = frame.f_back
    return {"found": np.array(len(found))}
""",
        "answered",
    ),
    "hunting through the garbage collector": (
        """
import gc
def attack(inputs):
    found = [o for o in gc.get_objects() if isinstance(o, str) and "says " + "42" in o]
    return {"found": np.array(len(found))}
""",
        "answered",
    ),
    "reading files": (
        """
import glob, os
def attack(inputs):
    wanted = ["/etc/passwd", "/etc/shadow", "/proc/1/environ", "/proc/self/maps",
              os.path.expanduser("~/.bashrc"), SECRET_FILE]
    wanted += glob.glob("/home/*/*") + glob.glob("/root/*") + glob.glob("/tmp/*/*")
    found = 0
    for name in wanted:
        try: found += len(open(name, "rb").read()) > 0
        except OSError: pass
    return {"found": np.array(found)}
""",
        "answered",
    ),
    "writing files": (
        """
import os
def attack(inputs):
    found = 0
    folders = ["/", "/tmp", "/dev/shm", "/var/tmp", "/code", os.path.expanduser("~")]
    for folder in folders + [os.path.dirname(f) for f in (__file__, SECRET_FILE)]:
        try:
            with open(os.path.join(folder, "trace"), "wb") as file: file.write(b"x")
            found += 1
        except OSError: pass
    return {"found": np.array(found)}
""",
        "answered",
    ),
    "a disk flood": (
        """
import os
def attack(inputs):
    found = 0
    for flags in (os.O_TMPFILE | os.O_WRONLY, os.O_CREAT | os.O_WRONLY):
        for name in ("/tmp", "/", "/dev/shm", "/code/flood", "/tmp/flood"):
            try: found += os.write(os.open(name, flags), bytes(1 << 20))
            except OSError: pass
    return {"found": np.array(found)}
""",
        "answered",
    ),
    "a symbolic link in place of a result": (
        """
import os
def attack(inputs):
    os.symlink(SECRET_FILE, os.path.join(os.path.dirname(__file__), "out.npy"))
""",
        "raised",
    ),
    "the network by TCP": (
        """
import socket
def attack(inputs): socket.create_connection(("127.0.0.1", PORT), 1).sendall(b"hello")
""",
        "raised",
    ),
    "the network by UDP": (
        """
import socket
def attack(inputs):
    socket.socket(type=socket.SOCK_DGRAM).sendto(b"hello", ("127.0.0.1", PORT))
""",
        "raised",
    ),
    "looking at the environment": (
        """
import os
def attack(inputs):
    return {"found": np.array("ECE662_ATTACK" in os.environ or "HOME" in os.environ)}
""",
        "answered",
    ),
    "leaving without a word": ("def attack(inputs): __import__('os')._exit(0)", "died"),
    "something left for the end": (
        """
import atexit, os
def attack(inputs):
    atexit.register(lambda: os.write(3, b"more"))
    return {"out": inputs["x"]}
""",
        "answered",
    ),
    "signals ignored, and a loop": (
        """
import signal
def attack(inputs):
    for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)
    while True: pass
""",
        "time",
    ),
    "an endless loop": ("def attack(inputs):\n    while True: pass", "time"),
    "an endless sleep": ("def attack(inputs): __import__('time').sleep(1e6)", "time"),
    "endless output": (
        "def attack(inputs):\n    while True: print('x' * 10000)",
        "time",
    ),
    "an answer without end": (
        """
import os
def attack(inputs):
    while True: os.write(3, bytes(1 << 20))
""",
        "size",
    ),
    "a fork bomb": (
        """
import os
def attack(inputs):
    while True: os.fork()
""",
        "raised",
    ),
    "a bomb of threads": (
        """
import threading, time
def attack(inputs):
    while True: threading.Thread(target=time.sleep, args=(99,)).start()
""",
        "raised",
    ),
    "a memory flood": (
        """
def attack(inputs):
    kept = []
    while True: kept.append(np.ones(1 << 24))
""",
        "memory",
    ),
    "memory in anonymous files": (
        """
import os
def attack(inputs):
    while True: os.write(os.memfd_create("flood"), bytes(1 << 20))
""",
        "raised",
    ),
    "an endless recursion in C": (
        """
import sys
def attack(inputs):
    sys.setrecursionlimit(1 << 30)
    nested = []
    for _ in range(10**5): nested = [nested]
    repr(nested)
""",
        ("died", "raised", "memory", "time"),
    ),
    "a dtype that it is not": (
        """
import os, json, struct
def attack(inputs):
    text = json.dumps({"arrays": [["out", "|O8", [1]]]}).encode()
    os.write(3, struct.pack("<IQ", len(text), 8) + text + bytes(8)); os._exit(0)
""",
        "invalid",
    ),
    "a shape that it has not": (
        """
import os, json, struct
def attack(inputs):
    text = json.dumps({"arrays": [["out", "<f8", [1 << 30, 1 << 30]]]}).encode()
    os.write(3, struct.pack("<IQ", len(text), 8) + text + bytes(8)); os._exit(0)
""",
        "invalid",
    ),
    "a negative length": (
        """
import os, json, struct
def attack(inputs):
    text = json.dumps({"arrays": [["out", "<f8", [-1, -1]]]}).encode()
    os.write(3, struct.pack("<IQ", len(text), 8) + text + bytes(8)); os._exit(0)
""",
        "invalid",
    ),
    "a body that it does not send": (
        """
import os, struct
def attack(inputs): os.write(3, struct.pack("<IQ", 1 << 31, 1 << 62)); os._exit(0)
""",
        "invalid",
    ),
    "a header nested too deep": (
        """
import os, struct
def attack(inputs):
    text = b"[" * 200000
    os.write(3, struct.pack("<IQ", len(text), 0) + text); os._exit(0)
""",
        "invalid",
    ),
    "an answer for another exercise": (
        """
import os, wire
def attack(inputs):
    for _ in range(2): os.write(3, wire.pack({"out": inputs["x"]}))
    os._exit(0)
""",
        "invalid",
    ),
    "a pickle in the answer": (
        """
import os, pickle
class Bomb:
    def __reduce__(self): return os.system, ("touch " + SECRET_FILE + ".pwned",)
def attack(inputs): os.write(3, pickle.dumps(Bomb())); os._exit(0)
""",
        "invalid",
    ),
    "a verdict, printed": (
        """
def attack(inputs):
    print('{"passed": true, "score": 100}\\x1b[2J\\x07')
    return {"out": inputs["x"] * 0}
""",
        "answered",
    ),
    "a false report through the server's pipes": (
        """
import os
def attack(inputs):
    for pipe in range(4, 200):
        try: os.write(pipe, b"passed")
        except OSError: pass
    return {"out": inputs["x"]}
""",
        "answered",
    ),
    "killing everything": (
        """
import os, signal
def attack(inputs):
    refused = 0
    for process in (-1, os.getppid(), 1, GRADER):
        try: os.kill(process, signal.SIGKILL)
        except OSError: refused += 1
    return {"refused": np.array(refused)}
""",
        "answered",
    ),
    "a signal by way of a file": (
        """
import fcntl, os, signal, struct
def attack(inputs):
    found = 0
    for file in (0, 1, 3):
        for process in (os.getppid(), GRADER, -os.getpgrp()):
            orders = [(fcntl.fcntl, 8, process), (fcntl.fcntl, 10, signal.SIGKILL),
                      (fcntl.fcntl, 4, 0o20000), (fcntl.fcntl, 1026, -1),
                      (fcntl.ioctl, 0x8902, struct.pack("i", process)),
                      (fcntl.ioctl, 0x5452, struct.pack("i", 1))]
            for call, order, argument in orders:
                try: call(file, order, argument); found += 1
                except OSError: pass
    os.write(1, b"now")
    return {"found": np.array(found)}
""",
        "answered",
    ),
    "a session of its own": (
        """
import os
def attack(inputs):
    for leave in (os.setsid, lambda: os.setpgid(0, 0), os.fork, os.forkpty):
        try: leave()
        except OSError: continue
        return {"found": np.array(1)}
    return {"found": np.array(0)}
""",
        "answered",
    ),
    "tracing the server": (
        """
import ctypes, os
def attack(inputs):
    libc = ctypes.CDLL(None)
    results = [libc.ptrace(16, p, None, None) for p in (os.getppid(), 1, GRADER)]
    return {"found": np.array(0 in results)}
""",
        "answered",
    ),
    "limiting the server": (
        """
import os, resource
def attack(inputs): resource.prlimit(os.getppid(), resource.RLIMIT_CPU, (0, 0))
""",
        "raised",
    ),
    "names with control characters": (
        """
def attack(inputs): return {"\\x1b[2J\\u202eout\\n<b>": inputs["x"]}
""",
        "answered",
    ),
    "an exception that fights back": (
        """
class Odd(Exception):
    def __str__(self): raise SystemExit
def attack(inputs): raise Odd
""",
        ("died", "raised"),
    ),
    "numbers that are none": (
        "def attack(inputs): return {'x': np.array('cat')}",
        "raised",
    ),
}


# Where TensorFlow is to run, some threads are granted, and with them nothing else.
WITH_THREADS = {
    name: ATTACKS[name]
    for name in (
        "reading files", "writing files", "a disk flood", "the network by TCP",
        "the network by UDP", "leaving without a word", "an endless loop",
        "a signal by way of a file", "a session of its own", "a fork bomb",
        "a bomb of threads", "a memory flood",
        "memory in anonymous files", "a verdict, printed", "killing everything",
        "tracing the server", "limiting the server",
    )
} | {
    "a process by another call": (
        """
import ctypes, os
def attack(inputs):
    libc, found = ctypes.CDLL(None), 0
    for number, *arguments in ((56, 17), (57,), (58,), (220, 17), (435, 0, 88)):
        child = libc.syscall(number, *arguments, 0, 0, 0, 0)
        if child == 0: os._exit(0)
        found += child > 0
    return {"found": np.array(found)}
""",
        "answered",
    ),
    "loops in all threads": (
        """
import threading
def loop():
    while True: pass
def attack(inputs):
    for _ in range(3): threading.Thread(target=loop).start()
    loop()
""",
        "time",
    ),
    "more threads than granted": (
        """
import threading, time
def attack(inputs):
    threading.stack_size(1 << 16)
    started = 0
    try:
        for _ in range(50):
            threading.Thread(target=time.sleep, args=(9,), daemon=True).start()
            started += 1
    except RuntimeError: pass
    return {"found": np.array(not 0 < started <= THREADS)}
""",
        "answered",
    ),
    "a thread that is left behind": (
        """
import os, threading, time
wrote = threading.Event()
def late():
    while True:
        os.write(3, b"more")
        wrote.set()
def attack(inputs):
    threading.Thread(target=late, daemon=True).start()
    wrote.wait()
    return {"out": inputs["x"]}
""",
        ("invalid", "size"),
    ),
}  # fmt: skip
THREADS = 4


@pytest.fixture(scope="module")
def listeners():
    """A TCP and a UDP socket on one port, and functions that tell what reached them."""
    with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        tcp.bind(("127.0.0.1", 0))
        tcp.listen()
        udp.bind(tcp.getsockname())
        tcp.setblocking(False)
        udp.setblocking(False)
        yield tcp.getsockname()[1], (tcp.accept, lambda: udp.recv(10))


@pytest.fixture(scope="module")
def sandbox(isolation, runtime, public_folder, listeners):
    folder = public_folder / f"attacks-{isolation.value}"
    folder.mkdir(exist_ok=True)
    secret = folder / "reference.txt"
    secret.write_text(SECRET)
    code = folder / "code"
    code.mkdir()
    (code / "honest.py").write_text(HONEST)
    given = (
        "import numpy as np\n"
        f"SECRET_FILE, PORT = {str(secret)!r}, {listeners[0]}\n"
        f"GRADER, THREADS = {os.getpid()}, {THREADS}\n"
    )
    for number, (source, _) in enumerate((ATTACKS | WITH_THREADS).values()):
        (code / f"attack{number}.py").write_text(given + source)
    with Sandbox(isolation, runtime, code, LIMITS) as opened:
        yield opened


@pytest.mark.parametrize("name", ATTACKS)
def test_attack_fails(name, sandbox, listeners, monkeypatch):
    monkeypatch.setenv("ECE662_ATTACK", "1")
    _attack(name, sandbox, listeners, OTHER_LIMITS.get(name, LIMITS))


@pytest.mark.parametrize("name", WITH_THREADS)
def test_attack_fails_where_threads_are_granted(name, isolation, sandbox, listeners):
    if isolation is Isolation.LANDLOCK:
        pytest.skip("threads are granted where bubblewrap counts them")
    limits = OTHER_LIMITS.get(name, LIMITS._replace(memory=2 << 30))  # for the stacks
    _attack(name, sandbox, listeners, limits._replace(threads=THREADS))


def _attack(name, sandbox, listeners, limits):
    attacks = ATTACKS | WITH_THREADS
    outcome = sandbox.call(
        f"attack{list(attacks).index(name)}:attack", {"x": X}, limits=limits
    )
    expected = attacks[name][1]
    assert outcome.ending in ([expected] if isinstance(expected, str) else expected)
    assert SECRET not in outcome.printed + outcome.message
    for output in outcome.outputs.values():
        assert type(output) is np.ndarray
    assert not outcome.outputs.get("found", 0)
    for receive in listeners[1]:
        with pytest.raises(BlockingIOError):
            receive()
    folder = sandbox.code.parent
    assert sorted(p.name for p in folder.iterdir()) == ["code", "reference.txt"]
    assert (folder / "reference.txt").read_text() == SECRET

    after = sandbox.call("honest:honest", {"x": X})
    assert after.ending == "answered"
    np.testing.assert_array_equal(after.outputs["out"], np.maximum(X - 5, 0))
