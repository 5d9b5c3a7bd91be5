"""A pytest plugin: a kernel ends with the cell that kills it, or that never ends.

Of a kernel that dies, nbval hears nothing: it waits for the cell's limit, says that it
cannot interrupt, and has thrown away what the kernel wrote of its death. From a cell
that catches the interruption and goes on printing, it reads for ever. With this:

- The cell fails at once where its kernel dies, with the kernel's last words.
- A cell that does not end within its limit is interrupted, so that it shows where it
  was; if it goes on, its kernel is killed.
- Either way, no other cell of the notebook is run: each fails, and names that cell.
"""

import contextlib
import os
import signal
import tempfile
import time
from queue import Empty

import nbval.kernel
import psutil
from nbval.kernel import RunningKernel
from nbval.plugin import IPyNbCell, IPyNbFile

from tests.limits import INTERRUPTED, START, WAIT

LAST_WORDS = 2000  # letters


class KernelEnded(Exception):
    """A kernel cannot run a cell any further; the text says why."""


_nbval_start = nbval.kernel.start_new_kernel
_nbval_get_message = RunningKernel.get_message
_nbval_interrupt = RunningKernel.interrupt
_nbval_stop = RunningKernel.stop
_nbval_runtest = IPyNbCell.runtest
_nbval_teardown = IPyNbFile.teardown


def pytest_configure(config):
    """Put the methods below in the place of nbval's."""
    nbval.kernel.start_new_kernel = _start_new_kernel
    RunningKernel._ensure_iopub_up = _ensure_iopub_up
    RunningKernel.get_message = _get_message
    RunningKernel.interrupt = _interrupt
    RunningKernel.stop = _stop
    RunningKernel.deadline = float("inf")
    IPyNbCell.setup = _setup
    IPyNbCell.runtest = _runtest
    IPyNbFile.teardown = _teardown
    IPyNbFile.ended_by = None


def _start_new_kernel(*args, stderr, **options):
    """Keep what a kernel writes to stderr; nbval's ``stderr`` leads nowhere."""
    stderr.close()
    last_words = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the kernel)
    options.update(stderr=last_words, env={**os.environ, "PYTHONFAULTHANDLER": "1"})
    try:
        manager, client = _nbval_start(*args, **options)
    except RuntimeError as error:
        words = _read_last_words(last_words)
        last_words.close()
        raise RuntimeError(f"the notebook's kernel: {error}\n{words}") from None
    manager.last_words = last_words
    return manager, client


def _ensure_iopub_up(self):
    """Wait until outputs arrive, as nbval does, but not for ten seconds only."""
    end = time.monotonic() + START
    while time.monotonic() < end:
        question = self.kc.kernel_info()
        try:
            self.await_reply(question, timeout=START)
            self.await_idle(question, timeout=1)
            return
        except Empty:
            continue
    raise RuntimeError(f"the kernel's outputs did not arrive within {START:g} s")


def _get_message(self, stream, timeout=None):
    """Read a message, and look every second whether one can still come.

    Raises:
        Empty: none came in time.
        KernelEnded: none can come, for the kernel is dead or its cell was given up.
    """
    end = time.monotonic() + (float("inf") if timeout is None else timeout)
    while True:
        if time.monotonic() > self.deadline:
            raise KernelEnded("it went on when it was interrupted")
        alive = self.is_alive()  # before reading: what it sent before it died is there
        left = end - time.monotonic()
        try:
            return _nbval_get_message(self, stream, timeout=max(0.0, min(1.0, left)))
        except Empty:
            if not alive:
                raise KernelEnded(_say_how_it_died(self.km)) from None
            if left <= 1:
                raise


def _interrupt(self):
    """Interrupt a cell whose time is over, and set its kernel a last limit."""
    self.deadline = time.monotonic() + INTERRUPTED
    _nbval_interrupt(self)


def _stop(self):
    """End a kernel and all that it has started."""
    started = []
    with contextlib.suppress(psutil.Error):
        started = psutil.Process(self.km.provisioner.pid).children(recursive=True)
    self.km.last_words.close()
    _nbval_stop(self)
    for process in started:
        with contextlib.suppress(psutil.Error):
            process.kill()


def _say_how_it_died(manager) -> str:
    status = manager.provisioner.process.returncode
    by = f"exit status {status}"
    if os.name == "posix" and status < 0:
        by = signal.Signals(-status).name
    words = _read_last_words(manager.last_words)
    return f"its kernel died ({by}).\n\nThe kernel's last words:\n{words}"


def _read_last_words(file) -> str:
    file.seek(0)
    words = file.read().decode(errors="replace").strip()
    start = max(words.rfind("Fatal Python error"), 0)  # what it did last comes first
    return words[start : start + LAST_WORDS] or "(none)"


def _setup(self):
    """Leave it to `_runtest` to say why a cell is not run."""


def _runtest(self):
    """Run a cell, unless an earlier one ended the kernel."""
    notebook = self.parent
    if notebook.ended_by:
        self.raise_cell_error(f"not run: the kernel ended with {notebook.ended_by}")
    self.output_timeout = WAIT  # from the reply to the last output
    ended = None
    try:
        _nbval_runtest(self)
    except KernelEnded as error:
        ended = error
    finally:
        if ended or notebook.timed_out:
            notebook.ended_by = f"{self.name}, {self.cell.get('id', 'without an id')}"
            if notebook.kernel.is_alive():
                notebook.kernel.stop()
    if notebook.timed_out:
        late = f"it did not end within {self.config.option.nbval_cell_timeout:g} s"
        ended = f"{late}; {ended or 'it did when it was interrupted'}"
    if ended:
        self.raise_cell_error(f"{notebook.ended_by}: {ended}")


def _teardown(self):
    """End the kernel; nbval leaves one that is dead already with its channels open."""
    _nbval_teardown(self)
    if self.kernel is not None and hasattr(self.kernel, "km"):
        self.kernel.stop()
