"""When memory runs out: smaller tiles while there are any, and then one sentence that says what to do."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, TypeVar

import torch

from napari_cvdm.restoration.errors import DeviceError

T = TypeVar("T")

#: Smallest tile side that halving arrives at, in camera pixels.
SMALLEST_TILE = 32

# In small letters: of torch itself, of cuBLAS and cuDNN when they set themselves up, of any other moment in
# cuDNN 9, and of Apple's MPS.
_SAID = (
    "out of memory",
    "can't allocate memory",
    "not enough memory",
    "status_alloc_failed",
    "allocation_failed",
    "invalid buffer size",
)
# What cuBLAS and cuDNN say if the card is too full for them to set themselves up, or for any way of computing
# a convolution; and also if they do not suit this card, driver or torch at all.
_SAID_OF_BROKEN_ONES_TOO = (
    "cublas_status_not_initialized",
    "cudnn_status_not_initialized",
    "unable to find an engine",
    "unable to find a valid cudnn algorithm",
)


@contextmanager
def explained_shortage(place: str, remedy: str) -> Iterator[None]:
    """Let memory that runs out be told as an error of our own.

    Never as torch's: that is a RuntimeError, which a napari worker lets vanish without a word, and which the
    command line takes for a bug. It is a `DeviceError`, which says "Memory ran out for `place`." and then the
    remedy, a sentence. What does not say that memory ran out passes unchanged.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise DeviceError(f"Memory ran out for {place}. {remedy}") from error


class TileSize:
    """The tile side in use for one network; halved when memory runs out, if it was chosen automatically.

    Parameters
    ----------
    requested : int or "auto"
        As the user gave it.
    automatic_side : int
        The side to begin with when it is "auto".

    Attributes
    ----------
    side : int
        The present tile side, in camera pixels, halo not counted.
    automatic : bool
        Whether it may be changed.
    halvings : int
        How often it had to be halved.
    """

    def __init__(self, requested: int | Literal["auto"], automatic_side: int) -> None:
        self.automatic = requested == "auto"
        self.side = automatic_side if requested == "auto" else int(requested)
        self.halvings = 0

    def halve(self, used: int) -> bool:
        """Halve the side, of which ``used`` pixels were really used; False if it may not get smaller."""
        smaller = min(self.side, used) // 2
        if not self.automatic or smaller < SMALLEST_TILE:
            return False
        self.side = smaller
        self.halvings += 1
        return True


def within_memory(job: Callable[[int], T], tile: TileSize, extent: int, device: torch.device) -> T:
    """Run one network pass to its end, with smaller tiles if it does not fit in memory.

    Parameters
    ----------
    job : callable
        Does the pass with the tile side it is given, and leaves nothing behind when it fails.
    tile : TileSize
        The side to begin with; halved here when needed, so that later passes begin with what fits.
    extent : int
        Longer side of the plane, in camera pixels: a tile larger than that is none.
    device : torch.device
        Where the pass runs.

    Raises
    ------
    DeviceError
        If memory runs out with a tile that the user chose, or with the smallest.
    """
    while True:
        try:
            done = job(tile.side)
            _wait_for(device)
            return done
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        # Outside the except block: the exception would keep the failed pass's tensors alive.
        _release_memory(device)
        if not tile.halve(extent):
            place = "the computer" if device.type == "cpu" else f"the device {device}"
            remedy = (
                "Close other programs, or restore a smaller region."
                if tile.automatic
                else "Choose a smaller tile, or tile='auto'."
            )
            raise DeviceError(f"Memory ran out on {place} with tiles of {tile.side} pixels. {remedy}")


def is_out_of_memory(error: BaseException, *, beyond_doubt: bool = False) -> bool:
    """Whether an exception says that memory ran out, on any device torch knows.

    Libraries have some words for that and for an installation that does not work. These count, too, unless it
    must be `beyond_doubt`: of a device that has worked before.
    """
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    said = _SAID if beyond_doubt else (*_SAID, *_SAID_OF_BROKEN_ONES_TOO)
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(words in text for words in said)


def _wait_for(device: torch.device) -> None:
    """Wait until a GPU has done what it was told: else steps would be reported and timed long before."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def _release_memory(device: torch.device) -> None:
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()
