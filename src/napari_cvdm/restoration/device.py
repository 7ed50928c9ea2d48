"""Where a restoration runs, and how large its tiles may be there.

Which processor, how large an automatic tile, and what happens when memory runs out. How networks run on the
processor is decided in `execution`.
"""

from __future__ import annotations

import gc
import math
import platform
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

import torch

from napari_cvdm.restoration.errors import DeviceError, InputError, InputTypeError

T = TypeVar("T")

#: Memory that one network pass may take on a CPU and on Apple's MPS, where "free" memory is shared with
#: everything else, in bytes.
SHARED_MEMORY_BUDGET = 2**30
#: Share of a GPU's free memory that one network pass may take; the rest is for the plane's state and the
#: libraries.
GPU_MEMORY_SHARE = 0.4
#: Largest automatic tile side, in camera pixels: beyond it the halo is a small part of the work already.
LARGEST_AUTOMATIC_TILE = 4096
#: Smallest tile side that halving arrives at, in camera pixels.
SMALLEST_TILE = 32
#: Full-resolution feature maps alive at once in a pass, measured on the default architecture, with slack.
LIVE_FEATURE_MAPS = 10
#: The same on a CPU, where networks work in bands: the map itself and as much for the coarser levels; and the
#: channels of inputs, outputs and bands beside it.
LIVE_FEATURE_MAPS_IN_BANDS, OTHER_CHANNELS_IN_BANDS = 2, 64


@dataclass(frozen=True)
class ChosenDevice:
    """The processor to use.

    Attributes
    ----------
    device : torch.device
        Where the networks run.
    notice : str or None
        What the user should know about the choice, as a sentence.
    """

    device: torch.device
    notice: str | None = None


def choose_device(name: str = "auto") -> ChosenDevice:
    """Find the processor for a name.

    Parameters
    ----------
    name : str
        "auto" (CUDA if there is one, else Apple's MPS, else the CPU), "cpu", "cuda", "cuda:N" or "mps".

    Returns
    -------
    ChosenDevice

    Raises
    ------
    InputTypeError
        If ``name`` is not text.
    DeviceError
        If the name is unknown, or names a device this machine or this installation of torch does not have.
    """
    kind, number = parse_device_name(name)
    if kind == "auto":
        return _automatic()
    if kind == "cuda":
        return _cuda(int(number) if number else None)
    if kind == "mps":
        return _mps()
    return ChosenDevice(torch.device("cpu"))


def parse_device_name(name: str) -> tuple[str, str]:
    """Split the name of a device into its kind and its number, if any; whether it exists is not asked.

    Raises
    ------
    InputTypeError
        If ``name`` is not text.
    DeviceError
        If the name is unknown.
    """
    if isinstance(name, torch.device):
        name = str(name)
    if not isinstance(name, str):
        raise InputTypeError(f"The device must be text such as 'auto' or 'cpu', not {name!r:.40}.")
    kind, _, number = name.strip().lower().partition(":")
    if kind not in ("auto", "cpu", "cuda", "mps") or (number and not (kind == "cuda" and number.isdecimal())):
        raise DeviceError(f"Unknown device '{name}': choose auto, cpu, cuda, cuda:0 (1, 2, ...) or mps.")
    return kind, number


def _automatic() -> ChosenDevice:
    if torch.cuda.is_available():
        return _cuda(None)
    if torch.backends.mps.is_available():
        return _mps()
    return ChosenDevice(torch.device("cpu"), missing_cuda_notice())


def _cuda(number: int | None) -> ChosenDevice:
    if not torch.cuda.is_available():
        remedy = missing_cuda_notice() or "Choose 'auto' or 'cpu'."
        raise DeviceError(f"This machine offers no CUDA device to torch. {remedy}")
    count = torch.cuda.device_count()
    if number is not None and number >= count:
        last = f"cuda:0 to cuda:{count - 1}" if count > 1 else "cuda:0"
        raise DeviceError(f"There is no device cuda:{number}: this machine has {last}.")
    return ChosenDevice(torch.device("cuda", number if number is not None else torch.cuda.current_device()))


def _mps() -> ChosenDevice:
    if not torch.backends.mps.is_available():
        raise DeviceError("Apple's MPS is not available on this machine. Choose 'auto' or 'cpu'.")
    # Some macOS and torch versions announce MPS and then fail on the first convolution.
    try:
        image = torch.ones((1, 1, 8, 8), device="mps")
        works = float(torch.nn.functional.conv2d(image, image[..., :3, :3]).sum().cpu()) == 324.0
    except (RuntimeError, TypeError):
        works = False
    if works:
        return ChosenDevice(torch.device("mps"))
    return ChosenDevice(torch.device("cpu"), "Apple's MPS failed a small test, so the CPU is used instead.")


def missing_cuda_notice() -> str | None:
    """How to get CUDA, when an NVIDIA GPU is likely but the installed torch cannot use it; else None."""
    if (
        platform.system() not in ("Windows", "Linux")
        or torch.version.cuda
        or getattr(torch.version, "hip", None)
    ):
        return None
    if shutil.which("nvidia-smi") is None:
        return None
    return (
        "An NVIDIA GPU seems to be present, but the installed torch is a CPU build. To use the GPU, install "
        "torch with the command that https://pytorch.org/get-started/locally shows for this system."
    )


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


def check_tile(tile: int | str) -> int | Literal["auto"]:
    """Return the tile setting if it is "auto" or a positive whole number.

    Raises
    ------
    InputError, InputTypeError
        If it is anything else.
    """
    if tile == "auto":
        return "auto"
    if isinstance(tile, bool) or not hasattr(tile, "__index__"):
        raise InputTypeError(f"The tile must be 'auto' or a whole number of camera pixels, not {tile!r}.")
    side = int(tile.__index__())
    if side < 1:
        raise InputError(f"The tile must be at least one camera pixel wide, not {side}.")
    return side


def automatic_tile(device: torch.device, widest_map: int, halo: int) -> int:
    """Largest tile side whose network pass fits in the memory meant for it.

    Few large tiles are best: each computes a halo that others compute as well.

    Parameters
    ----------
    device : torch.device
        Where the pass runs.
    widest_map : int
        Channels of the network's feature maps at full resolution.
    halo : int
        Pixels that are computed around the tile besides.

    Returns
    -------
    int
        Camera pixels, halo not counted.
    """
    if device.type == "cuda":
        budget = GPU_MEMORY_SHARE * torch.cuda.mem_get_info(device)[0]
    else:
        budget = float(SHARED_MEMORY_BUDGET)
    if device.type == "cpu":
        bytes_per_pixel = 4 * (widest_map * LIVE_FEATURE_MAPS_IN_BANDS + OTHER_CHANNELS_IN_BANDS)
    else:
        bytes_per_pixel = 4 * widest_map * LIVE_FEATURE_MAPS
    side = math.isqrt(int(budget / bytes_per_pixel)) - 2 * halo
    return max(SMALLEST_TILE, min(LARGEST_AUTOMATIC_TILE, side))


def within_memory(job: Callable[[int], T], tile: TileSize, extent: int, device: torch.device) -> T:
    """Run one network pass, with smaller tiles if it does not fit in memory.

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

    Returns
    -------
    object
        What ``job`` returned.

    Raises
    ------
    DeviceError
        If memory runs out with a tile that the user chose, or with the smallest.
    """
    while True:
        try:
            return job(tile.side)
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


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory ran out, on any device torch knows."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(
        words in text for words in ("out of memory", "can't allocate memory", "not enough memory")
    )


def _release_memory(device: torch.device) -> None:
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()
