"""Samples: there, small, whole, with their pixel size, and showing the same field."""

from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_cvdm.assessment.baselines import enlarge
from napari_cvdm.files.samples import SAMPLES, read_sample, sample_path
from napari_cvdm.files.tiff import read_tiff

TEST_DATA = Path(__file__).parents[1] / "data"


@pytest.mark.parametrize(
    ("name", "shape", "pixel_size"),
    [("tubulin_widefield", (512, 240), 65), ("tubulin_sim", (1024, 480), 32.5)],
)
def test_every_sample_is_a_plane_with_a_pixel_size(name, shape, pixel_size):
    image = read_sample(name)
    assert image.data.shape == shape
    assert image.data.dtype == np.uint16
    assert image.axes == "YX"
    assert image.pixel_size == pytest.approx(pixel_size, rel=1e-5)


def test_samples_are_small_and_attributed():
    paths = [sample_path(name) for name in SAMPLES]
    assert sorted(paths) == sorted(paths[0].parent.glob("*.tif"))
    assert sum(path.stat().st_size for path in paths) < 700_000
    readme = (paths[0].parent / "README.md").read_text(encoding="utf-8")
    assert all(path.name in readme for path in paths)
    assert "10.1364/OL.485929" in readme
    assert "BSD 3-Clause License" in readme


def fields():
    for name in ("tubulin", "actin"):
        yield read_tiff(TEST_DATA / f"{name}_wf.tif"), read_tiff(TEST_DATA / f"{name}_sim.tif")
    yield read_sample("tubulin_widefield"), read_sample("tubulin_sim")


def test_wide_field_and_sharp_image_show_the_same_field():
    for camera, sharp in fields():
        assert camera.pixel_size == pytest.approx(2 * sharp.pixel_size, rel=1e-5)
        # The wide-field image is the sharp one blurred, but for what is out of focus.
        enlarged, blurred = enlarge(camera.data), gaussian_filter(sharp.data.astype("f8"), 2.5)
        matching, mirrored = (
            np.corrcoef(image.ravel(), blurred.ravel())[0, 1] for image in (enlarged, enlarged[::-1])
        )
        assert matching > 0.5
        assert mirrored < 0.1
