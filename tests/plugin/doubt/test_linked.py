"""Layers are paired by what their metadata say, new or read back from a file."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image

from napari_cvdm.plugin.doubt.linked import Result, axes_of, find_results
from napari_cvdm.plugin.results.layers import DRAWS_KEY, METADATA_KEY
from napari_cvdm.restoration.result import Restoration


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


@pytest.mark.parametrize(
    ("asked", "parted"),
    [
        ({"rgb": True, "colours": "channels"}, True),
        ({"rgb": True, "colours": "average"}, False),
        ({"rgb": False, "colours": "channels"}, False),
        ("nothing", False),
    ],
)
def test_colours_are_parted_only_where_they_became_channels(asked, parted):
    result = Result(layer("reconstruction", asked=asked), layer("uncertainty"))
    assert result.colours_parted == parted


def test_calibrated_is_what_the_provenance_says():
    for words in ("calibrated", "uncalibrated"):
        result = Result(layer("reconstruction", uncertainty=words), layer("uncertainty"))
        assert result.calibrated == (words == "calibrated")


@pytest.mark.parametrize(
    "calibration",
    [
        None,
        {"gain": 1.0, "offset": 0.0},
        {"factors": {"0.5": 0.5, "0.8": 1.2, "0.9": 1.9}},
        {"factors": {"0.5": 0.5, "0.8": 1.2}},  # 90 % was not measured
        {"factors": {"0.5": 0.5, "0.95": 2.4}},
        {"factors": {"0.8": 2.1, "0.9": 1.9}},  # wider for the smaller probability
        {"factors": {"0.9": 0}},
        "odd",
    ],
)
def test_the_interval_shown_is_the_one_that_scripts_get(calibration: object):
    provenance = {"calibration": calibration}
    shown = Result(layer("reconstruction", **provenance), layer("uncertainty")).interval_factor
    ones = np.ones((2, 2), np.float32)
    low, high = Restoration(ones, ones, None, "YX", None, 2, provenance).interval(0.9)
    np.testing.assert_allclose((high - low) / 2, shown, rtol=1e-6)
