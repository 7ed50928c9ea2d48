"""A result lies on its original although lengths are known of one of them alone."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from napari.layers import Image, Shapes

from napari_cvdm.plugin.doubt.in_register import lay_on_original, lying_on_originals
from napari_cvdm.plugin.doubt.linked import Result
from napari_cvdm.plugin.results.layers import METADATA_KEY
from napari_cvdm.plugin.results.placement import where_it_lies

IN_PIXELS = {"scale": (1, 2, 2), "translate": (0, 10, 20), "units": ("pixel",) * 3}
IN_LENGTHS = {"scale": (0.5, 0.065, 0.065), "translate": (0, 4, 0), "units": ("s", "um", "um")}
REGION = {"region": {"rows": [4, 12], "columns": [8, 20]}, "planes": {"0T": [1, 3]}}
WHOLE, PART = (4, 32, 40), (2, 16, 24)


def result_of(shape: tuple[int, ...], selection: object = None, **lies: object) -> Result:
    about = {"source": "cell", "axes": "TYX", "upscaling": 2, "selection": selection, "run": "1"}
    return Result(
        *(
            Image(np.zeros(shape), name=f"cell {picture}", metadata={METADATA_KEY: about}, **lies)
            for picture in ("CVDM", "CVDM uncertainty")
        )
    )


def original(**lies: object) -> Image:
    return Image(np.zeros((4, 16, 20)), name="cell", **lies)


@pytest.mark.parametrize(("own", "theirs"), [(IN_LENGTHS, IN_PIXELS), (IN_PIXELS, IN_LENGTHS)])
@pytest.mark.parametrize(
    ("shape", "selection", "first", "planes"), [(WHOLE, None, (0, 0, 0), 1), (PART, REGION, (1, 4, 8), 2)]
)
def test_every_fine_pixel_comes_to_lie_where_it_was_recorded(own, theirs, shape, selection, first, planes):
    result, cell = result_of(shape, selection, **own), original(**theirs)
    before = cell.data_to_world((3, 5, 9))
    assert lay_on_original(result, cell)
    for layer in result.layers:
        assert layer.units == cell.units
        for index in ((0, 0, 0), (1, 7, 5)):
            place = np.add(first, (index[0] * planes, index[1] / 2 - 0.25, index[2] / 2 - 0.25))
            np.testing.assert_allclose(layer.data_to_world(index), cell.data_to_world(place))
    assert cell.data_to_world((3, 5, 9)) == before


def test_what_is_marked_in_a_result_goes_with_it():
    result, cell = result_of(WHOLE, **IN_LENGTHS), original(**IN_PIXELS)
    fine = result.reconstruction
    lines = Shapes(ndim=3, **where_it_lies(fine))
    coarse = {"scale": np.multiply(fine.scale, (1, 2, 2)), "translate": fine.data_to_world((2, 4.5, 6.5))}
    plane = Image(np.zeros((1, 8, 9)), **where_it_lies(fine) | coarse)
    other = Image(np.zeros((3, 9, 9)), **IN_PIXELS)
    lay_on_original(result, cell, [lines, plane, other])
    np.testing.assert_allclose(lines.data_to_world((1, 2, 3)), fine.data_to_world((1, 2, 3)))
    np.testing.assert_allclose(plane.data_to_world((0, 1, 1)), fine.data_to_world((2, 6.5, 8.5)))
    assert lines.units == plane.units == cell.units
    assert other.data_to_world((1, 1, 1)) == Image(np.zeros((3, 9, 9)), **IN_PIXELS).data_to_world((1, 1, 1))


@pytest.mark.parametrize("lies", [IN_LENGTHS, IN_PIXELS])
def test_nothing_is_moved_where_units_agree(lies):
    result, cell = result_of(WHOLE, **lies), original(**{**lies, "scale": (1, 3, 3)})
    before = result.uncertainty.data_to_world((1, 2, 3))
    assert not lay_on_original(result, cell)
    assert result.uncertainty.data_to_world((1, 2, 3)) == before


def test_what_is_read_lies_on_the_original_that_is_there():
    result, cell, other = result_of(WHOLE, **IN_LENGTHS), original(**IN_PIXELS), original(**IN_LENGTHS)
    read = [layer.as_layer_data_tuple() for layer in (*result.layers, other)]
    assert lying_on_originals(read, []) == read
    lying = [Image(data, **attributes) for data, attributes, _ in lying_on_originals(read, [cell])]
    for layer in lying[:2]:
        np.testing.assert_allclose(layer.data_to_world((1, 2.5, 4.5)), cell.data_to_world((1, 1, 2)))
    assert lying[2].data_to_world((1, 1, 2)) == other.data_to_world((1, 1, 2))
    assert [layer.name for layer in lying] == ["cell CVDM", "cell CVDM uncertainty", "cell"]


def test_no_pixels_are_read_to_find_out_where_a_result_lies():
    reads = []

    def read(block: np.ndarray) -> np.ndarray:
        reads.append(block.shape)
        return block

    pixels = da.zeros(WHOLE).map_blocks(read, meta=np.empty((0, 0, 0)))
    _, attributes, kind = result_of(WHOLE, **IN_LENGTHS).reconstruction.as_layer_data_tuple()
    cell = original(**IN_PIXELS)
    [(_, moved, _)] = lying_on_originals([(pixels, attributes, kind)], [cell])
    assert moved["units"] == cell.units
    assert moved["visible"]
    assert not reads
