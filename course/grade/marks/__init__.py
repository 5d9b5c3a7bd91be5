"""The marks of one submission: run in the sandbox, judged outside it."""
