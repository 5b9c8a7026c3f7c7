"""Which checkpoints there are, where they belong, how to get them, and whether a file is the right one."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.utils import get_class
from omegaconf import DictConfig, OmegaConf

from ntt.composition.choices import read_choice
from ntt.config import user_path
from ntt.downloads.http import download
from ntt.downloads.parts import READABLE_BY_ALL
from ntt.downloads.settings import DownloadSettings
from ntt.errors import InputError
from ntt.store.files import write_atomically
from ntt.store.hashing import file_sha256

_FACTS = Path(__file__).with_name("weights.yaml")
_GROUPS = ("backbone", "segmenter")
# Meta and PyTorch end the names of published checkpoints in the first digits of their sha256.
_NAMED_DIGEST = re.compile(r"-([0-9a-f]{8,64})\.(?:pth|pt)$")


@dataclass(frozen=True)
class Weights:
    """The checkpoint of one backbone or segmenter config.

    Attributes:
        name: of its YAML file.
        group: "backbone" or "segmenter".
        path: where runs look for it.
        url: where it is published, None where nowhere for everybody.
        hub_id: the same weights on the Hugging Face Hub, None where they are not there.
        licence: of the weights; None where it is not known.
        gated: whether they are given out only to who has accepted the licence.
        size: in bytes, None where it is not known.
        sha256: hex digest or its first digits, None where nobody published it.
        options: the config, for building the network: everything in the YAML, with ``weights`` as a path.
    """

    name: str
    group: str
    path: Path
    url: str | None
    hub_id: str | None
    licence: str | None
    gated: bool
    size: int | None
    sha256: str | None
    options: dict[str, Any]

    @property
    def shipped(self) -> bool:
        """Whether it comes with ntt: nothing to fetch."""
        return self.url is None and self.hub_id is None

    @property
    def record(self) -> Path:
        """The digest that the first fetch saw, beside the file, in the format of sha256sum."""
        return self.path.with_name(f"{self.path.name}.sha256")


def weights_folder(conf: Path) -> Path:
    """Where checkpoints lie unless a config says otherwise: ``weights_dir`` of config.yaml, that is NTT_WEIGHTS."""
    config = OmegaConf.load(conf / "config.yaml")
    assert isinstance(config, DictConfig)
    return user_path(config.weights_dir)


def list_weights(conf: Path) -> dict[str, Weights]:
    """Every backbone and segmenter config in ``conf``, by name, in alphabetical order within its group."""
    facts = OmegaConf.to_container(OmegaConf.load(_FACTS))
    assert isinstance(facts, dict)
    folder = weights_folder(conf)
    files = [(group, file) for group in _GROUPS for file in sorted((conf / group).glob("*.yaml"))]
    return {file.stem: _weights(group, file, folder, facts) for group, file in files}


def _weights(group: str, file: Path, folder: Path, facts: dict[Any, Any]) -> Weights:
    config = OmegaConf.merge(read_choice(file), {"weights_dir": str(folder)})
    options = OmegaConf.to_container(config, resolve=True)
    assert isinstance(options, dict)
    del options["weights_dir"]
    name = file.stem
    path = user_path(options["weights"])
    options["weights"] = str(path)
    known = facts["files"].get(name, {})
    named = _NAMED_DIGEST.search(path.name)
    return Weights(
        name=name,
        group=group,
        path=path,
        url=options.get("url"),
        hub_id=options.get("hub_id"),
        licence=next((licence for start, licence in facts["licences"].items() if name.startswith(start)), None),
        gated=name.startswith(tuple(facts["gated"])),
        size=known.get("size"),
        sha256=known.get("sha256") or (named[1] if named else None),
        options={str(key): value for key, value in options.items()},
    )


def fetch_weights(weights: Weights, settings: DownloadSettings, url: str | None = None) -> str:
    """Bring a checkpoint to its place, or see that the one there is right; says in words what was done.

    Args:
        weights: what to fetch.
        settings: how.
        url: a personal address of the same file, as Meta sends to who accepts a licence.

    Raises:
        InputError: it cannot be had, or its bytes are not those expected.
    """
    if weights.shipped:
        return f"comes with ntt: {weights.path}"
    if weights.path.is_file():
        check_digest(weights)
        return f"already there: {weights.path}"
    address = url or weights.url
    if address is None:
        assert weights.hub_id is not None  # otherwise it is shipped
        return _fetch_from_hub(weights, weights.hub_id, settings)
    digest = download(address, weights.path, settings, weights.size, weights.sha256)
    _record(weights, digest)
    return f"fetched: {weights.path}"


def _fetch_from_hub(weights: Weights, hub_id: str, settings: DownloadSettings) -> str:
    """Into the cache of the Hub client, where the option ``weights=hub:ID`` looks."""
    from huggingface_hub import snapshot_download

    files = ["config.json", "*.safetensors"]
    try:
        snapshot_download(hub_id, allow_patterns=files, local_files_only=settings.offline)
    except Exception as error:  # errors of the HTTP library under the Hub client, which changes with its version
        if settings.offline:
            raise InputError(
                f"{weights.name} is not in the Hub's cache and NTT_OFFLINE forbids fetching it: unset NTT_OFFLINE, or "
                f"fetch it on a machine with network and set HF_HOME to a cache that both see, or bring the file "
                f"{weights.path}."
            ) from error
        page = f"https://huggingface.co/{hub_id}"
        accept = f"accept the licence at {page}, log in with `hf auth login`" if weights.gated else f"look at {page}"
        raise InputError(
            f"{weights.name} cannot be had from the Hub ({type(error).__name__}): {accept} and try again, or give the "
            f"address of {weights.path.name} with --url."
        ) from error
    return f"fetched to the Hub's cache: use it with {weights.group}.weights=hub:{hub_id}"


def check_digest(weights: Weights) -> str:
    """The file's sha256, after a comparison with what is published, else recorded; recorded now if neither is.

    Raises:
        InputError: there is no file, or it is another one.
    """
    if not weights.path.is_file():
        raise InputError(f"{weights.path} does not exist: `ntt weights fetch {weights.name}`.")
    digest = file_sha256(weights.path)
    expected = weights.sha256 or _recorded(weights)
    if expected and not digest.startswith(expected):
        raise InputError(
            f"{weights.path} is damaged or another file: its sha256 is {digest}, not {expected}; remove it and "
            f"`ntt weights fetch {weights.name}`."
        )
    _record(weights, digest)
    return digest


def _recorded(weights: Weights) -> str | None:
    try:
        return weights.record.read_text().split()[0]
    except (OSError, IndexError):
        return None


def _record(weights: Weights, digest: str) -> None:
    if weights.shipped or _recorded(weights) == digest:
        return
    with suppress(PermissionError):  # a shared folder that somebody else looks after
        write_atomically(weights.record, f"{digest}  {weights.path.name}\n".encode())
        weights.record.chmod(READABLE_BY_ALL)


def verify_weights(weights: Weights) -> str:
    """Check a checkpoint as far as can be without an image: its bytes, then its tensors; returns its sha256.

    The network that its config describes is built on the CPU and given the tensors, which a run would do, too.

    Raises:
        InputError: the file is missing, changed, truncated, would run code, or holds the tensors of another
            network (how many are missing, unexpected or of another shape, and the first of each).
    """
    digest = check_digest(weights)
    options = dict(weights.options)
    get_class(options.pop("_target_"))(**options)
    return digest
