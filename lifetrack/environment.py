"""Starting from the environment: ``LIFETRACK=<level>``."""

from __future__ import annotations

import os
import sys

from lifetrack.tracker import default_tracker
from lifetrack.values.errors import ConfigurationError


def start_from_environment() -> None:
    """Start the default tracker at the level that ``LIFETRACK`` names; a bad one is one clear line, and none starts."""
    level = os.environ["LIFETRACK"]
    try:
        default_tracker().start(level)
    except ConfigurationError as error:
        sys.stderr.write(f"lifetrack: error: environment variable LIFETRACK: {error}\n")
