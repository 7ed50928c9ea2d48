"""A first look at a file before its hash is taken: can it be a model at all? The look takes no time."""

from __future__ import annotations

from pathlib import Path

from napari_cvdm.models.addresses import is_file, shown
from napari_cvdm.models.errors import ModelError
from napari_cvdm.models.hashes import file_sha256
from napari_cvdm.models.safetensors_header import read_header
from napari_cvdm.models.transfer import LARGEST_FILE


def hash_of_model(path: Path) -> str:
    """Return the SHA-256 of a file that the user gives as a model, in hexadecimal.

    One that cannot be a model is refused before all of it is read: someone drops an image of a hundred
    gigabytes where a model belongs, and to hash it would take minutes.

    Raises
    ------
    ModelError
        If there is no such file, or it is too large, or neither a whole safetensors file nor the beginning of
        an HDF5 file.
    """
    from napari_cvdm.reference.keras_file import is_hdf5

    if not is_file(path):
        raise ModelError(f"There is no model file {shown(str(path))}.")
    size = path.stat().st_size
    if size > LARGEST_FILE:
        raise ModelError(f"{path} has {size / 1e9:,.1f} GB; no model is so large.")
    if not is_hdf5(path):
        read_header(path)
    return file_sha256(path)
