"""Modules that run in the sandbox, copied into the students' package."""
