"""What the panel's tests share: a result in a viewer, as a run or a reader leaves it, and the panel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from napari.layers import Image

from napari_cvdm.plugin.doubt.panel import DoubtPanel, show_doubt_panel
from napari_cvdm.plugin.results.layers import DRAWS_KEY, METADATA_KEY

PIXEL = 0.065


def pictures(shape: tuple[int, ...], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A reconstruction of lines on a dark ground, and an uncertainty with one doubtful spot in each plane."""
    rows, columns = np.mgrid[: shape[-2], : shape[-1]]
    mean = np.empty(shape, np.float32)
    std = np.empty(shape, np.float32)
    for number, index in enumerate(np.ndindex(*shape[:-2])):
        mean[index] = 100 + 900 * (np.sin((rows + columns) / 4 + number + seed) > 0.8)
        spot = np.exp(-((rows - shape[-2] / 4) ** 2 + (columns - shape[-1] / 2 - 3 * number) ** 2) / 50)
        std[index] = 10 + 0.05 * mean[index] + (300 + 50 * number) * spot
    return mean, std


@pytest.fixture
def add_result(viewer) -> Callable[..., tuple[Image, Image, Image]]:
    """Add an original, its reconstruction and its uncertainty to the viewer."""

    def add(
        shape: tuple[int, ...] = (64, 80),
        *,
        name: str = "cell",
        run: str | None = "one",
        draws: int = 0,
        seed: int = 0,
        with_original: bool = True,
        metadata: dict[str, Any] | None = None,
        **transform: Any,
    ) -> tuple[Image | None, Image, Image]:
        mean, std = pictures(shape, seed)
        ndim = len(shape)
        coarse = np.array([1.0] * (ndim - 2) + [PIXEL] * 2)
        fine = np.array([1.0] * (ndim - 2) + [PIXEL / 2] * 2)
        units = ("pixel",) * (ndim - 2) + ("um", "um")
        where = {"units": units, "axis_labels": tuple("tczyx"[-ndim:]), **transform}
        original = None
        if with_original:
            recorded = mean.reshape(*shape[:-2], shape[-2] // 2, 2, shape[-1] // 2, 2).mean(axis=(-3, -1))
            original = viewer.add_image(recorded.astype(np.uint16), name=name, scale=coarse, **where)
        provenance = {
            "source": name,
            "axes": "TCZYX"[-ndim:],
            "upscaling": 2,
            "uncertainty": "calibrated",
            "model": {"name": "small", "sha256": "0" * 64},
            "normalisation": [
                {
                    "low": 100.0,
                    "high": 900.0,
                    "percentiles": [1, 99.8],
                    "first_plane": [0] * (ndim - 2),
                    "planes": 1,
                }
            ],
            **({"run": run} if run else {}),
            **(metadata or {}),
        }
        layers = []
        for picture, data, top in (("reconstruction", mean, 1000), ("uncertainty", std, 300)):
            suffix = " CVDM" if picture == "reconstruction" else " CVDM uncertainty"
            layer = Image(
                data,
                name=name + suffix,
                scale=fine,
                translate=(fine - coarse) / 2,
                contrast_limits=(0, top),
                metadata={METADATA_KEY: {"picture": picture, **provenance}},
                **where,
            )
            viewer.layers.append(layer)
            layers.append(layer)
        if draws:
            noise = np.random.default_rng(0).normal(size=(draws, *shape)).astype(np.float32)
            layers[0].metadata[DRAWS_KEY] = mean + noise * std
        return original, *layers

    return add


@pytest.fixture
def open_panel(viewer, qtbot, wait_for_workers):
    """Open the panel, and wait until it has looked at the plane in view; no thread outlives the test."""

    def open_(*args: Any, look: bool = True) -> DoubtPanel:
        viewer.window.show()  # what cannot be seen is not drawn
        panel = show_doubt_panel(viewer, *args)
        if look:
            qtbot.waitUntil(lambda: panel.link.look is not None, timeout=30_000)
        return panel

    yield open_
    qtbot.wait(150)  # timers that were started last
    wait_for_workers()
    qtbot.wait(50)


@pytest.fixture
def panel(add_result, open_panel) -> DoubtPanel:
    """The panel, linked to a 2-D result."""
    add_result()
    return open_panel()
