"""Jobs are sent to disk with all they say; what cannot be done there is refused with a remedy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from napari.layers import Image

from napari_cvdm.files.unfinished import resume_or_begin
from napari_cvdm.plugin.image.parts import Part
from napari_cvdm.plugin.running import to_disk
from napari_cvdm.plugin.running.disk_job import DiskJob
from napari_cvdm.plugin.running.worker import Job
from napari_cvdm.restoration.errors import InputError


@pytest.fixture
def layer():
    units = ("s", "um", "um", "um")
    return Image(np.zeros((2, 3, 20, 20)), name="cell", scale=(30, 0.2, 0.065, 0.065), units=units)


@pytest.fixture
def typed(monkeypatch):
    """What the user types in the file dialogs, one after the other."""
    names: list[object] = []
    monkeypatch.setattr(to_disk.QFileDialog, "getSaveFileName", lambda *_: (str(names.pop(0)), ""))
    return names


@pytest.fixture
def remembered(monkeypatch):
    """Where the next dialog begins."""
    outputs: list[Path] = []
    monkeypatch.setattr(to_disk, "remember_folder", outputs.append)
    return outputs


@pytest.fixture
def warned(monkeypatch):
    """What the user is warned of."""
    words: list[str] = []
    monkeypatch.setattr(to_disk.QMessageBox, "warning", lambda *args: words.append(args[2]))
    return words


@pytest.fixture
def sent(layer) -> Callable[..., list[DiskJob]]:
    """Send jobs to disk, by default one."""

    def sent(*jobs: Job) -> list[DiskJob]:
        return to_disk.ask_and_send_to_disk(None, jobs or [Job("cell", layer.data, "TZYX")], layer)

    return sent


def channels(layer: Image) -> list[Job]:
    parts = [Part((range(c, c + 1), range(3), range(20), range(20)), f"channel {c + 1}") for c in (0, 1)]
    return [Job("cell", layer.data, "CZYX", part=part) for part in parts]


def test_a_job_says_the_same_to_disk(tmp_path, typed, layer, sent):
    folder = tmp_path / "cell.cvdm.ome.zarr"
    typed.append(folder)
    job = Job("cell", layer.data, "TZYX", draws=3, seed=5, source_path="/raw.tif", first_plane=(1, 0))
    (to,) = sent(job)
    assert (to.data is layer.data, to.draws, to.seed, to.run_id) == (True, 3, 5, job.run_id)
    assert (to.output, to.z_spacing, to.time_interval) == (folder, pytest.approx(200), pytest.approx(30))
    assert to.describe() == {**job.describe(), "output": str(folder)}
    assert (repr(to), to.discard) == (repr(job), False)


def test_a_job_knows_where_its_layer_lies(tmp_path, typed, layer, sent):
    typed.append(tmp_path / "cell.cvdm.ome.zarr")
    layer.translate = 10 * layer.scale
    (to,) = sent()
    assert to.origin == pytest.approx(dict.fromkeys("TZYX", 10))
    assert to.pixel_sides == pytest.approx((65, 65))
    assert to.steps_apart == pytest.approx({"T": 30, "Z": 0.2, "Y": 0.065, "X": 0.065})


def test_each_of_several_jobs_has_a_folder_of_its_own(tmp_path, typed, layer, sent):
    typed.append(tmp_path / "cell.cvdm.ome.zarr")
    names = [job.output.name for job in sent(*channels(layer))]
    assert names == ["cell channel 1.cvdm.ome.zarr", "cell channel 2.cvdm.ome.zarr"]


@pytest.mark.parametrize(("wish", "words"), [("resample", "resampled"), ("keep_draws", "draws")])
def test_what_needs_memory_is_refused_before_anything_is_asked(layer, typed, sent, wish, words):
    job = replace(Job("cell", layer.data, "TZYX"), **{wish: True})
    with pytest.raises(InputError, match=words):
        sent(job)


@pytest.mark.parametrize(
    ("name", "folder"),
    [("/a/b", "/a/b.cvdm.ome.zarr"), ("/a/b.ome.zarr", "/a/b.ome.zarr"), ("/a/b.ZARR", "/a/b.ZARR")],
)
def test_the_folder_gets_an_ending(typed, remembered, sent, name, folder):
    typed.append(name)
    assert [job.output for job in sent()] == remembered == [Path(folder)]


def test_thinking_better_of_it_is_possible(typed, remembered, sent):
    typed.append("")
    assert (sent(), remembered) == ([], [])


@pytest.mark.parametrize("there", ["cell.cvdm.ome.zarr", "cell.cvdm_uncertainty.ome.zarr"])
def test_what_is_there_is_not_replaced_and_another_name_can_be_typed(tmp_path, typed, warned, sent, there):
    (tmp_path / there).mkdir()
    typed += [tmp_path / "cell", tmp_path / "other"]  # no dialog knows of an ending that is added later
    assert [job.output for job in sent()] == [tmp_path / "other.cvdm.ome.zarr"]
    assert warned == [f"{tmp_path / there} exists already. Choose another name."]


def test_the_folders_of_several_jobs_are_looked_at(tmp_path, layer, typed, warned, sent):
    (tmp_path / "a.ome.zarr").mkdir()  # not what they write to
    (tmp_path / "b channel 2.zarr").mkdir()
    typed += [tmp_path / "b.zarr", tmp_path / "a.ome.zarr"]
    names = [job.output.name for job in sent(*channels(layer))]
    assert names == ["a channel 1.ome.zarr", "a channel 2.ome.zarr"]
    assert len(warned) == 1
    assert "b channel 2.zarr exists already" in warned[0]


class TestWhereARunWasStopped:
    @pytest.fixture
    def cell(self, tmp_path) -> Path:
        """The folder of a stopped run."""
        with resume_or_begin(tmp_path / "cell.zarr", {"seed": 1}) as unfinished:
            unfinished.begin()
        return tmp_path / "cell.zarr"

    @pytest.fixture
    def answer(self, monkeypatch):
        """Answer the question; return of which folders and differences it was asked."""

        def answer(words: str) -> list[tuple[object, ...]]:
            asked: list[tuple[object, ...]] = []
            monkeypatch.setattr(to_disk, "ask_about_stopped", lambda *of: (asked.append(of[2:]), words)[1])
            return asked

        return answer

    @pytest.mark.parametrize(("words", "discard"), [("go on", False), ("throw away", True)])
    def test_it_is_gone_on_with_or_thrown_away(self, typed, cell, answer, sent, words, discard):
        typed.append(cell)
        asked = answer(words)
        (job,) = sent()
        assert (job.output, job.discard) == (cell, discard)
        assert asked == [([cell], ())]

    def test_another_folder_can_be_chosen(self, tmp_path, typed, cell, answer, sent):
        typed += [cell, tmp_path / "new.zarr"]
        answer("elsewhere")
        assert [job.output for job in sent()] == [tmp_path / "new.zarr"]

    def test_one_that_is_at_work_is_not_called_stopped(self, typed, cell, sent):
        typed.append(cell)
        with resume_or_begin(cell, {"seed": 1}):
            assert [job.output for job in sent()] == [cell]
