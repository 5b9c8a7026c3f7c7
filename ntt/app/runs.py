"""Finished runs for the page: their figures and their pictures, from the folders that runs write."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

from ntt.errors import InputError
from ntt.foreign.documents import object_or_none

_PICTURES = {".png": "image/png", ".jpg": "image/jpeg", ".webp": "image/webp"}
_MOST = 500  # runs in the list, the newest
_SHOWN = ("AP", "AP50", "AP75", "APs", "APm", "APl")


class Runs:
    """The finished runs below a folder.

    Args:
        root: such as outputs; None to show none.
    """

    def __init__(self, root: Path | None) -> None:
        self._root = root.resolve() if root is not None and root.is_dir() else None

    async def listed(self, request: Request) -> Response:
        """Every run with its headline figures, newest first."""
        del request
        return JSONResponse({"runs": await run_sync(self._list)})

    async def one(self, request: Request) -> Response:
        """One run: its figures, and the names of its pictures."""
        return JSONResponse(await run_sync(self._one, request.path_params["run"]))

    async def picture(self, request: Request) -> Response:
        """A picture of a run."""
        folder, name = await run_sync(self._folder, request.path_params["run"]), request.path_params["picture"]
        file = (folder / name).resolve()
        if not file.is_relative_to(folder) or file.suffix not in _PICTURES or not file.is_file():
            raise InputError("There is no such picture.")
        return FileResponse(file, media_type=_PICTURES[file.suffix])

    def _list(self) -> list[dict[str, Any]]:
        folders = sorted(self._folders().items(), key=lambda one: one[1].stat().st_mtime, reverse=True)[:_MOST]
        return [{"id": identity, "name": self._name(folder), **_headline(folder)} for identity, folder in folders]

    def _one(self, identity: str) -> dict[str, Any]:
        folder = self._folder(identity)
        pictures = sorted(
            file.relative_to(folder).as_posix()
            for file in folder.rglob("*")
            if file.suffix in _PICTURES and file.resolve().is_relative_to(folder)
        )
        metrics = object_or_none(folder / "metrics.json") or {}
        return {"id": identity, "name": self._name(folder), "metrics": metrics, "pictures": pictures}

    def _folders(self) -> dict[str, Path]:
        """Folders of runs by a name that is no path."""
        if self._root is None:
            return {}
        found = [file.parent.parent for file in self._root.rglob(".hydra/config.yaml")]
        inside = [folder for folder in found if folder.resolve().is_relative_to(self._root)]
        return {hashlib.sha256(str(folder).encode()).hexdigest()[:16]: folder.resolve() for folder in inside}

    def _folder(self, identity: str) -> Path:
        try:
            return self._folders()[identity]
        except KeyError:
            raise InputError("There is no such run any more.") from None

    def _name(self, folder: Path) -> str:
        assert self._root is not None
        return folder.relative_to(self._root).as_posix()


def _headline(folder: Path) -> dict[str, Any]:
    metrics = object_or_none(folder / "metrics.json") or {}
    return {
        kind: {key: metrics[kind][key] for key in _SHOWN if key in metrics[kind]}
        for kind in ("bbox", "segm")
        if isinstance(metrics.get(kind), dict)
    }
