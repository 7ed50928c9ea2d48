"""Lazy restorations: the pixels of `restore`, whatever the chunks and the scheduler."""

import json
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from napari_cvdm.models import PretrainedModel, load_model, save_model
from napari_cvdm.restoration import device, resident
from napari_cvdm.restoration.axes import resolve_axes
from napari_cvdm.restoration.errors import AxesError, DeviceError, InputError, InputTypeError
from napari_cvdm.restoration.execution import precision_elsewhere
from napari_cvdm.restoration.fingerprint import measure
from napari_cvdm.restoration.lazy import LazyRestoration, restore_lazy
from napari_cvdm.restoration.normalization import SAMPLE_SIZE, fit_normalizations
from napari_cvdm.restoration.restore import restore
from napari_cvdm.restoration.selection import select

SETTINGS: dict[str, Any] = {"draws": 2, "steps": 2, "seed": 7, "device": "cpu"}


class Sliced:
    """An array that can only be sliced, and notes how much of it was ever asked for at once."""

    def __init__(self, data: NDArray[Any]) -> None:
        self._data, self.shape, self.dtype, self.ndim = data, data.shape, data.dtype, data.ndim
        self.largest = 0

    def __getitem__(self, selection: Any) -> NDArray[Any]:
        part = self._data[selection]
        self.largest = max(self.largest, part.size)
        return part


@pytest.fixture
def stack() -> NDArray[np.uint16]:
    return np.random.default_rng(0).poisson(60, (2, 40, 90)).astype(np.uint16)


def pixels(lazy: LazyRestoration, **options: Any) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    result = lazy.compute(**(options or {"scheduler": "synchronous"}))
    return result.mean, result.std


class TestPixels:
    def test_follow_the_weights_of_a_model_in_memory(
        self, model: PretrainedModel, stack: NDArray[np.uint16]
    ) -> None:
        before = restore_lazy(stack, model, axes="TYX", **SETTINGS)
        first, _ = pixels(before)
        with torch.no_grad():
            model.network.mean_network.head.bias += 0.1
        after = restore_lazy(stack, model, axes="TYX", **SETTINGS)
        assert after.pair.name != before.pair.name
        second, _ = pixels(after)
        expected = restore(stack, model, axes="TYX", **SETTINGS).mean
        np.testing.assert_allclose(second, expected, rtol=0, atol=1e-4 * float(np.ptp(expected)))
        assert np.abs(second - first).mean() > 0.05 * np.ptp(stack) / 2

    def test_are_those_of_restore(self, model: PretrainedModel, stack: NDArray[np.uint16]) -> None:
        expected = restore(stack, model, axes="TYX", pixel_size=65.0, **SETTINGS)
        lazy = restore_lazy(stack, model, axes="TYX", pixel_size=65.0, block=32, halo=64, **SETTINGS)
        assert lazy.mean.numblocks == (2, 2, 3)
        assert lazy.mean.shape == lazy.std.shape == expected.mean.shape
        for ours, theirs in zip(pixels(lazy), (expected.mean, expected.std), strict=True):
            assert ours.dtype == np.float32
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4 * float(np.ptp(theirs)))
        assert (lazy.axes, lazy.pixel_size, lazy.restored_pixel_size) == ("TYX", 65.0, 32.5)

    def test_with_the_bundled_model_and_its_own_halo_are_too(self) -> None:
        rows, columns = np.mgrid[:96, :208]
        image = 100 + 900 * np.exp(-((rows - 40 - 20 * np.sin(columns / 20)) ** 2) / 8)
        image = np.random.default_rng(0).poisson(image).astype(np.uint16)
        settings = SETTINGS | {"steps": 1}
        expected = restore(image, load_model(), **settings)
        lazy = restore_lazy(image, load_model(), block=104, **settings)
        assert lazy.mean.numblocks == (1, 2)
        for ours, theirs in zip(pixels(lazy), (expected.mean, expected.std), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4 * float(np.ptp(theirs)))

    @pytest.mark.parametrize("chunks", [(2, 7, 31), (2, 40, 1)])
    def test_do_not_change_by_one_bit_with_the_chunks(
        self, model: PretrainedModel, stack: NDArray[np.uint16], chunks: tuple[int, ...]
    ) -> None:
        direct = restore_lazy(stack, model, axes="TYX", block=32, **SETTINGS)
        chunked = restore_lazy(da.from_array(stack, chunks=chunks), model, axes="TYX", block=32, **SETTINGS)
        for ours, theirs in zip(pixels(chunked), pixels(direct), strict=True):
            np.testing.assert_array_equal(ours, theirs)

    def test_do_not_change_by_one_bit_with_threads(
        self, model: PretrainedModel, stack: NDArray[np.uint16]
    ) -> None:
        lazy = restore_lazy(stack, model, axes="TYX", block=32, **SETTINGS)
        for ours, theirs in zip(pixels(lazy, scheduler="threads", num_workers=4), pixels(lazy), strict=True):
            np.testing.assert_array_equal(ours, theirs)

    def test_of_a_part_are_those_of_the_whole(
        self, model: PretrainedModel, stack: NDArray[np.uint16]
    ) -> None:
        lazy = restore_lazy(stack, model, axes="TYX", block=32, **SETTINGS)
        with dask.config.set(scheduler="synchronous"):
            np.testing.assert_array_equal(
                lazy.std[1, 50:70, 60:140].compute(), pixels(lazy)[1][1, 50:70, 60:140]
            )

    @pytest.mark.parametrize("axes", ["XTY", "YXT", "TXY"])
    def test_lie_where_the_axes_say(
        self, model: PretrainedModel, stack: NDArray[np.uint16], axes: str
    ) -> None:
        turned = np.transpose(stack, ["TYX".index(letter) for letter in axes])
        expected = restore(turned, model, axes=axes, **SETTINGS)
        for source in (turned, da.from_array(turned, chunks=25)):
            lazy = restore_lazy(source, model, axes=axes, block=128, **SETTINGS)
            for ours, theirs in zip(pixels(lazy), (expected.mean, expected.std), strict=True):
                np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4 * float(np.ptp(theirs)))

    @pytest.mark.parametrize("lazily", [Sliced, lambda stack: da.from_array(stack, chunks=(1, 2, 23, 37))])
    def test_of_a_selection_are_those_of_restore(self, model: PretrainedModel, lazily: Any) -> None:
        stack = np.random.default_rng(0).poisson(60, (3, 2, 60, 90)).astype(np.uint16)
        part: dict[str, Any] = {"channels": [1], "planes": {"T": [2, 0]}, "region": ((3, 50), (20, 85))}
        expected = restore(stack, model, axes="TCYX", **part, **SETTINGS)
        lazy = restore_lazy(lazily(stack), model, axes="TCYX", block=32, halo=64, **part, **SETTINGS)
        assert lazy.provenance["selection"] == expected.provenance["selection"]
        for ours, theirs in zip(pixels(lazy), (expected.mean, expected.std), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4 * float(np.ptp(theirs)))

    @pytest.mark.parametrize("calibration", [None, {"kind": "monotone", "stated": [1.0], "actual": [1.5]}])
    def test_of_a_preview_are_the_mean_networks(
        self, model: PretrainedModel, stack: NDArray[np.uint16], calibration: dict[str, Any] | None
    ) -> None:
        model = replace(model, card=replace(model.card, preview_calibration=calibration))
        expected = restore(stack, model, axes="ZYX", preview=True, device="cpu")
        lazy = restore_lazy(stack, model, axes="ZYX", preview=True, device="cpu", block=32)
        assert lazy.provenance["uncertainty"] == expected.provenance["uncertainty"]
        for ours, theirs in zip(pixels(lazy), (expected.mean, expected.std), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4)


class TestNormalization:
    def test_is_that_of_restore_for_thinned_stacks_too(self) -> None:
        stack = np.random.default_rng(0).poisson(60, (3, 1500, 1400)).astype(np.uint16)
        assert stack.size > SAMPLE_SIZE
        sliced, everything = Sliced(stack), select(resolve_axes(stack.shape, "TYX"))
        expected = fit_normalizations(stack, everything)
        of_slices = measure(sliced, everything)
        of_chunks = measure(da.from_array(stack, chunks=700), everything)
        assert of_slices[0] == of_chunks[0] == expected
        assert of_slices[1] == of_chunks[1]  # whatever the chunks, the image is the same
        assert sliced.largest <= 1024 * 1400

    def test_is_per_channel_or_per_plane(self, stack: NDArray[np.uint16], model: PretrainedModel) -> None:
        faded = stack.copy()
        faded[1] //= 2
        by_plane = restore_lazy(faded, model, axes="TYX", normalize="plane", **SETTINGS)
        by_stack = restore_lazy(faded, model, axes="TYX", **SETTINGS)
        found = [each.provenance["normalisation"] for each in (by_plane, by_stack)]
        assert [len(each) for each in found] == [2, 1]
        assert found[0][0]["high"] > 1.5 * found[0][1]["high"]


class TestLaziness:
    def test_pixels_are_read_a_window_at_a_time(
        self, model: PretrainedModel, stack: NDArray[np.uint16]
    ) -> None:
        source = Sliced(stack)
        lazy = restore_lazy(source, model, axes="TYX", block=16, halo=4, **SETTINGS)
        source.largest = 0
        pixels(lazy)
        assert source.largest <= 24 * 24

    def test_blocks_share_no_coarse_pixel_of_the_networks(
        self, model: PretrainedModel, stack: NDArray[np.uint16]
    ) -> None:
        side = restore_lazy(stack, model, axes="TYX", block=17, **SETTINGS).provenance["blocks"]["side"]
        assert side >= 17
        assert side % model.network.granularity == 0

    def test_a_task_carries_no_weights(
        self, model: PretrainedModel, stack: NDArray[np.uint16], tmp_path: Path
    ) -> None:
        stored = load_model(save_model(tmp_path / "tiny.safetensors", model.network, model.card))
        image = da.from_array(stack)
        lazy = restore_lazy(image, stored, axes="TYX", block=32, **SETTINGS)
        graph = lazy.pair.__dask_graph__()
        assert image.name in graph.layers  # whose chunks are handed over, and not the image
        tasks = {key: each for key, each in graph.layers[lazy.pair.name].items() if key[0] == lazy.pair.name}
        assert len(tasks) == 2 * 2 * 3
        assert max(len(pickle.dumps(each)) for each in tasks.values()) < 3000

    def test_the_model_is_loaded_once_for_all_blocks(
        self,
        model: PretrainedModel,
        stack: NDArray[np.uint16],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        stored = load_model(save_model(tmp_path / "tiny.safetensors", model.network, model.card))
        loads = []
        load = resident.load_referenced
        monkeypatch.setattr(resident, "load_referenced", lambda each: loads.append(each) or load(each))
        pixels(restore_lazy(stack, stored, axes="TYX", block=32, **SETTINGS), scheduler="threads")
        assert len(loads) == 1

    def test_the_provenance_is_complete_and_the_same_every_time(
        self, model: PretrainedModel, stack: NDArray[np.uint16], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first, again = (restore_lazy(stack, model, axes="TYX", **SETTINGS).provenance for _ in range(2))
        assert first == again
        expected = restore(stack, model, axes="TYX", **SETTINGS).provenance
        # What a worker computes with is its own: the number of its threads.
        assert set(first) - {"blocks"} == set(expected) - {"seconds", "threads"}
        assert first["precision"] == "float32"
        # Of a GPU that others are asked for, this machine's is not tried.
        monkeypatch.setattr(device, "_automatic", pytest.fail)
        elsewhere = restore_lazy(stack, model, axes="TYX", **(SETTINGS | {"device": "cuda"}))
        assert elsewhere.provenance["precision"] == precision_elsewhere("cuda") != "float32"
        assert elsewhere.restored_pixel_size is None
        assert first["normalisation"] == expected["normalisation"]


def test_takes_the_numbers_and_devices_of_numpy_and_torch(
    model: PretrainedModel, stack: NDArray[np.uint16]
) -> None:
    plain = restore_lazy(stack, model, axes="TYX", tile=64, block=32, halo=16, **SETTINGS)
    theirs = {"tile": np.int64(64), "block": np.int64(32), "halo": np.int16(16)}
    lazy = restore_lazy(stack, model, axes="TYX", **(SETTINGS | theirs | {"device": torch.device("cpu")}))
    assert json.loads(json.dumps(lazy.provenance)) == plain.provenance
    np.testing.assert_array_equal(pixels(lazy)[0], pixels(plain)[0])


@pytest.mark.parametrize(("asked", "side"), [(32, 32), (30, 32), (256, 256), (257, 512), (4036, 4096)])
def test_sides_of_large_blocks_are_such_as_can_be_stored_in_chunks(
    model: PretrainedModel, stack: NDArray[np.uint16], asked: int, side: int
) -> None:
    assert (
        restore_lazy(stack, model, axes="TYX", block=asked, **SETTINGS).provenance["blocks"]["side"] == side
    )


class TestRefusal:
    @pytest.mark.parametrize(
        ("change", "error", "words"),
        [
            ({"image": [[1, 2]]}, InputTypeError, "restore"),
            ({"image": da.zeros((40, 40), dtype=bool)}, InputTypeError, "boolean"),
            ({"image": da.zeros((0, 40))}, InputError, "empty"),
            ({"image": da.ones((40, 40))}, InputError, "constant"),
            ({"image": da.random.random((40, 40)) * 1e38}, InputError, "single-precision"),
            ({"image": da.random.random((40, 40)) + 1e15}, InputError, "Subtract the offset"),
            ({"image": da.ones((2, 40, 40))}, AxesError, "axes"),
            ({"block": 8}, InputError, "16"),
            ({"block": 1.5}, InputTypeError, "whole"),
            ({"halo": -1}, InputError, "negative"),
            ({"halo": True}, InputTypeError, "whole"),
            ({"normalize": "frame"}, InputError, "stack"),
            ({"settings": {"shrinkage": 0.5}}, InputTypeError, "PosteriorSettings, not dict"),
            ({"device": "gpu"}, DeviceError, "Unknown"),
            ({"device": "cudaX"}, DeviceError, "Unknown"),
            ({"device": "mps:1"}, DeviceError, "Unknown"),
            ({"draws": 0}, InputError, "draws"),
        ],
    )
    def test_comes_before_any_work(
        self, model: PretrainedModel, change: dict[str, Any], error: type[Exception], words: str
    ) -> None:
        image = change.pop("image", da.random.random((40, 40)))
        with pytest.raises(error, match=words):
            restore_lazy(image, model, **(SETTINGS | change))

    def test_of_unknown_lengths(self, model: PretrainedModel) -> None:
        image = da.ones((40, 40))
        with pytest.raises(InputError, match="compute_chunk_sizes"):
            restore_lazy(image[image[:, 0] > 0], model)

    @pytest.mark.parametrize("lazily", [False, True])
    def test_of_masked_pixels(self, model: PretrainedModel, stack: NDArray[np.uint16], lazily: bool) -> None:
        masked = np.ma.masked_greater(stack, 80)
        image = da.from_array(masked, chunks=(1, 40, 45)) if lazily else masked
        with pytest.raises(InputError, match="mask"):
            restore_lazy(image, model, axes="TYX")
        with pytest.raises(InputError, match="mask"):
            restore(image, model, axes="TYX", preview=True)

    def test_of_pixels_that_are_not_finite_says_where(self, model: PretrainedModel) -> None:
        image = np.random.default_rng(0).random((2, 2, 40, 40))
        image[1, 0, 30, 5] = np.inf
        for axes, part, of in (("TCYX", image, r" of plane \(1, 0\)"), ("YX", image[1, 0], "")):
            with pytest.raises(InputError, match=rf"not finite .* at index \(30, 5\){of}\."):
                pixels(restore_lazy(part, model, **{**SETTINGS, "axes": axes}))
