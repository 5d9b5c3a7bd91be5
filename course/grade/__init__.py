"""Grade a class: `run` is the entry, docs/grading.md describes how to use it.

What was handed in goes through these rooms: `intake` finds the files of each student,
and `ece662.exercises.reading` the text between the marker lines in them. `marks` puts
that text into a new copy of what students were handed out, runs it in the sandbox,
where `sandboxed` is the grader's part, and judges the outputs. `workers` are the
processes in which this happens. `books` makes grades of marks, by lists and rules that
`tables` reads, and `reports` writes pages and tables. Which room stands on which is
said in `tests/repository/test_imports.py`.
"""
