"""Options of ``restore`` as a shell user types them: a part of an image, an amount of work."""

from __future__ import annotations

import re
from collections.abc import Sequence

from napari_cvdm.restoration.presets import resolve_preset


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


def parse_planes(texts: Sequence[str]) -> dict[str | int, int | slice] | None:
    """Read planes such as "T=3", "Z=2:5" or "0=1", one text for each axis or several joined by commas.

    An axis is told by its letter or its number, from 0.

    Raises
    ------
    ValueError
        If one has another form, or an axis comes twice.
    """
    planes: dict[str | int, int | slice] = {}
    for part in (part for text in texts for part in text.split(",")):
        found = re.fullmatch(r"\s*([A-Za-z]|\d{1,9})\s*=\s*(\d+)\s*(?::\s*(\d+)\s*)?", part)
        if found is None:
            raise ValueError(f"--plane takes an axis and a position such as T=3 or Z=2:5, not {part!r}.")
        name, first, last = found.groups()
        axis = int(name) if name.isdecimal() else name.upper()
        if axis in planes:
            raise ValueError(f"--plane names axis {axis} twice: give one position or one range of it.")
        planes[axis] = int(first) if last is None else slice(int(first), int(last))
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


def settle_draws(preset: str | None, draws: int | None, steps: int | None, preview: bool) -> tuple[int, bool]:
    """Return how many draws there are to be, and whether there is to be none: a preview.

    Raises
    ------
    ValueError
        If there is no such preset, or draws or their steps are asked for in a preview.
    """
    settled, preview = resolve_preset(preset, None, preview)
    idle = [f"--{name}" for name, value in (("draws", draws), ("steps", steps)) if value is not None]
    if preview and idle:
        raise ValueError(f"A preview makes no draws: leave out {' and '.join(idle)}, or the preview.")
    return (0 if preview else settled if draws is None else draws), preview
