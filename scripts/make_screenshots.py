"""Make the pictures of the documentation, so that they stay true.

    xvfb-run -a -s "-screen 0 1400x900x24" python scripts/make_screenshots.py

Opens napari at 1400×900 with the sample micrograph, goes through a run with the bundled model, and writes
`docs/images/widget.png`, `running.png` and `finished.png`. Takes about a minute on two CPU cores.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["NAPARI_CONFIG"] = ""  # the factory settings, not those of whoever makes the pictures

import napari
from PIL import Image
from qtpy.QtWidgets import QApplication

FOLDER = Path(__file__).parents[1] / "docs" / "images"
SIZE = (1400, 900)


def wait(seconds: float, until: Callable[[], bool] = lambda: False) -> None:
    """Let the event loop run for some time, or until something is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not until():
        QApplication.processEvents()
        time.sleep(0.01)


def save(viewer: Any, folder: Path, name: str) -> None:
    """Write what is on the screen, with few enough colours to keep the repository small."""
    wait(0.5)
    pixels = viewer.screenshot(canvas_only=False, flash=False)[..., :3]
    if pixels.shape[:2] != SIZE[::-1]:
        raise SystemExit(
            f"The window is {pixels.shape[1]}×{pixels.shape[0]}: make the screen {SIZE[0]}×{SIZE[1]}."
        )
    picture = Image.fromarray(pixels).quantize(256, dither=Image.Dither.NONE)
    picture.save(folder / f"{name}.png", optimize=True)
    print(folder / f"{name}.png")


def main() -> None:
    """Go through a run and take a picture of each state."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--output", type=Path, default=FOLDER, help="folder to write to")
    parser.add_argument("--draws", type=int, default=8)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)

    viewer = napari.Viewer()
    wait(1)  # napari sets the window's size of its own accord when it appears
    viewer.window.set_geometry(0, 0, *SIZE)
    _, widget = viewer.window.add_plugin_dock_widget("napari-cvdm", "CVDM super-resolution")
    viewer.open_sample("napari-cvdm", "tubulin")
    widget.form.draws.value = options.draws
    wait(1)
    save(viewer, options.output, "widget")

    widget.restore()
    wait(600, until=lambda: "step" in widget.status.text())
    save(viewer, options.output, "running")
    wait(3600, until=lambda: not widget.running)
    if "tubulin CVDM" not in viewer.layers:
        raise SystemExit(widget.status.text())
    viewer.scene.camera.zoom *= 1.9
    save(viewer, options.output, "finished")
    viewer.close()


if __name__ == "__main__":
    main()
