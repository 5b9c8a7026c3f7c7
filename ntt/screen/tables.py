"""Tables on a terminal fit its width; in a file or a pipe they have the width that they need."""

from __future__ import annotations

import rich
from rich.console import Console
from rich.table import Table

_WIDEST = 10_000  # columns; no table of ours needs as many


def show_table(table: Table) -> None:
    """Print a table on standard output, no cell cut off by a width that nobody looks at."""
    console = rich.get_console()
    if not console.is_terminal:
        console = Console(width=_WIDEST)
        console = Console(width=max(1, min(_WIDEST, console.measure(table).maximum)))
    console.print(table)
