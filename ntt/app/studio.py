"""All that a server holds: photographs, networks, what was seen, and the windows that ask."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ntt.app.engine import Engine
from ntt.app.guesses import Guesses
from ntt.app.photos import Photo, Photos
from ntt.app.project import Hit, Project, matching_thread
from ntt.app.seen import Seen
from ntt.app.windows import Windows
from ntt.data.images import UnreadableImage
from ntt.errors import InputError
from ntt.fitted.files import read_model, write_model
from ntt.fitted.identity import refuse_another_encoder
from ntt.model.model import Model

_BEHIND = 5000  # photographs that a window may have waiting


class Studio:
    """One server's state.

    Args:
        model: not loaded yet; one with references begins each window with them.
        networks: what they are called on the page.
        folder: of photographs; None to begin with what is dropped.
        dropped: where dropped pictures are kept.
    """

    def __init__(self, model: Model, networks: str, folder: Path | None, dropped: Path) -> None:
        self.networks = networks
        self._model = model
        self._matching = matching_thread()
        self.photos = Photos(folder, dropped)
        self.guesses = Guesses()
        self.seen = Seen(model.config, model.networks)
        self.engine = Engine(model.config, model.networks, self.seen)
        self.windows = Windows(self._new_project, self.engine.forget)

    def close(self) -> None:
        """End all threads."""
        self.engine.close()
        self._matching.shutdown(wait=False, cancel_futures=True)

    def arrange(self, window: str, project: Project, in_view: Sequence[Photo]) -> None:
        """What a window needs looked at next: nothing without a reference; what is in view, then the rest."""
        examples = project.examples
        if not examples:
            self.engine.forget(window)
            return
        unseen = [photo for photo in self.photos.all() if not self.seen.is_done(photo)][:_BEHIND]
        first = {photo.id for photo in in_view}
        rest = self.guesses.likeliest_first(
            [photo for photo in unseen if photo.id not in first], [one.reference.thumbnail for one in examples]
        )
        self.engine.want(window, [*(photo for photo in in_view if not self.seen.is_done(photo)), *rest])

    def results(self, project: Project, photos: Sequence[Photo]) -> dict[str, Any]:
        """The detections of photographs that were looked at; of the others why not."""
        found: dict[str, Any] = {}
        for photo in photos:
            if (reason := self.engine.unreadable(photo)) is not None:
                found[photo.id] = {"unreadable": reason}
            elif (hits := self._hits(project, photo)) is not None:
                found[photo.id] = {"hits": [vars(hit) for hit in hits], "corrected": project.corrected(photo)}
            else:
                found[photo.id] = {"waiting": True}
        return {"version": project.version, "results": found}

    def everything(self, project: Project) -> list[tuple[Photo, list[Hit]]]:
        """The detections of every photograph that was looked at.

        Raises:
            InputError: there is no reference, or nothing was looked at.
        """
        if not project.examples:
            raise InputError("There is no reference yet: click an object and name it.")
        found = [(photo, hits) for photo in self.photos.all() if (hits := self._hits(project, photo)) is not None]
        if not found:
            raise InputError("No photograph was looked at yet: wait for the first results.")
        return found

    def saved(self, project: Project) -> bytes:
        """The fitted model's file."""
        examples = project.examples
        if not examples:
            raise InputError("There is no reference yet: click an object and name it.")
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "fitted.ntt"
            references = [one.reference for one in examples]
            write_model(file, project.categories, references, self._model.networks.identity)
            return file.read_bytes()

    def load(self, project: Project, content: bytes) -> None:
        """Begin a window anew with a fitted model.

        Raises:
            InputError: it is none, or one of other networks.
        """
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "model.ntt"
            file.write_bytes(content)
            try:
                saved = read_model(file)
                own = self._model.networks.identity
                refuse_another_encoder(file, saved.header, own["backbone"], own["context"])
            except InputError as error:
                raise InputError(str(error).replace(str(file), "The file")) from None
        project.replace_all(saved.header.categories, saved.references)

    def _new_project(self) -> Project:
        project = Project(self._model.config, self._matching)
        if self._model.references:
            project.replace_all(self._model.categories, self._model.references)
        return project

    def _hits(self, project: Project, photo: Photo) -> list[Hit] | None:
        if self.engine.unreadable(photo) is not None:
            return None
        try:
            seen = self.seen.of(photo) if self.seen.is_done(photo) or self.engine.ready else None
        except UnreadableImage:
            return None
        return None if seen is None else project.hits(photo, seen)
