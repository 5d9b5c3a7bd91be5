"""Run code that nobody has read, and get nothing back but numbers."""
