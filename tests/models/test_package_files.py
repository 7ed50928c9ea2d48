from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from napari_cvdm.cvdm.model import CVDM
from napari_cvdm.models import PretrainedModel
from napari_cvdm.models.package_files import write_files
from napari_cvdm.models.weights import read_model

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning:torch"),
    pytest.mark.filterwarnings(r"ignore:.*torch\.jit:FutureWarning"),  # since torch 2.14
]


@pytest.fixture
def model(weights: Path) -> PretrainedModel:
    return read_model(weights)


def write(model: PretrainedModel, network: CVDM, folder: Path) -> Path:
    folder.mkdir()
    write_files(model, network, folder)
    return folder


def test_the_weights_compute_what_the_mean_network_does_at_any_size(
    tmp_path: Path, model: PretrainedModel, network: CVDM
) -> None:
    exported = torch.jit.load(write(model, network, tmp_path / "a") / "weights.pt")
    x = torch.rand(2, 1, 24, 40)
    with torch.no_grad():
        expected = network.unfold(network.estimate(x).mean)
        torch.testing.assert_close(exported(x), expected, rtol=1e-5, atol=1e-6)


def test_the_test_tensors_are_always_the_same_and_belong_together(
    tmp_path: Path, model: PretrainedModel, network: CVDM
) -> None:
    a, b = (write(model, network, tmp_path / name) for name in "ab")
    for name in ("test_input.npy", "test_output.npy"):
        assert (a / name).read_bytes() == (b / name).read_bytes()
    observed, restored = np.load(a / "test_input.npy"), np.load(a / "test_output.npy")
    assert observed.dtype == restored.dtype == np.float32
    assert restored.shape[2:] == tuple(2 * side for side in observed.shape[2:])
    low, high = np.percentile(observed, (1.0, 99.8))
    normalised = torch.from_numpy(((observed - low) / (high - low)).astype(np.float32))
    with torch.no_grad():
        expected = network.unfold(network.estimate(normalised).mean)
    np.testing.assert_allclose(restored, expected.numpy(), rtol=1e-4, atol=1e-5)


def test_the_cover_shows_both_and_the_readme_says_what_is_missing(
    tmp_path: Path, model: PretrainedModel, network: CVDM
) -> None:
    folder = write(model, network, tmp_path / "a")
    with Image.open(folder / "cover.png") as cover:
        pixels = np.asarray(cover)
    assert pixels.shape == (256, 512)
    assert all(half.std() > 5 for half in np.split(pixels, 2, axis=1))
    readme = (folder / "README.md").read_text()
    assert "cannot express" in readme
    assert "40 to 110 nm" in readme
    assert model.sha256 in readme
