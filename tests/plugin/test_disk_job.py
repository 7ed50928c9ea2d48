"""A run to disk writes what a run in memory computes; cancelled, it leaves nothing, stopped, what it has."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import dask.array as da
import numpy as np
import pytest

import napari_cvdm
from napari_cvdm.files import streaming
from napari_cvdm.files.ome_zarr_reading import open_pyramid
from napari_cvdm.files.unfinished import resume_or_begin
from napari_cvdm.plugin import disk_job
from napari_cvdm.plugin.disk_job import DiskJob
from napari_cvdm.plugin.failures import RestorationFailed
from napari_cvdm.plugin.messages import Kept, Written, Wrote
from napari_cvdm.plugin.parts import Part
from napari_cvdm.plugin.worker import Cancelled
from napari_cvdm.restoration import contrast
from napari_cvdm.restoration.restore import restore

IMAGE = np.random.default_rng(0).gamma(2.0, 50, (3, 2, 300, 40)).astype(np.float32)


def job(folder: Path, data=IMAGE, axes: str = "ZTYX", **settings) -> DiskJob:
    settings = {"preview": True, "device": "cpu", **settings}
    return DiskJob("film", data, axes, output=folder / "film.cvdm.ome.zarr", **settings)


@pytest.fixture(autouse=True)
def _small(use_small_model):
    pass


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
    asked = False
    cancelled = job(tmp_path, draws=2, steps=2, preview=False)
    cancelled.abort_requested = lambda: asked
    for message in cancelled.messages():
        if isinstance(message, Wrote) or (
            when == "measuring" and "Measuring" in getattr(message, "words", "")
        ):
            asked = True
    assert asked
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("step", ["coarsen_region", "limits_of"])
def test_cancelled_at_the_very_end_it_leaves_nothing_either(tmp_path, monkeypatch, step):
    asked = False
    module = streaming if step == "coarsen_region" else disk_job
    take_step = getattr(module, step)

    def ask_and_take_step(*args):
        nonlocal asked
        asked = True
        return take_step(*args)

    monkeypatch.setattr(module, step, ask_and_take_step)
    cancelled = job(tmp_path)
    cancelled.abort_requested = lambda: asked
    assert not any(isinstance(message, Written) for message in cancelled.messages())
    assert asked
    assert not list(tmp_path.iterdir())


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
    stopped = job(tmp_path)
    for message in stopped.messages():
        if isinstance(message, Wrote) and message.fraction > 0.3:
            stopped.stop_requested.set()
    cancel_while_measuring(job(tmp_path))
    told = list(job(tmp_path).messages())
    assert next(each for each in told if isinstance(each, Wrote)).fraction > 0.3


def test_stopped_it_keeps_what_is_written_and_goes_on(tmp_path):
    stopped = job(tmp_path)
    for message in stopped.messages():
        if isinstance(message, Wrote) and message.fraction > 0.3:
            stopped.stop_requested.set()
    assert isinstance(message, Kept)
    assert "restore again" in message.words
    assert not (tmp_path / "film.cvdm.ome.zarr").exists()
    told = list(job(tmp_path).messages())
    assert next(each for each in told if isinstance(each, Wrote)).fraction > 0.3
    assert isinstance(told[-1], Written)
    assert {each.name for each in tmp_path.iterdir()} == {
        "film.cvdm.ome.zarr",
        "film.cvdm_uncertainty.ome.zarr",
    }


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "film.cvdm.ome.zarr").mkdir()
    with pytest.raises(RestorationFailed, match=r"exists already\. Choose another name\."):
        list(job(tmp_path).messages())


def test_what_a_run_with_other_settings_has_left_is_in_the_way_until_it_is_thrown_away(tmp_path):
    stopped = job(tmp_path)
    for message in stopped.messages():
        if isinstance(message, Wrote) and message.fraction > 0.3:
            stopped.stop_requested.set()
    other = {"preview": False, "draws": 2, "steps": 1}
    with pytest.raises(RestorationFailed, match="throw it away or choose another folder") as refused:
        list(job(tmp_path, **other).messages())
    assert "--" not in str(refused.value)
    told = list(job(tmp_path, **other, discard=True).messages())
    assert next(each for each in told if isinstance(each, Wrote)).fraction == 0
    assert isinstance(told[-1], Written)


def test_even_a_preview_can_be_stopped_since_its_pieces_are_kept(tmp_path):
    assert job(tmp_path, preview=True).can_be_stopped


def test_contrast_limits_take_a_few_planes_however_many_there_are(tmp_path, monkeypatch):
    looked_at = []
    percentile = np.percentile
    monkeypatch.setattr(
        contrast.np,
        "percentile",
        lambda pixels, *rest: looked_at.append(pixels.size) or percentile(pixels, *rest),
    )
    film = IMAGE[0, 0, :24].reshape(12, 8, 10).repeat(2, 1).repeat(2, 2)
    written = list(job(tmp_path, film, "TYX").messages())[-1]
    assert looked_at[-2:] == [8 * 32 * 40] * 2
    assert written.limits["uncertainty"][0] == 0
