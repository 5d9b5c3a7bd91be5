"""The processes that grade: a child with limits, and who asks it."""
