"""How right and wrong solutions are entered; see the other files of this folder."""

__all__ = ["right", "wrong"]


def right(group):
    """Enter the decorated function or class among the right solutions of a group."""

    def enter(solution):
        group[solution.__name__] = solution
        return solution

    return enter


def wrong(group, id, *words):
    """Enter one among the wrong solutions: its diagnosis, and words of the message."""

    def enter(solution):
        group[solution.__name__] = (solution, id, words)
        return solution

    return enter
