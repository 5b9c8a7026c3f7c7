"""``ntt predict``: find and segment objects in images, given a few labelled examples.

It composes ``+experiment=custom`` and runs it in the folder that is asked for: the same code, the same files.
"""

from __future__ import annotations

import argparse
import difflib
import re
import shutil
import sys
from pathlib import Path

from ntt.composition.presets import PRESETS
from ntt.composition.quoting import as_text
from ntt.config import user_path
from ntt.data.plugins import VIDEO_SUFFIXES
from ntt.errors import InputError
from ntt.exports.settings import formats
from ntt.fitted.files import is_model, read_header

_OVERRIDE = re.compile(r"(\+{0,2}[\w./@]+=.*|~[\w./@]+)", re.DOTALL)
_OURS = (
    "detections.json",
    "exports",
    "frames",
    "images.txt",
    "overlays",
    "predictions.json",
    "skipped.json",
    "unreadable.json",
)
_MEANT = {  # names that other programs have for ours
    "--conf": "--threshold",
    "--format": "--export",
    "--input": "--images",
    "--labels": "--references",
    "--output": "--out",
    "--refs": "--references",
    "--score": "--threshold",
    "--source": "--images",
    "--targets": "--images",
    "--video": "--images",
}
_NEEDED = {
    "references": "the labelled examples, such as a COCO json or a folder of labelme files",
    "images": "a folder, files, or a video",
    "out": "the folder to write to",
}
_DESCRIPTION = """\
Find and segment objects in images, given a few labelled examples of each class.

Writes into --out: predictions.json (COCO results, all of them), detections.json (a COCO dataset with scores),
skipped.json (what was given and not used), overlays/ (pictures), and exports/FORMAT/ for each --export.
"""
_EXAMPLES = """\
examples:
  ntt predict --references refs.json --images photos/ --out found
  ntt predict --references refs.json --images a.jpg b.jpg --out found --threshold 0.5 --export yolo,labelme
  ntt predict --references refs.json --images photos/ --out found --networks demo device=cpu
  ntt predict --references refs.json --images photos/ --out found backbone=dinov2_vitb14_reg segmenter=sam2_1_hiera_tiny

Corrected exports are references again: ntt predict --references found/exports/labelme --images more/ --out again
Options written key=value are those of a run (ntt run --help).
"""


def as_run(arguments: list[str]) -> list[str]:
    """The options of the run that does it.

    Raises:
        InputError: a flag is unknown, an image is missing, or the folder is not empty.
    """
    given, rest = parser().parse_known_args(arguments)
    for word in rest:
        if word.startswith("-"):
            raise InputError(f"ntt predict has no flag {word.partition('=')[0]}: {_flag_meant(word)}")
    for flag in _NEEDED:
        if getattr(given, flag) is None:
            raise InputError(f"ntt predict needs --{flag}: {_NEEDED[flag]}.")
    images = [word for word in given.images if not _is_override(word)]
    overrides = [word for word in given.images if _is_override(word)]
    overrides += _overrides(rest)
    wanted = [f"export.formats=[{','.join(_formats(given.export))}]"] if given.export else []
    out = user_path(given.out)
    targets = _targets(images, out)
    _prepare(out, given.force)
    if targets.suffix.lower() in VIDEO_SUFFIXES and len(images) == 1:
        targets = _frames(targets, out / "frames", given.every)
    if len(images) > 1:
        targets.write_text("".join(f"{Path(image).expanduser().absolute()}\n" for image in images), encoding="utf-8")
    own = {
        "dataset.references": user_path(given.references),
        "dataset.targets": targets,
        "dataset.reference_images": given.reference_images,
        "hydra.run.dir": out,
        "export.threshold": given.threshold,
        "export.tolerance": given.tolerance,
        "report.score": given.threshold,
    }
    preset = PRESETS[given.networks] if given.networks else _of_a_model(user_path(given.references))
    named = {override.partition("=")[0] for override in overrides}
    preset = [option for option in preset if option.partition("=")[0] not in named]
    wanted += [
        f"{key}={value if isinstance(value, float) else as_text(str(value))}"
        for key, value in own.items()
        if value is not None
    ]
    return ["+experiment=custom", "report.pictures=1000", *preset, *wanted, *overrides]


def parser() -> argparse.ArgumentParser:
    """Of the flags; what is left over are options of the run."""
    made = argparse.ArgumentParser(
        prog="ntt predict",
        usage="ntt predict --references R --images I [I ...] --out DIR [flags] [key=value ...]",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = made.add_argument
    add(
        "--references",
        metavar="R",
        help="labelled examples: COCO json, labelme, YOLO, VOC, masks; or a fitted model",
    )
    add("--reference-images", metavar="DIR", help="folder of their images, where it is not found beside them")
    add("--images", nargs="+", metavar="I", help="a folder, files, or a video")
    add("--out", metavar="DIR", help="folder to write to: a new or an empty one")
    add("--force", action="store_true", help="write to a folder that is not empty; earlier results in it are removed")
    add(
        "--networks", choices=sorted(PRESETS), help="demo: small ones for drawn scenes, no download; large: the paper's"
    )
    add("--threshold", type=float, metavar="T", help="lowest score in detections.json, exports and pictures (0)")
    add("--export", metavar="F,F", help=f"other formats: {', '.join(formats())}")
    add("--every", type=float, default=1.0, metavar="S", help="of a video, a frame each S seconds (1); 0: all frames")
    add("--tolerance", type=float, metavar="PX", help="how far polygons may stray from an outline, in pixels (1)")
    return made


def _of_a_model(references: Path) -> list[str]:
    """A fitted model brings the names of its networks."""
    return read_header(references).networks["options"] if is_model(references) else []


def _is_override(word: str) -> bool:
    return _OVERRIDE.fullmatch(word) is not None and not _is_there(word)


def _is_there(word: str) -> bool:
    try:
        return Path(word).expanduser().exists()
    except (OSError, RuntimeError, ValueError):  # too long for a name, as options can be; no such home; a NUL
        return False


def _overrides(words: list[str]) -> list[str]:
    """Those of the words that are options of a run; all of them have to be."""
    for word in words:
        if not _is_override(word):
            raise InputError(
                f"{word} is neither a flag nor an option key=value: images are given after --images, and examples "
                "after --references."
            )
    return words


def _flag_meant(word: str) -> str:
    flag = word.partition("=")[0]
    known = [option for action in parser()._actions for option in action.option_strings]
    plain = "--" + flag.lstrip("-").replace("_", "-")
    meant = _MEANT.get(plain) or next(iter(difflib.get_close_matches(plain, known, n=1, cutoff=0.7)), None)
    if meant:
        return f"did you mean {meant}?"
    name = flag.lstrip("-").replace("-", "_")
    return f"an option of the run is written {name}=VALUE, without dashes; `ntt predict --help` lists the flags."


def _formats(text: str) -> list[str]:
    wanted = [name.strip().lower() for name in text.split(",") if name.strip()]
    for name in wanted:
        if name not in formats():
            close = difflib.get_close_matches(name, formats(), n=1)
            hint = f"did you mean {close[0]}?" if close else f"give some of {','.join(formats())}."
            raise InputError(f"--export {name} is no format that ntt writes: {hint}")
    return wanted


def _targets(images: list[str], out: Path) -> Path:
    """What the run takes as its targets: the one path that was given, or a list of several in the run's folder."""
    if not images:
        raise InputError("--images names no image: give a folder, files, or a video after it.")
    for image in images:
        if not _is_there(image):
            raise InputError(f"{image} does not exist (--images): give a folder, files, or a video.")
    if len(images) > 1:
        folder = next((image for image in images if Path(image).expanduser().is_dir()), None)
        if folder:
            raise InputError(f"{folder} is a folder among other images (--images): give one folder, or files only.")
        return out / "images.txt"
    return user_path(images[0])


def _frames(video: Path, folder: Path, every: float) -> Path:
    from ntt.data.video import write_frames

    written = write_frames(video, folder, every)
    print(f"ntt: {video}: {written} frames in {folder}.", file=sys.stderr)
    return folder


def _prepare(out: Path, force: bool) -> None:
    """An empty folder, or one that its owner gives up."""
    try:
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            if not out.is_dir():
                raise InputError(f"{out} is a file (--out): give a folder.")
            if not force:
                raise InputError(
                    f"{out} is not empty (--out): give another folder, or --force to replace what is there."
                )
            for name in _OURS:
                place = out / name
                shutil.rmtree(place) if place.is_dir() and not place.is_symlink() else place.unlink(missing_ok=True)
            print(f"ntt: earlier results in {out} were removed.", file=sys.stderr)
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{out} cannot be written ({error.strerror}): give another folder with --out.") from error
