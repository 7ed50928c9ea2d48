"""Contrast limits ignore hot pixels, are always a range, and take a few planes' reading."""

from __future__ import annotations

import numpy as np
import pytest

from napari_cvdm.restoration.contrast import limits_of, sample_planes


def test_they_are_a_range_even_of_a_flat_picture():
    pixels = np.linspace(-3, 7, 1001)[None]
    assert limits_of("reconstruction", pixels) == pytest.approx((-2.95, 6.98))
    assert limits_of("uncertainty", pixels) == pytest.approx((0.0, 6.98))
    for flat in (0.0, 5.0, 1e12):
        low, high = limits_of("reconstruction", np.full((4, 4), flat))
        assert low == flat < high


class Stack:
    """Planes that remember who asked for them."""

    shape = (30, 20, 1000, 1000)

    def __init__(self):
        self.read = []

    def __getitem__(self, wanted: tuple) -> np.ndarray:
        self.read.append(wanted[:2])
        return np.full((1000, 1000), sum(wanted[:2]), np.float32)[wanted[2:]]


def test_a_few_planes_of_a_stack_are_read_from_its_first_to_its_last():
    stack = Stack()
    assert limits_of("reconstruction", stack) == (0, 48)
    assert len(stack.read) == 8


def test_planes_can_be_chosen():
    stack = Stack()
    among = [(plane, 3) for plane in range(30)]
    pixels = sample_planes(stack, among)
    assert (pixels.min(), pixels.max()) == (3, 32)
    assert len(stack.read) == len(pixels) == 8
    assert pixels.size < 8 * 1000 * 1000 / 10  # thinned out
    assert set(stack.read) < set(among)
