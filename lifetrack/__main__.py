"""``python -m lifetrack`` is the command ``lifetrack``."""

from __future__ import annotations

import sys

from lifetrack.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
