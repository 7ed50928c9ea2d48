"""Jobs are sent to disk with all they say; what cannot be done there is refused with a remedy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from napari.layers import Image

from napari_cvdm.files.unfinished import resume_or_begin
from napari_cvdm.plugin.image.parts import Part
from napari_cvdm.plugin.running import to_disk
from napari_cvdm.plugin.running.to_disk import Place, ask_and_send_to_disk, ask_where, jobs_to_disk
from napari_cvdm.plugin.running.worker import Job
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


@pytest.fixture
def typed(monkeypatch):
    """What the user types in the file dialogs, one after the other."""
    names: list[object] = []
    monkeypatch.setattr(to_disk.QFileDialog, "getSaveFileName", lambda *_: (str(names.pop(0)), ""))
    return names


@pytest.fixture
def warned(monkeypatch):
    """What the user is warned of."""
    words: list[str] = []
    monkeypatch.setattr(to_disk.QMessageBox, "warning", lambda *args: words.append(args[2]))
    return words


@pytest.mark.parametrize(
    ("name", "folder"),
    [("/a/b", "/a/b.cvdm.ome.zarr"), ("/a/b.ome.zarr", "/a/b.ome.zarr"), ("/a/b.ZARR", "/a/b.ZARR")],
)
def test_the_folder_gets_an_ending(typed, name, folder):
    typed.append(name)
    assert ask_where(None, "cell") == Place(Path(folder))


def test_thinking_better_of_it_is_possible(typed):
    typed.append("")
    assert ask_where(None, "cell") is None


@pytest.mark.parametrize("there", ["cell.cvdm.ome.zarr", "cell.cvdm_uncertainty.ome.zarr"])
def test_what_is_there_is_not_replaced_and_another_name_can_be_typed(tmp_path, typed, warned, there):
    (tmp_path / there).mkdir()
    typed += [tmp_path / "cell", tmp_path / "other"]  # no dialog knows of an ending that is added later
    assert ask_where(None, "cell") == Place(tmp_path / "other.cvdm.ome.zarr")
    assert warned == [f"{tmp_path / there} exists already. Choose another name."]


def test_the_folders_of_several_jobs_are_looked_at(tmp_path, layer, typed, warned):
    parts = [Part((range(c, c + 1), range(3), range(20), range(20)), f"channel {c + 1}") for c in (0, 1)]
    jobs = [Job("cell", layer.data, "CZYX", part=part) for part in parts]
    (tmp_path / "a.zarr").mkdir()  # not what they write to
    (tmp_path / "b channel 2.zarr").mkdir()
    typed += [tmp_path / "b.zarr", tmp_path / "a.zarr"]
    assert ask_where(None, "cell", jobs) == Place(tmp_path / "a.zarr")
    assert len(warned) == 1
    assert "b channel 2.zarr exists already" in warned[0]


class TestWhereARunWasStopped:
    @pytest.fixture
    def asked(self, tmp_path, monkeypatch):
        """A stopped run in a folder; what the user is asked about, and answers."""
        with resume_or_begin(tmp_path / "cell.zarr", {"seed": 1}) as unfinished:
            unfinished.begin()
        asked = SimpleNamespace(about=[], answers=[])

        def answer(parent, title, folders, differing):
            asked.about.append([folder.name for folder in folders])
            return asked.answers.pop(0)

        monkeypatch.setattr(to_disk, "ask_about_stopped", answer)
        return asked

    @pytest.mark.parametrize(("answer", "discard"), [("go on", False), ("throw away", True)])
    def test_it_is_gone_on_with_or_thrown_away(self, tmp_path, typed, asked, layer, answer, discard):
        typed.append(tmp_path / "cell.zarr")
        asked.answers.append(answer)
        (job,) = ask_and_send_to_disk(None, [Job("cell", layer.data, "TZYX")], layer)
        assert (job.output, job.discard) == (tmp_path / "cell.zarr", discard)
        assert asked.about == [["cell.zarr"]]

    def test_another_folder_can_be_chosen(self, tmp_path, typed, asked):
        typed += [tmp_path / "cell.zarr", tmp_path / "new.zarr"]
        asked.answers.append("elsewhere")
        assert ask_where(None, "cell") == Place(tmp_path / "new.zarr")

    def test_one_that_is_at_work_is_not_called_stopped(self, tmp_path, typed, asked):
        typed.append(tmp_path / "cell.zarr")
        with resume_or_begin(tmp_path / "cell.zarr", {"seed": 1}):
            assert ask_where(None, "cell") == Place(tmp_path / "cell.zarr")
        assert asked.about == []
