"""What the plugin's tests share: a small model, a restoration that waits for the test, a docked widget."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from napari.layers import Image
from npe2 import PluginManifest
from qtpy.QtCore import QPoint, QPointF, Qt, QThreadPool, QTimer
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QApplication, QFileDialog, QWidget

import napari_cvdm
from napari_cvdm.cvdm.model import CVDM, CVDMConfig
from napari_cvdm.models import ModelCard, PretrainedModel
from napari_cvdm.plugin.panel import advice
from napari_cvdm.plugin.panel.outcome import ResultActions
from napari_cvdm.plugin.results.layers import DRAWS_KEY, METADATA_KEY, InputLayer, result_metadata
from napari_cvdm.plugin.results.placement import placement_of
from napari_cvdm.plugin.running import to_disk, worker
from napari_cvdm.plugin.viewer.garbage import OldObjectsSpared
from napari_cvdm.restoration import contrast
from napari_cvdm.restoration.axes import resolve_axes
from napari_cvdm.restoration.events import Estimate, Event, Finished
from napari_cvdm.restoration.selection import select

MANIFEST = Path(napari_cvdm.__file__).with_name("napari.yaml")


@pytest.fixture(scope="session")
def small_model() -> PretrainedModel:
    """An untrained network of a few hundred weights whose mean picture is the enlarged input."""
    config = CVDMConfig(
        mean_widths=(4, 4), mean_blocks=(1, 1), noise_widths=(4, 4), noise_blocks=(1, 1), scale_width=4
    )
    torch.manual_seed(0)
    network = CVDM(config).eval()
    head, stem = network.mean_network.head, network.mean_network.stem
    with torch.no_grad():
        for layer in (head, stem):
            layer.weight.zero_()
            layer.bias.zero_()
        # The last activation is nearly linear far above zero, so x is shifted there and back.
        stem.weight[0, 0, 1, 1] = 1.0
        stem.bias[0] = 6.0
        head.weight[:, 0, 1, 1] = 1.0
        head.bias[:] = -6.0
        for up in network.mean_network.ups:
            up.weight.zero_()
            up.bias.zero_()
    card = ModelCard(
        name="small", description="test", architecture=config.to_dict(), upscaling=2, default_steps=3
    )
    return PretrainedModel("small", network, card, "0" * 64)


@pytest.fixture
def use_small_model(small_model: PretrainedModel, monkeypatch: pytest.MonkeyPatch) -> PretrainedModel:
    """Every model that is loaded is the small one."""
    monkeypatch.setattr(napari_cvdm, "load_model", lambda *args, **kwargs: small_model, raising=False)
    return small_model


@pytest.fixture
def nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """No viewer shows a job's pictures, so nothing is to be waited for."""
    monkeypatch.setattr(worker, "_LONGEST_REST", 0.0)


class SteppedRestoration:
    """Stands in for `restore_events`, and goes on only as far as the test allows.

    Parameters
    ----------
    stop_at : int or None
        Number of the event before which to wait for `go_on`; None never waits.
    error : Exception or None
        Raised in place of that event.
    """

    def __init__(self) -> None:
        self.stop_at: int | None = None
        self.error: Exception | None = None
        self.calls: list[SimpleNamespace] = []
        self.waiting = threading.Event()
        self._go_on = threading.Event()
        self.std = 1.0
        self.warnings: list[str] = []

    def reset(self) -> None:
        """Hold the next restoration where this one was held."""
        self.waiting.clear()
        self._go_on.clear()

    def go_on(self) -> None:
        """Let it finish."""
        self._go_on.set()

    def __call__(
        self, image: np.ndarray, model: Any, *, checkpoint: Callable[[], None], **settings: Any
    ) -> Iterator[Event]:
        self.calls.append(SimpleNamespace(image=image, model=model, thread=threading.get_ident(), **settings))
        return self._events(image, model, checkpoint, **settings)

    def _events(self, image, model, checkpoint, axes, draws, preview, **settings):
        draws, steps = 0 if preview else draws, 2
        chosen = select(
            resolve_axes(image.shape, axes), planes=settings.get("planes"), region=settings.get("region")
        )
        resolved = chosen.restored
        rows, columns = (slice(None),) * 2
        if chosen.region is not None:
            rows, columns = (slice(r.start, r.stop) for r in (chosen.region.rows, chosen.region.columns))
        count, total = 0, resolved.planes * (1 + draws * steps)

        def gate() -> None:
            nonlocal count
            checkpoint()
            if count == self.stop_at:
                self.waiting.set()
                while not self._go_on.wait(0.005):
                    checkpoint()
                if self.error is not None:
                    raise self.error
            count += 1

        def estimate(stage: str, number: int, index: tuple[int, ...], draw: int, done: int) -> Estimate:
            plane = np.asarray(chosen.plane(image, index))[rows, columns]
            plane = plane.astype(np.float32).repeat(2, 0).repeat(2, 1)
            fields = (number, resolved.planes, draw, draws, steps if draw else 0, steps, done / total)
            return Estimate(stage, *fields, index=index, mean=plane + draw, std=np.full_like(plane, self.std))

        for number, index in enumerate(resolved.indices()):
            gate()
            yield estimate("mean", number, index, 0, number + 1)
        done = resolved.planes
        stop, draws_done = settings["stop"], [0] * resolved.planes
        for number, index in enumerate(resolved.indices()):
            for draw in range(draws):
                if stop():
                    break
                for step in range(1, steps + 1):
                    gate()
                    done += 1
                    yield Event("denoise", number, resolved.planes, draw, draws, step, steps, done / total)
                draws_done[number] = draw + 1
                yield estimate("draw", number, index, draw, done)
        provenance = {
            "model": {"name": model.name},
            "draws": draws,
            "steps": steps,
            "seconds": 1.0,
            "uncertainty": "uncalibrated",
            "warnings": self.warnings,
        }
        if any(n < draws for n in draws_done):
            asked = {"draws_asked_for": draws, "draws_of_planes": draws_done}
            provenance |= {"draws": min(draws_done), "stopped": asked}
        kept = (
            np.zeros((draws, *resolved.output_shape(2)), np.float32) if settings.get("keep_draws") else None
        )
        result = SimpleNamespace(provenance=provenance, draws=kept)
        planes, last = resolved.planes, max(0, draws - 1)
        yield Finished("done", planes - 1, planes, last, draws, steps, steps, 1.0, result)


@pytest.fixture
def stepped(use_small_model, monkeypatch: pytest.MonkeyPatch) -> Iterator[SteppedRestoration]:
    """A restoration that the test holds in its hands."""
    restoration = SteppedRestoration()
    monkeypatch.setattr(napari_cvdm, "restore_events", restoration, raising=False)
    yield restoration
    restoration.go_on()


@pytest.fixture(scope="session")
def manifests() -> dict[str, PluginManifest]:
    """The manifests of napari and of this plugin; to read them takes a third of a second."""
    return {name: PluginManifest.from_distribution(name) for name in ("napari", "napari-cvdm")}


@pytest.fixture
def until_viewers_are_closed() -> Iterator[ExitStack]:
    """What is entered here at a test's end lasts until its viewers have been closed."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def viewer(until_viewers_are_closed, make_napari_viewer, npe2pm, plugin_settings, manifests):
    """A viewer that knows this plugin and napari's own reader, and no other."""
    from napari.settings import get_plugin_settings

    for distribution, manifest in manifests.items():
        if distribution not in npe2pm:
            npe2pm.register(manifest.model_copy(deep=True))
    # Said once when no GPU is found, on whichever machine the tests run; one test asks for it.
    get_plugin_settings("napari-cvdm").restoration.gpu_hint = False
    yield make_napari_viewer()
    # napari looks for garbage among all objects of the process when it closes a viewer: a fifth of all time.
    until_viewers_are_closed.enter_context(OldObjectsSpared())


@pytest.fixture(autouse=True)
def _no_worker_outlives_its_test() -> Iterator[None]:
    """What workers change is the whole process's: what garbage is collected, how many threads torch has."""
    yield
    pool = QThreadPool.globalInstance()
    assert pool is None or pool.waitForDone(60_000)


@pytest.fixture
def wait_for_workers(qtbot) -> Callable[[], None]:
    """Wait until no worker is at work nor about to be.

    Other than `activeThreadCount`, this waits for those, too, that leave their place in the pool to others.
    """
    pool = QThreadPool.globalInstance()
    return lambda: qtbot.waitUntil(lambda: pool.waitForDone(0), timeout=60_000)


@pytest.fixture
def widget(viewer, qtbot, wait_for_workers):
    """The plugin's widget, docked in the viewer as the menu does it; no run outlives the test."""
    _, widget = viewer.window.add_plugin_dock_widget("napari-cvdm", "CVDM super-resolution")
    yield widget
    if widget.running:
        widget.runs.cancel()
        qtbot.waitUntil(lambda: not widget.running, timeout=30_000)
    wait_for_workers()
    qtbot.wait(20)  # what the last worker sent arrives


def _make_result() -> list[Image]:
    """A reconstruction with its draws, and its uncertainty, of a rotated stack in micrometres."""
    turned = np.eye(3)
    turned[1:, 1:] = [[0.8, -0.6], [0.6, 0.8]]
    source = Image(
        np.zeros((2, 8, 6)),
        name="cell",
        scale=(0.3, 0.065, 0.065),
        units=("um", "um", "um"),
        axis_labels=("z", "y", "x"),
        rotate=turned,
        translate=(1.0, 2.0, 3.0),
        colormap="green",
        blending="additive",
    )
    placement = placement_of({"upscaling": 2}, "ZYX", (2, 16, 12))
    rng = np.random.default_rng(0)
    layers = []
    for picture in ("reconstruction", "uncertainty"):
        about = {"picture": picture, "run": "abc", "draws": 3, "warnings": ["Beware."], "axes": "ZYX"}
        attributes = result_metadata(InputLayer.of(source), picture, placement, ())
        data = rng.random((2, 16, 12), np.float32)
        layers.append(Image(data, contrast_limits=(0.1, 0.7), metadata={METADATA_KEY: about}, **attributes))
    layers[0].metadata[DRAWS_KEY] = rng.random((3, 2, 16, 12), np.float32)
    return layers


@pytest.fixture
def make_result() -> Callable[[], list[Image]]:
    """Make result layers as a run leaves them."""
    return _make_result


@pytest.fixture
def save_as(monkeypatch: pytest.MonkeyPatch) -> Callable[[ResultActions, Path], None]:
    """Save a result under a name that is typed in the dialog."""

    def save_as(actions: ResultActions, path: Path) -> None:
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
        actions.ask_and_save()

    return save_as


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many pixels contrast limits were measured on, each time, from now on."""
    sizes: list[int] = []
    percentile = np.percentile
    monkeypatch.setattr(
        contrast.np,
        "percentile",
        lambda pixels, *rest: sizes.append(pixels.size) or percentile(pixels, *rest),
    )
    return sizes


@pytest.fixture
def large_result(small_model: PretrainedModel) -> Callable[[Path], tuple[Path, Path]]:
    """Write a restoration as the shell writes those of large images: two folders, with coarser levels."""
    from napari_cvdm.files.streaming import write_restoration
    from napari_cvdm.restoration.lazy import restore_lazy

    def write(path: Path) -> tuple[Path, Path]:
        film = np.random.default_rng(0).gamma(2.0, 50, (2, 40, 300)).astype(np.float32)
        lazy = restore_lazy(film, small_model, axes="TYX", pixel_size=65.0, preview=True, device="cpu")
        written = write_restoration(lazy, path, time_interval_s=2.0, source={"name": "raw.tif"})
        return written["reconstruction"], written["uncertainty"]

    return write


@pytest.fixture
def little_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A computer whose memory is nearly full, and a user who says which folder to write to."""
    folder = tmp_path / "film.cvdm.ome.zarr"
    monkeypatch.setattr(advice, "free_memory", lambda: 1000)
    monkeypatch.setattr(to_disk.QFileDialog, "getSaveFileName", lambda *_: (str(folder), ""))
    return folder


def _written_pieces(folder: Path) -> int:
    journal = folder.with_name(f".{folder.name}.unfinished") / "finished.txt"
    return len(journal.read_text(encoding="utf-8").splitlines()) if journal.exists() else 0


@pytest.fixture
def written_pieces() -> Callable[[Path], int]:
    """Count what is on the disk of a result that is not whole yet."""
    return _written_pieces


@pytest.fixture
def run_to_disk(viewer, widget, qtbot, use_small_model, little_memory) -> Callable[[], int]:
    """Restore a film until so many pieces of it are written that the rest takes a while."""
    film = np.random.default_rng(0).integers(100, 1000, (40, 96, 72), np.uint16)
    viewer.add_image(film, name="film", axis_labels=("t", "y", "x"))
    widget.form.draws.value = 12

    def run() -> int:
        before = _written_pieces(little_memory)
        widget.restore()
        qtbot.waitUntil(lambda: _written_pieces(little_memory) >= before + 2, timeout=60_000)
        return before + 2

    return run


class Heartbeat:
    """Notices how much work the main thread does without coming round to the event loop.

    It is the thread's own time that counts, not the time of day: that would measure how busy the machine is.
    Waiting for another thread to hand over Python's lock therefore goes unnoticed here.
    `benchmarks/dock_widget.py` measures the time of day.
    """

    def __init__(self) -> None:
        gc.collect()  # or Python might do so on account of the tests before, and take longer than any work
        self.beats = [time.thread_time()]
        self._timer = QTimer()
        self._timer.setInterval(5)
        self._timer.timeout.connect(lambda: self.beats.append(time.thread_time()))
        self._timer.start()

    def longest_pause(self) -> float:
        """Stop, and return the longest time between two beats, in seconds."""
        self._timer.stop()
        return float(np.diff(self.beats).max())


@pytest.fixture
def heartbeat(qtbot) -> Callable[[], Heartbeat]:
    """Start a heartbeat."""
    return Heartbeat


def _turn_wheel(field: QWidget) -> bool:
    place = field.rect().center()
    event = QWheelEvent(
        QPointF(place),
        QPointF(field.mapToGlobal(place)),
        QPoint(),
        QPoint(0, -120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    event.setAccepted(False)
    QApplication.sendEvent(field, event)
    return event.isAccepted()


@pytest.fixture
def turn_wheel() -> Callable[[QWidget], bool]:
    """Turn the wheel over a field, and learn whether it kept the turn to itself.

    If not, Qt goes on to the widgets around it, but only with turns that come from a real wheel.
    """
    return _turn_wheel
