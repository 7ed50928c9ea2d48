"""Lengths and times in the spellings of many programs, and which of them a micrograph can have.

Lengths are given in nanometres. A statement that cannot be true of a micrograph (pixels of zero size, of a
kilometre, of 1/72 inch) counts as no statement, so that the user is asked instead of misled.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from napari_cvdm.restoration.validation import LARGEST_PIXEL_NM, SMALLEST_PIXEL_NM, SQUARE_WITHIN

LARGEST_PRINTED_PIXEL_NM = 20_000.0
"""Limit where inches are involved: 72, 300 or 600 dots per inch are meant for printers."""


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
    number = positive_number(value)
    if number is None or not unit:
        return None
    name = str(unit).strip().strip("\0\"'").replace("\\u00B5", "µ").replace("\\u00b5", "µ").lower()
    # One to three characters that are no letters of the alphabet before an m or s: µm, μm, Âµm, Î¼s, ?m.
    name = re.sub(r"^[^a-z0-9\s/]{1,3}(m|s|sec)$", r"µ\1", name)
    factor = factors.get(name) or factors.get(name.removesuffix("s"))
    return None if factor is None else number * factor


def positive_number(value: Any) -> float | None:
    """Return a finite number above zero, also one written with a decimal comma; None for all else."""
    try:
        # What Python takes for 65, "6_5", is no number in a file.
        number = float(str(value).replace(",", ".").replace("_", "no number"))
    except ValueError:
        return None
    return number if isfinite(number) and number > 0 else None


def believable(length: float | None, limit: float = LARGEST_PIXEL_NM) -> float | None:
    """Return a length in nm that pixels of a micrograph, or planes, can have; None for any other."""
    return length if length is not None and SMALLEST_PIXEL_NM <= length <= limit else None


def plane_distance(value: Any, unit: str | None) -> float | None:
    """Convert a believable step from plane to plane to nm; of a negative one, downwards, the amount."""
    return believable(length_in_nm(str(value).removeprefix("-"), unit))


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
