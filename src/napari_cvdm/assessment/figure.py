"""A picture of one field side by side: before, after, uncertainty and, where there is one, the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

_BACKGROUND = (24, 24, 26)
_INK = (235, 235, 235)
_GAP = 12
_TITLE_HEIGHT = 34
_BAR_WIDTH = 14
_BAR_SPACE = 84  # the colour bar with its numbers
_FOOTER_HEIGHT = 30


@dataclass(frozen=True)
class Panel:
    """One image of the field.

    Parameters
    ----------
    title : str
        What it is, above the image.
    image : ndarray
        Shape (Y, X). All panels of a picture show the same field, each at its own sampling.
    is_uncertainty : bool, optional
        Show it in colour, from 0 up, with a bar that tells the values.
    unit : str, optional
        What the values of an uncertainty are counted in.
    top : float, optional
        The value shown brightest in an uncertainty; by default the 99.8 percentile.
    """

    title: str
    image: NDArray[np.floating] | NDArray[np.integer]
    is_uncertainty: bool = False
    unit: str = "intensity"
    top: float | None = None


def draw_side_by_side(
    panels: Sequence[Panel], *, field_width: float | None = None, height: int = 480
) -> Image.Image:
    """Draw panels beside each other, in RGB, with titles, a scale bar and a colour bar for each uncertainty.

    Parameters
    ----------
    panels : sequence of Panel
        From left to right.
    field_width : float, optional
        Width of the field in nanometres; without it there is no scale bar.
    height : int, optional
        Height of each image in the picture, in pixels.
    """
    rows, columns = panels[0].image.shape
    width = round(height * columns / rows)
    bars = [_BAR_SPACE if panel.is_uncertainty else 0 for panel in panels]
    total = _GAP + sum(width + bar + _GAP for bar in bars)
    full_height = _TITLE_HEIGHT + height + _GAP
    if any(bars):
        full_height += _FOOTER_HEIGHT - _GAP
    picture = Image.new("RGB", (total, full_height), _BACKGROUND)
    pen = ImageDraw.Draw(picture)
    left = _GAP
    for number, (panel, bar) in enumerate(zip(panels, bars, strict=True)):
        low, high = _limits(panel)
        box = (left, _TITLE_HEIGHT, left + width, _TITLE_HEIGHT + height)
        picture.paste(_render(panel, low, high, (width, height)), box[:2])
        pen.text((left, 7), panel.title, fill=_INK, font=_font(16))
        if number == 0 and field_width is not None:
            _draw_scale_bar(pen, box, field_width)
        if panel.is_uncertainty:
            _draw_colour_bar(picture, box, low, high, panel.unit)
        left += width + bar + _GAP
    return picture


def choose_detail(image: NDArray[np.floating] | NDArray[np.integer], side: int) -> tuple[slice, slice]:
    """Choose the square of an image (Y, X) that has the most structure: its rows and columns.

    `side` is that of the square in pixels, which is cut to the image where that is smaller.
    """
    from scipy import ndimage

    smooth = ndimage.gaussian_filter(np.asarray(image, dtype=np.float32), 1.5)
    # Of square roots, shot noise is the same everywhere: what differs is structure, faint or bright.
    edges = np.hypot(*np.gradient(np.sqrt(smooth - smooth.min())))
    height, width = min(side, image.shape[0]), min(side, image.shape[1])
    sums = np.pad(edges.cumsum(0, dtype=np.float64).cumsum(1), ((1, 0), (1, 0)))
    inside = sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width] + sums[:-height, :-width]
    top, left = np.unravel_index(int(inside.argmax()), inside.shape)
    return slice(int(top), int(top) + height), slice(int(left), int(left) + width)


def on_fine_grid(detail: tuple[slice, slice], scale: int) -> tuple[slice, slice]:
    """Return the rows and columns of a detail in a reconstruction `scale` times as fine as the image."""
    rows, columns = (slice(each.start * scale, each.stop * scale) for each in detail)
    return rows, columns


def uncertainty_colours(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Colour numbers from 0 to 1 for an uncertainty: black, purple, orange, pale yellow.

    The result is uint8, with a last axis of red, green and blue more than `values`. Numbers outside 0 to 1
    get the colour of the nearer end.
    """
    from matplotlib import colormaps

    # Perceptually uniform, and read the same by colour-blind eyes.
    return colormaps["inferno"](values, bytes=True)[..., :3]


def _limits(panel: Panel) -> tuple[float, float]:
    """Return the values shown darkest and brightest."""
    if panel.is_uncertainty:
        low = 0.0
        high = float(np.percentile(panel.image, 99.8)) if panel.top is None else panel.top
    else:
        low, high = (float(value) for value in np.percentile(panel.image, (1.0, 99.8)))
    return low, high if high > low else low + 1.0


def _render(panel: Panel, low: float, high: float, size: tuple[int, int]) -> Image.Image:
    values = np.clip((np.asarray(panel.image, dtype=np.float32) - low) / (high - low), 0, 1)
    # Nearest neighbour where pixels get large: the camera's pixels are shown as what they are.
    enlargement = size[1] / panel.image.shape[0]
    resampling = Image.Resampling.NEAREST if enlargement >= 2 else Image.Resampling.LANCZOS
    if panel.is_uncertainty:
        return Image.fromarray(uncertainty_colours(values)).resize(size, resampling)
    grey = np.rint(values * 255).astype(np.uint8)
    return Image.fromarray(grey).resize(size, resampling).convert("RGB")


def _draw_scale_bar(pen: ImageDraw.ImageDraw, box: tuple[int, int, int, int], field_width: float) -> None:
    width = box[2] - box[0]
    length = _round_length(field_width / 4)
    right, bottom = box[2] - 14, box[3] - 14
    left = right - round(width * length / field_width)
    label = f"{length:g} nm" if length < 1000 else f"{length / 1000:g} µm"
    pen.rectangle((left, bottom - 5, right, bottom), fill="white", outline="black")
    font = _font(15)
    # Above the middle of the bar, but not beyond the panel, whose neighbour it would seem to belong to.
    middle = min((left + right) / 2, box[2] - 6 - pen.textlength(label, font) / 2)
    pen.text(
        (middle, bottom - 9), label, fill="white", font=font, anchor="ms", stroke_width=2, stroke_fill="black"
    )


def _round_length(length: float) -> float:
    """Return the largest of 1, 2, 5, 10, ... that is not longer."""
    power = 10.0 ** np.floor(np.log10(length))
    return float(power * max(digit for digit in (1, 2, 5) if digit * power <= length * (1 + 1e-9)))


def _draw_colour_bar(
    picture: Image.Image, box: tuple[int, int, int, int], low: float, high: float, unit: str
) -> None:
    pen = ImageDraw.Draw(picture)
    top, bottom, left = box[1], box[3], box[2] + 8
    ramp = uncertainty_colours(np.linspace(1, 0, bottom - top, dtype=np.float32)[:, None])
    picture.paste(Image.fromarray(ramp).resize((_BAR_WIDTH, bottom - top)), (left, top))
    for share, anchor in ((0.0, "ls"), (0.5, "lm"), (1.0, "lt")):
        value = low + share * (high - low)
        number = f"{value:.0f}" if high >= 100 else f"{value:.3g}"
        y = bottom - share * (bottom - top)
        pen.text((left + _BAR_WIDTH + 6, y), number, fill=_INK, font=_font(13), anchor=anchor)
    label = f"standard deviation ({unit})"
    pen.text((left + _BAR_WIDTH, bottom + 8), label, fill=_INK, font=_font(13), anchor="rt")


def _font(size: int) -> ImageFont.FreeTypeFont:
    import matplotlib as mpl

    # Pillow's own font has no µ.
    return ImageFont.truetype(f"{mpl.get_data_path()}/fonts/ttf/DejaVuSans.ttf", size)
