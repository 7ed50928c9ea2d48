"""What to say when no GPU was found: how to get a torch that can use one, on this very system."""

from __future__ import annotations

import platform
import sys


def gpu_hint() -> str | None:
    """Say how a GPU could be used, if torch finds none; else None. Asks torch, so it belongs in a worker."""
    import torch

    if torch.cuda.is_available() or torch.backends.mps.is_available():
        return None
    begin = "No GPU was found, so the CPU does the work. That is fine for single images. "
    system = platform.system()
    if system == "Darwin":
        return begin + (
            "This Mac's GPU needs macOS 13 or newer."
            if platform.machine() == "arm64"
            else "PyTorch cannot use the GPUs of Macs with Intel processors."
        )
    if torch.version.cuda or getattr(torch.version, "hip", None):
        return begin + (
            "PyTorch is ready for one: if this computer has an NVIDIA GPU, install or update its driver, "
            "and see that the command nvidia-smi lists it."
        )
    return begin + (
        "If this computer has an NVIDIA GPU: this PyTorch is built for CPUs. Open "
        f"https://pytorch.org/get-started/locally, choose {'Windows' if system == 'Windows' else 'Linux'}, "
        f"Pip and CUDA, and run the command shown there with --force-reinstall, in napari's environment "
        f"({sys.prefix}). Then start napari again."
    )
