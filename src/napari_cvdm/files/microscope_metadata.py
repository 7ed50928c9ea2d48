"""What programs of microscopes say about the size of pixels, each in TIFF tags of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile

from napari_cvdm.files.ome_images import ome_root
from napari_cvdm.files.physical_scale import (
    PhysicalScale,
    believable,
    in_seconds,
    length_in_nm,
    plane_distance,
    side_or_sides,
)

_ALIKE = 1.1
"""Steps from plane to plane, or frame to frame, of which the largest is more times the least are not even."""


def scale_from_microscope(tif: tifffile.TiffFile, page: tifffile.TiffPage) -> PhysicalScale:
    """Read the physical scale that the program of a microscope states in tags of its own.

    Parameters
    ----------
    tif : tifffile.TiffFile
        Open.
    page : tifffile.TiffPage
        A plane of the image.

    Returns
    -------
    PhysicalScale
        Empty if the file is of none of the programs known here: those of Zeiss (LSM), MetaMorph (STK and
        TIFF), Olympus (FluoView, and those of SIS, such as cellSens), Micro-Manager (NDTiff).
    """
    scale = PhysicalScale()
    if tif.lsm_metadata:
        scale = _scale_from_lsm(tif.lsm_metadata)
    elif tif.stk_metadata:
        scale = _scale_from_stk(tif.stk_metadata)
    elif tif.is_metaseries:
        scale = _scale_from_metaseries(tif.pages.first.description)
    elif tif.fluoview_metadata:
        scale = _scale_from_fluoview(tif.fluoview_metadata)
    elif tif.sis_metadata:
        scale = _scale_from_sis(tif.sis_metadata)
    elif tif.micromanager_metadata:
        scale = _scale_from_micromanager(tif.micromanager_metadata, page)
    return scale


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


def _scale_from_fluoview(metadata: Mapping[str, Any]) -> PhysicalScale:
    axes = metadata.get("Dimensions", ())
    said = {name.upper(): (resolution, unit) for name, _, _, resolution, unit in axes}
    x, y, z = (length_in_nm(*said.get(axis, (None, None))) for axis in "XYZ")
    time = said.get("TIME", said.get("T", (None, None)))
    return PhysicalScale(*side_or_sides(x, y), believable(z), in_seconds(*time))


def _scale_from_sis(metadata: Mapping[str, Any]) -> PhysicalScale:
    # The places of planes and frames are in the file, too, in units that are not known.
    x, y = (length_in_nm(metadata.get(f"pixelsize{axis}"), "m") for axis in "xy")
    return PhysicalScale(*side_or_sides(x, y))


def _scale_from_micromanager(metadata: Mapping[str, Any], page: Any) -> PhysicalScale:
    """Read what Micro-Manager says of an acquisition, and of the pixels of one of its pages (NDTiff)."""
    summary, of_page = (
        said if isinstance(said, dict) else {}
        for said in (metadata.get("Summary"), page.tags.valueof("MicroManagerMetadata"))
    )
    side = length_in_nm(of_page.get("PixelSizeUm", summary.get("PixelSize_um")), "µm")
    return PhysicalScale(
        *side_or_sides(side, side),
        plane_distance(summary.get("z-step_um"), "µm"),
        in_seconds(summary.get("Interval_ms"), "ms"),
    )


def _alike(steps: npt.ArrayLike) -> float | None:
    """Return the mean of steps that are positive and alike; None if they are not, or there is none."""
    steps = np.asarray(steps, dtype=float)
    if not steps.size or not 0 < steps.min() <= steps.max() <= _ALIKE * steps.min():
        return None
    return float(steps.mean())
