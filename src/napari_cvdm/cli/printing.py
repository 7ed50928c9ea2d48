"""Output that never fails for want of a letter: names of files may hold what a terminal cannot show."""

from __future__ import annotations

import codecs
from io import TextIOWrapper
from typing import TextIO

__all__ = ["print_whatever_comes"]

_ROUND_TRIP = "napari-cvdm-surrogateescape"


def print_whatever_comes(*streams: TextIO | None) -> None:
    """Let streams write letters that their encoding lacks as escapes, in the way of Python's own.

    Where Python writes the bytes of undecodable names as they were (surrogateescape, as in the C locale), it
    still does, and only what is left is escaped.

    Parameters
    ----------
    *streams : file or None
        Such as `sys.stdout`. What is no text stream of Python's own, or has other wishes, is left alone.
    """
    for stream in streams:
        if not isinstance(stream, TextIOWrapper):
            continue
        if stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")
        elif stream.errors == "surrogateescape":
            codecs.register_error(_ROUND_TRIP, _round_trip_or_escape)
            stream.reconfigure(errors=_ROUND_TRIP)


def _round_trip_or_escape(error: UnicodeError) -> tuple[str | bytes, int]:
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeError:
        return codecs.lookup_error("backslashreplace")(error)
