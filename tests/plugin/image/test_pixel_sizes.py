"""What can be no pixel size is not taken for one, and is named in a fitting unit."""

from __future__ import annotations

import pytest

from napari_cvdm.plugin.image.pixel_sizes import are_square, believed, length_words


@pytest.mark.parametrize("size", [1.0, 65.0, 100_000.0])
def test_a_possible_size_is_left_as_it_is(size):
    assert believed(size, "from the layer") == (size, "from the layer")


@pytest.mark.parametrize("size", [0.99, 100_001.0, -65.0, float("inf")])
def test_an_impossible_size_becomes_a_reason(size):
    taken, words = believed(size, "from the layer")
    assert taken is None
    assert "1 nm to 100 µm" in words
    assert "from the layer" not in words


@pytest.mark.parametrize(
    ("size", "words"),
    [(65.04, "65.04 nm"), (1500, "1.5 µm"), (1e6 - 1e-9, "1 mm"), (3e12, "3000 m"), (0.02, "0.02 nm")],
)
def test_lengths_are_told_in_a_fitting_unit(size, words):
    assert length_words(size) == words


@pytest.mark.parametrize(("height", "width", "square"), [(65, 65.6, True), (66, 65, False), (60, 80, False)])
def test_sides_that_differ_by_a_trace_are_those_of_a_square(height, width, square):
    assert are_square(height, width) is square
