"""A real micrograph for File → Open Sample."""

from __future__ import annotations

from typing import Any

from napari_cvdm.files.samples import read_sample


def tubulin() -> list[tuple[Any, dict[str, Any], str]]:
    """Open the wide-field micrograph of microtubules that comes with the package.

    Returns
    -------
    list of (array, dict, str)
        One image layer for napari, its pixel size in micrometres.
    """
    sample = read_sample("tubulin_widefield")
    metadata: dict[str, Any] = {
        "name": "tubulin",
        "axis_labels": tuple(sample.axes.lower()),
        "rgb": False,
    }
    if sample.pixel_size is not None:
        metadata |= {"scale": (sample.pixel_size / 1000,) * 2, "units": ("um", "um")}
    return [(sample.data, metadata, "image")]
