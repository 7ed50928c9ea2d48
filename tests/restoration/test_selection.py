"""Part of an image: which planes and pixels are chosen, and what is refused."""

from typing import Any

import dask.array as da
import numpy as np
import pytest

from napari_cvdm.restoration.axes import resolve_axes
from napari_cvdm.restoration.described import Region
from napari_cvdm.restoration.errors import AxesError, InputError, InputTypeError
from napari_cvdm.restoration.selection import select

STACK = resolve_axes((4, 2, 3, 20, 30), "TCZYX")


class TestPlanes:
    @pytest.mark.parametrize(
        ("wanted", "positions"),
        [
            ({}, ((0, 1, 2, 3), (0, 1), (0, 1, 2))),
            ({"channels": 1}, ((0, 1, 2, 3), (1,), (0, 1, 2))),
            ({"channels": [-1, 0]}, ((0, 1, 2, 3), (1, 0), (0, 1, 2))),
            ({"channels": np.array(1)}, ((0, 1, 2, 3), (1,), (0, 1, 2))),
            ({"planes": {"t": slice(1, None, 2), "Z": 2}}, ((1, 3), (0, 1), (2,))),
            ({"planes": {"T": np.array([3, 0])}, "channels": range(1)}, ((3, 0), (0,), (0, 1, 2))),
        ],
    )
    def test_are_chosen_by_axis(self, wanted: dict[str, Any], positions: tuple[Any, ...]) -> None:
        selection = select(STACK, **wanted)
        assert selection.positions == positions
        assert selection.axes.names == "TCZYX"
        assert selection.restored.shape == (*map(len, positions), 20, 30)

    def test_keep_their_numbers(self) -> None:
        selection = select(STACK, channels=[1], planes={"T": [2], "Z": [2, 0]})
        numbers = [selection.plane_number(index) for index in selection.axes.indices()]
        assert numbers == [STACK.plane_number((2, 1, 2)), STACK.plane_number((2, 1, 0))]

    @pytest.mark.parametrize("names", ["TCZYX", "YXTCZ", "ZXCTY"])
    def test_are_read_from_arrays_of_any_kind_and_order(self, names: str) -> None:
        lengths = dict(zip("TCZYX", STACK.shape, strict=True))
        shape = tuple(lengths[name] for name in names)
        array = np.arange(np.prod(shape)).reshape(shape)
        axes = resolve_axes(shape, names)
        selection = select(axes, channels=1, planes={"Z": [2, 1]})
        for source in (array, da.from_array(array, chunks=11)):
            for index in selection.axes.indices():
                expected = axes.plane(array, selection.original(index))
                assert np.array_equal(np.asarray(selection.plane(source, index)), expected)

    @pytest.mark.parametrize(
        ("wanted", "error", "says"),
        [
            ({"channels": 2}, InputError, "no position 2 along axis C: it has 0 to 1"),
            ({"channels": []}, InputError, "at least one"),
            ({"channels": [0, -2]}, InputError, "more than once"),
            ({"channels": 0.5}, InputTypeError, "whole numbers"),
            ({"channels": np.array([[0]])}, InputTypeError, "whole numbers"),
            ({"channels": "0"}, InputTypeError, "whole numbers"),
            ({"channels": True}, InputTypeError, "whole numbers"),
            ({"channels": 0, "planes": {"C": 1}}, InputError, "twice"),
            ({"planes": {"T": 1, 0: 1}}, InputError, "twice"),
            ({"planes": {"W": 0}}, AxesError, "has T, C, Z"),
            ({"planes": {"Y": 0}}, AxesError, "has T, C, Z"),
            ({"planes": {3: 0}}, AxesError, "along axis 3 of"),
            ({"planes": {"T": slice(9, 12)}}, InputError, "at least one of 0 to 3"),
            ({"planes": [1]}, InputTypeError, "by axis"),
        ],
    )
    def test_that_are_not_there_are_refused(
        self, wanted: dict[str, Any], error: type[Exception], says: str
    ) -> None:
        with pytest.raises(error, match=says):
            select(STACK, **wanted)

    def test_of_images_without_channels_or_with_unnamed_axes(self) -> None:
        with pytest.raises(AxesError, match="have no channels"):
            select(resolve_axes((4, 20, 30), "TYX"), channels=0)
        with pytest.raises(AxesError, match=r"has Q\. An unnamed axis \(Q\) is chosen by its number"):
            select(resolve_axes((4, 16, 16), "QYX"), planes={"T": 1})
        with pytest.raises(AxesError, match="several axes"):
            select(resolve_axes((2, 2, 20, 30), "QQYX"), planes={"Q": 0})
        assert select(resolve_axes((20, 30, 3), "YXS"), channels=2).axes.shape == (20, 30, 1)


class TestRegion:
    @pytest.mark.parametrize(
        "region", [((2, 10), (5, 30)), (slice(2, 10), slice(5, None)), [[2, 10], [5, 30]]]
    )
    def test_is_rows_and_columns(self, region: Any) -> None:
        selection = select(STACK, region=region)
        assert selection.region == Region(range(2, 10), range(5, 30))
        assert selection.restored.shape == (4, 2, 3, 8, 25)
        assert selection.axes == STACK

    def test_of_open_slices_is_all(self) -> None:
        assert select(STACK, region=(slice(None), slice(None))).region == Region(range(20), range(30))

    @pytest.mark.parametrize(
        ("region", "error", "says"),
        [
            (((0, 21), (0, 5)), InputError, "rows, 0 to 21, .* within the image: 0 to 20"),
            (((0, 5), (-1, 5)), InputError, "columns, -1 to 5"),
            (((5, 5), (0, 5)), InputError, "must rise"),
            (((0, 5.5), (0, 5)), InputTypeError, "whole numbers"),
            (((0, 5),), InputTypeError, "rows and columns"),
            ((5, 5), InputTypeError, "first and one past the last"),
            (("05", (0, 5)), InputTypeError, "whole numbers"),
            ((slice(0, 8, 2), slice(0, 8)), InputError, "step"),
        ],
    )
    def test_outside_the_image_or_of_another_form_is_refused(
        self, region: Any, error: type[Exception], says: str
    ) -> None:
        with pytest.raises(error, match=says):
            select(STACK, region=region)

    def test_follows_resampling_and_loses_no_pixel(self) -> None:
        selection = select(STACK, planes={"T": 1}, region=((3, 9), (0, 30))).resampled((30, 45))
        assert selection.region == Region(range(4, 14), range(45))
        assert selection.whole.shape == (4, 2, 3, 30, 45)
        assert selection.positions[0] == (1,)


class TestDescription:
    def test_says_what_was_left_out(self) -> None:
        assert select(STACK).describe() is None
        described = select(STACK, channels=1, region=((2, 10), (5, 30))).describe()
        assert described == {"planes": {"C": [1]}, "region": {"rows": [2, 10], "columns": [5, 30]}}

    def test_tells_unnamed_axes_apart_by_their_place(self) -> None:
        axes = resolve_axes((2, 2, 20, 30), "QZYX")
        assert select(axes, planes={"Q": 1}).describe() == {"planes": {"Q": [1]}}
        axes = resolve_axes((2, 2, 20, 30), "QQYX")
        assert select(axes, planes={1: 1}).describe() == {"planes": {"1Q": [1]}}
        assert select(axes, planes={0: 0, 1: 1}).describe() == {"planes": {"0Q": [0], "1Q": [1]}}
