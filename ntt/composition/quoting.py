"""How an option has to be written so that the shell and Hydra read what is meant."""

from __future__ import annotations

import re
import shlex

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException


def quoted(override: str) -> str | None:
    """An option as it can be pasted into a shell, its value one text (or a list of texts) whatever characters it has.

    Args:
        override: such as `dataset.root=/data/a(1)`, which Hydra cannot read as it is.

    Returns:
        `'dataset.root="/data/a(1)"'`; None where no quoting helps.
    """
    key, equals, value = override.partition("=")
    if not equals or not key:
        return None
    candidates = [f"{key}={as_text(value)}"]
    if value.startswith("[") and value.endswith("]"):
        items = [item.strip().strip("\"'") for item in value[1:-1].split(",")]
        candidates.insert(0, f"{key}=[{','.join(map(as_text, items))}]")
    return next((shlex.quote(one) for one in candidates if _readable(one)), None)


def as_text(value: str) -> str:
    """A value in quotes: Hydra and OmegaConf read exactly these characters."""
    # Hydra takes a backslash literally except before a quote, as the closing one is; OmegaConf one except before ${.
    escaped = re.sub(r'(\\*)("|$)', lambda found: 2 * found[1] + ('\\"' if found[2] else ""), value)
    return '"' + escaped.replace("${", "\\${") + '"'


def _readable(override: str) -> bool:
    try:
        read: Override = OverridesParser.create().parse_override(override)
    except HydraException:
        return False
    return not read.is_sweep_override()
