"""``python -m ece662``: the same as the command ``ece662``."""

import sys

from ece662.commands.cli import main

if __name__ == "__main__":
    sys.exit(main())
