"""``python -m lifetrack`` is the command ``lifetrack``."""

from __future__ import annotations

import sys

if not sys.flags.safe_path and sys.path:
    # Python has put the current directory first. What lies there is the program's and shall not be loaded by us: from
    # here on the place is held by a name that nothing has, until the program's own folder comes.
    sys.path[0] = "<lifetrack>"

from lifetrack.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
