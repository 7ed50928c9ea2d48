"""What a run was asked for, as its result states it: checked, because anybody may have written the file.

It goes into scripts and lines for the shell, which their user carries out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from napari_cvdm.plugin.stored.stated import positive, table
from napari_cvdm.restoration.axes import AXIS_MEANINGS
from napari_cvdm.restoration.errors import InputError

_SIDES = {"Y", "X"}


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63


def _is_count(value: object) -> bool:
    return value is None or (_is_whole(value) and positive(value) is not None)


def _maybe(kind: type) -> Callable[[object], bool]:
    return lambda value: value is None or isinstance(value, kind)


def _is_shape(value: object) -> bool:
    return value is None or (
        isinstance(value, list | tuple) and all(n is not None and _is_count(n) for n in value)
    )


def _is_part(value: object) -> bool:
    return value is None or (isinstance(value, list | tuple) and all(map(_is_span, value)))


def _is_span(value: object) -> bool:
    """Whether this is start, stop and step of indices that are there and go up."""
    if not (isinstance(value, list | tuple) and len(value) == 3 and all(map(_is_whole, value))):
        return False
    return 0 <= value[0] < value[1] and value[2] > 0


_STATED: dict[str, Callable[[object], bool]] = {
    "axes": lambda value: (
        isinstance(value, str) and set(value) >= _SIDES and set(value) <= set(AXIS_MEANINGS)
    ),
    "model": lambda value: isinstance(value, str),
    "device": lambda value: isinstance(value, str),
    "seed": _is_whole,
    "tile": lambda value: value == "auto" or (value is not None and _is_count(value)),
    "draws": _is_count,
    "steps": _is_count,
    "pixel_size": lambda value: value is None or positive(value) is not None,
    "source_path": _maybe(str),
    "file_has_pixels": _maybe(bool),
    "output": _maybe(str),
    "colours": lambda value: value in (None, "average", "channels"),
    "normalize": lambda value: value in (None, "stack", "whole"),
    "rgb": _maybe(bool),
    "preview": _maybe(bool),
    "resample": _maybe(bool),
    "keep_draws": _maybe(bool),
    "shape": _is_shape,
    "part": _is_part,
}


def asked_of(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the run of a result was asked for, given its provenance.

    It is as `napari_cvdm.plugin.running.worker.Job.describe` gives it; None stands for what is not stated.

    Raises
    ------
    InputError
        If it is not stated clearly.
    """
    said = table(provenance.get("asked"))
    for key, is_clear in _STATED.items():
        if not is_clear(said.get(key)):
            raise _unclear(key, said.get(key))
    if said.get("draws") is None and not said.get("preview"):
        raise _unclear("draws", None)
    for key in ("shape", "part"):
        if said.get(key) is not None and len(said[key]) != len(said["axes"]):
            raise _unclear(key, said[key])
    return {key: said.get(key) for key in _STATED}


def part_of(provenance: Mapping[str, Any]) -> list[range] | None:
    """Return the indices along each axis of the image that were restored; None for all of it.

    Raises
    ------
    InputError
        If they are not stated clearly.
    """
    part = table(provenance.get("asked")).get("part")
    if not _is_part(part):
        raise _unclear("part", part)
    return None if part is None else [range(*span) for span in part]


def _unclear(key: str, value: object) -> InputError:
    return InputError(f"The result does not say clearly what its run was asked for ({key}: {value!r:.80}).")
