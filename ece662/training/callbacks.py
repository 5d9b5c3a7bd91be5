"""What watches a training run: log lines, a progress bar, checkpoints.

The Solver calls every callback's hooks with itself as the argument; a callback reads
the Solver's public attributes (`iteration`, `loss_history`, `val_acc_history`, ...)
and may call `solver.stop()`. The training loop knows nothing of any of them.
"""

import sys
import warnings

from ece662.training._resume import check_config
from ece662.training.checkpoint import check_writable

__all__ = ["Callback", "CheckpointWriter", "LogPrinter", "ProgressBar"]


class Callback:
    """A watcher that does nothing: override the hooks you need."""

    def on_train_begin(self, solver):
        """Run before the first step; the accuracies before training are known.

        (Unless a stop came while they were being measured.)
        """

    def on_batch_end(self, solver):
        """Run after each step."""

    def on_epoch_end(self, solver):
        """Run after each epoch, its accuracies included."""

    def on_train_end(self, solver):
        """Run once at the end, whatever ended it; see `solver.stop_reason`."""


class LogPrinter(Callback):
    """Print the loss every so many iterations and the accuracies every epoch."""

    def __init__(self, print_every=10):
        self.print_every = print_every

    def on_train_begin(self, solver):
        if solver.iteration == 0 and solver.val_acc_history:
            self.on_epoch_end(solver)

    def on_batch_end(self, solver):
        if (solver.iteration - 1) % self.print_every == 0:
            _print_line(
                f"(Iteration {solver.iteration} / {solver.num_iterations}) "
                f"loss: {solver.loss_history[-1]:f}"
            )

    def on_epoch_end(self, solver):
        _print_line(
            f"(Epoch {solver.epoch} / {solver.num_epochs}) "
            f"train acc: {solver.train_acc_history[-1]:f}; "
            f"val_acc: {solver.val_acc_history[-1]:f}"
        )


class ProgressBar(Callback):
    """Show how far training is, the time left and the latest figures.

    A bar of widgets in a notebook, of characters in a terminal, and nothing where
    the output goes to a file, so that logs stay readable.
    """

    def on_train_begin(self, solver):
        from tqdm.auto import tqdm
        from tqdm.notebook import tqdm_notebook

        hide = False if issubclass(tqdm, tqdm_notebook) else None  # None: no terminal
        self._bar = tqdm(
            total=solver.num_iterations,
            initial=solver.iteration,
            desc="training",
            unit="it",
            leave=False,
            disable=hide,
        )

    def on_batch_end(self, solver):
        self._bar.update(1)

    def on_epoch_end(self, solver):
        self._bar.set_postfix(
            loss=f"{solver.loss_history[-1]:.3f}",
            val_acc=f"{solver.val_acc_history[-1]:.3f}",
        )

    def on_train_end(self, solver):
        self._bar.close()


class CheckpointWriter(Callback):
    """Save the run after each epoch, and when it is interrupted between steps.

    What cannot be saved is found before hours of training: a file that cannot be
    written, at construction; a rule's config that no checkpoint can hold, after the
    first step. A disk that fills up later is a warning; training goes on.
    """

    def __init__(self, name):
        """Check that the file can be written.

        Raises:
            ValueError: no file can be written there.
        """
        self.name = check_writable(name)
        self._tried = False

    def on_batch_end(self, solver):
        if not self._tried:
            for config in solver.optim_configs.values():
                check_config(config)
            self._tried = True

    def on_epoch_end(self, solver):
        self._save(solver)

    def on_train_end(self, solver):
        if solver.stop_reason in ("interrupted", "stopped") and solver.resumable:
            self._save(solver)

    def _save(self, solver):
        try:
            solver.save(self.name)
        except OSError as error:
            warnings.warn(
                f"the checkpoint was not written, training goes on: {error}",
                RuntimeWarning,
                stacklevel=2,
            )


def _print_line(text):
    """Print a line without breaking a progress bar that may be on the screen."""
    from tqdm import tqdm

    tqdm.write(text, file=sys.stdout)
