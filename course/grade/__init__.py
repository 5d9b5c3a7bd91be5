"""Grade a class: `run` leads through it, docs/grading.md tells how it is used.

intake opens a submission, `ece662.exercises.reading` takes what stands between the
marker lines, pristine puts it into a fresh students' copy, marking runs that in the
sandbox and judges what comes back, reports tells teacher and students.
"""
