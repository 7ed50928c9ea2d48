"""Whatever a layer's scale, place, turn, shear, affine and units: its result lies where the sample is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from napari.layers import Image

from napari_cvdm.plugin.image.reading import read_layer
from napari_cvdm.plugin.results.layers import InputLayer, result_metadata
from napari_cvdm.plugin.results.placement import placement_of

SCALES = st.floats(1e-3, 1e3).flatmap(lambda size: st.sampled_from([size, -size]))
PLACES = st.floats(-1e4, 1e4)
UNITS = st.sampled_from(["pixel", "um", "nm", "mm", "angstrom"])


@st.composite
def layers(draw: st.DrawFn) -> Image:
    """A layer of two or three axes, placed in any way that napari knows."""
    ndim = draw(st.sampled_from([2, 3]))
    rows, columns = draw(st.integers(8, 21)), draw(st.integers(8, 21))
    shape = (rows, columns) if ndim == 2 else (draw(st.integers(1, 3)), rows, columns)
    placed = {
        "scale": [draw(SCALES) for _ in shape],
        "translate": [draw(PLACES) for _ in shape],
        "shear": [draw(st.floats(-1, 1)) for _ in range(ndim * (ndim - 1) // 2)],
        "units": (draw(UNITS),) * ndim,
    }
    if ndim == 2:
        placed["rotate"] = draw(st.floats(-180, 180))
    else:
        placed["rotate"] = tuple(draw(st.floats(-180, 180)) for _ in range(3))
    if draw(st.booleans()):
        linear = np.eye(ndim) + np.array([[draw(st.floats(-0.2, 0.2)) for _ in shape] for _ in shape])
        affine = np.eye(ndim + 1)
        affine[:ndim, :ndim], affine[:ndim, ndim] = linear, [draw(PLACES) for _ in shape]
        placed["affine"] = affine
    return Image(np.arange(np.prod(shape), dtype=float).reshape(shape), contrast_limits=(0, 1), **placed)


@pytest.mark.filterwarnings("ignore")  # napari may warn of units or of a matrix that it decomposes
@settings(deadline=None, max_examples=60)
@given(layers(), st.sampled_from([1, 2, 3]), st.sampled_from(["reconstruction", "uncertainty"]))
def test_every_corner_of_a_result_lies_on_that_of_its_input(layer: Image, finer: int, content: str) -> None:
    reading = read_layer(layer)
    shape, axes = reading.shape, reading.axes
    fine_shape = [n * finer if letter in "YX" else n for n, letter in zip(shape, axes, strict=True)]
    placement = placement_of({"upscaling": finer}, axes, fine_shape)
    metadata = result_metadata(InputLayer.of(layer), content, placement, set())
    fine = Image(np.zeros((2,) * layer.ndim), contrast_limits=(0, 1), **metadata)
    assert fine.units == layer.units
    moved = np.array([letter in "YX" for letter in axes])
    for corner in np.ndindex(*(2,) * layer.ndim):
        # Borders of pixels, not centres: those are the same wherever the sampling is finer.
        border = np.where(corner, np.array(shape) - 0.5, -0.5)
        finer_border = np.where(moved, (border + 0.5) * finer - 0.5, border)
        there, here = layer.data_to_world(border), fine.data_to_world(finer_border)
        size = 1 + np.abs(there).max() + np.abs(layer.scale).max() * max(shape)
        np.testing.assert_allclose(here, there, atol=1e-6 * size)
