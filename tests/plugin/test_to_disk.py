"""Jobs are sent to disk with all they say; what cannot be done there is refused with a remedy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from napari.layers import Image

from napari_cvdm.plugin import to_disk
from napari_cvdm.plugin.parts import Part
from napari_cvdm.plugin.to_disk import ask_where, jobs_to_disk, safe_name
from napari_cvdm.plugin.worker import Job
from napari_cvdm.restoration.errors import InputError

FOLDER = Path("/somewhere/cell.cvdm.ome.zarr")


@pytest.fixture
def layer():
    units = ("s", "um", "um", "um")
    return Image(np.zeros((2, 3, 20, 20)), scale=(30, 0.2, 0.065, 0.065), units=units)


def test_a_job_says_the_same_to_disk(layer):
    job = Job("cell", layer.data, "TZYX", draws=3, seed=5, source_path="/raw.tif", first_plane=(1, 0))
    (to,) = jobs_to_disk([job], FOLDER, layer)
    assert (to.data is layer.data, to.draws, to.seed, to.run_id) == (True, 3, 5, job.run_id)
    assert (to.output, to.z_spacing, to.time_interval) == (FOLDER, pytest.approx(200), pytest.approx(30))
    assert to.describe() == {**job.describe(), "output": str(FOLDER)}
    assert repr(to) == repr(job)


def test_distances_that_the_affine_carries_are_kept(layer):
    layer.affine = np.diag([2.0, 1.5, 1, 1, 1])
    (to,) = jobs_to_disk([Job("cell", layer.data, "TZYX")], FOLDER, layer)
    assert (to.z_spacing, to.time_interval) == (pytest.approx(300), pytest.approx(60))


def test_each_of_several_jobs_has_a_folder_of_its_own(layer):
    parts = [Part((range(c, c + 1), range(3), range(20), range(20)), f"channel {c + 1}") for c in (0, 1)]
    jobs = [Job("cell", layer.data, "CZYX", part=part) for part in parts]
    names = [job.output.name for job in jobs_to_disk(jobs, FOLDER, layer)]
    assert names == ["cell channel 1.cvdm.ome.zarr", "cell channel 2.cvdm.ome.zarr"]


@pytest.mark.parametrize(("wish", "words"), [("resample", "resampled"), ("keep_draws", "draws")])
def test_what_needs_memory_is_refused(layer, wish, words):
    job = replace(Job("cell", layer.data, "TZYX"), **{wish: True})
    with pytest.raises(InputError, match=words):
        jobs_to_disk([job], FOLDER, layer)


@pytest.mark.parametrize(
    ("typed", "folder"),
    [("/a/b", "/a/b.cvdm.ome.zarr"), ("/a/b.ome.zarr", "/a/b.ome.zarr"), ("/a/b.ZARR", "/a/b.ZARR")],
)
def test_the_folder_gets_an_ending(monkeypatch, typed, folder):
    monkeypatch.setattr(to_disk.QFileDialog, "getSaveFileName", lambda *_: (typed, ""))
    assert ask_where(None, "cell") == Path(folder)


def test_thinking_better_of_it_is_possible(monkeypatch):
    monkeypatch.setattr(to_disk.QFileDialog, "getSaveFileName", lambda *_: ("", ""))
    assert ask_where(None, "cell") is None


def test_a_name_for_files_has_nothing_that_folders_are_made_of():
    assert safe_name("../../etc/my cell: 1") == "_.._etc_my cell_ 1"
    assert safe_name("...") == "result"
