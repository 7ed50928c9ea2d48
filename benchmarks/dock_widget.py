"""How it feels: time to open the widget and to the first picture, and how long the viewer ever stands still.

    xvfb-run -a -s "-screen 0 1400x900x24" python benchmarks/dock_widget.py --json dock_widget.json

Opens napari, docks the widget, restores the sample micrograph with the bundled model twice, then starts again
and cancels in the middle. Then it goes through the uncertainty panel: each view, marks, regions, profile,
histogram. A timer that ought to fire every 5 ms shows for how long the event loop was blocked; for each pause
of more than 100 ms, a second thread tells what the main thread was doing: in this plugin's own lines
("ours"), or in napari and the libraries it is built on. The figures are times of day: on a busy machine they
tell about the machine. Less so "work": the processor time that the main thread itself took between two beats.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

os.environ["NAPARI_CONFIG"] = ""  # the factory settings

import napari
import numpy as np
from qtpy.QtCore import QThreadPool, QTimer
from qtpy.QtWidgets import QApplication

#: A pause that can be felt, in seconds.
LONG = 0.1
#: Packages by which a line of the main thread is told.
_NAMES = ("napari_cvdm", "vispy", "napari", "matplotlib")


class Heartbeat:
    """Notices when the event loop comes round, and what keeps it from doing so."""

    def __init__(self) -> None:
        self._main = threading.get_ident()
        self._beats: list[tuple[float, float]] = [(time.perf_counter(), time.thread_time())]
        self._seen: list[tuple[float, str]] = []
        self._timer = QTimer()
        self._timer.setInterval(5)
        self._timer.timeout.connect(lambda: self._beats.append((time.perf_counter(), time.thread_time())))
        self._timer.start()
        threading.Thread(target=self._watch, daemon=True).start()

    def take(self) -> dict[str, Any]:
        """Return the pauses since the last call, and start anew.

        Returns
        -------
        dict
            "pause_ms", the longest time between two beats; "work_ms", the most that the main thread itself
            computed between two; "long", how many pauses were longer than 100 ms; and if there were, "in":
            the share of the samples taken in those for each place: package, and our function that led there.
        """
        beats, seen = np.array(self._beats), self._seen
        self._beats, self._seen = [self._beats[-1]], []
        pauses, work = np.diff(beats, axis=0).T
        figures: dict[str, Any] = {
            "pause_ms": round(float(pauses.max(initial=0)) * 1000, 1),
            "work_ms": round(float(work.max(initial=0)) * 1000, 1),
            "long": int((pauses > LONG).sum()),
        }
        if figures["long"]:
            starts = beats[:-1, 0][pauses > LONG]
            counts = Counter(place for start, place in seen if start in starts)
            figures["in"] = {place: round(n / counts.total(), 2) for place, n in counts.most_common(4)}
        return figures

    def _watch(self) -> None:
        while True:
            time.sleep(0.004)
            last, _ = self._beats[-1]
            if time.perf_counter() - last > 0.02:
                self._seen.append((last, _place_of(sys._current_frames().get(self._main))))


def _place_of(frame: FrameType | None) -> str:
    """Name the package that the innermost line is in, and the function of this plugin that led there."""
    package, ours = "python", ""
    while frame is not None and not ours:
        file = frame.f_code.co_filename
        for name in _NAMES:
            if f"{os.sep}{name}{os.sep}" in file:
                package = name if package == "python" else package
                ours = frame.f_code.co_name if name == "napari_cvdm" else ours
        frame = frame.f_back
    return f"{'ours' if package == 'napari_cvdm' else package}, from {ours or 'the event loop'}"


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
    figures["idle"] = beat.take()
    widget.form.keep_draws.value = True
    for run in ("first", "second"):  # the first loads torch
        beat.take()
        widget.restore()
        known = len(viewer.layers)
        figures[f"{run}_picture_s"] = wait(lambda known=known: len(viewer.layers) > known)  # type: ignore[misc]
        figures[f"{run}_run_s"] = figures[f"{run}_picture_s"] + wait(lambda: not widget.running)
        wait(never, 0.5)
        figures[f"{run} run"] = beat.take()
    widget.restore()
    wait(lambda: "step" in widget.status.text())
    widget.runs.cancel()
    figures["cancel_s"] = wait(lambda: not widget.running)
    wait(never, 0.5)
    figures["cancelled run"] = beat.take()
    figures |= measure_panel(viewer, beat)
    viewer.close()
    return figures


def measure_panel(viewer: Any, beat: Heartbeat) -> dict[str, Any]:
    """Go through the uncertainty panel about the newest result in the viewer."""
    from napari_cvdm.plugin.doubt.panel import show_doubt_panel

    pool, figures = QThreadPool.globalInstance(), {}

    def step(name: str, act: Callable[[], Any]) -> Any:
        beat.take()
        answer = act()
        wait(never, 0.4)
        wait(lambda: pool is None or pool.waitForDone(0), 60)
        wait(never, 0.6)
        figures[f"panel: {name}"] = beat.take()
        return answer

    panel = step("open", lambda: show_doubt_panel(viewer))
    for key in ("uncertainty", "colour", "opacity", "beside", "swipe", "draws", "schedule", "own"):
        step(key, lambda key=key: panel.views.choose(key))  # type: ignore[misc]
    step("mark", panel.threshold.mark.click)
    slider = panel.threshold.slider

    def drag() -> None:
        for share in np.linspace(0.2, 0.9, 20):
            slider.setValue(share * slider.maximum())
            wait(never, 0.03)

    step("drag", drag)
    for section in panel._sections:
        section.unfold()
    step("regions", panel.regions.here.click)
    step("go to", lambda: panel.regions.table.setCurrentCell(0, 0))
    step("profile", panel.profile.across.click)
    step("close", lambda: viewer.window.remove_dock_widget(panel))
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
        if isinstance(value, dict):
            where = value.get("in", "")
            print(f"{name:20} {value['pause_ms']:6.0f} ms, work {value['work_ms']:4.0f} ms  {where}")
        else:
            print(f"{name:20} {value:8.3g}")
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
