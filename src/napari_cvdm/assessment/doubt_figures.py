"""Figures about one result: a profile with its band, a histogram of the uncertainty, curves of its checks.

Matplotlib is loaded when the first figure is made, and figures are drawn without pyplot or any window, so
that this may be done in a worker thread.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_cvdm.assessment.profile import Profile
from napari_cvdm.models.replacing import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Okabe and Ito's palette, made to be told apart with every kind of colour blindness.
_BLUE, _ORANGE = "#56B4E9", "#E69F00"
#: The same for curves on a white ground, each with a dash of its own.
_CURVES = (("#0072B2", "-"), ("#D55E00", "--"), ("#009E73", "-."))
#: Matplotlib's caches of fonts and glyphs are shared and not safe for threads.
_DRAWING = Lock()


@dataclass(frozen=True)
class FigureStyle:
    """Size and colours of a figure.

    Attributes
    ----------
    width, height : float
        In pixels of a screen with 96 to the inch.
    ratio : float
        Physical pixels for each of these; 2 on many modern screens.
    foreground, background : str
        Colours of axes and text, and of the ground ("none" for a transparent one).
    """

    width: float = 480
    height: float = 300
    ratio: float = 1.0
    foreground: str = "black"
    background: str = "white"


@dataclass(frozen=True, eq=False)
class Histogram:
    """How often each uncertainty occurs. From `histogram_of`.

    Attributes
    ----------
    edges : ndarray, (bins + 1,)
        Edges of the bins.
    pixels : ndarray, (bins,)
        Pixels in each.
    above : int
        Pixels above the last edge.
    highest : float
        The greatest uncertainty.
    """

    edges: NDArray[np.float64]
    pixels: NDArray[np.int64]
    above: int = 0
    highest: float = 0.0

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return the columns of a table, under their headings."""
        edges, pixels = self.edges, self.pixels
        if self.above:
            edges, pixels = np.append(edges, self.highest), np.append(pixels, self.above)
        return {"from": edges[:-1], "to": edges[1:], "pixels": pixels}


def histogram_of(uncertainty: NDArray[np.floating], bins: int = 80) -> Histogram:
    """Count pixels by their uncertainty, up to the 99.9th percentile; those above are counted together."""
    top = float(np.percentile(uncertainty, 99.9)) or 1.0
    pixels, edges = np.histogram(uncertainty, bins=bins, range=(0, top))
    return Histogram(edges, pixels, int(np.size(uncertainty) - pixels.sum()), float(np.max(uncertainty)))


def draw_profile(profile: Profile, style: FigureStyle) -> Figure:
    """Draw a profile: reconstruction with its 90 % band, and the original."""
    figure, axes = _empty(style)
    low, high = profile.band
    axes.fill_between(
        profile.distance, low, high, color=_BLUE, alpha=0.35, linewidth=0, label="90 % interval"
    )
    axes.plot(profile.distance, profile.mean, color=_BLUE, linewidth=1.6, label="reconstruction")
    if profile.original is not None:
        dashed: dict[str, Any] = {"color": style.foreground, "linewidth": 1.2, "linestyle": "--"}
        axes.plot(profile.distance, profile.original, label="original", **dashed)
    axes.set_xlim(float(profile.distance[0]), float(profile.distance[-1]))
    _label(axes, style, f"distance ({profile.unit})", "intensity")
    _legend(figure, axes, style)
    return figure


def draw_histogram(histogram: Histogram, threshold: float | None, style: FigureStyle, label: str) -> Figure:
    """Draw a histogram of the uncertainty, with the part above the threshold in orange.

    Counts are on a logarithmic axis, because doubtful pixels are few; `label` is that of the other one.
    """
    figure, axes = _empty(style)
    edges, above = histogram.edges, np.zeros(len(histogram.pixels), bool)
    if threshold is not None:
        above = histogram.edges[:-1] >= threshold
        # Above its end are words, of a histogram that does not hold all pixels.
        length = 0.84 if histogram.above else 1.0
        axes.axvline(threshold, ymax=length, color=style.foreground, linewidth=1, linestyle="--")
    for chosen, color, name in ((~above, _BLUE, "below threshold"), (above, _ORANGE, "above threshold")):
        if chosen.any():
            counts = np.where(chosen, histogram.pixels, 0)
            axes.stairs(counts, edges, fill=True, color=color, label=name)
    axes.set_yscale("log", nonpositive="clip")
    axes.set_ylim(bottom=0.7)
    top = float(edges[-1])
    axes.set_xlim(0, top)
    if histogram.above:
        beyond = f"{histogram.above} pixels > {f'{top:.0f}' if top >= 100 else f'{top:.3g}'}"
        place: dict[str, Any] = {"transform": axes.transAxes, "ha": "right", "va": "top"}
        axes.text(0.99, 0.97, beyond, color=style.foreground, fontsize="small", **place)
    _label(axes, style, label, "pixels")
    if threshold is not None:
        _legend(figure, axes, style)
    return figure


def draw_curves(
    curves: Mapping[str, tuple[ArrayLike, ArrayLike]],
    style: FigureStyle,
    x: str,
    y: str,
    level: float | None = None,
) -> Figure:
    """Draw curves over common axes, which are labelled `x` and `y`.

    There are at most three of them: under their names, their points along both axes. At `level`, such as a
    threshold, there is a horizontal line.
    """
    figure, axes = _empty(style)
    if level is not None:
        axes.axhline(level, color=style.foreground, alpha=0.5, linewidth=1, linestyle=":")
    for number, (name, points) in enumerate(curves.items()):
        color, dash = _CURVES[number]
        axes.plot(*points, color=color, linestyle=dash, linewidth=1.6, label=name)
    _label(axes, style, x, y)
    _legend(figure, axes, style)
    return figure


def rendered(figure: Figure) -> NDArray[np.uint8]:
    """Return a figure's pixels, uint8, shape (height, width, 4), RGBA."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    with _DRAWING:
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        return np.array(canvas.buffer_rgba())


def saved(figure: Figure, path: str | Path) -> None:
    """Write a figure to a file, whole or not at all; its name's end tells the kind: .png, .svg or .pdf."""
    path = Path(path)
    with _DRAWING, replacing(path) as file:
        figure.savefig(file, dpi=200, format=path.suffix.lower().removeprefix("."))


def _empty(style: FigureStyle) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(
        figsize=(max(style.width, 80) / 96, max(style.height, 80) / 96),
        dpi=96 * style.ratio,
        facecolor=style.background,
        layout="constrained",
    )
    axes = figure.add_subplot()
    axes.set_facecolor("none")
    for edge, spine in axes.spines.items():
        spine.set_visible(edge in ("left", "bottom"))
        spine.set_color(style.foreground)
    axes.tick_params(colors=style.foreground, which="both", labelsize=_type_size(style))
    axes.locator_params(axis="x", nbins=5)
    return figure, axes


def _type_size(style: FigureStyle) -> float:
    """Return the size of type in points: small in a narrow dock, to leave the curve some room."""
    return 7 if style.width < 400 else 8.5


def _label(axes: Axes, style: FigureStyle, x: str, y: str) -> None:
    axes.set_xlabel(x, color=style.foreground, fontsize=_type_size(style))
    axes.set_ylabel(y, color=style.foreground, fontsize=_type_size(style))


def _legend(figure: Figure, axes: Axes, style: FigureStyle) -> None:
    handles, labels = axes.get_legend_handles_labels()
    columns = min(len(labels), 2) if style.width < 300 else len(labels)
    figure.legend(
        handles, labels, loc="outside upper center", ncols=columns, frameon=False,
        fontsize=_type_size(style), labelcolor=style.foreground, handlelength=1.2, columnspacing=0.9,
        handletextpad=0.4,
    )  # fmt: skip
