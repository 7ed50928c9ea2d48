"""What a plane of a result was made from is found in its original: the part, resampled if it was."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from napari.layers import Image

from napari_cvdm.plugin.doubt.linked import Result
from napari_cvdm.plugin.doubt.recording import indices_taken, recording_of
from napari_cvdm.plugin.doubt.slices import Slice
from napari_cvdm.plugin.results.layers import METADATA_KEY
from napari_cvdm.restoration.errors import InputError
from napari_cvdm.restoration.resampling import plan_resampling, resample_plane
from napari_cvdm.restoration.restore import restore


def layer(
    picture: str | None, name: str = "a", shape: tuple[int, ...] = (8, 8), **provenance: object
) -> Image:
    metadata = {} if picture is None else {METADATA_KEY: {"picture": picture, **provenance}}
    return Image(np.zeros(shape), name=name, metadata=metadata)


def result_of(shape: tuple[int, ...], **provenance: object) -> Result:
    return Result(
        *(layer(picture, shape=shape, **provenance) for picture in ("reconstruction", "uncertainty"))
    )


def test_the_recorded_plane_of_a_part_is_where_the_part_was():
    recorded = np.arange(5 * 10 * 12).reshape(5, 10, 12)
    original = Image(recorded, name="stack")
    part = {"asked": {"part": [[1, 5, 2], [2, 8, 1], [0, 12, 1]]}, "upscaling": 2}
    place = Slice((1, None, None))
    found = recording_of(result_of((2, 12, 24), **part), original, place)
    np.testing.assert_array_equal(found.plane(), recorded[3, 2:8])
    np.testing.assert_array_equal(found.placement.origin, (3, 2, 0))
    found = recording_of(result_of((5, 20, 24), upscaling=2), original, place)
    np.testing.assert_array_equal(found.plane(), recorded[1])


@pytest.mark.parametrize(
    ("shape", "provenance"),
    [
        ((4, 20, 24), {}),
        ((5, 30, 24), {}),
        ((5, 20, 24), {"upscaling": 4}),
        ((1, 20, 24), {"asked": {"part": [[7, 8, 1], [0, 10, 1], [0, 12, 1]]}}),
        ((5, 20, 24), {"asked": {"part": [[0, 5, 1], [1, 11, 1], [0, 12, 1]]}}),
    ],
)
def test_an_original_without_the_pixels_that_were_restored_is_refused(shape, provenance):
    original = Image(np.zeros((5, 10, 12)), name="stack")
    with pytest.raises(InputError, match="cropped or resampled"):
        recording_of(result_of(shape, **provenance), original, Slice((0, None, None)))


@pytest.mark.parametrize("part", [5, "all", [[0, 5], [0, 12, 1]], [[0, 1, 0], [0, 12, 1]], [["a", 1, 1]] * 2])
def test_a_part_that_is_not_stated_clearly_is_refused(part: object) -> None:
    with pytest.raises(InputError, match="does not say clearly"):
        indices_taken({"asked": {"part": part}}, (10, 12))


def test_the_selection_of_a_restoration_is_followed(small_model):
    recorded = np.random.default_rng(0).gamma(2.0, 50, (2, 5, 40, 44)).astype(np.float32)
    restored = restore(
        recorded,
        small_model,
        axes="CZYX",
        channels=1,
        planes={"Z": [0, 3, 4]},
        region=((4, 36), (0, 40)),
        preview=True,
        device="cpu",
    )
    result = result_of(restored.mean.shape, **restored.provenance)
    original = Image(recorded, name="stack")
    for plane, there in enumerate((0, 3, 4)):
        found = recording_of(result, original, Slice((0, plane, None, None)))
        assert found.ranges == (range(1, 2), range(there, there + 1), range(4, 36), range(40))
    with pytest.raises(InputError, match="cropped or resampled"):
        recording_of(result, Image(recorded[:, :4]), Slice((0, 2, None, None)))


def test_axes_of_one_letter_are_told_by_their_number():
    chosen = {"selection": {"planes": {"1Q": [2]}}, "axes": "QQYX"}
    place = Slice((1, 0, None, None))
    found = recording_of(result_of((2, 1, 20, 24), **chosen), Image(np.zeros((2, 3, 10, 12))), place)
    assert found.ranges[:2] == (range(1, 2), range(2, 3))


@pytest.mark.parametrize(
    "selection", ["all", {"planes": 3}, {"region": {"rows": [0]}}, {"region": {"rows": "0-9"}}]
)
def test_a_selection_that_cannot_be_read_is_refused_as_the_shell_does(selection):
    # That the shapes fit does not make other pixels the right ones.
    result = result_of((5, 20, 24), selection=selection)
    with pytest.raises(InputError, match="does not say clearly which part"):
        recording_of(result, Image(np.zeros((5, 10, 12))), Slice((2, None, None)))


def test_planes_of_axes_that_cannot_be_told_apart_are_refused():
    result = result_of((2, 1, 20, 24), selection={"planes": {"Q": [2]}}, axes="QQYX")
    with pytest.raises(InputError, match="which of the axes Q"):
        recording_of(result, Image(np.zeros((2, 3, 10, 12))), Slice((1, 0, None, None)))


def resampled(image, model, **part):
    """Restore pixels of 165 nm with a model that knows up to 114 nm."""
    knowing = replace(model, card=replace(model.card, pixel_size_nm=(38.0, 114.0)))
    restored = restore(
        image, knowing, pixel_size=165.0, resample=True, preview=True, device="cpu", normalize="whole", **part
    )
    return result_of(restored.mean.shape, **restored.provenance)


def whole_resampled(plane):
    plan = plan_resampling(plane.shape, 165.0, (38.0, 114.0))
    return resample_plane(plane, plan)


@pytest.fixture
def stack():
    return np.random.default_rng(0).gamma(2.0, 50, (3, 40, 44)).astype(np.float32)


def test_what_was_resampled_is_resampled_again(small_model, stack):
    result = resampled(stack, small_model, axes="TYX", planes={"T": [0, 2]})
    found = recording_of(result, Image(stack, name="stack"), Slice((1, None, None)))
    expected = whole_resampled(stack[2])
    assert expected.shape > (40, 44)
    np.testing.assert_array_equal(found.plane(), expected)


def test_the_region_of_what_was_resampled_is_found_and_lies_in_its_place(small_model, stack):
    result = resampled(stack, small_model, axes="TYX", region=((9, 33), (4, 40)))
    found = recording_of(result, Image(stack, name="stack"), Slice((1, None, None)))
    whole = whole_resampled(stack[1])
    rows, columns = whole.shape
    top, bottom = 9 * rows // 40, -(-33 * rows // 40)
    left, right = 4 * columns // 44, -(-40 * columns // 44)
    np.testing.assert_array_equal(found.plane(), whole[top:bottom, left:right])
    placement = found.placement
    borders = placement.origin - placement.spacing / 2
    np.testing.assert_allclose(borders + 0.5, (1, top * 40 / rows, left * 44 / columns))
    np.testing.assert_allclose(placement.spacing, (1, 40 / rows, 44 / columns))


def test_columns_in_front_of_rows_are_resampled_as_they_were(small_model, stack):
    plane = stack[0]
    result = resampled(np.ascontiguousarray(plane.T), small_model, axes="XY", region=((9, 33), (0, 44)))
    found = recording_of(result, Image(plane.T, name="cell"), Slice((None, None)))
    whole = whole_resampled(plane)
    rows, columns = whole.shape
    cut = slice(9 * rows // 40, -(-33 * rows // 40))
    np.testing.assert_array_equal(found.plane(), whole[cut].T)
    np.testing.assert_allclose(found.placement.spacing, (44 / columns, 40 / rows))
    np.testing.assert_allclose(
        found.placement.origin + 0.5, found.placement.spacing * (0.5, 0.5 + cut.start), rtol=1e-9
    )


def test_another_view_of_what_was_resampled_is_refused(small_model, stack):
    result = resampled(stack, small_model, axes="TYX")
    with pytest.raises(InputError, match="let the viewer show these"):
        recording_of(result, Image(stack, name="stack"), Slice((None, 3, None)))


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"from_plane_shape": [40, 43], "to_plane_shape": [58, 64]}, "cropped or resampled"),
        ({"from_plane_shape": [40, 44], "to_plane_shape": [58, 65]}, "cropped or resampled"),
        ({"from_plane_shape": [40, 44], "to_plane_shape": [10**9, 10**9]}, "not say clearly"),
        ({"from_plane_shape": [40, 44]}, "not say clearly"),
        ({"from_plane_shape": "all", "to_plane_shape": [58, 64]}, "not say clearly"),
    ],
)
def test_a_resampling_that_does_not_fit_is_refused(said, words):
    result = result_of((116, 128), resampling=said)
    with pytest.raises(InputError, match=words):
        recording_of(result, layer(None, "cell", (40, 44)), Slice((None, None)))


def test_colours_are_averaged_and_opacity_is_left_out():
    pixels = np.zeros((3, 10, 12, 4), np.uint8)
    pixels[2] = 30, 60, 91, 255
    original = Image(pixels, rgb=True)
    plane = recording_of(result_of((3, 20, 24)), original, Slice((2, None, None))).plane(np.float32)
    assert plane.dtype == np.float32
    np.testing.assert_allclose(plane, np.full((10, 12), 181 / 3, np.float32))
