"""The questions that the page asks, and their answers: JSON, pictures and files, by Starlette."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from anyio.to_thread import run_sync
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from ntt.app import exporting
from ntt.app.guards import WINDOW
from ntt.app.photos import Photo, picture
from ntt.app.project import Project, class_name
from ntt.app.runs import Runs
from ntt.app.studio import Studio
from ntt.app.values import boxed, clicked, identity, number, segmentation
from ntt.data.images import UnreadableImage
from ntt.errors import InputError, NotFinite
from ntt.exports.settings import formats
from ntt.reporting.colours import class_colours

_PAGE = Path(__file__).parent / "page"
_KINDS = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
Handler = Callable[[Request], Awaitable[Response]]


def application(studio: Studio, runs: Runs) -> Starlette:
    """Every route of the page."""
    page = Routes(studio)
    routes = [
        Route("/api/photos", _told(page.photos)),
        Route("/api/photos", _told(page.drop), methods=["PUT"]),
        Route("/api/photos/{photo}/picture", _told(page.picture)),
        Route("/api/photos/{photo}/small", _told(page.small)),
        Route("/api/prompt", _told(page.prompt), methods=["POST"]),
        Route("/api/references", _told(page.refer), methods=["POST"]),
        Route("/api/references/{reference:int}", _told(page.unrefer), methods=["DELETE"]),
        Route("/api/references/{reference:int}/picture", _told(page.thumbnail)),
        Route("/api/state", _told(page.state)),
        Route("/api/results", _told(page.results), methods=["POST"]),
        Route("/api/corrections", _told(page.correct), methods=["POST"]),
        Route("/api/export", _told(page.export), methods=["POST"]),
        Route("/api/model", _told(page.save), methods=["GET"]),
        Route("/api/model", _told(page.load), methods=["PUT"]),
        Route("/api/runs", _told(runs.listed)),
        Route("/api/runs/{run}", _told(runs.one)),
        Route("/api/runs/{run}/pictures/{picture:path}", _told(runs.picture)),
        Route("/", _file("index.html")),
        *(Route(f"/{file.name}", _file(file.name)) for file in sorted(_PAGE.iterdir()) if file.suffix in _KINDS),
    ]
    return Starlette(routes=routes)


class Routes:
    """The routes of a studio; each takes the window's name from its header."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    async def photos(self, request: Request) -> Response:
        """All photographs, and whether they were looked at."""
        del request
        studio = self._studio
        return JSONResponse(
            {"left_out": studio.photos.left_out, "photos": [_listed(studio, p) for p in studio.photos.all()]}
        )

    async def drop(self, request: Request) -> Response:
        """Keep a picture that was dropped; its bytes are the request's body."""
        name = request.query_params.get("name", "")
        content = await request.body()
        photo = await run_sync(self._studio.photos.drop, name, content)
        return JSONResponse(_listed(self._studio, photo))

    async def picture(self, request: Request) -> Response:
        """The photograph in view; its first click will be answered at once."""
        photo = self._photo(request)
        self._studio.engine.prepare(photo)
        return await self._jpeg(photo, False)

    async def small(self, request: Request) -> Response:
        """The photograph in the list."""
        photo = self._photo(request)
        response = await self._jpeg(photo, True)
        await run_sync(self._studio.guesses.note, photo, bytes(response.body))
        return response

    async def prompt(self, request: Request) -> Response:
        """Masks that clicks and a box may mean."""
        asked = await _read(request)
        photo = self._studio.photos.get(identity(asked, "photo"))
        inside, outside = clicked(asked, "inside"), clicked(asked, "outside")
        box = boxed(asked)
        choices = await run_sync(self._studio.engine.prompt(photo, box, inside, outside).result)
        return JSONResponse({"choices": [{"rle": one.rle, "quality": one.quality} for one in choices]})

    async def refer(self, request: Request) -> Response:
        """Make a reference of a mask and a name."""
        asked = await _read(request)
        project, photo = self._project(request), self._studio.photos.get(identity(asked, "photo"))
        name, rle = class_name(asked.get("name")), segmentation(asked)
        reference = await run_sync(self._studio.engine.reference(photo, rle, name).result)
        example = project.add(reference, photo, rle)
        return JSONResponse({"id": example.id, "version": project.version})

    async def unrefer(self, request: Request) -> Response:
        """Take a reference away."""
        project = self._project(request)
        project.remove(request.path_params["reference"])
        return JSONResponse({"version": project.version})

    async def thumbnail(self, request: Request) -> Response:
        """A reference's crop. The window stands in the address, since an image sends no header."""
        project = self._studio.windows.project(request.query_params.get("window", ""))
        for one in project.examples:
            if one.id == request.path_params["reference"]:
                return Response(one.reference.thumbnail, media_type="image/jpeg")
        raise InputError("There is no such reference any more.")

    async def state(self, request: Request) -> Response:
        """References, classes, the suggested threshold and how many photographs were looked at."""
        studio, project = self._studio, self._project(request)
        warnings = await run_sync(project.warnings)
        classes = [*dict.fromkeys([*project.classes, *project.names()])]
        every = studio.photos.all()
        return JSONResponse(
            {
                "version": project.version,
                "classes": [{"name": n, "colour": list(c)} for n, c in class_colours(classes).items()],
                "references": [
                    {
                        "id": one.id,
                        "name": one.reference.name,
                        "photo": one.photo.id if one.photo else None,
                        "source": one.reference.source,
                        "resembles": warnings.get(one.id),
                    }
                    for one in project.examples
                ],
                "suggested": await run_sync(project.suggested),
                "looked": sum(studio.seen.is_done(photo) for photo in every),
                "unreadable": sum(studio.engine.unreadable(photo) is not None for photo in every),
                "photos": len(every),
                "fault": studio.engine.fault,
                "formats": formats(),
                "networks": studio.networks,
            }
        )

    async def results(self, request: Request) -> Response:
        """The detections of the photographs in view; the others are looked at behind them."""
        asked = await _read(request)
        studio, project = self._studio, self._project(request)
        wanted = asked.get("photos")
        if not isinstance(wanted, list) or len(wanted) > 200:
            raise InputError("photos is a list of at most 200.")
        photos = [studio.photos.get(str(one)) for one in wanted]
        await run_sync(studio.arrange, request.headers[WINDOW], project, photos)
        return JSONResponse(await run_sync(studio.results, project, photos))

    async def correct(self, request: Request) -> Response:
        """Delete, rename, add or restore."""
        asked = await _read(request)
        project, photo = self._project(request), self._studio.photos.get(identity(asked, "photo"))
        match asked.get("action"):
            case "delete":
                project.correct(photo, int(number(asked, "object")), None)
            case "rename":
                project.correct(photo, int(number(asked, "object")), class_name(asked.get("name")))
            case "add":
                project.draw(photo, class_name(asked.get("name")), segmentation(asked, photo))
            case "restore":
                project.restore(photo)
            case other:
                raise InputError(f"action={other!r} is none of delete, rename, add, restore.")
        return JSONResponse({"version": project.version})

    async def export(self, request: Request) -> Response:
        """Everything that was found, as a zip."""
        asked = await _read(request)
        project = self._project(request)
        wanted, threshold = asked.get("formats", []), float(number(asked, "threshold", whole=False))
        if not isinstance(wanted, list) or not all(isinstance(one, str) for one in wanted):
            raise InputError("formats is a list of names.")
        content = await run_sync(self._zip, project, wanted, threshold)
        return Response(content, media_type="application/zip", headers=_download("found.zip"))

    def _zip(self, project: Project, wanted: list[str], threshold: float) -> bytes:
        results = self._studio.everything(project)
        return exporting.as_zip(results, project.categories, project.examples, wanted, threshold)

    async def save(self, request: Request) -> Response:
        """The fitted model, for `ntt predict --references` and `ntt.load`."""
        content = await run_sync(self._studio.saved, self._project(request))
        return Response(content, media_type="application/octet-stream", headers=_download("fitted.ntt"))

    async def load(self, request: Request) -> Response:
        """Begin anew with a fitted model; its bytes are the request's body."""
        project = self._project(request)
        await run_sync(self._studio.load, project, await request.body())
        return JSONResponse({"version": project.version})

    def _project(self, request: Request) -> Project:
        return self._studio.windows.project(request.headers.get(WINDOW, ""))

    def _photo(self, request: Request) -> Photo:
        return self._studio.photos.get(request.path_params["photo"])

    async def _jpeg(self, photo: Photo, small: bool) -> Response:
        modified = photo.path.stat().st_mtime_ns
        return Response(await run_sync(picture, photo.path, modified, small), media_type="image/jpeg")


def _listed(studio: Studio, photo: Photo) -> dict[str, Any]:
    unreadable = studio.engine.unreadable(photo)
    return {
        "id": photo.id,
        "name": photo.name,
        "width": photo.width,
        "height": photo.height,
        "looked": studio.seen.is_done(photo),
        "unreadable": unreadable,
    }


def _told(handler: Handler) -> Handler:
    """What is wrong with a question as one sentence, with a status that fits."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except UnreadableImage as error:
            return JSONResponse({"error": f"The photograph cannot be read: {error.reason}."}, 415)
        except NotFinite as error:
            return JSONResponse({"error": str(error)}, 500)
        except InputError as error:
            return JSONResponse({"error": str(error)}, 400)
        except OSError as error:
            return JSONResponse({"error": f"A file cannot be read or written ({error.strerror})."}, 500)

    return answer


def _file(name: str) -> Handler:
    async def answer(request: Request) -> Response:
        del request
        return FileResponse(_PAGE / name, media_type=_KINDS[Path(name).suffix])

    return answer


async def _read(request: Request) -> dict[str, Any]:
    try:
        asked = json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        raise InputError("The request is no JSON.") from error
    if not isinstance(asked, dict):
        raise InputError("The request is no JSON object.")
    return asked


def _download(name: str) -> dict[str, str]:
    return {"content-disposition": f'attachment; filename="{name}"'}
