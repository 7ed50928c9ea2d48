"""Numbers in words, short and honest."""

from __future__ import annotations

import doctest

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image

from napari_cvdm.assessment.doubt import ThresholdSummary
from napari_cvdm.plugin.doubt import words
from napari_cvdm.plugin.doubt.slices import Slice
from napari_cvdm.plugin.doubt.words import (
    amount,
    length_unit,
    made_words,
    outside_words,
    plane_words,
    threshold_words,
)
from napari_cvdm.plugin.results.layers import METADATA_KEY


def test_examples_in_the_docstrings():
    assert doctest.testmod(words).failed == 0


@pytest.mark.parametrize(
    ("provenance", "said"),
    [
        ({"draws": 8, "steps": 1, "uncertainty": "calibrated"}, "Standard: 8 draws of 1 step, calibrated"),
        ({"draws": 1, "steps": 3}, "Custom: 1 draw of 3 steps, uncalibrated"),
        ({"draws": 2}, "Custom: 2 draws, uncalibrated"),
        (
            {"draws": 2, "steps": 3, "seed": 5, "stopped": {"draws_of_planes": [8, 2]}},
            "Stopped early, at least 2 draws of 3 steps, uncalibrated uncertainty, seed 5.",
        ),
        ({"draws": 0, "stopped": {}}, "Stopped early, at least mean network only"),
        ({"draws": 0, "model": {"name": "a\nb" + 99 * "c"}}, "model a?bccc"),
    ],
)
def test_how_a_result_was_made(provenance, said):
    words = made_words(provenance)
    assert said in words
    assert len(words) < 150


@pytest.mark.parametrize("stated", [{}, {"draws": "8"}, {"draws": -1}, {"draws": 1.5}])
def test_what_does_not_say_how_it_was_made_is_not_guessed_at(stated):
    assert made_words(stated) == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (65535, "65500"), (1e-5, "0.00001")],
)
def test_amounts(value, text):
    assert amount(value) == text


def test_lengths_are_told_in_micrometres_or_in_pixels():
    nanometres = Image(np.zeros((4, 4)), units=("nm", "nm"))
    factor, unit = length_unit(nanometres, 0)
    assert (factor, unit) == (pytest.approx(1e-3), "µm")
    assert length_unit(Image(np.zeros((4, 4))), 1) == (1.0, "px")


@pytest.mark.parametrize(("size", "fine"), [(80.0, 0.04), (None, None)])
def test_a_result_without_units_has_the_pixels_that_its_run_was_told(size, fine):
    about = {METADATA_KEY: {"axes": "ZYX", "upscaling": 2, "pixel_size_nm": size}}
    result = Image(np.zeros((3, 8, 8)), scale=(1, 0.5, 0.5), metadata=about)
    assert length_unit(result, 0) == (1.0, "px")
    factor, unit = length_unit(result, 2)
    assert (0.5 * factor, unit) == ((pytest.approx(fine), "µm") if fine else (0.5, "px"))


def test_planes_are_named_by_their_axes():
    stack = Image(np.zeros((5, 1, 3, 8, 8)), axis_labels=("t", "c", "z", "y", "x"))
    assert plane_words(stack, Slice((4, 0, 2, None, None))) == "t 4, z 2"
    assert plane_words(Image(np.zeros((5, 8, 8))), Slice((1, None, None))) == "plane 1"
    twice = Image(np.zeros((5, 4, 8, 8)))
    assert plane_words(twice, Slice((1, 2, None, None))) == "axis -4 1, axis -3 2"
    assert plane_words(Image(np.zeros((8, 8))), Slice((None, None))) == ""
    made = {METADATA_KEY: {"axes": "TCYX"}}
    named = Image(np.zeros((5, 2, 8, 8)), metadata=made)
    assert plane_words(named, Slice((2, 0, None, None))) == "t 2, channel 0"


@pytest.mark.parametrize(
    "made",
    [
        {"asked": {"part": [[3, 9, 2], [1, 2, 1], [0, 4, 1], [0, 4, 1]]}},
        {"selection": {"planes": {"T": [3, 5, 7], "C": [1]}}},
    ],
)
def test_planes_of_a_part_are_numbered_as_in_the_image_it_was_taken_from(made):
    part = Image(np.zeros((3, 1, 8, 8)), metadata={METADATA_KEY: {"axes": "TCYX", **made}})
    assert plane_words(part, Slice((1, 0, None, None))) == "t 5, channel 1"


def test_where_a_result_is_is_told_as_the_sliders_count():
    viewer = ViewerModel()
    viewer.add_image(np.zeros((2, 9, 8, 8)), scale=(1, 0.5, 1, 1), axis_labels=("c", "z", "y", "x"))
    part = viewer.add_image(
        np.zeros((1, 3, 8, 8)),
        scale=(1, 0.5, 1, 1),
        translate=(1, 1.5, 0, 0),
        axis_labels=("c", "z", "y", "x"),
    )
    words = outside_words(part, Slice((0, 0, None, None), 1, (0, 1)), viewer.dims).replace("\u00a0", " ")
    assert words == "This result covers c 1, z 3 to 5 only: move the slider there."


def test_channels_that_were_colours_are_numbered_by_themselves():
    made = {"axes": "CTYX", "asked": {"part": [[4, 6, 1], [0, 4, 1], [0, 4, 1]]}}
    layer = Image(np.zeros((3, 2, 8, 8)), metadata={METADATA_KEY: made})
    assert plane_words(layer, Slice((2, 1, None, None))) == "channel 2, t 5"


def test_a_threshold_in_words():
    summary = ThresholdSummary(100.0, 0.12, 0.031, 250.0, 40.0)
    text = threshold_words(summary, "absolute", calibrated=True, factor=2.0)
    assert "12 % of the signal" in text
    assert "3.1 % of the pixels" in text
    assert "250 above" in text
    assert "40 below" in text
    assert "9 of 10 true values" in text
    assert "200" in text


def test_nothing_is_said_of_the_calibration_before_the_end_of_a_run():
    text = threshold_words(
        ThresholdSummary(100.0, 0.1, 0.1, 250.0, 40.0), "absolute", calibrated=None, factor=2.0
    )
    assert "still goes on" in text
    assert "not calibrated" not in text
    assert "9 of 10" not in text


def test_an_uncalibrated_size_is_not_promised():
    text = threshold_words(
        ThresholdSummary(0.5, 0.1, 0.1, None, 0.2), "relative", calibrated=False, factor=2.0
    )
    assert "9 of 10" not in text
    assert "not calibrated" in text
    assert "20 % below" in text
    assert "above," not in text
