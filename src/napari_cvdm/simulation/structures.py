"""Fluorescent structures: where the fluorophores are, on the fine grid.

Each function draws one kind of structure as a density image (size, size), float32, in arbitrary units, with
pixels half as large as the camera's. Lengths are in fine pixels (about 32 nm each for a 65 nm camera pixel).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.spatial import Voronoi
from scipy.special import expit
from skimage.draw import polygon

from napari_cvdm.simulation.curves import (
    SPACING,
    Array,
    Image,
    labelling,
    smooth_noise,
    splat,
    wandering_curves,
)

Rng = np.random.Generator


def _log_uniform(rng: Rng, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _starts(rng: Rng, count: int, size: int, margin: float) -> tuple[Array, Array]:
    return rng.uniform(-margin, size + margin, count), rng.uniform(-margin, size + margin, count)


def microtubules(rng: Rng, size: int) -> Image:
    """Long, stiff, single filaments of similar brightness; sparse to dense; sometimes nearly parallel."""
    count = int(_log_uniform(rng, 4, 90) * (size / 256) ** 2) + 1
    y, x = _starts(rng, count, size, 60)
    if rng.random() < 0.4:
        heading = rng.uniform(0, np.pi) + rng.normal(0, rng.uniform(0.05, 0.6), count)
        heading += np.pi * rng.integers(0, 2, count)
    else:
        heading = rng.uniform(0, 2 * np.pi, count)
    y, x, _ = wandering_curves(rng, y, x, heading, 1.6 * size, _log_uniform(rng, 150, 1500))
    brightness = np.exp(rng.normal(0, rng.uniform(0.05, 0.5), (count, 1)))
    return splat(size, y, x, brightness * labelling(rng, y.shape, _log_uniform(rng, 0.3, 20)))


def actin(rng: Rng, size: int) -> Image:
    """Bundles of parallel filaments (stress fibres, filopodia) over a dense mesh of thin ones."""
    image = np.zeros((size, size), np.float32)
    bundles = int(_log_uniform(rng, 1, 40) * (size / 256)) + 1
    direction, spread = rng.uniform(0, np.pi), rng.uniform(0.05, 0.9)
    for _ in range(bundles):
        strands, width = int(rng.integers(1, 14)), _log_uniform(rng, 1.0, 9.0)
        start_y, start_x = _starts(rng, 1, size, 0.3 * size)
        heading = direction + rng.normal(0, spread, 1) + np.pi * rng.integers(0, 2, 1)
        y, x, angle = wandering_curves(
            rng, start_y, start_x, heading, rng.uniform(0.3, 1.8) * size, _log_uniform(rng, 300, 3000)
        )
        # Strands drift slowly across the bundle, so that they touch, part and cross.
        drift = np.cumsum(rng.normal(0, 0.03, (strands, y.shape[1])), axis=1)
        offset = rng.normal(0, width / 2, (strands, 1)) + drift
        taper = np.minimum(1, np.linspace(0.2, rng.uniform(1, 8), y.shape[1]))
        y = y - offset * np.cos(angle) * taper
        x = x + offset * np.sin(angle) * taper
        bright = _log_uniform(rng, 0.3, 2.0) * np.exp(rng.normal(0, 0.5, (strands, 1)))
        image += splat(size, y, x, bright * labelling(rng, y.shape, _log_uniform(rng, 0.4, 10)))
    if rng.random() < 0.7:
        count = int(_log_uniform(rng, 20, 500) * (size / 256) ** 2)
        start_y, start_x = _starts(rng, count, size, 30)
        y, x, _ = wandering_curves(
            rng, start_y, start_x, rng.uniform(0, 2 * np.pi, count), _log_uniform(rng, 20, 250), 200
        )
        bright = _log_uniform(rng, 0.05, 0.7) * np.exp(rng.normal(0, 0.4, (count, 1)))
        image += splat(size, y, x, bright * labelling(rng, y.shape, _log_uniform(rng, 0.3, 5)))
    return image


def rings(rng: Rng, size: int) -> Image:
    """Rings, open arcs and filled spots of sub-diffraction size, alone and in clusters (clathrin pits)."""
    count = int(_log_uniform(rng, 5, 220) * (size / 256) ** 2) + 1
    centre_y, centre_x = _starts(rng, count, size, 4)
    if rng.random() < 0.4:
        cluster = rng.integers(0, max(1, count // 6), count)
        centre_y = centre_y[cluster] + rng.normal(0, 7, count)
        centre_x = centre_x[cluster] + rng.normal(0, 7, count)
    points = 64
    radius = np.exp(rng.normal(np.log(rng.uniform(1.8, 4.5)), 0.3, (count, 1)))
    squeeze = rng.uniform(0.6, 1.0, (count, 1))
    turn = rng.uniform(0, 2 * np.pi, (count, 1))
    extent = np.where(rng.random((count, 1)) < 0.75, 1.0, rng.uniform(0.4, 1.0, (count, 1)))
    angle = turn + 2 * np.pi * extent * np.linspace(0, 1, points, endpoint=False)
    filling = np.where(rng.random((count, 1)) < 0.3, np.sqrt(rng.random((count, points))), 1.0)
    along, across = radius * filling * np.cos(angle), squeeze * radius * filling * np.sin(angle)
    y = centre_y[:, None] + along * np.sin(turn) + across * np.cos(turn)
    x = centre_x[:, None] + along * np.cos(turn) - across * np.sin(turn)
    bright = radius * np.exp(rng.normal(0, rng.uniform(0.1, 0.8), (count, 1)))
    return splat(size, y, x, bright * labelling(rng, y.shape, _log_uniform(rng, 0.2, 5)))


def tubule_mesh(rng: Rng, size: int) -> Image:
    """Network of thin tubules meeting in three-way junctions, with some sheets (endoplasmic reticulum)."""
    count = int(_log_uniform(rng, 20, 500) * (size / 256) ** 2) + 8
    seeds = rng.uniform(-30, size + 30, (count, 2))
    if rng.random() < 0.5:  # uneven mesh size across the field
        seeds[:, 0] = size * (np.clip(seeds[:, 0] / size, 0, 2) ** rng.uniform(0.6, 1.7))
    diagram = Voronoi(seeds)
    edges = np.array([e for e in diagram.ridge_vertices if min(e) >= 0], dtype=np.intp)
    edges = edges[rng.random(len(edges)) < rng.uniform(0.55, 1.0)]
    a, b = diagram.vertices[edges[:, 0]], diagram.vertices[edges[:, 1]]
    length = np.hypot(*(b - a).T)
    keep = length < 150
    a, b, length = a[keep], b[keep], length[keep]
    # One number of points for all edges keeps this vectorised; brightness makes up for the spacing.
    points = 160
    s = np.linspace(0, 1, points)
    bow = rng.normal(0, 0.09, len(a))[:, None] * np.sin(np.pi * s)
    bow = bow + rng.normal(0, 0.05, len(a))[:, None] * np.sin(2 * np.pi * s)
    y = a[:, :1] + (b - a)[:, :1] * s + (b - a)[:, 1:] * bow
    x = a[:, 1:] + (b - a)[:, 1:] * s - (b - a)[:, :1] * bow
    bright = np.exp(rng.normal(0, 0.25, (len(a), 1))) * (2 * length / points)[:, None]
    image = splat(size, y, x, bright * labelling(rng, y.shape, _log_uniform(rng, 0.3, 10)))
    if rng.random() < 0.5:
        for cell in rng.permutation(len(diagram.regions))[: int(rng.integers(1, 12))]:
            region = diagram.regions[cell]
            if len(region) > 2 and min(region) >= 0:
                corners = diagram.vertices[region]
                rows, columns = polygon(corners[:, 0], corners[:, 1], (size, size))
                image[rows, columns] += rng.uniform(0.1, 0.9)
    return image


def mitochondria(rng: Rng, size: int) -> Image:
    """Thick wandering tubes, filled or membrane-labelled, often with transverse folds."""
    image = np.zeros((size, size), np.float32)
    for _ in range(int(_log_uniform(rng, 3, 40) * (size / 256) ** 2) + 1):
        radius, length = rng.uniform(3.0, 9.0), _log_uniform(rng, 15, 160)
        start_y, start_x = _starts(rng, 1, size, 10)
        y, x, angle = wandering_curves(
            rng, start_y, start_x, rng.uniform(0, 2 * np.pi, 1), length, _log_uniform(rng, 40, 300)
        )
        strands = int(6 * radius)
        # Projected onto the image, a hollow tube is densest at its rim; a filled one in the middle.
        hollow = rng.random() < 0.4
        phase = rng.uniform(0, 2 * np.pi, (strands, y.shape[1]))
        inside = 1.0 if hollow else np.sqrt(rng.random((strands, y.shape[1])))
        offset = radius * inside * np.cos(phase)
        arc = np.arange(y.shape[1]) * SPACING
        folds = 1.0
        if rng.random() < 0.6:
            wobble = np.cumsum(rng.normal(0, 0.12, y.shape[1]))
            folds = 1 + rng.uniform(0.3, 1.0) * np.cos(2 * np.pi * arc / rng.uniform(3.5, 7) + wobble)
        ends = np.sqrt(np.clip(np.minimum(arc, arc[-1] - arc) / radius, 0.02, 1))
        bright = _log_uniform(rng, 0.3, 1.5) * folds / strands * 6
        image += splat(size, y - offset * ends * np.cos(angle), x + offset * ends * np.sin(angle), bright)
    return image


def vesicles(rng: Rng, size: int) -> Image:
    """Point-like sources and small discs of very different brightness."""
    count = int(_log_uniform(rng, 5, 400) * (size / 256) ** 2) + 1
    centre_y, centre_x = _starts(rng, count, size, 2)
    points = 24
    radius = np.exp(rng.normal(np.log(_log_uniform(rng, 0.05, 3)), 0.4, (count, 1)))
    radius = radius * np.sqrt(rng.random((count, points)))
    phase = rng.uniform(0, 2 * np.pi, (count, points))
    bright = np.exp(rng.normal(0, rng.uniform(0.1, 1.2), (count, 1)))
    return splat(
        size, centre_y[:, None] + radius * np.sin(phase), centre_x[:, None] + radius * np.cos(phase), bright
    )


def stress_fibres(rng: Rng, size: int) -> Image:
    """Wide bundles filled with fine strands, fanning out over a dense mesh (F-actin near a cell's edge)."""
    image = np.zeros((size, size), np.float32)
    focus_y, focus_x = rng.uniform(-1.5, 2.5, 2) * size
    for _ in range(int(_log_uniform(rng, 10, 80) * (size / 256)) + 1):
        strands, width = int(_log_uniform(rng, 1, 45)), _log_uniform(rng, 1.0, 16.0)
        start_y, start_x = _starts(rng, 1, size, 0.2 * size)
        # Fibres of a cell's edge point to and from a common focus, more or less.
        heading = np.arctan2(focus_y - start_y, focus_x - start_x) + rng.normal(0, rng.uniform(0.02, 0.4), 1)
        y, x, angle = wandering_curves(
            rng, start_y, start_x, heading, rng.uniform(0.4, 1.8) * size, _log_uniform(rng, 500, 5000)
        )
        drift = np.cumsum(rng.normal(0, 0.04, (strands, y.shape[1])), axis=1)
        offset = rng.uniform(-width / 2, width / 2, (strands, 1)) + drift
        bright = _log_uniform(rng, 0.15, 1.5) * np.exp(rng.normal(0, 0.6, (strands, 1))) / strands**0.5
        strand_y, strand_x = y - offset * np.cos(angle), x + offset * np.sin(angle)
        image += splat(
            size, strand_y, strand_x, bright * labelling(rng, strand_y.shape, _log_uniform(rng, 0.2, 4))
        )
    count = int(_log_uniform(rng, 40, 900) * (size / 256) ** 2)
    start_y, start_x = _starts(rng, count, size, 30)
    y, x, _ = wandering_curves(
        rng, start_y, start_x, rng.uniform(0, 2 * np.pi, count), _log_uniform(rng, 15, 120), 150
    )
    return image + splat(size, y, x, _log_uniform(rng, 0.02, 0.4) * labelling(rng, y.shape, 0.6))


#: Kinds of structure by name.
STRUCTURES: dict[str, Callable[[Rng, int], Image]] = {
    "microtubules": microtubules,
    "actin": actin,
    "rings": rings,
    "tubule-mesh": tubule_mesh,
    "mitochondria": mitochondria,
    "vesicles": vesicles,
    "stress-fibres": stress_fibres,
}

#: Kinds that `mixture` draws from.
MIXED = ("microtubules", "actin", "rings", "tubule-mesh", "mitochondria", "vesicles")


def mixture(rng: Rng, size: int) -> Image:
    """Two different kinds of structure in one field, of comparable brightness."""
    image = np.zeros((size, size), np.float32)
    for name in rng.choice(list(MIXED), 2, replace=False):
        part = STRUCTURES[name](rng, size)
        image += _normalised(part) * _log_uniform(rng, 0.2, 1.0)
    return image


def draw_structure(rng: Rng, kind: str, size: int) -> Image:
    """Draw one field of structure, sometimes confined to a cell's outline.

    It is the fluorophore density, (size, size) float32 on the fine grid, with its 99.5 percentile near 1.
    `kind` is a name in `STRUCTURES`, or "mixture".
    """
    image = mixture(rng, size) if kind == "mixture" else STRUCTURES[kind](rng, size)
    if rng.random() < 0.25:
        outline = smooth_noise(rng, size, size / 8) + rng.uniform(-0.5, 1.0)
        image = (image * expit(outline * rng.uniform(4, 30))).astype(np.float32)
    return _normalised(image)


def _normalised(image: Image) -> Image:
    """Bring the 99.5 percentile to 1, or the maximum where so little is bright that it is dark."""
    top = float(np.percentile(image, 99.5))
    return image / (top if top > 1e-6 else max(float(image.max()), 1e-6))
