"""Label Studio's export to COCO: its file names are paths of another machine, with letters of their own in front."""

from __future__ import annotations

from pathlib import Path

from ntt.data.readers import coco

_HEAD = 1 << 20
_NAME = b"Label Studio"


class Reader(coco.Reader):
    """As COCO: a json, or the folder `result.json` and `images` lie in.

    Category ids from 0 are taken as they are. `images\\name.jpg`, paths of its server, and the eight letters and a dash
    that uploads get in front of their names are left to ntt.data.pictures, as in any COCO file.
    """

    def recognises(self, path: Path) -> bool:
        """A COCO json that names Label Studio as its contributor."""
        return any(coco.looks_like_coco(file) and _names_label_studio(file) for file in coco.jsons(path))


def _names_label_studio(file: Path) -> bool:
    """Label Studio writes `info` last."""
    try:
        with file.open("rb") as opened:
            head = opened.read(_HEAD)
            opened.seek(-min(4096, file.stat().st_size), 2)
            return b'"contributor"' in (both := head + opened.read()) and _NAME in both
    except OSError:
        return False
