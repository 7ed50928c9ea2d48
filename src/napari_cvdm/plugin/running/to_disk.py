"""Sending a run to disk: where to, and what cannot be done that way."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from qtpy.QtWidgets import QFileDialog, QMessageBox, QWidget

from napari_cvdm.plugin.image.axis_steps import axis_steps
from napari_cvdm.plugin.running.disk_job import DiskJob
from napari_cvdm.plugin.running.stopped_run import ask_about_stopped, differences
from napari_cvdm.plugin.viewer.failures import in_plain_words
from napari_cvdm.plugin.viewer.file_asking import proposed_path, remember_folder
from napari_cvdm.plugin.viewer.notices import literally
from napari_cvdm.restoration.errors import InputError

if TYPE_CHECKING:
    from napari.layers import Image

    from napari_cvdm.plugin.running.worker import Job

__all__ = ["Place", "ask_and_send_to_disk", "ask_where", "jobs_to_disk", "sizes_of"]

_ENDING = ".cvdm.ome.zarr"
_TITLE = "The result is too large for memory: write it to disk"


class Place(NamedTuple):
    """Where to write to.

    Attributes
    ----------
    output : Path
        The folder to make.
    discard : bool
        Whether what was stopped there is to be thrown away.
    """

    output: Path
    discard: bool = False


def ask_and_send_to_disk(parent: QWidget, jobs: Sequence[Job], layer: Image) -> Sequence[Job]:
    """Ask for a folder, and make jobs that write there; none if the user thinks better of it.

    Raises
    ------
    InputError
        As `jobs_to_disk`.
    """
    place = ask_where(parent, layer.name, jobs)
    return () if place is None else jobs_to_disk(jobs, place.output, layer, discard=place.discard)


def ask_where(parent: QWidget | None, name: str, jobs: Sequence[Job] = ()) -> Place | None:
    """Ask for the folder to write to, until there is one where nothing is in the way.

    What is there already is not replaced: layers in the viewer, the image itself among them, may be read
    from it.

    Parameters
    ----------
    parent : QWidget or None
        Over which the dialogs appear.
    name : str
        Of what is restored.
    jobs : sequence of Job
        What is to be written; several are written beside each other.

    Returns
    -------
    Place or None
        None if the user thinks better of it.
    """
    from napari_cvdm.files.streaming import check_targets, zarr_targets
    from napari_cvdm.files.unfinished import left_behind

    while True:
        chosen, _ = QFileDialog.getSaveFileName(
            parent, _TITLE, proposed_path(f"{name}{_ENDING}"), "OME-Zarr (*.ome.zarr)"
        )
        if not chosen:
            return None
        path = Path(chosen)
        output = path if path.name.lower().endswith(".zarr") else path.with_name(path.name + _ENDING)
        folders = [_folder_of(job, output, several=len(jobs) > 1) for job in jobs] or [output]
        try:
            for folder in folders:
                check_targets(zarr_targets(folder), overwrite=False)
        except InputError as error:
            QMessageBox.warning(parent, _TITLE, literally(in_plain_words(error)))
            continue
        left = {folder: left_behind(folder) for folder in folders}
        stopped = [folder for folder, request in left.items() if request is not None]
        pairs = zip(jobs, left.values(), strict=False)  # without jobs, it is only about the place
        differing = dict.fromkeys(each for job, request in pairs for each in differences(job, request or {}))
        answer = ask_about_stopped(parent, _TITLE, stopped, tuple(differing)) if stopped else "go on"
        if answer != "elsewhere":
            remember_folder(output)
            return Place(output, discard=answer == "throw away")


def jobs_to_disk(jobs: Sequence[Job], output: Path, layer: Image, *, discard: bool = False) -> list[DiskJob]:
    """Make jobs that write to disk of jobs that do not; each of several gets a folder of its own.

    Parameters
    ----------
    jobs : sequence of Job
        What to restore.
    output : Path
        The folder to make.
    layer : napari.layers.Image
        The image.
    discard : bool
        Whether what a stopped run of another kind has left there is to be thrown away.

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
    several = len(jobs) > 1
    return [
        DiskJob.of(job, _folder_of(job, output, several=several), discard=discard, **sizes) for job in jobs
    ]


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
