"""*Check this result*: words, a map on the original's pixels, and a report that is whole."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from napari.layers import Image
from qtpy.QtCore import QThreadPool

from napari_cvdm.plugin.doubt import DoubtPanel, show_doubt_panel
from napari_cvdm.plugin.layers import METADATA_KEY
from napari_cvdm.simulation.acquisition import AcquisitionRanges
from napari_cvdm.simulation.pairs import simulate_pair


@pytest.fixture
def checked(viewer, qtbot) -> Callable[..., DoubtPanel]:
    """Add a field and its truth as a result, with a disc painted in if wanted, and check it."""

    def check(painted: bool = False, with_original: bool = True) -> DoubtPanel:
        thin = AcquisitionRanges(haze=(0.0, 0.2))
        image, truth = simulate_pair("microtubules", 0, 48, photons=800.0, psf_sigma=2.7, ranges=thin)
        if painted:
            rows, columns = np.mgrid[:96, :96]
            truth = truth + truth.max() * ((rows - 20) ** 2 + (columns - 70) ** 2 < 64)
        if with_original:
            viewer.add_image(image, name="cell", scale=(0.065, 0.065), rotate=30)
        made = {
            "source": "cell",
            "run": "one",
            "pixel_size_nm": 65.0,
            "model": {"name": "gone", "sha256": "0"},
        }
        for picture, data in (("reconstruction", truth), ("uncertainty", 0.1 * truth + 1)):
            name = "cell CVDM" + (" uncertainty" if picture == "uncertainty" else "")
            viewer.layers.append(
                Image(
                    data,
                    name=name,
                    scale=(0.0325, 0.0325),
                    metadata={METADATA_KEY: {"picture": picture, **made}},
                )
            )
        panel = show_doubt_panel(viewer)
        qtbot.waitUntil(lambda: panel.link.look is not None, timeout=30_000)
        panel.checks.button.click()
        qtbot.waitUntil(panel.checks.button.isEnabled, timeout=120_000)
        return panel

    yield check
    qtbot.wait(150)
    qtbot.waitUntil(lambda: QThreadPool.globalInstance().activeThreadCount() == 0, timeout=60_000)
    qtbot.wait(50)


def test_the_map_lies_on_the_original_and_lights_up_where_a_disc_was_painted(viewer, checked) -> None:
    panel = checked(painted=True)
    layer, original = viewer.layers["cell disagreement"], viewer.layers["cell"]
    np.testing.assert_allclose(layer.data_to_world((3, 5)), original.data_to_world((3, 5)))
    assert layer.data.shape == original.data.shape
    assert np.median(layer.data[8:12, 33:37]) > 10
    assert np.percentile(layer.data[24:], 99) < 8
    words = panel.checks.findings.text()
    assert "Agreement with the measurement" in words
    assert panel.checks.save_button.isEnabled()


def test_the_report_is_a_page_and_numbers(checked, tmp_path: Path) -> None:
    panel = checked()
    panel.checks.save(tmp_path / "report.html")
    assert "cell CVDM" in (tmp_path / "report.html").read_text()
    numbers = json.loads((tmp_path / "report.json").read_text())
    assert numbers["checks"]["resolution"]["unit"] == "nm"
    assert numbers["checks"]["stability"] is None  # the model that made it is not here
    assert {path.name for path in tmp_path.glob("*report*")} == {"report.html", "report.json"}


def test_without_the_original_it_says_so(viewer, checked) -> None:
    panel = checked(with_original=False)
    assert "Choose the original" in panel.checks.findings.text()
    assert not panel.checks.save_button.isEnabled()
    assert len(viewer.layers) == 2
