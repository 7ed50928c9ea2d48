"""Restoring part of an image: the pixels that the whole would give, and nothing else read."""

from collections.abc import Callable
from typing import Any

import dask.array as da
import numpy as np
import pytest
from numpy.typing import NDArray

from napari_cvdm.models import PretrainedModel
from napari_cvdm.restoration.errors import AxesError, InputError, NotFiniteError
from napari_cvdm.restoration.lazy import restore_lazy
from napari_cvdm.restoration.restore import restore, restore_events

Image = NDArray[Any]
QUICK: dict[str, Any] = {"draws": 2, "steps": 2, "device": "cpu"}


@pytest.fixture
def stack(image: Image) -> Image:
    """Two times, two channels; shape (T, C, Y, X)."""
    return np.stack([np.stack([image, image[::-1] * 3]), np.stack([image + 7, image[:, ::-1] * 2])])


class TestPlanes:
    def test_chosen_one_by_one_are_those_of_the_whole(self, model: PretrainedModel, stack: Image) -> None:
        whole = restore(stack, model, axes="TCYX", normalize="plane", **QUICK)
        part = restore(
            stack, model, axes="TCYX", normalize="plane", planes={"T": 1}, channels=[1, 0], **QUICK
        )
        assert part.mean.shape == (1, 2, *whole.mean.shape[2:])
        assert part.axes == "TCYX"
        # The noise is that of the plane's place in the stack, not in the part.
        assert np.array_equal(part.mean[0], whole.mean[1, ::-1])
        assert np.array_equal(part.std[0], whole.std[1, ::-1])
        assert part.provenance["selection"] == {"planes": {"T": [1], "C": [1, 0]}}
        assert whole.provenance["selection"] is None

    def test_that_are_left_out_may_be_unusable(self, model: PretrainedModel, stack: Image) -> None:
        broken = stack.astype(float)
        broken[:, 0] = np.nan
        result = restore(broken, model, axes="TCYX", channels=1, **QUICK)
        expected = restore(stack[:, 1:], model, axes="TCYX", preview=True, device="cpu")
        preview = restore(broken, model, axes="TCYX", channels=1, preview=True, device="cpu")
        assert np.array_equal(preview.mean, expected.mean)
        assert np.isfinite(result.mean).all()
        broken = stack.astype(float)
        broken[1, 0, 5, 6] = np.nan
        with pytest.raises(InputError, match=r"not finite .* at index \(5, 6\) of plane \(1, 0\)\."):
            restore(broken, model, axes="TCYX", planes={"T": 1}, channels=[1, 0], **QUICK)

    def test_of_unnamed_axes_are_chosen_by_the_axis_number(
        self, model: PretrainedModel, stack: Image
    ) -> None:
        settings: dict[str, Any] = {"axes": "QQYX", "normalize": "whole", "preview": True, "device": "cpu"}
        whole = restore(stack, model, **settings)
        part = restore(stack, model, planes={1: 0, 0: [1]}, **settings)
        assert np.array_equal(part.mean[0, 0], whole.mean[1, 0])
        for wrong in ({"Q": 0}, {2: 0}, {7: 0}):
            with pytest.raises(AxesError):
                restore(stack, model, planes=wrong, **settings)

    def test_events_count_the_chosen_alone(self, model: PretrainedModel, stack: Image) -> None:
        events = list(restore_events(stack, model, axes="TCYX", channels=1, **QUICK))
        assert {event.planes for event in events} == {2}
        assert {event.plane for event in events} == {0, 1}
        assert events[-1].fraction == 1


class TestNormalization:
    def test_is_one_for_a_channel_or_one_for_each_plane(self, model: PretrainedModel, stack: Image) -> None:
        once = restore(stack, model, axes="TCYX", preview=True, device="cpu")
        each = restore(stack, model, axes="TCYX", preview=True, device="cpu", normalize="plane")
        assert [entry["planes"] for entry in once.provenance["normalisation"]] == [2, 2]
        assert [entry["planes"] for entry in each.provenance["normalisation"]] == [1, 1, 1, 1]
        alone = restore(stack[1, 0], model, preview=True, device="cpu")
        assert np.array_equal(each.mean[1, 0], alone.mean)
        assert not np.array_equal(once.mean[1, 0], alone.mean)

    def test_on_the_whole_gives_parts_the_very_pixels_of_the_whole(
        self, model: PretrainedModel, stack: Image
    ) -> None:
        faded = stack * np.array([1.0, 0.3])[:, None, None, None]
        whole = restore(faded, model, axes="TCYX", **QUICK)
        part = restore(faded, model, axes="TCYX", planes={"T": 1}, normalize="whole", **QUICK)
        assert np.array_equal(part.mean, whole.mean[1:])
        assert np.array_equal(part.std, whole.std[1:])
        alone = restore(faded, model, axes="TCYX", planes={"T": 1}, **QUICK)
        assert not np.array_equal(alone.mean, part.mean)
        assert part.provenance["normalize"] == "whole"
        lazy = restore_lazy(
            da.from_array(faded, chunks=(1, 1, 20, 20)), model, axes="TCYX", planes={"T": 1},
            normalize="whole", draws=2, steps=2, device="cpu",
        )  # fmt: skip
        assert lazy.provenance["normalisation"] == part.provenance["normalisation"]

    def test_on_the_whole_reads_no_channel_that_is_left_out(
        self, model: PretrainedModel, stack: Image
    ) -> None:
        broken = stack.astype(float)
        broken[:, 0] = np.nan
        settings: dict[str, Any] = {"axes": "TCYX", "preview": True, "device": "cpu"}
        part = restore(broken, model, channels=1, planes={"T": 0}, normalize="whole", **settings)
        whole = restore(stack, model, **settings)
        assert np.array_equal(part.mean[0, 0], whole.mean[0, 1])

    def test_on_the_whole_is_made_of_resampled_planes(
        self, make_model: Callable[..., PretrainedModel], stack: Image
    ) -> None:
        model = make_model(pixel_size_nm=(60.0, 70.0))
        turned = np.ascontiguousarray(stack.transpose(0, 1, 3, 2))
        settings: dict[str, Any] = {"pixel_size": 130.0, "resample": True, "preview": True, "device": "cpu"}
        whole = restore(turned, model, axes="TCXY", **settings)
        part = restore(turned, model, axes="TCXY", planes={"T": 1}, normalize="whole", **settings)
        assert np.array_equal(part.mean, whole.mean[1:])

    def test_can_be_cancelled(self, model: PretrainedModel, stack: Image) -> None:
        def checkpoint() -> None:
            raise InterruptedError

        film = da.from_array(stack, chunks=(1, 1, *stack.shape[2:]))
        film = film.map_blocks(lambda block: pytest.fail("was read"), dtype=stack.dtype, meta=np.empty(0))
        with pytest.raises(InterruptedError):
            list(restore_events(film, model, axes="TCYX", checkpoint=checkpoint, **QUICK))

    def test_of_another_kind_is_refused(self, model: PretrainedModel, image: Image) -> None:
        with pytest.raises(InputError, match="'stack' or 'plane'"):
            restore(image, model, normalize="frame", **QUICK)


class TestRegion:
    @pytest.mark.parametrize("region", [((0, 33), (40, 50)), ((5, 22), (60, 101)), ((0, 100), (0, 150))])
    def test_agrees_with_the_whole_plane(self, model: PretrainedModel, region: Any) -> None:
        # Larger than what the networks see, so that surroundings are really cut off.
        image = np.random.default_rng(0).gamma(2.0, 50, (100, 150))
        whole = restore(image, model, **QUICK)
        part = restore(image, model, region=region, **QUICK)
        (top, bottom), (left, right) = region
        own = np.s_[2 * top : 2 * bottom, 2 * left : 2 * right]
        tolerance = 1e-4 * float(np.ptp(whole.mean))
        np.testing.assert_allclose(part.mean, whole.mean[own], rtol=0, atol=tolerance)
        np.testing.assert_allclose(part.std, whole.std[own], rtol=0, atol=tolerance)
        assert part.provenance["selection"]["region"] == {"rows": [top, bottom], "columns": [left, right]}
        # Cut out first, it is another picture: other surroundings, another normalisation, other noise.
        cut = restore(image[top:bottom, left:right], model, **QUICK)
        if part.mean.shape != whole.mean.shape:
            assert float(np.abs(cut.mean - part.mean).max()) > 10 * tolerance

    def test_keeps_draws_of_its_own_size(self, model: PretrainedModel, stack: Image) -> None:
        part = restore(stack, model, axes="TCYX", region=((3, 20), (4, 13)), keep_draws=True, **QUICK)
        assert part.mean.shape == (2, 2, 34, 18)
        assert part.draws is not None
        np.testing.assert_allclose(part.draws.mean(0), part.mean, rtol=1e-4)

    @pytest.mark.parametrize("wrap", [np.asarray, da.from_array])
    def test_of_a_stack_with_unusable_borders_is_restored_as_if_cut_out(
        self, model: PretrainedModel, stack: Image, wrap: Callable[[Image], Any]
    ) -> None:
        framed = stack.astype(np.float32)
        framed[..., :4, :], framed[..., 44:], framed[..., -1, :] = np.nan, np.inf, np.nan
        settings: dict[str, Any] = {"axes": "TCYX", "preview": True, "device": "cpu", "normalize": "whole"}
        part = restore(wrap(framed), model, region=((4, 32), (0, 44)), **settings)
        alone = restore(stack[..., 4:32, :44], model, **settings)
        scale = np.ptp(alone.mean)
        np.testing.assert_allclose(part.mean, alone.mean, atol=0.02 * scale)  # the grid is measured coarsely
        assert np.isfinite(part.std).all()
        lazy = restore_lazy(
            wrap(framed), model, axes="TCYX", preview=True, device="cpu", region=((4, 32), (0, 44))
        )
        assert np.isfinite(np.asarray(lazy.mean)).all()
        with pytest.raises(NotFiniteError, match=r"at index \(3, 0\)"):
            restore(wrap(framed), model, region=((3, 32), (0, 44)), **settings)

    def test_that_is_dark_is_restored_in_an_image_that_is_not(self, model: PretrainedModel) -> None:
        image = np.zeros((40, 40))
        image[:10], image[30:, ::2] = np.nan, 100
        result = restore(image, model, region=((10, 20), (0, 20)), preview=True, device="cpu")
        assert result.mean.shape == (20, 40)

    def test_of_resampled_planes_covers_the_same_sample(
        self, make_model: Callable[..., PretrainedModel]
    ) -> None:
        model = make_model(pixel_size_nm=(60.0, 70.0))
        image = np.random.default_rng(0).gamma(2.0, 50, (40, 60))
        part = restore(
            image,
            model,
            pixel_size=130.0,
            resample=True,
            region=((10, 20), (30, 60)),
            preview=True,
            device="cpu",
        )
        factor = 130 / part.provenance["pixel_size_nm"]
        assert part.mean.shape == pytest.approx((20 * factor, 60 * factor), abs=4)


class CountingArray:
    """An array in chunks that notes how much is read at once."""

    def __init__(self, data: Image) -> None:
        self.data, self.shape, self.dtype, self.chunks = data, data.shape, data.dtype, (1, 16, 16)
        self.largest = 0

    def __getitem__(self, wanted: Any) -> Image:
        part: Image = self.data[wanted]
        self.largest = max(self.largest, part.size)
        return part

    def __array__(self, *_: object, **__: object) -> Image:
        raise AssertionError("the whole array was read")


class TestArraysInChunks:
    def test_are_read_plane_by_plane(self, model: PretrainedModel, image: Image) -> None:
        film = np.stack([image, image + 5, image * 2])
        expected = restore(film, model, axes="TYX", **QUICK)
        counting = CountingArray(film)
        result = restore(counting, model, axes="TYX", **QUICK)
        assert np.array_equal(result.mean, expected.mean)
        assert np.array_equal(result.std, expected.std)
        assert counting.largest == image.size

    def test_may_be_dasks_and_partly_chosen(self, model: PretrainedModel, image: Image) -> None:
        computed: list[Any] = []

        def read(block_info: Any = None) -> Image:
            place = block_info[None]["chunk-location"]
            computed.append(place)
            return (image + 5 * place[0])[None]

        film = da.map_blocks(
            read, chunks=((1,) * 4, (image.shape[0],), (image.shape[1],)), dtype=image.dtype, meta=image[None]
        )
        result = restore(film, model, axes="TYX", planes={"T": [1, 3]}, preview=True, device="cpu")
        assert {place[0] for place in computed} == {1, 3}
        expected = restore(np.stack([image + 5, image + 15]), model, axes="TYX", preview=True, device="cpu")
        assert np.array_equal(result.mean, expected.mean)

    def test_with_unusable_pixels_are_refused_when_they_are_met(
        self, model: PretrainedModel, image: Image
    ) -> None:
        film = np.stack([image, image]).astype(float)
        film[1, 5, 6] = np.nan
        parts: list[dict[str, Any]] = [{}, {"planes": {"T": [1]}}, {"region": ((0, 20), (0, 20))}]
        for part in parts:
            with pytest.raises(InputError, match=r"not finite .* at index \(5, 6\) of plane 1\."):
                restore(da.from_array(film, chunks=(1, 20, 20)), model, axes="TYX", **part, **QUICK)
        with pytest.raises(InputError, match="constant"):
            restore(da.ones((2, 30, 30), chunks=(1, 30, 30)), model, axes="TYX", **QUICK)
        with pytest.raises(InputError, match="empty"):
            restore(da.ones((0, 30, 30)), model, axes="TYX", **QUICK)


@pytest.mark.parametrize(
    ("axes", "shape"),
    [
        ("XY", (12, 10)),
        ("TYX", (2, 12, 10)),
        ("TCZYX", (1, 2, 1, 12, 10)),
        ("YXS", (12, 10, 3)),
    ],
)
@pytest.mark.parametrize("chunked", [False, True])
def test_any_stack_comes_back_with_its_axes(
    simple_model: PretrainedModel, axes: str, shape: tuple[int, ...], chunked: bool
) -> None:
    image = np.random.default_rng(0).normal(100, 10, shape)
    given = da.from_array(image, chunks=5) if chunked else image
    result = restore(given, simple_model, axes=axes, **QUICK)
    expected = image.repeat(2, axes.index("Y")).repeat(2, axes.index("X"))
    assert result.axes == axes
    np.testing.assert_allclose(result.mean, expected, rtol=1e-3)
