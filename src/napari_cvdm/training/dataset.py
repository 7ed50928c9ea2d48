"""Training fields, each a function of (seed, index), and batches mixed from several of them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from napari_cvdm.models.pretrained import PERCENTILES
from napari_cvdm.simulation.acquisition import MARGIN, Acquisition, acquire
from napari_cvdm.simulation.micrographs import Micrograph, cut_density, load_micrographs
from napari_cvdm.simulation.ranges import AcquisitionRanges
from napari_cvdm.simulation.structures import draw_structure
from napari_cvdm.training.config import ConfigError, DataConfig

#: Numbers of the real images used for training; the rest of the set is for validation.
TRAINING_IMAGES = range(1, 41)

#: Distance between the fields that a batch mixes: successive batches share few of them.
STRIDE = 16


class Patches(NamedTuple):
    """Patches of one field or of one batch.

    Attributes
    ----------
    x : Tensor
        Normalised wide-field patches, (N, 1, P, P) float32.
    y : Tensor
        Targets in the same units, (N, 1, s·P, s·P) float32; s is 2 for simulated fields.
    """

    x: Tensor
    y: Tensor


def normalise_pair(pair: Acquisition) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Express a pair in the networks' units: 0 and 1 are percentiles 1 and 99.8 of the wide-field image."""
    low, high = np.percentile(pair.widefield, PERCENTILES)
    span = max(float(high - low), 1.0)
    x = (pair.widefield.astype(np.float32) - np.float32(low)) / np.float32(span)
    return x, pair.target / np.float32(span)


def cut_patches(
    rng: np.random.Generator, x: NDArray[np.float32], y: NDArray[np.float32], data: DataConfig
) -> Patches:
    """Cut patches of a field at random places, turn and mirror them, and make them brighter or dimmer.

    Parameters
    ----------
    rng : Generator
        What the patches depend on, besides the field.
    x, y : ndarray
        A normalised field, (H, W) and (s·H, s·W); each side of the first at least as long as a patch.
    data : DataConfig
        Number and side of the patches, and how much their brightness varies.
    """
    count, side, fine = data.patches_per_field, data.patch, y.shape[0] // x.shape[0]
    places = [length - side + 1 for length in x.shape]
    xs = np.empty((count, 1, side, side), np.float32)
    ys = np.empty((count, 1, fine * side, fine * side), np.float32)
    for i in range(count):
        corners = rng.integers(0, places, (2, 2))
        # Of two places the one with more to see, half of the time: empty background teaches little.
        r, c = corners[0]
        if i % 2:
            contrast = [
                y[fine * a : fine * (a + side), fine * b : fine * (b + side)].std() for a, b in corners
            ]
            r, c = corners[int(np.argmax(contrast))]
        gain = np.exp(rng.normal(0, data.gain_jitter) - 0.1)
        shift = rng.normal(0, data.offset_jitter)
        patch_x = gain * (x[r : r + side, c : c + side] + shift)
        patch_y = gain * y[fine * r : fine * (r + side), fine * c : fine * (c + side)]
        turns, mirrored = int(rng.integers(4)), rng.random() < 0.5
        for store, patch in ((xs, patch_x), (ys, patch_y)):
            turned = np.rot90(patch, turns)
            store[i, 0] = turned[::-1] if mirrored else turned
    return Patches(torch.from_numpy(xs), torch.from_numpy(ys))


class TrainingFields(Dataset[Patches]):
    """Fields of view by index; item i is the same in every run with the same seed.

    Parameters
    ----------
    data, ranges
        What the fields are made of; optics and camera.
    seed, length : int
        Seed of the training run, and number of fields.
    folder : Path or None
        Folder of the real images; None for simulated structures alone.
    """

    def __init__(
        self, data: DataConfig, ranges: AcquisitionRanges, seed: int, folder: Path | None, length: int
    ) -> None:
        self.data, self.ranges, self.seed, self.length = data, ranges, seed, length
        self.kinds = list(data.kinds)
        weights = np.array([data.kinds[k] for k in self.kinds], dtype=float)
        self.frequencies = weights / weights.sum()
        self.micrographs: list[Micrograph] = []
        if folder is not None and data.micrograph_share > 0:
            try:
                self.micrographs = load_micrographs(folder, TRAINING_IMAGES)
            except FileNotFoundError as error:
                raise ConfigError(str(error)) from error

    def __len__(self) -> int:
        return self.length

    def acquire_field(self, index: int) -> tuple[np.random.Generator, Acquisition]:
        """Make field ``index``; also returns the generator, for what is drawn next."""
        rng = np.random.default_rng([self.seed, index])
        size = 2 * self.data.field + 2 * MARGIN
        if self.data.empty_share and rng.random() < self.data.empty_share:
            return rng, acquire(rng, np.zeros((size, size), np.float32), self.ranges)
        if self.micrographs and rng.random() < self.data.micrograph_share:
            micrograph = self.micrographs[int(rng.integers(len(self.micrographs)))]
            density, sigma = cut_density(
                rng,
                micrograph,
                size,
                kept_background=self.data.kept_background,
                even_light=self.data.even_light,
                variety=self.data.variety,
            )
            return rng, acquire(rng, density, self.ranges, native_sigma=sigma)
        density = draw_structure(rng, str(rng.choice(self.kinds, p=self.frequencies)), size)
        return rng, acquire(rng, density, self.ranges)

    def __getitem__(self, index: int) -> Patches:
        rng, pair = self.acquire_field(index)
        return cut_patches(rng, *normalise_pair(pair), self.data)


def _shared_out(batch: int, patches_per_field: int) -> tuple[int, int]:
    """How many batches a field serves, and from how many fields a batch takes the patches of one number."""
    served = min(batch, patches_per_field)
    return served, batch // served


def fields_needed(steps: int, batch: int, patches_per_field: int) -> int:
    """Number of fields that ``steps`` batches draw on."""
    served, group = _shared_out(batch, patches_per_field)
    return (steps + STRIDE * (served - 1)) * group


def batches(
    fields: Dataset[Patches],
    batch: int,
    start: int,
    steps: int,
    workers: int,
    patches_per_field: int,
) -> Iterator[Patches]:
    """Batches ``start`` to ``steps`` − 1; the same batches whether or not the run was interrupted.

    Each field serves as many batches as it has patches, though no more than a batch has, 16 steps apart. With
    k of them and groups of batch / k fields, batch s takes one patch of every field of the groups s, s + 16,
    … s + 16 (k − 1): another one every time a field comes up, and never two patches of one field.

    Parameters
    ----------
    fields : Dataset of Patches
        The source.
    batch : int
        Patches in a batch.
    start, steps : int
        First batch, and the end of training.
    workers : int
        Processes that make fields ahead; 0 makes them in this one.
    patches_per_field : int
        Patches of an item: at least the batch, or a divisor of it.
    """
    served, group = _shared_out(batch, patches_per_field)
    loader = DataLoader(
        fields,
        batch_size=None,
        sampler=range(start * group, fields_needed(steps, batch, patches_per_field)),
        num_workers=workers,
        prefetch_factor=16 if workers else None,
        persistent_workers=False,
        # Tensors of another process keep a file open as long as they live, and an interrupted transfer makes
        # that process complain: arrays are copied instead.
        collate_fn=_as_arrays,
        worker_init_fn=_depend_on_parent,
    )
    window: dict[int, list[Patches]] = {}
    incoming = (Patches(*map(torch.from_numpy, item)) for item in loader)
    index = start
    for step in range(start, steps):
        while index <= step + STRIDE * (served - 1):
            window[index] = [next(incoming) for _ in range(group)]
            index += 1
        chosen = [(patches, served - 1 - k) for k in range(served) for patches in window[step + STRIDE * k]]
        yield Patches(
            torch.stack([patches.x[k] for patches, k in chosen]),
            torch.stack([patches.y[k] for patches, k in chosen]),
        )
        del window[step]


def _as_arrays(item: Iterable[Tensor]) -> tuple[NDArray[np.float32], ...]:
    return tuple(part.numpy() for part in item)


def _depend_on_parent(_worker: int) -> None:
    """Let Ctrl-C, which reaches every process of a command, end the run through its parent alone.

    And end with the parent, however that ended: one that was killed takes nothing out of the pipe any more,
    and a worker that has something left to put into it would wait for ever.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_after, args=(multiprocessing.parent_process(),), daemon=True).start()


def _end_after(process: Any) -> None:
    process.join()
    os._exit(1)
