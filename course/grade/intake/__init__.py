"""What was handed in: who did, and which of its files are read."""
