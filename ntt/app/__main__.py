"""``ntt app [FOLDER]``: start the server and open the page."""

from __future__ import annotations

import argparse
import secrets
import socket
import sys
import tempfile
import threading
import webbrowser
from pathlib import Path

from ntt.composition.presets import PRESETS
from ntt.errors import InputError

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_EPILOG = """\
examples:
  ntt app photos/ --networks demo            click an object, name it, see it found in all photographs
  ntt app photos/ --model birds.ntt          begin with a fitted model
  ntt app --runs outputs                     look at finished runs

The page is on this machine only. With --host 0.0.0.0 others can reach it, with the token that is printed; what travels
is not encrypted. Options key=value are those of a run (ntt run --help), such as device=cpu store.root=/data/store.
"""


def parser() -> argparse.ArgumentParser:
    """Of the flags."""
    made = argparse.ArgumentParser(
        prog="ntt app",
        description="Click one object, see it found everywhere: a local page for photographs without labels.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = made.add_argument
    add("words", nargs="*", metavar="FOLDER", help="folder of photographs, and options key=value")
    add("--model", metavar="FILE", help="a fitted model (.ntt) to begin with; it brings its networks")
    add(
        "--networks",
        choices=sorted(PRESETS),
        help="demo: small, for drawn scenes, no download; large: the paper's (large)",
    )
    add("--runs", metavar="DIR", default="outputs", help="folder of finished runs to look at (outputs)")
    add("--host", default="127.0.0.1", help="address to listen on (127.0.0.1: this machine only)")
    add("--port", type=int, default=7860, help="port to listen on, 0 for a free one (7860)")
    add("--no-browser", action="store_true", help="do not open the page in a browser")
    return made


def main(arguments: list[str] | None = None) -> int:
    """Serve until Ctrl-C; returns the exit code."""
    given = parser().parse_intermixed_args(arguments)
    try:
        serve(given)
    except InputError as error:
        print(f"ntt: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("ntt: the page is closed.", file=sys.stderr)
    return 0


def serve(given: argparse.Namespace) -> None:
    """Start everything and serve.

    Raises:
        InputError: a folder, a model or a checkpoint is not there, the port is taken, or a package is missing.
    """
    try:
        import uvicorn

        from ntt.app.guards import Guards
        from ntt.app.routes import application
        from ntt.app.runs import Runs
    except ImportError as error:
        raise InputError(
            f"The page needs packages that are not installed ({error.name}): pip install 'ntt-segment[app]'"
        ) from error
    from ntt.app.studio import Studio
    from ntt.model.load import load

    options = [word for word in given.words if "=" in word and not Path(word).exists()]
    folders = [word for word in given.words if word not in options]
    if len(folders) > 1:
        raise InputError(f"{folders[1]} is a second folder: `ntt app` opens one.")
    if given.model and given.networks:
        raise InputError("--model brings its networks: leave --networks out.")
    what = given.model or given.networks or "large"
    model = load(what, options=options)
    listening = _socket(given.host, given.port)
    port = listening.getsockname()[1]
    token = None if given.host in _LOOPBACK else secrets.token_urlsafe(24)
    with tempfile.TemporaryDirectory(prefix="ntt-app-") as dropped:
        folder = Path(folders[0]).expanduser() if folders else None
        studio = Studio(model, f"{model.config.backbone.name}, {model.config.segmenter.name}", folder, Path(dropped))
        guarded = Guards(application(studio, Runs(Path(given.runs))), _hosts(given.host, port), token)
        server = uvicorn.Server(uvicorn.Config(guarded, log_level="warning", access_log=False))
        address = _address(given.host, port, token)
        print(f"ntt: {len(studio.photos)} photographs; the page is at {address} (Ctrl-C ends it)", flush=True)
        if studio.photos.left_out:
            print(
                f"ntt: {studio.photos.left_out} links to places outside of the folder are not shown.", file=sys.stderr
            )
        studio.engine.start()
        if not given.no_browser:
            threading.Timer(0.5, webbrowser.open, [address]).start()
        try:
            server.run(sockets=[listening])
        finally:
            studio.close()


def _socket(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        made = socket.socket(family, socket.SOCK_STREAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"Nothing can listen on {host}, port {port} ({reason}): give another --port.") from error
    return made


def _hosts(host: str, port: int) -> set[str]:
    """Names by which the server may be called."""
    names = {"127.0.0.1", "localhost", "[::1]"}
    if host not in _LOOPBACK:
        names |= {socket.gethostname(), socket.getfqdn(), host}
        if host in ("0.0.0.0", "::"):  # every address of this machine
            names |= {str(found[4][0]) for found in socket.getaddrinfo(socket.gethostname(), None)}
    return {f"{name}:{port}" for name in map(str, names)}


def _address(host: str, port: int, token: str | None) -> str:
    shown = socket.gethostname() if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}/" + (f"?token={token}" if token else "")


if __name__ == "__main__":
    sys.exit(main())
