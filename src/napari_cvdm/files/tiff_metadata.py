"""What a TIFF file says about the size of its pixels: in OME-XML, as ImageJ, in resolution tags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import tifffile

from napari_cvdm.files.microscope_metadata import scale_from_microscope
from napari_cvdm.files.ome_images import kind_of, ome_images, ome_root
from napari_cvdm.files.physical_scale import (
    LARGEST_PRINTED_PIXEL_NM,
    PhysicalScale,
    believable,
    in_seconds,
    length_in_nm,
    plane_distance,
    positive_number,
    side_or_sides,
)
from napari_cvdm.files.tiff_images import ome_number_of
from napari_cvdm.restoration.validation import LARGEST_PIXEL_NM


def read_scale(tif: tifffile.TiffFile, series: tifffile.TiffPageSeries) -> PhysicalScale:
    """Read the physical scale of an image of an open TIFF file from the most explicit source it has.

    Parameters
    ----------
    tif : tifffile.TiffFile
        Open.
    series : tifffile.TiffPageSeries
        One of its images, from `napari_cvdm.files.tiff_images.image_of`.
    """
    page = series.keyframe
    scale = PhysicalScale()
    if tif.ome_metadata:
        number = ome_number_of(tif, series)
        if number is not None:
            scale = scale_from_ome(tif.ome_metadata, number)
    elif tif.imagej_metadata:
        scale = _scale_from_imagej(tif.imagej_metadata, page)
    else:
        scale = scale_from_microscope(tif, page)
    if scale.pixel_size is None and scale.pixel_sides is None:
        size, sides = side_or_sides(*_sides_from_tags(page), LARGEST_PRINTED_PIXEL_NM)
        scale = replace(scale, pixel_size=size, pixel_sides=sides)
    return scale


def scale_from_ome(xml: str, image: int = 0) -> PhysicalScale:
    """Read the scale of one image from OME-XML, whatever its version. Broken XML has no scale."""
    pixels = find_ome_image(xml, image, "Pixels")
    if pixels is None:
        return PhysicalScale()

    def length(axis: str) -> float | None:
        unit = pixels.get(f"PhysicalSize{axis}Unit", "µm")
        return length_in_nm(pixels.get(f"PhysicalSize{axis}"), unit)

    names = [channel.get("Name") for channel in pixels if kind_of(channel) == "Channel"]
    return PhysicalScale(
        *side_or_sides(length("X"), length("Y")),
        believable(length("Z")),
        in_seconds(pixels.get("TimeIncrement"), pixels.get("TimeIncrementUnit", "s")),
        tuple(name or f"channel {i}" for i, name in enumerate(names)) if any(names) else (),
    )


def find_ome_image(xml: str, image: int, element: str) -> ElementTree.Element | None:
    """Return the first `element` (such as "Pixels" or "Description") of an OME image, or None."""
    root = ome_root(xml)
    images = [] if root is None else ome_images(root)
    if image >= len(images):
        return None
    return next((child for child in images[image] if kind_of(child) == element), None)


def _scale_from_imagej(metadata: Mapping[str, Any], page: Any) -> PhysicalScale:
    unit = str(metadata.get("unit", ""))
    x, y = (length_in_nm(1 / density, unit) if density else None for density in _densities(page))
    limit = LARGEST_PRINTED_PIXEL_NM if unit.lower().startswith("in") else LARGEST_PIXEL_NM
    # ImageJ leaves out a distance of one unit, and of a negative one takes the amount.
    spacing = metadata.get("spacing", 1 if "ImageJ" in metadata else None)
    return PhysicalScale(
        *side_or_sides(x, y, limit),
        plane_distance(spacing, str(metadata.get("zunit", unit))),
        in_seconds(metadata.get("finterval"), metadata.get("tunit", "sec")),
    )


def _sides_from_tags(page: Any) -> tuple[float | None, float | None]:
    tag = page.tags.get("ResolutionUnit")
    # Without the tag the unit is the inch (TIFF 6.0); 1 is "no unit"; 4 and 5 are extensions.
    unit = {2: "inch", 3: "cm", 4: "mm", 5: "µm"}.get(int(tag.value) if tag else 2)
    x, y = (length_in_nm(1 / density, unit) if density else None for density in _densities(page))
    return x, y


def _densities(page: Any) -> tuple[float | None, float | None]:
    """Return how many pixels there are to a unit of length along X and along Y."""
    densities: list[float | None] = []
    for name in ("XResolution", "YResolution"):
        tag = page.tags.get(name)
        try:
            numerator, denominator = tag.value
            densities.append(positive_number(numerator / denominator))
        except (AttributeError, TypeError, ValueError, ZeroDivisionError):
            densities.append(None)
    return densities[0], densities[1]
