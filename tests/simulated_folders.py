"""Leases' files and artifacts' folders of the simulation (store_simulation.py), as one of its processes sees them.

Every operation is a step at which the scheduler may let another process go on, kill this one, or misbehave.
"""

from __future__ import annotations

import errno
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from store_simulation import Process, World


class Files:
    """The folder of leases, as one process sees it."""

    def __init__(self, world: World, process: Process) -> None:
        self.world, self.process = world, process

    def _step(self) -> dict[str, dict[str, Any]]:
        self.world.step(self.process)
        return self.world.files

    def read(self, name: str) -> str:
        files = self._step()
        world = self.world
        if name in world.before and not self.process.immortal:
            changed, text = world.before[name]
            if world.now - changed < world.stale_for and world.random.random() < 0.3:
                world.told["stale reads"] += 1
                return text
        if world.misbehaves(self.process):
            world.told["input/output errors"] += 1
            raise OSError(errno.EIO, "Input/output error", name)
        if name not in files:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", name)
        return str(files[name]["text"])

    def _put(self, name: str, file: dict[str, Any]) -> None:
        if name in self.world.files:
            self.world.before[name] = (self.world.now, self.world.files[name]["text"])
        self.world.files[name] = file

    def _new(self, text: str) -> dict[str, Any]:
        return {"text": text, "time": self.world.now + self.world.server_clock, "names": 1}

    def write(self, name: str, text: str) -> None:
        self._step()
        self._put(name, self._new(text))

    def write_new(self, name: str, text: str) -> None:
        files = self._step()
        if name in files:
            raise FileExistsError(errno.EEXIST, "File exists", name)
        self._put(name, file := self._new(""))
        self._step()
        file["text"] = text

    def link(self, name: str, target: str) -> None:
        files = self._step()
        if not self.world.hard_links:
            raise PermissionError(errno.EPERM, "Operation not permitted", target)
        if target in files:
            raise FileExistsError(errno.EEXIST, "File exists", target)
        files[name]["names"] += 1
        self._put(target, files[name])
        if self.world.misbehaves(self.process):
            self.world.told["lost answers of LINK"] += 1
            raise FileExistsError(errno.EEXIST, "File exists", target)

    def links(self, name: str) -> int:
        files = self._step()
        return 1 if self.world.misbehaves(self.process) else int(files[name]["names"])

    def touch(self, name: str) -> None:
        files = self._step()
        if name not in files:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", name)
        files[name]["time"] = self.world.now + self.world.server_clock

    def touched(self, name: str) -> float:
        files = self._step()
        if name not in files:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", name)
        return float(files[name]["time"])

    def replace(self, name: str, target: str) -> None:
        files = self._step()
        if name not in files:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", name)
        self._put(target, files.pop(name))
        self.world.told["leases taken over"] += 1
        if self.world.misbehaves(self.process):
            self.world.told["lost answers of RENAME"] += 1
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", name)

    def remove(self, name: str) -> None:
        files = self._step()
        if name in files:
            files[name]["names"] -= 1
            self.world.before[name] = (self.world.now, files.pop(name)["text"])


class Folders:
    """The folders of artifacts, as one process sees them; the operations of :class:`ntt.store.folders.Folders`."""

    def __init__(self, world: World, process: Process) -> None:
        self.world, self.process = world, process

    def _step(self) -> dict[Path, dict[str, str]]:
        self.world.step(self.process)
        return self.world.folders

    def exists(self, folder: Path) -> bool:
        return folder in self._step()

    def matching(self, parent: Path, pattern: str) -> list[Path]:
        return [path for path in self._step() if path.parent == parent and fnmatch(path.name, pattern)]

    def begin(self, partial: Path, path: Path) -> None:
        del path
        if partial in self._step():
            raise FileExistsError(errno.EEXIST, "File exists", str(partial))
        self.world.folders[partial] = {".begun": ""}

    def begun(self, partial: Path) -> bool:
        return ".begun" in self._step().get(partial, {})

    def publish(self, partial: Path, path: Path, recorded: dict[str, Any]) -> None:
        del recorded
        seen = sorted(name for name in self._step().get(partial, {}) if name != ".begun")
        self._step().setdefault(partial, {})["manifest"] = " ".join(seen)  # makes the folder, as ours does
        if self._step().get(partial, {}).pop(".begun", None) is None:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", str(partial))
        folders = self._step()
        if partial not in folders:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", str(partial))
        self.world.told["artifacts finished"] += 1
        if path not in folders:
            folders[path] = folders.pop(partial)

    def remove(self, folder: Path, doomed: Path) -> None:
        folders = self._step()
        if folder in folders:
            folders[doomed] = folders.pop(folder)
        self._step().pop(doomed, None)

    def clear(self, partial: Path) -> None:
        self._step().pop(partial, None)
