"""Browser windows: each has a project of its own, so that two of them do not mix."""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Callable

from ntt.app.project import Project
from ntt.errors import InputError

_NAME = re.compile(r"[A-Za-z0-9]{8,40}")
_MOST = 50  # the one that was used longest ago is forgotten


class Windows:
    """Projects by the name that a window gives itself when its page is loaded.

    Args:
        new: makes an empty project.
        forgotten: told of each window whose project is dropped.
    """

    def __init__(self, new: Callable[[], Project], forgotten: Callable[[str], None]) -> None:
        self._new = new
        self._forgotten = forgotten
        self._projects: OrderedDict[str, Project] = OrderedDict()
        self._lock = threading.Lock()

    def project(self, name: str) -> Project:
        """Of a window, made at its first question.

        Raises:
            InputError: the name is none that our page makes.
        """
        if not _NAME.fullmatch(name):
            raise InputError("The window has no name: load the page again.")
        with self._lock:
            if name not in self._projects:
                self._projects[name] = self._new()
            self._projects.move_to_end(name)
            dropped = self._projects.popitem(last=False)[0] if len(self._projects) > _MOST else None
        if dropped:
            self._forgotten(dropped)
        return self.project(name) if dropped == name else self._projects[name]
