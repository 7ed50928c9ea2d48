"""The whole path as a user goes it: a real micrograph, a viewer on a screen, a mouse, a network."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from qtpy.QtCore import Qt
from scipy.ndimage import zoom
from skimage.registration import phase_cross_correlation

from napari_cvdm.plugin.results.layers import METADATA_KEY

MICROGRAPH = Path(__file__).parents[1] / "data" / "tubulin_wf.tif"


@pytest.fixture
def viewer(viewer, qtbot):
    """The viewer, on the screen: layers are really drawn."""
    viewer.window.show()
    qtbot.waitUntil(viewer.window._qt_window.isVisible, timeout=30_000)
    return viewer


def test_from_a_tiff_to_a_reconstruction_in_its_place(viewer, widget, qtbot, use_small_model, heartbeat):
    (micrograph,) = viewer.open(MICROGRAPH, plugin="napari")
    qtbot.waitUntil(lambda: widget.form.pixel_size.value() == pytest.approx(65, abs=0.1), timeout=30_000)
    widget.form.draws.value = 2
    qtbot.wait(500)
    # A run adds one layer at a time, and does nothing that takes longer. How long that takes is up to napari.
    beat = heartbeat()
    viewer.add_image(np.ones((192, 192), np.float32), name="for comparison", contrast_limits=(0, 2))
    qtbot.wait(200)
    to_add_a_layer = beat.longest_pause()
    viewer.layers.remove("for comparison")
    qtbot.wait(500)
    beat = heartbeat()

    qtbot.mouseClick(widget.controls.restore_button, Qt.MouseButton.LeftButton)
    assert widget.controls.cancel_button.isVisible()
    qtbot.waitUntil(lambda: not widget.running, timeout=120_000)
    qtbot.wait(200)
    assert beat.longest_pause() < max(0.2, to_add_a_layer)

    reconstruction, uncertainty = viewer.layers[1:]
    assert [reconstruction.name, uncertainty.name] == ["tubulin_wf CVDM", "tubulin_wf CVDM uncertainty"]
    provenance = reconstruction.metadata[METADATA_KEY]
    assert (provenance["draws"], provenance["pixel_size_nm"]) == (2, pytest.approx(65, abs=0.1))
    assert np.isfinite(uncertainty.data).all()
    assert uncertainty.data.min() >= 0
    for layer in (reconstruction, uncertainty):
        assert layer.data.shape == (192, 192)
        # A camera pixel's centre is the common corner of its four fine pixels.
        for row, column in ((0, 0), (95, 95), (0, 95), (40, 7)):
            centre = layer.world_to_data(micrograph.data_to_world((row, column)))
            np.testing.assert_allclose(centre, (2 * row + 0.5, 2 * column + 0.5))
    binned = reconstruction.data.reshape(96, 2, 96, 2).mean(axis=(1, 3))
    shift, _, _ = phase_cross_correlation(micrograph.data, binned, upsample_factor=50)
    assert np.abs(shift).max() < 0.25


def test_cancelling_a_real_run_in_its_middle(viewer, widget, qtbot, use_small_model):
    viewer.open(MICROGRAPH, plugin="napari")
    widget.form.draws.value = 1000
    qtbot.mouseClick(widget.controls.restore_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(viewer.layers) == 3 and "of 1000" in widget.status.text(), timeout=120_000)
    qtbot.mouseClick(widget.controls.cancel_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not widget.running, timeout=10_000)
    assert [layer.name for layer in viewer.layers] == ["tubulin_wf"]

    widget.form.draws.value = 1
    qtbot.mouseClick(widget.controls.restore_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not widget.running, timeout=120_000)
    assert len(viewer.layers) == 3


def test_an_image_that_cannot_be_restored_is_explained(viewer, widget, qtbot, use_small_model):
    image = np.eye(32, dtype=np.float32)
    image[5, 6] = np.inf
    viewer.add_image(image, contrast_limits=(0, 10))
    qtbot.mouseClick(widget.controls.restore_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not widget.running, timeout=60_000)
    assert "index (5, 6)" in widget.status.text()
    assert len(viewer.layers) == 1


@pytest.mark.parametrize(
    ("axes", "shape"),
    [("TYX", (2, 48, 40)), ("ZYX", (3, 48, 40)), ("TZYX", (2, 2, 48, 40)), ("CYX", (2, 48, 40))],
)
def test_stacks_of_imagej(viewer, widget, qtbot, use_small_model, tmp_path, axes, shape):
    path = tmp_path / "stack.tif"
    crop = tifffile.imread(MICROGRAPH)[:48, :40]
    stack = np.stack([crop + 10 * plane for plane in range(np.prod(shape[:-2]))]).reshape(shape)
    tifffile.imwrite(path, stack, imagej=True, metadata={"axes": axes})
    viewer.open(path, plugin="napari")
    words = {"T": "2 time points", "Z": f"{shape[-3]} planes of depth", "C": "2 channels"}
    qtbot.waitUntil(lambda: words[axes[0]] in widget.form.understood.text(), timeout=30_000)
    widget.form.draws.value = 1
    qtbot.mouseClick(widget.controls.restore_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not widget.running, timeout=120_000)
    reconstruction = viewer.layers["stack CVDM"]
    assert reconstruction.data.shape == (*shape[:-2], 96, 80)
    assert reconstruction.metadata[METADATA_KEY]["axes"] == axes
    for index in np.ndindex(*shape[:-2]):
        binned = reconstruction.data[index].reshape(48, 2, 40, 2).mean(axis=(1, 3))
        assert np.corrcoef(binned.ravel(), stack[index].ravel())[0, 1] > 0.9


def test_the_viewer_may_be_closed_in_mid_run(tmp_path):
    # In a process of its own, because a test must not close the viewer that the fixture looks after.
    code = f"""
import napari, napari_cvdm, torch
from qtpy.QtCore import QTimer
from napari_cvdm.cvdm.model import CVDM, CVDMConfig
from napari_cvdm.models import ModelCard, PretrainedModel

config = CVDMConfig(mean_widths=(4, 4), mean_blocks=(1, 1), noise_widths=(4, 4), noise_blocks=(1, 1))
card = ModelCard("small", "test", config.to_dict(), 2, 3)
model = PretrainedModel("small", CVDM(config).eval(), card, "0" * 64)
napari_cvdm.load_model = lambda *args, **kwargs: model
viewer = napari.Viewer()
_, widget = viewer.window.add_plugin_dock_widget("napari-cvdm", "CVDM super-resolution")
viewer.open({str(MICROGRAPH)!r}, plugin="napari")
widget.form.draws.value = 1000
widget.restore()

def close_when_busy():
    if len(viewer.layers) == 3:
        print("closing", flush=True)
        viewer.close()
    else:
        QTimer.singleShot(50, close_when_busy)

close_when_busy()
napari.run()
print("closed")
"""
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=200, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-2:] == [
        "closing",
        "closed",
    ]  # before them, there may be a hint about GPUs
    assert "Traceback" not in done.stderr


def test_the_bundled_model_sharpens_a_real_micrograph_in_place(viewer, widget, qtbot):
    (micrograph,) = viewer.open(MICROGRAPH, plugin="napari")
    widget.form.draws.value = 2
    widget.form.steps.value = 2
    qtbot.mouseClick(widget.controls.restore_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not widget.running, timeout=200_000)
    reconstruction = viewer.layers["tubulin_wf CVDM"].data
    binned = reconstruction.reshape(96, 2, 96, 2).mean(axis=(1, 3))
    shift, _, _ = phase_cross_correlation(micrograph.data, binned, upsample_factor=50)
    assert np.abs(shift).max() < 0.25
    # Closer to what structured illumination saw than the enlarged input is.
    truth = tifffile.imread(MICROGRAPH.with_name("tubulin_sim.tif"))
    enlarged = zoom(micrograph.data.astype(float), 2, order=3, grid_mode=True, mode="nearest")
    gained = [np.corrcoef(picture.ravel(), truth.ravel())[0, 1] for picture in (reconstruction, enlarged)]
    assert gained[0] > gained[1]
