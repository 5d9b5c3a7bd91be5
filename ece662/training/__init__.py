"""What goes on around the Solver's loop.

    accuracy         the share of right answers
    callbacks        what watches a run: the log, the progress bar, the checkpoint
    checkpoint       a run on disk, in one file
    _resume          a run taken up again where its checkpoint left it
    _solver_checks   what the Solver demands of its arguments

The Solver imports these, none of them imports the Solver.
"""
