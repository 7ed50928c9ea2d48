"""A run ends in one of three ways, always says which, and leaves layers only if it is done."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import QObject
from superqt.utils import WorkerBase

import napari_cvdm
from napari_cvdm.plugin.results.layers import METADATA_KEY
from napari_cvdm.plugin.running import run as module
from napari_cvdm.plugin.running.disk_job import DiskJob
from napari_cvdm.plugin.running.progress import TimeLeft
from napari_cvdm.plugin.running.run import Run
from napari_cvdm.plugin.running.worker import Job
from napari_cvdm.plugin.viewer.garbage import are_objects_frozen
from napari_cvdm.restoration.errors import InputError
from napari_cvdm.restoration.restore import restore_events


class Recorder:
    """What a run has said."""

    def __init__(self, run: Run) -> None:
        self.words: list[str] = []
        self.fractions: list[float] = []
        self.warnings: list[str] = []
        self.devices: list[object] = []
        self.ended: list[tuple[str, str]] = []
        run.progressed.connect(self._progressed)
        run.warned.connect(self.warnings.append)
        run.devices_found.connect(self.devices.append)
        run.ended.connect(lambda outcome, words: self.ended.append((outcome, words)))

    def _progressed(self, words: str, fraction: float) -> None:
        self.words.append(words)
        self.fractions.append(fraction)


@pytest.fixture
def viewer_model(qapp) -> ViewerModel:
    return ViewerModel()


@pytest.fixture
def start(qtbot, viewer_model, stepped, wait_for_workers):
    """Start a run of a small stack, and hand out what it says."""
    owner = QObject()

    def start(owner: QObject = owner, kind: type[Job] = Job, **settings: object) -> tuple[Run, Recorder]:
        data = np.random.default_rng(0).integers(0, 900, (2, 16, 12), np.uint16)
        layer = viewer_model.add_image(data, name="cell")
        run = Run(viewer_model, layer, kind("cell", data, "ZYX", **settings), owner)
        recorder = Recorder(run)
        run.start()
        return run, recorder

    yield start
    stepped.go_on()
    wait_for_workers()
    owner.deleteLater()


def _names(viewer_model: ViewerModel) -> list[str]:
    return [layer.name for layer in viewer_model.layers]


def test_a_run_that_goes_well(qtbot, start, viewer_model):
    _, heard = start(draws=2)
    qtbot.waitUntil(lambda: bool(heard.ended), timeout=60_000)
    ((outcome, words),) = heard.ended
    assert outcome == "done"
    assert words.startswith("Done in 1 s: 2 draws of 2 steps, uncalibrated uncertainty.")
    assert _names(viewer_model) == ["cell", "cell CVDM", "cell CVDM uncertainty"]
    assert heard.words[0] == "Loading PyTorch …"
    assert any("plane 2 of 2, first picture" in words for words in heard.words)
    known = [fraction for fraction in heard.fractions if fraction >= 0]
    assert known == sorted(known)
    assert known[-1] == 1
    assert heard.devices[0][:2] == [("Automatic", "auto"), ("CPU", "cpu")]


def test_how_to_get_a_gpu_is_no_warning_of_each_run(qtbot, start, stepped, monkeypatch):
    monkeypatch.setattr("napari_cvdm.restoration.device.gpu_hint", lambda: "Get a GPU.")
    stepped.warnings = ["Get a GPU.", "Mind the gap."]
    _, heard = start(draws=1)
    qtbot.waitUntil(lambda: bool(heard.ended), timeout=60_000)
    assert heard.warnings == ["Mind the gap."]


def test_the_tiles_of_a_large_plane_are_counted(qtbot, start, monkeypatch):
    monkeypatch.setattr("napari_cvdm.plugin.running.telling._BETWEEN_STEPS", 0)
    monkeypatch.setattr(napari_cvdm, "restore_events", restore_events)  # the real one
    _, heard = start(draws=2, tile=8)
    qtbot.waitUntil(lambda: bool(heard.ended), timeout=60_000)
    tiles = [words for words in heard.words if "tile" in words]
    assert tiles[0].startswith("plane 1 of 2, first picture, tile 1 of ")
    assert any("draw 2 of 2, step 1 of" in words and "tile 2 of" in words for words in tiles)
    known = [fraction for fraction in heard.fractions if fraction >= 0]
    assert known == sorted(known)


def test_a_run_to_disk_says_how_far_it_is_where_the_result_is_and_what_to_know_of_it(
    qtbot, start, viewer_model, small_model, monkeypatch, tmp_path
):
    knowing = replace(small_model, card=replace(small_model.card, pixel_size_nm=(50.0, 120.0)))
    monkeypatch.setattr(napari_cvdm, "load_model", lambda *args, **kwargs: knowing)
    monkeypatch.setattr(TimeLeft, "words", lambda self, fraction: f"{fraction:.0%} done")
    folder = tmp_path / "cell.cvdm.ome.zarr"
    (file := tmp_path / "cell.png").touch()  # has other pixels
    settings = {"device": "cpu", "pixel_size": 300.0, "source_path": str(file)}
    _, heard = start(kind=DiskJob, preview=True, output=folder, **settings)
    qtbot.waitUntil(lambda: bool(heard.ended), timeout=60_000)
    assert heard.ended == [("done", f"Done, and written to {folder}.")]
    pieces = [words for words in heard.words if "pieces written" in words]
    assert pieces[-1].endswith(" pieces written, 100% done")
    assert heard.fractions[-1] == 1
    (warning,) = heard.warnings
    assert "300 nm" in warning
    about = viewer_model.layers["cell CVDM"].metadata[METADATA_KEY]
    assert about["asked"]["output"] == about["written"]["reconstruction"] == str(folder)
    assert about["asked"]["file_has_pixels"] is False


def test_a_preview_says_that_it_is_one(qtbot, start):
    _, heard = start(preview=True)
    qtbot.waitUntil(lambda: bool(heard.ended), timeout=60_000)
    assert "mean network only" in heard.ended[0][1]


@pytest.mark.parametrize(
    ("draws_of_planes", "words"),
    [
        ([3], "stopped early with 3 draws of 2 steps, uncalibrated"),
        ([0], "stopped early: the mean network's picture only, uncalibrated"),
        ([8, 3], "stopped early with at least 3 draws of 2 steps of each plane, uncalibrated"),
        ([8, 0], "stopped early: of some planes the mean network's picture only, uncalibrated"),
        ([0, 0], "stopped early: of all planes the mean network's picture only, uncalibrated"),
    ],
)
def test_a_stopped_run_says_what_every_plane_has(draws_of_planes, words):
    stopped = {"draws_asked_for": 8, "draws_of_planes": draws_of_planes}
    told = {"draws": min(draws_of_planes), "steps": 2, "seconds": 1.0, "stopped": stopped}
    assert module._summary(told).startswith(f"Done in 1 s: {words} uncertainty.")


@pytest.mark.parametrize(
    "error", [InputError("Too dark."), RuntimeError("Too dark."), MemoryError("Too dark.")]
)
def test_a_run_that_fails_leaves_no_layers(qtbot, start, stepped, viewer_model, error):
    stepped.stop_at, stepped.error = 3, error
    stepped.go_on()
    _, heard = start()
    qtbot.waitUntil(lambda: bool(heard.ended), timeout=60_000)
    ((outcome, words),) = heard.ended
    assert outcome == "failed"
    assert words
    assert _names(viewer_model) == ["cell"]


def test_stopping_before_every_plane_has_a_picture_says_what_is_waited_for(
    qtbot, start, stepped, monkeypatch
):
    monkeypatch.setattr(TimeLeft, "words", lambda self, fraction: "about 3 h left")
    stepped.stop_at = 1
    run, heard = start()
    qtbot.waitUntil(lambda: any("about 3 h left" in words for words in heard.words), timeout=60_000)
    run.stop()
    stepped.go_on()
    qtbot.waitUntil(lambda: bool(heard.ended), timeout=60_000)
    said = [words for words in heard.words if words.startswith("ends when every plane has its first picture")]
    assert "plane 2 of 2" in said[0]
    assert not any("3 h left" in words for words in said)  # which would be those of all draws
    assert heard.ended[0][1].startswith("Done in 1 s: stopped early")


def test_cancelling_takes_the_layers_at_once_and_the_worker_soon(qtbot, start, stepped, viewer_model):
    stepped.stop_at = 3
    run, heard = start()
    qtbot.waitUntil(lambda: stepped.waiting.is_set() and len(viewer_model.layers) == 3, timeout=60_000)
    layers = viewer_model.layers[1:]
    run.cancel()
    run.cancel()  # a second click changes nothing
    assert not any(layer.visible for layer in layers)
    assert run.cancelling
    assert run.job.cancel_requested.is_set()
    qtbot.waitUntil(lambda: bool(heard.ended), timeout=10_000)  # although the test never lets it go on
    assert _names(viewer_model) == ["cell"]
    assert heard.ended == [("cancelled", "Cancelled.")]
    assert not are_objects_frozen()


def test_napari_can_stop_the_worker_too(qtbot, start, stepped):
    stepped.stop_at = 3
    _, heard = start()
    qtbot.waitUntil(stepped.waiting.is_set, timeout=60_000)
    for worker in list(WorkerBase._worker_set):
        worker.quit()  # as napari does when its window is closed
    qtbot.waitUntil(lambda: bool(heard.ended), timeout=10_000)
    assert heard.ended[0][0] == "cancelled"


def test_a_viewer_closed_in_mid_run_leaves_no_objects_frozen(qtbot, start, stepped):
    """The run's slots are gone then; whoever uses Python goes on, in a notebook for example."""
    stepped.stop_at = 3
    panel = QObject()
    start(panel)
    qtbot.waitUntil(stepped.waiting.is_set, timeout=60_000)
    for worker in list(WorkerBase._worker_set):
        worker.quit()
    panel.deleteLater()
    del panel, worker
    qtbot.waitUntil(lambda: not are_objects_frozen(), timeout=10_000)


def test_cancelling_a_run_that_is_done_changes_nothing(qtbot, start, viewer_model):
    run, heard = start(draws=1)
    qtbot.waitUntil(lambda: bool(heard.ended), timeout=60_000)
    seen = [layer.visible for layer in viewer_model.layers]
    run.cancel()
    assert [layer.visible for layer in viewer_model.layers] == seen  # those that are removed vanish at once
    assert len(seen) == 3


def test_warnings_are_left_to_the_rest_of_the_program(qtbot, start, stepped):
    stepped.stop_at = 1
    shown: list[str] = []

    def show(message: object, *_: object, **__: object) -> None:
        shown.append(str(message))

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = show  # as napari does
        before = list(warnings.filters)
        _, heard = start(draws=1)
        qtbot.waitUntil(stepped.waiting.is_set, timeout=60_000)
        assert warnings.filters == before
        warnings.warn("of another plugin", UserWarning, stacklevel=1)
        stepped.go_on()
        qtbot.waitUntil(lambda: bool(heard.ended), timeout=60_000)
        assert warnings.filters == before
        assert warnings.showwarning is show
    assert shown == ["of another plugin"]
    assert heard.warnings == []


def test_what_a_library_warns_of_in_a_run_is_shown_as_ever(qtbot, start, monkeypatch):
    restore_events = napari_cvdm.restore_events

    def warn(*args: object, **settings: object):
        for event in restore_events(*args, **settings):
            warnings.warn("Nearly saturated.", UserWarning, stacklevel=1)
            yield event

    monkeypatch.setattr(napari_cvdm, "restore_events", warn)
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        _, heard = start(draws=1)
        qtbot.waitUntil(lambda: bool(heard.ended), timeout=60_000)
    assert "Nearly saturated." in [str(each.message) for each in shown]
    assert heard.ended[0][0] == "done"


def test_a_result_says_whether_the_file_has_the_pixels_that_were_restored(
    qtbot, start, stepped, viewer_model, tmp_path
):
    (file := tmp_path / "cell.png").touch()
    _, recorder = start(source_path=str(file))
    qtbot.waitUntil(lambda: recorder.ended != [])
    about = viewer_model.layers["cell CVDM"].metadata[METADATA_KEY]
    assert about["asked"]["file_has_pixels"] is False
    assert about["asked"]["source_path"] == str(file)
