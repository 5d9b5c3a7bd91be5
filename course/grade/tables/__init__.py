"""Tables that come from people and their spreadsheets: read, matched, accounted for.

`reading` makes rows of a file, `values` makes numbers of its cells, `names` finds out
which student a cell means. What cannot be understood is said, row by row, and nothing
is guessed: where the evidence fits two students, it is for a person to decide.
"""
