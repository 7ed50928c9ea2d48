"""A first look at a file: can it be a model at all? It takes no time, however large the file is."""

from __future__ import annotations

from pathlib import Path

from napari_cvdm.models.errors import ModelError, unreadable
from napari_cvdm.models.safetensors_header import read_header
from napari_cvdm.models.transfer import LARGEST_FILE

__all__ = ["check_kind"]


def check_kind(path: Path) -> None:
    """Refuse a file that cannot be a model before all of it is read for its hash.

    Someone drops an image of a hundred gigabytes where a model belongs; to hash it would take minutes.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    ModelError
        If it is too large, or neither a whole safetensors file nor the beginning of an HDF5 file.
    """
    from napari_cvdm.reference.keras_file import is_hdf5

    try:
        size = path.stat().st_size
    except OSError as error:
        raise unreadable(path, error) from error
    if size > LARGEST_FILE:
        raise ModelError(f"{path} has {size / 1e9:,.1f} GB; no model is so large.")
    if not is_hdf5(path):
        read_header(path)
