"""A run to disk writes what a run in memory computes; only what it has begun and is cancelled is not kept."""

from __future__ import annotations

import errno
import os
import queue
import threading
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import dask.array as da
import numpy as np
import pytest

import napari_cvdm
from napari_cvdm.files import streaming
from napari_cvdm.files.ome_tiff import write_ome_tiff
from napari_cvdm.files.ome_zarr_reading import open_pyramid
from napari_cvdm.files.unfinished import resume_or_begin
from napari_cvdm.plugin.image.parts import Part
from napari_cvdm.plugin.running import disk_job
from napari_cvdm.plugin.running.disk_job import DiskJob
from napari_cvdm.plugin.running.messages import Kept, Message, Written, Wrote
from napari_cvdm.plugin.running.worker import Cancelled
from napari_cvdm.plugin.viewer.failures import RestorationFailed
from napari_cvdm.restoration.restore import restore

RESULT = {"film.cvdm.ome.zarr", "film.cvdm_uncertainty.ome.zarr"}
IMAGE = np.random.default_rng(0).gamma(2.0, 50, (3, 2, 300, 40)).astype(np.float32)


def job(folder: Path, data=IMAGE, axes: str = "ZTYX", **settings) -> DiskJob:
    settings = {"preview": True, "device": "cpu", **settings}
    return DiskJob("film", data, axes, output=folder / "film.cvdm.ome.zarr", **settings)


def past(fraction: float) -> Callable[[Message], bool]:
    """Whether a message tells that more than this share is written."""
    return lambda message: isinstance(message, Wrote) and message.fraction > fraction


def stop(running: DiskJob) -> Message:
    """Carry out a job that is stopped on the way."""
    for message in running.messages():
        if past(0.3)(message):
            running.stop_requested.set()
    return message


def give_up(running: DiskJob, when: Callable[[Message], bool], *, cancel: bool) -> None:
    """Carry out a job that is given up: by Cancel, or because its panel or window is closed."""
    given_up = threading.Event()
    running.abort_requested = given_up.is_set
    for message in running.messages():
        if when(message):
            if cancel:
                running.cancel_requested.set()
            given_up.set()
    assert given_up.is_set()
    assert not isinstance(message, Written)


def begins_with(running: DiskJob) -> float:
    """Carry out a job to its end, and say what share was there before."""
    told = list(running.messages())
    assert isinstance(told[-1], Written)
    return next(each.fraction for each in told if isinstance(each, Wrote))


class InStep:
    """What the writer puts here is dealt with before it goes on; otherwise it may be done by then."""

    def __init__(self) -> None:
        self._told: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._dealt_with = threading.Semaphore(0)
        self._given = False
        self.empty = self._told.empty

    def put(self, message: Message) -> None:
        self._told.put(message)
        self._dealt_with.acquire()

    def get(self, timeout: float) -> Message:
        if self._given:
            self._given = False
            self._dealt_with.release()
        message = self._told.get(timeout=timeout)
        self._given = True
        return message


@pytest.fixture(autouse=True)
def _small_and_in_step(use_small_model, monkeypatch):
    monkeypatch.setattr(disk_job, "queue", SimpleNamespace(SimpleQueue=InStep, Empty=queue.Empty))


def test_it_is_what_a_run_in_memory_gives_whatever_the_order_of_the_axes(tmp_path, small_model):
    told = list(job(tmp_path).messages())
    written = told[-1]
    assert isinstance(written, Written)
    expected = restore(IMAGE, small_model, axes="ZTYX", preview=True, device="cpu")
    for picture, whole in (("reconstruction", expected.mean), ("uncertainty", expected.std)):
        finest, coarser = written.levels[picture]
        assert coarser.shape == (3, 2, 300, 40)
        np.testing.assert_allclose(finest.compute(), whole, rtol=1e-4, atol=1e-4 * np.ptp(whole))
    fractions = [message.fraction for message in told if isinstance(message, Wrote)]
    assert fractions == sorted(fractions)
    assert written.provenance["written"]["reconstruction"] == str(tmp_path / "film.cvdm.ome.zarr")


def test_the_result_lies_where_the_image_does(tmp_path):
    part = Part((range(1, 2), range(2), range(100, 200), range(8, 40)), "region")
    list(job(tmp_path, part=part, pixel_size=100.0, origin={"Y": 30.0, "X": 40.0}).messages())
    translation = open_pyramid(tmp_path / "film.cvdm.ome.zarr").translation
    np.testing.assert_allclose(translation[-2:], (0.1 * 129.75, 0.1 * 47.75))


def test_planes_whose_distance_is_not_known_lie_as_far_apart_as_the_layer_s(tmp_path):
    apart = {"Z": 3.0, "T": 1.0, "Y": 0.065, "X": 0.065}
    list(job(tmp_path, pixel_size=65.0, steps_apart=apart, origin={"Z": 2.0}).messages())
    pyramid = open_pyramid(tmp_path / "film.cvdm.ome.zarr")
    assert (pyramid.axes, pyramid.scale) == ("TZYX", (1, 3, 0.0325, 0.0325))
    assert pyramid.units == (None, None, "micrometer", "micrometer")
    assert pyramid.translation[1] == 6


@pytest.mark.parametrize(("told", "expected"), [({}, 0.3), ({"z_spacing": 200.0}, 0.2)])
def test_the_distance_of_planes_is_the_file_s_where_the_layer_tells_none(tmp_path, told, expected):
    image = IMAGE[:, 0, :, :32]
    file = write_ome_tiff(tmp_path / "film.ome.tif", image, "ZYX", 65.0, z_spacing_nm=300.0)
    list(job(tmp_path, image, "ZYX", pixel_size=65.0, source_path=str(file), **told).messages())
    pyramid = open_pyramid(tmp_path / "film.cvdm.ome.zarr")
    assert pyramid.scale == (expected, 0.0325, 0.0325)
    assert pyramid.units == ("micrometer",) * 3


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({}, (0.065, 0.0325)),
        ({"pixel_sides": (200.0, 100.0)}, (0.1, 0.05)),
        ({"pixel_sides": (200.0, 100.0), "pixel_size": 100.0}, (0.05, 0.05)),
    ],
)
def test_pixels_that_are_not_square_keep_both_sides(tmp_path, told, expected):
    image = IMAGE[0, 0, :, :32]
    file = write_ome_tiff(tmp_path / "film.ome.tif", image, "YX", 65.0, pixel_height_nm=130.0)
    list(job(tmp_path, image, "YX", source_path=str(file), **told).messages())
    pyramid = open_pyramid(tmp_path / "film.cvdm.ome.zarr")
    assert pyramid.scale == expected
    assert pyramid.units == ("micrometer",) * 2


def test_the_distance_of_planes_in_a_file_is_none_of_unnamed_axes(tmp_path):
    image = IMAGE[..., :32]
    file = write_ome_tiff(tmp_path / "film.ome.tif", image, "TZYX", 65.0, z_spacing_nm=300.0)
    list(job(tmp_path, image, "QQYX", pixel_size=65.0, source_path=str(file)).messages())
    assert open_pyramid(tmp_path / "film.cvdm.ome.zarr").units[:2] == (None, None)


def test_axes_that_the_format_has_no_room_for_are_there_again(tmp_path, small_model):
    image = IMAGE[:, None, None, :, :32]
    written = list(job(tmp_path, image, "ZTQCYX").messages())[-1]
    expected = restore(image, small_model, axes="ZTQCYX", preview=True, device="cpu").mean
    pixels = written.levels["reconstruction"][0].compute()
    np.testing.assert_allclose(pixels, expected, rtol=1e-4, atol=1e-4 * np.ptp(expected))


def test_a_part_of_a_lazy_image_is_that_of_the_whole(tmp_path, small_model):
    part = Part((range(1, 2), range(2), range(100, 200), range(8, 40)), "region")
    lazy = da.from_array(IMAGE, chunks=(1, 1, 100, 40))
    written = list(job(tmp_path, lazy, part=part, z_spacing=300.0).messages())[-1]
    expected = restore(IMAGE, small_model, axes="ZTYX", preview=True, device="cpu")
    whole = expected.mean[1:2, :, 200:400, 16:80]
    pixels = written.levels["reconstruction"][0].compute()
    np.testing.assert_allclose(pixels, whole, atol=1e-3 * np.ptp(whole))
    # And lies where it is in the whole, for other programs that open the folder.
    pyramid = open_pyramid(tmp_path / "film.cvdm.ome.zarr")
    assert (pyramid.axes, pyramid.scale) == ("TZYX", (1, 0.3, 0.5, 0.5))
    np.testing.assert_allclose(pyramid.translation, (0, 0.3, 100 - 0.25, 8 - 0.25))


@pytest.mark.parametrize("when", ["measuring", "writing"])
def test_cancelled_it_leaves_nothing(tmp_path, when):
    cancelled = job(tmp_path, draws=2, steps=2, preview=False)
    measuring = "Measuring" if when == "measuring" else "pieces written"
    give_up(cancelled, lambda message: measuring in getattr(message, "words", ""), cancel=True)
    assert not list(tmp_path.iterdir())
    assert cancelled.kept == ""


def test_given_up_it_soon_reads_no_more_of_the_image(tmp_path):
    read: list[int] = []
    lazy = da.from_array(IMAGE, chunks=(1, 1, 15, 10))
    lazy = lazy.map_blocks(lambda block: read.append(1) or block, dtype=lazy.dtype, meta=lazy._meta)
    give_up(job(tmp_path, lazy), lambda told: "Measuring" in getattr(told, "words", ""), cancel=True)
    assert len(read) < lazy.npartitions / 4


def test_closed_it_keeps_what_is_written_and_goes_on(tmp_path):
    closed = job(tmp_path)
    give_up(closed, past(0.3), cancel=False)
    assert "What is written is kept" in closed.kept
    assert [path.name for path in tmp_path.iterdir()] == [".film.cvdm.ome.zarr.unfinished"]
    assert begins_with(job(tmp_path)) > 0.3


def test_when_the_disk_is_full_it_says_so_keeps_what_is_written_and_goes_on_later(tmp_path, monkeypatch):
    write_region, written = streaming.write_region, []

    def write_until_full(*args):
        if len(written) == 6:  # three pieces of both pictures
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written.append(args)
        write_region(*args)

    with monkeypatch.context() as patch:
        patch.setattr(streaming, "write_region", write_until_full)
        with pytest.raises(RestorationFailed, match=r"No space left on device\. Make room .* to go on\.$"):
            list(job(tmp_path).messages())
    assert [path.name for path in tmp_path.iterdir()] == [".film.cvdm.ome.zarr.unfinished"]
    assert begins_with(job(tmp_path)) > 0.3


def test_what_is_full_or_stopped_before_the_first_piece_claims_to_keep_nothing(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(streaming, "write_region", full)
        with pytest.raises(RestorationFailed, match=r"No space left on device\. Make room") as failed:
            list(job(tmp_path).messages())
    assert "kept" not in str(failed.value)
    stopped = job(tmp_path)
    stopped.stop_requested.set()
    assert list(stopped.messages())[-1] == Kept("Stopped. Nothing was written yet.")
    assert not list(tmp_path.iterdir())


def test_cancelled_it_keeps_what_it_went_on_with_and_what_was_added(tmp_path):
    stop(job(tmp_path))
    cancelled = job(tmp_path)
    give_up(cancelled, past(0.6), cancel=True)
    assert "What is written is kept" in cancelled.kept
    assert begins_with(job(tmp_path)) > 0.6


def test_cancelled_it_leaves_nothing_that_the_user_has_thrown_away(tmp_path):
    stop(job(tmp_path))
    cancelled = job(tmp_path, discard=True)
    give_up(cancelled, past(0.6), cancel=True)
    assert cancelled.kept == ""
    assert not list(tmp_path.iterdir())


@pytest.fixture
def give_up_at(monkeypatch):
    """Carry out a job that is given up when it comes to a step at its very end."""

    def carry_out(running: DiskJob, step: str, *, cancel: bool) -> None:
        module = streaming if step == "coarsen_region" else disk_job
        take_step, given_up = getattr(module, step), threading.Event()

        def give_up_and_take_step(*args):
            if cancel:
                running.cancel_requested.set()
            given_up.set()
            return take_step(*args)

        running.abort_requested = given_up.is_set
        with monkeypatch.context() as patch:
            patch.setattr(module, step, give_up_and_take_step)
            assert not any(isinstance(message, Written) for message in running.messages())
        assert given_up.is_set()

    return carry_out


@pytest.mark.parametrize("step", ["coarsen_region", "limits_of_channels"])
def test_cancelled_at_the_very_end_it_leaves_nothing_either(tmp_path, give_up_at, step):
    give_up_at(job(tmp_path), step, cancel=True)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("cancel", [True, False])
def test_a_result_that_is_whole_stays_unless_the_cancelled_run_has_made_all_of_it(
    tmp_path, give_up_at, cancel
):
    if cancel:
        stop(job(tmp_path))
    given_up = job(tmp_path)
    give_up_at(given_up, "limits_of_channels", cancel=cancel)
    assert {path.name for path in tmp_path.iterdir()} == RESULT
    assert given_up.kept == f"The result was written already: {given_up.output}."


@pytest.fixture
def cancel_while_measuring(monkeypatch):
    """Carry out a job that is cancelled before it has come to its folder."""

    def carry_out(cancelled: DiskJob) -> None:
        asked = False

        def measure(*_args, **_settings):
            nonlocal asked
            asked = True
            raise Cancelled

        cancelled.abort_requested = lambda: asked
        cancelled.cancel_requested.set()
        with monkeypatch.context() as patch:
            patch.setattr(napari_cvdm, "restore_lazy", measure)
            assert not any(isinstance(message, Written | Wrote) for message in cancelled.messages())
        assert asked

    return carry_out


@pytest.mark.parametrize("at_work", [True, False])
def test_cancelled_it_leaves_alone_what_another_run_has_written(tmp_path, cancel_while_measuring, at_work):
    output, request = job(tmp_path).output, {"of": "another image"}
    with resume_or_begin(output, request) as unfinished:
        unfinished.begin()
        unfinished.mark("nearly all of it")
    with resume_or_begin(output, request) if at_work else nullcontext():
        cancel_while_measuring(job(tmp_path))
        assert (unfinished.folder.parent / "request.json").exists()
    with resume_or_begin(output, request) as unfinished:
        assert unfinished.done == {"nearly all of it"}


def test_cancelled_before_it_knows_its_own_it_leaves_what_was_stopped(tmp_path, cancel_while_measuring):
    stop(job(tmp_path))
    cancel_while_measuring(job(tmp_path))
    assert begins_with(job(tmp_path)) > 0.3


def test_stopped_it_keeps_what_is_written_and_goes_on(tmp_path):
    last = stop(job(tmp_path))
    assert isinstance(last, Kept)
    assert "restore again" in last.words
    assert not (tmp_path / "film.cvdm.ome.zarr").exists()
    assert begins_with(job(tmp_path)) > 0.3
    assert {each.name for each in tmp_path.iterdir()} == RESULT


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "film.cvdm.ome.zarr").mkdir()
    with pytest.raises(RestorationFailed, match=r"exists already\. Choose another name\."):
        list(job(tmp_path).messages())


def test_what_a_run_with_other_settings_has_left_is_in_the_way_until_it_is_thrown_away(tmp_path):
    stop(job(tmp_path))
    other = {"preview": False, "draws": 2, "steps": 1}
    with pytest.raises(RestorationFailed, match="throw it away or choose another folder") as refused:
        list(job(tmp_path, **other).messages())
    assert "--" not in str(refused.value)
    assert begins_with(job(tmp_path, **other, discard=True)) == 0


@pytest.mark.parametrize("differing", ["pixels", "part", "model"])
def test_what_is_not_compared_before_a_run_goes_on_is_told_then_and_nothing_is_lost(
    tmp_path, monkeypatch, small_model, differing
):
    part, other = (Part((each, range(2), range(300), range(40))) for each in (range(2), range(1, 3)))
    stop(job(tmp_path, part=part))
    if differing == "model":
        monkeypatch.setattr(napari_cvdm, "load_model", lambda *_, **__: replace(small_model, sha256="f" * 64))
    image = IMAGE[..., ::-1] if differing == "pixels" else IMAGE
    differs = job(tmp_path, image, part=other if differing == "part" else part)
    with pytest.raises(RestorationFailed, match="of another image or with other settings"):
        list(differs.messages())
    monkeypatch.setattr(napari_cvdm, "load_model", lambda *_, **__: small_model)
    assert begins_with(job(tmp_path, part=part)) > 0.3


def test_even_a_preview_can_be_stopped_since_its_pieces_are_kept(tmp_path):
    assert job(tmp_path, preview=True).can_be_stopped


def test_contrast_limits_take_a_few_planes_however_many_there_are(tmp_path, looked_at):
    film = IMAGE[0, 0, :24].reshape(12, 8, 10).repeat(2, 1).repeat(2, 2)
    written = list(job(tmp_path, film, "TYX").messages())[-1]
    assert set(looked_at[-2:]) == {8 * 32 * 40}
    low, high = written.limits[0]["uncertainty"]
    assert 0 < low < high
