"""Gaussian noise that belongs to the pixel: a counter-based field, the same for every tile, batch and worker.

Every normal number is a pure function of ``(seed, plane, draw, step, row, column, channel)``. Nothing is
drawn from a running stream, so it does not matter in which order, in how many pieces or on how many machines
a plane is computed: the pixel at row 700 of plane 3 receives the same noise in all of them.

The generator is Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011), which
turns a 128-bit counter and a 64-bit key into 128 random bits. One evaluation makes the four normals that one
camera pixel needs, because a sharp image twice as fine has four pixels (four folded channels) there.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from napari_cvdm.restoration.errors import InputError
from napari_cvdm.restoration.tiling import Padding

WORD = 0xFFFFFFFF
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
KEY_STEPS = (0x9E3779B9, 0xBB67AE85)
ROUNDS = 10
CHANNELS_PER_BLOCK = 4

# The third counter word holds the plane (24 bits) and the block of four channels (8 bits); the fourth the
# draw and the step (16 bits each).
MAX_PLANES = 1 << 24
MAX_BLOCKS = 1 << 8
MAX_DRAWS = 1 << 16
MAX_STEPS = 1 << 16

# Pixels computed at once. On a CPU the 64-bit temporaries of one chunk then stay within the cache of a core;
# on a GPU, which small chunks would leave idle, they take about 90 MB, whatever the size of the plane.
CPU_CHUNK = 1 << 15
GPU_CHUNK = 1 << 20


def philox4x32(counter: tuple[Tensor, Tensor, Tensor, Tensor], key: tuple[int, int]) -> tuple[Tensor, ...]:
    """Philox4x32-10: four random 32-bit words for every counter.

    Words are int64 with values in [0, 2**32). Those of the counter have shapes that broadcast against each
    other, to that of the result. What is constant along an axis is best given with size 1 there: the first
    rounds then cost next to nothing.
    """
    # A 32 x 32 bit product can exceed int64, but integer multiplication wraps modulo 2**64, so all 64 bits
    # are right and only the sign-extended shift must be masked. The low halves are left unmasked: they pass
    # through one exclusive-or and are masked there, which saves two operations in each round.
    x0, x1, x2, x3 = counter
    k0, k1 = key
    for _ in range(ROUNDS):
        first = x0 * MULTIPLIERS[0]
        second = x2 * MULTIPLIERS[1]
        x0 = (((second >> 32) ^ k0) ^ x1) & WORD
        x2 = (((first >> 32) ^ k1) ^ x3) & WORD
        x1, x3 = second, first
        k0 = (k0 + KEY_STEPS[0]) & WORD
        k1 = (k1 + KEY_STEPS[1]) & WORD
    return x0, x1 & WORD, x2, x3 & WORD


def box_muller(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Turn two uniform 32-bit words into two independent standard normals (float32).

    The radius takes its uniform from (0, 1], never 0, so that the logarithm is finite; 32 bits let the tails
    reach sqrt(2 ln 2**32) = 6.66 standard deviations. Double precision inside keeps the result independent of
    which vector instructions the machine happens to use.
    """
    radius = first.double().add_(1.0).mul_(2.0**-32).log_().mul_(-2.0).sqrt_()
    angle = second.double().mul_(2.0 * math.pi * 2.0**-32)
    cosine = torch.cos(angle)
    return cosine.mul_(radius).float(), angle.sin_().mul_(radius).float()


def gaussian_field(
    seed: int,
    *,
    plane: int,
    draw: int,
    step: int,
    rows: range,
    columns: range,
    channels: int = CHANNELS_PER_BLOCK,
    device: torch.device | str = "cpu",
) -> Tensor:
    """Make the standard normal noise for a window of one plane, on the camera grid.

    Parameters
    ----------
    seed : int
        Any integer; its low 64 bits are the key.
    plane, draw, step : int
        Which plane of the stack, which posterior draw and which step of the sampler the noise is for.
    rows, columns : range
        Global camera pixel coordinates, with step 1, counted from the first pixel of the image. Negative
        coordinates (padding before the first pixel) are allowed.
    channels : int
        Normals per camera pixel.
    device : torch.device or str
        Where the result lives. Apple's MPS cannot compute in 64 bits, so its noise is made on the CPU and
        moved.

    Returns
    -------
    Tensor
        float32, shape ``(1, channels, len(rows), len(columns))``.

    Raises
    ------
    InputError
        If a plane, draw, step or channel number does not fit its place in the counter.
    """
    blocks = -(-channels // CHANNELS_PER_BLOCK)
    for name, value, limit in (
        ("plane", plane, MAX_PLANES),
        ("draw", draw, MAX_DRAWS),
        ("step", step, MAX_STEPS),
        ("block of channels", blocks - 1, MAX_BLOCKS),
    ):
        if not 0 <= value < limit:
            raise InputError(f"The noise has no {name} number {value}: it must lie in 0 to {limit - 1}.")
    target = torch.device(device)
    compute_on = torch.device("cpu") if target.type == "mps" else target
    field = torch.empty((1, channels, len(rows), len(columns)), dtype=torch.float32, device=compute_on)
    across = (torch.arange(columns.start, columns.stop, device=compute_on) & WORD)[None, :]
    moment = torch.tensor([[(draw << 16) | step]], device=compute_on)
    pixels = CPU_CHUNK if compute_on.type == "cpu" else GPU_CHUNK
    chunk = max(1, pixels // max(1, len(columns)))
    for start in range(0, len(rows), chunk):
        part = rows[start : start + chunk]
        down = (torch.arange(part.start, part.stop, device=compute_on) & WORD)[:, None]
        for block in range(blocks):
            place = torch.tensor([[(block << 24) | plane]], device=compute_on)
            words = philox4x32((down, across, place, moment), (seed & WORD, (seed >> 32) & WORD))
            normals = (*box_muller(words[0], words[1]), *box_muller(words[2], words[3]))
            for offset, normal in enumerate(normals):
                channel = block * CHANNELS_PER_BLOCK + offset
                if channel < channels:
                    field[0, channel, start : start + len(part)] = normal
    return field.to(target)


def noise_by_step(
    seed: int, *, plane: int, draw: int, sign: float, padding: Padding, channels: int, device: torch.device
) -> Callable[[int], Tensor]:
    """Return what makes the noise of each step of one draw, for a padded plane.

    From the number of a step it makes a `gaussian_field`, channels last in memory. A sign of −1 turns the
    noise over, for the second draw of an antithetic pair.
    """

    def noise(step: int) -> Tensor:
        values = gaussian_field(
            seed, plane=plane, draw=draw, step=step, rows=padding.rows, columns=padding.columns,
            channels=channels, device=device,
        )  # fmt: skip
        return values.mul_(sign).contiguous(memory_format=torch.channels_last)

    return noise
