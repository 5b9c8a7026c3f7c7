"""Valid files, damaged: strategies for property tests of whatever reads bytes that somebody else wrote."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

# What stands where something else should.
ODD: list[Any] = [
    *(None, True, False, 0, 1, -1, 2**31, 2**63, -(2**63), 2**70, 1.5, -0.0, 1e308, float("nan"), float("inf")),
    *("", "a", "\0", "\ud800", "é" * 300, "../x", "1", [], {}, [[]], [[[]]], [None], {"": None}, [1e9] * 6, [0] * 7),
]
_ODD_BYTES = [b"", b"\0", b"\xff" * 4, b"\0" * 8, b"\xff" * 8, b"{", b"[" * 3000, b"PK\5\6", b"\x80\4", b"\n", b'"']


@st.composite
def damaged_bytes(draw: DrawFn, valid: bytes, most: int = 3) -> bytes:
    """One to `most` changes: bytes flipped, overwritten, cut out, inserted, repeated, or cut off at the end."""
    content = bytearray(valid)
    for _ in range(draw(st.integers(1, most))):
        last = max(0, len(content) - 1)
        # Half of them near the end, where archives keep what tells the rest.
        at = draw(st.integers(0, last) | st.integers(max(0, last - 99), last))
        length = draw(st.sampled_from([1, 1, 2, 4, 8, 100]))
        match draw(st.sampled_from(["flip", "set", "write", "cut", "insert", "repeat", "end"])):
            case "flip" if content:
                content[at] ^= 1 << draw(st.integers(0, 7))
            case "set" if content:
                content[at] = draw(st.integers(0, 255))
            case "write":
                piece = draw(st.sampled_from(_ODD_BYTES) | st.binary(max_size=8))
                content[at : at + len(piece)] = piece
            case "cut":
                del content[at : at + length]
            case "insert":
                content[at:at] = draw(st.sampled_from(_ODD_BYTES) | st.binary(max_size=8))
            case "repeat":
                content[at:at] = content[at : at + length]
            case "end":
                del content[at:]
    return bytes(content)


@st.composite
def damaged_value(draw: DrawFn, valid: Any, most: int = 3) -> Any:
    """A JSON value in which one to `most` parts are replaced by something odd, lost, or there twice."""
    value = copy.deepcopy(valid)
    for _ in range(draw(st.integers(1, most))):
        places = list(_places(value))
        if not places:
            return draw(st.sampled_from(ODD))
        holder, key = draw(st.sampled_from(places))
        match draw(st.sampled_from(["replace", "replace", "remove", "double"])):
            case "replace":
                holder[key] = copy.deepcopy(draw(st.sampled_from(ODD)))
            case "remove":
                del holder[key]
            case "double" if isinstance(holder, list):
                holder.insert(key, copy.deepcopy(holder[key]))
    return value


def damaged_json(valid: Any) -> SearchStrategy[bytes]:
    """JSON text of a value that is damaged, or of one that is not, whose text is."""
    changed = damaged_value(valid).map(lambda value: json.dumps(value).encode())
    return changed | damaged_bytes(json.dumps(valid).encode())


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Holder and key of every part of a value."""
    found: list[tuple[Any, Any]] = []
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        found.append((value, key))
        found += _places(part)
    return found
