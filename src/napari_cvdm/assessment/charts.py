"""Small line charts as SVG text, to stand in a report that needs no other file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import ArrayLike

from napari_cvdm.assessment.plain_numbers import plain_number

#: Okabe & Ito's colours, told apart by colour-blind eyes, each with a dash of its own.
_STYLES = (("#0072b2", ""), ("#d55e00", "7 3"), ("#009e73", "2 3"), ("#cc79a7", "9 3 2 3"))
_WIDTH, _HEIGHT = 420, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 14, 46


@dataclass(frozen=True, eq=False)
class Line:
    """A curve.

    Attributes
    ----------
    label : str
        What it is.
    x, y : array-like
        Its points; those that are not finite are left out.
    """

    label: str
    x: ArrayLike
    y: ArrayLike


def line_chart(lines: Sequence[Line], x_label: str, y_label: str, *, level: float | None = None) -> str:
    """Draw curves over common axes.

    Parameters
    ----------
    lines : sequence of Line
        At most four.
    x_label, y_label : str
        What the axes are.
    level : float, optional
        A horizontal line, such as a threshold.

    Returns
    -------
    str
        An ``<svg>`` element.

    Raises
    ------
    ValueError
        If there are more curves than styles.
    """
    if len(lines) > len(_STYLES):
        raise ValueError(f"a chart holds at most {len(_STYLES)} curves")
    curves = [_finite(line) for line in lines]
    x_low, x_high = _limits([curve[0] for curve in curves], None)
    y_low, y_high = _limits([curve[1] for curve in curves], level)

    def place(x: float, y: float) -> str:
        across = _LEFT + (x - x_low) / (x_high - x_low) * (_WIDTH - _LEFT - _RIGHT)
        down = _TOP + (y_high - y) / (y_high - y_low) * (_HEIGHT - _TOP - _BOTTOM)
        return f"{across:.1f},{down:.1f}"

    parts = [_axes(x_low, x_high, y_low, y_high, x_label, y_label)]
    if level is not None:
        start, end = place(x_low, level), place(x_high, level)
        parts.append(f'<polyline points="{start} {end}" fill="none" stroke="#999" stroke-dasharray="3 3"/>')
    for number, (line, (xs, ys)) in enumerate(zip(lines, curves, strict=True)):
        colour, dash = _STYLES[number]
        points = " ".join(place(float(x), float(y)) for x, y in zip(xs, ys, strict=True))
        stroke = f'fill="none" stroke="{colour}" stroke-width="1.8" stroke-dasharray="{dash}"'
        parts.append(f'<polyline points="{points}" {stroke}/>')
        top = _TOP + 12 + 15 * number
        parts.append(
            f'<line x1="{_WIDTH - 190}" x2="{_WIDTH - 165}" y1="{top - 4}" y2="{top - 4}" {stroke}/>'
        )
        parts.append(f'<text x="{_WIDTH - 160}" y="{top}">{escape(line.label)}</text>')
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" '
        f'xmlns="http://www.w3.org/2000/svg" font-family="sans-serif" font-size="11">{"".join(parts)}</svg>'
    )


def _finite(line: Line) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.asarray(line.x, np.float64), np.asarray(line.y, np.float64)
    good = np.isfinite(x) & np.isfinite(y)
    return x[good], y[good]


def _limits(values: Sequence[np.ndarray], also: float | None) -> tuple[float, float]:
    together = np.concatenate([np.array([0.0] if also is None else [0.0, also]), *values])
    low, high = float(together.min()), float(together.max())
    return (low, high) if high > low else (low, low + 1.0)


def _axes(x_low: float, x_high: float, y_low: float, y_high: float, x_label: str, y_label: str) -> str:
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    middle = (_TOP + bottom) / 2
    return (
        f'<path d="M{_LEFT} {_TOP}V{bottom}H{right}" fill="none" stroke="#333"/>'
        f'<text x="{_LEFT}" y="{bottom + 15}" text-anchor="middle">{plain_number(x_low)}</text>'
        f'<text x="{right}" y="{bottom + 15}" text-anchor="end">{plain_number(x_high)}</text>'
        f'<text x="{(_LEFT + right) / 2}" y="{_HEIGHT - 8}" text-anchor="middle">{escape(x_label)}</text>'
        f'<text x="{_LEFT - 5}" y="{bottom}" text-anchor="end">{plain_number(y_low)}</text>'
        f'<text x="{_LEFT - 5}" y="{_TOP + 8}" text-anchor="end">{plain_number(y_high)}</text>'
        f'<text transform="translate(14 {middle}) rotate(-90)" text-anchor="middle">{escape(y_label)}</text>'
    )
