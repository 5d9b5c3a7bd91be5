"""Grade a class: `run` is the entry, docs/grading.md describes how to use it.

intake opens a submission, `ece662.exercises.reading` reads the text between the marker
lines, pristine puts it into a new copy of what students were handed out, marking runs
that in the sandbox and judges the outputs, reports writes the pages and tables.
"""
