"""``lifetrack merge``: several stored reports become one."""

from __future__ import annotations

from collections.abc import Sequence

from lifetrack.cli.stored import load
from lifetrack.reports.files import check_writable, write_report
from lifetrack.reports.merging import merged


def merge(files: Sequence[str], out: str) -> bool:
    """Merge the reports in ``files`` into ``out``; the first one's process is that of the whole.

    Raises ConfigurationError for a file that is no report, before anything is written, or if ``out`` cannot be written.
    """
    check_writable(out)
    main, *others = map(load, files)
    write_report(merged(main, others), out)
    return True
