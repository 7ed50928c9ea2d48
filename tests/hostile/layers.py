"""Hostile layers, for the widget's reading, its run and the placing of results."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from tests.hostile.case import Case, scene


def layer_cases() -> list[Case]:
    """Every hostile layer; `settings` are keywords of `napari.layers.Image`."""
    return list(_layers())


def _give(image: Any) -> Any:
    return image


def _layers() -> Iterator[Case]:
    plane, stack = scene(16, 20), scene(3, 12, 14)
    placed: dict[str, dict[str, Any]] = {
        "rotated": {"rotate": 30}, "turned over": {"scale": (-0.065, 0.065)},
        "mirrored": {"scale": (0.065, -0.065)},
        "sheared": {"shear": (0.4,)}, "moved far away": {"translate": (1e9, -1e9)},
        "of tiny pixels": {"scale": (1e-9, 1e-9)}, "of huge pixels": {"scale": (1e9, 1e9)},
        "of oblong pixels": {"scale": (1.0, 3.0)},
        "under an affine": {"affine": [[0, -2, 5], [2, 0, 1], [0, 0, 1]]},
        "in micrometres": {"scale": (0.065, 0.065), "units": ("um", "um")},
        "in seconds": {"units": ("s", "s")}, "with odd labels": {"axis_labels": ("Ωµ", "<b>x</b>")},
        "with labels in disorder": {"axis_labels": ("x", "y")},
        "with a name of markup": {"name": "<script>a</script>"},
        "with a long name": {"name": "n" * 400}, "without a name": {"name": " "},
    }  # fmt: skip
    for name, options in placed.items():
        yield Case(f"layer {name}", partial(_give, plane), settings=options)
    yield Case("layer of a stack", partial(_give, stack))
    yield Case("layer in colour", partial(_give, scene(12, 14, 3, dtype=np.uint8)), settings={"rgb": True})
    yield Case(
        "layer of several resolutions", lambda: [plane, plane[::2, ::2]], settings={"multiscale": True}
    )
    yield Case("layer of big-endian numbers", lambda: plane.astype(">u2"))
    yield Case("layer of booleans", lambda: plane > 100, "refused", words="boolean")
    yield Case("layer of one value", lambda: np.full((16, 16), 5), "refused", words="constant")
    yield Case("layer with NaN", lambda: np.where(plane > 900, np.nan, plane), "refused", words="not finite")
    yield Case("layer of 4 × 4 pixels", lambda: scene(4, 4), "refused", words="at least 8")
    yield Case("layer of 6 axes", lambda: scene(1, 2, 1, 1, 12, 12))
