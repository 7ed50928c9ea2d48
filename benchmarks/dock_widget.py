"""How it feels: time to open the widget and to the first picture, and how long the viewer ever stands still.

    xvfb-run -a -s "-screen 0 1400x900x24" python benchmarks/dock_widget.py --json dock_widget.json

Opens napari, docks the widget, restores the sample micrograph with the bundled model twice, then starts again
and cancels in the middle. A timer that ought to fire every 5 ms shows for how long the event loop was
blocked. The figures are times of day: on a busy machine they tell about the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["NAPARI_CONFIG"] = ""  # the factory settings

import napari
import numpy as np
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication


class Heartbeat:
    """Notes when the event loop comes round."""

    def __init__(self) -> None:
        self._beats: list[float] = []
        self._timer = QTimer()
        self._timer.setInterval(5)
        self._timer.timeout.connect(lambda: self._beats.append(time.perf_counter()))
        self._timer.start()

    def longest_pause(self) -> float:
        """Return the longest time between two beats since the last call, in milliseconds, and start anew."""
        pause = float(np.diff(self._beats).max()) * 1000
        self._beats.clear()
        return pause


def wait(until: Callable[[], bool], seconds: float = 3600) -> float:
    """Let the event loop run until something is true; return how long that took, in seconds."""
    start = time.perf_counter()
    while not until() and time.perf_counter() - start < seconds:
        QApplication.processEvents()
        time.sleep(0.001)
    return time.perf_counter() - start


def never() -> bool:
    """Nothing to wait for but the time."""
    return False


def measure(side: int, draws: int) -> dict[str, Any]:
    """Go through a whole run and a cancelled one."""
    from napari_cvdm.files.samples import read_sample

    sample = read_sample().data
    image = np.pad(sample, [(0, max(0, side - n)) for n in sample.shape], mode="reflect")[:side, :side]
    viewer = napari.Viewer()
    wait(never, 2)
    start = time.perf_counter()
    _, widget = viewer.window.add_plugin_dock_widget("napari-cvdm", "CVDM super-resolution")
    figures: dict[str, Any] = {"side": side, "draws": draws, "open_widget_s": time.perf_counter() - start}
    viewer.add_image(image, name="micrograph")
    widget.form.draws.value = draws
    wait(never, 2)

    beat = Heartbeat()
    wait(never, 1)
    figures["idle_pause_ms"] = beat.longest_pause()
    for run in ("first", "second"):  # the first loads torch
        widget.restore()
        known = len(viewer.layers)
        figures[f"{run}_picture_s"] = wait(lambda known=known: len(viewer.layers) > known)  # type: ignore[misc]
        figures[f"{run}_run_s"] = figures[f"{run}_picture_s"] + wait(lambda: not widget.running)
        wait(never, 0.5)
        figures[f"{run}_pause_ms"] = beat.longest_pause()
    widget.restore()
    wait(lambda: "step" in widget.status.text())
    widget.cancel()
    figures["cancel_s"] = wait(lambda: not widget.running)
    wait(never, 0.5)
    figures["cancelled_pause_ms"] = beat.longest_pause()
    viewer.close()
    return figures


def main() -> None:
    """Measure, print a table, and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    parser.add_argument("--side", type=int, default=512, help="side of the image in camera pixels")
    parser.add_argument("--draws", type=int, default=2)
    options = parser.parse_args()
    figures = measure(options.side, options.draws)
    for name, value in figures.items():
        print(f"{name:20} {value:8.3g}")
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
