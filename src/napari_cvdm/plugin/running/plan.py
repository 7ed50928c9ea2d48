"""What a run will do, in words, before it is started."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_cvdm.plugin.running.progress import seconds_in_words

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Plan:
    """What a run will do.

    Attributes
    ----------
    planes : int
        How many planes.
    plane_shape : (int, int)
        Rows and columns of a plane.
    memory : int
        Bytes for images while it runs.
    tiles : int or None
        Tiles for each plane; None while that is not known.
    seconds : float or None
        Estimated time; None while it was not measured.
    device : str or None
        What it runs on; None while that is not known.
    results : int
        Bytes of `memory` that stay taken when it is done.
    """

    planes: int
    plane_shape: tuple[int, int]
    memory: int
    tiles: int | None = None
    seconds: float | None = None
    device: str | None = None
    results: int = 0

    def words(self) -> str:
        """Say it in a sentence or two."""
        rows, columns = self.plane_shape
        planes = f"{self.planes} plane{'s' if self.planes != 1 else ''} of {columns} × {rows} pixels"
        if self.tiles is not None and self.tiles > 1:
            planes += f", in {self.tiles} tiles{' each' if self.planes != 1 else ''}"
        parts = [planes, f"{memory_words(self.memory)} of memory"]
        if self.seconds is not None:
            where = f" on the {_device_word(self.device)}" if self.device else ""
            parts.append(f"{seconds_in_words(self.seconds)}{where}")
        return f"{'; '.join(parts)}."


def memory_needed(pixels: int, dtype: np.dtype, *, kept_draws: int = 0, finer: int = 2) -> int:
    """Estimate how many bytes a run takes for images; the networks' own memory is bounded by the tile.

    ``pixels`` are those of all planes; results are so many times ``finer``.
    """
    # Mean and standard deviation are there twice: as they are shown, and as they are computed.
    shown = results_size(pixels, kept_draws=kept_draws, finer=finer)
    return pixels * dtype.itemsize + shown + results_size(pixels, finer=finer)


def results_size(pixels: int, *, kept_draws: int = 0, finer: int = 2) -> int:
    """Return the size of a run's results in bytes: mean, standard deviation and draws in float32."""
    return (2 + kept_draws) * 4 * pixels * finer**2


def free_memory() -> int:
    """Return the memory that is free on this computer, in bytes."""
    import psutil

    return int(psutil.virtual_memory().available)


def memory_words(size: int) -> str:
    """Write a number of bytes in MB or GB; none is less than 1 MB."""
    if size < 2**29:
        return f"{max(1, round(size / 2**20))} MB"
    return f"{size / 2**30:.1f} GB"


def resampling_words(pixel_size: float, known: tuple[float, float], target: float) -> tuple[str, str]:
    """Explain a pixel size that a model does not know; also return the label of a check box to resample."""
    # What is as wide as ever in nanometres covers fewer of the larger pixels, and more of the smaller ones.
    if pixel_size > known[1]:
        size, width, danger = "larger", "thinner", "invent detail"
    else:
        size, width, danger = "smaller", "wider", "take them for haze"
    return (
        f"This model knows pixels of {known[0]:g} to {known[1]:g} nm. Yours are {size}: to the model, "
        f"structures look {width} than they are, and it may {danger}.",
        f"Resample to {target:.4g} nm first",
    )


def _device_word(device: str) -> str:
    kind = device.partition(":")[0].partition(" ")[0]
    return {"cpu": "CPU", "cuda": "GPU", "mps": "GPU"}.get(kind, device)
