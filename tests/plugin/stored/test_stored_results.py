"""Results that tell how they were made, but not how their layers lay, are placed where the sample is."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image

from napari_cvdm.plugin.results.layers import METADATA_KEY, PICTURES
from napari_cvdm.plugin.stored.stored_results import (
    StoredSizes,
    plain_attributes,
    result_attributes,
    title_of,
)
from napari_cvdm.restoration.run_identity import run_of


def layer_of(provenance: dict, shape: tuple[int, ...], axes: str, sizes: StoredSizes) -> Image:
    data = np.random.default_rng(0).random(shape)
    return Image(data, **result_attributes(provenance, "reconstruction", "cell", data, axes, sizes))


def edges(layer: Image) -> tuple[np.ndarray, np.ndarray]:
    """World coordinates of the borders of the field: those of pixels, not their centres."""
    ends = (np.array(layer.data.shape) * corner - 0.5 for corner in (0, 1))
    first, last = (np.array(layer.data_to_world(end)) for end in ends)
    return first, last


def test_the_field_is_that_of_the_image_half_a_pixel_shift_included():
    layer = layer_of({"upscaling": 2, "axes": "YX"}, (20, 24), "YX", StoredSizes(32.5))
    original = Image(np.zeros((10, 12)), scale=(0.065, 0.065), units=("um", "um"))
    np.testing.assert_allclose(edges(layer), edges(original))
    np.testing.assert_allclose(layer.translate, -0.25 * 0.065)
    assert [str(unit) for unit in layer.units] == ["micrometer", "micrometer"]
    assert layer.name == "cell CVDM"
    assert layer.axis_labels == ("y", "x")


def test_a_region_of_chosen_planes_lies_where_it_was_cut_out():
    selection = {
        "planes": {"T": [3, 4], "C": [0, 2]},
        "region": {"rows": [4, 14], "columns": [6, 18]},
    }
    provenance = {"upscaling": 2, "selection": selection}
    layer = layer_of(provenance, (2, 2, 5, 20, 24), "TCZYX", StoredSizes(50.0, 300.0, 2.0))
    original = Image(
        np.zeros((9, 3, 5, 64, 64)),
        scale=(2, 1, 0.3, 0.1, 0.1),
        units=("s", "pixel", "um", "um", "um"),
    )
    # Pixel edge 4 of the image is pixel edge 0 of the result, and so on.
    expected = original.data_to_world((3, 0, 0, 4 - 0.5, 6 - 0.5))
    np.testing.assert_allclose(layer.data_to_world((0, 0, 0, -0.5, -0.5)), expected)
    expected = original.data_to_world((4, 2, 4, 14 - 0.5, 18 - 0.5))
    np.testing.assert_allclose(layer.data_to_world((1, 1, 4, 19.5, 23.5)), expected)


def test_a_resampled_result_covers_the_field_of_the_image():
    resampling = {"from_plane_shape": [40, 60], "to_plane_shape": [58, 87]}
    fine = 100.0 / np.sqrt((58 / 40) * (87 / 60)) / 2  # as the restoration states it
    region = {"region": {"rows": [10, 39], "columns": [0, 87]}}  # in resampled pixels
    for selection, shape, rows in (
        (None, (116, 174), (0, 40)),
        (region, (58, 174), (10 * 40 / 58, 39 * 40 / 58)),
    ):
        provenance = {"upscaling": 2, "resampling": resampling, "selection": selection}
        layer = layer_of(provenance, shape, "YX", StoredSizes(fine))
        first, last = edges(layer)
        np.testing.assert_allclose(first, ((rows[0] - 0.5) * 0.1, -0.05), atol=1e-9)
        np.testing.assert_allclose(last, ((rows[1] - 0.5) * 0.1, 59.5 * 0.1), atol=1e-9)


def test_pixels_that_are_not_square_keep_both_sides():
    provenance = {"upscaling": 2, "selection": {"region": {"rows": [4, 14], "columns": [6, 18]}}}
    layer = layer_of(provenance, (3, 20, 24), "ZYX", StoredSizes(None, 300.0, None, (65.0, 32.5)))
    original = Image(np.zeros((3, 64, 64)), scale=(0.3, 0.13, 0.065), units=("um",) * 3)
    np.testing.assert_allclose(layer.scale, (0.3, 0.065, 0.0325))
    assert layer.units == original.units
    expected = original.data_to_world((2, 14 - 0.5, 18 - 0.5))
    np.testing.assert_allclose(layer.data_to_world((2, 19.5, 23.5)), expected)


def test_without_a_pixel_size_it_lies_on_a_layer_without_one():
    layer = layer_of({"upscaling": 2}, (20, 24), "YX", StoredSizes())
    np.testing.assert_allclose(edges(layer), edges(Image(np.zeros((10, 12)))))
    assert [str(unit) for unit in layer.units] == ["pixel", "pixel"]


def test_both_pictures_have_one_run_and_their_looks():
    data = np.random.default_rng(0).random((16, 16))
    made = {"upscaling": 2, "seed": 3}
    pair = [result_attributes(made, picture, "a", data, "YX", StoredSizes()) for picture in PICTURES]
    for each, picture in zip(pair, PICTURES, strict=True):
        assert each["metadata"][METADATA_KEY] == {**made, "picture": picture, "run": run_of(made)}
    assert run_of(made) != run_of({**made, "seed": 4})
    assert [each["name"] for each in pair] == ["a CVDM", "a CVDM uncertainty"]
    assert pair[0]["colormap"] == "gray"
    assert pair[1]["colormap"].name == "CVDM uncertainty"
    assert pair[1]["contrast_limits"][0] == 0
    assert "run" not in made  # what was given is left as it is


def test_what_is_no_result_has_its_scale_and_no_shift():
    attributes = plain_attributes("map", "CQYX", StoredSizes(65.0))
    layer = Image(np.zeros((2, 3, 9, 9)), **attributes)
    np.testing.assert_allclose(layer.data_to_world((1, 1, 2, 3)), (1, 1, 0.13, 0.195))
    assert [str(unit) for unit in layer.units] == ["pixel", "pixel", "micrometer", "micrometer"]
    assert (layer.name, layer.axis_labels) == ("map", ("c", "axis 1", "y", "x"))


@pytest.mark.parametrize(
    ("stem", "picture", "title"),
    [
        ("film.cvdm", "reconstruction", "film"),
        ("film_cvdm", "reconstruction", "film"),
        ("film_cvdm_uncertainty", "uncertainty", "film"),
        ("film_uncertainty", "reconstruction", "film_uncertainty"),
        ("_cvdm", "reconstruction", "_cvdm"),
    ],
)
def test_the_title_is_the_image_s(stem, picture, title):
    assert title_of(stem, picture) == title
