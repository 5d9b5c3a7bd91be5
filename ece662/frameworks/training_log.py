"""A log for training loops of your own, so that none of them fails silently (Q5).

    log = TrainingLog(num_classes=6)
    log.epoch(val_acc)                    # once before training: epoch 0
    for each epoch:
        for each batch:
            ...                           # forward, backward, update
            log.step(loss)
        log.epoch(val_acc, train_acc)

It takes plain numbers, so that any framework's loop can use it, and keeps them under
the names that the Solver uses: `show_training(log)` draws them. A network that has gone
wrong rarely raises an error. It goes on computing nan, or gives one and the same answer
to every picture; both are caught here, and what usually is to blame is named.
"""

import math

__all__ = ["TrainingLog"]

NO_NUMBER = (
    "a learning rate too high: try a tenth",
    "initial weights, or pixels, too large: the first loss should be near {guess:.2f}",
    "nan or inf among the pixels, or a log(0) or 0/0 in a loss of your own",
)
STILL_GUESSING = (
    "a learning rate so high that no ReLU answers any more, or far too low: a factor "
    "of ten either way tells",
    "pictures and labels that do not belong together: shuffled apart, or the axes of "
    "the pictures in the wrong order",
    "weights that never move: unknown to the optimizer, all zero, or without gradient",
    "a softmax too many: most losses of a framework want the scores themselves",
)


class TrainingLog:
    """The histories of one run, and a warning where they show that it has failed.

    Attributes:
        loss_history: the loss of each step.
        train_acc_history, val_acc_history: accuracies before training and after each
            epoch: one more entry than epochs. An unknown one is nan.
        best_val_acc: the highest validation accuracy so far.
    """

    def __init__(self, num_classes: int = 6, print_every: int = 100):
        """Begin with empty histories.

        Args:
            num_classes: classes to tell apart; a guess is right once in so many times.
            print_every: steps between two lines that tell the loss; 0 for none.
        """
        self.num_classes = num_classes
        self.print_every = print_every
        self.loss_history = []
        self.train_acc_history = []
        self.val_acc_history = []

    @property
    def best_val_acc(self) -> float:
        """The highest validation accuracy so far; nan where there is none."""
        return max(self.val_acc_history, default=math.nan)

    def step(self, loss: float) -> None:
        """Note the loss of one step; print it now and then.

        Raises:
            FloatingPointError: the loss is nan or infinite. Nothing that training
                does from there on can make it a number again.
        """
        loss, step = float(loss), len(self.loss_history) + 1
        if not math.isfinite(loss):
            causes = _list(NO_NUMBER, guess=math.log(self.num_classes))
            raise FloatingPointError(
                f"the loss is {loss} at step {step}. Usual causes:\n{causes}"
            )
        self.loss_history.append(loss)
        if self.print_every and (step - 1) % self.print_every == 0:
            print(f"(Iteration {step}) loss: {loss:f}")

    def epoch(self, val_acc: float, train_acc: float = math.nan) -> None:
        """Note the accuracies of an epoch, and print them; call it once before any.

        An accuracy that is still a guess after training is said to be one.

        Args:
            val_acc: the share of right answers in validation, from 0 to 1.
            train_acc: the same in training, if it is known.

        Raises:
            ValueError: an accuracy is not between 0 and 1.
        """
        val_acc, train_acc = float(val_acc), float(train_acc)
        _check_accuracy("val_acc", val_acc)
        if not math.isnan(train_acc):
            _check_accuracy("train_acc", train_acc)
        self.val_acc_history.append(val_acc)
        self.train_acc_history.append(train_acc)
        known = "" if math.isnan(train_acc) else f"train acc: {train_acc:f}; "
        print(f"(Epoch {len(self.val_acc_history) - 1}) {known}val_acc: {val_acc:f}")
        # A fifth above a guess is what a net reaches that can tell nothing apart.
        if self.loss_history and val_acc <= 1.2 / self.num_classes:
            print(
                f"This is still a guess: chance is right once in {self.num_classes} "
                f"times. Usual causes:\n{_list(STILL_GUESSING)}"
            )


def _check_accuracy(name, accuracy):
    if not 0 <= accuracy <= 1:
        raise ValueError(f"{name} must be between 0 and 1, got {accuracy}")


def _list(causes, **values):
    """Write causes as lines."""
    return "\n".join(f"- {cause.format(**values)}" for cause in causes)
