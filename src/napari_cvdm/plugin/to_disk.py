"""Sending a run to disk: where to, and what cannot be done that way."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QFileDialog, QWidget

from napari_cvdm.plugin.axis_steps import axis_steps
from napari_cvdm.plugin.disk_job import DiskJob
from napari_cvdm.restoration.errors import InputError

if TYPE_CHECKING:
    from napari.layers import Image

    from napari_cvdm.plugin.worker import Job

__all__ = ["ask_and_send_to_disk", "ask_where", "jobs_to_disk", "safe_name", "sizes_of"]

_ENDING = ".cvdm.ome.zarr"


def ask_and_send_to_disk(parent: QWidget, jobs: Sequence[Job], layer: Image) -> Sequence[Job]:
    """Ask for a folder, and make jobs that write there; none if the user thinks better of it.

    Raises
    ------
    InputError
        As `jobs_to_disk`.
    """
    folder = ask_where(parent, layer.name)
    return () if folder is None else jobs_to_disk(jobs, folder, layer)


def ask_where(parent: QWidget, name: str) -> Path | None:
    """Ask for the folder to write to; None if the user thinks better of it."""
    chosen, _ = QFileDialog.getSaveFileName(
        parent,
        "The result is too large for memory: write it to disk",
        f"{safe_name(name)}{_ENDING}",
        "OME-Zarr (*.ome.zarr)",
    )
    if not chosen:
        return None
    path = Path(chosen)
    return path if path.name.lower().endswith(".zarr") else path.with_name(path.name + _ENDING)


def jobs_to_disk(jobs: Sequence[Job], output: Path, layer: Image) -> list[DiskJob]:
    """Make jobs that write to disk of jobs that do not; each of several gets a folder of its own.

    Raises
    ------
    InputError
        If a job wants what can only be done in memory.
    """
    for job in jobs:
        for wanted, words in ((job.resample, "resampled"), (job.keep_draws, "kept with its draws")):
            if wanted:
                raise InputError(
                    f"A result too large for memory cannot be {words}. Take that tick away, or restore a "
                    "part of the image."
                )
    sizes = sizes_of(layer, jobs[0].axes) if jobs else {}
    return [DiskJob.of(job, _folder_of(job, output, several=len(jobs) > 1), **sizes) for job in jobs]


def safe_name(name: str) -> str:
    """Make a name for files from a layer's, which may hold anything."""
    return "".join(c if c.isalnum() or c in "-_. ()," else "_" for c in name).strip(" .") or "result"


def _folder_of(job: Job, output: Path, *, several: bool) -> Path:
    if not several or job.part is None:
        return output
    ending = next(each for each in (_ENDING, ".ome.zarr", ".zarr") if output.name.lower().endswith(each))
    return output.with_name(f"{output.name[: -len(ending)]} {job.part.words}{output.name[-len(ending) :]}")


def sizes_of(layer: Image, axes: str) -> dict[str, Any]:
    """Return what a layer says of the axes that a restoration does not change.

    Parameters
    ----------
    layer : napari.layers.Image
        The image that is restored, or a result of it.
    axes : str
        One letter for each axis.

    Returns
    -------
    dict
        Of "z_spacing" in nanometres and "time_interval" in seconds those that it tells.
    """
    found: dict[str, Any] = {}
    steps = axis_steps(layer.scale, layer.affine.affine_matrix)
    for letter, key, unit in (("Z", "z_spacing", "nanometer"), ("T", "time_interval", "second")):
        if letter in axes:
            own = layer.units[axes.index(letter)]
            step = float(steps[axes.index(letter)])
            if own.is_compatible_with(unit) and step > 0:
                found[key] = float((step * own).to(unit).magnitude)
    return found
