"""The pictures of docs/inspecting.md: the uncertainty panel, gone through with the sample micrograph.

`make_screenshots.py` makes them, as it does all others; ``--only doubt`` makes these alone, in about two
minutes on two CPU cores.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from make_screenshots import SIZE, wait, write
from qtpy.QtCore import QThreadPool

#: Height and width of a picture of the middle of the canvas, in screen pixels.
DETAIL = 420


def restored_sample(viewer: Any, draws: int) -> Any:
    """Add the sample, its reconstruction with all draws and its uncertainty; return the panel about them."""
    import napari_cvdm
    from napari_cvdm.plugin.doubt.panel import show_doubt_panel
    from napari_cvdm.plugin.results.contrast import limits_of_result
    from napari_cvdm.plugin.results.layers import DRAWS_KEY, METADATA_KEY

    viewer.open_sample("napari-cvdm", "tubulin")
    original = viewer.layers[-1]
    pixel = float(original.scale[0])
    model = napari_cvdm.load_model()
    result = napari_cvdm.restore(
        original.data, model, pixel_size=pixel * 1000, draws=draws, keep_draws=True, device="cpu"
    )
    layers, limits = [], limits_of_result(result.mean, result.std)
    for picture, data in (("reconstruction", result.mean), ("uncertainty", result.std)):
        layers.append(
            viewer.add_image(
                data,
                name=f"tubulin CVDM{'' if picture == 'reconstruction' else ' uncertainty'}",
                scale=(pixel / 2,) * 2,
                translate=(-pixel / 4,) * 2,
                units=original.units,
                axis_labels=original.axis_labels,
                contrast_limits=limits[picture],
                visible=picture == "reconstruction",
                metadata={
                    METADATA_KEY: {
                        "picture": picture, "run": "sample", "source": original.name, **result.provenance
                    }
                },
            )
        )  # fmt: skip
    layers[0].metadata[DRAWS_KEY] = result.draws
    viewer.layers.selection.active = layers[0]
    panel = show_doubt_panel(viewer, layers)
    wait(60, until=lambda: panel.link.look is not None)
    return panel


def take_doubt_pictures(viewer: Any, panel: Any, folder: Path) -> None:
    """Go through the panel, and write a picture of each part.

    Parameters
    ----------
    viewer : napari.Viewer
        With a result that the panel is linked to.
    panel : DoubtPanel
        The panel, docked.
    folder : Path
        Where to write to.
    """
    pool = QThreadPool.globalInstance()

    def window(name: str) -> None:
        wait(2)
        wait(60, until=lambda: pool is None or pool.waitForDone(0))
        wait(1)
        write(viewer.screenshot(canvas_only=False, flash=False), folder / f"doubt_{name}.png")

    def strip(names: list[str], file_name: str) -> None:
        parts = []
        for key in names:
            panel.views.choose(key)
            wait(60, until=lambda: panel._pictures_kept.get(key) is not None or key == "reconstruction")  # noqa: B023
            wait(1.5)
            pixels = viewer.screenshot(canvas_only=True, flash=False)
            rows, columns = pixels.shape[0] // 2, pixels.shape[1] // 2
            half = DETAIL // 2
            parts.append(pixels[rows - half : rows + half, columns - half : columns + half])
        write(np.concatenate(parts, axis=1), folder / f"doubt_{file_name}.png")

    panel.views.choose("colour")
    panel.threshold.mark.setChecked(True)
    wait(60, until=lambda: panel._marks.get("plane") is not None)
    window("panel")
    panel.threshold.mark.setChecked(False)
    panel.views.choose("beside")
    window("beside")
    center, zoom = viewer.scene.camera.center, viewer.scene.camera.zoom
    viewer.scene.camera.zoom = 2.2 * zoom
    strip(["uncertainty", "colour", "opacity", "schedule"], "views")
    viewer.scene.camera.center, viewer.scene.camera.zoom = center, zoom
    panel.views.choose("colour")
    panel._sections[1].heading.setChecked(False)
    panel._sections[2].unfold()
    panel.regions.here.click()
    wait(60, until=lambda: bool(panel.regions.places))
    window("regions")
    panel._sections[2].heading.setChecked(False)
    panel._marks.remove("regions")
    for section in panel._sections[3:]:
        section.unfold()
    panel.profile.across.click()
    wait(60, until=lambda: panel.profile.plot.canvas.drawn and panel.histogram.plot.canvas.drawn)
    window("plots")


def make_doubt_pictures(folder: Path, draws: int) -> None:
    """Open another napari window, restore the sample with its draws kept, and take the pictures.

    Parameters
    ----------
    folder : Path
        Where to write to.
    draws : int
        Draws of the restoration.
    """
    import napari

    viewer = napari.Viewer()
    wait(1)  # napari sets the window's size of its own accord when it appears
    viewer.window.set_geometry(0, 0, *SIZE)
    take_doubt_pictures(viewer, restored_sample(viewer, draws), folder)
    viewer.close()
