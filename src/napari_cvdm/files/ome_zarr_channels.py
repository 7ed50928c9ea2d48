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
    group = zarr.open_group(zarr.storage.LocalStore(folder), mode="r+")
    coarsest: Any = group[str(len(layout.shapes) - 1)]
    colours = _COLOURS[min(count, len(_COLOURS)) - 1]
    channels: list[Any] = []
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
    ome: Any = group.attrs["ome"]
    group.attrs["ome"] = {**ome, "omero": {"channels": channels}}
