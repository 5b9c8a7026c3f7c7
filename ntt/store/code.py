"""Digests of source code: so that a result is never older than the code that claims it.

Comments, docstrings and layout do not count: the digest is of the syntax tree. It is the same for all Python versions
that read the same tree.
"""

from __future__ import annotations

import ast
import hashlib
import json
import sys
from collections.abc import Collection, Iterator
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import ntt
from ntt.errors import InputError
from ntt.store.files import write_json


def normalised(source: str | bytes) -> str:
    """The syntax tree as text, without docstrings and without what is empty."""
    return _text(_without_docstrings(ast.parse(source)))


class SourceDigests:
    """Digests of modules, with a cache in the store: reading a tree takes longer than all that a short run does.

    The cache knows files by the sha256 of their bytes, so it is never out of date.

    Args:
        file: of the cache; it need not be there. None: nothing is kept.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._known: dict[str, str] | None = None
        self._changed = False
        self._asked: dict[tuple[str, ...], str] = {}  # of a run that asks for each of thousands of references

    def of(self, *modules: str) -> str:
        """20 hex digits for the source of modules, and of all modules of packages.

        Args:
            modules: dotted names, such as "ntt.matching" and "ntt.stages.match".
        """
        if modules not in self._asked:
            self._asked[modules] = self._joined({file for name in modules for file in _files(name)})
        return self._asked[modules]

    def own(self, kind: type[Any]) -> str:
        """Of a class's module, and of the modules of the same top-level package that it imports, and so on.

        Raises:
            InputError: the class has no source file, so that nobody could tell when it changes.
        """
        module = kind.__module__
        if _module_file(module) is None:
            raise InputError(f"{module}.{kind.__qualname__} has no source file: put the class into a module.")
        return self._joined(_reached(module))

    def save(self) -> None:
        """Write what was learnt."""
        if self._changed and self._file:
            write_json(self._file, self._known)
            self._changed = False

    def _joined(self, files: Collection[Path]) -> str:
        joined = hashlib.sha256()
        for file in sorted(files):
            state = file.stat()
            joined.update(f"{file.stem}:{self._digest(_contents(file, state.st_size, state.st_mtime_ns))}\n".encode())
        return joined.hexdigest()[:20]

    def _digest(self, contents: tuple[str, bytes]) -> str:
        digest, source = contents
        if self._known is None:
            try:
                self._known = dict(json.loads(self._file.read_bytes())) if self._file else {}
            except (OSError, ValueError, TypeError):
                self._known = {}
        if digest not in self._known:
            self._known[digest] = hashlib.sha256(normalised(source).encode()).hexdigest()
            self._changed = True
        return self._known[digest]


@lru_cache(maxsize=1 << 12)
def _contents(file: Path, *stamp: int) -> tuple[str, bytes]:
    """(sha256, source) of a file, read once while it stays as it is."""
    del stamp  # part of the cache's key only
    source = file.read_bytes()
    return hashlib.sha256(source).hexdigest(), source


@lru_cache
def _reached(module: str) -> frozenset[Path]:
    """The files of a module and of what it imports from its own top-level package."""
    names, waiting = {module}, [module]
    files = set()
    while waiting:
        name = waiting.pop()
        if (file := _module_file(name)) is None:
            continue
        files.add(file)
        for other in _imported(ast.parse(file.read_bytes()), name, file.name == "__init__.py"):
            if other.split(".")[0] == module.split(".")[0] and other not in names:
                names.add(other)
                waiting.append(other)
    return frozenset(files)


@lru_cache
def _files(module: str) -> tuple[Path, ...]:
    file = _module_file(module)
    if file is None:
        raise ValueError(f"no module {module}")
    return tuple(file.parent.rglob("*.py")) if file.name == "__init__.py" else (file,)


def _module_file(name: str) -> Path | None:
    loaded = sys.modules.get(name)
    if loaded is not None and getattr(loaded, "__file__", None):
        return Path(str(loaded.__file__))
    if name.startswith("ntt."):  # found without importing its room
        place = Path(ntt.__file__).parent.joinpath(*name.split(".")[1:])
        found = (file for file in (place.with_suffix(".py"), place / "__init__.py") if file.is_file())
        return next(found, None)
    try:
        spec = find_spec(name)
    except (ImportError, ValueError):
        return None
    return Path(spec.origin) if spec and spec.origin and spec.origin.endswith(".py") else None


def _imported(tree: ast.Module, module: str, is_package: bool) -> Iterator[str]:
    """Dotted names that a module imports; of `from a import b` both a and a.b, for b may be a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = module.split(".")
            package = parts[: len(parts) - node.level + is_package] if node.level else []
            base = ".".join([*package, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            # Strings on lines of their own do nothing, wherever they stand: attributes are described by them too.
            node.body = [line for line in node.body if not _is_string(line)]
    return tree


def _is_string(line: ast.stmt) -> bool:
    return isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant) and isinstance(line.value.value, str)


def _text(node: Any) -> str:
    if isinstance(node, ast.AST):
        fields = ((name, getattr(node, name, None)) for name in node._fields if name not in ("ctx", "type_comment"))
        inner = ",".join(f"{name}={_text(value)}" for name, value in fields if value is not None and value != [])
        return f"{type(node).__name__}({inner})"
    if isinstance(node, list):
        return f"[{','.join(map(_text, node))}]"
    return repr(node)
