"""Which processors the widget offers.

What a name means and whether it works is decided in `napari_cvdm.restoration.device`; here it is only decided
what is worth offering. Before torch is loaded, that is read from its version file, so that opening the widget
does not load it.
"""

from __future__ import annotations

import importlib.util
import platform
import re
import sys
from contextlib import suppress
from ctypes.util import find_library
from pathlib import Path

Choice = tuple[str, str]
"""What the user reads, and the name that `restore` takes."""

_ALWAYS: list[Choice] = [("Automatic", "auto"), ("CPU", "cpu")]


def devices_offered() -> list[Choice]:
    """List the devices that are likely to work, without importing torch; automatic choice and CPU first."""
    choices = list(_ALWAYS)
    if _torch_has_cuda() and _has_nvidia_driver():
        choices.append(("GPU (CUDA)", "cuda"))
    if sys.platform == "darwin" and platform.machine() == "arm64":
        choices.append(("GPU (Apple MPS)", "mps"))
    return choices


def devices_found() -> list[Choice]:
    """List the devices that torch finds. Loads torch and asks the drivers, so it belongs in a worker."""
    import torch

    choices = list(_ALWAYS)
    if torch.cuda.is_available():
        count = torch.cuda.device_count()
        # A driver that fails now must not end a run that may be meant for the CPU.
        with suppress(Exception):
            for number in range(count):
                name = "cuda" if count == 1 else f"cuda:{number}"
                choices.append((f"GPU: {torch.cuda.get_device_name(number)}", name))
    if torch.backends.mps.is_available():
        choices.append(("GPU (Apple MPS)", "mps"))
    return choices


def _torch_has_cuda() -> bool:
    """Whether the installed torch is a CUDA (or ROCm) build."""
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return False
    try:
        text = Path(spec.origin).with_name("version.py").read_text(encoding="utf-8")
    except OSError:
        return False
    return re.search(r"^(cuda|hip)\b[^=]*=\s*['\"]", text, re.MULTILINE) is not None


def _has_nvidia_driver() -> bool:
    """Whether a driver for CUDA (or ROCm) is installed on this machine."""
    if sys.platform == "win32":
        return find_library("nvcuda") is not None
    return any(Path(node).exists() for node in ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd"))
