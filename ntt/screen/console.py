"""Log lines: coloured where somebody watches, plain where a file or a pipe does."""

from __future__ import annotations

import logging
import sys

from ntt.compute.home import HomelessFormatter


def log_handler() -> logging.Handler:
    """Return the console handler of Hydra's job logging.

    Off a terminal rich would wrap lines at 80 columns, which breaks grep; hence the plain handler there.
    """
    import rich

    # The console that progress bars draw on, so that lines appear above a bar and not through it.
    console = rich.get_console()
    if console.is_terminal:
        from rich.logging import RichHandler

        return RichHandler(console=console, show_path=False, log_time_format="%H:%M:%S")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(HomelessFormatter("%(asctime)s %(levelname)s %(message)s", datefmt="%H:%M:%S"))
    return handler
