"""What a provenance states of a part is read back as it was written, or refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_cvdm.restoration.axes import Axes
from napari_cvdm.restoration.described import DescribedPart, Region
from napari_cvdm.restoration.errors import InputError
from napari_cvdm.restoration.selection import Selection

SPANS = st.tuples(st.integers(0, 19), st.integers(1, 10)).map(lambda each: range(each[0], sum(each)))


@st.composite
def selections(draw: st.DrawFn) -> Selection:
    """Any part of any stack, axes of one letter among them."""
    leading = draw(st.text("TCZQ", max_size=3))
    lengths = draw(st.lists(st.integers(1, 4), min_size=len(leading), max_size=len(leading)))
    positions = tuple(tuple(draw(st.lists(st.integers(0, n - 1), min_size=1, unique=True))) for n in lengths)
    region = draw(st.none() | st.builds(Region, SPANS, SPANS))
    return Selection(Axes(f"{leading}YX", (*lengths, 30, 30)), positions, region)


@given(selections())
def test_what_was_written_is_read_back(selection: Selection) -> None:
    part = DescribedPart.from_description(selection.describe(), selection.whole.names)
    whole = (tuple(range(n)) for n in selection.whole.leading_shape)
    assert part.region == selection.region
    assert selection.positions == tuple(
        every if chosen is None else chosen for every, chosen in zip(whole, part.planes, strict=True)
    )


def test_each_axis_has_what_was_chosen_along_it() -> None:
    said = {"planes": {"1Q": [2, 0]}, "region": {"rows": [4, 14], "columns": [6, 18]}}
    part = DescribedPart.from_description(said, "QYQX")
    assert part.along("QYQX") == [None, range(4, 14), (2, 0), range(6, 18)]
    assert DescribedPart.from_description(None, "TYX").along("TYX") == [None] * 3


@pytest.mark.parametrize(("axes", "key"), [("TZYX", "Z"), ("QYQX", "1Q")])
def test_axes_are_stated_by_their_letter_and_their_number_where_they_share_it(axes: str, key: str) -> None:
    said = {"planes": {key: [2, 0]}}
    assert DescribedPart.from_description(said, axes).describe(axes) == said


@pytest.mark.parametrize("said", [None, {}, {"planes": {}}, {"planes": None, "region": None}, {"other": 1}])
def test_nothing_stated_is_the_whole(said: Any) -> None:
    part = DescribedPart.from_description(said, "TZYX")
    assert part == DescribedPart((None, None))
    assert part.describe("TZYX") is None


@pytest.mark.parametrize(
    "said",
    [
        "all",
        [1],
        {"planes": 3},
        {"planes": {"T": "all"}},
        {"planes": {"T": []}},
        {"planes": {"T": [0, -1]}},
        {"planes": {"T": [True]}},
        {"planes": {"T": [1.0]}},
        {"planes": {"T": 1}},
        {"region": [[0, 9], [0, 9]]},
        {"region": {"rows": [0, 9]}},
        {"region": {"rows": [0], "columns": [0, 9]}},
        {"region": {"rows": "09", "columns": [0, 9]}},
        {"region": {"rows": [0, 10**30], "columns": [0, 9]}},
        {"region": {"rows": [5, 5], "columns": [0, 9]}},
        {"region": {"rows": [-4, 5], "columns": [0, 9]}},
        {"region": {"rows": [0, 9.5], "columns": [0, 9]}},
    ],
)
def test_what_is_not_clear_is_refused(said: Any) -> None:
    with pytest.raises(InputError, match="does not say clearly which part was restored"):
        DescribedPart.from_description(said, "TYX")


def test_planes_of_axes_that_cannot_be_told_apart_are_refused() -> None:
    with pytest.raises(InputError, match="which of the axes Q"):
        DescribedPart.from_description({"planes": {"Q": [1]}}, "QZQYX")
    assert DescribedPart.from_description({"planes": {"0Q": [1]}}, "QYX").planes == ((1,),)
