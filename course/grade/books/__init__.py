"""From marks to grades: the class, its rules, and the gradebooks of platforms.

`rules` reads `course.toml` and counts what is late, weighed or extra; `people` finds
whose a submission is in a list of any platform; `gradebooks` fills a column of a
platform's own file. What cannot be told apart is asked about, and nobody is left out.
"""
