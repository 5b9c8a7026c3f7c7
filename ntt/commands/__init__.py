"""Commands beside runs: ``ntt weights``, ``ntt data``, ``ntt sweep`` and ``ntt report``, one module each."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

from ntt.compute.home import shortened

_MODULES = {
    "ablate": "ntt.commands.ablate",
    "weights": "ntt.commands.weights",
    "check": "ntt.commands.check",
    "data": "ntt.commands.data",
    "report": "ntt.commands.report",
    "show": "ntt.commands.show",
    "sweep": "ntt.commands.sweep",
}


def is_command(arguments: list[str]) -> bool:
    """Whether a command line is one of these commands, and not a run."""
    return bool(arguments) and arguments[0] in _MODULES


def run_command(arguments: list[str], conf: Path) -> int:
    """Do what the command line says; returns the exit code.

    Args:
        arguments: the command line without the program, the command's name first.
        conf: folder of the Hydra configs.

    Raises:
        InputError: what is asked for cannot be had.
    """
    module = import_module(_MODULES[arguments[0]])
    _log_to_console()
    code: int = module.run(arguments[1:], conf)
    return code


def _log_to_console() -> None:
    """Hydra sets up the logging of a run; here nobody else does."""
    import logging

    from ntt.screen.console import log_handler

    logging.basicConfig(level=logging.INFO, handlers=[log_handler()], force=True)


def complain(error: Exception) -> int:
    """Print the one sentence of an error; returns its exit code: 2 where it does not say another."""
    told = str(error) if sys.stderr.isatty() else shortened(str(error))  # a file is read by others
    print(f"ntt: {told}", file=sys.stderr)
    return int(getattr(error, "exit_code", 2))
