"""The work of a run as a generator: what it tells, how it stops, how it fails."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
import threading
from dataclasses import replace
from typing import Any

import dask.array as da
import numpy as np
import pytest

import napari_cvdm
from napari_cvdm.models import ModelError
from napari_cvdm.plugin.image.parts import Part
from napari_cvdm.plugin.running import worker
from napari_cvdm.plugin.running.messages import DevicesFound, Done, Pictures, Preparing, Progress
from napari_cvdm.plugin.running.worker import Job
from napari_cvdm.plugin.viewer.failures import RestorationFailed
from napari_cvdm.restoration.errors import InputError

pytestmark = pytest.mark.usefixtures("nobody_waits")


def _image(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(100, 1000, shape, np.uint16)


def _messages(job: Job, kind: type) -> list[Any]:
    return [message for message in job.messages() if isinstance(message, kind)]


def test_a_stack_fills_plane_by_plane_in_the_order_of_its_axes(stepped):
    data = _image(2, 16, 3, 12)  # Y and X are not the last axes
    job = Job("cells", data, "TYCX", draws=2)
    pictures = None
    for message in job.messages():
        if isinstance(message, Pictures):
            pictures = message
            first = message.reconstruction.copy()
    assert pictures.reconstruction.shape == (2, 32, 3, 24)
    np.testing.assert_array_equal(first[0, :, 0], data[0, :, 0].repeat(2, 0).repeat(2, 1))
    assert not first[1].any()
    # The second draw adds 1 in the stand-in.
    np.testing.assert_array_equal(pictures.reconstruction, data.repeat(2, 1).repeat(2, 3) + 1.0)
    np.testing.assert_array_equal(pictures.uncertainty, np.ones((2, 32, 3, 24)))
    assert (pictures.axes.y, pictures.axes.x) == (1, 3)


def test_messages_come_in_the_promised_order(stepped):
    kinds = [type(message) for message in Job("cells", _image(16, 16), "YX", draws=2).messages()]
    assert kinds[0] is Preparing
    assert kinds.index(DevicesFound) < kinds.index(Pictures) < kinds.index(Progress)
    assert kinds.count(Pictures) == kinds.count(DevicesFound) == kinds.count(Done) == 1
    assert kinds[-1] is Done


def test_settings_reach_the_restoration(stepped):
    settings = {"pixel_size": 65.0, "draws": 3, "steps": 4, "seed": 5, "device": "cpu", "tile": 64}
    job = Job("cells", _image(16, 16), "YX", preview=True, **settings)
    list(job.messages())
    call = vars(stepped.calls[0])
    assert {name: call[name] for name in settings} == settings
    assert call["axes"] == "YX"
    assert call["preview"]


def test_what_was_asked_for_can_be_kept_with_the_result():
    part = Part((range(2), range(0, 16, 1), range(2, 12)), "region")
    whole, cut = (Job("film", _image(2, 16, 12, 3), "TYX", rgb=True, part=each) for each in (None, part))
    assert whole.describe()["part"] is None
    asked = json.loads(json.dumps(cut.describe()))
    assert (asked["axes"], asked["rgb"], asked["shape"]) == ("TYX", True, [2, 16, 12])
    assert asked["part"] == [[0, 2, 1], [0, 16, 1], [2, 12, 1]]


def test_there_is_nothing_to_keep_of_half_a_preview():
    assert [Job("cell", None, "YX", preview=preview).can_be_stopped for preview in (False, True)] == [
        True,
        False,
    ]


def test_colours_are_averaged_and_transparency_is_left_out(stepped):
    data = np.zeros((16, 16, 4), np.uint8)
    data[..., 2], data[..., 3] = 90, 255
    data[0, 0, :3] = 255
    list(Job("snapshot", data, "YX", rgb=True).messages())
    image = stepped.calls[0].image
    assert image.shape == (16, 16)
    assert image[0, 0] == 255
    assert image[5, 5] == pytest.approx(30)


def test_a_part_is_restored_as_part_of_the_whole(stepped):
    data = _image(2, 3, 16, 20)
    part = Part((range(1, 2), range(0, 3, 2), range(4, 12), range(20)), "part")
    pictures = _messages(Job("cells", data, "QQYX", part=part, preview=True), Pictures)[0]
    (call,) = stepped.calls
    assert call.image.shape == data.shape
    assert call.normalize == "whole"
    assert pictures.reconstruction.shape == (1, 2, 16, 40)
    np.testing.assert_array_equal(pictures.reconstruction[0, 0, ::2, ::2], data[1, 0, 4:12])
    assert Job("cells", data, "QQYX").normalize == "stack"


def test_a_part_of_colours_taken_as_channels_is_counted_right(stepped):
    data = np.random.default_rng(0).integers(0, 255, (4, 16, 12, 3), np.uint8)
    part = Part((range(2, 3), range(16), range(2, 10)), "part")
    lazy = da.from_array(data, chunks=(1, 16, 12, 3))
    job = Job("snap", lazy, "TYX", rgb=True, colours="channels", part=part, preview=True)
    pictures = _messages(job, Pictures)[0]
    assert pictures.reconstruction.shape == (3, 1, 32, 16)
    assert isinstance(stepped.calls[0].image, da.Array)  # the other planes are not read for nothing
    np.testing.assert_array_equal(pictures.reconstruction[0, 0, ::2, ::2], data[2, :, 2:10, 0])


@pytest.mark.parametrize("pixel_size", [65.0, 150.0, 30.0])
def test_the_first_picture_is_told_to_lie_where_the_result_will_say(small_model, monkeypatch, pixel_size):
    known = replace(small_model, card=replace(small_model.card, pixel_size_nm=(50.0, 120.0)))
    monkeypatch.setattr(napari_cvdm, "load_model", lambda *args, **kwargs: known, raising=False)
    part = Part((range(1, 4, 2), range(11, 30), range(3, 40)), "region")
    job = Job("film", _image(4, 40, 48), "TYX", part=part, pixel_size=pixel_size, resample=True, preview=True)
    messages = list(job.messages())
    pictures, done = (next(each for each in messages if isinstance(each, kind)) for kind in (Pictures, Done))
    assert (pictures.made["resampling"] is None) == (pixel_size == 65.0)
    assert pictures.made.items() <= done.provenance.items()


@pytest.mark.parametrize("pixel_size", [1.0, 5000.0])
def test_a_size_that_resampling_cannot_help_is_no_reason_to_refuse_a_run_without_it(
    stepped, monkeypatch, pixel_size
):
    """`restore` warns of it, and goes on."""
    model = napari_cvdm.load_model()
    knowing = replace(model, card=replace(model.card, pixel_size_nm=(50.0, 120.0)))
    monkeypatch.setattr(napari_cvdm, "load_model", lambda *args, **kwargs: knowing, raising=False)
    part = Part((range(16), range(2, 14)), "part")
    for chosen in (None, part):
        job = Job("cells", _image(16, 16), "YX", part=chosen, pixel_size=pixel_size, preview=True)
        assert len(_messages(job, Done)) == 1


def test_what_takes_long_to_read_is_measured_on_the_part_alone_and_that_is_said(stepped, monkeypatch):
    data = _image(2, 16, 20)
    part = Part((range(1), range(16), range(20)), "plane")
    monkeypatch.setattr(worker, "_MOST_TO_READ", data.nbytes - 1)
    job = Job("film", da.from_array(data, chunks=(1, 16, 20)), "TYX", part=part)
    (done,) = _messages(job, Done)
    assert stepped.calls[0].normalize == "stack"
    assert any("this part alone" in words for words in done.provenance["warnings"])
    in_memory = Job("film", data, "TYX", part=part)
    (done,) = _messages(in_memory, Done)
    assert stepped.calls[1].normalize == "whole"
    assert not done.provenance["warnings"]


def test_a_run_rests_until_its_first_picture_is_shown(stepped, monkeypatch):
    monkeypatch.setattr(worker, "_LONGEST_REST", 60.0)
    messages = Job("s", _image(16, 16), "YX", draws=1).messages()
    pictures = next(message for message in messages if isinstance(message, Pictures))
    threading.Timer(0.1, pictures.shown.set).start()
    next(messages)
    assert pictures.shown.is_set()
    assert isinstance(list(messages)[-1], Done)


def test_the_first_picture_of_a_large_plane_is_reported_tile_by_tile(use_small_model):
    film, reports, filled = _image(2, 70, 54), [], []

    def report(message: Any) -> None:
        reports.append(message)
        filled.append(np.count_nonzero(reports[0].reconstruction, axis=(1, 2)) / (140 * 108))

    settings = {"draws": 1, "steps": 2, "device": "cpu", "tile": 32}
    messages = list(Job("cells", film, "TYX", first_plane=(1,), report=report, **settings).messages())
    pictures, *rest = reports
    assert isinstance(pictures, Pictures)
    assert not any(isinstance(message, Pictures) for message in messages)
    assert all(isinstance(message, Progress) for message in rest)
    assert filled[0][0] == 0  # the plane in view comes first
    assert 0 < filled[0][1] < 0.2
    assert np.all(np.diff(filled, axis=0) >= 0)
    assert np.all(filled[-1] == 1)
    result = napari_cvdm.restore(film, use_small_model, axes="TYX", **settings)
    np.testing.assert_array_equal(pictures.reconstruction, result.mean)
    np.testing.assert_array_equal(pictures.uncertainty, result.std)


def test_contrast_limits_fit_all_planes_so_far(stepped):
    data = np.zeros((2, 32, 32), np.float32)
    data[0, :16], data[1, :16] = 10, 1000
    told = _messages(Job("s", data, "ZYX", draws=1), Progress)
    limits = [message.limits[0]["reconstruction"] for message in told if message.limits]
    assert limits[0] == (0, 10)
    assert limits[-1] == (0, 1000)


def test_contrast_limits_of_a_flat_picture_are_still_a_range(stepped):
    stepped.std = 0.0
    (progress, *_) = _messages(Job("s", _image(16, 16), "YX", preview=True), Progress)
    low, high = progress.limits[0]["uncertainty"]
    assert low == 0 < high


@pytest.mark.parametrize("after", [0, 3, 6, 9])
def test_a_run_ends_without_a_word_once_it_is_aborted(stepped, after):
    asked = 0

    def abort() -> bool:
        nonlocal asked
        asked += 1
        return asked > after

    messages = list(Job("s", _image(16, 16), "YX", abort_requested=abort).messages())
    assert not any(isinstance(message, Done) for message in messages)
    assert asked == after + 1  # it is not asked again: the first "yes" ends the run


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (InputError("The image is constant: choose another."), "The image is constant: choose another."),
        (ModelError("no such model"), "no such model"),
        (MemoryError(), "Memory ran out"),
        (ImportError("No module named 'torch'"), "Reinstall"),
        (RuntimeError("shape mismatch"), "RuntimeError: shape mismatch"),
        (ZeroDivisionError("division"), "please report"),
    ],
)
def test_every_error_becomes_one_that_napari_shows(stepped, error, words):
    stepped.stop_at, stepped.error = 1, error
    stepped.go_on()
    with pytest.raises(RestorationFailed, match=words) as caught:
        list(Job("s", _image(16, 16), "YX").messages())
    assert not isinstance(caught.value, RuntimeError)
    assert caught.value.__context__ is None  # it would keep the tensors of the failed pass in memory


def test_torch_running_out_of_memory_is_explained(stepped):
    import torch

    stepped.stop_at, stepped.error = 1, torch.OutOfMemoryError("CUDA out of memory")
    stepped.go_on()
    with pytest.raises(RestorationFailed, match="smaller tile"):
        list(Job("s", _image(16, 16), "YX").messages())


def test_an_error_while_the_model_loads_is_shown_too(stepped, monkeypatch):
    def fail(*args: object, **kwargs: object) -> None:
        raise ModelError("damaged")

    monkeypatch.setattr(napari_cvdm, "load_model", fail)
    with pytest.raises(RestorationFailed, match="damaged"):
        list(Job("s", _image(16, 16), "YX").messages())


def test_a_download_can_be_cancelled(stepped, monkeypatch):
    chunks = 0

    def download(name: str, *, progress: Any) -> None:
        nonlocal chunks
        for _ in range(100):
            chunks += 1
            progress.update(1)

    monkeypatch.setattr(napari_cvdm, "load_model", download)
    list(Job("s", _image(16, 16), "YX", abort_requested=lambda: chunks >= 3).messages())
    assert chunks == 3


def test_the_image_is_let_go_when_the_run_is_over(stepped):
    job = Job("s", _image(16, 16), "YX")
    list(job.messages())
    assert job.data is None


def test_napari_can_say_what_it_would_interrupt():
    job = Job("cells", None, "YX")
    assert "the restoration of 'cells'" in repr(job.messages)
    assert inspect.isgeneratorfunction(job.messages)


def test_torch_is_loaded_smoothly_whatever_else_a_run_imports():
    code = """
import sys
import numpy as np
from napari_cvdm.plugin.running import worker
from napari_cvdm.plugin.running.worker import Job

def load_torch():
    print("torch" in sys.modules)
    raise SystemExit

worker.load_torch = load_torch
list(Job("cells", np.ones((16, 16), np.uint16), "YX").messages())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
