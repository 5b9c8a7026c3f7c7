"""What parsers raise on bytes that somebody else wrote, as one InputError."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ntt.errors import InputError

_LONGEST_REASON = 200  # characters; some parsers quote the whole file


@contextmanager
def parsing(refusal: Callable[[str], InputError], passing: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Turn whatever a parser raises inside the block into one InputError.

    Damaged bytes fail anywhere in a parser and in any way: json's recursion, zipfile's struct and seek errors,
    KeyErrors of an unpickler, panics of a parser in Rust. So the block holds the parser's own calls and nothing else:
    what goes wrong in them is the file's fault, not ours.

    Args:
        refusal: the error for a reason in one line.
        passing: what is no fault of the file and stays as it is.

    Raises:
        InputError: of `refusal`, from what was raised; one that the block raises itself passes as it is.
    """
    try:
        yield
    except (InputError, *passing):  # type: ignore[misc]  # mypy does not unpack tuples here
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise  # an interrupt, an exit
        raise refusal(one_line(error)) from error


def one_line(error: BaseException) -> str:
    """What an exception says, for the middle of a sentence."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, MemoryError):
        return "there is not enough memory for what it says it holds"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _LONGEST_REASON else text[:_LONGEST_REASON] + "..."
