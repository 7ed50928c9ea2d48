"""The real micrographs that come with the package. `samples/README.md` says whose they are."""

from __future__ import annotations

from pathlib import Path

from napari_cvdm.files.image_file import ImageFile
from napari_cvdm.files.tiff import read_tiff
from napari_cvdm.restoration.errors import InputError

SAMPLES = {
    "tubulin_widefield": "Microtubules, wide-field (65 nm)",
    "tubulin_sim": "Microtubules, the same field by structured illumination (32.5 nm)",
}
"""Name of every sample, and what it shows."""

_FOLDER = Path(__file__).parent / "samples"


def sample_path(name: str = "tubulin_widefield") -> Path:
    """Return the TIFF file of a sample.

    Parameters
    ----------
    name : str
        One of `SAMPLES`.

    Raises
    ------
    InputError
        If there is no such sample.
    """
    if name not in SAMPLES:
        raise InputError(f"There is no sample named {name!r}. Choose one of {', '.join(SAMPLES)}.")
    return _FOLDER / f"{name}.tif"


def read_sample(name: str = "tubulin_widefield") -> ImageFile:
    """Read a sample, with its pixel size.

    Parameters
    ----------
    name : str
        One of `SAMPLES`.

    Raises
    ------
    InputError
        If there is no such sample.
    """
    return read_tiff(sample_path(name))
