"""Make the pictures of the documentation, so that they stay true.

    xvfb-run -a -s "-screen 0 1400x900x24" python scripts/make_screenshots.py

Opens napari at 1400×900, goes through what a user does with the sample micrograph and stacks made of it, and
writes PNG files to `docs/images`. Takes a few minutes on two CPU cores. `--only` makes some of them.
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
import numpy as np
from napari.settings import get_settings
from PIL import Image
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication

FOLDER = Path(__file__).parents[1] / "docs" / "images"
SIZE = (1400, 900)


def wait(seconds: float, until: Callable[[], bool] = lambda: False) -> None:
    """Let the event loop run for some time, or until something is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not until():
        QApplication.processEvents()
        time.sleep(0.01)


def write(pixels: Any, path: Path) -> None:
    """Write a picture, with few enough colours to keep the repository small."""
    picture = Image.fromarray(np.ascontiguousarray(pixels)).quantize(256, dither=Image.Dither.NONE)
    picture.save(path, optimize=True)
    print(path)


class Session:
    """A napari window with the panel, and what is done in it.

    Parameters
    ----------
    folder : Path
        Where to write.
    draws : int
        Draws of the runs.
    """

    def __init__(self, folder: Path, draws: int) -> None:
        self.folder, self.draws = folder, draws
        self.viewer = napari.Viewer()
        wait(1)  # napari sets the window's size of its own accord when it appears
        self.viewer.window.set_geometry(0, 0, *SIZE)
        self.dock, self.panel = self.viewer.window.add_plugin_dock_widget(
            "napari-cvdm", "CVDM super-resolution"
        )
        self.panel.form.draws.value = draws

    def window(self, name: str) -> None:
        """Take a picture of the whole window."""
        wait(0.7)
        pixels = self.viewer.screenshot(canvas_only=False, flash=False)[..., :3]
        if pixels.shape[:2] != SIZE[::-1]:
            raise SystemExit(
                f"The window is {pixels.shape[1]}×{pixels.shape[0]}: make the screen {SIZE[0]}×{SIZE[1]}."
            )
        write(pixels, self.folder / f"{name}.png")

    def part(self, widget: Any, name: str) -> None:
        """Take a picture of a widget alone."""
        wait(0.5)
        image = widget.grab().toImage().convertToFormat(widget.grab().toImage().Format.Format_RGB888)
        data = image.constBits().asarray(image.sizeInBytes())
        rows = np.frombuffer(data, np.uint8).reshape(image.height(), image.bytesPerLine())
        write(
            rows[:, : image.width() * 3].reshape(image.height(), image.width(), 3),
            self.folder / f"{name}.png",
        )

    def width(self, pixels: int) -> None:
        """Make the dock so wide."""
        main = self.viewer.window._qt_window
        main.resizeDocks([self.dock], [pixels], Qt.Orientation.Horizontal)
        wait(0.3)

    def measured(self) -> None:
        """Wait until the panel knows how long a run will take."""
        self.panel.advice.measure()
        wait(120, until=lambda: "Measuring" not in self.panel.form.plan.text())

    def finished(self) -> None:
        """Wait for all runs."""
        wait(3600, until=lambda: not self.panel.running)

    def undisturbed(self) -> None:
        """Close the notifications that lie over the canvas; without a window manager they stay."""
        from napari._qt.dialogs.qt_notification import NapariQtNotification

        for notification in self.viewer.window._qt_window.findChildren(NapariQtNotification):
            notification.close()
        wait(0.5)

    def clear(self) -> None:
        """Begin anew."""
        self.viewer.layers.clear()
        self.viewer.layers.selection.clear()
        wait(0.3)


def run(session: Session) -> None:
    """One run, before, during and after; and the uncertainty in detail."""
    viewer, panel = session.viewer, session.panel
    viewer.open_sample("napari-cvdm", "tubulin")
    wait(1)
    session.measured()
    session.window("widget")
    panel.restore()
    panel.form.part.value = "view"
    panel.restore()
    wait(600, until=lambda: "step" in panel.status.text())
    session.window("running")
    panel.runs.take_out(0)
    panel.form.part.value = "all"
    session.finished()
    if "tubulin CVDM" not in viewer.layers:
        raise SystemExit(panel.status.text())
    viewer.scene.camera.zoom *= 1.9
    session.window("finished")


def questions(session: Session) -> None:
    """What the panel asks about a plain stack, and about pixels that the model does not know."""
    session.clear()
    viewer, panel = session.viewer, session.panel
    (layer,) = viewer.open_sample("napari-cvdm", "tubulin")
    crop = np.asarray(layer.data)[:240, :240]
    session.clear()
    viewer.add_image(np.stack([crop] * 12).reshape(6, 2, 240, 240), name="plain stack, 2 × 6 planes")
    panel.form.inquiry.roles[0].setCurrentText("Time points")
    panel.form.inquiry.roles[1].setCurrentText("Channels")
    session.part(panel, "questions")
    session.clear()
    viewer.add_image(crop, name="coarse pixels", scale=(0.16, 0.16), units=("um", "um"))
    panel.form.resample.setChecked(True)
    session.measured()
    session.part(panel, "resampling")


def manners(session: Session) -> None:
    """The light theme, a narrow dock, and what is known about a model."""
    session.clear()
    viewer, panel = session.viewer, session.panel
    viewer.open_sample("napari-cvdm", "tubulin")
    get_settings().appearance.theme = "light"
    session.width(300)
    session.measured()
    session.undisturbed()
    session.window("light")
    panel.form.model_field.show_info()
    session.part(panel.form.model_field._dialog, "model")
    panel.form.model_field._dialog.close()
    get_settings().appearance.theme = "dark"


def doubt(session: Session) -> None:
    """The uncertainty panel, in a window of its own."""
    from doubt_screenshots import make_doubt_pictures

    make_doubt_pictures(session.folder, session.draws)


SCENES: dict[str, Callable[[Session], None]] = {
    "run": run,
    "questions": questions,
    "manners": manners,
    "doubt": doubt,
}


def main() -> None:
    """Go through the scenes and take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--output", type=Path, default=FOLDER, help="folder to write to")
    parser.add_argument("--draws", type=int, default=8)
    parser.add_argument("--only", nargs="*", choices=[*SCENES], default=[*SCENES], help="scenes to make")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    session = Session(options.output, options.draws)
    for name in options.only:
        SCENES[name](session)
    session.viewer.close()


if __name__ == "__main__":
    main()
