"""Whether the numbers in a TIFF file are intensities, or stand for them in another way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile

from napari_cvdm.restoration.errors import ImageFileError

#: How bright red, green and blue look, of 1.
_LUMINANCE = (0.2126, 0.7152, 0.0722)

#: By which part of the range a palette's brightness may fall and count as rising, because of rounding. Those
#: of pictures with reduced colours fall by 0.4 and more.
_ROUNDING = 0.01


def check_intensities(path: str | Path, tif: tifffile.TiffFile, series: tifffile.TiffPageSeries) -> None:
    """Refuse images whose numbers are low where they are bright, or are those of colours in a palette.

    Parameters
    ----------
    path : str or Path
        What to call the file.
    tif : tifffile.TiffFile
        Open.
    series : tifffile.TiffPageSeries
        One of its images.

    Raises
    ------
    ImageFileError
        If so.
    """
    page = series.keyframe
    # Of ImageJ's stacks the numbers are what was measured, and only the display is inverted. Masks have none.
    inverted = page.photometric == tifffile.PHOTOMETRIC.MINISWHITE
    if inverted and not tif.is_imagej and series.dtype != bool:
        raise ImageFileError(
            f"{path} is marked 'white is zero': its bright structures should have the low numbers. In Fiji, "
            "invert it if they have (Edit > Invert), then Image > Lookup Tables > Invert LUT, and save it."
        )
    # What these programs write in palettes are intensities, in false colours of any order.
    of_microscopes = tif.is_imagej or tif.is_ome or tif.is_lsm or tif.is_stk or tif.is_fluoview
    if page.photometric == tifffile.PHOTOMETRIC.PALETTE and not (of_microscopes or _gets_brighter(page)):
        raise ImageFileError(
            f"{path} holds the numbers of colours in a palette, which does not run from dark to bright. In "
            "Fiji, turn it into greyscale (Image > Type > RGB Color, then 8-bit) and save it; if the numbers "
            "are intensities in false colours, choose Image > Lookup Tables > Grays instead."
        )


def _gets_brighter(page: tifffile.TiffPage) -> bool:
    """Whether a page's palette runs from dark to bright; its first and last may mark a lack and an excess."""
    if page.colormap is None:
        return True
    brightness = (np.asarray(_LUMINANCE) @ page.colormap)[1:-1] / 65535
    return bool(np.all(np.maximum.accumulate(brightness) - brightness <= _ROUNDING))
