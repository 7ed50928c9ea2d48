"""Where a restoration runs, and how large its tiles may be there.

Which processor, and how large an automatic tile. What happens when memory runs out is decided in `memory`,
and how networks run on the processor in `execution`.
"""

from __future__ import annotations

import math
import platform
import shutil
import sys
from dataclasses import dataclass
from typing import Literal

import torch

from napari_cvdm.restoration.errors import DeviceError, InputError, InputTypeError
from napari_cvdm.restoration.memory import SMALLEST_TILE, is_out_of_memory

#: Memory that one network pass may take on a CPU and on Apple's MPS, where "free" memory is shared with
#: everything else, in bytes.
SHARED_MEMORY_BUDGET = 5 * 2**28
#: Share of a GPU's free memory that one network pass may take; the rest is for the plane's state and the
#: libraries.
GPU_MEMORY_SHARE = 0.4
#: Largest automatic tile side, in camera pixels: beyond it the halo is a small part of the work already.
LARGEST_AUTOMATIC_TILE = 4096
#: Full-resolution feature maps alive at once in a pass, measured on the default architecture, with slack.
LIVE_FEATURE_MAPS = 10
#: The same on a CPU, where networks work in bands: the map itself and as much for the coarser levels; and the
#: channels of inputs, outputs and bands beside it.
LIVE_FEATURE_MAPS_IN_BANDS, OTHER_CHANNELS_IN_BANDS = 2, 64

_OTHER_TORCH = (
    "The installed torch may have been built for other GPUs: install it with the command that "
    "https://pytorch.org/get-started/locally shows for this system."
)


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


def stand_in(name: str) -> str:
    """Return what to ask for on this machine, where a device is meant that others may have.

    Whether a GPU is there, and works, is for the workers to say; whether its name makes sense can be said
    here, where memory of a GPU would be taken for nothing.
    """
    return "cpu" if parse_device_name(name)[0] in ("cuda", "mps") else name


def _automatic() -> ChosenDevice:
    if torch.cuda.is_available():
        device = torch.device("cuda", torch.cuda.current_device())
        if _computes(device):
            return ChosenDevice(device)
        return ChosenDevice(
            torch.device("cpu"), f"The GPU failed a small test, so the CPU is used instead. {_OTHER_TORCH}"
        )
    if torch.backends.mps.is_available():
        return _mps()
    # Without a driver, a machine whose torch is built for CPUs has most likely no GPU to speak of.
    likely = shutil.which("nvidia-smi") is not None and not _built_for_gpus()
    return ChosenDevice(torch.device("cpu"), gpu_hint() if likely else None)


def _cuda(number: int | None) -> ChosenDevice:
    if not torch.cuda.is_available():
        how = "" if torch.backends.mps.is_available() else f" {_how_to_get_one()}"
        raise DeviceError(f"This machine offers no CUDA device to torch: choose 'auto' or 'cpu'.{how}")
    count = torch.cuda.device_count()
    if number is not None and number >= count:
        last = f"cuda:0 to cuda:{count - 1}" if count > 1 else "cuda:0"
        raise DeviceError(f"There is no device cuda:{number}: this machine has {last}.")
    device = torch.device("cuda", number if number is not None else torch.cuda.current_device())
    if not _computes(device):
        raise DeviceError(f"The GPU {device} failed a small test. {_OTHER_TORCH} Or choose 'cpu'.")
    return ChosenDevice(device)


def _mps() -> ChosenDevice:
    if not torch.backends.mps.is_available():
        raise DeviceError("Apple's MPS is not available on this machine. Choose 'auto' or 'cpu'.")
    device = torch.device("mps")
    if _computes(device):
        return ChosenDevice(device)
    return ChosenDevice(torch.device("cpu"), "Apple's MPS failed a small test, so the CPU is used instead.")


def _computes(device: torch.device) -> bool:
    """Whether a small convolution gives what it must, in the memory layout that networks are run in.

    Some macOS and torch versions announce MPS and then fail on the first one, or take one channel for
    another; and a torch that was built without kernels for a GPU as old or as new as this one fails, too.
    """
    # Each channel shows the other one, moved: whole numbers, which a GPU holds exactly in any format.
    image = torch.arange(200, dtype=torch.float32, device="cpu").view(1, 2, 10, 10)
    kernel = torch.zeros(2, 2, 3, 3, device="cpu")
    kernel[0, 1, 0, 2] = kernel[1, 0, 2, 1] = 1
    moved = torch.stack([image[0, 1, :8, 2:], image[0, 0, 2:, 1:9]])
    try:
        x, weight = (each.to(device, memory_format=torch.channels_last) for each in (image, kernel))
        return torch.allclose(torch.nn.functional.conv2d(x, weight)[0].cpu(), moved, atol=0.1)
    except (RuntimeError, TypeError) as error:
        # A device that is full works, and what needs its memory will say so. What may as well be said of an
        # installation that does not work is taken for that: so small an image needs next to no memory.
        return is_out_of_memory(error, beyond_doubt=True)


def gpu_hint() -> str | None:
    """Say how torch could use a GPU on this very system; None where it finds one."""
    if torch.cuda.is_available() or torch.backends.mps.is_available():
        return None
    return f"No GPU was found, so the CPU does the work. That is fine for single images. {_how_to_get_one()}"


def _how_to_get_one() -> str:
    system = platform.system()
    if system == "Darwin":
        return (
            "This Mac's GPU needs macOS 13 or newer."
            if platform.machine() == "arm64"
            else "PyTorch cannot use the GPUs of Macs with Intel processors."
        )
    if _built_for_gpus():
        return (
            "PyTorch is ready for one: if this computer has an NVIDIA GPU, install or update its driver, "
            "and see that the command nvidia-smi lists it."
        )
    return (
        "If this computer has an NVIDIA GPU: this PyTorch is built for CPUs. Open "
        f"https://pytorch.org/get-started/locally, choose {'Windows' if system == 'Windows' else 'Linux'}, "
        f"Pip and CUDA, and run the command shown there with --force-reinstall, in this environment "
        f"({sys.prefix}). Then start again."
    )


def _built_for_gpus() -> bool:
    return bool(torch.version.cuda or getattr(torch.version, "hip", None))


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

    Few large tiles are best: each computes a halo that others compute as well. The side is in camera pixels,
    the halo of so many around the tile not counted; `widest_map` are the channels of the network's feature
    maps at full resolution.
    """
    if device.type == "cuda":
        budget = GPU_MEMORY_SHARE * _free_gpu_memory(device)
    else:
        budget = float(SHARED_MEMORY_BUDGET)
    if device.type == "cpu":
        bytes_per_pixel = 4 * (widest_map * LIVE_FEATURE_MAPS_IN_BANDS + OTHER_CHANNELS_IN_BANDS)
    else:
        bytes_per_pixel = 4 * widest_map * LIVE_FEATURE_MAPS
    side = math.isqrt(int(budget / bytes_per_pixel)) - 2 * halo
    return max(SMALLEST_TILE, min(LARGEST_AUTOMATIC_TILE, side))


def _free_gpu_memory(device: torch.device) -> int:
    """Bytes that nobody uses: those that the driver has left, and those that torch keeps for later use.

    To the driver, what torch keeps is taken. Were it not counted, a run would get smaller tiles than the run
    before it, which left that memory behind.
    """
    kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    # Between the two numbers, another thread may have taken more than was kept.
    return int(torch.cuda.mem_get_info(device)[0]) + max(0, kept)
