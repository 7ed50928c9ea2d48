"""Axes: every legal order is understood, every fault is named."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_cvdm.restoration.axes import Axes, name_axes, of_plane, resolve_axes
from napari_cvdm.restoration.errors import AxesError, InputError, InputTypeError


def gradient(shape=(16, 12), dtype=np.float64):
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype)


def test_a_2d_image_needs_no_axes():
    axes = resolve_axes((16, 12))
    assert axes == Axes("YX", (16, 12))
    assert list(axes.indices()) == [()]
    assert axes.plane_number(()) == 0
    assert axes.planes == 1
    assert axes.output_shape(2) == (32, 24)


@pytest.mark.parametrize("shape", [(5, 16, 12), (9, 16, 3), (2, 3, 16, 12), (*(1,) * 8, 16, 12)])
def test_more_axes_must_be_named_and_what_is_suggested_can_be_given(shape):
    with pytest.raises(AxesError, match=r"for example axes='(\w+)'") as told:
        resolve_axes(shape)
    suggested = str(told.value).partition("axes='")[2].partition("'")[0]
    assert name_axes(shape, suggested).names[-2:] == "YX"
    assert ("YXS" in str(told.value)) == (shape[-1] == 3)


def test_colour_is_suggested_but_never_guessed():
    with pytest.raises(AxesError, match="axes='YXS'"):
        resolve_axes((16, 12, 3))
    axes = resolve_axes((9, 16, 12, 3)[1:], "YXS")
    assert axes.plane_shape == (16, 12)
    assert axes.leading == "S"
    with pytest.raises(InputError, match=r"at least 8 .* read as"):
        resolve_axes((16, 12, 3), "ZYX")


def test_planes_come_in_c_order_and_as_rows_by_columns():
    image = gradient((2, 9, 3, 11))
    axes = resolve_axes(image.shape, "CXZY")
    assert axes.leading_shape == (2, 3)
    assert axes.plane_shape == (11, 9)
    assert list(axes.indices())[:4] == [(0, 0), (0, 1), (0, 2), (1, 0)]
    np.testing.assert_array_equal(axes.plane(image, (1, 2)), image[1, :, 2, :].T)
    assert [axes.plane_number(index) for index in axes.indices()] == list(range(6))


def test_a_plane_is_named_in_messages_where_there_are_several():
    assert (of_plane(()), of_plane((3,)), of_plane((3, 0))) == ("", " of plane 3", " of plane (3, 0)")


def test_a_channel_is_the_channel_and_the_colour_sample():
    axes = resolve_axes((2, 3, 16, 12, 4), "TCYXS")
    assert axes.channel_of((1, 2, 3)) == (2, 3)
    assert (axes.channel_position, axes.channel_leading) == (1, 1)
    colours = resolve_axes((2, 16, 12, 4), "TYXS")
    assert (colours.channel_position, colours.channel_leading) == (3, 1)
    grey = resolve_axes((2, 3, 16, 12), "TZYX")
    assert grey.channel_of((1, 2)) == ()
    assert grey.channel_position is grey.channel_leading is None


def test_an_index_of_the_wrong_length_is_refused():
    with pytest.raises(IndexError):
        resolve_axes((3, 16, 12), "ZYX").plane(gradient((3, 16, 12)), (1, 1))


@settings(max_examples=50, deadline=None)
@given(st.permutations(["T", "C", "Z", "Y", "X", "Q", "Q"]), st.integers(0, 5), st.integers(1, 3))
def test_taking_planes_out_and_putting_them_back_is_the_identity(letters, dropped, upscaling):
    names = "".join(letter for letter in letters if letter not in "TCZQ"[:dropped])
    shape = tuple({"Y": 8, "X": 9}.get(letter, 2) for letter in names)
    image = gradient(shape)
    axes = resolve_axes(shape, names.lower())
    output = np.full(axes.output_shape(upscaling), np.nan)
    for index in axes.indices():
        axes.put_plane(output, index, np.kron(axes.plane(image, index), np.ones((upscaling, upscaling))))
    expected = image
    for position in (axes.y, axes.x):
        expected = expected.repeat(upscaling, axis=position)
    np.testing.assert_array_equal(output, expected)


@pytest.mark.parametrize(
    ("shape", "names", "message"),
    [
        ((16, 12), "YW", "Unknown axes 'W'"),
        ((3, 16, 12), "YX", "2 axes, but the image has 3"),
        ((16, 12), "ZYX", "3 axes, but the image has 2"),
        ((3, 16, 12), "YYX", "Y occurs more than once"),
        ((3, 3, 16, 12), "ZZYX", "Z occurs more than once"),
        ((3, 16, 12), "ZTX", "lack Y"),
        ((16, 12), "TZ", "lack Y and X"),
        ((16, 12), "", "0 axes"),
    ],
)
def test_wrong_axes_are_named(shape, names, message):
    with pytest.raises(AxesError, match=message):
        resolve_axes(shape, names)


def test_axes_must_be_text():
    with pytest.raises(InputTypeError, match="one letter per axis"):
        resolve_axes((16, 12), ("Y", "X"))


@pytest.mark.parametrize("shape", [(), (16,), (0, 16), (16, 0), (0, 16, 16)])
def test_empty_and_flat_shapes_are_refused(shape):
    with pytest.raises(InputError, match=r"empty|at least two"):
        resolve_axes(shape, "ZYX"[-len(shape) :])


def test_axes_of_small_planes_can_be_named_though_not_restored():
    assert name_axes((2, 3, 4), "cyx") == Axes("CYX", (2, 3, 4))
    with pytest.raises(InputError, match="3 × 4 pixels"):
        resolve_axes((2, 3, 4), "cyx")
