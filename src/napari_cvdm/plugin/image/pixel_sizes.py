"""Pixel sizes that an image of a microscope may have, and the words about those that none has."""

from __future__ import annotations

from napari_cvdm.restoration.validation import LARGEST_PIXEL_NM, SMALLEST_PIXEL_NM, SQUARE_WITHIN

DECIMALS = 1
"""Digits behind the point of what the form shows."""

NOT_KNOWN = "Not known. With it, the program checks that the model suits the image."
"""Said where nothing tells the pixel size."""

_UNITS = (("m", 1e9), ("mm", 1e6), ("µm", 1e3))


def are_square(height: float, width: float) -> bool:
    """Whether pixels have one size: the model knows no other ones."""
    return abs(height - width) <= SQUARE_WITHIN * max(height, width)


def believed(nanometres: float, origin: str) -> tuple[float | None, str]:
    """Take a pixel size as it is, or as not known if it cannot be that of a microscope's image.

    A layer may have any scale and units: a default scale of 1 with units of millimetres is not rare.

    ``origin`` says where the size comes from; in its place comes a sentence why the size is not taken.
    """
    if SMALLEST_PIXEL_NM <= nanometres <= LARGEST_PIXEL_NM:
        return nanometres, origin
    return None, (
        f"Not known: scale and units say that a pixel is {length_words(nanometres)} wide, but sizes from "
        f"{length_words(SMALLEST_PIXEL_NM)} to {length_words(LARGEST_PIXEL_NM)} make sense. "
        "Correct them, or type the size."
    )


def length_words(nanometres: float) -> str:
    """Tell a length in a unit that makes it short: "1 mm", "65 nm"."""
    rounded = float(f"{nanometres:.4g}")  # which 1 mm, converted, may be a trifle less than
    for unit, factor in _UNITS:
        if rounded >= factor:
            return f"{rounded / factor:.4g} {unit}"
    return f"{rounded:.4g} nm"
