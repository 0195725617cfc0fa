"""A table that stays on the screen and is shown anew, by rich."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

_NUMBERS = 4


def follow(heads: Sequence[str], look: Callable[[], tuple[str, list[tuple[str, ...]]]], interval: float) -> bool:
    """Show what ``look`` gives, a title and rows, every ``interval`` seconds; raises ImportError without rich."""
    from rich.console import Console
    from rich.live import Live
    from rich.table import Table

    def made() -> Table:
        title, rows = look()
        table = Table(title=title, title_justify="left")
        for number, head in enumerate(heads):
            table.add_column(head, justify="right" if number < _NUMBERS else "left", no_wrap=number < _NUMBERS)
        for row in rows:
            table.add_row(*row)
        return table

    with Live(made(), console=Console(markup=False), screen=True, auto_refresh=False) as live:
        while True:
            time.sleep(interval)
            live.update(made(), refresh=True)
