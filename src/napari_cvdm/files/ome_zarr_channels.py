"""How the channels of an OME-Zarr are called and shown: what OME-NGFF 0.5 says under ``omero``.

It wants a colour and the limits of a window with every name, which take pixels: they are stated last.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_cvdm.files.ome_zarr import ZarrLayout
from napari_cvdm.restoration.contrast import limits_of, sample_planes

#: As napari colours channels: of one, of two, of more.
_COLOURS = (
    ("FFFFFF",),
    ("FF00FF", "00FF00"),
    ("00FFFF", "FFFF00", "FF00FF", "FF0000", "00FF00", "0000FF"),
)

#: Of a picture in colour; a fourth sample is opacity, which no viewer of channels can show.
_SAMPLES = (("red", "FF0000"), ("green", "00FF00"), ("blue", "0000FF"), ("opacity", "FFFFFF"))


def colour_samples(folder: Path, samples: int, dtype: np.dtype[Any]) -> None:
    """Say of the channels of an image that they are the colours of one picture: together they show it.

    Parameters
    ----------
    folder : Path
        From `create_ome_zarr`.
    samples : int
        How many there are: red, green, blue, and perhaps opacity.
    dtype : dtype
        Of the pixels. Integers are bright at their greatest value, floats at 1.
    """
    bright = float(np.iinfo(dtype).max) if dtype.kind in "iu" else 1.0
    window = {"min": 0.0, "max": bright, "start": 0.0, "end": bright}
    _state(
        folder,
        [
            {"label": label, "color": colour, "active": label != "opacity", "window": window}
            for label, colour in _SAMPLES[:samples]
        ],
    )


def name_channels(folder: Path, layout: ZarrLayout, names: Sequence[str], picture: str) -> None:
    """Name the channels of a finished image; nothing is stated unless there is a name for each.

    Parameters
    ----------
    folder : Path
        From `create_ome_zarr`, all of its levels filled.
    layout : ZarrLayout
        Likewise.
    names : sequence of str
        Of the channels, in their order; one for an image without that axis.
    picture : {"reconstruction", "uncertainty"}
        Which, for the contrast limits. They are measured on a few planes of the coarsest level.
    """
    import zarr

    position = layout.axes.find("C")
    count = 1 if position < 0 else layout.leading_shape[position]
    if len(names) != count:
        return
    planes = list(np.ndindex(*layout.leading_shape))
    group = zarr.open_group(zarr.storage.LocalStore(folder), mode="r")
    coarsest: Any = group[str(len(layout.shapes) - 1)]
    colours = _COLOURS[min(count, len(_COLOURS)) - 1]
    channels: list[dict[str, Any]] = []
    for number, name in enumerate(names):
        own = [plane for plane in planes if position < 0 or plane[position] == number]
        pixels = sample_planes(coarsest, own)
        start, end = limits_of(picture, pixels)
        window = {
            "min": min(start, float(pixels.min())),
            "max": max(end, float(pixels.max())),
            "start": start,
            "end": end,
        }
        colour = colours[number % len(colours)]
        channels.append({"label": name, "color": colour, "active": True, "window": window})
    _state(folder, channels)


def _state(folder: Path, channels: list[dict[str, Any]]) -> None:
    import zarr

    group = zarr.open_group(zarr.storage.LocalStore(folder), mode="r+")
    ome: Any = group.attrs["ome"]
    group.attrs["ome"] = {**ome, "omero": {"channels": channels}}
