"""What of a large plane is checked lies where the structure is, and is said."""

from __future__ import annotations

import numpy as np
import pytest

from napari_cvdm.assessment.checked_part import LARGEST, choose_part


def test_a_plane_of_usual_size_is_checked_as_a_whole():
    plane = np.zeros((LARGEST, 300))
    part = choose_part(plane)
    assert part.is_whole
    assert part.words == ""
    assert part.of(plane).shape == plane.shape


@pytest.mark.parametrize("shape", [(1500, 3000), (400, 5000), (9000, 1100)])
@pytest.mark.parametrize("at_the_end", [False, True])
def test_of_a_large_one_it_is_the_square_with_the_most_structure(shape, at_the_end):
    plane = np.full(shape, 100, np.uint16)
    top, left = (shape[0] - 200, shape[1] - 700) if at_the_end else (0, 0)
    rng = np.random.default_rng(0)
    plane[top : top + 200, left : left + 700] += rng.integers(0, 2000, (200, 700), np.uint16)
    part = choose_part(plane)
    assert not part.is_whole
    assert part.of(plane).shape == (min(LARGEST, shape[0]), min(LARGEST, shape[1]))
    assert part.of(plane).std() > 0
    covered = np.zeros(shape, bool)
    part.of(covered)[...] = True
    assert covered[top : top + 200, left : left + 700].mean() > 0.9
    assert str(part.rows.start) in part.words
    assert f"{shape[0]} × {shape[1]}" in part.words
    assert part.to_dict()["columns"] == [part.columns.start, part.columns.stop]


@pytest.mark.parametrize("shape", [(20, 50000), (50000, 9)])
def test_of_a_strip_too(shape):
    strip = np.full(shape, 100, np.uint16)
    bright = np.s_[:, 30000:30700] if shape[0] < shape[1] else np.s_[30000:30700]
    strip[bright] += np.random.default_rng(0).integers(0, 2000, strip[bright].shape, np.uint16)
    part = choose_part(strip)
    assert part.of(strip).shape == (min(LARGEST, shape[0]), min(LARGEST, shape[1]))
    assert part.of(strip).sum(dtype=float) > 0.9 * (strip[bright].sum(dtype=float) + 324 * 100 * min(shape))


def test_the_same_part_of_a_finer_plane():
    part = choose_part(np.random.default_rng(0).random((1100, 1200), np.float32))
    fine = part.of(np.zeros((2200, 2400)), 2)
    assert fine.shape == (2 * LARGEST, 2 * LARGEST)
