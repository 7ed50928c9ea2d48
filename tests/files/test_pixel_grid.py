"""A restored image lies on the one it was made from, as a part does, and one of oblong pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_cvdm.files.pixel_grid import restored_grid
from napari_cvdm.models import PretrainedModel
from napari_cvdm.restoration.lazy import LazyRestoration, restore_lazy

STACK = np.random.default_rng(0).poisson(60, (6, 4, 24, 32)).astype(np.uint16)


def lazy_of(model: PretrainedModel, axes: str = "TZYX", **chosen: Any) -> LazyRestoration:
    return restore_lazy(STACK, model, axes=axes, preview=True, device="cpu", **chosen)


def test_fine_pixels_begin_where_camera_pixels_do(tiny_model: PretrainedModel) -> None:
    grid = restored_grid(
        lazy_of(tiny_model, pixel_size=65.0),
        z_spacing_nm=300.0,
        time_interval_s=0.5,
        origin={"Z": 7, "Y": 10},
    )
    assert (grid["pixel_size_nm"], grid["pixel_height_nm"]) == (32.5, 32.5)
    assert (grid["z_spacing_nm"], grid["time_interval_s"]) == (300.0, 0.5)
    # In steps of the grid: a camera pixel is two of them, and its centre half of one beside theirs.
    assert grid["origin"] == {"T": 0.0, "Z": 7.0, "Y": 19.5, "X": -0.5}


def test_a_part_begins_with_its_first_pixel(tiny_model: PretrainedModel) -> None:
    lazy = lazy_of(tiny_model, planes={"T": 3, "Z": slice(1, 4)}, region=((4, 20), (8, 32)))
    grid = restored_grid(lazy, origin={"T": 10, "X": 100})
    assert grid["origin"] == {"T": 13.0, "Z": 1.0, "Y": 7.5, "X": 215.5}
    assert grid["steps"] == {"T": 1.0, "Z": 1.0, "Y": 0.5, "X": 0.5}


@pytest.mark.parametrize(("letter", "in_file"), [("C", "C"), ("Q", "Z")])
def test_planes_of_an_axis_without_a_size_lie_there_too(
    tiny_model: PretrainedModel, letter: str, in_file: str
) -> None:
    lazy = lazy_of(tiny_model, axes=f"T{letter}YX", planes={letter: [1, 3]})
    grid = restored_grid(lazy, origin={letter: 5})
    assert grid["steps"][in_file] * grid["origin"][in_file] == 6
    assert grid["steps"][in_file] == 2


@pytest.mark.parametrize(("chosen", "step"), [([1, 3, 5], 2), ([2, 3], 1), ([0, 1, 4], 1), ([4, 2, 0], 1)])
def test_planes_that_are_evenly_spaced_keep_their_distance(
    tiny_model: PretrainedModel, chosen: list[int], step: int
) -> None:
    lazy = lazy_of(tiny_model, planes={"T": chosen})
    known = restored_grid(lazy, time_interval_s=0.5)
    unknown = restored_grid(lazy, steps={"T": 0.5})
    assert known["time_interval_s"] == unknown["steps"]["T"] == 0.5 * step
    assert known["origin"]["T"] * step == chosen[0]


def test_pixels_that_are_not_square_keep_both_sides(tiny_model: PretrainedModel) -> None:
    sides = (100.0, 200.0)
    grid = restored_grid(lazy_of(tiny_model), pixel_sides_nm=sides)
    assert (grid["pixel_size_nm"], grid["pixel_height_nm"]) == (100.0, 50.0)
    # Who restores with a pixel size of their own has said what the sides are.
    grid = restored_grid(lazy_of(tiny_model, pixel_size=65.0), pixel_sides_nm=sides)
    assert (grid["pixel_size_nm"], grid["pixel_height_nm"]) == (32.5, 32.5)


def test_planes_of_axes_that_share_a_letter_lie_where_they_were(tiny_model: PretrainedModel) -> None:
    lazy = lazy_of(tiny_model, axes="QQYX", planes={0: [3]})
    assert restored_grid(lazy, origin={"Q": 9})["origin"] == {"T": 3.0, "Z": 0.0, "Y": -0.5, "X": -0.5}
