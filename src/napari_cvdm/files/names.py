"""How the names of image files and folders end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

TIFF_ENDINGS = (".ome.tif", ".ome.tiff", ".tif", ".tiff")
"""Endings of TIFF files, those of two parts first."""

ZARR_ENDINGS = (".ome.zarr", ".zarr")
"""Endings of OME-Zarr folders, likewise."""


def without_ending(name: str, endings: Sequence[str]) -> str:
    """Return a name without its ending; the whole name if it has none of these.

    Parameters
    ----------
    name : str
        Of a file, a folder or a layer.
    endings : sequence of str
        In small letters, the longest first.
    """
    ending = next((ending for ending in endings if name.lower().endswith(ending)), "")
    return name[: len(name) - len(ending)]


def stem_of(path: Path, endings: Sequence[str] = TIFF_ENDINGS) -> str:
    """Return a file's name without its ending.

    Parameters
    ----------
    path : Path
        The file or folder.
    endings : sequence of str, optional
        As for `without_ending`; of other names the last part is the ending.
    """
    stem = without_ending(path.name, endings)
    return path.stem if stem == path.name else stem
