"""Layers are paired by what their metadata say, new or read back from a file."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image, Labels

from napari_cvdm.plugin.doubt.linked import (
    DRAWS_KEY,
    Result,
    axes_of,
    find_results,
    is_comparable,
    original_of,
    recorded_plane,
    recorded_ranges,
)
from napari_cvdm.plugin.doubt.slices import Slice
from napari_cvdm.plugin.layers import METADATA_KEY
from napari_cvdm.restoration.errors import InputError
from napari_cvdm.restoration.restore import restore


def layer(
    picture: str | None, name: str = "a", shape: tuple[int, ...] = (8, 8), **provenance: object
) -> Image:
    metadata = {} if picture is None else {METADATA_KEY: {"picture": picture, **provenance}}
    return Image(np.zeros(shape), name=name, metadata=metadata)


def test_layers_of_one_run_are_a_pair_whatever_lies_between():
    first = layer("reconstruction", run="1"), layer("uncertainty", run="1")
    second = layer("reconstruction", run="2"), layer("uncertainty", run="2")
    assert find_results([first[0], layer(None), second[1], first[1], second[0]]) == [
        Result(*first),
        Result(*second),
    ]


def test_without_a_run_equal_provenance_makes_a_pair():
    pair = layer("reconstruction", seed=1), layer("uncertainty", seed=1)
    assert find_results([*pair, layer("uncertainty", seed=2)]) == [Result(*pair)]


def test_one_file_opened_twice_is_two_results():
    layers = [layer(picture, run="1") for picture in ("reconstruction", "uncertainty") * 2]
    assert find_results(layers) == [Result(*layers[:2]), Result(*layers[2:])]


def test_partners_of_another_shape_and_strange_metadata_are_left_out():
    odd = Image(np.zeros((8, 8)), metadata={METADATA_KEY: "not a table"})
    assert (
        find_results([layer("reconstruction", run="1"), layer("uncertainty", shape=(9, 8), run="1"), odd])
        == []
    )
    assert find_results([layer("draws", run="1")]) == []


def test_the_original_is_found_by_the_name_in_the_provenance_or_in_the_layer():
    cell, other = layer(None, "cell"), layer(None, "other")
    stack = layer(None, "stack", (3, 8, 8))
    named = Result(layer("reconstruction", source="cell"), layer("uncertainty"))
    assert original_of(named, [other, cell]) is cell
    by_name = Result(layer("reconstruction", "other CVDM [1]"), layer("uncertainty"))
    assert original_of(by_name, [other, cell]) is other
    assert original_of(Result(layer("reconstruction", source="stack"), layer("uncertainty")), [stack]) is None
    assert original_of(Result(layer("reconstruction", source="gone"), layer("uncertainty")), [cell]) is None


def test_only_an_image_with_as_many_axes_can_be_an_original():
    result = Result(layer("reconstruction", shape=(3, 8, 8)), layer("uncertainty", shape=(3, 8, 8)))
    assert is_comparable(result, Image(np.zeros((3, 4, 4))))
    assert not is_comparable(result, Image(np.zeros((4, 4, 3)), rgb=True))
    assert not is_comparable(result, Labels(np.zeros((3, 4, 4), int)))
    assert not is_comparable(result, result.uncertainty)


def test_a_result_is_finished_unless_it_says_otherwise():
    for provenance, finished in (({}, True), ({"finished": True}, True), ({"finished": False}, False)):
        assert Result(layer("reconstruction", **provenance), layer("uncertainty")).finished == finished


def test_axes_come_from_the_provenance_if_they_fit():
    assert axes_of({"axes": "TYXC"}, 4) == "TYXC"
    assert axes_of({"axes": "TYX"}, 4) == "QQYX"
    assert axes_of({}, 2) == "YX"


def test_draws_count_only_if_they_fit():
    result = Result(layer("reconstruction"), layer("uncertainty"))
    assert result.draws is None
    for shape, fits in (((4, 8, 8), True), ((4, 8, 9), False), ((0, 8, 8), False), ((8, 8), False)):
        result.reconstruction.metadata[DRAWS_KEY] = np.zeros(shape)
        assert (result.draws is not None) == fits, shape


def test_calibrated_is_what_the_provenance_says():
    for words in ("calibrated", "uncalibrated"):
        result = Result(layer("reconstruction", uncertainty=words), layer("uncertainty"))
        assert result.calibrated == (words == "calibrated")


def result_of(shape: tuple[int, ...], **provenance: object) -> Result:
    return Result(
        *(layer(picture, shape=shape, **provenance) for picture in ("reconstruction", "uncertainty"))
    )


def test_the_recorded_plane_of_a_part_is_where_the_part_was():
    recorded = np.arange(5 * 10 * 12).reshape(5, 10, 12)
    original = Image(recorded, name="stack")
    part = {"asked": {"part": [[1, 5, 2], [2, 8, 1], [0, 12, 1]]}, "upscaling": 2}
    place = Slice((1, None, None))
    ranges = recorded_ranges(result_of((2, 12, 24), **part), original, place)
    np.testing.assert_array_equal(recorded_plane(original, ranges), recorded[3, 2:8])
    ranges = recorded_ranges(result_of((5, 20, 24), upscaling=2), original, place)
    np.testing.assert_array_equal(recorded_plane(original, ranges), recorded[1])


@pytest.mark.parametrize(
    ("shape", "provenance"),
    [
        ((4, 20, 24), {}),
        ((5, 30, 24), {}),
        ((5, 20, 24), {"upscaling": 4}),
        ((1, 20, 24), {"asked": {"part": [[7, 8, 1], [0, 10, 1], [0, 12, 1]]}}),
    ],
)
def test_an_original_without_the_pixels_that_were_restored_is_refused(shape, provenance):
    original = Image(np.zeros((5, 10, 12)), name="stack")
    with pytest.raises(InputError, match="cropped or resampled"):
        recorded_ranges(result_of(shape, **provenance), original, Slice((0, None, None)))


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
        ranges = recorded_ranges(result, original, Slice((0, plane, None, None)))
        assert ranges == [range(1, 2), range(there, there + 1), range(4, 36), range(40)]
    with pytest.raises(InputError, match="cropped or resampled"):
        recorded_ranges(result, Image(recorded[:, :4]), Slice((0, 2, None, None)))


def test_axes_of_one_letter_are_told_by_their_number():
    chosen = {"selection": {"planes": {"1Q": [2]}}, "axes": "QQYX"}
    place = Slice((1, 0, None, None))
    ranges = recorded_ranges(result_of((2, 1, 20, 24), **chosen), Image(np.zeros((2, 3, 10, 12))), place)
    assert ranges[:2] == [range(1, 2), range(2, 3)]


@pytest.mark.parametrize(
    "selection", ["all", {"planes": 3}, {"region": {"rows": [0]}}, {"region": {"rows": "0-9"}}]
)
def test_a_selection_that_cannot_be_read_counts_as_none(selection):
    result = result_of((5, 20, 24), selection=selection)
    ranges = recorded_ranges(result, Image(np.zeros((5, 10, 12))), Slice((2, None, None)))
    assert ranges == [range(2, 3), range(10), range(12)]


def test_what_was_resampled_is_not_said_to_be_another_image():
    result = result_of((20, 24), resampling={"from_plane_shape": [8, 9], "to_plane_shape": [10, 12]})
    with pytest.raises(InputError, match="'cell' was resampled before it was restored"):
        recorded_ranges(result, layer(None, "cell", (8, 9)), Slice((None, None)))


def test_colours_are_averaged_and_opacity_is_left_out():
    pixels = np.zeros((3, 10, 12, 4), np.uint8)
    pixels[2] = 30, 60, 91, 255
    original = Image(pixels, rgb=True)
    ranges = recorded_ranges(result_of((3, 20, 24)), original, Slice((2, None, None)))
    plane = recorded_plane(original, ranges, np.float32)
    assert plane.dtype == np.float32
    np.testing.assert_allclose(plane, np.full((10, 12), 181 / 3, np.float32))
