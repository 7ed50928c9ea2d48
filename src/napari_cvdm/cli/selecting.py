"""Options that choose a part of an image, as a shell user types them."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["parse_channels", "parse_planes", "parse_region"]


def parse_channels(text: str | None) -> list[int] | None:
    """Read channels such as "0,2".

    Raises
    ------
    ValueError
        If these are no whole numbers.
    """
    if text is None:
        return None
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(
            f"--channels takes numbers such as 0,2 (the first channel is 0), not {text!r}."
        ) from None


def parse_planes(texts: Sequence[str]) -> dict[str, int | slice] | None:
    """Read planes such as "T=3" or "Z=2:5", one text for each axis or several joined by commas.

    Raises
    ------
    ValueError
        If one has another form, or an axis comes twice.
    """
    planes: dict[str, int | slice] = {}
    for part in (part for text in texts for part in text.split(",")):
        found = re.fullmatch(r"\s*([A-Za-z])\s*=\s*(\d+)\s*(?::\s*(\d+)\s*)?", part)
        if found is None:
            raise ValueError(f"--plane takes an axis and a position such as T=3 or Z=2:5, not {part!r}.")
        letter, first, last = found.groups()
        if letter.upper() in planes:
            raise ValueError(
                f"--plane names axis {letter.upper()} twice: give one position or one range of it."
            )
        planes[letter.upper()] = int(first) if last is None else slice(int(first), int(last))
    return planes or None


def parse_region(text: str | None) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """Read rows and columns such as "0:512,100:612".

    Raises
    ------
    ValueError
        If it has another form.
    """
    if text is None:
        return None
    found = re.fullmatch(r"\s*(\d+):(\d+)\s*,\s*(\d+):(\d+)\s*", text)
    if found is None:
        raise ValueError(f"--roi takes rows and columns such as 0:512,100:612, not {text!r}.")
    top, bottom, left, right = map(int, found.groups())
    return (top, bottom), (left, right)
