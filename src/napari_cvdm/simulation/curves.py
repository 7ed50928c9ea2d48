"""Curves in the plane, and how to draw them with sub-pixel accuracy.

Every thin structure of the simulator is a set of points along curves with a brightness each. `splat` spreads
a point over its four neighbouring pixels by bilinear weights, which keeps total brightness and position
exact.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: Distance between the points of a curve, pixels.
SPACING = 0.5

Array = NDArray[np.float64]
Image = NDArray[np.float32]


def splat(size: int, y: Array, x: Array, brightness: Array | float) -> Image:
    """Add up points on a pixel grid (size, size), float32; its sum is the brightness of the points inside.

    Positions `y` and `x` are in pixels, of any one shape, to which the brightness is broadcast; pixel (0, 0)
    has its centre at (0, 0). Points outside are dropped.
    """
    weight = np.broadcast_to(np.asarray(brightness, dtype=float), y.shape).ravel()
    y, x = y.ravel(), x.ravel()
    inside = (y >= 0) & (x >= 0) & (y < size - 1) & (x < size - 1)
    y, x, weight = y[inside], x[inside], weight[inside]
    row, column = y.astype(np.intp), x.astype(np.intp)
    dy, dx = y - row, x - column
    index = row * size + column
    image = np.zeros(size * size)
    for shift, share in (
        (0, (1 - dy) * (1 - dx)),
        (1, (1 - dy) * dx),
        (size, dy * (1 - dx)),
        (size + 1, dy * dx),
    ):
        image += np.bincount(index + shift, weight * share, minlength=size * size)
    return image.reshape(size, size).astype(np.float32)


def wandering_curves(
    rng: np.random.Generator,
    start_y: Array,
    start_x: Array,
    heading: Array,
    length: float,
    persistence: float,
) -> tuple[Array, Array, Array]:
    """Curves whose heading wanders, as semiflexible filaments do in two dimensions.

    Parameters
    ----------
    start_y, start_x, heading : ndarray
        Start (pixels) and initial direction (radians) of each curve, shape (n,).
    length, persistence : float
        Contour length, and length over which the mean cosine of the turn falls to 1/e, pixels: the heading's
        variance grows by 2 · ds / persistence per step ds. (A worm-like chain confined to the plane, whose
        persistence length states its stiffness, has half of that.)

    Returns
    -------
    y, x, heading : ndarray
        Shape (n, points), `SPACING` apart.
    """
    count = max(2, int(length / SPACING))
    turns = rng.normal(0, np.sqrt(2 * SPACING / persistence), (len(start_y), count))
    angle = heading[:, None] + np.cumsum(turns, axis=1)
    y = start_y[:, None] + SPACING * np.cumsum(np.sin(angle), axis=1)
    x = start_x[:, None] + SPACING * np.cumsum(np.cos(angle), axis=1)
    return y, x, angle


def labelling(rng: np.random.Generator, shape: tuple[int, int], density: float) -> Array:
    """Relative number of fluorophores at each point of each curve (curves, points), with mean 1.

    With a mean number of labels at a point (`density`) below 1 the curve looks dotted, above 10 even.
    """
    return rng.poisson(density, shape) / density


def smooth_noise(rng: np.random.Generator, size: int, scale: float) -> Image:
    """Smooth random field of zero mean and unit standard deviation, correlated over ``scale`` pixels."""
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None, :])
    spectrum = np.fft.rfft2(rng.normal(size=(size, size)))
    field = np.fft.irfft2(spectrum * np.exp(-2 * (np.pi * scale * frequency) ** 2), s=(size, size))
    field -= field.mean()
    return (field / field.std()).astype(np.float32)
