"""Result layers of pictures in files that say how they were made, but not how their layers lay.

Scripts and the shell write such files. A layer's place then follows from the size of its pixels and from what
was restored: which planes, which region, and whether it was resampled. It is decided by the functions that
place the results of a run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod, sqrt
from typing import Any

from napari_cvdm.plugin.results.layers import METADATA_KEY, InputLayer, Picture, result_metadata
from napari_cvdm.plugin.results.placement import placement_of
from napari_cvdm.restoration.contrast import limits_of
from napari_cvdm.restoration.run_identity import run_of


@dataclass(frozen=True)
class StoredSizes:
    """What a file says of the size of its pixels.

    Attributes
    ----------
    pixel_nm, z_nm : float or None
        Side of a pixel within the plane, and distance of two planes, in nanometres.
    interval_s : float or None
        Time from frame to frame in seconds.
    sides_nm : (float, float) or None
        Height and width in nanometres of a pixel that is not square.
    """

    pixel_nm: float | None = None
    z_nm: float | None = None
    interval_s: float | None = None
    sides_nm: tuple[float, float] | None = None

    def place(self, axes: str) -> dict[str, Any]:
        """Return where an image lies, in the terms of `where_it_lies`; in pixels where the file is silent."""
        height, width = self.sides_nm or (self.pixel_nm, self.pixel_nm)
        known = {
            "Y": (height, 1e-3, "micrometer"),
            "X": (width, 1e-3, "micrometer"),
            "Z": (self.z_nm, 1e-3, "micrometer"),
            "T": (self.interval_s, 1.0, "second"),
        }
        steps = [known.get(letter, (None, 1.0, "")) for letter in axes]
        return {
            "scale": [1.0 if size is None else size * factor for size, factor, _ in steps],
            "translate": [0.0] * len(axes),
            "units": ["pixel" if size is None else unit for size, _, unit in steps],
            "axis_labels": labels_of(axes),
        }


def result_attributes(
    provenance: Mapping[str, Any], picture: Picture, title: str, data: Any, axes: str, sizes: StoredSizes
) -> dict[str, Any]:
    """Make the attributes of a result layer: it lies where the sample is, and looks as after a run.

    They are keyword arguments of `napari.layers.Image`. ``title`` is what to call the image that was
    restored.
    """
    placement = placement_of(provenance, axes, data.shape)
    place = sizes.place(axes)
    finer = {letter: placement.spacing[axes.index(letter)] for letter in "YX"}
    if sizes.pixel_nm is not None:
        # What the file says is the mean of the two sides, which resampling may have made differ a little.
        finer = dict.fromkeys("YX", sqrt(prod(finer.values())))
    if sizes.pixel_nm is not None or sizes.sides_nm is not None:
        steps = zip(axes, place["scale"], strict=True)
        place["scale"] = [step / finer.get(letter, 1.0) for letter, step in steps]
    source = InputLayer(title, place, colormap=None, blending="opaque")
    attributes = result_metadata(source, picture, placement, ())
    about = {**provenance, "picture": picture, "run": run_of(provenance)}
    return {
        **attributes,
        "contrast_limits": limits_of(picture, data),
        "metadata": {METADATA_KEY: about},
    }


def plain_attributes(name: str, axes: str, sizes: StoredSizes) -> dict[str, Any]:
    """Make the attributes of a layer of an image that is no result."""
    return {"name": name, **sizes.place(axes), "rgb": False}


def title_of(stem: str, picture: str) -> str:
    """Call the image that was restored after a result's file, from whose name the ending is taken off."""
    name = stem.removesuffix("_uncertainty") if picture == "uncertainty" else stem
    return name.removesuffix(".cvdm").removesuffix("_cvdm") or name


def labels_of(axes: str) -> tuple[str, ...]:
    """Return the labels of a layer's axes, given their letters."""
    return tuple(f"axis {number}" if letter == "Q" else letter.lower() for number, letter in enumerate(axes))
