"""The process one contestant lives in: build its step once, run it when asked.

The harness talks to it in JSON, one object a line, requests on stdin and replies on
stdout. What can be asked for is listed in `Bench.requests`. A failure is answered with
its traceback, and the worker stays alive.
"""

import cProfile
import importlib
import json
import os
import platform
import pstats
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["Bench", "serve"]

POOL_FIELDS = ("internal_api", "version", "architecture", "num_threads")
LINUX_STATUS = Path("/proc/self/status")


class Bench:
    """A contestant's step and the instruments around it."""

    def __init__(self) -> None:
        self.step: Callable[[], object] | None = None
        self.resident_before = 0
        self.requests = {
            "build": self.build,
            "run": self.run,
            "profile": self.profile,
            "describe": self.describe,
            "memory": self.memory,
        }

    def build(self, task: str, arguments: dict[str, Any], threads: int) -> None:
        """Import `module:function`, and let the function make the step."""
        module_name, function_name = task.split(":")
        module = importlib.import_module(module_name)
        if "torch" in sys.modules:
            # A torch built without OpenMP does not read the environment.
            sys.modules["torch"].set_num_threads(threads)
        self.resident_before = resident_bytes("VmRSS")
        self.step = getattr(module, function_name)(**arguments)

    def run(self, steps: int) -> float:
        """Return the seconds that `steps` steps took together."""
        with warnings.catch_warnings():
            # Steps that overflow or diverge are not the ones to be timed.
            warnings.simplefilter("error")
            start = time.perf_counter()
            for _ in range(steps):
                self.step()
            return time.perf_counter() - start

    def profile(self, steps: int) -> dict[str, Any]:
        """Return the seconds of some steps, and those in each function of ours.

        A function's time includes that of the functions it calls; under a name that
        several functions have stands what they took together.
        """
        profiler = cProfile.Profile()
        start = time.perf_counter()
        profiler.enable()
        self.run(steps)
        profiler.disable()
        seconds, functions = time.perf_counter() - start, {}
        for (path, _, name), (*_, spent, _) in pstats.Stats(profiler).stats.items():
            if "ece662" in path:
                functions[name] = functions.get(name, 0.0) + spent
        return {"seconds": seconds, "functions": functions}

    def memory(self) -> int:
        """Return by how many bytes the process grew, at its peak, since the imports."""
        return resident_bytes("VmHWM") - self.resident_before

    def describe(self) -> dict[str, Any]:
        """Return the versions and the thread pools this process really uses."""
        import threadpoolctl

        loaded = {name: sys.modules.get(name) for name in ("numpy", "torch")}
        described = {
            "python": platform.python_version(),
            "versions": {name: m.__version__ for name, m in loaded.items() if m},
            "pools": [
                {name: pool.get(name) for name in POOL_FIELDS}
                for pool in threadpoolctl.threadpool_info()
            ],
        }
        if torch := loaded["torch"]:
            described["torch_kernels"] = torch.backends.cpu.get_cpu_capability()
        return described


def resident_bytes(field: str) -> int:
    """Return a memory field of this process: VmRSS (now) or VmHWM (peak so far)."""
    if not LINUX_STATUS.exists():
        return 0
    for line in LINUX_STATUS.read_text(encoding="utf-8").splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"expected a line {field!r} in {LINUX_STATUS}, there is none")


def serve() -> None:
    """Answer requests until stdin closes."""
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    # Whatever a library prints must not end up between two replies.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    bench = Bench()
    for line in sys.stdin:
        message = json.loads(line)
        try:
            answer = bench.requests[message["request"]](**message["details"])
            reply = {"answer": answer}
        except Exception:
            reply = {"error": traceback.format_exc()}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


if __name__ == "__main__":
    serve()
