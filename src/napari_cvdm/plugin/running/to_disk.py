"""Sending a run to disk: where to, and what cannot be done that way."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QFileDialog, QMessageBox, QWidget

from napari_cvdm.plugin.image.axis_steps import distances_of, origin_of, sides_of, steps_of
from napari_cvdm.plugin.running.disk_job import DiskJob
from napari_cvdm.plugin.running.stopped_run import ask_about_stopped, differences
from napari_cvdm.plugin.viewer.failures import in_plain_words
from napari_cvdm.plugin.viewer.file_asking import proposed_path, remember_folder
from napari_cvdm.plugin.viewer.notices import literally
from napari_cvdm.restoration.errors import InputError

if TYPE_CHECKING:
    from napari.layers import Image

    from napari_cvdm.plugin.running.worker import Job

_ENDING = ".cvdm.ome.zarr"
_TITLE = "The result is too large for memory: write it to disk"


def ask_and_send_to_disk(parent: QWidget | None, jobs: Sequence[Job], layer: Image) -> list[DiskJob]:
    """Ask for a folder where nothing is in the way, and make jobs that write there.

    What is there already is not replaced: layers in the viewer, the image itself among them, may be read
    from it.

    Each of several jobs gets a folder of its own, beside the others. There are none if the user thinks
    better of it.

    Raises
    ------
    InputError
        If a job wants what can only be done in memory.
    """
    from napari_cvdm.files.streaming import check_targets, zarr_targets
    from napari_cvdm.files.unfinished import left_behind

    _refuse_what_needs_memory(jobs)
    while True:
        proposed = proposed_path(f"{layer.name}{_ENDING}")
        chosen, _ = QFileDialog.getSaveFileName(parent, _TITLE, proposed, "OME-Zarr (*.ome.zarr)")
        if not chosen:
            return []
        path = Path(chosen)
        output = path if path.name.lower().endswith(".zarr") else path.with_name(path.name + _ENDING)
        folders = [output] if len(jobs) == 1 else [_folder_of(job, output) for job in jobs]
        try:
            for folder in folders:
                check_targets(zarr_targets(folder), overwrite=False)
        except InputError as error:
            QMessageBox.warning(parent, _TITLE, literally(in_plain_words(error)))
            continue
        left = {folder: left_behind(folder) for folder in folders}
        stopped = [folder for folder, request in left.items() if request is not None]
        pairs = zip(jobs, left.values(), strict=True)
        differing = dict.fromkeys(each for job, request in pairs for each in differences(job, request or {}))
        answer = ask_about_stopped(parent, _TITLE, stopped, tuple(differing)) if stopped else "go on"
        if answer != "elsewhere":
            remember_folder(output)
            axes = jobs[0].axes
            about = {"discard": answer == "throw away", "origin": origin_of(layer, axes)}
            about |= {"pixel_sides": sides_of(layer, axes), "steps_apart": steps_of(layer, axes)}
            about |= distances_of(layer, axes)
            return [DiskJob.of(job, folder, **about) for job, folder in zip(jobs, folders, strict=True)]


def _refuse_what_needs_memory(jobs: Sequence[Job]) -> None:
    for job in jobs:
        for wanted, words in ((job.resample, "resampled"), (job.keep_draws, "kept with its draws")):
            if wanted:
                raise InputError(
                    f"A result too large for memory cannot be {words}. Take that tick away, or restore a "
                    "part of the image."
                )


def _folder_of(job: Job, output: Path) -> Path:
    """Return a folder beside the one that was chosen, with the name of the job's part."""
    assert job.part is not None  # there are several because each restores other channels
    ending = next(each for each in (_ENDING, ".ome.zarr", ".zarr") if output.name.lower().endswith(each))
    return output.with_name(f"{output.name[: -len(ending)]} {job.part.words}{output.name[-len(ending) :]}")
