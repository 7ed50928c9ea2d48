"""Result layers lie where the sample is, whatever transform their input has."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image, Labels
from napari.utils._proxies import PublicOnlyProxy

from napari_cvdm.plugin.results.layers import (
    FOR_SHOW,
    METADATA_KEY,
    InputLayer,
    full_data,
    is_for_show,
    is_result,
    real,
    result_metadata,
    unique_name,
)
from napari_cvdm.plugin.results.placement import Placement, placement_of, where_it_lies

TRANSFORMS_2D = {
    "plain": {},
    "anisotropic": {"scale": (0.4, 0.065), "translate": (3.0, -7.0)},
    "rotated": {"scale": (0.1, 0.3), "rotate": 33.0, "translate": (1.0, 2.0)},
    "sheared": {"scale": (0.1, 0.3), "shear": [0.7], "translate": (1.0, 2.0)},
    "lower shear": {"scale": (0.1, 0.3), "shear": np.array([[1.0, 0.0], [0.4, 1.0]])},
    "affine": {"scale": (0.1, 0.3), "affine": np.array([[0.0, 2.0, 5.0], [1.5, 0.3, -4.0], [0, 0, 1]])},
    "everything": {
        "scale": (0.1, 0.3),
        "rotate": -70.0,
        "shear": [0.2],
        "translate": (-3.0, 9.0),
        "affine": np.array([[0.5, 2.0, 5.0], [1.5, 0.3, -4.0], [0, 0, 1]]),
    },
}


def _edges(shape: tuple[int, ...]) -> np.ndarray:
    """Indices of the outer corners of an array's first and last pixels, one row for each corner."""
    grids = np.meshgrid(*[(-0.5, n - 0.5) for n in shape], indexing="ij")
    return np.stack([g.ravel() for g in grids], axis=1)


def _world(layer: Image, points: np.ndarray) -> np.ndarray:
    return np.array([layer.data_to_world(p) for p in points])


def _placement(
    shape: tuple[int, ...] = (6, 6), upscaling: int = 2, fine_axes: tuple[int, int] = (0, 1)
) -> Placement:
    axes = "".join("YX"[fine_axes.index(i)] if i in fine_axes else "Q" for i in range(len(shape)))
    fine = tuple(n * upscaling if i in fine_axes else n for i, n in enumerate(shape))
    return placement_of({"upscaling": upscaling}, axes, fine)


def _result(layer: Image, shape: tuple[int, ...], **kwargs: object) -> Image:
    placement = _placement(layer.data.shape, **kwargs)
    metadata = result_metadata(InputLayer.of(layer), "reconstruction", placement, taken_names=())
    return Image(np.zeros(shape, np.float32), contrast_limits=(0, 1), **metadata)


@pytest.mark.parametrize("transform", TRANSFORMS_2D.values(), ids=TRANSFORMS_2D.keys())
@pytest.mark.parametrize("upscaling", [2, 3])
def test_the_corners_of_the_image_stay_where_they_are(transform, upscaling):
    layer = Image(np.zeros((6, 10), np.uint16), **transform)
    result = _result(layer, (6 * upscaling, 10 * upscaling), upscaling=upscaling, fine_axes=(0, 1))
    np.testing.assert_allclose(
        _world(result, _edges(result.data.shape)), _world(layer, _edges(layer.data.shape)), atol=1e-9
    )


@pytest.mark.filterwarnings("ignore:Non-orthogonal slicing")
@pytest.mark.parametrize("fine_axes", [(1, 2), (0, 2), (0, 1)])
def test_the_corners_of_a_rotated_and_sheared_stack_stay_where_they_are(fine_axes):
    layer = Image(
        np.zeros((4, 6, 10), np.uint16),
        scale=(0.2, 0.1, 0.4),
        rotate=(20, 30, 40),
        shear=[0.1, 0.2, 0.3],
        translate=(1, 2, 3),
    )
    shape = tuple(2 * n if axis in fine_axes else n for axis, n in enumerate((4, 6, 10)))
    result = _result(layer, shape, upscaling=2, fine_axes=fine_axes)
    # The outer corners move along the axes that are not enlarged no more than along those that are.
    np.testing.assert_allclose(_world(result, _edges(shape)), _world(layer, _edges((4, 6, 10))), atol=1e-9)


def test_units_and_axis_labels_are_the_input_s():
    layer = Image(
        np.zeros((2, 6, 6)), units=("s", "um", "um"), axis_labels=("t", "y", "x"), scale=(5, 0.1, 0.1)
    )
    result = _result(layer, (2, 12, 12), upscaling=2, fine_axes=(1, 2))
    assert result.units == layer.units
    assert result.axis_labels == ("t", "y", "x")
    np.testing.assert_allclose(result.scale, (5, 0.05, 0.05))
    np.testing.assert_allclose(result.translate, (0, -0.025, -0.025))


def test_a_narrow_result_is_not_taken_for_colour():
    layer = Image(np.zeros((8, 2)), rgb=False)
    assert not _result(layer, (16, 4), upscaling=2, fine_axes=(0, 1)).rgb


@pytest.mark.parametrize(
    ("blending", "shown"), [("additive", "additive"), ("opaque", "translucent_no_depth")]
)
def test_the_reconstruction_looks_like_its_input_and_the_uncertainty_does_not(blending, shown):
    source = InputLayer.of(Image(np.zeros((6, 6)), colormap="green", blending=blending))
    reconstruction = result_metadata(source, "reconstruction", _placement(), ())
    uncertainty = result_metadata(source, "uncertainty", _placement(), ())
    assert reconstruction["colormap"].name == "green"
    assert reconstruction["blending"] == shown  # "opaque" would hide what lies below
    assert uncertainty["colormap"].name == "CVDM uncertainty"


def test_the_uncertainty_covers_the_picture_where_it_is_large_and_nowhere_else():
    source = InputLayer.of(Image(np.zeros((6, 6))))
    colormap = result_metadata(source, "uncertainty", _placement(), ())["colormap"]
    alpha = colormap.map(np.linspace(0, 1, 101))[:, 3]
    assert alpha[0] == 0
    assert (np.diff(alpha) > 0).all()
    assert 0.5 < alpha[-1] < 1  # what lies below stays to be seen


def test_an_rgb_input_gives_a_grey_reconstruction():
    source = InputLayer.of(Image(np.zeros((6, 6, 3), np.uint8), rgb=True))
    assert result_metadata(source, "reconstruction", _placement(), ())["colormap"] == "gray"


def test_names_are_unique_and_a_second_run_gets_its_own():
    source = InputLayer.of(Image(np.zeros((6, 6)), name="cell"))
    taken: list[str] = ["cell"]
    for expected in ("cell CVDM", "cell CVDM [1]", "cell CVDM [2]"):
        taken.append(result_metadata(source, "reconstruction", _placement(), taken)["name"])
        assert taken[-1] == expected
    assert result_metadata(source, "uncertainty", _placement(), taken)["name"] == "cell CVDM uncertainty"
    assert unique_name("a", ["b"]) == "a"


def test_a_snapshot_survives_changes_to_its_layer():
    layer = Image(np.zeros((6, 6)), scale=(2, 2), name="before")
    source = InputLayer.of(layer)
    layer.scale, layer.name = (5, 5), "after"
    layer.rotate = 45
    metadata = result_metadata(source, "reconstruction", _placement(), ())
    assert metadata["scale"] == (1, 1)
    assert metadata["name"] == "before CVDM"
    np.testing.assert_array_equal(metadata["rotate"], np.eye(2))


def test_results_are_told_from_inputs_by_their_metadata():
    assert is_result(Image(np.zeros((6, 6)), metadata={METADATA_KEY: {}}))
    assert not is_result(Image(np.zeros((6, 6))))
    labels = Labels(np.zeros((6, 6), int), metadata={METADATA_KEY: {}})
    assert not is_result(labels)  # as napari makes them of a result


def test_a_part_of_a_layer_lies_where_it_was_cut_out():
    turned = np.eye(3)
    turned[1:, 1:] = [[0.8, -0.6], [0.6, 0.8]]  # napari shows no rotation out of the plane
    layer = Image(np.zeros((4, 20, 30)), scale=(2.0, 0.1, 0.3), rotate=turned, translate=(1.0, 2.0, 3.0))
    region = {"rows": [5, 17], "columns": [10, 20]}
    made = {"upscaling": 2, "selection": {"planes": {"T": [1, 3]}, "region": region}}
    placement = placement_of(made, "TYX", (2, 18, 20))  # also resampled, by 3/4
    metadata = result_metadata(InputLayer.of(layer), "reconstruction", placement, (), "region")
    result = Image(np.zeros((2, 18, 20), np.float32), contrast_limits=(0, 1), **metadata)
    assert result.name == "Image (region) CVDM"
    before, after = ((1, 4.5, 9.5), (3, 16.5, 19.5)), ((0, -0.5, -0.5), (1, 17.5, 19.5))
    np.testing.assert_allclose(_world(layer, np.array(before)), _world(result, np.array(after)))


def test_colours_that_become_channels_get_an_axis_in_front():
    transform = {"scale": (0.1, 0.3), "rotate": 33.0, "shear": [0.2], "units": ("micrometer", "micrometer")}
    layer = Image(np.zeros((6, 10, 3), np.uint8), rgb=True, **transform)
    source = InputLayer.of(layer).with_channel_axis()
    metadata = result_metadata(source, "reconstruction", _placement((3, 6, 10), 2, (1, 2)), ())
    result = Image(np.zeros((3, 12, 20), np.float32), contrast_limits=(0, 1), **metadata)
    for channel in (0.0, 2.0):
        there = np.array([(channel, *p) for p in _edges((12, 20))])
        expected = np.array([(channel, *w) for w in _world(layer, _edges((6, 10)))])
        np.testing.assert_allclose(_world(result, there), expected, atol=1e-9)
    assert {str(unit) for unit in result.units} == {"micrometer"}  # all layers of a viewer must agree


def test_what_is_for_show_is_neither_a_result_nor_the_user_s():
    for theirs in ({}, {"theirs": 1}):
        picture = Image(np.zeros((4, 4)), metadata={**theirs, **FOR_SHOW})
        assert is_for_show(picture)
        assert not is_result(picture)
    for layer in (Image(np.zeros((4, 4))), Image(np.zeros((4, 4)), metadata={METADATA_KEY: {}}), object()):
        assert not is_for_show(layer)


@pytest.mark.parametrize("transform", TRANSFORMS_2D.values(), ids=TRANSFORMS_2D.keys())
def test_another_layer_can_lie_where_one_lies(transform):
    layer = Image(np.zeros((5, 7)), units=("um", "nm"), axis_labels=("row", "column"), **transform)
    other = Image(np.zeros((5, 7)), **where_it_lies(layer))
    np.testing.assert_allclose(_world(other, _edges((5, 7))), _world(layer, _edges((5, 7))))
    assert (other.units, other.axis_labels) == (layer.units, layer.axis_labels)


def test_the_finest_level_of_a_pyramid_is_its_data():
    levels = [np.zeros((32, 32)), np.ones((16, 16))]
    assert full_data(Image(levels, multiscale=True)) is levels[0]
    assert full_data(Image(levels[1])) is levels[1]


def test_a_proxy_is_seen_through():
    layer = Image(np.zeros((9, 9)))
    assert real(PublicOnlyProxy(layer)) is layer
    assert real(layer) is layer
