"""How a stored layer lay and looked, as its file states it: checked, because anybody may have written it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_cvdm.plugin.results.layers import CHANNELS_KEY
from napari_cvdm.plugin.viewer.unit_names import unit_or_pixel
from napari_cvdm.restoration.errors import ImageFileError

_NUMBERS = ("scale", "translate", "rotate", "shear", "affine", "contrast_limits", "gamma", "opacity")
_WORDS = ("axis_labels", "blending")


def look_attributes(look: Mapping[str, Any], name: str, data: Any, path: Path) -> dict[str, Any]:
    """Make the attributes of a layer that lies and looks as it did.

    They are keyword arguments of `napari.layers.Image`; the metadata tell the contrast of channels, if it was
    stored. The ``path`` is for messages.

    Raises
    ------
    ImageFileError
        If no layer can look like that.
    """
    from napari.layers import Image

    attributes: dict[str, Any] = {"name": str(look.get("name", name)), "rgb": bool(look.get("rgb", False))}
    attributes["visible"] = look.get("visible") is not False
    kept_whole = int(attributes["rgb"])  # an axis of colours
    sample = data[(slice(0, 2),) * (data.ndim - kept_whole)]
    try:
        attributes |= {key: _numbers(look[key]) for key in _NUMBERS if look.get(key) is not None}
        attributes |= {key: _words(look[key]) for key in _WORDS if look.get(key) is not None}
        if look.get("units") is not None:
            attributes["units"] = [unit_or_pixel(unit) for unit in look["units"]]
        if look.get("channels") is not None:
            shape = data.shape[: data.ndim - kept_whole]
            attributes["metadata"] = {CHANNELS_KEY: _channels(look["channels"], shape)}
        if look.get("colormap") is not None and not attributes["rgb"]:
            attributes["colormap"] = _colormap(look["colormap"])
        Image(sample, **attributes)
    except Exception as error:  # napari raises what comes of it
        raise ImageFileError(
            f"What {path} says of how '{name}' lay and looked cannot be true: it was altered."
        ) from error
    return attributes


def _numbers(stored: Any) -> Any:
    """Return a number, or as many as there are; napari itself finds out about some only when it paints."""
    numbers = np.asarray(stored, np.float64)
    if not np.isfinite(numbers).all():
        raise ValueError(f"{stored!r} is not finite")
    return numbers.tolist()


def _words(stored: Any) -> Any:
    """Return a word, or as many as there are; napari itself finds out about some only in the viewer."""
    if not all(isinstance(word, str) for word in (stored if isinstance(stored, list) else [stored])):
        raise ValueError(f"{stored!r} is no word")
    return stored


def _channels(stored: Any, shape: Sequence[int]) -> dict[str, Any]:
    """Return the contrast limits of each channel, which JSON has made words of the numbers of."""
    axis = int(stored["axis"])
    limits = {int(channel): tuple(_numbers(pair)) for channel, pair in stored["limits"].items()}
    if not 0 <= axis < len(shape):
        raise ValueError(f"there is no axis {axis}")
    for channel, (low, high) in limits.items():
        if not (0 <= channel < shape[axis] and low < high):
            raise ValueError(f"there can be no limits {low}, {high} of channel {channel}")
    return {"axis": axis, "ndim": len(shape), "limits": limits}


def _colormap(stored: Any) -> Any:
    """Return napari's colour map of a name, or the stored colours where it has others by that name, or none.

    The colours of uncertainty were others in earlier versions, and the contrast limits went with them.
    """
    from napari.utils.colormaps import AVAILABLE_COLORMAPS, Colormap

    if isinstance(stored, str):
        return stored
    colours, controls = stored["colors"], stored["controls"]
    in_steps = len(controls or ()) == len(colours) + 1
    found = Colormap(
        colours,
        controls=controls or None,
        name=stored["name"] or None,
        interpolation="zero" if in_steps else "linear",
    )
    known = AVAILABLE_COLORMAPS.get(stored["name"])
    same = known is not None and all(
        np.shape(was) == np.shape(now) and np.allclose(was, now)
        for was, now in ((found.colors, known.colors), (found.controls, known.controls))
    )
    return stored["name"] if same else found
