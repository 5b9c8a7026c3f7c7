"""``python -m ntt``: the same as ``ntt``."""

from __future__ import annotations

from ntt.run import main

if __name__ == "__main__":
    main()
