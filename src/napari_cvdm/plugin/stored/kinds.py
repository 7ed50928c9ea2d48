"""What a file or folder is to this plugin: told without its pixels, because the viewer waits for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from napari_cvdm.files.names import TIFF_ENDINGS
from napari_cvdm.plugin.results.layers import PICTURES

Kind = Literal["set", "zarr set", "picture", "zarr image", "folder"]
"""Layers that were saved together in one file or folder, one picture of a restoration in OME-TIFF, any
OME-Zarr image, and a folder that is none of these."""


def kind_of(path: Path) -> Kind | None:
    """Return what is at a path; None for files of others, and for whatever cannot be read."""
    if path.is_dir():
        from napari_cvdm.files.ome_zarr_reading import is_zarr
        from napari_cvdm.files.zarr_set import is_zarr_set

        if is_zarr_set(path):
            return "zarr set"
        return "zarr image" if is_zarr(path) else "folder"
    from napari_cvdm.files.image_set import ARRAY_KEY

    about = _stated_by(path)
    if ARRAY_KEY in about:
        return "set"
    is_picture = about.get("content") in PICTURES and path.name.lower().endswith(TIFF_ENDINGS)
    return "picture" if is_picture else None


def is_saved_result(path: Path) -> bool:
    """Whether this plugin, one of its scripts or the shell has saved a file or folder as a result.

    Not so the folders of large images: they are told by `napari_cvdm.files.ome_zarr_reading.is_zarr`.
    """
    return kind_of(path) in ("set", "zarr set", "picture")


def _stated_by(path: Path) -> dict[str, Any]:
    """Return what a TIFF file says of how its first image was made; nothing if it is not one of ours.

    It is read off the first page: to find all pages of a long film takes half a second.
    """
    from tifffile import TiffFile

    from napari_cvdm.files.ome_tiff import PROVENANCE_KEY, provenance_in
    from napari_cvdm.files.tiff import explained_faults
    from napari_cvdm.files.tiff_promises import refuse_entities
    from napari_cvdm.restoration.errors import ImageFileError

    try:
        with explained_faults(path), TiffFile(path) as tif:
            xml = tif.ome_metadata or ""
            if PROVENANCE_KEY not in xml:
                return {}
            refuse_entities(path, xml)
            return provenance_in(xml) or {}
    except ImageFileError:
        return {}
