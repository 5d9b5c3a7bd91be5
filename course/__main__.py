"""``python -m course`` is ``ece662-staff``."""

import sys

from course.cli import main

if __name__ == "__main__":
    sys.exit(main())
