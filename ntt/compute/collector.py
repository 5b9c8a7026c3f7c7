"""The garbage collector, in processes that run many points."""

from __future__ import annotations

import gc
from functools import cache


@cache  # once is enough, and a second time would keep garbage
def keep_what_is_loaded() -> None:
    """Hide modules and networks from the garbage collector: looking at them was a quarter of what a point costs.

    Not in :mod:`ntt.run`, which is ``__main__``: a job sent to another host by pickle would not find it there.
    """
    gc.collect()
    gc.freeze()
