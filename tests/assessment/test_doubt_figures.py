"""Figures are drawn without a window, in the colours asked for, and saved as pictures or drawings."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_hex
from PIL import Image

from napari_cvdm.assessment.doubt_figures import (
    FigureStyle,
    draw_curves,
    draw_histogram,
    draw_profile,
    histogram_of,
    rendered,
    saved,
)
from napari_cvdm.assessment.profile import Profile

LINE = np.linspace(0, 5, 50)
PROFILE = Profile(LINE, 100 + 50 * np.sin(LINE), np.full(50, 9.0), 90 + 40 * np.sin(LINE), "µm")


def test_the_profile_shows_reconstruction_band_and_original():
    (axes,) = draw_profile(PROFILE, FigureStyle()).axes
    assert [line.get_label() for line in axes.lines] == ["reconstruction", "original"]
    np.testing.assert_allclose(axes.lines[0].get_ydata(), PROFILE.mean)
    (band,) = axes.collections
    heights = band.get_paths()[0].vertices[:, 1]
    assert heights.max() == pytest.approx(PROFILE.band[1].max())
    assert axes.get_xlabel() == "distance (µm)"
    assert axes.get_xlim() == (0, 5)


def test_without_an_original_there_is_no_line_for_it():
    (axes,) = draw_profile(Profile(LINE, LINE, LINE, None, "px"), FigureStyle()).axes
    assert len(axes.lines) == 1


def test_curves_are_told_apart_and_a_level_is_no_curve():
    curves = {"input": ([0, 1, 2], [0, np.nan, 4]), "result": ([0, 1], [1, 0]), "none": ([], [])}
    figure = draw_curves(curves, FigureStyle(), "frequency", "correlation", 1 / 7)
    (axes,) = figure.axes
    level, *lines = axes.lines
    assert list(level.get_ydata()) == [1 / 7, 1 / 7]
    assert [list(line.get_ydata()) for line in lines[1:]] == [[1, 0], []]
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == 3
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == list(curves)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("frequency", "correlation")


def test_the_histogram_counts_every_pixel():
    values = np.append(np.linspace(0, 10, 1000), [5000.0] * 3)
    histogram = histogram_of(values, bins=10)
    assert histogram.edges[0] == 0
    columns = histogram.columns()
    assert list(columns) == ["from", "to", "pixels"]
    assert columns["pixels"].sum() == 1003
    assert columns["to"][-1] == 5000
    inside = histogram_of(np.linspace(0, 10, 1000), bins=10).columns()
    assert inside["pixels"].sum() == 1000


def test_what_lies_beyond_the_histogram_is_told_and_no_spike_at_its_end():
    rng = np.random.default_rng(0)
    histogram = histogram_of(np.append(rng.exponential(100, 100_000), np.full(90, 5000.0)))
    assert histogram.pixels[-1] < 20
    assert histogram.above >= 90
    (axes,) = draw_histogram(histogram, None, FigureStyle(), "σ").axes
    assert [text.get_text() for text in axes.texts] == [
        f"{histogram.above} pixels > {histogram.edges[-1]:.0f}"
    ]


def test_the_part_above_the_threshold_is_set_off():
    histogram = histogram_of(np.linspace(0, 10, 1000))
    figure = draw_histogram(histogram, 5.0, FigureStyle(), "σ")
    (axes,), (legend,) = figure.axes, figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["below threshold", "above threshold"]
    below, above = (patch.get_data().values for patch in axes.patches)
    assert below.sum() + above.sum() >= 999
    assert above.sum() == pytest.approx(500, abs=15)
    (line,) = axes.lines
    assert list(line.get_xdata()) == [5, 5]
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_yscale()) == ("σ", "pixels", "log")
    assert axes.get_xlim() == (0, histogram.edges[-1])
    assert axes.get_ylim()[0] < 1  # a bin of one pixel shows


def test_a_map_of_zeros_can_be_drawn():
    histogram = histogram_of(np.zeros(100))
    figure = draw_histogram(histogram, None, FigureStyle(), "σ")
    rendered(figure)
    assert not figure.axes[0].texts  # nothing lies beyond
    assert not figure.legends  # and there is one colour
    assert histogram.columns()["pixels"].tolist() == histogram.pixels.tolist()


def test_pixels_fit_the_screen_and_show_the_theme():
    style = FigureStyle(240, 180, ratio=2, foreground="#ffffff", background="#112233")
    figure = draw_profile(PROFILE, style)
    pixels = rendered(figure)
    assert pixels.shape == (360, 480, 4)
    assert pixels[0, 0].tolist() == [0x11, 0x22, 0x33, 255]
    assert np.mean(np.all(pixels[..., :3] == [0x11, 0x22, 0x33], axis=-1)) > 0.5  # between the curves, too
    (axes,), (legend,) = figure.axes, figure.legends
    assert to_hex(axes.spines["left"].get_edgecolor()) == "#ffffff"
    assert legend.get_window_extent().width < 480


def test_saved_as_picture_and_as_drawing(tmp_path: Path):
    saved(draw_profile(PROFILE, FigureStyle()), tmp_path / "profile.png")
    with Image.open(tmp_path / "profile.png") as picture:
        assert picture.size == (1000, 625)
    saved(draw_profile(PROFILE, FigureStyle()), str(tmp_path / "profile.svg"))
    assert "<svg" in (tmp_path / "profile.svg").read_text(encoding="utf-8")


def test_neither_the_module_nor_a_figure_needs_a_window():
    code = """
import sys
from napari_cvdm.assessment.doubt_figures import *
assert "matplotlib" not in sys.modules
import numpy as np
rendered(draw_histogram(histogram_of(np.arange(9.0)), 3.0, FigureStyle(), "x"))
print("matplotlib.pyplot" in sys.modules, "torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_a_figure_that_cannot_be_written_leaves_the_earlier_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    figure, path = draw_profile(PROFILE, FigureStyle()), tmp_path / "profile.png"
    path.write_bytes(b"the earlier one")

    def full(target: Any, **_: Any) -> None:
        with target if hasattr(target, "write") else Path(target).open("wb") as file:
            file.write(b"half of the new")
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(figure, "savefig", full)
    with pytest.raises(OSError, match="No space left"):
        saved(figure, path)
    assert path.read_bytes() == b"the earlier one"
    assert list(tmp_path.iterdir()) == [path]
