"""What a step of training takes from its number alone, where it runs, and how weights are averaged."""

from __future__ import annotations

import math
from bisect import bisect_right
from itertools import accumulate

import torch
from torch import Tensor, nn

from napari_cvdm.restoration.device import choose_device
from napari_cvdm.training.config import OptimiserConfig


def training_device(name: str = "auto") -> torch.device:
    """Choose where to train, and prepare torch for it.

    Parameters
    ----------
    name : str
        "auto" is an NVIDIA GPU if there is one, and else the CPU: Apple's MPS, on which no training was ever
        tried, must be asked for. Other names as in `choose_device`.

    Raises
    ------
    DeviceError
        If there is no such device, or it does not work.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    device = choose_device(name).device
    if device.type == "cuda":
        # Every step has the same shapes, so the fastest convolutions are worth looking for.
        torch.backends.cudnn.benchmark = True
        # All cores are for the processes that simulate: threads that join tensors here would wait for them,
        # which was seen to make batches several times slower.
        torch.set_num_threads(1)
    return device


def rounds(precision: str, device: torch.device) -> bool:
    """Whether a device is to compute in bfloat16: if `precision` says so and the device is no slower for it.

    Without AVX-512, torch convolves bfloat16 on a CPU by its slowest means: ten times the time of float32 was
    measured for this project's networks on an AMD EPYC 7003.
    """
    if precision != "bfloat16":
        return False
    if device.type == "cpu":
        return torch.backends.cpu.get_cpu_capability() == "AVX512"
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return True


def learning_rate(step: int, config: OptimiserConfig) -> float:
    """Learning rate of a step: in each cycle a linear warm-up, then a cosine down to the final rate."""
    ends = list(accumulate(config.cycles))
    cycle = bisect_right(ends, step)
    length = config.cycles[cycle]
    step -= ends[cycle] - length
    low, high = config.final_learning_rate, config.learning_rate * config.cycle_decay**cycle
    if step < config.warmup:
        return high * (step + 1) / config.warmup
    done = (step - config.warmup) / (length - config.warmup)
    return low + 0.5 * (high - low) * (1 + math.cos(math.pi * done))


@torch.no_grad()
def update_average(average: nn.Module, model: nn.Module, decay: float, step: int) -> None:
    """Move the averaged weights towards the model's; the average is young at first, so that it can follow."""
    share = 1 - min(decay, (1 + step) / (10 + step))
    for slow, fast in zip(average.parameters(), model.parameters(), strict=True):
        slow.lerp_(fast, share)


def draw_times_and_noise(seed: int, step: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Times (stratified over [0, 1]) and Gaussian noise of a training step.

    On a given kind of device they are functions of (seed, step) alone. Stratified times lower the variance of
    the objective (Kingma et al. 2021, arXiv 2107.00630, app. I.1).
    """
    device = like.device
    generator = torch.Generator(device).manual_seed((seed * 1_000_003 + step) % 2**63)
    count = like.shape[0]
    spread = torch.arange(count, device=device) / count
    times = (torch.rand(1, generator=generator, device=device) + spread) % 1
    return times, torch.randn(like.shape, generator=generator, device=device)
