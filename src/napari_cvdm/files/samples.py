"""The real micrographs that come with the package. `samples/README.md` says whose they are."""

from __future__ import annotations

from pathlib import Path

from napari_cvdm.files.image_file import ImageFile
from napari_cvdm.files.tiff import read_tiff

SAMPLES = {
    "tubulin_widefield": "Microtubules, wide-field (65 nm)",
    "tubulin_sim": "Microtubules, the same field by structured illumination (32.5 nm)",
}
"""Name of every sample, and what it shows."""

_FOLDER = Path(__file__).parent / "samples"


def sample_path(name: str = "tubulin_widefield") -> Path:
    """Return the TIFF file of a sample, one of `SAMPLES`."""
    return _FOLDER / f"{name}.tif"


def read_sample(name: str = "tubulin_widefield") -> ImageFile:
    """Read a sample, one of `SAMPLES`, with its pixel size."""
    return read_tiff(sample_path(name))
