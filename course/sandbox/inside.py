"""The server inside the sandbox: starts a fresh process for every call.

    python inside.py --code FOLDER [--preload MODULE ...] [--landlock]

Frames (see `wire`) come on standard input and go out on standard output. A request
names a function `module:function`, its plain arguments and its arrays; the answer is a
report on the process that ran it, with the bytes that this process wrote as the body.

Only trusted code runs in the server itself, and it holds nothing of what is asked or
answered: that is read and passed on by a handler, one for each call, which is forked
before it reads and is gone before the next one. Otherwise code could find what was sent
to another submission in memory that was given back and not cleared.

A handler reads nothing of what the processes say: their bytes are passed on as they
are, up to a limit. A process gets none of the server's pipes, cannot start another one
and cannot signal or read the server or the handler.
"""

import argparse
import contextlib
import gc
import importlib
import json
import os
import platform
import select
import signal
import sys
import time
import traceback
from typing import Any, NoReturn

PRINTED = 1 << 16  # bytes of what a process prints that are kept; the rest is dropped
CHUNK = 1 << 16


def main() -> None:
    options = _options()
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    import confine

    if sys.platform == "linux":
        confine.die_with(os.getppid())
    if options.landlock:
        confine.confine_files([*_python_files(), options.code])
    if sys.platform == "linux":
        confine.hide_memory()
        for threads in (False, True) if platform.machine() in confine.ALLOWED else ():
            # Made here they are there for every process to come.
            confine.filter_of(platform.machine(), threads)
    import wire  # noqa: F401, and numpy, which the processes need not load again

    sys.path.insert(0, options.code)
    for module in options.preload:
        importlib.import_module(module)
    gc.freeze()  # no process copies all that memory, only to look for garbage there
    reports = os.dup(1)
    while True:
        select.select([0], [], [])
        server = os.getpid()
        handler = os.fork()
        if handler == 0:
            _handle(server, reports)
        if os.waitpid(handler, 0)[1]:
            return  # the grader has left, or finds no answer and starts another server


def _handle(server: int, reports: int) -> NoReturn:
    """Answer one request, and end; with another status than 0 where there is none."""
    status = 1
    try:
        import wire

        if sys.platform == "linux":
            import confine

            confine.die_with(server)
        with open(0, "rb", buffering=0, closefd=False) as requests:
            header, body = wire.read_frame(requests, max_body=1 << 40)
        report, answer = _run(header, body)
        _write_all(reports, wire.pack_head(report, len(answer)))
        _write_all(reports, answer)
        status = 0
    except EOFError:
        pass  # the grader has left
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(BaseException):
            sys.stderr.flush()
        os._exit(status)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--code", required=True)
    parser.add_argument(
        "--preload", nargs="*", default=(), help="trusted code, imported once for all"
    )
    parser.add_argument("--landlock", action="store_true")
    return parser.parse_args()


def _python_files() -> list[str]:
    """Return what must stay readable for Python itself to go on importing."""
    system = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache")
    devices = ("/dev/null", "/dev/urandom")
    here = os.path.dirname(os.path.abspath(__file__))
    return [here, sys.prefix, *filter(os.path.exists, system + devices)]


def _run(request: dict[str, Any], body: bytearray) -> tuple[dict[str, Any], bytearray]:
    """Answer one request in a process of its own; return the report and its bytes."""
    answer_end, answer_start = os.pipe()
    print_end, print_start = os.pipe()
    started = time.monotonic()
    handler = os.getpid()
    child = os.fork()
    if child == 0:
        os.close(answer_end)
        os.close(print_end)
        _be_the_child(handler, request, body, answer_start, print_start)
    os.close(answer_start)
    os.close(print_start)
    limits = request["limits"]
    keep = {answer_end: limits["answer"], print_end: PRINTED}
    texts, ending = _collect(keep, started + limits["wall"], answer_end)
    status, usage = _end(child, patience=1.0 if ending == "finished" else 0.0)
    os.close(answer_end)
    os.close(print_end)
    report = {
        "ending": ending,
        "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
        "cpu": usage.ru_utime + usage.ru_stime,
        "wall": time.monotonic() - started,
        "printed": texts[print_end].decode(errors="replace"),
    }
    return report, texts[answer_end]


def _collect(
    keep: dict[int, int], deadline: float, answer: int
) -> tuple[dict[int, bytearray], str]:
    """Read pipes until both end; say "finished", "time" or "size".

    Printing too much is read on and forgotten, an answer that is too large ends it.
    """
    texts = {pipe: bytearray() for pipe in keep}
    pending = set(keep)
    ending = "finished"
    while pending:
        left = deadline - time.monotonic()
        ready, _, _ = select.select(pending, [], [], max(0.0, left))
        if left <= 0:  # also where endless output keeps the pipe ready
            ending = "time"
            break
        for pipe in ready:
            part = os.read(pipe, CHUNK)
            if not part:
                pending.discard(pipe)
            texts[pipe] += part[: max(0, keep[pipe] - len(texts[pipe]))]
            if pipe == answer and len(texts[pipe]) >= keep[pipe]:
                return texts, "size"
    return texts, ending


def _end(child: int, patience: float) -> tuple[int, Any]:
    """Wait for a process that has closed its pipes, then kill it; return its status."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        ended, status, usage = os.wait4(child, os.WNOHANG)
        if ended:
            return status, usage
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    return os.wait4(child, 0)[1:]


def _be_the_child(
    handler: int, request: dict[str, Any], body: bytearray, answer: int, printed: int
) -> NoReturn:
    """Give up everything, call the student's code, write what it gives, and end.

    Whatever happens here, this process ends in `os._exit`: it must never return into
    the handler, which would go on with it.
    """
    try:
        null = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((null, 0), (printed, 1), (printed, 2)):
            os.dup2(source, target)
        # Two files are left: what is printed, and the answer. The higher ones, the
        # pipe to the grader among them, are closed.
        os.dup2(answer, 3)
        os.closerange(4, 1 << 16)
        import confine

        if sys.platform == "linux":
            confine.die_with(handler)
        limits = request["limits"]
        most, threads = (limits["cpu"], limits["memory"]), limits["threads"]
        if request["confined"]:
            confine.limit_resources(*most, threads)
            confine.confine_calls(threads=threads > 0)
        else:  # as far as this system has them
            with contextlib.suppress(OSError, ValueError):
                # Threads would be counted with all else that this user runs.
                confine.limit_resources(*most, None if threads else 0)
        _write_all(3, _call(request, body))
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(BaseException):
                stream.flush()
        os._exit(0)


def _call(request: dict[str, Any], body: bytearray) -> bytes:
    import wire

    try:
        module, _, function = request["call"].partition(":")
        call = getattr(importlib.import_module(module), function)
        outputs = call(wire.unpack(request, body), **request["arguments"])
        return wire.pack(outputs)
    except BaseException as error:
        return wire.pack({}, raised=_describe(error, request["code"]))


def _describe(error: BaseException, code: str) -> dict[str, Any]:
    """Say what was raised, and in which lines of the student's own files."""
    # A flood of memory must leave some for saying so.
    traceback.clear_frames(error.__traceback__)
    lines = []
    for frame in traceback.extract_tb(error.__traceback__)[-50:]:
        inside = os.path.relpath(frame.filename, code)
        if not inside.startswith(".."):
            lines.append([inside, frame.lineno, frame.name, (frame.line or "")[:200]])
    if isinstance(error, SyntaxError) and error.filename:
        inside = os.path.relpath(error.filename, code)
        lines.append([inside, error.lineno, "", (error.text or "").strip()[:200]])
    try:
        text = str(error)[:2000]
    except Exception:
        text = ""
    described = {"type": type(error).__name__[:100], "text": text, "lines": lines[-8:]}
    json.dumps(described)  # or say so here, where it can still be said
    return described


def _write_all(pipe: int, data: bytes | bytearray) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(pipe, view) :]


if __name__ == "__main__":
    main()
