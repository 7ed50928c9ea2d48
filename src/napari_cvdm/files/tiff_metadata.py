"""What a TIFF file says about the size of its pixels, in words of many programs or in its resolution tags.

Lengths are given in nanometres. A statement that cannot be true of a micrograph (pixels of zero size, of a
kilometre, of 1/72 inch) counts as no statement, so that the user is asked instead of misled.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt
import tifffile

from napari_cvdm.files.ome_images import kind_of, ome_images, ome_root
from napari_cvdm.files.tiff_images import ome_number_of
from napari_cvdm.restoration.validation import LARGEST_PIXEL_NM, SMALLEST_PIXEL_NM, SQUARE_WITHIN

LARGEST_PRINTED_PIXEL_NM = 20_000.0
"""Limit where inches are involved: 72, 300 or 600 dots per inch are meant for printers."""

_ALIKE = 1.1
"""Steps from plane to plane, or frame to frame, of which the largest is more times the least are not even."""


def _by_name(*units: tuple[str, float]) -> dict[str, float]:
    return {name: factor for names, factor in units for name in names.split()}


_NANOMETRES = _by_name(
    ("pm", 1e-3),
    ("å angstrom ångström", 0.1),
    ("nm nanometer nanometre", 1.0),
    ("µm um micron micrometer micrometre", 1e3),
    ("mm millimeter millimetre", 1e6),
    ("cm centimeter centimetre", 1e7),
    ("m meter metre", 1e9),
    ("in inch inches", 2.54e7),
)
_SECONDS = _by_name(
    ("ns nsec nanosecond", 1e-9),
    ("µs µsec us usec microsecond", 1e-6),
    ("ms msec millisecond", 1e-3),
    ("s sec second", 1.0),
    ("min minute", 60.0),
    ("h hr hour", 3600.0),
    ("d day", 86400.0),
)


@dataclass(frozen=True)
class PhysicalScale:
    """How large an image is in the world, as far as its file says.

    Attributes
    ----------
    pixel_size : float or None
        Side of a pixel within the plane, in nm. None if it is not stated, not believable, or not square.
    pixel_sides : (float, float) or None
        Height and width in nm of a pixel that is not square.
    z_spacing : float or None
        Distance of two planes, in nm.
    time_interval : float or None
        Time from frame to frame, in seconds.
    channel_names : tuple of str
        Empty if there are none.
    """

    pixel_size: float | None = None
    pixel_sides: tuple[float, float] | None = None
    z_spacing: float | None = None
    time_interval: float | None = None
    channel_names: tuple[str, ...] = ()


def length_in_nm(value: Any, unit: str | None) -> float | None:
    """Convert a length to nm, or return None if the number or its unit is none."""
    return _converted(value, unit, _NANOMETRES)


def in_seconds(value: Any, unit: str | None) -> float | None:
    """Convert a time to seconds, or return None if the number or its unit is none."""
    return _converted(value, unit, _SECONDS)


def _converted(value: Any, unit: str | None, factors: Mapping[str, float]) -> float | None:
    """Convert a quantity.

    The sign of micro is understood in all encodings met in the wild: µ, μ, u, spelled out as ImageJ does, and
    what is left of it when a program reads it in the wrong encoding.
    """
    number = _positive(value)
    if number is None or not unit:
        return None
    name = str(unit).strip().strip("\0\"'").replace("\\u00B5", "µ").replace("\\u00b5", "µ").lower()
    # One to three characters that are no letters of the alphabet before an m or s: µm, μm, Âµm, Î¼s, ?m.
    name = re.sub(r"^[^a-z0-9\s/]{1,3}(m|s|sec)$", r"µ\1", name)
    factor = factors.get(name) or factors.get(name.removesuffix("s"))
    return None if factor is None else number * factor


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
    elif tif.lsm_metadata:
        scale = _scale_from_lsm(tif.lsm_metadata)
    elif tif.stk_metadata:
        scale = _scale_from_stk(tif.stk_metadata)
    elif tif.is_metaseries:
        scale = _scale_from_metaseries(tif.pages.first.description)
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
    spacing = str(metadata.get("spacing", 1 if "ImageJ" in metadata else "")).removeprefix("-")
    return PhysicalScale(
        *side_or_sides(x, y, limit),
        believable(length_in_nm(spacing, str(metadata.get("zunit", unit)))),
        in_seconds(metadata.get("finterval"), metadata.get("tunit", "sec")),
    )


def _scale_from_lsm(metadata: Mapping[str, Any]) -> PhysicalScale:
    x, y, z = (length_in_nm(metadata.get(f"VoxelSize{axis}"), "m") for axis in "XYZ")
    return PhysicalScale(
        *side_or_sides(x, y),
        believable(z),
        in_seconds(metadata.get("TimeIntervall"), "s"),  # so spelled
    )


def _scale_from_stk(metadata: Mapping[str, Any]) -> PhysicalScale:
    # What was set for another objective stays in the file when the calibration is switched off.
    unit = metadata.get("CalibrationUnits") if metadata.get("SpatialCalibration", 1) else None
    x, y = (length_in_nm(metadata.get(f"{axis}Calibration"), unit) for axis in "XY")
    times = metadata.get("DatetimeCreated")
    seconds = [] if times is None else np.diff(times) / np.timedelta64(1, "s")
    return PhysicalScale(
        *side_or_sides(x, y),
        believable(length_in_nm(_alike(metadata.get("ZDistance", [])), "µm")),
        in_seconds(_alike(seconds), "s"),
    )


def _scale_from_metaseries(xml: str) -> PhysicalScale:
    """Read what MetaMorph writes into a TIFF; it begins with its root, where no entities can be defined."""
    root = ome_root(xml)
    said = {} if root is None else {each.get("id"): each.get("value") for each in root.iter("prop")}
    calibrated = said.get("spatial-calibration-state", "on") == "on"
    unit = said.get("spatial-calibration-units") if calibrated else None
    x, y = (length_in_nm(said.get(f"spatial-calibration-{axis}"), unit) for axis in "xy")
    return PhysicalScale(*side_or_sides(x, y))


def _alike(steps: npt.ArrayLike) -> float | None:
    """Return the mean of steps that are positive and alike; None if they are not, or there is none."""
    steps = np.asarray(steps, dtype=float)
    if not steps.size or not 0 < steps.min() <= steps.max() <= _ALIKE * steps.min():
        return None
    return float(steps.mean())


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
            densities.append(_positive(numerator / denominator))
        except (AttributeError, TypeError, ValueError, ZeroDivisionError):
            densities.append(None)
    return densities[0], densities[1]


def _positive(value: Any) -> float | None:
    try:
        # What Python takes for 65, "6_5", is no number in a file.
        number = float(str(value).replace(",", ".").replace("_", "no number"))
    except ValueError:
        return None
    return number if isfinite(number) and number > 0 else None


def believable(length: float | None, limit: float = LARGEST_PIXEL_NM) -> float | None:
    """Return a length in nm that pixels of a micrograph, or planes, can have; None for any other."""
    return length if length is not None and SMALLEST_PIXEL_NM <= length <= limit else None


def side_or_sides(
    x: float | None, y: float | None, limit: float = LARGEST_PIXEL_NM
) -> tuple[float | None, tuple[float, float] | None]:
    """Return the side of square pixels in nm, or height and width of others, if believable."""
    x, y = believable(x, limit), believable(y, limit)
    if x is None or y is None:
        return None, None
    if abs(x - y) > SQUARE_WITHIN * max(x, y):
        return None, (_without_rounding(y), _without_rounding(x))
    return _without_rounding(x), None


def _without_rounding(length: float) -> float:
    """Take away the trace that ratios of 32-bit integers leave, which nobody wants to read in a form."""
    return float(f"{length:.6g}")
